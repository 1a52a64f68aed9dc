"""Deadlines and starts that a plan gives in words only: the instant is computed from them, and the words are kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

import polars as pl

from warnwatch.language import Phrase
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.cells import read_instant
from warnwatch.plan.deadline import Reader, Stated
from warnwatch.plan.findings import Findings, Say, Sheet

_LETTER = re.compile(r"[^\W\d_T]")
# Words, and the day on which their task starts.
_Key: TypeAlias = "tuple[str, date | None]"

# Stands for the start of a task when only the form of words matters and not the year that they mean.
_ANY_DAY = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Worded:
    """What a task's document words, as it was understood: a deadline, or a start."""

    task: str
    words: str
    stated: Stated

    @property
    def meaning(self) -> Phrase:
        """Say the computed instant: `hết ngày 31/12/2025`, `16:00 ngày 21/8/2025`, `bắt đầu 18:00 ngày 27/6/2025`."""
        day = f"{self.stated.day:%d/%m/%Y}"
        hour = f"{self.stated.hour:%H:%M}" if self.stated.hour else "00:00"
        if self.stated.operator == "start":
            return Phrase("bắt đầu {hour} ngày {day}, không phải thời hạn", hour=hour, day=day)
        if self.stated.hour:
            return Phrase("{hour} ngày {day}", hour=hour, day=day)
        return Phrase("hết ngày {day}", day=day)


