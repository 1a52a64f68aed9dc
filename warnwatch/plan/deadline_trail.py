"""What became of each task's deadline: the baseline, the one in force, and how it was moved from one to the other.

In: all deadlines with the row of their task, and the decisions that moved some. Out: one row per task that has any.
"""

from __future__ import annotations

import polars as pl

from warnwatch.plan.calendar import WorkCalendar

# A deadline that is moved so few working days before it passes is moved on its eve.
EVE = 2
INSTANT = pl.Datetime("us", "UTC")

DEADLINE_COLUMNS: dict[str, type[pl.DataType]] = {
    "due_at": pl.Int64,
    "authorised": pl.Boolean,
    "decision": pl.String,
    "recorded_at": pl.Int64,
    "order": pl.Int64,
}


_MOVES = ("unauthorised_slips", "slips_on_eve", "slip_index")


def deadline_trail(deadlines: pl.DataFrame, decided: pl.DataFrame, calendar: WorkCalendar) -> pl.DataFrame:
    """Give row, baseline_due_at, due_at, slips, and for tasks that slipped what `_moves` says of them.

    `decided`: code, decision, decided_on (text) of the decisions that moved deadlines.
    """
    rows = deadlines.sort("row", "order").with_row_index("at")
    first = (pl.col("row") != pl.col("row").shift(1)).fill_null(value=True)
    rows = rows.with_columns(first.alias("first")).with_columns(
        pl.when("first").then("at").forward_fill().alias("begins"),
        pl.when("authorised").then("at").forward_fill().alias("allowed"),
    )
    rows = rows.with_columns(pl.when(pl.col("allowed") >= pl.col("begins")).then("allowed").alias("allowed"))
    due = rows["due_at"]
    end = rows.filter((pl.col("row") != pl.col("row").shift(-1)).fill_null(value=True))
    whole = end.select(
        "row",
        due.gather(end["begins"]).alias("baseline_due_at"),
        due.gather(end["allowed"]).alias("due_at"),
        (pl.col("at") - pl.col("begins")).cast(pl.Int32).alias("slips"),
    )
    if end.height == rows.height:  # no deadline was moved
        return whole.with_columns(pl.lit(None, pl.Int32).alias(name) for name in _MOVES)
    slips = rows.with_columns(pl.col("allowed").shift(1).alias("before")).filter(~pl.col("first"))
    moves = _moves(slips.with_columns(due.gather(slips["before"]).alias("until")), decided, calendar)
    return whole.join(moves, on="row", how="left", maintain_order="left")


def _moves(slips: pl.DataFrame, decided: pl.DataFrame, calendar: WorkCalendar) -> pl.DataFrame:
    """Give unauthorised_slips, slips_on_eve, slip_index: the day of the last move.

    A deadline is moved on the day of its decision, or when it was recorded if there is none or the decision is of a
    later day. It is moved on the eve when the deadline then in force was at most EVE working days away, or had passed.
    """
    dated = slips.join(decided, on=["code", "decision"], how="left", maintain_order="left")
    recorded = calendar.local_dates(dated["recorded_at"].cast(INSTANT))
    moved = pl.DataFrame({"recorded": recorded, "decided": dated["decided_on"].str.to_date()}).select(
        pl.min_horizontal("recorded", "decided")
    )
    until = calendar.local_dates(dated["until"].cast(INSTANT))
    every_day = dated["every_day"]
    days = moved.to_series()
    moved_index = calendar.workdays(days).zip_with(~every_day, days.cast(pl.Int32))
    until_index = calendar.workdays(until).zip_with(~every_day, until.cast(pl.Int32))
    eve = (until_index - moved_index <= EVE) & (dated["due_at"] > dated["until"])
    return (
        dated.select("row", "authorised", moved_index.alias("index"), eve.fill_null(value=False).alias("eve"))
        .group_by("row")
        .agg(
            (~pl.col("authorised")).sum().cast(pl.Int32).alias("unauthorised_slips"),
            pl.col("eve").sum().cast(pl.Int32).alias("slips_on_eve"),
            pl.col("index").max().alias("slip_index"),
        )
    )
