"""Real yearly readings of 63 provinces as KPIs: the governance index PAPI, 2011 to 2024.

PAPI is by CECODES, VFF-CRT, RTA and UNDP Viet Nam. A unit is a province, a KPI an indicator, a reading its score of one
year, published and so recorded in April of the next. A year without published results has no rows at all.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worlds import write_rows

ROOT = "VN"
NEW_SCALE = 2021
FIRST_KNOWN = "2011-01-01T08:00:00+07:00"


@dataclass(frozen=True, slots=True)
class Score:
    """One indicator of one province in one year, as it was published."""

    province: str
    indicator: str
    year: int
    value: str

    @property
    def recorded_at(self) -> str:
        """When it was published: 15 April of the next year, at 08:00."""
        return f"{self.year + 1}-04-15T08:00:00+07:00"


@dataclass(frozen=True, slots=True)
class Index:
    """The whole index: names of provinces and indicators by code, and the scores."""

    provinces: Mapping[str, str]
    indicators: Mapping[str, str]
    scores: tuple[Score, ...]

    def years(self, province: str, indicator: str) -> set[int]:
        """Give the years in which an indicator of a province was published."""
        return {one.year for one in self.scores if (one.province, one.indicator) == (province, indicator)}

    def goal(self, province: str, indicator: str) -> str | None:
        """Give the goal that the tests set, since the index has none: what the province had in 2019."""
        found = [one for one in self.scores if (one.province, one.indicator, one.year) == (province, indicator, 2019)]
        return found[0].value if found else None


def read_index(folder: Path) -> Index:
    """Read provinces.csv, indicators.csv and readings.csv."""
    return Index(
        {row["old_province_code"]: row["old_province"] for row in _rows(folder / "provinces.csv")},
        {row["indicator"]: row["name"] for row in _rows(folder / "indicators.csv")},
        tuple(
            Score(row["old_province_code"], row["indicator"], int(row["year"]), row["score"])
            for row in _rows(folder / "readings.csv")
        ),
    )


def plan_rows(index: Index) -> dict[str, list[dict[str, Any]]]:
    """Give provinces under one root, each with a head, and every KPI with its goals: all but the readings."""
    units = {ROOT: "Việt Nam", **index.provinces}
    heads = [f"{code}/head" for code in units]
    return {
        "units": [{"code": code, "name": name, "parent": ROOT if code != ROOT else ""} for code, name in units.items()],
        "posts": [{"unit": code, "office": "head"} for code in units],
        "holders": [
            {"code": f"{post}/1", "post": post, "email": f"{post}@example.vn".replace("/", ".")} for post in heads
        ],
        "kpis": [_kpi(code, name) for code, name in index.indicators.items()],
        "targets": [
            {"kpi": code, "unit": unit, "target": index.goal(unit, code) or ""}
            for code in index.indicators
            for unit in index.provinces
        ],
    }


def readings(scores: Iterable[Score]) -> list[dict[str, Any]]:
    """Give scores as rows of readings."""
    return [{"kpi": one.indicator, "unit": one.province, "period": one.year, "value": one.value} for one in scores]


def write_history(index: Index, folder: Path) -> None:
    """Write the index as the CSV files of a history import."""
    for name, rows in plan_rows(index).items():
        write_rows(folder / f"{name}.csv", [row | {"recorded_at": FIRST_KNOWN} for row in rows])
    pairs = zip(readings(index.scores), index.scores, strict=True)
    write_rows(folder / "readings.csv", [row | {"recorded_at": one.recorded_at} for row, one in pairs])


def _kpi(code: str, name: str) -> dict[str, str]:
    """Give an indicator; in 2021 the index was weighted anew, and no score since then compares with one before."""
    plain = {"code": code, "name": name, "direction": "high_good", "period": "year", "operator": ">="}
    return plain | {"comparable_from": f"{NEW_SCALE}-01-01", "lag": "75"}


def _rows(path: Path) -> Iterable[Mapping[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
