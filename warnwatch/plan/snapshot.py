"""The plan at one instant as columns: read whole once, then kept up to date with only what changed.

In: the plan's tables. Out: a Snapshot whose `tasks` frame has one row per judged task and the base columns that
`measures` turns into measures; words (titles, documents) stay in the database until something is told.
"""

from __future__ import annotations

import functools
import gc
import operator
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl
from sqlalchemy import (
    BindParameter,
    Column,
    CompoundSelect,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    select,
    text,
    union_all,
)

from warnwatch import schema
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.directory import Holder, Unit
from warnwatch.plan.kpis import read_kpis
from warnwatch.schema import known, micros

STATUSES = ("open", "claimed", "done", "suspended", "cancelled")
STATUS = pl.Enum(STATUSES)
INSTANT = pl.Datetime("us", "UTC")

# What the queries below are asked with; they are written once, as writing them takes longer than a small read.
SINCE, AS_OF = bindparam("since", type_=schema.Instant()), bindparam("as_of", type_=schema.Instant())
CODES: BindParameter[str] = bindparam("codes", expanding=True)

# Above this many changed subjects, reading all again is cheaper than picking them out.
FEW = 20_000
# Rows that lie in memory as Python values at one time.
CHUNK = 50_000
# A frame of more pieces is joined into one: joining costs a copy of the plan, many pieces slow every rule.
PIECES = 16

_VERSION_COLUMNS = {
    "code": pl.String,
    "unit": pl.String,
    "status": pl.String,
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
}
_DEADLINE_COLUMNS = {
    "code": pl.String,
    "due_at": pl.Int64,
    "authorised": pl.Boolean,
    "order": pl.Int64,
}
_REPORT_COLUMNS = {
    "code": pl.String,
    "reported_at": pl.Int64,
    "progress": pl.Float32,
    "order": pl.Int64,
}


