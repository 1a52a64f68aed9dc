"""The key `inhibited_by`: which rules' alerts explain those of a rule. Ids in; what is wrong between rules, out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from warnwatch.documents import Keys
from warnwatch.errors import Mistake, nearest_name
from warnwatch.language import Phrase
from warnwatch.rules.entry import Entry
from warnwatch.rules.rule import Rule
from warnwatch.rules.rule_names import texts_placed

KEY = "inhibited_by"


def mistakes_of(entries: Sequence[Entry], known: Collection[str], rules: Mapping[str, Rule]) -> Iterator[Mistake]:
    """Find names that are no rule, the rule itself, rules that can explain nothing of it, and rings."""
    for entry in entries:
        own = entry.values.get("id")
        for place, name in texts_placed(entry, KEY):
            if name == own:
                yield entry.document.mistake(place, Phrase("quy tắc không thể giải thích cảnh báo của chính nó"), name)
            elif name not in known:
                message, allowed = Phrase("quy tắc không có trong các tệp"), ", ".join(sorted(known))
                yield entry.document.mistake(place, message, name, allowed, nearest_name(name, known))
            else:
                yield from _unfit(entry, place, rules.get(str(own)), rules.get(name))
        ring = _ring(str(own), rules)
        if ring and own == min(ring):  # once for all who are in it
            message = Phrase("các quy tắc giải thích lẫn nhau thành vòng: không cảnh báo nào được báo")
            yield entry.document.mistake((*entry.keys, KEY), message, " → ".join((*ring, ring[0])))


def _unfit(entry: Entry, place: Keys, rule: Rule | None, other: Rule | None) -> Iterator[Mistake]:
    """Name a rule about a subject that can never be this rule's, nor the unit that answers for it."""
    if rule and other and other.about not in ("unit", rule.about):
        message = Phrase(
            "quy tắc này về {about}, không thể giải thích cảnh báo về {own}", about=other.about, own=rule.about
        )
        yield entry.document.mistake(place, message, other.id, f"unit, {rule.about}")


def _ring(start: str, rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """Give the shortest ring through a rule, itself first; rules that name themselves are another mistake."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    for way in ways:
        rule = rules.get(way[-1])
        for name in rule.inhibited_by if rule else ():
            if name == start and len(way) > 1:
                return way
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()
