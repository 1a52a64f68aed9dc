"""All rules on one snapshot at one instant.

In: a snapshot, a rule book, an instant. Out: one column of levels per rule, and observations for the few subjects
that something happens to. A rule that fails has no levels: its alerts stay exactly as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl
from polars.exceptions import PolarsError

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import Measure, Today
from warnwatch.rules.expression import Column
from warnwatch.rules.rule import Level, Rule, RuleBook

NOT_APPLICABLE = -1


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule says of one subject.

    `level`: 0 none, 1..3, -1 `where` is false, None unknown. `value` and `threshold` are in the measure's unit;
    the threshold is the reached rung's, or the lowest rung's when none is reached. `done`: verified done.
    """

    rule: Rule
    subject: str
    unit: str
    level: int | None
    value: float | None
    threshold: float | None
    done: bool


@dataclass(frozen=True)
class Evaluation:
    """The levels of every rule: `levels[rule.id]` is an Int8 column in the order of `frames[rule.about]`.

    -1 not applicable, 0 none, 1..3 the level, null unknown. `failures` names the rules that could not be judged.
    `seconds` is what each rule cost, in seconds.
    """

    today: Today
    frames: Mapping[str, pl.DataFrame]
    levels: Mapping[str, pl.Series]
    failures: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


def columns_of(about: str) -> Mapping[str, Column]:
    """Give the columns that a rule about this kind of subject may use, as the expression gate reads them."""
    return {
        name: Column(name, measure.kind, frozenset(measure.values) if measure.values else None, measure.nullable)
        for name, measure in CATALOGUE[about].items()
    }


def evaluate(
    frames: Mapping[str, pl.DataFrame], book: RuleBook, today: Today, stopwatch: Callable[[], float] = lambda: 0.0
) -> Evaluation:
    """Judge every rule on every subject, one column query per rule."""
    levels: dict[str, pl.Series] = {}
    failures: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for rule in book.rules:
        began = stopwatch()
        try:
            levels[rule.id] = _levels(frames[rule.about], rule, today)
        except (PolarsError, KeyError, ValueError, TypeError) as error:
            failures[rule.id] = f"{type(error).__name__}: {error}"
        seconds[rule.id] = stopwatch() - began
    return Evaluation(today, frames, levels, failures, seconds)


def observe(evaluation: Evaluation, rule: Rule, subjects: Iterable[str]) -> list[Observation]:
    """Look closely at some subjects of a rule: level, value, threshold. Subjects gone from the plan are left out."""
    wanted = list(subjects)
    if not wanted or rule.id in evaluation.failures:
        return []
    frame = evaluation.frames[rule.about]
    rows = frame.filter(pl.col("code").is_in(wanted))
    unit = pl.col("unit").cast(pl.String)
    done = (pl.col("status") == "done") if "status" in frame.columns else pl.lit(value=False)
    seen = (
        _measured(rows, rule, evaluation.today)
        .with_columns(level_of(rule).alias("level"))
        .with_columns(threshold_of(rule).alias("threshold"))
        .select(pl.col("code"), unit, "level", pl.col(rule.measure).cast(pl.Float64), "threshold", done.alias("done"))
        .collect()
    )
    return [Observation(rule, *row) for row in seen.iter_rows()]


def observe_values(
    evaluation: Evaluation, rule: Rule, subject: str
) -> tuple[dict[str, object], dict[str, float | None]]:
    """Give the values of every column that a rule looks at for one subject, and its thresholds by level word."""
    row = evaluation.frames[rule.about].filter(pl.col("code") == subject)
    rungs = [rule.rungs[level].expression.polars().cast(pl.Float64).alias(f"{level.word}:") for level in rule.rungs]
    named = sorted(_needed(rule))
    found = _measured(row, rule, evaluation.today).select(*(pl.col(name) for name in named), *rungs).collect()
    values = dict(zip(found.columns, found.row(0), strict=True)) if found.height else {}
    thresholds = {level.word: values.pop(f"{level.word}:", None) for level in rule.rungs}
    return values, thresholds


def level_of(rule: Rule) -> pl.Expr:
    """Write a rule as one expression: design.md 5, "Unknown is not fine, and not an alarm either"."""
    where = rule.where.polars()
    measure = pl.col(rule.measure)
    ladder: pl.Expr = pl.lit(0, pl.Int8)
    for level in sorted(rule.rungs):
        reached = _reached(rule, level)
        unknown = pl.lit(None, pl.Int8)
        ladder = (
            pl.when(reached).then(pl.lit(int(level), pl.Int8)).when(reached.is_null()).then(unknown).otherwise(ladder)
        )
    return (
        pl.when(where.eq_missing(pl.lit(value=False)))
        .then(pl.lit(NOT_APPLICABLE, pl.Int8))
        .when(where.is_null() | measure.is_null())
        .then(pl.lit(None, pl.Int8))
        .otherwise(ladder)
    )


def threshold_of(rule: Rule) -> pl.Expr:
    """Give the threshold of the reached level (column `level`), or of the lowest rung."""
    lowest = min(rule.rungs)
    threshold = rule.rungs[lowest].expression.polars().cast(pl.Float64)
    for level in rule.rungs:
        chosen = rule.rungs[level].expression.polars().cast(pl.Float64)
        threshold = pl.when(pl.col("level") == int(level)).then(chosen).otherwise(threshold)
    return threshold


def _reached(rule: Rule, level: Level) -> pl.Expr:
    threshold = rule.rungs[level].expression.polars()
    measure = pl.col(rule.measure)
    return measure < threshold if rule.direction == "below" else measure > threshold


def _needed(rule: Rule) -> set[str]:
    return {rule.measure, *rule.where.columns}.union(*(rung.expression.columns for rung in rule.rungs.values()))


def _measured(frame: pl.DataFrame, rule: Rule, today: Today) -> pl.LazyFrame:
    """Add the measures that a rule needs, never NaN or infinite."""
    catalogue = CATALOGUE[rule.about]
    return frame.lazy().with_columns(
        _finite(catalogue[name], today).alias(name) for name in sorted(_needed(rule)) if name in catalogue
    )


def _finite(measure: Measure, today: Today) -> pl.Expr:
    value = measure.expression(today)
    if measure.kind != "number":
        return value
    value = value.cast(pl.Float32)
    return pl.when(value.is_finite()).then(value)


def _levels(frame: pl.DataFrame, rule: Rule, today: Today) -> pl.Series:
    return _measured(frame, rule, today).select(level_of(rule).alias(rule.id)).collect().to_series()
