"""A folder of CSV files, or a workbook, to the plan: read and checked whole, then written whole, or every mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from warnwatch.errors import CannotRunError, Mistake, MistakesError
from warnwatch.language import Phrase
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.cells import read_cells
from warnwatch.plan.checking import check_references, check_rows, check_tree, find_deadlines, warn_of_reports
from warnwatch.plan.clears import Completeness
from warnwatch.plan.column import Column
from warnwatch.plan.columns import FILES, RECORDED_AT
from warnwatch.plan.differences import WAS, Difference, find_differences, with_code
from warnwatch.plan.expansion import Expanded, Expansion, present_units, with_decisions_of_parents
from warnwatch.plan.findings import Findings, Sheet
from warnwatch.plan.groups import Units
from warnwatch.plan.headers import Progress
from warnwatch.plan.odd_times import OddTimes
from warnwatch.plan.sources import read_source
from warnwatch.plan.stamps import hide, mark_confidential, refuse_top_secret, secret_rows
from warnwatch.plan.worded import Worded, Wording, fill_deadlines, move_words
from warnwatch.plan.writing import (
    is_empty,
    lock_plan,
    read_codes,
    read_stored,
    subjects_of,
    write,
    write_changes,
    write_journal,
)


@dataclass(frozen=True, slots=True)
class FileCount:
    """What became of one file's rows. `not_mentioned`: stored rows that the file omits; `withdrawn`: with complete."""

    rows: int
    added: int
    changed: int
    unchanged: int
    not_mentioned: int
    withdrawn: int = 0


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


@dataclass(frozen=True, slots=True)
class _Order:
    """How one import is to be done. `broken`: files whose rows are not all known; The rest is told."""

    now: int
    wording: Wording
    history: bool
    complete: bool
    findings: Findings
    broken: frozenset[str] = frozenset()
    worded: list[Worded] = field(default_factory=list)
    expanded: list[Expanded] = field(default_factory=list)
    least_clears: int = 0
    completeness: Completeness = field(default_factory=Completeness)


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
) -> ImportReport:
    """Bring the plan to what a folder's files, or a workbook's sheets, say; with `dry_run` only say what would change.

    A row that a file omits is kept, unless `complete` records it as withdrawn; a column that a file omits stays as it
    is. A task with due_text and no due date gets the last good moment of those words; periods (`30 ngày kể từ …`) only
    with a `calendar`. `history` takes `recorded_at`
    from the files, into an empty plan only. Raises MistakesError with every mistake (nothing is written then) and
    CannotRunError when the database cannot be reached.
    """
    findings = Findings(zone)
    wording = Wording(zone, strict_before, calendar)
    order = _Order(_micros(now), wording, history, complete, findings, least_clears=least_clears)
    sheets, broken = _read_typed(source, order, progress or _say_nothing)
    order = replace(order, broken=broken)
    with _transaction(engine, dry_run=dry_run) as connection:
        if not dry_run:
            lock_plan(connection)
        if history and not is_empty(connection):
            findings.about_file("", Phrase("--history chỉ dùng cho kế hoạch còn trống; kế hoạch này đã có dữ liệu"))
        differences, deadlines = _compare(connection, sheets, order)
        if findings.mistakes:
            raise MistakesError(findings.all_mistakes())
        files = {name: _count(one, deadlines) for name, one in differences.items()}
        if not dry_run:
            _record(connection, differences, deadlines, _journal_row(now, actor, source, files, history=history))
    warnings = findings.all_warnings()
    return ImportReport(files, warnings, dry_run, tuple(order.worded), tuple(order.expanded), order.completeness)


