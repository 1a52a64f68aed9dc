"""The books compared with the mail server's log, which alone is the truth: what was lost, doubled, late or made up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default

from sinks.smtp import Received
from sqlalchemy import Connection, Engine, func, select

from warnwatch.alerts.journal import verify
from warnwatch.notify.email import _name
from warnwatch.schema import alert, answer, delivery, journal, notification, notification_alert


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
        perhaps = _perhaps_taken(connection)
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
        matters = _matters(connection)
    keys = {_name(row.key): row for row in rows}
    told = {one.recipient for one in taken}
    # What was taken into a digest, or was over before it could leave, must not have been sent as well.
    instead = {name for name, row in keys.items() if row.state in ("merged", "withdrawn")}
    lost = sum(name not in copies for name in keys.keys() - instead) + len(
        set(due) - told - {row.address for row in rows}
    )
    # A text in the server that no row knows: its transaction is gone, and so is whoever answers for it.
    unknown = sum(count for name, count in copies.items() if name not in keys)
    reasoned = unreasoned = 0
    for name, count in copies.items():
        because = perhaps[keys[name].id] if name in keys else 0
        reasoned += min(count - 1, because)
        unreasoned += max(count - 1 - because, 0)
    broken = [f"open twice: {row.rule} about {row.subject}" for row in twice]
    broken += [f"{len(instead & copies.keys())} taken that a digest tells, too"] if instead & copies.keys() else []
    broken += [f"the journal is broken: {chain.first}"] if chain.first else []
    broken += [f"{unknown} taken that no row knows"] if unknown else []
    blank = sum(_says_nothing(one, matters.get(one.message_id.partition("@")[0], frozenset())) for one in taken)
    broken += [f"{blank} taken that say nothing of their alerts"] if blank else []
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


def _perhaps_taken(connection: Connection) -> Counter[int]:
    """Count, by text, the attempts that may have brought a copy beside the one that is written down as sent.

    A hold of which nobody knows how it ended has a row `uncertain` alone; one whose answer came late has a second row,
    and a refusal in it explains nothing.
    """
    answers: dict[tuple[int, int], bool] = {}
    for row in connection.execute(select(delivery).order_by(delivery.c.id)):
        hold = (row.notification, row.epoch)
        if row.outcome == "uncertain":
            answers.setdefault(hold, True)
        else:
            taken = row.code is None or 200 <= row.code < 300
            answers[hold] = row.outcome != "sent" and row.phase == "dot" and taken
    return Counter(text for (text, _), perhaps in answers.items() if perhaps)


def _matters(connection: Connection) -> dict[str, frozenset[str]]:
    """Read what each text is about, by its Message-ID: the codes of its alerts and of their subjects."""
    joined = notification.join(notification_alert, notification_alert.c.notification == notification.c.id)
    joined = joined.join(alert, alert.c.id == notification_alert.c.alert)
    found: dict[str, set[str]] = {}
    for row in connection.execute(select(notification.c.key, alert.c.code, alert.c.subject).select_from(joined)):
        found.setdefault(_name(row.key), set()).update((row.code, row.subject))
    return {name: frozenset(words) for name, words in found.items()}


def _says_nothing(one: Received, matters: Collection[str]) -> bool:
    """Say whether a mail lacks a subject, or names nothing of what it is about."""
    mail = message_from_bytes(one.raw, policy=default)
    body = mail.get_body(("plain",))
    text = str(body.get_content()) if body else ""
    return not str(mail["Subject"]).strip() or (bool(matters) and not any(word in text for word in matters))
