"""Periods of readings as whole days."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warnwatch.plan.cell_words import PERIOD
from warnwatch.plan.periods import Period, first_day, last_day, period_of, period_table


@pytest.mark.parametrize(
    ("text", "kind", "first", "last", "year_before"),
    [
        ("2026", "year", date(2026, 1, 1), date(2026, 12, 31), "2025"),
        ("2026-H1", "half_year", date(2026, 1, 1), date(2026, 6, 30), "2025-H1"),
        ("2026-H2", "half_year", date(2026, 7, 1), date(2026, 12, 31), "2025-H2"),
        ("2026-Q4", "quarter", date(2026, 10, 1), date(2026, 12, 31), "2025-Q4"),
        ("2024-02", "month", date(2024, 2, 1), date(2024, 2, 29), "2023-02"),
        ("2026-12", "month", date(2026, 12, 1), date(2026, 12, 31), "2025-12"),
        ("2026-W01", "week", date(2025, 12, 29), date(2026, 1, 4), "2025-W01"),
        ("2026-06-30", "day", date(2026, 6, 30), date(2026, 6, 30), "2025-06-30"),
        ("2024-02-29", "day", date(2024, 2, 29), date(2024, 2, 29), None),
    ],
)
def test_a_period_is_its_days(text: str, kind: str, first: date, last: date, year_before: str | None) -> None:
    """First and last day both belong to it; 29 February has no day a year before."""
    assert period_of(text) == Period(text, kind, first, last, year_before)


@pytest.mark.parametrize("text", ["2026-W54", "2026-13", "2026-02-30", "", "nonsense", "2026-Q9"])
def test_what_no_year_has_is_no_period(text: str) -> None:
    """It is left out, and stops nothing."""
    assert period_of(text) is None
    assert period_table([text, "2026"]).height == 1


@given(st.sampled_from(sorted(PERIOD)), st.dates(date(2000, 1, 1), date(2100, 12, 31)))
def test_a_day_lies_in_its_period_and_the_next_begins_after_it(frequency: str, day: date) -> None:
    """For every frequency but events: first <= day <= last, and the day after the last begins another."""
    frame = pl.DataFrame({"frequency": [frequency], "day": [day]})
    first = frame.select(first_day(pl.col("frequency"), pl.col("day")).alias("first"))["first"]
    if frequency == "event":
        assert first.to_list() == [None]
        return
    frame = frame.with_columns(first)
    last = frame.select(last_day(pl.col("frequency"), pl.col("first"))).item()
    assert first.item() <= day <= last
    after = pl.DataFrame({"frequency": [frequency], "day": [last]}).with_columns(pl.col("day").dt.offset_by("1d"))
    assert after.select(first_day(pl.col("frequency"), pl.col("day"))).item() == after["day"].item()
