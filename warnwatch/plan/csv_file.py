"""A CSV file as spreadsheets save it: bytes in; columns of text with their row numbers, or what is wrong with it, out.

No line and no cell is read into memory whole beyond its limit, so a file of any size, or of no sense, costs little.
"""

from __future__ import annotations

import codecs
import csv
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from io import BufferedReader, TextIOWrapper
from itertools import chain, islice
from pathlib import Path

import polars as pl

from warnwatch.errors import Mistake
from warnwatch.language import Phrase
from warnwatch.plan.ahead import ahead
from warnwatch.plan.column import File
from warnwatch.plan.csv_blocks import read_blocks
from warnwatch.plan.findings import Findings, Sheet, shown
from warnwatch.plan.headers import Header, Progress, frame_of, known_columns, read_header
from warnwatch.plan.printed import Printed, is_total
from warnwatch.plan.stamps import read_titles

MOST_LINE = 2 * 1024 * 1024  # bytes; a row of 28 full cells stays below half of it
BATCH = 50_000

_BOM = "\ufeff"
_VIETNAMESE = re.compile("[ăâđêôơưạ-ỹ]", re.IGNORECASE)
_DELIMITERS = ",;\t"
_SEPARATOR = re.compile(r"\"?sep=([,;\t|])\"?", re.IGNORECASE)
_SAVE_AS = Phrase("lưu lại từ bảng tính ở dạng “CSV UTF-8”")


class _UnreadableError(Exception):
    """The file cannot be read on from here."""


def read_csv(
    path: Path, file: File, findings: Findings, progress: Progress, *, history: bool = False, batch: int = BATCH
) -> Iterator[Sheet]:
    """Read one file as text, `batch` rows at a time, at least one piece; none when it cannot be read at all.

    Every mistake in its form goes to `findings`.
    """
    try:
        with path.open("rb") as stream, TextIOWrapper(stream, encoding="utf-8", newline="\n") as text:
            yield from _read(stream, text, path.name, file, findings, progress, history=history, batch=batch)
    except OSError as error:
        findings.about_file(path.name, Phrase("không đọc được tệp: {reason}", reason=error.strerror))


def _read(  # noqa: PLR0913 (the options of one reading, by name)
    stream: BufferedReader,
    text: TextIOWrapper,
    name: str,
    file: File,
    findings: Findings,
    progress: Progress,
    *,
    history: bool,
    batch: int,
) -> Iterator[Sheet]:
    start = stream.peek(4)[:4]
    if start.startswith(b"PK\x03\x04"):
        findings.about_file(name, Phrase("đây là tệp bảng tính, không phải CSV"), allowed=_SAVE_AS)
        return
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in start:
        findings.about_file(name, Phrase("tệp ở bảng mã UTF-16"), allowed=_SAVE_AS)
        return
    plain = _is_plain(stream)
    lines = _lines(stream, _Place())
    try:
        first = next((line for line in lines if line.strip()), "")
        named = _SEPARATOR.fullmatch(first.strip())
        if named:  # spreadsheets write this line for themselves
            first = next((line for line in lines if line.strip()), "")
        delimiter = named[1] if named else max(_DELIMITERS, key=lambda one: _count(first, one))
        records = csv.reader(chain([first] if first else [], lines), delimiter=delimiter, strict=True)
        header = next(records, [])
    except (_UnreadableError, csv.Error) as error:
        findings.mistake(Mistake(name, 1, 0, _reason(error)))
        return
    sheet = read_header(Header(name, 1, header), file, findings, history=history)
    if sheet is None:
        return
    sheet = replace(sheet, confidential=read_titles(name, (), findings))
    report = _reporter(stream, name, progress)
    yield sheet.with_frame(frame_of(sheet, [], []))  # a file without rows is a file all the same
    printed = Printed(sheet, header)
    row = 1
    if plain:
        # Where a header is empty, a cell may stand under none: every row has to be looked at.
        width = len(header) if all(map(str.strip, header)) else 0
        for some in _slices(ahead(read_blocks(stream, delimiter, width, printed.is_clean)), batch):
            yield sheet.with_frame(known_columns(sheet, row, some))
            row += some.height
            report()
        records = csv.reader(text, delimiter=delimiter, strict=True)
    for numbers, cells in _rows(sheet, records, header, findings, printed, row, batch):
        yield sheet.with_frame(frame_of(sheet, numbers, cells))
        report()


def _slices(blocks: Iterator[pl.DataFrame], most: int) -> Iterator[pl.DataFrame]:
    for block in blocks:
        yield from block.iter_slices(most)


class _Place:
    """How far the file has been read: the number of lines."""

    line = 0


