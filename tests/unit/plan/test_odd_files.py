"""Files as officials save them: every oddity once, taken with its value or named in Vietnamese."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from workbooks import packed, parts, workbook

from warnwatch.plan.cell_columns import Meanings, read_cells
from warnwatch.plan.columns import FILES
from warnwatch.plan.findings import UTC, Findings, Sheet
from warnwatch.plan.sources import read_source

HEAD = "code,title,lead_unit,weight\n"
ROW = "T1,Việc một,BNV,1\n"
TIDY = ("T1", "Việc một", "BNV", 1.0)
XLSX = ("Mã nhiệm vụ", "Tên nhiệm vụ", "Đơn vị chủ trì", "Trọng số")

Taken = tuple[list[tuple[Any, ...]], list[str], list[str]]


def taken(source: Path) -> Taken:
    """What the door makes of a source's tasks: their values; the mistakes; the warnings."""
    findings = Findings()
    rows: list[tuple[Any, ...]] = []
    for sheet in read_source(source, findings, lambda *_: None, set()):
        rows += values(sheet, findings)
    return rows, [str(one) for one in findings.all_mistakes()], [str(one) for one in findings.all_warnings()]


def values(sheet: Sheet, findings: Findings) -> list[tuple[Any, ...]]:
    """The typed rows of one sheet."""
    typed = read_cells(sheet, {one.stored: one for one in FILES["tasks"].columns}, Meanings(UTC), findings).frame
    names = [one for one in ("code", "title", "lead_unit", "weight") if one in typed.columns]
    return typed.select(names).rows()


def csv(folder: Path, content: str | bytes) -> Path:
    """A folder with tasks.csv."""
    folder.mkdir()
    (folder / "tasks.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("\ufeff" + HEAD + ROW, id="byte order mark"),
        pytest.param((HEAD + ROW).replace("\n", "\r\n"), id="CRLF"),
        pytest.param((HEAD + ROW).replace(",", "\t"), id="tabs"),
        pytest.param((HEAD + ROW).replace(",", ";"), id="semicolons"),
        pytest.param("sep=;\r\n" + (HEAD + ROW).replace(",", ";"), id="sep= of Excel"),
        pytest.param("\ufeffsep=|\n" + (HEAD + ROW).replace(",", "|"), id="sep= with a mark"),
        pytest.param(HEAD + "T1,\u00a0Việc\u00a0một\u00a0,BNV,1\n", id="no-break spaces"),
        pytest.param(HEAD + "\uff341,Việc một,BNV,\uff11\n", id="full-width"),
        pytest.param(unicodedata.normalize("NFD", HEAD + ROW), id="decomposed letters"),
        pytest.param(HEAD + ROW + ",,,\n,,,\n\n", id="empty rows at the end"),
        pytest.param(HEAD + ROW + "Tổng cộng,,,1\n", id="total"),
        pytest.param(HEAD + HEAD + ROW, id="header repeated at once"),
        pytest.param(HEAD + ROW + HEAD.upper(), id="header repeated by printing"),
        pytest.param(HEAD + ROW + "\nNgười lập biểu,,Thủ trưởng,\nN.V.A,,N.V.B,\n", id="signatures"),
        pytest.param(HEAD + ROW + "Nơi nhận:,,,\n- Như trên;,,,\n", id="recipients"),
        pytest.param(HEAD + ROW + '"Hà Nội, ngày 30 tháng 6 năm 2026",,,\n', id="place and date"),
    ],
)
def test_what_csv_files_have_is_taken(tmp_path: Path, content: str) -> None:
    """Each way of saving the same row gives the same row."""
    rows, mistakes, _ = taken(csv(tmp_path / "in", content))
    assert (rows, mistakes) == ([TIDY], [])


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ('"12,5"', 12.5),
        ("12.5", 12.5),
        ("\uff11\uff12", 12.0),
        ("'12", None),
        ('"1.250,5"', None),
    ],
)
def test_numbers_are_read_as_typed(tmp_path: Path, cell: str, value: float | None) -> None:
    """A decimal comma is one; what may be read in two ways is named."""
    rows, mistakes, _ = taken(csv(tmp_path / "in", f"{HEAD}T1,Việc một,BNV,{cell}\n"))
    assert rows[0][3] == value
    assert [("không phải số" in one) for one in mistakes] == ([] if value else [True])


