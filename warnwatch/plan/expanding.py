"""Where the tasks of groups are made: between reading the files of an import and comparing them with the plan.

In: the tasks as read, on the spool, the units as they will be. Out: the same with one task per unit on another shelf.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import polars as pl
from sqlalchemy import Connection

from warnwatch.plan.columns import FILES
from warnwatch.plan.differences import split
from warnwatch.plan.expansion import MOST_TASKS, Expansion, present_units
from warnwatch.plan.findings import Findings
from warnwatch.plan.groups import GroupError, Units, is_group, read_group
from warnwatch.plan.reading import Order, Reading
from warnwatch.plan.spool import Spool
from warnwatch.plan.writing import due_pieces, empty_stored, stored_pieces

NO_CHILDREN = pl.DataFrame(schema={"code": pl.String, "parent": pl.String})


def with_groups_expanded(
    connection: Connection, readings: dict[str, Reading], broken: frozenset[str], spool: Spool, order: Order
) -> tuple[dict[str, Reading], pl.DataFrame]:
    """Give the files with each task that is given to a group as one task per unit; and these tasks: code, parent.

    Of a file that was split by its keys only the groups' rows, and the rows that units' tasks have of their own, are
    looked at together; the others stay where they are.
    """
    tasks = readings.get("tasks")
    named = tasks.referred.get("lead_unit") if tasks else None
    if tasks is None or named is None or not any(map(is_group, named)):
        return readings, NO_CHILDREN
    units = _units(connection, readings.get("units"), spool, order)
    expansion = Expansion(units)
    findings = Findings() if "units" in broken else order.findings  # half of the units would find half of them
    texts = pl.Series([one for one in named if is_group(one)], dtype=pl.String)
    shelf = f"{tasks.shelf} expanded"
    if tasks.parts == 1:
        given = spool.take(tasks.shelf, tasks.sheet.frame)
    else:
        given = _rows(tasks, pl.col("lead_unit").is_in(texts.implode()).fill_null(value=False), spool)
        own = pl.col("code").is_in(_made_of(given, units).implode()).fill_null(value=False)
        given = pl.concat([given, _rows(tasks, own, spool)]).unique("row").sort("row")
        for part in range(tasks.parts):
            rest = spool.take(tasks.shelf, tasks.sheet.frame, part).join(given.select("row"), on="row", how="anti")
            spool.put(shelf, rest, part)
    stored = _stored(connection, given["code"])
    made = expansion.expand(tasks.sheet.with_frame(given), stored, findings).frame
    spool.put_parts(shelf, split(tasks.sheet.file, made, tasks.parts))
    order.expanded.extend(expansion.told)
    plain = [one for one in named if not is_group(one)]
    referred = {**tasks.referred, "lead_unit": pl.concat([pl.Series("lead_unit", plain, pl.String), made["lead_unit"]])}
    reading = replace(
        tasks,
        sheet=tasks.sheet.with_frame(made.clear()),
        rows=tasks.rows - given.height + made.height,
        codes=pl.concat([tasks.codes, made["code"].drop_nulls()]).unique(),
        referred={name: codes.drop_nulls().unique() for name, codes in referred.items()},
        shelf=shelf,
    )
    return {**readings, "tasks": reading}, _children(made)


def _rows(tasks: Reading, wanted: pl.Expr, spool: Spool) -> pl.DataFrame:
    """Gather some rows of a file from all its parts."""
    parts = range(tasks.parts)
    return pl.concat([spool.take(tasks.shelf, tasks.sheet.frame, part).filter(wanted) for part in parts])


def _made_of(given: pl.DataFrame, units: Units) -> pl.Series:
    """Give the codes of the tasks that groups' rows will be expanded to; beyond MOST_TASKS the import is refused."""
    codes: list[str] = []
    for code, text in given.select("code", "lead_unit").drop_nulls().iter_rows():
        if len(codes) > MOST_TASKS:
            break
        with suppress(GroupError):  # said where the group is expanded
            codes += [f"{code}.{unit}" for unit in read_group(text, units)]
    return pl.Series(codes, dtype=pl.String)


def _children(made: pl.DataFrame) -> pl.DataFrame:
    if "parent" not in made.columns:
        return NO_CHILDREN
    whole = made.select("row", "code").rename({"code": "whole"})
    found = made.join(whole, left_on=("row", "parent"), right_on=("row", "whole"), how="semi")
    return found.select("code", "parent")


def _units(connection: Connection, reading: Reading | None, spool: Spool, order: Order) -> Units:
    file = FILES["units"]
    stored = pl.concat([empty_stored(file), *stored_pieces(connection, file)])
    sheet = None
    if reading is not None:
        frames = [spool.take(reading.shelf, reading.sheet.frame, part) for part in range(reading.parts)]
        sheet = reading.sheet.with_frame(pl.concat(frames).sort("row"))
    return Units.of(present_units(sheet, stored), order.today)


def _stored(connection: Connection, codes: pl.Series) -> pl.DataFrame:
    """Read the stored tasks of these groups and their children, with their latest deadlines."""
    file = FILES["tasks"]
    wanted = codes.drop_nulls().unique().implode()
    ours = pl.col("code").is_in(wanted) | pl.col("parent").is_in(wanted).fill_null(value=False)
    tasks = pl.concat([empty_stored(file), *(one.filter(ours) for one in stored_pieces(connection, file))])
    kept = tasks["code"].implode()
    due = pl.concat([one.filter(pl.col("code").is_in(kept)) for one in due_pieces(connection)] or [_NO_DUE])
    return tasks.join(due.unique("code", keep="last", maintain_order=True), on="code", how="left")


_NO_DUE = pl.DataFrame(schema={"code": pl.String, "due_at": pl.Int64, "due_text": pl.String})
