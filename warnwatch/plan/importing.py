"""A folder of CSV files, or a workbook, to the plan: read and checked whole, then written whole, or every mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from warnwatch.errors import CannotRunError, Mistake, MistakesError
from warnwatch.language import Phrase
from warnwatch.plan.bulk import roomy
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.clears import Completeness
from warnwatch.plan.column import File
from warnwatch.plan.columns import FILES
from warnwatch.plan.comparing import Changes, FileCount, compare
from warnwatch.plan.csv_file import BATCH
from warnwatch.plan.expanding import with_groups_expanded
from warnwatch.plan.expansion import Expanded
from warnwatch.plan.findings import Findings
from warnwatch.plan.headers import Progress
from warnwatch.plan.reading import Order, Reading, read_files
from warnwatch.plan.spool import Spool
from warnwatch.plan.worded import Worded, Wording
from warnwatch.plan.writing import is_empty, lock_plan, write_changes, write_file, write_journal


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or with `dry_run` would do. `files` has one entry per file read, such as `tasks`.

    `worded` lists the deadlines that were computed from words, `expanded` the tasks given to a group of units;
    `completeness` says how many of the six clears the tasks have.
    """

    files: Mapping[str, FileCount]
    warnings: tuple[Mistake, ...]
    dry_run: bool
    worded: tuple[Worded, ...] = ()
    expanded: tuple[Expanded, ...] = ()
    completeness: Completeness = field(default_factory=Completeness)


class Beside(Protocol):
    """What a caller writes in the import's own transaction, from the rows that the files hold."""

    def take(self, file: File, rows: pl.DataFrame) -> None:
        """Look at rows of one file, changed or not; a large file comes in parts."""

    def settle(self, connection: Connection | None) -> None:
        """Write, once all is written; None in a dry run. Whatever is raised here undoes the import."""


def import_folder(  # noqa: PLR0913 (the options of one command, by name)
    engine: Engine,
    source: Path,
    *,
    now: datetime,
    zone: ZoneInfo,
    dry_run: bool = False,
    history: bool = False,
    complete: bool = False,
    strict_before: bool = False,
    calendar: WorkCalendar | None = None,
    least_clears: int = 0,
    progress: Progress | None = None,
    actor: str = "import",
    batch: int = BATCH,
    beside: Beside | None = None,
) -> ImportReport:
    """Bring the plan to what a folder's files, or a workbook's sheets, say; with `dry_run` only say what would change.

    A row that a file omits is kept, unless `complete` records it as withdrawn; a column that a file omits stays as it
    is. A task with due_text and no due date gets the last good moment of those words; periods (`30 ngày kể từ …`) only
    with a `calendar`. `history` takes `recorded_at` from the files, into an empty plan only. Raises MistakesError with
    every mistake (nothing is written then) and CannotRunError when the database cannot be reached, or the disk is full.
    `batch`: rows that are read at a time.
    """
    findings = Findings(zone)
    wording = Wording(zone, strict_before, calendar)
    order = Order(_micros(now), wording, history, complete, findings, progress or _say_nothing, batch, least_clears)
    with Spool() as spool:
        readings, broken = read_files(source, spool, order)
        with _transaction(engine, dry_run=dry_run) as connection:
            if not dry_run:
                lock_plan(connection)
            if history and not is_empty(connection):
                findings.about_file("", Phrase("--history chỉ dùng cho kế hoạch còn trống; kế hoạch này đã có dữ liệu"))
            readings, children = with_groups_expanded(connection, readings, broken, spool, order)
            changes = compare(connection, readings, broken, children, spool, order)
            if findings.mistakes:
                raise MistakesError(findings.all_mistakes())
            files = {name: one.count for name, one in changes.items()}
            if not dry_run:
                _record(connection, changes, spool, order, _journal_row(now, actor, source, files, history=history))
            if beside:
                _show(beside, readings, spool)
                beside.settle(None if dry_run else connection)
    worded, expanded = _in_order(order.worded), tuple(order.expanded)
    return ImportReport(files, findings.all_warnings(), dry_run, worded, expanded, order.completeness)


def _in_order(worded: list[tuple[int, Worded]]) -> tuple[Worded, ...]:
    """Give what words were understood to say, as the rows stand in the file."""
    return tuple(one for _, one in sorted(worded, key=itemgetter(0)))


def _say_nothing(_what: str, _done: int, _total: int) -> None:
    pass


def _micros(moment: datetime) -> int:
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


@contextmanager
def _transaction(engine: Engine, *, dry_run: bool) -> Iterator[Connection]:
    try:
        with (
            engine.connect().execution_options(reads_only=dry_run) as connection,
            roomy(connection),
            connection.begin(),
        ):
            yield connection
    except OperationalError as error:
        raise CannotRunError(f"the database cannot be used: {error.orig}") from error


def _journal_row(
    now: datetime, actor: str, source: Path, files: Mapping[str, FileCount], *, history: bool
) -> Mapping[str, object]:
    counts = {
        name: {"rows": one.rows, "added": one.added, "changed": one.changed, "withdrawn": one.withdrawn}
        for name, one in files.items()
    }
    facts = {"folder": source.name, "files": counts, "reconstructed": history}
    return {"at": now, "kind": "import", "actor": actor, "facts": facts}


def _record(
    connection: Connection,
    changes: Mapping[str, Changes],
    spool: Spool,
    order: Order,
    journal_row: Mapping[str, object],
) -> None:
    """Write what the files change, in the order in which rows refer to each other."""
    if not any(one.subjects.len() for one in changes.values()):
        return
    subjects: dict[str, list[pl.Series]] = {}
    for name in FILES:
        if name in changes:
            one = changes[name]
            tell = partial(_tell, order, one)
            write_file(connection, one.file, one.parts, spool, order.now, tell)
            if one.file.kind:
                subjects.setdefault(one.file.kind, []).append(one.subjects)
    write_changes(connection, {kind: pl.concat(codes).unique().sort() for kind, codes in subjects.items()})
    write_journal(connection, journal_row)


def _show(beside: Beside, readings: Mapping[str, Reading], spool: Spool) -> None:
    for one in readings.values():
        for part in range(one.parts):
            beside.take(one.sheet.file, spool.take(one.shelf, one.sheet.frame, part))


def _tell(order: Order, one: Changes, parts: int) -> None:
    """Tell how many rows are written after so many parts, which are as good as equal."""
    rows = one.count.added + one.count.changed
    order.progress(Phrase("ghi {name}", name=one.file.file_name), rows * parts // one.parts, rows)