def _is_plain(stream: BufferedReader) -> bool:
    """Say whether the file is UTF-8 without overlong lines: then it needs no watching line by line."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    length = 0
    try:
        while block := stream.read(MOST_LINE // 2):
            decoder.decode(block)
            length += block.find(b"\n") if b"\n" in block else len(block)
            if length > MOST_LINE:
                return False
            length = len(block) - block.rfind(b"\n") - 1 if b"\n" in block else length
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        stream.seek(0)
    return True


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
    """Show how a word of the line reads in the encoding of older Vietnamese spreadsheets, for a person to judge.

    One word is enough for that, and says nothing of a line that may be confidential.
    """
    try:
        text = unicodedata.normalize("NFC", line.decode("cp1258"))
    except UnicodeDecodeError:
        return ""
    word = next((one for one in re.split(r"[,;\s]", text) if _VIETNAMESE.search(one)), "")
    return Phrase("; có vẻ là Windows-1258, đọc được “{text}”", text=shown(word)) if word else ""


def _count(line: str, delimiter: str) -> int:
    """Count a delimiter outside quotes."""
    return sum(part.count(delimiter) for part in line.split('"')[::2])


def _reason(error: Exception) -> str:
    text = str(error)
    if isinstance(error, _UnreadableError):
        said: str = error.args[0]  # its text alone would no longer know its English
        return said
    if "field larger" in text:
        return Phrase("ô quá dài, hoặc thiếu dấu ngoặc kép đóng từ dòng này")
    if "end of data" in text:
        return Phrase("thiếu dấu ngoặc kép đóng từ dòng này")
    if "new-line" in text:
        return Phrase("dòng kết thúc bằng ký tự CR; lưu lại với kiểu xuống dòng CRLF hoặc LF")
    return Phrase(
        "dấu ngoặc kép đặt sai: ô trong ngoặc kép phải hết ở dấu ngoặc đóng, ngoặc kép bên trong viết hai lần"
    )


def _rows(  # noqa: PLR0913, PLR0917 (what is known of the file when its rows begin)
    sheet: Sheet,
    records: Iterator[list[str]],
    header: list[str],
    findings: Findings,
    printed: Printed,
    row: int,
    most: int,
) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Give the rows that are data, those after `row`, at most `most` read at a time, with their numbers."""
    totals: list[tuple[int, list[str]]] = []
    wrong: Exception | None = None
    while wrong is None:
        batch: list[list[str]] = []
        try:
            batch.extend(islice(records, most))
        except (_UnreadableError, csv.Error) as error:
            wrong = error  # the rows before it are in the batch
        read = len(batch)
        numbers = list(range(row + 1, row + 1 + read))
        row += read
        if wrong:
            findings.mistake(Mistake(sheet.name, row + 1, 0, _reason(wrong)))
        fits = partial(_fits, sheet, header=header, findings=findings)
        numbers, batch = _sifted(zip(numbers, batch, strict=True), totals, printed, fits)
        yield numbers, batch
        if read < most:
            break
    for number, cells in totals:
        say = Phrase("dòng tổng ở cuối: bỏ qua")
        findings.warning(Mistake(sheet.name, number, 0, say, shown(next(filter(str.strip, cells)))))
    printed.tell(findings)


def _sifted(
    rows: Iterable[tuple[int, list[str]]],
    totals: list[tuple[int, list[str]]],
    printed: Printed,
    fits: Callable[[int, list[str]], bool],
) -> tuple[list[int], list[list[str]]]:
    """Keep what is data; `totals` holds those that are only totals when no other row follows."""
    numbers: list[int] = []
    kept: list[list[str]] = []
    for number, record in rows:
        if not any(map(str.strip, record)) or printed.passes(number, record):
            continue
        totals.append((number, record))
        if is_total(record):
            continue
        for row, cells in totals:
            if fits(row, cells):
                numbers.append(row)
                kept.append(cells)
        totals.clear()
    return numbers, kept


def _fits(sheet: Sheet, row: int, record: list[str], header: list[str], findings: Findings) -> bool:
    """Say whether every cell that holds something stands under a header.

    Which column would say that the row is confidential is not known of such a row: nothing of it is quoted.
    """
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
            findings.mistake(Mistake(sheet.name, row, place, message, allowed=hint))
            return False
        if cell.strip() and not header[place - 1].strip():
            findings.mistake(Mistake(sheet.name, row, place, Phrase("ô ở cột không có tiêu đề")))
            return False
    return True


def _reporter(stream: BufferedReader, name: str, progress: Progress) -> Callable[[], None]:
    here = stream.tell()
    total = stream.seek(0, 2)
    stream.seek(here)
    return lambda: progress(name, stream.tell(), total)
