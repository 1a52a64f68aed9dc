"""Many rows into a table at once, in the way that each database takes them fastest, inside the open transaction.

Instants are microseconds since 1970 in the frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl
from sqlalchemy import Connection, Table, insert

from warnwatch.errors import CannotRunError
from warnwatch.schema import Instant

BATCH = 1_000  # rows as Python's tuples at a time: more of them, and looking for garbage among them costs more
COPY_BATCH = 20_000
# Rows come in no order of their codes, so that every page of an index is needed again and again: SQLite's own 2 MB make
# it write and read the same pages many times over.
CACHE_MB = 128


@contextmanager
def roomy(connection: Connection) -> Iterator[None]:
    """Give SQLite more memory as long as much is written; a server has its own settings."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection  # by it no transaction begins
    (usual,) = driver.execute("PRAGMA cache_size").fetchone()
    driver.execute(f"PRAGMA cache_size = {-CACHE_MB * 1024}")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA cache_size = {usual}")


def add(connection: Connection, table: Table, rows: pl.DataFrame) -> None:
    """Insert rows by the driver itself: SQLAlchemy's work per row would take most of a large import."""
    if not rows.height:
        return
    if connection.dialect.name == "sqlite":
        _insert(connection, table, rows)
    else:
        _copy(connection, table, rows)


def _insert(connection: Connection, table: Table, rows: pl.DataFrame) -> None:
    """SQLite: prepared once, tuples after it. Its driver's own way to store a date is deprecated; this is the same."""
    names = rows.columns
    statement = insert(table).inline().compile(dialect=connection.dialect, column_keys=names)
    order = getattr(statement, "positiontup", None) or names
    converted = rows.select(order).with_columns(pl.col(pl.Date).dt.strftime("%Y-%m-%d"))
    for part in converted.iter_slices(BATCH):
        connection.exec_driver_sql(str(statement), part.rows())


def _copy(connection: Connection, table: Table, rows: pl.DataFrame) -> None:
    """PostgreSQL: COPY of CSV text made by columns. All text is quoted, so that only an unquoted nothing is null."""
    instants = [name for name in rows.columns if isinstance(table.c[name].type, Instant)]
    converted = rows.with_columns(pl.col(instants).cast(pl.Datetime("us", "UTC")))
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(name) for name in rows.columns)
    statement = f"COPY {quote(table.name)} ({names}) FROM STDIN (FORMAT csv, NULL '')"
    driver: Any = connection.connection.dbapi_connection
    with driver.cursor() as cursor:
        try:
            with cursor.copy(statement) as copy:
                for part in converted.iter_slices(COPY_BATCH):
                    copy.write(
                        part.write_csv(
                            include_header=False,
                            quote_style="non_numeric",
                            datetime_format="%Y-%m-%d %H:%M:%S%.6f+00",
                        )
                    )
        except connection.dialect.loaded_dbapi.Error as error:
            # Not the whole text: it quotes the row, and the row may be confidential.
            raise CannotRunError(f"the database cannot be used: {_said(error)}") from None


def _said(error: Exception) -> str:
    said = getattr(getattr(error, "diag", None), "message_primary", None)
    return str(said or type(error).__name__)
