"""What the readings of a KPI say: path, last year, falls, late figures, sums of units below."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from builders import local
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judging import CALENDAR
from polars.testing import assert_frame_equal
from sqlalchemy import select
from worlds import BEGUN, World, build_world

from warnwatch import schema
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import today_of
from warnwatch.plan.snapshot import read_snapshot, refresh

UNIT = "DP-19-UB"
KPI = {
    "code": "K",
    "name": "Tỷ lệ hồ sơ toàn trình",
    "measure_unit": "%",
    "direction": "high_good",
    "period": "month",
    "operator": ">=",
    "threshold": 80,
}


@pytest.fixture
def plan(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Five units, no tasks."""
    world = build_world(database_url, tmp_path / "plan")
    yield world
    world.engine.dispose()


def bring(plan: World, *readings: dict[str, Any], kpi: dict[str, Any] | None = None, **target: Any) -> None:
    """Record the KPI, one target and its readings."""
    rows = [{"kpi": "K", "unit": UNIT} | one for one in readings]
    plan.bring(
        BEGUN,
        kpis=[KPI | (kpi or {})],
        targets=[{"kpi": "K", "unit": UNIT} | target],
        **({"readings": rows} if rows else {}),
    )


def by_period(*values: tuple[str, float | str]) -> list[dict[str, Any]]:
    """Give readings by period."""
    return [{"period": period, "value": value} for period, value in values]


NOW = local(5, 8, 9)


def measured(plan: World, *names: str, now: datetime = NOW, unit: str = UNIT) -> list[Any]:
    """Give measures of the KPI of one unit, rounded."""
    with plan.reading() as connection:
        kpis = read_snapshot(connection, CALENDAR, day=CALENDAR.local_date(now)).kpis
    today = today_of(now, CALENDAR)
    row = kpis.filter(kpis["unit"] == unit).select(
        CATALOGUE["kpi"][name].expression(today).alias(name) for name in names
    )
    return [round(value, 4) if isinstance(value, float) else value for value in row.row(0)]


@pytest.mark.parametrize(
    ("value", "period", "path_value", "behind"),
    [
        (40, "2025-03", 40.5611, 0.5611),  # 31/3 is day 80 of the 303 from 10/1 to 9/11
        (90, "2025-03", 40.5611, 0),
        (70, "2025-12", 70, 0),  # after the last point the goal itself
    ],
)
def test_a_path_runs_straight_between_its_points(
    plan: World, value: float, period: str, path_value: float, behind: float
) -> None:
    """The value of a period is held against the path at the end of that period, not of today."""
    target: dict[str, Any] = {"baseline": 30, "start_on": "2025-01-10", "target": 70, "due_on": "2025-11-09"}
    now = local(5, 1, 9, year=2026)
    bring(plan, **target)
    plan.bring(now, readings=[{"kpi": "K", "unit": UNIT, "period": period, "value": value}])
    assert measured(plan, "path_value", "behind_path", "on_path", now=now) == [path_value, behind, True]


def test_points_of_a_path_bend_it_and_before_its_first_day_there_is_none(plan: World) -> None:
    """40 by the end of June, 70 by the end of the year: half way between, 55; before June nothing is behind."""
    path = "2025-06-30=40; 2025-12-30=70"
    bring(plan, *by_period(("2025-05", 10)), target=80, path=path)
    assert measured(plan, "path_value", "behind_path", "on_path") == [None, None, True]
    plan.bring(local(2, 10), readings=[{"kpi": "K", "unit": UNIT, "period": "2025-09", "value": 50}])
    share = 92 / 183
    assert measured(plan, "path_value") == [round(40 + 30 * share, 4)]


def test_a_figure_of_a_period_that_is_not_over_stands_for_the_day_it_came(plan: World) -> None:
    """The year's figure that comes on 4 August is held against the path of 4 August, not of 31 December."""
    target: dict[str, Any] = {"baseline": 0, "start_on": "2025-01-01", "target": 364, "due_on": "2025-12-31"}
    bring(plan, *by_period(("2025", 215)), **target)
    assert measured(plan, "path_value", "behind_path") == [215, 0]


