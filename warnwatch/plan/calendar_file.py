"""What an official may write in calendar.yml: the file in; a week, hours and single days, or every mistake, out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import TypeAlias

from warnwatch.documents import Data, Document, Keys, read_document
from warnwatch.errors import Mistake, MistakesError, nearest_name
from warnwatch.language import Phrase

OfficeHours: TypeAlias = tuple[tuple[time, time], ...]

NO_COUNTRY = "none"
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIRST_YEAR, LAST_YEAR = 2009, 2040
EARLIEST_YEAR, LATEST_YEAR = 1970, 2100  # what the seed library can reckon the lunar year for
CALENDAR_KEYS = ("country", "week", "hours", "days_off", "make_up_days", "first_year", "last_year")
DAY_KEYS = ("day", "document", "dated", "note")
_HOURS = re.compile(r"(\d{2}:\d{2})\s*-\s*(\d{2}:\d{2})")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE_FORM = Phrase("năm-tháng-ngày, ví dụ 2026-01-02")


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """One calendar.yml, checked. `week` holds Python's weekday numbers (Monday is 0); single days win over the rest."""

    country: str
    first_year: int
    last_year: int
    week: frozenset[int]
    hours: OfficeHours
    days_off: frozenset[date]
    make_up_days: frozenset[date]


def read_calendar_file(path: Path, countries: Collection[str]) -> CalendarFile:
    """Read calendar.yml; a key that is missing has its Vietnamese default. Raise MistakesError with every mistake.

    `countries` are the codes that `country` may name beside `none`.
    """
    document = read_document(path, str(path))
    if not isinstance(document.data, dict):
        raise MistakesError(
            [
                document.mistake(
                    (), Phrase("tệp trống hoặc không phải các dòng `khóa: giá trị`"), allowed=", ".join(CALENDAR_KEYS)
                )
            ]
        )
    reading = _Reading(document, [NO_COUNTRY, *countries], list(document.unknown_keys((), CALENDAR_KEYS)))
    result = reading.whole()
    if reading.mistakes:
        raise MistakesError(reading.mistakes)
    return result


