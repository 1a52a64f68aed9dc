"""All rules on one snapshot at one instant.

In: a snapshot, a rule book, an instant. Out: one column of levels per rule, and observations for the few subjects
that something happens to. A rule that fails has no levels: its alerts stay exactly as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import polars as pl
from polars.exceptions import PolarsError

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import Today
from warnwatch.rules.expression import Column, Expression
from warnwatch.rules.pieces import LARGEST_IN_COLUMN
from warnwatch.rules.rule import Direction, Level, Rule, RuleBook

NOT_APPLICABLE = -1
_HELD = "held:"
# What a rule that cannot be judged raises: an expression that Polars refuses, a measure that is not there.
_FAILURES = (PolarsError, KeyError, ValueError, TypeError)


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
    `seconds` is what each rule cost, in seconds (see `evaluate`). `held[about]` marks the rows whose data nobody can
    count on now: their levels are unknown, whatever the rules say.
    """

    today: Today
    frames: Mapping[str, pl.DataFrame]
    levels: Mapping[str, pl.Series]
    failures: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    held: Mapping[str, pl.Series] = field(default_factory=dict)


def columns_of(about: str) -> Mapping[str, Column]:
    """Give the columns that a rule about this kind of subject may use, as the expression gate reads them."""
    return {
        name: Column(name, measure.kind, frozenset(measure.values) if measure.values else None, measure.nullable)
        for name, measure in CATALOGUE[about].items()
    }


def evaluate(
    frames: Mapping[str, pl.DataFrame],
    book: RuleBook,
    today: Today,
    stopwatch: Callable[[], float] = lambda: 0.0,
    before: Evaluation | None = None,
    held: Mapping[str, pl.Series] | None = None,
) -> Evaluation:
    """Judge every rule on every subject; the rows that are `held` (see `Evaluation`) come out as unknown.

    The first evaluation of a day judges rule by rule, and so says what each costs. With the one `before` it, of the
    same day, one query judges all of them, and its time counts as shared out as it was then.
    """
    if before is not None and _comparable(before, book, today):
        try:
            return _hold(_judge_together(frames, book, before.seconds, today, stopwatch), book, held)
        except _FAILURES:
            pass  # one of them fails: rule by rule it fails alone
    levels: dict[str, pl.Series] = {}
    failures: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for rule in book.rules:
        began = stopwatch()
        try:
            levels[rule.id] = _levels(frames[rule.about], [rule], today).to_series()
        except _FAILURES as error:
            failures[rule.id] = f"{type(error).__name__}: {error}"
        seconds[rule.id] = stopwatch() - began
    return _hold(Evaluation(today, frames, levels, failures, seconds), book, held)


def _hold(evaluation: Evaluation, book: RuleBook, held: Mapping[str, pl.Series] | None) -> Evaluation:
    if not held:
        return evaluation
    about = {rule.id: rule.about for rule in book.rules}
    levels = {
        rule: level.zip_with(~held[about[rule]], pl.repeat(None, len(level), dtype=pl.Int8, eager=True))
        if about[rule] in held
        else level
        for rule, level in evaluation.levels.items()
    }
    return replace(evaluation, levels=levels, held=held)


def _comparable(before: Evaluation, book: RuleBook, today: Today) -> bool:
    same_rules = list(before.seconds) == [rule.id for rule in book.rules]
    return same_rules and not before.failures and before.today.day == today.day


def _judge_together(
    frames: Mapping[str, pl.DataFrame],
    book: RuleBook,
    shares: Mapping[str, float],
    today: Today,
    stopwatch: Callable[[], float],
) -> Evaluation:
    began = stopwatch()
    levels: dict[str, pl.Series] = {}
    for about in dict.fromkeys(rule.about for rule in book.rules):
        together = [rule for rule in book.rules if rule.about == about]
        if frames[about].is_empty():  # a query over no row costs as much as one over ten thousand
            levels |= {rule.id: pl.Series(rule.id, dtype=pl.Int8) for rule in together}
            continue
        levels |= {column.name: column for column in _levels(frames[about], together, today)}
    cost = (stopwatch() - began) / (sum(shares.values()) or 1)
    return Evaluation(today, frames, levels, {}, {rule: share * cost for rule, share in shares.items()})


