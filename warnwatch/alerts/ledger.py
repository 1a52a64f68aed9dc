"""The alerts in SQL: what a cycle reads of them, what it writes, and what people do to them.

Only rows that something happens to are read: marks once at the start, then the alerts that changed or fell due.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from warnwatch import schema
from warnwatch.alerts.alert import Alert, Call, EndReason, State
from warnwatch.alerts.lifecycle import Numbering
from warnwatch.alerts.present import CLOSED, GONE, PENDING
from warnwatch.errors import NotFoundError, WarnWatchError, nearest_name
from warnwatch.language import Phrase
from warnwatch.rules.rule import LEVELS, Level

CHUNK = 5_000
COLUMNS = list(schema.alert.c)


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One act, as the inspection reads it: when, what, by whom, about which alert or subject."""

    at: datetime
    kind: str
    actor: str
    facts: Mapping[str, Any]
    alert: int | None = None
    subject: str | None = None


def alert_of(row: Row[Any]) -> Alert:
    """Make an alert of a row of COLUMNS."""
    values = dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name for it)
    values["state"] = State(values["state"])
    values["level"] = Level(values["level"])
    values["end_reason"] = EndReason(values["end_reason"]) if values["end_reason"] else None
    return Alert(**values)


def _row(alert: Alert) -> dict[str, Any]:
    values = {column.name: getattr(alert, column.name) for column in COLUMNS}
    return values | {"level": int(alert.level), "state": alert.state.value}


def chunks(keys: Collection[str]) -> Iterable[Sequence[str]]:
    """Give keys in order, as many at a time as one statement takes."""
    ordered = sorted(keys)
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))


# --- reading --------------------------------------------------------------------------------------------------------


def read_marks(connection: Connection) -> dict[str, dict[str, int]]:
    """Read what every subject's alert says: {rule: {subject: mark}}, for `present.Present`."""
    table = schema.alert
    latest = select(func.max(table.c.id)).group_by(table.c.rule, table.c.subject).scalar_subquery()
    closed = and_(table.c.end_reason == EndReason.CLOSED.value, table.c.id.in_(latest))
    mark = case(  # as `mark_of` says it: to make 300,000 alerts first would take most of the start
        (table.c.state == State.ENDED.value, table.c.level + CLOSED),
        (table.c.state == State.PENDING.value, table.c.level + PENDING),
        (table.c.gone_since.is_not(None), GONE),
        else_=table.c.level,
    )
    query = select(table.c.rule, table.c.subject, mark).where(or_(table.c.state != State.ENDED.value, closed))
    marks: dict[str, dict[str, int]] = {}
    for rule, subject, level in connection.execute(query):
        marks.setdefault(rule, {})[subject] = level
    return marks


def read_where(connection: Connection, *conditions: ColumnElement[bool]) -> list[Alert]:
    """Read the alerts that fulfil conditions on the table, by number."""
    # Sorted here: asked for the order, SQLite walks through every alert in it.
    rows = connection.execute(select(*COLUMNS).where(*conditions))
    return sorted((alert_of(row) for row in rows), key=lambda alert: alert.id)


def read_due(connection: Connection, now: datetime) -> list[Alert]:
    """Read the alerts that time alone moves by now: opening, ending, next step, broken promise, end of a silence."""
    rows = connection.execute(_due(), {"now": now})
    return sorted((alert_of(row) for row in rows), key=lambda alert: alert.id)


@functools.cache
def _due() -> Select[Any]:
    """Select the alerts to look at by :now; put together once, as every cycle asks."""
    next_at = schema.alert.c.next_at
    due = next_at <= bindparam("now", type_=schema.Instant)
    return select(*COLUMNS).where(due, schema.alert.c.state != State.ENDED.value)


def read_active(connection: Connection, subjects: Mapping[str, Collection[str]]) -> dict[tuple[str, str], Alert]:
    """Read the alerts that have not ended of some subjects, given and keyed by rule."""
    table = schema.alert
    found: dict[tuple[str, str], Alert] = {}
    for rule, codes in subjects.items():
        for chunk in chunks(codes):
            where = (table.c.rule == rule, table.c.subject.in_(chunk), table.c.state != State.ENDED.value)
            for row in connection.execute(select(*COLUMNS).where(*where)):
                found[rule, row.subject] = alert_of(row)
    return found


def read_retired(connection: Connection, rules: Collection[str]) -> list[Alert]:
    """Read the alerts whose rule is in the rule book no more."""
    table = schema.alert
    gone = sorted(_read_rules(connection) - set(rules))
    if not gone:
        return []
    query = select(*COLUMNS).where(table.c.state != State.ENDED.value, table.c.rule.in_(gone))
    return [alert_of(row) for row in connection.execute(query)]


def _read_rules(connection: Connection) -> set[str]:
    """Read the rules that ever had an alert."""
    return {found for found in connection.scalars(_rules()) if found is not None}


