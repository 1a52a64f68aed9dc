"""The periods that readings are for, as whole days: which days one covers, and the same one a year before."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

_DAY = timedelta(days=1)
_KINDS = {"H": "half_year", "Q": "quarter", "W": "week"}
_MONTHS = {"half_year": 6, "quarter": 3}


@dataclass(frozen=True, slots=True)
class Period:
    """A period as an import writes it (`2026`, `2026-H1`, `2026-Q2`, `2026-06`, `2026-W26`, `2026-06-30`).

    `first` and `last` are its days, both in it; `year_before` is the same period a year before, where there is one.
    """

    text: str
    kind: str
    first: date
    last: date
    year_before: str | None


def period_of(text: str) -> Period | None:
    """Read a period; None for a text that is none, or that its year does not have (week 53)."""
    try:
        return _period(text)
    except ValueError:
        return None


def _period(text: str) -> Period:
    year, _, rest = text.partition("-")
    before = f"{int(year) - 1:04d}"
    if not rest:
        return Period(text, "year", date(int(year), 1, 1), date(int(year), 12, 31), before)
    if len(rest) == len("06-30"):
        day = date.fromisoformat(text)
        same = None if (day.month, day.day) == (2, 29) else f"{before}-{rest}"
        return Period(text, "day", day, day, same)
    kind, number = _KINDS.get(rest[0], "month"), int(rest.lstrip("HQW"))
    if kind == "week":
        monday = date.fromisocalendar(int(year), number, 1)
        return Period(text, kind, monday, monday + 6 * _DAY, f"{before}-{rest}")
    months = _MONTHS.get(kind, 1)
    first = date(int(year), (number - 1) * months + 1, 1)
    return Period(text, kind, first, _month_end(first, months), f"{before}-{rest}")


def _month_end(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return (date(year, month + 1, 1) if year <= date.max.year else date.max) - _DAY


def period_table(texts: Collection[str]) -> pl.DataFrame:
    """Give periods as columns: period kind String, first last Date, year_before String; what is none is left out."""
    found = [one for one in map(period_of, texts) if one]
    rows = [(one.text, one.kind, one.first, one.last, one.year_before) for one in found]
    names = {"period": pl.String, "kind": pl.String, "first": pl.Date, "last": pl.Date, "year_before": pl.String}
    return pl.DataFrame(rows, schema=names, orient="row")


def first_day(frequency: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Give the first day of the period of a KPI's `frequency` in which a day lies; null for events."""
    half = pl.date(day.dt.year(), pl.when(day.dt.month() <= 6).then(1).otherwise(7), 1)
    return (
        pl.when(frequency == "year")
        .then(day.dt.truncate("1y"))
        .when(frequency == "half_year")
        .then(half)
        .when(frequency == "quarter")
        .then(day.dt.truncate("1q"))
        .when(frequency == "month")
        .then(day.dt.truncate("1mo"))
        .when(frequency == "week")
        .then(day.dt.truncate("1w"))
        .when(frequency == "day")
        .then(day)
    )


def last_day(frequency: pl.Expr, first: pl.Expr) -> pl.Expr:
    """Give the last day of the period that begins on its `first` day."""
    steps = {"year": "1y", "half_year": "6mo", "quarter": "1q", "month": "1mo", "week": "1w", "day": "1d"}
    by = frequency.replace_strict(steps, default=None, return_dtype=pl.String)
    return first.dt.offset_by(by) - pl.duration(days=1)
