"""Rows that printing leaves in a table and that are no data: headers repeated, totals, the lines of signatures below.

Nothing of them is quoted beyond the words that mark them: under a table stand the names of persons.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from warnwatch.errors import Mistake
from warnwatch.language import Phrase
from warnwatch.plan.column import plain
from warnwatch.plan.findings import Findings, Sheet

TOTALS = ("tổng", "cộng", "tổng cộng", "tổng số", "cộng dồn", "total", "grand total", "sum")
_FOOTER = re.compile(
    r"(?:người lập|lập biểu|người tổng hợp|nơi nhận|thủ trưởng|xác nhận của|ghi chú\s*:|\(ký|ký tên|"
    r"[^\d]{0,40}ngày\s*[\d.…]+\s*tháng\s*[\d.…]+\s*năm\s*[\d.…]+$)",
    re.IGNORECASE,
)
_MOST_SHOWN = 20
_LONGEST = max(map(len, TOTALS)) + 3  # with a colon and spaces


def is_total(cells: Sequence[str]) -> bool:
    """Say whether a row begins as a total does."""
    return plain(next((cell for cell in cells if cell.strip()), "")).rstrip(" :") in TOTALS


def _may_be_total(cell: str) -> bool:
    word = cell.strip()
    if not word:
        return True
    # Codes end with a number as a rule, and a million of them pass here.
    return not word[-1].isdigit() and len(word) <= _LONGEST and plain(word).rstrip(" :") in TOTALS


def _odd(cells: pl.Series) -> pl.Series:
    """Give the cells without a letter or digit at their beginning: hardly any, so that Python can look at each."""
    return cells.filter(~cells.str.contains(r"^\w")).unique()


class Printed:
    """What printing left in one table, so far."""

    def __init__(self, sheet: Sheet, header: Sequence[str]) -> None:
        self.sheet, self.header = sheet, header
        self.needed = [sheet.places.get(one.stored, 0) for one in sheet.file.columns if one.required]
        self.length = len(header[self.needed[0] - 1].strip()) if all(self.needed) else 0
        self.repeated: list[int] = []
        self.footer: tuple[int, str] | None = None

    def is_clean(self, rows: pl.DataFrame) -> bool:
        """Say at once of rows as wide as the header that all of them are data: nearly every block of a large file."""
        if self.footer or not all(self.needed):
            return False
        if not all(all(map(str.strip, _odd(rows.to_series(place - 1)))) for place in self.needed):
            return False
        first, word = self.needed[0] - 1, plain(self.header[self.needed[0] - 1])
        # Most cells of the two columns end with a digit, and are neither a total nor, mostly, a header.
        alike = rows.to_series(first).unique()
        alike = alike.filter(alike.str.len_chars() >= self.length)
        if not word[-1:].isdigit():
            alike = alike.filter(~alike.str.contains(r"[0-9]$"))
        if any(len(one.strip()) == self.length and plain(one) == word for one in alike):
            return False
        begins = rows.to_series(0).unique()
        return not any(map(_may_be_total, begins.filter(~begins.str.contains(r"[0-9]$"))))

    def passes(self, row: int, cells: Sequence[str]) -> bool:
        """Say whether a row is to be passed over: the header once more, or part of what stands below the table.

        A row that fills every column that must be filled is data, whatever it says.
        """
        full = all(0 < place <= len(cells) and cells[place - 1].strip() for place in self.needed)
        if full and len(cells[self.needed[0] - 1].strip()) != self.length:
            return False  # nearly all rows: a million of them pass here
        if sum(1 for cell in cells if cell.strip()) > 1 and _same(cells, self.header):
            self.repeated.append(row)
            return True
        if full:
            return False
        words = next((cell.strip() for cell in cells if cell.strip()), "")
        if self.footer is None and (mark := _FOOTER.match(words)):
            self.footer = (row, mark[0])
        return self.footer is not None

    def tell(self, findings: Findings) -> None:
        """Name what was passed over."""
        if self.repeated:
            rows = ", ".join(map(str, self.repeated[:_MOST_SHOWN])) + (", …" if self.repeated[_MOST_SHOWN:] else "")
            say = Phrase("dòng tiêu đề lặp lại khi in: bỏ qua dòng {rows}", rows=rows)
            findings.warning(Mistake(self.sheet.name, self.repeated[0], 0, say))
        if self.footer:
            row, mark = self.footer
            say = Phrase("phần ký và nơi nhận dưới bảng: bỏ qua từ dòng này")
            findings.warning(Mistake(self.sheet.name, row, 0, say, mark))


def _same(held: Sequence[str], header: Sequence[str]) -> bool:
    length = max(len(held), len(header))
    padded = ([*cells, *[""] * (length - len(cells))] for cells in (held, header))
    return all(plain(one) == plain(other) for one, other in zip(*padded, strict=True))