def _read_typed(source: Path, order: _Order, progress: Progress) -> tuple[dict[str, Sheet], frozenset[str]]:
    """Read and type every known file; give those that could be read, and the names of those with gaps."""
    sheets: dict[str, Sheet] = {}
    found, broken = read_source(source, order.findings, progress, history=order.history)
    for sheet in found:
        columns = {one.stored: one for one in (*sheet.file.columns, RECORDED_AT)}
        text = move_words(sheet, order.wording)
        typed = sheets[sheet.file.name] = read_cells(text, columns, order.wording.zone, order.findings)
        odd = OddTimes()
        odd.note(typed, order.wording.zone.key)
        odd.tell(typed, order.findings)
        refuse_top_secret(typed, order.findings)
        hide(text, secret_rows(text, whole=text.confidential), order.findings)
    if order.history and "tasks" in sheets:
        sheets["tasks"] = _with_worded_history(sheets["tasks"], order)
    return {name: sheets[name] for name in FILES if name in sheets}, broken


def _say_nothing(_what: str, _done: int, _total: int) -> None:
    pass


def _micros(moment: datetime) -> int:
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


@contextmanager
def _transaction(engine: Engine, *, dry_run: bool) -> Iterator[Connection]:
    try:
        with engine.connect().execution_options(reads_only=dry_run) as connection, connection.begin():
            yield connection
    except OperationalError as error:
        raise CannotRunError(f"the database cannot be used: {error.orig}") from error


# --- the plan -------------------------------------------------------------------------------------------------------


def _compare(
    connection: Connection, sheets: Mapping[str, Sheet], order: _Order
) -> tuple[dict[str, Difference], pl.DataFrame]:
    """Compare every file with the plan, check it, and give the deadlines to add."""
    findings = order.findings
    stored = {name: read_stored(connection, FILES[name]) for name in _wanted(sheets)}
    sheets = _one_lead_each(sheets, stored, order)
    whole = {name: sheet for name, sheet in sheets.items() if _has_key(sheet, order)}
    differences = {
        name: find_differences(sheet, stored[name], order.now, findings, history=order.history, complete=order.complete)
        for name, sheet in whole.items()
    }
    if "tasks" in differences and not order.history:
        differences["tasks"] = _with_worded(differences["tasks"], order)
    if "tasks" in differences:
        order.completeness.note(differences["tasks"], order.least_clears, findings)
    for one in differences.values():
        check_rows(one, findings)
        for column in one.file.columns:
            if column.refers and column.refers not in order.broken and _is_used(one, column):
                known = _known_codes(connection, column, sheets)
                check_references(one, column, known, findings)
    for name in ("units", "tasks"):
        if name in differences:
            check_tree(differences[name], stored[name], findings)
    if "reports" in differences:
        warn_of_reports(differences["reports"], _now_known("tasks", differences, stored), findings)
    return differences, _deadlines(differences, stored, order)


def _one_lead_each(
    sheets: Mapping[str, Sheet], stored: Mapping[str, pl.DataFrame], order: _Order
) -> Mapping[str, Sheet]:
    """Give the files with every task that is given to a group of units as one task per unit."""
    if "tasks" not in sheets:
        return sheets
    today = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=order.now)).astimezone(order.wording.zone).date()
    expansion = Expansion(Units.of(present_units(sheets.get("units"), stored["units"]), today))
    findings = Findings() if "units" in order.broken else order.findings  # half of the units would find half of them
    tasks = sheets["tasks"]
    tasks = mark_confidential(tasks, stored["tasks"], order.findings, whole=tasks.confidential)
    tasks = expansion.expand(tasks, stored["tasks"], findings)
    order.expanded.extend(expansion.told)
    return {**sheets, "tasks": tasks}


def _with_worded(one: Difference, order: _Order) -> Difference:
    """Compute deadlines from words that are new: a stored deadline stands as long as its words do."""
    new = pl.col(WAS + "due_at").is_null() | pl.col("due_text").ne_missing(pl.col(WAS + "due_text"))
    rows, worded = fill_deadlines(one.sheet, one.rows, new, order.wording, order.findings)
    order.worded.extend(worded)
    return replace(one, rows=rows)


