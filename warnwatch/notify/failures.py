"""What follows when a text failed for good: its address is flagged, and somebody else is told of the same calls.

In: failures that nothing was done about, the directory, the alerts. Out: who is told instead, and what is written down.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, literal, select, update

from warnwatch import schema
from warnwatch.alerts import ledger
from warnwatch.alerts.alert import Alert, Call, Reason
from warnwatch.alerts.ledger import JournalRow
from warnwatch.notify.delivery import Answer, Outcome, Phase, blames_address
from warnwatch.notify.outbox import CallKey, insert_new
from warnwatch.notify.release import Mode, Release
from warnwatch.notify.ways import MAIL
from warnwatch.plan.directory import Directory, Recipient
from warnwatch.rules.rule import Level

# So many are taken up in one cycle; the rest in the next one.
AT_ONCE = 2000
# (holder, channel, address), as the directory takes them.
Flag = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Failure:
    """A text that failed for good. `flag`: the address to blame, None where it is the text that was refused.

    `calls`: what it told, by number. `told`: by call, the holders who have another text about it, whether that one has
    failed too (True) or not.
    """

    id: int
    holder: str
    channel: str
    flag: Flag | None
    said: str
    calls: Mapping[int, Call]
    told: Mapping[int, Mapping[str, bool]]


@dataclass(frozen=True, slots=True)
class Instead:
    """A call told to somebody else than the one whom a text did not reach."""

    call: Call
    recipient: Recipient
    channel: str


@dataclass(frozen=True, slots=True)
class Handled:
    """What one cycle does about failures. `nobody`: calls for which nobody is left who could be reached."""

    failures: tuple[Failure, ...] = ()
    instead: tuple[Instead, ...] = ()
    nobody: tuple[Call, ...] = ()
    call_ids: Mapping[CallKey, int] = field(default_factory=dict)


NOTHING_FAILED = Handled()


# --- reading --------------------------------------------------------------------------------------------------------


def read_flags(connection: Connection, failures: Sequence[Failure] = ()) -> frozenset[Flag]:
    """Read which addresses are flagged, with those that these failures flag."""
    table = schema.contact_flag.c
    rows = connection.execute(select(table.holder, table.channel, table.address).where(table.cleared_at.is_(None)))
    return frozenset([*((*row,) for row in rows), *(one.flag for one in failures if one.flag)])


def read_standing(connection: Connection) -> list[Row[Any]]:
    """Read the flags that stand, with what the server said and when, the oldest first."""
    table = schema.contact_flag
    return list(connection.execute(select(table).where(table.c.cleared_at.is_(None)).order_by(table.c.id)))


def clear(connection: Connection, holders: Collection[str], by: str, now: datetime) -> int:
    """Clear the flags of some holders: their addresses are used again; give how many there were."""
    table = schema.contact_flag
    stands = (table.c.cleared_at.is_(None), table.c.holder.in_(sorted(holders)))
    rows = connection.execute(
        update(table).where(*stands).values(cleared_at=now, cleared_by=by).returning(table.c.holder, table.c.channel)
    ).all()
    journal = [
        JournalRow(now, "contact.cleared", by, {"holder": row.holder, "channel": row.channel}, None, row.holder)
        for row in rows
    ]
    ledger.add_journal(connection, journal)
    return len(rows)


def read_failures(connection: Connection, release: Release) -> tuple[Failure, ...]:
    """Read the failures that nothing was done about, the oldest first.

    While all mail goes to one address, that one failed and not a head's: nothing is flagged then.
    """
    table = schema.notification.c
    # Written out in the statement: with a parameter SQLite would not use the index of just these rows.
    failed = table.state == literal("failed", literal_execute=True)
    columns = (table.id, table.holder, table.channel, table.unit, table.address)
    query = select(*columns).where(failed, table.handled_at.is_(None)).order_by(table.id).limit(AT_ONCE)
    rows = connection.execute(query).all()
    if not rows:
        return ()
    ids = [row.id for row in rows]
    answers, calls = _read_answers(connection, ids), _read_calls(connection, ids)
    told = _read_told(connection, sorted({number for some in calls.values() for number in some}))
    found = []
    for row in rows:
        answer = answers.get(row.id, Answer(Phase.BUILD))
        live = release.mode_for(row.unit) is Mode.LIVE
        blamed = live and row.address and blames_address(answer)
        found.append(
            Failure(
                id=row.id,
                holder=row.holder,
                channel=row.channel,
                flag=(row.holder, row.channel, row.address) if blamed else None,
                said=answer.text,
                calls=calls.get(row.id, {}) if live else {},
                told=told,
            )
        )
    return tuple(found)


def _read_answers(connection: Connection, ids: Sequence[int]) -> dict[int, Answer]:
    table = schema.delivery.c
    rows = connection.execute(
        select(table.notification, table.phase, table.code, table.enhanced, table.answer)
        .where(table.notification.in_(ids), table.outcome == Outcome.FAILED.value)
        .order_by(table.id)
    )
    return {row.notification: Answer(Phase(row.phase), row.code, row.enhanced, row.answer or "") for row in rows}


def _read_calls(connection: Connection, ids: Sequence[int]) -> dict[int, dict[int, Call]]:
    link, call = schema.notification_call.c, schema.call
    rows = connection.execute(
        select(link.notification, call).join(call, call.c.id == link.call).where(link.notification.in_(ids))
    )
    found: dict[int, dict[int, Call]] = {}
    for row in rows:
        reason = Reason.CLIMBED if row.step > 1 else Reason.OPENED
        level = Level(row.level)
        made = Call(row.alert, level, row.step, row.repeat, row.office, row.unit, row.at, reason, round_no=row.round_no)
        found.setdefault(row.notification, {})[row.id] = made
    return found


def _read_told(connection: Connection, calls: Sequence[int]) -> dict[int, dict[str, bool]]:
    link, text = schema.notification_call.c, schema.notification.c
    found: dict[int, dict[str, bool]] = {}
    for start in range(0, len(calls), ledger.CHUNK):
        rows = connection.execute(
            select(link.call, link.holder, text.state)
            .join(schema.notification, text.id == link.notification)
            .where(link.call.in_(calls[start : start + ledger.CHUNK]))
        )
        for row in rows:
            known = found.setdefault(row.call, {})
            known[row.holder] = known.get(row.holder, True) and row.state in ("failed", "uncertain")
    return found


def read_alerts(connection: Connection, failures: Sequence[Failure]) -> dict[int, Alert]:
    """Read the alerts that failed texts told of, that are open still, and whose cure nobody has promised."""
    numbers = sorted({call.alert for one in failures for call in one.calls.values()})
    table = schema.alert.c
    found: dict[int, Alert] = {}
    for start in range(0, len(numbers), ledger.CHUNK):
        some = numbers[start : start + ledger.CHUNK]
        answered = table.promised_for.is_not(None) & (table.level <= table.promised_level)
        standing = ledger.read_where(connection, table.id.in_(some), table.state == "open", ~answered)
        found |= {one.id: one for one in standing}
    return found


# --- deciding -------------------------------------------------------------------------------------------------------


def handle(failures: Sequence[Failure], standing: Mapping[int, Alert], directory: Directory) -> Handled:
    """Choose for each call of an open alert that did not reach its holder who is told instead.

    The nearest who stands in, by the directory's own ways; nobody twice, and nobody at all where somebody whom the
    call asks for has been told of it.
    """
    instead: dict[tuple[int, str], Instead] = {}
    nobody: dict[int, Call] = {}
    ids: dict[CallKey, int] = {}
    for failure in failures:
        for number, call in failure.calls.items():
            if call.alert not in standing:
                continue
            ids[call.alert, int(call.level), call.step, call.repeat] = number
            told = failure.told.get(number, {})
            lost = {holder for holder, failed in told.items() if failed}
            ways = list(_ways(call, directory, lost))
            if not ways:
                nobody[number] = call
            for one in ways:
                if one.holder.code not in told:
                    instead.setdefault((number, one.holder.code), Instead(call, one, MAIL))
    return Handled(tuple(failures), tuple(instead.values()), tuple(nobody.values()), ids)


def _ways(call: Call, directory: Directory, lost: Collection[str]) -> Iterator[Recipient]:
    """Name whom the offices of a call reach, those left out whom a text has not reached."""
    for office in call.office.split(","):
        found = directory.recipient(call.unit, office, passing=lost)
        if found and found.holder.email and found.holder.code not in lost:
            yield found


# --- writing --------------------------------------------------------------------------------------------------------


def save(connection: Connection, handled: Handled, now: datetime, actor: str) -> None:
    """Write what was done: flags, the journal, alerts that stand on the list because nobody could be reached.

    A ConflictError when another process did the same meanwhile.
    """
    if not handled.failures:
        return
    table = schema.notification
    ids = [one.id for one in handled.failures]
    done = update(table).where(table.c.id.in_(ids), table.c.handled_at.is_(None)).values(handled_at=now)
    if connection.execute(done).rowcount != len(ids):
        raise ledger.ConflictError("another process has taken up the same failures meanwhile")
    flagged = {one.flag: one for one in handled.failures if one.flag}
    if flagged:
        rows = [
            {"holder": holder, "channel": channel, "address": address, "notification": one.id, "said": one.said}
            for (holder, channel, address), one in flagged.items()
        ]
        connection.execute(insert_new(connection, schema.contact_flag), [row | {"at": now} for row in rows])
    if handled.nobody:
        alerts = schema.alert
        stands = update(alerts).where(alerts.c.id == bindparam("key"))
        numbers = sorted({call.alert for call in handled.nobody})
        values = {"standing": True, "revision": alerts.c.revision + 1}
        connection.execute(stands.values(values), [{"key": number} for number in numbers])
    ledger.add_journal(connection, list(_journal(handled, list(flagged.values()), now, actor)))


def _journal(handled: Handled, flagged: Sequence[Failure], now: datetime, actor: str) -> Iterator[JournalRow]:
    for one in flagged:
        facts = {"holder": one.holder, "channel": one.channel, "notification": one.id, "said": one.said}
        yield JournalRow(now, "contact.flagged", actor, facts, None, one.holder)
    for call in handled.nobody:
        facts = {"level": call.level.word, "step": call.step, "office": call.office, "unit": call.unit}
        yield JournalRow(now, "call.nobody", actor, facts, call.alert)
