"""How a database is reached: what its URL may be, what of it is shown, and what a reading connection sees."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, Engine, Text, func, insert, literal, select, text
from sqlalchemy.exc import InternalError
from worlds import BEGUN, World, build_world

from warnwatch.cli import main
from warnwatch.database import open_engine
from warnwatch.plan.snapshot import read_snapshot, refresh
from warnwatch.schema import among, unit

CANARY = "geheim-7781"
MALFORMED = (
    f"postgresql://u@127.0.0.1:1/db?password={CANARY}",
    f"postgresql://u:{CANARY}@127.0.0.1:1/db",
    f"postgresql://u:{CANARY}",
    f"postgresql://u:{CANARY}/db",
    f"postgresql:u:{CANARY}@host/db",
    f"postgresql://u:a@{CANARY}@host/db",
    f"postgresql://host/db:{CANARY}@host",
    f"postgresql://127.0.0.1:1/db?{CANARY}",
    f"postgresql://127.0.0.1:1/db?user=u&password={CANARY}&unknown=1",
    f"postgresq://u:{CANARY}",
    f"postgresq://u:{CANARY}@host/db",
    f"mysql://u:{CANARY}@host/db",
    f"sqlite://u:{CANARY}@host/db",
    f"u:{CANARY}@host/db",
    CANARY,
)


@pytest.mark.parametrize("url", MALFORMED)
@pytest.mark.parametrize("command", ["db upgrade", "alerts"])
def test_a_url_that_does_not_work_shows_no_secret(url: str, command: str, tmp_path: Path) -> None:
    """Wherever the password stands in it, the command says what is wrong without it, and ends without a traceback."""
    config = tmp_path / "warnwatch.toml"
    config.write_text("", encoding="utf-8")
    words = ["--config", str(config), *command.split()]
    result = CliRunner().invoke(main, words, env={"WARNWATCH_DATABASE__URL": url})
    assert result.exit_code in {2, 3}
    assert isinstance(result.exception, SystemExit)
    assert "database" in result.stderr
    assert CANARY not in result.output


# --- reading one state ----------------------------------------------------------------------------------------------


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Five units, no tasks."""
    found = build_world(database_url, tmp_path / "plan")
    yield found
    found.engine.dispose()


def write_unit(engine: Engine) -> None:
    """Commit a unit, as another process does."""
    with engine.begin() as connection:
        connection.execute(insert(unit).values(code="NEW", recorded_at=BEGUN))


def units(connection: Connection) -> int:
    """Count the units that a connection sees."""
    return connection.scalar(select(func.count()).select_from(unit)) or 0


def test_a_reading_connection_sees_one_state(world: World) -> None:
    """What commits between two of its statements is not seen; the next transaction sees it."""
    with world.reading() as connection:
        before = units(connection)
        writer = threading.Thread(target=write_unit, args=[world.engine])
        writer.start()
        writer.join()
        assert units(connection) == before
        connection.rollback()
        assert units(connection) == before + 1


def test_a_reading_connection_on_postgresql_cannot_write(postgresql_url: str) -> None:
    """It refuses, and whoever takes the same connection from the pool next may write again."""
    engine = open_engine(postgresql_url)
    with engine.connect().execution_options(reads_only=True) as connection:
        process = connection.scalar(text("select pg_backend_pid()"))
        with pytest.raises(InternalError, match="read-only transaction"):
            connection.execute(insert(unit).values(code="NEW", recorded_at=BEGUN))
    with engine.begin() as connection:
        assert connection.scalar(text("select pg_backend_pid()")) == process
        assert connection.scalar(text("show transaction_isolation")) == "read committed"
        connection.execute(insert(unit).values(code="NEW", recorded_at=BEGUN))
    engine.dispose()


def test_what_commits_during_a_read_is_in_the_next_refresh(world: World) -> None:
    """A change that a snapshot could not see any more is read by the next one: none falls between two of them."""
    calendar = world.standards.calendar
    with world.reading() as connection:
        units(connection)  # from here on its state is fixed
        world.put(BEGUN, "T-1")
        before = read_snapshot(connection, calendar)
    with world.reading() as connection:
        after = refresh(connection, before, calendar)
    assert (before.tasks.height, after.tasks["code"].to_list()) == (0, ["T-1"])


def test_many_codes_are_asked_for_in_one_parameter(world: World) -> None:
    """More codes than a statement takes parameters, and whatever signs they hold: each finds itself and no other."""
    odd = ["T-1", "T'2", 'T"3', "T\\4", "T[5],[6", "T%7_", "Nhiệm vụ đặc biệt 8", "T-🌊", "T-\n"]
    with world.engine.begin() as connection:
        connection.execute(insert(unit), [{"code": code, "recorded_at": BEGUN} for code in [*odd, "T2", "T-%"]])
        asked = literal(json.dumps([*odd, *(f"N-{number}" for number in range(70_000))]), Text())
        found = connection.scalars(select(unit.c.code).where(among(unit.c.code, asked)))
        assert sorted(found) == sorted(odd)
        assert not connection.scalars(select(unit.c.code).where(among(unit.c.code, literal("[]", Text())))).all()
