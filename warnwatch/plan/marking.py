"""The mistakes of an import, given back in the workbook: the wrong cells coloured with a comment, and a list of all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell, MergedCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import quote_sheetname
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from warnwatch.errors import Mistake
from warnwatch.language import LANGUAGES, Phrase, in_language
from warnwatch.plan.package import Handler, Package, UnreadableError, tab_place

LIST = Phrase("Lỗi")
AUTHOR = Phrase("WarnWatch: lỗi khi nhập")
MOST_UNPACKED = 64 * 2**20  # about 100,000 rows: a larger workbook would take minutes and gigabytes to be written again
_WRONG = PatternFill("solid", fgColor="FFC7CE")
_HEADER = PatternFill("solid", fgColor="9C0006")
_HEADINGS = (
    ("STT", 6),
    (Phrase("Trang"), 20),
    (Phrase("Ô"), 9),
    (Phrase("Cột"), 24),
    (Phrase("Lỗi"), 56),
    (Phrase("Gặp"), 30),
    (Phrase("Được phép"), 56),
    (Phrase("Gợi ý"), 24),
)
# What openpyxl raises at workbooks that it cannot take; ours has read them before.
_BEYOND = (
    *(AttributeError, BadZipFile, IndexError, InvalidFileException, KeyError, OSError, OverflowError),
    *(ParseError, TypeError, ValueError),
)


def write_marked(source: Path, target: Path, mistakes: Sequence[Mistake], language: str = "vi") -> bool:
    """Write a copy of the workbook with its mistakes marked; False when only their list could be written.

    Links to other files are left out of the copy. Raises OSError when `target` cannot be written.
    """
    book = _load(source)
    whole = book is not None
    if book is None:
        book = Workbook()
        book.remove(book.worksheets[0])
    places: dict[str, Worksheet] = {tab_place(source.name, sheet.title): sheet for sheet in book.worksheets}
    for sheet in places.values():
        _unmark(sheet)
    _mark(places, mistakes, language)
    _write_list(book, places, mistakes, language)
    book.save(target)
    return whole


def _load(source: Path) -> Workbook | None:
    """Open the workbook for a copy; None when it is too large, or stranger than openpyxl can take."""
    try:
        with Package(source) as package:
            if sum(package.size(name) for name in package.names) > MOST_UNPACKED:
                return None
            for name in package.names:
                if name.endswith((".xml", ".rels", ".vml")):
                    package.parse_whole(name, Handler())  # openpyxl's parser would expand what this one refuses
        book = load_workbook(source, keep_links=False)
    except (UnreadableError, *_BEYOND):
        return None
    for name in _both(LIST):
        if name in book.sheetnames:
            del book[name]
    return book


def _unmark(sheet: Worksheet) -> None:
    """Take the marks of an earlier copy away."""
    for row in sheet.iter_rows():
        for cell in row:
            if isinstance(cell, Cell) and cell.comment is not None and cell.comment.author in _both(AUTHOR):
                cell.comment = None
                cell.fill = PatternFill()


def _mark(places: Mapping[str, Worksheet], mistakes: Iterable[Mistake], language: str) -> None:
    said: dict[tuple[str, int, int], list[str]] = {}
    for one in mistakes:
        if one.file in places and one.line and one.column:
            said.setdefault((one.file, one.line, one.column), []).append(_comment(one, language))
    for (file, line, column), texts in said.items():
        cell = places[file].cell(line, column)
        if isinstance(cell, MergedCell):
            continue
        before = f"{cell.comment.text}\n\n" if cell.comment is not None else ""
        text = before + "\n".join(texts)
        cell.comment = Comment(text, in_language(AUTHOR, language), height=40 + 18 * (1 + len(text) // 38), width=300)
        cell.fill = _WRONG


def _comment(one: Mistake, language: str) -> str:
    parts = [Phrase("Lỗi: {message}.", message=one.message)]
    if one.allowed:
        parts.append(Phrase("Được phép: {allowed}.", allowed=one.allowed))
    if one.nearest:
        parts.append(Phrase("Có phải ý là: {nearest}?", nearest=one.nearest))
    return _clean("\n".join(in_language(part, language) for part in parts))


def _both(text: str) -> set[str]:
    """Give a text in both languages: an earlier copy may have been marked in the other."""
    return {in_language(text, language) for language in LANGUAGES}


def _clean(text: str) -> str:
    return ILLEGAL_CHARACTERS_RE.sub("", text)


def _value(place: str, name: str) -> str:
    """Give one part of what a place says: its cell, or its sheet."""
    return str(place.values.get(name, "")) if isinstance(place, Phrase) else ""


def _write_list(book: Workbook, places: Mapping[str, Worksheet], mistakes: Sequence[Mistake], language: str) -> None:
    sheet = book.create_sheet(in_language(LIST, language), 0)
    for place, (heading, width) in enumerate(_HEADINGS, 1):
        cell = sheet.cell(1, place, in_language(heading, language))
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), _HEADER
        sheet.column_dimensions[cell.column_letter].width = width
    for number, one in enumerate(mistakes, 1):
        tab = places.get(one.file)
        where = tab.title if tab else _value(one.file, "tab")
        name = _value(one.place, "cell") or in_language(one.place, language)
        texts = (str(number), where, name, one.field, one.message, one.found, one.allowed, one.nearest)
        for place, text in enumerate(texts, 1):
            cell = sheet.cell(number + 1, place, _clean(in_language(text, language)))
            cell.data_type = "s"  # a quoted formula stays text
            cell.alignment = Alignment(vertical="top", wrap_text=True)
        if tab and one.line and one.column:
            sheet.cell(number + 1, 3).hyperlink = f"#{quote_sheetname(tab.title)}!{name}"
    sheet.freeze_panes = "A2"
    sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = "landscape", 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.sheet_properties.tabColor = "9C0006"
    book.active = 0
