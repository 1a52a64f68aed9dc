"""Where the tasks of groups are made: between reading the files of an import and comparing them with the plan.

In: the tasks as read, on the spool, the units as they will be. Out: the same with one task per unit on another shelf.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import polars as pl
from sqlalchemy import Connection

from warnwatch.plan.columns import FILES
from warnwatch.plan.differences import split
from warnwatch.plan.expansion import Expansion, present_units
from warnwatch.plan.findings import Findings
from warnwatch.plan.groups import Units, is_group
from warnwatch.plan.reading import Order, Reading
from warnwatch.plan.spool import Spool
from warnwatch.plan.writing import due_pieces, empty_stored, stored_pieces

NO_CHILDREN = pl.DataFrame(schema={"code": pl.String, "parent": pl.String})


def with_groups_expanded(
    connection: Connection, readings: dict[str, Reading], broken: frozenset[str], spool: Spool, order: Order
) -> tuple[dict[str, Reading], pl.DataFrame]:
    """Give the files with each task that is given to a group as one task per unit; and these tasks: code, parent.

    A file that was split by its keys has the group's rows taken out and expanded by themselves: a row that a unit's
    task has of its own there stands, but is put under no parent.
    """
    tasks = readings.get("tasks")
    named = tasks.referred.get("lead_unit") if tasks else None
    if tasks is None or named is None or not any(map(is_group, named)):
        return readings, NO_CHILDREN
    expansion = Expansion(_units(connection, readings.get("units"), spool, order))
    findings = Findings() if "units" in broken else order.findings  # half of the units would find half of them
    texts = pl.Series([one for one in named if is_group(one)], dtype=pl.String)
    whole = tasks.parts == 1
    given, rest = _taken(tasks, texts, spool, whole=whole)
    sheet = tasks.sheet.with_frame(given)
    made = expansion.expand(sheet, _stored(connection, given["code"]), findings).frame
    if not whole:
        made = made.join(tasks.codes.to_frame("code"), on="code", how="anti").vstack(_parents(made, given))
    shelf = f"{tasks.shelf} expanded"
    for part, frame in rest:
        spool.put(shelf, frame, part)
    spool.put_parts(shelf, split(tasks.sheet.file, made, tasks.parts) if not whole else {0: made})
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


def _taken(
    tasks: Reading, texts: pl.Series, spool: Spool, *, whole: bool
) -> tuple[pl.DataFrame, Iterable[tuple[int, pl.DataFrame]]]:
    """Take the rows to look at out of the file, and give those that stay, by part: a small file is looked at whole."""
    if whole:
        return spool.take(tasks.shelf, tasks.sheet.frame), ()
    grouped = pl.col("lead_unit").is_in(texts.implode()).fill_null(value=False)
    given, rest = [], []
    for part in range(tasks.parts):
        rows = spool.take(tasks.shelf, tasks.sheet.frame, part)
        given.append(rows.filter(grouped))
        rest.append((part, rows.filter(~grouped)))
    return pl.concat(given).sort("row"), rest


def _parents(made: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Give the rows of the groups themselves, whose codes the file has."""
    return made.join(given.select("row", "code"), on=("row", "code"), how="semi")


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
