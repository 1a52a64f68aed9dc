"""When a text may leave: each channel has its quiet hours and days, and a level that leaves all the same.

In: a channel's rules, a level, an instant. Out: the earliest instant at which a text of that level may leave.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from warnwatch.plan.calendar import OutsideCalendarError, WorkCalendar
from warnwatch.rules.rule import ChannelRules, Level

# Above every level: nothing leaves.
NOTHING = max(Level) + 1
_WEEKEND = (5, 6)
# Even a calendar with a month of holidays has worked by then; a text is late rather than lost.
_LONGEST = 100


def leaves_at(channel: ChannelRules | None, level: int, now: datetime, calendar: WorkCalendar) -> datetime:
    """Give the earliest instant from `now` on at which a text of a level may leave; `now` itself where it may."""
    if level >= least_level(channel, now, calendar):
        return now
    at = now
    for _ in range(_LONGEST):
        if channel is None or not is_quiet(channel, at, calendar):
            return at
        at = _next_change(channel, at, calendar)
    return at


def least_level(channel: ChannelRules | None, now: datetime, calendar: WorkCalendar) -> int:
    """Give the least level of a text that may leave now: 0 outside quiet time."""
    if channel is None or not is_quiet(channel, now, calendar):
        return 0
    return NOTHING if channel.overrides is None else int(channel.overrides)


def is_quiet(channel: ChannelRules, at: datetime, calendar: WorkCalendar) -> bool:
    """Say whether an instant lies in a channel's quiet hours or on one of its quiet days."""
    return _on_quiet_day(channel, at, calendar) or _in_quiet_hours(channel, at, calendar)


def _on_quiet_day(channel: ChannelRules, at: datetime, calendar: WorkCalendar) -> bool:
    if not channel.quiet_days:
        return False
    day = calendar.local_date(at)
    try:
        if calendar.is_working(day):
            return False
    except OutsideCalendarError:  # nothing is known of that day, so it keeps nothing back
        return False
    return ("weekends" if day.weekday() in _WEEKEND else "holidays") in channel.quiet_days


def _in_quiet_hours(channel: ChannelRules, at: datetime, calendar: WorkCalendar) -> bool:
    if channel.quiet_hours is None:
        return False
    begin, end = channel.quiet_hours
    clock = at.astimezone(calendar.zone).time()
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def _next_change(channel: ChannelRules, at: datetime, calendar: WorkCalendar) -> datetime:
    """Give the end of the quiet day, or of the quiet hours, that an instant lies in."""
    local = at.astimezone(calendar.zone)
    tomorrow = local.date() + timedelta(days=1)
    if channel.quiet_hours is None or _on_quiet_day(channel, at, calendar):
        return calendar.start_of_day(tomorrow)
    end = channel.quiet_hours[1]
    wall = datetime.combine(local.date() if local.time() < end else tomorrow, end, calendar.zone)
    ends = wall.astimezone(UTC)
    # Where summer time ends, a clock shows an hour twice, and the first of the two may be over.
    return ends if ends > at else wall.replace(fold=1).astimezone(UTC)
