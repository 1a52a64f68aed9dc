"""A query on another database as a source: read only, in bounded time, its rows streamed into a CSV file.

Only SQLite and PostgreSQL: of these two it is known how to open them so that nothing can be written.
"""

from __future__ import annotations

import csv
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import IO
from urllib.parse import quote

from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from warnwatch.errors import SettingsError
from warnwatch.language import Phrase
from warnwatch.plan.columns import FILES
from warnwatch.plan.fetched import MOST_BYTES, Fetched, Outcome, PullError, too_large, too_slow
from warnwatch.plan.source import SqlSource, database_of

_CONNECT = 10
_BATCH = 2_000
# What a statement that only reads needs of SQLite: select, read a column, call a function, recurse.
_READS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
_STEPS = 10_000  # of SQLite's machine between two looks at the watch
_TIMED_OUT = "57014"  # PostgreSQL: query_canceled

Rows = tuple[Sequence[str], Iterable[Sequence[object]]]


def fetch_sql(source: SqlSource, spool: Path) -> Fetched:
    """Run the query and write its rows as the CSV file that the settings name."""
    url = _url(source)
    reading = (
        _sqlite(url.database or "", source)
        if url.get_backend_name() == "sqlite"
        else _server(str(database_of(source)), source)
    )
    target = spool / FILES[source.file].file_name
    with reading as (names, rows), target.open("w", encoding="utf-8", newline="") as file:
        _write(file, names, rows)
    return Fetched()


def _url(source: SqlSource) -> URL:
    allowed = "allowed: sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    try:
        url = make_url(database_of(source))
    except (ArgumentError, ValueError):
        raise SettingsError(f"sources.{source.code}.database: not a SQLAlchemy URL; {allowed}") from None
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise SettingsError(f"sources.{source.code}.database: no kind that can be opened only to be read; {allowed}")
    return url


def _write(file: IO[str], names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    writer = csv.writer(file)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
        if file.tell() > MOST_BYTES:
            raise too_large()


def _cell(value: object) -> object:
    """Write a value as a person would type it into the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return "" if value is None else value


def _failed(error: Exception) -> PullError:
    # The driver's text may quote the statement and its values: only its kind is said.
    name = type(getattr(error, "orig", None) or error).__name__
    return PullError(
        Outcome.UNREACHABLE,
        Phrase(
            "không chạy được truy vấn của nguồn ({reason}); kiểm tra quyền đọc và câu truy vấn",
            reason=name,
        ),
    )


@contextmanager
def _sqlite(path: str, source: SqlSource) -> Iterator[Rows]:
    began = time.perf_counter()
    try:
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=_CONNECT)) as connection:
            connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY)
            connection.set_progress_handler(lambda: time.perf_counter() - began > source.limit, _STEPS)
            cursor = connection.execute(source.query)
            if cursor.description is None:
                raise PullError(Outcome.EMPTY, Phrase("truy vấn của nguồn không trả về bảng nào"))
            yield [column[0] for column in cursor.description], cursor
    except (sqlite3.Error, sqlite3.Warning) as error:
        if time.perf_counter() - began > source.limit:
            raise too_slow(source.limit) from None
        raise _failed(error) from None


@contextmanager
def _server(url: str, source: SqlSource) -> Iterator[Rows]:
    began = time.perf_counter()
    # Said to the server as the session's default as well: a statement that ends the transaction is still in a reader's.
    options = f"-c default_transaction_read_only=on -c statement_timeout={round(source.limit * 1000)}"
    engine = None
    try:
        engine = create_engine(
            url,
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={"connect_timeout": _CONNECT, "options": options},
        )
        with engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            reading = connection.execution_options(stream_results=True, no_parameters=True, max_row_buffer=_BATCH)
            result = reading.exec_driver_sql(source.query)
            if not result.returns_rows:
                raise PullError(Outcome.EMPTY, Phrase("truy vấn của nguồn không trả về bảng nào"))
            yield list(result.keys()), _within(result, began, source.limit)
    except (SQLAlchemyError, NoSuchModuleError, ModuleNotFoundError) as error:
        if getattr(getattr(error, "orig", None), "sqlstate", "") == _TIMED_OUT:
            raise too_slow(source.limit) from None
        raise _failed(error) from None
    finally:
        if engine is not None:
            engine.dispose()


def _within(rows: Iterable[Sequence[object]], began: float, limit: float) -> Iterator[Sequence[object]]:
    """Pass rows on while there is time: the server's limit is for one batch, not for all of them."""
    for number, row in enumerate(rows):
        if number % _BATCH == 0 and time.perf_counter() - began > limit:
            raise too_slow(limit)
        yield row