@dataclass(slots=True)
class _Reading:
    """One reading of one file: each part gives its value, or its default after noting a mistake."""

    document: Document
    countries: list[str]
    mistakes: list[Mistake]
    seen: dict[date, str] = field(default_factory=dict)  # day -> the list that named it

    def whole(self) -> CalendarFile:
        first_year = self.year("first_year", FIRST_YEAR)
        last_year = self.year("last_year", LAST_YEAR)
        if first_year > last_year:
            self.note(
                ("last_year",),
                Phrase("last_year phải từ first_year trở đi"),
                str(last_year),
                Phrase("{first_year} trở đi", first_year=first_year),
            )
        return CalendarFile(
            country=self.country(),
            first_year=first_year,
            last_year=last_year,
            week=self.week(),
            hours=self.hours(),
            days_off=frozenset(self.days("days_off", first_year, last_year)),
            make_up_days=frozenset(self.days("make_up_days", first_year, last_year)),
        )

    def note(self, keys: Keys, message: str, found: Data = "", allowed: str = "", nearest: str = "") -> None:
        shown = Phrase("(trống)") if found is None else str(found)[:80]
        self.mistakes.append(Mistake(self.document.shown, *self.document.place(keys), message, shown, allowed, nearest))

    def items(self, key: str) -> Iterator[tuple[Keys, Data]]:
        found = self.document.value((key,))
        if not isinstance(found, list):
            self.note((key,), Phrase("{key} phải là một danh sách", key=key), found)
            return
        for index, item in enumerate(found):
            yield (key, index), item

    def has(self, key: str) -> bool:
        return isinstance(self.document.data, dict) and key in self.document.data

    def year(self, key: str, default: int) -> int:
        if not self.has(key):
            return default
        found = self.document.value((key,))
        if isinstance(found, int) and not isinstance(found, bool) and EARLIEST_YEAR <= found <= LATEST_YEAR:
            return found
        self.note(
            (key,),
            Phrase("năm không hợp lệ"),
            found,
            Phrase("{first_year} đến {last_year}", first_year=EARLIEST_YEAR, last_year=LATEST_YEAR),
        )
        return default

    def country(self) -> str:
        if not self.has("country"):
            return "VN"
        found = self.document.value(("country",))
        if isinstance(found, str) and found in self.countries:
            return found
        near = nearest_name(str(found).upper(), self.countries)
        self.note(
            ("country",),
            Phrase("không biết mã nước này"),
            found,
            Phrase("mã nước hai chữ hoa như VN, NL; hoặc none"),
            near,
        )
        return "VN"

    def week(self) -> frozenset[int]:
        if not self.has("week"):
            return frozenset(range(5))
        days: set[int] = set()
        for keys, item in self.items("week"):
            if item not in WEEK:
                near = nearest_name(str(item).lower(), WEEK)
                self.note(keys, Phrase("không phải tên ngày trong tuần"), item, ", ".join(WEEK), near)
            elif WEEK.index(item) in days:
                self.note(keys, Phrase("ngày trong tuần ghi hai lần"), item)
            else:
                days.add(WEEK.index(item))
        if self.document.value(("week",)) == []:
            self.note(("week",), Phrase("tuần làm việc phải có ít nhất một ngày"), allowed=", ".join(WEEK))
        return frozenset(days)

    def hours(self) -> OfficeHours:
        if not self.has("hours"):
            return (time(8), time(12)), (time(13), time(17))
        result: list[tuple[time, time]] = []
        for keys, item in self.items("hours"):
            period = _period(item)
            if period is None:
                self.note(
                    keys, Phrase("giờ làm việc không đọc được"), item, Phrase("giờ:phút-giờ:phút, ví dụ 07:30-11:30")
                )
            elif period[0] >= period[1]:
                self.note(keys, Phrase("giờ bắt đầu phải trước giờ kết thúc"), item)
            elif result and period[0] < result[-1][1]:
                self.note(keys, Phrase("các buổi làm việc phải theo thứ tự và không chồng lên nhau"), item)
            else:
                result.append(period)
        if self.document.value(("hours",)) == []:
            self.note(("hours",), Phrase("phải có ít nhất một buổi làm việc"), allowed=Phrase("ví dụ 08:00-12:00"))
        return tuple(result)

    def days(self, key: str, first_year: int, last_year: int) -> Iterator[date]:
        for keys, item in self.items(key) if self.has(key) else ():
            if not isinstance(item, dict):
                self.note(keys, Phrase("mỗi mục phải có day, document, dated"), item, ", ".join(DAY_KEYS))
                continue
            self.mistakes.extend(self.document.unknown_keys(keys, DAY_KEYS))
            self.check_document(keys, item)
            day = self.date_at(keys, item, "day")
            if day is None:
                continue
            if not first_year <= day.year <= last_year:
                self.note(
                    (*keys, "day"),
                    Phrase("ngày nằm ngoài các năm của lịch"),
                    str(day),
                    Phrase("{first_year} đến {last_year}", first_year=first_year, last_year=last_year),
                )
            if day in self.seen:
                twice = (
                    Phrase("ngày ghi hai lần")
                    if self.seen[day] == key
                    else Phrase("ngày vừa ghi là nghỉ, vừa ghi là làm việc")
                )
                self.note((*keys, "day"), twice, str(day))
            self.seen[day] = key
            yield day

    def check_document(self, keys: Keys, item: dict[str, Data]) -> None:
        number = item.get("document")
        if not isinstance(number, str) or "/" not in number:
            message = (
                Phrase("thiếu số văn bản") if number is None or number == "" else Phrase("số văn bản không đúng dạng")
            )
            self.note(
                (*keys, "document"),
                message,
                number if "document" in item else "",
                Phrase("số/ký hiệu, ví dụ 12729/VPCP-KGVX"),
            )
        self.date_at(keys, item, "dated")
        if not isinstance(item.get("note", ""), str):
            self.note((*keys, "note"), Phrase("note phải là chữ"), item["note"])

    def date_at(self, keys: Keys, item: dict[str, Data], key: str) -> date | None:
        if key not in item:
            self.note(
                (*keys, key),
                Phrase("thiếu ngày (day)") if key == "day" else Phrase("thiếu ngày của văn bản (dated)"),
                "",
                _DATE_FORM,
            )
            return None
        found = item[key]
        if isinstance(found, str) and _DATE.fullmatch(found):
            try:
                return date.fromisoformat(found)
            except ValueError:
                self.note((*keys, key), Phrase("không có ngày này trong lịch"), found, _DATE_FORM)
                return None
        self.note((*keys, key), Phrase("ngày không đúng dạng"), found, _DATE_FORM)
        return None


def _period(item: Data) -> tuple[time, time] | None:
    match = _HOURS.fullmatch(item) if isinstance(item, str) else None
    try:
        return (time.fromisoformat(match[1]), time.fromisoformat(match[2])) if match else None
    except ValueError:
        return None
