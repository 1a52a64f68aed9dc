"""How tasks become columns: a query for each kind of fact, and day columns that a cycle subtracts from today.

In: versions, deadlines, reports and milestones of tasks. Out: the `tasks` frame that `snapshot.Snapshot` describes.
"""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from sqlalchemy import Connection, Select, Table, Text, case, cast, func, select

from warnwatch import schema
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.clears import FIVE
from warnwatch.plan.deadline_trail import DEADLINE_COLUMNS, INSTANT, deadline_trail
from warnwatch.plan.evasion_rows import read_evasion, read_versions
from warnwatch.plan.evasion_trail import EVADED, Evasion, evasion_trail, handovers
from warnwatch.plan.milestone_trail import MILESTONE_COLUMNS, milestone_trail
from warnwatch.plan.moving import places_of
from warnwatch.plan.packed import read_packed
from warnwatch.plan.report_trail import REPORT_COLUMNS, REPORTED, report_trails
from warnwatch.plan.rows import AS_OF, CODES, Columns, DType, read_columns
from warnwatch.plan.succession import Tree
from warnwatch.schema import known, micros

STATUSES = ("open", "claimed", "done", "suspended", "cancelled")
STATUS = pl.Enum(STATUSES)
_COUNTS = (
    "slips",
    "unauthorised_slips",
    "slips_on_eve",
    "reports",
    "unchanged_reports",
    "milestones",
    "milestones_done",
    "handovers",
    "unanswered_reminders",
    "broken_promises",
)

