"""Who is called next, and when: policies climbed one step per alert and cycle, up to whoever answers.

In: an open alert, the calls already made for it, the policy, the instant. Out: the call to make now, if any, and the
alert with the instant at which it must be looked at again. A wait counts from when the call before it was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, TypeAlias

from warnwatch.alerts.alert import Alert, Call, Reason, State
from warnwatch.alerts.terms import Terms
from warnwatch.plan.calendar import Duration, WorkCalendar
from warnwatch.plan.directory import Directory, Recipient
from warnwatch.rules.rule import Policy, Step

# Who can be told of an alert by a step: the codes of holders.
People: TypeAlias = Callable[[Alert, Step], frozenset[str]]


class Told(NamedTuple):
    """A call that was made. `heard`: when its texts were accepted or given up; None while one still waits to leave."""

    level: int
    step: int
    repeat: int
    round_no: int
    at: datetime | None = None
    heard: datetime | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """The calls already made for one alert, as far as climbing needs them.

    `round_no`: a going-live starts a new round, in which the steps are called again. `steps`: by level, how many
    different steps were called in this round. `times`: how many calls in all. `told`: by (level, step), how many calls
    of this round, and the number that its next call takes. `calls`: those of this round, oldest first.
    """

    round_no: int = 0
    steps: tuple[tuple[int, int], ...] = ()
    times: int = 0
    told: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()
    calls: tuple[Told, ...] = field(default=(), compare=False)

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
        """Count one more call, whose texts have not left yet."""
        known = self.in_round(call.round_no)
        level = int(call.level)
        steps = {**dict(known.steps), level: max(known.at(level), call.step)}
        times, number = known.of(level, call.step)
        told = {**dict(known.told), (level, call.step): (times + 1, max(number, call.repeat + 1))}
        made = Told(level, call.step, call.repeat, call.round_no, call.at)
        return Made(
            call.round_no,
            tuple(sorted(steps.items())),
            known.times + 1,
            tuple(sorted(told.items())),
            (*known.calls, made),
        )


def made_of(calls: Iterable[tuple[int, int, int, int] | Told]) -> Made:
    """Sum up one alert's calls."""
    known = [one for one in (Told(*call) for call in calls) if one.step]  # step 0 asks another unit for help
    if not known:
        return Made()
    latest = max(one.round_no for one in known)
    steps: dict[int, int] = {}
    told: dict[tuple[int, int], tuple[int, int]] = {}
    for one in known:
        times, number = told.get((one.level, one.step), (0, 0))
        told[one.level, one.step] = (times + (one.round_no == latest), max(number, one.repeat + 1))
        if one.round_no == latest:
            steps[one.level] = max(steps.get(one.level, 0), one.step)
    this = sorted((one for one in known if one.round_no == latest and one.at), key=lambda one: (one.at, one.repeat))
    return Made(latest, tuple(sorted(steps.items())), len(known), tuple(sorted(told.items())), tuple(this))


def restarted(alert: Alert, made: Made) -> Alert:
    """Begin a new round of calls for an alert; one that was never called is in its first round still."""
    return replace(alert, round_no=made.round_no + 1) if made.times else alert


class Coming(NamedTuple):
    """What comes next for an alert: the place of a step in its level's list, when, and whether it is a repeat.

    `waits_for_text`: the instant is not sure, since the text of the call before has not left yet.
    """

    at: datetime
    repeats: bool
    place: int
    waits_for_text: bool = False


def coming(alert: Alert, policy: Policy, made: Made, now: datetime, calendar: WorkCalendar) -> Coming | None:
    """Say what comes next for an open alert if nobody answers, promises left aside; None when no step and no repeat is.

    A repeat never delays the climb: the wait of a step counts from the first call of the step before.
    """
    steps = policy.levels.get(alert.level, ())
    made = made.in_round(alert.round_no)
    done = _done(alert, made)
    if not done and steps:
        return Coming(now, False, 0)  # noqa: FBT003
    return min(_open(alert, policy, made, done, (now, calendar)), default=None)


