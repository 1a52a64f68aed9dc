"""Escalation policies as the secretariat writes them: one entry in; a policy, or its mistakes, out."""

from __future__ import annotations

from warnwatch.documents import Keys
from warnwatch.language import Phrase
from warnwatch.plan.calendar import Duration
from warnwatch.rules.entry import POLICY_KEYS, STEP_KEYS, ZERO, Entry
from warnwatch.rules.rule import CHANNELS, OFFICES, USUAL_CHANNELS, Level, Policy, Step
from warnwatch.rules.rule_file import read_id


def read_policy(entry: Entry) -> Policy | None:
    """Read one policy; give None when anything in it is wrong (the entry has the mistakes)."""
    before = len(entry.mistakes)
    if not entry.only(POLICY_KEYS):
        return None
    policy = Policy(
        id=read_id(entry),
        title=entry.text("title"),
        levels={level: _steps(entry, keys) for level, keys in entry.levels("levels").items()},
        cap=entry.duration("cap"),
    )
    if "cap" not in entry.values:
        entry.complain_missing("cap")
    elif policy.cap == ZERO and len(entry.mistakes) == before:
        entry.complain("cap", Phrase("thời hạn cam kết dài nhất phải lớn hơn 0"), "0")
    return policy if len(entry.mistakes) == before else None


def _steps(entry: Entry, keys: Keys) -> tuple[Step, ...]:
    level = Level[str(keys[-1]).upper()]
    items = entry.inside("levels").items(level.word)
    return tuple(_step(item, first=index == 0) for index, item in enumerate(items))


def _step(entry: Entry, *, first: bool) -> Step:
    if not entry.only(STEP_KEYS):
        return Step(ZERO, ())
    after = entry.duration("after")
    if first and "after" in entry.values and after != ZERO:
        entry.complain("after", Phrase("bước đầu tiên không có after: bước này báo ngay"), str(after))
    if not first and after == ZERO:
        found = "0" if "after" in entry.values else ""
        entry.complain(
            "after", Phrase("bước sau phải ghi after lớn hơn 0"), found, "1 working day, 4 working hours, 2h"
        )
    tell = entry.names("tell", OFFICES, Phrase("chức danh không có trong danh mục"))
    channels = USUAL_CHANNELS
    if "channels" in entry.values:
        channels = entry.names("channels", CHANNELS, Phrase("kênh gửi không có trong danh mục"))
    return Step(after, tell, channels, *_repeats(entry))


def _repeats(entry: Entry) -> tuple[Duration | None, int | None]:
    """Read how often a step is called again."""
    before, repeat, times = len(entry.mistakes), None, None
    if "repeat" in entry.values:
        repeat = entry.duration("repeat")
        if repeat == ZERO and len(entry.mistakes) == before:
            entry.complain("repeat", Phrase("khoảng lặp lại phải lớn hơn 0"), "0", "5 working days, 7 days")
    if "times" in entry.values:
        value = entry.values["times"]
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            times = value
        else:
            entry.complain("times", Phrase("times cần một số nguyên lớn hơn 0"), str(value), "1, 2, 3")
        if "repeat" not in entry.values:
            entry.complain("times", Phrase("times chỉ dùng cùng repeat"), str(value), "repeat: 5 working days")
    return repeat, times
