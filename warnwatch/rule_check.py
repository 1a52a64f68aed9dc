"""What `warnwatch check` finds in a rule folder: mistakes in its files, and warnings where they meet the present plan.

In: the settings, the database where it can be read, the instant. Out: warnings, and what each rule costs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import median

import polars as pl
from sqlalchemy import Engine

from warnwatch import database
from warnwatch.alerts.unanswered import read_unanswered
from warnwatch.assembly import load_standards
from warnwatch.cycle import Standards
from warnwatch.errors import CannotRunError, Mistake
from warnwatch.language import Phrase, in_language
from warnwatch.notify.notification import Kind
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.columns import FILES
from warnwatch.plan.measures import Today, today_of
from warnwatch.plan.snapshot import read_snapshot
from warnwatch.plan.subjects import frames_of
from warnwatch.plan.unit_frame import stand_now
from warnwatch.plan.writing import read_codes
from warnwatch.rules.editor_schema import SCHEMA_FILES, Schema, calendar_schema, rules_schema
from warnwatch.rules.evaluation import Evaluation, evaluate
from warnwatch.rules.rule import Level, Rule, RuleBook
from warnwatch.rules.stages import judge, keeper_of
from warnwatch.rules.walking import walk
from warnwatch.settings import Settings

RUNS = 5  # of each rule; their median is what it costs
STANDINGS = ("critical", "warning", "notice", "none", "unknown", "not_applicable")
READING = Phrase("đọc kế hoạch")
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Present:
    """The plan as rules see it now: the frames by kind of subject, and every code that units ever had."""

    frames: Mapping[str, pl.DataFrame]
    today: Today
    units: frozenset[str]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one rule costs on the present plan, and how many subjects stand at which level (by its word)."""

    rule: str
    about: str
    milliseconds: float
    subjects: int
    levels: Mapping[str, int]
    failure: str = ""


def write_schemas(folder: Path, more: Mapping[str, Schema], language: str = "vi") -> None:
    """Write the JSON Schemas of this program's rule files beside them, and `more`, by name; old ones are replaced."""
    schemas = (rules_schema(CATALOGUE, [kind.value for kind in Kind]), calendar_schema())
    for name, made in {**dict(zip(SCHEMA_FILES, schemas, strict=True)), **more}.items():
        text = json.dumps(_said(made, language), ensure_ascii=False, indent=1) + "\n"
        new = folder / f".{name}.new"
        new.write_text(text, encoding="utf-8", newline="\n")
        new.replace(folder / name)


def _said(schema: object, language: str) -> object:
    if isinstance(schema, Mapping):
        return {key: _said(value, language) for key, value in schema.items()}
    if isinstance(schema, list | tuple):
        return [_said(value, language) for value in schema]
    return in_language(schema, language)


def open_for_reading(settings: Settings) -> Engine:
    """Open the settings' database as it is; CannotRunError where there is none, or it is of another schema.

    Unlike every other command it neither makes nor upgrades one: to check files must leave nothing behind.
    """
    engine = database.open_engine(settings.database.url)
    embedded = engine.dialect.name == "sqlite"
    if embedded and not Path(engine.url.database or "").is_file():
        engine.dispose()
        raise CannotRunError(Phrase("chưa có cơ sở dữ liệu"))
    try:
        database.check_revision(engine)
    except CannotRunError:
        engine.dispose()
        raise
    return engine


def read_present(engine: Engine, standards: Standards, now: datetime, about: Collection[str]) -> Present:
    """Read the plan as it stands now, with the subjects that the rules are about."""
    calendar = standards.calendar
    day, today = calendar.local_date(now), today_of(now, calendar)
    with engine.connect().execution_options(reads_only=True) as connection:
        snapshot = read_snapshot(connection, calendar, day=day)
        units = frozenset(read_codes(connection, FILES["units"]))
        alerts = read_unanswered(connection, standards.book)
    directory = snapshot.directory(day)
    frames = frames_of(
        about, snapshot, lambda: stand_now(snapshot, directory, today, calendar, standards.cutoffs, unanswered=alerts)
    )
    keeper = keeper_of(standards.set_state, directory)
    return Present(judge(frames, standards.book, today, keeper=keeper).whole.frames, today, units)


def check_plan(settings: Settings, standards: Standards, present: Present, tell: Tell) -> list[Mistake]:
    """Give the warnings of the files, with the codes that the plan does not know, and of the ladders walked over it."""
    book = standards.book
    codes = _codes(book, present)
    warnings = list((load_standards(settings, codes).book if codes else book).warnings)
    for number, rule in enumerate(book.rules):
        tell(rule.id, number, len(book.rules))
        warnings += walk(rule, present.frames[rule.about], present.today)
    tell("", len(book.rules), len(book.rules))
    return sorted(set(warnings))


def _codes(book: RuleBook, present: Present) -> dict[str, frozenset[str]]:
    """Give what the code columns that rules name can be: the units' codes of all times, else what stands there now."""
    asked = {(rule.about, column) for rule in book.rules for column, _ in _named(rule)}
    known = {}
    for about, column in asked:
        frame = present.frames[about]
        here = frozenset(frame[column].cast(pl.String)) if column in frame.columns else frozenset()
        is_unit = column != "code" or about == "unit"
        known[f"{about}.{column}"] = here | present.units if is_unit else here
    return known


def _named(rule: Rule) -> frozenset[tuple[str, str]]:
    return rule.where.codes.union(*(rung.expression.codes for rung in rule.rungs.values()))


def cost_of(book: RuleBook, present: Present, stopwatch: Callable[[], float], tell: Tell) -> tuple[list[Cost], float]:
    """Measure each rule alone, and all of them together as a cycle judges them; in milliseconds, medians."""
    costs = []
    for number, rule in enumerate(book.rules):
        tell(rule.id, number, len(book.rules) + 1)
        one = replace(book, rules=(rule,))
        runs = [evaluate(present.frames, one, present.today, stopwatch) for _ in range(RUNS)]
        costs.append(_cost(rule, runs, present.frames[rule.about].height))
    tell("", len(book.rules), len(book.rules) + 1)
    # Of what was judged only the cost: with its frames no subject would be judged again.
    first = replace(evaluate(present.frames, book, present.today, stopwatch), frames={})
    together = []
    for _ in range(RUNS):
        began = stopwatch()
        evaluate(present.frames, book, present.today, before=first)
        together.append(1000 * (stopwatch() - began))
    tell("", len(book.rules) + 1, len(book.rules) + 1)
    return costs, median(together)


_WORDS: dict[int | None, str] = {-1: "not_applicable", None: "unknown", **{int(level): level.word for level in Level}}


def _cost(rule: Rule, runs: list[Evaluation], subjects: int) -> Cost:
    spent = 1000 * median(run.seconds[rule.id] for run in runs)
    counted = dict.fromkeys(STANDINGS, 0)
    if rule.id in runs[0].levels:
        for level, count in runs[0].levels[rule.id].alias("level").value_counts().iter_rows():
            counted[_WORDS[level]] = count
    return Cost(rule.id, rule.about, spent, subjects, counted, runs[0].failures.get(rule.id, ""))
