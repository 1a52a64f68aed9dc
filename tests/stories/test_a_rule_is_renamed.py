"""A rule is renamed: with `replaces` its alerts go on under the new name, as if nothing had happened to anybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from builders import end_of, local
from judging import CALENDAR
from sqlalchemy import select
from worlds import BEGUN, World

from warnwatch import schema
from warnwatch.alerts import ledger, silencing
from warnwatch.alerts.alert import Alert, EndReason, State
from warnwatch.alerts.muting import Silence
from warnwatch.cycle import Memory
from warnwatch.explain import explain
from warnwatch.plan.calendar import parse_duration
from warnwatch.rules.rule import Level

LATE = local(18, 8, 8)
MINUTE = timedelta(minutes=1)
OLD, NEW = "task-deadline", "task-due"


def rename(world: World, **changes: Any) -> None:
    """Put the rule under another name in its place, as the service does with a changed folder."""
    rule = world.standards.book.rules[0]
    after = replace(rule, id=NEW, **{"replaces": (OLD,), **changes})
    world.by(book=replace(world.standards.book, rules=(after,), version="renamed"))
    world.memory = Memory(live=world.memory.live)


def plain(alert: Alert) -> Alert:
    """Give an alert without what is the new one's own."""
    own: dict[str, Any] = {"id": 0, "code": "", "rule": "", "episode": 0, "next_at": None, "revision": 0}
    return replace(alert, **own | {"code": "-"})


def test_the_alert_ends_as_superseded_and_goes_on_under_the_new_name(world: World) -> None:
    """Nobody is told anything; level, waits and steps are the old ones, and both histories name the other."""
    world.cycle(LATE)
    before = world.alert()
    rename(world)
    assert world.told(world.cycle(LATE + MINUTE)) == []
    old, new = world.alert(), world.alert(rule=NEW)
    assert (old.state, old.end_reason) == (State.ENDED, EndReason.SUPERSEDED)
    assert plain(new) == plain(before)
    assert world.history(new) == ["alert.took_over"]
    with world.reading() as connection:
        assert ledger.read_history(connection, new.id)[0].facts["alert"] == old.code
    assert world.told(world.cycle(LATE + 2 * MINUTE)) == []


def test_the_climb_goes_on_where_it_was(world: World) -> None:
    """The second step comes when it would have come, the third to the superior; the first is never made again."""
    world.cycle(LATE)
    rename(world)
    world.cycle(LATE + MINUTE)
    assert world.told(world.cycle(local(18, 8, 15, 59))) == []
    assert world.told(world.cycle(local(18, 8, 16))) == ["DP-19-UB/head/1 overdue"]
    assert world.told(world.cycle(local(19, 8, 16))) == ["DP-19/head/1 escalation"]
    with world.engine.connect() as connection:
        steps = select(schema.call.c.step).where(schema.call.c.alert == world.alert(rule=NEW).id)
        assert sorted(connection.scalars(steps)) == [1, 2, 3]


def test_a_promise_holds_under_the_new_name(world: World) -> None:
    """Given to the old alert: nobody is called before its day; broken, the new one climbs one step."""
    world.cycle(LATE)
    world.promise(LATE + timedelta(hours=1), world.alert(), end_of(22, 8))
    rename(world)
    world.cycle(local(18, 8, 10))
    assert world.alert(rule=NEW).promised_for == end_of(22, 8)
    for day in (19, 20, 21, 22):
        assert world.told(world.cycle(local(day, 8, 9))) == []
    assert world.told(world.cycle(end_of(22, 8) + MINUTE)) == ["DP-19-UB/head/1 overdue"]


def test_whoever_was_told_gets_the_all_clear(world: World) -> None:
    """The head was told of the old alert; the new one is cured, and the head reads it."""
    world.cycle(LATE)
    rename(world)
    world.cycle(LATE + MINUTE)
    world.done(local(18, 8, 9), "T-1")
    assert world.told(world.cycle(local(18, 8, 10))) == ["DP-19-UB/head/1 all_clear"]
    assert world.alert(rule=NEW).end_reason is EndReason.CURED


def test_a_new_ladder_moves_what_was_taken_over_in_the_next_cycle(world: World) -> None:
    """Renamed and changed at once: first taken over, then judged by the new rule, without an all-clear in between."""
    world.cycle(local(13, 8, 8))
    rungs = {level: rung for level, rung in world.standards.book.rules[0].rungs.items() if level != 2}
    rename(world, rungs=rungs)
    world.cycle(local(13, 8, 9))
    assert world.alert(rule=NEW).level is Level.WARNING
    assert world.told(world.cycle(local(13, 8, 10))) == []
    assert (world.alert(rule=NEW).level, world.alert(rule=NEW).state) == (Level.NOTICE, State.OPEN)


@pytest.mark.parametrize("what", ["task", "where"])
def test_what_is_over_meanwhile_ends_under_the_new_name(world: World, what: str) -> None:
    """Done, or out of the new rule's `where`: superseded first, and then ended for its own reason."""
    world.cycle(LATE)
    if what == "task":
        world.done(LATE + MINUTE, "T-1")
    else:
        world.put(LATE + MINUTE, "T-1", status="suspended", decision="1/QĐ", verifier="Văn phòng")
    rename(world)
    world.cycle(LATE + 2 * MINUTE)
    assert world.alert().end_reason is EndReason.SUPERSEDED
    world.cycle(LATE + 3 * MINUTE)
    reason = {"task": EndReason.CURED, "where": EndReason.NOT_APPLICABLE}[what]
    assert world.alert(rule=NEW).end_reason is reason


