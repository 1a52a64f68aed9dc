"""The way to the two databases that may hold the tables: SQLite embedded, PostgreSQL for many machines.

How each is opened, brought to this program's schema, and refused when it cannot be used.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from warnwatch.errors import CannotRunError, SettingsError

# How long a statement waits for a lock, and a connection for the server's answer.
_LOCK_SECONDS = 20
_CONNECT_SECONDS = 10
# A server that is cut off without a word is noticed in so many seconds: unanswered data, then an idle line.
_CUT_OFF = {"keepalives_idle": 3, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 5000}


def open_engine(url: str) -> Engine:
    """Open a database by its SQLAlchemy URL; a bad URL is a SettingsError, which never shows the URL's own text.

    SQLite runs in WAL mode with foreign keys, and every transaction begins IMMEDIATE: a deferred one that reads and
    then writes fails at once with "database is locked" when another writer is at work, whatever the time limit.
    On PostgreSQL nobody waits for a lock, or for the server to answer, longer than on SQLite; and a connection with
    the option `reads_only` sees one state of the database from its first statement on, as on SQLite. The option
    `fence` of an engine or a connection is called first in every transaction that may write; what it raises ends it.
    """
    parsed = _parse(url)
    limits = {} if parsed.get_backend_name() == "sqlite" else {"connect_timeout": _CONNECT_SECONDS, **_CUT_OFF}
    arguments = {name: value for name, value in limits.items() if name not in parsed.query}
    try:
        # Values stay out of errors, and so out of logs: they may be confidential titles.
        engine = create_engine(
            parsed,
            pool_pre_ping=parsed.get_backend_name() != "sqlite",
            hide_parameters=True,
            connect_args=arguments,
        )
    except ModuleNotFoundError as error:
        raise SettingsError(f"{_BAD_URL} (the Python package {error.name} is missing); {_ALLOWED}") from None
    except (ArgumentError, NoSuchModuleError, ValueError, TypeError):
        raise SettingsError(f"{_BAD_URL}; {_ALLOWED}") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    else:
        event.listen(engine, "connect", _prepare_server)
        event.listen(engine, "begin", _begin_on_server)
    return engine


_BAD_URL = "database.url: cannot use it as a SQLAlchemy URL"
_ALLOWED = "allowed: sqlite:///FILE or postgresql://USER@HOST/DATABASE, with @ : / ? of a password as %40 %3A %2F %3F"


def _parse(url: str) -> URL:
    """Read a URL; one whose password is not written as it must be is refused, for parts of it would pass as a name."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(f"{_BAD_URL}; {_ALLOWED}") from None
    if parsed.get_backend_name() != "sqlite" and "@" in f"{parsed.host}{parsed.database}":
        raise SettingsError(f"{_BAD_URL}: an @ too many; {_ALLOWED}")
    return parsed


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", f"busy_timeout={_LOCK_SECONDS * 1000}", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_server(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{_LOCK_SECONDS}s'")
    connection.commit()


def _begin_immediate(connection: Connection) -> None:
    reads = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
    if not reads:
        _fence(connection)


def _begin_on_server(connection: Connection) -> None:
    # Said in the transaction itself: as options of the connection they would come back as READ WRITE, and override a
    # server that is set to take no writes.
    if connection.get_execution_options().get("reads_only", False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    else:
        _fence(connection)


def _fence(connection: Connection) -> None:
    fence = connection.get_execution_options().get("fence")
    if fence:
        fence(connection)


def _alembic(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("warnwatch") / "migrations"))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Bring the database at `url` to this program's schema, from empty or from any earlier version."""
    try:
        command.upgrade(_alembic(url), "head")
    except CommandError as error:
        raise CannotRunError(
            f"the database has a schema that this program does not know: {error}; install the newer WarnWatch"
        ) from error
    except SQLAlchemyError as error:
        raise CannotRunError(cannot_reach(url, error)) from error


def check_revision(engine: Engine) -> None:
    """Refuse a database whose schema is not this program's: CannotRunError says what to do."""
    try:
        with engine.connect() as connection:
            fault = schema_fault(connection)
    except SQLAlchemyError as error:
        raise CannotRunError(cannot_reach(engine.url, error)) from error
    if fault:
        raise CannotRunError(fault)


def schema_fault(connection: Connection) -> str:
    """Say what is wrong with the database's schema for this program, and what to do; nothing when it is its own."""
    wanted, known = _revisions()
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in known:
        return (
            f"the database has schema {found}, which is newer than this program (it knows {wanted}): "
            "install the newer WarnWatch"
        )
    if found != wanted:
        return f"the database has schema {found or 'none'}, this program needs {wanted}: run `warnwatch db upgrade`"
    return ""


@cache
def _revisions() -> tuple[str | None, frozenset[str]]:
    scripts = ScriptDirectory.from_config(_alembic(""))
    return scripts.get_current_head(), frozenset(script.revision for script in scripts.walk_revisions())


def read_clock(connection: Connection) -> datetime:
    """Tell what time it is on PostgreSQL, the clock that the machines of an installation share; SQLite has none."""
    return connection.execute(select(func.clock_timestamp())).scalar_one().astimezone(UTC)  # type: ignore[no-any-return]


def cannot_reach(url: str | URL, error: Exception) -> str:
    """Say which database cannot be used and why; of its URL nothing but host, port and database."""
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()
    return f"cannot use the database{_name(url)}: {reason[0] if reason else type(error).__name__}"


def _name(url: str | URL) -> str:
    try:
        parsed = make_url(url)
        port = f":{parsed.port}" if parsed.port else ""
    except (ArgumentError, ValueError):
        return ""
    place = "/".join(part for part in (f"{parsed.host or ''}{port}", parsed.database) if part)
    return f" {place}" if place else ""
