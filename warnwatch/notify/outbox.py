"""The outbox in SQL: texts are added with their alerts' transaction, claimed by one sender at a time, and recorded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Insert,
    Table,
    and_,
    bindparam,
    case,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from warnwatch.notify.delivery import Attempt, Claimed, Outcome, pause
from warnwatch.notify.due import is_due, ran_out
from warnwatch.notify.notification import Notification
from warnwatch.notify.return_address import new_reference
from warnwatch.notify.threads import read_threads
from warnwatch.notify.ways import MAIL
from warnwatch.schema import Instant, delivery, notification, notification_alert, notification_call

# alert, level, step, repeat: what makes a call one of its kind.
CallKey = tuple[int, int, int, int]
# A mail attempt takes at most 30 s; a lease that outlives it by half makes taking over from a living sender rare.
MAIL_LEASE = timedelta(seconds=45)
# The same for a text message: at most 10 s.
SMS_LEASE = timedelta(seconds=15)
_CHUNK = 2000
_CLAIMED_COLUMNS = [
    notification.c[name]
    for name in Claimed.__dataclass_fields__  # in the order of the dataclass, so that a row is its arguments
]
_UNSENT = ("ready", "claimed")
# A text message may be out although nobody heard so: a lost hold of one is not taken again (design: at most once).
_ONCE = "sms"


def add(
    connection: Connection,
    notifications: Iterable[tuple[Notification, str]],
    call_ids: Mapping[CallKey, int],
    earlier: Mapping[CallKey, int] | None = None,
) -> int:
    """Write finished texts, each with its state `ready` or `held`, in the caller's transaction; give how many were new.

    A key that is there, or a text all of whose calls were told to its holder on its channel, is passed over.
    `earlier`: the numbers of older calls that are told to somebody else now, beside those of this cycle.
    """
    told = _told(connection, call_ids.values()) | _told_earlier(connection, list((earlier or {}).values()))
    call_ids = {**(earlier or {}), **call_ids}
    count = 0
    remaining = iter(notifications)
    while chunk := list(islice(remaining, _CHUNK)):
        fresh = {one.key: (one, state) for one, state in chunk if not _all_told(one, call_ids, told)}
        count += _add_chunk(connection, fresh, call_ids)
    return count


def _all_told(one: Notification, call_ids: Mapping[CallKey, int], told: Collection[tuple[int, str, str]]) -> bool:
    return bool(one.calls) and all((call_id, one.holder, one.channel) in told for call_id in _calls(one, call_ids))


def _add_chunk(
    connection: Connection, fresh: Mapping[str, tuple[Notification, str]], call_ids: Mapping[CallKey, int]
) -> int:
    if not fresh:
        return 0
    threads = read_threads(connection, [one for one, _ in fresh.values()])
    written = connection.execute(
        insert_new(connection, notification).returning(notification.c.id, notification.c.key),
        [_row(one, state) | {"thread": threads.get(one.key, "")} for one, state in fresh.values()],
    ).all()
    new = [(row.id, fresh[row.key][0]) for row in written]
    calls = [
        {"notification": row_id, "call": call_id, "holder": one.holder, "channel": one.channel}
        for row_id, one in new
        for call_id in _calls(one, call_ids)
    ]
    alerts = [{"notification": row_id, "alert": alert} for row_id, one in new for alert in dict.fromkeys(one.alerts)]
    for table, rows in ((notification_call, calls), (notification_alert, alerts)):
        if rows:
            connection.execute(insert_new(connection, table), rows)
    return len(new)


def _told(connection: Connection, call_ids: Iterable[int]) -> set[tuple[int, str, str]]:
    """Read which of these calls were told to whom: none of a cycle's own, so the range is all but empty."""
    ids = set(call_ids)
    if not ids:
        return set()
    table = notification_call.c
    found = connection.execute(
        select(table.call, table.holder, table.channel).where(table.call.between(min(ids), max(ids)))
    )
    return {(row.call, row.holder, row.channel) for row in found if row.call in ids}


def _told_earlier(connection: Connection, call_ids: Sequence[int]) -> set[tuple[int, str, str]]:
    """Read the same of calls that were made in any cycle before."""
    table, told = notification_call.c, set[tuple[int, str, str]]()
    for at in range(0, len(call_ids), _CHUNK):
        some = table.call.in_(call_ids[at : at + _CHUNK])
        rows = connection.execute(select(table.call, table.holder, table.channel).where(some))
        told |= {(row.call, row.holder, row.channel) for row in rows}
    return told


def _calls(one: Notification, call_ids: Mapping[CallKey, int]) -> Iterator[int]:
    return (call_ids[call.alert, call.level, call.step, call.repeat] for call in one.calls)


