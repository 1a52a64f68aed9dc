"""The first day: each head gets one digest of the initial state; what was held is told anew when it goes live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from builders import local
from worlds import BEGUN, World, build_world

from warnwatch.notify.release import Mode, Release

LATE = local(18, 8, 8)


@pytest.fixture
def fresh(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A plan that was never judged, with two late tasks of one unit and one of another."""
    world = build_world(database_url, tmp_path / "in", mode=Mode.HOLD)
    book = world.standards.book
    world.by(book=replace(book, rules=(book.rule("task-deadline"), book.rule("task-silent"))))
    for code, unit in (("T-1", "DP-19-UB"), ("T-2", "DP-19-UB"), ("T-3", "BYT")):
        world.put(BEGUN, code, lead_unit=unit)
    yield world
    world.engine.dispose()


def test_the_first_evaluation_gives_each_head_one_digest(fresh: World) -> None:
    """Live from the start, both heads get one text of the initial state, and waits count from it."""
    fresh.by(release=Release(Mode.LIVE))
    assert fresh.told(fresh.cycle(LATE)) == ["BYT/head/1 initial", "DP-19-UB/head/1 initial"]
    assert {alert.next_at for alert in fresh.alerts()} == {local(18, 8, 16)}
    assert fresh.told(fresh.cycle(LATE)) == []


def test_while_held_everything_is_composed_and_nothing_leaves(fresh: World) -> None:
    """In hold the texts are there to be read, and none is ready to be sent."""
    fresh.cycle(LATE)
    fresh.cycle(local(19, 8, 8))
    assert {mail["state"] for mail in fresh.mails()} == {"held"}
    assert len(fresh.mails()) == 4


def test_going_live_tells_the_initial_state_anew(fresh: World) -> None:
    """After days in hold each head gets one initial digest; the climb begins again from its first step."""
    for day in (18, 19, 22):
        fresh.cycle(local(day, 8, 8))
    fresh.by(release=Release(Mode.LIVE))
    told = fresh.told(fresh.cycle(local(25, 8, 8)))
    assert told == ["BYT/head/1 initial", "DP-19-UB/head/1 initial"]
    assert [mail["state"] for mail in fresh.mails()[-2:]] == ["sent", "sent"]
    assert fresh.told(fresh.cycle(local(25, 8, 9))) == []
    assert fresh.told(fresh.cycle(local(26, 8, 8))) == ["BYT/head/1 overdue", "DP-19-UB/head/1 digest"]


def test_a_pilot_tells_only_its_units(fresh: World) -> None:
    """With an allow-list only its units' texts leave; another unit that joins later starts with its own digest."""
    fresh.by(release=Release(Mode.LIVE, frozenset({"BYT"})))
    fresh.cycle(LATE)
    assert {mail["holder"]: mail["state"] for mail in fresh.mails()} == {
        "BYT/head/1": "sent",
        "DP-19-UB/head/1": "held",
    }
    fresh.by(release=Release(Mode.LIVE))
    assert fresh.told(fresh.cycle(local(18, 8, 9))) == ["DP-19-UB/head/1 initial"]


def test_a_restart_is_no_first_day(fresh: World) -> None:
    """What has gone live is stored: a new process tells nothing again."""
    fresh.by(release=Release(Mode.LIVE))
    fresh.cycle(LATE)
    fresh.memory = type(fresh.memory)()
    assert fresh.told(fresh.cycle(local(18, 8, 9))) == []
