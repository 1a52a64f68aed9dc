"""Whether what is reported of a task is credible progress: silence first of all."""

from __future__ import annotations

import polars as pl

from warnwatch.plan.measures import NONE, SHARE, WORKING_DAYS, Measure, Today, at_least, column

_REPORTS = ("báo cáo", "reports")


def silent(today: Today) -> pl.Expr:
    """Count the working days since the last report, or since the start when that is later."""
    # Nobody can have reported before the task began: silence starts at the later of the two.
    since = pl.max_horizontal("report_index", "assigned_index")
    return at_least(today.index - since, 0)


def unchanged(today: Today) -> pl.Expr:
    """Count the working days since the reported progress last changed, or since the start while it never did."""
    return at_least(today.index - pl.max_horizontal("changed_index", "assigned_index"), 0)


def nearly_done(today: Today) -> pl.Expr:
    """Count the working days since when a task is reported nearly done; 0 for one that is not."""
    since = at_least(today.index - pl.col("nearly_index"), 0)
    return pl.when(pl.col("nearly_index").is_null()).then(0).otherwise(since)


def claimed(today: Today) -> pl.Expr:
    """Count the working days since a task was claimed done; none for one that is not waiting to be verified."""
    since = at_least(today.index - pl.col("claimed_index"), 0)
    return pl.when(pl.col("status") == "claimed").then(since)


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
    Measure(
        "reports",
        "task",
        "number",
        _REPORTS,
        ("số báo cáo đã nhận, không kể báo cáo đã được thay thế", "reports received, without those that were replaced"),
        "reports",
        "4",
        column("reports"),
        ("{value} báo cáo, ngưỡng {threshold} báo cáo", "{value} reports, threshold {threshold}"),
        nullable=False,
    ),
    Measure(
        "unchanged_reports",
        "task",
        "number",
        _REPORTS,
        (
            "số báo cáo gần nhất liên tiếp không có gì mới: cùng tiến độ, không có tài liệu kiểm chứng mới",
            "last reports in a row that change nothing: same progress, no new evidence, no claim of completion",
        ),
        "reports",
        "2",
        column("unchanged_reports"),
        (
            "{value} báo cáo liên tiếp không có kết quả mới, vượt ngưỡng {threshold} báo cáo",
            "{value} reports in a row with nothing new, above {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "unchanged_working_days",
        "task",
        "number",
        WORKING_DAYS,
        (
            "số ngày làm việc tiến độ báo cáo không thay đổi, kể từ lần thay đổi gần nhất hoặc từ ngày bắt đầu",
            "working days since the reported progress last changed, or since the start",
        ),
        "reports.progress, start, calendar",
        "15",
        unchanged,
        (
            "tiến độ không thay đổi trong {value} ngày làm việc, vượt ngưỡng {threshold} ngày",
            "progress unchanged for {value} working days, above {threshold}",
        ),
    ),
    Measure(
        "nearly_done_working_days",
        "task",
        "number",
        WORKING_DAYS,
        (
            "số ngày làm việc kể từ khi tiến độ báo cáo đạt 90 % trở lên và giữ ở đó; 0 khi dưới 90 %",
            "working days since the reported progress came to 0.9 or more and stayed there; 0 below that",
        ),
        "reports.progress, calendar",
        "12",
        nearly_done,
        (
            "gần hoàn thành đã {value} ngày làm việc nhưng chưa kết thúc, vượt ngưỡng {threshold} ngày",
            "nearly done for {value} working days and not finished, above {threshold}",
        ),
    ),
    Measure(
        "unproven_progress",
        "task",
        "number",
        SHARE,
        (
            "phần tiến độ tăng thêm kể từ báo cáo gần nhất có tài liệu kiểm chứng mới",
            "progress gained since the last report with new evidence",
        ),
        "reports.progress, reports.evidence",
        "0.5",
        column("unproven_progress"),
        (
            "{value} tiến độ chưa có tài liệu kiểm chứng, vượt ngưỡng {threshold}",
            "{value} of progress without evidence, above {threshold}",
        ),
    ),
    Measure(
        "largest_jump",
        "task",
        "number",
        SHARE,
        (
            "mức tăng tiến độ lớn nhất giữa hai báo cáo liên tiếp",
            "largest rise of progress from one report to the next",
        ),
        "reports.progress",
        "0.6",
        column("largest_jump"),
        (
            "tiến độ tăng {value} giữa hai báo cáo liên tiếp, vượt ngưỡng {threshold}",
            "progress up by {value} from one report to the next, above {threshold}",
        ),
    ),
    Measure(
        "went_back",
        "task",
        "number",
        SHARE,
        (
            "tiến độ báo cáo thấp hơn bao nhiêu so với mức cao nhất đã báo cáo",
            "how far the reported progress lies below the highest one reported before",
        ),
        "reports.progress",
        "0.2",
        column("went_back"),
        (
            "tiến độ thấp hơn {value} so với mức đã báo cáo, vượt ngưỡng {threshold}",
            "progress {value} below what was reported before, above {threshold}",
        ),
    ),
    Measure(
        "claimed_working_days",
        "task",
        "number",
        WORKING_DAYS,
        (
            "số ngày làm việc kể từ khi báo cáo hoàn thành mà chưa được xác nhận; chỉ có ở trạng thái claimed",
            "working days since completion was claimed and not verified; only for the status claimed",
        ),
        "tasks.claimed_at, reports.claims_completion, calendar",
        "4",
        claimed,
        (
            "đã báo cáo hoàn thành {value} ngày làm việc, chưa được xác nhận, vượt ngưỡng {threshold} ngày",
            "claimed done {value} working days ago and not verified, above {threshold}",
        ),
    ),
    Measure(
        "needs_evidence",
        "task",
        "boolean",
        NONE,
        ("nhiệm vụ đã nêu loại tài liệu kiểm chứng phải có", "the task says what kind of evidence it needs"),
        "tasks.evidence_type",
        "true",
        column("needs_evidence"),
        nullable=False,
    ),
)
