"""Deadlines that a plan gives in words only: the last good moment is computed from them, and the words are kept."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import polars as pl

from warnwatch.plan.cells import read_instant
from warnwatch.plan.deadline import last_good_day
from warnwatch.plan.findings import Findings, Say, Sheet

_LETTER = re.compile(r"[^\W\d_T]")


@dataclass(frozen=True, slots=True)
class Worded:
    """A task's deadline as its document words it, and the last day that this means."""

    task: str
    words: str
    last_day: date


@dataclass(frozen=True, slots=True)
class Wording:
    """How words are read: the plan's zone, and whether `trước ngày X` ends before X."""

    zone: ZoneInfo
    strict_before: bool


def move_words(sheet: Sheet, wording: Wording) -> Sheet:
    """Move words typed as due date, such as `quý IV/2025`, into due_text where that is empty. Cells are still text."""
    frame = sheet.frame
    if sheet.file.name != "tasks" or "due_at" not in sheet.headers:
        return sheet
    if "due_text" not in sheet.headers:
        frame = frame.with_columns(pl.lit(None, pl.String).alias("due_text"))
    due, text = pl.col("due_at"), pl.col("due_text")
    typed = frame["due_at"].drop_nulls().unique().to_list()
    days, _ = _read_all((one for one in typed if _LETTER.search(one)), wording)
    if not days:
        return sheet
    wordy = due.is_in(pl.Series(list(days)).implode()) & (text.fill_null("").str.strip_chars() == "")
    frame = frame.with_columns(
        pl.when(wordy).then(due).otherwise(text).alias("due_text"),
        pl.when(wordy).then(pl.lit("")).otherwise(due).alias("due_at"),
    )
    headers = {"due_text": sheet.headers["due_at"]} | dict(sheet.headers)
    places = {"due_text": sheet.places["due_at"]} | dict(sheet.places)
    return Sheet(sheet.file, sheet.name, headers, places, frame)


def fill_deadlines(
    sheet: Sheet, rows: pl.DataFrame, open_: pl.Expr, wording: Wording, findings: Findings
) -> tuple[pl.DataFrame, tuple[Worded, ...]]:
    """Give due_at to the rows whose file has only due_text and that are `open_` to it; and what was computed.

    `rows`: row, code, due_text, and due_at in microseconds. Words that contradict themselves are warned about.
    """
    undated = pl.col("due_at").is_null() if "due_at" in sheet.headers else pl.lit(value=True)
    wanting = rows.filter(undated & pl.col("due_text").is_not_null() & open_)
    days, errors = _read_all(wanting["due_text"].unique().to_list(), wording)
    for words, error in errors.items():
        say = Say(f"không tính được thời hạn: {error}", "ghi ngày vào cột due (Thời hạn)")
        findings.odd_rows(sheet, wanting.filter(pl.col("due_text") == words), "due_text", say)
    if not days:
        return rows, ()
    found = wanting.filter(pl.col("due_text").is_in(pl.Series(list(days)).implode())).select("row", "code", "due_text")
    last = {words: read_instant(day.isoformat(), wording.zone, end=True) for words, day in days.items()}
    moments = found.select("row", pl.col("due_text").replace_strict(last, return_dtype=pl.Int64).alias("computed"))
    filled = rows.join(moments, on="row", how="left", maintain_order="left")
    filled = filled.with_columns(pl.coalesce("computed", "due_at").alias("due_at")).drop("computed")
    shown = found.filter(pl.col("code").is_not_null()).select("code", "due_text")
    return filled, tuple(Worded(code, words, days[words]) for code, words in shown.iter_rows())


def _read_all(texts: Iterable[str], wording: Wording) -> tuple[dict[str, date], dict[str, str]]:
    days: dict[str, date] = {}
    errors: dict[str, str] = {}
    for text in texts:
        try:
            day = last_good_day(text, strict_before=wording.strict_before)
        except ValueError as error:
            errors[text] = str(error)
            continue
        if day:
            days[text] = day
    return days, errors
