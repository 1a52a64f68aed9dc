"""A silence, or a graver alert that explains another, holds calls back; one digest follows when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from builders import local
from judging import expression
from worlds import BEGUN, World, build_world

from warnwatch import schema
from warnwatch.alerts import silencing
from warnwatch.alerts.ledger import ConflictError
from warnwatch.alerts.muting import Silence
from warnwatch.cycle import Memory, Standards, run_cycle
from warnwatch.rules.rule import Level, Rung


def pause(world: World, now: datetime, until: datetime, **matchers: Any) -> Silence:
    """Order a silence, as the command does."""
    wanted = Silence(0, now, until, "BCD-CQTT", "Bão lũ", now, **matchers)
    with world.engine.begin() as connection:
        return silencing.add_silence(connection, wanted)[0]


def end(world: World, silence: Silence, now: datetime) -> None:
    """End a silence early, as the command does."""
    with world.engine.begin() as connection:
        silencing.end_silence(connection, silence, "BCD-CQTT", "Đã xong", now)


def test_what_a_silence_held_back_is_one_digest_at_its_end(world: World) -> None:
    """Three tasks pass their deadline in a silence of the unit above: nobody is told, then the head once for all."""
    world.put(BEGUN, "T-2")
    world.put(BEGUN, "T-3")
    pause(world, BEGUN, local(1, 9, 8), unit="DP-19")
    for day in (7, 13, 16, 19, 22, 27, 31):
        assert world.told(world.cycle(local(day, 8, 9))) == []
    assert (world.alert().level, world.alert().muted_since) == (Level.CRITICAL, local(13, 8, 9))
    # The silence ends in the very instant of this cycle.
    assert world.told(world.cycle(local(1, 9, 8))) == ["DP-19-UB/head/1 digest"]
    assert world.alert().muted_since is None
    assert world.history(world.alert()).count("alert.muted") == 1
    assert "alert.unmuted" in world.history(world.alert())
    # The next step's wait begins anew: nothing that was missed is replayed.
    assert world.told(world.cycle(local(1, 9, 9))) == []
    assert world.told(world.cycle(local(4, 9, 9))) == ["DP-19-UB/head/1 digest"]


def test_a_step_that_fell_due_is_called_once_when_the_silence_ends(world: World) -> None:
    """Told before, silent while two further steps fell due: one of them is called, the other waits its own time."""
    world.cycle(local(16, 8, 8))
    silence = pause(world, local(17, 8), local(10, 9), subject="T-1")
    for day in (19, 22, 29):
        assert world.told(world.cycle(local(day, 8, 9))) == []
    end(world, silence, local(29, 8, 10))
    assert world.told(world.cycle(local(29, 8, 10, 1))) == ["DP-19-UB/head/1 overdue"]
    assert world.told(world.cycle(local(29, 8, 12))) == []


def test_what_ends_in_a_silence_is_told_to_nobody(world: World) -> None:
    """An alert that opened and was cured in a silence sends nothing; one told before sends its all-clear."""
    world.put(BEGUN, "T-2")
    pause(world, BEGUN, local(1, 9), subject="T-1")
    assert world.told(world.cycle(local(16, 8, 8))) == ["DP-19-UB/head/1 overdue"]
    world.done(local(17, 8), "T-1")
    world.done(local(17, 8), "T-2")
    report = world.cycle(local(18, 8, 8))
    assert world.told(report) == ["DP-19-UB/head/1 all_clear"]
    assert [world.alert(code).id in report.notifications[0][0].alerts for code in ("T-1", "T-2")] == [False, True]
    assert world.told(world.cycle(local(1, 9, 17))) == []


def test_a_level_above_the_silence_is_told(world: World) -> None:
    """A silence up to warning holds back neither the critical level nor anything of another unit or rule."""
    pause(world, BEGUN, local(1, 9), up_to=Level.WARNING, rule="task-deadline", about="task")
    assert world.told(world.cycle(local(13, 8, 9))) == []
    assert world.told(world.cycle(local(16, 8, 8))) == ["DP-19-UB/head/1 overdue"]
    world.put(BEGUN, "T-2", lead_unit="BYT")
    pause(world, local(16, 8, 9), local(1, 9), unit="DP-19")
    assert world.told(world.cycle(local(16, 8, 10))) == ["BYT/head/1 overdue"]


def test_a_promise_outlasts_a_silence(world: World) -> None:
    """Acknowledged before, broken in the silence: the next step comes once, when the silence ends."""
    world.cycle(local(16, 8, 8))
    world.promise(local(16, 8, 9), world.alert(), local(20, 8))
    pause(world, local(16, 8, 10), local(26, 8, 8))
    for day in (19, 20, 21, 25):
        assert world.told(world.cycle(local(day, 8, 17))) == []
    assert world.told(world.cycle(local(26, 8, 8))) == ["DP-19-UB/head/1 overdue"]
    assert world.told(world.cycle(local(26, 8, 9))) == []


def test_a_silence_lasts_over_a_restart(world: World) -> None:
    """What is held back stands in the database: another process holds it back, and tells it at the end."""
    pause(world, BEGUN, local(20, 8, 8))
    world.cycle(local(16, 8, 8))
    world.memory = Memory()
    assert world.told(world.cycle(local(17, 8, 8))) == []
    world.memory = Memory()
    assert world.told(world.cycle(local(20, 8, 8))) == ["DP-19-UB/head/1 overdue"]


def test_the_same_silence_twice_is_one(world: World) -> None:
    """Ordered again a minute later with the same words it is the one that is there."""
    first = pause(world, BEGUN, local(20, 8), unit="DP-19")
    assert pause(world, local(4, 8, 8, 1), local(20, 8), unit="DP-19").id == first.id
    assert world.count(schema.silence) == 1


def test_a_silence_during_a_cycle_makes_it_read_again(world: World) -> None:
    """A silence committed between a cycle's reading and its writing: nothing is written, and the next try is silent."""

    def stopwatch() -> float:
        if not world.count(schema.silence):
            pause(world, local(16, 8, 8), local(20, 8))
        return 0.0

    standards: Standards = replace(world.standards, stopwatch=stopwatch)
    with pytest.raises(ConflictError):
        # Ordered by the stopwatch, which is asked after the reading has begun.
        run_cycle(world.engine, world.memory, standards, local(16, 8, 8))
    assert world.count(schema.call) == 0
    assert world.told(world.cycle(local(16, 8, 8))) == []


