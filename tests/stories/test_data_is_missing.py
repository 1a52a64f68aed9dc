"""What nobody knows for long: one alert per missing datum to its keeper, and none for what no rule asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import local
from judging import rule, shipped_book
from worlds import BEGUN, World

from warnwatch.alerts.alert import Alert, EndReason, State
from warnwatch.rules.rule import LEVELS

# Wants a start: without one it cannot say how much of the time is used.
USED = rule("used", where="status = 'open'", measure="time_share", above={"notice": 0.9}, escalation="head-of-unit")


@pytest.fixture
def lacking(world: World) -> World:
    """Two rules want the start of T-2 and T-3, which have none; the plan has been judged since Monday 4/8, 8:00."""
    book = shipped_book()
    also = replace(USED, id="also")
    world.by(book=replace(book, rules=(book.rule("task-deadline"), USED, also, book.rule("data-missing"))))
    for code in ("T-2", "T-3"):
        world.put(BEGUN, code, start=None, due="2026-12-31")
    world.cycle(local(4, 8, 9))
    return world


def datum(world: World) -> Alert:
    """Give the alert about the starts that the People's Committee owes."""
    return world.alert("tasks.start/DP-19-UB", "data-missing")


def test_two_tasks_and_two_rules_are_one_alert_after_three_working_days(lacking: World) -> None:
    """Nothing is said for three working days; then one letter names the tasks and the rules; nothing after it."""
    lacking.cycle(local(7, 8, 8))
    assert datum(lacking).state is State.PENDING
    report = lacking.cycle(local(7, 8, 9, 1))
    assert lacking.told(report) == ["DP-19-UB/focal_point/1 data", "DP-19-UB/head/1 data"]
    [mail] = [one for one, _ in report.notifications if one.office == "head"]
    assert mail.subject == (
        "[Dữ liệu thiếu, chậm] ngày bắt đầu của nhiệm vụ – UBND tỉnh Thái Nguyên: đề nghị bổ sung dữ liệu"
    )
    assert "T-2, T-3" in mail.text
    assert "also, used" in mail.text
    assert [one.rule for one in lacking.alerts()].count("data-missing") == 1
    assert lacking.told(lacking.cycle(local(7, 8, 10))) == []


def test_supplied_it_ends_as_cured_and_says_so(lacking: World) -> None:
    """One of two is not enough; with both the alert ends, and whoever was told gets the all-clear."""
    lacking.cycle(local(7, 8, 9, 1))
    lacking.put(local(7, 8, 10), "T-2", start=BEGUN)
    assert lacking.told(lacking.cycle(local(7, 8, 10, 1))) == []
    lacking.put(local(7, 8, 11), "T-3", start=BEGUN)
    report = lacking.cycle(local(7, 8, 11, 1))
    assert lacking.told(report) == ["DP-19-UB/focal_point/1 all_clear", "DP-19-UB/head/1 all_clear"]
    assert datum(lacking).end_reason is EndReason.CURED


def test_what_where_excludes_is_no_missing_datum(lacking: World) -> None:
    """A task that is suspended is nobody's debt: only the open one is named."""
    lacking.put(local(5, 8, 8), "T-3", status="suspended", verifier="Văn phòng")
    report = lacking.cycle(local(7, 8, 9, 1))
    [mail] = [one for one, _ in report.notifications if one.office == "head"]
    assert "T-2" in mail.text
    assert "T-3" not in mail.text


def test_a_failing_rule_does_not_make_its_data_look_supplied(lacking: World) -> None:
    """While a rule that wants the datum fails nobody knows whether it is still missing: the alert is held."""
    lacking.cycle(local(7, 8, 9, 1))
    book = lacking.standards.book
    broken = tuple(replace(one, measure="no_such") if one.id in {"used", "also"} else one for one in book.rules)
    lacking.by(book=replace(book, rules=broken))
    lacking.cycle(local(7, 8, 10))
    assert datum(lacking).state is State.OPEN
    lacking.by(book=book)
    lacking.cycle(local(7, 8, 11))
    assert datum(lacking).state is State.OPEN


def test_a_merged_unit_hands_its_debt_to_its_successor(lacking: World) -> None:
    """The datum keeps its alert; the unit that took over answers for it."""
    lacking.cycle(local(7, 8, 9, 1))
    unit = {"code": "DP-20-UB", "name": "Ủy ban nhân dân tỉnh Bắc Thái", "bloc": "DIA_PHUONG", "parent": "CQTT"}
    lacking.bring(local(7, 8, 10), units=[unit])
    merger = {"unit": "DP-19-UB", "kind": "sáp nhập", "effective_on": "2025-08-08", "successor": "DP-20-UB"}
    lacking.bring(local(7, 8, 11), unit_changes=[merger | {"decision": "202/2025/QH15"}])
    before = datum(lacking)
    lacking.cycle(local(8, 8, 8))
    after = datum(lacking)
    assert (after.id, after.unit, after.level) == (before.id, "DP-20-UB", LEVELS["warning"])