def _open(
    alert: Alert, policy: Policy, made: Made, done: int, clock: tuple[datetime, WorkCalendar]
) -> Iterator[Coming]:
    steps, level = policy.levels.get(alert.level, ()), int(alert.level)
    if done < len(steps):
        first = next((one for one in made.calls if (one.level, one.step) == (level, done)), None)
        others = [one for one in made.calls if one.level != level]
        since = max((one for one in (first, *others[-1:]) if one), key=lambda one: one.at or clock[0], default=None)
        at, waits = _over(alert, policy, since, steps[done].after, clock)
        yield Coming(at, False, done, waits)  # noqa: FBT003
    for place, step in enumerate(steps[:done]):
        repeats = max(0, made.of(level, place + 1)[0] - 1)
        if step.tell and step.repeat is not None and (step.times is None or repeats < step.times):
            last = next((one for one in reversed(made.calls) if (one.level, one.step) == (level, place + 1)), None)
            at, waits = _over(alert, policy, last, step.repeat, clock)
            yield Coming(at, True, place, waits)  # noqa: FBT003


def _over(
    alert: Alert, policy: Policy, since: Told | None, wait: Duration, clock: tuple[datetime, WorkCalendar]
) -> tuple[datetime, bool]:
    """Say when a wait is over, and whether that waits for a text to leave.

    A text that has not left by now is told now at the earliest. From the policy's cap on, counted from the opening,
    nothing waits for texts: a mail server that is dead must not hold an alert down.
    """
    now, calendar = clock
    called = since.at if since and since.at else alert.last_call_at or now
    at_once = calendar.add(called, wait)
    heard = since.heard if since else called
    told = at_once if heard is not None and heard <= called else calendar.add(heard or now, wait)
    if told <= at_once:
        return at_once, heard is None and called < now
    latest = max(at_once, calendar.add(alert.opened_at or called, policy.cap))
    return min(told, latest), heard is None


def _done(alert: Alert, made: Made) -> int:
    """Count the steps of the present level that need no call any more."""
    done = made.at(alert.level)
    if not done and alert.called_level > alert.level and not _new_round(alert, made):
        return 1  # told already of something worse: the first step of a lower level would only repeat it
    return done


def climb(
    alert: Alert, policy: Policy, made: Made, now: datetime, calendar: WorkCalendar, people: People | None = None
) -> tuple[Alert, tuple[Call, ...]]:
    """Make at most one step for an alert; a step that tells several offices is one call for all of them.

    A raised level begins at once with its own first step; a lowered one repeats nothing; a promise holds against
    levels up to the one it was given for, and climbs one step when it is broken. Nothing climbs while the measure is
    back (`gone_since`) or the alert is only pending: its own timer is kept then. A step that reaches nobody, or nobody
    but those whom the step before told, is passed over for the next one.
    """
    if alert.state is not State.OPEN or alert.gone_since:
        return alert, ()
    made = made.in_round(alert.round_no)
    steps = policy.levels.get(alert.level, ())
    done = _done(alert, made)
    promised = alert.promised_for if alert.level <= alert.promised_level else None
    broken = promised is not None and promised <= now
    found = coming(alert, policy, made, now, calendar)
    if found is None:
        return _at_the_end(alert, made, steps, broken=broken), ()
    due = found.at
    if promised and not (alert.initial and not done):  # the first digest comes whatever was promised before
        due = promised
    if due > now:
        standing = alert.standing or done >= len(steps)
        return replace(alert, next_at=due, standing=standing), ()
    place, passed = (found.place, ()) if found.repeats else reachable(alert, steps, found.place, people)
    if place is None:
        return _at_the_end(alert, made, (), broken=broken, standing=True), ()
    reason = _reason(alert, done, broken=broken, repeats=found.repeats)
    return _called(alert, policy, (place, passed), reason, (made, now, calendar))


def reachable(
    alert: Alert, steps: Sequence[Step], place: int, people: People | None
) -> tuple[int | None, tuple[int, ...]]:
    """Find the first step from `place` on that tells somebody new, and the numbers of those passed over.

    With nobody anywhere it is the last step; None where only those told already are left.
    """
    if people is None:
        return next((at for at in range(place, len(steps)) if steps[at].tell), None), ()
    before = steps[place - 1] if place else None
    told = people(alert, before) if before else frozenset()
    known: list[frozenset[str]] = []
    for at in range(place, len(steps)):
        step = steps[at]
        found = people(alert, step)
        known.append(found)
        again = before is not None and not {*step.tell} & {*before.tell} and found <= told and step.repeat is None
        if found and not again:
            return at, tuple(range(place + 1, at + 1))
    return (None if any(known) else len(steps) - 1), tuple(range(place + 1, len(steps)))


