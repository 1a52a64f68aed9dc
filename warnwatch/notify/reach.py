"""Whom an alert has reached, whom it will reach next, and why it has not reached the others.

In: an alert as it stands at an instant, its policy, the directory. Out: a Trail of steps, each with its messages.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import Connection, select

from warnwatch import schema
from warnwatch.alerts.alert import Alert, State
from warnwatch.alerts.escalation import Made, climb, coming
from warnwatch.alerts.muting import Muting
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.directory import Directory, Recipient
from warnwatch.rules.rule import LEVELS, Level, Policy, Step
from warnwatch.rules.waits import why_so_long

StepState: TypeAlias = Literal["called", "next", "later"]
# Why a step that comes next has not been called: each is said in words where it is shown.
Waiting: TypeAlias = Literal["due", "timer", "promise", "gone", "pending", "muted", ""]


@dataclass(frozen=True, slots=True)
class Message:
    """One text about an alert to one holder. `office` and `unit` are the holder's own.

    `state`: `held` (nothing leaves), `waiting`, `sent`, `failed`. `at` is when it was sent or failed, else when it was
    written; `answer` is what the server said last.
    """

    number: int
    holder: str
    office: str
    unit: str
    channel: str
    state: str
    at: datetime
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """One step of a level. `at`: when it was called, or will be if nothing changes; None for one further off.

    `holders` are those who hold its offices on that day, whether told or not. `wait` says how a wait in proportion to
    the task's length came about.
    """

    level: str
    step: int
    repeat: int
    offices: tuple[str, ...]
    unit: str
    state: StepState
    at: datetime | None
    holders: tuple[str, ...]
    messages: tuple[Message, ...] = ()
    wait: str = ""


@dataclass(frozen=True, slots=True)
class Trail:
    """An alert at an instant: its state, and its steps in the order of time.

    `waiting` says what the next step waits for; `opens_at` is when a pending alert opens; `standing`: no step is left.
    `muted_since`: a call has been held back since then.
    """

    alert: str
    state: str
    level: str
    since: datetime
    opens_at: datetime | None = None
    gone_since: datetime | None = None
    acknowledged_by: str | None = None
    promised_for: datetime | None = None
    standing: bool = False
    waiting: Waiting = ""
    muted_since: datetime | None = None
    steps: tuple[Reached, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as it is stored, with its texts."""

    level: int
    step: int
    repeat: int
    round_no: int
    office: str
    unit: str
    at: datetime
    messages: tuple[Message, ...]


def read_calls(connection: Connection, alerts: Collection[int], at: datetime) -> dict[int, list[CallRow]]:
    """Read the calls made for some alerts by `at`, oldest first, with their texts as they had got on by then."""
    call, link, text = schema.call, schema.notification_call, schema.notification
    messages: dict[int, list[Message]] = {}
    ids = sorted(alerts)
    rows = connection.execute(
        select(link.c.call, text)
        .join(text, text.c.id == link.c.notification)
        .join(call, call.c.id == link.c.call)
        .where(call.c.alert.in_(ids), text.c.created_at <= at)
        .order_by(text.c.id)
    ).all()
    answers = _read_answers(connection, {row.id for row in rows}, at)
    for row in rows:
        over = row.finished_at is not None and row.finished_at <= at
        state = "held" if row.state == "held" else row.state if over else "waiting"
        when = row.finished_at if over else row.created_at
        one = Message(row.id, row.holder, row.office, row.unit, row.channel, state, when, answers.get(row.id, ""))
        messages.setdefault(row.call, []).append(one)
    found: dict[int, list[CallRow]] = {}
    for row in connection.execute(select(call).where(call.c.alert.in_(ids), call.c.at <= at).order_by(call.c.id)):
        told = tuple(messages.get(row.id, ()))
        found.setdefault(row.alert, []).append(
            CallRow(row.level, row.step, row.repeat, row.round_no, row.office, row.unit, row.at, told)
        )
    return found


def _read_answers(connection: Connection, texts: Collection[int], at: datetime) -> dict[int, str]:
    table = schema.delivery
    rows = connection.execute(
        select(table.c.notification, table.c.answer)
        .where(table.c.notification.in_(sorted(texts)), table.c.at <= at)
        .order_by(table.c.id)
    )
    return {row.notification: row.answer or "" for row in rows}