VERSION_COLUMNS: dict[str, DType] = {
    "code": pl.String,
    "lead": pl.Categorical,
    "status": STATUS,
    "start_at": pl.Int64,
    "claimed_at": pl.Int64,
    "done_at": pl.Int64,
    "assigned_at": pl.Int64,
    "phase": pl.Int16,
    "group_no": pl.Int16,
    "every_day": pl.Boolean,
    "confidential": pl.Boolean,
    "weight": pl.Float32,
    "clears": pl.Int8,
    "needs_evidence": pl.Boolean,
}
_DECISION_COLUMNS: Columns = {"code": pl.String, "decision": pl.String, "decided_on": pl.String}
_CODE: dict[str, DType] = {"code": pl.String}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is recorded of tasks, a frame for each kind of fact; all but `tasks` name their task in `code`.

    Each is read when its turn comes, in the order of these fields, so that never all of them lie in memory.
    `tasks` has VERSION_COLUMNS; the columns of the others stand in deadline_trail, report_trail and milestone_trail.
    `decided`: code, decision, decided_on (text) of the decisions on deadlines. `handed`: the versions of tasks that
    have several.
    """

    tasks: Callable[[], pl.DataFrame]
    deadlines: Callable[[], pl.DataFrame]
    decided: Callable[[], pl.DataFrame]
    milestones: Callable[[], pl.DataFrame]
    handed: Callable[[], pl.DataFrame]
    reports: Callable[[], pl.DataFrame]
    evasion: Callable[[], Evasion]


@functools.cache
def _versions(*, then: bool, some: bool) -> Select[*tuple[object, ...]]:
    """Select the versions known now, or `then` (:as_of), of all tasks or of `some` (:codes)."""
    version, identity = schema.task_version, schema.task
    # Five of the six clears lie in the version; the sixth, time, is the deadline's.
    clears = functools.reduce(operator.add, (case((version.c[name].is_(None), 0), else_=1) for name in FIVE))
    # A subquery, as it is asked only where there is no start.
    recorded = select(identity.c.recorded_at).where(identity.c.code == version.c.code).scalar_subquery()
    query = select(
        version.c.code,
        version.c.lead_unit,
        version.c.status,
        micros(version.c.start_at),
        micros(version.c.claimed_at),
        micros(version.c.done_at),
        micros(func.coalesce(version.c.start_at, recorded)),
        version.c.phase,
        version.c.group_no,
        version.c.calendar_mode == "every_day",
        version.c.confidential,
        version.c.weight,
        clears,
        version.c.evidence_type.is_not(None),
    ).where(known(version, AS_OF if then else None), version.c.judged.is_(True), version.c.withdrawn.is_(False))
    return query.where(schema.among(version.c.code, CODES)) if some else query


@functools.cache
def _deadlines(*, then: bool, some: bool) -> Select[*tuple[object, ...]]:
    table = schema.deadline
    query = select(
        table.c.task,
        micros(table.c.due_at),
        table.c.authorised,
        table.c.decision,
        micros(table.c.recorded_at),
        table.c.id,
    )
    return _asked(query, table, then=then, some=some)


@functools.cache
def _decided(*, then: bool, some: bool) -> Select[*tuple[object, ...]]:
    """Select the decisions on deadlines; a date is read as SQLite keeps it, as text."""
    table = schema.decision
    query = select(table.c.task, table.c.number, cast(table.c.decided_on, Text)).where(table.c.kind == "deadline")
    return _asked(query, table, then=then, some=some)


@functools.cache
def _reports(*, then: bool, some: bool) -> Select[*tuple[object, ...]]:
    table = schema.report
    query = select(
        table.c.task,
        micros(table.c.reported_at),
        table.c.progress,
        table.c.evidence,
        table.c.claims_completion,
        table.c.colour,
        table.c.obstacle.is_not(None),
        table.c.id,
        table.c.replaces,  # those that a later row replaces are far quicker to leave out here than in the database
    )
    return _asked(query, table, then=then, some=some)


@functools.cache
def _milestones(*, then: bool, some: bool) -> Select[*tuple[object, ...]]:
    version = schema.milestone_version
    query = select(version.c.task, micros(version.c.due_at), micros(version.c.done_at)).where(
        known(version, AS_OF if then else None), version.c.withdrawn.is_(False)
    )
    return query.where(schema.among(version.c.task, CODES)) if some else query


def _asked(query: Select[*tuple[object, ...]], table: Table, *, then: bool, some: bool) -> Select[*tuple[object, ...]]:
    """Narrow a query on rows that are only ever added to what was known `then`, and to `some` tasks."""
    if then:
        query = query.where(table.c.recorded_at <= AS_OF)
    return query.where(schema.among(table.c.task, CODES)) if some else query


def read_tasks(
    connection: Connection, calendar: WorkCalendar, as_of: datetime | None, codes: Collection[str] | None
) -> pl.DataFrame:
    """Read the frame of all tasks or of some `codes`, in the order of their codes; unit and bloc come later."""
    tables = _Tables(connection, as_of, codes)
    return tasks_of(_facts(tables), calendar)


def read_reported(
    connection: Connection, calendar: WorkCalendar, known: pl.DataFrame, codes: Collection[str]
) -> pl.DataFrame:
    """Read again what was reported of some `codes`; whatever else of them is `known` stays as it is."""
    bare = known.drop(*REPORTED, *EVADED, "claimed_index")[places_of(known, codes)]
    return _with_reports(bare.with_row_index("row"), _facts(_Tables(connection, None, codes)), calendar)


def _facts(tables: _Tables) -> Facts:
    t = tables
    return Facts(t.tasks, t.deadlines, t.decided, t.milestones, t.handed, t.reports, t.evasion)


class _Tables:
    """The facts as the tables have them, now or at a time, of all tasks or of some."""

    def __init__(self, connection: Connection, as_of: datetime | None, codes: Collection[str] | None) -> None:
        self._connection, self._as_of, self._codes = connection, as_of, codes
        self._which = {"then": as_of is not None, "some": codes is not None}
        self._asked = {"as_of": as_of, "codes": json.dumps(sorted(codes or ()))}
        self._moved = self._obstructed = False
        self._corrected = pl.Series([], dtype=pl.Int64)

    def tasks(self) -> pl.DataFrame:
        tasks = self._read(_versions, schema.task_version, VERSION_COLUMNS)
        return tasks if tasks["code"].is_sorted() else tasks.sort("code")

    def deadlines(self) -> pl.DataFrame:
        deadlines = self._read(_deadlines, schema.deadline, _CODE | DEADLINE_COLUMNS)
        self._moved = deadlines["decision"].null_count() < deadlines.height
        return deadlines

    def decided(self) -> pl.DataFrame:
        nothing = pl.DataFrame(schema=_DECISION_COLUMNS)
        return self._read(_decided, schema.decision, _DECISION_COLUMNS) if self._moved else nothing

    def reports(self) -> pl.DataFrame:
        reports = self._read(_reports, schema.report, _CODE | REPORT_COLUMNS | {"replaces": pl.Int64})
        self._corrected = reports["replaces"].drop_nulls()
        if len(self._corrected):
            reports = reports.filter(~pl.col("order").is_in(self._corrected.implode()))
        self._obstructed = bool(reports["obstacle"].any())
        return reports.drop("replaces")

    def evasion(self) -> Evasion:
        return read_evasion(self._connection, self._as_of, self._codes, self._corrected, obstructed=self._obstructed)

    def handed(self) -> pl.DataFrame:
        return read_versions(self._connection, self._as_of, self._codes)

    def milestones(self) -> pl.DataFrame:
        return self._read(_milestones, schema.milestone_version, _CODE | MILESTONE_COLUMNS)

    def _read(self, query: Callable[..., Select[*tuple[object, ...]]], table: Table, columns: Columns) -> pl.DataFrame:
        asked = query(**self._which)
        if self._which["some"]:
            return read_columns(self._connection, asked, self._asked, columns)
        return read_packed(self._connection, asked, table.c.id, self._asked, columns)


def tasks_of(facts: Facts, calendar: WorkCalendar) -> pl.DataFrame:
    """Make the frame of tasks from what is recorded of them, so that a cycle only subtracts whole numbers."""
    tasks = facts.tasks().with_row_index("row")
    deadlines = deadline_trail(facts.deadlines().join(_places(tasks), on="code"), facts.decided(), calendar)
    tasks = _with_days(_beside(tasks, deadlines), calendar)
    tasks = _beside(tasks, milestone_trail(_placed(facts.milestones(), tasks, calendar)))
    tasks = _beside(tasks, handovers(facts.handed()).join(_places(tasks).select("code", "row"), on="code").drop("code"))
    return _with_reports(tasks, facts, calendar)


def _with_reports(tasks: pl.DataFrame, facts: Facts, calendar: WorkCalendar) -> pl.DataFrame:
    """Add what was reported, and what follows from it."""
    places = _places(tasks)
    tasks = _beside(tasks, report_trails(_said(facts.reports(), places, calendar), tasks.height))
    obstructed = pl.col("obstacle_index").is_not_null().alias("obstructed")
    told = tasks.select("code", "last_reported_at", obstructed, "obstacle_day")
    trail = evasion_trail(told, facts.evasion()).join(places.select("code", "row"), on="code").drop("code")
    tasks = _beside(tasks.drop("obstacle_day"), trail)
    return _with_claims(tasks, calendar).with_columns(pl.col(_COUNTS).fill_null(0)).drop("row")


def _places(tasks: pl.DataFrame) -> pl.DataFrame:
    """Give facts the row of their task: comparing numbers is cheaper than comparing codes, again and again."""
    return tasks.select("code", "row", "every_day")


def _placed(milestones: pl.DataFrame, tasks: pl.DataFrame, calendar: WorkCalendar) -> pl.DataFrame:
    """Give milestones what they need of their tasks, and their due days on the task's count."""
    if milestones.is_empty():
        return milestones
    on_the_way = tasks.select("code", "row", "every_day", "start_at", "assigned_index", "due_index")
    placed = milestones.join(on_the_way, on="code").with_columns(pl.col("due_at").cast(INSTANT))
    return placed.with_columns(_index(_day(pl.col("due_at"), calendar), calendar).alias("index"))