def test_without_a_path_there_is_nothing_to_be_behind(plan: World) -> None:
    """A goal and a date alone are no path."""
    bring(plan, *by_period(("2025-06", 10)), target=80, due_on="2025-12-31")
    assert measured(plan, "on_path", "path_value", "behind_path") == [False, None, None]


def test_what_is_compared_with_what(plan: World) -> None:
    """The period before, the same one a year ago, and how often in a row it got worse."""
    bring(plan, *by_period(("2024-07", 50), ("2025-04", 60), ("2025-05", 58), ("2025-06", 57), ("2025-07", 45)))
    names = ("value", "previous_period", "change_on_previous", "same_period_last_year", "change_on_year")
    assert measured(plan, *names) == [45, 57, round(-12 / 57, 4), 50, -0.1]
    assert measured(plan, "worse_on_year", "falls_in_a_row", "comparable", "comparable_on_year") == [0.1, 3, True, True]


def test_where_low_is_good_a_rise_is_worse(plan: World) -> None:
    """Direction decides what a fall is."""
    low = {"direction": "low_good", "operator": "<="}
    bring(plan, *by_period(("2024-07", 10), ("2025-06", 8), ("2025-07", 12)), kpi=low)
    assert measured(plan, "falls_in_a_row", "worse_on_year", "shortfall") == [1, 0.2, 0]


def test_a_gap_is_no_fall_and_nothing_is_compared_across_it(plan: World) -> None:
    """June was never published: July has no period before, and the falls are unknown, not none."""
    bring(plan, *by_period(("2025-04", 60), ("2025-05", 58), ("2025-07", 45)))
    assert measured(plan, "previous_period", "falls_in_a_row", "comparable") == [None, None, True]


def test_nothing_is_compared_across_a_change_of_scale(plan: World) -> None:
    """From 1 July the KPI is counted anew: July has no period before and no last year; August has July."""
    scale = {"comparable_from": "2025-07-01"}
    bring(plan, *by_period(("2024-07", 50), ("2025-06", 57), ("2025-07", 45)), kpi=scale)
    names = ("previous_period", "same_period_last_year", "falls_in_a_row", "comparable", "comparable_on_year")
    assert measured(plan, *names) == [None, None, None, False, False]
    plan.bring(local(1, 9), readings=[{"kpi": "K", "unit": UNIT, "period": "2025-08", "value": 44}])
    assert measured(plan, *names) == [45, None, 1, True, False]


def test_snapshots_of_a_yearly_kpi_follow_each_other(plan: World) -> None:
    """39.51 % on 20 July, 39.98 % on 28 October: figures for days of a yearly KPI are no gap."""
    bring(plan, *by_period(("2025-07-20", 39.51), ("2025-10-28", 39.98)), kpi={"period": "year"})
    assert measured(plan, "value", "previous_period", "falls_in_a_row") == [39.98, 39.51, 0]


@pytest.mark.parametrize(
    ("kpi", "now", "late"),
    [
        ({"lag": 5}, local(7, 8), 0),  # July's figure is due five working days after 31 July: on 7 August
        ({"lag": 5}, local(8, 8), 1),
        ({"lag": 5}, local(12, 8), 3),
        ({}, local(14, 8), 0),  # ten working days where the KPI does not say
        ({}, local(15, 8), 1),
        ({"lag": 0}, local(31, 7), 0),
        ({"period": "quarter", "lag": 0}, local(5, 8), 26),  # nothing of the second quarter, which ended on 30 June
    ],
)
def test_a_figure_is_late_only_when_its_time_is_over(
    plan: World, kpi: dict[str, Any], now: datetime, late: int
) -> None:
    """June is there, July is not: it is missing from the end of its period and the KPI's own waiting time."""
    readings = by_period(("2025-06", 70)) if kpi.get("period") != "quarter" else by_period(("2025-Q1", 70))
    bring(plan, *readings, kpi=kpi, start_on="2025-01-01")
    assert measured(plan, "missing_working_days", now=now) == [late]


def test_more_gaps_never_make_fewer_days(plan: World) -> None:
    """When the next period passes without a figure, the count goes on from the first that is not there."""
    bring(plan, *by_period(("2025-06", 70)), kpi={"lag": 5}, start_on="2025-01-01")
    days = [
        measured(plan, "missing_working_days", now=local(day, month))[0] for day, month in ((29, 8), (15, 9), (15, 10))
    ]
    assert days == sorted(days)
    assert days[0] > 0


