"""A task is done: its alert ends as cured at once, and exactly those who were told of it get the all-clear."""

from __future__ import annotations

from builders import local
from judging import book, rule
from worlds import World

from warnwatch.alerts.alert import EndReason, State


def test_all_who_were_told_get_the_all_clear_and_nobody_else(world: World) -> None:
    """Told were the focal point, the head and the superior; the standing body and the deputy were not."""
    for day in (11, 13, 16, 19, 22):
        world.cycle(local(day, 8, 8))
    world.done(local(22, 8, 9), "T-1")
    assert world.told(world.cycle(local(22, 8, 10))) == [
        "DP-19-UB/focal_point/1 all_clear",
        "DP-19-UB/head/1 all_clear",
        "DP-19/head/1 all_clear",
    ]
    assert world.told(world.cycle(local(23, 8, 10))) == []


def test_a_task_reported_as_done_stays_late_until_it_is_verified(world: World) -> None:
    """Claiming completion silences nothing."""
    world.cycle(local(18, 8, 8))
    world.put(local(18, 8, 9), "T-1", status="claimed", claimed_at=local(18, 8, 9))
    world.cycle(local(18, 8, 10))
    assert world.alert().state is State.OPEN


def test_a_task_done_before_anybody_was_told_ends_in_silence(world: World) -> None:
    """Finished in time, there is no alert and no text."""
    world.done(local(8, 8, 9), "T-1")
    for day in (11, 13, 16):
        assert world.told(world.cycle(local(day, 8, 8))) == []
    assert world.alerts() == []


def test_a_task_that_is_suspended_ends_without_an_all_clear(world: World) -> None:
    """Suspended by a decision it is not applicable, which is no cure and tells nobody."""
    world.cycle(local(18, 8, 8))
    world.put(local(18, 8, 9), "T-1", status="suspended", verifier="Cơ quan Thường trực")
    assert world.told(world.cycle(local(18, 8, 10))) == []
    assert world.alert().end_reason is EndReason.NOT_APPLICABLE


def test_late_again_is_the_next_episode(world: World) -> None:
    """A task that is taken up again after it was done opens a new episode, told from its first step."""
    world.cycle(local(18, 8, 8))
    world.done(local(18, 8, 9), "T-1")
    world.cycle(local(18, 8, 10))
    world.put(local(19, 8, 9), "T-1", status="open", done_at=None, verifier=None)
    assert world.told(world.cycle(local(19, 8, 10))) == ["DP-19-UB/head/1 overdue"]
    assert [one.episode for one in world.alerts()] == [1, 2]


def test_a_rule_that_does_not_name_the_status_lets_a_done_task_go(world: World) -> None:
    """Done is done: the alert ends in the next cycle, with one all-clear, and does not open again."""
    world.by(book=book(rule(where="has_deadline")))
    world.cycle(local(18, 8, 8))
    world.done(local(18, 8, 9), "T-1")
    assert "all_clear" in world.told(world.cycle(local(18, 8, 10)))[0]
    for day in (19, 20):
        assert world.cycle(local(day, 8, 10)).outcome.transitions == ()


def test_a_rule_that_measures_something_else_now_says_what_it_measures(world: World) -> None:
    """An alert opened by days left and judged by the share of time used after a restart speaks of the share."""
    world.by(book=book(rule()))
    world.cycle(local(18, 8, 8))
    world.by(book=book(rule(measure="time_share", above={"critical": 1})))
    report = world.cycle(local(19, 8, 9))
    assert [one.text.count("ngày làm việc, dưới ngưỡng") for one, _ in report.notifications] == [0]
