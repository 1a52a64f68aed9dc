"""Tasks counted by unit: what a unit is judged by, and that counting only what changed gives the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from builders import NOW, end_of, local, unit
from hypothesis import given
from hypothesis import strategies as st
from judging import CALENDAR, tasks_frame
from polars.testing import assert_frame_equal

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.colours import Cutoffs
from warnwatch.plan.directory import Directory
from warnwatch.plan.measures import describe, today_of
from warnwatch.plan.moving import move
from warnwatch.plan.tally import count_again, count_tasks, cutoff_instants
from warnwatch.plan.unit_frame import stand, unit_frame

CUTOFFS = Cutoffs()
DIRECTORY = Directory(
    {one.code: one for one in (unit("TOP", "Trên"), unit("U-1", "Dưới", parent="TOP"))}, (), NOW.date()
)
MEASURES = CATALOGUE["unit"]


def judged(*tasks: dict[str, Any], name: str, at: datetime = NOW, code: str = "U-1", cutoffs: Cutoffs = CUTOFFS) -> Any:
    """Give one measure of a unit with these tasks."""
    today = today_of(at, CALENDAR)
    counts = count_tasks(tasks_frame(*tasks), today, cutoff_instants(cutoffs, CALENDAR, at))
    frame = unit_frame(counts, DIRECTORY, cutoffs)
    value = frame.filter(pl.col("code") == code).select(MEASURES[name].expression(today)).item()
    return round(value, 4) if isinstance(value, float) else value


LATE: dict[str, Any] = {"due_at": end_of(6, 8)}
DONE: dict[str, Any] = {"status": "done", "due_at": end_of(6, 8)}
# NOW is in August 2025; the last cut-off is the end of 5 August, the one before of 5 July.
START = local(1, 6, 8)


@pytest.mark.parametrize(
    ("tasks", "name", "value"),
    [
        ([{}], "overdue_share", 0),
        ([{**LATE, "weight": 3.0}, {}], "overdue_share", 0.5),
        ([{**LATE, "weight": 3.0}, {}], "overdue_weight_share", 0.75),
        ([{**LATE, "weight": 0.0}, {"weight": 0.0}], "overdue_weight_share", None),
        ([{"due_at": None}, {}], "no_deadline_tasks", 1),
        ([{"due_at": None}, {}], "dated_tasks", 1),
        ([{"slips": 2}, {"slips": 1}, {}], "slipped_tasks", 2),
        ([{"slips": 2}, {"status": "cancelled"}], "slipped_share", 1),
        ([{**DONE, "done_at": local(5, 8)}, {**DONE, "done_at": local(7, 8)}], "in_time_share", 0.5),
        ([{**DONE, "done_at": local(5, 8)}, LATE, {}], "in_time_share_of_due", 0.5),
        ([{**DONE, "done_at": local(7, 8)}, {}], "in_time_share_of_due", 0),
        (
            [{**LATE, "status": "claimed", "claimed_at": local(5, 8)}],
            "in_time_share_of_due",
            None,
        ),  # in time if verified
        ([{**LATE, "status": "claimed", "claimed_at": local(7, 8)}], "in_time_share_of_due", 0),
        ([{}], "in_time_share_of_due", None),
        ([{"start_at": START, "last_reported_at": local(2, 7)}, {"start_at": START}], "reported_share", 0.5),
        ([{"start_at": START, "last_reported_at": local(2, 6)}, {"start_at": START}], "reported_lately_share", 0),
        ([{"start_at": START, "last_reported_at": NOW - timedelta(days=2)}], "reported_lately_share", 1),
        ([{"start_at": NOW - timedelta(days=1)}], "reported_lately_share", 1),  # begun yesterday: nobody is silent yet
        ([{"due_at": None}, {**DONE, "done_at": local(5, 8)}], "reported_lately_share", None),
        ([LATE, {}, {}, {}, {}], "colour", 2),
        ([LATE, {}, {}, {}], "colour", 3),
        ([{}], "colour", 1),
        ([{"due_at": None}], "colour", None),
        ([], "overdue_share", None),
        ([], "tasks", 0),
    ],
)
def test_how_a_unit_stands(tasks: list[dict[str, Any]], name: str, value: float | None) -> None:
    """Shares of tasks: with nothing to divide by they are unknown; who stands above counts the same tasks."""
    numbered = [{"code": f"T-{number}"} | task for number, task in enumerate(tasks)]
    assert judged(*numbered, name=name, at=local(15, 8)) == value
    assert judged(*numbered, name=name, at=local(15, 8), code="TOP") == value


@pytest.mark.parametrize(
    ("task", "late"),
    [
        ({"due_at": end_of(4, 8)}, 1),
        ({"due_at": end_of(6, 8)}, 0),
        ({"due_at": end_of(4, 8), "status": "done", "done_at": local(5, 8, 9)}, 0),
        ({"due_at": end_of(4, 8), "status": "done", "done_at": local(6, 8, 9)}, 1),  # done since: it was late then
        ({"due_at": end_of(4, 8), "status": "claimed", "claimed_at": local(4, 8, 9)}, 0),
        ({"due_at": end_of(4, 8), "status": "claimed", "claimed_at": local(8, 8, 9)}, 1),
        ({"due_at": end_of(4, 8), "start_at": local(6, 8)}, None),  # nobody had it yet
    ],
)
def test_a_unit_is_looked_at_as_it_was_at_the_cutoff(task: dict[str, Any], late: float | None) -> None:
    """On 15 August the share is that of the end of 5 August, by what is known of that day now."""
    task = {"start_at": START} | task
    assert judged(task, name="overdue_share_at_cutoff", at=local(15, 8)) == late
    colour = None if late is None else 3 if late else 1
    assert judged(task, name="colour_at_cutoff", at=local(15, 8)) == colour


def test_the_share_rises_and_falls_between_cutoffs() -> None:
    """Late in July and in August, of two tasks and of two: the rise is 0,5; done in between it falls."""
    one = {"code": "A", "start_at": START, "due_at": end_of(1, 7)}
    other = {"code": "B", "start_at": START, "due_at": end_of(1, 8)}
    assert judged(one, other, name="overdue_share_rise", at=local(15, 8)) == 0.5
    done = one | {"status": "done", "done_at": local(20, 7)}
    assert judged(done, other | {"due_at": end_of(20, 8)}, name="overdue_share_rise", at=local(15, 8)) == -0.5


@pytest.mark.parametrize(
    ("day", "today", "last", "before"),
    [
        (5, date(2025, 8, 15), date(2025, 8, 5), date(2025, 7, 5)),
        (5, date(2025, 8, 5), date(2025, 7, 5), date(2025, 6, 5)),  # the day itself is not over
        (28, date(2025, 1, 3), date(2024, 12, 28), date(2024, 11, 28)),
        ("fri", date(2025, 8, 15), date(2025, 8, 8), date(2025, 8, 1)),
        ("fri", date(2025, 8, 16), date(2025, 8, 15), date(2025, 8, 8)),
    ],
)
def test_cutoff_days_are_those_that_are_over(day: int | str, today: date, last: date, before: date) -> None:
    """A day of the month or of the week; today counts from tomorrow on."""
    assert Cutoffs(day=day).days(today) == (last, before)


@pytest.mark.parametrize(("language", "said"), [("vi", "Đỏ"), ("en", "red")])
def test_a_colour_is_said_as_a_word(language: str, said: str) -> None:
    """Nobody reads 3 as red."""
    sentence = describe(MEASURES["colour"], 3, 2, language)
    assert said in sentence
    assert "3" not in sentence


TASKS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["open", "claimed", "done", "suspended"]),
        "due_at": st.none() | st.integers(1, 28).map(lambda day: end_of(day, 8)),
        "last_reported_at": st.none() | st.integers(1, 14).map(lambda day: local(day, 8)),
        "weight": st.sampled_from([0.5, 1.0, 3.0]),
        "slips": st.integers(0, 2),
        "phase": st.sampled_from([1, 2]),
    }
)
PLANS = st.lists(TASKS, min_size=1, max_size=8)


def _whole(task: dict[str, Any]) -> dict[str, Any]:
    at = local(10, 8)
    return task | {"done_at": at if task["status"] == "done" else None, "claimed_at": None}


@given(PLANS, st.data())
def test_counting_what_changed_counts_the_whole(plan: list[dict[str, Any]], data: st.DataObject) -> None:
    """Some tasks are other ones now, a few are new: the counts are those of a plan that is counted anew."""
    at = local(15, 8, 9)
    rows = [{"code": f"T-{number}"} | _whole(task) for number, task in enumerate(plan)]
    changed = data.draw(st.lists(st.sampled_from(rows), unique_by=lambda row: row["code"], max_size=4))
    news = [row | _whole(data.draw(TASKS)) for row in changed] + [{"code": "T-new"} | _whole(data.draw(TASKS))]
    cutoffs = cutoff_instants(CUTOFFS, CALENDAR, at)
    before = count_again(tasks_frame(*rows), today_of(at, CALENDAR), cutoffs)
    fresh = tasks_frame(*news)
    moved = move(before.tasks, fresh.sort("code"), fresh["code"].to_list())
    after = moved.after
    later = at + timedelta(minutes=1)
    went_on = count_again(after, today_of(later, CALENDAR), cutoffs, before, moved)
    anew = count_again(after, today_of(later, CALENDAR), cutoffs)
    assert_frame_equal(went_on.frame, anew.frame, check_row_order=False)
    assert went_on.until <= anew.until


def test_nothing_is_counted_again_until_a_deadline_or_a_day_passes() -> None:
    """The same object comes back, and with it the same frame of units; a deadline that passes counts all anew."""
    tasks = tasks_frame({"due_at": local(15, 8, 12)})
    nine, noon = local(15, 8, 9), local(15, 8, 12, 1)
    cutoffs = cutoff_instants(CUTOFFS, CALENDAR, nine)
    first = count_again(tasks, today_of(nine, CALENDAR), cutoffs)
    standing = stand(first, DIRECTORY, CUTOFFS)
    again = count_again(tasks, today_of(nine + timedelta(hours=3), CALENDAR), cutoffs, first)
    assert again is first
    assert stand(again, DIRECTORY, CUTOFFS, standing) is standing
    assert count_again(tasks, today_of(noon, CALENDAR), cutoffs, first).frame["timing"].to_list() == ["open_late"]
    tomorrow = today_of(local(16, 8, 9), CALENDAR)
    assert count_again(tasks, tomorrow, cutoffs, replace(first, until=local(20, 8))) is not first


@given(st.integers(0, 20), st.integers(1, 20), st.floats(0, 0.5), st.floats(0, 0.5))
def test_the_colour_never_gets_better_with_more_overdue(late: int, more: int, green: float, width: float) -> None:
    """Monotone in the share, whatever the limits."""
    cutoffs = Cutoffs(green, green + width)
    frame = pl.DataFrame({"share": [late / 40, min(40, late + more) / 40]})
    one, other = frame.select(cutoffs.colour_of(pl.col("share"))).to_series()
    assert one <= other