def test_after_the_targets_end_no_figure_is_asked_for(plan: World) -> None:
    """A target up to 30 June with its June figure is complete for good; events are never missing."""
    bring(plan, *by_period(("2025-06", 70)), start_on="2025-01-01", due_on="2025-06-30")
    assert measured(plan, "missing_working_days", now=local(5, 12)) == [0]
    plan.bring(local(5, 8), kpis=[KPI | {"period": "event"}])
    assert measured(plan, "missing_working_days", now=local(5, 12)) == [0]


def test_the_present_period_is_used_up_day_by_day(plan: World) -> None:
    """On 5 August five of 31 days of the month are over."""
    bring(plan)
    assert measured(plan, "period_share") == [round(5 / 31, 4)]


def test_a_goal_of_nothing_is_missed_as_a_whole(plan: World) -> None:
    """At most 0 incidents: one is a shortfall of 1 and of the whole; none is none. No share is ever infinite."""
    bring(plan, *by_period(("2025-07", 1)), kpi={"operator": "<=", "direction": "low_good", "threshold": 0})
    assert measured(plan, "shortfall", "shortfall_share") == [1, 1]
    plan.bring(local(5, 8), readings=[{"kpi": "K", "unit": UNIT, "period": "2025-07", "value": 0}])
    assert measured(plan, "shortfall", "shortfall_share") == [0, 0]


def test_nothing_to_divide_by_is_unknown_everywhere(plan: World) -> None:
    """0 of 0 gives no value, and nothing that is reckoned from it; but the figure has come."""
    bring(plan, {"period": "2025-07", "numerator": 0, "denominator": 0}, kpi={"lag": 0})
    names = ("value", "gap", "shortfall", "shortfall_share", "change_on_previous", "worse_on_year", "falls_in_a_row")
    assert measured(plan, *names) == [None] * len(names)
    assert measured(plan, "missing_working_days") == [0]


# --- sums of units below --------------------------------------------------------------------------------------------


def sums(unit: str, period: str, numerator: float, denominator: float) -> dict[str, Any]:
    """Give a reading as a ratio of sums."""
    return {"kpi": "K", "unit": unit, "period": period, "numerator": numerator, "denominator": denominator}


def test_a_unit_without_figures_has_the_ratio_of_the_sums_below(plan: World) -> None:
    """90 of 100 and 10 of 900 are 10 %, not the 45.6 % of their average; who gave nothing yet is told as coverage."""
    bring(plan, unit="CQTT")
    plan.bring(BEGUN, readings=[sums("DP-19-UB", "2025-07", 90, 100), sums("BYT", "2025-07", 10, 900)])
    assert measured(plan, "value", "coverage", unit="CQTT") == [10, 1]
    plan.bring(local(5, 9), readings=[sums("BYT", "2025-08", 450, 900)])
    assert measured(plan, "value", "coverage", "previous_period", unit="CQTT") == [50, 0.5, 10]


def test_a_figure_of_its_own_or_of_a_nearer_unit_comes_first(plan: World) -> None:
    """The province's own sums stand for its parts; a value without sums is never averaged in."""
    bring(plan, unit="CQTT")
    rows = [sums("DP-19-UB", "2025-07", 1, 100), sums("DP-19", "2025-07", 50, 100)]
    plan.bring(BEGUN, readings=[*rows, {"kpi": "K", "unit": "BYT", "period": "2025-07", "value": 99}])
    assert measured(plan, "value", unit="CQTT") == [50]
    plan.bring(local(5, 8), readings=[{"kpi": "K", "unit": "CQTT", "period": "2025-06", "value": 7}])
    assert measured(plan, "value", "period_share", unit="CQTT")[0] == 7


