"""Made-up facts, the same on every machine and every Python: a hash of the seed and the words stands for chance."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, timezone

SEED = "WarnWatch, Kế hoạch 02, 2025"
VIETNAM = timezone(timedelta(hours=7))
HOLIDAYS = {date(2025, 9, 1), date(2025, 9, 2)}
FIRST_DAY = date(2025, 6, 20)


def share(*words: object) -> float:
    """Give a number from 0 up to 1 that belongs to these words."""
    digest = hashlib.sha256("|".join((SEED, *map(str, words))).encode()).hexdigest()
    return int(digest[:13], 16) / 16**13


def pick(choices: Sequence[str], *words: object) -> str:
    """Give one of the choices."""
    return choices[int(share(*words) * len(choices))]


def office_day(day: date) -> date:
    """Give the day itself, or the next one on which offices are open."""
    while day.weekday() > 4 or day in HOLIDAYS:
        day += timedelta(days=1)
    return day


def office_time(day: date, *words: object) -> datetime:
    """Give a minute between 08:05 and 16:55 of a day."""
    minutes = 8 * 60 + 5 + int(share("minute", *words) * 530)
    return datetime.combine(day, time(minutes // 60, minutes % 60), VIETNAM)


def written(at: datetime) -> str:
    """Write an instant as the files hold it."""
    return at.isoformat(timespec="seconds")
