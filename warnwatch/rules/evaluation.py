"""All rules on one snapshot at one instant.

In: a snapshot, a rule book, an instant. Out: one column of levels per rule, and observations for the few subjects
that something happens to. A rule that fails has no levels: its alerts stay exactly as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import polars as pl
from polars.exceptions import PanicException, PolarsError

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import Today
from warnwatch.plan.moving import Moved, patched
from warnwatch.rules.again import by_the_minute, instants_in, rows_again
from warnwatch.rules.expression import Column, Expression
from warnwatch.rules.pieces import LARGEST_IN_COLUMN
from warnwatch.rules.rule import Direction, Level, Rule, RuleBook

NOT_APPLICABLE = -1
_HELD = "held:"
_KEPT = ":kept"
_KEPT_OF = ("kept", "kept_threshold")
LEVEL = pl.col("level")
# What a rule that cannot be judged raises: an expression that Polars refuses, a measure that is not there. Where Polars
# itself breaks it raises a panic, which is no Exception: it would pass every handler up to the end of the process.
RULE_FAILURES = (PolarsError, PanicException, KeyError, ValueError, TypeError)


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule says of one subject.

    `level`: 0 none, 1..3, -1 `where` is false, None unknown. `value` and `threshold` are in the measure's unit;
    the threshold is the reached rung's, or the lowest rung's when none is reached. `done`: verified done.
    `kept`: the level that an open alert keeps at most, within the rule's `clear` of its rungs; and its threshold.
    """

    rule: Rule
    subject: str
    unit: str
    level: int | None
    value: float | None
    threshold: float | None
    done: bool
    kept: int | None = None
    kept_threshold: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """The levels of every rule: `levels[rule.id]` is an Int8 column in the order of `frames[rule.about]`.

    -1 not applicable, 0 none, 1..3 the level, null unknown. `failures` names the rules that could not be judged.
    `seconds` is what each rule cost, in seconds (see `evaluate`). `held[about]` marks the rows whose data nobody can
    count on now: their levels are unknown, whatever the rules say. `kept[rule.id]`, of rules with a `clear` margin, are
    the levels that open alerts keep at most: where the level itself is unknown they are null too.
    """

    today: Today
    frames: Mapping[str, pl.DataFrame]
    levels: Mapping[str, pl.Series]
    failures: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    held: Mapping[str, pl.Series] = field(default_factory=dict)
    kept: Mapping[str, pl.Series] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


def with_measures(frame: pl.DataFrame, rule: Rule, today: Today, more: Iterable[str] = ()) -> pl.LazyFrame:
    """Add to a frame the measures that a rule needs, and `more` of the catalogue."""
    return _measured(frame, [rule], today, more)


def applies(rule: Rule) -> pl.Expr:
    """Write whom a rule is about: its `where`, and for tasks that they are not done."""
    return _ladder_of(rule).condition()


def columns_of(about: str) -> Mapping[str, Column]:
    """Give the columns that a rule about this kind of subject may use, as the expression gate reads them."""
    return {
        name: Column(name, measure.kind, frozenset(measure.values) if measure.values else None, measure.nullable)
        for name, measure in CATALOGUE[about].items()
    }


def evaluate(  # noqa: PLR0913 (what is judged and when; what it goes on from, and how that became this)
    frames: Mapping[str, pl.DataFrame],
    book: RuleBook,
    today: Today,
    stopwatch: Callable[[], float] = lambda: 0.0,
    before: Evaluation | None = None,
    held: Mapping[str, pl.Series] | None = None,
    *,
    moved: Mapping[str, Moved | None] | None = None,
) -> Evaluation:
    """Judge every rule on every subject; the rows that are `held` (see `Evaluation`) come out as unknown.

    The first evaluation of a day judges rule by rule, and so says what each costs. With the one `before` it, of the
    same day, one query judges the subjects of which something can have changed since (`moved` says how its frames
    became these), and its time counts as shared out as it was then.
    """
    held = held or {}
    if before is not None and _comparable(before, book, today):
        began = stopwatch()
        kinds = _kinds(frames, book, before, today, held, moved or {})
        try:
            levels, kept = _sorted_out(_judge_together(kinds, before, today))
        except RULE_FAILURES:
            pass  # one of them fails: rule by rule it fails alone
        else:
            cost = (stopwatch() - began) / (sum(before.seconds.values()) or 1)
            seconds = {rule: share * cost for rule, share in before.seconds.items()}
            return Evaluation(today, frames, levels, {}, seconds, held, kept, before.rules)
    columns: dict[str, pl.Series] = {}
    failures: dict[str, str] = {}
    seconds = {}
    for rule in book.rules:
        began = stopwatch()
        try:
            columns |= _masked(_levels(frames[rule.about], [rule], today), held.get(rule.about))
        except RULE_FAILURES as error:
            failures[rule.id] = f"{type(error).__name__}: {error}"
        seconds[rule.id] = stopwatch() - began
    levels, kept = _sorted_out(columns)
    return Evaluation(today, frames, levels, failures, seconds, held, kept, tuple(book.rules))


