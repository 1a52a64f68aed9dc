"""Pieces made ahead are the same pieces."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from warnwatch.plan.ahead import ahead


def test_pieces_come_in_order_made_elsewhere() -> None:
    """Another thread makes them; the caller sees no difference."""
    makers: set[int] = set()

    def numbers() -> Iterator[int]:
        for number in range(100):
            makers.add(threading.get_ident())
            yield number

    assert list(ahead(numbers())) == list(range(100))
    assert len(makers) == 1
    assert threading.get_ident() not in makers


def test_what_goes_wrong_is_raised_in_its_place() -> None:
    """The pieces before a mistake are given, then the mistake is raised, as without the thread."""

    def broken() -> Iterator[int]:
        yield 1
        yield 2
        message = "line 3"
        raise ValueError(message)

    given: list[int] = []
    with pytest.raises(ValueError, match="line 3"):
        given.extend(ahead(broken()))
    assert given == [1, 2]


def test_left_early_nothing_runs_on() -> None:
    """A caller who stops, as on a mistake of its own, finds no thread still reading its file."""
    before = threading.active_count()
    pieces = ahead(iter(range(1_000)))
    assert next(pieces) == 0
    pieces.close()
    assert threading.active_count() == before
