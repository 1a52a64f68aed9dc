"""Who is told next of each open alert, when, and why not yet: the list behind `warnwatch alerts --next`.

In: open alerts, the calls made for them, what mutes them, the directory. Out: one line or one JSON object an alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from warnwatch.alerts.alert import Alert, State
from warnwatch.alerts.escalation import Coming, Made, People, coming, people_of, reachable, recipients_of
from warnwatch.alerts.muting import Muting, Mutings
from warnwatch.alerts.terms import Terms
from warnwatch.language import Phrase, together
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.directory import Directory, Recipient
from warnwatch.printing import local
from warnwatch.rules.rule import Step
from warnwatch.rules.waits import why_so_long

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


@dataclass(frozen=True, slots=True)
class Next:
    """What comes next for an alert. `why`: one of the words of _WHY; `at` is None where time alone moves nothing.

    `step` is 0 where nobody is told any more; `told` are those whom it would reach today. `passed`: the steps before it
    that would tell nobody new, and are passed over for it. `wait`: how a wait in proportion came about.
    """

    alert: Alert
    why: str
    at: datetime | None = None
    step: int = 0
    offices: tuple[str, ...] = ()
    told: tuple[Recipient, ...] = ()
    passed: tuple[int, ...] = ()
    wait: str = ""

    def as_json(self) -> Mapping[str, Any]:
        """Give it in the words of the commands."""
        alert = self.alert
        return {
            "alert": alert.code,
            "rule": alert.rule,
            "subject": alert.subject,
            "unit": alert.unit,
            "level": alert.level.word,
            "standing": alert.standing,
            "why": self.why,
            "at": self.at.isoformat() if self.at else None,
            "step": self.step or None,
            "offices": list(self.offices),
            "passed": list(self.passed),
            "wait": str(self.wait),
            "told": [{"holder": one.holder.code, "unit": one.unit.code, "office": one.office} for one in self.told],
        }

    def line(self, zone: ZoneInfo) -> Phrase:
        """Say it to a person."""
        alert, titles = self.alert, [one.holder.title or one.unit.head_title or one.office for one in self.told]
        people = "; ".join(f"{title}, {one.unit.short}" for title, one in zip(titles, self.told, strict=True))
        why = [_WHY[self.why], *([self.wait] if self.wait else [])]
        if self.passed:
            steps = ", ".join(map(str, self.passed))
            why.append(Phrase("bỏ qua bước {steps}: không có ai chưa được báo", steps=steps))
        said = together(why, "; ")
        named = {"alert": alert.code, "level": alert.level.vietnamese, "subject": alert.subject, "why": said}
        if not self.step:
            return Phrase("{alert} {level:9} {subject:22} {why}", **named)
        when = local(self.at, zone) if self.at else Phrase("chưa rõ lúc nào")
        whom = people or Phrase("không tìm thấy người giữ chức vụ")
        return Phrase(
            "{alert} {level:9} {subject:22} {at}: bước {step}, {whom} ({why})",
            at=when,
            step=self.step,
            whom=whom,
            **named,
        )


def next_of(
    alerts: Iterable[Alert],
    terms: Terms,
    made: Mapping[int, Made],
    mutings: Mutings,
    directory: Directory,
    clock: tuple[datetime, WorkCalendar],
) -> Iterator[Next]:
    """Say of each alert who is told next; what comes soonest first, then what no time moves."""
    found, people = [], people_of(directory)
    for alert in alerts:
        if alert.state is State.PENDING or alert.gone_since:
            found.append(Next(alert, "pending" if alert.state is State.PENDING else "gone", alert.next_at))
            continue
        policy, known = terms.policy(alert), made.get(alert.id, Made())
        ahead = coming(alert, policy, known, *clock) if policy else None
        steps = policy.levels.get(alert.level, ()) if policy else ()
        place, passed = _reached(alert, steps, ahead, people)
        if ahead is None or place is None:
            found.append(Next(alert, "standing" if policy else "retired", alert.promised_for if policy else None))
            continue
        step = steps[place]
        why, at = _why(alert, ahead.at, mutings.of(alert), clock[0])
        if why == "timer":
            why = "text" if ahead.waits_for_text else "repeat" if ahead.repeats else "timer"
        wait = "" if ahead.repeats else why_so_long(steps[ahead.place])
        told = tuple(recipients_of(alert, step, directory))
        found.append(Next(alert, why, at, place + 1, step.tell, told, passed, wait))
    yield from sorted(found, key=lambda one: (one.at is None, one.at or clock[0], -one.alert.level, one.alert.id))


def _reached(
    alert: Alert, steps: Sequence[Step], ahead: Coming | None, people: People
) -> tuple[int | None, tuple[int, ...]]:
    """Give the place of the step that comes, and the numbers of those passed over for it."""
    if ahead is None or ahead.repeats:
        return (ahead.place if ahead else None), ()
    place, passed = reachable(alert, steps, ahead.place, people)
    return place, tuple(number for number in passed if place is None or number != place + 1)


def _why(alert: Alert, at: datetime, mutings: tuple[Muting, ...], now: datetime) -> tuple[str, datetime | None]:
    promised = alert.promised_for if alert.level <= alert.promised_level else None
    why, at = ("promise", promised) if promised and promised > now else ("timer" if at > now else "due", at)
    ends = [muting.until for muting in mutings]
    if None in ends:
        return "muted", None
    until = max((one for one in ends if one), default=at)
    return ("muted", until) if until > at else (why, at)
