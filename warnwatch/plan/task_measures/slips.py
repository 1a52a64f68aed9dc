"""How often, how far and how a deadline was moved."""

from __future__ import annotations

from warnwatch.plan.measures import DAYS, Measure, column

SLIPS = (
    Measure(
        "slips",
        "task",
        "number",
        ("lần", "times"),
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
)