@functools.cache
def _rules() -> Select[Any]:
    """Select them from one to the next along the index: `distinct` would read it whole."""
    rule = schema.alert.c.rule
    first = select(func.min(rule).label("rule")).cte("seen", recursive=True)
    following = select(func.min(rule)).where(rule > first.c.rule).scalar_subquery()
    seen = first.union_all(select(following).where(first.c.rule.is_not(None)))
    return select(seen.c.rule)


def read_numbering(connection: Connection, subjects: Mapping[str, Collection[str]]) -> Numbering:
    """Read the next alert number, and the last episode of some subjects, given by rule."""
    table = schema.alert
    episodes: dict[tuple[str, str], int] = {}
    for rule, codes in subjects.items():
        for chunk in chunks(codes):
            query = (
                select(table.c.subject, func.max(table.c.episode))
                .where(table.c.rule == rule, table.c.subject.in_(chunk))
                .group_by(table.c.subject)
            )
            episodes.update({(rule, subject): last for subject, last in connection.execute(query)})
    return Numbering(int(connection.scalar(select(func.coalesce(func.max(table.c.id), 0))) or 0) + 1, episodes)


def read_told(connection: Connection, alerts: Collection[int]) -> dict[int, list[tuple[str, str, bool]]]:
    """Read for whom texts about some alerts were written: (holder, channel, whether one left) by alert."""
    link, table = schema.notification_alert, schema.notification
    left = func.max(case((table.c.state.in_(("held", "failed", "merged", "withdrawn")), 0), else_=1))
    told: dict[int, list[tuple[str, str, bool]]] = {}
    ordered = sorted(alerts)
    for start in range(0, len(ordered), CHUNK):
        query = (
            select(link.c.alert, table.c.holder, table.c.channel, left.label("has_left"))
            .join(table, table.c.id == link.c.notification)
            .where(link.c.alert.in_(ordered[start : start + CHUNK]))
            .group_by(link.c.alert, table.c.holder, table.c.channel)
            .order_by(link.c.alert, table.c.holder)
        )
        for row in connection.execute(query):
            told.setdefault(row.alert, []).append((row.holder, row.channel, bool(row.has_left)))
    return told


def read_open_of(connection: Connection, rules: Collection[str], units: Collection[str]) -> list[Alert]:
    """Read the open alerts of some rules or of some units: those that go live now."""
    table = schema.alert
    found: dict[int, Alert] = {}
    for column, codes in ((table.c.rule, rules), (table.c.unit, units)):
        for chunk in chunks(codes):
            query = select(*COLUMNS).where(table.c.state == State.OPEN.value, column.in_(chunk))
            found.update({row.id: alert_of(row) for row in connection.execute(query)})
    # A superior outside the pilot was only shown a text about an alert of another unit.
    link, text = schema.notification_alert, schema.notification
    for chunk in chunks(units):
        held = select(link.c.alert).join(text, text.c.id == link.c.notification)
        held = held.where(text.c.state == "held", text.c.unit.in_(chunk))
        query = select(*COLUMNS).where(table.c.state == State.OPEN.value, table.c.id.in_(held))
        found.update({row.id: alert_of(row) for row in connection.execute(query)})
    return [found[key] for key in sorted(found)]


def read_live(connection: Connection) -> dict[tuple[str, str], str]:
    """Read what has gone live: {("rule", id): "", ("unit", code): its delivery mode}."""
    table = schema.went_live
    return {(row.kind, row.code): row.mode for row in connection.execute(select(table))}


def find_alert(connection: Connection, code: str, *, for_update: bool = False) -> Alert:
    """Read one alert by its number; an unknown one is a NotFoundError."""
    table = schema.alert
    query = select(*COLUMNS).where(table.c.code == code)
    row = connection.execute(query.with_for_update() if for_update else query).one_or_none()
    if row is None:
        near = nearest_name(code, connection.scalars(select(table.c.code).order_by(table.c.id.desc()).limit(1000)))
        raise NotFoundError(Phrase("không có cảnh báo {code!r}", code=code), near)
    return alert_of(row)


def read_alerts(
    connection: Connection,
    *,
    states: Collection[str],
    unit: str | None = None,
    standing: bool = False,
    limit: int = 1000,
) -> list[Alert]:
    """Read alerts for people to look at, all or the standing list: highest level first, then the oldest."""
    table = schema.alert
    query = select(*COLUMNS).where(table.c.state.in_(sorted(states)))
    if unit is not None:
        query = query.where(table.c.unit == unit)
    if standing:
        query = query.where(table.c.standing.is_(True))
    found: list[Alert] = []
    # Level by level: each is read off its index, where one sorted query would read every open alert.
    for level in sorted(LEVELS.values(), reverse=True):
        ordered = query.where(table.c.level == int(level)).order_by(table.c.opened_at, table.c.id)
        found += [alert_of(row) for row in connection.execute(ordered.limit(limit - len(found)))]
        if len(found) == limit:
            break
    return found


def read_history(connection: Connection, alert: int) -> list[JournalRow]:
    """Read an alert's own history, oldest first."""
    table = schema.journal
    rows = connection.execute(select(table).where(table.c.alert == alert).order_by(table.c.id))
    return [JournalRow(row.at, row.kind, row.actor, row.facts, row.alert, row.subject) for row in rows]


