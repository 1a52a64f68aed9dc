"""What the header row of a table means, whether it came from a CSV file or from a sheet of a workbook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from warnwatch.errors import Mistake
from warnwatch.language import Phrase
from warnwatch.plan.column import File, plain
from warnwatch.plan.columns import find_column
from warnwatch.plan.findings import Findings, Sheet, shown

MOST_COLUMNS = 200
COUNTING = ("stt", "tt", "số tt", "số thứ tự")  # columns that count the rows: they say nothing that is kept

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a table as written: its file (or sheet), its row from 1, its cells."""

    name: str
    line: int
    cells: Sequence[str]


def read_header(header: Header, file: File, findings: Findings, *, history: bool) -> Sheet | None:
    """Find the columns that the header names; None when the table cannot be read. What is wrong goes to `findings`."""
    name, line = header.name, header.line
    if not any(cell.strip() for cell in header.cells):
        findings.about_file(name, Phrase("tệp rỗng: không có dòng tiêu đề cột"))
        return None
    if len(header.cells) > MOST_COLUMNS:
        findings.mistake(
            Mistake(
                name,
                line,
                0,
                Phrase("tệp có {count} cột", count=len(header.cells)),
                allowed=Phrase("nhiều nhất {most} cột", most=MOST_COLUMNS),
            )
        )
        return None
    headers: dict[str, str] = {}
    places: dict[str, int] = {}
    for place, cell in enumerate(header.cells, 1):
        column = find_column(file, cell, history=history)
        if column is None:
            _unknown_header(header, file, place, findings)
        elif column.stored in headers:
            findings.mistake(Mistake(name, line, place, Phrase("cột có hai lần"), shown(cell), field=cell.strip()))
        else:
            headers[column.stored], places[column.stored] = cell.strip(), place
    _missing_headers(header, file, headers, findings, history=history)
    return Sheet(file, name, headers, places, pl.DataFrame())


def _unknown_header(header: Header, file: File, place: int, findings: Findings) -> None:
    name, line, cell = header.name, header.line, header.cells[place - 1]
    if not cell.strip() or plain(cell) in COUNTING:
        return  # spreadsheets save empty columns at the end; cells in them are a mistake of their row
    if plain(cell) in ("recorded at", "ghi nhận lúc"):
        findings.mistake(
            Mistake(name, line, place, Phrase("cột này chỉ dùng khi nhập lịch sử (--history)"), shown(cell))
        )
        return
    names = [one for column in file.columns for one in (column.name, column.vietnamese)]
    near = findings.nearest(cell, names)
    allowed = ", ".join(column.name for column in file.columns)
    findings.mistake(Mistake(name, line, place, Phrase("cột không có trong mẫu"), shown(cell), allowed, near))


def _missing_headers(header: Header, file: File, headers: dict[str, str], findings: Findings, *, history: bool) -> None:
    name, line = header.name, header.line
    needed = [(one.stored, one) for one in file.columns if one.required]
    for stored, column in needed:
        if stored not in headers:
            said = f"{column.name} ({column.vietnamese})"
            findings.mistake(Mistake(name, line, 0, Phrase("thiếu cột bắt buộc {name}", name=said), field=column.name))
    if history and "recorded_at" not in headers:
        findings.mistake(
            Mistake(name, line, 0, Phrase("nhập lịch sử cần cột recorded_at (Ghi nhận lúc)"), field="recorded_at")
        )


def frame_of(sheet: Sheet, numbers: list[int], batch: list[list[str]]) -> pl.DataFrame:
    """Keep the known columns of a batch; an empty cell is null."""
    columns = [pl.Series("row", numbers, dtype=pl.UInt32)]
    cells = list(zip(*batch, strict=False)) if batch else [()] * MOST_COLUMNS  # a longer row has only empty cells more
    for stored, place in sheet.places.items():
        columns.append(pl.Series(stored, cells[place - 1], dtype=pl.String))
    return pl.DataFrame(columns)


def known_columns(sheet: Sheet, last: int, cells: pl.DataFrame) -> pl.DataFrame:
    """Keep the known columns of the rows after row `last`: all cells of each, by place."""
    numbers = pl.int_range(last + 1, last + 1 + cells.height, dtype=pl.UInt32, eager=True).alias("row")
    return cells.select(numbers, *(pl.nth(place - 1).alias(stored) for stored, place in sheet.places.items()))
