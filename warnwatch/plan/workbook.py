"""An XLSX workbook as rows of text: its sheets, and for each row of one its number and what its cells say."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from warnwatch.language import Phrase
from warnwatch.plan.cell_text import PLAIN, Cell, Look, look_of, text_of, unescaped
from warnwatch.plan.headers import MOST_COLUMNS
from warnwatch.plan.package import SAVE_AS, Attributes, Handler, Package, UnreadableError

MOST_SHEETS = 100
MOST_STRINGS = 5_000_000
MOST_TEXT = 40_000  # characters in a cell; spreadsheets allow 32,767
LAST_ROW = 1_048_576
_LETTERS = re.compile("[A-Z]{1,3}")


@dataclass(frozen=True, slots=True)
class Tab:
    """One sheet of a workbook: its name as shown, its part, whether it is hidden."""

    name: str
    part: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number as shown, whether it is hidden, the texts of its cells from column A on."""

    number: int
    hidden: bool
    cells: list[str]


@dataclass(slots=True)
class Oddities:
    """What a sheet has that its rows do not show: merged ranges, and the first cell beyond the last column read."""

    merged: list[str] = field(default_factory=list)
    beyond: str = ""


@dataclass(frozen=True, slots=True)
class Workbook:
    """An open workbook. `links`: it refers to other files, which are never opened."""

    package: Package
    tabs: tuple[Tab, ...]
    links: bool
    from_1904: bool
    strings: list[str]
    looks: list[Look]

    def rows(self, tab: Tab, oddities: Oddities) -> Iterator[tuple[list[Row], int]]:
        """Read a sheet: some rows at a time, with the number of bytes read so far."""
        reader = _Sheet(self, oddities)
        for done in self.package.parse(tab.part, reader):
            rows, reader.rows = reader.rows, []
            yield rows, done


def open_workbook(package: Package) -> Workbook:
    """Read what holds for the whole workbook. Raises UnreadableError."""
    main = _main_part(package)
    links = _relations(package, main)
    content = _Content()
    package.parse_whole(main, content)
    if len(content.tabs) > MOST_SHEETS:
        raise UnreadableError(
            Phrase(
                "sổ tính có {count} trang tính, nhiều nhất {most}; bỏ bớt trang thừa",
                count=len(content.tabs),
                most=MOST_SHEETS,
            )
        )
    tabs = tuple(Tab(name, links[key], hidden) for name, key, hidden in content.tabs if links.get(key))
    strings, styles = _Strings(), _Styles()
    folder = posixpath.dirname(main)
    for name, handler in (("sharedStrings.xml", strings), ("styles.xml", styles)):
        part = posixpath.join(folder, name)
        if part in package.names:
            package.parse_whole(part, handler)
    outside = any("/externallinks/" in name.lower() for name in package.names)
    known = set(package.names)
    return Workbook(
        package,
        tuple(tab for tab in tabs if tab.part in known and "worksheets" in tab.part),
        outside,
        content.from_1904,
        strings.found,
        styles.looks(),
    )


def _main_part(package: Package) -> str:
    found = [part for part in _relations(package, "").values() if posixpath.basename(part) == "workbook.xml"]
    if not found or found[0] not in package.names:
        raise UnreadableError(Phrase("tệp nén này không phải sổ tính; {remedy}", remedy=SAVE_AS))
    return found[0]


def _relations(package: Package, part: str) -> dict[str, str]:
    """Give the parts that a part refers to, by their keys; none outside the file."""
    folder, name = posixpath.split(part)
    where = posixpath.join(folder, "_rels", f"{name}.rels")
    relations = _Relations(folder)
    if where in package.names:
        package.parse_whole(where, relations)
    return relations.found


class _Relations(Handler):
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.found: dict[str, str] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.join("/", self.folder, attributes.get("Target", ""))
            self.found[attributes.get("Id", "")] = posixpath.normpath(target).lstrip("/")


class _Content(Handler):
    def __init__(self) -> None:
        self.tabs: list[tuple[str, str, bool]] = []
        self.from_1904 = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "sheet":
            key = next((value for word, value in attributes.items() if word.endswith(":id")), "")
            self.tabs.append((attributes.get("name", ""), key, attributes.get("state", "visible") != "visible"))
        elif name == "workbookPr":
            self.from_1904 = attributes.get("date1904", "0") in ("1", "true")


