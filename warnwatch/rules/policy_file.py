"""Escalation policies as the secretariat writes them: one entry in; a policy, or its mistakes, out."""

from __future__ import annotations

from fractions import Fraction

from warnwatch.documents import Keys
from warnwatch.language import Phrase
from warnwatch.plan.calendar import Duration
from warnwatch.rules.entry import POLICY_KEYS, SHARE_KEYS, STEP_KEYS, ZERO, Entry
from warnwatch.rules.rule import AUTHORITY, CHANNELS, OFFICES, USUAL_CHANNELS, Level, Policy, Share, Step
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
    steps = tuple(_step(item, first=index == 0) for index, item in enumerate(items))
    if steps and AUTHORITY in steps[-1].tell:
        items[-1].complain(
            "tell",
            Phrase("sau bước authority phải có bước khác: thường không có cơ quan nào để báo"),
            AUTHORITY,
            "{after: 3 working days, tell: superior.head}",
        )
    return steps


def _step(entry: Entry, *, first: bool) -> Step:
    if not entry.only(STEP_KEYS):
        return Step(ZERO, ())
    before = len(entry.mistakes)
    share = _share(entry) if isinstance(entry.values.get("after"), dict) else None
    after = share.at_most if share else ZERO if len(entry.mistakes) > before else entry.duration("after")
    if first and "after" in entry.values and (share or after != ZERO):
        entry.complain("after", Phrase("bước đầu tiên không có after: bước này báo ngay"), str(after))
    if not first and after == ZERO and len(entry.mistakes) == before:
        found = "0" if "after" in entry.values else ""
        entry.complain(
            "after", Phrase("bước sau phải ghi after lớn hơn 0"), found, "1 working day, 4 working hours, 2h"
        )
    tell = entry.names("tell", OFFICES, Phrase("chức danh không có trong danh mục"))
    if AUTHORITY in tell and len(tell) > 1:
        entry.complain(
            "tell",
            Phrase("authority đứng riêng một bước: có khi không có cơ quan nào để báo"),
            ", ".join(tell),
            "tell: authority",
        )
    channels = USUAL_CHANNELS
    if "channels" in entry.values:
        channels = entry.names("channels", CHANNELS, Phrase("kênh gửi không có trong danh mục"))
    return Step(after, tell, channels, *_repeats(entry), share=share)


def _share(entry: Entry) -> Share | None:
    """Read a wait in proportion to the task's planned length; None with its mistakes noted."""
    before, inside = len(entry.mistakes), entry.inside("after")
    if not inside.only(SHARE_KEYS):
        return None
    part = _part(inside)
    bounds = [_bound(inside, name) for name in SHARE_KEYS[1:]]
    if len(entry.mistakes) > before or part is None:
        return None
    least, most = bounds
    if least.unit == most.unit and least.amount > most.amount:
        inside.complain("at_least", Phrase("at_least không được lớn hơn at_most ({most})", most=str(most)), str(least))
        return None
    return Share(part, least, most)


def _part(inside: Entry) -> Fraction | None:
    value = inside.values.get("share")
    if "share" not in inside.values:
        inside.complain_missing("share")
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1:
        return Fraction(str(value))
    inside.complain("share", Phrase("share cần một số lớn hơn 0, không quá 1"), str(value), "0.1, 0.25, 1")
    return None


def _bound(inside: Entry, name: str) -> Duration:
    """Read one bound of a wait in proportion: only working time can be compared with a planned length."""
    if name not in inside.values:
        inside.complain_missing(name)
        return ZERO
    before, wait = len(inside.mistakes), inside.duration(name)
    if len(inside.mistakes) == before and (wait == ZERO or wait.unit not in {"working_day", "working_hour"}):
        inside.complain(
            name,
            Phrase("khóa {name} cần thời gian làm việc lớn hơn 0", name=name),
            str(wait),
            "1 working day, 4 working hours",
        )
    return wait


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
