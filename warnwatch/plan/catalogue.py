"""The catalogue of measures: what a rule may use, each with unit, meaning, source, example and its sentences."""

from __future__ import annotations

from collections.abc import Mapping

from warnwatch.plan.kpis import KPI_MEASURES
from warnwatch.plan.measures import Measure
from warnwatch.plan.quality import DATUM_MEASURES, RULE_MEASURES
from warnwatch.plan.source_frame import SOURCE_MEASURES
from warnwatch.plan.task_measures import TASK_MEASURES
from warnwatch.plan.units import UNIT_MEASURES

CATALOGUE: Mapping[str, Mapping[str, Measure]] = {
    "task": {measure.name: measure for measure in TASK_MEASURES},
    "unit": {measure.name: measure for measure in UNIT_MEASURES},
    "kpi": {measure.name: measure for measure in KPI_MEASURES},
    "source": {measure.name: measure for measure in SOURCE_MEASURES},
    "rule": {measure.name: measure for measure in RULE_MEASURES},
    "datum": {measure.name: measure for measure in DATUM_MEASURES},
}
