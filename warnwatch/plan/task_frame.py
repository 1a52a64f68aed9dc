"""How tasks become columns: three queries, joined, with the day columns that a cycle subtracts from today.

In: versions, deadlines and reports of tasks. Out: the `tasks` frame that `snapshot.Snapshot` describes.
"""

from __future__ import annotations

import functools
import gc
import operator
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import polars as pl
from sqlalchemy import BindParameter, Connection, Select, and_, bindparam, case, func, select

from warnwatch import schema
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.clears import FIVE
from warnwatch.plan.succession import Tree
from warnwatch.schema import known, micros

STATUSES = ("open", "claimed", "done", "suspended", "cancelled")
STATUS = pl.Enum(STATUSES)
INSTANT = pl.Datetime("us", "UTC")

# What the queries below are asked with; they are written once, as writing them takes longer than a small read.
SINCE, AS_OF = bindparam("since", type_=schema.Instant()), bindparam("as_of", type_=schema.Instant())
CODES: BindParameter[str] = bindparam("codes", expanding=True)

# Rows that lie in memory as Python values at one time.
CHUNK = 50_000

VERSION_COLUMNS = {
    "code": pl.String,
    "lead": pl.String,
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


def read_tasks(
    connection: Connection, calendar: WorkCalendar, as_of: datetime | None, codes: Collection[str] | None
) -> pl.DataFrame:
    """Read the frame of all tasks or of some `codes`, as known now or at `as_of`; unit and bloc are not in it yet."""
    then, some = as_of is not None, codes is not None
    asked = {"as_of": as_of, "codes": sorted(codes or ())}
    tasks = _frame(connection, _versions(then=then, some=some), asked, VERSION_COLUMNS)
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
    return with_days(joined, calendar)


def with_days(joined: pl.DataFrame, calendar: WorkCalendar) -> pl.DataFrame:
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
            pl.col("lead").cast(pl.Categorical),
            pl.col("slips").fill_null(0),
            (pl.col("clears") + pl.col("due_at").is_not_null()).cast(pl.Int8),
            (pl.col("due_day") - pl.col("baseline_day")).fill_null(0).alias("slip_days"),
        )
        .drop("baseline_day", "report_day")
    )


def with_lead(tasks: pl.DataFrame, tree: Tree) -> pl.DataFrame:
    """Add the unit that stands for each recorded lead in this tree, and its bloc; or put them in place of the old."""
    codes = [*tree.units, *tree.successors]
    present = [*tree.units, *tree.successors.values()]
    blocs = [tree.units[code].bloc or None if code in tree.units else None for code in present]
    placed = pl.DataFrame(
        {"lead": codes, "unit": present, "bloc": blocs},
        schema={"lead": pl.Categorical, "unit": pl.Categorical, "bloc": pl.Categorical},
    )
    bare = tasks.drop("unit", "bloc", strict=False)
    joined = bare.join(placed, on="lead", how="left", maintain_order="left")
    # A unit that is in no tree was withdrawn: what it leads is not lost for that.
    return joined.with_columns(pl.col("unit").fill_null(pl.col("lead")))
