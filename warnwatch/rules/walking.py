"""Ladders walked over the present plan: what no reading of a rule file alone can show.

In: a rule and the frame of its subjects. Out: warnings that name the rung, how many subjects, and some of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from warnwatch.errors import Mistake
from warnwatch.language import Phrase
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import Today
from warnwatch.plan.ranges import range_of
from warnwatch.rules.evaluation import RULE_FAILURES
from warnwatch.rules.levels import applies, with_measures
from warnwatch.rules.rule import Level, Rule

SHOWN = 3  # subjects that a warning names
# How far beyond a rung a value may lie when it is asked whether `where` lets any such value in.
_STEPS = (1e-3, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 1000.0)


@dataclass(frozen=True, slots=True)
class _Question:
    """One thing that may be wrong with subjects: where it stands in the file, which subjects, what to say of them."""

    place: str
    flagged: pl.Expr
    message: str
    allowed: str = ""


def walk(rule: Rule, frame: pl.DataFrame, today: Today) -> list[Mistake]:
    """Name the subjects for which rungs are out of order or out of reach, or the measure says nothing."""
    if frame.is_empty():
        return []
    try:
        questions = list(_questions(rule))
        asked = _asked(rule, frame, today, questions)
    except RULE_FAILURES as error:
        message = Phrase("không xét được quy tắc {rule} trên kế hoạch: {error}", rule=rule.id, error=str(error)[:200])
        return [Mistake(rule.file, rule.line, 0, message)]
    return [
        Mistake(
            rule.file,
            *rule.places.get(question.place, (rule.line, 0)),
            Phrase(
                "{message} ({count} đối tượng: {codes})",
                message=question.message,
                count=count,
                codes=", ".join(codes) + (", …" if count > len(codes) else ""),
            ),
            allowed=question.allowed,
        )
        for question, (count, codes) in zip(questions, asked, strict=True)
        if count
    ]


def _asked(
    rule: Rule, frame: pl.DataFrame, today: Today, questions: Sequence[_Question]
) -> list[tuple[int, list[str]]]:
    if not questions:
        return []
    flags = [
        (pl.col(_APPLIES) & question.flagged).fill_null(value=False).alias(f"{number}:")
        for number, question in enumerate(questions)
    ]
    marked = (
        with_measures(frame, rule, today, [name for name in CATALOGUE[rule.about] if name.startswith("has_")])
        .with_columns(applies(rule).alias(_APPLIES))
        .with_columns(_threshold(rule, level).alias(_name(level)) for level in rule.rungs)
        .with_columns(probe.alias(name) for level in rule.rungs for name, probe in _probes(rule, level))
        .with_columns(flags)
    )
    answers = marked.select(
        one
        for number in range(len(questions))
        for one in (
            pl.col(f"{number}:").sum().alias(f"{number}:count"),
            pl.col("code").filter(pl.col(f"{number}:")).head(SHOWN).implode().alias(f"{number}:codes"),
        )
    ).collect(engine="in-memory")
    row = answers.row(0)
    return [(int(row[2 * number]), list(row[2 * number + 1])) for number in range(len(questions))]


_APPLIES = "applies:"


def _name(level: Level) -> str:
    return f"{level.word}:"


def _threshold(rule: Rule, level: Level) -> pl.Expr:
    return rule.rungs[level].expression.polars().cast(pl.Float64)


def _questions(rule: Rule) -> Iterator[_Question]:
    yield from _about_measure(rule)
    for level in rule.rungs:
        yield from _about_rung(rule, level)
    for lower, higher in pairwise(rule.rungs):
        yield from _about_order(rule, lower, higher)


# What a subject may lack, so that measures made of it do not apply.
_BASICS = ("has_deadline", "has_start", "has_report", "has_reading")


def _about_measure(rule: Rule) -> Iterator[_Question]:
    """Tell a measure that does not apply (a `has_…` column says so) from one that is not known."""
    missing = pl.col(rule.measure).is_null()
    has = [name for name in _BASICS if name in CATALOGUE[rule.about] and name not in rule.where.columns]
    explained = pl.lit(value=False)
    for name in has:
        # One reason for each subject: a task without a deadline is not named again for its missing report.
        yield _Question(
            "where" if "where" in rule.places else "measure",
            missing & ~pl.col(name) & ~explained,
            Phrase("chỉ tiêu đo {measure} không áp dụng, mà where không loại ra", measure=rule.measure),
            f"and {name}",
        )
        explained |= ~pl.col(name)
    yield _Question(
        "measure",
        missing & ~explained,
        Phrase("chỉ tiêu đo {measure} chưa có giá trị; cảnh báo nếu có được giữ nguyên", measure=rule.measure),
    )


def _about_rung(rule: Rule, level: Level) -> Iterator[_Question]:
    known, threshold = pl.col(rule.measure).is_not_null(), pl.col(_name(level))
    yield _Question(
        level.word,
        known & threshold.is_null(),
        Phrase("ngưỡng {level} không tính được; cảnh báo nếu có được giữ nguyên", level=level.word),
    )
    least, most = range_of(rule.about, rule.measure)
    bound = least if rule.direction == "below" else most
    if bound is not None:
        beyond = threshold <= bound if rule.direction == "below" else threshold >= bound
        yield _Question(
            level.word,
            beyond,
            Phrase(
                "mức {level} không bao giờ đạt tới: chỉ tiêu đo {measure} không vượt quá {bound}",
                level=level.word,
                measure=rule.measure,
                bound=f"{bound:g}",
            ),
        )
    if rule.measure in rule.where.columns:
        yield _Question(
            level.word,
            known & threshold.is_not_null() & ~_let_in(rule, level),
            Phrase("mức {level} không bao giờ đạt tới: where loại mọi giá trị vượt ngưỡng", level=level.word),
        )


def _probes(rule: Rule, level: Level) -> Iterator[tuple[str, pl.Expr]]:
    for number, step in enumerate(_STEPS if rule.measure in rule.where.columns else ()):
        yield f"{level.word}:{number}", pl.col(_name(level)) + (-step if rule.direction == "below" else step)


def _let_in(rule: Rule, level: Level) -> pl.Expr:
    """Say whether `where` would be true for any of some values beyond the rung, all else being as it is."""
    tries = (pl.sql_expr(rule.where.sql.replace(f'"{rule.measure}"', f'"{name}"')) for name, _ in _probes(rule, level))
    return pl.any_horizontal(one.fill_null(value=False) for one in tries)


def _about_order(rule: Rule, lower: Level, higher: Level) -> Iterator[_Question]:
    easy, hard = pl.col(_name(lower)), pl.col(_name(higher))
    wrong = easy < hard if rule.direction == "below" else easy > hard
    words = {"lower": lower.word, "higher": higher.word}
    yield _Question(
        lower.word,
        wrong,
        Phrase(
            "bậc ngưỡng ngược: ngưỡng {higher} chạm trước ngưỡng {lower}, nên mức {lower} không bao giờ đạt tới",
            **words,
        ),
    )
    yield _Question(
        lower.word,
        easy == hard,
        Phrase("mức {lower} không bao giờ đạt tới: hai ngưỡng {lower} và {higher} bằng nhau", **words),
    )
