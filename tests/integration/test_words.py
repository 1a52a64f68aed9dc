"""The words about tasks, read back from both databases: deadlines that moved, and completion that was claimed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import end_of, local
from worlds import BEGUN, World, build_world

from warnwatch.plan.words import Words, read_words


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Five units, and no task yet."""
    world = build_world(database_url, tmp_path / "in")
    yield world
    world.engine.dispose()


def words(world: World) -> Words:
    """Read the words of T-1."""
    with world.reading() as connection:
        return read_words(connection, ["T-1"])["T-1"]


def test_a_moved_date_does_not_take_the_old_words_with_it(world: World) -> None:
    """The first words stay with the first date; what holds now has its date and the act that allowed it."""
    world.put(BEGUN, "T-1", due_text="trước ngày 16/8/2025")
    first = words(world)
    assert (first.due_text, first.baseline_text) == ("trước ngày 16/8/2025", "trước ngày 16/8/2025")
    world.move(local(6, 8, 8), "T-1", "2025-08-29", "12-QD")
    moved = words(world)
    assert (moved.due_at, moved.due_text, moved.decision) == (end_of(29, 8), "", "12-QD")
    assert (moved.baseline_due_at, moved.baseline_text) == (end_of(15, 8), "trước ngày 16/8/2025")


def test_a_moved_date_keeps_words_of_its_own(world: World) -> None:
    """Words that came with the new date belong to it."""
    world.put(BEGUN, "T-1", due_text="trước ngày 16/8/2025")
    world.tasks["T-1"]["due_text"] = "trong tháng 8/2025"
    world.move(local(6, 8, 8), "T-1", "2025-08-31", "12-QD")
    assert words(world).due_text == "trong tháng 8/2025"


def test_a_claim_is_known_until_it_is_verified(world: World) -> None:
    """A task reported done has its status and the instant; once verified the claim is past."""
    world.put(BEGUN, "T-1", status="claimed", claimed_at=local(14, 8, 9))
    assert (words(world).status, words(world).claimed_at) == ("claimed", local(14, 8, 9))
    world.done(local(15, 8, 9), "T-1")
    assert (words(world).status, words(world).claimed_at) == ("done", None)
