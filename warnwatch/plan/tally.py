"""How units stand: tasks counted by lead unit and computed status, rolled up the tree where asked.

Counting a whole plan takes longer than judging it. So what was counted stands until a deadline or a day passes, and of
changed tasks only the difference is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.colours import Cutoffs
from warnwatch.plan.deadline_trail import INSTANT
from warnwatch.plan.directory import Directory
from warnwatch.plan.measures import HAS_DEADLINE, Today
from warnwatch.plan.moving import Moved
from warnwatch.plan.written import expression_of

# A task counts as due soon from this many working days before its deadline (domain.md 3.4: the first reminder).
SOON = 7
# A task counts as reported lately for so many working days after a report, or after its start.
LATELY = 10

_KEYS = ("unit", "bloc", "phase", "group_no", "timing", "soon", "reported")
# The last cut-off and the one before it.
_CUTOFFS = ("", "_before")


@dataclass(frozen=True, slots=True)
class Counted:
    """Counted tasks, with what they were counted from. They stand for `day`, up to `until`, the next deadline."""

    frame: pl.DataFrame
    tasks: pl.DataFrame
    day: int
    cutoffs: tuple[datetime, datetime]
    since: datetime
    until: datetime

    def stands(self, today: Today, cutoffs: tuple[datetime, datetime]) -> bool:
        """Say whether the same tasks would be counted alike now."""
        return (self.day, self.cutoffs) == (today.day, cutoffs) and self.since <= today.at <= self.until


def cutoff_instants(cutoffs: Cutoffs, calendar: WorkCalendar, now: datetime) -> tuple[datetime, datetime]:
    """Give the ends of the last two cut-off days that are over, the last one first."""
    last, before = cutoffs.days(calendar.local_date(now))
    return calendar.end_of_day(last), calendar.end_of_day(before)


def count_again(
    tasks: pl.DataFrame,
    today: Today,
    cutoffs: tuple[datetime, datetime],
    before: Counted | None = None,
    moved: Moved | None = None,
) -> Counted:
    """Count tasks, going on from what was counted `before` where it still stands.

    `moved` says how these tasks came from those counted before; without it they are counted anew when they are others.
    """
    if before is None or not before.stands(today, cutoffs):
        return _counted(count_tasks(tasks, today, cutoffs), tasks, today, cutoffs)
    if tasks is before.tasks:
        return before
    if moved is None or not moved.leads(before.tasks, tasks):
        return _counted(count_tasks(tasks, today, cutoffs), tasks, today, cutoffs)
    frame, until = _with_difference(before.frame, moved, today, cutoffs), _next_deadline(moved.fresh, today)
    return Counted(frame, tasks, today.day, cutoffs, today.at, min(before.until, until))


def _with_difference(
    counts: pl.DataFrame, moved: Moved, today: Today, cutoffs: tuple[datetime, datetime]
) -> pl.DataFrame:
    """Take the tasks that are gone out of the counts and the fresh ones in; the same object when that is no other."""
    numbers = [name for name in counts.columns if name not in _KEYS]
    difference = _difference(moved, today, cutoffs).filter(pl.any_horizontal(pl.col(numbers) != 0))
    if difference.is_empty():
        return counts
    touched = pl.col("unit").is_in(difference["unit"].unique().implode())
    some = (
        pl.concat([counts.filter(touched), difference.select(counts.columns)])
        .group_by(_KEYS)
        .agg(pl.col(name).sum() for name in numbers)
        .filter(pl.col("tasks") > 0)
    )
    return pl.concat([counts.filter(~touched), some.sort(_ORDER, nulls_last=True)], rechunk=True)


def _counted(frame: pl.DataFrame, tasks: pl.DataFrame, today: Today, cutoffs: tuple[datetime, datetime]) -> Counted:
    return Counted(frame, tasks, today.day, cutoffs, today.at, _next_deadline(tasks, today))


def _next_deadline(tasks: pl.DataFrame, today: Today) -> datetime:
    due = tasks.select(pl.col("due_at").filter(pl.col("due_at") >= today.at).min()).item()
    return due if isinstance(due, datetime) else datetime.max.replace(tzinfo=today.at.tzinfo)


_ORDER = ["unit", "phase", "group_no", "timing"]


def count_tasks(tasks: pl.DataFrame, today: Today, cutoffs: tuple[datetime, datetime] | None = None) -> pl.DataFrame:
    """Count tasks: unit bloc timing String, phase group_no Int16, soon reported Boolean, tasks Int64, weight Float64.

    Further numbers are Int64: `followed` (open, with a deadline) and of them `lately` (reported or begun within ten
    working days); `due` (their deadline has passed; claimed in time counts for neither) and of them `due_in_time`;
    `slipped`; `at_cutoff`, `late_at_cutoff` and the same `_before`, 0 without `cutoffs` (the last two).
    """
    described, numbers = _described(tasks, today, cutoffs)
    return (
        described.group_by(_KEYS)
        .agg(
            pl.len().cast(pl.Int64).alias("tasks"),
            pl.col("weight").sum(),
            *(pl.col(name).sum().cast(pl.Int64) for name in numbers),
        )
        .sort(_ORDER, nulls_last=True)
        .collect(engine="in-memory")
    )


def _difference(moved: Moved, today: Today, cutoffs: tuple[datetime, datetime]) -> pl.DataFrame:
    """Count the fresh tasks less those that are gone."""
    described, numbers = _described(pl.concat([moved.gone, moved.fresh]), today, cutoffs)
    sign = pl.when(pl.int_range(pl.len()) < moved.gone.height).then(-1).otherwise(1).cast(pl.Int64)
    return (
        described.with_columns(sign.alias("tasks"))
        .group_by(_KEYS)
        .agg(
            pl.col("tasks").sum(),
            *((pl.col(name) * pl.col("tasks")).sum() for name in ("weight", *numbers)),
        )
        .collect(engine="in-memory")
    )


def _described(
    tasks: pl.DataFrame, today: Today, cutoffs: tuple[datetime, datetime] | None
) -> tuple[pl.LazyFrame, list[str]]:
    """Say of each task by what it is counted, and in which numbers it counts."""
    timing = expression_of("task", "timing", today)
    soon = (timing == "open_in_time") & (expression_of("task", "working_days_left", today) <= SOON)
    status, live = pl.col("status"), ~pl.col("status").is_in(("suspended", "cancelled"))
    followed = (status == "open") & HAS_DEADLINE
    passed = live & (today.now > pl.col("due_at"))
    in_hand = (status == "claimed") & (pl.col("claimed_at") <= pl.col("due_at")).fill_null(value=True)
    numbers = {
        "followed": followed,
        "lately": followed & (expression_of("task", "silent_working_days", today) <= LATELY),
        "due": passed & ~in_hand,
        "due_in_time": passed & (status == "done") & (pl.col("done_at") <= pl.col("due_at")),
        "slipped": live & (pl.col("slips") > 0),
    }
    for name, cutoff in zip(_CUTOFFS, cutoffs or (None, None), strict=True):
        then = pl.lit(cutoff, INSTANT)
        numbers[f"at_cutoff{name}"] = live & (pl.col("assigned_at") <= then)
        numbers[f"late_at_cutoff{name}"] = live & (pl.col("due_at") < then) & ~_finished_by(then)
    described = tasks.lazy().select(
        pl.col("unit").cast(pl.String),
        pl.col("bloc").cast(pl.String),
        "phase",
        "group_no",
        pl.col("weight").cast(pl.Float64),
        timing.cast(pl.String).alias("timing"),
        soon.fill_null(value=False).alias("soon"),
        pl.col("last_reported_at").is_not_null().alias("reported"),
        *(number.fill_null(value=False).alias(name) for name, number in numbers.items()),
    )
    return described, list(numbers)


def _finished_by(cutoff: pl.Expr) -> pl.Expr:
    """Say whether a task was done by then, or reported done: that is what `timing` calls late, looked at from then."""
    status = pl.col("status")
    finished = pl.min_horizontal("claimed_at", "done_at") <= cutoff
    claimed = (status == "claimed") & pl.col("claimed_at").is_null()
    return ((status != "open") & finished).fill_null(value=False) | claimed


def roll_up(counts: pl.DataFrame, directory: Directory) -> dict[str, dict[str, int]]:
    """Sum the counts up for every unit and those below it: {unit: {timing: tasks}}, with `due_soon` and `total`."""
    sums: dict[str, dict[str, int]] = {}
    above = {code: (code, *(unit.code for unit in directory.superiors(code))) for code in directory.units}
    rows = counts.group_by("unit", "timing").agg(pl.col("tasks").sum(), soon=pl.col("tasks").filter("soon").sum())
    for unit, timing, tasks, soon in rows.iter_rows():
        for code in above.get(unit, (unit,)):
            known = sums.setdefault(code, {"total": 0, "due_soon": 0})
            known[timing] = known.get(timing, 0) + tasks
            known["total"] += tasks
            known["due_soon"] += soon
    return sums
