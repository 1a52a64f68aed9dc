"""The measures: what the columns say of a task at an instant. Friday 15/8/2025 is the due day unless a test says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from builders import end_of, local
from hypothesis import given
from hypothesis import strategies as st
from judging import CALENDAR, measured, tasks_frame

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import TIMINGS, Measure, describe, today_of

MICROSECOND = timedelta(microseconds=1)
FRIDAY = end_of(15, 8)
EARLY = FRIDAY - timedelta(hours=13)
instants = st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@pytest.mark.parametrize(
    ("now", "left", "every_day", "days"),
    [
        (local(11, 8, 8), 4, 4, 4),
        (local(14, 8, 23), 1, 1, 1),
        (local(15, 8, 0), 0, 0, 0),
        (FRIDAY, 0, 0, 0),
        (FRIDAY + MICROSECOND, -1, -1, -1),
        (local(16, 8, 12), -1, -1, -1),
        (local(17, 8, 23), -1, -2, -2),
        (local(18, 8, 8), -1, -3, -3),
        (local(19, 8, 8), -2, -4, -4),
        (local(20, 8, 8), -3, -5, -5),
    ],
)
def test_days_left_around_a_friday(now: datetime, left: int, every_day: int, days: int) -> None:
    """Days left are 0 on the due day and at least one below it after, in working days, every day, and plain days."""
    assert measured("working_days_left", now) == left
    assert measured("working_days_left", now, every_day=True) == every_day
    assert measured("days_left", now) == days


def test_a_task_is_late_from_the_microsecond_after_its_deadline() -> None:
    """A deadline within the day counts to the microsecond: 0 at it, -1 just after it, on the same day."""
    due = local(15, 8, 11)
    assert measured("working_days_left", due, due_at=due) == 0
    assert measured("working_days_left", due + MICROSECOND, due_at=due) == -1
    assert measured("days_left", due + MICROSECOND, due_at=due) == -1


def test_holidays_and_make_up_saturdays_count_as_the_calendar_says() -> None:
    """Over the National Day holiday only the day after it is left; the make-up Saturday 10/01/2026 is a working day."""
    assert measured("working_days_left", local(29, 8, 9), due_at=end_of(3, 9)) == 1
    assert measured("working_days_left", local(29, 8, 9), due_at=end_of(3, 9), every_day=True) == 5
    assert measured("working_days_left", local(9, 1, 9, year=2026), due_at=end_of(12, 1, year=2026)) == 2


@given(instants, instants)
def test_days_left_agree_with_the_calendar(now: datetime, due: datetime) -> None:
    """The column says for any instant and deadline what the calendar says for one."""
    assert measured("working_days_left", now, due_at=due) == CALENDAR.working_days_left(now, due)


@given(instants, st.timedeltas(timedelta(0), timedelta(days=40)), instants)
def test_days_left_never_grow_with_time(now: datetime, later: timedelta, due: datetime) -> None:
    """As time passes, no task gets more days left."""
    for name in ("working_days_left", "days_left"):
        assert measured(name, now + later, due_at=due) <= measured(name, now, due_at=due)


def test_the_baseline_is_judged_apart_from_the_deadline_in_force() -> None:
    """A deadline that was moved changes the days left, not those left on the baseline; the slip is their distance."""
    moved: dict[str, Any] = {"baseline_due_at": FRIDAY, "due_at": end_of(22, 8), "slips": 1}
    now = local(19, 8, 8)
    assert measured("working_days_left", now, **moved) == 3
    assert measured("working_days_left_on_baseline", now, **moved) == -2
    assert measured("slip_days", now, **moved) == 7


@pytest.mark.parametrize(
    "name",
    [
        "working_days_left",
        "working_days_left_on_baseline",
        "days_left",
        "planned_working_days",
        "time_share",
        "behind",
    ],
)
def test_without_a_deadline_what_counts_to_it_is_unknown(name: str) -> None:
    """Nothing that counts to a deadline has a value without one, nor with one outside the calendar."""
    assert measured(name, due_at=None, progress=0.5) is None
    assert measured(name, due_at=end_of(1, 3, year=2045), progress=0.5) is None or name == "days_left"


@pytest.mark.parametrize(
    ("start", "due", "planned"),
    [
        (local(4, 8, 0), FRIDAY, 9),
        (local(15, 8, 8), FRIDAY, 1),
        (local(14, 8, 8), FRIDAY, 1),
        (local(20, 8, 8), FRIDAY, 1),
        (local(29, 8, 8), end_of(3, 9), 1),
    ],
)
def test_the_planned_length_is_at_least_one_working_day(start: datetime, due: datetime, planned: int) -> None:
    """The planned length is the working days after the start up to the due day, and never below one."""
    assert measured("planned_working_days", start_at=start, due_at=due) == planned


def test_without_a_start_nobody_knows_how_much_time_was_given() -> None:
    """The planned length and the share used are unknown, whenever the task was recorded; silence still counts."""
    unknown: dict[str, Any] = {"start_at": None, "assigned_at": local(4, 8, 8)}
    assert measured("planned_working_days", **unknown) is None
    assert measured("time_share", local(11, 8, 8), **unknown) is None
    assert measured("silent_working_days", local(11, 8, 8), **unknown) == 5


@pytest.mark.parametrize(
    ("now", "share"),
    [(local(1, 8), 0), (local(4, 8), 0), (local(5, 8), 1 / 9), (local(15, 8), 1), (local(18, 8), 10 / 9)],
)
def test_the_share_of_time_used(now: datetime, share: float) -> None:
    """The share of time is 0 before the start, 1 on the due day, and above 1 once late."""
    assert measured("time_share", now) == pytest.approx(share)


def test_a_start_after_the_deadline_gives_no_infinite_share() -> None:
    """A task that ends before it starts has a planned length of one day, so its shares stay finite."""
    late = {"start_at": local(20, 8, 8), "due_at": FRIDAY}
    assert measured("time_share", local(19, 8, 8), **late) == 0
    assert measured("time_share", local(22, 8, 8), **late) == 2


@pytest.mark.parametrize(
    ("now", "progress", "behind"),
    [
        (local(15, 8), 0.2, 0.8),
        (local(29, 8), 0.2, 0.8),
        (local(1, 8), 0.2, -0.2),
        (local(15, 8), 1.0, 0.0),
        (local(15, 8), None, None),
    ],
)
def test_how_far_a_task_is_behind(now: datetime, progress: float | None, behind: float | None) -> None:
    """Behind is the share of time, at most 1, less the progress; without a stated progress it is unknown."""
    found = measured("behind", now, progress=progress)
    assert found is None if behind is None else found == pytest.approx(behind)


@pytest.mark.parametrize(
    ("reported", "start", "silent"),
    [
        (local(11, 8), local(4, 8), 7),
        (None, local(4, 8), 12),
        (local(1, 8), local(4, 8), 12),
        (local(20, 8, 7), local(4, 8), 0),
        (None, local(25, 8), 0),
        (local(25, 8), local(4, 8), 0),
    ],
)
def test_silence_counts_from_the_last_report_or_the_start(
    reported: datetime | None, start: datetime, silent: int
) -> None:
    """Silence runs from the later of report and start, in working days, and is never negative."""
    assert measured("silent_working_days", last_reported_at=reported, start_at=start) == silent


def test_silence_of_a_task_for_every_day_counts_every_day() -> None:
    """A task on every-day counting is silent on Saturdays and Sundays too."""
    assert measured("silent_working_days", last_reported_at=local(11, 8), every_day=True) == 9


@pytest.mark.parametrize(
    ("status", "due", "done_at", "timing"),
    [
        ("open", end_of(20, 8), None, "open_in_time"),
        ("open", FRIDAY, None, "open_late"),
        ("open", None, None, "no_deadline"),
        ("claimed", FRIDAY, None, "claimed"),
        ("done", FRIDAY, FRIDAY, "done_in_time"),
        ("done", FRIDAY, FRIDAY + MICROSECOND, "done_late"),
        ("done", FRIDAY, EARLY, "done_in_time"),
        ("done", None, EARLY, "done_in_time"),
        ("suspended", FRIDAY, None, "suspended"),
        ("cancelled", FRIDAY, None, "cancelled"),
    ],
)
def test_timing_has_both_axes(status: str, due: datetime | None, done_at: datetime | None, timing: str) -> None:
    """The computed status says whether a task is done and whether in time, to the microsecond."""
    assert measured("timing", status=status, due_at=due, done_at=done_at) == timing


def test_days_since_assigned_count_from_the_start_or_the_recording() -> None:
    """A task without a start counts from when it was recorded, in plain local days."""
    assert measured("days_since_assigned", local(20, 8), start_at=local(1, 8)) == 19
    assert measured("days_since_assigned", local(20, 8), start_at=None, assigned_at=local(18, 8, 23)) == 2


def test_today_is_the_local_day() -> None:
    """Late in the evening in UTC it is already tomorrow in Viet Nam."""
    assert today_of(datetime(2025, 8, 14, 17, tzinfo=UTC), CALENDAR).day - today_of(local(14, 8), CALENDAR).day == 1


def test_every_measure_has_a_value_of_its_kind() -> None:
    """Each column of the catalogue can be computed, is named once, and a closed one gives only its words."""
    lively = {
        "reports": [
            {"reported_at": local(6, 8), "progress": 0.3, "colour": "green"},
            {"reported_at": local(8, 8), "progress": 0.5}
            | {"obstacle": True, "authority": "Đơn vị 2", "reasoned": True},
        ],
        "moves": [{"due_at": FRIDAY, "recorded_at": local(7, 8)}],
        "milestones": [{"due_at": end_of(13, 8)}],
    }
    claimed = lively | {"status": "claimed", "claimed_at": local(9, 8)}
    for name, measure in CATALOGUE["task"].items():
        frame = tasks_frame(claimed if name == "claimed_working_days" else lively)
        value = frame.select(measure.expression(today_of(local(14, 8), CALENDAR))).item()
        assert name == measure.name
        assert value is not None
        assert measure.values is None or value in measure.values
    assert set(CATALOGUE["task"]["timing"].values or ()) == set(TIMINGS)


NUMBERS = [measure for measure in CATALOGUE["task"].values() if measure.sentence[0]]


@pytest.mark.parametrize("measure", NUMBERS, ids=lambda measure: measure.name)
def test_sentences_take_what_they_are_given(measure: Measure) -> None:
    """Every sentence can be said in both languages, for any sign, with or without a threshold."""
    for language in ("vi", "en"):
        for value in (-2.0, 0.0, 3.5, None):
            said = describe(measure, value, 4.0, language)
            assert said
            assert "{" not in said


@pytest.mark.parametrize(
    ("name", "value", "threshold", "said"),
    [
        ("working_days_left", -3.0, 0.0, "đã quá hạn 3 ngày làm việc"),
        ("working_days_left", 2.0, 2.25, "còn 2 ngày làm việc, dưới ngưỡng 3 ngày"),
        ("behind", 0.35, 0.3, "tiến độ chậm 35 % so với kế hoạch, vượt ngưỡng 30 %"),
        ("days_since_assigned", 1234.0, 90.0, "đã giao 1.234 ngày, vượt ngưỡng 90 ngày"),
        ("silent_working_days", 10.0, 9.9, "10 ngày làm việc không có báo cáo, vượt ngưỡng 9 ngày"),
        ("progress", None, 0.5, "chưa có số liệu"),
    ],
)
def test_numbers_are_written_as_in_vietnamese(name: str, value: float | None, threshold: float, said: str) -> None:
    """A sentence shows lateness without a sign, shares as percent, a decimal comma and a point for thousands."""
    assert describe(CATALOGUE["task"][name], value, threshold) == said
