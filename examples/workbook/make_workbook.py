"""The two workbooks of docs/import.md: a ministry's plan as it is typed, with four slips, and the same one mended.

`python -B examples/workbook/make_workbook.py [FOLDER]`. Tasks, deadlines, words and documents are those of
examples/plan02 with their public sources; progress and reports are made up, and every address lies in example.vn.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TypeAlias

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

Cell: TypeAlias = "str | float | date | None"
Rows: TypeAlias = Sequence[Sequence[Cell]]

TYPED, MENDED = "ke_hoach_go_tay.xlsx", "ke_hoach.xlsx"
FONT = "Times New Roman"  # Decree 30/2020
LINE = Side("thin", color="808080")
WIDTHS: Mapping[str, int] = {
    "STT": 6,
    "Mã nhiệm vụ": 12,
    "Tên nhiệm vụ": 40,
    "Đơn vị chủ trì": 13,
    "Ngày bắt đầu": 12,
    "Thời hạn": 18,
    "Tên đơn vị": 52,
    "Kết quả, sản phẩm": 22,
    "Rõ thẩm quyền": 11,
    "Tình hình": 40,
    "Thư điện tử": 32,
    "Chức danh người đứng đầu": 34,
}

UNITS: Rows = (
    (
        "BCD-CQTT",
        "Cơ quan Thường trực Ban Chỉ đạo (Văn phòng Trung ương Đảng)",
        "co_quan_thuong_truc",
        None,
        "Chánh Văn phòng Trung ương Đảng",
    ),
    (
        "CP-BCD",
        "Ban Chỉ đạo của Chính phủ về phát triển khoa học, công nghệ, đổi mới sáng tạo, chuyển đổi số và Đề án 06",
        "ban_chi_dao",
        "BCD-CQTT",
        "Trưởng Ban Chỉ đạo của Chính phủ",
    ),
    ("CP-BKHCN", "Bộ Khoa học và Công nghệ", "bo", "CP-BCD", "Bộ trưởng"),
)
POSTS: Rows = (
    ("BCD-CQTT", "người đứng đầu", "Chánh Văn phòng Trung ương Đảng"),
    ("CP-BCD", "người đứng đầu", "Trưởng Ban Chỉ đạo của Chính phủ"),
    ("CP-BKHCN", "người đứng đầu", "Bộ trưởng"),
    ("CP-BKHCN", "đầu mối", "Đầu mối theo dõi thực hiện Kế hoạch 02"),
)
HOLDERS: Rows = (
    ("BCD-CQTT/head/1", "BCD-CQTT/head", "vanthu@bcd-cqtt.example.vn"),
    ("CP-BCD/head/1", "CP-BCD/head", "vanthu@cp-bcd.example.vn"),
    ("CP-BKHCN/head/1", "CP-BKHCN/head", "botruong@cp-bkhcn.example.vn"),
    ("CP-BKHCN/focal_point/1", "CP-BKHCN/focal_point", "daumoi@cp-bkhcn.example.vn"),
)
# Code, title, lead, start, deadline as typed, document, result, authority. The words of deadlines are the sources'.
TASKS: Rows = (
    (
        "KH02-019",
        "Mở rộng mạng truyền số liệu chuyên dùng theo hướng tập trung, thống nhất từ Trung ương đến cơ sở",
        "CP-BKHCN",
        date(2025, 6, 24),
        "hoàn thành trước ngày 27/6/2025",
        "Thông báo 318/TB-VPCP",
        "Mạng truyền số liệu chuyên dùng được mở rộng",
        "CP-BCD",
    ),
    (
        "KH02-038",
        "Ban hành hướng dẫn về đầu tư cho chuyển đổi số đối với các bộ, ngành, địa phương",
        "CP-BKHCN",
        None,
        "trước ngày 15/9/2025",
        None,
        "Văn bản hướng dẫn",
        "CP-BCD",
    ),
    (
        "KH02-042",
        "Xây dựng 16 nghị định, thông tư hướng dẫn thi hành các luật, nghị quyết được thông qua tại Kỳ họp thứ 9",
        "CP-BKHCN",
        date(2025, 10, 13),
        "hoàn thành trong tháng 10/2025",
        "Thông báo 552/TB-VPCP",
        "16 nghị định, thông tư",
        "CP-BCD",
    ),
    (
        "KH02-047",
        "Hoàn thành xây dựng, thiết lập Bộ công cụ theo dõi, giám sát, đánh giá việc thực hiện các nhiệm vụ được giao",
        "CP-BKHCN",
        date(2025, 11, 15),
        date(2025, 12, 10),
        None,
        "Bộ công cụ được đưa vào khai thác",
        "CP-BCD",
    ),
    (
        "KH02-049",
        "Đôn đốc doanh nghiệp viễn thông phủ sóng 5G đạt 90%",
        "CP-BKHCN",
        date(2025, 11, 15),
        "trong năm 2025",
        None,
        "Tỷ lệ phủ sóng 5G đạt 90%",
        "CP-BCD",
    ),
)
REPORTS: Rows = (
    ("KH02-042", datetime(2025, 10, 24, 16), "Vụ Pháp chế", "65%", "Đã ban hành 10 văn bản, 6 văn bản đang thẩm định"),
    ("KH02-047", datetime(2025, 11, 28, 16), "Trung tâm Công nghệ thông tin", 0.45, "Đang chạy thử tại 3 bộ"),
)
# The slips: task (or report), column from 0, what was typed.
SLIPS: Mapping[tuple[str, int], Cell] = {
    ("KH02-019", 2): "CP-BKHNC",
    ("KH02-042", 1): None,
    ("KH02-047", 4): "31/11/2025",
    ("KH02-042/report", 3): "65",
}


def main(folder: Path) -> None:
    """Write both workbooks."""
    write(folder / TYPED, SLIPS)
    write(folder / MENDED, {})


def write(path: Path, slips: Mapping[tuple[str, int], Cell]) -> None:
    """Write one workbook; `slips` replace cells."""
    book = Workbook()
    book.remove(book.worksheets[0])
    tasks = [[slips.get((str(row[0]), at), cell) for at, cell in enumerate(row)] for row in TASKS]
    reports = [[slips.get((f"{row[0]}/report", at), cell) for at, cell in enumerate(row)] for row in REPORTS]
    owner = ("Vụ trưởng phụ trách", "Bộ trưởng Bộ Khoa học và Công nghệ")
    names = ("STT", "Mã nhiệm vụ", "Tên nhiệm vụ", "Đơn vị chủ trì", "Ngày bắt đầu", "Thời hạn", "Văn bản giao")
    names += ("Kết quả, sản phẩm", "Rõ thẩm quyền", "Rõ người", "Rõ trách nhiệm")
    _sheet(
        book, "Nhiệm vụ", names, [[at, *row, *owner] for at, row in enumerate(tasks, 1)], total=f"{len(tasks)} nhiệm vụ"
    )
    names = ("STT", "Mã nhiệm vụ", "Báo cáo lúc", "Nơi báo cáo", "Tiến độ", "Tình hình")
    _sheet(book, "Báo cáo", names, [[at, *row] for at, row in enumerate(reports, 1)])
    names = ("Mã đơn vị", "Tên đơn vị", "Loại đơn vị", "Đơn vị cấp trên", "Chức danh người đứng đầu")
    _sheet(book, "Đơn vị", names, UNITS)
    _sheet(book, "Chức vụ", ("Đơn vị", "Chức vụ", "Chức danh"), POSTS)
    _sheet(book, "Người giữ chức vụ", ("Mã người giữ chức vụ", "Mã chức vụ", "Thư điện tử"), HOLDERS)
    book.save(path)


def _sheet(book: Workbook, name: str, header: Sequence[str], rows: Rows, *, total: str = "") -> None:
    """Lay a sheet out as offices do: who writes and what above, the header, the rows, a total."""
    sheet = book.create_sheet(name)
    sheet.append(["BỘ KHOA HỌC VÀ CÔNG NGHỆ"])
    sheet.append([f"{name.upper()} THỰC HIỆN KẾ HOẠCH 02-KH/BCĐTW"])
    sheet.append([])
    sheet.append(list(header))
    for row in rows:
        sheet.append(list(row))
    if total:
        sheet.append(["Tổng", total])
    for number in (1, 2):
        sheet.cell(number, 1).font = Font(FONT, 13, bold=True)
    for at, title in enumerate(header, 1):
        sheet.column_dimensions[get_column_letter(at)].width = WIDTHS.get(title, 17)
        _style(sheet, 4, at, bold=True)
        for number in range(5, sheet.max_row + 1):
            _style(sheet, number, at, bold=False)
    for number in range(4, sheet.max_row + 1):
        sheet.row_dimensions[number].height = 16 * _lines(sheet, number)
    sheet.freeze_panes = "A5"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def _lines(sheet: Worksheet, row: int) -> int:
    """Guess how many lines the row's longest cell takes: no spreadsheet grows rows that a program has written."""
    widths = (sheet.column_dimensions[cell.column_letter].width for cell in sheet[row])
    return max(
        -(-len(str(cell.value or "")) // int(width * 0.9)) for cell, width in zip(sheet[row], widths, strict=True)
    )


def _style(sheet: Worksheet, row: int, column: int, *, bold: bool) -> None:
    cell = sheet.cell(row, column)
    cell.font = Font(FONT, 12, bold=bold)
    cell.alignment = Alignment(wrap_text=True, vertical="center", horizontal="center" if bold else None)
    cell.border = Border(left=LINE, right=LINE, top=LINE, bottom=LINE)
    if bold:
        cell.fill = PatternFill("solid", fgColor="DCE6F1")
    if isinstance(cell.value, date):
        cell.number_format = "dd/mm/yyyy hh:mm" if isinstance(cell.value, datetime) else "dd/mm/yyyy"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
