"""How a rule becomes expressions over the columns of a frame: its measures, its rungs, the level from them.

In: rules, a frame, the instant. Out: columns of levels; what is judged when is `evaluation`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import Today
from warnwatch.plan.written import columns_of, expression_of
from warnwatch.rules.expression import Expression
from warnwatch.rules.pieces import LARGEST_IN_COLUMN
from warnwatch.rules.rule import Direction, Level, Rule

NOT_APPLICABLE = -1
KEPT = ":kept"
LEVEL = pl.col("level")


def with_measures(frame: pl.DataFrame, rule: Rule, today: Today, more: Iterable[str] = ()) -> pl.LazyFrame:
    """Add to a frame the measures that a rule needs, and `more` of the catalogue."""
    return _measured(frame, [rule], today, more)


def applies(rule: Rule) -> pl.Expr:
    """Write whom a rule is about: its `where`, and for tasks that they are not done."""
    return _ladder_of(rule).condition()


def level_of(rule: Rule) -> pl.Expr:
    """Write a rule as one expression: design.md 5, "Unknown is not fine, and not an alarm either"."""
    ladder = _ladder_of(rule)
    return _level(ladder, ladder.condition(), {level: _reached(ladder, level) for level in rule.rungs})


def kept_of(rule: Rule) -> pl.Expr:
    """Write the level that an open alert keeps at most: each rung moved back by the rule's `clear`."""
    ladder = _ladder_of(rule)
    return _level(ladder, ladder.condition(), {level: _reached(ladder, level, rule.clear) for level in rule.rungs})


def threshold_of(rule: Rule, level: pl.Expr = LEVEL) -> pl.Expr:
    """Give the threshold of the reached level, or of the lowest rung."""
    lowest = min(rule.rungs)
    threshold = rule.rungs[lowest].expression.polars().cast(pl.Float64)
    for rung in rule.rungs:
        chosen = rule.rungs[rung].expression.polars().cast(pl.Float64)
        threshold = pl.when(level == int(rung)).then(chosen).otherwise(threshold)
    return threshold


@dataclass(frozen=True, slots=True)
class _Ladder:
    """What of a rule decides levels, as a key: to write its expressions takes longer than to judge 10,000 subjects."""

    rule: str
    where: Expression
    measure: str
    direction: Direction
    thresholds: tuple[tuple[Level, Expression], ...]
    done_is_over: bool
    clear: float

    def condition(self) -> pl.Expr:
        """Write `where`; a task verified as done is over whatever the rule says of its status, or does not say."""
        where = self.where.polars()
        return (pl.col("status") != "done") & where if self.done_is_over else where


def _ladder_of(rule: Rule) -> _Ladder:
    thresholds = tuple((level, rule.rungs[level].expression) for level in sorted(rule.rungs))
    done_is_over = rule.about == "task" and "status" not in rule.where.columns
    return _Ladder(rule.id, rule.where, rule.measure, rule.direction, thresholds, done_is_over, rule.clear)


def levels_of(frame: pl.DataFrame, rules: Sequence[Rule], today: Today) -> pl.DataFrame:
    """Judge some rules in one query: one Int8 column for each, and one of kept levels for each with a margin."""
    written = [_written(_ladder_of(rule)) for rule in rules]
    tests = [test for tests, _ in written for test in tests]
    return (
        _measured(frame, rules, today)
        .with_columns(tests)
        .select(one for _, ones in written for one in ones)
        .collect(engine="in-memory")
    )


@lru_cache(maxsize=1000)
def _written(ladder: _Ladder) -> tuple[list[pl.Expr], list[pl.Expr]]:
    """Write a rule in two steps, yes-or-no columns and the level from them, so that Polars tests each rung once."""
    names = {level: f"{ladder.rule}:{level.word}" for level, _ in ladder.thresholds}
    where = f"{ladder.rule}:where"
    tests = [_reached(ladder, level).alias(name) for level, name in names.items()]
    level = _level(ladder, pl.col(where), {level: pl.col(name) for level, name in names.items()})
    judged = [level.alias(ladder.rule)]
    if ladder.clear:
        near = {level: f"{name}{KEPT}" for level, name in names.items()}
        tests += [_reached(ladder, level, ladder.clear).alias(name) for level, name in near.items()]
        kept = _level(ladder, pl.col(where), {level: pl.col(name) for level, name in near.items()})
        judged.append(pl.when(level.is_not_null()).then(kept).alias(f"{ladder.rule}{KEPT}"))
    return [ladder.condition().alias(where), *tests], judged


def _level(ladder: _Ladder, where: pl.Expr, reached: Mapping[Level, pl.Expr]) -> pl.Expr:
    level = pl.lit(0, pl.Int8)
    for rung, _ in ladder.thresholds:
        level = pl.when(reached[rung]).then(pl.lit(int(rung), pl.Int8)).otherwise(level)
    known = where.is_not_null() & pl.col(ladder.measure).is_not_null()
    higher = pl.lit(value=False)
    for rung, threshold in reversed(ladder.thresholds):
        if threshold.columns or threshold.constant() is None:
            known &= reached[rung].is_not_null() | higher
        higher |= reached[rung].fill_null(value=False)
    elsewhere = where.eq_missing(pl.lit(value=False))
    return pl.when(elsewhere).then(pl.lit(NOT_APPLICABLE, pl.Int8)).otherwise(pl.when(known).then(level))


def _reached(ladder: _Ladder, level: Level, clear: float = 0.0) -> pl.Expr:
    """Test one rung; with `clear`, whether the measure is not yet that far back beyond it."""
    threshold = dict(ladder.thresholds)[level].polars()
    if clear:  # as exact as the measure, so that 0.2 with 0.05 is left at 0.15
        threshold = (threshold.cast(pl.Float64) + (clear if ladder.direction == "below" else -clear)).cast(pl.Float32)
    measure = pl.col(ladder.measure)
    return measure < threshold if ladder.direction == "below" else measure > threshold


def needed(rule: Rule) -> set[str]:
    """Name the columns that a rule looks at."""
    return {rule.measure, *rule.where.columns}.union(*(rung.expression.columns for rung in rule.rungs.values()))


def looked_at(rule: Rule) -> frozenset[str]:
    """Name the base columns that decide the levels of a rule."""
    names = needed(rule) | {"status"}  # a task verified as done is over, whatever its rule looks at
    measures = names & CATALOGUE[rule.about].keys()
    return frozenset(names - measures).union(*(columns_of(rule.about, name) for name in measures))


def _measured(frame: pl.DataFrame, rules: Sequence[Rule], today: Today, more: Iterable[str] = ()) -> pl.LazyFrame:
    """Add the measures that some rules about one kind of subject need: numbers as Float32, never NaN or infinite."""
    about, catalogue = rules[0].about, CATALOGUE[rules[0].about]
    names = sorted(set(more).union(*map(needed, rules)) & catalogue.keys())
    measured = frame.lazy().with_columns(expression_of(about, name, today).alias(name) for name in names)
    types = measured.select(names).collect_schema()
    numbers = [name for name in names if catalogue[name].kind == "number"]
    return measured.with_columns(_finite(name, whole=types[name].is_integer()) for name in numbers)


@lru_cache(maxsize=500)
def _finite(name: str, *, whole: bool) -> pl.Expr:
    value = pl.col(name).cast(pl.Float32)
    if whole:
        return value  # to look whether whole numbers are finite would cost more than all else
    return pl.when(value.is_between(-LARGEST_IN_COLUMN, LARGEST_IN_COLUMN)).then(value)
