"""How dates, hours, numbers, lists and offices are written in the English texts: `15 December 2025`, `16:00`, `3,321`.

Names and titles of offices stay as the plan has them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from warnwatch.notify import wording_vi
from warnwatch.notify.wording import OFFICE_CLOSES, clean, end_of_the_day_before, full_hour, number_text

SAID_ONCE = frozenset({"Taken over", "To do", "Answer", "Development", "Next step"})

# strftime would ask the process's locale.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def day(at: datetime, zone: ZoneInfo) -> str:
    """Write a date: `1 July 2025`."""
    local = at.astimezone(zone)
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def hour(at: datetime, zone: ZoneInfo) -> str:
    """Write a time of day: `16:00`."""
    return f"{at.astimezone(zone):%H:%M}"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Write an instant: `16:00 on 1 July 2025`."""
    return f"{hour(at, zone)} on {day(at, zone)}"


def last_moment(at: datetime, zone: ZoneInfo) -> str:
    """Write the last good moment of a deadline: `the end of 15 August 2025`, or with its hour."""
    local = at.astimezone(zone)
    return f"the end of {day(at, zone)}" if (local.hour, local.minute) == (23, 59) else moment(at, zone)


def deadline(words: str, due_at: datetime | None, zone: ZoneInfo) -> str:
    """Write a deadline: the document's own words, and the date that was computed from them."""
    words = clean(words, 200)
    if due_at is None:
        return f"{words} (no date set yet)" if words else "no deadline yet"
    computed = last_moment(due_at, zone)
    return computed if not words or words == computed else f"{words} ({computed})"


def moved_deadline(now: str, before: str, decision: str) -> str:
    """Write a deadline that was moved: what holds now, as `deadline` writes it, by which act, and the first one."""
    decision = clean(decision, 80)
    by = f" by document No. {decision}" if decision else ""
    return f"{now}, changed{by} (first deadline: {clean(before, 200)})"


def answer_by(at: datetime, zone: ZoneInfo, now: datetime, *, today: bool = False) -> str:
    """Write by when an answer is asked: `by 16:00 on 21 August 2025`, or by the end of that day's office hours.

    Minutes are dropped, never added, as in Vietnamese.
    """
    at = end_of_the_day_before(at, zone)
    is_today = today and at.astimezone(zone).date() == now.astimezone(zone).date()
    if at.astimezone(zone).hour >= OFFICE_CLOSES:
        return f"by the end of office hours {'today' if is_today else f'on {day(at, zone)}'}"
    return f"by {hour(full_hour(at, now), zone)} {'today' if is_today else f'on {day(at, zone)}'}"


def after_answer(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Write what comes after `answer_by`: `after 16:00 on 21 August 2025`, or after that day's office hours."""
    at = end_of_the_day_before(at, zone)
    if at.astimezone(zone).hour >= OFFICE_CLOSES:
        return f"after office hours on {day(at, zone)}"
    return f"after {moment(full_hour(at, now), zone)}"


def number(value: float | None, digits: int = 2) -> str:
    """Write a number: `3,321`, `39.98`; closing zeros are dropped."""
    return number_text(value, digits) or "unknown"


def percent(share: float | None) -> str:
    """Write a share as percent: 0.3998 is `39.98%`."""
    text = number(None if share is None else share * 100)
    return text if share is None or not math.isfinite(share) else f"{text}%"


def days(count: int, *, working: bool) -> str:
    """Write a number of days: `3 working days`, `1 day`."""
    return f"{number(count, 0)} {'working ' if working else ''}{'day' if count == 1 else 'days'}"


def noun(count: int, *, tasks: bool) -> str:
    """Give the word for what is counted: `1 task`, `2 matters`."""
    return ("task" if tasks else "matter") + ("" if count == 1 else "s")


def listing(parts: Sequence[str]) -> str:
    """Join parts as a sentence does: `a, b and c`."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def general_title(office: str) -> str:
    """Name an office that has no title of its own."""
    return {"head": "Head of unit", "deputy": "Deputy head of unit"}.get(office, "Focal point")


def addressee(title: str, unit: str) -> str:
    """Join an office and its unit: `Head of unit, Tỉnh ủy Thái Nguyên`; words of both are said once."""
    said = wording_vi.addressee(title, unit)
    return f"{title}, {unit}" if said == f"{title} {unit}" else said