def test_a_silence_follows_a_merged_unit(world: World) -> None:
    """Ordered for a unit that is dissolved later, it holds for the unit that took over."""
    world.put(BEGUN, "T-2", lead_unit="BYT")
    pause(world, BEGUN, local(1, 9), unit="DP-19-UB")
    change = {"unit": "DP-19-UB", "kind": "merge", "effective_on": "2025-08-10", "successor": "BYT", "decision": "1/NQ"}
    world.bring(local(5, 8), unit_changes=[change])
    assert world.told(world.cycle(local(16, 8, 8))) == []
    assert world.alert("T-2").unit == "BYT"


def test_a_silence_matches_the_labels_of_a_rule(world: World) -> None:
    """Ordered for a label, it holds for the rules that have it, and for no other."""
    book = world.standards.book
    deadline = replace(book.rules[0], labels={"topic": "roads"})
    world.by(book=replace(book, rules=(deadline,)))
    pause(world, BEGUN, local(18, 8), labels={"topic": "health"})
    silence = pause(world, BEGUN, local(18, 8), labels={"topic": "roads"})
    assert world.told(world.cycle(local(16, 8, 8))) == []
    end(world, silence, local(17, 8))
    assert world.told(world.cycle(local(17, 8))) == ["DP-19-UB/head/1 overdue"]


# --- inhibition -----------------------------------------------------------------------------------------------------


@pytest.fixture
def explained(database_url: str, tmp_path: Any) -> Iterator[World]:
    """Give a world in which an overdue unit, once critical, explains its overdue tasks."""
    world = build_world(database_url, tmp_path / "in")
    plain = world.standards.book.rule("task-deadline")
    share = expression(0.5)
    unit = replace(
        plain,
        id="unit-overdue",
        about="unit",
        where=expression("true", "boolean"),
        where_text="true",
        measure="overdue_tasks",
        direction="above",
        rungs={Level.CRITICAL: Rung("0.5", share)},
        keep=plain.hold_for,
        text={Level.CRITICAL: "general"},
        title={Level.CRITICAL: "Đơn vị có nhiệm vụ quá hạn"},
    )
    task = replace(plain, inhibited_by=("unit-overdue",))
    world.by(book=replace(world.standards.book, rules=(unit, task)))
    world.put(BEGUN, "T-1")
    world.put(BEGUN, "T-2")
    world.cycle(BEGUN)
    yield world
    world.engine.dispose()


def test_a_unit_alert_explains_its_tasks(explained: World) -> None:
    """The heads hear of the unit, not of each task; the tasks' alerts are open, judged, and say what explains them.

    The open alerts of the units above explain nothing: their heads are not who answers for the task.
    """
    report = explained.cycle(local(16, 8, 8))
    assert {call.alert for call in report.outcome.calls} == {
        alert.id for alert in explained.alerts() if alert.rule == "unit-overdue"
    }
    task = explained.alert()
    assert (task.state, task.level, task.muted_since) == ("open", Level.CRITICAL, local(16, 8, 8))
    with explained.reading() as connection:
        book, directory = explained.standards.book, report.directory
        mutings = silencing.read_mutings_at(connection, [task], book, directory, local(16, 8, 9)).of(task)
    assert [muting.alert.subject for muting in mutings if muting.alert] == ["DP-19-UB"]


def test_what_is_no_longer_explained_is_told_at_once_and_together(explained: World) -> None:
    """When the unit alerts are closed, the tasks that still stand come in one digest to their head."""
    explained.cycle(local(16, 8, 8))
    for alert in explained.alerts():
        if alert.rule == "unit-overdue":
            explained.close(local(17, 8, 8), alert)
    assert explained.told(explained.cycle(local(18, 8, 8))) == ["DP-19-UB/head/1 digest"]
    assert explained.told(explained.cycle(local(18, 8, 9))) == []


def test_a_rule_that_explains_no_more_releases_its_alerts(explained: World) -> None:
    """The key taken out of the rule: what stood explained is told, in one digest, after the restart."""
    explained.cycle(local(16, 8, 8))
    unit, task = explained.standards.book.rules
    explained.by(book=replace(explained.standards.book, rules=(unit, replace(task, inhibited_by=())), version="2"))
    explained.memory = Memory()
    calls = explained.cycle(local(16, 8, 9)).outcome.calls
    assert {call.alert for call in calls} == {explained.alert("T-1").id, explained.alert("T-2").id}