@dataclass(frozen=True, slots=True)
class Wording:
    """How words are read: the plan's zone, whether `trước ngày X` ends before X, and the calendar of periods."""

    zone: ZoneInfo
    strict_before: bool
    calendar: WorkCalendar | None = None
    reader: Reader = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the reader once."""
        object.__setattr__(self, "reader", Reader(self.strict_before, self.calendar))

    def micros(self, stated: Stated) -> int:
        """Give a stated instant as microseconds since 1970."""
        if stated.hour is None:
            return read_instant(stated.day.isoformat(), self.zone, end=stated.operator != "start")
        return read_instant(f"{datetime.combine(stated.day, stated.hour):%Y-%m-%d %H:%M}", self.zone, end=True)


def move_words(sheet: Sheet, wording: Wording) -> Sheet:
    """Move words typed as due date, such as `quý IV/2025`, into due_text where that is empty. Cells are still text.

    A start that only the words tell (`từ 18 giờ ngày 27/6/2025`) is written into an empty cell of the start.
    """
    if sheet.file.name != "tasks":
        return sheet
    return _with_starts(_with_words(sheet, wording), wording)


def _with_words(sheet: Sheet, wording: Wording) -> Sheet:
    frame = sheet.frame
    if "due_at" not in sheet.headers:
        return sheet
    if "due_text" not in sheet.headers:
        frame = frame.with_columns(pl.lit(None, pl.String).alias("due_text"))
    due, text = pl.col("due_at"), pl.col("due_text")
    typed = frame["due_at"].drop_nulls().unique().to_list()
    read, _ = _read_all(((one, _ANY_DAY) for one in typed if _LETTER.search(one)), wording)
    if not read:
        return sheet
    words = pl.Series([one for one, _ in read], dtype=pl.String)
    wordy = due.is_in(words.implode()) & (text.fill_null("").str.strip_chars() == "")
    frame = frame.with_columns(
        pl.when(wordy).then(due).otherwise(text).alias("due_text"),
        pl.when(wordy).then(pl.lit("")).otherwise(due).alias("due_at"),
    )
    headers = {"due_text": sheet.headers["due_at"]} | dict(sheet.headers)
    places = {"due_text": sheet.places["due_at"]} | dict(sheet.places)
    return replace(sheet, headers=headers, places=places, frame=frame)


def _with_starts(sheet: Sheet, wording: Wording) -> Sheet:
    if not {"start_at", "due_text"} <= set(sheet.headers):
        return sheet
    empty = pl.col("start_at").fill_null("").str.strip_chars() == ""
    wordy = sheet.frame.filter(empty)["due_text"].drop_nulls().unique().to_list()
    read, _ = _read_all(((words, None) for words in wordy), wording)
    starts = {
        words: f"{datetime.combine(one.day, one.hour or time.min):%Y-%m-%d %H:%M}"
        for (words, _), stated in read.items()
        for one in stated
        if one.operator == "start"
    }
    if not starts:
        return sheet
    told = pl.col("due_text").replace_strict(starts, default=None, return_dtype=pl.String)
    start = pl.when(empty).then(pl.coalesce(told, "start_at")).otherwise("start_at")
    return sheet.with_frame(sheet.frame.with_columns(start.alias("start_at")))


def fill_deadlines(
    sheet: Sheet, rows: pl.DataFrame, open_: pl.Expr, wording: Wording, findings: Findings
) -> tuple[pl.DataFrame, list[tuple[int, Worded]]]:
    """Give due_at to the rows whose file has only due_text and that are `open_` to it; and what was understood.

    What was understood stands beside the number of its row. `rows`: row, code, due_text, start_at and due_at in
    microseconds, and of a plain import `added` and `changed`. A new task whose file has no column of starts takes its
    start from the words, too. Words that nobody can be sure of are warned about.
    """
    undated = pl.col("due_at").is_null() if "due_at" in sheet.headers else pl.lit(value=True)
    began = _local_day("start_at", wording) if "start_at" in rows.columns else pl.lit(None, pl.Date)
    wanting = rows.filter(undated & pl.col("due_text").is_not_null() & open_).with_columns(began.alias("began"))
    read, errors = _read_all(wanting.select("due_text", "began").unique().iter_rows(), wording)
    for (words, day), error in errors.items():
        same = (pl.col("due_text") == words) & pl.col("began").eq_missing(pl.lit(day, pl.Date))
        say = Say(
            Phrase("không tính được thời hạn: {error}", error=error),
            Phrase("ghi ngày vào cột due (Thời hạn), hoặc ghi đủ ngày, tháng, năm trong lời văn"),
        )
        findings.odd_rows(sheet, wanting.filter(same), "due_text", say)
    if not read:
        return rows, []
    fresh = pl.col("added") | pl.col("changed") if "added" in rows.columns else pl.lit(value=True)
    found = wanting.with_columns(fresh.alias("fresh")).select("row", "code", "due_text", "began", "fresh")
    filled = _filled(rows, found, read, wording, "due_at")
    if "start_at" not in sheet.headers and "added" in rows.columns:
        made = rows.filter("added")
        filled = _filled(filled, found.join(made, on=("row", "code"), how="semi"), read, wording, "start_at")
    # The tasks of one group come from one row, and their words are told once.
    told = found.filter(pl.col("code").is_not_null()).unique(("row", "due_text"), keep="first", maintain_order=True)
    return filled, [
        (row, Worded(code, words, one))
        for row, code, words, day, new in told.iter_rows()
        for one in read.get((words, day), ())
        if new or one.operator != "start"
    ]


def _filled(
    rows: pl.DataFrame,
    found: pl.DataFrame,
    read: Mapping[_Key, tuple[Stated, ...]],
    wording: Wording,
    column: Literal["start_at", "due_at"],
) -> pl.DataFrame:
    """Put what the words of some rows state, their starts or their deadlines, into a column."""
    stated = [
        (words, day, wording.micros(one))
        for (words, day), several in read.items()
        for one in several
        if (one.operator == "start") == (column == "start_at")
    ]
    types = {"due_text": pl.String, "began": pl.Date, "computed": pl.Int64}
    meaning = pl.DataFrame(stated, schema=types, orient="row")
    moments = found.join(meaning, on=("due_text", "began"), nulls_equal=True).select("row", "code", "computed")
    joined = rows.join(moments, on=("row", "code"), how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("computed", column).alias(column)).drop("computed")


def _local_day(column: str, wording: Wording) -> pl.Expr:
    return pl.col(column).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(wording.zone.key).dt.date()


def _read_all(
    texts: Iterable[tuple[str, date | None]], wording: Wording
) -> tuple[dict[_Key, tuple[Stated, ...]], dict[_Key, Phrase]]:
    """Read words, each with the day on which its task starts; those that state nothing are left out."""
    read: dict[_Key, tuple[Stated, ...]] = {}
    errors: dict[_Key, Phrase] = {}
    for words, began in texts:
        try:
            stated = wording.reader.read(words, began)
        except ValueError as error:
            errors[words, began] = error.args[0]
            continue
        if stated:
            read[words, began] = stated
    return read, errors