def count_alerts(connection: Connection) -> list[tuple[str, str, int, str, bool, int]]:
    """Count the alerts that have not ended: (unit, rule, level, state, standing, number), from an index alone."""
    table = schema.alert
    key = (table.c.unit, table.c.rule, table.c.level, table.c.state, table.c.standing)
    # Not `<> 'ended'`, which no index answers.
    alive = table.c.state.in_([State.OPEN.value, State.PENDING.value])
    query = select(*key, func.count()).where(alive).group_by(*key)
    return [(*row,) for row in connection.execute(query)]


def read_last_act(connection: Connection) -> int:
    """Read the number of the last journal row: while it stands still, no alert has changed."""
    return int(connection.scalar(select(func.coalesce(func.max(schema.journal.c.id), 0))) or 0)


# --- writing --------------------------------------------------------------------------------------------------------


class ConflictError(WarnWatchError):
    """Somebody else wrote an alert after it was read; nothing was written, and a new try reads it again."""


def save_alerts(connection: Connection, new: Sequence[Alert], changed: Sequence[Alert]) -> None:
    """Write new alerts and the new state of known ones; a ConflictError when one was written in between."""
    if new:
        try:
            connection.execute(insert(schema.alert), [_row(alert) for alert in new])
        except IntegrityError as error:
            raise ConflictError("another process has opened alerts meanwhile") from error
    if changed:
        kept = [column for column in COLUMNS if column.name not in {"id", "code"}]
        statement = (
            update(schema.alert)
            .where(schema.alert.c.id == bindparam("key"), schema.alert.c.revision == bindparam("read"))
            .values({column.name: bindparam(f"new_{column.name}") for column in kept})
        )
        result = connection.execute(statement, [_update_row(alert) for alert in changed])
        if result.rowcount != len(changed):
            message = (
                f"{len(changed) - result.rowcount} of {len(changed)} alerts were changed by somebody else meanwhile"
            )
            raise ConflictError(message)


def _update_row(alert: Alert) -> dict[str, Any]:
    row = {f"new_{name}": value for name, value in _row(alert).items() if name not in {"id", "code"}}
    return row | {"key": alert.id, "read": alert.revision, "new_revision": alert.revision + 1}


def add_calls(connection: Connection, calls: Sequence[Call]) -> dict[tuple[int, int, int, int], int]:
    """Write calls; gives their numbers by (alert, level, step, repeat)."""
    if not calls:
        return {}
    rows = [
        {
            "alert": call.alert,
            "level": int(call.level),
            "step": call.step,
            "repeat": call.repeat,
            "round_no": call.round_no,
            "office": call.office,
            "unit": call.unit,
            "at": call.at,
        }
        for call in calls
    ]
    table = schema.call
    returned = connection.execute(
        insert(table).returning(table.c.id, table.c.alert, table.c.level, table.c.step, table.c.repeat), rows
    )
    return {(row.alert, row.level, row.step, row.repeat): row.id for row in returned}


def add_reminded(connection: Connection, subjects: Collection[str]) -> None:
    """Let the next cycle read some tasks again: a reminder, and a promise that was broken, are facts about them."""
    if subjects:
        _add_changes(connection, [("task", subject) for subject in sorted(subjects)])


def _add_changes(connection: Connection, changed: Sequence[tuple[str, str]]) -> None:
    rows = [{"kind": kind, "subject": subject} for kind, subject in changed]
    connection.execute(insert(schema.change).values(xact=schema.xact(connection)), rows)


def add_journal(connection: Connection, rows: Sequence[JournalRow]) -> None:
    """Write journal rows in the transaction of the act."""
    if rows:
        connection.execute(
            insert(schema.journal),
            [
                {
                    "at": row.at,
                    "kind": row.kind,
                    "actor": row.actor,
                    "alert": row.alert,
                    "subject": row.subject,
                    "facts": dict(row.facts),
                }
                for row in rows
            ],
        )


def add_live(connection: Connection, news: Mapping[tuple[str, str], str], now: datetime) -> None:
    """Remember what has gone live now: {("rule", id): "", ("unit", code): its delivery mode}."""
    table = schema.went_live
    if news:
        gone = [{"old_kind": kind, "old_code": code} for kind, code in news]
        where = (table.c.kind == bindparam("old_kind"), table.c.code == bindparam("old_code"))
        connection.execute(delete(table).where(*where), gone)
        rows = [{"kind": kind, "code": code, "mode": mode, "at": now} for (kind, code), mode in news.items()]
        connection.execute(insert(table), rows)


def save_act(connection: Connection, alert: Alert, row: JournalRow) -> None:
    """Write a person's act on one alert with its journal row; the evaluator then reads the alert's mark again."""
    save_alerts(connection, [], [alert])
    _add_changes(connection, [("alert", alert.code)])
    if alert.about == "task":  # an answer is a fact about the task
        _add_changes(connection, [("task", alert.subject)])
    add_journal(connection, [row])
