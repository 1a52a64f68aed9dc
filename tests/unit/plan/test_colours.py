"""How units stand, and their colour."""

from __future__ import annotations

import pytest
from boards import counted, of_unit

from warnwatch.plan.colours import Colour, Cutoffs, stands_of, total_of

CUTOFFS = Cutoffs()


@pytest.mark.parametrize(
    ("timings", "colour"),
    [
        ({"open_in_time": 3}, Colour.GREEN),
        ({"done_late": 3}, Colour.GREEN),
        ({"open_late": 1, "done_in_time": 4}, Colour.YELLOW),
        ({"open_late": 1, "done_in_time": 3}, Colour.RED),
        ({"open_late": 1, "done_in_time": 3, "cancelled": 6, "suspended": 9}, Colour.RED),
        ({"no_deadline": 5}, Colour.GREY),
        ({"suspended": 2, "cancelled": 1}, Colour.GREY),
        ({"no_deadline": 5, "open_in_time": 1}, Colour.GREEN),
    ],
)
def test_the_colour_follows_the_share_of_overdue_tasks(timings: dict[str, int], colour: Colour) -> None:
    """No task overdue is green, up to a fifth yellow, more red; nothing that could be late is grey."""
    stand = stands_of(counted(*(of_unit("U", timing, tasks) for timing, tasks in timings.items())))["U"]
    assert stand.colour(CUTOFFS) is colour


def test_the_cut_offs_are_a_setting() -> None:
    """Other cut-offs give other colours: none are published."""
    stand = stands_of(counted(of_unit("U", "open_late", 3), of_unit("U", "open_in_time", 7)))["U"]
    assert [stand.colour(Cutoffs(green, yellow)) for green, yellow in ((0.3, 0.5), (0.1, 0.3), (0, 0.29))] == [
        Colour.GREEN,
        Colour.YELLOW,
        Colour.RED,
    ]


def test_reports_on_idle_tasks_do_not_count() -> None:
    """The reported share is of live tasks only, however many rows a status has."""
    rows = [
        of_unit("U", "open_in_time", 2, reported=True, soon=True),
        of_unit("U", "open_in_time", 1),
        of_unit("U", "done_late", 1, reported=True, phase=1),
        of_unit("U", "cancelled", 7, reported=True),
    ]
    stand = stands_of(counted(*rows))["U"]
    assert (stand.live, stand.reported, stand.reported_ratio, stand.soon) == (4, 3, 0.75, 2)
    assert stand.timings["open_in_time"] == 3


def test_shares_of_nothing_are_unknown() -> None:
    """A unit without live tasks has no ratio: neither 0 nor a division by zero."""
    stand = total_of(())
    assert (stand.overdue_ratio, stand.reported_ratio, stand.colour(CUTOFFS)) == (None, None, Colour.GREY)


def test_stands_add_up() -> None:
    """The total of all units is the total of all tasks."""
    rows = [
        of_unit("A", "open_late", 2, reported=True),
        of_unit("B", "open_late", 3),
        of_unit("B", "claimed", 4, soon=False),
    ]
    total = total_of(stands_of(counted(*rows)).values())
    assert (total.late, total.live, total.reported) == (5, 9, 2)
