"""Stamps of secrecy outside the column made for them: above a header, in a title, in a sheet's or a file's name.

Top secret matter is refused whole wherever it says so (design.md 6.16); a “MẬT” stamp makes a task confidential. Words
about secrecy (“bảo mật”, “bí mật nhà nước”, “tài liệu tuyệt mật” within a sentence) are no stamps.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from warnwatch.errors import Mistake
from warnwatch.language import Phrase
from warnwatch.plan.cell_words import NO
from warnwatch.plan.column import Type, plain
from warnwatch.plan.findings import Findings, Say, Sheet

TOP, SECRET = "top secret", "confidential"

_OPEN, _SHUT = r"(?:^|[(\[{“\"|:;•\n]|\s[-–—]\s|\.\s)\s*", r"\s*(?:$|[)\]}”\"|:;.,\n]|\s[-–—]|[-–—]\s)"
_DEGREE = r"(?:(?:mức\s+)?độ\s+mật\s*:?\s*|dấu\s+)?"
_TOP_ALONE = re.compile(rf"{_OPEN}{_DEGREE}(?:tuyệt|tối)\s+mật{_SHUT}", re.IGNORECASE)
_SECRET_ALONE = re.compile(rf"{_OPEN}{_DEGREE}mật{_SHUT}", re.IGNORECASE)
_TOP_CAPITALS = re.compile(r"(?<!\w)(?:TUYỆT|TỐI)\s+MẬT(?!\w)")
_FILE_TOP = re.compile(r"(?:^|[^a-z])(?:tuyet|toi)[\s._-]*mat(?![a-z]|[\s._-]*khau)")
_FILE_SECRET = re.compile(r"^\W*mat\W*$|[(\[]\s*mat\s*[)\]]")
_HIDDEN = "…"


def stamp_in(text: str) -> str:
    """Say which stamp a text carries as words of its own: TOP, SECRET, or none."""
    words = unicodedata.normalize("NFC", text).replace("\u00a0", " ")
    mixed = words != words.upper()
    if _TOP_ALONE.search(words) or (mixed and _TOP_CAPITALS.search(words)):
        return TOP
    return SECRET if _SECRET_ALONE.search(words) else ""


def stamp_in_name(name: str) -> str:
    """Say which stamp the name of a file or sheet carries; names are often written without marks."""
    bare = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    words = "".join(one for one in bare if not unicodedata.combining(one)).removesuffix(".xlsx").removesuffix(".csv")
    if _FILE_TOP.search(words):
        return TOP
    return SECRET if _FILE_SECRET.search(words) else stamp_in(name)


def read_titles(name: str, texts: Iterable[str], findings: Findings) -> bool:
    """Look at what stands around a table; a top secret one is refused. Say whether its rows are confidential."""
    *_, tab = name.split(", trang “")
    file = name.split(", trang “", maxsplit=1)[0]
    found = {stamp_in_name(file), stamp_in_name(tab.removesuffix("”")), *map(stamp_in, texts)}
    if TOP in found:
        findings.about_file(name, _refused(), allowed=_way())
    return SECRET in found


def refuse_top_secret(sheet: Sheet, findings: Findings) -> None:
    """Refuse rows whose texts carry a top secret stamp, without quoting them."""
    for column in _texts(sheet):
        for row, text in _candidates(sheet, column).iter_rows():
            if stamp_in(text) == TOP:
                findings.about_row(sheet, row, column, Say(_refused(), _way()))


def mark_confidential(sheet: Sheet, stored: pl.DataFrame, findings: Findings, *, whole: bool) -> Sheet:
    """Make tasks with a stamp confidential, all of them when the `whole` sheet has one; name a column that says no.

    `stored`: code and confidential of the tasks as stored, for a file without that column.
    """
    rows = {
        row
        for column in ("title", "description")
        if column in sheet.headers
        for row, text in _candidates(sheet, column).iter_rows()
        if stamp_in(text) == SECRET
    }
    if not rows and not whole:
        return sheet
    frame = sheet.frame
    stamped = pl.lit(value=True) if whole else pl.col("row").is_in(list(rows))
    if "confidential" not in frame.columns:
        was = stored.select("code", "confidential")
        frame = frame.join(was, on="code", how="left", maintain_order="left")
    else:
        say = Say(
            Phrase("mang dấu “MẬT” mà cột Mật ghi là không"),
            Phrase("ghi có ở cột Mật, hoặc bỏ dấu “MẬT” nếu không đúng"),
        )
        denied = frame.filter(stamped & ~pl.col("confidential")).select("row")
        findings.about_rows(sheet, denied, "confidential", say)
    return sheet.with_frame(frame.with_columns((stamped | pl.col("confidential")).alias("confidential")))


def secret_rows(sheet: Sheet, *, whole: bool) -> set[int]:
    """Give the rows of a file, still text, that must not be quoted: marked in any way but a clear no."""
    if sheet.file.name != "tasks":
        return set()
    if whole:
        return set(sheet.frame["row"].to_list())
    found = {
        row
        for column in ("title", "description")
        if column in sheet.headers
        for row, text in _candidates(sheet, column).iter_rows()
        if stamp_in(text)
    }
    if "confidential" in sheet.headers:
        cells = sheet.frame.select("row", "confidential").drop_nulls()
        said = {one: plain(one) not in (*NO, "") for one in cells["confidential"].unique().to_list()}
        found |= {row for row, text in cells.iter_rows() if said[text]}
    return found


def hide(sheet: Sheet, rows: set[int], findings: Findings) -> None:
    """Take back what findings so far quote from the texts of these rows."""
    fields = {sheet.headers[one] for one in _texts(sheet)}
    for kept in (findings.mistakes, findings.warnings) if rows else ():
        kept[:] = [replace(one, found=_HIDDEN) if _quotes(one, sheet, rows, fields) else one for one in kept]


def _quotes(one: Mistake, sheet: Sheet, rows: set[int], fields: set[str]) -> bool:
    return bool(one.found) and one.file == sheet.name and one.line in rows and (not one.field or one.field in fields)


def _texts(sheet: Sheet) -> list[str]:
    wanted = (Type.TEXT, Type.LONG_TEXT)
    return [one.stored for one in sheet.file.columns if one.type in wanted and one.stored in sheet.headers]


def _candidates(sheet: Sheet, column: str) -> pl.DataFrame:
    """Give row and text of the few cells that say a word of secrecy at all."""
    cells = sheet.frame.select("row", pl.col(column).alias("text"))
    return cells.filter(pl.col("text").str.contains(r"MẬT|Mật|mật|MA\u0323\u0302T|Ma\u0323\u0302t|ma\u0323\u0302t"))


def _refused() -> Phrase:
    return Phrase("mang dấu “tuyệt mật” hoặc “tối mật”: không được nhập vào hệ thống")


def _way() -> Phrase:
    return Phrase("bỏ nội dung đó khỏi tệp; chỉ quản lý theo chế độ bảo vệ bí mật nhà nước")
