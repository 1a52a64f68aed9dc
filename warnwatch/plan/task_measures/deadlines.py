"""How much time a task has left, was given and has used; or how late it is."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from warnwatch.plan.measures import DAYS, HAS_DEADLINE, SHARE, WORKING_DAYS, Measure, Today, at_least

# Without a start nobody knows how long the task was meant to take, and how much of that is used.
HAS_BOTH_ENDS = HAS_DEADLINE & pl.col("start_at").is_not_null()
PLANNED = at_least(pl.col("due_index") - pl.col("assigned_index"), 1)


def left_until(at: str, index: str) -> Callable[[Today], pl.Expr]:
    """Count days to an instant as design.md 5 says: 0 on its last day, −max(1, n) once it has passed."""

    def expression(today: Today) -> pl.Expr:
        left = pl.col(index) - today.index
        return pl.when(pl.lit(today.at) <= pl.col(at)).then(left).when(pl.col(at).is_not_null()).then(_late(left))

    return expression


def _late(left: pl.Expr) -> pl.Expr:
    return -at_least(-left, 1)


def days_left(today: Today) -> pl.Expr:
    """Count local calendar days to the deadline in force, as `left_until` counts working days."""
    left = pl.col("due_day") - today.day
    return pl.when(pl.lit(today.at) <= pl.col("due_at")).then(left).when(HAS_DEADLINE).then(_late(left))


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
        days_left,
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
)
