"""The workbook that units fill in, and the copy in which they get their mistakes back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from workbooks import HEADER, UNITS, packed, parts, row, workbook

from warnwatch.cli import main
from warnwatch.language import in_language
from warnwatch.plan.columns import FILES, find_column
from warnwatch.plan.marking import AUTHOR, LIST
from warnwatch.plan.template import HEADER_ROW, shown_columns
from warnwatch.plan.workbook_sheets import EXAMPLE, LISTS

Run = Callable[..., Result]
VIETNAMESE = re.compile("[À-ÃÈ-ÊÌÍÒ-ÕÙÚÝà-ãè-êìíò-õùúýĂăĐđĨĩŨũƠơƯưẠ-ỹ]")


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path) -> Run:
    """The command line on a plan with three units, in a folder of its own."""

    def run(*words: str | Path) -> Result:
        environment = {"WARNWATCH_DATABASE__URL": sqlite_url}
        return CliRunner().invoke(main, [str(word) for word in words], env=environment)

    units = workbook(tmp_path / "units.xlsx", {"Đơn vị": UNITS})
    assert run("import", units).exit_code == 0
    return run


@pytest.fixture
def template(run: Run, tmp_path: Path) -> Path:
    """The template of that plan."""
    assert "3 mã đơn vị" in run("import", "--template", tmp_path / "mau.xlsx").output
    return tmp_path / "mau.xlsx"


def fill(path: Path, *tasks: dict[str, Any]) -> Path:
    """Fill rows of the sheet of tasks, from row 5 on; columns by their English names."""
    book = load_workbook(path)
    sheet = book["Nhiệm vụ"]
    places = {column.name: place for place, column in enumerate(shown_columns(FILES["tasks"]), 2)}
    for number, task in enumerate(tasks, HEADER_ROW + 2):
        for name, value in task.items():
            sheet.cell(number, places[name]).value = value
    filled = path.with_name("dien.xlsx")
    book.save(filled)
    return filled


def opened(path: Path, sheet: str) -> Worksheet:
    """Open one sheet of a workbook."""
    return load_workbook(path)[sheet]


# --- the template ---------------------------------------------------------------------------------------------------


def test_the_template_has_a_sheet_for_every_file(template: Path) -> None:
    """Each sheet's headers are columns of its file, all required ones among them, each with a comment."""
    book = load_workbook(template)
    assert {file.vietnamese for file in FILES.values()} <= set(book.sheetnames)
    for file in FILES.values():
        cells = [cell for cell in book[file.vietnamese][HEADER_ROW] if cell.value != "STT"]
        columns = [find_column(file, str(cell.value)) for cell in cells]
        assert columns == shown_columns(file)
        assert all(one in columns for one in file.columns if one.required)
        assert all(cell.comment for cell in cells)


def test_an_english_template_explains_its_columns_in_english(run: Run, tmp_path: Path) -> None:
    """Each sheet says what it holds, each header what its cells hold and where its codes stand; nothing is left out."""
    (tmp_path / "english.toml").write_text('[plan]\nlanguage = "en"\n', encoding="utf-8")
    assert run("--config", tmp_path / "english.toml", "import", "--template", tmp_path / "form.xlsx").exit_code == 0
    book = load_workbook(tmp_path / "form.xlsx")
    guide = " ".join(str(cell.value) for cell in book.worksheets[0]["B"])
    for file in FILES.values():
        sheet, columns = book[file.name], shown_columns(file)
        about = in_language(file.about, "en").replace("`", "")
        assert VIETNAMESE.search(str(sheet["A2"].value)) is None
        assert about in guide
        assert about.lower() in str(sheet["A2"].value).lower()
        for place, column in enumerate(columns, 2):
            note = str(getattr(sheet.cell(HEADER_ROW, place).comment, "text", ""))
            assert in_language(column.about, "en").replace("`", "").lower() in note.lower()
            assert not column.refers or f" the sheet {column.refers}" in note
    words = {str(cell.value) for row in book[LISTS] for cell in row if cell.value}
    assert {"done", "suspended", "yes", "no"} <= words
    assert not any(map(VIETNAMESE.search, words))
    authority = in_language(FILES["tasks"].column("decision_authority").about, "en")
    assert authority == "the unit that may move the deadline; empty: the superior of the lead unit"


