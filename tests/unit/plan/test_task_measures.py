"""What the plan knows of a task beside its dates: slips, milestones, pace, and whether its reports are credible.

The task runs from 4/8 to Friday 15/8/2025, ten working days, unless a test says so.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from builders import end_of, local
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import CALENDAR, measured, tasks_frame
from polars.testing import assert_frame_equal

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import today_of

FRIDAY = end_of(15, 8)
SOME = settings(max_examples=40, deadline=None)
NUMBERS = [measure for measure in CATALOGUE["task"].values() if measure.kind == "number"]


def report(day: int, progress: float | None = None, **more: Any) -> dict[str, Any]:
    """Give a report of a day in August, at 16:00."""
    return {"reported_at": local(day, 8), "progress": progress, **more}


def move(day: int, due: datetime, **more: Any) -> dict[str, Any]:
    """Give a move of the deadline that was recorded on a day in August."""
    return {"due_at": due, "recorded_at": local(day, 8), **more}


# --- deadlines ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (local(15, 8, 8), 8),
        (local(15, 8, 12), 4),
        (local(15, 8, 12, 30), 4),
        (local(15, 8, 14, 30), 2.5),
        (local(15, 8, 20), 0),
        (local(14, 8, 8), 16),
        (local(16, 8, 10), pytest.approx(-1 / 60)),
        (local(18, 8, 9), -1),
        (local(19, 8, 9), -9),
    ],
)
def test_hours_left_are_office_hours(now: datetime, hours: float) -> None:
    """Noon, night and weekend do not pass working hours; late, the number is negative from the first moment."""
    assert measured("working_hours_left", now) == hours


def test_a_deadline_within_the_day_leaves_the_hours_up_to_it() -> None:
    """At 8:00 a deadline at 11:00 of the same day leaves three hours; just after it the task is late."""
    due = local(15, 8, 11)
    assert measured("working_hours_left", local(15, 8, 8), due_at=due) == 3
    assert measured("working_hours_left", due + timedelta(microseconds=1), due_at=due) < 0


def test_a_task_for_every_day_has_office_hours_on_every_day() -> None:
    """From Saturday morning to Sunday night a task that counts every day has sixteen hours left."""
    assert measured("working_hours_left", local(16, 8, 8), due_at=end_of(17, 8), every_day=True) == 16


def test_overdue_days_are_calendar_days() -> None:
    """Overdue days are 0 up to the deadline, then plain days; those to the baseline count from the first deadline."""
    moved = {"baseline_due_at": FRIDAY, "due_at": end_of(22, 8)}
    assert [measured("overdue_days", local(day, 8, 9)) for day in (14, 15, 16, 25)] == [0, 0, 1, 10]
    assert measured("days_left_on_baseline", local(19, 8), **moved) == -4
    assert measured("days_left", local(19, 8), **moved) == 3


@pytest.mark.parametrize(
    ("start", "due", "left"), [(local(6, 8), FRIDAY, 1 / 7), (local(5, 3), end_of(10, 9), 17 / 130)]
)
def test_the_time_left_weighs_by_the_planned_length(start: datetime, due: datetime, left: float) -> None:
    """One day of the 7 of phase 1 left is as little as seventeen of the 130 of phase 2."""
    found = measured("remaining_share", local(14, 8), start_at=start, due_at=due)
    assert found == pytest.approx(left, abs=0.01)
    assert measured("remaining_share", local(20, 8), start_at=start, due_at=FRIDAY) < 0


# --- milestones -----------------------------------------------------------------------------------------------------

HALFWAY = ({"due_at": end_of(7, 8)}, {"due_at": end_of(13, 8)}, {"due_at": None})


@pytest.mark.parametrize(
    ("now", "overdue", "left"),
    [(local(6, 8), 0, 1), (end_of(7, 8), 0, 0), (local(8, 8, 8), 1, -1), (local(14, 8), 2, -5)],
)
def test_a_milestone_is_overdue_after_its_last_moment(now: datetime, overdue: int, left: int) -> None:
    """Open milestones past their day are counted; the days left are those to the first that is not done."""
    assert measured("overdue_milestones", now, milestones=HALFWAY) == overdue
    assert measured("milestone_working_days_left", now, milestones=HALFWAY) == left


def test_a_milestone_that_is_done_counts_no_more() -> None:
    """What was done, in time or late, is not overdue, and the next one is counted to."""
    done = ({"due_at": end_of(7, 8), "done_at": local(8, 8)}, {"due_at": end_of(13, 8)})
    task: dict[str, Any] = {"milestones": done}
    assert measured("overdue_milestones", local(12, 8), **task) == 0
    assert measured("milestone_working_days_left", local(12, 8), **task) == 1
    assert measured("milestones_done_share", **task) == 0.5


def test_a_task_without_milestones_has_none_overdue() -> None:
    """No milestone: zero of them, none overdue, and no share or next one to speak of."""
    assert [measured(name) for name in ("milestones", "overdue_milestones")] == [0, 0]
    assert [measured(name) for name in ("milestones_done_share", "milestone_working_days_left")] == [None, None]


@pytest.mark.parametrize(
    ("day", "share"), [(4, 0), (5, 1 / 9), (7, 1 / 3), (8, 1 / 3 + 1 / 12), (13, 2 / 3), (15, 1), (20, 1)]
)
def test_the_plan_goes_along_the_milestones(day: int, share: float) -> None:
    """Each stretch to a milestone, and the last to the deadline, is an equal share of the work."""
    assert measured("planned_share", local(day, 8), milestones=HALFWAY) == pytest.approx(share)


@pytest.mark.parametrize("milestones", [(), ({"due_at": None},), ({"due_at": end_of(20, 8)},), ({"due_at": FRIDAY},)])
def test_without_a_milestone_on_the_way_the_plan_is_the_time_used(milestones: tuple[dict[str, Any], ...]) -> None:
    """No milestones, none dated, or none before the deadline: the plan wants what of the time is used."""
    assert measured("planned_share", local(11, 8), milestones=milestones) == pytest.approx(5 / 9)


def test_behind_is_judged_along_the_milestones() -> None:
    """A task whose milestones lie late is not behind for having done little early."""
    late = ({"due_at": end_of(14, 8)},)
    assert measured("behind", local(11, 8), progress=0.3) == pytest.approx(5 / 9 - 0.3, abs=1e-4)
    assert measured("behind", local(11, 8), progress=0.3, milestones=late) == pytest.approx(5 / 16 - 0.3, abs=1e-4)


# --- slips ----------------------------------------------------------------------------------------------------------


def test_a_move_without_authority_is_counted_apart() -> None:
    """Of three moves the one that no office with authority decided counts as unauthorised, and moves nothing."""
    moves = [move(6, end_of(22, 8)), move(8, end_of(29, 8), authorised=False), move(11, end_of(25, 8))]
    assert measured("slips", moves=moves) == 3
    assert measured("unauthorised_slips", moves=moves) == 1
    assert measured("slip_days", moves=moves) == 10


@pytest.mark.parametrize(
    ("moved", "eve"),
    [
        (move(12, end_of(22, 8)), 0),
        (move(13, end_of(22, 8)), 1),
        (move(18, end_of(22, 8)), 1),
        (move(14, end_of(13, 8)), 0),
        (move(14, end_of(22, 8), authorised=False), 1),
        (move(14, end_of(22, 8), decided_on="2025-08-11"), 0),
        (move(11, end_of(22, 8), decided_on="2025-08-14"), 0),
    ],
)
def test_a_move_on_the_eve_is_one_in_the_last_two_working_days_or_later(moved: dict[str, Any], eve: int) -> None:
    """Put off two working days before the deadline or after it counts; earlier, or forward in time, does not.

    The day is that of the decision, or of its recording where that is earlier.
    """
    assert measured("slips_on_eve", moves=[moved]) == eve


def test_the_eve_is_that_of_the_deadline_then_in_force() -> None:
    """A second move is judged by the deadline that the first one gave, not by the baseline."""
    assert measured("slips_on_eve", moves=[move(6, end_of(29, 8)), move(15, end_of(12, 9))]) == 0
    assert measured("slips_on_eve", moves=[move(6, end_of(29, 8)), move(28, end_of(12, 9))]) == 1
    refused = [move(6, end_of(29, 8), authorised=False), move(14, end_of(12, 9))]
    assert measured("slips_on_eve", moves=refused) == 1


def test_working_days_since_the_last_move() -> None:
    """The days since a move count from the last one; a task that never slipped has none to count."""
    assert measured("last_slip_working_days", local(20, 8), moves=[move(6, FRIDAY), move(14, FRIDAY)]) == 4
    assert measured("last_slip_working_days", local(20, 8)) is None
    assert [measured(name) for name in ("slips", "unauthorised_slips", "slips_on_eve")] == [0, 0, 0]


# --- progress -------------------------------------------------------------------------------------------------------


def test_pace_shown_and_needed() -> None:
    """A third in three days is a ninth a day; on the sixth day four are left for the rest: 1.5 times the pace."""
    task: dict[str, Any] = {"reports": [report(5, 0.1), report(7, 1 / 3)]}
    assert measured("pace_shown", local(11, 8), **task) == pytest.approx(1 / 9)
    assert measured("pace_needed", local(11, 8), **task) == pytest.approx(1 / 6)
    assert measured("pace_ratio", local(11, 8), **task) == pytest.approx(1.5)


def test_pace_does_not_fall_between_two_reports() -> None:
    """The pace shown is that of the day of the report: waiting for the next one makes nobody slower."""
    task: dict[str, Any] = {"reports": [report(5, 0.1), report(7, 1 / 3)]}
    assert len({measured("pace_shown", local(day, 8), **task) for day in (7, 8, 11, 14)}) == 1


@pytest.mark.parametrize(
    ("now", "reports", "late"),
    [
        (local(8, 8), [report(5, 0.1), report(8, 0.5)], -1),
        (local(8, 8), [report(5, 0.1), report(8, 0.25)], 7),
        (local(22, 8), [report(5, 0.1), report(8, 0.5)], 5),
        (local(22, 8), [report(5, 0.1), report(8, 1.0)], -5),
    ],
)
def test_the_finish_is_projected_by_the_pace_shown(now: datetime, reports: list[dict[str, Any]], late: int) -> None:
    """Half in four of nine days is a day early, a quarter seven late; what is not done is not done before today."""
    assert measured("projected_finish_working_days_late", now, reports=reports) == late


@pytest.mark.parametrize(
    ("reports", "start"),
    [
        ([], local(4, 8)),
        ([report(8, 0.5)], local(4, 8)),
        ([report(6, None), report(8, 0.5)], local(4, 8)),
        ([report(6, 0.0), report(8, 0.0)], local(4, 8)),
        ([report(6, 0.2), report(8, 0.5)], None),
    ],
)
def test_without_enough_reports_nothing_is_projected(reports: list[dict[str, Any]], start: datetime | None) -> None:
    """One statement of progress, none above zero, or no start is not enough to project from."""
    task: dict[str, Any] = {"reports": reports, "start_at": start, "assigned_at": local(4, 8)}
    assert measured("projected_finish_working_days_late", **task) is None
    assert measured("has_pace", **task) is False


@pytest.mark.parametrize(
    ("now", "progress", "colour", "gap"),
    [
        (local(11, 8), 0.5, "green", 0),
        (local(11, 8), 0.35, "green", 1),
        (local(11, 8), 0.1, "green", 2),
        (local(11, 8), 0.1, "red", 0),
        (local(11, 8), 0.5, "red", -2),
        (local(18, 8), 0.9, "yellow", 1),
        (local(11, 8), 0.5, None, None),
        (local(11, 8), None, "green", None),
        (local(18, 8), None, "green", 2),
    ],
)
def test_the_colour_reported_against_the_colour_computed(
    now: datetime, progress: float | None, colour: str | None, gap: int | None
) -> None:
    """Green on a task that is far behind or overdue is two levels too good; without either colour nothing is said."""
    assert measured("colour_gap", now, reports=[report(8, progress, colour=colour)]) == gap


def test_the_latest_colour_counts() -> None:
    """A report without a colour leaves the one before it standing."""
    assert (
        measured("reported_colour", reports=[report(5, colour="red"), report(6, colour="yellow"), report(7)])
        == "yellow"
    )
    assert measured("reported_colour") is None


# --- credible progress ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reports", "unchanged"),
    [
        ([], 0),
        ([report(5, 0.3)], 0),
        ([report(5, 0.3), report(6, 0.3)], 1),
        ([report(5, 0.3), report(6, 0.3), report(7), report(8, 0.3)], 3),
        ([report(5, 0.3), report(6, 0.3), report(7, 0.4), report(8, 0.4)], 1),
        ([report(5, 0.3), report(6, 0.3, evidence=1)], 0),
        ([report(5, 0.3, evidence=1), report(6, 0.3, evidence=1)], 1),
        ([report(5, 0.3, evidence=1), report(6, 0.3), report(7, 0.3, evidence=1)], 2),
        ([report(5, 0.3), report(6, 0.3, claims=True), report(7, 0.3, claims=True)], 1),
        ([report(5, 0.3), report(6, 0.2)], 0),
        ([report(5), report(6), report(7)], 2),
    ],
)
def test_reports_that_change_nothing(reports: list[dict[str, Any]], unchanged: int) -> None:
    """The last reports in a row with the same progress, no new evidence and no new claim are counted."""
    assert measured("unchanged_reports", reports=reports) == unchanged
    assert measured("reports", reports=reports) == len(reports)


@pytest.mark.parametrize(
    ("reports", "days"),
    [
        ([], 12),
        ([report(6)], 12),
        ([report(6, 0.0)], 12),
        ([report(6, 0.3), report(12, 0.3), report(13)], 10),
        ([report(6, 0.3), report(12, 0.2)], 6),
        ([{"reported_at": local(1, 8), "progress": 0.3}], 12),
    ],
)
def test_days_since_progress_last_changed(reports: list[dict[str, Any]], days: int) -> None:
    """Reports that repeat a number do not end the standstill; it counts from the start while nothing was done."""
    assert measured("unchanged_working_days", reports=reports) == days


@pytest.mark.parametrize(
    ("reports", "days"),
    [
        ([], 0),
        ([report(6, 0.89)], 0),
        ([report(6, 0.9)], 10),
        ([report(6, 0.2), report(8, 0.95), report(12), report(13, 0.99)], 8),
        ([report(6, 0.95), report(8, 0.5), report(12, 0.9)], 6),
        ([report(6, 0.95), report(8, 0.5)], 0),
    ],
)
def test_days_nearly_done(reports: list[dict[str, Any]], days: int) -> None:
    """Counted from the report with which the task came to 90 % and has stayed there since."""
    assert measured("nearly_done_working_days", reports=reports) == days


@pytest.mark.parametrize(
    ("reports", "unproven", "jump", "back"),
    [
        ([], None, None, None),
        ([report(5)], None, None, None),
        ([report(5, 0.4)], 0.4, 0, 0),
        ([report(5, 0.4, evidence=1), report(6, 0.7)], 0.3, 0.3, 0),
        ([report(5, 0.4, evidence=1), report(6, 0.7, evidence=1)], 0.3, 0.3, 0),
        ([report(5, 0.4, evidence=1), report(6, 0.9, evidence=2), report(7, 0.9)], 0, 0.5, 0),
        ([report(5, 0.8, evidence=1), report(6, 0.3)], 0, 0, 0.5),
        ([report(5, 0.8), report(6, 0.3), report(7), report(8, 0.6)], 0.6, 0.3, 0.2),
        ([report(5, evidence=1), report(6, 0.4)], 0.4, 0, 0),
    ],
)
def test_what_was_gained_proved_and_lost(
    reports: list[dict[str, Any]], unproven: float | None, jump: float | None, back: float | None
) -> None:
    """Progress beyond the last new evidence, the largest rise between two reports, the fall below the highest."""
    found = [measured(name, reports=reports) for name in ("unproven_progress", "largest_jump", "went_back")]
    assert found == [None if value is None else pytest.approx(value, abs=1e-5) for value in (unproven, jump, back)]


@pytest.mark.parametrize(
    ("task", "days"),
    [
        ({"status": "claimed", "claimed_at": local(13, 8)}, 5),
        ({"status": "claimed", "reports": [report(11, 0.9), report(14, 1.0, claims=True)]}, 4),
        ({"status": "claimed"}, None),
        ({"status": "open", "reports": [report(14, 1.0, claims=True)]}, None),
    ],
)
def test_days_since_completion_was_claimed(task: dict[str, Any], days: int | None) -> None:
    """Counted for a task of status claimed, from the claim, or from the first report that makes it."""
    assert measured("claimed_working_days", **task) == days


# --- whatever is reported -------------------------------------------------------------------------------------------

instants = st.datetimes(datetime(2025, 7, 1), datetime(2025, 11, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
shares = st.one_of(st.none(), st.sampled_from([0.0, 0.3, 0.9, 1.0]), st.floats(0, 1, width=32))
reports = st.fixed_dictionaries(
    {
        "reported_at": instants,
        "progress": shares,
        "evidence": st.sampled_from([None, 1, 2]),
        "claims": st.booleans(),
        "colour": st.sampled_from([None, "green", "red"]),
    }
)
moves = st.fixed_dictionaries({"due_at": instants, "recorded_at": instants, "authorised": st.booleans()})
milestones = st.fixed_dictionaries({"due_at": st.none() | instants, "done_at": st.none() | instants})
tasks = st.fixed_dictionaries(
    {
        "start_at": st.none() | instants,
        "assigned_at": instants,
        "due_at": st.none() | instants,
        "status": st.sampled_from(["open", "claimed", "done"]),
        "every_day": st.booleans(),
        "reports": st.lists(reports, max_size=5, unique_by=lambda one: one["reported_at"]),
        "moves": st.none() | st.lists(moves, max_size=3),
        "milestones": st.lists(milestones, max_size=4),
    }
)
# What only passing time makes worse, and what it makes better.
GROWING: tuple[str, ...] = (
    "overdue_days",
    "overdue_milestones",
    "planned_share",
    "behind",
    "unchanged_working_days",
    "colour_gap",
)
GROWING += ("nearly_done_working_days", "claimed_working_days", "projected_finish_working_days_late", "pace_needed")
FALLING = ("working_hours_left", "remaining_share", "days_left_on_baseline", "milestone_working_days_left")


def every(task: dict[str, Any], now: datetime, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Give all numbers of a task at an instant."""
    today = today_of(now, CALENDAR)
    asked = [one for one in NUMBERS if names is None or one.name in names]
    return tasks_frame(task).select(one.expression(today).alias(one.name) for one in asked).row(0, named=True)


