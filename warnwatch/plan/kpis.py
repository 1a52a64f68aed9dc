"""KPIs as subjects of rules: what a unit reached of a limit, by the latest reading.

In: the KPI tables. Out: a frame with one row per target (KPI and unit), and the measures over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl
from sqlalchemy import Connection, and_, func, select

from warnwatch import schema
from warnwatch.plan.measures import Measure, column
from warnwatch.schema import known

_NONE = ("", "")
_OWN = ("đơn vị của chỉ tiêu", "the KPI's own unit")
_COLUMNS = {
    "code": pl.String,
    "kpi": pl.String,
    "unit": pl.String,
    "of_unit": pl.String,
    "operator": pl.String,
    "target": pl.Float64,
    "value": pl.Float64,
    "period": pl.String,
}


def read_kpis(connection: Connection, as_of: datetime | None = None) -> pl.DataFrame:
    """Read one row per target: code (`kpi/unit`) kpi unit of_unit operator period String, target value Float64.

    `of_unit` is the unit that the target was set for; `unit`, where it is told, is the same here.

    `value` is the latest reading that no later one corrects, a ratio from its sums; nothing to divide by is null, and
    so is a KPI never read. A target without a number of its own takes the KPI's limit.
    """
    target, kpi = schema.target_version, schema.kpi_version
    rows = connection.execute(
        select(
            target.c.code,
            target.c.kpi,
            target.c.unit,
            kpi.c.operator,
            func.coalesce(target.c.target, kpi.c.threshold),
            kpi.c.measure_unit,
        )
        .join(kpi, and_(kpi.c.code == target.c.kpi, known(kpi, as_of)))
        .where(known(target, as_of), target.c.withdrawn.is_(False), kpi.c.withdrawn.is_(False))
        .order_by(target.c.code)
    )
    latest = _latest_readings(connection, as_of)
    data = []
    for code, name, unit, operator, goal, measured_in in rows:
        value, numerator, denominator, period = latest.get((name, unit), (None, None, None, None))
        if value is None and numerator is not None and denominator:
            value = numerator / denominator * (100 if measured_in == "%" else 1)
        data.append((code, name, unit, unit, operator, goal, value, period))
    return pl.DataFrame(data, schema=_COLUMNS, orient="row")


def with_present_unit(kpis: pl.DataFrame, successors: Mapping[str, str]) -> pl.DataFrame:
    """Tell each target at the unit that stands for its own today; the target and its readings stay what they are."""
    if not kpis.width:
        return kpis
    return kpis.with_columns(unit=pl.col("of_unit").replace(dict(successors)))


_Latest = dict[tuple[str, str], tuple[float | None, float | None, float | None, str | None]]


def _latest_readings(connection: Connection, as_of: datetime | None) -> _Latest:
    """Give value, numerator, denominator and period of the latest period by (KPI, unit); events are left out."""
    table, later = schema.reading, schema.reading.alias("later")
    corrected = later.c.replaces == table.c.id
    query = select(table).where(table.c.period.is_not(None))
    if as_of is not None:
        corrected = and_(corrected, later.c.recorded_at <= as_of)
        query = query.where(table.c.recorded_at <= as_of)
    query = query.where(~select(later.c.id).where(corrected).exists()).order_by(table.c.period, table.c.id)
    rows = connection.execute(query)
    return {(row.kpi, row.unit): (row.value, row.numerator, row.denominator, row.period) for row in rows}


def _missing() -> pl.Expr:
    """Say by how much the value misses its limit, in the KPI's own unit; 0 when it is kept."""
    value, target, operator = pl.col("value"), pl.col("target"), pl.col("operator")
    miss = (
        pl.when(operator.is_in((">=", ">")))
        .then(target - value)
        .when(operator.is_in(("<=", "<")))
        .then(value - target)
        .otherwise((value - target).abs())
    )
    return pl.when(miss < 0).then(pl.lit(0.0)).otherwise(miss)


KPI_MEASURES = (
    Measure(
        "code",
        "kpi",
        "code",
        _NONE,
        ("mã chỉ tiêu và đơn vị", "KPI and unit"),
        "targets",
        "CDS-01/CP-BCD",
        column("code"),
        nullable=False,
    ),
    Measure(
        "kpi",
        "kpi",
        "code",
        _NONE,
        ("mã chỉ tiêu", "the KPI's code"),
        "kpis.code",
        "CDS-01",
        column("kpi"),
        nullable=False,
    ),
    Measure(
        "unit", "kpi", "code", _NONE, ("đơn vị", "the unit"), "targets.unit", "CP-BCD", column("unit"), nullable=False
    ),
    Measure(
        "has_reading",
        "kpi",
        "boolean",
        _NONE,
        ("đã có số liệu", "has a reading"),
        "readings",
        "true",
        lambda _today: pl.col("value").is_not_null(),
        nullable=False,
    ),
    Measure(
        "value",
        "kpi",
        "number",
        _OWN,
        ("giá trị kỳ gần nhất", "value of the latest period"),
        "readings",
        "39.98",
        column("value"),
        ("giá trị {value}, ngưỡng {threshold}", "value {value}, threshold {threshold}"),
    ),
    Measure(
        "target",
        "kpi",
        "number",
        _OWN,
        ("mức phải đạt", "the goal"),
        "targets, kpis.threshold",
        "80",
        column("target"),
        ("mức phải đạt {value}, ngưỡng {threshold}", "goal {value}, threshold {threshold}"),
    ),
    Measure(
        "shortfall",
        "kpi",
        "number",
        _OWN,
        ("phần còn thiếu so với mức phải đạt, 0 khi đạt", "by how much the goal is missed, 0 when it is met"),
        "readings, targets, kpis.operator",
        "40.02",
        lambda _today: _missing(),
        (
            "còn thiếu {value} so với mức phải đạt, vượt ngưỡng {threshold}",
            "{value} short of the goal, above {threshold}",
        ),
    ),
)