def insert_new(connection: Connection, table: Table) -> Insert:
    """Give an INSERT that passes over what is there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new: Insert = dialect.insert(table).on_conflict_do_nothing()
    return new


def _row(one: Notification, state: str) -> dict[str, Any]:
    return {
        "key": one.key,
        "holder": one.holder,
        "office": one.office,
        "unit": one.unit,
        "channel": one.channel,
        "kind": one.kind.value,
        "level": int(one.level),
        "address": None if one.address is None else _storable(one.address),
        "subject": _storable(one.subject),
        "text": _storable(one.text),
        "html": None if one.html is None else _storable(one.html),
        "fallback": one.fallback,
        "segments": one.segments,
        "created_at": one.created_at,
        "state": state,
        "due_at": one.due_at or one.created_at,
        # A gateway gives its own number; a mail has ours, by which it is known when it comes back.
        "reference": new_reference() if one.channel == MAIL else None,
        "tries": one.tries,
    }


def _storable(text: str) -> str:
    """Drop what PostgreSQL cannot hold, so that one poisoned title never rolls back a whole cycle."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


class Outbox:
    """The outbox as one sender of one channel sees it. Each call is a transaction of its own and may wait for a disk.

    `owner` names the sender, different in every process and start. `clock` gives the time that leases are judged by:
    the database's own on PostgreSQL (a replica's clock may be wrong), or that with the offset of a demo. `repeats`: see
    `claim`. `least_level` gives what may leave at an instant.
    """

    def __init__(  # noqa: PLR0913 (by name, and each is another matter)
        self,
        engine: Engine,
        *,
        owner: str,
        clock: Callable[[], datetime],
        channel: str = "email",
        lease: timedelta = MAIL_LEASE,
        repeats: bool | None = None,
        least_level: Callable[[datetime], int] = lambda _: 0,
    ) -> None:
        self.repeats = repeats
        self._least_level = least_level
        self.owner = owner
        self.channel = channel
        self.clock = clock
        self.lease = lease
        self._engine = engine

    def claim(self, limit: int) -> list[Claimed]:
        """Hold up to `limit` due notifications until the lease runs out."""
        with self._engine.begin() as connection:
            now = self.clock()
            return claim(
                connection,
                owner=self.owner,
                now=now,
                limit=limit,
                lease=self.lease,
                channel=self.channel,
                repeats=self.repeats,
                least_level=self._least_level(now),
            )

    def record(self, attempts: Sequence[Attempt]) -> None:
        """Write down attempts and what was decided on them."""
        with self._engine.begin() as connection:
            record(connection, attempts)

    def release(self, held: Sequence[Claimed]) -> None:
        """Give back what was held and not tried, for whoever asks next."""
        with self._engine.begin() as connection:
            release(connection, self.owner, [(one.id, one.epoch) for one in held])


def claim(  # noqa: PLR0913 (by name, and each is another matter)
    connection: Connection,
    *,
    owner: str,
    now: datetime,
    limit: int,
    lease: timedelta,
    channel: str = "email",
    repeats: bool | None = None,
    least_level: int = 0,
) -> list[Claimed]:
    """Hold up to `limit` due notifications of a channel for `owner` until `now + lease`, the highest level first.

    `now` is what due times and leases are compared with, in SQL: hand in the database's time where there are several
    machines. No two senders ever hold the same row: on PostgreSQL rows that another is claiming are passed over, on
    SQLite the transaction is alone. A row whose lease ran out is due again, and an `uncertain` attempt says so;
    without `repeats`, as text messages are by default, it stays uncertain. Rows below `least_level` wait: what was due
    before quiet time began, and is tried again, is not tried in it.
    """
    _expire(connection, now, channel, lease, repeats=channel != _ONCE if repeats is None else repeats)
    table = notification.c
    due = select(table.id).where(table.state == "ready", is_due(now), table.channel == channel)
    if least_level:
        due = due.where(table.level >= least_level)
    due = due.order_by(table.level.desc(), table.due_at, table.id).limit(limit)
    # A CTE runs once; a subquery behind IN may be run again for each row and lock more than `limit`.
    chosen = due.with_for_update(skip_locked=True).cte("due")
    held = connection.execute(
        update(notification)
        .where(table.id == chosen.c.id)
        .values(state="claimed", owner=owner, lease_until=now + lease, epoch=table.epoch + 1)
        .returning(*_CLAIMED_COLUMNS, table.due_at.label("was_due_at"))
    ).all()
    held = sorted(held, key=lambda row: (-row.level, row.was_due_at, row.id))
    return [Claimed(*row[:-1]) for row in held]


def _expire(connection: Connection, now: datetime, channel: str, lease: timedelta, *, repeats: bool) -> None:
    """Make due again what a vanished sender held; owner and epoch stay, so a late "sent" of its own still counts.

    A text message becomes `uncertain` instead, unless its gateway knows it again.
    """
    table = notification.c
    lost = connection.execute(
        select(table.id, table.epoch, table.owner, table.tries)
        .where(table.state == "claimed", ran_out(now, lease), table.channel == channel)
        .with_for_update(skip_locked=True)
    ).all()
    if not lost:
        return
    change = update(notification).where(table.id == bindparam("row")).values(tries=table.tries + 1)
    if repeats:
        change = change.values(state="ready", due_at=bindparam("again_at"))
        connection.execute(change, [{"row": row.id, "again_at": _again(row.tries, now)} for row in lost])
    else:
        change = change.values(state="uncertain", finished_at=now)
        connection.execute(change, [{"row": row.id} for row in lost])
    connection.execute(
        insert(delivery),
        [
            {
                "notification": row.id,
                "epoch": row.epoch,
                "at": now,
                "outcome": Outcome.UNCERTAIN.value,
                "answer": f"the lease of {row.owner} ran out; it may have been sent",
            }
            for row in lost
        ],
    )


