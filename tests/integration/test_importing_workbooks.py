"""A workbook becomes the plan by the same checks as CSV files, or nothing of it does."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from sqlalchemy import Engine, select
from workbooks import HEADER, UNITS, Rows, packed, parts, row, workbook

from warnwatch import schema
from warnwatch.errors import Mistake, MistakesError
from warnwatch.plan.importing import ImportReport, import_folder

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2026, 1, 5, 2, tzinfo=UTC)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def bring(engine: Engine, path: Path, **options: Any) -> ImportReport:
    """Import a workbook."""
    return import_folder(engine, path, now=NOW, zone=HANOI, **options)


def plan(tmp_path: Path, tasks: Rows, change: Any = None, units: Rows = UNITS) -> Path:
    """Three units under each other, and these tasks."""
    return workbook(tmp_path / "plan.xlsx", {"Nhiệm vụ": tasks, "units": units}, change)


def tasks(engine: Engine) -> list[tuple[Any, ...]]:
    """The stored tasks: code, title, phase."""
    table = schema.task_version.c
    with engine.connect() as connection:
        return [tuple(one) for one in connection.execute(select(table.code, table.title, table.phase))]


def dues(engine: Engine) -> list[datetime]:
    """The stored deadlines, as local time."""
    with engine.connect() as connection:
        return [due.astimezone(HANOI) for due in connection.scalars(select(schema.deadline.c.due_at))]


def refused(engine: Engine, path: Path) -> tuple[Mistake, ...]:
    """The mistakes for which a workbook is refused."""
    with pytest.raises(MistakesError) as caught:
        bring(engine, path)
    return caught.value.mistakes


# --- taking ---------------------------------------------------------------------------------------------------------


def test_a_workbook_is_taken_whole(engine: Engine, tmp_path: Path) -> None:
    """Sheets under English or Vietnamese names in any order; dates as dates or as text."""
    path = plan(tmp_path, [HEADER, ("T1", "Một", "VT", date(2026, 3, 31)), ("T2", "Hai", "BNV", "30/6/2026")])
    report = bring(engine, path)
    assert {name: count.added for name, count in report.files.items()} == {"units": 3, "tasks": 2}
    assert [f"{due:%d/%m/%Y %H:%M}" for due in dues(engine)] == ["31/03/2026 23:59", "30/06/2026 23:59"]
    again = bring(engine, path)
    assert all(count.added == count.changed == 0 for count in again.files.values())


def test_titles_numbers_and_counts_around_the_table_are_no_data(engine: Engine, tmp_path: Path) -> None:
    """A title above, a column STT, a row of (1) (2) (3), empty rows and a total at the end are passed over."""
    rows = [
        ("PHỤ LỤC",),
        (),
        ("STT", *HEADER[:3]),
        ("(1)", "(2)", "(3)", "(4)"),
        (1, "T1", "Một", "VT"),
        (),
        ("Tổng cộng:", 1),
        (None, " "),
    ]
    report = bring(engine, plan(tmp_path, rows))
    assert tasks(engine) == [("T1", "Một", None)]
    assert ["dòng tổng" in str(one) for one in report.warnings] == [True]
    assert "plan.xlsx, trang “Nhiệm vụ”, dòng 7: " in str(report.warnings[0])


def test_an_empty_sheet_is_passed_over(engine: Engine, tmp_path: Path) -> None:
    """A sheet of the template that somebody has cleared is named, and hinders nobody."""
    path = workbook(tmp_path / "a.xlsx", {"Nhiệm vụ": [HEADER, ("T1", "Một", "VT", None)], "units": UNITS, "Mốc": []})
    report = bring(engine, path)
    assert [str(one) for one in report.warnings] == ["a.xlsx, trang “Mốc”: trang trống: bỏ qua"]
    assert tasks(engine) == [("T1", "Một", None)]


def test_a_total_is_one_only_at_the_end(engine: Engine, tmp_path: Path) -> None:
    """A task whose first cell says `Tổng` amid others is a row like them."""
    bring(engine, plan(tmp_path, [HEADER[:3], ("Tổng", "Một", "VT"), ("T2", "Hai", "VT")]))
    assert {code for code, *_ in tasks(engine)} == {"Tổng", "T2"}


def test_what_the_eye_does_not_see_is_named(engine: Engine, tmp_path: Path) -> None:
    """Hidden rows are taken, hidden and unknown sheets are not; merged cells and both are named in warnings."""

    def change(book: Workbook) -> None:
        book["Nhiệm vụ"].row_dimensions[2].hidden = True
        book["Nhiệm vụ"].merge_cells("D2:D3")
        book.create_sheet("Báo cáo").sheet_state = "hidden"
        book.create_sheet("Sheet9")

    report = bring(engine, plan(tmp_path, [HEADER, ("T1", "Một", "VT", None), ("T2", "Hai", "VT", None)], change))
    said = "\n".join(map(str, report.warnings))
    assert len(tasks(engine)) == 2
    for words in ("1 dòng đang ẩn", "trang đang ẩn", "“Sheet9”: trang không được dùng", "ô gộp D2:D3"):
        assert words in said


@pytest.mark.parametrize(
    "title",
    [" Việc\u00a0một ", "Vi\u00ea\u0323c m\u00f4\u0323t", "Việc\tmột", "Việc\r\nmột", "'Việc một", "Việc  một"],
    ids=["no-break-space", "nfd", "tab", "crlf", "apostrophe", "two-spaces"],
)
def test_text_is_tidied(engine: Engine, tmp_path: Path, title: str) -> None:
    """However a cell's words were typed, they are stored in one way."""
    bring(engine, plan(tmp_path, [HEADER[:3], ("T1", title, "VT")]))
    assert tasks(engine) == [("T1", "Việc một", None)]


