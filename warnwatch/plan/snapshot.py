"""The plan at one instant as columns: read whole once, then kept up to date with only what changed.

In: the plan's tables. Out: a Snapshot whose `tasks` frame has one row per judged task and the base columns that
`measures` turns into measures; words (titles, documents) stay in the database until something is told.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import polars as pl
from sqlalchemy import Column, CompoundSelect, Connection, and_, delete, func, insert, literal, select, text, union_all

from warnwatch import schema
from warnwatch.plan.bodies import read_changes, read_holders, read_units
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.directory import Directory, Holder, Unit
from warnwatch.plan.kpi_frame import read_kpis, turns_with_days, with_events
from warnwatch.plan.moving import Moved, move
from warnwatch.plan.rows import AS_OF, SINCE
from warnwatch.plan.source_frame import read_sources, with_present_unit
from warnwatch.plan.succession import Change, Tree, tree_on
from warnwatch.plan.task_frame import read_reported, read_tasks, with_lead, with_obstacle_unit

# Above this many changed subjects, reading all again is cheaper than picking them out.
FEW = 20_000
# So many changes are kept; when there are twice as many, the older ones go. Who has not read them reads all again.
KEPT = 200_000
PRUNED = "pruned"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The plan as known at one instant.

    `tasks`, in the order of their codes: code String, lead unit bloc Categorical (`lead` as recorded, `unit` the one
    that stands for it on the day of the `tree`), status Enum, start_at due_at baseline_due_at claimed_at done_at
    assigned_at (the start, or when it was recorded) last_reported_at next_milestone_at Datetime(us, UTC), phase
    group_no Int16, clears Int8, weight Float32, every_day confidential needs_evidence Boolean, assigned_day due_day
    baseline_day Int32 (local days since 1970), due_minutes Int32 (office minutes up to the deadline); Int32 too, days
    on the task's own count (working days of the calendar up to that local day; plain days where every_day):
    assigned_index due_index baseline_index report_index claimed_index, slip_index (the last move of the deadline),
    next_milestone_index, and those of `report_trail`; slips slip_days and the columns of `deadline_trail`,
    `report_trail` and `milestone_trail`. `bound`: how far the changes were read. `moved` is None after a whole read.
    `acted`: people acted on alerts since the last refresh. `kpis`: see `kpi_frame.read_kpis`, with the events that
    count on the local day `kpis_on`; `sources`: see `source_frame.read_sources`.
    """

    tasks: pl.DataFrame
    units: tuple[Unit, ...]
    holders: tuple[Holder, ...]
    bound: int
    moved: Moved | None = None
    acted: bool = False
    kpis: pl.DataFrame = field(default_factory=pl.DataFrame)
    kpis_on: date | None = None
    sources: pl.DataFrame = field(default_factory=pl.DataFrame)
    changes: tuple[Change, ...] = ()
    tree: Tree = field(default_factory=lambda: Tree({}))

    def directory(self, day: date) -> Directory:
        """Give who holds which office on the day of the tree."""
        return Directory(self.tree.units, self.holders, day, self.tree.successors, self.tree.former)


def read_snapshot(
    connection: Connection,
    calendar: WorkCalendar,
    as_of: datetime | None = None,
    codes: Collection[str] | None = None,
    day: date | None = None,
) -> Snapshot:
    """Read the whole plan, or of its tasks only some `codes`, as known now or as it was known at `as_of`.

    The tree is that of the local `day`, by the changes known; without one it is as recorded, before any change.
    """
    bound = _read_bound(connection)  # before the rows: what commits in between is read again, never passed by
    units, changes = read_units(connection, calendar, as_of), read_changes(connection, calendar, as_of)
    tree = tree_on(units, changes, day or date.min)
    tasks = with_lead(read_tasks(connection, calendar, as_of, codes), tree)
    kpis = read_kpis(connection, calendar, tree, as_of, day)
    sources = with_present_unit(read_sources(connection, calendar, as_of), tree.successors)
    holders = read_holders(connection, as_of)
    return Snapshot(tasks, units, holders, bound, kpis=kpis, kpis_on=day, sources=sources, changes=changes, tree=tree)