def _again(tries: int, now: datetime) -> datetime:
    """Let a lost hold be taken at once; after several tries it waits, so that crashes make no flood."""
    return now if tries < 3 else now + pause(tries, 1.0)


def record(connection: Connection, attempts: Sequence[Attempt]) -> None:
    """Write one delivery row for each attempt, and finish its notification where owner and epoch are still the same.

    Where they are not, another sender has taken it over: the row says `stale` beside the server's answer.
    """
    if not attempts:
        return
    table = notification.c
    present = connection.execute(
        select(table.id, table.owner, table.epoch)
        .where(table.id.in_([one.claimed.id for one in attempts]), table.state.in_((*_UNSENT, "uncertain")))
        .with_for_update()
    )
    holds = {tuple(row) for row in present}
    mine = [one for one in attempts if _hold(one) in holds]
    # Without an owner, the same attempt recorded again (its first commit unheard of) changes nothing.
    change = update(notification).values(owner=None, lease_until=None, tries=table.tries + 1)
    plain = [one for one in mine if one.verdict.outcome is Outcome.SENT and not one.answer.reference]
    if plain:
        # Nearly all, in one statement for them all: they left at the same time but for the wait for company.
        at = max(one.at for one in plain)
        ids = [one.claimed.id for one in plain]
        connection.execute(change.where(table.id.in_(ids)).values(state="sent", due_at=at, finished_at=at))
    others = [_ending(one) for one in mine if one.verdict.outcome is not Outcome.SENT or one.answer.reference]
    if others:
        ending: dict[str, Any] = {name: bindparam(name) for name in ("state", "due_at", "finished_at")}
        ending["reference"] = func.coalesce(bindparam("said_reference"), table.reference)
        connection.execute(change.where(table.id == bindparam("row")).values(**ending), others)
    connection.execute(insert(delivery), [_delivery_row(one, stale=_hold(one) not in holds) for one in attempts])


def _hold(one: Attempt) -> tuple[int, str, int]:
    return (one.claimed.id, one.claimed.owner, one.claimed.epoch)


_STATE = {Outcome.SENT: "sent", Outcome.RETRY: "ready", Outcome.FAILED: "failed", Outcome.UNCERTAIN: "uncertain"}


def _ending(one: Attempt) -> dict[str, Any]:
    return {
        "row": one.claimed.id,
        "state": _STATE[one.verdict.outcome],
        "due_at": one.verdict.next_try_at or one.at,
        "said_reference": one.answer.reference,
        "finished_at": None if one.verdict.outcome is Outcome.RETRY else one.at,
    }


def _delivery_row(one: Attempt, *, stale: bool) -> dict[str, Any]:
    outcome = Outcome.STALE if stale else one.verdict.outcome
    return {
        "notification": one.claimed.id,
        "epoch": one.claimed.epoch,
        "at": one.at,
        "outcome": outcome.value,
        "phase": one.answer.phase.value,
        "code": one.answer.code,
        "enhanced": one.answer.enhanced,
        "answer": one.answer.text,
    }


def release(connection: Connection, owner: str, held: Collection[tuple[int, int]] | None = None) -> int:
    """Make ready again what `owner` holds and has not tried, all of it or only these (id, epoch); give how many.

    With the epoch, what the same owner lost meanwhile and claimed again for another attempt stays held.
    """
    table = notification.c
    freed = update(notification).where(table.state == "claimed", table.owner == owner)
    if held is not None:
        freed = freed.where(tuple_(table.id, table.epoch).in_(held))
    return connection.execute(freed.values(state="ready", owner=None, lease_until=None)).rowcount


def counts(connection: Connection) -> dict[tuple[str, str], int]:
    """Count the notifications by (channel, state)."""
    table = notification.c
    found = connection.execute(select(table.channel, table.state, func.count()).group_by(table.channel, table.state))
    return {(channel, state): count for channel, state, count in found}


def oldest_unsent(connection: Connection) -> dict[str, datetime]:
    """Give, by channel, since when the longest waiting notification should leave; held ones do not count.

    One that waits for its hour waits from then on, not since it was written: a quiet night is no delay.
    """
    table = notification.c
    since = case((and_(table.tries == 0, table.due_at > table.created_at), table.due_at), else_=table.created_at)
    found = connection.execute(
        select(table.channel, func.min(since, type_=Instant)).where(table.state.in_(_UNSENT)).group_by(table.channel)
    )
    return {row[0]: row[1] for row in found}
