"""What a rule judges, without a database: frames of tasks, rules, policies, observations. Instants are UTC."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, cast

import polars as pl
from builders import NOW, end_of, local

from warnwatch.notify.notification import Kind
from warnwatch.plan import task_frame
from warnwatch.plan.calendar import WorkCalendar, load_calendar, parse_duration
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.deadline_trail import DEADLINE_COLUMNS
from warnwatch.plan.directory import Unit
from warnwatch.plan.evasion_trail import NAMES, OBSTACLES, VERSIONS, Evasion
from warnwatch.plan.measures import today_of
from warnwatch.plan.milestone_trail import MILESTONE_COLUMNS
from warnwatch.plan.report_trail import REPORT_COLUMNS
from warnwatch.plan.succession import Tree
from warnwatch.plan.task_frame import Facts
from warnwatch.rules.evaluation import Evaluation, Observation, columns_of, evaluate
from warnwatch.rules.expression import Expression, compile_expression
from warnwatch.rules.rule import LEVELS, Policy, Rule, RuleBook, Rung, Step
from warnwatch.rules.rulebook import load_rulebook
from warnwatch.shipped import shipped

CALENDAR = load_calendar(shipped("alert_rules/calendar.yml"))
COLUMNS = columns_of("task")

_ROW: dict[str, Any] = {
    "code": "T-1",
    "unit": "U-1",
    "status": "open",
    "start_at": local(4, 8, 0),
    "claimed_at": None,
    "done_at": None,
    "assigned_at": None,
    "phase": 1,
    "group_no": 1,
    "every_day": False,
    "confidential": False,
    "weight": 1.0,
    "clears": 5,
    "needs_evidence": False,
    "baseline_due_at": None,
    "due_at": end_of(15, 8),
    "slips": 0,
    "last_reported_at": None,
    "progress": None,
    "reports": None,
    "moves": None,
    "milestones": (),
}


@functools.cache
def shipped_book() -> RuleBook:
    """Give the rules and policies that ship."""
    return load_rulebook(
        shipped("alert_rules"), {about: columns_of(about) for about in CATALOGUE}, [kind.value for kind in Kind]
    )


def tasks_frame(*rows: Mapping[str, Any], calendar: WorkCalendar = CALENDAR) -> pl.DataFrame:
    """Give the snapshot's frame of these tasks: what a row leaves out is an open task of 4/8 to 15/8/2025.

    Facts of a row: `reports` (reported_at progress evidence claims colour obstacle authority reasoned), by default one
    of `last_reported_at` and `progress`; `moves` (due_at recorded_at authorised decided_on), by default as many as
    `slips` says, the last to `due_at`; `milestones` (due_at done_at).
    """
    tree = Tree({"U-1": Unit("U-1", "Đơn vị 1", bloc="DANG")})
    return task_frame.with_lead(task_frame.tasks_of(_facts([_ROW | dict(row) for row in rows]), calendar), tree)


def _facts(rows: Sequence[dict[str, Any]]) -> Facts:
    for row in rows:
        row["lead"] = row["unit"]
        row["assigned_at"] = row["assigned_at"] or row["start_at"]
        row["baseline_due_at"] = row["baseline_due_at"] or row["due_at"]
    code: dict[str, Any] = {"code": pl.String}
    return Facts(
        tasks=lambda: _frame(rows, task_frame.VERSION_COLUMNS),
        deadlines=lambda: _frame([one for row in rows for one in _deadlines(row)], code | DEADLINE_COLUMNS),
        decided=lambda: pl.DataFrame(
            [one for row in rows for one in _deadlines(row) if one.get("decided_on")],
            code | {"decision": pl.String, "decided_on": pl.String},
        ),
        reports=lambda: _frame([one for row in rows for one in _reports(row)], code | REPORT_COLUMNS),
        milestones=lambda: _frame(
            [{"code": row["code"]} | one for row in rows for one in row["milestones"]], code | MILESTONE_COLUMNS
        ),
        handed=lambda: pl.DataFrame(schema=VERSIONS),
        evasion=lambda: Evasion(
            obstacles=_frame([one for row in rows for one in _reports(row) if one.get("obstacle")], OBSTACLES),
            names=pl.DataFrame({"text": ["u-2", "đơn vị 2"], "authority": ["U-2", "U-2"]}, NAMES),
        ),
    )


def _deadlines(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the baseline of a row and what moved it."""
    if row["baseline_due_at"] is None:
        return []
    moves = row["moves"]
    if moves is None:
        moved = row["slips"] or int(row["due_at"] != row["baseline_due_at"])
        moves = [{"due_at": row["due_at"]}] * moved
    first = {"due_at": row["baseline_due_at"], "authorised": row["due_at"] is not None}
    plain = {"code": row["code"], "authorised": True, "recorded_at": row["start_at"] or row["assigned_at"]}
    return [plain | one | {"order": order, "decision": str(order)} for order, one in enumerate([first, *moves])]


