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
from warnwatch.alerts.present import CLOSED, FEW, GONE, Present, mark_of
from warnwatch.plan.measures import today_of
from warnwatch.plan.snapshot import Moved
from warnwatch.rules.evaluation import Evaluation
from warnwatch.rules.rule import Level

RULES = book(rule("a"), rule("b"))
CODES = [f"T-{number}" for number in range(8)]


def frame_of(codes: list[str]) -> pl.DataFrame:
    """Give a frame of subjects, in order."""
    return pl.DataFrame({"code": codes}, schema={"code": pl.String})


def evaluation(frame: pl.DataFrame, levels: dict[str, list[int | None]]) -> Evaluation:
    """Give an evaluation that has these levels in the order of the frame."""
    columns = {name: pl.Series(name, column, dtype=pl.Int8) for name, column in levels.items()}
    return Evaluation(today_of(NOW, CALENDAR), {"task": frame}, columns)


def marked(subject: str, mark: int, by: str = "a") -> Alert:
    """Give the alert that leaves a mark on a subject."""
    if not mark:
        return alert(rule=by, subject=subject, state=State.ENDED, end_reason=EndReason.CURED)
    if mark > CLOSED:
        level = Level(mark - CLOSED)
        return alert(rule=by, subject=subject, state=State.ENDED, end_reason=EndReason.CLOSED, level=level)
    return alert(rule=by, subject=subject, level=Level(min(mark, 3)), gone_since=NOW if mark == GONE else None)


def differs(level: int | None, mark: int) -> bool:
    """Say in plain words whether a subject needs a closer look."""
    if level is None:
        return False
    if mark == 0:
        return level > 0
    if mark == GONE:
        return level != 0
    return level > mark - CLOSED if mark > CLOSED else level != mark


@pytest.mark.parametrize("mark", [0, 1, 2, 3, GONE, CLOSED + 1, CLOSED + 2, CLOSED + 3])
def test_every_mark_against_every_level(mark: int) -> None:
    """No alert: any breach differs. Open: another level. Gone: anything but none. Closed: only a higher level."""
    levels: list[int | None] = [-1, 0, 1, 2, 3, None]
    frame = frame_of(CODES[:6])
    present = Present({"a": dict.fromkeys(CODES[:6], mark)} if mark else {})
    present.align({"task": frame}, {"task": None}, RULES)
    found = present.differing(evaluation(frame, {"a": levels})).get("a", [])
    assert found == [code for code, level in zip(CODES, levels, strict=False) if differs(level, mark)]


@pytest.mark.parametrize("mark", [0, 1, 2, 3, GONE, CLOSED + 1, CLOSED + 3])
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
written = st.dictionaries(st.sampled_from(CODES), st.sampled_from([0, 1, 2, 3, GONE, 11, 12, 13]), max_size=4)
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
        kept = ~frame["code"].is_in(list(touched | gone))
        frame = pl.concat([frame.filter(kept), fresh])
        present.align({"task": frame}, {"task": None if whole else Moved(kept, fresh)}, RULES)
        here = dict(zip(frame["code"], found, strict=False))
        assert present.differing(evaluation(frame, {"a": list(here.values())})).get("a", []) == [
            code for code, level in here.items() if differs(level, marks.get(code, 0))
        ]
        present.note([marked(code, mark) for code, mark in news.items()])
        marks |= news
