"""Where a task stands on the way of its own milestones."""

from __future__ import annotations

import polars as pl

from warnwatch.plan.measures import SHARE, WORKING_DAYS, Measure, Today, column
from warnwatch.plan.task_measures.deadlines import left_until

_MILESTONES = ("mốc", "milestones")


def overdue_milestones(today: Today) -> pl.Expr:
    """Count the open milestones whose time has passed."""
    late = (pl.element() < today.now).cast(pl.Int32)
    return pl.col("open_milestones").list.eval(late).list.sum().fill_null(0)


def milestones_done_share(_today: Today) -> pl.Expr:
    """Give the share of the milestones that are done; without any there is nothing to divide by."""
    share = pl.col("milestones_done").cast(pl.Float32) / pl.col("milestones").cast(pl.Float32)
    return pl.when(pl.col("milestones") > 0).then(share)


MILESTONES = (
    Measure(
        "milestones",
        "task",
        "number",
        _MILESTONES,
        ("số mốc của nhiệm vụ", "milestones of the task"),
        "milestones",
        "4",
        column("milestones"),
        ("{value} mốc, ngưỡng {threshold} mốc", "{value} milestones, threshold {threshold}"),
        nullable=False,
    ),
    Measure(
        "overdue_milestones",
        "task",
        "number",
        _MILESTONES,
        ("số mốc đã quá thời hạn mà chưa hoàn thành", "milestones past their date and not done"),
        "milestones",
        "1",
        overdue_milestones,
        ("{value} mốc quá hạn, vượt ngưỡng {threshold} mốc", "{value} overdue milestones, above {threshold}"),
        nullable=False,
    ),
    Measure(
        "milestone_working_days_left",
        "task",
        "number",
        WORKING_DAYS,
        (
            "số ngày làm việc còn lại đến mốc gần nhất chưa hoàn thành; số âm khi đã quá",
            "working days to the next milestone not done, negative once it is late",
        ),
        "milestones, calendar",
        "3",
        left_until("next_milestone_at", "next_milestone_index"),
        (
            "còn {value} ngày làm việc đến mốc gần nhất, dưới ngưỡng {threshold} ngày",
            "{value} working days to the next milestone, below {threshold}",
        ),
        ("mốc gần nhất đã quá hạn {value} ngày làm việc", "the next milestone is {value} working days late"),
    ),
    Measure(
        "milestones_done_share",
        "task",
        "number",
        SHARE,
        ("tỷ lệ mốc đã hoàn thành; chưa có khi không có mốc", "share of milestones done; none without milestones"),
        "milestones",
        "0.5",
        milestones_done_share,
        ("{value} số mốc đã hoàn thành, dưới ngưỡng {threshold}", "{value} of the milestones done, below {threshold}"),
    ),
)
