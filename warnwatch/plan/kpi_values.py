"""What the measures of KPIs compute, as Polars expressions over the frame of `kpi_frame.read_kpis`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import polars as pl

from warnwatch.plan.kpi_frame import missing
from warnwatch.plan.measures import EPOCH_DAY, Today
from warnwatch.plan.periods import first_day, last_day

_SMALL = 1e-9


def shortfall(_today: Today) -> pl.Expr:
    """Give by how much the goal is missed."""
    return missing(pl.col("value"), pl.col("target"), pl.col("operator"))


def _share_of(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Give a part as a share of the whole's size; of nothing, a part is the whole (1), and no part is 0."""
    size = whole.abs()
    share = pl.when(size > _SMALL).then(part / size).when(part > 0).then(1.0).otherwise(part)
    return share.round(9)


def shortfall_share(today: Today) -> pl.Expr:
    """Give the shortfall as a share of the goal."""
    return _share_of(shortfall(today), pl.col("target"))


def behind_path(_today: Today) -> pl.Expr:
    """Give how far the value is on the wrong side of the path, 0 on the right one."""
    rising = pl.col("direction") == "high_good"
    value, path = pl.col("value"), pl.col("path_value")
    behind = pl.when(rising).then(path - value).otherwise(value - path).round(6)
    return pl.when(behind < 0).then(0.0).otherwise(behind)


def behind_path_share(today: Today) -> pl.Expr:
    """Give `behind_path` as a share of where the path stands."""
    return _share_of(behind_path(today), pl.col("path_value"))


def change(before: str) -> Callable[[Today], pl.Expr]:
    """Give the change since an earlier value as a share of it; null when there is nothing to divide by."""

    def expression(_today: Today) -> pl.Expr:
        then = pl.col(before)
        return pl.when(then.abs() > _SMALL).then(((pl.col("value") - then) / then.abs()).round(6))

    return expression


def worse(before: str) -> Callable[[Today], pl.Expr]:
    """Give by which share of an earlier value the present one is worse, 0 when it is not."""

    def expression(today: Today) -> pl.Expr:
        up = change(before)(today)
        loss = pl.when(pl.col("direction") == "high_good").then(-up).otherwise(up)
        return pl.when(loss < 0).then(0.0).otherwise(loss)

    return expression


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
