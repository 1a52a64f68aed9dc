"""Text files as people on Windows type and save them: bytes in; clean text with places, or what is wrong with it, out.

Encodings, line ends and composed letters are settled here. So are the signs that an eye takes for others: spaces of
Word, long dashes, curly quotes, full-width letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from warnwatch.errors import Mistake, MistakesError
from warnwatch.language import Phrase

MAX_BYTES = 1024 * 1024
EXCERPT_LENGTH = 100

Place: TypeAlias = tuple[int, int]

CURLY_QUOTES = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb"
CURLY_MESSAGE = Phrase("dấu ngoặc kép cong; hãy dùng dấu thẳng \" hoặc '")
# Marks that turn the reading direction: what the eye sees would not be what the program reads.
_DIRECTION_MARKS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SPACES = "\u00a0\u1680\u2000-\u200f\u202f\u205f\u2060\u3000\ufeff"
_ODD = re.compile(f"[{_SPACES}\u00ad\u2010-\u2015\u2212\uff01-\uff5e]")
_TRACES: tuple[tuple[re.Pattern[str], Phrase], ...] = (
    (re.compile(r"[ ]*(\t)"), Phrase("thụt lề bằng phím Tab; hãy thay bằng dấu cách")),
    (
        re.compile(f"[ \\t]*([{_SPACES}])"),
        Phrase("thụt lề bằng dấu cách lạ, thường do dán từ Word; hãy xóa và gõ lại dấu cách"),
    ),
    (re.compile("[ ]*([\u2010-\u2015\u2212])[ \u00a0]"), Phrase("gạch đầu dòng phải là dấu trừ - trên bàn phím")),
    (re.compile(r"[ ]*(?:- )?\w[\w ]*(\uff1a)"), Phrase("dấu hai chấm lạ; hãy gõ lại dấu : và một dấu cách")),
    (
        re.compile(f"[ ]*(?:-[ ])?\\w+:?([{_SPACES}])"),
        Phrase("dấu cách lạ cạnh dấu hai chấm, thường do dán từ Word; hãy xóa và gõ lại dấu cách"),
    ),
    (re.compile(r"[ ]*(?:-[ ])?\w+:[ ]*(\t)"), Phrase("phím Tab sau dấu hai chấm; hãy thay bằng dấu cách")),
    (re.compile(r"[ ]*-(\t)"), Phrase("phím Tab sau gạch đầu dòng; hãy thay bằng dấu cách")),
    (re.compile(f"[ ]*(?:-[ ])?\\w+:[ ]+([{CURLY_QUOTES}])"), CURLY_MESSAGE),
)


def read_content(path: Path, shown: str) -> bytes:
    """Read a file's bytes, one more than the limit at most. Raise MistakesError, and nothing else."""
    try:
        if path.exists() and not path.is_file():
            raise MistakesError([Mistake(shown, 0, 0, Phrase("không phải là tệp thường"))])
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MistakesError(
            [Mistake(shown, 0, 0, Phrase("không đọc được tệp: {reason}", reason=error.strerror or error))]
        ) from error


def decode(content: bytes, shown: str) -> str:
    """Give the text, in composed letters and with plain line ends. Raise MistakesError, and nothing else."""
    if len(content) > MAX_BYTES:
        raise MistakesError([Mistake(shown, 0, 0, Phrase("tệp quá lớn: quá {most} KiB", most=MAX_BYTES // 1024))])
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise MistakesError([Mistake(shown, 1, 1, Phrase("tệp lưu bằng mã UTF-16; hãy lưu lại bằng UTF-8"))])
    if b"\x00" in content:
        place = _byte_place(content, content.index(b"\x00"))
        raise MistakesError(
            [Mistake(shown, *place, Phrase("có ký tự NUL (tệp UTF-16 hoặc bị hỏng); hãy lưu lại bằng UTF-8"))]
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The codec drops a byte order mark before it counts.
        at = error.start + (3 if content.startswith(b"\xef\xbb\xbf") else 0)
        message = Phrase("tệp không phải mã UTF-8 (có lẽ là Windows-1258 hoặc Latin-1); hãy lưu lại bằng UTF-8")
        found = f"byte 0x{error.object[error.start]:02X}"
        raise MistakesError([Mistake(shown, *_byte_place(content, at), message, found)]) from error
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    if mark := _DIRECTION_MARKS.search(text):
        place = place_at(text, mark.start())
        message = Phrase("ký tự vô hình đổi chiều chữ; hãy xóa")
        raise MistakesError([Mistake(shown, *place, message, f"U+{ord(mark[0]):04X}")])
    return text


def _byte_place(content: bytes, offset: int) -> Place:
    before = content[:offset].decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    return place_at(before, len(before))


def place_at(text: str, offset: int) -> Place:
    """Say on which line and in which column, both from 1, a character stands."""
    offset = min(offset, len(text))
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1


def line_at(text: str, offset: int) -> str:
    """Give the whole line that a character stands on."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    return text[start : end if end >= 0 else len(text)]


def traces(text: str, shown: str) -> Iterator[Mistake]:
    """Name what Word, a phone or the Tab key left where YAML reads it: every one, where a text is no YAML."""
    for number, line in enumerate(text.split("\n"), start=1):
        for pattern, message in _TRACES:
            if match := pattern.match(line):
                found = match[1] if match[1] in CURLY_QUOTES else f"U+{ord(match[1]):04X}".removeprefix("U+0009")
                yield Mistake(shown, number, match.start(1) + 1, message, found)
                break


def with_odd_signs(message: str, value: str) -> str:
    """Add to a message the signs of a refused value that look like others, or like nothing."""
    signs = dict.fromkeys(f"U+{ord(sign):04X}" for sign in _ODD.findall(value))
    if not signs:
        return message
    return Phrase(
        "{message}; có ký tự lạ {signs}, thường do dán từ Word: hãy gõ lại", message=message, signs=", ".join(signs)
    )


def excerpt(text: str, place: Place) -> tuple[str, str]:
    """Give a line of a text and below it a caret under the column; of a long line, the part around it."""
    lines = text.split("\n")
    line, column = place
    if not 0 < line <= len(lines) or column < 1:
        return "", ""
    start = max(0, column - EXCERPT_LENGTH * 2 // 3)
    shown = lines[line - 1][start : start + EXCERPT_LENGTH]
    before = shown[: column - 1 - start].replace("\t", " ")
    width = sum(1 + (unicodedata.east_asian_width(sign) in "FW") for sign in before)
    return shown.replace("\t", " "), " " * width + "^"
