"""Texts that wait to leave and that no sender holds: the next text to the same holder and channel may take them in.

In SQL: which there are, what they tell, and that they were taken in, in the transaction that writes what follows them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Connection, and_, bindparam, delete, literal, or_, select, tuple_, update

from warnwatch.alerts import ledger
from warnwatch.alerts.alert import Alert, Call, EndReason, Reason, State
from warnwatch.alerts.desk import Outcome
from warnwatch.notify.delivery import Outcome as Ending
from warnwatch.notify.delivery import Phase
from warnwatch.notify.notification import Kind, Telling
from warnwatch.rules.rule import Level
from warnwatch.schema import alert, call, delivery, notification, notification_alert, notification_call

Place: TypeAlias = tuple[str, str]  # holder and channel
_CHUNK = 2000
# What has left, or may have; a text that waits counts, unless it is taken in.
_LEFT = frozenset({"ready", "claimed", "sent", "uncertain"})


@dataclass(frozen=True, slots=True)
class Waiting:
    """A text that waits, with the calls that it tells (by number), and all alerts that it speaks of.

    `epoch` is that under which it was read: a sender that has held it since then has counted on.
    """

    id: int
    key: str
    epoch: int
    holder: str
    channel: str
    unit: str
    kind: str
    level: int
    created_at: datetime
    due_at: datetime
    tries: int
    segments: int | None
    calls: Mapping[int, Call] = field(default_factory=dict)
    alerts: frozenset[int] = frozenset()

    @property
    def place(self) -> Place:
        """To whom it goes, and by which channel."""
        return self.holder, self.channel


# Of each alert, what texts said of it to whom: by holder, channel and alert, (the text's number, the level).
Said: TypeAlias = Mapping[tuple[str, str, int], Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits, and what must be known of it: the alerts that waiting texts speak of, and what was said before."""

    waiting: tuple[Waiting, ...] = ()
    alerts: Mapping[int, Alert] = field(default_factory=dict)
    said: Said = field(default_factory=dict)


_COLUMNS = [notification.c[name] for name in Waiting.__dataclass_fields__ if name not in {"calls", "alerts"}]


# --- reading --------------------------------------------------------------------------------------------------------


def read_queue(connection: Connection, tellings: Sequence[Telling], outcome: Outcome, *, acted: bool) -> Queue:
    """Read what waits for whom something is told now, and what waits to tell of what is over.

    A cycle that tells nothing, ends nothing and in which nobody acted asks nothing.
    """
    over = outcome.over
    if not (tellings or over or acted):
        return Queue()
    waiting = read_waiting(
        connection, {(one.recipient.holder.code, one.channel) for one in tellings}, over, acted=acted
    )
    numbers = {number for one in waiting for number in one.alerts}
    alerts = {number: outcome.alerts[number] for number in numbers & outcome.alerts.keys()}
    for some in _chunks(sorted(numbers - alerts.keys())):
        alerts |= {one.id: one for one in ledger.read_where(connection, alert.c.id.in_(some))}
    told = {item.alert.id for one in tellings for item in (*one.items, *one.cleared)}
    return Queue(tuple(waiting), alerts, read_said(connection, (told | numbers) - outcome.new))


def read_waiting(
    connection: Connection, places: Collection[Place], gone: Collection[int], *, acted: bool
) -> list[Waiting]:
    """Read the waiting texts to some holders, and those that speak of alerts which need no telling any more.

    `gone`: the alerts that end, or change hands, in this cycle; `acted`: somebody may have ended others since the last
    one. A text that perhaps was taken is none of them: it must go on under its own key, or it would arrive twice.
    """
    # Written out in the statement: with a parameter SQLite would not use the index of just these rows.
    ready = notification.c.state == literal("ready", literal_execute=True)
    rows = [Waiting(*row) for row in connection.execute(select(*_COLUMNS).where(ready, notification.c.owner.is_(None)))]
    if not rows:
        return []
    told: dict[int, set[int]] = {}
    wanted = {row.id for row in rows if row.place in places}
    if gone or acted:
        told = _read_alerts(connection, [row.id for row in rows])
        over = set(gone)
        if acted:
            over |= _read_ended(connection, {number for some in told.values() for number in some})
        wanted |= {number for number, some in told.items() if some & over}
    wanted -= _read_doubtful(connection, [row.id for row in rows if row.id in wanted and row.tries])
    told |= _read_alerts(connection, sorted(wanted - told.keys()))
    chosen = [row for row in rows if row.id in wanted]
    calls = _read_calls(connection, {row.id: row for row in chosen})
    return [replace(row, calls=calls.get(row.id, {}), alerts=frozenset(told.get(row.id, ()))) for row in chosen]


def _read_alerts(connection: Connection, ids: Sequence[int]) -> dict[int, set[int]]:
    table, found = notification_alert.c, dict[int, set[int]]()
    for some in _chunks(ids):
        for row in connection.execute(select(table.notification, table.alert).where(table.notification.in_(some))):
            found.setdefault(row.notification, set()).add(row.alert)
    return found


