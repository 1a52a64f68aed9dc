"""What people and boards look up: open alerts with their calls and words, mails with their answers, and how many.

Only reads; every answer is a value, and a database out of reach is a CannotRunError.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from warnwatch import schema
from warnwatch.alerts import ledger
from warnwatch.alerts.alert import Alert, State
from warnwatch.alerts.muting import Mutings
from warnwatch.alerts.silencing import count_muted, read_mutings_at
from warnwatch.errors import CannotRunError
from warnwatch.notify import outbox
from warnwatch.plan.directory import Directory
from warnwatch.plan.words import Words, read_words
from warnwatch.rules.rule import RuleBook

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Counts:
    """What the database counts for the boards.

    `alerts`: (rule, level, state, number) of those that have not ended; `by_unit`: (unit, level, number) of the open
    ones; `standing`: how many wait on the secretariat's list; `muted`: (rule, level, number) of the open ones that have
    a call held back; `oldest`: by channel, since when a text waits to leave.
    """

    alerts: tuple[tuple[str, int, str, int], ...] = ()
    by_unit: tuple[tuple[str, int, int], ...] = ()
    standing: int = 0
    oldest: tuple[tuple[str, datetime], ...] = ()
    muted: tuple[tuple[str, int, int], ...] = ()

    @property
    def open(self) -> int:
        """How many alerts are open."""
        return sum(number for _, _, state, number in self.alerts if state == State.OPEN.value)


@dataclass(frozen=True, slots=True)
class CallLine:
    """A call as a page shows it: the step, the offices asked for, the unit, when."""

    level: int
    step: int
    repeat: int
    round_no: int
    office: str
    unit: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An open alert, the words of its task (None when its subject is no task), and its calls, oldest first."""

    alert: Alert
    words: Words | None
    calls: tuple[CallLine, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt to send: how it ended, and what the server said (`code` None: nothing)."""

    at: datetime
    outcome: str
    phase: str
    code: int | None
    answer: str


@dataclass(frozen=True, slots=True)
class MailLine:
    """A notification without its text; `tried` is its latest attempt."""

    id: int
    holder: str
    office: str
    unit: str
    channel: str
    kind: str
    level: int
    address: str | None
    subject: str
    fallback: bool
    created_at: datetime
    state: str
    due_at: datetime
    finished_at: datetime | None
    tried: Tried | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """A notification whole: its line, both texts, every attempt (oldest first), the numbers of its alerts."""

    line: MailLine
    text: str
    html: str
    tried: tuple[Tried, ...]
    alerts: tuple[str, ...]


_LINE = [schema.notification.c[name] for name in MailLine.__dataclass_fields__ if name != "tried"]


def read_counts(connection: Connection) -> Counts:
    """Count what the boards show; reads an index entry of every alert that has not ended: not once per page."""
    rules: Counter[tuple[str, int, str]] = Counter()
    units: Counter[tuple[str, int]] = Counter()
    standing = 0
    for unit, rule, level, state, stands, number in ledger.count_alerts(connection):
        rules[rule, level, state] += number
        if state == State.OPEN.value:
            units[unit, level] += number
            standing += number if stands else 0
    return Counts(
        alerts=tuple((*key, number) for key, number in sorted(rules.items())),
        by_unit=tuple((*key, number) for key, number in sorted(units.items())),
        standing=standing,
        muted=tuple(count_muted(connection)),
        oldest=_read_oldest(connection),
    )


def _read_oldest(connection: Connection) -> tuple[tuple[str, datetime], ...]:
    return tuple(sorted(outbox.oldest_unsent(connection).items()))


def read_open(connection: Connection, limit: int) -> list[AlertLine]:
    """Read the gravest open alerts with what a page says of each."""
    alerts = ledger.read_alerts(connection, states=[State.OPEN.value], limit=limit)
    words = read_words(connection, {alert.subject for alert in alerts if alert.about == "task"})
    calls = _read_calls(connection, [alert.id for alert in alerts])
    return [AlertLine(one, words.get(one.subject), tuple(calls.get(one.id, ()))) for one in alerts]


def _read_calls(connection: Connection, alerts: Collection[int]) -> dict[int, list[CallLine]]:
    table = schema.call
    found: dict[int, list[CallLine]] = {}
    for row in connection.execute(select(table).where(table.c.alert.in_(alerts)).order_by(table.c.id)):
        line = CallLine(row.level, row.step, row.repeat, row.round_no, row.office, row.unit, row.at)
        found.setdefault(row.alert, []).append(line)
    return found


def read_mails(connection: Connection, limit: int) -> list[MailLine]:
    """Read the latest notifications, the newest first."""
    table = schema.notification
    rows = connection.execute(select(*_LINE).order_by(table.c.id.desc()).limit(limit)).all()
    tried = _read_tried(connection, [row.id for row in rows])
    return [_line(row, tuple(tried.get(row.id, ()))) for row in rows]


def find_mail(connection: Connection, number: int) -> Mail | None:
    """Read one notification; None when there is none of that number."""
    table, link, alert = schema.notification, schema.notification_alert, schema.alert
    row = connection.execute(select(*_LINE, table.c.text, table.c.html).where(table.c.id == number)).one_or_none()
    if row is None:
        return None
    tried = tuple(_read_tried(connection, [number]).get(number, ()))
    codes = select(alert.c.code).join(link, link.c.alert == alert.c.id).where(link.c.notification == number)
    alerts = tuple(connection.scalars(codes.order_by(alert.c.id)))
    return Mail(_line(row, tried), row.text, row.html or "", tried, alerts)


def _line(values: Sequence[Any], tried: tuple[Tried, ...]) -> MailLine:
    known: list[Any] = [*values[: len(_LINE)], tried[-1] if tried else None]
    return MailLine(*known)


def _read_tried(connection: Connection, mails: Collection[int]) -> dict[int, list[Tried]]:
    table = schema.delivery
    found: dict[int, list[Tried]] = {}
    for row in connection.execute(select(table).where(table.c.notification.in_(mails)).order_by(table.c.id)):
        one = Tried(row.at, row.outcome, row.phase or "", row.code, row.answer or "")
        found.setdefault(row.notification, []).append(one)
    return found


def count_mails(connection: Connection) -> dict[str, int]:
    """Count the notifications by state, from the index alone."""
    state = schema.notification.c.state
    return {row[0]: row[1] for row in connection.execute(select(state, func.count()).group_by(state))}


class Lookup:
    """The database as pages see it: each question is one read-only transaction, asked from a worker thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counted: Counts | None = None
        self._last_acts = (-1, -1)

    def ask(self, *questions: Callable[[Connection], T]) -> list[T]:
        """Ask several questions of one moment; a database that is away is a CannotRunError."""
        with self._reading() as connection:
            return [question(connection) for question in questions]

    def counts(self) -> Counts:
        """Count what the boards show; alerts are counted again only when the journal says that one has changed."""
        return self.ask(self._counts)[0]

    def _counts(self, connection: Connection) -> Counts:
        act = ledger.read_last_act(connection)
        if self._counted and self._last_acts == (act, act):
            counts = replace(self._counted, oldest=_read_oldest(connection))
        else:
            counts = read_counts(connection)
        # Seen twice before it is trusted: on PostgreSQL an act with a smaller number may commit after a larger one.
        self._last_acts, self._counted = (self._last_acts[1], act), counts
        return counts

    def open_alerts(self, limit: int) -> list[AlertLine]:
        """Read the gravest open alerts."""
        return self.ask(lambda connection: read_open(connection, limit))[0]

    def mutings(self, alerts: Sequence[Alert], book: RuleBook, directory: Directory, at: datetime) -> Mutings:
        """Read what mutes some alerts at an instant."""
        return self.ask(lambda connection: read_mutings_at(connection, alerts, book, directory, at))[0]

    def mails(self, limit: int) -> list[MailLine]:
        """Read the latest notifications."""
        return self.ask(lambda connection: read_mails(connection, limit))[0]

    def mail_states(self) -> dict[str, int]:
        """Count the notifications by state."""
        return self.ask(count_mails)[0]

    def mail(self, number: int) -> Mail | None:
        """Read one notification."""
        return self.ask(lambda connection: find_mail(connection, number))[0]

    def ping(self) -> None:
        """Find out whether the database answers."""
        self.ask(lambda connection: connection.execute(text("select 1 from alert where 1 = 0")).all())

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect().execution_options(reads_only=True) as connection:
                yield connection
        except SQLAlchemyError as error:
            # The driver's text may name the server or its user; the service's log has it, a page must not.
            raise CannotRunError(f"the database does not answer ({type(error).__name__})") from error
