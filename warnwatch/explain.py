"""Why, and why not: for one task and instant each rule's verdict, with the values and thresholds behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from warnwatch import schema
from warnwatch.errors import NotFoundError, nearest_name
from warnwatch.language import Phrase
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.holding import read_fed
from warnwatch.plan.measures import describe, today_of
from warnwatch.plan.snapshot import read_snapshot
from warnwatch.plan.source_frame import in_trouble
from warnwatch.plan.words import Words, read_words
from warnwatch.rules.evaluation import NOT_APPLICABLE, Evaluation, Observation, evaluate, observe, observe_values
from warnwatch.rules.rule import Level, Rule, RuleBook

_NEIGHBOURS = 2_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's say on the task. `level` is a word, `not_applicable` or `unknown`; `values` are what it looked at.

    `thresholds` are the rungs as they come out for this task; `alert` is the number of one that had not ended then.
    """

    rule: str
    level: str
    sentence: str
    measure: str
    value: float | None
    thresholds: Mapping[str, float | None]
    where: str
    values: Mapping[str, object]
    alert: str | None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything the rules say of one task at an instant, as it was known then."""

    subject: str
    title: str
    unit: str
    at: datetime
    due_at: datetime | None
    due_text: str
    verdicts: tuple[Verdict, ...]

    def as_json(self) -> Mapping[str, Any]:
        """Give the words of `warnwatch explain --json`."""
        return asdict(self) | {"at": self.at.isoformat(), "due_at": self.due_at.isoformat() if self.due_at else None}


def explain(  # noqa: PLR0913 (what is explained, from what, when, in which language)
    connection: Connection,
    book: RuleBook,
    calendar: WorkCalendar,
    code: str,
    *,
    at: datetime,
    as_of: datetime | None,
    language: str = "vi",
) -> Explanation:
    """Explain one task at `at`, with the plan as known now or at `as_of`; an unknown task is a NotFoundError."""
    words = read_words(connection, [code], as_of).get(code)
    snapshot = read_snapshot(connection, calendar, as_of, [code], calendar.local_date(at))
    if words is None:
        when = Phrase(" vào lúc {at:%d/%m/%Y %H:%M}", at=as_of.astimezone(calendar.zone)) if as_of else ""
        near = nearest_name(code, _codes_around(connection, code))
        raise NotFoundError(Phrase("không có nhiệm vụ {code!r} trong kế hoạch{when}", code=code, when=when), near)
    if not snapshot.tasks.height:
        raise NotFoundError(
            Phrase("nhiệm vụ {code!r} chỉ gom các nhiệm vụ con hoặc đã rút: không quy tắc nào xét", code=code)
        )
    today = today_of(at, calendar)
    fed = read_fed(connection, in_trouble(snapshot.sources, today), as_of, words.code)
    held = {"task": snapshot.tasks["code"].is_in(fed["task"].implode()) & (snapshot.tasks["status"] != "done")}
    book = book.in_force(calendar.local_date(at)).following(snapshot.tree.successors)
    about_tasks = replace(book, rules=tuple(rule for rule in book.rules if rule.about == "task"))
    evaluation = evaluate({"task": snapshot.tasks}, about_tasks, today, held=held)
    numbers = _alerts_at(connection, code, at)
    verdicts = tuple(_verdict(evaluation, rule, words, numbers, language) for rule in about_tasks.rules)
    unit = snapshot.tree.present(words.unit)
    return Explanation(words.code, words.title, unit, at, words.due_at, words.due_text, verdicts)


def _alerts_at(connection: Connection, code: str, at: datetime) -> dict[str, str]:
    """Read the numbers of the alerts about a task that had begun and not ended at an instant, by rule."""
    alert = schema.alert.c
    lasting = or_(alert.ended_at.is_(None), alert.ended_at > at)
    query = select(alert.rule, alert.code).where(alert.about == "task", alert.subject == code)
    return {row.rule: row.code for row in connection.execute(query.where(alert.pending_since <= at, lasting))}


def _codes_around(connection: Connection, code: str) -> list[str]:
    """Read the codes that stand before and after one in order: a plan may have too many to compare with all."""
    known = schema.task.c.code
    after = select(known).where(known >= code).order_by(known).limit(_NEIGHBOURS)
    before = select(known).where(known < code).order_by(known.desc()).limit(_NEIGHBOURS)
    return [*connection.scalars(after), *connection.scalars(before)]


def _verdict(evaluation: Evaluation, rule: Rule, words: Words, numbers: Mapping[str, str], language: str) -> Verdict:
    seen: Observation | None = next(iter(observe(evaluation, rule, [words.code])), None)
    values, thresholds = observe_values(evaluation, rule, words.code) if seen else ({}, {})
    measure, threshold = CATALOGUE[rule.about][rule.measure], seen.threshold if seen else None
    value = seen.value if seen else None
    return Verdict(
        rule=rule.id,
        level=_word(seen),
        sentence=describe(measure, value, threshold, language, every_day=words.every_day),
        measure=rule.measure,
        value=value,
        thresholds=thresholds,
        where=rule.where_text,
        values=values,
        alert=numbers.get(rule.id),
        failure=evaluation.failures.get(rule.id, ""),
    )


def _word(seen: Observation | None) -> str:
    if seen is None or seen.level is None:
        return "unknown"
    return "not_applicable" if seen.level == NOT_APPLICABLE else Level(seen.level).word
