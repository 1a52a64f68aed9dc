"""What a measure is: a documented column that a rule may use, with its unit, meaning, source and its sentence.

In: a snapshot's base columns and the instant. Out: Polars expressions; nothing is computed until a rule asks for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Literal

import polars as pl

from warnwatch.plan.calendar import WorkCalendar

TIMINGS = (
    "open_in_time",
    "open_late",
    "claimed",
    "done_in_time",
    "done_late",
    "no_deadline",
    "suspended",
    "cancelled",
)
EPOCH_DAY = date(1970, 1, 1)
SHARE = ("phần (0–1)", "share (0–1)")
COLOUR = ("màu: 1 xanh, 2 vàng, 3 đỏ", "colour: 1 green, 2 yellow, 3 red")
_COLOUR_WORDS = (("Xanh", "green"), ("Vàng", "yellow"), ("Đỏ", "red"))
WORKING_DAYS = ("ngày làm việc", "working days")
DAYS = ("ngày", "days")
WORKING_HOURS = ("giờ làm việc", "working hours")
PACE = ("phần mỗi ngày làm việc", "share per working day")
TIMES = ("lần", "times")
NONE = ("", "")


@dataclass(frozen=True, slots=True)
class Today:
    """The instant of a cycle as the columns count: `day` is the local day since 1970, `workday` the calendar's.

    `minutes` are the minutes of office hours passed, on working days and on every day.
    """

    at: datetime
    day: int
    workday: int
    minutes: tuple[int, int] = (0, 0)

    @property
    def now(self) -> pl.Expr:
        """The instant itself."""
        return _instant(self.at)

    @property
    def index(self) -> pl.Expr:
        """Today on each task's own count of days."""
        return _counted(self.day, self.workday)

    @property
    def worked(self) -> pl.Expr:
        """The minutes of office hours passed, on each task's own count of days."""
        return _counted(self.minutes[1], self.minutes[0])


@lru_cache(maxsize=10)
def _instant(at: datetime) -> pl.Expr:
    return pl.lit(at)  # written once a cycle: Polars brings it into its zone by a query of its own


def _counted(every_day: int, working_days: int) -> pl.Expr:
    return pl.when(pl.col("every_day")).then(every_day).otherwise(working_days).cast(pl.Int32)


def today_of(now: datetime, calendar: WorkCalendar) -> Today:
    """Place an instant on the calendar."""
    local = calendar.local_date(now)
    return Today(now, (local - EPOCH_DAY).days, calendar.workday(local), calendar.office_minutes_by(now))


@dataclass(frozen=True, slots=True)
class Measure:
    """One column of the catalogue.

    `unit`, `meaning`, `sentence` are pairs (Vietnamese, English); a sentence takes {value} and {threshold}, and
    `below_zero` is the one for negative values, which it shows without their sign. `values` closes a text column;
    `nullable` says that the value may be missing.
    """

    name: str
    about: str
    kind: Literal["number", "text", "code", "boolean"]
    unit: tuple[str, str]
    meaning: tuple[str, str]
    source: str
    example: str
    expression: Callable[[Today], pl.Expr]
    sentence: tuple[str, str] = ("", "")
    below_zero: tuple[str, str] = ("", "")
    values: tuple[str, ...] | None = None
    nullable: bool = True


# --- expressions over the base columns ------------------------------------------------------------------------------

HAS_DEADLINE = pl.col("due_at").is_not_null()


def at_least(value: pl.Expr, least: float) -> pl.Expr:
    """Raise a value to a floor; unknown stays unknown, which `max_horizontal` would forget."""
    return pl.when(value < least).then(pl.lit(least)).otherwise(value)


def column(name: str) -> Callable[[Today], pl.Expr]:
    """Give a base column as it is."""
    return lambda _today: pl.col(name)


# --- saying it ------------------------------------------------------------------------------------------------------


def describe(
    measure: Measure,
    value: float | None,
    threshold: float | None,
    language: str = "vi",
    *,
    every_day: bool = False,
) -> str:
    """Say a measure's value against its threshold in one sentence, for mail, page and `explain` alike.

    `every_day`: the task's days are all counted, so its working days are called days.
    """
    which = 0 if language == "vi" else 1
    if value is None:
        return ("chưa có số liệu", "no value yet")[which]
    if value < 0 and measure.below_zero[which]:
        said = measure.below_zero[which].format(value=_shown(measure, -value, which))
    else:
        limit = "" if threshold is None else _shown(measure, _whole(measure, value, threshold), which)
        said = measure.sentence[which].format(value=_shown(measure, value, which), threshold=limit)
    return said.replace(" ngày làm việc", " ngày").replace("working days", "days") if every_day else said


def _whole(measure: Measure, value: float, threshold: float) -> float:
    """Give the threshold in whole days on its own side of the value: 10 days against 9.9 are more than 9."""
    if "days" not in measure.unit[1] or not math.isfinite(threshold):
        return threshold
    return math.floor(threshold) if value > threshold else math.ceil(threshold)


def _shown(measure: Measure, value: float, which: int) -> str:
    """Write a number as its unit is read: shares as percent, colours as words, the rest with at most two decimals."""
    if measure.unit is SHARE:
        return f"{_number(value * 100, 0, which)} %"
    if measure.unit is COLOUR and value in {1, 2, 3}:
        return _COLOUR_WORDS[int(value) - 1][which]
    if measure.unit is PACE:
        return f"{_number(value * 100, 2, which)} %"
    return _number(value, 2, which)


def _number(value: float, decimals: int, which: int) -> str:
    text = f"{value:,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    # Vietnamese writes 3.321 and 39,98.
    return text.translate(str.maketrans(",.", ".,")) if which == 0 else text
