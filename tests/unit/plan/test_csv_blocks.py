"""A block of a CSV file is read fast only where Python's strict reader sees the same cells."""

from __future__ import annotations

import csv
import re
import unicodedata
from io import BytesIO, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from warnwatch.plan.cell_columns import Meanings, read_cells
from warnwatch.plan.columns import FILES
from warnwatch.plan.csv_blocks import read_block, read_blocks
from warnwatch.plan.csv_file import read_csv
from warnwatch.plan.findings import UTC, Findings, Sheet

BITS = st.sampled_from(["a", "việc", '"', '""', ",", "\n", "\r\n", "\r", " ", "\ufeff", "\0", '",', ',"', "#", "1"])
CELLS = st.lists(BITS, max_size=4).map("".join)
ROWS = st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=6)


def careful(text: str) -> list[list[str]] | None:
    """Read with Python's strict reader; None when it refuses."""
    try:
        return list(csv.reader(TextIOWrapper(BytesIO(text.encode()), encoding="utf-8", newline="\n"), strict=True))
    except csv.Error:
        return None


def written(rows: list[list[str]], end: str, *, all_quoted: bool) -> str:
    """Write rows as a program would: quotes where they are needed, or everywhere."""
    odd = re.compile('[",\n\r]')
    return end.join(
        ",".join('"' + one.replace('"', '""') + '"' if all_quoted or odd.search(one) else one for one in row)
        for row in rows
    )


@given(st.lists(BITS, max_size=30).map("".join), st.integers(2, 4))
def test_a_block_of_any_text_has_the_cells_of_the_strict_reader(text: str, width: int) -> None:
    """Where a block is taken at all, no cell, row or sign is lost or moved."""
    found = read_block(text.encode(), ",", width)
    assert found is None or [list(row) for row in found.iter_rows()] == careful(text)


@given(ROWS, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_a_block_of_written_rows_has_the_cells_of_the_strict_reader(
    rows: list[list[str]], end: str, all_quoted: bool, ended: bool
) -> None:
    """Rows of one width and of several, quoted where needed or everywhere, with and without a last line end."""
    text = written(rows, end, all_quoted=all_quoted) + (end if ended else "")
    found = read_block(text.encode(), ",", len(rows[0]))
    assert found is None or [list(row) for row in found.iter_rows()] == careful(text)


def test_ordinary_files_are_read_in_blocks() -> None:
    """Quotes, doubled quotes, line breaks within quotes, empty cells and both line ends are nothing odd."""
    rows = [["T-1", 'gọi là "một"\n\ndòng', ""], ["T-2", "", "x,y"], ["", "", ""]]
    for end in ("\n", "\r\n"):
        for all_quoted in (False, True):
            found = read_block(written(rows, end, all_quoted=all_quoted).encode(), ",", 3)
            assert found is not None
            assert [list(row) for row in found.iter_rows()] == rows


@given(ROWS, st.integers(1, 40))
def test_blocks_and_the_rest_are_the_whole_file(rows: list[list[str]], size: int) -> None:
    """Wherever a block ends, and wherever the first odd one begins, each row is read once."""
    text = written(rows, "\n", all_quoted=True)
    stream = BytesIO(text.encode())
    taken = [list(row) for some in read_blocks(stream, ",", len(rows[0]), lambda _: True, size) for row in some.rows()]
    rest = careful(stream.read().decode())
    whole = careful(text)
    assert whole is None or rest is None or taken + rest == whole


@given(st.lists(st.text(st.sampled_from("aỆ\u0065\u0302=#0  \t\n…\u00a0ﬁ１-"), max_size=6), min_size=1, max_size=5))
def test_tidy_text_is_the_same_whether_it_looked_tidy_or_was_cleaned(texts: list[str]) -> None:
    """What is taken at first sight is what cleaning would give."""
    column = FILES["tasks"].column("title")
    frame = pl.DataFrame({"row": range(len(texts)), "title": texts}, schema={"row": pl.UInt32, "title": pl.String})
    sheet = Sheet(FILES["tasks"], "tasks.csv", {"title": "title"}, {"title": 1}, frame)
    findings = Findings(UTC)
    found = read_cells(sheet, {"title": column}, Meanings(UTC), findings).frame["title"].to_list()
    clean = [unicodedata.normalize("NFC", re.sub(r"\s+", " ", one).strip()) or None for one in texts]
    wrong = {one.line for one in findings.mistakes}
    assert found == [None if place in wrong else one for place, one in enumerate(clean)]


WORDS = st.sampled_from(
    [
        *("", " ", "T-1", "T-2", "Tổng cộng", "Nơi nhận:", "Mã nhiệm vụ"),
        *("việc, hai", 'gọi "một"', "dòng\nhai", "code", "1/2"),
    ]
)


@given(st.lists(st.lists(WORDS, min_size=3, max_size=3), max_size=8))
def test_a_file_says_the_same_whichever_way_it_is_read(rows: list[list[str]]) -> None:
    """Read by blocks as far as they go, or by the strict reader alone: the same cells, mistakes and warnings.

    A last column without a header keeps blocks away, for a cell may stand under it.
    """
    header = ["code", "title", "lead_unit"]
    assert _read_file([header, *rows]) == _read_file([[*header, ""], *([*row, ""] for row in rows)])


def _read_file(rows: list[list[str]]) -> tuple[list[dict[str, str]], list[str], list[str]]:
    findings = Findings(UTC)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tasks.csv"
        path.write_text(written(rows, "\n", all_quoted=True) + "\n", encoding="utf-8")
        pieces = list(read_csv(path, FILES["tasks"], findings, lambda *_: None, batch=3))
    cells = [row for piece in pieces for row in piece.frame.to_dicts()]
    return cells, [str(one) for one in findings.mistakes], [str(one) for one in findings.all_warnings()]