def test_curly_quotes_are_letters_of_a_text(tmp_path: Path) -> None:
    """Words in curly quotes stay as written; they do not hold a cell together, and that is named."""
    assert taken(csv(tmp_path / "a", f"{HEAD}T1,Đề án “Số hóa”,BNV,1\n"))[0][0][1] == "Đề án “Số hóa”"
    _, mistakes, _ = taken(csv(tmp_path / "b", f"{HEAD}T1,“Một, hai”,BNV,1\n"))
    assert len(mistakes) == 1
    assert "dòng có 5 ô, tiêu đề có 4 cột" in mistakes[0]
    assert "chữ có dấu phân cách thì đặt trong ngoặc kép" in mistakes[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ((HEAD + ROW).encode("utf-16"), "tệp ở bảng mã UTF-16"),
        ((HEAD + ROW).encode("utf-16-be"), "tệp ở bảng mã UTF-16"),
        ((HEAD + "T1,Quyê\u0301t,BNV,1\n").encode("cp1258"), "có vẻ là Windows-1258, đọc được “Quyết”"),
        ((HEAD + ROW).replace("\n", "\r").encode(), "dòng kết thúc bằng ký tự CR"),
        (b"PK\x03\x04" + HEAD.encode(), "đây là tệp bảng tính, không phải CSV"),
        ((HEAD + "T1,V\u200biệc,BNV,1\n").encode(), "ký tự không nhìn thấy U+200B"),
    ],
    ids=["UTF-16 of Notepad", "UTF-16 without mark", "Windows-1258", "old Mac", "workbook named csv", "zero-width"],
)
def test_what_csv_files_must_not_have_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    """What cannot be read with certainty is refused in words that say how to save it."""
    _, mistakes, _ = taken(csv(tmp_path / "in", content))
    assert len(mistakes) == 1
    assert words in mistakes[0]


def test_signatures_are_not_quoted(tmp_path: Path) -> None:
    """The names of persons under a table do not come into a message."""
    _, _, warnings = taken(csv(tmp_path / "in", HEAD + ROW + "Người lập biểu: Trần Văn Mẫu,,,\nTrần Văn Mẫu,,,\n"))
    assert warnings == ["tasks.csv:3: phần ký và nơi nhận dưới bảng: bỏ qua từ dòng này; gặp: Người lập"]


def test_a_task_below_a_footer_is_a_task(tmp_path: Path) -> None:
    """A row that fills what must be filled is data, wherever it stands and whatever its first word."""
    rows, mistakes, _ = taken(csv(tmp_path / "in", HEAD + "Ghi chú:,,,\n" + ROW + "Tổng,Hai,BNV,2\nT3,Ba,BNV,3\n"))
    assert ([row[0] for row in rows], mistakes) == (["T1", "Tổng", "T3"], [])


def merge(*ranges: str) -> Callable[[Workbook], None]:
    """Merge cells of the first sheet."""

    def change(book: Workbook) -> None:
        for one in ranges:
            book.worksheets[0].merge_cells(one)

    return change


def hide(book: Workbook) -> None:
    """Hide the row of the task."""
    book.worksheets[0].row_dimensions[2].hidden = True


GROUPED = [
    ("Mã nhiệm vụ", "Tên nhiệm vụ", "Thực hiện", None),
    (None, None, "Đơn vị chủ trì", "Trọng số"),
    ("T1", "Việc một", "BNV", 1),
]


