"""What a file of an import and one of its columns are, and what their cells may hold, said in Vietnamese."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TypeAlias

from warnwatch.language import Phrase

Default: TypeAlias = "bool | float | str | None"


class Type(Enum):
    """What a cell may hold; `allowed` in a mistake and in docs/import.md says it in Vietnamese."""

    CODE = Phrase("mã")
    TEXT = Phrase("chữ, một dòng")
    LONG_TEXT = Phrase("chữ, được xuống dòng")
    WORD = Phrase("một trong các từ cho trước")
    FLAG = Phrase("có hoặc không")
    INTEGER = Phrase("số nguyên từ 0 đến 9999")
    NUMBER = Phrase("số")
    FRACTION = Phrase("tỷ lệ từ 0 đến 1, hoặc có dấu %")
    DATE = Phrase("ngày")
    START = Phrase("thời điểm; chỉ ghi ngày là 0 giờ ngày đó")
    END = Phrase("thời điểm; chỉ ghi ngày là hết ngày đó")
    PERIOD = Phrase("kỳ")
    EMAIL = Phrase("địa chỉ thư điện tử")
    PHONE = Phrase("số điện thoại")
    PATH = Phrase("ngày=giá trị; ngày=giá trị; …")
    SECRECY = Phrase("có hoặc không; tài liệu tối mật, tuyệt mật không được nhập")
    LEAD = Phrase("mã của đúng một đơn vị, hoặc một nhóm đơn vị")


class Keeping(StrEnum):
    """How a file's rows are kept: versions of a code, or rows that are only ever added."""

    VERSIONED = "versioned"
    APPENDED = "appended"
    FINAL = "final"  # appended, and never corrected


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file: its headers, and what its cells may hold.

    `name` is the English header, `column` the schema's name where that differs. `words` gives each stored word's
    Vietnamese ways of writing; `refers` is the file whose codes are allowed; `default` is stored for an empty cell.
    """

    name: str
    vietnamese: str
    type: Type
    about: str = ""
    required: bool = False
    column: str = ""
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refers: str = ""
    default: Default = None

    @property
    def stored(self) -> str:
        """The column of the schema."""
        return self.column or self.name


@dataclass(frozen=True, slots=True)
class File:
    """One file of an import: its columns, and how its rows are told apart and kept.

    `vietnamese` is the name of its sheet in a workbook. `key` names the columns, as stored, that make a row unique; a
    `derived` code is the key's parts joined by "/". `kind` and `subject` are what a changed row writes to the table
    `change`; a file without a kind writes nothing.
    """

    name: str
    vietnamese: str
    about: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ("code",)
    keeping: Keeping = Keeping.VERSIONED
    table: str = ""
    kind: str = ""
    subject: str = "code"
    derived: bool = False

    @property
    def file_name(self) -> str:
        """The name in the folder."""
        return f"{self.name}.csv"

    def column(self, name: str) -> Column:
        """Give the column with this English header."""
        return next(one for one in self.columns if one.name == name)


def plain(words: str) -> str:
    """Give the form in which headers and words are compared: NFC, one case, single spaces, `_` as a space."""
    return " ".join(unicodedata.normalize("NFC", words).casefold().replace("_", " ").split())


def allowed(column: Column) -> str:
    """Say what a cell of this column may hold, in Vietnamese."""
    if column.words:
        ways = (f"{word} ({others[0]})" if others else word for word, others in column.words.items())
        return ", ".join(ways)
    text = column.type.value
    return Phrase("{text} có trong {refers}.csv", text=text, refers=column.refers) if column.refers else text
