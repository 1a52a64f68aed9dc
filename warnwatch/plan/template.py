"""The workbook that units fill in: one sheet per file, with drop-downs, explanations and one example row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.styleable import StyleableObject
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from warnwatch.language import Phrase, in_language
from warnwatch.plan.column import Column, File, Type, allowed
from warnwatch.plan.columns import FILES
from warnwatch.plan.workbook_sheets import EXAMPLE, LISTS

GUIDE = Phrase("Hướng dẫn")
READY_ROWS = 5_000  # drop-downs reach so far
FIRST = ("tasks", "reports", "milestones", "decisions")  # what units fill in most stands first
# Columns that few plans use: left out, because an empty cell of a present column empties what is stored.
SELDOM = (
    *("group", "phase", "calendar_mode", "claimed_at", "assigning_document", "evidence_type", "weight", "judged"),
    *("source", "bloc", "note"),
)
TITLE_ROW, HEADER_ROW, EXAMPLE_ROW = 1, 3, 4

_FONT = "Times New Roman"  # what Decree 30/2020 prescribes for documents, so that copies look alike
_NAVY, _PALE, _GREY, _LINE = "1F3864", "DCE6F1", "595959", "BFBFBF"
_SIDE = Side("thin", color=_LINE)
_BORDER = Border(left=_SIDE, right=_SIDE, top=_SIDE, bottom=_SIDE)
_DATE = "dd/mm/yyyy"
_WIDTHS = {Type.LONG_TEXT: 44, Type.CODE: 18, Type.LEAD: 18, Type.DATE: 14, Type.START: 17, Type.END: 17}
_WIDTHS |= {Type.WORD: 24, Type.FLAG: 13, Type.SECRECY: 11, Type.INTEGER: 12, Type.NUMBER: 12, Type.FRACTION: 12}
_TEXT_WIDTHS = {"title": 46, "name": 46, "due_text": 30, "source": 34}
_DATED = (Type.DATE, Type.START, Type.END)

# One row of each file, as one would fill it in. A column that is not named stays empty.
_EXAMPLES: Mapping[str, Mapping[str, str | date | float]] = {
    "units": {"code": "BNV", "name": "Bộ Nội vụ", "short_name": "Bộ Nội vụ", "kind": "bo", "parent": "CP"},
    "unit_changes": {
        "unit": "BLDTBXH",
        "kind": "sáp nhập",
        "effective_on": date(2025, 3, 1),
        "successor": "BNV",
        "decision": "176/2025/QH15",
    },
    "posts": {"unit": "BNV", "office": "người đứng đầu", "title": "Bộ trưởng"},
    "holders": {"code": "BNV/head/1", "post": "BNV/head", "acting": "không", "email": "vanthu@bonoivu.example.vn"},
    "tasks": {
        "code": "KH02-045",
        "title": "Hoàn thành cơ sở dữ liệu về cán bộ, công chức, viên chức",
        "lead_unit": "BNV",
        "start": date(2025, 7, 1),
        "due": date(2025, 12, 31),
        "due_text": "trong quý IV/2025",
        "status": "đang thực hiện",
        "confidential": "không",
    },
    "milestones": {"code": "KH02-045/1", "task": "KH02-045", "title": "Trình dự thảo", "due": date(2025, 9, 30)},
    "decisions": {
        "number": "123/QĐ-BCĐ",
        "task": "KH02-045",
        "kind": "điều chỉnh thời hạn",
        "authority": "BCD",
        "decided_on": date(2025, 12, 1),
    },
    "reports": {
        "task": "KH02-045",
        "reported_at": date(2025, 9, 30),
        "reporter": "Vụ Tổ chức cán bộ",
        "progress": 0.45,
        "note": "Đã hoàn thành dự thảo, đang lấy ý kiến",
        "colour": "xanh",
    },
    "kpis": {
        "code": "CT-01",
        "name": "Tỷ lệ hồ sơ trực tuyến toàn trình",
        "measure_unit": "%",
        "direction": "cao tốt",
        "period": "quý",
        "operator": "≥",
        "threshold": 80,
    },
    "targets": {"kpi": "CT-01", "unit": "BNV", "baseline": 40, "target": 80, "due_on": date(2025, 12, 31)},
    "readings": {"kpi": "CT-01", "unit": "BNV", "period": "quý III/2025", "value": 62.5},
    "sources": {"code": "DVCQG", "title": "Cổng Dịch vụ công quốc gia", "keeper": "BNV", "rhythm": "hằng tuần"},
}
_STEPS = (
    Phrase(
        "Điền từ dòng 5 của mỗi trang. Dòng 4 là ví dụ (cột STT ghi “VÍ DỤ”), không được nhập: "
        "để nguyên hay xóa đều được."
    ),
    Phrase("Tiêu đề có dấu * là cột bắt buộc. Đặt con trỏ lên tiêu đề để xem cột đó ghi gì."),
    Phrase("Ô có mũi tên ở bên phải thì chọn trong danh sách. Mã đơn vị lấy từ kế hoạch đang có."),
    Phrase("Ngày viết ngày/tháng/năm, ví dụ 30/6/2026. Thời hạn chỉ ghi ngày là hết ngày đó."),
    Phrase("Thời hạn bằng lời (“trong quý IV/2025”, “trước ngày 30/6/2026”) ghi ở cột Thời hạn theo văn bản."),
    Phrase(
        "Ngày cuối được tính từ lời văn và báo lại khi nhập; “từ 18 giờ ngày …” là lúc bắt đầu, không phải thời hạn."
    ),
    Phrase(
        "Mỗi nhiệm vụ đúng một đơn vị chủ trì. Việc giao nhiều đơn vị thì tách mỗi đơn vị một dòng, "
        "dưới một nhiệm vụ cha."
    ),
    Phrase(
        "Cột có mặt mà ô để trống thì giá trị đã lưu bị xóa (trừ thời hạn): không cập nhật cột nào thì xóa cả cột đó."
    ),
    Phrase(
        "Trang không dùng thì để nguyên hoặc xóa. Đổi thứ tự cột hay đổi tên tệp đều được; "
        "đừng đổi tiêu đề và tên trang."
    ),
    Phrase("Không ghi họ tên; không nhập tài liệu tối mật, tuyệt mật."),
)


@dataclass(frozen=True, slots=True)
class _Lists:
    """The hidden sheet of the drop-downs: for each named list, its range."""

    sheet: Worksheet
    book: Workbook

    def add(self, name: str, values: Sequence[str]) -> str:
        """Write a list and give its name, for use in a drop-down."""
        place = self.sheet.max_column + 1 if self.sheet["A1"].value else 1
        letter = get_column_letter(place)
        self.sheet.cell(1, place, name)
        for row, value in enumerate(values, 2):
            self.sheet.cell(row, place, value)
        where = f"{quote_sheetname(LISTS)}!${letter}$2:${letter}${len(values) + 1}"
        self.book.defined_names[name] = DefinedName(name, attr_text=where)
        return name


def write_template(path: Path, units: Sequence[str], language: str = "vi") -> None:
    """Write the workbook to fill in; `units` are the codes of the plan, for the drop-downs, and may be none."""
    book = Workbook()
    guide = book.worksheets[0]
    guide.title = in_language(GUIDE, language)
    lists = _Lists(book.create_sheet(LISTS), book)
    lists.sheet.sheet_state = "hidden"
    codes = lists.add("ma_don_vi", units) if units else ""
    for file in _ordered():
        title = _named(file, language)
        _write_sheet(book.create_sheet(title, len(book.worksheets) - 1), file, lists, codes, language)
    _write_guide(guide, language)
    book.save(path)


def _ordered() -> list[File]:
    return sorted(FILES.values(), key=lambda one: FIRST.index(one.name) if one.name in FIRST else len(FIRST))


def shown_columns(file: File) -> list[Column]:
    """Give the columns that the template has for a file; the others may be added by hand."""
    return [one for one in file.columns if one.required or one.name not in SELDOM or file.name == "reports"]


def _write_guide(sheet: Worksheet, language: str) -> None:
    sheet["A1"] = in_language(Phrase("MẪU NHẬP KẾ HOẠCH"), language)
    sheet["A1"].font = Font(_FONT, 16, bold=True, color=_NAVY)
    for number, step in enumerate(_STEPS, 1):
        _guide_row(sheet, number + 2, (f"{number}.", in_language(step, language)))
    start = len(_STEPS) + 4
    sheet.cell(start, 1, in_language(Phrase("Các trang"), language)).font = Font(_FONT, 13, bold=True, color=_NAVY)
    for row, file in enumerate(_ordered(), start + 1):
        about = in_language(file.about, language).replace("`", "")
        more = ", ".join(_named(one, language) for one in file.columns if one not in shown_columns(file))
        added = in_language(Phrase(" Có thể thêm cột: {more}.", more=more), language) if more else ""
        _guide_row(sheet, row, ("", f"{_named(file, language)}: {about}.{added}"))
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 5, 110
    sheet.sheet_view.showGridLines = False
    _fit_page(sheet, landscape=False)


def _guide_row(sheet: Worksheet, row: int, cells: tuple[str, str]) -> None:
    for place, text in enumerate(cells, 1):
        cell = sheet.cell(row, place, text)
        cell.font, cell.alignment = Font(_FONT, 12), Alignment(vertical="top", wrap_text=True)
    sheet.row_dimensions[row].height = 17 * (1 + len(cells[1]) // 118)


def _write_sheet(sheet: Worksheet, file: File, lists: _Lists, codes: str, language: str) -> None:
    sheet.cell(TITLE_ROW, 1, _named(file, language).upper()).font = Font(_FONT, 14, bold=True, color=_NAVY)
    about = _sentence(file, language)
    required = in_language(Phrase("Cột có dấu * là bắt buộc."), language)
    sheet.cell(TITLE_ROW + 1, 1, f"{about} {required}").font = Font(_FONT, 11, italic=True, color=_GREY)
    _write_header(sheet, 1, "STT", 8)
    for place, column in enumerate(shown_columns(file), 2):
        _write_header(sheet, place, _named(column, language) + (" *" if column.required else ""), _width(column))
        sheet.cell(HEADER_ROW, place).comment = _comment(column, language)
        _lay_out(sheet, place, column)
        _drop_down(sheet, place, column, lists, codes, language)
    _write_example(sheet, file)
    sheet.row_dimensions[HEADER_ROW].height = 34
    sheet.freeze_panes = f"C{EXAMPLE_ROW}"
    sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
    sheet.sheet_properties.tabColor = _NAVY if file.name in FIRST else _LINE
    _fit_page(sheet, landscape=True)


def _fit_page(sheet: Worksheet, *, landscape: bool) -> None:
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4 if landscape is False else sheet.PAPERSIZE_A3
    sheet.page_setup.orientation = "landscape" if landscape else "portrait"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _write_header(sheet: Worksheet, place: int, text: str, width: float) -> None:
    cell = sheet.cell(HEADER_ROW, place, text)
    cell.font = Font(_FONT, 12, bold=True, color="FFFFFF")
    cell.fill = PatternFill("solid", fgColor=_NAVY)
    cell.alignment = Alignment("center", "center", wrap_text=True)
    cell.border = _BORDER
    sheet.column_dimensions[get_column_letter(place)].width = width


def _width(column: Column) -> float:
    """Give the width in characters: what the cells need, and at least half of the header."""
    needed = _TEXT_WIDTHS.get(column.name) or _WIDTHS.get(column.type, 22)
    return max(needed, len(column.vietnamese) * 0.7 + 4)


def _comment(column: Column, language: str) -> Comment:
    required = Phrase("Bắt buộc.") if column.required else Phrase("Có thể bỏ trống.")
    about = f"\n{_sentence(column, language)}" if column.about else ""
    cells = Phrase("{required} Ghi: {said}.", required=required, said=_said(column, language))
    text = f"{column.vietnamese} ({column.name})\n{in_language(cells, language)}{about}".replace("`", "")
    return Comment(text, "WarnWatch", height=40 + 18 * (1 + len(text) // 38), width=300)


def _sentence(one: File | Column, language: str) -> str:
    """Say what the catalogue tells of a file or a column."""
    about = in_language(one.about, language).replace("`", "")
    return f"{about[0].upper()}{about[1:]}."


def _named(one: File | Column, language: str) -> str:
    """Give the header of a column, or the name of a sheet: an import knows both languages'."""
    return one.vietnamese if language == "vi" else one.name


