"""A CSV file as spreadsheets save it: bytes in; columns of text with their row numbers, or what is wrong with it, out.

No line and no cell is read into memory whole beyond its limit, so a file of any size, or of no sense, costs little.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BufferedReader
from pathlib import Path

import polars as pl

from warnwatch.errors import Mistake
from warnwatch.language import Phrase
from warnwatch.plan.column import File
from warnwatch.plan.findings import Findings, Sheet, shown
from warnwatch.plan.headers import Header, Progress, frame_of, read_header
from warnwatch.plan.printed import Printed, is_total
from warnwatch.plan.stamps import read_titles

MOST_LINE = 2 * 1024 * 1024  # bytes; a row of 28 full cells stays below half of it
BATCH = 20_000

_BOM = "\ufeff"
_VIETNAMESE = re.compile("[ăâđêôơưạ-ỹ]", re.IGNORECASE)
_DELIMITERS = ",;\t"
_SEPARATOR = re.compile(r"\"?sep=([,;\t|])\"?", re.IGNORECASE)
_SAVE_AS = Phrase("lưu lại từ bảng tính ở dạng “CSV UTF-8”")


class _UnreadableError(Exception):
    """The file cannot be read on from here."""


def read_csv(path: Path, file: File, findings: Findings, progress: Progress, *, history: bool = False) -> Sheet | None:
    """Read one file as text. None when it cannot be read at all; every mistake in its form goes to `findings`."""
    try:
        with path.open("rb") as stream:
            return _read(stream, path.name, file, findings, progress, history=history)
    except OSError as error:
        findings.about_file(path.name, Phrase("không đọc được tệp: {reason}", reason=error.strerror))
    return None


def _read(
    stream: BufferedReader, name: str, file: File, findings: Findings, progress: Progress, *, history: bool
) -> Sheet | None:
    start = stream.peek(4)[:4]
    if start.startswith(b"PK\x03\x04"):
        findings.about_file(name, Phrase("đây là tệp bảng tính, không phải CSV"), allowed=_SAVE_AS)
        return None
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in start:
        findings.about_file(name, Phrase("tệp ở bảng mã UTF-16"), allowed=_SAVE_AS)
        return None
    place = _Place()
    lines = _lines(stream, place)
    try:
        first = next((line for line in lines if line.strip()), "")
        named = _SEPARATOR.fullmatch(first.strip())
        if named:  # spreadsheets write this line for themselves
            first = next((line for line in lines if line.strip()), "")
        delimiter = named[1] if named else max(_DELIMITERS, key=lambda one: _count(first, one))
        records = csv.reader(_again(first, lines), delimiter=delimiter, strict=True)
        header = next(records, [])
    except (_UnreadableError, csv.Error) as error:
        findings.mistake(Mistake(name, 1, 0, _reason(error)))
        return None
    sheet = read_header(Header(name, 1, header), file, findings, history=history)
    if sheet is None:
        return None
    confidential = read_titles(name, (), findings)
    sheet = replace(sheet, confidential=confidential)
    return sheet.with_frame(_rows(sheet, records, header, findings, _reporter(stream, name, progress)))


class _Place:
    """How far the file has been read: the number of lines."""

    line = 0


def _lines(stream: BufferedReader, place: _Place) -> Iterator[str]:
    while line := stream.readline(MOST_LINE + 1):
        place.line += 1
        if len(line) > MOST_LINE:
            raise _UnreadableError(
                Phrase("dòng {line} của tệp dài hơn {most} MB", line=place.line, most=MOST_LINE // 2**20)
            )
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            where = Phrase("dòng {line}, byte {byte}", line=place.line, byte=error.start + 1)
            raise _UnreadableError(
                Phrase(
                    "tệp không ở bảng mã UTF-8 ({where}){guess}; {remedy}",
                    where=where,
                    guess=_guess(line),
                    remedy=_SAVE_AS,
                )
            ) from error
        yield text.removeprefix(_BOM) if place.line == 1 else text


def _guess(line: bytes) -> str:
    """Show how a line reads in the encoding of older Vietnamese spreadsheets, for a person to judge."""
    try:
        text = unicodedata.normalize("NFC", line.decode("cp1258"))
    except UnicodeDecodeError:
        return ""
    cell = next((one for one in re.split("[,;\t\r\n]", text) if _VIETNAMESE.search(one)), "")
    return Phrase("; có vẻ là Windows-1258, đọc được “{text}”", text=shown(cell.strip())) if cell else ""


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def _count(line: str, delimiter: str) -> int:
    """Count a delimiter outside quotes."""
    return sum(part.count(delimiter) for part in line.split('"')[::2])


def _reason(error: Exception) -> str:
    text = str(error)
    if isinstance(error, _UnreadableError):
        return text
    if "field larger" in text:
        return Phrase("ô quá dài, hoặc thiếu dấu ngoặc kép đóng từ dòng này")
    if "end of data" in text:
        return Phrase("thiếu dấu ngoặc kép đóng từ dòng này")
    if "new-line" in text:
        return Phrase("dòng kết thúc bằng ký tự CR; lưu lại với kiểu xuống dòng CRLF hoặc LF")
    return Phrase(
        "dấu ngoặc kép đặt sai: ô trong ngoặc kép phải hết ở dấu ngoặc đóng, ngoặc kép bên trong viết hai lần"
    )


def _rows(
    sheet: Sheet, records: Iterator[list[str]], header: list[str], findings: Findings, report: Callable[[], None]
) -> pl.DataFrame:
    frames = [frame_of(sheet, [], [])]
    numbers: list[int] = []
    batch: list[list[str]] = []
    printed = Printed(sheet, header)
    totals: list[tuple[int, list[str]]] = []  # a total is one only when no other row follows
    row = 1
    while True:
        row += 1
        try:
            record = next(records, None)
        except (_UnreadableError, csv.Error) as error:
            findings.mistake(Mistake(sheet.name, row, 0, _reason(error)))
            break
        if record is None:
            break
        if not any(map(str.strip, record)) or printed.passes(row, record):
            continue
        totals.append((row, record))
        if is_total(record):
            continue
        fitting = [one for one in totals if _fits(sheet, *one, header, findings)]
        totals.clear()
        numbers += [number for number, _ in fitting]
        batch += [cells for _, cells in fitting]
        if len(batch) >= BATCH:
            frames.append(frame_of(sheet, numbers, batch))
            numbers, batch = [], []
            report()
    for number, cells in totals:
        say = Phrase("dòng tổng ở cuối: bỏ qua")
        findings.warning(Mistake(sheet.name, number, 0, say, shown(next(filter(str.strip, cells)))))
    printed.tell(findings)
    frames.append(frame_of(sheet, numbers, batch))
    report()
    return pl.concat(frames, rechunk=True)


def _fits(sheet: Sheet, row: int, record: list[str], header: list[str], findings: Findings) -> bool:
    """Say whether every cell that holds something stands under a header."""
    width = len(header)
    message = Phrase("dòng có {cells} ô, tiêu đề có {width} cột", cells=len(record), width=width)
    if len(record) < width:
        findings.mistake(Mistake(sheet.name, row, 0, message, allowed=Phrase("{width} ô", width=width)))
        return False
    if len(record) == width and len(sheet.places) == width:
        return True
    for place, cell in enumerate(record, 1):
        if cell.strip() and place > width:
            hint = Phrase("{width} ô; chữ có dấu phân cách thì đặt trong ngoặc kép", width=width)
            findings.mistake(Mistake(sheet.name, row, place, message, shown(cell), hint))
            return False
        if cell.strip() and not header[place - 1].strip():
            findings.mistake(Mistake(sheet.name, row, place, Phrase("ô ở cột không có tiêu đề"), shown(cell)))
            return False
    return True


def _reporter(stream: BufferedReader, name: str, progress: Progress) -> Callable[[], None]:
    here = stream.tell()
    total = stream.seek(0, 2)
    stream.seek(here)
    return lambda: progress(name, stream.tell(), total)
