"""How far a task is, against the time that it has used."""

from __future__ import annotations

import polars as pl

from warnwatch.plan.measures import SHARE, Measure, Today, at_least, column
from warnwatch.plan.task_measures.deadlines import time_share


def behind(today: Today) -> pl.Expr:
    """Give the share of time used, at most 1, less the progress reported; unknown without a report."""
    # Rounded, 3/5 - 0.45 is 0.15 and not 0.15000004: who lies exactly at a threshold has not passed it.
    return (-at_least(-time_share(today), -1) - pl.col("progress")).round(5)


PROGRESS = (
    Measure(
        "progress",
        "task",
        "number",
        SHARE,
        ("tiến độ theo báo cáo gần nhất có nêu tiến độ", "progress of the latest report that states it"),
        "reports.progress",
        "0.4",
        column("progress"),
        ("tiến độ báo cáo {value}, ngưỡng {threshold}", "reported progress {value}, threshold {threshold}"),
    ),
    Measure(
        "behind",
        "task",
        "number",
        SHARE,
        (
            "phần thời gian đã dùng (nhiều nhất là 1) trừ tiến độ đã báo cáo",
            "share of the time used (at most 1) minus reported progress",
        ),
        "time_share, progress",
        "0.35",
        behind,
        (
            "tiến độ chậm {value} so với thời gian đã dùng, vượt ngưỡng {threshold}",
            "progress {value} behind the time used, above {threshold}",
        ),
    ),
)
