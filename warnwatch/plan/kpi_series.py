"""What a row of periods says: the latest value, the ones before it, and how often in a row it got worse.

In: readings of each target, period by period. Out: one row per target. What was never published is a gap: it is no
zero and no fall, and nothing is compared across it, nor across a change of the KPI's scale.
"""

from __future__ import annotations

import polars as pl

# A reading for a day of a KPI that is not daily is a snapshot: the one before it is the one to compare with.
_SNAPSHOT = (pl.col("kind") == "day") & (pl.col("frequency") != "day")


def with_values(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `value`: as read, a ratio from its sums, or the reduction against the same period a year before.

    Nothing to divide by gives null.
    """
    scale = pl.when(pl.col("measured_in") == "%").then(100.0).otherwise(1.0)
    ratio = pl.when(pl.col("denominator") != 0).then(scale * pl.col("numerator") / pl.col("denominator"))
    # Multiplied first, rounded last: 57 of 60 are 95 %, not 94.99999999999999.
    read = rows.with_columns(raw=pl.coalesce("value", ratio))
    base = read.select("code", pl.col("period").alias("year_before"), pl.col("raw").alias("base"))
    joined = read.join(base, on=["code", "year_before"], how="left", maintain_order="left")
    reduced = pl.when(pl.col("base") > 0).then(scale * (pl.col("base") - pl.col("raw")) / pl.col("base"))
    value = pl.when(pl.col("method") == "reduction").then(reduced).otherwise(pl.col("raw"))
    return joined.with_columns(value=pl.when(value.is_finite()).then(value.round(9))).drop("raw", "base")


def latest(rows: pl.DataFrame) -> pl.DataFrame:
    """Give the latest period of each target: code period first last recorded_day value, and its comparisons.

    `previous` and `last_year` are null across a gap and across a change of scale; `comparable` and
    `comparable_on_year` say whether there is anything on the same scale to compare with at all.
    """
    ordered = with_values(rows).sort(
        "code", "last", pl.col("kind") == pl.col("frequency"), "first", maintain_order=True
    )
    own = ["code", "kind"]
    compared = ordered.with_columns(
        before=pl.col("value").shift(1).over(own),
        before_first=pl.col("first").shift(1).over(own),
        before_last=pl.col("last").shift(1).over(own),
        earliest=pl.col("first").min().over(own),
    ).join(
        ordered.select(
            "code",
            pl.col("period").alias("year_before"),
            pl.col("value").alias("year_value"),
            pl.col("first").alias("year_first"),
        ),
        on=["code", "year_before"],
        how="left",
        maintain_order="left",
    )
    adjacent = (pl.col("before_last") + pl.duration(days=1) == pl.col("first")) | _SNAPSHOT
    on_year = pl.col("last").dt.offset_by("-1y")
    compared = compared.with_columns(
        comparable=pl.col("before_first").is_not_null() & ~_rescaled("before_first"),
        comparable_on_year=(pl.col("earliest") <= on_year) & ~_rescaled_since(on_year),
    ).with_columns(
        previous=pl.when(adjacent & pl.col("comparable")).then(pl.col("before")),
        last_year=pl.when(pl.col("comparable_on_year") & ~_rescaled("year_first")).then(pl.col("year_value")),
    )
    rising = pl.col("direction") == "high_good"
    worse = pl.when(rising).then(pl.col("value") < pl.col("previous")).otherwise(pl.col("value") > pl.col("previous"))
    return compared.with_columns(worse=worse).group_by("code", maintain_order=True).agg(*_LAST, _IN_A_ROW)


_LAST = [
    pl.col(name).last()
    for name in (
        [
            "period",
            "first",
            "last",
            "recorded_day",
            "value",
            "previous",
            "last_year",
            "comparable",
            "comparable_on_year",
            "coverage",
        ]
    )
]
_OF_LATEST = pl.col("worse").filter(pl.col("kind") == pl.col("kind").last())
_IN_A_ROW = (
    pl.when(pl.col("worse").last().is_not_null())
    .then(_OF_LATEST.fill_null(value=False).reverse().cast(pl.Int32).cum_min().sum())
    .alias("falls")
)


def _rescaled(before: str) -> pl.Expr:
    """Say whether the KPI's scale changed between an earlier period, by its first day, and this one."""
    return _rescaled_since(pl.col(before)).fill_null(value=False)


def _rescaled_since(day: pl.Expr) -> pl.Expr:
    since = pl.col("comparable_from")
    return ((day < since) & (pl.col("last") >= since)).fill_null(value=False)


def rolled_up(readings: pl.DataFrame, wanting: pl.DataFrame, chains: pl.DataFrame) -> pl.DataFrame:
    """Sum the ratios of units below for each target (code kpi unit) that has no reading of its own.

    `readings`: kpi unit period numerator denominator recorded_at; `chains`: unit above distance same, each unit with
    itself, the unit that stands for it, and all above. Sums are added, values never averaged. A unit that gives its
    own sums stands for all below it, not for one that it took over: that one gave its sums as a body of its own.
    `coverage` is the share of the units ever heard of that have given this period.
    """
    whole = pl.col("numerator").is_not_null() & pl.col("denominator").is_not_null()
    parts = readings.join(wanting.select("kpi").unique(), on="kpi", how="semi").filter(whole)
    if parts.is_empty():
        return (
            parts.select("period", "numerator", "denominator", "recorded_at")
            .head(0)
            .with_columns(code=pl.lit("", pl.String), coverage=pl.lit(1.0))
        )
    upward = parts.with_columns(given_by=pl.col("unit")).join(chains, on="unit")
    given = parts.select("kpi", "period", pl.col("unit").alias("above")).unique()
    nearer = (
        upward.filter(~pl.col("same") & (pl.col("distance") > 0))
        .join(given, on=["kpi", "period", "above"], how="semi")
        .group_by("kpi", "period", "unit")
        .agg(pl.col("distance").min().alias("nearest"))
    )
    counted = (
        upward.join(nearer, on=["kpi", "period", "unit"], how="left")
        .filter(pl.col("nearest").is_null() | (pl.col("nearest") >= pl.col("distance")))
        .drop("unit")
        .join(wanting, left_on=["kpi", "above"], right_on=["kpi", "unit"])
    )
    ever = counted.group_by("code").agg(pl.col("given_by").n_unique().alias("ever"))
    return (
        counted.group_by("code", "period")
        .agg(
            pl.col("numerator").sum(),
            pl.col("denominator").sum(),
            pl.col("recorded_at").max(),
            pl.col("given_by").n_unique().alias("units"),
        )
        .join(ever, on="code")
        .with_columns(coverage=pl.col("units") / pl.col("ever"))
        .drop("units", "ever")
    )
