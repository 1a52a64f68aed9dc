"""What the words of a document set: a deadline, a start. Vietnamese phrases in, days and hours out.

Operators as docs/import.md lists them; periods by the Civil Code 2015, articles 147 and 148.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from warnwatch.language import Phrase
from warnwatch.plan.calendar import Duration, WorkCalendar

_SEPARATOR = r"\s*[/.-]\s*"
_YEAR = rf"(?:(?:{_SEPARATOR}|\s+năm\s+)(?P<year>(?:19|20)\d{{2}})\b)?"
# The number does not go on, and no second one follows: neither `28/6/25` nor `quý III, IV/2025` is read in part.
_ENDS = r"(?!\w)(?!\s*[/.-]?\d)(?!\s*(?:,|và|hoặc|-)\s*(?:(?:quý|tháng|ngày)\s+)?(?:iv|i{1,3}|\d{1,2})\b)"
_HOUR = r"(?:(?P<hour>\d{1,2})\s*(?:giờ|h|g|:)\s*(?P<minute>[0-5]\d)?(?:\s*phút)?,?\s+)?"
_DAY = rf"{_HOUR}(?:ngày\s+)?(?P<day>\d{{1,2}})(?:{_SEPARATOR}|\s+tháng\s+)(?P<month>\d{{1,2}}){_YEAR}{_ENDS}"
_MONTH = rf"tháng\s+(?P<month>\d{{1,2}}){_YEAR}{_ENDS}"
_QUARTER = rf"quý\s+(?P<quarter>iv|i{{1,3}}|[1-4]){_YEAR}{_ENDS}"
_HALF = r"(?:6|sáu)\s+tháng\s+(?P<half>đầu|cuối)\s+năm(?:\s+(?P<year>(?:19|20)\d{2}))?"
_WHOLE_YEAR = r"năm\s+(?P<year>(?:19|20)\d{2})\b"
_UNTIL = r"(?:(?:chậm|muộn) nhất(?:\s+là)?(?:\s+vào)?(?:\s+(?:đến|trong))?|không quá|đến hết|đến|hết|trong)"
_ALL = r"(?:(?:chậm nhất\s+)?trong|(?:đến\s+)?hết|(?:vào\s+)?cuối|đến)"
_FROM = r"(?:bắt đầu\s+)?(?:kể\s+)?từ\s+"
# Longer phrases first: what one has read is taken out of the text before the next one looks.
_PHRASES = {
    "period": re.compile(
        r"\b(?:trong(?:\s+vòng|\s+thời hạn)?|chậm nhất(?:\s+là)?(?:\s+sau)?|không quá|sau)\s+"
        rf"(?P<count>\d{{1,4}})\s+ngày(?P<working>\s+làm việc)?,?\s+(?:kể\s+)?từ\s+{_DAY}"
    ),
    "before": re.compile(rf"\btrước\s+{_DAY}"),
    "until": re.compile(rf"\b{_UNTIL}\s+{_DAY}"),
    "start": re.compile(rf"\b{_FROM}{_DAY}"),
    "before_month": re.compile(rf"\btrước\s+{_MONTH}"),
    "half": re.compile(rf"\b(?:{_ALL}\s+)?{_HALF}"),
    "month": re.compile(rf"\b{_ALL}\s+{_MONTH}"),
    "quarter": re.compile(rf"\b{_ALL}\s+{_QUARTER}"),
    "year": re.compile(rf"\b{_ALL}\s+{_WHOLE_YEAR}"),
}
# Words that are nothing but a date or a period, as cells of a plan hold them.
_BARE = {
    "until": re.compile(_DAY),
    "month": re.compile(_MONTH),
    "quarter": re.compile(_QUARTER),
    "half": re.compile(_HALF),
    "year": re.compile(_WHOLE_YEAR),
}
# Words in which nothing was read though they hold a date or a period: they are for a person to look at.
_UNREAD = re.compile(r"\d\s*[/.-]\s*\d|\b(?:tháng|quý)\s+(?:\d|iv|i{1,3}\b)|\b\d+\s+ngày\b")
_QUARTERS = {"i": 1, "ii": 2, "iii": 3, "iv": 4}


@dataclass(frozen=True, slots=True)
class Stated:
    """One thing that words state: a deadline, or when `operator` is `start` a start.

    `day` is its last good day (the first one of a start); without an `hour` the whole day counts.
    """

    operator: str
    day: date
    hour: time | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """How words are read: whether `trước ngày X` ends before X, and the calendar of periods (None: none is read)."""

    strict_before: bool
    calendar: WorkCalendar | None = None

    def read(self, words: str, begun: date | None = None) -> tuple[Stated, ...]:
        """Read the words of a document: a start, a deadline, both or neither, the start first.

        A day or a period without a year is the first one from `begun` on, the day on which the task starts. A fixed
        date stays where it is, working day or not. Raises ValueError, whose argument says why in Vietnamese: for a
        date that does not exist, a year that nothing tells, two different deadlines, a way of writing not known here.
        """
        text = " ".join(unicodedata.normalize("NFC", words).lower().split())
        found = set(self._bare(text, begun) or self._phrases(text, begun))
        if not found and _UNREAD.search(text):
            raise ValueError(Phrase("không đọc được ngày hoặc kỳ trong lời văn"))
        starts = {one for one in found if one.operator == "start"}
        ends = {(one.day, one.hour): one for one in sorted(found - starts, key=lambda one: one.operator)}
        if len(ends) > 1:
            days = ", ".join(sorted(f"{day:%d/%m/%Y}" for day, _ in ends))
            raise ValueError(Phrase("văn bản nêu hơn một hạn ({days}): {words}", days=days, words=words))
        last = min((one.day for one in ends.values()), default=date.max)
        # `hoàn thành trước 28/6, vận hành từ 01/7`: what comes after the deadline is the use of the result.
        begins = sorted((one for one in starts if one.day <= last), key=lambda one: one.day)[:1]
        return (*begins, *ends.values())

    def _bare(self, text: str, begun: date | None) -> list[Stated]:
        found = ((kind, phrase.fullmatch(text)) for kind, phrase in _BARE.items())
        return [self._stated(kind, match.groupdict(), begun) for kind, match in found if match][:1]

    def _phrases(self, text: str, begun: date | None) -> Iterator[Stated]:
        for kind, phrase in _PHRASES.items():
            for match in phrase.finditer(text):
                if kind != "period" or self.calendar:
                    yield self._stated(kind, match.groupdict(), begun)
            text = phrase.sub(" ; ", text)

    def _stated(self, kind: str, parts: dict[str, str | None], begun: date | None) -> Stated:
        if kind in ("month", "before_month", "quarter", "half", "year"):
            return Stated(kind, _end_of(kind, parts, begun))
        day, hour = _dated(parts, begun), _hour(parts)
        if kind == "period" and self.calendar:
            count = int(parts["count"] or 0)
            period = Duration(count, "working_day") if parts["working"] else Duration(count, "day")
            last = end_of_period(self.calendar, day, period)
            return Stated(kind, self.calendar.local_date(last))
        if kind == "before" and self.strict_before and hour is None:
            day -= timedelta(days=1)
        return Stated(kind, day, hour)


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
        raise ValueError(Phrase("thời hạn phải tính bằng ngày hoặc ngày làm việc tròn, gặp: {period}", period=period))
    return calendar.end_of_day(calendar.next_working_day(last) if roll_forward else last)


def _hour(parts: dict[str, str | None]) -> time | None:
    """Give the hour that was named; 24 giờ is the end of the day, as if none had been."""
    hour, minute = int(parts["hour"] or 24), int(parts["minute"] or 0)
    if (hour, minute) == (24, 0):
        return None
    if hour > 23:
        raise ValueError(Phrase("không có giờ {hour}:{minute}", hour=hour, minute=f"{minute:02d}"))
    return time(hour, minute)


def _dated(parts: dict[str, str | None], begun: date | None) -> date:
    day, month = int(parts["day"] or 0), int(parts["month"] or 0)
    if parts["year"]:
        return _date(int(parts["year"]), month, day)
    first = _known(begun)
    this_year = _date(first.year, month, day)
    return this_year if this_year >= first else _date(first.year + 1, month, day)


def _end_of(kind: str, parts: dict[str, str | None], begun: date | None) -> date:
    """Give the last day of a month, a quarter, a half-year or a year."""
    if kind == "half":
        month = 6 if parts["half"] == "đầu" else 12
    elif kind == "quarter":
        quarter = parts["quarter"] or ""
        month = 3 * (_QUARTERS.get(quarter) or int(quarter))
    else:
        month = 12 if kind == "year" else int(parts["month"] or 0)
    if parts["year"]:
        return _end_of_month(int(parts["year"]), month, before=kind == "before_month")
    first = _known(begun)
    last = _end_of_month(first.year, month, before=kind == "before_month")
    return last if last >= first else _end_of_month(first.year + 1, month, before=kind == "before_month")


def _known(begun: date | None) -> date:
    if begun is None:
        raise ValueError(Phrase("lời văn thiếu năm"))
    return begun


def _end_of_month(year: int, month: int, *, before: bool) -> date:
    first = _date(year, month, 1)
    return (first if before else (first + timedelta(days=31)).replace(day=1)) - timedelta(days=1)


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        shown = f"{day}/{month}/{year}"
        raise ValueError(Phrase("không có ngày {day} trong lịch", day=shown)) from error
