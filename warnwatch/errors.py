"""What can go wrong for a user, as values and exceptions; their texts are what the user reads.

WarnWatchError
├── MistakesError      files or rules with mistakes: all of them at once
├── SettingsError      a setting is missing or wrong: names it, says what is allowed
├── CannotRunError     database or network out of reach, or the schema is older or newer than the program
└── NotFoundError      a code that the plan, the rules or the alerts do not know
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches

from warnwatch.language import Phrase, in_language


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a user's file. `line` and `column` count from 1; 0 means the whole file.

    For a table, `line` is the row as the spreadsheet counts it (the header is 1) and `field` its column's name; in a
    workbook `file` names the sheet as well, and `place` the cell as a spreadsheet does, such as `ô B7`.
    """

    file: str
    line: int
    column: int
    message: str
    found: str = ""
    allowed: str = ""
    nearest: str = ""
    field: str = ""
    place: str = ""

    def as_json(self) -> Mapping[str, object]:
        """Give the words of `warnwatch check --json`."""
        return asdict(self)

    def __str__(self) -> str:
        """Write the mistake on one line, in Vietnamese."""
        return self.said("vi")

    def said(self, language: str) -> str:
        """Write the mistake on one line: where, what, what is allowed, the nearest right name."""
        file = in_language(self.file, language)
        where = ":".join(str(part) for part in (file, self.line, self.column) if part)
        if self.place:
            where = f"{file}, {in_language(self.place, language)}"
        parts = [
            Phrase("cột: {field}", field=self.field) if self.field else "",
            Phrase("gặp: {found}", found=self.found) if self.found else "",
            Phrase("được phép: {allowed}", allowed=self.allowed) if self.allowed else "",
            Phrase("có phải ý là: {nearest}?", nearest=self.nearest) if self.nearest else "",
        ]
        first = f"{where}: {in_language(self.message, language)}"
        return "; ".join([first, *(in_language(part, language) for part in parts if part)])


def nearest_name(found: str, allowed: Iterable[str]) -> str:
    """Give the allowed name most like `found`, or an empty text when none is near."""
    close = get_close_matches(found, list(allowed), n=1, cutoff=0.6)
    return close[0] if close else ""


class WarnWatchError(Exception):
    """Whatever WarnWatch says to its user instead of a traceback; `exit_code` is the command's."""

    exit_code = 1


class MistakesError(WarnWatchError):
    """Files with mistakes: nothing of them was taken. `mistakes` holds every one, in reading order."""

    exit_code = 1

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class SettingsError(WarnWatchError):
    """A setting is missing or wrong."""

    exit_code = 2


class NotFoundError(WarnWatchError):
    """A code that nothing here knows; the text gives the nearest one, if there is one."""

    exit_code = 1

    def __init__(self, text: str, nearest: str = "") -> None:
        super().__init__(Phrase("{text}; có phải ý là {nearest}?", text=text, nearest=nearest) if nearest else text)


class CannotRunError(WarnWatchError):
    """The database or the network cannot be reached, or the schema does not fit this program."""

    exit_code = 3