def test_numbers_as_text_and_text_as_numbers(engine: Engine, tmp_path: Path) -> None:
    """A code typed as a number, and a number typed as text with full-width digits, are what they look like."""
    bring(engine, plan(tmp_path, [(*HEADER[:3], "Giai đoạn"), (1, "Một", "VT", "2"), ("T2", "Hai", "VT", "\uff13")]))
    assert tasks(engine) == [("1", "Một", 2), ("T2", "Hai", 3)]


@pytest.mark.parametrize("weight", ["1,5", "1.5", 1.5, "'1,5", "\u00a01,5 ", "\uff11,\uff15"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_number_is_the_same_however_it_was_typed(engine: Engine, tmp_path: Path, weight: Any, kind: str) -> None:
    """Decimal comma or point, number or text, spaces and full-width digits, from both kinds of file."""
    path = plan(tmp_path, [(*HEADER[:3], "Trọng số"), ("T1", "“Đề án” số", "VT", weight)])
    if kind == "csv":
        bring(engine, plan(tmp_path, [HEADER[:3]]))
        path = tmp_path / "in"
        path.mkdir()
        text = f"code;title;lead_unit;weight\r\nT1;“Đề án” số;VT;{str(weight).lstrip(chr(39))}\r\n"
        (path / "tasks.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    bring(engine, path)
    with engine.connect() as connection:
        (found,) = connection.execute(select(schema.task_version.c.title, schema.task_version.c.weight)).all()
    assert tuple(found) == ("“Đề án” số", 1.5)


def test_a_formula_gives_its_stored_value(engine: Engine, tmp_path: Path) -> None:
    """Shared, cached and typed values are read; nothing is calculated."""
    bring(engine, plan(tmp_path, [HEADER[:3]]))
    cell = '<c t="str"><f>CONCATENATE("T",1)</f><v>T1</v></c>'
    path = packed(tmp_path / "f.xlsx", parts(row(*HEADER[:3]) + row(cell, "Một", "VT")))
    bring(engine, path)
    assert tasks(engine) == [("T1", "Một", None)]


def test_elements_may_have_a_prefix(engine: Engine, tmp_path: Path) -> None:
    """Some programs write `x:row` for `row`; foreign elements inside are not read."""
    bring(engine, plan(tmp_path, [HEADER[:3]]))
    sheet = parts(SHEET)["xl/worksheets/sheet1.xml"].replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:")
    content = sheet.replace("<x:worksheet xmlns=", "<x:worksheet xmlns:x=")
    bring(engine, packed(tmp_path / "x.xlsx", parts("") | {"xl/worksheets/sheet1.xml": content}))
    assert tasks(engine) == [("T1", "Một", None)]


# --- refusing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "cells", "place", "words"),
    [
        (HEADER, ("T1", "Một", "VT", "30/2/2026"), "ô D2", "không có ngày 30/2/2026"),
        (HEADER, ("T1", "Một", "BVN", None), "ô C2", "có phải ý là: BNV"),
        (HEADER, ("T1", None, "VT", None), "ô B2", "bỏ trống"),
        (HEADER, ("T1", "=A1&B1", "VT", None), "ô B2", "công thức"),
        (HEADER, ("T1", "Một", "VT", None, "thừa"), "ô E2", "không có tiêu đề"),
        ((*HEADER, "Ngày gì"), ("T1", "Một", "VT", None, "x"), "ô E1", "không có trong mẫu"),
        (HEADER[:2], ("T1", "Một"), "dòng 1", "thiếu cột bắt buộc lead_unit"),
    ],
)
def test_a_mistake_names_its_cell(
    engine: Engine, tmp_path: Path, header: tuple[Any, ...], cells: tuple[Any, ...], place: str, words: str
) -> None:
    """Each mistake has its sheet and its cell as the spreadsheet shows them."""
    (mistake,) = refused(engine, plan(tmp_path, [header, cells]))
    assert (mistake.file, mistake.place) == ("plan.xlsx, trang “Nhiệm vụ”", place)
    assert words in str(mistake)
    assert tasks(engine) == []


SHEET = row(*HEADER[:3]) + row("T1", "Một", "VT")
OLE = b"\xd0\xcf\x11\xe0" + bytes(600)
BOMB = "<!DOCTYPE a [<!ENTITY b 'x'>]>" + parts("")["xl/worksheets/sheet1.xml"].replace("<sheetData/>", "&b;")
TABS = "".join(f'<sheet name="s{number}" sheetId="{number}" r:id="r1"/>' for number in range(2_000))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "rỗng"),
        (b"code,title\n", "không phải sổ tính XLSX"),
        (OLE, "kiểu cũ"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "mật khẩu"),
        (b"PK\x03\x04 and no more", "hỏng"),
        ({"a.txt": "a"}, "không phải sổ tính"),
        ({"content.xml": "a"}, "OpenDocument"),
        (parts(SHEET) | {"xl/vbaProject.bin": "x"}, "macro"),
        (parts(SHEET) | {"xl/macrosheets/sheet1.xml": "x"}, "macro"),
        (parts(SHEET) | {"xl/worksheets/sheet1.xml": BOMB}, "DOCTYPE"),
        (parts(SHEET) | {"xl/media/a.png": bytes(80 * 2**20)}, "giải nén"),
        (parts(SHEET) | {f"a{number}": "" for number in range(5_001)}, "5006 phần"),
        (parts(SHEET) | {"xl/workbook.xml": parts("")["xl/workbook.xml"].replace("<sheet ", TABS + "<sheet ")}, "2001"),
        (parts(SHEET) | {"xl/worksheets/sheet1.xml": "<worksheet><sheetData><row>"}, "hỏng"),
        (parts(SHEET.replace("inlineStr", "s")), "hỏng"),
        (parts(row(*HEADER[:3]) + '<row r="9999999"/>'), "hỏng"),
        (parts(row(*HEADER[:3]) + row(f"<c r='A2' t='str'><v>{'x' * 50_000}</v></c>")), "dài hơn"),
        (parts(row(*HEADER[:3]) + '<row><c r="XFD2"><v>1</v></c></row>'), "cột thứ 16384"),
        (parts(row(*["x"] * 300)), "cột thứ 201"),
        (parts(""), "mọi trang đều trống"),
        (
            parts(SHEET) | {"xl/workbook.xml": parts("")["xl/workbook.xml"].replace("Nhiệm vụ", "Việc")},
            "không có trang",
        ),
    ],
)
def test_a_bad_file_is_refused_in_words(
    engine: Engine, tmp_path: Path, content: bytes | dict[str, str | bytes], words: str
) -> None:
    """Whatever stands in the file, the answer says in Vietnamese what it is and what to do."""
    path = tmp_path / "plan.xlsx"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        packed(path, content)
    assert words in "\n".join(map(str, refused(engine, path)))