def _said(reports: pl.DataFrame, places: pl.DataFrame, calendar: WorkCalendar) -> pl.DataFrame:
    """Give reports the row of their task, their local day, and its place on the task's count."""
    days = _day(pl.col("reported_at").cast(INSTANT), calendar).alias("day")
    placed = reports.lazy().join(places.lazy(), on="code").drop("code").with_columns(days)
    return placed.with_columns(_index(pl.col("day"), calendar).alias("index")).collect(engine="in-memory")


def _beside(tasks: pl.DataFrame, trail: pl.DataFrame) -> pl.DataFrame:
    """Put columns beside the tasks to whose rows they belong; those of the tasks are not copied."""
    rows = tasks.select("row")
    placed = (
        trail if trail["row"].equals(rows["row"]) else rows.join(trail, on="row", how="left", maintain_order="left")
    )
    return tasks.hstack(placed.drop("row").get_columns())


def _day(instants: pl.Expr, calendar: WorkCalendar) -> pl.Expr:
    """Give the local day of instants since 1970."""
    return calendar.local_date_of(instants).to_physical()


def _index(days: pl.Expr, calendar: WorkCalendar) -> pl.Expr:
    """Give local days on each task's own count of days."""
    return pl.when(pl.col("every_day")).then(days).otherwise(calendar.workday_of(days))


