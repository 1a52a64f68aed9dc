"""The plan's tables as an import sees them: the current rows read as frames, differences written as new rows.

Instants are microseconds since 1970 in every frame. The only update is `superseded_at`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    cast,
    exists,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy import Column as SqlColumn
from sqlalchemy import Text as TextType
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from warnwatch import schema
from warnwatch.plan.bulk import add
from warnwatch.plan.cell_columns import dtype_of
from warnwatch.plan.column import Column, File, Keeping, Type
from warnwatch.plan.differences import WAS, Difference, kept_columns, match_key
from warnwatch.plan.packed import unpacked_pieces
from warnwatch.plan.rows import fetched
from warnwatch.plan.spool import Spool
from warnwatch.schema import micros

BATCH = 5_000
READ_BATCH = 20_000
FETCH = 1_000  # rows as Python's tuples at a time: more of them, and looking for garbage among them costs a third more
MOST_SUBJECTS = 5_000  # above it one change row says that everything of the kind is to be read again

# Shelves of the spool: the deadlines that an import adds, and those that are stored.
DEADLINES = "deadlines"
STORED_DUE = "deadlines stored"

Told = Callable[[int], None]

_TABLES = schema.metadata.tables
_DUE = pl.DataFrame(schema={"code": pl.String, "due_at": pl.Int64, "due_text": pl.String})
_INSTANTS = (Type.START, Type.END)


def own_table(file: File) -> Table:
    """Give the table that holds the file's rows: the version table where there are versions."""
    return _TABLES[f"{file.table}_version" if file.keeping is Keeping.VERSIONED else file.table]


# --- reading --------------------------------------------------------------------------------------------------------


def empty_stored(file: File) -> pl.DataFrame:
    """Give the frame of no stored row: id, the columns (types: `dtype_of`), withdrawn; not the due of tasks."""
    types: dict[str, Any] = {"id": pl.Int64, **{one.stored: dtype_of(one) for one in kept_columns(file)}}
    if file.keeping is Keeping.VERSIONED:
        types["withdrawn"] = pl.Boolean
    if file.derived:
        types["code"] = pl.String
    return pl.DataFrame(schema=types)


def stored_pieces(connection: Connection, file: File) -> Iterator[pl.DataFrame]:
    """Read the file's current rows, READ_BATCH at a time, in the columns of `empty_stored`."""
    table = own_table(file)
    query = select(table.c.id, *(_selected(table, one) for one in kept_columns(file)))
    if file.keeping is Keeping.VERSIONED:
        query = query.add_columns(cast(table.c.withdrawn, Integer)).where(_is_current(connection, table))
    if file.derived:
        query = query.add_columns(table.c.code)
    if file.keeping is Keeping.APPENDED:
        later = table.alias("later")
        query = query.where(~exists().where(later.c.replaces == table.c.id))
    return _pieces(connection, query, table.c.id, dict(empty_stored(file).schema))


def due_pieces(connection: Connection) -> Iterator[pl.DataFrame]:
    """Read every deadline of every task, in the order of recording."""
    deadline = schema.deadline
    query = select(deadline.c.id, deadline.c.task, micros(deadline.c.due_at), deadline.c.due_text)
    pieces = _pieces(connection, query, deadline.c.id, {"id": pl.Int64, **_DUE.schema})
    return (piece.sort("id").drop("id") for piece in pieces)


def with_due(tasks: pl.DataFrame, spool: Spool, part: int) -> pl.DataFrame:
    """Add the latest due date to a part of the stored tasks."""
    due = spool.take(STORED_DUE, _DUE, part)
    return tasks.join(due.unique("code", keep="last", maintain_order=True), on="code", how="left")


def read_codes(connection: Connection, file: File) -> pl.Series:
    """Read every code that the file's rows ever had."""
    empty = pl.DataFrame(schema={"code": pl.String})
    return pl.concat([empty, *_streamed(connection, select(_TABLES[file.table].c.code), dict(empty.schema))])["code"]


def read_lead_counts(connection: Connection) -> dict[str, int]:
    """Count the tasks that each unit leads by its recorded code."""
    version = schema.task_version
    query = select(version.c.lead_unit, func.count()).where(version.c.superseded_at.is_(None))
    query = query.where(version.c.withdrawn.is_(False)).group_by(version.c.lead_unit)
    return {row[0]: row[1] for row in connection.execute(query)}


