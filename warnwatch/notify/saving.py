"""The one transaction of a cycle: alerts, calls, notifications and the journal are written together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from warnwatch.alerts import ledger, silencing, takeover
from warnwatch.alerts.alert import Call, Reason
from warnwatch.alerts.desk import Outcome
from warnwatch.alerts.ledger import JournalRow
from warnwatch.alerts.lifecycle import Transition
from warnwatch.notify import failures, outbox, waiting
from warnwatch.notify.failures import NOTHING_FAILED, Handled
from warnwatch.notify.merging import Merge, key_of_call
from warnwatch.notify.notification import Notification
from warnwatch.notify.outbox import CallKey
from warnwatch.notify.waiting import Waiting

ACTOR = "warnwatch"


@dataclass(frozen=True, slots=True)
class Decided:
    """All that one cycle has to write. `news`: rules and units gone live; `nobody`: calls that reached no holder.

    `documents`: by dissolved unit the number of the document that dissolved it. `silence_acts`: see `Mutings.acts`.
    `handled`: what is done about texts that failed for good. `over_budget`: text messages that stay out; no rows.
    `merges`: those of the notifications that take in others, and where waiting texts are withdrawn.
    """

    now: datetime
    outcome: Outcome
    notifications: Sequence[tuple[Notification, str]]
    news: Mapping[tuple[str, str], str]
    nobody: Sequence[Call]
    rules_version: str = ""
    documents: Mapping[str, str] = field(default_factory=dict)
    silence_acts: int | None = None
    handled: Handled = NOTHING_FAILED
    merges: Sequence[Merge] = ()
    over_budget: Sequence[Notification] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write at all: a quiet cycle opens no transaction."""
        return not (self.outcome.alerts or self.notifications or self.news or self.handled.failures or self.merges)