def _at_the_end(alert: Alert, made: Made, steps: Sequence[Step], *, broken: bool, standing: bool = False) -> Alert:
    """Leave an alert that has its last step behind it; a broken promise is struck, and stands in the journal."""
    standing = standing or alert.standing or _done(alert, made) >= len(steps) > 0
    if broken:
        return replace(alert, promised_for=None, promised_level=0, standing=standing, next_at=None)
    waits = alert.promised_for if alert.level <= alert.promised_level else None
    return replace(alert, standing=standing, next_at=waits)


def _new_round(alert: Alert, made: Made) -> bool:
    return made.round_no > 0 and not made.steps and alert.called_level > 0


def _reason(alert: Alert, done: int, *, broken: bool, repeats: bool) -> Reason:
    if broken:
        return Reason.PROMISE_BROKEN
    if done:
        return Reason.REPEATED if repeats else Reason.CLIMBED
    if alert.initial:
        return Reason.INITIAL
    return Reason.RAISED if alert.called_level else Reason.OPENED


def _called(
    alert: Alert,
    policy: Policy,
    step: tuple[int, tuple[int, ...]],
    reason: Reason,
    at: tuple[Made, datetime, WorkCalendar],
) -> tuple[Alert, tuple[Call, ...]]:
    made, now, calendar = at
    (place, passed), steps = step, policy.levels[alert.level]
    known = steps[place]
    call = Call(
        alert.id,
        alert.level,
        place + 1,
        made.of(alert.level, place + 1)[1],
        ",".join(known.tell),
        known.unit or alert.unit,
        now,
        reason,
        known.channels,
        made.round_no,
        tuple(number for number in passed if number != place + 1),
    )
    made = made.after(call)
    after = replace(
        alert,
        called_level=max(alert.called_level, int(alert.level)),
        last_call_at=now,
        initial=False,
        standing=made.at(alert.level) >= len(steps),
    )
    following = coming(after, policy, made, now, calendar)
    after = replace(after, next_at=following.at if following else None)
    if reason is Reason.PROMISE_BROKEN:
        after = replace(after, promised_for=None, promised_level=0)
    return after, (call,)


def climb_all(
    alerts: Iterable[Alert],
    terms: Terms,
    made: Mapping[int, Made],
    now: datetime,
    calendar: WorkCalendar,
    people: People | None = None,
) -> tuple[dict[int, Alert], list[Call]]:
    """Climb many alerts; an alert whose rule is in the book no more climbs no further."""
    after: dict[int, Alert] = {}
    calls: list[Call] = []
    for alert in alerts:
        policy = terms.policy(alert)
        if policy is not None:
            moved, called = climb(alert, policy, made.get(alert.id, Made()), now, calendar, people)
            after[alert.id] = moved
            calls.extend(called)
    return after, calls


def recipients_of(alert: Alert, step: Step, directory: Directory) -> list[Recipient]:
    """Find whom a step would tell of an alert, each once."""
    found = (directory.recipient(step.unit or alert.unit, office) for office in step.tell)
    return list({one.holder.code: one for one in reversed([*found]) if one}.values())[::-1]


def people_of(directory: Directory) -> People:
    """Give who can be told by a step: the holders found who have an address."""

    def people(alert: Alert, step: Step) -> frozenset[str]:
        return frozenset(one.holder.code for one in recipients_of(alert, step, directory) if one.holder.email)

    return people


def next_step(alert: Alert, policy: Policy, made: Made) -> Step | None:
    """Give the step that an alert would reach next at its present level; repeats and steps for nobody left aside."""
    steps = policy.levels.get(alert.level, ())
    done = _done(alert, made.in_round(alert.round_no))
    return next((step for step in steps[done:] if step.tell), None)


def next_climb(alert: Alert, policy: Policy, made: Made, now: datetime, calendar: WorkCalendar) -> datetime | None:
    """Say when the next step comes if nobody answers, repeats left aside; None after the last one."""
    made = made.in_round(alert.round_no)
    found = _open(alert, policy, made, _done(alert, made), (now, calendar))
    return next((one.at for one in found if not one.repeats), None)
