"""Whether what is reported of a task is credible progress: silence first of all."""

from __future__ import annotations

import polars as pl

from warnwatch.plan.measures import WORKING_DAYS, Measure, Today, at_least


def silent(today: Today) -> pl.Expr:
    """Count the working days since the last report, or since the start when that is later."""
    # Nobody can have reported before the task began: silence starts at the later of the two.
    since = pl.max_horizontal("report_index", "assigned_index")
    return at_least(today.index - since, 0)


STALLS = (
    Measure(
        "silent_working_days",
        "task",
        "number",
        WORKING_DAYS,
        (
            "số ngày làm việc không có báo cáo, kể từ báo cáo gần nhất hoặc từ ngày bắt đầu",
            "working days without a report, since the last one or the start",
        ),
        "reports, start, calendar",
        "9",
        silent,
        (
            "{value} ngày làm việc không có báo cáo, vượt ngưỡng {threshold} ngày",
            "{value} working days without a report, above {threshold}",
        ),
    ),
)