def _with_days(tasks: pl.DataFrame, calendar: WorkCalendar) -> pl.DataFrame:
    """Add the day columns of the start and the deadlines."""
    instants = ("start_at", "due_at", "baseline_due_at", "claimed_at", "done_at", "assigned_at")
    dated = {"assigned": "assigned_at", "due": "due_at", "baseline": "baseline_due_at"}
    # Step by step: what a zone makes of an instant takes longest, and is asked once for each.
    return (
        tasks.lazy()
        .with_columns(pl.col(name).cast(INSTANT) for name in instants)
        .with_columns(calendar.wall_time_of(pl.col(name)).alias(f"{prefix}_wall") for prefix, name in dated.items())
        .with_columns(pl.col(f"{prefix}_wall").dt.date().to_physical().alias(f"{prefix}_day") for prefix in dated)
        .with_columns(
            *(_index(pl.col(f"{prefix}_day"), calendar).alias(f"{prefix}_index") for prefix in dated),
            calendar.office_minutes_of(pl.col("due_wall"), pl.col("every_day")).alias("due_minutes"),
            (pl.col("clears") + pl.col("due_at").is_not_null()).cast(pl.Int8),
            (pl.col("due_day") - pl.col("baseline_day")).fill_null(0).alias("slip_days"),
        )
        .drop(f"{prefix}_wall" for prefix in dated)
        .collect(engine="in-memory")
    )


def _with_claims(tasks: pl.DataFrame, calendar: WorkCalendar) -> pl.DataFrame:
    """Add claimed_index, the day on which a task was claimed done: of the claim, or of the report that makes it."""
    claimed = _index(_day(pl.col("claimed_at"), calendar), calendar)
    return tasks.with_columns(
        pl.coalesce(claimed, "claim_index").alias("claimed_index"),
        pl.col("last_reported_at").cast(INSTANT),
        pl.col("authority").cast(pl.Categorical),
    ).drop("claim_index")


def with_obstacle_unit(tasks: pl.DataFrame, tree: Tree) -> pl.DataFrame:
    """Add the unit that stands in this tree for the authority that a task's obstacle names."""
    present = pl.col("authority").cast(pl.String).replace(dict(tree.successors)).cast(pl.Categorical)
    return tasks.with_columns(present.alias("obstacle_unit"))


def with_lead(tasks: pl.DataFrame, tree: Tree) -> pl.DataFrame:
    """Add the unit that stands for each recorded lead in this tree, and its bloc; or put them in place of the old."""
    codes = [*tree.units, *tree.successors]
    present = [*tree.units, *tree.successors.values()]
    blocs = [tree.units[code].bloc or None if code in tree.units else None for code in present]
    placed = pl.DataFrame(
        {"lead": codes, "unit": present, "bloc": blocs},
        schema={"lead": pl.Categorical, "unit": pl.Categorical, "bloc": pl.Categorical},
    )
    bare = tasks.drop("unit", "bloc", "obstacle_unit", strict=False)
    joined = bare.join(placed, on="lead", how="left", maintain_order="left")
    # A unit that is in no tree was withdrawn: what it leads is not lost for that.
    return with_obstacle_unit(joined.with_columns(pl.col("unit").fill_null(pl.col("lead"))), tree)
