"""Reports of mail servers in SQL: what a mail was reported to have become, written down once, and in the journal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from warnwatch.alerts import ledger
from warnwatch.alerts.ledger import JournalRow
from warnwatch.notify.bounces import Action, Bounce
from warnwatch.notify.delivery import Answer, Outcome, Phase
from warnwatch.notify.ways import MAIL
from warnwatch.schema import delivery, notification

ACTOR = "bounce"
# What a report may still change: a mail whose 250 was lost may come back before it is sent again.
_OPEN = ("ready", "claimed", "sent", "uncertain")
_OUTCOME = {
    Action.FAILED: Outcome.FAILED,
    Action.DELAYED: Outcome.RETRY,
    Action.RELAYED: Outcome.SENT,
    Action.DELIVERED: Outcome.SENT,
}


class Settled(StrEnum):
    """What became of a report: written down, known before, or about nothing that was ever sent."""

    RECORDED = "recorded"
    KNOWN = "known"
    UNKNOWN = "unknown"


def settle(connection: Connection, bounces: Sequence[Bounce], now: datetime) -> list[Settled]:
    """Write reports down in the caller's transaction, each once.

    A failed mail is a failure like one that the first server refused: the next cycle flags the address, where that is
    to blame, and tells who stands in. An end that is known stays: what failed or arrived does not become the other.
    """
    return [_settle(connection, one, now) for one in bounces]


def _settle(connection: Connection, bounce: Bounce, now: datetime) -> Settled:
    table = notification.c
    row = connection.execute(
        select(table.id, table.epoch, table.state, table.delivered_at, table.holder)
        .where(table.channel == MAIL, table.reference == bounce.reference)
        .with_for_update()
    ).one_or_none()
    if row is None or row.state not in (*_OPEN, "failed"):
        return Settled.UNKNOWN
    if row.state == "failed" or row.delivered_at or _is_known(connection, row, bounce):
        return Settled.KNOWN
    changes: dict[str, Any] = {}
    if bounce.action is Action.FAILED:
        # Whoever holds it still has no say any more: its answer is written down as stale.
        changes = {"state": "failed", "finished_at": now, "owner": None, "lease_until": None}
    elif bounce.action is Action.DELIVERED:
        changes = {"delivered_at": now}
    if changes:
        connection.execute(update(notification).where(table.id == row.id).values(changes))
    _write(connection, row, bounce, now)
    return Settled.RECORDED


def _is_known(connection: Connection, row: Row[*tuple[Any, ...]], bounce: Bounce) -> bool:
    """Say whether the same was written down before: a server may report a delay again and again."""
    table = delivery.c
    same = (table.notification == row.id, table.phase == Phase.REPORT.value)
    said = (table.outcome == _OUTCOME[bounce.action].value, table.answer == _said(bounce))
    return connection.execute(select(table.id).where(*same, *said).limit(1)).one_or_none() is not None


def _said(bounce: Bounce) -> str:
    return f"{bounce.action}: {bounce.answer.text}" if bounce.action is not Action.FAILED else bounce.answer.text


def _write(connection: Connection, row: Row[*tuple[Any, ...]], bounce: Bounce, now: datetime) -> None:
    answer: Answer = bounce.answer
    values = {"notification": row.id, "epoch": row.epoch, "at": now, "outcome": _OUTCOME[bounce.action].value}
    codes = {"phase": answer.phase.value, "code": answer.code, "enhanced": answer.enhanced, "answer": _said(bounce)}
    connection.execute(insert(delivery).values(values | codes))
    facts = {"notification": row.id, "holder": row.holder, "action": bounce.action.value}
    said = {"enhanced": answer.enhanced, "said": answer.text}
    ledger.add_journal(connection, [JournalRow(now, "mail.reported", ACTOR, facts | said, None, row.holder)])
