"""A task that is passed round is noticed: handed on, blocked, reminded in vain, promised in vain; each at its head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import ZONE, local
from judging import CALENDAR, shipped_book
from worlds import BEGUN, World, build_world

from warnwatch.plan.snapshot import read_snapshot

EVASION = ("task-handed-over", "obstacle-unnamed", "obstacle-unanswered", "task-unanswered", "task-promise-broken")


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """T-1 of the province, from 4/8/2025, due at the end of October, judged on evasion and the deadline."""
    book = shipped_book()
    rules = tuple(rule for rule in book.rules if rule.id in (*EVASION, "task-deadline"))
    world = build_world(database_url, tmp_path / "plan", replace(book, rules=rules))
    world.put(BEGUN, "T-1", due="2025-10-31")
    yield world
    world.engine.dispose()


def report(world: World, at: datetime, **said: Any) -> None:
    """Record a report of the lead unit; without an obstacle unless one is given."""
    plain = {"task": "T-1", "reported_at": at, "reporter": "DP-19-UB", "progress": 0.3}
    world.bring(at, reports=[plain | said])


def obstacle(world: World, at: datetime, authority: str = "BYT", reason: str = "Vượt thẩm quyền của tỉnh.") -> None:
    """Record a report that names an obstacle."""
    report(world, at, obstacle="Chưa có định mức", obstacle_reason=reason, obstacle_authority=authority)


def facts(world: World, code: str = "T-1") -> dict[str, Any]:
    """Give the row of a task as a cycle sees it."""
    with world.reading() as connection:
        frame = read_snapshot(connection, CALENDAR, day=BEGUN.astimezone(ZONE).date()).tasks
    return next(row for row in frame.iter_rows(named=True) if row["code"] == code)


def rules_open(world: World) -> set[str]:
    """Name the rules on evasion that have an open alert."""
    return {one.rule for one in world.alerts() if one.state.value == "open" and one.rule in EVASION}


def test_an_unanswered_obstacle_is_the_authority_s_alert(world: World) -> None:
    """Three working days after it was declared the ministry's head is told what the province asks."""
    obstacle(world, local(5, 8, 9))
    quiet, loud = world.cycle(local(7, 8, 9)), world.cycle(local(8, 8, 9))
    assert quiet.notifications == ()
    alert = world.alert(rule="obstacle-unanswered")
    assert (alert.unit, {one.unit for one, _ in loud.notifications}) == ("BYT", {"BYT"})
    text = loud.notifications[0][0].text
    assert "Ủy ban nhân dân tỉnh Thái Nguyên báo cáo khó khăn, vướng mắc" in text
    assert "Chưa có định mức" in text
    assert "Vượt thẩm quyền của tỉnh." in text


def test_a_decision_of_the_authority_answers(world: World) -> None:
    """The alert ends as cured, and the ministry that was told is told so."""
    obstacle(world, local(5, 8, 9))
    world.cycle(local(8, 8, 9))
    decided = {"number": "5/QĐ-BYT", "task": "T-1", "kind": "other", "authority": "BYT", "decided_on": "2025-08-11"}
    world.bring(local(11, 8, 9), decisions=[decided])
    world.cycle(local(11, 8, 10))
    assert world.alert(rule="obstacle-unanswered").end_reason == "cured"


def test_another_body_s_decision_does_not_answer(world: World) -> None:
    """Only whoever was named can."""
    obstacle(world, local(5, 8, 9))
    decided = {"number": "5/QĐ", "task": "T-1", "kind": "other", "authority": "CQTT", "decided_on": "2025-08-06"}
    world.bring(local(6, 8, 9), decisions=[decided])
    world.cycle(local(8, 8, 9))
    assert rules_open(world) == {"obstacle-unanswered"}


def test_a_report_without_an_obstacle_says_that_it_is_lifted(world: World) -> None:
    """Whoever reports it, the unit itself or the authority."""
    obstacle(world, local(5, 8, 9))
    world.cycle(local(8, 8, 9))
    report(world, local(11, 8, 9))
    world.cycle(local(11, 8, 10))
    assert rules_open(world) == set()


def test_an_obstacle_that_comes_again_is_counted_from_its_return(world: World) -> None:
    """The days in between were free."""
    obstacle(world, local(5, 8, 9))
    report(world, local(6, 8, 9))
    obstacle(world, local(11, 8, 9))
    world.cycle(local(12, 8, 9))
    assert rules_open(world) == set()


def test_the_authority_may_be_named_in_words(world: World) -> None:
    """By its name or its short name, in any case of letters; an unknown body counts as not named."""
    obstacle(world, local(5, 8, 9), authority="bộ Y tế ")
    assert facts(world)["obstacle_unit"] == "BYT"
    obstacle(world, local(6, 8, 9), authority="Bộ Nào Đó")
    assert facts(world)["obstacle_unit"] is None


@pytest.mark.parametrize(
    ("authority", "reason"), [("", "Vượt thẩm quyền."), ("Bộ Nào Đó", "Vượt thẩm quyền."), ("BYT", "")]
)
def test_an_obstacle_without_authority_or_reason_stays_with_the_unit(world: World, authority: str, reason: str) -> None:
    """Lower levels may not push up what is in their own power: the unit must say who could lift it, and why."""
    obstacle(world, local(5, 8, 9), authority, reason)
    world.cycle(local(6, 8, 9))
    world.cycle(local(7, 8, 9))
    assert rules_open(world) == {"obstacle-unnamed"}
    assert world.alert(rule="obstacle-unnamed").unit == "DP-19-UB"


