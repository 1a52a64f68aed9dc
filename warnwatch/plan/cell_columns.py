"""What the texts of a column mean: tidy first, then as values, with the mistakes of every cell that does not fit.

A column's distinct texts are read once each, so that a million rows cost what their few thousand dates and words cost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from warnwatch.language import Phrase
from warnwatch.plan.cells import (
    CellError,
    Value,
    read_date,
    read_email,
    read_flag,
    read_fraction,
    read_instant,
    read_integer,
    read_number,
    read_path,
    read_period,
    read_phone,
    read_secrecy,
    read_word,
)
from warnwatch.plan.column import Column, Type, allowed
from warnwatch.plan.findings import Findings, Say, Sheet

LONGEST_TEXT = 10_000

LONGEST_CODE = 100

# Texts whose meaning is remembered from piece to piece of a file, for each column: dates and words, not free text.
MOST_REMEMBERED = 100_000

# What the eye does not see, or sees in another order than the program reads, and the sign of a broken encoding.
_INVISIBLE = (
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffd\U000e0000-\U000e007f]"
)
_CODE = r"^[\p{L}\p{N}][\p{L}\p{M}\p{N}._/\-]*$"
_FORMULA = r"^(=\s*[^\s=]|#(REF!|N/A|VALUE!|NAME\?|DIV/0!|NUM!|NULL!))"

# Whatever this does not match is text of one line in the signs of Vietnamese, which no normal form changes: nothing in
# it is unseen, a formula, or a space too many.
_DOUBTFUL = r"[^ !-~À-ÖØ-öø-ýÿĂăĐđĨĩŨũƠơƯưẠ-ỹ–—“”‘’]|  |^[ =#]| $|^$"
_PLAIN_CODE = rf"^[0-9A-Za-z][0-9A-Za-z._\-]{{0,{LONGEST_CODE - 1}}}$"

# Columns beside a cell's own while it is looked at.
_CLEAN, _ODD = "its clean text", "it is odd"

# What every reader of dates understands alike; any other way of writing, and any mistake, is read cell by cell.
_PLAIN_INSTANT = (
    r"^(19|20|21)[0-9]{2}-[01][0-9]-[0-3][0-9]T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9][+-](0[0-9]|1[0-4]):[0-5][0-9]$"
)


_DTYPES: Mapping[Type, type[pl.DataType]] = {
    Type.FLAG: pl.Boolean,
    Type.SECRECY: pl.Boolean,
    Type.INTEGER: pl.Int64,
    Type.NUMBER: pl.Float64,
    Type.FRACTION: pl.Float64,
    Type.DATE: pl.Date,
    Type.START: pl.Int64,
    Type.END: pl.Int64,
}
_READERS: Mapping[Type, Callable[[str], Value]] = {
    Type.FLAG: read_flag,
    Type.SECRECY: read_secrecy,
    Type.INTEGER: read_integer,
    Type.NUMBER: read_number,
    Type.FRACTION: read_fraction,
    Type.DATE: read_date,
    Type.PERIOD: read_period,
    Type.EMAIL: read_email,
    Type.PHONE: read_phone,
    Type.PATH: read_path,
}


def dtype_of(column: Column) -> type[pl.DataType]:
    """Give the type of the column's frame: instants are microseconds since 1970, words and paths are text."""
    return _DTYPES.get(column.type, pl.String)


class Meanings:
    """What the texts of each column of one file were found to mean, so that each is read once and not once a piece."""

    def __init__(self, zone: ZoneInfo) -> None:
        """Begin with a file; dates without a zone are in `zone`."""
        self.zone = zone
        self._known: dict[str, dict[str, Value | CellError]] = {}

    def of(self, column: Column, texts: pl.Series) -> list[Value | CellError] | None:
        """Read these distinct texts; None when text stays text."""
        read = _reader(column, self.zone)
        if read is None:
            return None
        known = self._known.setdefault(column.stored, {})
        if len(known) > MOST_REMEMBERED:
            known.clear()
        return [known[one] if one in known else known.setdefault(one, _meaning(read, one)) for one in texts]


