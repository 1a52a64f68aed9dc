"""Working time: which days and hours count, how many lie between two instants, and when a wait ends.

Holidays and swaps come from the `holidays` library, corrected by calendar.yml. For Viet Nam the library knows decided
swaps up to 2026; from 2027 on its days are provisional, reckoned from the law and the lunar year.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

import holidays
import polars as pl

from warnwatch.errors import SettingsError, WarnWatchError
from warnwatch.language import Phrase
from warnwatch.plan.calendar_file import NO_COUNTRY, CalendarFile, OfficeHours, read_calendar_file

DurationUnit: TypeAlias = Literal["working_day", "working_hour", "hour", "minute", "day"]

_EPOCH = date(1970, 1, 1)
_MINUTES_OF_DAY = 1440
_ONE_DAY = timedelta(days=1)
_WALL_TIME = {"day": _ONE_DAY, "hour": timedelta(hours=1), "minute": timedelta(minutes=1)}
_LAST_MOMENT = timedelta(microseconds=1)
# About four years each: longer is a slip of the pen, and would run past the calendar's end.
_LONGEST = {"working_day": 1_000, "working_hour": 8_000, "hour": 35_064, "minute": 2_103_840, "day": 1_461}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(working days?|working hours?|h|m|days?)")
_SHORT = {"h": "hour", "m": "minute"}
_ALLOWED = Phrase(
    "1 working day (ngày làm việc), 4 working hours (giờ làm việc), 2h (giờ), 30m (phút), 3 days (ngày), 0"
)


class OutsideCalendarError(WarnWatchError, ValueError):
    """A day outside `first_year` to `last_year` of calendar.yml: nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A wait as rules write it: so many of one unit. Never negative; working days are whole."""

    amount: float
    unit: DurationUnit

    def __post_init__(self) -> None:
        """Refuse what no wait can be, so that adding one never fails for its size."""
        if self.unit not in get_args(DurationUnit):
            raise ValueError(_refusal(f"{self.amount} {self.unit}"))
        if not 0 <= self.amount <= _LONGEST[self.unit]:
            raise ValueError(
                Phrase(
                    "thời gian {period} quá dài hoặc âm; được phép: 0 đến {longest}",
                    period=self,
                    longest=_LONGEST[self.unit],
                )
            )
        if self.unit == "working_day" and self.amount % 1:
            raise ValueError(
                Phrase(
                    "số ngày làm việc phải là số nguyên, gặp: {period}; dưới một ngày thì dùng working hours",
                    period=self,
                )
            )

    def __str__(self) -> str:
        """Give the text that `parse_duration` reads."""
        number = str(int(self.amount)) if self.amount % 1 == 0 else format(Decimal(str(self.amount)), "f")
        if self.zero:
            return "0"
        if self.unit in {"hour", "minute"}:
            return number + self.unit[0]
        return f"{number} {self.unit.replace('_', ' ')}{'' if self.amount == 1 else 's'}"

    @property
    def zero(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.amount == 0


def parse_duration(text: str | int) -> Duration:
    """Read `1 working day`, `4 working hours`, `2h`, `30m`, `3 days` or `0`.

    Raises ValueError whose Vietnamese text names what is allowed.
    """
    words = str(text).strip()
    if words == "0":
        return Duration(0, "minute")
    match = _DURATION.fullmatch(words)
    if not match:
        raise ValueError(_refusal(words))
    unit = _SHORT.get(match[2], match[2].removesuffix("s").replace(" ", "_"))
    known: dict[str, DurationUnit] = {name: name for name in get_args(DurationUnit)}
    return Duration(float(match[1]), known[unit])


def _refusal(found: str) -> str:
    hint = Phrase("; số lẻ viết bằng dấu chấm, không phải dấu phẩy") if re.match(r"[0-9]+,[0-9]", found) else ""
    return Phrase(
        "không đọc được khoảng thời gian: {found!r}{hint}; được phép: {allowed}",
        found=found[:40],
        hint=hint,
        allowed=_ALLOWED,
    )


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """The working time of one plan; equal to every calendar that answers alike. All days are local days of `zone`.

    Ask it nothing outside `first` to `last`: columns give null there, single days raise OutsideCalendarError.
    """

    zone: ZoneInfo = field(compare=False)
    first: date = field(compare=False)
    last: date = field(compare=False)
    version: str  # hash of everything that answers depend on
    hours: OfficeHours = field(compare=False, repr=False)
    counts: Sequence[int] = field(
        compare=False, repr=False
    )  # per day from `first`: working days up to and including it
    column: pl.Series = field(compare=False, repr=False)  # the same, Int32
    working: Sequence[date] = field(compare=False, repr=False)  # the n-th working day is working[n - 1]

    @property
    def hours_a_day(self) -> Fraction:
        """The office hours of a working day."""
        minutes = ((closes.hour - opens.hour) * 60 + closes.minute - opens.minute for opens, closes in self.hours)
        return Fraction(sum(minutes), 60)

    def is_working(self, day: date) -> bool:
        """Say whether offices work on that day."""
        count = self.workday(day)
        return count > 0 and self.working[count - 1] == day

    def workday(self, day: date) -> int:
        """Count the calendar's working days up to and including `day`."""
        self._check(day)
        return self.counts[(day - self.first).days]

    def workdays(self, days: pl.Series) -> pl.Series:
        """Count for a column what `workday` counts for one day: Date to Int32; null outside the calendar."""
        if days.dtype not in {pl.Date, pl.Null}:
            raise TypeError(f"workdays takes a column of local dates (see local_dates), not {days.dtype}")
        return days.cast(pl.Date).to_frame("").select(self.workday_of(pl.col("")).alias(days.name)).to_series()

    def workday_of(self, days: pl.Expr) -> pl.Expr:
        """Write `workdays` as an expression, so that many columns are counted in one query."""
        offset = days.to_physical() - (self.first - _EPOCH).days
        return pl.lit(self.column).gather(pl.when(offset.is_between(0, len(self.counts) - 1)).then(offset))

    def working_days_between(self, start: date, end: date) -> int:
        """Count the working days after `start` up to and including `end`; the two exchanged give it negative."""
        return self.workday(end) - self.workday(start)

    def working_days_left(self, now: datetime, due: datetime) -> int:
        """Count the working days after today up to the due day: 0 on the last one, and at least 1 below it when late.

        `due` itself is the last good moment. Late, the number is -max(1, working days after the due day up to today).
        """
        days = self.working_days_between(self.local_date(now), self.local_date(due))
        return days if now <= due else min(-1, days)

    def nth_working_day(self, number: int, after: date) -> date:
        """Give the `number`-th working day after a day, which itself does not count."""
        return self._working_day(self.workday(after) + number - 1, after)

    def next_working_day(self, day: date) -> date:
        """Give `day` when it works, otherwise the first working day after it."""
        self._check(day)
        return self._working_day(bisect_left(self.working, day), day)

    def local_date(self, instant: datetime) -> date:
        """Give the day that the plan's zone has at that instant."""
        return self._local(instant).date()

    def local_dates(self, instants: pl.Series) -> pl.Series:
        """Give for a column what `local_date` gives for one instant: Datetime(us, UTC) to Date."""
        if instants.dtype not in {pl.Datetime("us", "UTC"), pl.Null}:
            raise TypeError(f"local_dates takes a column of UTC instants in microseconds, not {instants.dtype}")
        found = instants.cast(pl.Datetime("us", "UTC")).to_frame("")
        return found.select(self.local_date_of(pl.col("")).alias(instants.name)).to_series()

    def local_date_of(self, instants: pl.Expr) -> pl.Expr:
        """Write `local_dates` as an expression."""
        return self.wall_time_of(instants).dt.date()

    def wall_time_of(self, instants: pl.Expr) -> pl.Expr:
        """Give what clocks of the plan's zone show, without a zone: from it, day and hour are plain arithmetic."""
        return instants.dt.convert_time_zone(self.zone.key).dt.replace_time_zone(None)

    def office_minutes_of(self, wall_time: pl.Expr, every_day: pl.Expr) -> pl.Expr:
        """Count the whole minutes of office hours that lie before instants, since the calendar's first day: Int32.

        Where `every_day` is true, each day has its office hours, a day off too; the count then is since 1970.
        """
        minutes = wall_time.to_physical() // 60_000_000
        days, clock = (minutes // _MINUTES_OF_DAY).cast(pl.Int32), (minutes % _MINUTES_OF_DAY).cast(pl.Int32)
        periods = [(opens.hour * 60 + opens.minute, closes.hour * 60 + closes.minute) for opens, closes in self.hours]
        # The last minute of a day is its end: a deadline of 23:59 has seen the whole day.
        passed = sum((clock.clip(opens, closes) - opens for opens, closes in periods), pl.lit(0, pl.Int32))
        worked, before = self.workday_of(days), self.workday_of(days - 1)
        of_day = sum(closes - opens for opens, closes in periods)
        working = before * of_day + (worked - before) * passed
        return pl.when(every_day).then(days * of_day + passed).otherwise(working).cast(pl.Int32)

    def office_minutes_by(self, instant: datetime) -> tuple[int, int]:
        """Count for one instant what `office_minutes_of` counts for a column: on working days, and on every day."""
        local = self._local(instant)
        clock, day = local.hour * 60 + local.minute, local.date()
        periods = [(opens.hour * 60 + opens.minute, closes.hour * 60 + closes.minute) for opens, closes in self.hours]
        passed = sum(min(max(clock, opens), closes) - opens for opens, closes in periods)
        of_day = sum(closes - opens for opens, closes in periods)
        works = self.is_working(day)
        working = (self.workday(day) - works) * of_day + works * passed
        return working, (day - _EPOCH).days * of_day + passed

    def start_of_day(self, day: date) -> datetime:
        """Give the first moment of the local day in UTC, whatever its clock then shows."""
        return self._instant(datetime.combine(day, time()))

    def end_of_day(self, day: date) -> datetime:
        """Give the last microsecond of the local day in UTC: what a due date without a time means."""
        return self.start_of_day(day + _ONE_DAY) - _LAST_MOMENT

    def add(self, instant: datetime, duration: Duration) -> datetime:
        """Say when a wait that begins at `instant` is over, in UTC.

        Working days: the same time of day on the n-th working day after the local date; a wait that begins on a day
        off begins with the next working day, which passes whole. Working hours pass only in office hours, and end at
        closing time rather than at the next opening. Hours, minutes and days run like a stop-watch.
        """
        local = self._local(instant)
        if duration.zero:
            return instant.astimezone(UTC)
        if duration.unit == "working_day":
            return self._after_working_days(local, int(duration.amount))
        if duration.unit == "working_hour":
            return self._instant(self._after_office_time(local.replace(tzinfo=None), timedelta(hours=duration.amount)))
        return instant.astimezone(UTC) + _WALL_TIME[duration.unit] * duration.amount

    def _after_working_days(self, start: datetime, number: int) -> datetime:
        today = start.date()
        works = self.is_working(today)
        day = self._working_day(self.workday(today) + number - works, today)
        return self._instant(datetime.combine(day, start.time() if works else time()))

    def _after_office_time(self, start: datetime, left: timedelta) -> datetime:
        for opens, closes in self._office_periods(start):
            if left <= closes - opens:
                return opens + left
            left -= closes - opens
        raise self._outside(self.last + _ONE_DAY)

    def _office_periods(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        self._check(start.date())
        for day in self.working[bisect_left(self.working, start.date()) :]:
            for opens, closes in self.hours:
                period = max(start, datetime.combine(day, opens)), datetime.combine(day, closes)
                if period[0] < period[1]:
                    yield period

    def _working_day(self, index: int, day: date) -> date:
        if index >= len(self.working):
            raise self._outside(day)
        return self.working[index]

    def _local(self, instant: datetime) -> datetime:
        if instant.tzinfo is None:
            raise ValueError(f"an instant without an offset: {instant.isoformat()}")
        return instant.astimezone(self.zone)

    def _instant(self, wall: datetime) -> datetime:
        # A wall time that summer time skips is read with the old offset, one that comes twice is the first of the two.
        return wall.replace(tzinfo=self.zone, fold=0).astimezone(UTC)

    def _check(self, day: date) -> None:
        if not self.first <= day <= self.last:
            raise self._outside(day)

    def _outside(self, day: date) -> OutsideCalendarError:
        return OutsideCalendarError(
            Phrase(
                "ngày {day} (hoặc ngày làm việc cần tìm sau đó) nằm ngoài lịch làm việc, "
                "từ {first} đến {last}; sửa first_year, last_year trong calendar.yml",
                day=day,
                first=self.first,
                last=self.last,
            )
        )


def build_calendar(zone: ZoneInfo, first: date, works: Sequence[bool], hours: OfficeHours) -> WorkCalendar:
    """Build a calendar from its facts: for each day from `first` on, whether it works; office hours in order."""
    days = [first + timedelta(days=index) for index in range(len(works))]
    counts = tuple(accumulate(works, initial=0))[1:]
    content = (
        zone.key,
        str(first),
        "".join("01"[day] for day in works),
        [(str(opens), str(closes)) for opens, closes in hours],
    )
    return WorkCalendar(
        zone=zone,
        first=first,
        last=days[-1],
        version=hashlib.sha256(repr(content).encode()).hexdigest()[:16],
        hours=hours,
        counts=counts,
        column=pl.Series("workdays", counts, dtype=pl.Int32),
        working=tuple(day for day, working in zip(days, works, strict=True) if working),
    )


def load_calendar(path: Path, zone: str = "Asia/Ho_Chi_Minh") -> WorkCalendar:
    """Read calendar.yml and lay its days over those of the library.

    Raises MistakesError with every mistake of the file, SettingsError for a zone that does not exist.
    """
    try:
        local = ZoneInfo(zone)
    except (ValueError, OSError, KeyError) as error:
        raise SettingsError(f"unknown time zone {zone!r}; give an IANA name such as Asia/Ho_Chi_Minh") from error
    file = read_calendar_file(path, holidays.list_supported_countries(include_aliases=False))
    first, end = date(file.first_year, 1, 1), date(file.last_year + 1, 1, 1)
    off, make_up = _seed(file)
    off = off - file.make_up_days | file.days_off
    make_up = make_up - file.days_off | file.make_up_days
    days = (first + timedelta(days=index) for index in range((end - first).days))
    works = [day in make_up or (day.weekday() in file.week and day not in off) for day in days]
    return build_calendar(local, first, works, file.hours)


def _seed(file: CalendarFile) -> tuple[frozenset[date], frozenset[date]]:
    """Give the library's days off and make-up days, for the years that it knows."""
    if file.country == NO_COUNTRY:
        return frozenset(), frozenset()
    known = holidays.country_holidays(file.country)
    years = range(max(file.first_year, known.start_year), min(file.last_year, known.end_year) + 1)
    found = holidays.country_holidays(file.country, years=years)
    return frozenset(found), frozenset(found.weekend_workdays)