def _read_ended(connection: Connection, alerts: Collection[int]) -> set[int]:
    found: set[int] = set()
    for some in _chunks(sorted(alerts)):
        found |= set(connection.scalars(select(alert.c.id).where(alert.c.id.in_(some), alert.c.state == "ended")))
    return found


def _read_doubtful(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Name the texts of which an attempt may have arrived: its sender vanished, or no answer came after the dot."""
    table, found = delivery.c, set[int]()
    unheard = and_(table.phase == Phase.DOT.value, table.code.is_(None))
    doubtful = or_(table.outcome == Ending.UNCERTAIN.value, unheard)
    for some in _chunks(ids):
        found |= set(connection.scalars(select(table.notification).where(table.notification.in_(some), doubtful)))
    return found


def _read_calls(connection: Connection, texts: Mapping[int, Waiting]) -> dict[int, dict[int, Call]]:
    link, found = notification_call.c, dict[int, dict[int, Call]]()
    for some in _chunks(sorted(texts)):
        rows = connection.execute(
            select(link.notification, call).join(call, call.c.id == link.call).where(link.notification.in_(some))
        )
        for row in rows:
            first = texts[row.notification].kind == Kind.INITIAL.value
            reason = Reason.INITIAL if first else Reason.REPEATED if row.repeat else _reason(row.step)
            made = Call(
                alert=row.alert,
                level=Level(row.level),
                step=row.step,
                repeat=row.repeat,
                office=row.office,
                unit=row.unit,
                at=row.at,
                reason=reason,
                round_no=row.round_no,
            )
            found.setdefault(row.notification, {})[row.id] = made
    return found


def _reason(step: int) -> Reason:
    return Reason.CLIMBED if step > 1 else Reason.OPENED


def is_over(one: Alert, unit: str) -> bool:
    """Say whether an alert needs no telling to whom it was called for in a unit: it has ended, or another answers.

    What another rule took over goes on under that one's name, and nobody is called for it anew.
    """
    if one.state is State.ENDED:
        return one.end_reason is not EndReason.SUPERSEDED
    return one.unit != unit


def read_said(connection: Connection, alerts: Collection[int]) -> Said:
    """Read who was told of some alerts at which level, by texts that have left or will: by holder, channel, alert."""
    link, text = notification_call.c, notification.c
    found: dict[tuple[str, str, int], list[tuple[int, int]]] = {}
    for some in _chunks(sorted(alerts)):
        # The state is looked at here: asked for it, SQLite would go through all texts of a state.
        rows = connection.execute(
            select(text.holder, text.channel, call.c.alert, text.id, call.c.level, text.state)
            .join(notification_call, link.call == call.c.id)
            .join(notification, text.id == link.notification)
            .where(call.c.alert.in_(some))
        )
        for holder, channel, number, told_by, level, state in rows:
            if state in _LEFT:
                found.setdefault((holder, channel, number), []).append((told_by, level))
    return found


# --- writing --------------------------------------------------------------------------------------------------------


def take(connection: Connection, texts: Sequence[Waiting], now: datetime) -> set[int]:
    """Take waiting texts out of the queue; give those that were there still.

    Whatever a sender has held since they were read is not: it is out, or under way, and says itself what it tells.
    """
    taken: set[int] = set()
    table = notification.c
    for some in _chunks([(one.id, one.epoch) for one in texts]):
        rows = connection.scalars(
            update(notification)
            .where(tuple_(table.id, table.epoch).in_(some), table.state == "ready", table.owner.is_(None))
            .values(state="merged", finished_at=now)
            .returning(table.id)
        )
        taken |= set(rows)
    return taken


def free_calls(connection: Connection, told: Mapping[int, Collection[int]]) -> None:
    """Let calls be told by another text: {text: the calls that go}. One left behind stays with the text that ended."""
    link = notification_call.c
    for some in _chunks([(text, number) for text, numbers in told.items() for number in numbers]):
        connection.execute(delete(notification_call).where(tuple_(link.notification, link.call).in_(some)))


def point(connection: Connection, into: Mapping[int, str]) -> None:
    """Write down which text took in each of others: {number: key}. A ConflictError when that one was not written."""
    table = notification.c
    numbers: dict[str, int] = {}
    for some in _chunks(sorted(set(into.values()))):
        rows = connection.execute(select(table.key, table.id).where(table.key.in_(some)))
        numbers |= {row.key: row.id for row in rows}
    if set(into.values()) - numbers.keys():
        raise ledger.ConflictError("a text that was to take in others was not written")
    if into:
        change = update(notification).where(table.id == bindparam("row")).values(merged_into=bindparam("into"))
        connection.execute(change, [{"row": one, "into": numbers[key]} for one, key in into.items()])


def withdraw(connection: Connection, texts: Collection[int]) -> None:
    """Mark texts that nothing follows: all that they told of was over before they could leave."""
    for some in _chunks(sorted(texts)):
        connection.execute(update(notification).where(notification.c.id.in_(some)).values(state="withdrawn"))


def _chunks(items: Sequence[object]) -> Iterator[Sequence[object]]:
    return (items[at : at + _CHUNK] for at in range(0, len(items), _CHUNK))