def _meaning(read: Callable[[str], Value], text: str) -> Value | CellError:
    try:
        return read(text)
    except CellError as error:
        return error


def read_cells(sheet: Sheet, columns: Mapping[str, Column], meanings: Meanings, findings: Findings) -> Sheet:
    """Turn a piece's text into values (types: `dtype_of`); a cell that does not fit is a mistake, and null."""
    frame = sheet.frame
    distinct = pl.collect_all([frame.lazy().select(stored).unique() for stored in sheet.headers])
    typed = []
    for stored, texts in zip(sheet.headers, distinct, strict=True):
        column = columns[stored]
        text = _tidy(sheet, column, frame.select("row", stored), texts, findings)
        typed.append(_typed(sheet, column, text, meanings, findings))
    return sheet.with_frame(frame.with_columns(typed))


def _tidy(
    sheet: Sheet, column: Column, cells: pl.DataFrame, distinct: pl.DataFrame, findings: Findings
) -> pl.DataFrame:
    """Give the column's text as it will be stored: no spaces around, one line unless it may have more.

    Words are composed (NFC); in codes, numbers and dates full-width signs become the usual ones as well (NFKC).
    Only texts that are not tidy at first sight are cleaned, each once; cell by cell only when one of them is wrong.
    """
    name = column.stored
    text = pl.col(name)
    kept = text
    doubtful = distinct.filter(_is_doubtful(column))
    if doubtful.height:
        looked = doubtful.lazy().with_columns(text.str.contains(_INVISIBLE).alias(_ODD), _clean(column).alias(_CLEAN))
        wrong = [pl.col(_ODD), *((pl.col(_CLEAN) == "",) if column.required else ())]
        wrong += [limit for limit, _ in _limits(sheet, column, _CLEAN)]
        found = looked.with_columns(pl.any_horizontal(wrong).alias(_ODD)).collect(engine="in-memory")
        if found[_ODD].any():
            return _tidy_each(sheet, column, cells, findings)
        cells = cells.join(found, on=name, how="left", maintain_order="left")
        kept = pl.coalesce(_CLEAN, name)
    return cells.select("row", pl.when(kept != "").then(kept).alias(name))


def _is_doubtful(column: Column) -> pl.Expr:
    """Say of a text whether a look at its signs does not show that it is tidy and within every limit."""
    text = pl.col(column.stored)
    if column.type is Type.CODE:
        doubtful = ~text.str.contains(_PLAIN_CODE)
    else:
        doubtful = text.str.contains(_DOUBTFUL) | (text.str.len_bytes() > LONGEST_TEXT)
    return doubtful & ((text != "") | pl.lit(column.required))


