"""Deadlines as documents word them: a period, or a Vietnamese phrase with a date, in; the last good moment out."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta

from warnwatch.plan.calendar import Duration, WorkCalendar

_YEAR = r"(?:\s*[/.-]\s*|\s+năm\s+)(?P<year>(?:19|20)\d{2})\b"
_DAY = rf"(?:ngày\s+)?(?P<day>\d{{1,2}})(?:\s*[/.-]\s*|\s+tháng\s+)(?P<month>\d{{1,2}}){_YEAR}"
_ALL = r"(?:trong|hết|cuối)"
_PHRASES = {
    "before": re.compile(rf"\btrước\s+{_DAY}"),
    "until": re.compile(rf"\b(?:đến|hết|chậm nhất|muộn nhất|trong)\s+{_DAY}"),
    "month": re.compile(rf"\b{_ALL}\s+tháng\s+(?P<month>\d{{1,2}}){_YEAR}"),
    "quarter": re.compile(rf"\b{_ALL}\s+quý\s+(?P<quarter>iv|i{{1,3}}|[1-4]){_YEAR}"),
    "year": re.compile(rf"\b{_ALL}\s+năm\s+(?P<year>(?:19|20)\d{{2}})\b"),
}
# Words that are nothing but a date or a period, as cells of a plan hold them.
_BARE = {
    "until": re.compile(_DAY),
    "month": re.compile(rf"tháng\s+(?P<month>\d{{1,2}}){_YEAR}"),
    "quarter": re.compile(rf"quý\s+(?P<quarter>iv|i{{1,3}}|[1-4]){_YEAR}"),
    "year": re.compile(r"năm\s+(?P<year>(?:19|20)\d{2})"),
}
_QUARTERS = {"i": 1, "ii": 2, "iii": 3, "iv": 4}


def end_of_period(calendar: WorkCalendar, start: date, period: Duration, *, roll_forward: bool = True) -> datetime:
    """Give the last good moment of so many days, or working days, from `start` (Civil Code 2015, articles 147 and 148).

    The first day does not count. A period whose last day is no working day ends with the next working day, unless
    `roll_forward` is off. Raises ValueError for a period that is not in whole days.
    """
    if period.unit == "working_day":
        last = calendar.nth_working_day(int(period.amount), start) if period.amount else start
    elif period.unit == "day" and period.amount % 1 == 0:
        last = start + timedelta(days=period.amount)
    else:
        raise ValueError(f"thời hạn phải tính bằng ngày hoặc ngày làm việc tròn, gặp: {period}")
    return calendar.end_of_day(calendar.next_working_day(last) if roll_forward else last)


def last_good_moment(calendar: WorkCalendar, words: str, *, strict_before: bool) -> datetime | None:
    """Give the end of the last good day of these words (see `last_good_day`)."""
    day = last_good_day(words, strict_before=strict_before)
    return calendar.end_of_day(day) if day else None


def last_good_day(words: str, *, strict_before: bool) -> date | None:
    """Read the deadline from the words of a document; None when they set none (`từ 18 giờ ngày …` is a start).

    A fixed date stays where it is, working day or not. `strict_before` decides `trước ngày X`: the end of the day
    before X, or, in common use, the end of X. Raises ValueError for a date that does not exist, and for two different
    deadlines.
    """
    text = unicodedata.normalize("NFC", words).lower().strip()
    for kind, phrase in _BARE.items():
        if found := phrase.fullmatch(text):
            return _last_day(kind, found.groupdict(), strict_before=strict_before)
    days = {
        _last_day(kind, found.groupdict(), strict_before=strict_before)
        for kind, phrase in _PHRASES.items()
        for found in phrase.finditer(text)
    }
    if len(days) > 1:
        raise ValueError(f"văn bản nêu hơn một hạn ({', '.join(map(str, sorted(days)))}): {words}")
    return days.pop() if days else None


def _last_day(kind: str, parts: dict[str, str], *, strict_before: bool) -> date:
    year = int(parts["year"])
    if kind in {"before", "until"}:
        day = _date(year, int(parts["month"]), int(parts["day"]))
        return day - timedelta(days=1) if kind == "before" and strict_before else day
    if kind == "month":
        return _end_of_month(year, int(parts["month"]))
    if kind == "quarter":
        quarter = parts["quarter"]
        return _end_of_month(year, 3 * (_QUARTERS.get(quarter) or int(quarter)))
    return _date(year, 12, 31)


def _end_of_month(year: int, month: int) -> date:
    return (_date(year, month, 1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise ValueError(f"không có ngày {day}/{month}/{year} trong lịch") from error