def test_the_words_to_choose_from_are_read_in_both_languages(run: Run, tmp_path: Path) -> None:
    """A row filled from the drop-downs of an English template is a row like any other."""
    (tmp_path / "english.toml").write_text('[plan]\nlanguage = "en"\n', encoding="utf-8")
    assert run("--config", tmp_path / "english.toml", "import", "--template", tmp_path / "form.xlsx").exit_code == 0
    book = load_workbook(tmp_path / "form.xlsx")
    sheet, columns = book["tasks"], shown_columns(FILES["tasks"])
    row = {column.name: offered[-1] for column in columns if (offered := _offered(book, f"tasks_{column.name}"))}
    assert {"status", "confidential"} <= set(row)
    row |= {"code": "T1", "title": "One", "lead_unit": "VT", "decision": "1/QD"}
    for place, column in enumerate(columns, 2):
        sheet.cell(HEADER_ROW + 2, place).value = row.get(column.name)
    book.save(tmp_path / "filled.xlsx")
    result = run("import", "--dry-run", tmp_path / "filled.xlsx")
    assert (result.exit_code, "tasks: 1 dòng" in result.output) == (0, True), result.output


def _offered(book: Workbook, name: str) -> list[str]:
    if name not in book.defined_names:
        return []
    where = book.defined_names[name].attr_text.rpartition("!")[2].replace("$", "")
    cells = book[LISTS][where]
    return [str(cell.value) for row in cells for cell in row]


def test_closed_words_and_units_have_drop_downs(template: Path) -> None:
    """Status is chosen from its words, the lead unit from the plan's codes in a hidden sheet."""
    book = load_workbook(template)
    rules = {str(rule.sqref).split(":")[0]: rule.formula1 for rule in book["Nhiệm vụ"].data_validations.dataValidation}
    assert {"=Nhiệm_vụ_status", "=ma_don_vi", "=Nhiệm_vụ_confidential"} <= set(rules.values())
    assert book[LISTS].sheet_state == "hidden"
    assert [cell.value for cell in book[LISTS]["A"] if cell.value] == ["ma_don_vi", "BCD", "BNV", "VT"]
    assert book.defined_names["ma_don_vi"].attr_text == f"'{LISTS}'!$A$2:$A$4"


def test_dates_are_dates_and_codes_stay_text(template: Path) -> None:
    """A date shows as day/month/year; what is typed as a code keeps its zeros."""
    sheet = opened(template, "Nhiệm vụ")
    headers = {str(cell.value): cell.coordinate.rstrip("3") for cell in sheet[HEADER_ROW]}
    formats = {header: sheet.column_dimensions[letter].number_format for header, letter in headers.items()}
    assert (formats["Thời hạn"], formats["Mã nhiệm vụ *"]) == ("dd/mm/yyyy", "@")
    assert sheet.freeze_panes == "C4"


def test_an_unchanged_template_imports_nothing(run: Run, template: Path) -> None:
    """The example rows are passed over, and one line says so."""
    result = run("import", template)
    assert (result.exit_code, result.output.count("dòng ví dụ")) == (0, 1)
    assert "tasks: 0 dòng" in result.output


def test_a_filled_template_is_taken(run: Run, template: Path) -> None:
    """Dates, drop-down words and words for a deadline arrive; the example does not."""
    filled = fill(
        template,
        {"code": "X1", "title": "Một", "lead_unit": "VT", "due": date(2026, 6, 30), "status": "đang thực hiện"},
        {"code": "X2", "title": "Hai", "lead_unit": "BNV", "due_text": "trong quý IV/2026"},
    )
    result = run("import", filled)
    assert "tasks: 2 dòng; thêm 2" in result.output
    assert "X2: “trong quý IV/2026” → hết ngày 31/12/2026" in result.output


