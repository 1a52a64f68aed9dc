"""Keys of a rule under which other rules stand: `inhibited_by`, `replaces`. One id or a list in; ids out."""

from __future__ import annotations

from collections.abc import Iterator

from warnwatch.documents import Keys
from warnwatch.language import Phrase
from warnwatch.rules.entry import Entry


def read_names(entry: Entry, key: str) -> tuple[str, ...]:
    """Read the ids under a key; whether there are such rules, the whole folder shows."""
    if key not in entry.values:
        return ()
    value = entry.values[key]
    written = value if isinstance(value, list) else [value]
    if not written:
        entry.complain(key, Phrase("khóa {name} trống", name=key))
    names: list[str] = []
    for place, name in placed(entry, key):
        if not isinstance(name, str) or not name.strip():
            message = Phrase("khóa {name} cần mã của quy tắc khác", name=key)
            entry.mistakes.append(entry.document.mistake(place, message, "" if name is None else str(name)))
        elif name.strip() in names:
            entry.mistakes.append(entry.document.mistake(place, Phrase("ghi hai lần"), name))
        else:
            names.append(name.strip())
    return tuple(names)


def placed(entry: Entry, key: str) -> list[tuple[Keys, object]]:
    """Give what stands under a key, each with its place."""
    value = entry.values.get(key)
    if isinstance(value, list):
        return [((*entry.keys, key, index), name) for index, name in enumerate(value)]
    return [((*entry.keys, key), value)] if key in entry.values else []


def texts_placed(entry: Entry, key: str) -> Iterator[tuple[Keys, str]]:
    """Give the ids under a key, each with its place; what is no id is a mistake already."""
    yield from ((place, name.strip()) for place, name in placed(entry, key) if isinstance(name, str) and name.strip())