def trail_of(
    alert: Alert,
    policy: Policy,
    calls: Sequence[CallRow],
    made: Made,
    directory: Directory,
    clock: tuple[datetime, WorkCalendar, datetime | None],
) -> Trail:
    """Put the steps of an alert in order: those called by now, then those that its present level has left.

    `clock`: the instant, the calendar, and when a pending alert opens.
    """
    now, calendar, opens_at = clock
    steps = [_called(row, directory) for row in calls]
    moved, due = climb(alert, policy, made, now, calendar)
    left = _left(alert, policy, made)
    waiting = _waiting(alert, moved, due_now=bool(due)) if left else ""
    at = now if due else moved.next_at
    again = coming(alert, policy, made, now, calendar) if alert.state is State.OPEN and not alert.gone_since else None
    if again and again.repeats:
        repeat, step = made.of(alert.level, again.place + 1)[1], policy.levels[alert.level][again.place]
        steps.append(replace(_to_come(alert, (again.place + 1, repeat, step), directory, at), wait=""))
        waiting, at = waiting or _waiting(alert, moved, due_now=bool(due)), None
    for place, (number, step) in enumerate(left):
        repeat = made.of(alert.level, number)[1]
        steps.append(_to_come(alert, (number, repeat, step), directory, at if not place else None))
    return Trail(
        alert=alert.code,
        state=alert.state.value,
        level=alert.level.word,
        since=alert.opened_at or alert.pending_since,
        opens_at=opens_at if alert.state is State.PENDING else None,
        gone_since=alert.gone_since,
        acknowledged_by=alert.acknowledged_by,
        promised_for=alert.promised_for,
        standing=alert.standing or (alert.state is State.OPEN and not left),
        waiting=waiting,
        muted_since=alert.muted_since,
        steps=tuple(steps),
    )


def held_back(trail: Trail, mutings: Sequence[Muting]) -> Trail:
    """Say of a muted alert's next step that it waits for the end of what mutes it, where that comes after its turn.

    Nobody knows when another alert will end: the step has no instant then.
    """
    if not mutings or trail.waiting in {"", "gone", "pending"}:
        return trail
    ends = [muting.until for muting in mutings]
    until = None if None in ends else max(one for one in ends if one)
    steps = tuple(
        replace(step, at=until) if step.state == "next" and _waits_for(until, step) else step for step in trail.steps
    )
    return trail if steps == trail.steps else replace(trail, waiting="muted", steps=steps)


def _waits_for(until: datetime | None, step: Reached) -> bool:
    return until is None or step.at is None or until > step.at


def _left(alert: Alert, policy: Policy, made: Made) -> list[tuple[int, Step]]:
    steps = policy.levels.get(alert.level, ())
    same_round = made.round_no >= alert.round_no
    done = made.at(alert.level) if same_round else 0
    if not done and same_round and alert.called_level > alert.level:
        done = 1
    return [(number, step) for number, step in enumerate(steps, 1) if number > done and step.tell]


def _waiting(alert: Alert, moved: Alert, *, due_now: bool) -> Waiting:
    if alert.state is not State.OPEN:
        return "pending"
    if alert.gone_since:
        return "gone"
    if due_now:
        return "due"
    promised = alert.promised_for if alert.level <= alert.promised_level else None
    return "promise" if promised and moved.next_at == promised else "timer"


def _called(row: CallRow, directory: Directory) -> Reached:
    offices = tuple(row.office.split(","))
    holders = tuple(dict.fromkeys(one.holder for one in row.messages))
    if not holders:
        holders = _holders(row.unit, offices, directory)
    level = Level(row.level).word
    return Reached(level, row.step, row.repeat, offices, row.unit, "called", row.at, holders, row.messages)


def _to_come(alert: Alert, coming: tuple[int, int, Step], directory: Directory, at: datetime | None) -> Reached:
    number, repeat, step = coming
    unit = step.unit or alert.unit
    holders = _holders(unit, step.tell, directory)
    state: StepState = "next" if at is not None else "later"
    return Reached(alert.level.word, number, repeat, step.tell, unit, state, at, holders, wait=why_so_long(step))


def _holders(unit: str, offices: Sequence[str], directory: Directory) -> tuple[str, ...]:
    found = (directory.recipient(unit, office) for office in offices)
    return tuple(dict.fromkeys(one.holder.code for one in found if one))


def levels_for(policy: Policy, unit: str, holder: str, directory: Directory) -> dict[str, tuple[int, ...]]:
    """Say at which levels, and at which of their steps, a policy tells a holder of an alert of this unit."""
    found: Mapping[str, tuple[int, ...]] = {
        word: tuple(
            number
            for number, step in enumerate(policy.levels.get(level, ()), 1)
            if holder in _holders(step.unit or unit, step.tell, directory)
        )
        for word, level in LEVELS.items()
    }
    return {word: steps for word, steps in found.items() if steps}


def find_office(directory: Directory, unit: str, who: str) -> Recipient | None:
    """Find whom `who` means: an office of the alert's unit (`head`, `superior.head`, …), `UNIT/office`, or a holder."""
    holder = directory.by_code.get(who)
    if holder is not None:
        own = directory.named(holder.unit)
        return Recipient(holder, own, holder.office, own) if own else None
    code, _, office = who.rpartition("/")
    return directory.recipient(code or unit, office, reachable=False)
