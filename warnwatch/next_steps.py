"""What `warnwatch alerts --next` says of what comes next for each alert: a line for people, JSON for a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from warnwatch.alerts.ahead import Next
from warnwatch.language import Phrase, together
from warnwatch.printing import local

_WHY = {
    "due": Phrase("đến lượt ở chu kỳ xét tiếp theo"),
    "timer": Phrase("còn chờ hết thời gian của bước trước"),
    "repeat": Phrase("báo lại theo định kỳ"),
    "text": Phrase("văn bản của bước trước chưa gửi được; chậm nhất đến lúc này"),
    "promise": Phrase("đã có cam kết, chờ đến hạn cam kết"),
    "gone": Phrase("số đo đã trở lại trong ngưỡng, sắp kết thúc"),
    "pending": Phrase("cảnh báo chưa mở"),
    "muted": Phrase("đang tạm dừng, hoặc đã nằm trong cảnh báo khác"),
    "standing": Phrase("đã báo hết các bước, thuộc danh sách của cơ quan thường trực"),
    "retired": Phrase("quy tắc đã bỏ, cảnh báo kết thúc ở chu kỳ xét tiếp theo"),
}


def next_json(one: Next) -> Mapping[str, Any]:
    """Give it in the words of the commands."""
    alert = one.alert
    return {
        "alert": alert.code,
        "rule": alert.rule,
        "subject": alert.subject,
        "unit": alert.unit,
        "level": alert.level.word,
        "standing": alert.standing,
        "why": one.why,
        "at": one.at.isoformat() if one.at else None,
        "step": one.step or None,
        "offices": list(one.offices),
        "passed": list(one.passed),
        "wait": str(one.wait),
        "told": [{"holder": told.holder.code, "unit": told.unit.code, "office": told.office} for told in one.told],
    }


def next_line(one: Next, zone: ZoneInfo) -> Phrase:
    """Say it to a person."""
    alert, titles = one.alert, [who.holder.title or who.unit.head_title or who.office for who in one.told]
    people = "; ".join(f"{title}, {who.unit.short}" for title, who in zip(titles, one.told, strict=True))
    why = [_WHY[one.why], *([one.wait] if one.wait else [])]
    if one.passed:
        steps = ", ".join(map(str, one.passed))
        why.append(Phrase("bỏ qua bước {steps}: không có ai chưa được báo", steps=steps))
    said = together(why, "; ")
    named = {"alert": alert.code, "level": alert.level.vietnamese, "subject": alert.subject, "why": said}
    if not one.step:
        return Phrase("{alert} {level:9} {subject:22} {why}", **named)
    when = local(one.at, zone) if one.at else Phrase("chưa rõ lúc nào")
    whom = people or Phrase("không tìm thấy người giữ chức vụ")
    return Phrase(
        "{alert} {level:9} {subject:22} {at}: bước {step}, {whom} ({why})",
        at=when,
        step=one.step,
        whom=whom,
        **named,
    )
