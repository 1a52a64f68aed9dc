"""A rule that `replaces` another takes its alerts over: each ends as superseded and goes on under the new rule.

The new alert has the level, steps, promise and mails of the old one: nobody is called anew. It is judged by the new
rule from the next cycle on; what a person closed stays closed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Insert, Subquery, and_, exists, insert, select

from warnwatch import schema
from warnwatch.alerts import ledger
from warnwatch.alerts.alert import Alert, EndReason, State
from warnwatch.alerts.ledger import JournalRow
from warnwatch.alerts.lifecycle import Move, Numbering, Transition, inherit, supersede
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.rules.rule import Rule, RuleBook


@dataclass(frozen=True, slots=True)
class Taken:
    """An alert that a new rule takes over. `heir`: False where the new rule has an alert about the subject already."""

    alert: Alert
    rule: Rule
    heir: bool

    @property
    def key(self) -> tuple[str, str]:
        """The new rule and the subject."""
        return self.rule.id, self.alert.subject


def read_taken(
    connection: Connection, retired: Sequence[Alert], book: RuleBook, news: Collection[tuple[str, str]]
) -> tuple[Taken, ...]:
    """Find which alerts of rules that are gone another rule takes over, each about the same kind of subject.

    Those that a person closed are taken over once, when the new rule goes live (`news`).
    """
    stands_for = {old: rule for rule in book.rules for old in rule.replaces}
    if not stands_for:
        return ()
    fresh = [old for old, rule in stands_for.items() if ("rule", rule.id) in news]
    found = [*retired, *_read_closed(connection, fresh)]
    fits = [one for one in found if one.rule in stands_for and stands_for[one.rule].about == one.about]
    wanted: dict[str, set[str]] = {}
    for one in fits:
        wanted.setdefault(stands_for[one.rule].id, set()).add(one.subject)
    has = set(ledger.read_active(connection, wanted))
    taken = []
    for one in sorted(fits, key=lambda alert: (alert.state is State.ENDED, alert.id)):
        this = Taken(one, stands_for[one.rule], (stands_for[one.rule].id, one.subject) not in has)
        if this.heir or one.state is not State.ENDED:
            taken.append(this)
        has.add(this.key)
    return tuple(taken)


def _read_closed(connection: Connection, rules: Collection[str]) -> list[Alert]:
    """Read the last alerts of some rules that a person closed."""
    if not rules:
        return []
    table, later = schema.alert, schema.alert.alias()
    same = and_(later.c.rule == table.c.rule, later.c.about == table.c.about, later.c.subject == table.c.subject)
    return ledger.read_where(
        connection,
        table.c.rule.in_(sorted(rules)),
        table.c.end_reason == EndReason.CLOSED.value,
        ~exists().where(same, later.c.episode > table.c.episode).correlate(table),
    )


def subjects_of(taken: Iterable[Taken]) -> dict[str, set[str]]:
    """Name the subjects of the alerts taken over, by their new rule."""
    found: dict[str, set[str]] = {}
    for one in taken:
        found.setdefault(one.rule.id, set()).add(one.alert.subject)
    return found


def take_over(
    taken: Iterable[Taken], numbering: Numbering, now: datetime, calendar: WorkCalendar
) -> tuple[list[Transition], Numbering]:
    """End the alerts that are taken over and begin their heirs; gives the numbers that are left."""
    moves: list[Transition] = []
    number = numbering.next_id
    for one in taken:
        if one.alert.state is not State.ENDED:
            moves.append(supersede(one.alert, now))
        if one.heir:
            episode = numbering.episodes.get(one.key, 0) + 1
            heir = inherit(one.alert, one.rule, number, episode, now, calendar)
            moves.append(Transition(Move.TOOK_OVER, None, heir, None, one.alert))
            number += 1
    return moves, Numbering(number, numbering.episodes)


def save_trails(connection: Connection, moves: Iterable[Transition]) -> None:
    """Give heirs the calls and mails of the alerts that they take over, in the transaction that writes them.

    So no step is made twice, and whoever was told of the old alert gets the all-clear of the new one.
    """
    heirs = [move for move in moves if move.heir_of and move.after.state is not State.ENDED]
    rules = {(move.heir_of.rule, move.after.rule) for move in heirs if move.heir_of}
    for old, new in sorted(rules):
        first = min(move.after.id for move in heirs)
        for statement in _copies(_pairs(old, new, first)):
            connection.execute(statement)


def _pairs(old_rule: str, new_rule: str, first: int) -> Subquery:
    """Select the alerts of one rule that were taken over, each with its heir; heirs have numbers from `first` on."""
    old, heir = schema.alert.alias("old"), schema.alert.alias("heir")
    same = and_(heir.c.about == old.c.about, heir.c.subject == old.c.subject, heir.c.rule == new_rule)
    query = select(old.c.id.label("old"), heir.c.id.label("heir")).join(heir, and_(same, heir.c.id >= first))
    superseded = EndReason.SUPERSEDED.value
    # The last alert of the old rule about the subject: an earlier one has an heir of its own, of a smaller number.
    latest = schema.alert.alias("latest")
    newer = and_(latest.c.rule == old.c.rule, latest.c.subject == old.c.subject, latest.c.episode > old.c.episode)
    alone = ~exists().where(newer).correlate(old)
    return query.where(old.c.rule == old_rule, old.c.end_reason == superseded, alone).subquery()


def _copies(pairs: Subquery) -> Iterator[Insert]:
    call, told, text, new = schema.call, schema.notification_call, schema.notification_alert, schema.call.alias()
    kept = ("level", "step", "repeat", "round_no", "office", "unit", "at")
    calls = select(pairs.c.heir, *(call.c[name] for name in kept)).join(pairs, pairs.c.old == call.c.alert)
    yield insert(call).from_select(["alert", *kept], calls)
    same = (new.c.level == call.c.level, new.c.step == call.c.step, new.c.repeat == call.c.repeat)
    links = (
        select(new.c.id, told.c.notification, told.c.holder, told.c.channel)
        .join(call, call.c.id == told.c.call)
        .join(pairs, pairs.c.old == call.c.alert)
        .join(new, and_(new.c.alert == pairs.c.heir, *same))
    )
    yield insert(told).from_select(["call", "notification", "holder", "channel"], links)
    mails = select(text.c.notification, pairs.c.heir).join(pairs, pairs.c.old == text.c.alert)
    yield insert(text).from_select(["notification", "alert"], mails)


def heirs_of(moves: Iterable[Transition]) -> Mapping[int, Alert]:
    """Give the alerts that are taken over, by the number of the heir."""
    return {move.after.id: move.heir_of for move in moves if move.heir_of}


def read_whole_history(connection: Connection, alert: int) -> list[JournalRow]:
    """Read an alert's history from its beginning, under whatever rules: that of the alerts which it took over first."""
    history = ledger.read_history(connection, alert)
    took_over = f"alert.{Move.TOOK_OVER.value}"
    former = next((str(row.facts["alert"]) for row in history if row.kind == took_over), "")
    if not former:
        return history
    before = read_whole_history(connection, ledger.find_alert(connection, former).id)
    return [*(row for row in before if row.kind != "alert.ended"), *history]
