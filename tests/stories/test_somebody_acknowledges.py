"""Somebody acknowledges: a promise by the head stops the climb until its day; kept, it ends well; broken, it climbs."""

from __future__ import annotations

from datetime import timedelta

from builders import end_of, local
from worlds import World

from warnwatch.alerts.alert import EndReason

LATE = local(18, 8, 8)
PROMISED = end_of(22, 8)


def test_a_promise_that_is_kept_ends_with_an_all_clear(world: World) -> None:
    """From the promise on nobody is called; done within it, the head gets the all-clear."""
    world.cycle(LATE)
    assert world.promise(LATE + timedelta(hours=2), world.alert(), PROMISED)
    for day in (19, 20, 21):
        assert world.told(world.cycle(local(day, 8, 9))) == []
    world.done(local(21, 8, 10), "T-1")
    assert world.told(world.cycle(local(21, 8, 11))) == ["DP-19-UB/head/1 all_clear"]
    assert world.alert().end_reason is EndReason.CURED


def test_a_promise_that_is_broken_climbs_one_step(world: World) -> None:
    """The moment the promise is over one step is made, and the next only after its own wait."""
    world.cycle(LATE)
    world.promise(LATE + timedelta(hours=2), world.alert(), PROMISED)
    assert world.told(world.cycle(PROMISED - timedelta(seconds=1))) == []
    assert world.told(world.cycle(PROMISED)) == ["DP-19-UB/head/1 overdue"]
    assert world.told(world.cycle(local(25, 8, 9))) == []
    assert world.told(world.cycle(local(28, 8, 0))) == ["DP-19/head/1 escalation"]


def test_a_promise_for_the_warning_does_not_hold_when_it_is_overdue(world: World) -> None:
    """A higher level asks again, at once."""
    world.cycle(local(13, 8, 8))
    assert world.promise(local(13, 8, 10), world.alert(), end_of(20, 8))
    assert world.told(world.cycle(local(15, 8, 8))) == []
    assert world.told(world.cycle(local(16, 8, 8))) == ["DP-19-UB/head/1 overdue"]


def test_a_note_by_the_focal_point_stops_nothing(world: World) -> None:
    """Who does not answer for the unit is noted as having received it; the climb goes on."""
    world.cycle(LATE)
    assert not world.promise(LATE + timedelta(hours=2), world.alert(), PROMISED, "focal_point")
    assert world.told(world.cycle(local(19, 8, 8))) == ["DP-19-UB/head/1 overdue"]
    assert "acknowledged" in world.history(world.alert())
