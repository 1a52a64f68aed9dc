"""How an alert lives: pending, open, ended, each end with its reason.

In: the alert as it is (or none) and what its rule says now. Out: the alert as it is from now on (or none).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from warnwatch.alerts.alert import Alert, EndReason, State, number_of
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.rules.evaluation import Observation
from warnwatch.rules.levels import NOT_APPLICABLE
from warnwatch.rules.rule import Level, Rule


class Move(StrEnum):
    """What happened to an alert in one cycle; the word in the journal."""

    PENDING = "pending"
    OPENED = "opened"
    RAISED = "raised"
    LOWERED = "lowered"
    GONE = "gone"
    BACK = "back"
    ENDED = "ended"
    CLIMBED = "climbed"
    TOOK_OVER = "took_over"


@dataclass(frozen=True, slots=True)
class Transition:
    """One alert before and after. `before` is None for a new one; the observation is None when its rule is gone.

    `heir_of`: the alert of a replaced rule that a new one takes over.
    """

    move: Move
    before: Alert | None
    after: Alert
    observation: Observation | None
    heir_of: Alert | None = None

    @property
    def was(self) -> int:
        """The level that people were told of before: 0 when there was none."""
        return int(self.before.level) if self.before and self.before.state is State.OPEN else 0


@dataclass(frozen=True, slots=True)
class Numbering:
    """The next free alert number, and the last episode of each subject that had alerts before."""

    next_id: int
    episodes: dict[tuple[str, str], int]


def advance(
    pairs: Iterable[tuple[Observation, Alert | None]], numbering: Numbering, now: datetime, calendar: WorkCalendar
) -> list[Transition]:
    """Move every observed alert one step; what does not move is left out."""
    moved: list[Transition] = []
    number = numbering.next_id
    for observation, alert in pairs:
        if alert is None:
            episode = numbering.episodes.get((observation.rule.id, observation.subject), 0) + 1
            transition = _begin(observation, number, episode, now, calendar)
            number += transition is not None
        else:
            transition = _continue(observation, alert, now, calendar)
        if transition:
            moved.append(transition)
    return moved


def retire(alert: Alert, now: datetime) -> Transition:
    """End an alert whose rule was removed from the rule book."""
    return _end(None, alert, EndReason.RETIRED, now)


def supersede(alert: Alert, now: datetime) -> Transition:
    """End an alert whose rule was replaced by another, which takes it over."""
    return _end(None, alert, EndReason.SUPERSEDED, now)


def inherit(alert: Alert, rule: Rule, number: int, episode: int, now: datetime, calendar: WorkCalendar) -> Alert:
    """Give the alert of the rule that takes another's over: all of it but its number, and when it is looked at again.

    Level, waits, steps, promise and what people did go on as they are; the new rule moves it from the next cycle on.
    """
    waits = {
        State.PENDING: calendar.add(alert.pending_since, rule.hold_for),
        State.OPEN: calendar.add(alert.gone_since, rule.keep) if alert.gone_since else now,
        State.ENDED: None,
    }
    return replace(
        alert,
        id=number,
        code=number_of(calendar.local_date(now), number),
        rule=rule.id,
        episode=episode,
        measure=rule.measure,
        next_at=waits[alert.state],
        revision=0,
    )


def close(alert: Alert, now: datetime) -> Alert:
    """End an alert by a person's decision; it stays closed until its level rises above this one."""
    return _end(None, alert, EndReason.CLOSED, now).after


def _begin(
    observation: Observation, number: int, episode: int, now: datetime, calendar: WorkCalendar
) -> Transition | None:
    if observation.level is None or observation.level <= 0 or observation.done:
        return None
    rule = observation.rule
    opens_at = calendar.add(now, rule.hold_for)
    pending = Alert(
        id=number,
        rule=rule.id,
        about=rule.about,
        subject=observation.subject,
        episode=episode,
        unit=observation.unit,
        state=State.PENDING,
        level=Level(observation.level),
        measure=rule.measure,
        value=observation.value,
        threshold=observation.threshold,
        pending_since=now,
        level_since=now,
        next_at=opens_at,
        code=number_of(calendar.local_date(now), number),
    )
    if opens_at > now:
        return Transition(Move.PENDING, None, pending, observation)
    return Transition(Move.OPENED, None, replace(pending, state=State.OPEN, opened_at=now, next_at=now), observation)


def _continue(observation: Observation, alert: Alert, now: datetime, calendar: WorkCalendar) -> Transition | None:
    if alert.state is State.OPEN:
        observation = _kept(observation, alert)
    level = observation.level
    if observation.done:
        return _end(observation, alert, EndReason.CURED, now)
    if level is None:
        return None  # unknown holds
    if level == NOT_APPLICABLE:
        return _end(observation, alert, EndReason.NOT_APPLICABLE, now)
    seen = replace(
        alert,
        measure=observation.rule.measure,
        value=observation.value,
        threshold=observation.threshold,
        unit=observation.unit,
    )
    if level == 0:
        return _fade(observation, alert, seen, now, calendar)
    if alert.state is State.PENDING:
        return _ripen(observation, alert, seen, now, calendar)
    return _shift(observation, alert, seen, now)


def _kept(observation: Observation, alert: Alert) -> Observation:
    """Say how the rule stands for its open alert: within the margin `clear` the alert keeps the level that it has."""
    level, kept = observation.level, min(int(alert.level), observation.kept or 0)
    if level is None or level == NOT_APPLICABLE or kept <= level:
        return observation
    threshold = observation.kept_threshold if kept == observation.kept else alert.threshold
    return replace(observation, level=kept, threshold=threshold)


def _fade(
    observation: Observation, alert: Alert, seen: Alert, now: datetime, calendar: WorkCalendar
) -> Transition | None:
    """End the alert when its measure has been back beyond the rung for `keep`; until then note since when."""
    since = alert.gone_since or now
    ends_at = calendar.add(since, observation.rule.keep)
    if alert.state is State.PENDING or now >= ends_at:
        return _end(observation, seen, EndReason.CURED, now)
    if alert.gone_since:
        return None
    return Transition(Move.GONE, alert, replace(seen, gone_since=now, next_at=ends_at), observation)


def _ripen(
    observation: Observation, alert: Alert, seen: Alert, now: datetime, calendar: WorkCalendar
) -> Transition | None:
    level = Level(observation.level or 0)
    if now >= calendar.add(alert.pending_since, observation.rule.hold_for):
        opened = replace(seen, state=State.OPEN, level=level, level_since=now, opened_at=now, next_at=now)
        return Transition(Move.OPENED, alert, opened, observation)
    if level != alert.level:
        return Transition(Move.PENDING, alert, replace(seen, level=level, level_since=now), observation)
    return None


def _shift(observation: Observation, alert: Alert, seen: Alert, now: datetime) -> Transition | None:
    level = Level(observation.level or 0)
    if level == alert.level and alert.gone_since is None:
        return None
    move = Move.RAISED if level > alert.level else Move.LOWERED if level < alert.level else Move.BACK
    since = alert.level_since if level == alert.level else now
    return Transition(
        move, alert, replace(seen, level=level, level_since=since, gone_since=None, next_at=now), observation
    )


def _end(observation: Observation | None, alert: Alert, reason: EndReason, now: datetime) -> Transition:
    ended = replace(alert.unmuted(), state=State.ENDED, ended_at=now, end_reason=reason, next_at=None, standing=False)
    return Transition(Move.ENDED, alert, ended, observation)
