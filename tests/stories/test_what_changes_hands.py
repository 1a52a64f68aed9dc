"""Alerts that go live, change hands or are written by another process at an awkward moment: nobody is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import end_of, local
from worlds import BEGUN, World, build_world

from warnwatch.cycle import CycleReport, Memory
from warnwatch.notify.release import Mode, Release


@pytest.fixture
def plan(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Give the small plan, live."""
    built = build_world(database_url, tmp_path / "plan")
    yield built
    built.engine.dispose()


def told(report: CycleReport) -> list[tuple[str, str]]:
    """Say who is told in a cycle, and whether the text leaves."""
    return sorted((one.holder, state) for one, state in report.notifications)


def test_an_alert_that_was_fading_when_its_unit_went_live_is_told_when_it_is_back(plan: World) -> None:
    """Held while the head was only shown it, faded, live, back: the head is told from the first step on."""
    plan.by(release=Release(Mode.HOLD))
    plan.put(BEGUN, "T-1")
    plan.report(local(15, 8, 8), "T-1", 0.9)
    plan.cycle(local(18, 8, 9))
    plan.cycle(local(19, 8, 10))
    plan.move(local(20, 8, 8), "T-1", "2025-12-30", "QD-1")
    plan.cycle(local(20, 8, 9))
    plan.by(release=Release(Mode.LIVE))
    assert not any(holder == "DP-19-UB/head/1" for holder, _ in told(plan.cycle(local(20, 8, 10))))
    plan.move(local(20, 8, 11), "T-1", "2025-08-15", "QD-2")
    assert ("DP-19-UB/head/1", "ready") in told(plan.cycle(local(20, 8, 12)))


def test_a_superior_outside_the_pilot_is_told_when_the_pilot_ends(plan: World) -> None:
    """What was held for the superior alone begins anew for the alert that it was about."""
    plan.by(release=Release(Mode.LIVE, frozenset({"DP-19-UB", "CQTT"})))
    plan.put(BEGUN, "T-1")
    plan.report(local(15, 8, 8), "T-1", 0.9)
    for day, hour in ((18, 9), (19, 10)):
        plan.cycle(local(day, 8, hour))
    assert ("DP-19/head/1", "held") in told(plan.cycle(local(22, 8, 11)))
    plan.by(release=Release(Mode.LIVE))
    after = [told(plan.cycle(local(day, 8, 12))) for day in (25, 26, 29)]
    assert [("DP-19/head/1", "ready") in one for one in after] == [False, False, True]


def test_a_task_that_changes_hands_is_told_to_the_new_head_from_the_first_step(plan: World) -> None:
    """Whatever the old unit was told: the new one begins anew, owes no promise, and has the alert in its list."""
    plan.put(BEGUN, "T-1", due="2025-08-22")
    plan.report(local(12, 8, 8), "T-1", 0.9)
    plan.cycle(local(14, 8, 9))
    plan.put(local(14, 8, 10), "T-1", lead_unit="BYT")
    assert told(plan.cycle(local(14, 8, 11))) == [("BYT/head/1", "ready")]
    assert (plan.alert().unit, plan.cycle(local(14, 8, 12)).outcome.calls) == ("BYT", ())


def test_a_task_that_changes_hands_while_the_service_was_down_is_told_too(plan: World) -> None:
    """The first cycle of a new process finds it as well."""
    plan.put(BEGUN, "T-1", due="2025-08-22")
    plan.report(local(12, 8, 8), "T-1", 0.9)
    plan.cycle(local(14, 8, 9))
    plan.put(local(14, 8, 10), "T-1", lead_unit="BYT")
    plan.memory = Memory()
    assert told(plan.cycle(local(14, 8, 11))) == [("BYT/head/1", "ready")]


def test_another_process_ended_the_alert_and_the_next_breach_opens_a_new_one(plan: World) -> None:
    """What `warnwatch evaluate` writes beside the service does not leave the service with a wrong mark."""
    plan.put(BEGUN, "T-1", due="2025-12-31")
    plan.cycle(BEGUN)
    assert plan.cycle(local(12, 8, 9)).outcome.calls
    plan.report(local(12, 8, 10), "T-1", 0.9)
    serving, plan.memory = plan.memory, Memory()
    plan.cycle(local(12, 8, 11))
    plan.memory = serving
    plan.cycle(local(12, 8, 12))
    reports = [plan.cycle(local(day, 8, 9)) for day in (18, 19, 20, 21)]
    assert sum(len(report.outcome.calls) for report in reports) == 1


def test_a_promise_at_the_last_step_is_struck_and_stands_in_the_history(plan: World) -> None:
    """Nobody is left to call; the inspection still reads that it was broken."""
    plan.put(BEGUN, "T-1", due="2025-08-22")
    plan.report(local(12, 8, 8), "T-1", 0.9)
    plan.cycle(local(14, 8, 9))
    assert plan.promise(local(14, 8, 10), plan.alert(), end_of(15, 8))
    plan.cycle(local(18, 8, 9))
    assert (plan.alert().promised_for, "promise.broken" in plan.history(plan.alert())) == (None, True)


def test_the_rules_that_ran_are_kept_with_their_files(plan: World) -> None:
    """Each journal row of a move names the rule set, and its files can be read in the database."""
    plan.by(rule_files={"deadlines.yml": "rules: []"})
    plan.put(BEGUN, "T-1")
    plan.cycle(local(18, 8, 9))
    with plan.reading() as connection:
        found = connection.exec_driver_sql("select version, files from rules_version").all()
    assert [(version, "deadlines.yml" in str(files)) for version, files in found] == [
        (plan.standards.book.version, True)
    ]