def _comparable(before: Evaluation, book: RuleBook, today: Today) -> bool:
    return before.rules == tuple(book.rules) and not before.failures and before.today.day == today.day


@dataclass(frozen=True, slots=True)
class _Kind:
    """The subjects of one kind and their rules: the rows that are `held`, those to judge `again` (None: all)."""

    frame: pl.DataFrame
    rules: list[Rule]
    held: pl.Series | None
    again: pl.Series | None
    moved: Moved | None


def _kinds(
    frames: Mapping[str, pl.DataFrame],
    book: RuleBook,
    before: Evaluation,
    today: Today,
    held: Mapping[str, pl.Series],
    moved: Mapping[str, Moved | None],
) -> list[_Kind]:
    found: dict[str, list[Rule]] = {}
    for rule in book.rules:
        found.setdefault(rule.about, []).append(rule)
    kinds = []
    for about, rules in found.items():
        move = moved.get(about)
        if move is not None and not move.leads(before.frames.get(about), frames[about]):
            move = None
        again = _again(before, frames[about], rules, today, (held.get(about), move))
        kinds.append(_Kind(frames[about], rules, held.get(about), again, move))
    return kinds


def _judge_together(kinds: Sequence[_Kind], before: Evaluation, today: Today) -> dict[str, pl.Series]:
    """Judge again what may have changed since the evaluation before; what cannot have changed stands."""
    columns: dict[str, pl.Series] = {}
    for one in kinds:
        if one.again is None and one.frame.is_empty():  # a query over no row costs as much as one over ten thousand
            columns |= {rule.id: pl.Series(rule.id, dtype=pl.Int8) for rule in one.rules}
            columns |= {f"{rule.id}{_KEPT}": pl.Series(rule.id, dtype=pl.Int8) for rule in one.rules if rule.clear}
            continue
        whole = [rule for rule in one.rules if one.again is None or _runs(rule)]
        if whole:
            columns |= _masked(_levels(one.frame, whole, today), one.held)
        standing = [rule for rule in one.rules if rule not in whole] if whole else one.rules
        if standing and one.again is not None:
            columns |= _standing(before, standing, one.moved)
            if len(one.again):
                held = None if one.held is None else one.held.gather(one.again)
                some = _masked(_levels(one.frame[one.again], standing, today), held)
                columns |= {name: patched(columns[name], one.again, values) for name, values in some.items()}
    return columns


def _again(
    before: Evaluation,
    frame: pl.DataFrame,
    rules: Sequence[Rule],
    today: Today,
    now: tuple[pl.Series | None, Moved | None],
) -> pl.Series | None:
    """Name the rows to judge again; None means all, also when they are so many that all are judged faster."""
    about, (mask, move) = rules[0].about, now
    known = before.frames.get(about)
    if frame is known and frame.is_empty():
        return pl.Series([], dtype=pl.UInt32)
    if known is None or before.today.at > today.at:
        return None
    names = frozenset[str]().union(*map(needed, rules)) & CATALOGUE[about].keys()
    instants = instants_in(frame, about, names)
    found = rows_again((known, frame), move, instants, (before.today.at, today.at), (before.held.get(about), mask))
    return found if found is not None and len(found) * 4 <= frame.height else None


def _runs(rule: Rule) -> bool:
    return any(by_the_minute(rule.about, name) for name in needed(rule) & CATALOGUE[rule.about].keys())


def _standing(before: Evaluation, rules: Sequence[Rule], move: Moved | None) -> dict[str, pl.Series]:
    """Give the levels as they were, in the order of the rows now."""
    columns = {rule.id: before.levels[rule.id] for rule in rules}
    columns |= {f"{rule.id}{_KEPT}": before.kept[rule.id] for rule in rules if rule.clear}
    return {name: move.carried(column) for name, column in columns.items()} if move else columns


def _masked(judged: pl.DataFrame, mask: pl.Series | None) -> dict[str, pl.Series]:
    """Make the levels of held rows unknown, whatever the rules say."""
    if mask is None:
        return {column.name: column for column in judged.iter_columns()}
    nothing = pl.repeat(None, judged.height, dtype=pl.Int8, eager=True)
    return {column.name: column.zip_with(~mask, nothing) for column in judged.iter_columns()}


