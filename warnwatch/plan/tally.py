"""How units stand: tasks counted by lead unit and computed status, rolled up the tree where asked."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from warnwatch.plan.catalogue import CATALOGUE
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


def sums_of(counts: pl.DataFrame, units: Iterable[str]) -> dict[str, int]:
    """Sum up a count over some units: {timing: tasks}, and the keys `due_soon`, `reported` and `total` beside them."""
    rows = counts.filter(pl.col("unit").is_in(list(units)))
    sums = dict(rows.group_by("timing").agg(pl.col("tasks").sum()).iter_rows())
    sums["due_soon"] = int(rows.filter("soon")["tasks"].sum())
    sums["reported"] = int(rows.filter("reported")["tasks"].sum())
    sums["total"] = int(rows["tasks"].sum())
    return sums