def is_empty(connection: Connection) -> bool:
    """Say whether there is no plan yet."""
    tables = (schema.unit, schema.task, schema.kpi, schema.source)
    return not any(connection.scalar(select(exists().select_from(table))) for table in tables)


def lock_plan(connection: Connection) -> None:
    """Let no other import in until this transaction ends; readers go on. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE unit IN SHARE ROW EXCLUSIVE MODE"))


def _is_current(connection: Connection, table: Table) -> ColumnElement[bool]:
    """Choose the current rows among all; SQLite would take its index of them, and then look up each row by itself."""
    until: ColumnElement[Any] = table.c.superseded_at
    if connection.dialect.name == "sqlite":
        until = UnaryExpression(until, operator=custom_op("+"))  # a term that no index serves
    return until.is_(None)


def _selected(table: Table, column: Column) -> ColumnElement[Any]:
    """Select a column as the driver's plain text or number: rows then need no Python work of SQLAlchemy's."""
    stored = table.c[column.stored]
    if column.type in _INSTANTS:
        return micros(stored)
    if isinstance(stored.type, Boolean):
        return cast(stored, Integer)
    return cast(stored, TextType) if column.type in (Type.PATH, Type.DATE) else stored


def _pieces(
    connection: Connection, query: Select[*tuple[Any, ...]], number: SqlColumn[int], types: Mapping[str, Any]
) -> Iterator[pl.DataFrame]:
    """Run a query on a whole table piece by piece, so that neither the server's driver nor a thread holds all of it."""
    some: list[pl.DataFrame] = []
    for few in unpacked_pieces(connection, query, number, types):
        some.append(few)
        if sum(one.height for one in some) >= READ_BATCH:
            yield pl.concat(some)
            some = []
    if some:
        yield pl.concat(some)


def _streamed(
    connection: Connection, query: Select[*tuple[Any, ...]], types: Mapping[str, Any]
) -> Iterator[pl.DataFrame]:
    """Run a query; a server keeps the rows until they are fetched, for its driver would take them all at once.

    SQLite's driver gives row by row in any case, and then without SQLAlchemy's work per row.
    """
    streamed = {} if connection.dialect.name == "sqlite" else {"stream_results": True, "max_row_buffer": READ_BATCH}
    result = connection.execute(query, execution_options=streamed)
    some: list[pl.DataFrame] = []
    for few in fetched(result if streamed else result.cursor, types, FETCH):
        some.append(few)
        if len(some) * FETCH >= READ_BATCH:
            yield pl.concat(some)
            some = []
    if some:
        yield pl.concat(some)
    result.close()


# --- writing --------------------------------------------------------------------------------------------------------


def fresh_shelf(file: File) -> str:
    """Where the spool keeps the rows that a file adds or changes (`kept_rows`)."""
    return f"{file.name} fresh"


def gone_shelf(file: File) -> str:
    """Where the spool keeps the stored rows that a file withdraws."""
    return f"{file.name} gone"


def kept_rows(one: Difference) -> pl.DataFrame:
    """Give of a difference what is written: added and changed rows, as stored, with the row that each follows.

    Versions stand in the order of their codes: an index takes neighbours one after another much faster.
    """
    by = ["code"] if one.file.keeping is Keeping.VERSIONED else []
    fresh = one.rows.filter(pl.col("added") | pl.col("changed")).sort(*by, "recorded_at", "row")
    return fresh.select(*_names(one.file), "recorded_at", WAS + "id", "added", "changed")


def write_file(connection: Connection, file: File, parts: int, spool: Spool, now: int, tell: Told) -> None:
    """Write what one file changes; `tell` hears of every part. What its rows refer to has to be written before."""
    if file.keeping is not Keeping.VERSIONED:
        _append(connection, file, parts, spool, tell)
        return
    for part in range(parts):  # all codes before all versions, which name each other as parents
        added = _fresh(file, spool, part).filter("added").select("code", "recorded_at")
        add(connection, _TABLES[file.table], added)
    for part in range(parts):
        _write_versions(connection, file, part, spool, now)
        tell(part + 1)
    if file.name == "tasks":
        for part in range(parts):
            for deadlines in spool.pieces(DEADLINES, part):
                add(connection, schema.deadline, deadlines)


