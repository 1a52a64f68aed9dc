"""Times of day that a source does not really know: the mark of an export, and the midnight that ends the day before.

In: the typed columns of a file, in one piece or in many. Out: one warning per column and time. The instants stay as
they are: a deadline at 01:06:40 is past a second later, so whoever means the whole day has to hear of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time

import polars as pl

from warnwatch.errors import Mistake
from warnwatch.language import Phrase
from warnwatch.plan.column import Type
from warnwatch.plan.findings import Findings, Sheet

# An odd time is the mark of an export when so many cells of a column have it, and so large a share of them.
LEAST_CELLS = 20
LEAST_SHARE = 0.1

_MIDNIGHT = time(0)


@dataclass(slots=True)
class _Times:
    """How many cells a column has, and for each odd local time of day how many and the first row."""

    cells: int = 0
    odd: dict[time, tuple[int, int]] = field(default_factory=dict)


@dataclass
class OddTimes:
    """The odd times of one file's columns, gathered piece by piece."""

    columns: dict[str, _Times] = field(default_factory=dict)

    def note(self, sheet: Sheet, zone: str) -> None:
        """Count the times of one piece of a typed file; `zone` is the plan's."""
        for column in sheet.file.columns:
            if column.type not in (Type.START, Type.END) or column.stored not in sheet.frame.columns:
                continue
            found = self.columns.setdefault(column.stored, _Times())
            cells = sheet.frame.select("row", pl.col(column.stored).alias("at")).drop_nulls()
            found.cells += cells.height
            for at, count, first in _odd(cells, zone, midnight=column.type is Type.END).iter_rows():
                before, row = found.odd.get(at, (0, first))
                found.odd[at] = (before + count, min(row, first))

    def tell(self, sheet: Sheet, findings: Findings) -> None:
        """Warn of what was gathered, at the first row that has it."""
        for stored, times in self.columns.items():
            for at, (count, row) in sorted(times.odd.items()):
                message = _message(at, count, times.cells)
                if message:
                    allowed = Phrase("nếu tính cả ngày thì chỉ ghi ngày, không ghi giờ")
                    place = sheet.places.get(stored, 0)
                    header = sheet.headers.get(stored, "")
                    findings.warning(Mistake(sheet.name, row, place, message, f"{at}", allowed, field=header))


def _odd(cells: pl.DataFrame, zone: str, *, midnight: bool) -> pl.DataFrame:
    """Count the cells by local time of day (time, cells, first row): times with seconds, and midnight if asked for."""
    local = pl.col("at").cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone).dt.time()
    seconds = (pl.col("time").dt.second() != 0) & (pl.col("time") != time.max)
    odd = seconds | (pl.col("time") == _MIDNIGHT) if midnight else seconds
    return cells.with_columns(local.alias("time")).filter(odd).group_by("time").agg(pl.len(), pl.col("row").min())


def _message(at: time, count: int, cells: int) -> Phrase | None:
    if at == _MIDNIGHT:
        return Phrase("{count} ô ghi 00:00, tức là hết ngày hôm trước", count=count)
    if count >= LEAST_CELLS and count >= LEAST_SHARE * cells:
        return Phrase("{count} ô cùng một giờ lẻ: có vẻ nơi xuất dữ liệu chỉ biết ngày", count=count)
    return None
