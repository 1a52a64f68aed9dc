"""How a number of working days came about: which days between two dates were counted, and which were passed over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from warnwatch.errors import WarnWatchError
from warnwatch.plan.calendar import WorkCalendar

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class DayCount:
    """The days after `start` up to and including `end`, local dates; `days` of them were counted.

    `weekends`: how many Saturdays and Sundays were passed over; `days_off`: other days that offices were closed;
    `make_up_days`: Saturdays and Sundays that count. With `every_day` all days count.
    """

    start: date
    end: date
    days: int
    weekends: int
    days_off: tuple[date, ...]
    make_up_days: tuple[date, ...]
    every_day: bool = False


def count_days(calendar: WorkCalendar, one: date, other: date, *, every_day: bool = False) -> DayCount | None:
    """Count from the earlier of two dates to the later; None where the calendar does not reach."""
    start, end = min(one, other), max(one, other)
    days = [start + timedelta(days=number) for number in range(1, (end - start).days + 1)]
    if every_day:
        return DayCount(start, end, len(days), 0, (), (), every_day=True)
    try:
        working = [(day, calendar.is_working(day)) for day in days]
    except WarnWatchError:
        return None
    return DayCount(
        start,
        end,
        sum(works for _, works in working),
        sum(not works and day.weekday() >= _SATURDAY for day, works in working),
        tuple(day for day, works in working if not works and day.weekday() < _SATURDAY),
        tuple(day for day, works in working if works and day.weekday() >= _SATURDAY),
    )
