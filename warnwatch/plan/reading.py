"""The files of an import, read, typed and put aside piece by piece; what has to be known of each as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import groupby
from pathlib import Path

import polars as pl

from warnwatch.plan.cell_columns import Meanings, read_cells
from warnwatch.plan.clears import Completeness
from warnwatch.plan.columns import FILES, RECORDED_AT
from warnwatch.plan.differences import split, with_code
from warnwatch.plan.expansion import Expanded
from warnwatch.plan.findings import Findings, Sheet
from warnwatch.plan.headers import Progress
from warnwatch.plan.odd_times import OddTimes
from warnwatch.plan.sources import read_source
from warnwatch.plan.spool import Spool
from warnwatch.plan.stamps import hide, refuse_top_secret, secret_rows
from warnwatch.plan.worded import Worded, Wording, fill_deadlines, move_words

# A file of more than one piece is split by its keys into so many parts, each compared with the plan by itself.
PARTS = 32


@dataclass(frozen=True, slots=True)
class Order:
    """How one import is to be done, and what it tells of its tasks.

    `now` in microseconds; `least_clears`: tasks with fewer of the six are refused. `worded` gathers what words have
    given, with its row.
    """

    now: int
    wording: Wording
    history: bool
    complete: bool
    findings: Findings
    progress: Progress
    batch: int
    least_clears: int = 0
    worded: list[tuple[int, Worded]] = field(default_factory=list)
    expanded: list[Expanded] = field(default_factory=list)
    completeness: Completeness = field(default_factory=Completeness)

    @property
    def today(self) -> date:
        """The local date of the import."""
        return datetime.fromtimestamp(self.now / 1_000_000, self.wording.zone).date()


@dataclass(frozen=True, slots=True)
class Reading:
    """One file as read. `sheet` has its headers and the columns of its rows, which lie on `shelf` in `parts`.

    `codes`: every code it has; `referred`: for each column that names codes of a file, the codes that it names.
    """

    sheet: Sheet
    rows: int
    parts: int
    codes: pl.Series
    referred: dict[str, pl.Series]
    shelf: str


def read_files(source: Path, spool: Spool, order: Order) -> tuple[dict[str, Reading], frozenset[str]]:
    """Read and type every known file; give those that could be read, and the names of those with gaps."""
    broken: set[str] = set()
    pieces = read_source(source, order.findings, order.progress, broken, history=order.history, batch=order.batch)
    found = {name: _read_file(some, spool, order) for name, some in groupby(pieces, lambda one: one.file.name)}
    return {name: found[name] for name in FILES if name in found}, frozenset(broken)


def has_key(sheet: Sheet, order: Order) -> bool:
    """Say whether the columns that tell rows apart are there; their absence has been reported."""
    needed = [column.stored for column in sheet.file.columns if column.required and column.stored in sheet.file.key]
    return all(name in sheet.headers for name in [*needed, *(["recorded_at"] if order.history else [])])


def _read_file(pieces: Iterable[Sheet], spool: Spool, order: Order) -> Reading:
    """Type a file's pieces and put them aside; a file that fits into one piece is not split."""
    whole = _Whole()
    first: pl.DataFrame | None = None
    for typed in _typed(pieces, order):
        whole.note(typed, order)
        if not typed.frame.height or not has_key(typed, order):
            continue
        if first is None and not whole.split:
            first = typed.frame
            continue
        if first is not None:
            spool.put_parts(whole.shelf, split(typed.file, first, PARTS))
            first, whole.split = None, True
        spool.put_parts(whole.shelf, split(typed.file, typed.frame, PARTS))
    if first is not None:
        spool.put(whole.shelf, first)
    return whole.tell(order)


def _typed(pieces: Iterable[Sheet], order: Order) -> Iterator[Sheet]:
    """From text to values. Whatever changes text, row by row, is done before the cells are read."""
    meanings = Meanings(order.wording.zone)
    for piece in pieces:
        columns = {one.stored: one for one in (*piece.file.columns, RECORDED_AT)}
        typed = read_cells(move_words(piece, order.wording), columns, meanings, order.findings)
        refuse_top_secret(typed, order.findings)
        hide(piece, secret_rows(piece, whole=piece.confidential), order.findings)
        yield _with_worded_history(typed, order) if order.history and piece.file.name == "tasks" else typed


def _with_worded_history(sheet: Sheet, order: Order) -> Sheet:
    if not {"code", "due_text"} <= set(sheet.headers):
        return sheet
    due = [] if "due_at" in sheet.headers else [pl.lit(None, pl.Int64).alias("due_at")]
    frame = sheet.frame.with_columns(due)
    frame, worded = fill_deadlines(sheet, frame, pl.lit(value=True), order.wording, order.findings)
    order.worded.extend(worded)
    return sheet.with_frame(frame)


class _Whole:
    """What is gathered of a file while its pieces pass: columns, codes, odd times."""

    def __init__(self) -> None:
        self.split = False
        self.shelf = ""
        self.rows = 0
        self.sheet: Sheet | None = None
        self.odd = OddTimes()
        self.codes: list[pl.Series] = [pl.Series("code", dtype=pl.String)]
        self.referred: dict[str, pl.Series] = {}

    def note(self, typed: Sheet, order: Order) -> None:
        """Take in one typed piece."""
        file, frame = typed.file, typed.frame
        self.shelf = f"{file.name} read"
        self.rows += frame.height
        self.odd.note(typed, order.wording.zone.key)
        self.sheet = typed.with_frame(frame.clear()) if self.sheet is None else _joined(self.sheet, typed)
        if all(name in typed.headers for name in file.key):
            coded = with_code(file, frame)
            if "code" in coded.columns:
                self.codes.append(coded["code"].drop_nulls())
        for column in file.columns:
            if column.refers and column.stored in frame.columns:
                codes = [self.referred.get(column.stored), frame[column.stored]]
                self.referred[column.stored] = (
                    pl.concat([one for one in codes if one is not None]).drop_nulls().unique()
                )

    def tell(self, order: Order) -> Reading:
        """Say what only the whole file shows, and give the file."""
        if self.sheet is None:
            message = "a file that could be read gives at least one piece"
            raise AssertionError(message)
        self.odd.tell(self.sheet, order.findings)
        parts = PARTS if self.split else 1
        return Reading(self.sheet, self.rows, parts, pl.concat(self.codes), self.referred, self.shelf)


def _joined(one: Sheet, other: Sheet) -> Sheet:
    """Give the columns of both: words moved out of a due date add due_text from the first piece that has such words."""
    frame = pl.concat([one.frame, other.frame.clear()], how="diagonal")
    headers, places = {**other.headers, **one.headers}, {**other.places, **one.places}
    return replace(one, headers=headers, places=places, frame=frame)
