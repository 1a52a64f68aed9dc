"""What the plan records of a task: which it is, whose, how far verified, how clearly given."""

from __future__ import annotations

import polars as pl

from warnwatch.plan.measures import HAS_DEADLINE, NONE, TIMINGS, Measure, Today, column
from warnwatch.plan.task_frame import STATUSES


def timing(today: Today) -> pl.Expr:
    """Give the status on both axes: done or not, in time or late (domain: official statistics report both)."""
    status, due = pl.col("status"), pl.col("due_at")
    in_time = due.is_null() | (pl.col("done_at") <= due)
    return (
        pl.when(status == "done")
        .then(pl.when(in_time).then(pl.lit("done_in_time")).otherwise(pl.lit("done_late")))
        .when(status == "open")
        .then(
            pl.when(due.is_null())
            .then(pl.lit("no_deadline"))
            .when(today.now <= due)
            .then(pl.lit("open_in_time"))
            .otherwise(pl.lit("open_late"))
        )
        .otherwise(status.cast(pl.String))
        .cast(pl.Enum(TIMINGS))
    )


FACTS = (
    Measure(
        "code",
        "task",
        "code",
        NONE,
        ("mã nhiệm vụ", "the task's code"),
        "tasks.code",
        "KH02-031.CP-BYT",
        column("code"),
        nullable=False,
    ),
    Measure(
        "unit",
        "task",
        "code",
        NONE,
        ("đơn vị chủ trì", "the lead unit"),
        "tasks.lead_unit",
        "DP-19-UB",
        column("unit"),
        nullable=False,
    ),
    Measure(
        "bloc",
        "task",
        "text",
        NONE,
        ("khối của đơn vị chủ trì", "the lead unit's bloc"),
        "units.bloc",
        "DIA_PHUONG",
        column("bloc"),
    ),
    Measure(
        "phase",
        "task",
        "number",
        NONE,
        ("giai đoạn của kế hoạch, 0 là thường xuyên", "phase of the plan, 0 is a standing duty"),
        "tasks.phase",
        "2",
        column("phase"),
    ),
    Measure(
        "group_no", "task", "number", NONE, ("nhóm nhiệm vụ", "task group"), "tasks.group", "4", column("group_no")
    ),
    Measure(
        "weight",
        "task",
        "number",
        NONE,
        ("trọng số của nhiệm vụ", "the task's weight"),
        "tasks.weight",
        "1",
        column("weight"),
        nullable=False,
    ),
    Measure(
        "status",
        "task",
        "text",
        NONE,
        ("trạng thái đã ghi nhận", "recorded status"),
        "tasks.status",
        "open",
        column("status"),
        values=STATUSES,
        nullable=False,
    ),
    Measure(
        "timing",
        "task",
        "text",
        NONE,
        (
            "trạng thái theo cả hai trục: xong hay chưa, trong hạn hay quá hạn",
            "status on both axes: done or not, in time or late",
        ),
        "status, done_at, deadline in force",
        "open_late",
        timing,
        values=TIMINGS,
        nullable=False,
    ),
    Measure(
        "has_deadline",
        "task",
        "boolean",
        NONE,
        ("có thời hạn hoàn thành", "has a deadline in force"),
        "deadlines",
        "true",
        lambda _today: HAS_DEADLINE,
        nullable=False,
    ),
    Measure(
        "has_start",
        "task",
        "boolean",
        NONE,
        ("đã biết ngày bắt đầu", "its start is known"),
        "tasks.start",
        "true",
        lambda _today: pl.col("start_at").is_not_null(),
        nullable=False,
    ),
    Measure(
        "has_report",
        "task",
        "boolean",
        NONE,
        ("đã có ít nhất một báo cáo", "has at least one report"),
        "reports",
        "true",
        lambda _today: pl.col("last_reported_at").is_not_null(),
        nullable=False,
    ),
    Measure(
        "confidential",
        "task",
        "boolean",
        NONE,
        ("nhiệm vụ không hiển thị nội dung ra ngoài hệ thống", "content is not shown outside the system"),
        "tasks.confidential",
        "false",
        column("confidential"),
        nullable=False,
    ),
    Measure(
        "standing_duty",
        "task",
        "boolean",
        NONE,
        ("nhiệm vụ thường xuyên (giai đoạn 0)", "a standing duty (phase 0)"),
        "tasks.phase",
        "false",
        lambda _today: (pl.col("phase") == 0).fill_null(value=False),
        nullable=False,
    ),
    Measure(
        "clears",
        "task",
        "number",
        ("trên 6", "of 6"),
        ("số yếu tố “6 rõ” đã nêu đủ", "how many of the six clears are stated"),
        "tasks",
        "5",
        column("clears"),
        ("đạt {value}/6 rõ, ngưỡng {threshold}/6", "{value} of 6 clears, threshold {threshold}"),
        nullable=False,
    ),
)