@pytest.mark.parametrize(
    ("rows", "change", "warning"),
    [
        pytest.param([XLSX, ("T1", "Việc một", "BNV", 1)], None, "", id="plain"),
        pytest.param([XLSX, ("T1", "Việc một", "BNV", "1,0")], None, "", id="number as text"),
        pytest.param([XLSX, ("T1", "\u00a0Việc\u00a0một", "BNV", "'1")], None, "", id="no-break space, apostrophe"),
        pytest.param([XLSX, ("T1", "Việc một", "BNV", 1), *[(None,)] * 50, (" ",)], None, "", id="empty rows"),
        pytest.param([XLSX, ("T1", "Việc một", "BNV", 1)], hide, "1 dòng đang ẩn", id="hidden row"),
        pytest.param([XLSX, ("T1", "Việc một", "BNV", 1), ("Cộng", None, None, 1)], None, "dòng tổng", id="total"),
        pytest.param([XLSX, ("T1", "Việc một", "BNV", 1), XLSX], None, "tiêu đề lặp lại", id="repeated header"),
        pytest.param(
            [XLSX, ("T1", "Việc một", "BNV", 1), (), (None, "NGƯỜI LẬP BIỂU"), (None, "N.V.A")],
            None,
            "phần ký",
            id="signatures",
        ),
        pytest.param(GROUPED, merge("C1:D1", "A1:A2", "B1:B2"), "", id="header of two rows, merged"),
        pytest.param([("KẾ HOẠCH",), (), XLSX, ("T1", "Việc một", "BNV", 1)], merge("A1:D1"), "", id="titles"),
    ],
)
def test_what_workbooks_have_is_taken(
    tmp_path: Path, rows: Sequence[Sequence[Any]], change: Callable[[Workbook], None] | None, warning: str
) -> None:
    """Each way of laying out the same row gives the same row; what a reader would not see is said."""
    found, mistakes, warnings = taken(workbook(tmp_path / "p.xlsx", {"Nhiệm vụ": rows}, change))
    assert (found, mistakes) == ([TIDY], [])
    assert not warning or any(warning in one for one in warnings)


def test_a_formula_gives_its_stored_value_or_is_named(tmp_path: Path) -> None:
    """The value that the spreadsheet stored is taken; where there is none the cell is named."""
    head = "".join(
        f'<c r="{letter}1" t="inlineStr"><is><t>{name}</t></is></c>' for letter, name in zip("ABCD", XLSX, strict=True)
    )
    cells = '<c r="A2" t="str"><v>T1</v></c><c r="B2" t="str"><v>Việc một</v></c><c r="C2" t="str"><v>BNV</v></c>'
    for number, (formula, words) in enumerate({"<f>2-1</f><v>1</v>": "", "<f>2-1</f>": "công thức"}.items()):
        sheet = f'<row r="1">{head}</row><row r="2">{cells}<c r="D2">{formula}</c></row>'
        found, mistakes, _ = taken(packed(tmp_path / f"{number}.xlsx", parts(sheet)))
        assert found == [TIDY if not words else (*TIDY[:3], None)]
        assert [words in one for one in mistakes] == ([True] if words else [])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("T1,Chuyện kín,BNV,1,có,Chuyện kín\n", "dòng có 6 ô, tiêu đề có 5 cột"),
        ("T1,Chuyện, kín,BNV,1,tuyệt mật\n", "dòng có 6 ô, tiêu đề có 5 cột"),
        ("T1,Chuyện kín,BNV,có\n", "dòng có 4 ô, tiêu đề có 5 cột"),
    ],
)
def test_a_row_of_another_length_is_not_quoted(tmp_path: Path, rows: str, words: str) -> None:
    """Whether such a row is confidential cannot be known: the mistake names line and numbers, and no cell."""
    _, mistakes, _ = taken(csv(tmp_path / "in", f"{HEAD.strip()},Mật\n{rows}"))
    assert len(mistakes) == 1
    assert words in mistakes[0]
    assert "tasks.csv:2" in mistakes[0]
    for cell in ("Chuyện", "kín", "BNV", "tuyệt"):
        assert cell not in mistakes[0]


def test_a_cell_without_a_header_is_not_quoted(tmp_path: Path) -> None:
    """The same where the header has an empty cell."""
    _, mistakes, _ = taken(csv(tmp_path / "in", f"{HEAD.strip()},,Mật\nT1,Việc,BNV,1,Chuyện kín,có\n"))
    assert [("không có tiêu đề" in one, "kín" in one) for one in mistakes] == [(True, False)]


def test_the_guess_of_an_encoding_shows_one_word(tmp_path: Path) -> None:
    """A word is enough to see that the guess is right; a whole cell might be a confidential title."""
    content = (HEAD + "T1,Quyê\u0301t định kín,BNV,1\n").encode("cp1258", "ignore")
    _, mistakes, _ = taken(csv(tmp_path / "in", content))
    assert [("“Quyết”" in one, "kín" in one) for one in mistakes] == [(True, False)]
