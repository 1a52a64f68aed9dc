"""Rules about units and about KPIs run as rules about tasks do: judged, told to the head, ended as cured."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import local
from worlds import BEGUN, World, build_world

from warnwatch.alerts.alert import Alert
from warnwatch.notify.notification import Kind
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.rules.evaluation import columns_of
from warnwatch.rules.rulebook import load_rulebook
from warnwatch.shipped import shipped

RULES = """\
rules:
  - id: unit-overdue
    title: Đơn vị có nhiều nhiệm vụ quá hạn
    about: unit
    measure: overdue_share
    above: {warning: 0.2, critical: 0.6}
    for: 0
    keep: 0
    text: general
    escalation: head-of-unit
    guidance: Rà soát các nhiệm vụ quá hạn.
  - id: kpi-shortfall
    title: Chỉ tiêu chưa đạt
    about: kpi
    where: has_reading
    measure: shortfall
    above: {warning: 0, critical: 30}
    for: 0
    keep: 0
    text: kpi_below
    escalation: head-of-unit
    guidance: Xác định nguyên nhân và giải pháp.
"""
KPI = {
    "code": "CDS-01",
    "name": "Tỷ lệ hồ sơ toàn trình",
    "measure_unit": "%",
    "direction": "high_good",
    "period": "month",
    "operator": ">=",
    "threshold": 80,
}
TARGET = {"kpi": "CDS-01", "unit": "DP-19-UB", "target": 80}


@pytest.fixture
def plan(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Give the small plan, judged by one rule about units and one about KPIs."""
    folder = tmp_path / "rules"
    folder.mkdir()
    shutil.copy(shipped("alert_rules") / "escalations.yml", folder)
    (folder / "more.yml").write_text(RULES, encoding="utf-8")
    book = load_rulebook(folder, {about: columns_of(about) for about in CATALOGUE}, list(Kind))
    built = build_world(database_url, tmp_path / "plan", book)
    yield built
    built.engine.dispose()


def reading(period: str, numerator: int, denominator: int) -> dict[str, object]:
    """Give a reading of the KPI as a ratio of sums."""
    sums: dict[str, object] = {"numerator": numerator, "denominator": denominator}
    return sums | {"kpi": "CDS-01", "unit": "DP-19-UB", "period": period}


def test_a_units_share_of_overdue_tasks_is_told_and_cured(plan: World) -> None:
    """The head of the unit that leads the late tasks is warned, and so is the head of every unit above it."""
    plan.put(BEGUN, "T-1", due="2025-08-05")
    plan.put(BEGUN, "T-2")
    assert plan.cycle(local(5, 8, 9)).outcome.calls == ()
    report = plan.cycle(local(6, 8, 9))
    assert {alert.unit: round(alert.value or 0, 2) for alert in plan.alerts()} == dict.fromkeys(
        ("DP-19-UB", "DP-19", "CQTT", "BCD"), 0.5
    )
    texts = {one.holder: one.text for one, _ in report.notifications}
    assert "50 % nhiệm vụ quá hạn, vượt ngưỡng 20 %" in texts["DP-19-UB/head/1"]
    plan.done(local(6, 8, 10), "T-1")
    assert {alert.end_reason for alert in closed(plan, 6)} == {"cured"}


def closed(plan: World, day: int) -> list[Alert]:
    """Run a cycle and give the alerts that it ended."""
    return [move.after for move in plan.cycle(local(day, 8, 11)).outcome.transitions]


def test_a_missed_limit_is_told_with_its_numbers(plan: World) -> None:
    """16,94 % of 80 %: the head reads the value, the limit and the period; the next reading may cure it."""
    plan.put(BEGUN, "T-1")
    plan.cycle(local(4, 8, 9))
    plan.bring(local(5, 8, 8), kpis=[KPI], targets=[TARGET | {"unit": "BYT"}])
    plan.cycle(local(5, 8, 8))
    plan.bring(local(5, 8, 9), targets=[TARGET], readings=[reading("2025-07", 1694, 10_000)])
    (one, _), *_ = plan.cycle(local(5, 8, 9)).notifications
    assert all(words in one.text for words in ("16,94 %", "≥ 80 %", "2025-07"))
    assert plan.alert("CDS-01/DP-19-UB", "kpi-shortfall").level.word == "critical"
    plan.bring(local(5, 8, 10), readings=[reading("2025-08", 81, 100)])
    assert [alert.end_reason for alert in closed(plan, 5)] == ["cured"]


def test_nothing_to_divide_by_is_no_alarm(plan: World) -> None:
    """A reading of 0 of 0 holds what was, and opens nothing."""
    plan.put(BEGUN, "T-1")
    plan.bring(BEGUN, kpis=[KPI], targets=[TARGET], readings=[reading("2025-07", 0, 0)])
    assert plan.cycle(local(5, 8, 9)).outcome.transitions == ()
