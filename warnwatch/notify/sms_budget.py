"""What text messages may cost in a day: parts for the whole installation, and for the holders of one unit.

Enforced where a cycle writes its texts, not where a sender claims them: one process judges at a time, so that nobody
counts beside it; the gravest of a cycle go first; and that a message stayed out is written down in the same
transaction as the mail that goes anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from warnwatch.notify.notification import Notification
from warnwatch.notify.ways import SMS
from warnwatch.schema import notification

Text = tuple[Notification, str]
# What may still cost something, or has. What was refused has not, and what is held leaves nothing.
_COUNTED = ("ready", "claimed", "sent", "uncertain")


@dataclass(frozen=True, slots=True)
class Budget:
    """The most parts of a day: of all units together, and of one."""

    daily: int = 0
    of_unit: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """The parts written since a day began, by unit."""

    by_unit: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The parts of all units."""
        return sum(self.by_unit.values())


def day_began(day: date, zone: ZoneInfo) -> datetime:
    """Give the first instant of a local day, with which a new budget begins."""
    return datetime.combine(day, time.min, zone)


def read_spent(connection: Connection, since: datetime) -> Spent:
    """Count the parts of messages written since an instant; what was due before it was written before it."""
    table = notification.c
    counted = (
        select(table.unit, func.sum(table.segments))
        .where(table.state.in_(_COUNTED), table.due_at >= since, table.created_at >= since, table.channel == SMS)
        .group_by(table.unit)
    )
    return Spent({unit: int(parts or 0) for unit, parts in connection.execute(counted)})


def within(
    texts: Iterable[Text], budget: Budget, spent: Spent, costs: Mapping[str, int] | None = None
) -> tuple[tuple[Text, ...], tuple[Notification, ...]]:
    """Part the texts of a cycle into those that go and the messages that are over the budget, the gravest first.

    Mail always goes, and what is held costs nothing. `costs`: what a message adds, by key, where others that were paid
    for stay out for it; one that adds nothing goes.
    """
    texts = tuple(texts)
    total, units = spent.total, dict(spent.by_unit)
    over: set[str] = set()
    costly = [one for one, state in texts if one.channel == SMS and state != "held"]
    for one in sorted(costly, key=lambda one: -one.level):
        parts, so_far = (costs or {}).get(one.key, one.segments or 1), units.get(one.unit, 0)
        if parts > 0 and (total + parts > budget.daily or so_far + parts > budget.of_unit):
            over.add(one.key)
            continue
        total, units[one.unit] = total + parts, so_far + parts
    if not over:
        return texts, ()
    return tuple(text for text in texts if text[0].key not in over), tuple(one for one in costly if one.key in over)
