"""Whole tables as columns: the database packs each column of many rows into one JSON text, and Polars reads it.

Rows as Python's tuples take longer than the database itself, and one thread has to make them all. So the next piece is
packed by a second thread while this one is read: docs/performance.md has what that saves, by benchmarks/quiet_cycle.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import polars as pl
from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    select,
)

from warnwatch.plan.ahead import ahead
from warnwatch.plan.rows import TEXT_HASH, Columns, DType, series_of

# Numbers of rows that are packed together: as many of the longest texts that an import takes are a text that SQLite and
# PostgreSQL still make (10⁹ bytes).
PIECE = 10_000
_AFTER: BindParameter[int] = bindparam("after", type_=BigInteger())
_UPTO: BindParameter[int] = bindparam("upto", type_=BigInteger())
_NOTHING = (None, "[]")


def read_packed(
    connection: Connection,
    query: Select[*tuple[Any, ...]],
    number: Column[int],
    asked: Mapping[str, object],
    columns: Columns,
    piece: int = PIECE,
) -> pl.DataFrame:
    """Read what a query gives of a whole table into columns of these types; `number` is the table's key.

    Rows come in no certain order.
    """
    with closing(ahead(_packed(connection, query, number, asked, columns, piece))) as pieces:
        return pl.concat([pl.DataFrame(schema=columns), *(_unpacked(one, columns) for one in pieces)], rechunk=True)


def unpacked_pieces(
    connection: Connection, query: Select[*tuple[Any, ...]], number: Column[int], columns: Columns, piece: int = PIECE
) -> Iterator[pl.DataFrame]:
    """Read the same piece by piece, in this thread."""
    for texts in _packed(connection, query, number, {}, columns, piece):
        yield _unpacked(texts, columns)


def _packed(
    connection: Connection,
    query: Select[*tuple[Any, ...]],
    number: Column[int],
    asked: Mapping[str, object],
    columns: Columns,
    piece: int,
) -> Iterator[tuple[str, ...]]:
    on_sqlite = connection.dialect.name == "sqlite"
    pack = func.json_group_array if on_sqlite else func.json_agg
    values = zip(query.selected_columns, columns.values(), strict=True)
    texts = (cast(pack(_exact(value, dtype, on_sqlite=on_sqlite)), Text) for value, dtype in values)
    packed = query.with_only_columns(*texts, maintain_column_froms=True).where(number > _AFTER, number <= _UPTO)
    first, last = connection.execute(select(func.min(number), func.max(number))).one()
    for after in range((first or 1) - 1, last or 0, piece):
        row = connection.execute(packed, {**asked, "after": after, "upto": after + piece}).one()
        if row[0] not in _NOTHING:
            yield tuple(row)


def _exact(value: ColumnElement[Any], dtype: DType, *, on_sqlite: bool) -> ColumnElement[Any]:
    """Write a value so that it comes back as it is: SQLite's JSON has flags as numbers, and fractions of 15 digits."""
    if dtype == pl.Boolean:
        return cast(value, Integer)
    if dtype == pl.Float64 and on_sqlite:
        return case((value.is_not(None), func.printf("%!.17g", value)))
    return value if dtype != pl.Float64 else cast(value, Text)


def _unpacked(texts: tuple[str, ...], columns: Columns) -> pl.DataFrame:
    return pl.DataFrame(
        [
            series_of(name, pl.Series(name, [text]).str.json_decode(pl.List(_written_as(dtype))).explode(), dtype)
            for (name, dtype), text in zip(columns.items(), texts, strict=True)
        ]
    )


def _written_as(dtype: DType) -> DType:
    if dtype == pl.Boolean:
        return pl.Int8
    return pl.String if dtype == TEXT_HASH or dtype in {pl.Float64, pl.Categorical, pl.Enum, pl.Date} else dtype