@dataclass(frozen=True, slots=True)
class Moved:
    """How the last refresh moved rows: `kept` marks the rows of the frame before; the fresh rows follow them."""

    kept: pl.Series
    fresh: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The plan as known at one instant.

    `tasks`: code String, unit and bloc Categorical, status Enum, start_at due_at baseline_due_at claimed_at done_at
    assigned_at (the start, or when it was recorded) last_reported_at Datetime(us, UTC), assigned_index due_index
    baseline_index report_index Int32 (working days of the calendar up to that local day; plain days where every_day),
    assigned_day due_day Int32 (local days since 1970), phase group_no Int16, slips slip_days Int32, clears Int8,
    progress weight Float32, every_day confidential Boolean. `bound`: how far the changes were read. `moved` is None
    after a whole read. `acted`: people acted on alerts since the last refresh. `kpis`: see `kpis.read_kpis`.
    """

    tasks: pl.DataFrame
    units: tuple[Unit, ...]
    holders: tuple[Holder, ...]
    bound: int
    moved: Moved | None = None
    acted: bool = False
    kpis: pl.DataFrame = field(default_factory=pl.DataFrame)


def read_snapshot(
    connection: Connection,
    calendar: WorkCalendar,
    as_of: datetime | None = None,
    codes: Collection[str] | None = None,
) -> Snapshot:
    """Read the whole plan, or of its tasks only some `codes`, as known now or as it was known at `as_of`."""
    bound = _read_bound(connection)  # before the rows: what commits in between is read again, never passed by
    units = _read_units(connection, as_of)
    tasks = _with_bloc(_read_tasks(connection, calendar, as_of, codes), units)
    holders = _read_holders(connection, as_of)
    return Snapshot(tasks, units, holders, bound, kpis=read_kpis(connection, as_of))


def refresh(connection: Connection, before: Snapshot, calendar: WorkCalendar) -> Snapshot:
    """Bring a snapshot up to date with the changes committed since; without any, its frame is the same object."""
    changes, bound = _read_changes(connection, before.bound)
    after = replace(before, bound=bound, moved=None, acted=any(kind == "alert" for kind, _ in changes))
    codes = {subject for kind, subject in changes if kind == "task"}
    if "*" in codes or len(codes) > FEW:
        return replace(read_snapshot(connection, calendar), acted=after.acted)
    if any(kind == "unit" for kind, _ in changes):
        units = _read_units(connection, None)
        tasks = _with_bloc(before.tasks, units)
        after = replace(after, units=units, holders=_read_holders(connection, None), tasks=tasks)
    if any(kind == "kpi" for kind, _ in changes):
        after = replace(after, kpis=read_kpis(connection))
    if codes:
        after = _with_fresh(after, _with_bloc(_read_tasks(connection, calendar, None, codes), after.units), codes)
    return after


def read_known_since(
    connection: Connection, before: Snapshot, calendar: WorkCalendar, since: datetime, as_of: datetime
) -> Snapshot:
    """Move a snapshot of `since` forward to how the plan was known at `as_of`; for replaying recorded history."""
    recorded: dict[str, set[str]] = {}
    for row in connection.execute(_recorded_between(), {"since": since, "as_of": as_of}):
        recorded.setdefault(row[0], set()).add(row[1])
    after = replace(before, moved=None)
    if "unit" in recorded:
        units = _read_units(connection, as_of)
        after = replace(
            after, units=units, holders=_read_holders(connection, as_of), tasks=_with_bloc(after.tasks, units)
        )
    if "kpi" in recorded:
        after = replace(after, kpis=read_kpis(connection, as_of))
    codes = recorded.get("task", set())
    if not codes:
        return after
    return _with_fresh(after, _with_bloc(_read_tasks(connection, calendar, as_of, codes), after.units), codes)


def _with_fresh(before: Snapshot, fresh: pl.DataFrame, codes: Collection[str]) -> Snapshot:
    """Put freshly read rows in the place of some tasks: the kept rows first, then the fresh ones."""
    kept = ~before.tasks["code"].is_in(list(codes))
    pieces = [before.tasks.filter(kept), fresh.select(before.tasks.columns)]
    tasks = pl.concat(pieces, rechunk=before.tasks.n_chunks() >= PIECES)
    return replace(before, tasks=tasks, moved=Moved(kept, fresh))


@functools.cache
def _recorded_between() -> CompoundSelect[str, str]:
    """Select kind and code of whatever was recorded after :since, up to :as_of."""
    kinds: dict[str, Sequence[Column[str]]] = {
        "task": (schema.task_version.c.code, schema.deadline.c.task, schema.report.c.task),
        "unit": (schema.unit_version.c.code, schema.post_version.c.code, schema.holder_version.c.code),
        "kpi": (schema.kpi_version.c.code, schema.target_version.c.code, schema.reading.c.kpi),
    }
    return union_all(
        *(
            select(literal(kind), column).where(column.table.c.recorded_at > SINCE, column.table.c.recorded_at <= AS_OF)
            for kind, columns in kinds.items()
            for column in columns
        )
    )


# --- changes --------------------------------------------------------------------------------------------------------


def _read_bound(connection: Connection) -> int:
    """Say up to where changes are certain to be seen: design.md 4, Refresh."""
    if connection.dialect.name == "postgresql":
        return int(connection.scalar(text("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint")) or 0)
    return int(connection.scalar(select(func.coalesce(func.max(schema.change.c.seq), 0))) or 0)


def _read_changes(connection: Connection, bound: int) -> tuple[set[tuple[str, str]], int]:
    change = schema.change
    upto = _read_bound(connection)
    if upto == bound:
        return set(), bound
    if connection.dialect.name == "postgresql":
        where = and_(change.c.xact >= bound, change.c.xact < upto)
    else:
        where = and_(change.c.seq > bound, change.c.seq <= upto)
    return {(row.kind, row.subject) for row in connection.execute(select(change).where(where))}, upto


# --- rows -----------------------------------------------------------------------------------------------------------


def _frame(
    connection: Connection,
    query: Select[*tuple[object, ...]],
    asked: Mapping[str, object],
    columns: dict[str, type[pl.DataType]],
) -> pl.DataFrame:
    """Read rows into columns, from the driver's own cursor: SQLAlchemy's rows would take longer than the database."""
    # Not streamed: SQLAlchemy would take the first rows off the cursor for itself.
    result = connection.execute(query, asked)
    chunks = [pl.DataFrame(schema=columns)]
    with _without_collector():
        while rows := result.cursor.fetchmany(CHUNK):
            values = zip(columns.items(), zip(*rows, strict=True), strict=True)
            chunks.append(
                pl.DataFrame([pl.Series(name, column, dtype, strict=False) for (name, dtype), column in values])
            )
    result.close()
    return pl.concat(chunks, rechunk=True)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python from looking for rings of garbage among millions of plain rows: that took half of the start."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _read_units(connection: Connection, as_of: datetime | None) -> tuple[Unit, ...]:
    version = schema.unit_version
    names = ("code", "name", "short_name", "kind", "bloc", "parent", "head_title", "valid_from", "valid_to")
    rows = connection.execute(
        select(*(version.c[name] for name in names))
        .where(known(version, as_of), version.c.withdrawn.is_(False))
        .order_by(version.c.code)
    )
    return tuple(
        Unit(
            row.code,
            row.name,
            row.short_name or "",
            row.kind or "",
            row.bloc or "",
            row.parent,
            row.head_title or "",
            row.valid_from,
            row.valid_to,
        )
        for row in rows
    )


def _read_holders(connection: Connection, as_of: datetime | None) -> tuple[Holder, ...]:
    holder, post = schema.holder_version, schema.post_version
    rows = connection.execute(
        select(holder, post.c.unit, post.c.office, post.c.title)
        .join(post, and_(post.c.code == holder.c.post, known(post, as_of)))
        .where(known(holder, as_of), holder.c.withdrawn.is_(False), post.c.withdrawn.is_(False))
        .order_by(holder.c.code)
    )
    return tuple(
        Holder(
            row.code,
            row.unit,
            row.office,
            row.title or "",
            row.acting,
            row.email,
            row.phone,
            row.language,
            row.valid_from,
            row.valid_to,
        )
        for row in rows
    )


@functools.cache
def _versions(*, then: bool, some: bool) -> Select[*tuple[object, ...]]:
    """Select the versions known now, or `then` (:as_of), of all tasks or of `some` (:codes)."""
    version, identity = schema.task_version, schema.task
    # Five of the six clears (domain: "6 rõ") lie in the version; the sixth, time, is the deadline's.
    five = (
        version.c.owner_role,
        version.c.assigning_document,
        version.c.accountable_head,
        version.c.expected_result,
        version.c.decision_authority,
    )
    clears = functools.reduce(operator.add, (case((column.is_(None), 0), else_=1) for column in five))
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
    ).where(known(version, AS_OF if then else None), version.c.judged.is_(True), version.c.withdrawn.is_(False))
    return query.where(version.c.code.in_(CODES)) if some else query


@functools.cache
def _deadlines(*, then: bool, some: bool) -> Select[*tuple[object, ...]]:
    table = schema.deadline
    query = select(table.c.task, micros(table.c.due_at), table.c.authorised, table.c.id)
    if then:
        query = query.where(table.c.recorded_at <= AS_OF)
    return query.where(table.c.task.in_(CODES)) if some else query


@functools.cache
def _reports(*, then: bool, some: bool) -> Select[*tuple[object, ...]]:
    """Select the reports that no later row corrects."""
    table, later = schema.report, schema.report.alias("later")
    corrected = later.c.replaces == table.c.id
    query = select(table.c.task, micros(table.c.reported_at), table.c.progress, table.c.id)
    if then:
        corrected = and_(corrected, later.c.recorded_at <= AS_OF)
        query = query.where(table.c.recorded_at <= AS_OF)
    query = query.where(~select(later.c.id).where(corrected).exists())
    return query.where(table.c.task.in_(CODES)) if some else query


def _read_tasks(
    connection: Connection, calendar: WorkCalendar, as_of: datetime | None, codes: Collection[str] | None
) -> pl.DataFrame:
    then, some = as_of is not None, codes is not None
    asked = {"as_of": as_of, "codes": sorted(codes or ())}
    tasks = _frame(connection, _versions(then=then, some=some), asked, _VERSION_COLUMNS)
    due = _frame(connection, _deadlines(then=then, some=some), asked, _DEADLINE_COLUMNS).sort("order")
    reports = _frame(connection, _reports(then=then, some=some), asked, _REPORT_COLUMNS).sort("reported_at", "order")
    deadlines = due.group_by("code").agg(
        pl.col("due_at").first().alias("baseline_due_at"),
        pl.col("due_at").filter("authorised").last().alias("due_at"),
        (pl.len() - 1).cast(pl.Int32).alias("slips"),
    )
    latest = reports.group_by("code").agg(
        pl.col("reported_at").last().alias("last_reported_at"),
        pl.col("progress").drop_nulls().last(),
    )
    joined = tasks.join(deadlines, on="code", how="left", maintain_order="left").join(
        latest, on="code", how="left", maintain_order="left"
    )
    return _with_days(joined, calendar)


def _with_days(joined: pl.DataFrame, calendar: WorkCalendar) -> pl.DataFrame:
    """Add the day columns, so that a cycle only subtracts whole numbers."""
    instants = ("start_at", "due_at", "baseline_due_at", "claimed_at", "done_at", "assigned_at", "last_reported_at")
    frame = joined.with_columns(pl.col(name).cast(INSTANT) for name in instants)
    columns: list[pl.Series] = []
    every_day = frame["every_day"]
    for name, prefix in (
        ("assigned_at", "assigned"),
        ("due_at", "due"),
        ("baseline_due_at", "baseline"),
        ("last_reported_at", "report"),
    ):
        dates = calendar.local_dates(frame[name])
        days = dates.cast(pl.Int32).alias(f"{prefix}_day")
        index = calendar.workdays(dates).zip_with(~every_day, days).alias(f"{prefix}_index")
        columns += [days, index]
    return (
        frame.with_columns(columns)
        .with_columns(
            pl.col("status").cast(STATUS),
            pl.col("unit").cast(pl.Categorical),
            pl.col("slips").fill_null(0),
            (pl.col("clears") + pl.col("due_at").is_not_null()).cast(pl.Int8),
            (pl.col("due_day") - pl.col("baseline_day")).fill_null(0).alias("slip_days"),
        )
        .drop("baseline_day", "report_day")
    )


def _with_bloc(tasks: pl.DataFrame, units: tuple[Unit, ...]) -> pl.DataFrame:
    blocs = pl.DataFrame(
        {"unit": [unit.code for unit in units], "bloc": [unit.bloc or None for unit in units]},
        schema={"unit": pl.Categorical, "bloc": pl.Categorical},
    )
    bare = tasks.drop("bloc", strict=False)
    return bare.join(blocs, on="unit", how="left", maintain_order="left")