def _said(column: Column, language: str) -> str:
    """Say what is allowed, sheets by the names that they have in the workbook."""
    if column.words:
        return ", ".join(_choices(column, language))
    if column.refers:
        sheet = _named(FILES[column.refers], language)
        return Phrase("{text} có trong trang {sheet}", text=column.type.value, sheet=sheet)
    return allowed(column)


def _lay_out(sheet: Worksheet, place: int, column: Column) -> None:
    """Prepare the cells that are to be filled in, the whole column at once: format, font, wrapping."""
    shown = {Type.FRACTION: "0%"}.get(column.type, _DATE if column.type in _DATED else "@" if _is_text(column) else "")
    whole = sheet.column_dimensions[get_column_letter(place)]
    _dress(whole, column, shown)
    _dress(sheet.cell(EXAMPLE_ROW, place), column, shown)


def _dress(where: StyleableObject, column: Column, shown: str) -> None:
    where.font = _BODY
    where.alignment = _WRAPPED if column.type in (Type.TEXT, Type.LONG_TEXT) else _CENTRED
    where.number_format = shown or "General"


_BODY = Font(_FONT, 12)
_WRAPPED = Alignment(vertical="top", wrap_text=True)
_CENTRED = Alignment("center", "top")


def _is_text(column: Column) -> bool:
    """Say whether a spreadsheet must leave the cell as typed: codes keep their zeros, periods are no dates."""
    return column.type in (Type.CODE, Type.LEAD, Type.PERIOD, Type.PHONE, Type.TEXT, Type.LONG_TEXT, Type.PATH)