def test_a_truncated_workbook_is_refused(engine: Engine, tmp_path: Path) -> None:
    """Half a file is no file, wherever it ends."""
    path = plan(tmp_path, [HEADER, ("T1", "Một", "VT", None)])
    whole = path.read_bytes()
    for part in range(1, 10):
        path.write_bytes(whole[: len(whole) * part // 10])
        assert "hỏng" in str(refused(engine, path)[0])


def test_links_to_other_files_are_named_and_not_opened(engine: Engine, tmp_path: Path) -> None:
    """The stored values are read; the address is left alone."""
    bring(engine, plan(tmp_path, [HEADER[:3]]))
    others = {"xl/externalLinks/externalLink1.xml": "<externalLink/>"}
    report = bring(engine, packed(tmp_path / "l.xlsx", parts(SHEET) | others))
    assert ["liên kết tới tệp khác" in str(one) for one in report.warnings] == [True]


def test_a_csv_file_alone_is_told_to_come_in_its_folder(engine: Engine, tmp_path: Path) -> None:
    """A path to one CSV file is no workbook and no folder."""
    path = tmp_path / "tasks.csv"
    path.write_text("code\n", encoding="utf-8")
    assert "thư mục chứa các tệp CSV" in str(refused(engine, path)[0])


def is_read_or_refused(engine: Engine, path: Path) -> bool:
    """Try a workbook: it is read, or refused with at least one mistake in words; anything else fails the test."""
    try:
        return bring(engine, path, dry_run=True).dry_run
    except MistakesError as error:
        return bool(error.mistakes) and all(mistake.message for mistake in error.mistakes)


SPOILT = st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=8)), max_size=4)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300), spoilt=SPOILT)
@example(content=b"PK\x05\x06" + bytes(18), spoilt=[])
@example(content=b"", spoilt=[(-6, b"\xff\xff")])  # the parts lie before the file's beginning
def test_any_bytes_give_rows_or_mistakes(
    engine: Engine, tmp_path: Path, content: bytes, spoilt: list[tuple[int, bytes]]
) -> None:
    """No bytes, and no damage to a good workbook, end in anything but a plan or mistakes."""
    whole = bytearray(packed(tmp_path / "whole.xlsx", parts(SHEET)).read_bytes())
    for place, piece in spoilt:
        start = place % len(whole)
        whole[start : start + len(piece)] = piece
    for number, one in enumerate((content, b"PK\x03\x04" + content, bytes(whole))):
        path = tmp_path / f"any{number}.xlsx"
        path.write_bytes(one)
        assert is_read_or_refused(engine, path)


