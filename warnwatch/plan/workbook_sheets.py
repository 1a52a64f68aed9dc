"""Which sheets of a workbook are files of an import, and their rows under their headers, as a CSV file gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from warnwatch.errors import Mistake
from warnwatch.language import Phrase
from warnwatch.plan.column import File, plain
from warnwatch.plan.columns import FILES, find_column, find_file
from warnwatch.plan.findings import Findings, Sheet, shown
from warnwatch.plan.headers import Header, Progress, frame_of, read_header
from warnwatch.plan.package import Package, UnreadableError, tab_place
from warnwatch.plan.printed import Printed, is_total
from warnwatch.plan.stamps import read_titles
from warnwatch.plan.workbook import Oddities, Row, Tab, Workbook, open_workbook

LISTS = "_danh_muc"  # the template's own sheet for its drop-downs
EXAMPLE = "VÍ DỤ"  # begins the first cell of the template's example rows, which are passed over
NOTES = ("hướng dẫn", "lỗi", "guide", "mistakes")  # sheets that the program writes for people
BATCH = 20_000
HEADER_WITHIN = 30  # rows from the first one that holds something: above it stand titles
_SHOWN_ROWS = 20


@dataclass
class _Passing:
    """What has been read of a sheet, and what was passed over."""

    numbers: list[int] = field(default_factory=list)
    batch: list[list[str]] = field(default_factory=list)
    hidden: list[int] = field(default_factory=list)
    totals: list[Row] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def piece(self, sheet: Sheet) -> Sheet:
        """Give the rows kept since the last piece."""
        numbers, batch, self.numbers, self.batch = self.numbers, self.batch, [], []
        return sheet.with_frame(frame_of(sheet, numbers, batch))


def read_workbook(
    path: Path, findings: Findings, progress: Progress, *, history: bool = False, batch: int = BATCH
) -> Iterator[tuple[File, Iterator[Sheet]]]:
    """Read the sheets that are files of an import, `batch` rows at a time; no piece of one that cannot be read.

    Each sheet's pieces have to be taken before the next sheet. `Sheet.name` is the workbook and the sheet, as mistakes
    name it; every mistake in form goes to `findings`.
    """
    found = False
    examples: list[str] = []
    try:
        with Package(path) as package:
            book = open_workbook(package)
            if book.links:
                say = Phrase("sổ tính có liên kết tới tệp khác: không mở; chỉ đọc giá trị đã lưu trong ô")
                findings.warning(Mistake(path.name, 0, 0, say))
            for tab, file in _known_tabs(path.name, book, findings):
                name = tab_place(path.name, tab.name)
                findings.sheets.add(name)
                if _is_empty(book, tab):
                    findings.warning(Mistake(name, 0, 0, Phrase("trang trống: bỏ qua")))
                    continue
                found = True
                yield file, _read(book, tab, _Table(name, file, history, examples, batch), findings, progress)
            if not found and not findings.mistakes:
                findings.about_file(path.name, Phrase("mọi trang đều trống: không có gì để nhập"))
    except UnreadableError as error:
        findings.about_file(path.name, str(error))
    if examples:
        say = Phrase(
            "bỏ qua dòng ví dụ của mẫu (cột STT ghi “{example}”): {examples}",
            example=EXAMPLE,
            examples=", ".join(examples),
        )
        findings.warning(Mistake(path.name, 0, 0, say))


def _known_tabs(name: str, book: Workbook, findings: Findings) -> list[tuple[Tab, File]]:
    allowed = ", ".join(f"{file.vietnamese} ({file.name})" for file in FILES.values())
    known: dict[str, tuple[Tab, File]] = {}
    for tab in book.tabs:
        file = find_file(tab.name)
        if tab.name == LISTS or plain(tab.name) in NOTES:
            continue
        where = tab_place(name, shown(tab.name))
        if tab.hidden:
            findings.warning(Mistake(where, 0, 0, Phrase("trang đang ẩn: không đọc; muốn nhập thì bỏ ẩn")))
        elif file is None:
            near = findings.nearest(tab.name, [way for one in FILES.values() for way in (one.name, one.vietnamese)])
            findings.warning(Mistake(where, 0, 0, Phrase("trang không được dùng"), allowed=allowed, nearest=near))
        elif file.name in known:
            say = Phrase("hai trang cùng là {kind}: {name}", kind=file.vietnamese, name=known[file.name][0].name)
            findings.about_file(where, say, allowed=Phrase("mỗi loại một trang"))
        else:
            known[file.name] = (tab, file)
    if not known:
        findings.about_file(name, Phrase("sổ tính không có trang nào để nhập"), allowed=allowed)
    return list(known.values())


def _is_empty(book: Workbook, tab: Tab) -> bool:
    return not any(rows for rows, _ in book.rows(tab, Oddities()))


@dataclass(frozen=True, slots=True)
class _Table:
    """The sheet to be read: how mistakes name it, what it is, whether it is history.

    Where `examples` are noted; how many rows make a piece; the texts above the header.
    """

    name: str
    file: File
    history: bool
    examples: list[str]
    batch: int
    titles: list[str] = field(default_factory=list)


def _read(book: Workbook, tab: Tab, table: _Table, findings: Findings, progress: Progress) -> Iterator[Sheet]:
    oddities, passing = Oddities(), _Passing(examples=table.examples)
    total = book.package.size(tab.part)
    rows = _told(book.rows(tab, oddities), lambda done: progress(table.name, done, total))
    try:
        behind, header = _find_header(rows, table)
        confidential = read_titles(table.name, table.titles, findings)
        sheet = read_header(header, table.file, findings, history=table.history)
        if sheet is None:
            return
        sheet = replace(sheet, confidential=confidential)
        printed = Printed(sheet, header.cells)
        for row in chain(behind, rows):
            if printed.passes(row.number, row.cells):
                continue
            _take(row, sheet, header, passing, findings)
            if len(passing.batch) >= table.batch:
                yield passing.piece(sheet)
    except UnreadableError as error:
        findings.about_file(table.name, str(error))
        return
    yield passing.piece(sheet)
    _tell(sheet, header, passing, oddities, findings)
    printed.tell(findings)


def _told(parts: Iterable[tuple[list[Row], int]], tell: Callable[[int], None]) -> Iterator[Row]:
    for rows, done in parts:
        yield from rows
        tell(done)


def _find_header(rows: Iterator[Row], table: _Table) -> tuple[list[Row], Header]:
    """Find the header below the titles, and give the rows read behind it: the first row that names two columns."""
    seen: list[Row] = []
    for row in rows:
        if any(map(str.strip, row.cells)):
            seen.append(row)
        if _names(row, table) > 1:
            table.titles.extend(cell for one in seen[:-1] for cell in one.cells if cell)
            return _below(row, rows, table)
        if len(seen) == HEADER_WITHIN:
            break
    if not seen:
        return [], Header(table.name, 1, [])
    return seen[1:], Header(table.name, seen[0].number, seen[0].cells)


def _below(upper: Row, rows: Iterator[Row], table: _Table) -> tuple[list[Row], Header]:
    """Read a header of two rows as one: below a merged group of columns stand their own names."""
    lower = next(rows, None)
    if lower is None:
        return [], Header(table.name, upper.number, upper.cells)
    width = max(len(upper.cells), len(lower.cells))
    above, under = ([*one.cells, *[""] * (width - len(one.cells))] for one in (upper, lower))
    known = [find_column(table.file, group, history=table.history) for group in above]
    free = not any(own and column for own, column in zip(under, known, strict=True))
    if lower.number != upper.number + 1 or not free or not _names(lower, table):
        return [lower], Header(table.name, upper.number, upper.cells)
    cells = [own or group for group, own in zip(above, under, strict=True)]
    return [], Header(table.name, lower.number, cells)


def _names(row: Row, table: _Table) -> int:
    columns = (find_column(table.file, cell, history=table.history) for cell in row.cells if cell)
    return len({column.stored for column in columns if column})


def _take(row: Row, sheet: Sheet, header: Header, passing: _Passing, findings: Findings) -> None:
    """Keep a row, or pass it over; a total is one only when no other row follows."""
    first = next((plain(cell) for cell in row.cells if cell.strip()), "")
    if not first or (row.number == header.line + 1 and _counts_columns(row.cells)):
        return
    if row.hidden:
        passing.hidden.append(row.number)
    if first.startswith(plain(EXAMPLE)):
        passing.examples.append(Phrase("{kind} dòng {row}", kind=sheet.file.vietnamese, row=row.number))
    elif is_total(row.cells):
        passing.totals.append(row)
    else:
        for one in (*passing.totals, row):
            _keep(one, sheet, header.cells, passing, findings)
        passing.totals.clear()


def _counts_columns(cells: Sequence[str]) -> bool:
    """Say whether a row only numbers the columns, (1) (2) (3), as printed forms do."""
    numbers = [cell.strip() for cell in cells if cell.strip()]
    return len(numbers) > 1 and all(re.fullmatch(r"\(\d{1,3}\)|\([A-Z]\)", one) for one in numbers)


def _keep(row: Row, sheet: Sheet, header: Sequence[str], passing: _Passing, findings: Findings) -> None:
    width = len(header)
    if len(row.cells) > width or len(sheet.places) < width:
        for place, cell in enumerate(row.cells, 1):
            if cell.strip() and (place > width or not header[place - 1].strip()):
                say = Phrase("ô ở cột không có tiêu đề")
                allowed = Phrase("mỗi cột một tiêu đề; tiêu đề gộp ô thì bỏ gộp và ghi cho từng cột")
                findings.mistake(Mistake(sheet.name, row.number, place, say, allowed=allowed))
                return
    passing.numbers.append(row.number)
    passing.batch.append(row.cells + [""] * (width - len(row.cells)))


def _tell(sheet: Sheet, header: Header, passing: _Passing, oddities: Oddities, findings: Findings) -> None:
    """Name what was passed over, and what a reader of the sheet does not see."""
    for row in passing.totals:
        say = Phrase("dòng tổng ở cuối: bỏ qua")
        findings.warning(Mistake(sheet.name, row.number, 0, say, shown(next(cell for cell in row.cells if cell))))
    if passing.hidden:
        shown_rows = ", ".join(map(str, passing.hidden[:_SHOWN_ROWS])) + (", …" if passing.hidden[_SHOWN_ROWS:] else "")
        say = Phrase(
            "{count} dòng đang ẩn (hoặc bị lọc) vẫn được nhập: {rows}",
            count=len(passing.hidden),
            rows=shown_rows,
        )
        findings.warning(Mistake(sheet.name, 0, 0, say))
    if oddities.beyond:
        say = Phrase("có nội dung ở {beyond}", beyond=oddities.beyond)
        findings.about_file(sheet.name, say, allowed=Phrase("nhiều nhất 200 cột"))
    for merged in oddities.merged:
        _tell_merged(sheet, header, merged, findings)


def _tell_merged(sheet: Sheet, header: Header, merged: str, findings: Findings) -> None:
    found = re.fullmatch(r"([A-Z]+)(\d+):([A-Z]+)(\d+)", merged)
    if not found or int(found[4]) < header.line:
        return
    if int(found[2]) <= header.line and found[1] == found[3]:
        return  # one column's header over two rows
    where = Phrase("tiêu đề") if int(found[2]) <= header.line else Phrase("dữ liệu")
    say = Phrase(
        "ô gộp {merged} trong phần {where}: chỉ ô đầu có giá trị, các ô kia là ô trống", merged=merged, where=where
    )
    findings.warning(Mistake(sheet.name, int(found[2]), 0, say, allowed=Phrase("bỏ gộp ô, ghi giá trị vào từng ô")))
