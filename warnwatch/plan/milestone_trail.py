"""What the milestones of each task say: how many, which are open, and the curve that they draw from start to deadline.

In: all milestones with the row of their task. Out: one row per task that has any.
"""

from __future__ import annotations

import polars as pl

MILESTONE_COLUMNS: dict[str, type[pl.DataType]] = {"due_at": pl.Int64, "done_at": pl.Int64}
STRETCH = pl.Struct({"begins": pl.Int32, "ends": pl.Int32, "every_day": pl.Boolean})

_INSTANT = pl.Datetime("us", "UTC")
_TRAIL: dict[str, type[pl.DataType] | pl.DataType] = {
    "row": pl.UInt32,
    "milestones": pl.Int32,
    "milestones_done": pl.Int32,
    "open_milestones": pl.List(_INSTANT),
    "next_milestone_at": _INSTANT,
    "next_milestone_index": pl.Int32,
    "plan_curve": pl.List(STRETCH),
}


def milestone_trail(milestones: pl.DataFrame) -> pl.DataFrame:
    """Give row, milestones, milestones_done, open_milestones (due instants, soonest first), the next one, the curve.

    `index` of a milestone is its due day on the task's count; the task's own are `assigned_index` and `due_index`.
    """
    if milestones.is_empty():
        return pl.DataFrame(schema=_TRAIL)
    open_ones = pl.col("due_at").filter(pl.col("done_at").is_null() & pl.col("due_at").is_not_null())
    counted = milestones.group_by("row").agg(
        pl.len().cast(pl.Int32).alias("milestones"),
        pl.col("done_at").is_not_null().sum().cast(pl.Int32).alias("milestones_done"),
        open_ones.sort().alias("open_milestones"),
        open_ones.min().alias("next_milestone_at"),
        pl.col("index").filter(pl.col("done_at").is_null()).min().alias("next_milestone_index"),
    )
    return counted.join(_curves(milestones), on="row", how="left")


def _curves(milestones: pl.DataFrame) -> pl.DataFrame:
    """Give row and plan_curve: the stretches from the start over each milestone to the deadline, equal shares of work.

    Milestones of one day end one stretch; those that are not between start and deadline end none. Each stretch says
    on which count its days are, as nothing else of the row is seen where the stretches are judged.
    """
    inside = (pl.col("index") > pl.col("assigned_index")) & (pl.col("index") < pl.col("due_index"))
    rows = milestones.filter(inside & pl.col("start_at").is_not_null())
    ends = pl.concat(
        [
            rows.select("row", "every_day", "assigned_index", pl.col("index").alias("ends")),
            rows.select("row", "every_day", "assigned_index", pl.col("due_index").alias("ends")),
        ]
    )
    ends = ends.unique().sort("row", "ends")
    begins = pl.when(pl.col("row") == pl.col("row").shift(1)).then(pl.col("ends").shift(1))
    stretch = pl.struct(begins.fill_null(pl.col("assigned_index")).alias("begins"), "ends", "every_day")
    return (
        ends.select("row", stretch.cast(STRETCH).alias("plan_curve"))
        .group_by("row", maintain_order=True)
        .agg("plan_curve")
    )
