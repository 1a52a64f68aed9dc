"""The plan's tables as an import sees them: the current rows read as frames, differences written as new rows.

Instants are microseconds since 1970 in every frame. The only update is `superseded_at`.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from sqlalchemy import Text as TextType

from warnwatch import schema
from warnwatch.plan.cells import dtype_of
from warnwatch.plan.column import Column, File, Keeping, Type
from warnwatch.plan.columns import FILES
from warnwatch.plan.differences import WAS, Difference, kept_columns, match_key
from warnwatch.schema import Instant, micros

BATCH = 5_000
READ_BATCH = 50_000
MOST_SUBJECTS = 5_000  # above it one change row says that everything of the kind is to be read again

_TABLES = schema.metadata.tables
_INSTANTS = (Type.START, Type.END)


def own_table(file: File) -> Table:
    """Give the table that holds the file's rows: the version table where there are versions."""
    return _TABLES[f"{file.table}_version" if file.keeping is Keeping.VERSIONED else file.table]


# --- reading --------------------------------------------------------------------------------------------------------


def read_stored(connection: Connection, file: File) -> pl.DataFrame:
    """Read the file's current rows: id, the columns (types: `dtype_of`), withdrawn; tasks with their latest due."""
    table = own_table(file)
    columns = kept_columns(file)
    types: dict[str, Any] = {"id": pl.Int64, **{one.stored: dtype_of(one) for one in columns}}
    query = select(table.c.id, *(_selected(table, one) for one in columns))
    if file.keeping is Keeping.VERSIONED:
        query = query.add_columns(cast(table.c.withdrawn, Integer)).where(table.c.superseded_at.is_(None))
        types["withdrawn"] = pl.Boolean
    if file.derived:
        query = query.add_columns(table.c.code)
        types["code"] = pl.String
    if file.keeping is Keeping.APPENDED:
        later = table.alias("later")
        query = query.where(~exists().where(later.c.replaces == table.c.id))
    frame = _frame(connection, query, types)
    return _with_due(connection, frame) if file.name == "tasks" else frame


def read_codes(connection: Connection, file: File) -> pl.Series:
    """Read every code that the file's rows ever had."""
    return _frame(connection, select(_TABLES[file.table].c.code), {"code": pl.String})["code"]


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


def _selected(table: Table, column: Column) -> ColumnElement[Any]:
    """Select a column as the driver's plain text or number: rows then need no Python work of SQLAlchemy's."""
    stored = table.c[column.stored]
    if column.type in _INSTANTS:
        return micros(stored)
    if isinstance(stored.type, Boolean):
        return cast(stored, Integer)
    return cast(stored, TextType) if column.type in (Type.PATH, Type.DATE) else stored


def _with_due(connection: Connection, tasks: pl.DataFrame) -> pl.DataFrame:
    deadline = schema.deadline
    query = select(deadline.c.task, micros(deadline.c.due_at), deadline.c.due_text).order_by(deadline.c.id)
    due = _frame(connection, query, {"code": pl.String, "due_at": pl.Int64, "due_text": pl.String})
    return tasks.join(due.unique("code", keep="last"), on="code", how="left")


def _frame(connection: Connection, query: Select[*tuple[Any, ...]], types: dict[str, Any]) -> pl.DataFrame:
    frames = [pl.DataFrame(schema=types)]
    plain = {pl.Boolean: pl.Int64, pl.Date: pl.String}
    cursor = connection.execute(query).cursor
    while part := cursor.fetchmany(READ_BATCH):
        cells = dict(zip(types, zip(*part, strict=True), strict=True))
        frame = pl.DataFrame([pl.Series(name, cells[name], dtype=plain.get(of, of)) for name, of in types.items()])
        frames.append(frame.with_columns(_meant(name, of) for name, of in types.items()))
    return pl.concat(frames, rechunk=True)


def _meant(name: str, dtype: object) -> pl.Expr:
    """Turn what the driver gave into the frame's type."""
    cells = pl.col(name)
    return (
        cells.str.to_date("%Y-%m-%d") if dtype == pl.Date else cells.cast(pl.Boolean) if dtype == pl.Boolean else cells
    )


# --- writing --------------------------------------------------------------------------------------------------------


