"""What people read, in two languages: Vietnamese is written where it is said, English stands in a catalogue beside it.

`locales/en/LC_MESSAGES/warnwatch.po` maps each Vietnamese pattern to its English one; `make texts` brings it up to
date, and a test fails on a pattern that is untranslated, or that nothing says any more.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal, Self, TypeAlias, TypeVar

from babel.messages.pofile import read_po

T = TypeVar("T")
Language: TypeAlias = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = ("vi", "en")


class Phrase(str):
    """A Vietnamese text that keeps its pattern and its values, so that it can still be said in English at the edge.

    Wherever it goes it is the Vietnamese text: `Phrase("dòng có {cells} ô", cells=3)` reads `dòng có 3 ô`. The pattern
    is a literal, for the catalogue is gathered from the source; a value that is a phrase is translated with it.
    """

    __slots__ = ("pattern", "values")

    pattern: str
    values: Mapping[str, object]

    def __new__(cls, pattern: str, /, **values: object) -> Self:
        """Fill the pattern; one without values is taken as it stands, braces and all."""
        phrase = super().__new__(cls, _FORMAT.vformat(pattern, (), values) if values else pattern)
        phrase.pattern, phrase.values = pattern, values
        return phrase

    def filled(self, **values: object) -> Phrase:
        """Give a phrase of a table, which stands there with its pattern alone, with its values."""
        return Phrase(self.pattern, **values)

    def __str__(self) -> Self:
        """Stay a phrase where a text is asked for: an error that was raised with one still says it."""
        return self

    def __reduce__(self) -> tuple[object, ...]:
        """Copy and pickle with pattern and values."""
        return _again, (self.pattern, dict(self.values))


def _again(pattern: str, values: Mapping[str, object]) -> Phrase:
    return Phrase(pattern, **values)


def together(parts: Iterable[str], between: str = "") -> Phrase:
    """Put texts one after another; each of them can still be said in English."""
    values = {f"part{place}": part for place, part in enumerate(parts)}
    # The pattern holds nothing to translate: it stands in no catalogue.
    return Phrase("{between}".join(f"{{{name}}}" for name in values), between=between, **values)


def kept(text: str) -> object:
    """Give what JSON can keep of a text, so that it can be said again in either language (`said_again`)."""
    if not isinstance(text, Phrase):
        return text
    values = {
        name: kept(value) if isinstance(value, str) else value if isinstance(value, int | float) else str(value)
        for name, value in text.values.items()
    }
    return {"pattern": text.pattern, "values": values}


def said_again(data: object) -> str:
    """Give the text that was kept; what is no phrase of ours stays the text that it is."""
    if not isinstance(data, Mapping):
        return str(data)
    values = {
        name: said_again(value) if isinstance(value, str | Mapping) else value
        for name, value in data.get("values", {}).items()
    }
    return Phrase(str(data["pattern"]), **values)


def in_language(text: T, language: str) -> T | str:
    """Say a text in a language: a phrase is translated, whatever else is given stays as it is."""
    if language == "vi" or not isinstance(text, Phrase):
        return text
    pattern = _english().get(text.pattern, text.pattern)
    if not text.values:
        return pattern
    values = {
        name: in_language(value, language) if isinstance(value, str) else value for name, value in text.values.items()
    }
    return _FORMAT.vformat(pattern, (), values)


class _Format(string.Formatter):
    """`str.format`, and `{count:row|rows}`: the first word for one, the second for any other number."""

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ANN401 (the formatter's own signature)
        if "|" in format_spec:
            one, many = format_spec.split("|")
            return one if value == 1 else many
        return str(super().format_field(value, format_spec))


_FORMAT = _Format()


@cache
def _english() -> Mapping[str, str]:
    """Read the catalogue, once, when English is first asked for."""
    path = resources.files("warnwatch") / "locales" / "en" / "LC_MESSAGES" / "warnwatch.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale="en")
    return {str(entry.id): str(entry.string) for entry in catalogue if entry.id and entry.string}
