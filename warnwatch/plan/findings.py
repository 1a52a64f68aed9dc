"""What an import finds wrong or odd, gathered until everything is read; each with file, row and column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warnwatch.errors import Mistake, nearest_name
from warnwatch.language import Phrase
from warnwatch.plan.column import File, Type, plain

MOST = 10_000  # of mistakes, and of warnings: whoever has more needs another file, not a longer list
SHOWN_LENGTH = 80  # of what a mistake quotes
MOST_NAMES = 5_000  # among more names than these, looking for the nearest would take longer than the import
MOST_LOOKUPS = 200

UTC = ZoneInfo("UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file as read. `frame` has `row` (UInt32, the header being 1) and one column per known header.

    `headers` and `places` give, for each stored column, the header as written and its position from 1.
    `confidential`: what stands above the header, or the name, carries the stamp “MẬT”.
    """

    file: File
    name: str
    headers: Mapping[str, str]
    places: Mapping[str, int]
    frame: pl.DataFrame
    confidential: bool = False

    def with_frame(self, frame: pl.DataFrame) -> Sheet:
        """Give the same file with other cells."""
        return replace(self, frame=frame)


@dataclass(frozen=True, slots=True)
class Say:
    """The words of one kind of finding; `found` and `nearest` come from the rows."""

    message: str
    allowed: str = ""
    nearest: str = ""


@dataclass
class Findings:
    """The mistakes and warnings of one import, so far; beyond MOST they are only counted. Instants show in `zone`.

    `sheets` names the files that are sheets of a workbook: places in them are named as the spreadsheet shows them.
    """

    zone: ZoneInfo = UTC
    sheets: set[str] = field(default_factory=set)
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)
    more_mistakes: int = 0
    more_warnings: int = 0
    lookups: int = 0
    said: set[tuple[str, Mistake]] = field(default_factory=set)

    @property
    def count(self) -> int:
        """Give the number of mistakes, those included that are only counted."""
        return len(self.mistakes) + self.more_mistakes

    def mistake(self, one: Mistake) -> None:
        """Add one mistake; the same of the same cell, as of tasks that one row made, is said once."""
        if ("mistake", one) in self.said:
            return
        if len(self.mistakes) < MOST:
            self.said.add(("mistake", one))
            self.mistakes.append(self._placed(one))
        else:
            self.more_mistakes += 1

    def warning(self, one: Mistake) -> None:
        """Add one warning: said, and no reason to refuse."""
        if ("warning", one) in self.said:
            return
        if len(self.warnings) < MOST:
            self.said.add(("warning", one))
            self.warnings.append(self._placed(one))
        else:
            self.more_warnings += 1

    def _placed(self, one: Mistake) -> Mistake:
        if one.file not in self.sheets or not one.line or one.place:
            return one
        return replace(
            one,
            place=Phrase("ô {cell}", cell=f"{letters(one.column)}{one.line}")
            if one.column
            else Phrase("dòng {line}", line=one.line),
        )

    def about_file(self, file: str, message: str, *, allowed: str = "", nearest: str = "") -> None:
        """Add a mistake about a whole file."""
        self.mistake(Mistake(file, 0, 0, message, allowed=allowed, nearest=nearest))

    def about_row(self, sheet: Sheet, row: int, column: str, say: Say, *, found: object = "") -> None:
        """Add a mistake about one cell, or about a row when the file has no such column."""
        self.mistake(_located(sheet, row, column, say, found))

    def about_rows(self, sheet: Sheet, rows: pl.DataFrame, column: str, say: Say) -> None:
        """Add a mistake for each of these rows, quoting its cell in `column`."""
        for row, found in self._cells(sheet, rows, column):
            self.mistake(_located(sheet, row, column, say, found))

    def odd_rows(self, sheet: Sheet, rows: pl.DataFrame, column: str, say: Say) -> None:
        """Add a warning for each of these rows."""
        for row, found in self._cells(sheet, rows, column):
            self.warning(_located(sheet, row, column, say, found))

    def nearest(self, found: str, names: Iterable[str]) -> str:
        """Give the name most like `found`, capitals aside, as long as looking for it stays cheap."""
        return self.nearest_each([found], names)[found]

    def nearest_each(self, found: Iterable[str], names: Iterable[str]) -> dict[str, str]:
        """Give for each of many the name most like it."""
        known = {plain(name): name for name in names}
        near: dict[str, str] = {}
        for one in found:
            self.lookups += 1
            cheap = len(known) > MOST_NAMES or self.lookups > MOST_LOOKUPS
            near[one] = known.get(plain(one) if cheap else nearest_name(plain(one), known), "")
        return near

    def _cells(self, sheet: Sheet, rows: pl.DataFrame, column: str) -> Iterable[tuple[int, object]]:
        cells = rows[column].to_list() if column in rows.columns else [None] * rows.height
        if column in [one.stored for one in sheet.file.columns if one.type in (Type.START, Type.END)]:
            cells = [one if one is None or isinstance(one, str) else moment(one, self.zone) for one in cells]
        return zip(rows["row"].to_list(), ("" if one is None else one for one in cells), strict=True)

    def all_mistakes(self) -> list[Mistake]:
        """Give every mistake kept, and how many more there were."""
        return _with_rest(
            self.mistakes, self.more_mistakes, Phrase("còn {more} lỗi nữa không liệt kê ở đây", more=self.more_mistakes)
        )

    def all_warnings(self) -> tuple[Mistake, ...]:
        """Give every warning kept, in reading order, and how many more there were."""
        return tuple(
            sorted(
                _with_rest(
                    self.warnings,
                    self.more_warnings,
                    Phrase("còn {more} điểm cần lưu ý nữa không liệt kê ở đây", more=self.more_warnings),
                )
            )
        )


def shown(found: object) -> str:
    """Quote a cell: control characters by their numbers, long text cut."""
    text = "".join(one if one.isprintable() else f"\\u{ord(one):04X}" for one in str(found)[: SHOWN_LENGTH + 1])
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"


def moment(micros: int, zone: ZoneInfo) -> str:
    """Write an instant, in microseconds since 1970, as local time."""
    return f"{(_EPOCH + timedelta(microseconds=micros)).astimezone(zone):%H:%M:%S %d/%m/%Y}"


def letters(column: int) -> str:
    """Name a column as spreadsheets do: 1 is A, 27 is AA."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _located(sheet: Sheet, row: int, column: str, say: Say, found: object) -> Mistake:
    return Mistake(
        sheet.name,
        row,
        sheet.places.get(column, 0),
        say.message,
        shown(found),
        say.allowed,
        say.nearest,
        sheet.headers.get(column, ""),
    )


def _with_rest(some: list[Mistake], more: int, say: str) -> list[Mistake]:
    return [*some, *([Mistake("", 0, 0, say)] if more else [])]