def test_a_pending_alert_waits_on(world: World) -> None:
    """What had waited half of its time opens when the whole has passed, and calls then."""
    rule = replace(world.standards.book.rules[0], hold_for=parse_duration("4h"))
    world.by(book=replace(world.standards.book, rules=(rule,)))
    world.cycle(LATE)
    rename(world)
    assert world.told(world.cycle(LATE + timedelta(hours=2))) == []
    assert world.alert(rule=NEW).state is State.PENDING
    assert world.told(world.cycle(LATE + timedelta(hours=3, minutes=59))) == []
    assert world.told(world.cycle(LATE + timedelta(hours=4))) == ["DP-19-UB/head/1 overdue"]


def test_an_alert_that_is_going_away_ends_in_its_time(world: World) -> None:
    """The measure is back and `keep` runs: it runs on."""
    rule = replace(world.standards.book.rules[0], keep=parse_duration("4h"))
    world.by(book=replace(world.standards.book, rules=(rule,)))
    world.cycle(LATE)
    world.move(LATE, "T-1", "2025-12-31", "2/QĐ")
    world.cycle(LATE + MINUTE)
    assert world.alert().gone_since == LATE + MINUTE
    rename(world)
    world.cycle(LATE + timedelta(hours=2))
    assert world.alert(rule=NEW).state is State.OPEN
    world.cycle(LATE + timedelta(hours=4, minutes=1))
    assert world.alert(rule=NEW).end_reason is EndReason.CURED


def test_what_a_person_closed_stays_closed(world: World) -> None:
    """The new rule opens nothing at that level; above it, it does."""
    world.cycle(local(13, 8, 8))
    world.close(local(13, 8, 9), world.alert())
    rename(world)
    assert world.told(world.cycle(local(13, 8, 10))) == []
    assert world.told(world.cycle(local(14, 8, 10))) == []
    assert (world.alert(rule=NEW).state, world.alert(rule=NEW).end_reason) == (State.ENDED, EndReason.CLOSED)
    world.memory = Memory()
    assert world.told(world.cycle(local(15, 8, 8))) == []
    assert world.told(world.cycle(LATE)) == ["DP-19-UB/head/1 overdue"]


def test_a_silence_goes_on_holding_back(world: World) -> None:
    """Muted since before the renaming: held back until the end of the silence, and told once then."""
    with world.engine.begin() as connection:
        silencing.add_silence(connection, Silence(0, BEGUN, local(25, 8, 8), "CQTT", "Bão lũ", BEGUN, unit="DP-19"))
    world.cycle(LATE)
    rename(world)
    for at in (LATE + MINUTE, LATE + 2 * MINUTE, local(20, 8, 8)):
        assert world.told(world.cycle(at)) == []
        assert world.alert(rule=NEW).muted_since == LATE
    assert world.told(world.cycle(local(25, 8, 8))) == ["DP-19-UB/head/1 overdue"]


def test_a_new_subject_of_the_renamed_rule_begins_as_ever(world: World) -> None:
    """Only what the old rule had is taken over; another task's alert opens in the new rule's first digest."""
    world.cycle(LATE)
    world.put(LATE, "T-2")
    rename(world)
    assert world.told(world.cycle(LATE + MINUTE)) == ["DP-19-UB/head/1 initial"]
    assert world.alert("T-2", NEW).state is State.OPEN


def test_without_the_key_the_alert_is_retired(world: World) -> None:
    """A renamed rule that does not name the old one is another rule: an initial digest, from the first step on."""
    world.cycle(LATE)
    rename(world, replaces=("something-else",))
    assert world.told(world.cycle(LATE + MINUTE)) == ["DP-19-UB/head/1 initial"]
    assert world.alert().end_reason is EndReason.RETIRED


def test_the_key_that_stays_in_the_file_does_nothing_more(world: World) -> None:
    """Restarted a day later, and a year: one new alert, no second heir."""
    world.cycle(LATE)
    rename(world)
    world.cycle(LATE + MINUTE)
    for day in (20, 21):
        world.memory = Memory()
        world.cycle(local(day, 8, 9))
    assert len(world.alerts()) == 2


def test_the_history_is_told_across_the_renaming(world: World) -> None:
    """Asked about a day before and a day after: the same steps, made when they were made, with their mails."""
    world.cycle(LATE)
    rename(world)
    world.cycle(local(18, 8, 9))
    world.cycle(local(19, 8, 8))

    def called(at: datetime, as_of: datetime | None) -> list[datetime | None]:
        with world.reading() as connection:
            said = explain(connection, world.standards.book, CALENDAR, "T-1", at=at, as_of=as_of)
        trail = said.verdicts[0].trail
        assert trail is not None
        assert all(step.messages for step in trail.steps if step.state == "called")
        return [step.at for step in trail.steps if step.state == "called"]

    assert called(local(19, 8, 10), None) == [LATE, local(19, 8, 8)]
    assert called(local(18, 8, 10), local(18, 8, 10)) == [LATE]
