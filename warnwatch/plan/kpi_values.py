"""What is reckoned of a KPI's value: once when the value comes, and, for what depends on today, in every cycle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import polars as pl

from warnwatch.plan.measures import EPOCH_DAY, Today
from warnwatch.plan.periods import first_day, last_day

_SMALL = 1e-9


def settled(kpis: pl.DataFrame) -> pl.DataFrame:
    """Add what does not change until a value does, so that a cycle only compares it with thresholds."""
    value, target, path = pl.col("value"), pl.col("target"), pl.col("path_value")
    rising = pl.col("direction") == "high_good"
    behind = pl.when(rising).then(path - value).otherwise(value - path).round(6)
    return kpis.with_columns(
        gap=(value - target).round(6),
        shortfall=missing(value, target, pl.col("operator")),
        behind_path=pl.when(behind < 0).then(0.0).otherwise(behind),
        change_on_previous=_change("previous"),
        change_on_year=_change("last_year"),
        over_limit=pl.when(pl.col("per_event")).then(pl.col("missed").list.len().fill_null(0)),
    ).with_columns(
        shortfall_share=_share_of(pl.col("shortfall"), target),
        behind_path_share=_share_of(pl.col("behind_path"), path),
        worse_on_year=_loss(pl.when(rising).then(-pl.col("change_on_year")).otherwise(pl.col("change_on_year"))),
    )


def missing(value: pl.Expr, target: pl.Expr, operator: pl.Expr) -> pl.Expr:
    """Say by how much a value misses its limit, in the KPI's own unit; 0 when it is kept.

    A limit that must be passed (`>`, `<`) and is only reached is missed by the least that is more than nothing.
    """
    miss = (
        pl.when(operator.is_in((">=", ">")))
        .then(target - value)
        .when(operator.is_in(("<=", "<")))
        .then(value - target)
        .otherwise((value - target).abs())
    ).round(6)
    size = pl.when(target.abs() > 1).then(target.abs()).otherwise(1.0)
    least = pl.when(operator.is_in((">", "<"))).then(1e-6 * size).otherwise(0.0)
    return pl.when((miss < 0) | (miss == 0) & (least == 0)).then(0.0).when(miss == 0).then(least).otherwise(miss)


def _share_of(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Give a part as a share of the whole's size; of nothing, a part is the whole (1), and no part is 0."""
    size = whole.abs()
    share = pl.when(size > _SMALL).then(part / size).when(part > 0).then(1.0).otherwise(part)
    return share.round(9)


def _change(before: str) -> pl.Expr:
    """Give the change since an earlier value as a share of it; null when there is nothing to divide by."""
    then = pl.col(before)
    return pl.when(then.abs() > _SMALL).then(((pl.col("value") - then) / then.abs()).round(6))


def _loss(loss: pl.Expr) -> pl.Expr:
    return pl.when(loss < 0).then(0.0).otherwise(loss)


def missing_working_days(today: Today) -> pl.Expr:
    """Count from the day on which the first figure that is not there was due: more gaps never make it fewer days."""
    late = today.workday - pl.col("figure_due_index")
    return pl.when(late > 0).then(late).otherwise(0)


def period_share(today: Today) -> pl.Expr:
    """Give the share of the days of the KPI's present period that are over, today counted as one."""
    day = pl.lit(EPOCH_DAY + timedelta(days=today.day), pl.Date)
    frequency = pl.col("frequency")
    first = first_day(frequency, day)
    gone = (day - first).dt.total_days() + 1
    return (gone / ((last_day(frequency, first) - first).dt.total_days() + 1)).cast(pl.Float32)


def is_there(name: str) -> Callable[[Today], pl.Expr]:
    """Say whether a column has a value."""
    return lambda _today: pl.col(name).is_not_null()


def per_event(expression: Callable[[], pl.Expr]) -> Callable[[Today], pl.Expr]:
    """Give a measure of events; for KPIs that are read by periods it does not apply."""
    return lambda _today: pl.when(pl.col("per_event")).then(expression())
