"""How much time a task has left, was given and has used; or how late it is."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from warnwatch.plan.measures import DAYS, HAS_DEADLINE, SHARE, WORKING_DAYS, WORKING_HOURS, Measure, Today, at_least

# Without a start nobody knows how long the task was meant to take, and how much of that is used.
HAS_BOTH_ENDS = HAS_DEADLINE & pl.col("start_at").is_not_null()
PLANNED = at_least(pl.col("due_index") - pl.col("assigned_index"), 1)


def left_until(at: str, index: str) -> Callable[[Today], pl.Expr]:
    """Count days to an instant as design.md 5 says: 0 on its last day, −max(1, n) once it has passed."""

    def expression(today: Today) -> pl.Expr:
        left = pl.col(index) - today.index
        return pl.when(today.now <= pl.col(at)).then(left).when(pl.col(at).is_not_null()).then(_late(left))

    return expression


def _late(left: pl.Expr) -> pl.Expr:
    return -at_least(-left, 1)


def days_until(at: str, day: str) -> Callable[[Today], pl.Expr]:
    """Count local calendar days to an instant, as `left_until` counts working days."""

    def expression(today: Today) -> pl.Expr:
        left = pl.col(day) - today.day
        return pl.when(today.now <= pl.col(at)).then(left).when(pl.col(at).is_not_null()).then(_late(left))

    return expression


def overdue_days(today: Today) -> pl.Expr:
    """Count calendar days since the deadline in force; 0 until it has passed."""
    return at_least(-days_until("due_at", "due_day")(today), 0)


def hours_left(today: Today) -> pl.Expr:
    """Count the hours that offices still work until the deadline in force; late, it is less than 0 at once."""
    left = pl.col("due_minutes") - today.worked
    late = pl.when(HAS_DEADLINE).then(_late(left))
    minutes = pl.when(today.now <= pl.col("due_at")).then(left).otherwise(late)
    return minutes.cast(pl.Float32) / 60


def remaining_share(today: Today) -> pl.Expr:
    """Give the working days left as a share of the planned length: a tenth of 7 days and of 130 weigh the same."""
    left = left_until("due_at", "due_index")(today).cast(pl.Float32)
    return pl.when(HAS_BOTH_ENDS).then(left / PLANNED.cast(pl.Float32))


def planned(_today: Today) -> pl.Expr:
    """Count the working days from the start to the deadline in force; a task begun on its last day has one."""
    return pl.when(HAS_BOTH_ENDS).then(PLANNED)


def time_share(today: Today) -> pl.Expr:
    """Give the share of the planned working days that is used, above 1 once late."""
    used = (today.index - pl.col("assigned_index")).cast(pl.Float32)
    return pl.when(HAS_BOTH_ENDS).then(at_least(used, 0) / PLANNED.cast(pl.Float32))


DEADLINES = (
    Measure(
        "working_days_left",
        "task",
        "number",
        WORKING_DAYS,
        (
            "số ngày làm việc còn lại đến hạn hiện hành; 0 trong ngày cuối, số âm khi quá hạn",
            "working days to the deadline in force; 0 on its last day, negative once late",
        ),
        "deadline in force, calendar",
        "-2",
        left_until("due_at", "due_index"),
        ("còn {value} ngày làm việc, dưới ngưỡng {threshold} ngày", "{value} working days left, below {threshold}"),
        ("đã quá hạn {value} ngày làm việc", "{value} working days late"),
    ),
    Measure(
        "working_days_left_on_baseline",
        "task",
        "number",
        WORKING_DAYS,
        ("số ngày làm việc còn lại đến thời hạn ban đầu", "working days to the first approved deadline"),
        "baseline, calendar",
        "-12",
        left_until("baseline_due_at", "baseline_index"),
        (
            "còn {value} ngày làm việc đến thời hạn ban đầu, dưới ngưỡng {threshold} ngày",
            "{value} working days left to the baseline, below {threshold}",
        ),
        (
            "đã quá thời hạn ban đầu {value} ngày làm việc",
            "{value} working days past the baseline",
        ),
    ),
    Measure(
        "days_left",
        "task",
        "number",
        DAYS,
        (
            "số ngày theo lịch còn lại đến hạn hiện hành; số âm khi quá hạn",
            "calendar days to the deadline in force, negative once late",
        ),
        "deadline in force",
        "5",
        days_until("due_at", "due_day"),
        ("còn {value} ngày, dưới ngưỡng {threshold} ngày", "{value} days left, below {threshold}"),
        ("đã quá hạn {value} ngày", "{value} days late"),
    ),
    Measure(
        "planned_working_days",
        "task",
        "number",
        WORKING_DAYS,
        (
            "thời gian được giao, từ ngày bắt đầu đến hạn hiện hành, ít nhất 1; chưa có khi chưa biết ngày bắt đầu",
            "planned length from the start to the deadline in force, at least 1; unknown without a start",
        ),
        "start, deadline in force, calendar",
        "7",
        planned,
        (
            "thời gian được giao {value} ngày làm việc, ngưỡng {threshold} ngày",
            "{value} planned working days, threshold {threshold}",
        ),
    ),
    Measure(
        "time_share",
        "task",
        "number",
        SHARE,
        ("phần thời gian đã trôi qua; lớn hơn 1 khi quá hạn", "share of the planned time used; above 1 once late"),
        "start, deadline in force, calendar",
        "0.75",
        time_share,
        ("đã dùng {value} thời gian, vượt ngưỡng {threshold}", "{value} of the time used, above {threshold}"),
    ),
    Measure(
        "days_since_assigned",
        "task",
        "number",
        DAYS,
        (
            "số ngày theo lịch kể từ khi bắt đầu (hoặc khi ghi vào hệ thống)",
            "calendar days since the start, or since the task was recorded",
        ),
        "start",
        "92",
        lambda today: today.day - pl.col("assigned_day"),
        ("đã giao {value} ngày, vượt ngưỡng {threshold} ngày", "assigned {value} days ago, above {threshold}"),
    ),
    Measure(
        "days_left_on_baseline",
        "task",
        "number",
        DAYS,
        (
            "số ngày theo lịch còn lại đến thời hạn ban đầu; số âm khi đã qua",
            "calendar days to the first approved deadline, negative once it has passed",
        ),
        "baseline",
        "-30",
        days_until("baseline_due_at", "baseline_day"),
        (
            "còn {value} ngày đến thời hạn ban đầu, dưới ngưỡng {threshold} ngày",
            "{value} days left to the baseline, below {threshold}",
        ),
        ("đã quá thời hạn ban đầu {value} ngày", "{value} days past the baseline"),
    ),
    Measure(
        "overdue_days",
        "task",
        "number",
        DAYS,
        (
            "số ngày theo lịch quá hạn hiện hành; 0 khi còn trong hạn",
            "calendar days past the deadline in force; 0 while in time",
        ),
        "deadline in force",
        "31",
        overdue_days,
        ("quá hạn {value} ngày, vượt ngưỡng {threshold} ngày", "{value} days overdue, above {threshold}"),
    ),
    Measure(
        "working_hours_left",
        "task",
        "number",
        WORKING_HOURS,
        (
            "số giờ làm việc còn lại đến hạn hiện hành, theo giờ làm việc của lịch; số âm khi quá hạn",
            "office hours of the calendar left to the deadline in force, negative once late",
        ),
        "deadline in force, calendar hours",
        "6.5",
        hours_left,
        ("còn {value} giờ làm việc, dưới ngưỡng {threshold} giờ", "{value} working hours left, below {threshold}"),
        ("đã quá hạn {value} giờ làm việc", "{value} working hours late"),
    ),
    Measure(
        "remaining_share",
        "task",
        "number",
        SHARE,
        (
            "số ngày làm việc còn lại so với thời gian được giao; số âm khi quá hạn",
            "working days left as a share of the planned length, negative once late",
        ),
        "start, deadline in force, calendar",
        "0.25",
        remaining_share,
        ("còn {value} thời gian được giao, dưới ngưỡng {threshold}", "{value} of the time left, below {threshold}"),
        ("đã quá hạn {value} thời gian được giao", "late by {value} of the planned time"),
    ),
)
