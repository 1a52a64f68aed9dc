"""Answers in SQL: each once and for good, written in the transaction that moves the alert.

The row of the alert is locked from the reading on (PostgreSQL) or the whole database is (SQLite), and its revision is
compared when it is written: a cycle that decided on what was before finds a conflict and decides anew.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select

from warnwatch import schema
from warnwatch.alerts import ledger
from warnwatch.alerts.acts import ActError, Given, Taken, binds, take
from warnwatch.alerts.alert import Alert
from warnwatch.alerts.ledger import JournalRow
from warnwatch.errors import WarnWatchError
from warnwatch.language import Phrase
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.directory import Directory
from warnwatch.rules.rule import Policy

# So many answers to one alert are taken by link in an hour: each makes a cycle that is under way begin again.
HOURLY = 10


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
        """Say whether this answer has said all that another one says."""
        mine = (self.holder, self.promised_for, self.authority, self.note)
        return mine == (given.by.code, given.until, given.authority, given.note)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of an answer. `first`: the row that says it; `again`: it was there before, and nothing was written."""

    first: AnswerRow
    alert: Alert
    again: bool = False

    @property
    def binds(self) -> bool:
        """Whether it stops the climb."""
        return self.first.promised_for is not None


class AnsweredError(WarnWatchError):
    """Somebody else has answered since the page was shown; `first` is what they said."""

    def __init__(self, first: AnswerRow) -> None:
        self.first = first
        super().__init__(Phrase("{holder} đã phản hồi trước", holder=first.holder))


_COLUMNS = [schema.answer.c[name] for name in AnswerRow.__dataclass_fields__]


def read_answers(connection: Connection, alerts: Collection[int]) -> dict[int, list[AnswerRow]]:
    """Read the answers to some alerts, oldest first."""
    found: dict[int, list[AnswerRow]] = {}
    query = select(*_COLUMNS).where(schema.answer.c.alert.in_(sorted(alerts))).order_by(schema.answer.c.id)
    for row in connection.execute(query):
        found.setdefault(row.alert, []).append(AnswerRow(*row))
    return found


def record(
    connection: Connection,
    alert: Alert,
    given: Given,
    by: tuple[Policy, Directory, datetime, WorkCalendar],
    seen: int | None = None,
) -> Recorded:
    """Take an answer to an alert that was read for update, and write it; said once more, it changes nothing.

    `seen`: the number of the last answer that the person saw; what came after it must be seen first.
    """
    policy, directory, now, calendar = by
    if given.until is not None and not binds(given.by, alert, directory):
        given = replace(given, until=None)
    known = read_answers(connection, [alert.id]).get(alert.id, [])
    later = known[-1:] if seen is None else [*known[-1:], *(one for one in known if one.id > seen)]
    for one in later:
        if one.says(given):
            return Recorded(one, alert, again=True)
    if known and seen is not None and known[-1].id > seen:
        raise AnsweredError(known[-1])
    if given.by_link is not None and sum(one.at > now - timedelta(hours=1) for one in known) >= HOURLY:
        raise ActError(
            Phrase(
                "{code}: đã có {count} phản hồi trong một giờ qua; đề nghị thử lại sau", code=alert.code, count=HOURLY
            )
        )
    taken = take(alert, given, policy, directory, now, calendar)
    save_answer(connection, alert, given, taken, now)
    return Recorded(read_answers(connection, [alert.id])[alert.id][-1], taken.alert)


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
