"""What the text of a cell means: one function per type."""

from __future__ import annotations

import json
import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TypeAlias
from zoneinfo import ZoneInfo

import phonenumbers

from warnwatch.language import Phrase
from warnwatch.plan.cell_words import CONFIDENTIAL, NO, TOP_SECRET, YES
from warnwatch.plan.column import Column, Type, allowed, plain
from warnwatch.plan.findings import Findings

# Years outside are slips of the finger (0206, 20226).
YEARS = range(1900, 2201)


Value: TypeAlias = bool | int | float | str | date


_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)|(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_NUMBER = re.compile(r"[-+]?\d{1,15}(?:[.,]\d{1,15})?", re.ASCII)
_LOCAL_PART = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"{_LOCAL_PART}(?:\.{_LOCAL_PART})*@(?:{_LABEL}\.)+[A-Za-z]{{2,}}")
_PERIODS = (
    (re.compile(r"(?:năm )?(\d{4})", re.ASCII), "{0}"),
    (re.compile(r"(\d{4})-h([12])", re.ASCII), "{0}-H{1}"),
    (re.compile(r"(\d{4})-q([1-4])", re.ASCII), "{0}-Q{1}"),
    (re.compile(r"(?:quý |q)([1-4])/(\d{4})", re.ASCII), "{1}-Q{0}"),
    (re.compile(r"(\d{4})-w(0[1-9]|[1-4]\d|5[0-3])", re.ASCII), "{0}-W{1}"),
    (re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII), "{0}-{1}"),
    (re.compile(r"(?:tháng )?(0?[1-9]|1[0-2])/(\d{4})", re.ASCII), "{1}-{0:0>2}"),
)
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
_PERIOD_WAYS = Phrase("2026, 2026-H1, 2026-Q2, quý II/2026, 2026-06, tháng 6/2026, 2026-W26, 2026-06-30")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = "2026-06-30, 30/6/2026, 2026-06-30 16:00, 2026-06-30T16:00:00+07:00"


class CellError(ValueError):
    """A cell that its column does not allow; the text says why, `allowed` what would do."""

    def __init__(self, message: str, allowed: str = "", nearest: str = "") -> None:
        super().__init__(message)
        self.allowed = allowed
        self.nearest = nearest


# --- one cell -------------------------------------------------------------------------------------------------------


def read_flag(text: str) -> bool:
    """Read yes or no in either language."""
    word = plain(text)
    if word in YES or word in NO:
        return word in YES
    raise CellError(Phrase("không rõ có hay không"), Phrase("có, không, yes, no, 1, 0, x"))


def read_secrecy(text: str) -> bool:
    """Read whether a task is confidential; a top secret one has no place here (design.md 6.16)."""
    word = plain(text)
    if word in [plain(one) for one in TOP_SECRET]:
        raise CellError(
            Phrase("nhiệm vụ tối mật, tuyệt mật không được nhập vào hệ thống"), Phrase("bỏ dòng này khỏi tệp")
        )
    return True if word in CONFIDENTIAL else read_flag(text)


def read_integer(text: str) -> int:
    """Read a whole number from 0 to 9999."""
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise CellError(Phrase("không phải số nguyên"), Type.INTEGER.value)
    return int(text)


def read_number(text: str) -> float:
    """Read a number with a decimal point or comma; one separator is always the decimal one."""
    if not _NUMBER.fullmatch(text):
        raise CellError(
            Phrase("không phải số"), Phrase("số như 12, 12,5 hoặc 12.5; không dấu phân cách hàng nghìn, không đơn vị")
        )
    return float(text.replace(",", "."))


def read_fraction(text: str) -> float:
    """Read a share: 0..1, or a percentage with its sign. A bare number above 1 could be either slip: refused."""
    percent = text.endswith("%")
    value = read_number(text.removesuffix("%").rstrip()) / (100 if percent else 1)
    if not 0 <= value <= 1:
        number = text.removesuffix("%").rstrip()
        hint = Phrase("từ 0% đến 100%, hoặc từ 0 đến 1")
        if not percent and 1 < value <= 100:
            decimal = f"{value / 100:g}".replace(".", ",")
            hint = Phrase("viết {number}% hoặc {decimal}", number=number, decimal=decimal)
        raise CellError(Phrase("tiến độ ngoài khoảng cho phép"), hint)
    return value