def refresh(connection: Connection, before: Snapshot, calendar: WorkCalendar, day: date | None = None) -> Snapshot:
    """Bring a snapshot up to date with the changes committed since, and its tree to the local `day`.

    When nothing was changed and no change of a unit falls between, its frame is the same object.
    """
    changes, bound = _read_changes(connection, before.bound)
    after = replace(before, bound=bound, moved=None, acted=any(kind == "alert" for kind, _ in changes))
    codes = {subject for kind, subject in changes if kind in {"task", "report"}}
    if any(kind == PRUNED and before.bound < int(subject) for kind, subject in changes):
        return replace(read_snapshot(connection, calendar, day=day), acted=True)
    if "*" in codes or len(codes) > FEW:
        return replace(read_snapshot(connection, calendar, day=day), acted=after.acted)
    kinds = {kind for kind, _ in changes}
    kpis = {subject for kind, subject in changes if kind == "kpi"}
    return _with_news(connection, after, calendar, (kinds, codes, kpis), (day, None))


def read_known_since(
    connection: Connection,
    before: Snapshot,
    calendar: WorkCalendar,
    since: datetime,
    as_of: datetime,
    day: date | None = None,
) -> Snapshot:
    """Move a snapshot of `since` forward to how the plan was known at `as_of`; for replaying recorded history."""
    recorded: dict[str, set[str]] = {}
    for row in connection.execute(_recorded_between(), {"since": since, "as_of": as_of}):
        recorded.setdefault(row[0], set()).add(row[1])
    after = replace(before, moved=None)
    return _with_news(connection, after, calendar, (set(recorded), recorded.get("task", set()), None), (day, as_of))


def _with_news(
    connection: Connection,
    before: Snapshot,
    calendar: WorkCalendar,
    news: tuple[set[str], Collection[str], Collection[str] | None],
    at: tuple[date | None, datetime | None],
) -> Snapshot:
    """Read again the kinds, tasks and KPIs that have changed; the frames follow a tree that is another one now."""
    (kinds, codes, some_kpis), (day, as_of) = news, at
    after = before
    if "unit" in kinds:
        after = replace(
            after,
            units=read_units(connection, calendar, as_of),
            changes=read_changes(connection, calendar, as_of),
            holders=read_holders(connection, as_of),
        )
    if "unit" in kinds or not after.tree.holds_on(day or date.min):
        tree = tree_on(after.units, after.changes, day or date.min)
        sources = with_present_unit(after.sources, tree.successors)
        after = replace(after, tree=tree, tasks=with_lead(after.tasks, tree), sources=sources)
    if after.tree is not before.tree:  # ratios are summed up the tree
        after = replace(after, kpis=read_kpis(connection, calendar, after.tree, as_of, day), kpis_on=day)
    elif "kpi" in kinds:
        fresh = read_kpis(connection, calendar, after.tree, as_of, day, some_kpis)
        after = replace(after, kpis=_with_kpis(_kpis_on(after, day), fresh, some_kpis), kpis_on=day)
    elif day != before.kpis_on:
        after = replace(after, kpis=_kpis_on(after, day), kpis_on=day)
    if "source" in kinds:
        sources = read_sources(connection, calendar, as_of)
        after = replace(after, sources=with_present_unit(sources, after.tree.successors))
    if not codes:
        return after
    if as_of is None and "task" not in kinds:
        fresh = with_obstacle_unit(read_reported(connection, calendar, after.tasks, codes), after.tree)
    else:
        fresh = with_lead(read_tasks(connection, calendar, as_of, codes), after.tree)
    moved = move(after.tasks, fresh, codes)
    return replace(after, tasks=moved.after, moved=moved)


def _kpis_on(snapshot: Snapshot, day: date | None) -> pl.DataFrame:
    """Give the KPIs with the events that count on a day."""
    same = day == snapshot.kpis_on or not turns_with_days(snapshot.kpis)
    return snapshot.kpis if same else with_events(snapshot.kpis, day)


