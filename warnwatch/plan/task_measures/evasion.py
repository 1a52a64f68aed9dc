"""Whether a task is being passed round: handed on, blocked, reminded in vain, promised in vain."""

from __future__ import annotations

import polars as pl

from warnwatch.plan.measures import NONE, WORKING_DAYS, Measure, Today, at_least, column

_TIMES = ("lần", "times")


def _obstructed(_today: Today) -> pl.Expr:
    return pl.col("obstacle_index").is_not_null()


def _named(_today: Today) -> pl.Expr:
    """Say whether the obstacle in force names a unit of the tree; null without an obstacle."""
    return pl.when(pl.col("obstacle_index").is_not_null()).then(pl.col("authority").is_not_null())


def obstacle_days(today: Today) -> pl.Expr:
    """Count the working days since every report has named an obstacle; null without one."""
    return at_least(today.index - pl.col("obstacle_index"), 0)


def unanswered(today: Today) -> pl.Expr:
    """Count the same days while the authority that is named has not answered; 0 once it has."""
    answered = pl.col("obstacle_answered").fill_null(value=False)
    waits = pl.when(answered).then(0).otherwise(obstacle_days(today))
    return pl.when(pl.col("obstacle_index").is_not_null() & pl.col("authority").is_not_null()).then(waits)


EVASION = (
    Measure(
        "handovers",
        "task",
        "number",
        _TIMES,
        (
            "số lần chuyển đơn vị chủ trì hoặc người trực tiếp thực hiện",
            "times the task went to another lead unit or to another desk",
        ),
        "tasks.lead_unit, tasks.owner_role",
        "3",
        column("handovers"),
        (
            "nhiệm vụ đã chuyển {value} lần, vượt ngưỡng {threshold} lần",
            "the task was handed over {value} times, above {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "obstructed",
        "task",
        "boolean",
        NONE,
        ("báo cáo gần nhất có nêu vướng mắc", "the latest report names an obstacle"),
        "reports.obstacle",
        "true",
        _obstructed,
        nullable=False,
    ),
    Measure(
        "obstacle_named",
        "task",
        "boolean",
        NONE,
        (
            "vướng mắc có nêu cơ quan tháo gỡ là một đơn vị trong kế hoạch; chưa có khi không có vướng mắc",
            "the obstacle names a unit of the plan that could lift it; unknown without an obstacle",
        ),
        "reports.obstacle_authority",
        "true",
        _named,
    ),
    Measure(
        "obstacle_reasoned",
        "task",
        "boolean",
        NONE,
        ("vướng mắc có nêu vì sao vượt thẩm quyền", "the obstacle says why it is beyond the unit's own power"),
        "reports.obstacle_reason",
        "true",
        column("obstacle_reasoned"),
    ),
    Measure(
        "obstacle_unit",
        "task",
        "code",
        NONE,
        ("đơn vị có thẩm quyền tháo gỡ vướng mắc", "the unit that the obstacle names"),
        "reports.obstacle_authority",
        "CP-BTC",
        column("obstacle_unit"),
    ),
    Measure(
        "obstacle_working_days",
        "task",
        "number",
        WORKING_DAYS,
        (
            "số ngày làm việc từ khi các báo cáo liên tiếp nêu vướng mắc",
            "working days since every report has named an obstacle",
        ),
        "reports.obstacle, calendar",
        "6",
        obstacle_days,
        (
            "vướng mắc kéo dài {value} ngày làm việc, vượt ngưỡng {threshold} ngày",
            "an obstacle for {value} working days, above {threshold}",
        ),
    ),
    Measure(
        "obstacle_unanswered_working_days",
        "task",
        "number",
        WORKING_DAYS,
        (
            "số ngày làm việc cơ quan có thẩm quyền chưa trả lời vướng mắc; 0 khi cơ quan đó đã quyết định",
            "working days for which the authority named has not answered; 0 once it has decided",
        ),
        "reports, decisions, calendar",
        "4",
        unanswered,
        (
            "{value} ngày làm việc chưa có ý kiến tháo gỡ, vượt ngưỡng {threshold} ngày",
            "{value} working days without an answer to the obstacle, above {threshold}",
        ),
    ),
    Measure(
        "unanswered_reminders",
        "task",
        "number",
        _TIMES,
        (
            "số lần nhắc (từ bước thứ hai) chưa có xác nhận hoặc báo cáo nào sau đó",
            "reminders (from the second step on) that no acknowledgement and no report has followed",
        ),
        "calls, acknowledgements, reports",
        "2",
        column("unanswered_reminders"),
        (
            "{value} lần nhắc chưa được trả lời, vượt ngưỡng {threshold} lần",
            "{value} reminders unanswered, above {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "broken_promises",
        "task",
        "number",
        _TIMES,
        ("số lần cam kết không thực hiện đúng hạn", "promises that were broken"),
        "acknowledgements",
        "1",
        column("broken_promises"),
        (
            "{value} lần không thực hiện đúng cam kết, vượt ngưỡng {threshold} lần",
            "{value} promises broken, above {threshold}",
        ),
        nullable=False,
    ),
)