def _choices(column: Column, language: str) -> list[str]:
    """Give the words to choose from: an import reads both languages'."""
    vietnamese = language == "vi"
    if column.type in (Type.FLAG, Type.SECRECY):
        return ["có", "không"] if vietnamese else ["yes", "no"]
    return [others[0] if others and vietnamese else word.replace("_", " ") for word, others in column.words.items()]


def _drop_down(sheet: Worksheet, place: int, column: Column, lists: _Lists, codes: str, language: str) -> None:
    letter = get_column_letter(place)
    reach = f"{letter}{EXAMPLE_ROW + 1}:{letter}{EXAMPLE_ROW + READY_ROWS}"
    if choices := _choices(column, language):
        name = lists.add(f"{sheet.title}_{column.name}".replace(" ", "_"), choices)
        rule = DataValidation("list", formula1=f"={name}", allow_blank=True)
    elif codes and column.refers == "units":
        rule = DataValidation("list", formula1=f"={codes}", allow_blank=True)
        rule.errorStyle = "warning"  # a new unit may stand in this very workbook
    elif column.type is Type.FRACTION:
        rule = DataValidation("decimal", operator="between", formula1="0", formula2="1", allow_blank=True)
    else:
        return
    rule.errorTitle = in_language(Phrase("Giá trị không có trong danh mục"), language)
    rule.error = in_language(Phrase("Được phép: {said}", said=_said(column, language)), language)[:220]
    rule.showErrorMessage = True
    rule.add(reach)
    sheet.add_data_validation(rule)


def _write_example(sheet: Worksheet, file: File) -> None:
    row = EXAMPLE_ROW
    sheet.cell(row, 1, EXAMPLE)
    columns = shown_columns(file)
    for place, column in enumerate(columns, 2):
        sheet.cell(row, place).value = _EXAMPLES[file.name].get(column.name)
    for place in range(1, len(columns) + 2):
        cell = sheet.cell(row, place)
        cell.font, cell.border = Font(_FONT, 12, italic=True, color=_GREY), _BORDER
        cell.fill = PatternFill("solid", fgColor=_PALE)
    sheet.cell(row, 1).alignment = _CENTRED
