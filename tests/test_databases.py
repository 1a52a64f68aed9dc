"""The databases that the other tests stand on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text

from warnwatch.schema import metadata


@pytest.mark.parametrize("turn", [1, 2])
def test_a_test_gets_an_empty_database_of_its_own(engine: Engine, turn: int) -> None:
    """Whatever a test writes, the next one starts from the empty schema."""
    assert set(metadata.tables) <= set(inspect(engine).get_table_names())
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_behind (turn INTEGER)"))
    engine.dispose()


def test_postgresql_keeps_to_a_temporary_folder_of_its_own(postgresql_url: str) -> None:
    """The server of the tests listens on a socket that only its owner may open."""
    if os.environ.get("WARNWATCH_TEST_PG_URL"):
        pytest.skip("WARNWATCH_TEST_PG_URL names a server that is not ours to judge")
    socket = Path(postgresql_url.partition("host=")[2].partition("&")[0].replace("%2F", "/"))
    assert socket.stat().st_mode & 0o777 == 0o700
    assert socket.parent.stat().st_mode & 0o022 == 0