SCRAPS = ["<c>", "</c>", "<v>", "</v>", "<f>", "1", "e9", "<row r='2'>", "</row>", "<is><t>", "</t></is>", "x", "-"]
TYPES = ["<c t='s'>", "<c t='b'>", "<c t='d'>", "<c t='e'>", "<c r='B2'>", "<c s='7'>", "<row hidden='1'>"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(SCRAPS + TYPES), max_size=20))
def test_any_sheet_gives_rows_or_mistakes(engine: Engine, tmp_path: Path, scraps: list[str]) -> None:
    """Elements and texts in any order are read, or refused in words."""
    path = packed(tmp_path / "scraps.xlsx", parts(row(*HEADER[:3]) + "".join(scraps)))
    assert is_read_or_refused(engine, path)


def test_a_million_cells_beyond_the_table_cost_nothing(engine: Engine, tmp_path: Path) -> None:
    """A workbook with formatted empty cells to the last column and row has only the rows that hold something."""
    empty = "".join(f'<row r="{number}"><c r="XFD{number}" s="0"/></row>' for number in (*range(3, 4_000), 1_048_576))
    bring(engine, plan(tmp_path, [HEADER[:3]]))
    report = bring(engine, packed(tmp_path / "wide.xlsx", parts(SHEET + empty)))
    assert report.files["tasks"].rows == 1
    assert sys.getsizeof(report) < 1_000
