"""Alerts that nobody answers are counted by unit, up the tree, and a rule about them warns the superior in time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from builders import ZONE, end_of, local
from judging import CALENDAR
from worlds import BEGUN, World, build_world

from warnwatch.alerts.alert import EndReason, State
from warnwatch.alerts.unanswered import read_unanswered
from warnwatch.cycle import Memory
from warnwatch.explain import explain
from warnwatch.notify.notification import Kind
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.rules.evaluation import columns_of
from warnwatch.rules.rulebook import load_rulebook
from warnwatch.shipped import shipped

RULES = """\
rules:
  - id: unit-unanswered
    title: Đơn vị có nhiều cảnh báo chưa được trả lời
    about: unit
    where: open_tasks > 0
    measure: unanswered_alerts
    above: {warning: 1}
    for: 1 working day
    keep: 0
    text: unit
    escalation: superior-of-unit
    guidance: Yêu cầu người đứng đầu đơn vị trực tiếp trả lời.
policies:
  - id: superior-of-unit
    title: Cấp trên trực tiếp của đơn vị
    cap: 20 working days
    levels:
      warning:
        - tell: superior.head
"""
# T-1 and T-2 are late from Saturday 16/8 on; Monday 18/8 at 08:00 their head is called.
LATE = local(18, 8, 8)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def plan(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Give the small plan, judged by the shipped rule on deadlines and one on unanswered alerts."""
    folder = tmp_path / "rules"
    folder.mkdir()
    for name in ("escalations.yml", "deadlines.yml"):
        shutil.copy(shipped("alert_rules") / name, folder)
    (folder / "more.yml").write_text(RULES, encoding="utf-8")
    book = load_rulebook(folder, {about: columns_of(about) for about in CATALOGUE}, list(Kind))
    built = build_world(database_url, tmp_path / "plan", book)
    for code in ("T-1", "T-2"):
        built.put(BEGUN, code)
    built.cycle(BEGUN)
    yield built
    built.engine.dispose()


def numbers(plan: World, now: datetime) -> dict[str, int]:
    """Run a cycle and give the number that it saw for each unit, without those at 0."""
    frame = plan.cycle(now).evaluation.frames["unit"].filter(pl.col("unanswered_alerts") > 0)
    return dict(frame.select("code", "unanswered_alerts").iter_rows())


def remembered(plan: World) -> bool:
    """Say whether what is counted from cycle to cycle is what the database says."""
    assert plan.memory.unanswered is not None
    with plan.reading() as connection:
        return plan.memory.unanswered.counts == read_unanswered(connection, plan.standards.book)


def test_the_number_is_that_of_the_unit_and_of_all_below_as_the_cycle_before_left_it(plan: World) -> None:
    """The cycle that calls does not see its own calls yet; the next one does, at every unit above too."""
    assert numbers(plan, LATE) == {}
    assert remembered(plan)
    assert numbers(plan, LATE + MINUTE) == dict.fromkeys(("DP-19-UB", "DP-19", "CQTT", "BCD"), 2)


def test_the_superior_is_warned_after_a_working_day(plan: World) -> None:
    """Two unanswered alerts for a working day warn the superior's head, whatever step each of them has reached."""
    plan.cycle(LATE)
    plan.cycle(LATE + MINUTE)
    assert plan.alert("DP-19-UB", "unit-unanswered").state is State.PENDING
    told = plan.cycle(local(19, 8, 8, 5)).notifications
    assert "DP-19/head/1" in {one.holder for one, _ in told if one.unit == "DP-19"}
    texts = [one.text for one, _ in told if one.holder == "DP-19/head/1"]
    assert any("2 cảnh báo đã báo mà chưa ai nhận trách nhiệm, vượt ngưỡng 1 cảnh báo" in text for text in texts)


def test_a_promise_answers_until_the_next_call(plan: World) -> None:
    """One promise brings the number down; broken, its alert calls again and counts again. Its own alert never does."""
    plan.cycle(LATE)
    plan.cycle(LATE + MINUTE)
    plan.cycle(local(19, 8, 8, 5))
    assert plan.alert("DP-19-UB", "unit-unanswered").state is State.OPEN
    assert numbers(plan, local(19, 8, 8, 6))["DP-19-UB"] == 2
    plan.promise(local(19, 8, 9), plan.alert("T-1"), end_of(22, 8))
    assert numbers(plan, local(19, 8, 9, 1))["DP-19-UB"] == 1
    assert plan.alert("DP-19-UB", "unit-unanswered").end_reason is EndReason.CURED
    plan.cycle(end_of(22, 8) + MINUTE)
    assert numbers(plan, end_of(22, 8) + 2 * MINUTE)["DP-19-UB"] == 2
    assert remembered(plan)


def _done(plan: World, now: datetime) -> None:
    plan.done(now, "T-1")


def _closed(plan: World, now: datetime) -> None:
    plan.close(now, plan.alert("T-1"))


def _cancelled(plan: World, now: datetime) -> None:
    plan.put(now, "T-1", status="cancelled", decision="1/QĐ", verifier="Văn phòng")


@pytest.mark.parametrize("happens", [_done, _closed, _cancelled])
def test_whatever_ends_an_alert_ends_the_waiting_for_its_answer(
    plan: World, happens: Callable[[World, datetime], None]
) -> None:
    """Done, closed or not applicable any more: the number falls, and memory and database agree."""
    plan.cycle(LATE)
    happens(plan, LATE + MINUTE)
    plan.cycle(LATE + 2 * MINUTE)
    assert remembered(plan)
    assert numbers(plan, LATE + 3 * MINUTE)["DP-19-UB"] == 1


def test_a_quiet_cycle_makes_no_new_frame_of_units_and_reads_nothing(plan: World) -> None:
    """While no number changes the frame is the same object; a service that starts counts the same."""
    plan.cycle(LATE)
    first = plan.cycle(LATE + MINUTE).evaluation.frames["unit"]
    assert plan.cycle(LATE + 2 * MINUTE).evaluation.frames["unit"] is first
    plan.memory = Memory()
    assert numbers(plan, LATE + 3 * MINUTE)["DP-19-UB"] == 2


def test_a_rule_set_that_does_not_ask_counts_nothing(world: World) -> None:
    """The shipped rules leave the number alone: it costs nothing then."""
    world.cycle(LATE)
    assert world.memory.unanswered is not None
    assert world.memory.unanswered.counts == {}


def test_explain_says_the_number_and_what_it_was_then(plan: World) -> None:
    """Asked now: two; asked about the minute before the calls: none."""
    plan.cycle(LATE)
    now = LATE + MINUTE
    for at, as_of, value in ((now, None, 2), (LATE - MINUTE, LATE - MINUTE, 0), (now, now, 2)):
        with plan.reading() as connection:
            said = explain(connection, plan.standards.book, CALENDAR, "DP-19-UB", at=at, as_of=as_of)
        assert [one.value for one in said.verdicts] == [value], at.astimezone(ZONE)
