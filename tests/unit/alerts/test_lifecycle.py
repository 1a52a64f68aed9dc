"""How an alert lives: when it opens, rises, falls, fades and ends, and for which reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import NOW, alert, local
from judging import CALENDAR, observation, rule

from warnwatch.alerts.alert import Alert, EndReason, State
from warnwatch.alerts.lifecycle import Move, Numbering, Transition, advance, close, retire
from warnwatch.rules.evaluation import Observation
from warnwatch.rules.rule import Level

WAITING = rule(hold="1 working day", keep="1 working day")
PENDING = alert(state=State.PENDING, level=Level.NOTICE, opened_at=None, pending_since=NOW, unit="U-1")
OPEN = alert(level=Level.WARNING, unit="U-1", value=1.0)
GONE = replace(OPEN, gone_since=NOW)
TOMORROW = NOW + timedelta(days=1)


def moved(seen: Observation, before: Alert | None, now: datetime = NOW) -> Transition | None:
    """Advance one alert; None when it does not move."""
    found = advance([(seen, before)], Numbering(7, {("task-deadline", "T-1"): 2}), now, CALENDAR)
    return found[0] if found else None


def seen(level: int | None, *, done: bool = False) -> Observation:
    """Give what a rule with `for` and `keep` of one working day says."""
    return observation(level, rule=WAITING, value=0.0 if level else 9.0, done=done)


@pytest.mark.parametrize(
    ("before", "level", "now", "move", "state", "at_level"),
    [
        (None, 2, NOW, Move.PENDING, State.PENDING, 2),
        (None, 0, NOW, None, None, None),
        (None, -1, NOW, None, None, None),
        (None, None, NOW, None, None, None),
        (PENDING, 1, NOW, None, None, None),
        (PENDING, 3, NOW, Move.PENDING, State.PENDING, 3),
        (PENDING, None, TOMORROW, None, None, None),
        (PENDING, 1, TOMORROW - timedelta(microseconds=1), None, None, None),
        (PENDING, 1, TOMORROW, Move.OPENED, State.OPEN, 1),
        (PENDING, 3, TOMORROW, Move.OPENED, State.OPEN, 3),
        (PENDING, 0, NOW, Move.ENDED, State.ENDED, 1),
        (OPEN, 2, NOW, None, None, None),
        (OPEN, 3, NOW, Move.RAISED, State.OPEN, 3),
        (OPEN, 1, NOW, Move.LOWERED, State.OPEN, 1),
        (OPEN, None, NOW, None, None, None),
        (OPEN, 0, NOW, Move.GONE, State.OPEN, 2),
        (OPEN, -1, NOW, Move.ENDED, State.ENDED, 2),
        (GONE, 0, TOMORROW - timedelta(microseconds=1), None, None, None),
        (GONE, 0, TOMORROW, Move.ENDED, State.ENDED, 2),
        (GONE, 2, NOW, Move.BACK, State.OPEN, 2),
        (GONE, 3, NOW, Move.RAISED, State.OPEN, 3),
        (GONE, 1, NOW, Move.LOWERED, State.OPEN, 1),
        (GONE, None, TOMORROW, None, None, None),
    ],
)
def test_how_an_alert_moves(
    before: Alert | None, level: int | None, now: datetime, move: Move | None, state: State | None, at_level: int | None
) -> None:
    """For each state and each thing that a rule can say, the alert moves as section 6 says, or stays."""
    found = moved(seen(level), before, now)
    if move is None:
        assert found is None
    else:
        assert found is not None
        assert (found.move, found.after.state, int(found.after.level)) == (move, state, at_level)


@pytest.mark.parametrize(
    ("before", "level", "kept", "move", "at_level", "threshold"),
    [
        (None, 0, 2, None, None, None),
        (PENDING, 0, 2, Move.ENDED, 1, 0.0),
        (OPEN, 0, 2, None, None, None),
        (OPEN, 1, 3, None, None, None),
        (OPEN, 0, 1, Move.LOWERED, 1, 5.0),
        (OPEN, 0, 0, Move.GONE, 2, 0.0),
        (OPEN, 3, 3, Move.RAISED, 3, 0.0),
        (OPEN, None, None, None, None, None),
        (OPEN, -1, -1, Move.ENDED, 2, 0.0),
        (GONE, 0, 0, None, None, None),
        (GONE, 0, 1, Move.LOWERED, 1, 5.0),
        (GONE, 0, 2, Move.BACK, 2, 5.0),
        (GONE, 0, 3, Move.BACK, 2, OPEN.threshold),
    ],
)
def test_within_its_margin_an_open_alert_keeps_its_level(
    before: Alert | None, level: int | None, kept: int | None, move: Move | None, at_level: int | None, threshold: float
) -> None:
    """`clear` delays a fall and an end, never opens an alert, and is never taken for an unknown measure."""
    found = moved(replace(seen(level), kept=kept, threshold=0.0, kept_threshold=5.0), before)
    assert (found and found.move, found and int(found.after.level)) == (move, at_level)
    assert found is None or found.after.threshold == threshold


def test_without_a_wait_an_alert_opens_at_once() -> None:
    """With `for: 0` a breach opens in the cycle that sees it, as the next episode, with the next number."""
    found = moved(observation(3), None)
    assert found is not None
    after = found.after
    assert (found.move, after.state, after.opened_at, after.next_at) == (Move.OPENED, State.OPEN, NOW, NOW)
    assert (after.id, after.episode, after.value, after.threshold) == (7, 3, -1.0, 0.0)


def test_numbers_are_given_only_to_alerts_that_begin() -> None:
    """Of three subjects the two in breach get the numbers 7 and 8."""
    pairs = [(observation(level, subject=f"T-{level}"), None) for level in (1, 0, 3)]
    found = advance(pairs, Numbering(7, {}), NOW, CALENDAR)
    assert [(one.after.subject, one.after.id, one.after.episode) for one in found] == [("T-1", 7, 1), ("T-3", 8, 1)]


def test_a_wait_runs_from_the_first_sight_over_a_change_of_level() -> None:
    """While an alert waits to open, a change of its level does not start the wait again."""
    found = moved(seen(3), PENDING, NOW + timedelta(hours=3))
    assert found is not None
    assert (found.after.pending_since, found.after.next_at) == (PENDING.pending_since, PENDING.next_at)


def test_an_ending_waits_in_working_time() -> None:
    """An alert gone on Friday with `keep: 1 working day` ends on Monday, not on Saturday."""
    friday = local(15, 8, 10)
    found = moved(seen(0), OPEN, friday)
    assert found is not None
    assert (found.after.gone_since, found.after.next_at) == (friday, local(18, 8, 10))
    assert moved(seen(0), found.after, local(16, 8, 10)) is None


def test_an_alert_that_comes_back_is_not_gone_any_more() -> None:
    """Coming back within `keep` continues the episode; its level keeps its own age."""
    found = moved(seen(2), GONE, TOMORROW)
    assert found is not None
    after = found.after
    assert (after.gone_since, after.level_since, after.episode) == (None, GONE.level_since, GONE.episode)


@pytest.mark.parametrize("before", [PENDING, OPEN, GONE])
@pytest.mark.parametrize("level", [-1, 0, 3, None])
def test_a_task_verified_as_done_ends_as_cured_at_once(before: Alert, level: int | None) -> None:
    """Done is cured, whatever else the rule says, without waiting for `keep`."""
    found = moved(seen(level, done=True), before)
    assert found is not None
    assert (found.after.state, found.after.end_reason, found.after.ended_at) == (State.ENDED, EndReason.CURED, NOW)


@pytest.mark.parametrize(
    ("level", "before", "reason"),
    [(-1, OPEN, EndReason.NOT_APPLICABLE), (0, replace(GONE, gone_since=local(15, 8)), EndReason.CURED)],
)
def test_other_ends_have_their_reasons(level: int, before: Alert, reason: EndReason) -> None:
    """A false condition ends as not applicable; a measure back for `keep` ends as cured."""
    found = moved(seen(level), before)
    assert found is not None
    assert found.after.end_reason is reason


def test_a_removed_rule_ends_its_alert_as_retired() -> None:
    """An alert whose rule is gone ends as retired, and time moves it no more."""
    after = retire(replace(OPEN, next_at=NOW), NOW).after
    assert (after.state, after.end_reason, after.next_at) == (State.ENDED, EndReason.RETIRED, None)


def test_a_person_closes_it() -> None:
    """A closed alert has ended at its level, and leaves the standing list."""
    after = close(replace(OPEN, standing=True), NOW)
    assert (after.state, after.end_reason, after.level) == (State.ENDED, EndReason.CLOSED, Level.WARNING)
    assert not after.standing


def test_an_alert_takes_over_value_and_unit_when_it_moves() -> None:
    """A task that was handed to another unit is that unit's from the next move on, with the value of that moment."""
    found = moved(replace(seen(3), unit="U-2", value=-4.0), OPEN)
    assert found is not None
    assert (found.after.unit, found.after.value) == ("U-2", -4.0)


def test_what_people_were_told_before() -> None:
    """A transition knows the level that was open before: none for a new or pending alert."""
    first, opened, raised = moved(observation(3), None), moved(seen(1), PENDING, TOMORROW), moved(seen(3), OPEN)
    assert [one.was for one in (first, opened, raised) if one] == [0, 0, 2]


def test_an_alert_number_reads_as_people_say_it() -> None:
    """An alert's code has two digits of the year and the running number."""
    assert OPEN.code == "CB-25-00417"
