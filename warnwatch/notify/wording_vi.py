"""How dates, hours, numbers, lists and offices are written in Vietnamese administrative texts (Decree 30/2020)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from warnwatch.notify.wording import OFFICE_CLOSES, clean, end_of_the_day_before, full_hour, number_text

SAID_ONCE = frozenset({"Tiếp nhận", "Việc cần làm", "Phản hồi", "Diễn biến", "Bước tiếp theo"})


def day(at: datetime, zone: ZoneInfo) -> str:
    """Write a date: `01/7/2025`. Days below 10 and the months 1 and 2 take a leading 0, other months none."""
    local = at.astimezone(zone)
    month = f"{local.month:02d}" if local.month < 3 else str(local.month)
    return f"{local.day:02d}/{month}/{local.year}"


def hour(at: datetime, zone: ZoneInfo) -> str:
    """Write a time of day: `16 giờ 00`."""
    local = at.astimezone(zone)
    return f"{local.hour:02d} giờ {local.minute:02d}"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Write an instant: `16 giờ 00 ngày 01/7/2025`."""
    return f"{hour(at, zone)} ngày {day(at, zone)}"


def last_moment(at: datetime, zone: ZoneInfo) -> str:
    """Write the last good moment of a deadline: `hết ngày 15/8/2025`, or with its hour when that is not midnight."""
    local = at.astimezone(zone)
    whole_day = (local.hour, local.minute) == (23, 59)
    return f"hết ngày {day(at, zone)}" if whole_day else moment(at, zone)


def deadline(words: str, due_at: datetime | None, zone: ZoneInfo) -> str:
    """Write a deadline: the document's own words, and the date that was computed from them."""
    words = clean(words, 200)
    if due_at is None:
        return f"{words} (chưa xác định ngày cụ thể)" if words else "chưa có thời hạn"
    computed = last_moment(due_at, zone)
    if not words or words == computed:
        return computed
    return f"{words} ({computed})"


def moved_deadline(now: str, before: str, decision: str) -> str:
    """Write a deadline that was moved: what holds now, as `deadline` writes it, by which act, and the first one."""
    decision = clean(decision, 80)
    by = f" theo văn bản số {decision}" if decision else ""
    return f"{now}, đã điều chỉnh{by} (thời hạn ban đầu: {clean(before, 200)})"


def answer_by(at: datetime, zone: ZoneInfo, now: datetime, *, today: bool = False) -> str:
    """Write by when an answer is asked: `trước 16 giờ 00 ngày 21/8/2025`, or before the end of that day's office hours.

    Minutes are dropped, never added: what is announced for later must not come before the time that a text gives.
    With `today`, this day is called so.
    """
    at = end_of_the_day_before(at, zone)
    said = "hôm nay" if today and at.astimezone(zone).date() == now.astimezone(zone).date() else f"ngày {day(at, zone)}"
    if at.astimezone(zone).hour >= OFFICE_CLOSES:
        return f"trước khi hết giờ làm việc {said}"
    return f"trước {hour(full_hour(at, now), zone)} {said}"


def after_answer(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Write what comes after `answer_by`: `sau 16 giờ 00 ngày 21/8/2025`, or after that day's office hours."""
    at = end_of_the_day_before(at, zone)
    if at.astimezone(zone).hour >= OFFICE_CLOSES:
        return f"sau giờ làm việc ngày {day(at, zone)}"
    return f"sau {moment(full_hour(at, now), zone)}"


def number(value: float | None, digits: int = 2) -> str:
    """Write a number: `3.321`, `39,98`; closing zeros are dropped. No number is said in words."""
    return number_text(value, digits).translate({ord(","): ".", ord("."): ","}) or "chưa xác định"


def percent(share: float | None) -> str:
    """Write a share as percent: 0.3998 is `39,98 %`."""
    text = number(None if share is None else share * 100)
    return text if share is None or not math.isfinite(share) else f"{text} %"


def listing(parts: Sequence[str]) -> str:
    """Join parts as a sentence does: `a, b và c`."""
    return " và ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def days(count: int, *, working: bool) -> str:
    """Write a number of days: `3 ngày làm việc`."""
    return f"{number(count, 0)} ngày{' làm việc' if working else ''}"


def noun(count: int, *, tasks: bool) -> str:  # noqa: ARG001 (Vietnamese has no plural)
    """Give the word for what is counted."""
    return "nhiệm vụ" if tasks else "nội dung"


def general_title(office: str) -> str:
    """Name an office that has no title of its own."""
    return {"head": "Thủ trưởng", "deputy": "Phó Thủ trưởng"}.get(office, "Đầu mối theo dõi")


def addressee(title: str, unit: str) -> str:
    """Join an office and its unit as one says them: `Chủ tịch Ủy ban nhân dân tỉnh Thái Nguyên`.

    Words that end the title and begin the unit's name are said once. A title that names its unit stays as it is; one
    that names the body in the unit's brackets stands apart from it: `Chánh Văn phòng X, Cơ quan Thường trực (Văn
    phòng X)`.
    """
    words, name = title.split(), unit.split()
    if unit.lower() in title.lower():
        return title
    inner = re.search(r"\((.+)\)$", unit)
    if inner and title.lower().endswith(inner[1].lower()):
        return f"{title}, {unit}"
    for count in range(min(len(words), len(name)), 0, -1):
        if [one.lower() for one in words[-count:]] == [one.lower() for one in name[:count]]:
            return " ".join([*words[:-count], *name])
    return f"{title} {unit}"
