"""What a stored cell of a workbook says, as the text that a CSV file would hold: 2026-06-30, 12.5, 45%, true."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_NOT_SHOWN = re.compile(r'"[^"]*"|\\.|\[(?!h|m|s)[^\]]*\]|[_*].', re.IGNORECASE)
# Formats that every spreadsheet knows by number: dates, times, percentages (ECMA-376 part 1, 18.8.30; 27-36 and 50-58
# are dates in East Asian editions).
_BUILT_IN = {9: "0%", 10: "0.00%", 17: "mmm-yy", 22: "d/m/yy h:mm", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss"}
_BUILT_IN |= dict.fromkeys((14, 15, 16, *range(27, 32), 36, *range(50, 55), *range(57, 59)), "d/m/yy")
_BUILT_IN |= dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 55, 56), "h:mm")

LAST_SERIAL = 2_958_466  # 31/12/9999 in the 1900 system, and a day
# Functions that reach outside the workbook; a cell with one of them is refused, its stored value is somebody's answer.
_REACHES_OUT = re.compile(
    r"\|\s*'|\b(WEBSERVICE|HYPERLINK|RTD|DDE|CALL|REGISTER|EXEC|SQL\.REQUEST)\s*\(", re.IGNORECASE
)


class Shape(StrEnum):
    """How a number is shown."""

    NUMBER = "number"
    PERCENT = "percent"
    DAY = "day"
    MONTH = "month"
    MOMENT = "moment"
    TIME = "time"


Look: TypeAlias = "tuple[Shape, int]"  # the shape, and to how many digits zeros are put before

PLAIN: Look = (Shape.NUMBER, 0)


@dataclass(slots=True)
class Cell:
    """A cell as stored: its type and style, its value, and its formula where it has one."""

    kind: str = "n"
    look: Look = PLAIN
    value: str = ""
    formula: str | None = None


def look_of(number: int, code: str | None) -> Look:
    """Say how a number format shows its numbers; `code` is the workbook's own format of that number."""
    code = code if code is not None else _BUILT_IN.get(number, "General")
    first = _NOT_SHOWN.sub("", code).split(";")[0].lower()
    if "general" in first:
        return PLAIN
    if re.fullmatch(r"0{2,15}", first):
        return Shape.NUMBER, len(first)
    if "%" in first:
        return Shape.PERCENT, 0
    if not re.search("[ymdhs]", first) or re.search("[0#?]", first.replace(".0", "")):
        return PLAIN
    hours, days = bool(re.search("[hs]", first)), bool(re.search("[yd]", first))
    if hours:
        return (Shape.MOMENT if days else Shape.TIME), 0
    return (Shape.DAY if "d" in first else Shape.MONTH), 0


def text_of(cell: Cell, *, from_1904: bool) -> str:
    """Write the cell as text. A formula without a stored value, or one that reaches out, stands as `=…`."""
    if cell.formula is not None and ((not cell.value and cell.kind != "str") or _REACHES_OUT.search(cell.formula)):
        return f"={cell.formula}" if cell.formula else "=?"
    if cell.kind == "b":
        return "true" if cell.value == "1" else "false"
    if cell.kind in ("n", ""):
        return _number(cell.value.strip(), cell.look, from_1904=from_1904)
    if cell.kind in ("e", "d"):
        return cell.value
    return unescaped(cell.value)


def unescaped(text: str) -> str:
    """Undo the workbook's own escapes, line ends of Windows, and an apostrophe that only said: this is text."""
    if "_x" in text:
        text = (
            _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
            .encode("utf-16", "surrogatepass")
            .decode("utf-16", "replace")
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text[1:] if text.startswith("'") and text.count("'") == 1 else text


def _number(value: str, look: Look, *, from_1904: bool) -> str:
    if not value:
        return ""
    number = float(value)  # ValueError: no number at all, so the file is broken
    shape, digits = look
    if shape not in (Shape.NUMBER, Shape.PERCENT):
        return _dated(number, shape, from_1904=from_1904) or _plain(number)
    if shape is Shape.PERCENT:
        return f"{_plain(float(Decimal(repr(number)) * 100))}%"
    text = _plain(number)
    return text.zfill(digits) if text.isdigit() else text


def _plain(number: float) -> str:
    """Write a number without exponent, to the 15 digits that a spreadsheet keeps."""
    if number != number or abs(number) > 1e30:  # noqa: PLR0124 (not a number)
        return repr(number)
    text = f"{Decimal(f'{number:.15g}'):f}"
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text


def _dated(number: float, shape: Shape, *, from_1904: bool) -> str:
    """Write a serial number as date or time; empty when there is no such day."""
    # The 1900 system counts a 29/2/1900 that never was: nobody's plan has days before March 1900.
    if not (0 <= number < 1 if shape is Shape.TIME else (0 if from_1904 else 61) <= number < LAST_SERIAL):
        return ""
    epoch = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)  # noqa: DTZ001 (wall clock)
    try:
        moment = epoch + timedelta(seconds=round(number * 86_400))
    except OverflowError:
        return ""
    if shape is Shape.TIME:
        return f"{moment:%H:%M}"
    if shape is Shape.MONTH:
        return f"{moment.year:04}-{moment.month:02}"
    # A whole number is a day, even where the format would show 00:00: programs write dates so, people never mean it.
    return f"{moment:%Y-%m-%d %H:%M:%S}" if number % 1 else moment.date().isoformat()