def _with_kpis(before: pl.DataFrame, fresh: pl.DataFrame, codes: Collection[str] | None) -> pl.DataFrame:
    """Put freshly read rows in the place of some KPIs, in the order of their codes."""
    if codes is None or not before.width:
        return fresh
    kept = before.filter(~before["kpi"].cast(pl.String).is_in(list(codes)))
    return pl.concat([kept, fresh.select(kept.columns)], rechunk=True).sort("code")


@functools.cache
def _recorded_between() -> CompoundSelect[str, str]:
    """Select kind and code of whatever was recorded after :since, up to :as_of."""
    kinds: dict[str, Sequence[Column[str]]] = {
        "task": (
            schema.task_version.c.code,
            schema.deadline.c.task,
            schema.decision.c.task,
            schema.report.c.task,
            schema.milestone_version.c.task,
        ),
        "unit": (
            schema.unit_version.c.code,
            schema.post_version.c.code,
            schema.holder_version.c.code,
            schema.unit_change.c.unit,
        ),
        "kpi": (schema.kpi_version.c.code, schema.target_version.c.code, schema.reading.c.kpi),
        "source": (schema.source_version.c.code, schema.watch.c.source, schema.pull.c.source),
    }
    left = schema.milestone_version
    return union_all(
        *(
            select(literal(kind), column).where(column.table.c.recorded_at > SINCE, column.table.c.recorded_at <= AS_OF)
            for kind, columns in kinds.items()
            for column in columns
        ),
        # A milestone that went to another task left this one.
        select(literal("task"), left.c.task).where(left.c.superseded_at > SINCE, left.c.superseded_at <= AS_OF),
    )


# --- changes --------------------------------------------------------------------------------------------------------


def _read_bound(connection: Connection) -> int:
    """Say up to where changes are certain to be seen: design.md 4, Refresh."""
    if connection.dialect.name == "postgresql":
        return int(connection.scalar(text("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint")) or 0)
    return int(connection.scalar(select(func.coalesce(func.max(schema.change.c.seq), 0))) or 0)


def _read_changes(connection: Connection, bound: int) -> tuple[set[tuple[str, str]], int]:
    """Read what was changed since a bound, and give the bound that this comes to.

    A change of kind `task` is of anything about it; of kind `report`, of its reports alone.
    """
    change = schema.change
    upto = _read_bound(connection)
    if upto == bound:
        return set(), bound
    if connection.dialect.name == "postgresql":
        where = and_(change.c.xact >= bound, change.c.xact < upto)
    else:
        where = and_(change.c.seq > bound, change.c.seq <= upto)
    rows = connection.execute(select(change.c.kind, change.c.subject).where(where)).all()
    return {(kind, subject) for kind, subject in rows}, upto


def changes_are_many(connection: Connection, kept: int = KEPT) -> bool:
    """Say whether it is time to prune; asks the ends of an index."""
    least, most = (connection.scalar(select(end(schema.change.c.seq))) for end in (func.min, func.max))
    return least is not None and most is not None and most - least >= 2 * kept


def prune_changes(connection: Connection, kept: int = KEPT) -> int:
    """Remove all but the newest changes; give how many.

    A row is left in their place that names up to where they went, for a reader who had not come so far.
    """
    change = schema.change
    most = int(connection.scalar(select(func.max(change.c.seq))) or 0)
    if connection.dialect.name == "postgresql":
        # Whoever wrote below the bound has ended: no row comes there any more.
        oldest = select(change.c.xact).where(change.c.seq > most - kept).order_by(change.c.seq).limit(1)
        first = connection.scalar(oldest)
        horizon = min(int(first or 0), _read_bound(connection))
        where = change.c.xact < horizon
    else:
        horizon = most - kept
        where = change.c.seq <= horizon
    gone = connection.execute(delete(change).where(where)).rowcount
    mark = {"kind": PRUNED, "subject": str(horizon)}
    connection.execute(insert(change).values(xact=schema.xact(connection), **mark))
    return gone
