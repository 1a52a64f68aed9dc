"""The plan at one instant as columns: read whole once, then kept up to date with only what changed.

In: the plan's tables. Out: a Snapshot whose `tasks` frame has one row per judged task and the base columns that
`measures` turns into measures; words (titles, documents) stay in the database until something is told.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl
from sqlalchemy import (
    Column,
    CompoundSelect,
    Connection,
    and_,
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
from warnwatch.plan.task_frame import AS_OF, SINCE, read_tasks, with_bloc
from warnwatch.schema import known

# Above this many changed subjects, reading all again is cheaper than picking them out.
FEW = 20_000
# A frame of more pieces is joined into one: joining costs a copy of the plan, many pieces slow every rule.
PIECES = 16


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
    tasks = with_bloc(read_tasks(connection, calendar, as_of, codes), units)
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
        tasks = with_bloc(before.tasks, units)
        after = replace(after, units=units, holders=_read_holders(connection, None), tasks=tasks)
    if any(kind == "kpi" for kind, _ in changes):
        after = replace(after, kpis=read_kpis(connection))
    if codes:
        after = _with_fresh(after, with_bloc(read_tasks(connection, calendar, None, codes), after.units), codes)
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
            after, units=units, holders=_read_holders(connection, as_of), tasks=with_bloc(after.tasks, units)
        )
    if "kpi" in recorded:
        after = replace(after, kpis=read_kpis(connection, as_of))
    codes = recorded.get("task", set())
    if not codes:
        return after
    return _with_fresh(after, with_bloc(read_tasks(connection, calendar, as_of, codes), after.units), codes)


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


# --- bodies ---------------------------------------------------------------------------------------------------------


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
