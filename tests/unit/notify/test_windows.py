"""When a text may leave: never in quiet time unless its level overrides, and as early as can be."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from builders import local
from hypothesis import given
from hypothesis import strategies as st
from judging import CALENDAR

from warnwatch.notify.windows import is_quiet, least_level, leaves_at
from warnwatch.plan.calendar import WorkCalendar, build_calendar
from warnwatch.rules.rule import ChannelRules, Level

NIGHT = ChannelRules((time(21), time(7)), overrides=Level.CRITICAL)
MINUTE = timedelta(minutes=1)

times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))
hours = st.one_of(st.none(), st.tuples(times, times).filter(lambda pair: pair[0] != pair[1]))
channels = st.builds(
    ChannelRules,
    quiet_hours=hours,
    quiet_days=st.frozensets(st.sampled_from(["weekends", "holidays"])),
    overrides=st.one_of(st.none(), st.sampled_from([level for level in Level if level])),
)
levels = st.sampled_from([level for level in Level if level])
# Half of them on a full minute, where quiet time begins and ends.
instants = st.builds(
    lambda minutes, odd: datetime(2025, 8, 25, tzinfo=UTC) + minutes * MINUTE + timedelta(microseconds=odd),
    st.integers(0, 20 * 1440),
    st.sampled_from([0, 0, 1, 999_999]),
)


@given(channels, levels, instants)
def test_a_text_never_leaves_in_quiet_time_unless_its_level_overrides(
    channel: ChannelRules, level: Level, now: datetime
) -> None:
    """Whatever the hours and days: at the instant that is given the channel is open, or the level goes at once."""
    at = leaves_at(channel, level, now, CALENDAR)
    assert at >= now
    assert level >= least_level(channel, at, CALENDAR)
    if channel.overrides is not None and level >= channel.overrides:
        assert at == now
    assert leaves_at(channel, level, at, CALENDAR) == at


@given(channels, levels, instants)
def test_a_text_leaves_at_the_earliest_instant_that_may_be(channel: ChannelRules, level: Level, now: datetime) -> None:
    """No minute before it at which quiet time may end, and not the microsecond before it, was open."""
    at = leaves_at(channel, level, now, CALENDAR)
    if at == now:
        return
    hour = now.replace(minute=0, second=0, microsecond=0)
    ends = (hour + step * timedelta(hours=1) + minute * MINUTE for step in range(14 * 24) for minute in (0, 1, 30, 59))
    earlier = [now, at - timedelta(microseconds=1), *(end for end in ends if now < end < at)]
    assert all(is_quiet(channel, one, CALENDAR) for one in earlier)


@given(channels, levels, st.integers(0, 3 * 1440))
def test_summer_time_opens_no_hole_in_quiet_time(channel: ChannelRules, level: Level, minutes: int) -> None:
    """Around the nights on which clocks jump, a text leaves outside quiet time too, and a wait is never without end."""
    calendar = build_calendar(ZoneInfo("Europe/Berlin"), date(2025, 1, 1), [True] * 365, ((time(8), time(17)),))
    for night in (datetime(2025, 3, 29, tzinfo=UTC), datetime(2025, 10, 25, tzinfo=UTC)):
        now = night + minutes * MINUTE
        at = leaves_at(channel, level, now, calendar)
        assert now <= at <= now + timedelta(days=2)
        assert level >= least_level(channel, at, calendar)


@pytest.mark.parametrize(
    ("level", "now", "at"),
    [
        (Level.WARNING, local(18, 8, 20, 59), local(18, 8, 20, 59)),
        (Level.WARNING, local(18, 8, 21), local(19, 8, 7)),
        (Level.WARNING, local(19, 8, 3), local(19, 8, 7)),
        (Level.WARNING, local(19, 8, 7), local(19, 8, 7)),
        (Level.CRITICAL, local(18, 8, 23), local(18, 8, 23)),
    ],
)
def test_quiet_nights(level: Level, now: datetime, at: datetime) -> None:
    """From 21:00 on a text waits for seven in the morning; a critical one does not."""
    assert leaves_at(NIGHT, level, now, CALENDAR) == at


@pytest.mark.parametrize(
    ("days", "now", "at"),
    [
        ({"weekends"}, local(16, 8, 10), local(18, 8, 0)),
        ({"holidays"}, local(16, 8, 10), local(16, 8, 10)),
        ({"holidays"}, local(1, 9, 10), local(3, 9, 0)),
        ({"weekends", "holidays"}, local(30, 8, 10), local(3, 9, 0)),
    ],
)
def test_quiet_days_follow_the_plans_calendar(days: set[str], now: datetime, at: datetime) -> None:
    """Saturday and Sunday are one thing, the days of the National Holiday (1 and 2/9/2025) another."""
    channel = ChannelRules(quiet_days=frozenset(days))
    assert leaves_at(channel, Level.WARNING, now, CALENDAR) == at


def test_outside_the_calendar_no_day_is_quiet() -> None:
    """Nothing is known of a day past the calendar's last year: the text leaves rather than waits for ever."""
    known: WorkCalendar = build_calendar(CALENDAR.zone, date(2025, 8, 1), [False] * 15, ((time(8), time(17)),))
    channel = ChannelRules(quiet_days=frozenset({"weekends", "holidays"}))
    assert leaves_at(channel, Level.WARNING, local(14, 8, 10), known) == local(16, 8, 0)
