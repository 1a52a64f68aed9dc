"""The next piece is made while this one is used: two cores work where one would wait."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(pieces: Iterator[T]) -> Generator[T, None, None]:
    """Give the same pieces, none of them None, each made by another thread while the caller has the one before.

    Whatever making one raises is raised where it would have been given. One piece more than without is in memory.
    Closed early, it waits for the piece that is being made: nothing runs on behind the caller's back.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = thread.submit(next, pieces, None)
            yield piece