def write(connection: Connection, differences: Mapping[str, Difference], deadlines: pl.DataFrame) -> None:
    """Write what the files change, in the order in which rows refer to each other."""
    for name in FILES:
        if name in differences:
            one = differences[name]
            if one.file.keeping is Keeping.VERSIONED:
                _write_versions(connection, one)
            else:
                _append(connection, one)
        if name == "tasks":
            _add(connection, schema.deadline, deadlines)


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


def _write_versions(connection: Connection, one: Difference) -> None:
    identity, version = _TABLES[one.file.table], own_table(one.file)
    names = _names(one.file)
    added = one.rows.filter("added").select("code", "recorded_at")
    _add(connection, identity, added)
    _supersede(connection, version, one.rows.filter(pl.col("changed") & pl.col(WAS + "id").is_not_null()))
    _supersede(connection, version, one.gone.rename({"id": WAS + "id"}).with_columns(recorded_at=_now(one)))
    fresh = one.rows.filter(pl.col("added") | pl.col("changed")).sort("recorded_at", "row")
    until = pl.col("recorded_at").shift(-1).over("code").alias("superseded_at")
    _add(connection, version, fresh.select(*names, "recorded_at", until, pl.lit(value=False).alias("withdrawn")))
    _add(connection, version, one.gone.select(*names, pl.lit(value=True).alias("withdrawn"), recorded_at=_now(one)))


def _now(one: Difference) -> pl.Expr:
    return pl.lit(one.rows["recorded_at"].max(), pl.Int64)


def _names(file: File) -> list[str]:
    names = [column.stored for column in kept_columns(file)]
    return [*names, "code"] if file.derived else names


def _supersede(connection: Connection, version: Table, rows: pl.DataFrame) -> None:
    for part in rows.iter_slices(BATCH):
        at = _instant(part["recorded_at"])[0]
        where = version.c.id.in_(part[WAS + "id"].to_list())
        connection.execute(update(version).where(where).values(superseded_at=at))


def _append(connection: Connection, one: Difference) -> None:
    """Add new rows; a correction names the row that it replaces, which in a history may itself be new."""
    table = own_table(one.file)
    key = match_key(one.file)
    fresh = one.rows.filter(pl.col("added") | pl.col("changed")).sort("recorded_at", "row")
    waves = fresh.with_columns(pl.int_range(pl.len()).over(key).alias("wave"))
    for wave in range(int(str(waves["wave"].max() or 0)) + 1):
        rows = waves.filter(pl.col("wave") == wave)
        if wave:
            now_stored = read_stored(connection, one.file).select(*key, pl.col("id").alias("latest"))
            rows = rows.join(now_stored, on=key, how="left", nulls_equal=True, maintain_order="left")
            rows = rows.with_columns(pl.col("latest").alias(WAS + "id"))
        replaces = [] if one.file.keeping is Keeping.FINAL else [pl.col(WAS + "id").alias("replaces")]
        _add(connection, table, rows.select(*_names(one.file), "recorded_at", *replaces))


def _add(connection: Connection, table: Table, rows: pl.DataFrame) -> None:
    """Insert rows by the driver itself: SQLAlchemy's work per row would take most of a large import."""
    names = rows.columns
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:  # its driver's own way to store a date is deprecated; SQLAlchemy stores the same text
        converted = rows.with_columns(pl.col(pl.Date).dt.strftime("%Y-%m-%d"))
    else:
        instants = [name for name in names if isinstance(table.c[name].type, Instant)]
        converted = rows.with_columns(pl.col(instants).cast(pl.Datetime("us", "UTC")))
    statement = insert(table).inline().compile(dialect=connection.dialect, column_keys=names)
    order = getattr(statement, "positiontup", None) or names
    for part in converted.iter_slices(BATCH):
        cells: Any = part.select(order).rows() if sqlite else part.to_dicts()
        connection.exec_driver_sql(str(statement), cells)


def _instant(series: pl.Series) -> pl.Series:
    return series.cast(pl.Datetime("us", "UTC"))


def subjects_of(one: Difference, moved: pl.Series) -> pl.Series:
    """Give the subjects whose rows a file changes; `moved` are the tasks that get a deadline."""
    column = one.file.subject
    touched = pl.col("added") | pl.col("changed")
    if one.file.name == "tasks":
        touched |= pl.col("code").is_in(moved.implode())
    codes = pl.concat([one.rows.filter(touched)[column], one.gone[column]])
    of_units = codes.str.replace("/[^/]*$", "") if column == "post" else codes
    return of_units.unique().sort()