def _sorted_out(columns: Mapping[str, pl.Series]) -> tuple[dict[str, pl.Series], dict[str, pl.Series]]:
    """Tell the levels from the levels that open alerts keep."""
    kept = {name.removesuffix(_KEPT): column for name, column in columns.items() if name.endswith(_KEPT)}
    return {name: column for name, column in columns.items() if not name.endswith(_KEPT)}, kept


def observe(evaluation: Evaluation, rule: Rule, subjects: Iterable[str]) -> list[Observation]:
    """Look closely at some subjects of a rule that was judged; subjects gone from the plan are left out."""
    wanted = list(subjects)
    if not wanted or rule.id not in evaluation.levels:
        return []
    frame = evaluation.frames[rule.about]
    asked = frame["code"].is_in(wanted)
    held = evaluation.held.get(rule.about)
    held = pl.repeat(value=False, n=frame.height, eager=True) if held is None else held
    rows = frame.with_columns(held.alias(_HELD)).filter(asked)
    unit = pl.col("unit").cast(pl.String)
    if rule.answers:  # nobody is named yet, or no more: the subject's own unit answers
        unit = pl.coalesce(pl.col(rule.answers).cast(pl.String), unit)
    done = (pl.col("status") == "done") if "status" in frame.columns else pl.lit(value=False)
    seen = (
        _measured(rows, [rule], evaluation.today)
        .with_columns(pl.when(~pl.col(_HELD)).then(level_of(rule)).alias("level"))
        .with_columns(pl.when(pl.col("level").is_not_null()).then(_kept_of(rule)).alias("kept"))
        .with_columns(threshold_of(rule).alias("threshold"), threshold_of(rule, pl.col("kept")).alias("kept_threshold"))
        .select(
            "code", unit, "level", pl.col(rule.measure).cast(pl.Float64), "threshold", done.alias("done"), *_KEPT_OF
        )
        .collect()
    )
    return [Observation(rule, *row) for row in seen.iter_rows()]


def units_named(book: RuleBook, frames: Mapping[str, pl.DataFrame]) -> dict[str, dict[str, str]]:
    """Give, of each rule that names its own unit (`answers`), that unit by subject; where none is named, its own."""
    found: dict[str, dict[str, str]] = {}
    for rule in book.rules:
        if rule.answers and rule.about in frames:
            unit = pl.coalesce(pl.col(rule.answers).cast(pl.String), pl.col("unit").cast(pl.String))
            named = frames[rule.about].filter(pl.col(rule.answers).is_not_null()).select("code", unit)
            found[rule.id] = dict(named.iter_rows())
    return found


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


def _kept_of(rule: Rule) -> pl.Expr:
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


def _levels(frame: pl.DataFrame, rules: Sequence[Rule], today: Today) -> pl.DataFrame:
    """Judge some rules in one query: one Int8 column for each, and one of kept levels for each with a margin."""
    written = [_written(_ladder_of(rule)) for rule in rules]
    tests = [test for tests, _ in written for test in tests]
    return (
        _measured(frame, rules, today).with_columns(tests).select(one for _, ones in written for one in ones).collect()
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
        near = {level: f"{name}{_KEPT}" for level, name in names.items()}
        tests += [_reached(ladder, level, ladder.clear).alias(name) for level, name in near.items()]
        kept = _level(ladder, pl.col(where), {level: pl.col(name) for level, name in near.items()})
        judged.append(pl.when(level.is_not_null()).then(kept).alias(f"{ladder.rule}{_KEPT}"))
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


def _measured(frame: pl.DataFrame, rules: Sequence[Rule], today: Today, more: Iterable[str] = ()) -> pl.LazyFrame:
    """Add the measures that some rules about one kind of subject need: numbers as Float32, never NaN or infinite."""
    catalogue = CATALOGUE[rules[0].about]
    names = sorted(set(more).union(*map(needed, rules)) & catalogue.keys())
    measured = frame.lazy().with_columns(catalogue[name].expression(today).alias(name) for name in names)
    types = measured.select(names).collect_schema()
    numbers = [name for name in names if catalogue[name].kind == "number"]
    return measured.with_columns(_finite(name, types[name]) for name in numbers)


def _finite(name: str, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(name).cast(pl.Float32)
    if dtype.is_integer():
        return value  # to look whether whole numbers are finite would cost more than all else
    return pl.when(value.is_between(-LARGEST_IN_COLUMN, LARGEST_IN_COLUMN)).then(value)
