"""Whole tables as columns: every value comes back from either database as it went in."""

from __future__ import annotations

from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Engine, delete, insert, select

from warnwatch import schema
from warnwatch.plan.packed import PIECE, read_packed, unpacked_pieces
from warnwatch.schema import micros

NOW = datetime(2026, 1, 5, 1, 2, 3, 456_789, tzinfo=UTC)
TITLES = ['Việc "một"', "a,b;\n\t\\", "", "null", "🏛 [1]", "đ" * 10_000]
WEIGHTS = [1 / 3, 0.1 + 0.2, 1e-300, 0.0, 1.0, 123_456_789.123_456_78]
TABLE = schema.task_version
COLUMNS: dict[str, Any] = {
    "code": pl.String,
    "title": pl.String,
    "weight": pl.Float64,
    "judged": pl.Boolean,
    "phase": pl.Int16,
    "start_at": pl.Int64,
    "due": pl.String,
}
QUERY = select(
    TABLE.c.code, TABLE.c.title, TABLE.c.weight, TABLE.c.judged, TABLE.c.phase, micros(TABLE.c.start_at), TABLE.c.source
)


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Give a database with tasks whose texts and numbers are hard to carry; one row between them is gone."""
    plain = {"recorded_at": NOW, "lead_unit": "U", "status": "open"}
    unit = {"code": "U", "name": "Đơn vị", "kind": "bo", "recorded_at": NOW}
    rows = [
        {"code": f"T{at}", "title": title, "weight": weight, "judged": at % 2 == 0, "phase": at or None}
        | {"start_at": NOW if at else None, **plain}
        for at, (title, weight) in enumerate(zip(TITLES, WEIGHTS, strict=True))
    ]
    with engine.begin() as connection:
        connection.execute(insert(schema.unit), [{"code": "U", "recorded_at": NOW}])
        connection.execute(insert(schema.unit_version), [unit])
        connection.execute(insert(schema.task), [{"code": row["code"], "recorded_at": NOW} for row in rows])
        connection.execute(insert(TABLE), rows)
        connection.execute(delete(TABLE).where(TABLE.c.code == "T3"))
    return engine


@pytest.mark.parametrize("piece", [1, 2, PIECE])
def test_values_come_back_as_they_are(filled: Engine, piece: int) -> None:
    """Quotes, line ends, long texts, fractions of 17 digits, flags and nulls: they are the same in any pieces."""
    with filled.connect() as connection:
        plain = connection.execute(QUERY.order_by(TABLE.c.id)).all()
        found = read_packed(connection, QUERY, TABLE.c.id, {}, COLUMNS, piece)
        pieces = pl.concat(unpacked_pieces(connection, QUERY, TABLE.c.id, COLUMNS, piece))
    assert found.schema == pl.Schema(COLUMNS)
    assert sorted(found.rows(), key=itemgetter(0)) == [tuple(row) for row in plain]
    assert pieces.sort("code").equals(found.sort("code"))


def test_an_empty_table_gives_no_row(engine: Engine) -> None:
    """No row at all, or none that is asked for, are columns without rows."""
    with engine.connect() as connection:
        found = read_packed(connection, QUERY, TABLE.c.id, {}, COLUMNS)
    assert (found.height, found.schema) == (0, pl.Schema(COLUMNS))