def _with_worded_history(sheet: Sheet, order: _Order) -> Sheet:
    if not {"code", "due_text"} <= set(sheet.headers):
        return sheet
    due = [] if "due_at" in sheet.headers else [pl.lit(None, pl.Int64).alias("due_at")]
    frame = sheet.frame.with_columns(due)
    frame, worded = fill_deadlines(sheet, frame, pl.lit(value=True), order.wording, order.findings)
    order.worded.extend(worded)
    return sheet.with_frame(frame)


def _wanted(sheets: Mapping[str, Sheet]) -> set[str]:
    """Name the files whose stored rows are needed: the files themselves, and what their checks look at."""
    wanted = set(sheets)
    if "tasks" in sheets:
        wanted |= {"units", "decisions"}
    if "reports" in sheets:
        wanted.add("tasks")
    return wanted


def _has_key(sheet: Sheet, order: _Order) -> bool:
    """Say whether the columns that tell rows apart are there; their absence has been reported."""
    needed = [column.stored for column in sheet.file.columns if column.required and column.stored in sheet.file.key]
    return all(name in sheet.headers for name in [*needed, *(["recorded_at"] if order.history else [])])


def _is_used(one: Difference, column: Column) -> bool:
    cells = one.sheet.frame
    return column.stored in cells.columns and cells[column.stored].null_count() < cells.height


def _known_codes(connection: Connection, column: Column, sheets: Mapping[str, Sheet]) -> pl.Series:
    file = FILES[column.refers]
    codes = read_codes(connection, file)
    sheet = sheets.get(file.name)
    if sheet is not None and all(name in sheet.headers for name in file.key):
        codes = pl.concat([codes, with_code(file, sheet.frame)["code"].drop_nulls()])
    return codes.unique()


def _now_known(name: str, differences: Mapping[str, Difference], stored: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Give the rows as they are once this import is written."""
    before = stored[name]
    if name not in differences:
        return before
    rows = differences[name].rows.sort("recorded_at", "row").unique("code", keep="last", maintain_order=True)
    columns = [column.stored for column in FILES[name].columns]
    return pl.concat([before.join(rows, on="code", how="anti").select(columns), rows.select(columns)])


def _deadlines(
    differences: Mapping[str, Difference], stored: Mapping[str, pl.DataFrame], order: _Order
) -> pl.DataFrame:
    tasks = differences.get("tasks")
    if tasks is None:
        return pl.DataFrame(schema={"task": pl.String})
    names = ["number", "task", "kind", "authority"]
    decisions = stored["decisions"].select(names)
    if "decisions" in differences:
        decisions = pl.concat([decisions, differences["decisions"].rows.select(names)])
    parents = dict(_now_known("units", differences, stored).select("code", "parent").iter_rows())
    decisions = with_decisions_of_parents(decisions, tasks.rows)
    return find_deadlines(tasks, decisions, parents, order.findings)


# --- the record -----------------------------------------------------------------------------------------------------


def _count(one: Difference, deadlines: pl.DataFrame) -> FileCount:
    rows = one.rows
    moved = rows["code"].is_in(deadlines["task"].implode()) if one.file.name == "tasks" else pl.lit(value=False)
    counted = rows.with_columns((pl.col("changed") | moved) & ~pl.col("added"))
    added, changed = int(counted["added"].sum()), int(counted["changed"].sum())
    return FileCount(rows.height, added, changed, rows.height - added - changed, one.not_mentioned, one.gone.height)


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
    differences: Mapping[str, Difference],
    deadlines: pl.DataFrame,
    journal_row: Mapping[str, object],
) -> None:
    subjects: dict[str, list[pl.Series]] = {}
    changes = 0
    for one in differences.values():
        found = subjects_of(one, deadlines["task"])
        changes += len(found)
        if one.file.kind:
            subjects.setdefault(one.file.kind, []).append(found)
    if not changes:
        return
    write(connection, differences, deadlines)
    write_changes(connection, {kind: pl.concat(codes).unique().sort() for kind, codes in subjects.items()})
    write_journal(connection, journal_row)