def write_changes(connection: Connection, subjects: Mapping[str, pl.Series]) -> None:
    """Tell the evaluator what to read again: one row per subject, or one for all of a kind."""
    xact = schema.xact(connection)
    for kind, codes in subjects.items():
        few = ["*"] if len(codes) > MOST_SUBJECTS else codes.to_list()
        for start in range(0, len(few), BATCH):
            rows = [{"kind": kind, "subject": subject} for subject in few[start : start + BATCH]]
            connection.execute(insert(schema.change).values(xact=xact), rows)


def write_journal(connection: Connection, row: Mapping[str, object]) -> None:
    """Record the import itself, in its own transaction."""
    connection.execute(insert(schema.journal), [dict(row)])


def _fresh(file: File, spool: Spool, part: int) -> pl.DataFrame:
    types: dict[str, Any] = {one.stored: dtype_of(one) for one in kept_columns(file)}
    types |= {"code": pl.String} if file.derived else {}
    types |= {"recorded_at": pl.Int64, WAS + "id": pl.Int64, "added": pl.Boolean, "changed": pl.Boolean}
    return spool.take(fresh_shelf(file), pl.DataFrame(schema=types), part)


def _write_versions(connection: Connection, file: File, part: int, spool: Spool, now: int) -> None:
    version, names = own_table(file), _names(file)
    fresh = _fresh(file, spool, part)
    gone = spool.take(gone_shelf(file), empty_stored(file), part).with_columns(pl.lit(now).alias("recorded_at"))
    _supersede(connection, version, fresh.filter(pl.col("changed") & pl.col(WAS + "id").is_not_null()))
    _supersede(connection, version, gone.rename({"id": WAS + "id"}))
    until = pl.col("recorded_at").shift(-1).over("code").alias("superseded_at")
    add(connection, version, fresh.select(*names, "recorded_at", until, pl.lit(value=False).alias("withdrawn")))
    add(connection, version, gone.select(*names, pl.lit(value=True).alias("withdrawn"), "recorded_at"))


def _names(file: File) -> list[str]:
    names = [column.stored for column in kept_columns(file)]
    return [*names, "code"] if file.derived else names


def _supersede(connection: Connection, version: Table, rows: pl.DataFrame) -> None:
    for part in rows.iter_slices(BATCH):
        at = _instant(part["recorded_at"])[0]
        where = version.c.id.in_(part[WAS + "id"].to_list())
        connection.execute(update(version).where(where).values(superseded_at=at))


def _append(connection: Connection, file: File, parts: int, spool: Spool, tell: Told) -> None:
    """Add new rows; a correction names the row that it replaces, which in a history may itself be new."""
    key = match_key(file)
    wave = last = 0
    while wave <= last:
        latest = _latest_ids(connection, file) if wave else None
        for part in range(parts):
            fresh = _fresh(file, spool, part).with_columns(pl.int_range(pl.len()).over(key).alias("wave"))
            last = max(last, int(str(fresh["wave"].max() or 0)))
            rows = fresh.filter(pl.col("wave") == wave)
            if latest is not None:
                rows = rows.join(latest, on=key, how="left", nulls_equal=True, maintain_order="left")
                rows = rows.with_columns(pl.col("latest").alias(WAS + "id"))
            replaces = [] if file.keeping is Keeping.FINAL else [pl.col(WAS + "id").alias("replaces")]
            add(connection, own_table(file), rows.select(*_names(file), "recorded_at", *replaces))
            tell(part + 1)
        wave += 1


def _latest_ids(connection: Connection, file: File) -> pl.DataFrame:
    pieces = (empty_stored(file), *stored_pieces(connection, file))
    return pl.concat([one.select(*match_key(file), pl.col("id").alias("latest")) for one in pieces])


def _instant(series: pl.Series) -> pl.Series:
    return series.cast(pl.Datetime("us", "UTC"))


def subjects_of(one: Difference, moved: pl.Series) -> pl.Series:
    """Give the subjects whose rows a file changes; `moved` are the tasks that get a deadline.

    What goes from one subject to another, as a milestone may, changes both.
    """
    column = one.file.subject
    touched = pl.col("added") | pl.col("changed")
    if one.file.name == "tasks":
        touched |= pl.col("code").is_in(moved.implode())
    rows = one.rows.filter(touched)
    before = [rows[WAS + column].drop_nulls()] if WAS + column in rows.columns else []
    codes = pl.concat([rows[column], one.gone[column], *before])
    of_units = codes.str.replace("/[^/]*$", "") if column == "post" else codes
    return of_units.unique().sort()
