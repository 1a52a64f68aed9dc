"""How a number of working days came about is told day by day."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from judging import CALENDAR

from warnwatch.plan.day_count import count_days

DAYS = st.dates(date(2025, 1, 1), date(2026, 12, 31))


def test_weekends_and_holidays_are_named_apart() -> None:
    """From Friday 29/8/2025 to Wednesday 3/9: National Day takes Monday and Tuesday, one working day is left."""
    counted = count_days(CALENDAR, date(2025, 8, 29), date(2025, 9, 3))
    assert counted is not None
    assert (counted.days, counted.weekends) == (1, 2)
    assert counted.days_off == (date(2025, 9, 1), date(2025, 9, 2))


def test_a_make_up_saturday_is_named() -> None:
    """Saturday 26/4/2025 was worked for Friday 2/5."""
    counted = count_days(CALENDAR, date(2025, 4, 25), date(2025, 4, 28))
    assert counted is not None
    assert (counted.days, counted.weekends, counted.make_up_days) == (2, 1, (date(2025, 4, 26),))


def test_where_every_day_counts_nothing_is_passed_over() -> None:
    """Five days are five days."""
    counted = count_days(CALENDAR, date(2025, 8, 29), date(2025, 9, 3), every_day=True)
    assert counted is not None
    assert (counted.days, counted.weekends, counted.days_off) == (5, 0, ())


def test_outside_the_calendar_nothing_is_counted() -> None:
    """A date that no calendar knows has no count, and no error either."""
    assert count_days(CALENDAR, date(1900, 1, 1), date(2025, 9, 3)) is None


@given(DAYS, DAYS)
def test_every_day_is_counted_or_named(one: date, other: date) -> None:
    """Working days, weekends and days off together are the days between, and the count is the calendar's own."""
    counted = count_days(CALENDAR, one, other)
    assert counted is not None
    assert counted.days + counted.weekends + len(counted.days_off) == (counted.end - counted.start).days
    assert counted.days == CALENDAR.working_days_between(counted.start, counted.end)
