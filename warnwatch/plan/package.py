"""The package of an XLSX workbook: what is let in, and its parts, read piece by piece by a parser that expands nothing.

Nothing in a workbook is ever run, and no address in it is ever opened: only stored values are read.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Self, TypeAlias
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from warnwatch.language import Phrase

MOST_BYTES = 200 * 2**20  # of the file
MOST_UNPACKED = 2**30  # of all its parts: a million rows of ten columns are about half of it
MOST_RATIO = 200  # spreadsheets pack their text about 15 to 1, and at most 60 to 1
MOST_PARTS = 5_000
CHUNK = 256 * 1024

SAVE_AS = Phrase("mở bằng bảng tính rồi lưu lại dạng “Excel Workbook (*.xlsx)”")

Attributes: TypeAlias = Mapping[str, str]

# What the zip and XML readers of the standard library raise at bytes that make no sense.
_BROKEN = (
    BadZipFile,
    expat.ExpatError,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,  # also at a packing that it does not know
    ValueError,
)


def tab_place(workbook: str, tab: str) -> Phrase:
    """Name a sheet of a workbook, as the `file` of a mistake does."""
    return Phrase("{workbook}, trang “{tab}”", workbook=workbook, tab=tab)


class UnreadableError(Exception):
    """The workbook cannot be read, or not further; the text says why and what to do."""


class Package:
    """An open workbook file. Use as a context manager; every failure in it is an UnreadableError."""

    def __init__(self, path: Path) -> None:
        _refuse_by_start(path)
        try:
            self._zip = ZipFile(path)
        except _BROKEN as error:
            raise _broken() from error
        try:
            self._refuse()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """The names of the parts."""
        return self._zip.namelist()

    def size(self, name: str) -> int:
        """Give the unpacked size of a part in bytes."""
        return self._zip.getinfo(name).file_size

    def parse(self, name: str, handler: Handler) -> Iterator[int]:
        """Give a part to a handler, piece by piece; yields the number of bytes read so far."""
        done = 0
        try:
            with self._zip.open(name) as part:
                for size in _feed(part, handler):
                    done += size
                    yield done
        except _BROKEN as error:
            raise _broken() from error

    def parse_whole(self, name: str, handler: Handler) -> None:
        """Give a part to a handler, all of it."""
        for _ in self.parse(name, handler):
            pass

    def _refuse(self) -> None:
        parts = self._zip.infolist()
        names = [part.filename for part in parts]
        unpacked, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
        if any(part.header_offset < 0 for part in parts):  # zipfile would seek there, and end in an OSError
            raise _broken()
        if any(part.flag_bits & 1 for part in parts):
            raise UnreadableError(Phrase("tệp có mật khẩu; bỏ mật khẩu rồi lưu lại"))
        if len(parts) > MOST_PARTS:
            raise UnreadableError(
                Phrase(
                    "tệp có {count} phần bên trong, nhiều nhất {most}; {remedy}",
                    count=len(parts),
                    most=MOST_PARTS,
                    remedy=SAVE_AS,
                )
            )
        if unpacked > MOST_UNPACKED or unpacked > MOST_RATIO * max(packed, CHUNK):
            raise UnreadableError(
                Phrase(
                    "tệp giải nén ra {size} MB, quá lớn; bỏ dòng, cột và định dạng thừa rồi lưu lại",
                    size=unpacked // 2**20,
                )
            )
        if any(name.lower().endswith(("vbaproject.bin", "/macrosheets/")) or "/macrosheets/" in name for name in names):
            raise UnreadableError(Phrase("sổ tính có macro: không nhận; {remedy}, macro sẽ bị bỏ", remedy=SAVE_AS))
        if any(name.lower() == "xl/workbook.bin" for name in names):
            raise UnreadableError(Phrase("đây là sổ tính nhị phân (*.xlsb); {remedy}", remedy=SAVE_AS))
        if "content.xml" in names:
            raise UnreadableError(Phrase("đây là sổ tính OpenDocument (*.ods); {remedy}", remedy=SAVE_AS))
        if "[Content_Types].xml" not in names:
            raise UnreadableError(Phrase("tệp nén này không phải sổ tính; {remedy}", remedy=SAVE_AS))


class Handler:
    """What is done with the elements of one part; names come without the prefix that all have."""

    def start(self, name: str, attributes: Attributes) -> None:
        """Begin an element."""

    def end(self, name: str) -> None:
        """End an element."""

    def text(self, data: str) -> None:
        """Take text inside an element."""


def local(name: str) -> str:
    """Take the prefix from a name."""
    return name.rpartition(":")[2]


def _feed(part: IO[bytes], handler: Handler) -> Iterator[int]:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.buffer_size = 64 * 1024

    def start(name: str, attributes: dict[str, str]) -> None:
        handler.start(local(name), attributes)

    def end(name: str) -> None:
        handler.end(local(name))

    def root(name: str, attributes: dict[str, str]) -> None:
        # Nearly all programs write elements without prefix: then no call is spent on taking it away.
        bare = ":" not in name
        parser.StartElementHandler = handler.start if bare else start
        parser.EndElementHandler = handler.end if bare else end
        parser.StartElementHandler(name, attributes)

    parser.StartElementHandler = root
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    while chunk := part.read(CHUNK):
        parser.Parse(chunk, False)  # noqa: FBT003 (expat takes it by place only)
        yield len(chunk)
    parser.Parse(b"", True)  # noqa: FBT003


def _refuse_doctype(*_: object) -> None:
    raise UnreadableError(Phrase("tệp có khai báo DOCTYPE, không bảng tính nào ghi như vậy; {remedy}", remedy=SAVE_AS))


def _broken() -> UnreadableError:
    return UnreadableError(Phrase("tệp hỏng hoặc không trọn vẹn; lấy lại bản gốc, {remedy}", remedy=SAVE_AS))


def _refuse_by_start(path: Path) -> None:
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(4096)
            protected = start.startswith(b"\xd0\xcf\x11\xe0") and _has_password(stream.read(MOST_BYTES // 8), start)
    except OSError as error:
        raise UnreadableError(Phrase("không đọc được tệp: {reason}", reason=error.strerror)) from error
    if not size:
        raise UnreadableError(Phrase("tệp rỗng (0 byte); lấy lại bản gốc"))
    if size > MOST_BYTES:
        raise UnreadableError(
            Phrase(
                "tệp lớn {size} MB, nhiều nhất {most} MB; nhập bằng CSV",
                size=size // 2**20,
                most=MOST_BYTES // 2**20,
            )
        )
    if protected:
        raise UnreadableError(Phrase("sổ tính có mật khẩu; mở ra, bỏ mật khẩu rồi lưu lại"))
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableError(Phrase("đây là sổ tính kiểu cũ (*.xls); {remedy}", remedy=SAVE_AS))
    if not start.startswith(b"PK"):
        raise UnreadableError(Phrase("tệp không phải sổ tính XLSX (chỉ mang tên đó); {remedy}", remedy=SAVE_AS))


def _has_password(rest: bytes, start: bytes) -> bool:
    mark = "EncryptedPackage".encode("utf-16-le")
    return mark in start or mark in rest
