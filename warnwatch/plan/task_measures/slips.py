"""How often, how far and how a deadline was moved."""

from __future__ import annotations

import polars as pl

from warnwatch.plan.measures import DAYS, TIMES, WORKING_DAYS, Measure, Today, at_least, column


def since_last_slip(today: Today) -> pl.Expr:
    """Count working days since the deadline was last moved; nothing to count from while it never was."""
    return at_least(today.index - pl.col("slip_index"), 0)


SLIPS = (
    Measure(
        "slips",
        "task",
        "number",
        TIMES,
        (
            "số lần điều chỉnh thời hạn, kể cả lần không đủ thẩm quyền",
            "times the deadline was moved, with or without authority",
        ),
        "deadlines",
        "1",
        column("slips"),
        (
            "thời hạn đã điều chỉnh {value} lần, ngưỡng {threshold} lần",
            "deadline moved {value} times, threshold {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "slip_days",
        "task",
        "number",
        DAYS,
        ("số ngày thời hạn hiện hành lùi so với thời hạn ban đầu", "days from the baseline to the deadline in force"),
        "deadlines",
        "30",
        column("slip_days"),
        (
            "thời hạn đã lùi {value} ngày, ngưỡng {threshold} ngày",
            "deadline moved by {value} days, threshold {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "unauthorised_slips",
        "task",
        "number",
        TIMES,
        (
            "số lần thay đổi thời hạn mà không có quyết định của cơ quan có thẩm quyền",
            "times the deadline was moved without a recorded decision of an office with authority",
        ),
        "deadlines, decisions",
        "1",
        column("unauthorised_slips"),
        (
            "thời hạn bị thay đổi {value} lần không có quyết định của cơ quan có thẩm quyền, ngưỡng {threshold} lần",
            "deadline moved {value} times without authority, threshold {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "slips_on_eve",
        "task",
        "number",
        TIMES,
        (
            "số lần lùi thời hạn khi chỉ còn nhiều nhất 2 ngày làm việc đến hạn khi đó, hoặc khi đã quá hạn",
            "times the deadline was put off at most 2 working days before the one then in force, or after it passed",
        ),
        "deadlines, decisions.decided_on",
        "1",
        column("slips_on_eve"),
        (
            "thời hạn đã lùi {value} lần sát ngày đến hạn hoặc sau khi quá hạn, ngưỡng {threshold} lần",
            "deadline put off {value} times on its eve or after it, threshold {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "last_slip_working_days",
        "task",
        "number",
        WORKING_DAYS,
        (
            "số ngày làm việc kể từ lần điều chỉnh thời hạn gần nhất; chưa có khi chưa điều chỉnh lần nào",
            "working days since the deadline was last moved; none while it never was",
        ),
        "deadlines, decisions.decided_on, calendar",
        "3",
        since_last_slip,
        (
            "điều chỉnh thời hạn cách đây {value} ngày làm việc, ngưỡng {threshold} ngày",
            "deadline moved {value} working days ago, threshold {threshold}",
        ),
    ),
)