@pytest.mark.parametrize("words", [("mau.csv",), ("mau.xlsx", "units.xlsx"), ("units.xlsx",)])
def test_a_template_overwrites_nothing(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    """Another kind of file, a source beside it, and a file that is there are refused."""
    before = (tmp_path / "units.xlsx").read_bytes()
    assert run("import", "--template", *(tmp_path / word for word in words)).exit_code == 2
    assert (tmp_path / "units.xlsx").read_bytes() == before


# --- the marked copy ------------------------------------------------------------------------------------------------

WRONG = {"code": "X1", "title": "=1+1", "lead_unit": "BVN", "due": "31/2/2026"}


def test_mistakes_come_back_in_their_cells(run: Run, template: Path, tmp_path: Path) -> None:
    """Each wrong cell has a colour and a comment, the list has them all; the source stays as it is."""
    filled = fill(template, WRONG)
    before = filled.read_bytes()
    result = run("import", filled, "--marked", tmp_path / "loi.xlsx")
    assert (result.exit_code, "Đã đánh dấu lỗi" in result.output) == (1, True)
    sheet = opened(tmp_path / "loi.xlsx", "Nhiệm vụ")
    marked = {
        cell.coordinate: cell.comment.text for line in sheet.iter_rows(min_row=4) for cell in line if cell.comment
    }
    assert sorted(marked) == ["C5", "E5", "H5"]
    assert "Có phải ý là: BNV?" in marked["E5"]
    assert sheet["E5"].fill.fgColor.rgb.endswith("FFC7CE")
    assert filled.read_bytes() == before


def test_a_list_of_mistakes_quotes_and_does_not_calculate(run: Run, template: Path, tmp_path: Path) -> None:
    """The first sheet lists place, column, message, found and allowed; a quoted formula is text there."""
    run("import", fill(template, WRONG), "--marked", tmp_path / "loi.xlsx")
    sheet = opened(tmp_path / "loi.xlsx", LIST)
    rows = [[cell.value for cell in line] for line in sheet.iter_rows(min_row=2)]
    assert {line[2]: line[5] for line in rows} == {"E5": "BVN", "H5": "31/2/2026", "C5": "=1+1"}
    assert {cell.data_type for cell in sheet["F"]} == {"s"}


def test_a_mended_copy_is_imported_and_marks_go(run: Run, template: Path, tmp_path: Path) -> None:
    """The copy itself may be corrected and imported; marked again, only what is still wrong is marked."""
    run("import", fill(template, WRONG), "--marked", tmp_path / "loi.xlsx")
    book = load_workbook(tmp_path / "loi.xlsx")
    book["Nhiệm vụ"]["C5"], book["Nhiệm vụ"]["E5"] = "Một", "BNV"
    book.save(tmp_path / "sua.xlsx")
    run("import", tmp_path / "sua.xlsx", "--marked", tmp_path / "loi.xlsx")
    sheet = opened(tmp_path / "loi.xlsx", "Nhiệm vụ")
    left = [cell.coordinate for line in sheet for cell in line if cell.comment and cell.comment.author == AUTHOR]
    assert left == ["H5"]
    assert sheet["E5"].fill.fgColor.rgb == "00000000"


def test_mistakes_without_a_cell_are_listed(run: Run, tmp_path: Path) -> None:
    """A missing column has no cell to mark; merged cells are listed only."""

    def merge(book: Workbook) -> None:
        book["Nhiệm vụ"].merge_cells("A2:B2")

    path = workbook(tmp_path / "a.xlsx", {"Nhiệm vụ": [HEADER[:2], ("T1", None)]}, merge)
    run("import", path, "--marked", tmp_path / "loi.xlsx")
    said = [str(cell.value) for cell in opened(tmp_path / "loi.xlsx", LIST)["E"]]
    assert ["thiếu cột bắt buộc" in one for one in said[1:]].count(True) == 1
    assert any("bỏ trống" in one for one in said)


def test_a_workbook_that_cannot_be_copied_gives_the_list(run: Run, tmp_path: Path) -> None:
    """Where no copy can be made, the list alone is written, and said to be."""
    bad = tmp_path / "bad.xlsx"
    bad.write_bytes(b"PK\x03\x04")
    bare = packed(tmp_path / "bare.xlsx", parts(row("Mã nhiệm vụ", "Tên nhiệm vụ") + row("T1", "")))
    for path in (bad, bare):
        result = run("import", path, "--marked", tmp_path / "loi.xlsx")
        assert "chỉ có danh sách lỗi" in result.output
        assert load_workbook(tmp_path / "loi.xlsx").sheetnames == [LIST]


def test_marks_go_into_another_workbook_only(run: Run, template: Path, tmp_path: Path) -> None:
    """The source is never overwritten, and a folder of CSV files has no cells to mark."""
    assert run("import", template, "--marked", template).exit_code == 2
    assert run("import", tmp_path, "--marked", tmp_path / "loi.xlsx").exit_code == 2
    assert EXAMPLE in str(opened(template, "Nhiệm vụ")["A4"].value)


def test_without_the_option_a_line_names_it(run: Run, template: Path) -> None:
    """Whoever imports a workbook with mistakes is told how to get them in the sheet."""
    assert "--marked" in run("import", fill(template, WRONG)).output
    (template.parent / "bad.xlsx").write_bytes(b"PK")
    assert "--marked" not in run("import", template.parent / "bad.xlsx").output
