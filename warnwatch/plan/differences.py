"""What a file changes: its rows beside the rows that are stored. Plain frames in, frames out.

In a history file the row before a row is the earlier one of the same key; otherwise it is the stored one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from warnwatch.language import Phrase
from warnwatch.plan.cell_columns import dtype_of
from warnwatch.plan.column import Column, File, Keeping
from warnwatch.plan.findings import Findings, Say, Sheet

WAS = "was."
# A due date is no part of a task's version: it lives in its own append-only table.
DEADLINE = ("due_at", "due_text")


@dataclass(frozen=True, slots=True)
class Difference:
    """What one file changes.

    `rows`: row, recorded_at (microseconds), the key, every column as it will be stored, the same with `was.` as it is
    before (`was.id` the stored row), `added` and `changed` Boolean. `gone`: the stored rows to be withdrawn.
    """

    sheet: Sheet
    rows: pl.DataFrame
    gone: pl.DataFrame
    not_mentioned: int

    @property
    def file(self) -> File:
        """The file's description."""
        return self.sheet.file


def match_key(file: File) -> list[str]:
    """Give the columns by which a row finds its stored row."""
    return ["code"] if file.keeping is Keeping.VERSIONED else list(file.key)


def kept_columns(file: File) -> list[Column]:
    """Give the columns that a row of the file's own table holds."""
    return [one for one in file.columns if file.name != "tasks" or one.stored not in DEADLINE]


def with_code(file: File, frame: pl.DataFrame) -> pl.DataFrame:
    """Add the code that a file derives from its key."""
    return frame.with_columns(pl.concat_str(*file.key, separator="/").alias("code")) if file.derived else frame


def split(file: File, frame: pl.DataFrame, parts: int) -> dict[int, pl.DataFrame]:
    """Split rows, stored or from a file, into `parts`: rows that one key concerns are in the same part.

    So each part can be compared by itself: a key's repeats, its history and its stored row are in it, and nobody has
    to hold all rows at once. Within a part the order stays.
    """
    if parts == 1:
        return {0: frame}
    key = [
        pl.col(name).cast(pl.String).fill_null("") if name in frame.columns else pl.lit("")
        for name in (file.key if file.derived else match_key(file))
    ]
    share = pl.concat_str(key, separator="/").hash(0) % parts
    found = frame.with_columns(share.alias("part")).partition_by("part", as_dict=True, include_key=False)
    return {int(str(part)): rows for (part,), rows in found.items()}


def find_differences(
    sheet: Sheet, stored: pl.DataFrame, now: int, findings: Findings, *, history: bool, complete: bool
) -> Difference:
    """Compare a typed file with the stored rows. Rows with an empty key were mistakes already and are left out."""
    file = sheet.file
    needed = [one.stored for one in file.columns if one.required and one.stored in file.key]
    absent = [one for one in file.columns if one.stored in file.key and one.stored not in sheet.frame.columns]
    keyed = sheet.frame.with_columns(pl.lit(None, dtype_of(one)).alias(one.stored) for one in absent)
    frame = with_code(file, keyed).filter(pl.all_horizontal(pl.col(needed).is_not_null()))
    if not history:
        frame = frame.with_columns(pl.lit(now, pl.Int64).alias("recorded_at"))
    frame = frame.filter(pl.col("recorded_at").is_not_null())
    unique = _without_repeats(sheet, frame, findings, history=history)
    beside = _beside_earlier(file, unique) if history else _beside_stored(file, unique, stored)
    rows = _with_changes(file, _filled(file, beside))
    missing = _not_mentioned(file, stored, rows)
    return Difference(sheet, rows, missing if complete else missing.clear(), missing.height)


def _without_repeats(sheet: Sheet, frame: pl.DataFrame, findings: Findings, *, history: bool) -> pl.DataFrame:
    final = sheet.file.keeping is Keeping.FINAL
    key = match_key(sheet.file) + (["recorded_at"] if history and not final else [])
    marked = frame.with_columns(pl.col("row").first().over(key).alias("first"))
    repeated = marked.filter(pl.col("row") != pl.col("first"))
    for row, first in repeated.select("row", "first").iter_rows():
        shown = " / ".join(
            str(one) for one in repeated.filter(pl.col("row") == row).select(*sheet.file.key).row(0) if one
        )
        say = Say(
            Phrase("trùng với dòng {first}", first=first),
            Phrase("mỗi mã một dòng") if len(sheet.file.key) == 1 else Phrase("mỗi khóa một dòng"),
        )
        findings.about_row(sheet, row, sheet.file.key[0], say, found=shown)
    return marked.filter(pl.col("row") == pl.col("first")).drop("first")


def _beside_stored(file: File, frame: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    key = match_key(file)
    before = stored.rename({name: WAS + name for name in stored.columns if name not in key})
    before = before.with_columns(pl.lit(value=True).alias("known"))
    if file.derived or file.keeping is not Keeping.VERSIONED:
        before = before.with_columns(pl.col(name).alias(WAS + name) for name in file.key if name in key)
    joined = frame.join(before, on=key, how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(pl.col("known").fill_null(value=False))


def _beside_earlier(file: File, frame: pl.DataFrame) -> pl.DataFrame:
    key = match_key(file)
    ordered = _filled(file, frame.sort("recorded_at", "row", maintain_order=True))
    names = [one.stored for one in file.columns]
    due = [pl.col("due_at").forward_fill().over(key).alias("due_at")] if file.name == "tasks" else []
    carried = ordered.with_columns(due)
    return carried.with_columns(
        *(pl.col(name).shift(1).over(key).alias(WAS + name) for name in names),
        (pl.int_range(pl.len()).over(key) > 0).alias("known"),
        pl.lit(None, pl.Int64).alias(WAS + "id"),
        pl.lit(value=False).alias(WAS + "withdrawn"),
    )


def _filled(file: File, frame: pl.DataFrame) -> pl.DataFrame:
    """Complete the columns: an empty cell takes the default, a column that the file lacks stays as stored."""
    fills: list[pl.Expr] = []
    for column in file.columns:
        name, default = column.stored, pl.lit(column.default, dtype_of(column))
        if name not in frame.columns:
            was = [pl.col(WAS + name)] if WAS + name in frame.columns else []
            fills.append(pl.coalesce(*was, default).alias(name))
        elif column.default is not None:
            fills.append(pl.col(name).fill_null(default))
    return frame.with_columns(fills)


def _with_changes(file: File, frame: pl.DataFrame) -> pl.DataFrame:
    differs = [pl.col(one.stored).ne_missing(pl.col(WAS + one.stored)) for one in _compared(file)]
    if file.keeping is Keeping.VERSIONED:
        differs.append(pl.col(WAS + "withdrawn").fill_null(value=False))
    return frame.with_columns(
        (~pl.col("known")).alias("added"),
        (pl.col("known") & pl.any_horizontal(differs)).alias("changed"),
    )


def _compared(file: File) -> Iterable[Column]:
    key = file.key if file.keeping is not Keeping.VERSIONED or file.derived else ("code",)
    return (one for one in kept_columns(file) if one.stored not in key)


def _not_mentioned(file: File, stored: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    if file.keeping is not Keeping.VERSIONED:
        return stored.clear()
    return stored.filter(~pl.col("withdrawn")).join(rows, on="code", how="anti")
