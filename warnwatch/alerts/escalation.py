"""Who is called next, and when: policies climbed one step per alert and cycle, up to whoever answers.

In: an open alert, the calls already made for it, the policy, the instant. Out: the call to make now, if any, and the
alert with the instant at which it must be looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from warnwatch.alerts.alert import Alert, Call, Reason, State
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.rules.rule import Policy, RuleBook, Step


@dataclass(frozen=True, slots=True)
class Made:
    """The calls already made for one alert, as far as climbing needs them.

    `round_no`: a going-live starts a new round, in which the steps are called again. `steps`: by level, how many
    different steps were called in this round. `times`: how many calls in all. `told`: by (level, step), how many calls
    of this round, and the number that its next call takes.
    """

    round_no: int = 0
    steps: tuple[tuple[int, int], ...] = ()
    times: int = 0
    told: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()

    def at(self, level: int) -> int:
        """How many steps of a level were called in this round."""
        return dict(self.steps).get(level, 0)

    def of(self, level: int, step: int) -> tuple[int, int]:
        """How many calls of a step there were in this round, and the number that its next call takes."""
        return dict(self.told).get((level, step), (0, 0))

    def in_round(self, round_no: int) -> Made:
        """Count only the calls of a round, where that is a later one than the last that had calls."""
        if self.round_no >= round_no:
            return self
        return Made(round_no, (), self.times, tuple((key, (0, number)) for key, (_, number) in self.told))

    def after(self, call: Call) -> Made:
        """Count one more call."""
        known = self.in_round(call.round_no)
        level = int(call.level)
        steps = {**dict(known.steps), level: max(known.at(level), call.step)}
        times, number = known.of(level, call.step)
        told = {**dict(known.told), (level, call.step): (times + 1, max(number, call.repeat + 1))}
        return Made(call.round_no, tuple(sorted(steps.items())), known.times + 1, tuple(sorted(told.items())))


def made_of(calls: Iterable[tuple[int, int, int, int]]) -> Made:
    """Sum up the (level, step, repeat, round) of one alert's calls."""
    known = list(calls)
    if not known:
        return Made()
    latest = max(round_no for *_, round_no in known)
    steps: dict[int, int] = {}
    told: dict[tuple[int, int], tuple[int, int]] = {}
    for level, step, repeat, round_no in known:
        times, number = told.get((level, step), (0, 0))
        told[level, step] = (times + (round_no == latest), max(number, repeat + 1))
        if round_no == latest:
            steps[level] = max(steps.get(level, 0), step)
    return Made(latest, tuple(sorted(steps.items())), len(known), tuple(sorted(told.items())))


def restarted(alert: Alert, made: Made) -> Alert:
    """Begin a new round of calls for an alert; one that was never called is in its first round still."""
    return replace(alert, round_no=made.round_no + 1) if made.times else alert


def climb(
    alert: Alert, policy: Policy, made: Made, now: datetime, calendar: WorkCalendar
) -> tuple[Alert, tuple[Call, ...]]:
    """Make at most one step for an alert; a step that tells several offices is one call for each of them.

    A raised level begins at once with its own first step; a lowered one repeats nothing; a promise holds against
    levels up to the one it was given for, and climbs one step when it is broken. Nothing climbs while the measure is
    back (`gone_since`) or the alert is only pending: its own timer is kept then.
    """
    if alert.state is not State.OPEN or alert.gone_since:
        return alert, ()
    made = made.in_round(alert.round_no)
    steps = policy.levels.get(alert.level, ())
    done = made.at(alert.level)
    if not done and alert.called_level > alert.level and not _new_round(alert, made):
        done = 1  # told already of something worse: the first step of a lower level would only repeat it
    promised = alert.promised_for if alert.level <= alert.promised_level else None
    broken = promised is not None and promised <= now
    if done >= len(steps):
        return _at_the_end(alert, made, steps, broken=broken), ()
    due = now if not done else _due(alert, steps[done], now, calendar)
    if promised and not (alert.initial and not done):  # the first digest comes whatever was promised before
        due = promised
    if due > now:
        return replace(alert, next_at=due), ()
    return _called(alert, steps, done, _reason(alert, done, broken=broken), (made, now, calendar))


def _at_the_end(alert: Alert, made: Made, steps: Sequence[Step], *, broken: bool) -> Alert:
    """Leave an alert that has its last step behind it; a broken promise is struck, and stands in the journal."""
    standing = alert.standing or made.at(alert.level) >= len(steps) > 0
    if broken:
        return replace(alert, promised_for=None, promised_level=0, standing=standing, next_at=None)
    waits = alert.promised_for if alert.level <= alert.promised_level else None
    return replace(alert, standing=standing, next_at=waits)


def _new_round(alert: Alert, made: Made) -> bool:
    return made.round_no > 0 and not made.steps and alert.called_level > 0


def _due(alert: Alert, step: Step, now: datetime, calendar: WorkCalendar) -> datetime:
    return calendar.add(alert.last_call_at or now, step.after)


def _reason(alert: Alert, done: int, *, broken: bool) -> Reason:
    if broken:
        return Reason.PROMISE_BROKEN
    if done:
        return Reason.CLIMBED
    if alert.initial:
        return Reason.INITIAL
    return Reason.RAISED if alert.called_level else Reason.OPENED


def _called(
    alert: Alert, steps: Sequence[Step], done: int, reason: Reason, at: tuple[Made, datetime, WorkCalendar]
) -> tuple[Alert, tuple[Call, ...]]:
    made, now, calendar = at
    step = steps[done]
    call = Call(
        alert.id,
        alert.level,
        done + 1,
        made.of(alert.level, done + 1)[1],
        ",".join(step.tell),
        alert.unit,
        now,
        reason,
        step.channels,
        made.round_no,
    )
    more = done + 1 < len(steps)
    after = replace(
        alert,
        called_level=max(alert.called_level, int(alert.level)),
        last_call_at=now,
        initial=False,
        standing=not more,
        next_at=calendar.add(now, steps[done + 1].after) if more else None,
    )
    if reason is Reason.PROMISE_BROKEN:
        after = replace(after, promised_for=None, promised_level=0)
    return after, (call,)


def climb_all(
    alerts: Iterable[Alert], book: RuleBook, made: Mapping[int, Made], now: datetime, calendar: WorkCalendar
) -> tuple[dict[int, Alert], list[Call]]:
    """Climb many alerts; an alert whose rule is in the book no more climbs no further."""
    after: dict[int, Alert] = {}
    calls: list[Call] = []
    policies = {rule.id: book.policies[rule.escalation] for rule in book.rules}
    for alert in alerts:
        if alert.rule in policies:
            moved, called = climb(alert, policies[alert.rule], made.get(alert.id, Made()), now, calendar)
            after[alert.id] = moved
            calls.extend(called)
    return after, calls


def next_step(alert: Alert, policy: Policy, made: Made) -> Step | None:
    """Give the step that an alert would reach next at its present level."""
    steps = policy.levels.get(alert.level, ())
    made = made.in_round(alert.round_no)
    done = max(made.at(alert.level), 1 if alert.called_level > alert.level else 0)
    return steps[done] if done < len(steps) else None
