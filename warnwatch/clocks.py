"""The clocks of an installation: the machine's, and the one that its machines share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine

from warnwatch.database import read_clock

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
            return read_clock(connection)

    return read
