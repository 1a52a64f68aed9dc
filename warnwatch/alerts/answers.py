"""Answers in SQL: each once and for good, written in the transaction that moves the alert.

The row of the alert is locked from the reading on (PostgreSQL) or the whole database is (SQLite), and its revision is
compared when it is written: a cycle that decided on what was before finds a conflict and decides anew.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from warnwatch import schema
from warnwatch.alerts import ledger
from warnwatch.alerts.acts import AnswerKind, Given, Taken
from warnwatch.alerts.alert import Alert
from warnwatch.alerts.ledger import JournalRow


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer as it is stored."""

    id: int
    alert: int
    holder: str
    office: str
    unit: str
    kind: str
    level: int
    promised_for: datetime | None
    authority: str | None
    note: str
    by_link: int | None
    at: datetime

    def says(self, given: Given) -> bool:
        """Say whether another answer says nothing that this one has not said."""
        until = given.until if AnswerKind(self.kind) is not AnswerKind.RECEIVED else self.promised_for
        return (self.holder, self.promised_for, self.authority, self.note) == (
            given.by.code,
            until,
            given.authority,
            given.note,
        )


_COLUMNS = [schema.answer.c[name] for name in AnswerRow.__dataclass_fields__]


def read_answers(connection: Connection, alerts: Collection[int]) -> dict[int, list[AnswerRow]]:
    """Read the answers to some alerts, oldest first."""
    found: dict[int, list[AnswerRow]] = {}
    query = select(*_COLUMNS).where(schema.answer.c.alert.in_(sorted(alerts))).order_by(schema.answer.c.id)
    for row in connection.execute(query):
        found.setdefault(row.alert, []).append(AnswerRow(*row))
    return found


def save_answer(connection: Connection, before: Alert, given: Given, taken: Taken, now: datetime) -> None:
    """Write an answer, the alert as it is from now on, and the journal's row, in the caller's transaction."""
    promised = given.until if taken.binds else None
    connection.execute(
        insert(schema.answer),
        [
            {
                "alert": before.id,
                "holder": given.by.code,
                "office": given.by.office,
                "unit": given.by.unit,
                "kind": taken.kind.value,
                "level": int(before.level),
                "promised_for": promised,
                "authority": given.authority,
                "note": given.note,
                "by_link": given.by_link,
                "at": now,
            }
        ],
    )
    facts = {
        "holder": given.by.code,
        "kind": taken.kind.value,
        "until": given.until.isoformat() if given.until else None,
        "authority": given.authority,
        "note": given.note,
        "binds": taken.binds,
        "by_link": given.by_link,
    }
    ledger.save_act(
        connection, taken.alert, JournalRow(now, "acknowledged", given.by.code, facts, before.id, before.subject)
    )
