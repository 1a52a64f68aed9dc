"""How units stand: tasks counted by lead unit and computed status, rolled up the tree where asked."""

from __future__ import annotations

import polars as pl

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.directory import Directory
from warnwatch.plan.measures import Today

# A task counts as due soon from this many working days before its deadline (domain.md 3.4: the first reminder).
SOON = 7


def count_tasks(tasks: pl.DataFrame, today: Today) -> pl.DataFrame:
    """Count tasks: unit bloc timing String, phase group_no Int16, soon reported Boolean, tasks UInt32."""
    catalogue = CATALOGUE["task"]
    left = catalogue["working_days_left"].expression(today)
    timing = catalogue["timing"].expression(today)
    soon = (timing == "open_in_time") & (left <= SOON)
    return (
        tasks.lazy()
        .select(
            pl.col("unit").cast(pl.String),
            pl.col("bloc").cast(pl.String),
            "phase",
            "group_no",
            timing.cast(pl.String).alias("timing"),
            soon.fill_null(value=False).alias("soon"),
            pl.col("last_reported_at").is_not_null().alias("reported"),
        )
        .group_by(pl.all())
        .agg(pl.len().alias("tasks"))
        .sort("unit", "phase", "group_no", "timing", nulls_last=True)
        .collect()
    )


def roll_up(counts: pl.DataFrame, directory: Directory) -> dict[str, dict[str, int]]:
    """Sum the counts up for every unit and those below it: {unit: {timing: tasks}}, with `due_soon` and `total`."""
    sums: dict[str, dict[str, int]] = {}
    above = {code: (code, *(unit.code for unit in directory.superiors(code))) for code in directory.units}
    rows = counts.group_by("unit", "timing").agg(pl.col("tasks").sum(), soon=pl.col("tasks").filter("soon").sum())
    for unit, timing, tasks, soon in rows.iter_rows():
        for code in above.get(unit, (unit,)):
            known = sums.setdefault(code, {"total": 0, "due_soon": 0})
            known[timing] = known.get(timing, 0) + tasks
            known["total"] += tasks
            known["due_soon"] += soon
    return sums
