"""The clocks of an installation: the machine's, and the one that its machines share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine, func, select

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """Read the machine's clock."""
    return datetime.now(UTC)


def clock_of(engine: Engine) -> Clock:
    """Give the clock of an installation: the database's own on PostgreSQL, where machines share it."""
    if engine.dialect.name != "postgresql":
        return wall_clock

    def read() -> datetime:
        with engine.connect() as connection:
            return connection.execute(select(func.clock_timestamp())).scalar_one().astimezone(UTC)  # type: ignore[no-any-return]

    return read
