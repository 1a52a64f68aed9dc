"""What an alert was at an earlier instant: its present row, wound back by the journal.

In: the alert as it is stored now and its journal rows, oldest first. Out: the alert as it stood then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from warnwatch.alerts.alert import Alert, State
from warnwatch.alerts.escalation import Made, Told, made_of
from warnwatch.alerts.ledger import JournalRow
from warnwatch.rules.rule import LEVELS, Level


def as_it_was(alert: Alert, history: Sequence[JournalRow], at: datetime) -> Alert:
    """Give the alert as it stood at `at`; its own timer (`next_at`) is not recorded, and left out.

    What only the stored row knows (value and threshold between two moves) stays as the last move before `at` had it.
    """
    then = replace(
        alert,
        state=State.PENDING,
        level=Level.NONE,
        value=None,
        threshold=None,
        opened_at=None,
        gone_since=None,
        ended_at=None,
        end_reason=None,
        round_no=0,
        called_level=0,
        last_call_at=None,
        standing=False,
        acknowledged_at=None,
        acknowledged_by=None,
        promised_for=None,
        promised_level=0,
        next_at=None,
        muted_since=None,
        muted_silence=None,
        muted_alert=None,
    )
    past = [row for row in history if row.at <= at]
    moved = next((row for row in history if row.kind == "alert.handed"), None)
    if moved is not None:
        then = replace(then, unit=str(moved.facts["from"]))
    for row in past:
        then = _after(then, row)
    return then


def made_until(history: Iterable[JournalRow], at: datetime) -> Made:
    """Sum up the calls that were made for an alert by `at`."""
    calls = ((row.at, row.facts) for row in history if row.kind in ("call", "call.nobody") and row.at <= at)
    return made_of(
        Told(int(LEVELS[str(call["level"])]), int(call["step"]), int(call["repeat"]), _round(call), made_at, made_at)
        for made_at, call in calls
    )


def _round(call: Mapping[str, Any]) -> int:
    """Give the round of a call in the journal; before rounds had a number of their own it was that of the repeat."""
    return int(call.get("round", call["repeat"]))


def _after(alert: Alert, row: JournalRow) -> Alert:
    kind, _, what = row.kind.partition(".")
    if kind == "alert" and "level" in row.facts:
        return _moved(alert, what, row.at, row.facts)
    if row.kind == "alert.handed":
        fresh = replace(alert, unit=str(row.facts["to"]), called_level=0, standing=False, acknowledged_at=None)
        return replace(fresh, acknowledged_by=None, promised_for=None, promised_level=0)
    if kind == "call":
        level = LEVELS[str(row.facts["level"])]
        return replace(
            alert,
            called_level=max(alert.called_level, int(level)),
            last_call_at=row.at,
            round_no=_round(row.facts),
        )
    if row.kind == "acknowledged":
        return _acknowledged(alert, row)
    if row.kind == "promise.broken":
        return replace(alert, promised_for=None, promised_level=0)
    return alert


def _acknowledged(alert: Alert, row: JournalRow) -> Alert:
    if not row.facts.get("binds"):  # it never takes the place of a promise that stands
        noted = replace(alert, acknowledged_at=row.at, acknowledged_by=str(row.facts["holder"]))
        return noted if alert.promised_for is None else alert
    until = datetime.fromisoformat(str(row.facts["until"]))
    taken = replace(alert, acknowledged_at=row.at, acknowledged_by=str(row.facts["holder"])).unmuted()
    return replace(taken, promised_for=until, promised_level=int(alert.level))


def _moved(alert: Alert, what: str, at: datetime, facts: Mapping[str, Any]) -> Alert:
    if what in ("muted", "unmuted"):
        return replace(alert, muted_since=alert.muted_since or at if what == "muted" else None)
    level = LEVELS.get(str(facts["level"]), Level.NONE)
    after = replace(alert, value=facts.get("value"), threshold=facts.get("threshold"))
    if level != alert.level:
        after = replace(after, level=level, level_since=at)
    if what == "opened":
        return replace(after, state=State.OPEN, opened_at=at)
    if what == "gone":
        return replace(after, gone_since=at)
    if what == "ended":
        return replace(after.unmuted(), state=State.ENDED, ended_at=at)
    return replace(after, gone_since=None) if what in ("back", "raised", "lowered") else after
