"""Who is told next of each open alert, when, and why not yet.

In: open alerts, the calls made for them, what mutes them, the directory. Out: one `Next` an alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from warnwatch.alerts.alert import Alert, State
from warnwatch.alerts.escalation import Coming, Made, People, coming, people_of, reachable, recipients_of
from warnwatch.alerts.muting import Muting, Mutings
from warnwatch.alerts.terms import Terms
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.directory import Directory, Recipient
from warnwatch.rules.rule import Step
from warnwatch.rules.waits import why_so_long


@dataclass(frozen=True, slots=True)
class Next:
    """What comes next for an alert; `at` is None where time alone moves nothing.

    `why`: due, timer, repeat, text, promise, gone, pending, muted, standing or retired. `step` is 0 where nobody is
    told any more; `told` are those whom it would reach today. `passed`: the steps before it that would tell nobody new,
    and are passed over for it. `wait`: how a wait in proportion came about.
    """

    alert: Alert
    why: str
    at: datetime | None = None
    step: int = 0
    offices: tuple[str, ...] = ()
    told: tuple[Recipient, ...] = ()
    passed: tuple[int, ...] = ()
    wait: str = ""


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