def observe(evaluation: Evaluation, rule: Rule, subjects: Iterable[str]) -> list[Observation]:
    """Look closely at some subjects of a rule: level, value, threshold. Subjects gone from the plan are left out."""
    wanted = list(subjects)
    if not wanted or rule.id in evaluation.failures:
        return []
    frame = evaluation.frames[rule.about]
    asked = frame["code"].is_in(wanted)
    held = evaluation.held.get(rule.about)
    held = pl.repeat(value=False, n=frame.height, eager=True) if held is None else held
    rows = frame.with_columns(held.alias(_HELD)).filter(asked)
    unit = pl.col("unit").cast(pl.String)
    done = (pl.col("status") == "done") if "status" in frame.columns else pl.lit(value=False)
    seen = (
        _measured(rows, [rule], evaluation.today)
        .with_columns(pl.when(~pl.col(_HELD)).then(level_of(rule)).alias("level"))
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
    named = sorted(needed(rule))
    found = _measured(row, [rule], evaluation.today).select(*(pl.col(name) for name in named), *rungs).collect()
    values = dict(zip(found.columns, found.row(0), strict=True)) if found.height else {}
    thresholds = {level.word: values.pop(f"{level.word}:", None) for level in rule.rungs}
    return values, thresholds


def level_of(rule: Rule) -> pl.Expr:
    """Write a rule as one expression: design.md 5, "Unknown is not fine, and not an alarm either"."""
    ladder = _ladder_of(rule)
    return _level(ladder, ladder.condition(), {level: _reached(ladder, level) for level in rule.rungs})


def threshold_of(rule: Rule) -> pl.Expr:
    """Give the threshold of the reached level (column `level`), or of the lowest rung."""
    lowest = min(rule.rungs)
    threshold = rule.rungs[lowest].expression.polars().cast(pl.Float64)
    for level in rule.rungs:
        chosen = rule.rungs[level].expression.polars().cast(pl.Float64)
        threshold = pl.when(pl.col("level") == int(level)).then(chosen).otherwise(threshold)
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

    def condition(self) -> pl.Expr:
        """Write `where`; a task verified as done is over whatever the rule says of its status, or does not say."""
        where = self.where.polars()
        return (pl.col("status") != "done") & where if self.done_is_over else where


def _ladder_of(rule: Rule) -> _Ladder:
    thresholds = tuple((level, rule.rungs[level].expression) for level in sorted(rule.rungs))
    done_is_over = rule.about == "task" and "status" not in rule.where.columns
    return _Ladder(rule.id, rule.where, rule.measure, rule.direction, thresholds, done_is_over)


def _levels(frame: pl.DataFrame, rules: Sequence[Rule], today: Today) -> pl.DataFrame:
    """Judge some rules in one query: one Int8 column for each."""
    written = [_written(_ladder_of(rule)) for rule in rules]
    tests = [test for tests, _ in written for test in tests]
    return _measured(frame, rules, today).with_columns(tests).select(level for _, level in written).collect()


@lru_cache(maxsize=1000)
def _written(ladder: _Ladder) -> tuple[list[pl.Expr], pl.Expr]:
    """Write a rule in two steps, yes-or-no columns and the level from them, so that Polars tests each rung once."""
    names = {level: f"{ladder.rule}:{level.word}" for level, _ in ladder.thresholds}
    where = f"{ladder.rule}:where"
    tests = [_reached(ladder, level).alias(name) for level, name in names.items()]
    level = _level(ladder, pl.col(where), {level: pl.col(name) for level, name in names.items()})
    return [ladder.condition().alias(where), *tests], level.alias(ladder.rule)


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


def _reached(ladder: _Ladder, level: Level) -> pl.Expr:
    threshold = dict(ladder.thresholds)[level].polars()
    measure = pl.col(ladder.measure)
    return measure < threshold if ladder.direction == "below" else measure > threshold


def needed(rule: Rule) -> set[str]:
    """Name the columns that a rule looks at."""
    return {rule.measure, *rule.where.columns}.union(*(rung.expression.columns for rung in rule.rungs.values()))


def _measured(frame: pl.DataFrame, rules: Sequence[Rule], today: Today) -> pl.LazyFrame:
    """Add the measures that some rules about one kind of subject need: numbers as Float32, never NaN or infinite."""
    catalogue = CATALOGUE[rules[0].about]
    names = sorted(set().union(*map(needed, rules)) & catalogue.keys())
    measured = frame.lazy().with_columns(catalogue[name].expression(today).alias(name) for name in names)
    types = measured.select(names).collect_schema()
    numbers = [name for name in names if catalogue[name].kind == "number"]
    return measured.with_columns(_finite(name, types[name]) for name in numbers)


def _finite(name: str, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(name).cast(pl.Float32)
    if dtype.is_integer():
        return value  # to look whether whole numbers are finite would cost more than all else
    return pl.when(value.is_between(-LARGEST_IN_COLUMN, LARGEST_IN_COLUMN)).then(value)