def _tidy_each(sheet: Sheet, column: Column, cells: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    text = pl.col(column.stored)
    invisible = text.str.contains(_INVISIBLE)
    for row, found in cells.filter(invisible).iter_rows():
        findings.about_row(sheet, row, column.stored, _invisible(found), found=found)
    cells = cells.with_columns(pl.when(~invisible).then(text))
    cells = cells.with_columns(_clean(column))
    if column.required:
        findings.about_rows(
            sheet, cells.filter(text == ""), column.stored, Say(Phrase("ô bắt buộc bị bỏ trống"), allowed(column))
        )
    cells = cells.with_columns(pl.when(text != "").then(text))
    for wrong, say in _limits(sheet, column, column.stored):
        findings.about_rows(sheet, cells.filter(wrong), column.stored, say)
        cells = cells.with_columns(pl.when(~wrong).then(text))
    return cells


def _clean(column: Column) -> pl.Expr:
    text = pl.col(column.stored)
    spaced = text if column.type is Type.LONG_TEXT else text.str.replace_all(r"\s+", " ")
    form: Literal["NFC", "NFKC"] = "NFC" if column.type in (Type.TEXT, Type.LONG_TEXT) else "NFKC"
    return spaced.str.strip_chars().str.normalize(form)


def _invisible(found: str) -> Say:
    bad = re.search(_INVISIBLE, found)
    sign, place = (bad[0], bad.start() + 1) if bad else ("", 0)
    return Say(
        Phrase("ký tự không nhìn thấy U+{code:04X} ở vị trí {place}", code=ord(sign), place=place),
        Phrase("xóa ký tự đó; chỉ dùng chữ nhìn thấy được"),
    )


def _limits(sheet: Sheet, column: Column, name: str) -> list[tuple[pl.Expr, Say]]:
    """Give what tidy text, in the frame's column `name`, may not be."""
    text = pl.col(name)
    long = LONGEST_CODE if column.type is Type.CODE else LONGEST_TEXT
    limits = [
        (text.str.len_chars() > long, Say(Phrase("ô quá dài"), Phrase("nhiều nhất {most} ký tự", most=long))),
        (
            text.str.contains(_FORMULA),
            Say(Phrase("công thức hoặc lỗi của bảng tính"), Phrase("giá trị; dán lại bằng “chỉ giá trị”")),
        ),
    ]
    if column.type is Type.CODE:
        say = Say(Phrase("mã có ký tự không được phép"), Phrase("chữ, số và . _ - /; không có khoảng trắng"))
        limits.append((~text.str.contains(_CODE), say))
        if sheet.file.name in ("units", "kpis") and column.stored == "code":
            limits.append(
                (
                    text.str.contains("/", literal=True),
                    Say(Phrase("mã này không được chứa dấu /"), Phrase("chữ, số và . _ -")),
                )
            )
    return limits


def _typed(sheet: Sheet, column: Column, text: pl.DataFrame, meanings: Meanings, findings: Findings) -> pl.Series:
    cells = text[column.stored]
    distinct = cells.drop_nulls().unique()
    quick = _read_plain_instants(column, distinct)
    slow = distinct.filter(quick.is_null())
    found = meanings.of(column, slow)
    if found is None:
        return cells
    errors = {one: wrong for one, wrong in zip(slow, found, strict=True) if isinstance(wrong, CellError)}
    if errors:
        wrong_rows = text.filter(cells.is_in(pl.Series(list(errors), dtype=pl.String).implode()))
        for row, cell in wrong_rows.iter_rows():
            wrong = errors[cell]
            findings.about_row(sheet, row, column.stored, Say(str(wrong), wrong.allowed, wrong.nearest), found=cell)
    values = [None if isinstance(one, CellError) else one for one in found]
    meaning = pl.DataFrame({"text": slow, "meaning": pl.Series(values, dtype=dtype_of(column))})
    if slow.len() < distinct.len():
        rest = pl.DataFrame({"text": distinct, "meaning": quick}).drop_nulls()
        meaning = pl.concat([meaning, rest])
    joined = cells.to_frame("text").join(meaning, on="text", how="left", maintain_order="left")
    return joined["meaning"].alias(column.stored)


def _read_plain_instants(column: Column, texts: pl.Series) -> pl.Series:
    """Read instants as programs write them, all at once; null for whatever `read_instant` has to look at."""
    if column.type not in (Type.START, Type.END):
        return pl.repeat(None, texts.len(), dtype=pl.Int64, eager=True)
    plain = texts.to_frame("text").select(pl.when(pl.col("text").str.contains(_PLAIN_INSTANT)).then("text"))["text"]
    return plain.str.to_datetime("%Y-%m-%dT%H:%M:%S%:z", time_unit="us", strict=False).cast(pl.Int64)


def _reader(column: Column, zone: ZoneInfo) -> Callable[[str], Value] | None:
    """Give what reads a cell of this column; None when text stays text."""
    if column.type is Type.WORD:
        return partial(read_word, column=column)
    if column.type in (Type.START, Type.END):
        return partial(read_instant, zone=zone, end=column.type is Type.END)
    return _READERS.get(column.type)
