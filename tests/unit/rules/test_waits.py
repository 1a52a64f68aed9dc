"""Waits in proportion to a task's planned length: exact, bounded, longer for longer tasks, and said."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import policy, step

from warnwatch.plan.calendar import Duration, parse_duration
from warnwatch.rules.rule import Level, Share, Step
from warnwatch.rules.waits import policy_for, wait_for, why_so_long

EIGHT = Fraction(8)
TENTH = Share(Fraction(1, 10), parse_duration("4 working hours"), parse_duration("7 working days"))


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (1, "4 working hours"),
        (7, "5 working hours"),
        (9, "7 working hours"),
        (10, "1 working day"),
        (19, "1 working day"),
        (69, "6 working days"),
        (130, "7 working days"),
        (None, "7 working days"),
    ],
)
def test_the_seven_days_of_phase_1_and_the_130_of_phase_2(length: int | None, expected: str) -> None:
    """A tenth of 7 days is 5 whole hours, of 130 no more than the cap, which also holds for an unknown length."""
    assert str(wait_for(TENTH, length, EIGHT)) == expected


def test_a_share_of_decimals_is_exact() -> None:
    """A third of a tenth and the like never lose a day to binary fractions: 0.07 of 100 days is 7 days."""
    seven = Share(Fraction("0.07"), Duration(1, "working_hour"), Duration(20, "working_day"))
    assert wait_for(seven, 100, EIGHT) == Duration(7, "working_day")


shares = st.decimals("0.001", "1", places=3).map(Fraction)
bounds = st.one_of(
    st.integers(1, 40).map(lambda n: Duration(n, "working_hour")),
    st.integers(1, 30).map(lambda n: Duration(n, "working_day")),
)
lengths = st.integers(1, 2000)
offices = st.sampled_from([Fraction(8), Fraction(15, 2), Fraction(4)])


def in_hours(wait: Duration, hours: Fraction) -> Fraction:
    """Give a wait in office hours."""
    return Fraction(wait.amount) * (hours if wait.unit == "working_day" else 1)


@given(shares, bounds, bounds, lengths, lengths, offices)
def test_a_wait_is_bounded_never_late_and_grows_with_the_task(
    part: Fraction, least: Duration, most: Duration, one: int, other: int, hours: Fraction
) -> None:
    """Within its bounds a wait is the share, less than one unit below it and never above; longer tasks wait longer."""
    share = Share(part, least, most)
    waits = [wait_for(share, length, hours) for length in sorted((one, other))]
    short, long = (in_hours(wait, hours) for wait in waits)
    assert short <= long <= in_hours(most, hours)
    if in_hours(least, hours) <= in_hours(most, hours):
        assert short >= in_hours(least, hours)
    if waits[0] not in {least, most}:
        exact = part * min(one, other) * hours
        assert 0 <= exact - short < (hours if waits[0].unit == "working_day" else 1)


@given(shares, bounds, lengths, offices)
def test_a_wait_is_one_that_the_calendar_can_add(part: Fraction, most: Duration, length: int, hours: Fraction) -> None:
    """Working days are whole, and there is always something to wait for."""
    wait = wait_for(Share(part, Duration(1, "working_hour"), most), length, hours)
    assert wait.amount > 0
    assert wait.amount % 1 == 0


def test_a_policy_is_filled_in_for_one_task() -> None:
    """The wait of a task stands in its policy, with how it came about; other steps are as they were."""
    by = policy({"critical": (step(), Step(TENTH.at_most, ("head",), share=TENTH), step("1 working day"))})
    plain, filled, other = policy_for(by, 7, "", EIGHT).levels[Level.CRITICAL]
    assert (plain, other) == (step(), step("1 working day"))
    assert str(filled.after) == "5 working hours"
    assert why_so_long(filled) == "chờ 5 giờ làm việc: 10% của 7 ngày làm việc được giao"
    assert not why_so_long(plain)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (2, "chờ 4 giờ làm việc: 10% của 2 ngày làm việc được giao, không dưới 4 giờ làm việc"),
        (130, "chờ 7 ngày làm việc: 10% của 130 ngày làm việc được giao, không quá 7 ngày làm việc"),
        (None, "chờ 7 ngày làm việc: chưa biết thời gian được giao nên chờ lâu nhất"),
    ],
)
def test_a_bound_is_said(length: int | None, said: str) -> None:
    """Whoever asks why a step waits so long reads the share, the length, and the bound that cut it."""
    by = policy({"critical": (step(), Step(TENTH.at_most, ("head",), share=TENTH))})
    assert why_so_long(policy_for(by, length, "", EIGHT).levels[Level.CRITICAL][1]) == said