@SOME
@given(tasks, instants)
def test_no_number_is_ever_infinite_or_no_number(task: dict[str, Any], now: datetime) -> None:
    """Whatever was reported, moved and planned, each measure is a finite number or unknown."""
    for name, value in every(task, now).items():
        assert value is None or math.isfinite(value), name


@SOME
@given(tasks, instants, st.timedeltas(timedelta(0), timedelta(days=60)))
def test_time_alone_never_makes_a_task_look_better(task: dict[str, Any], now: datetime, later: timedelta) -> None:
    """While nobody reports anything, what counts lateness grows and what counts time left falls."""
    before, after = every(task, now, GROWING + FALLING), every(task, now + later, GROWING + FALLING)
    for name in GROWING:
        if before[name] is not None and after[name] is not None:
            assert after[name] >= before[name] - 1e-5, name
    for name in FALLING:
        assert (before[name] is None) == (after[name] is None), name
        assert before[name] is None or after[name] <= before[name] + 1e-5, name


@SOME
@given(st.lists(tasks, min_size=1, max_size=4))
def test_tasks_say_nothing_of_each_other(many: list[dict[str, Any]]) -> None:
    """Read together or one by one, each task has the same row: that is why a refresh may read only the changed."""
    named = [task | {"code": f"T-{number}"} for number, task in enumerate(many)]
    alone = pl.concat([tasks_frame(task) for task in named])
    assert_frame_equal(tasks_frame(*named), alone, categorical_as_str=True)


@SOME
@given(st.lists(reports, max_size=6, unique_by=lambda one: one["reported_at"]))
def test_the_columns_agree_with_reading_one_report_after_the_other(many: list[dict[str, Any]]) -> None:
    """Unchanged reports, the largest rise and the fall back are what one finds by going through the reports."""
    ordered = sorted(many, key=lambda one: one["reported_at"])
    progress: list[float] = []
    unchanged, shown, claims = 0, None, False
    for number, one in enumerate(ordered):
        moved = one["progress"] is not None and one["progress"] != (progress[-1] if progress else 0.0)
        news = moved or one["evidence"] not in {None, shown} or (one["claims"] and not claims) or number == 0
        unchanged = 0 if news else unchanged + 1
        shown, claims = one["evidence"] or shown, one["claims"]
        progress += [] if one["progress"] is None else [one["progress"]]
    assert measured("unchanged_reports", reports=many) == unchanged
    if progress:
        jump = max([0.0, *(later - before for before, later in pairwise(progress))])
        assert measured("largest_jump", reports=many) == pytest.approx(jump, abs=1e-4)
        assert measured("went_back", reports=many) == pytest.approx(max(progress) - progress[-1], abs=1e-4)