def _reports(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the reports of a row."""
    reports = row["reports"]
    if reports is None:
        at = row["last_reported_at"] or row["assigned_at"]
        reported = row["last_reported_at"] or row["progress"] is not None
        reports = [{"reported_at": at, "progress": row["progress"]}] if reported else []
    plain = {"code": row["code"], "claims": False}
    return [plain | one | {"order": order} for order, one in enumerate(reports)]


def _frame(rows: Sequence[Mapping[str, Any]], types: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: _micros(row.get(name)) for name in types} for row in rows], schema=dict(types))


def _micros(value: Any) -> Any:
    return round(value.timestamp() * 1_000_000) if isinstance(value, datetime) else value


def measured(name: str, now: datetime = NOW, **task: Any) -> Any:
    """Give one measure of one task at an instant."""
    return tasks_frame(task).select(CATALOGUE["task"][name].expression(today_of(now, CALENDAR))).item()


def expression(text: str | float, kind: Literal["number", "boolean"] = "number") -> Expression:
    """Compile a condition or a threshold as a rule file writes it."""
    return compile_expression(text, kind, COLUMNS)


def rule(
    rule_id: str = "task-deadline",
    *,
    where: str = "status in ('open', 'claimed') and has_deadline",
    measure: str = "working_days_left",
    below: Mapping[str, str | float] | None = None,
    above: Mapping[str, str | float] | None = None,
    **changes: Any,
) -> Rule:
    """Give a rule about tasks; without a ladder, the shipped one of `task-deadline`. `hold`, `keep`: durations."""
    if above is None and below is None:
        below = {
            "notice": "least(7, 0.5 * planned_working_days)",
            "warning": "least(3, 0.25 * planned_working_days)",
            "critical": 0,
        }
    ladder = {LEVELS[word]: Rung(str(text), expression(text)) for word, text in (below or above or {}).items()}
    plain = Rule(
        id=rule_id,
        title={level: f"{rule_id} {level.word}" for level in ladder},
        about="task",
        where=expression(where, "boolean"),
        where_text=where,
        measure=measure,
        direction="above" if below is None else "below",
        rungs=dict(sorted(ladder.items())),
        hold_for=parse_duration(changes.pop("hold", 0)),
        keep=parse_duration(changes.pop("keep", 0)),
        text=dict.fromkeys(ladder, Kind.GENERAL.value),
        escalation="policy",
        guidance="Cập nhật tiến độ.",
        source="",
        file="deadlines.yml",
        line=1,
    )
    return replace(plain, **changes)


def step(after: str | int = 0, *tell: str) -> Step:
    """Give one step of a policy; it tells the head when it names nobody."""
    return Step(parse_duration(after), tell or ("head",))


def policy(
    levels: Mapping[str, tuple[Step, ...]] | None = None, cap: str = "10 working days", policy_id: str = "policy"
) -> Policy:
    """Give a policy; without levels: notice one step, warning two, critical four up to the standing body."""
    levels = levels or {
        "notice": (step(0, "focal_point"),),
        "warning": (step(0, "head", "focal_point"), step("2 working days", "head")),
        "critical": (
            step(),
            step("1 working day"),
            step("3 working days", "superior.head"),
            step("7 working days", "standing_body"),
        ),
    }
    return Policy(policy_id, "Chính sách", {LEVELS[word]: steps for word, steps in levels.items()}, parse_duration(cap))


def book(*rules: Rule, by: Policy | None = None) -> RuleBook:
    """Give a rule book of these rules under one policy."""
    known = by or policy()
    return RuleBook(rules or (rule(),), {known.id: known}, "test")


def judged(frame: pl.DataFrame, rules: RuleBook, now: datetime = NOW) -> Evaluation:
    """Judge a frame of tasks."""
    return evaluate({"task": frame, "source": pl.DataFrame()}, rules, today_of(now, CALENDAR))


def observation(level: int | None, **changes: Any) -> Observation:
    """Give what a rule says of task T-1: a level, or None for unknown."""
    plain = Observation(rule(), "T-1", "U-1", level, -1.0, 0.0, done=False)
    return replace(plain, **changes)


def number_column(frame: pl.DataFrame, name: str, values: list[float | None]) -> pl.DataFrame:
    """Put numbers, NULL among them, into a column of a frame, with the type that it has."""
    return frame.with_columns(pl.Series(name, cast("list[float]", values), dtype=pl.Float64).cast(frame.schema[name]))