def read_date(text: str) -> date:
    """Read a day: 2026-06-30 or 30/6/2026 (the day first, as in Vietnam)."""
    found = _DAY.fullmatch(text)
    if not found:
        raise CellError(Phrase("không phải ngày"), Phrase("2026-06-30 hoặc 30/6/2026"))
    year, month, day = (int(one) for one in (found.group(1, 2, 3) if found[1] else found.group(6, 5, 4)))
    try:
        result = date(year, month, day)
    except ValueError:
        raise CellError(
            Phrase("không có ngày {day}/{month}/{year} trong lịch", day=day, month=month, year=year),
            Phrase("ngày có thật, như {day}", day=_last_day(year, month)),
        ) from None
    if year not in YEARS:
        raise CellError(
            Phrase("năm {year} ngoài khoảng cho phép", year=year),
            Phrase("năm từ {first_year} đến {last_year}", first_year=YEARS[0], last_year=YEARS[-1]),
        )
    return result


def _last_day(year: int, month: int) -> str:
    """Write the last day of a month, which a day that does not exist was mostly meant to be; of any, when none is."""
    if year not in YEARS or month not in range(1, 13):
        return "30/6/2026"
    return f"{monthrange(year, month)[1]}/{month}/{year}"


def read_instant(text: str, zone: ZoneInfo, *, end: bool) -> int:
    """Read a moment as microseconds since 1970; a date alone is its first microsecond, or its last when `end`."""
    head, _, tail = text.replace("T", " ", 1).partition(" ")
    try:
        day = read_date(head)
    except CellError as error:
        if _DAY.fullmatch(head):
            raise
        raise CellError(Phrase("không phải ngày giờ"), _INSTANT) from error
    if not tail:
        return _micros(datetime.combine(day, time.max if end else time.min, zone))
    found = _TIME.fullmatch(tail.strip())
    if not found:
        raise CellError(Phrase("không phải ngày giờ"), _INSTANT)
    hour, minute, second = (int(one or 0) for one in found.group(1, 2, 3))
    fraction = int((found[4] or "").ljust(6, "0"))
    try:
        offset = _offset(found[5]) if found[5] else zone
        return _micros(datetime.combine(day, time(hour, minute, second, fraction), offset))
    except ValueError:
        raise CellError(
            Phrase("giờ không có thật"), Phrase("giờ từ 00:00 đến 23:59, lệch múi giờ như +07:00")
        ) from None


def _offset(text: str) -> timezone:
    digits = "+0000" if text == "Z" else text.replace(":", "")
    east = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
    return timezone(-east if digits[0] == "-" else east)


def _micros(moment: datetime) -> int:
    elapsed = moment - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


def read_period(text: str) -> str:
    """Read the period of a reading as 2026, 2026-H1, 2026-Q2, 2026-W26, 2026-06 or 2026-06-30."""
    words = re.sub(r"^quý (iv|i{1,3})(?=/)", lambda found: f"quý {_ROMAN[found[1]]}", plain(text))
    for pattern, form in _PERIODS:
        if found := pattern.fullmatch(words):
            return form.format(*found.groups())
    try:
        return read_date(text).isoformat()
    except CellError:
        raise CellError(Phrase("không phải kỳ"), _PERIOD_WAYS) from None


def read_email(text: str) -> str:
    """Read one plain mail address; its domain in small letters."""
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        raise CellError(Phrase("địa chỉ thư điện tử sai"), Phrase("một địa chỉ như vanthu@bo.example.vn"))
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


def read_phone(text: str) -> str:
    """Read a telephone number as E.164; without a country code it is Vietnamese."""
    try:
        number = phonenumbers.parse(text, "VN")
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise CellError(Phrase("số điện thoại sai"), Phrase("số như 0912 345 678 hoặc +84 912 345 678"))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def read_path(text: str) -> str:
    """Read a way to a target, `2026-06-30=40; 2026-12-31=70`, as JSON [[date, value], …] in the order of dates."""
    points: list[tuple[str, float]] = []
    for part in text.split(";"):
        day, equals, value = part.partition("=")
        if not equals:
            raise CellError(Phrase("lộ trình sai cách viết"), Type.PATH.value)
        points.append((read_date(day.strip()).isoformat(), read_number(value.strip())))
    days = [day for day, _ in points]
    if sorted(set(days)) != days:
        raise CellError(Phrase("lộ trình không theo thứ tự ngày"), Phrase("mỗi ngày một lần, ngày trước đứng trước"))
    return json.dumps(points)


def read_word(text: str, column: Column) -> str:
    """Read one of the column's words, in either language."""
    ways = {plain(way): word for word, others in column.words.items() for way in (word, *others)}
    word = ways.get(plain(text))
    if word is None:
        near = Findings().nearest(text, [way for word, others in column.words.items() for way in (word, *others)])
        raise CellError(Phrase("từ không có trong danh mục"), allowed(column), near)
    return word