def test_a_dissolved_units_sums_are_its_successors(plan: World) -> None:
    """When the ministry merges into the People's Committee, its figures count where it went, under the province."""
    bring(plan, unit="DP-19")
    plan.bring(BEGUN, readings=[sums("DP-19-UB", "2025-07", 10, 100), sums("BYT", "2025-07", 90, 100)])
    with plan.reading() as connection:
        before = read_snapshot(connection, CALENDAR, day=local(4, 8).date())
    assert before.kpis["value"].to_list() == [10]
    change = {"unit": "BYT", "kind": "merge", "effective_on": "2025-08-05", "successor": "DP-19-UB", "decision": "1/QĐ"}
    plan.bring(local(4, 8, 12), unit_changes=[change])
    with plan.reading() as connection:
        after = refresh(connection, before, CALENDAR, local(5, 8).date())
    assert after.kpis["value"].to_list() == [50]


PARTS = st.dictionaries(
    st.sampled_from(["DP-19", "DP-19-UB", "BYT", "CQTT"]),
    st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)),
    min_size=1,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PARTS)
def test_what_is_rolled_up_is_sum_by_sum(plan: World, parts: dict[str, tuple[int, int]]) -> None:
    """Whatever units give figures, the root has the sum of the topmost numerators by that of their denominators."""
    bring(plan, unit="BCD")
    plan.bring(local(5, 8), readings=[sums(unit, "2025-07", *pair) for unit, pair in parts.items()])
    above = {"DP-19-UB": ("DP-19", "CQTT"), "DP-19": ("CQTT",), "BYT": ("CQTT",), "CQTT": ()}
    everything = _present(plan)
    top = {unit: pair for unit, pair in everything.items() if not any(one in everything for one in above[unit])}
    whole = sum(pair[1] for pair in top.values())
    expected = 100 * sum(pair[0] for pair in top.values()) / whole if whole else None
    (value,) = measured(plan, "value", unit="BCD")
    assert value == (None if expected is None else pytest.approx(expected, abs=1e-3))


def _present(plan: World) -> dict[str, tuple[float, float]]:
    """Give the sums that stand: those of an earlier example stay until they are corrected."""
    with plan.engine.connect() as connection:
        rows = connection.execute(select(schema.reading).order_by(schema.reading.c.id))
        return {row.unit: (row.numerator, row.denominator) for row in rows}


NUMBERS = st.decimals(-(10**9), 10**9, places=4).map(lambda one: f"{one:.4f}") | st.sampled_from(["0", "0.0001"])
VALUES = st.lists(NUMBERS, min_size=1, max_size=6)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES, NUMBERS, st.sampled_from([">=", "<=", ">", "<", "="]))
def test_no_measure_is_ever_nan(plan: World, values: list[str], goal: str, operator: str) -> None:
    """Whatever numbers a spreadsheet holds: each measure is a finite number or unknown."""
    readings = by_period(*((f"2025-{month:02d}", value) for month, value in enumerate(values, 1)))
    bring(plan, *readings, kpi={"operator": operator, "threshold": goal}, baseline=0, start_on="2025-01-01")
    numbers = [name for name, one in CATALOGUE["kpi"].items() if one.kind == "number"]
    for value in measured(plan, *numbers):
        assert value is None or abs(value) < float("inf")


def test_only_the_kpis_that_changed_are_read_again(plan: World) -> None:
    """A new reading of one KPI, on another day: the frame is what a whole reading gives."""
    events = KPI | {"code": "E", "period": "event", "operator": "<=", "direction": "low_good", "threshold": 1}
    bring(plan, *by_period(("2025-06", 70)))
    plan.bring(BEGUN, kpis=[events], targets=[{"kpi": "E", "unit": UNIT}])
    plan.bring(BEGUN, readings=[{"kpi": "E", "unit": UNIT, "occurred_at": BEGUN, "reference": "GM-1", "value": 2}])
    with plan.reading() as connection:
        before = read_snapshot(connection, CALENDAR, day=local(4, 8).date())
    plan.bring(local(5, 8), readings=[{"kpi": "K", "unit": UNIT, "period": "2025-07", "value": 60}])
    with plan.reading() as connection:
        after = refresh(connection, before, CALENDAR, local(5, 8).date())
        whole = read_snapshot(connection, CALENDAR, day=local(5, 8).date())
    assert_frame_equal(after.kpis, whole.kpis, check_column_order=False)
    assert after.kpis["value"].to_list() == [2, 60]
