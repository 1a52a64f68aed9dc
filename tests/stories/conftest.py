"""The world of the stories: five units that have gone live, judged by the shipped rule on deadlines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds import World, begun_world


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Task T-1 runs from Monday 4/8 to Friday 15/8/2025, nine working days, led by the province's Committee."""
    with begun_world(database_url, tmp_path / "in", "T-1") as world:
        yield world
