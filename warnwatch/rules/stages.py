"""All rules in two stages: those about the plan, and then those about what the first ones came to.

The second stage's subjects are the rules themselves (`rule`: does it run, is a new set refused) and what is missing
(`datum`: all that a unit owes of one kind is one subject, whatever the number of tasks and rules that want it).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from warnwatch.errors import Mistake
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.directory import Directory
from warnwatch.plan.measures import Today
from warnwatch.plan.moving import Moved
from warnwatch.plan.quality import DATA, DATUM_COLUMNS, GONE, RULE, RULE_COLUMNS, RULE_SET, SET
from warnwatch.rules.evaluation import Evaluation, evaluate
from warnwatch.rules.levels import needed
from warnwatch.rules.rule import Rule, RuleBook

OWN = ("rule", "datum")
# What tasks and KPIs are named by in the code of a missing datum: as recorded, so that a merger keeps the code.
_KEYS = {"task": "lead", "kpi": "code"}
_EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class SetState:
    """How the rule set itself stands: who keeps it, what is wrong with a newer one, and whether one waits.

    `keeper` is a unit's code; empty, the rules are kept by the secretariat. `refused` and `waiting` are the versions.
    """

    keeper: str = ""
    mistakes: tuple[Mistake, ...] = ()
    refused: str = ""
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing, with all that it was made from: an unchanged cycle finds it again without looking."""

    frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    nulls: Mapping[str, pl.Series] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    found: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DATUM_COLUMNS))


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules came to in both stages, kept apart for the next cycle."""

    whole: Evaluation
    first: Evaluation
    second: Evaluation | None = None
    second_rules: tuple[Rule, ...] = ()
    missing: Missing = field(default_factory=Missing)


def judge(  # noqa: PLR0913 (as `evaluate`, and what the second stage looks at)
    frames: Mapping[str, pl.DataFrame],
    book: RuleBook,
    today: Today,
    stopwatch: Callable[[], float] = lambda: 0.0,
    before: Judged | None = None,
    held: Mapping[str, pl.Series] | None = None,
    *,
    set_state: SetState | None = None,
    keeper: str = "",
    known: Callable[[str], Collection[str]] = lambda _rule: (),
    present: Callable[[str], str] = lambda unit: unit,
    moved: Mapping[str, Moved | None] | None = None,
) -> Judged:
    """Judge every rule on every subject, as `evaluate`, the rules about rules and data on what the others came to.

    `keeper`: the unit that is told about rules; `known` gives the subjects that have an alert of a rule, which stay
    subjects until it has ended; `present`: the unit that stands for a code today.
    """
    plan = tuple(rule for rule in book.rules if rule.about not in OWN)
    own = tuple(rule for rule in book.rules if rule.about in OWN)
    first = evaluate(
        frames, replace(book, rules=plan), today, stopwatch, before.first if before else None, held, moved=moved
    )
    if not own:
        return Judged(first, first)
    about = {rule.about for rule in own}
    alerted = {one: {code for rule in own if rule.about == one for code in known(rule.id)} for one in about}
    missing = _missing(first, plan, before.missing if before else Missing()) if "datum" in about else Missing()
    made: dict[str, pl.DataFrame] = {}
    if "rule" in about:
        failing = {*first.failures, *(before.second.failures if before and before.second else ())}
        made["rule"] = _rule_frame(book, failing, set_state or SetState(), keeper, alerted["rule"])
    if "datum" in about:
        made["datum"] = _datum_frame(missing.found, alerted["datum"], present, unsure=bool(first.failures))
    second = _second(made, own, replace(book, rules=own), today, stopwatch, before)
    whole = replace(
        first,
        frames={**frames, **second.frames},
        levels={**first.levels, **second.levels},
        failures={**first.failures, **second.failures},
        seconds={**first.seconds, **second.seconds},
        kept={**first.kept, **second.kept},
    )
    return Judged(whole, first, second, own, missing)


def keeper_of(set_state: SetState, directory: Directory) -> str:
    """Name the unit that is told about the rules: the settings' own, else the secretariat's, else the root."""
    named = directory.unit(set_state.keeper) if set_state.keeper else None
    known = named or directory.secretariat
    if known is None:
        known = min(directory.units.values(), key=lambda unit: (bool(unit.parent), unit.code), default=None)
    return known.code if known else ""


def _second(
    frames: Mapping[str, pl.DataFrame],
    rules: tuple[Rule, ...],
    book: RuleBook,
    today: Today,
    stopwatch: Callable[[], float],
    before: Judged | None,
) -> Evaluation:
    """Judge the second stage; nothing about it depends on the hour, so the same frames give the same levels."""
    last = before.second if before else None
    if last and before and before.second_rules == rules and not last.failures:
        same = all(name in last.frames and frame.equals(last.frames[name]) for name, frame in frames.items())
        if same:
            return replace(last, today=today)
    return evaluate(frames, book, today, stopwatch, last)


def _rule_frame(
    book: RuleBook, failing: Collection[str], set_state: SetState, keeper: str, alerted: Collection[str]
) -> pl.DataFrame:
    """Give one row a rule, and one for the set; without anybody who keeps the rules, none."""
    if not keeper:
        return pl.DataFrame(schema=RULE_COLUMNS)
    rows = [(rule.id, keeper, RULE, int(rule.id in failing), 0, 0) for rule in book.rules]
    rows.append((RULE_SET, keeper, SET, 0, len(set_state.mistakes), int(bool(set_state.waiting))))
    there = {row[0] for row in rows}
    rows += [(code, keeper, GONE, 0, 0, 0) for code in sorted(alerted) if code not in there]
    return pl.DataFrame(rows, schema=RULE_COLUMNS, orient="row")


def _datum_frame(
    found: pl.DataFrame, alerted: Collection[str], present: Callable[[str], str], *, unsure: bool
) -> pl.DataFrame:
    """Give what is missing, and what an alert says was missing: nothing of it any more, or nobody knows."""
    there = set(found["code"])
    count = None if unsure else 0
    rows: list[tuple[object, ...]] = [
        (code, present(code.rpartition("/")[2]), code.partition("/")[0], count, [], [])
        for code in sorted(alerted)
        if code not in there
    ]
    return pl.concat([found, pl.DataFrame(rows, schema=DATUM_COLUMNS, orient="row")]) if rows else found


# --- what is missing ------------------------------------------------------------------------------------------------


def _missing(first: Evaluation, rules: Sequence[Rule], before: Missing) -> Missing:
    nulls = {
        rule.id: level.is_null()
        for rule in rules
        if rule.about in DATA and (level := first.levels.get(rule.id)) is not None and level.null_count()
    }
    if not nulls:
        return Missing()
    asked = tuple(rule for rule in rules if rule.id in nulls)
    frames: dict[str, pl.DataFrame] = {rule.about: first.frames[rule.about] for rule in asked}
    if before.rules == asked and _same(frames, nulls, before):
        return before
    found = [one for rule in asked for one in _wanted(first, rule, nulls[rule.id])]
    return Missing(frames, nulls, asked, _gathered(found))


def _same(frames: Mapping[str, pl.DataFrame], nulls: Mapping[str, pl.Series], before: Missing) -> bool:
    same_frames = all(before.frames.get(about) is frame for about, frame in frames.items())
    return same_frames and all(null.equals(before.nulls[rule]) for rule, null in nulls.items())


def _wanted(first: Evaluation, rule: Rule, null: pl.Series) -> Iterator[pl.LazyFrame]:
    """Give the subjects that a rule cannot judge, by what of the plan is missing for it."""
    frame, catalogue = first.frames[rule.about].filter(null), CATALOGUE[rule.about]
    lacking: dict[str, list[pl.Expr]] = {}
    for name in sorted(needed(rule)):
        expression = catalogue[name].expression(first.today)
        for base in sorted({*expression.meta.root_names()} & {*frame.columns}):
            datum = DATA[rule.about].get(base, f"{rule.about}.{name}")
            lacks = expression.is_null() & pl.col(base).is_null()
            if base == "value" and "period" in frame.columns:
                lacks &= pl.col("period").is_null()  # a reading whose parts give no number cannot be computed
            lacking.setdefault(datum, []).append(lacks)
    for datum, some in lacking.items():
        yield (
            frame.lazy()
            .filter(pl.any_horizontal(some))
            .select(
                pl.concat_str(pl.lit(f"{datum}/"), pl.col(_KEYS[rule.about]).cast(pl.String)).alias("code"),
                pl.col("unit").cast(pl.String),
                pl.lit(datum).alias("datum"),
                pl.col("code").alias("subject"),
                pl.lit(rule.id).alias("rule"),
            )
        )


def _gathered(found: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    subject, rule = pl.col("subject"), pl.col("rule")
    return (
        pl.concat(found)
        .group_by("code")
        .agg(
            pl.col("unit").first(),
            pl.col("datum").first(),
            subject.n_unique().cast(pl.Int32).alias("unknown_subjects"),
            subject.unique().sort().head(_EXAMPLES).alias("subjects"),
            rule.unique().sort().alias("rules"),
        )
        .sort("code")
        .collect(engine="in-memory")
    )
