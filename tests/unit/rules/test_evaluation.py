"""Judging: where and measure and ladder become one level per task, with NULL as design.md section 5 has it."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from math import inf, nan
from typing import Any

import polars as pl
import pytest
from builders import NOW, end_of, local
from hypothesis import given
from hypothesis import strategies as st
from judging import CALENDAR, book, judged, number_column, rule, shipped_book, tasks_frame

from warnwatch.plan.measures import today_of
from warnwatch.rules.evaluation import evaluate, observe
from warnwatch.rules.expression import Expression
from warnwatch.rules.rule import Level, Rule

NOT_APPLICABLE = -1
BROKEN = Expression("no_such_column", "boolean", frozenset({"no_such_column"}), "no_such_column")


def levels(one: Rule, frame: pl.DataFrame) -> list[int | None]:
    """Judge a frame by one rule."""
    return judged(frame, book(one)).levels[one.id].to_list()


def level(one: Rule, **task: Any) -> int | None:
    """Judge one task by one rule."""
    return levels(one, tasks_frame(task))[0]


BY_PROGRESS = {"notice": 0.8, "warning": 0.5, "critical": 0.2}


@pytest.mark.parametrize(
    ("progress", "expected"),
    [(0.9, 0), (0.8, 0), (0.7, 1), (0.5, 1), (0.4, 2), (0.2, 2), (0.1, 3), (None, None), (nan, None), (inf, None)],
)
def test_the_highest_rung_that_holds_is_the_level(progress: float | None, expected: int | None) -> None:
    """Thresholds are strict, the highest that holds wins, and a value that is no number is unknown."""
    assert level(rule(measure="progress", below=BY_PROGRESS), progress=progress) == expected


def test_above_is_strict_too() -> None:
    """With `above`, a value on its threshold has not passed it."""
    one = rule(measure="slips", above={"notice": 1, "critical": 3})
    assert [level(one, slips=slips) for slips in (1, 2, 3, 4)] == [0, 1, 1, 3]


@pytest.mark.parametrize(
    ("progress", "expected"),
    [(0.81, (0, 1)), (0.9, (0, 0)), (0.6, (1, 1)), (0.55, (1, 2)), (0.25, (2, 3)), (0.1, (3, 3)), (None, (None, None))],
)
def test_a_margin_gives_the_level_that_an_open_alert_keeps(
    progress: float | None, expected: tuple[int | None, int | None]
) -> None:
    """`below` with `clear: 0.1` is left at 0.1 above each rung; by day's first query and by the next alike."""
    one, frame = rule(measure="progress", below=BY_PROGRESS, clear=0.1), tasks_frame({"progress": progress})
    first = judged(frame, book(one))
    again = evaluate({"task": frame}, book(one), today_of(NOW, CALENDAR), before=first)
    for found in (first, again):
        assert (found.levels[one.id].item(), found.kept[one.id].item()) == expected
    (seen,) = observe(first, one, ["T-1"])
    assert (seen.level, seen.kept) == expected


def test_a_margin_above_is_left_where_arithmetic_says() -> None:
    """`above: 0.2` with `clear: 0.05` holds above 0.15 and is over at 0.15, whatever binary fractions make of it."""
    one = rule(measure="progress", above={"notice": 0.2}, clear=0.05)
    found = judged(tasks_frame({"code": "T-1", "progress": 0.15}, {"code": "T-2", "progress": 0.1501}), book(one))
    assert found.kept[one.id].to_list() == [0, 1]


@pytest.mark.parametrize(
    ("where", "task", "expected"),
    [
        ("status = 'open'", {"status": "done"}, NOT_APPLICABLE),
        ("status = 'open' and progress > 0.1", {"status": "done"}, NOT_APPLICABLE),
        ("progress > 0.1", {"progress": None}, None),
        ("status = 'open' and progress > 0.1", {"progress": None}, None),
        ("status = 'open' or progress > 0.1", {"progress": None}, 3),
    ],
)
def test_a_false_condition_is_decided_before_anything_unknown(
    where: str, task: dict[str, Any], expected: int | None
) -> None:
    """A false `where` is not applicable whatever else is NULL; a NULL one leaves the level unknown."""
    assert level(rule(where=where), **task) == expected


def test_a_condition_that_is_false_wins_over_an_unknown_measure() -> None:
    """Without a deadline the shipped rule does not apply; without the condition its level would be unknown."""
    assert level(rule(), due_at=None) == NOT_APPLICABLE
    assert level(rule(where="status = 'open'"), due_at=None) is None


@pytest.mark.parametrize(
    ("weight", "slips", "slip_days", "expected"),
    [
        (None, None, 9, 3),
        (None, 9, 1, 2),
        (9, None, 1, None),
        (9, 9, None, None),
        (None, 1, 1, None),
        (9, 1, 1, 1),
        (1, 1, 1, 0),
    ],
)
def test_an_unknown_rung_met_before_a_true_one_makes_the_level_unknown(
    weight: float | None, slips: float | None, slip_days: float | None, expected: int | None
) -> None:
    """Rungs are read from the highest down: a true one decides, an unknown one before it holds the level."""
    frame = tasks_frame({"phase": 5})
    for name, value in (("weight", weight), ("slips", slips), ("slip_days", slip_days)):
        frame = number_column(frame, name, [value])
    one = rule(measure="phase", below={"notice": "weight", "warning": "slips", "critical": "slip_days"})
    assert levels(one, frame) == [expected]


