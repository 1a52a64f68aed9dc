"""Whole tables as columns: the database packs each column of many rows into one JSON text, and Polars reads it.

Rows as Python's tuples take longer than the database itself, and one thread has to make them all. So the next piece is
packed by a second thread while this one is read: docs/performance.md has what that saves, by benchmarks/quiet_cycle.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import polars as pl
from sqlalchemy import BigInteger, BindParameter, Column, Connection, Select, Text, bindparam, cast, func, select

from warnwatch.plan.ahead import ahead
from warnwatch.plan.rows import TEXT_HASH, Columns, DType, series_of

# Rows that are packed together, counted by their numbers.
PIECE = 50_000
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

    Rows come in no certain order. Fractions keep 15 digits, which is more than Float32 holds.
    """
    flags = pl.Int8 if connection.dialect.name == "sqlite" else pl.Boolean
    frames = [pl.DataFrame(schema=columns)]
    with closing(ahead(_pieces(connection, query, number, asked, piece))) as pieces:
        for texts in pieces:
            values = zip(columns.items(), texts, strict=True)
            frames.append(pl.DataFrame([_unpacked(name, text, dtype, flags) for (name, dtype), text in values]))
    return pl.concat(frames, rechunk=True)


def _pieces(
    connection: Connection,
    query: Select[*tuple[Any, ...]],
    number: Column[int],
    asked: Mapping[str, object],
    piece: int,
) -> Iterator[tuple[str, ...]]:
    pack = func.json_group_array if connection.dialect.name == "sqlite" else func.json_agg
    packed = query.with_only_columns(
        *(cast(pack(column), Text) for column in query.selected_columns), maintain_column_froms=True
    ).where(number > _AFTER, number <= _UPTO)
    first, last = connection.execute(select(func.min(number), func.max(number))).one()
    for after in range((first or 1) - 1, last or 0, piece):
        texts = connection.execute(packed, {**asked, "after": after, "upto": after + piece}).one()
        if texts[0] not in _NOTHING:
            yield tuple(texts)


def _unpacked(name: str, text: str, dtype: DType, flags: DType) -> pl.Series:
    values = pl.Series(name, [text]).str.json_decode(pl.List(_stored_as(dtype, flags))).explode()
    return series_of(name, values, dtype)


def _stored_as(dtype: DType, flags: DType) -> DType:
    if dtype == pl.Boolean:
        return flags
    return pl.String if dtype == TEXT_HASH or dtype in {pl.Categorical, pl.Enum} else dtype