class _Styles(Handler):
    def __init__(self) -> None:
        self.codes: dict[int, str] = {}
        self.numbers: list[int] = []
        self.inside = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "numFmt":
            self.codes[int(attributes.get("numFmtId", "0"))] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self.inside = True
        elif name == "xf" and self.inside:
            self.numbers.append(int(attributes.get("numFmtId", "0")))

    def end(self, name: str) -> None:
        self.inside = self.inside and name != "cellXfs"

    def looks(self) -> list[Look]:
        return [look_of(number, self.codes.get(number)) for number in self.numbers]


class _Texts(Handler):
    """Gathers the text of `<t>`; that of phonetic runs is no part of the cell."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.taking = self.phonetic = False
        self.length = 0

    def text(self, data: str) -> None:
        if self.taking:
            self.length += len(data)
            if self.length > MOST_TEXT:
                raise UnreadableError(Phrase("có ô dài hơn {most} ký tự; chia nhỏ nội dung ô đó", most=MOST_TEXT))
            self.pieces.append(data)

    def take(self) -> str:
        """Give what was gathered, and begin again."""
        found = "".join(self.pieces)
        self.pieces.clear()
        self.length = 0
        return found


class _Strings(_Texts):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:  # noqa: ARG002 (the handler's signature)
        if name == "rPh":
            self.phonetic = True
        self.taking = name == "t" and not self.phonetic

    def end(self, name: str) -> None:
        self.taking = False
        if name == "rPh":
            self.phonetic = False
        elif name == "si":
            self.found.append(unescaped(self.take()))
            if len(self.found) > MOST_STRINGS:
                raise UnreadableError(Phrase("sổ tính có quá nhiều chữ; chia thành nhiều tệp"))


class _Sheet(_Texts):
    """Turns the elements of a sheet into rows; cells without text are passed over, wherever they are."""

    def __init__(self, book: Workbook, oddities: Oddities) -> None:
        super().__init__()
        self.book, self.oddities = book, oddities
        self.rows: list[Row] = []
        self.row, self.hidden, self.column = 0, False, 0
        self.cells: list[str] = []
        self.cell = Cell()
        self.columns: dict[str, int] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            self._begin_cell(attributes)
        elif name in ("v", "f"):
            self.taking = True
        elif name == "t":
            self.taking = not self.phonetic
        elif name == "rPh":
            self.phonetic = True
        elif name == "row":
            self._begin_row(attributes)
        elif name == "mergeCell" and len(self.oddities.merged) < MOST_COLUMNS:
            self.oddities.merged.append(attributes.get("ref", ""))

    def end(self, name: str) -> None:
        if name == "c":
            self._end_cell()
        elif name == "v":
            self.taking = False
            self.cell.value = self.take()
        elif name == "t":
            self.taking = False
        elif name == "is":
            self.cell.value = self.take()
        elif name == "f":
            self.taking = False
            self.cell.formula = self.take()
        elif name == "rPh":
            self.phonetic = False
        elif name == "row" and self.cells:
            self.rows.append(Row(self.row, self.hidden, self.cells))
            self.cells = []

    def _begin_row(self, attributes: Attributes) -> None:
        number = int(attributes.get("r", self.row + 1))
        if not self.row < number <= LAST_ROW:
            raise ValueError("rows out of order")
        self.row, self.column, self.cells = number, 0, []
        self.hidden = attributes.get("hidden", "0") in ("1", "true")

    def _begin_cell(self, attributes: Attributes) -> None:
        reference = attributes.get("r")
        if reference is None:
            self.column += 1
        else:
            letters = reference.rstrip("0123456789")
            self.column = self.columns.get(letters) or self._column(letters)
        looks, style = self.book.looks, attributes.get("s")
        look = looks[int(style)] if style is not None and looks else PLAIN
        cell = self.cell
        cell.kind, cell.look, cell.value, cell.formula = attributes.get("t", "n"), look, "", None
        if self.pieces:
            self.take()

    def _column(self, letters: str) -> int:
        if not _LETTERS.fullmatch(letters):
            raise ValueError("no such column")
        found = 0
        for letter in letters:
            found = found * 26 + ord(letter) - 64
        self.columns[letters] = found
        return found

    def _end_cell(self) -> None:
        cell, place = self.cell, self.column - 1
        if cell.kind == "s" and cell.formula is None:
            text = self.book.strings[int(cell.value)] if cell.value else ""
        else:
            text = text_of(cell, from_1904=self.book.from_1904)
        if not text:
            return
        if place >= MOST_COLUMNS:
            self.oddities.beyond = self.oddities.beyond or Phrase(
                "cột thứ {column}, dòng {row}", column=place + 1, row=self.row
            )
            return
        if place < len(self.cells):
            raise ValueError("cells out of order")
        if place > len(self.cells):
            self.cells.extend([""] * (place - len(self.cells)))
        self.cells.append(text)
