"""How each unit stands: its numbers, its shares, and its colour on the plan's own scale.

In: the counted tasks of `tally`. Out: one Stand per lead unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum

import polars as pl

from warnwatch.language import Phrase
from warnwatch.plan.measures import TIMINGS


class Colour(IntEnum):
    """The colours of the national monitor (Xanh, Vàng, Đỏ), grey before them; the numbers are the metric's."""

    GREY = 0
    GREEN = 1
    YELLOW = 2
    RED = 3

    @property
    def vietnamese(self) -> str:
        """The published word for the colour."""
        return (Phrase("chưa đánh giá"), Phrase("sẵn sàng"), Phrase("cảnh báo"), Phrase("chậm"))[self]

    @property
    def named(self) -> str:
        """The colour's own name."""
        return (Phrase("Xám"), Phrase("Xanh"), Phrase("Vàng"), Phrase("Đỏ"))[self]


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """The largest share of overdue tasks (0..1) still green, and still yellow. No official ones are published.

    `day`: when all units are compared, a day of the month (1 to 28) or of the week (a word of WEEKDAYS).
    """

    green: float = 0.0
    yellow: float = 0.2
    day: int | str = 5

    def days(self, today: date) -> tuple[date, date]:
        """Give the last two cut-off days that are over: the last one first."""
        if isinstance(self.day, str):
            back = (today.weekday() - WEEKDAYS.index(self.day) - 1) % 7 + 1
            last = today - timedelta(days=back)
            return last, last - timedelta(days=7)
        first = today.replace(day=1)
        month_before = (first - timedelta(days=1)).replace(day=1)
        last = (first if today.day > self.day else month_before).replace(day=self.day)
        return last, (last.replace(day=1) - timedelta(days=1)).replace(day=self.day)

    def colour_of(self, share: pl.Expr) -> pl.Expr:
        """Give the number of a Colour for a column of shares; null for none."""
        colour = pl.when(share <= self.green).then(Colour.GREEN).when(share <= self.yellow).then(Colour.YELLOW)
        return pl.when(share.is_not_null()).then(colour.otherwise(Colour.RED)).cast(pl.Int8)


@dataclass(frozen=True, slots=True)
class Stand:
    """How a unit, or several together, stand by the tasks that they lead.

    `timings` counts tasks by computed status, all statuses named; `soon` are part of `open_in_time`; `reported` counts
    those not suspended or cancelled on which a report has ever come.
    """

    timings: dict[str, int]
    soon: int = 0
    reported: int = 0

    @property
    def live(self) -> int:
        """Tasks neither suspended nor cancelled: what every share is taken of."""
        return sum(self.timings.values()) - self.timings["suspended"] - self.timings["cancelled"]

    @property
    def late(self) -> int:
        """Tasks past their deadline and not done."""
        return self.timings["open_late"]

    @property
    def done(self) -> int:
        """Tasks verified done, in time or late."""
        return self.timings["done_in_time"] + self.timings["done_late"]

    @property
    def overdue_ratio(self) -> float | None:
        """The share of live tasks that are overdue, 0..1; None without any."""
        return self.late / self.live if self.live else None

    @property
    def reported_ratio(self) -> float | None:
        """The share of live tasks on which a report has ever come, 0..1; None without any."""
        return self.reported / self.live if self.live else None

    def colour(self, cutoffs: Cutoffs) -> Colour:
        """Give the colour; grey when there is no live task with a deadline that could be late."""
        share = self.overdue_ratio
        if share is None or self.live == self.timings["no_deadline"]:
            return Colour.GREY
        if share <= cutoffs.green:
            return Colour.GREEN
        return Colour.YELLOW if share <= cutoffs.yellow else Colour.RED


def stands_of(counts: pl.DataFrame) -> dict[str, Stand]:
    """Give the stand of every unit that leads a task, from `tally.count_tasks`."""
    idle = pl.col("timing").is_in(["suspended", "cancelled"])
    rows = counts.group_by("unit", "timing").agg(
        pl.col("tasks").sum(),
        pl.col("tasks").filter("soon").sum().alias("soon"),
        pl.col("tasks").filter(pl.col("reported") & ~idle).sum().alias("reported"),
    )
    timings: dict[str, dict[str, int]] = {}
    others: dict[str, tuple[int, int]] = {}
    for unit, timing, tasks, soon, reported in rows.sort("unit").iter_rows():
        timings.setdefault(unit, dict.fromkeys(TIMINGS, 0))[timing] = tasks
        soon_before, reported_before = others.get(unit, (0, 0))
        others[unit] = (soon_before + soon, reported_before + reported)
    return {unit: Stand(numbers, *others[unit]) for unit, numbers in timings.items()}


def total_of(stands: Iterable[Stand]) -> Stand:
    """Add several stands up."""
    timings = dict.fromkeys(TIMINGS, 0)
    soon = reported = 0
    for stand in stands:
        for timing, tasks in stand.timings.items():
            timings[timing] += tasks
        soon += stand.soon
        reported += stand.reported
    return Stand(timings, soon, reported)
