"""Many rows of a query as columns, from the driver's own cursor.

SQLAlchemy's rows would take longer than the database; so instants are asked for as `micros`, dates and JSON as text.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeAlias

import polars as pl
from sqlalchemy import BindParameter, Connection, Select, Text, bindparam

from warnwatch.schema import Instant

# Rows that lie in memory as Python values at one time.
CHUNK = 10_000
# Of a text that is only compared, its hash is kept.
TEXT_HASH = pl.UInt64

# What queries are asked with; those for a refresh are written once, as writing them takes longer than a small read.
SINCE, AS_OF = bindparam("since", type_=Instant()), bindparam("as_of", type_=Instant())
CODES: BindParameter[str] = bindparam("codes", type_=Text())

DType: TypeAlias = type[pl.DataType] | pl.DataType
Columns: TypeAlias = Mapping[str, DType]


class Cursor(Protocol):
    """A driver's cursor, or SQLAlchemy's streamed result."""

    def fetchmany(self, size: int, /) -> Sequence[Sequence[Any]]:
        """Give the next rows, none at the end."""


def read_columns(
    connection: Connection, query: Select[*tuple[object, ...]], asked: Mapping[str, object], columns: Columns
) -> pl.DataFrame:
    """Read what a query gives, asked with some parameters, into columns of these types, in the query's order."""
    # Not streamed: SQLAlchemy would take the first rows off the cursor for itself.
    result = connection.execute(query, asked)
    with _without_collector():
        chunks = list(fetched(result.cursor, columns, CHUNK))
    result.close()
    if len(chunks) > 1:
        return pl.concat(chunks, rechunk=True)
    return chunks[0] if chunks else pl.DataFrame(schema=columns)


def fetched(cursor: Cursor, columns: Columns, size: int) -> Iterator[pl.DataFrame]:
    """Fetch the rows of a cursor, or of a streamed result, `size` at a time, as columns of these types."""
    while rows := cursor.fetchmany(size):
        values = zip(columns.items(), zip(*rows, strict=True), strict=True)
        yield pl.DataFrame([series_of(name, column, dtype) for (name, dtype), column in values])


def series_of(name: str, values: Collection[Any], dtype: DType) -> pl.Series:
    """Make a column of values as the driver gives them."""
    if dtype == pl.Boolean:  # 0 and 1 of SQLite are read as numbers many times faster
        with suppress(TypeError):
            return pl.Series(name, values, pl.Int8).cast(pl.Boolean)
    if dtype == TEXT_HASH:
        text = pl.Series(name, values, pl.String)
        return text.hash().zip_with(text.is_not_null(), pl.Series([None], dtype=TEXT_HASH)).rename(name)
    if dtype in {pl.Date, pl.Categorical, pl.Enum, pl.Datetime}:
        stored = pl.Series(name, values, pl.Int64 if dtype == pl.Datetime else pl.String)
        return stored.str.to_date() if dtype == pl.Date else stored.cast(dtype)
    return pl.Series(name, values, dtype, strict=False)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python from looking for rings of garbage among millions of plain rows: that took half of the start."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
