"""Judging on: what is judged again since the evaluation before, and that the rest may stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
from builders import end_of, local
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import CALENDAR, book, rule, shipped_book, tasks_frame

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import today_of
from warnwatch.plan.moving import Moved, move
from warnwatch.plan.written import by_the_minute, instants_of
from warnwatch.rules.evaluation import Evaluation, evaluate
from warnwatch.rules.rule import RuleBook

BY_THE_MINUTE = rule("hours", measure="working_hours_left", below={"notice": 20, "warning": 4})
MARGIN = rule("margin", measure="progress", below={"notice": 0.5}, clear=0.1)


def rules_about_tasks() -> RuleBook:
    """Give the shipped rules about tasks, one that runs by the minute and one with a margin."""
    shipped = shipped_book()
    about = tuple(one for one in shipped.rules if one.about == "task")
    return replace(shipped, rules=(*about, BY_THE_MINUTE, MARGIN))


RULES = rules_about_tasks()
# Instants within one working day, and around it.
HOURS = st.integers(7, 18).map(lambda hour: local(14, 8, hour))
DUE = st.none() | HOURS | st.sampled_from([end_of(13, 8), end_of(14, 8), end_of(20, 8)])
FACTS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["open", "claimed", "done"]),
        "due_at": DUE,
        "milestones": st.lists(st.fixed_dictionaries({"due_at": HOURS, "done_at": st.none()}), max_size=3),
        "progress": st.none() | st.sampled_from([0.0, 0.3, 0.45, 0.55, 1.0]),
        "every_day": st.booleans(),
    }
)
CODES = [f"T-{number}" for number in range(12)]
PLAN = st.lists(FACTS, min_size=6, max_size=8)


def frame_of(facts: dict[str, dict[str, Any]]) -> pl.DataFrame:
    """Give the frame of some tasks, in the order of their codes."""
    return tasks_frame(*({"code": code} | facts[code] for code in sorted(facts)))


def said(found: Evaluation) -> dict[str, dict[str, list[int | None]]]:
    """Give all levels, and those that open alerts keep."""
    return {
        name: {rule: list(column) for rule, column in columns.items()}
        for name, columns in (("levels", found.levels), ("kept", found.kept))
    }


@settings(deadline=None, max_examples=60)
@given(PLAN, st.data())
def test_judging_on_says_what_judging_all_says(plan: list[dict[str, Any]], data: st.DataObject) -> None:
    """From instant to instant of a day, tasks change, come and go, sources break: the levels are those of the whole."""
    facts = dict(zip(CODES, plan, strict=False))
    frame, now, before = frame_of(facts), local(14, 8, 7), None
    for _ in range(3):
        moved: Moved | None = None
        changed = data.draw(st.dictionaries(st.sampled_from(CODES), FACTS | st.none(), max_size=2))
        if changed:
            facts = {code: new for code, new in (facts | changed).items() if new is not None}
            fresh = frame_of({code: facts[code] for code in changed if code in facts})
            moved = move(frame, fresh, changed)
            frame = moved.after
        marks = data.draw(st.lists(st.booleans(), min_size=frame.height, max_size=frame.height))
        held = {"task": pl.Series(marks)} if any(marks) else {}
        now += timedelta(hours=data.draw(st.integers(0, 4)))
        today = today_of(now, CALENDAR)
        after = evaluate({"task": frame}, RULES, today, before=before, held=held, moved={"task": moved})
        assert said(after) == said(evaluate({"task": frame_of(facts)}, RULES, today, held=held))
        before = after


@settings(deadline=None, max_examples=100)
@given(FACTS, HOURS, HOURS)
def test_only_an_instant_that_passes_changes_a_number_within_a_day(task: dict[str, Any], one: Any, other: Any) -> None:
    """No measure but those that run by the minute sees the hour, unless an instant of the task lies between."""
    frame, (then, now) = tasks_frame(task), sorted((one, other))
    held_still = [name for name in CATALOGUE["task"] if not by_the_minute("task", name)]
    first = evaluate({"task": frame}, RULES, today_of(then, CALENDAR))
    again = evaluate({"task": frame}, RULES, today_of(now, CALENDAR), before=first)
    measured = [
        frame.select(CATALOGUE["task"][name].expression(today_of(at, CALENDAR)).alias(name) for name in held_still)
        for at in (then, now)
    ]
    instants = [task["due_at"], *(milestone["due_at"] for milestone in task["milestones"]), local(5, 8)]
    if not any(at is not None and then <= at <= now for at in instants):
        assert measured[0].equals(measured[1])
        assert all(again.levels[name] is first.levels[name] for name in again.levels if name != BY_THE_MINUTE.id)


def test_a_measure_that_runs_by_the_minute_is_found_out() -> None:
    """Hours left are counted by the minute; days left, and what compares with a deadline, are not."""
    assert by_the_minute("task", "working_hours_left")
    assert not any(by_the_minute("task", name) for name in ("working_days_left", "overdue_milestones", "behind"))
    assert not any(by_the_minute(about, name) for about in ("unit", "kpi", "source") for name in CATALOGUE[about])


def test_the_instants_that_a_measure_compares_with_now_are_found() -> None:
    """From the expression itself: nobody has to keep a list."""
    assert "due_at" in instants_of("task", "working_days_left")
    assert "open_milestones" in instants_of("task", "overdue_milestones")
    assert instants_of("task", "silent_working_days") == frozenset()


def test_nothing_is_judged_again_while_nothing_passes() -> None:
    """The same columns come back: whoever compares them with the alerts need not look."""
    frame, quiet = tasks_frame({"due_at": end_of(20, 8)}), book(rule())
    first = evaluate({"task": frame}, quiet, today_of(local(14, 8, 9), CALENDAR))
    again = evaluate({"task": frame}, quiet, today_of(local(14, 8, 10), CALENDAR), before=first)
    assert again.levels["task-deadline"] is first.levels["task-deadline"]


def test_another_rule_of_the_same_name_judges_all_again() -> None:
    """A threshold that was tuned meets every task, whatever was known of the rule before."""
    frame, now = tasks_frame({"progress": 0.4}), today_of(local(14, 8, 9), CALENDAR)
    strict, mild = (rule(measure="progress", below={"notice": notice}) for notice in (0.3, 0.5))
    first = evaluate({"task": frame}, book(strict), now)
    assert list(evaluate({"task": frame}, book(mild), now, before=first).levels["task-deadline"]) == [1]