def save(connection: Connection, decided: Decided) -> None:
    """Write what a cycle decided, in the caller's transaction."""
    outcome, now = decided.outcome, decided.now
    if outcome.calls and decided.silence_acts is not None:
        silencing.check_acts(connection, decided.silence_acts)
    new = [outcome.alerts[key] for key in sorted(outcome.new)]
    changed = [alert for key, alert in sorted(outcome.alerts.items()) if key not in outcome.new]
    ledger.save_alerts(connection, new, changed)
    takeover.save_trails(connection, outcome.transitions)
    call_ids = ledger.add_calls(connection, outcome.calls)
    failures.save(connection, decided.handled, now, ACTOR)
    settled = settle(connection, decided.notifications, decided.merges, now)
    outbox.add(connection, settled.texts, call_ids, {**decided.handled.call_ids, **settled.call_ids})
    waiting.point(connection, settled.into)
    ledger.add_reminded(connection, _reminded(outcome))
    ledger.add_live(connection, decided.news, now)
    ledger.add_journal(connection, [*_journal(decided, settled.texts), *_taken(settled, now)])


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of merges in the transaction: the texts to write, and the waiting ones they stand for.

    `into`: by number of a waiting text, the key of the one that took it in; `withdrawn`: those that nothing follows;
    `call_ids`: the numbers of the calls that others told before.
    """

    texts: Sequence[tuple[Notification, str]]
    into: Mapping[int, str] = field(default_factory=dict)
    withdrawn: Sequence[Waiting] = ()
    taken: Sequence[Waiting] = ()
    call_ids: Mapping[CallKey, int] = field(default_factory=dict)


def settle(
    connection: Connection, texts: Sequence[tuple[Notification, str]], merges: Sequence[Merge], now: datetime
) -> Settled:
    """Take in what waits still; where a sender has got hold of some of it, the text is written again without it.

    A message that stays out for want of budget is not among the texts: then those that wait go on.
    """
    out = {one.key for one, _ in texts}
    merges = [one for one in merges if one.text is None or one.text.key in out]
    if not merges:
        return Settled(texts)
    held = waiting.take(connection, [row for one in merges for row in one.taken], now)
    planned = {one.text.key for one in merges if one.text is not None}
    written = [(one, state) for one, state in texts if one.key not in planned]
    into, moved = dict[int, str](), dict[int, list[int]]()
    withdrawn, ids = list[Waiting](), dict[CallKey, int]()
    for one in merges:
        lost = [row.id for row in one.taken if row.id not in held]
        text = one.without(lost) if lost else one.text
        taken = [row for row in one.taken if row.id in held]
        if text is None:
            withdrawn += taken
            continue
        written.append((text, one.state))
        into |= {row.id: text.key for row in taken}
        moved |= {row.id: calls for row in taken if (calls := one.moved(text, row))}
        ids |= {key_of_call(call): number for row in taken for number, call in row.calls.items()}
    waiting.free_calls(connection, moved)
    waiting.withdraw(connection, [row.id for row in withdrawn])
    taken = [row for one in merges for row in one.taken if row.id in into]
    return Settled(written, into, withdrawn, taken, ids)


def _taken(settled: Settled, now: datetime) -> Iterable[JournalRow]:
    """Write down what became of texts that did not leave under their own name."""
    for one in settled.taken:
        facts = {"key": one.key, "holder": one.holder, "channel": one.channel, "into": settled.into[one.id]}
        yield JournalRow(now, "notification.merged", ACTOR, facts, None, one.unit)
    for one in settled.withdrawn:
        facts = {"key": one.key, "holder": one.holder, "channel": one.channel}
        yield from (JournalRow(now, "notification.withdrawn", ACTOR, facts, alert, one.unit) for alert in one.alerts)


def _reminded(outcome: Outcome) -> set[str]:
    """Name the tasks about which a step after the first, or a repeat, was called, or a promise was broken."""
    called = [outcome.alerts[call.alert] for call in outcome.calls if call.step > 1 or call.reason is Reason.REPEATED]
    return {alert.subject for alert in (*called, *outcome.broken) if alert.about == "task"}


def _journal(decided: Decided, texts: Sequence[tuple[Notification, str]]) -> Iterable[JournalRow]:
    now = decided.now
    yield from (_moved(move, now, decided.rules_version) for move in decided.outcome.transitions)
    for before, after in decided.outcome.handed:
        ways = {"from": before.unit, "to": after.unit, "document": decided.documents.get(before.unit)}
        yield JournalRow(now, "alert.handed", ACTOR, ways, after.id, after.subject)
    for alert in decided.outcome.broken:
        yield JournalRow(now, "promise.broken", ACTOR, {"level": alert.level.word}, alert.id, alert.subject)
    for key, muting in decided.outcome.muted.items():
        alert = decided.outcome.alerts[key]
        facts = {"level": alert.level.word} | muting.as_json()
        yield JournalRow(now, "alert.muted", ACTOR, facts, alert.id, alert.subject)
    for alert in decided.outcome.unmuted:
        yield JournalRow(now, "alert.unmuted", ACTOR, {"level": alert.level.word}, alert.id, alert.subject)
    nobody = {(call.alert, call.step) for call in decided.nobody}
    for call in decided.outcome.calls:
        facts = {
            "level": call.level.word,
            "step": call.step,
            "repeat": call.repeat,
            "round": call.round_no,
            "office": call.office,
            "unit": call.unit,
            "reason": call.reason.value,
        }
        if call.passed:
            facts["passed"] = list(call.passed)
        kind = "call.nobody" if (call.alert, call.step) in nobody else "call"
        yield JournalRow(now, kind, ACTOR, facts, call.alert)
    for one, state in texts:
        facts = {"key": one.key, "holder": one.holder, "channel": one.channel, "kind": one.kind.value, "state": state}
        yield from (JournalRow(now, "notification", ACTOR, facts, alert, one.unit) for alert in one.alerts)
    for one in decided.over_budget:
        facts = {"key": one.key, "holder": one.holder, "segments": one.segments}
        yield from (JournalRow(now, "sms.over_budget", ACTOR, facts, alert, one.unit) for alert in one.alerts)


def _moved(move: Transition, now: datetime, rules_version: str) -> JournalRow:
    alert = move.after
    facts = {
        "rule": alert.rule,
        "rules_version": rules_version,
        "level": alert.level.word,
        "from": move.before.level.word if move.before else None,
        "measure": alert.measure,
        "value": alert.value,
        "threshold": alert.threshold,
    }
    if move.heir_of:
        facts |= {"alert": move.heir_of.code, "from": move.heir_of.level.word}
    if alert.end_reason:
        facts["reason"] = alert.end_reason.value
    return JournalRow(now, f"alert.{move.move.value}", ACTOR, facts, alert.id, alert.subject)
