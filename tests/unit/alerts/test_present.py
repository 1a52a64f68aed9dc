"""The marks: a cycle looks closely only at subjects whose level is not what their alerts already say."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from builders import NOW, alert
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import CALENDAR, book, rule

from warnwatch.alerts.alert import Alert, EndReason, State
from warnwatch.alerts.present import CLOSED, FEW, GONE, PENDING, Present, mark_of
from warnwatch.plan.measures import today_of
from warnwatch.plan.moving import move
from warnwatch.rules.evaluation import Evaluation
from warnwatch.rules.rule import Level

RULES = book(rule("a"), rule("b"))
WITH_MARGIN = book(rule("a", clear=1.0), rule("b"))
CODES = [f"T-{number}" for number in range(8)]


def frame_of(codes: list[str]) -> pl.DataFrame:
    """Give a frame of subjects, in order."""
    return pl.DataFrame({"code": codes}, schema={"code": pl.String})


def evaluation(
    frame: pl.DataFrame, levels: dict[str, list[int | None]], kept: dict[str, list[int | None]] | None = None
) -> Evaluation:
    """Give an evaluation that has these levels, and kept levels, in the order of the frame."""
    columns, near = (
        {name: pl.Series(name, column, dtype=pl.Int8) for name, column in found.items()}
        for found in (levels, kept or {})
    )
    return Evaluation(today_of(NOW, CALENDAR), {"task": frame}, columns, kept=near)


def marked(subject: str, mark: int, by: str = "a") -> Alert:
    """Give the alert that leaves a mark on a subject."""
    if not mark:
        return alert(rule=by, subject=subject, state=State.ENDED, end_reason=EndReason.CURED)
    if mark > CLOSED:
        level = Level(mark - CLOSED)
        return alert(rule=by, subject=subject, state=State.ENDED, end_reason=EndReason.CLOSED, level=level)
    if mark > PENDING:
        return alert(rule=by, subject=subject, state=State.PENDING, level=Level(mark - PENDING))
    return alert(rule=by, subject=subject, level=Level(min(mark, 3)), gone_since=NOW if mark == GONE else None)


def differs(level: int | None, mark: int) -> bool:
    """Say in plain words whether a subject needs a closer look."""
    if level is None:
        return False
    if mark == 0:
        return level > 0
    if mark == GONE:
        return level != 0
    if mark > CLOSED:
        return level > mark - CLOSED
    return level != (mark - PENDING if mark > PENDING else mark)


MARKS = [0, 1, 2, 3, GONE, PENDING + 1, PENDING + 2, PENDING + 3, CLOSED + 1, CLOSED + 2, CLOSED + 3]


@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_against_every_level(mark: int) -> None:
    """No alert: any breach differs. Open: another level. Gone: anything but none. Closed: only a higher level."""
    levels: list[int | None] = [-1, 0, 1, 2, 3, None]
    frame = frame_of(CODES[:6])
    present = Present({"a": dict.fromkeys(CODES[:6], mark)} if mark else {})
    present.align({"task": frame}, {"task": None}, RULES)
    found = present.differing(evaluation(frame, {"a": levels})).get("a", [])
    assert found == [code for code, level in zip(CODES, levels, strict=False) if differs(level, mark)]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize(("level", "kept"), [(None, None), (-1, -1), *((a, b) for a in range(4) for b in range(a, 4))])
def test_with_a_margin_a_subject_differs_when_its_alert_would_move(
    mark: int, level: int | None, kept: int | None
) -> None:
    """An open alert keeps its level within the margin, one that is gone comes back, and nothing opens by it."""
    frame = frame_of(["T-1"])
    present = Present({"a": {"T-1": mark}} if mark else {})
    present.align({"task": frame}, {"task": None}, WITH_MARGIN)
    found = present.differing(evaluation(frame, {"a": [level]}, {"a": [kept]}))
    assert (found == {"a": ["T-1"]}) == _moves(mark, level, kept)


def _moves(mark: int, level: int | None, kept: int | None) -> bool:
    if level is None or kept is None or mark == 0 or mark > PENDING:
        return differs(level, mark)
    return kept != 0 if mark == GONE else max(level, min(mark, kept)) != mark


def test_a_margin_that_comes_with_a_changed_rule_book_meets_the_same_marks() -> None:
    """When a rule gains a margin, and when it loses it again, its alerts are known as before."""
    frame = frame_of(["T-1"])
    present = Present({"a": {"T-1": 2}})
    for rules in (RULES, WITH_MARGIN, RULES):
        present.align({"task": frame}, {"task": None}, rules)
        near: list[int | None] = [2]
        assert present.differing(evaluation(frame, {"a": [2]}, {"a": near} if rules is WITH_MARGIN else {})) == {}


def test_marks_of_a_rule_that_was_away_meet_the_rows_as_they_are_now() -> None:
    """Rows that moved while a rule was not in force are in their new places when it comes back."""
    present, first = Present({"a": {"T-2": 3}}), frame_of(["T-1", "T-2"])
    present.align({"task": first}, {"task": None}, RULES)
    without = move(first, frame_of([]), ["T-1"])
    present.align({"task": without.after}, {"task": without}, book(rule("b")))
    longer = move(without.after, frame_of(["T-3"]), ["T-3"])
    again = longer.after
    present.align({"task": again}, {"task": longer}, RULES)
    assert present.differing(evaluation(again, {"a": [3, 0]})) == {}


@pytest.mark.parametrize("mark", MARKS)
def test_an_alert_leaves_the_mark_of_its_state(mark: int) -> None:
    """Open alerts mark with their level, gone and closed ones apart, ended ones not at all."""
    assert mark_of(marked("T-1", mark)) == mark


def test_marks_of_a_large_plan_are_placed_as_those_of_a_small_one() -> None:
    """Above the number up to which each subject is looked up, the marks are joined: the result is the same."""
    codes = [f"T-{number}" for number in range(FEW + 10)]
    frame, last = frame_of(codes), codes[-1]
    present = Present({"a": {"T-1": 3, "T-2": GONE, last: CLOSED + 1, "T-gone": 2}})
    present.align({"task": frame}, {"task": None}, RULES)
    levels: list[int | None] = [0] * len(codes)
    assert present.differing(evaluation(frame, {"a": levels})) == {"a": ["T-1"]}
    assert present.differing(evaluation(frame, {"a": [3] * len(codes)}))["a"] == [codes[0], *codes[2:]]


def test_a_rule_without_levels_differs_nowhere() -> None:
    """A rule that failed names no subjects, so its alerts stay as they are."""
    frame = frame_of(CODES)
    present = Present({"a": {"T-1": 3}})
    present.align({"task": frame}, {"task": None}, RULES)
    assert present.differing(evaluation(frame, {"b": [0] * 8})) == {}


def test_marks_of_subjects_that_are_gone_come_back_with_them() -> None:
    """A task that leaves the plan and comes back meets its alert again."""
    present, both = Present({"a": {"T-1": 3}}), frame_of(["T-1", "T-2"])
    for frame in (both, frame_of(["T-2"]), both):
        present.align({"task": frame}, {"task": None}, RULES)
    assert present.differing(evaluation(both, {"a": [3, 0]})) == {}


# What happens in one cycle: the rows that change place, the levels that are found, and the alerts that are written.
levels = st.lists(st.sampled_from([None, -1, 0, 1, 2, 3]), min_size=8, max_size=8)
written = st.dictionaries(st.sampled_from(CODES), st.sampled_from(MARKS), max_size=4)
cycles = st.lists(
    st.tuples(st.sets(st.sampled_from(CODES)), st.sets(st.sampled_from(CODES)), st.booleans(), levels, written),
    max_size=6,
)


@settings(deadline=None)
@given(written, cycles)
def test_the_columns_say_what_a_plain_dictionary_says(start: dict[str, int], rounds: list[Any]) -> None:
    """Under any sequence of moved rows, levels and written alerts, the columns name what a dictionary would."""
    marks = {code: mark for code, mark in start.items() if mark}
    present, frame = Present({"a": marks}), frame_of(CODES)
    marks = dict(marks)
    present.align({"task": frame}, {"task": None}, RULES)
    for touched, gone, whole, found, news in rounds:
        fresh = frame_of(sorted(touched - gone))
        moved = move(frame, fresh, touched | gone)
        frame = moved.after
        present.align({"task": frame}, {"task": None if whole else moved}, RULES)
        here = dict(zip(frame["code"], found, strict=False))
        assert present.differing(evaluation(frame, {"a": list(here.values())})).get("a", []) == [
            code for code, level in here.items() if differs(level, marks.get(code, 0))
        ]
        present.note([marked(code, mark) for code, mark in news.items()])
        marks |= news
