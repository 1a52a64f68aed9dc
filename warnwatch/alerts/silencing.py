"""Silences and muted alerts in SQL: what is in force, what it holds back, and what people order.

A quiet cycle reads nothing here; a busy one the silences in force, and the alerts that may explain those on its desk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, insert, not_, or_, select, update

from warnwatch import schema
from warnwatch.alerts import ledger
from warnwatch.alerts.alert import Alert, State
from warnwatch.alerts.desk import Work
from warnwatch.alerts.ledger import ConflictError, JournalRow
from warnwatch.alerts.muting import Key, Mutings, Silence, inhibitors
from warnwatch.plan.directory import Directory
from warnwatch.rules.rule import Level, RuleBook

T = TypeVar("T")
_OPEN = schema.alert.c.state == State.OPEN.value


class Recheck(Enum):
    """Which alerts that another one explains are looked at again, beside those whose explaining alert moves."""

    NONE = "none"
    STALE = "stale"  # those that nothing explains any more: after a start, a change of rules, a person's act
    ALL = "all"  # the tree has changed


# --- for a cycle ----------------------------------------------------------------------------------------------------


def read_mutings(
    connection: Connection, work: Work, book: RuleBook, directory: Directory, now: datetime, recheck: Recheck
) -> Work:
    """Lay on the desk what may hold calls back, and the muted alerts whose muting may be over."""
    released = _read_released(connection, work, book, recheck)
    if not (released or work.differing or work.waiting):
        return work
    work = replace(
        work,
        released=tuple(released),
        active={(alert.rule, alert.subject): alert for alert in released} | dict(work.active),
    )
    mutings = Mutings(
        silences=tuple(read_silences(connection, now)),
        explaining=read_explaining(connection, work.subjects(), book, now),
        book=book,
        directory=directory,
        acts=read_acts(connection),
    )
    return replace(work, mutings=mutings)


def _read_released(connection: Connection, work: Work, book: RuleBook, recheck: Recheck) -> list[Alert]:
    table, named = schema.alert.c, inhibitors(book)
    on_desk = (*work.waiting, *work.active.values(), *work.retired)
    explaining = sorted({alert.id for alert in on_desk if alert.rule in named})
    where: list[ColumnElement[bool]] = [table.muted_alert.in_(some) for some in _some(explaining)]
    if recheck is Recheck.ALL:
        where = [table.muted_alert.is_not(None)]
    elif recheck is Recheck.STALE:
        where.append(_stale(book))
    found = {alert.id: alert for one in where for alert in ledger.read_where(connection, _OPEN, one)}
    for alert in on_desk:
        found.pop(alert.id, None)
    return [alert for alert in found.values() if alert.gone_since is None]


def _stale(book: RuleBook) -> ColumnElement[bool]:
    """Find the alerts whose explaining alert has ended or fallen below them, or that its rule explains no more."""
    table, other = schema.alert, schema.alert.alias()
    pairs = [
        and_(table.c.rule == rule.id, other.c.rule.in_(rule.inhibited_by)) for rule in book.rules if rule.inhibited_by
    ]
    if not pairs:
        return table.c.muted_alert.is_not(None)
    lasts = (other.c.id == table.c.muted_alert, other.c.state == State.OPEN.value, other.c.level >= table.c.level)
    return and_(table.c.muted_alert.is_not(None), not_(exists().where(*lasts, or_(*pairs)).correlate(table)))


def _some(ordered: Sequence[T]) -> Iterator[Sequence[T]]:
    return (ordered[start : start + ledger.CHUNK] for start in range(0, len(ordered), ledger.CHUNK))


def read_explaining(
    connection: Connection, subjects: Mapping[str, set[str]], book: RuleBook, at: datetime
) -> dict[Key, Alert]:
    """Read the alerts, open at an instant, that may explain those about some `subjects`, given by rule.

    The level is the present one, also of an instant that has passed.
    """
    table = schema.alert.c
    when = and_(table.opened_at <= at, or_(table.ended_at.is_(None), table.ended_at > at))
    about = {rule.id: rule.about for rule in book.rules}
    wanted: dict[str, set[str]] = {}
    for rule in book.rules:
        if rule.inhibited_by and subjects.get(rule.id):
            for name in rule.inhibited_by:
                wanted.setdefault(name, set()).update(subjects[rule.id])
    found: dict[Key, Alert] = {}
    for name, codes in wanted.items():
        # Of units there are few alerts, and the unit above a subject is known to the directory alone.
        some: Iterable[ColumnElement[bool]] = (table.subject.in_(codes_) for codes_ in _some(sorted(codes)))
        if about.get(name) == "unit":
            some = [table.about == "unit"]
        for one in some:
            known = ledger.read_where(connection, table.rule == name, table.about == about.get(name), when, one)
            found.update({(alert.rule, alert.about, alert.subject): alert for alert in known})
    return found


def read_mutings_at(
    connection: Connection, alerts: Sequence[Alert], book: RuleBook, directory: Directory, at: datetime
) -> Mutings:
    """Read what mutes some alerts at an instant: `of(alert)` then names it; for pages and explanations."""
    subjects: dict[str, set[str]] = {}
    for alert in alerts:
        subjects.setdefault(alert.rule, set()).add(alert.subject)
    return Mutings(
        silences=tuple(read_silences(connection, at)),
        explaining=read_explaining(connection, subjects, book, at),
        book=book,
        directory=directory,
    )


def read_acts(connection: Connection) -> int:
    """Count the acts on silences: each begins once and is ended early at most once."""
    table = schema.silence.c
    return int(connection.scalar(select(func.count() + func.count(table.ended_at)).select_from(schema.silence)) or 0)


def check_acts(connection: Connection, known: int) -> None:
    """Raise a ConflictError when somebody began or ended a silence after a cycle had read them."""
    if read_acts(connection) != known:
        raise ConflictError("a silence was begun or ended meanwhile")


# --- for people -----------------------------------------------------------------------------------------------------


def _silence(row: Row[Any]) -> Silence:
    values = dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name for it)
    empty = {name: value if value is not None else "" for name, value in values.items() if not name.endswith("_at")}
    return Silence(**values | empty | {"up_to": Level(values["up_to"])})


def read_silences(connection: Connection, at: datetime | None, *, coming: bool = False) -> list[Silence]:
    """Read the silences in force at an instant, with `coming` also those that begin later; without one all."""
    table = schema.silence
    query = select(table).order_by(table.c.id)
    if at is not None:
        query = query.where(table.c.ends_at > at, or_(table.c.ended_at.is_(None), table.c.ended_at > at))
    found = [_silence(row) for row in connection.execute(query)]
    return found if at is None or coming else [one for one in found if one.holds_at(at)]


def find_silence(connection: Connection, number: int) -> Silence | None:
    """Read one silence, locked until the transaction ends."""
    table = schema.silence
    row = connection.execute(select(table).where(table.c.id == number).with_for_update()).one_or_none()
    return _silence(row) if row else None


_SUBJECTS = (schema.task.c.code, schema.unit.c.code, schema.source.c.code, schema.alert.c.subject)
_NEIGHBOURS = 500


def is_subject(connection: Connection, code: str) -> bool:
    """Say whether the plan has a task, unit or source of this code, or ever had an alert about it."""
    return any(connection.scalar(select(column).where(column == code).limit(1)) is not None for column in _SUBJECTS)


def subjects_around(connection: Connection, code: str) -> list[str]:
    """Read the codes that stand around one in order: a plan may have too many to compare with all."""
    ways = [
        select(column).where(there).order_by(order).limit(_NEIGHBOURS)
        for column in _SUBJECTS
        for there, order in ((column >= code, column), (column < code, column.desc()))
    ]
    return [found for way in ways for found in connection.scalars(way)]


def count_held(connection: Connection) -> dict[int, int]:
    """Count the alerts that each silence holds a call back for, by silence."""
    column = schema.alert.c.muted_silence
    query = select(column, func.count()).where(column.is_not(None), _OPEN).group_by(column)
    return {row[0]: row[1] for row in connection.execute(query)}


def count_muted(connection: Connection) -> list[tuple[str, int, int]]:
    """Count the open alerts for which a call is held back: (rule, level, number)."""
    table = schema.alert.c
    counted: Counter[tuple[str, int]] = Counter()
    for column in (table.muted_silence, table.muted_alert):  # each has an index of its own, exactly one is set
        query = select(table.rule, table.level, func.count()).group_by(table.rule, table.level)
        for rule, level, number in connection.execute(
            query.where(column.is_not(None), table.state == State.OPEN.value)
        ):
            counted[rule, level] += number
    return [(*key, number) for key, number in sorted(counted.items())]


@dataclass(frozen=True, slots=True)
class Reach:
    """How many open alerts a silence is about, of how many units, by level."""

    alerts: int
    units: int
    levels: tuple[tuple[Level, int], ...]


def reach_of(connection: Connection, silence: Silence, book: RuleBook, directory: Directory) -> Reach:
    """Count the open alerts that a silence would mute, from an index alone unless it names a subject."""
    table, labels = schema.alert.c, {rule.id: rule.labels for rule in book.rules}
    where = [_OPEN, table.level <= int(silence.up_to)]
    named = (table.rule, silence.rule), (table.about, silence.about), (table.subject, silence.subject)
    where += [column == value for column, value in named if value]
    key = (table.unit, table.rule, table.level)
    levels: dict[Level, int] = {}
    units: set[str] = set()
    for unit, rule, level, number in connection.execute(select(*key, func.count()).where(*where).group_by(*key)):
        below = not silence.unit or directory.present(silence.unit) in _chain(unit, directory)
        if below and silence.labels.items() <= labels.get(rule, {}).items():
            levels[Level(level)] = levels.get(Level(level), 0) + number
            units.add(unit)
    return Reach(sum(levels.values()), len(units), tuple(sorted(levels.items(), reverse=True)))


def _chain(unit: str, directory: Directory) -> Collection[str]:
    return {directory.present(unit), *(one.code for one in directory.superiors(unit))}


def add_silence(connection: Connection, silence: Silence) -> tuple[Silence, bool]:
    """Write a silence and its journal row; one that is there already is given back, and False."""
    for known in read_silences(connection, silence.recorded_at, coming=True):
        if _same(known, silence):
            return known, False
    values = {
        "rule": silence.rule or None,
        "about": silence.about or None,
        "unit": silence.unit or None,
        "subject": silence.subject or None,
        "labels": dict(silence.labels),
        "up_to": int(silence.up_to),
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "author": silence.author,
        "reason": silence.reason,
        "document": silence.document or None,
        "recorded_at": silence.recorded_at,
    }
    number = connection.execute(insert(schema.silence).returning(schema.silence.c.id), values).scalar_one()
    facts = {
        "silence": number,
        "matchers": silence.matchers,
        "up_to": silence.up_to.word,
        "from": silence.starts_at.isoformat(),
        "until": silence.ends_at.isoformat(),
        "reason": silence.reason,
        "document": silence.document,
    }
    row = JournalRow(silence.recorded_at, "silence.added", silence.author, facts, subject=str(number))
    ledger.add_journal(connection, [row])
    return replace(silence, id=number), True


def _same(known: Silence, other: Silence) -> bool:
    """Say whether two silences are one order given twice, the second a little later."""
    begun = max(known.starts_at, other.recorded_at) == max(other.starts_at, other.recorded_at)
    return (
        begun
        and known
        == replace(other, id=known.id, starts_at=known.starts_at, recorded_at=known.recorded_at, labels=known.labels)
        and known.labels == other.labels
    )


def end_silence(connection: Connection, silence: Silence, by: str, reason: str, now: datetime) -> Silence:
    """End a silence early, with its journal row; what it held back is looked at in the next cycle."""
    table, alert = schema.silence, schema.alert
    ended = {"ended_at": now, "ended_by": by, "ended_why": reason}
    connection.execute(update(table).where(table.c.id == silence.id).values(ended))
    # An alert whose measure is back keeps the instant of its end.
    held = (alert.c.muted_silence == silence.id, alert.c.state == State.OPEN.value, alert.c.gone_since.is_(None))
    connection.execute(update(alert).where(*held).values(next_at=now, revision=alert.c.revision + 1))
    facts = {"silence": silence.id, "reason": reason, "until": silence.ends_at.isoformat()}
    ledger.add_journal(connection, [JournalRow(now, "silence.ended", by, facts, subject=str(silence.id))])
    return replace(silence, ended_at=now, ended_by=by, ended_why=reason)
