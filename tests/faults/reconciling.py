"""The books compared with the mail server's log, which alone is the truth: what was lost, doubled, late or made up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sinks.smtp import Received
from sqlalchemy import Engine, func, select

from warnwatch.alerts.journal import verify
from warnwatch.notify.email import _name
from warnwatch.schema import alert, answer, delivery, journal, notification

# A repeat is explained by an attempt of which nobody knows how it ended, or whose end came too late to be written.
_EXPLAINS = ("uncertain", "stale")


@dataclass(frozen=True, slots=True)
class Books:
    """What a comparison found, counted; `broken` names what else must never be."""

    units: int = 0
    lost: int = 0
    extra_explained: int = 0
    extra_unexplained: int = 0
    late: int = 0
    false_acknowledgements: int = 0
    broken: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """Whether nothing was lost, nothing doubled without a reason, and nothing made up."""
        return not (self.lost or self.extra_unexplained or self.late or self.false_acknowledgements or self.broken)

    def __add__(self, other: Books) -> Books:
        """Add two books up."""
        return Books(
            self.units + other.units,
            self.lost + other.lost,
            self.extra_explained + other.extra_explained,
            self.extra_unexplained + other.extra_unexplained,
            self.late + other.late,
            self.false_acknowledgements + other.false_acknowledgements,
            self.broken + other.broken,
        )


def reconcile(taken: Sequence[Received], engine: Engine, due: Collection[str], late_after: float) -> Books:
    """Compare what the server took with the outbox, and with `due`: the addresses that must have been told.

    A message that was taken after `late_after` (the server's clock) for the first time is late.
    """
    copies = Counter(one.message_id.partition("@")[0] for one in taken)
    first = {one.message_id.partition("@")[0]: one.at for one in reversed(taken)}
    with engine.connect().execution_options(reads_only=True) as connection:
        rows = connection.execute(select(notification)).all()
        tried = connection.execute(
            select(delivery.c.notification, delivery.c.outcome, delivery.c.phase, delivery.c.code)
        )
        explained = Counter(
            row.notification
            for row in tried
            if row.outcome in _EXPLAINS or (row.outcome == "retry" and row.phase == "dot" and row.code is None)
        )
        acknowledged = connection.scalar(select(func.count()).where(alert.c.acknowledged_at.is_not(None))) or 0
        answered = connection.scalar(select(func.count()).select_from(answer)) or 0
        chain = verify(connection)
        twice = connection.execute(
            select(alert.c.rule, alert.c.subject)
            .where(alert.c.state == "open")
            .group_by(alert.c.rule, alert.c.about, alert.c.subject)
            .having(func.count() > 1)
        ).all()
        silent = select(func.count()).select_from(alert.outerjoin(journal, journal.c.alert == alert.c.id))
        untold = connection.scalar(silent.where(journal.c.id.is_(None))) or 0
    keys = {_name(row.key): row for row in rows}
    told = {one.recipient for one in taken}
    lost = sum(name not in copies for name in keys) + len(set(due) - told - {row.address for row in rows})
    # A text in the server that no row knows: its transaction is gone, and so is whoever answers for it.
    unknown = sum(count for name, count in copies.items() if name not in keys)
    reasoned = unreasoned = 0
    for name, count in copies.items():
        because = explained[keys[name].id] if name in keys else 0
        reasoned += min(count - 1, because)
        unreasoned += max(count - 1 - because, 0)
    broken = [f"open twice: {row.rule} about {row.subject}" for row in twice]
    broken += [f"the journal is broken: {chain.first}"] if chain.first else []
    broken += [f"{unknown} taken that no row knows"] if unknown else []
    broken += [f"{untold} alerts that the journal does not know"] if untold else []
    return Books(
        units=len(keys),
        lost=lost,
        extra_explained=reasoned,
        extra_unexplained=unreasoned,
        late=sum(at > late_after for at in first.values()),
        false_acknowledgements=acknowledged + answered,
        broken=tuple(broken),
    )
