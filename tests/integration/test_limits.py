"""The limits of Conclusion 226-KL/TW, Plan 02 and Resolution 57 under the one shipped rule that serves them all.

The rows are those of the domain's list of KPIs that readings can decide; the number of lead units of a task (KL226-15)
is checked by the import. Sources: the press on Conclusion 226-KL/TW of 11/12/2025, and the notices of the Government.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import local
from worlds import BEGUN, World, build_world

# code, frequency, unit, operator, limit, a value that just keeps it, one that just misses it.
LIMITS: tuple[tuple[str, str, str, str, float, float, float], ...] = (
    ("KL226-02", "year", "%", "<=", 40, 40, 40.01),
    ("KL226-05", "event", "ngày", "<=", 0.5, 0.5, 0.51),
    ("KL226-06", "event", "ngày", "<=", 1, 1, 1.01),
    ("KL226-07", "event", "ngày", "<=", 1.5, 1.5, 1.51),
    ("KL226-08", "event", "phút", "<=", 10, 10, 10.1),
    ("KL226-09", "event", "phút", "<=", 50, 50, 50.1),
    ("KL226-10", "event", "phút", "<=", 10, 10, 10.1),
    ("KL226-11", "month", "%", ">=", 95, 95, 94.99),
    ("KL226-12", "month", "%", ">=", 95, 95, 94.99),
    ("KL226-13", "month", "%", "=", 100, 100, 99.99),
    ("KL226-14", "year", "%", "<=", 100, 100, 100.01),
    ("KL226-16", "year", "hội nghị", "<=", 2, 2, 3),
    ("KL226-17", "year", "hội nghị", "<=", 3, 3, 4),
    ("CDS-01", "year", "%", ">=", 80, 80, 79.99),
    ("CDS-02", "year", "%", ">=", 90, 90, 89.99),
    ("CDS-03", "year", "%", ">=", 30, 30, 29.99),
    ("CDS-04", "year", "%", ">=", 30, 30, 29.99),
    ("CDS-05", "year", "%", "=", 100, 100, 99.99),
    ("CDS-06", "year", "%", "=", 100, 100, 99.99),
    ("CDS-07", "year", "%", ">=", 100, 100, 99.99),
    ("NQ57-01", "year", "%", ">=", 30, 30, 29.99),
    ("NQ57-02", "year", "%", ">", 55, 55.01, 55),
    ("NQ57-03", "year", "%", ">=", 50, 50, 49.99),
    ("NQ57-04", "year", "%", ">", 80, 80.01, 80),
    ("NQ57-05", "year", "doanh nghiệp", ">=", 5, 5, 4),
)
# Reductions against the year before, from counts: last year's, then this year's that keeps and that misses.
REDUCTIONS = (("KL226-01", 15, 1000, 850, 851), ("KL226-04", 10, 1000, 900, 901))
PERIODS = {"year": "2024", "month": "2025-07"}
KEEPS, MISSES = "DP-19-UB", "BYT"
NOW = local(5, 8, 9)


@pytest.fixture
def plan(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Five units, judged by the shipped rules."""
    world = build_world(database_url, tmp_path / "plan")
    yield world
    world.engine.dispose()


def kpi(code: str, frequency: str, unit: str, operator: str, limit: float, **changes: Any) -> dict[str, Any]:
    """Give a row of kpis.csv."""
    direction = "low_good" if operator.startswith("<") else "high_good"
    plain = {"code": code, "name": f"Chỉ tiêu {code}", "measure_unit": unit, "direction": direction}
    return plain | {"period": frequency, "operator": operator, "threshold": limit} | changes


def reading(code: str, unit: str, frequency: str, value: float) -> dict[str, Any]:
    """Give a reading of the last finished period, or of an event of the day before."""
    when = (
        {"period": PERIODS[frequency]} if frequency in PERIODS else {"occurred_at": local(4, 8, 9), "reference": "GM"}
    )
    return {"kpi": code, "unit": unit, "value": value} | when


def levels(world: World, rule: str) -> dict[str, int | None]:
    """Judge now; give the levels of one rule by subject."""
    report = world.cycle(NOW)
    assert not report.evaluation.failures
    return dict(zip(report.snapshot.kpis["code"], report.evaluation.levels[rule], strict=True))


def test_every_limit_is_seen_just_beside_it(plan: World) -> None:
    """At its limit a KPI is calm, beyond it by the least step it is not: percent, days, minutes, counts and events."""
    plan.bring(
        BEGUN,
        kpis=[kpi(*row[:5]) for row in LIMITS],
        targets=[{"kpi": row[0], "unit": unit} for row in LIMITS for unit in (KEEPS, MISSES)],
        readings=[
            reading(row[0], unit, row[1], value)
            for row in LIMITS
            for unit, value in ((KEEPS, row[5]), (MISSES, row[6]))
        ],
    )
    found = levels(plan, "kpi-shortfall")
    assert len(found) == 2 * len(LIMITS)
    for code, *_, limit, _keeps, misses in LIMITS:
        share = abs(misses - limit) / limit
        expected = 3 if share > 0.3 else 2 if share > 0.1 else 1
        assert (found[f"{code}/{KEEPS}"], found[f"{code}/{MISSES}"]) == (0, expected), code


