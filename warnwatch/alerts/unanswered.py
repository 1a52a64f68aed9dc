"""How many alerts of each unit somebody was called for and nobody has answered: a number that rules may be about.

Read whole once a day, and after a person's act; from cycle to cycle only the alerts that a cycle has changed are
counted. Nothing is read or kept while no rule asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, or_, select

from warnwatch import schema
from warnwatch.alerts.alert import Alert, State
from warnwatch.rules.levels import needed
from warnwatch.rules.rule import RuleBook

# An alert about unanswered alerts is not counted: it would keep itself up, and climb the tree by itself.
OWN_MEASURE = "unanswered_alerts"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The numbers by unit, without those at 0, as they stood when the last cycle of a local `day` had ended."""

    day: int
    counts: Mapping[str, int]


def is_asked(book: RuleBook) -> bool:
    """Say whether a rule about units looks at the number."""
    return any(rule.about == "unit" and OWN_MEASURE in needed(rule) for rule in book.rules)


def is_unanswered(alert: Alert) -> bool:
    """Say whether an open alert has been called for since it was last answered; one that is gone awaits no answer.

    So a raised level, and a broken promise, leave it unanswered again: both call anew.
    """
    return (
        alert.state is State.OPEN
        and alert.gone_since is None
        and alert.measure != OWN_MEASURE
        and alert.last_call_at is not None
        and (alert.acknowledged_at is None or alert.acknowledged_at < alert.last_call_at)
    )


def read_unanswered(connection: Connection, book: RuleBook, as_of: datetime | None = None) -> dict[str, int]:
    """Count the unanswered alerts of each unit now, or as they were at `as_of`; none while no rule asks."""
    if not is_asked(book):
        return {}
    alert = schema.alert.c
    query = select(alert.unit, func.count()).where(alert.measure != OWN_MEASURE).group_by(alert.unit)
    rows = connection.execute(query.where(_waits_now() if as_of is None else _waited(as_of)))
    return {unit: number for unit, number in rows}  # noqa: C416 (rows are no pairs to mypy)


def _waits_now() -> ColumnElement[bool]:
    alert = schema.alert.c
    return and_(
        alert.state == State.OPEN.value,
        alert.gone_since.is_(None),
        alert.last_call_at.is_not(None),
        or_(alert.acknowledged_at.is_(None), alert.acknowledged_at < alert.last_call_at),
    )


def _waited(at: datetime) -> ColumnElement[bool]:
    """Say so of a past instant, from the calls; of an alert acknowledged since then, as if it had not been before."""
    alert, call = schema.alert.c, schema.call.c
    answered = case((alert.acknowledged_at <= at, alert.acknowledged_at))
    later = and_(call.alert == alert.id, call.at <= at, or_(answered.is_(None), call.at > answered))
    return and_(
        alert.opened_at <= at,
        or_(alert.ended_at.is_(None), alert.ended_at > at),
        or_(alert.gone_since.is_(None), alert.gone_since > at),
        exists().where(later).correlate(schema.alert),
    )


def count_moved(known: Unanswered, before: Iterable[Alert], after: Iterable[Alert], book: RuleBook) -> Unanswered:
    """Count what a cycle has changed: the alerts as it read them, and as it wrote them.

    The same object where no number has changed.
    """
    if not is_asked(book):
        return known
    moved = Counter(alert.unit for alert in after if is_unanswered(alert))
    moved.subtract(alert.unit for alert in before if is_unanswered(alert))
    if not any(moved.values()):
        return known
    counts = {unit: known.counts.get(unit, 0) + moved[unit] for unit in {*known.counts, *moved}}
    return Unanswered(known.day, {unit: number for unit, number in sorted(counts.items()) if number})
