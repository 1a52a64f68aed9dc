"""Channels as the secretariat writes them: the `channels` of a file in; their quiet time, or every mistake, out."""

from __future__ import annotations

import re
from datetime import time

from warnwatch.language import Phrase
from warnwatch.rules.entry import CHANNEL_KEYS, Entry
from warnwatch.rules.rule import CHANNELS, LEVELS, QUIET_DAYS, ChannelRules

HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)")
# As many as the setting `letter.digest_cap` allows: more is no mail that anybody reads.
MOST_SHOWN = 500


def read_channels(entry: Entry) -> dict[str, ChannelRules]:
    """Read the quiet time of each channel; what is wrong is noted in the entry."""
    if not entry.only(CHANNELS):
        return {}
    if not entry.own:
        entry.complain("", Phrase("khóa {name} trống", name="channels"), allowed=", ".join(CHANNELS))
    found = {name: _read(entry.inside(name)) for name in CHANNELS if name in entry.own}
    return {name: one for name, one in found.items() if one}


def _read(entry: Entry) -> ChannelRules | None:
    before = len(entry.mistakes)
    if not entry.only(CHANNEL_KEYS):
        return None
    days: tuple[str, ...] = ()
    if "quiet_days" in entry.values:
        days = entry.names("quiet_days", QUIET_DAYS, Phrase("ngày yên lặng không có trong danh mục"))
    overrides = ""
    if "overrides" in entry.values:
        overrides = entry.choice("overrides", LEVELS, Phrase("mức không có trong danh mục"))
    found = ChannelRules(_hours(entry), frozenset(days), LEVELS.get(overrides), _cap(entry))
    if overrides and not (found.quiet_hours or found.quiet_days) and len(entry.mistakes) == before:
        message = Phrase("overrides chỉ dùng cùng quiet_hours hoặc quiet_days")
        entry.complain("overrides", message, overrides, "quiet_hours: 21:00-07:00")
    return found if len(entry.mistakes) == before else None


def _hours(entry: Entry) -> tuple[time, time] | None:
    if "quiet_hours" not in entry.values:
        return None
    value = entry.values["quiet_hours"]
    match = HOURS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        allowed = Phrase("giờ:phút-giờ:phút, ví dụ 21:00-07:00")
        entry.complain("quiet_hours", Phrase("giờ yên lặng không đọc được"), str(value), allowed)
        return None
    begin, end = time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))
    if begin == end:
        message = Phrase("giờ bắt đầu và giờ kết thúc phải khác nhau: như thế này không lúc nào gửi được")
        entry.complain("quiet_hours", message, str(value), "21:00-07:00")
        return None
    return begin, end


def _cap(entry: Entry) -> int | None:
    if "digest_cap" not in entry.values:
        return None
    value = entry.values["digest_cap"]
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_SHOWN:
        return value
    message = Phrase("digest_cap cần một số nguyên từ 1 đến {most}", most=MOST_SHOWN)
    entry.complain("digest_cap", message, str(value), "20, 50")
    return None
