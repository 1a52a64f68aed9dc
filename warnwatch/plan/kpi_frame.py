"""How KPIs become columns: one row for each target (KPI and unit), with what its readings say.

In: the KPI tables, the tree of the day. Out: the frame that `read_kpis` describes, made anew only when KPI data or the
tree has changed; from day to day only the events that still count are another choice.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta

import polars as pl
from sqlalchemy import Connection, Select, Text, and_, cast, func, select, true

from warnwatch import schema
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.kpi_series import latest, rolled_up
from warnwatch.plan.kpi_values import missing, settled
from warnwatch.plan.periods import first_day, last_day, period_table
from warnwatch.plan.rows import read_columns
from warnwatch.plan.succession import Tree
from warnwatch.schema import known, micros

# An event counts for so many days: then it is history, and its alert ends.
EVENT_DAYS = 30
# Working days between the end of a period and the day its figure is due, where the KPI does not say.
LAGS = {"day": 1, "week": 3, "month": 10, "quarter": 15, "half_year": 20, "year": 30}

_TARGETS: Mapping[str, type[pl.DataType] | pl.DataType] = {
    "code": pl.String,
    "kpi": pl.String,
    "of_unit": pl.String,
    "operator": pl.String,
    "direction": pl.String,
    "frequency": pl.String,
    "measured_in": pl.String,
    "subject_level": pl.String,
    "method": pl.String,
    "lag": pl.Int32,
    "comparable_from": pl.Date,
    "target": pl.Float64,
    "baseline": pl.Float64,
    "start_on": pl.Date,
    "due_on": pl.Date,
    "path": pl.String,
    "given_at": pl.Datetime("us", "UTC"),
}
_READINGS: Mapping[str, type[pl.DataType] | pl.DataType] = {
    "kpi": pl.String,
    "unit": pl.String,
    "period": pl.String,
    "occurred_at": pl.Datetime("us", "UTC"),
    "reference": pl.String,
    "value": pl.Float64,
    "numerator": pl.Float64,
    "denominator": pl.Float64,
    "recorded_at": pl.Datetime("us", "UTC"),
}
_EVENT = pl.Struct({"day": pl.Date, "value": pl.Float64, "reference": pl.String})


def read_kpis(
    connection: Connection,
    calendar: WorkCalendar,
    tree: Tree | None = None,
    as_of: datetime | None = None,
    day: date | None = None,
    only: Collection[str] | None = None,
) -> pl.DataFrame:
    """Read one row per target that a measure may be about, in the order of its code (`kpi/unit`).

    kpi unit of_unit operator direction frequency subject_level method period String, target value previous last_year
    path_value coverage Float64, falls Int32, comparable comparable_on_year per_event on_path Boolean, figure_due_index
    Int32 (the working day on which the next figure is due, null when none is), events List. `of_unit` is the unit that
    the target was set for, `unit` the one that stands for it in the tree.

    `value` is that of the latest period, of readings that no later one corrects; for event KPIs the worst of the last
    30 days up to `day`. A unit without a reading of its own has the ratio of the sums of the units below. A target
    without a number of its own takes the KPI's limit.
    """
    tree = tree or Tree({})
    targets = read_columns(connection, _targets(as_of, only), {}, _TARGETS).with_columns(
        unit=pl.col("of_unit").replace(dict(tree.successors)),
        per_event=pl.col("frequency") == "event",
        subject_level=pl.col("subject_level").fill_null("").str.strip_chars().str.to_lowercase(),
        method=pl.col("method").fill_null("as_read"),
    )
    readings = read_columns(connection, _readings(as_of, only), {}, _READINGS)
    series = latest(_by_period(targets, readings, tree, calendar))
    kpis = targets.join(series, on="code", how="left", maintain_order="left").with_columns(
        *(pl.col(name).fill_null(value=False) for name in ("comparable", "comparable_on_year")),
        pl.col("coverage").fill_null(1.0),
    )
    kpis = _with_path(_with_due_figure(kpis, calendar))
    kpis = kpis.join(_events(targets, readings, calendar), on="code", how="left", maintain_order="left").select(_KEPT)
    # Words that repeat are compared as numbers.
    return with_events(kpis.with_columns(pl.col(_WORDS).cast(pl.Categorical)).sort("code"), day)


_KEPT = (
    *("code", "kpi", "unit", "of_unit", "operator", "direction", "frequency", "subject_level", "method", "period"),
    *("target", "value", "previous", "last_year", "path_value", "coverage", "falls"),
    *("comparable", "comparable_on_year", "per_event", "on_path", "figure_due_index", "events"),
)
_WORDS = ("kpi", "unit", "of_unit", "operator", "direction", "frequency", "subject_level", "method")


def _targets(as_of: datetime | None, only: Collection[str] | None) -> Select[*tuple[object, ...]]:
    target, kpi = schema.target_version, schema.kpi_version
    return (
        select(
            target.c.code,
            target.c.kpi,
            target.c.unit,
            kpi.c.operator,
            kpi.c.direction,
            kpi.c.period,
            kpi.c.measure_unit,
            kpi.c.subject_level,
            kpi.c.method,
            kpi.c.lag,
            cast(kpi.c.comparable_from, Text),
            func.coalesce(target.c.target, kpi.c.threshold),
            target.c.baseline,
            cast(target.c.start_on, Text),
            cast(target.c.due_on, Text),
            cast(target.c.path, Text),
            micros(schema.target.c.recorded_at),
        )
        .join(kpi, and_(kpi.c.code == target.c.kpi, known(kpi, as_of)))
        .join(schema.target, schema.target.c.code == target.c.code)
        .where(known(target, as_of), target.c.withdrawn.is_(False), kpi.c.withdrawn.is_(False))
        .where(true() if only is None else target.c.kpi.in_(only))
        .order_by(target.c.code)
    )


def _readings(as_of: datetime | None, only: Collection[str] | None) -> Select[*tuple[object, ...]]:
    """Select the readings that no later row corrects."""
    table, later = schema.reading, schema.reading.alias("later")
    corrected = later.c.replaces == table.c.id
    instants = ("occurred_at", "recorded_at")
    columns = (micros(table.c[name]) if name in instants else table.c[name] for name in _READINGS)
    query = select(*columns).where(true() if only is None else table.c.kpi.in_(only))
    if as_of is not None:
        corrected = and_(corrected, later.c.recorded_at <= as_of)
        query = query.where(table.c.recorded_at <= as_of)
    return query.where(~select(later.c.id).where(corrected).exists()).order_by(table.c.id)


def _by_period(targets: pl.DataFrame, readings: pl.DataFrame, tree: Tree, calendar: WorkCalendar) -> pl.DataFrame:
    """Give the readings of each target period by period: its own, or the sums of the units below."""
    periodic = readings.filter(pl.col("period").is_not_null() & (pl.col("period") != "")).drop(
        "occurred_at", "reference"
    )
    named = targets.select("code", "kpi", "of_unit", "unit")
    own = periodic.rename({"unit": "of_unit"}).join(named.drop("unit"), on=["kpi", "of_unit"])
    wanting = named.join(own, on="code", how="anti").drop("of_unit")
    below = rolled_up(periodic, wanting, _chains(periodic["unit"].unique(), tree))
    columns = ("code", "period", "value", "numerator", "denominator", "recorded_at", "coverage")
    both = pl.concat(
        [
            own.with_columns(coverage=pl.lit(1.0)).select(columns),
            below.with_columns(value=pl.lit(None, pl.Float64)).select(columns),
        ]
    )
    about = targets.select("code", "direction", "frequency", "method", "measured_in", "comparable_from")
    recorded = calendar.local_dates(both["recorded_at"]).alias("recorded_day")
    return (
        both.with_columns(recorded)
        .join(period_table(both["period"].unique().to_list()), on="period")
        .join(about, on="code")
    )


def _chains(units: Iterable[str], tree: Tree) -> pl.DataFrame:
    """Give for each unit itself, the unit that stands for it (`same`), and all above, with their distance."""
    rows: list[tuple[str, str, int, bool]] = []
    for unit in units:
        present = tree.present(unit)
        seen = dict.fromkeys([unit, present])
        body = tree.units.get(present)
        while body and body.parent and body.parent not in seen:
            seen[body.parent] = None
            body = tree.units.get(body.parent)
        rows += [(unit, code, distance, code == present) for distance, code in enumerate(seen)]
    names = {"unit": pl.String, "above": pl.String, "distance": pl.Int32, "same": pl.Boolean}
    return pl.DataFrame(rows, schema=names, orient="row")


def _with_due_figure(kpis: pl.DataFrame, calendar: WorkCalendar) -> pl.DataFrame:
    """Add the working day on which the first figure that is not there is due: the end of its period, and the lag."""
    begun = pl.coalesce("start_on", calendar.local_dates(kpis["given_at"]).alias("given"))
    wanted = pl.max_horizontal(pl.col("last").dt.offset_by("1d"), begun)
    kpis = kpis.with_columns(next_first=first_day(pl.col("frequency"), wanted))
    ends = kpis.select(last_day(pl.col("frequency"), pl.col("next_first"))).to_series()
    lag = pl.col("lag").fill_null(pl.col("frequency").replace_strict(LAGS, default=None, return_dtype=pl.Int32))
    # Past the target's own end no figure is asked for.
    over = (pl.col("next_first") > pl.col("due_on")).fill_null(value=False)
    due = pl.when(~over).then(calendar.workdays(ends).alias("ends") + lag)
    return kpis.with_columns(figure_due_index=due.cast(pl.Int32))


def _with_path(kpis: pl.DataFrame) -> pl.DataFrame:
    """Add where the path stood on the day that the latest value speaks of: between two of its points, in a line.

    That day is the end of the period, or the day on which the value came when the period was not over yet.
    """
    points = pl.DataFrame(
        [
            (code, day, value)
            for code, baseline, start, goal, due, path in kpis.select(
                "code", "baseline", "start_on", "target", "due_on", "path"
            )
            .filter(pl.col("path").is_not_null() | pl.col("baseline").is_not_null())
            .iter_rows()
            for day, value in _points(baseline, start, goal, due, path)
        ],
        schema={"code": pl.String, "point": pl.Date, "at": pl.Float64},
        orient="row",
    ).sort("point")
    days = kpis.select(
        "code", day=pl.min_horizontal("last", "recorded_day"), goes=pl.col("code").is_in(points["code"].implode())
    )
    asked = days.filter(pl.col("day").is_not_null()).select("code", "day").sort("day")
    # Polars cannot see that the rows of one code are in order when all are.
    before = asked.join_asof(
        points, left_on="day", right_on="point", by="code", strategy="backward", check_sortedness=False
    )
    around = before.join_asof(
        points.rename({"point": "next_point", "at": "next_at"}),
        left_on="day",
        right_on="next_point",
        by="code",
        strategy="forward",
        check_sortedness=False,
    )
    length = (pl.col("next_point") - pl.col("point")).dt.total_days()
    gone = (pl.col("day") - pl.col("point")).dt.total_days()
    on_the_way = pl.col("at") + (pl.col("next_at") - pl.col("at")) * gone / length
    path = pl.when(pl.col("next_at").is_null() | (length == 0)).then(pl.col("at")).otherwise(on_the_way)
    values = around.select("code", path_value=path.round(9))
    return kpis.join(values, on="code", how="left", maintain_order="left").with_columns(on_path=days["goes"])


def _points(
    baseline: float | None, start: date | None, goal: float | None, due: date | None, path: str | None
) -> list[tuple[date, float]]:
    """Give the points of a path in the order of days; one point alone is no path."""
    found: dict[date, float] = {}
    if baseline is not None and start is not None:
        found[start] = baseline
    if goal is not None and due is not None:
        found[due] = goal
    found |= {date.fromisoformat(day): float(value) for day, value in json.loads(path or "[]")}
    return sorted(found.items()) if len(found) > 1 else []


# --- events ---------------------------------------------------------------------------------------------------------


def _events(targets: pl.DataFrame, readings: pl.DataFrame, calendar: WorkCalendar) -> pl.DataFrame:
    """Gather the events of each target, in the order in which they occurred: code String, events List."""
    rows = readings.filter(pl.col("occurred_at").is_not_null()).sort("occurred_at")
    rows = rows.with_columns(calendar.local_dates(rows["occurred_at"]).alias("day"))
    joined = rows.join(
        targets.select("code", "kpi", "measured_in", pl.col("of_unit").alias("unit")), on=["kpi", "unit"]
    )
    scale = pl.when(pl.col("measured_in") == "%").then(100.0).otherwise(1.0)
    ratio = pl.when(pl.col("denominator") != 0).then(scale * pl.col("numerator") / pl.col("denominator"))
    return (
        joined.with_columns(value=pl.coalesce("value", ratio))
        .filter(pl.col("value").is_finite())
        .group_by("code", maintain_order=True)
        .agg(events=pl.struct("day", "value", pl.col("reference").fill_null("")))
        .with_columns(pl.col("events").cast(pl.List(_EVENT)))
    )


def turns_with_days(kpis: pl.DataFrame) -> bool:
    """Say whether the day decides about any of these KPIs: it does where single events count, and only there."""
    return bool(kpis.width) and bool((kpis["per_event"] & kpis["events"].is_not_null()).any())


def with_events(kpis: pl.DataFrame, day: date | None) -> pl.DataFrame:
    """Choose the events that count on a local day (all, without one): `value` the worst, `recent` their number.

    `missed`: those that broke the limit.
    """
    if not kpis.width:
        return kpis
    flat = kpis.filter(pl.col("per_event") & pl.col("events").is_not_null()).select(
        "code", "operator", "direction", "target", "events"
    )
    flat = flat.explode("events").unnest("events")
    if day is not None:
        flat = flat.filter(pl.col("day").is_between(day - timedelta(days=EVENT_DAYS - 1), day))
    exact = pl.col("operator") == "="
    bad = (
        pl.when(exact)
        .then((pl.col("value") - pl.col("target")).abs())
        .when(pl.col("direction") == "low_good")
        .then(pl.col("value"))
        .otherwise(-pl.col("value"))
    )
    event = pl.struct("day", "value", "reference")
    chosen = flat.group_by("code").agg(
        worst=pl.col("value").sort_by(bad).last(),
        recent=pl.len().cast(pl.Int32),
        missed=event.filter(missing(pl.col("value"), pl.col("target"), pl.col("operator")) > 0),
    )
    joined = (
        kpis.drop("recent", "missed", strict=False)
        .join(chosen, on="code", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("per_event")).then(pl.col("worst")).otherwise(pl.col("value")).alias("value"),
            pl.col("recent").fill_null(0),
        )
        .drop("worst")
    )
    return settled(joined)
