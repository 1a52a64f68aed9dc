"""The key `replaces`: which former rules a rule stands for, so that it takes their open alerts over. Ids in and out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from warnwatch.documents import Keys
from warnwatch.errors import Mistake
from warnwatch.language import Phrase
from warnwatch.rules.entry import Entry
from warnwatch.rules.rule import Rule
from warnwatch.rules.rule_file import RULE_ID
from warnwatch.rules.rule_names import texts_placed

KEY = "replaces"


def mistakes_of(entries: Sequence[Entry], first: Mapping[str, str], rules: Mapping[str, Rule]) -> Iterator[Mistake]:
    """Find names that no rule can have had, the rule itself, a rule that is still there, one replaced twice.

    `first`: where each rule of the folder stands. One whose last day lies before the first of the rule that replaces it
    may stay in the folder.
    """
    taken: dict[str, str] = {}
    for entry in entries:
        own = str(entry.values.get("id"))
        for place, name in texts_placed(entry, KEY):
            if name == own:
                yield entry.document.mistake(place, Phrase("quy tắc không thể thay thế chính nó"), name)
            elif not RULE_ID.fullmatch(name):
                message = Phrase("không thể là mã của một quy tắc cũ")
                yield entry.document.mistake(place, message, name, "a-z, 0-9, -")
            elif name in first and not _over(rules.get(name), rules.get(own)):
                yield _still_there(entry, place, name, first[name])
            elif taken.setdefault(name, own) != own:
                message = Phrase("quy tắc này đã được {other} thay thế", other=taken[name])
                yield entry.document.mistake(place, message, name)


def _over(old: Rule | None, new: Rule | None) -> bool:
    """Say whether a rule is out of force before the one that replaces it begins."""
    return bool(old and new and old.last_day and new.first_day and old.last_day < new.first_day)


def _still_there(entry: Entry, place: Keys, name: str, where: str) -> Mistake:
    message = Phrase("quy tắc này vẫn còn, ở {where}: bỏ quy tắc cũ, hoặc đặt until của nó trước from", where=where)
    return entry.document.mistake(place, message, name)