def test_a_reduction_is_computed_from_the_counts_of_two_years(plan: World) -> None:
    """15 % fewer documents than last year are enough, 14.9 % are not; without last year's count nothing is said."""
    rows = [kpi(code, "year", "%", ">=", limit, method="reduction") for code, limit, *_ in REDUCTIONS]
    readings = []
    for code, _, before, keeps, misses in REDUCTIONS:
        for unit, count in ((KEEPS, keeps), (MISSES, misses)):
            readings += [
                {"kpi": code, "unit": unit, "period": year, "value": value}
                for year, value in (("2023", before), ("2024", count))
            ]
        readings += [{"kpi": code, "unit": "DP-19", "period": "2024", "value": keeps}]
        readings += [{"kpi": code, "unit": "CQTT", "period": year, "value": 0} for year in ("2023", "2024")]
    units = (KEEPS, MISSES, "DP-19", "CQTT")
    targets = [{"kpi": code, "unit": unit} for code, *_ in REDUCTIONS for unit in units]
    plan.bring(BEGUN, kpis=rows, targets=targets, readings=readings)
    found = levels(plan, "kpi-shortfall")
    for code, *_ in REDUCTIONS:
        # Nothing to compare with, or to divide by: no value, so the rule does not apply.
        assert [found[f"{code}/{unit}"] for unit in units] == [0, 1, -1, -1]


def test_what_complements_another_limit_is_told_once(plan: World) -> None:
    """In person 45 % is online 55 %: KL226-02 says so, KL226-03 keeps still."""
    rows = [kpi("KL226-02", "year", "%", "<=", 40), kpi("KL226-03", "year", "%", ">=", 60, method="complement")]
    readings = [reading("KL226-02", KEEPS, "year", 45), reading("KL226-03", KEEPS, "year", 55)]
    targets = [{"kpi": code, "unit": KEEPS} for code in ("KL226-02", "KL226-03")]
    plan.bring(BEGUN, kpis=rows, targets=targets, readings=readings)
    assert levels(plan, "kpi-shortfall") == {f"KL226-02/{KEEPS}": 2, f"KL226-03/{KEEPS}": -1}


def test_a_platform_below_its_availability_is_told_to_its_operator(plan: World) -> None:
    """98.9 % of 99.5 % agreed: a warning by the platforms' own rule, and by no other."""
    row = kpi("SLA-TRUC", "day", "%", ">=", 99.5, subject_level="Nền tảng")
    values = [{"kpi": "SLA-TRUC", "unit": KEEPS, "period": "2025-08-04", "value": 98.9}]
    plan.bring(BEGUN, kpis=[row], targets=[{"kpi": "SLA-TRUC", "unit": KEEPS}], readings=values)
    assert levels(plan, "platform-availability") == {f"SLA-TRUC/{KEEPS}": 2}
    assert [(alert.rule, alert.level.word) for alert in plan.alerts()] == [("platform-availability", "warning")]


def test_an_event_over_its_limit_is_named_and_forgotten_after_thirty_days(plan: World) -> None:
    """A conference of two days: the mail names it; a second one raises another alert; both end when they are old."""
    row = kpi("KL226-06", "event", "ngày", "<=", 1)
    first = {"kpi": "KL226-06", "unit": KEEPS, "occurred_at": local(4, 8, 17), "reference": "GM-12/UBND", "value": 2}
    plan.bring(BEGUN, kpis=[row], targets=[{"kpi": "KL226-06", "unit": KEEPS}])
    plan.put(BEGUN, "T-1")
    plan.cycle(local(4, 8, 9))
    plan.bring(local(5, 8, 8), readings=[first])
    mails = {one.holder: one for one, _ in plan.cycle(local(5, 8, 9)).notifications}
    head = mails[f"{KEEPS}/head/1"]
    assert "GM-12/UBND (2 ngày, ngày 04/8/2025)" in head.text
    assert "2 ngày (ngưỡng ≤ 1 ngày)" in head.subject
    second = first | {"reference": "GM-13/UBND", "occurred_at": local(5, 8, 17), "value": 1.5}
    plan.bring(local(6, 8, 8), readings=[second])
    plan.cycle(local(6, 8, 9))
    assert {(alert.rule, alert.value) for alert in plan.alerts() if alert.about == "kpi"} == {
        ("kpi-shortfall", 1.0),
        ("kpi-events", 2.0),
    }
    plan.cycle(local(3, 9, 9))  # the first is 30 days old
    assert {alert.rule: alert.state.value for alert in plan.alerts() if alert.about == "kpi"}["kpi-events"] == "ended"
    report = plan.cycle(local(4, 9, 9))
    ended = {alert.rule: alert.end_reason for alert in plan.alerts() if alert.about == "kpi"}
    assert ended["kpi-shortfall"] == "not_applicable"
    assert not [one for one, _ in report.notifications if one.kind.value == "all_clear"]