def plainly(where: bool | None, value: float | None, rungs: list[float | None]) -> int | None:
    """Say the level as design.md section 5 words it; `rungs` from notice to critical, measure below."""
    if where is False:
        return NOT_APPLICABLE
    if where is None or value is None:
        return None
    for number in (3, 2, 1):
        threshold = rungs[number - 1]
        if threshold is None:
            return None
        if value < threshold:
            return number
    return 0


numbers = st.none() | st.integers(0, 4)
cases = st.tuples(st.sampled_from([True, False, None]), numbers, numbers, numbers, numbers)


@given(st.lists(cases, min_size=1, max_size=20))
def test_levels_are_those_of_the_words_of_the_design(rows: list[tuple[Any, ...]]) -> None:
    """For any mixture of true, false and unknown, the columns give what the design's sentence gives for one task."""
    frame = tasks_frame(*({"code": f"T-{number}"} for number in range(len(rows))))
    for position, name in enumerate(("phase", "weight", "slips", "slip_days"), start=1):
        frame = number_column(frame, name, [row[position] for row in rows])
    frame = frame.with_columns(pl.Series("confidential", [row[0] for row in rows], dtype=pl.Boolean))
    one = rule(
        where="confidential", measure="phase", below={"notice": "weight", "warning": "slips", "critical": "slip_days"}
    )
    assert levels(one, frame) == [plainly(row[0], row[1], list(row[2:])) for row in rows]


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=20))
def test_levels_never_fall_as_the_measure_worsens(values: list[float]) -> None:
    """A ladder in order is monotone: a smaller value under `below` never has a lower level."""
    ordered = sorted(values)
    frame = tasks_frame(*({"code": f"T-{number}", "progress": value} for number, value in enumerate(ordered)))
    found = [one or 0 for one in levels(rule(measure="progress", below=BY_PROGRESS), frame)]
    assert found == sorted(found, reverse=True)


def test_a_threshold_divided_by_zero_is_unknown() -> None:
    """A rung that divides by zero has no value: the level is unknown, never reached."""
    one = rule(measure="phase", below={"critical": "weight / slips"})
    assert level(one, slips=0) is None


def test_a_rule_that_fails_stops_no_other() -> None:
    """A failing rule has no levels and is named with its error; the rules around it are judged."""
    broken = replace(rule("broken"), where=BROKEN)
    found = judged(tasks_frame({}), book(rule("first"), broken, rule("last")))
    assert sorted(found.levels) == ["first", "last"]
    assert "no_such_column" in found.failures["broken"]
    assert observe(found, broken, ["T-1"]) == []


def test_rules_judged_together_say_what_each_says_alone() -> None:
    """The day's later evaluations, in one query, give the levels of the first; their time is shared out as it was."""
    rows = ({"code": "late"}, {"code": "none", "due_at": None}, {"code": "fine", "due_at": end_of(30, 12)})
    frame, rules, today = tasks_frame(*rows), shipped_book(), today_of(NOW, CALENDAR)
    about_tasks = replace(rules, rules=tuple(one for one in rules.rules if one.about == "task"))
    ticks = count()
    first = evaluate({"task": frame}, about_tasks, today, lambda: float(next(ticks)))
    later = evaluate({"task": frame}, about_tasks, today, lambda: float(next(ticks)), first)
    assert {rule: list(levels) for rule, levels in later.levels.items()} == {
        rule: list(levels) for rule, levels in first.levels.items()
    }
    assert sum(later.seconds.values()) == pytest.approx(1)
    assert later.seconds.keys() == first.seconds.keys()


def test_a_rule_that_begins_to_fail_fails_alone() -> None:
    """When the common query fails, the rules are judged one by one, and only the broken one has no levels."""
    frame, today = tasks_frame({}), today_of(NOW, CALENDAR)
    before = evaluate({"task": frame}, book(rule("first"), rule("second")), today)
    broken = book(rule("first"), replace(rule("second"), where=BROKEN))
    found = evaluate({"task": frame}, broken, today, before=before)
    assert (sorted(found.levels), sorted(found.failures)) == (["first"], ["second"])


def test_a_close_look_gives_value_and_the_reached_threshold() -> None:
    """An observation holds the value and the threshold of its level, or of the lowest rung when none is reached."""
    rows = (
        {"code": "late"},
        {"code": "soon", "due_at": end_of(21, 8)},
        {"code": "fine", "due_at": end_of(30, 12)},
    )
    seen = observe(judged(tasks_frame(*rows), book()), rule(), ["late", "soon", "fine", "gone"])
    assert {one.subject: (one.level, one.value) for one in seen} == {"late": (3, -3), "soon": (2, 1), "fine": (0, 92)}
    assert {one.subject: one.threshold for one in seen} == {"late": 0, "soon": 3, "fine": 7}


def test_a_close_look_knows_what_is_done() -> None:
    """Only a task verified as done says so; one reported as done does not."""
    rows = ({"code": "done", "status": "done", "done_at": local(14, 8)}, {"code": "claimed", "status": "claimed"})
    seen = observe(judged(tasks_frame(*rows), book()), rule(), ["done", "claimed"])
    assert {one.subject: (one.level, one.done) for one in seen} == {"done": (-1, True), "claimed": (3, False)}


def test_a_stopwatch_is_read_for_each_rule() -> None:
    """What each rule cost is told, by the stopwatch that was handed in."""
    found = judged(tasks_frame({}), book(rule("one"), rule("two")))
    assert dict(found.seconds) == {"one": 0.0, "two": 0.0}
    assert Level.CRITICAL in found.levels["one"].to_list()
