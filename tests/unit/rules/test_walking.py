"""Ladders walked over a plan: what is out of order, out of reach or without a value is named with its subjects."""

from __future__ import annotations

from typing import Any

import pytest
from builders import NOW, end_of, local
from judging import CALENDAR, rule, shipped_book, tasks_frame

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import today_of
from warnwatch.plan.ranges import RANGES
from warnwatch.rules.rule import Rule
from warnwatch.rules.walking import walk

# Of one working day, of ten, and of a hundred.
SHORT = {"code": "T-1", "start_at": local(15, 8, 8), "due_at": end_of(15, 8)}
USUAL = {"code": "T-2", "start_at": local(4, 8, 8), "due_at": end_of(15, 8)}
LONG = {"code": "T-3", "start_at": local(1, 7, 8), "due_at": end_of(20, 11)}
UNSTARTED = {"code": "T-4", "start_at": None, "assigned_at": local(4, 8, 8), "due_at": end_of(15, 8)}
OPEN_ENDED = {"code": "T-5", "due_at": None}


def walked(one: Rule, *tasks: dict[str, Any]) -> list[str]:
    """Walk a rule over some tasks; give what it says of them."""
    return [mistake.message for mistake in walk(one, tasks_frame(*tasks), today_of(NOW, CALENDAR))]


OPEN = "status in ('open', 'claimed')"


@pytest.mark.parametrize(
    ("one", "tasks", "expected"),
    [
        pytest.param(
            rule(below={"notice": "0.1 * planned_working_days", "warning": 3}),
            (SHORT, USUAL, LONG),
            [
                (
                    "bậc ngưỡng ngược: ngưỡng warning chạm trước ngưỡng notice, nên mức notice không bao giờ đạt tới"
                    " (2 đối tượng: T-1, T-2)"
                )
            ],
            id="below, out of order for short tasks",
        ),
        pytest.param(
            rule(measure="slips", above={"notice": 3, "critical": "0.1 * planned_working_days"}),
            (SHORT, LONG),
            [
                (
                    "bậc ngưỡng ngược: ngưỡng critical chạm trước ngưỡng notice, nên mức notice không bao giờ đạt tới"
                    " (1 đối tượng: T-1)"
                )
            ],
            id="above, out of order",
        ),
        pytest.param(
            rule(below={"notice": "least(3, planned_working_days)", "warning": 1}),
            (SHORT, USUAL),
            ["mức notice không bao giờ đạt tới: hai ngưỡng notice và warning bằng nhau (1 đối tượng: T-1)"],
            id="two rungs alike",
        ),
        pytest.param(
            rule(measure="behind", above={"notice": 0.2, "critical": 1}, where="has_deadline"),
            (USUAL | {"progress": 0.1},),
            ["mức critical không bao giờ đạt tới: chỉ tiêu đo behind không vượt quá 1 (1 đối tượng: T-2)"],
            id="beyond what the measure can be",
        ),
        pytest.param(
            rule(measure="clears", below={"critical": 0}),
            (USUAL,),
            ["mức critical không bao giờ đạt tới: chỉ tiêu đo clears không vượt quá 0 (1 đối tượng: T-2)"],
            id="below what the measure can be",
        ),
        pytest.param(
            rule(where="has_deadline and working_days_left >= 0", below={"notice": 300, "critical": 0}),
            (LONG,),
            ["mức critical không bao giờ đạt tới: where loại mọi giá trị vượt ngưỡng (1 đối tượng: T-3)"],
            id="kept out by the condition",
        ),
        pytest.param(
            rule(where=OPEN, below={"critical": 0}),
            (USUAL, OPEN_ENDED),
            ["chỉ tiêu đo working_days_left không áp dụng, mà where không loại ra (1 đối tượng: T-5)"],
            id="not applicable and let in",
        ),
        pytest.param(
            rule(where="has_deadline and has_start and has_report", measure="progress", below={"critical": 0.5}),
            (USUAL | {"last_reported_at": local(5, 8, 8), "progress": None},),
            ["chỉ tiêu đo progress chưa có giá trị; cảnh báo nếu có được giữ nguyên (1 đối tượng: T-2)"],
            id="unknown",
        ),
        pytest.param(
            rule(below={"notice": "0.5 * planned_working_days"}),
            (USUAL, UNSTARTED),
            ["ngưỡng notice không tính được; cảnh báo nếu có được giữ nguyên (1 đối tượng: T-4)"],
            id="a rung without a value",
        ),
        pytest.param(rule(where=f"{OPEN} and has_deadline"), (OPEN_ENDED,), [], id="kept out"),
        pytest.param(rule(where="slips >= 0 and has_deadline"), (OPEN_ENDED | {"status": "done"},), [], id="done"),
        pytest.param(rule(), (), [], id="no tasks"),
    ],
)
def test_what_a_ladder_does_to_the_present_plan(
    one: Rule, tasks: tuple[dict[str, Any], ...], expected: list[str]
) -> None:
    """Each thing that no reading of the file shows is said once, with how many subjects and which."""
    assert walked(one, *tasks) == expected


def test_at_most_three_subjects_are_named() -> None:
    """Of five hundred the message gives the number and three codes."""
    tasks = [USUAL | {"code": f"T-{number:03}"} for number in range(500)]
    (said,) = walked(rule(measure="clears", below={"critical": 0}), *tasks)
    assert said.endswith("(500 đối tượng: T-000, T-001, T-002, …)")


def test_a_rule_that_cannot_be_judged_is_named_and_stops_nothing() -> None:
    """A measure that the frame cannot give is a warning of that rule."""
    frame = tasks_frame(USUAL).drop("slips")
    (mistake,) = walk(rule(measure="slips", above={"notice": 1}), frame, today_of(NOW, CALENDAR))
    assert mistake.message.startswith("không xét được quy tắc task-deadline trên kế hoạch")


def test_shipped_ladders_are_in_order_for_tasks_of_any_length() -> None:
    """Whether a task has one day or a hundred, a start or none, a deadline or none, no shipped rule is named."""
    tasks: list[dict[str, Any]] = [
        SHORT,
        USUAL,
        LONG,
        UNSTARTED,
        OPEN_ENDED,
        LONG | {"code": "T-6", "last_reported_at": local(1, 8), "progress": 0.2},
    ]
    found = [walked(one, *tasks) for one in shipped_book().rules if one.about == "task"]
    assert not [said for rules in found for said in rules if "không bao giờ" in said]


def test_ranges_are_of_measures_that_exist() -> None:
    """A bound for a measure that was renamed would check nothing."""
    assert all(name in CATALOGUE[about] for about, names in RANGES.items() for name in names)
