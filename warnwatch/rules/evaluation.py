"""All rules on one snapshot at one instant.

In: a snapshot, a rule book, an instant. Out: one column of levels per rule, and observations for the few subjects
that something happens to. A rule that fails has no levels: its alerts stay exactly as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl
from polars.exceptions import PanicException, PolarsError

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import Today
from warnwatch.plan.moving import Moved, patched
from warnwatch.plan.written import by_the_minute
from warnwatch.rules.again import Again, instants_in, rows_again
from warnwatch.rules.expression import Column
from warnwatch.rules.levels import KEPT, kept_of, level_of, levels_of, looked_at, needed, threshold_of, with_measures
from warnwatch.rules.rule import Rule, RuleBook

_HELD = "held:"
_KEPT_OF = ("kept", "kept_threshold")
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
            columns |= _masked(levels_of(frames[rule.about], [rule], today), held.get(rule.about))
        except RULE_FAILURES as error:
            failures[rule.id] = f"{type(error).__name__}: {error}"
        seconds[rule.id] = stopwatch() - began
    levels, kept = _sorted_out(columns)
    return Evaluation(today, frames, levels, failures, seconds, held, kept, tuple(book.rules))


def _comparable(before: Evaluation, book: RuleBook, today: Today) -> bool:
    return before.rules == tuple(book.rules) and not before.failures and before.today.day == today.day


@dataclass(frozen=True, slots=True)
class _Kind:
    """The subjects of one kind and their rules: the rows that are `held`, what to judge `again` (None: all)."""

    frame: pl.DataFrame
    rules: list[Rule]
    held: pl.Series | None
    again: Again | None
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
            columns |= {f"{rule.id}{KEPT}": pl.Series(rule.id, dtype=pl.Int8) for rule in one.rules if rule.clear}
            continue
        whole = [rule for rule in one.rules if one.again is None or _runs(rule)]
        if whole:
            columns |= _masked(levels_of(one.frame, whole, today), one.held)
        standing = [rule for rule in one.rules if rule not in whole] if whole else one.rules
        if standing and one.again is not None:
            columns |= _standing(before, standing, one.moved)
            columns |= _judged_again(one, standing, one.again, columns, today)
    return columns


def _judged_again(
    one: _Kind, rules: Sequence[Rule], again: Again, columns: Mapping[str, pl.Series], today: Today
) -> dict[str, pl.Series]:
    """Judge some rows by the rules that look at what can have changed in them, and write that into the columns."""
    touched = [rule for rule in rules if again.touches(looked_at(rule))]
    if again.rows.is_empty() or not touched:
        return {}
    held = None if one.held is None else one.held.gather(again.rows)
    fresh = pl.DataFrame(_masked(levels_of(one.frame[again.rows], touched, today), held))
    return patched(columns, again.rows, fresh)


def _again(
    before: Evaluation,
    frame: pl.DataFrame,
    rules: Sequence[Rule],
    today: Today,
    now: tuple[pl.Series | None, Moved | None],
) -> Again | None:
    """Name the rows to judge again; None means all, also when they are so many that all are judged faster."""
    about, (mask, move) = rules[0].about, now
    known = before.frames.get(about)
    if frame is known and frame.is_empty():
        return Again(pl.Series([], dtype=pl.UInt32))
    if known is None or before.today.at > today.at:
        return None
    names = frozenset[str]().union(*map(needed, rules)) & CATALOGUE[about].keys()
    instants = instants_in(frame, about, names)
    found = rows_again((known, frame), move, instants, (before.today.at, today.at), (before.held.get(about), mask))
    return found if found is not None and len(found.rows) * 4 <= frame.height else None


def _runs(rule: Rule) -> bool:
    return any(by_the_minute(rule.about, name) for name in needed(rule) & CATALOGUE[rule.about].keys())


def _standing(before: Evaluation, rules: Sequence[Rule], move: Moved | None) -> dict[str, pl.Series]:
    """Give the levels as they were, in the order of the rows now."""
    columns = {rule.id: before.levels[rule.id] for rule in rules}
    columns |= {f"{rule.id}{KEPT}": before.kept[rule.id] for rule in rules if rule.clear}
    return {name: move.carried(column) for name, column in columns.items()} if move else columns


def _masked(judged: pl.DataFrame, mask: pl.Series | None) -> dict[str, pl.Series]:
    """Make the levels of held rows unknown, whatever the rules say."""
    if mask is None:
        return {column.name: column for column in judged.iter_columns()}
    nothing = pl.repeat(None, judged.height, dtype=pl.Int8, eager=True)
    return {column.name: column.zip_with(~mask, nothing) for column in judged.iter_columns()}


def _sorted_out(columns: Mapping[str, pl.Series]) -> tuple[dict[str, pl.Series], dict[str, pl.Series]]:
    """Tell the levels from the levels that open alerts keep."""
    kept = {name.removesuffix(KEPT): column for name, column in columns.items() if name.endswith(KEPT)}
    return {name: column for name, column in columns.items() if not name.endswith(KEPT)}, kept


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
        with_measures(rows, rule, evaluation.today)
        .with_columns(pl.when(~pl.col(_HELD)).then(level_of(rule)).alias("level"))
        .with_columns(pl.when(pl.col("level").is_not_null()).then(kept_of(rule)).alias("kept"))
        .with_columns(threshold_of(rule).alias("threshold"), threshold_of(rule, pl.col("kept")).alias("kept_threshold"))
        .select(
            "code", unit, "level", pl.col(rule.measure).cast(pl.Float64), "threshold", done.alias("done"), *_KEPT_OF
        )
        .collect(engine="in-memory")
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
    found = (
        with_measures(row, rule, evaluation.today)
        .select(*(pl.col(name) for name in named), *rungs)
        .collect(engine="in-memory")
    )
    values = dict(zip(found.columns, found.row(0), strict=True)) if found.height else {}
    thresholds = {level.word: values.pop(f"{level.word}:", None) for level in rule.rungs}
    return values, thresholds