def test_when_another_authority_is_named_its_head_is_told(world: World) -> None:
    """The alert keeps its number and moves; the first authority is asked no more."""
    obstacle(world, local(5, 8, 9))
    world.cycle(local(8, 8, 9))
    before = world.alert(rule="obstacle-unanswered")
    obstacle(world, local(11, 8, 9), "CQTT")
    told = world.cycle(local(11, 8, 10))
    after = world.alert(rule="obstacle-unanswered")
    assert (after.code, after.unit) == (before.code, "CQTT")
    assert [one.unit for one, _ in told.notifications] == ["CQTT"]
    assert "alert.handed" in world.history(after)


def test_a_confidential_task_s_obstacle_is_not_written_out(world: World) -> None:
    """The authority gets the code alone."""
    world.put(local(4, 8, 9), "T-1", confidential="có")
    obstacle(world, local(5, 8, 9))
    text = world.cycle(local(8, 8, 9)).notifications[0][0].text
    assert "Chưa có định mức" not in text
    assert "T-1" in text


def test_a_task_handed_from_desk_to_desk(world: World) -> None:
    """The second change is noticed; going back counts as a change too, a new title does not."""
    world.put(local(5, 8, 9), "T-1", title="Tên mới")
    assert facts(world)["handovers"] == 0
    for day, lead in ((6, "BYT"), (7, "DP-19-UB")):
        world.put(local(day, 8, 9), "T-1", lead_unit=lead)
    assert facts(world)["handovers"] == 2
    world.cycle(local(8, 8, 9))
    assert rules_open(world) == {"task-handed-over"}


def test_reminders_in_vain_go_to_the_superior_and_an_answer_ends_them(world: World) -> None:
    """Steps after the first count; a report, and an acknowledgement too, begin the count anew."""
    world.put(BEGUN, "T-2")
    for number in range(40):
        world.cycle(local(5, 8, 9) + timedelta(days=number))
    assert facts(world, "T-2")["unanswered_reminders"] >= 2
    alert = world.alert("T-2", "task-unanswered")
    assert alert.level.word == "critical"  # the weekly reminders are in vain, too
    now = local(15, 9, 9)
    world.bring(now, reports=[{"task": "T-2", "reported_at": now, "reporter": "DP-19-UB", "progress": 0.5}])
    world.cycle(now + timedelta(hours=1))
    assert facts(world, "T-2")["unanswered_reminders"] == 0
    assert world.alert("T-2", "task-unanswered").end_reason == "cured"


def test_an_acknowledgement_answers_the_reminders_before_it(world: World) -> None:
    """What was called before it counts no more."""
    world.put(BEGUN, "T-2")
    for number in range(20):
        world.cycle(local(5, 8, 9) + timedelta(days=number))
    assert facts(world, "T-2")["unanswered_reminders"] > 0
    world.promise(local(25, 8, 10), world.alert("T-2"), local(27, 8, 17))
    assert facts(world, "T-2")["unanswered_reminders"] == 0


def test_a_broken_promise_is_counted_and_told(world: World) -> None:
    """The cycle after the one that strikes it opens the alert."""
    world.put(BEGUN, "T-2")
    world.cycle(local(18, 8, 9))
    assert world.promise(local(18, 8, 10), world.alert("T-2"), local(20, 8, 17))
    world.cycle(local(21, 8, 9))
    world.cycle(local(21, 8, 10))
    assert facts(world, "T-2")["broken_promises"] == 1
    assert world.alert("T-2", "task-promise-broken").state == "open"


def test_what_was_known_then_is_what_is_counted(world: World) -> None:
    """Asked of a past day, later calls, promises and versions are not there yet."""
    world.put(BEGUN, "T-2")
    for number in range(25):
        world.cycle(local(5, 8, 9) + timedelta(days=number))
    world.put(local(30, 8, 9), "T-2", lead_unit="BYT")
    with world.reading() as connection:
        then = read_snapshot(connection, CALENDAR, local(6, 8, 9), day=BEGUN.astimezone(ZONE).date()).tasks
    row = next(row for row in then.iter_rows(named=True) if row["code"] == "T-2")
    assert (row["handovers"], row["unanswered_reminders"]) == (0, 0)
    assert facts(world, "T-2")["handovers"] == 1


def test_a_refresh_gives_what_a_whole_read_gives(world: World) -> None:
    """Calls, answers and reports move the same columns, whether the plan is read anew or brought up to date."""
    world.put(BEGUN, "T-2")
    for number in range(25):
        world.cycle(local(5, 8, 9) + timedelta(days=number))
    obstacle(world, local(30, 8, 9))
    world.cycle(local(30, 8, 10))
    world.cycle(local(30, 8, 11))
    kept = world.memory.snapshot
    assert kept is not None
    with world.reading() as connection:
        whole = read_snapshot(connection, CALENDAR, day=local(30, 8).astimezone(ZONE).date()).tasks
    names = ["code", "handovers", "unanswered_reminders", "broken_promises", "obstacle_index", "obstacle_unit"]
    assert kept.tasks.select(names).sort("code").rows() == whole.select(names).sort("code").rows()
