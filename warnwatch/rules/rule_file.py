"""Rules as the secretariat writes them: one entry of a rule file in; a rule, or its mistakes, out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from warnwatch.errors import nearest_name
from warnwatch.language import Phrase
from warnwatch.rules.entry import RULE_KEYS, Codes, Entry
from warnwatch.rules.expression import Column, Expression, compile_expression
from warnwatch.rules.margins import read_clear, read_labels, read_period
from warnwatch.rules.rule import About, Direction, Level, Rule, Rung
from warnwatch.rules.rule_names import read_names

RULE_ID = re.compile(r"[a-z][a-z0-9-]{0,63}")
Columns = Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What rules may speak of: the columns of each kind of subject, the kinds of text, the plan's codes.

    `codes` are those of a column, such as `unit`, or of one that means something else elsewhere, such as `task.code`.
    """

    catalogue: Mapping[str, Columns]
    kinds: Collection[str]
    codes: Codes

    def codes_of(self, about: str) -> Codes:
        """Give the codes that the columns of one kind of subject can have, by column."""
        return {key.removeprefix(f"{about}."): known for key, known in self.codes.items()}


def read_rule(entry: Entry, vocabulary: Vocabulary) -> Rule | None:
    """Read one rule; give None when anything in it is wrong (the entry has the mistakes)."""
    before = len(entry.mistakes)
    if not entry.only(RULE_KEYS):
        return None
    first_day, last_day = read_period(entry)
    about = entry.choice("about", vocabulary.catalogue, Phrase("quy tắc không thể nói về đối tượng này"))
    columns = vocabulary.catalogue.get(about, {})
    direction = _direction(entry)
    # Without a subject no column is known: its own mistake is enough.
    codes = vocabulary.codes_of(about)
    rungs = _rungs(entry, direction, columns, codes) if about and direction else {}
    where = _where(entry, columns, codes) if about else None
    rule = Rule(
        id=read_id(entry),
        title=entry.texts("title", rungs),
        about=cast("About", about),
        where=where or compile_expression("true", "boolean", {}),
        where_text=where.text if where else "true",
        measure=_measure(entry, columns) if about else "",
        direction=cast("Direction", direction),
        rungs=rungs,
        hold_for=entry.duration("for"),
        keep=entry.duration("keep"),
        text=_text_kinds(entry, rungs, vocabulary.kinds),
        escalation=entry.text("escalation"),
        guidance=entry.text("guidance"),
        source=entry.text("source", required=False),
        file=entry.document.shown,
        line=entry.document.place(entry.keys)[0],
        answers=_answers(entry, columns) if about else "",
        clear=read_clear(entry),
        first_day=first_day,
        last_day=last_day,
        labels=read_labels(entry),
        places=_places(entry, direction, rungs),
        inhibited_by=read_names(entry, "inhibited_by"),
        replaces=read_names(entry, "replaces"),
    )
    return rule if len(entry.mistakes) == before else None


def _places(entry: Entry, direction: str, rungs: Collection[Level]) -> dict[str, tuple[int, int]]:
    keys = {level.word: entry.path(direction, level.word) for level in rungs}
    keys |= {name: entry.path(name) for name in ("where", "measure") if name in entry.values}
    return {word: entry.document.place(path) for word, path in keys.items()}


def read_id(entry: Entry) -> str:
    """Read the `id` of a rule or policy."""
    value = entry.text("id")
    if value and not RULE_ID.fullmatch(value):
        entry.complain(
            "id", Phrase("mã sai: bắt đầu bằng chữ thường, chỉ gồm chữ thường không dấu, chữ số và gạch nối"), value
        )
        return ""
    return value


def _measure(entry: Entry, columns: Columns) -> str:
    measure = entry.text("measure")
    numbers = [name for name, column in columns.items() if column.kind == "number"]
    if measure and measure not in numbers:
        message = (
            Phrase("chỉ tiêu đo phải là số") if measure in columns else Phrase("chỉ tiêu đo không có trong danh mục")
        )
        entry.complain("measure", message, measure, ", ".join(sorted(numbers)), nearest_name(measure, numbers))
    return measure


def _answers(entry: Entry, columns: Columns) -> str:
    codes = [name for name, column in columns.items() if column.kind == "code" and name != "code"]
    return entry.choice("answers", codes, Phrase("không phải cột ghi mã đơn vị")) if "answers" in entry.values else ""


def _where(entry: Entry, columns: Columns, codes: Codes) -> Expression | None:
    if "where" not in entry.values:
        return None
    return entry.expression(entry.path("where"), "boolean", columns, codes)


def _direction(entry: Entry) -> str:
    given = [name for name in ("below", "above") if name in entry.values]
    if len(given) == 1:
        return given[0]
    if given:
        entry.complain(given[1], Phrase("chỉ được ghi một trong hai khóa below và above"))
    else:
        entry.complain_missing("below", "above")
    return ""


def _rungs(entry: Entry, direction: str, columns: Columns, codes: Codes) -> dict[Level, Rung]:
    rungs: dict[Level, Rung] = {}
    places = entry.levels(direction)
    for level, keys in places.items():
        expression = entry.expression(keys, "number", columns, codes)
        if expression:
            rungs[level] = Rung(expression.text, expression)
    constants = [(level, value) for level, rung in rungs.items() if (value := rung.expression.constant()) is not None]
    for (lower, easier), (higher, harder) in pairwise(constants):
        if (harder >= easier) if direction == "below" else (harder <= easier):
            wanted = Phrase("nhỏ hơn") if direction == "below" else Phrase("lớn hơn")
            message = Phrase(
                "bậc ngưỡng ngược: ngưỡng {higher} phải {wanted} ngưỡng {lower} ({limit})",
                higher=higher.word,
                wanted=wanted,
                lower=lower.word,
                limit=rungs[lower].text,
            )
            entry.mistakes.append(entry.document.mistake(places[higher], message, rungs[higher].text))
    return rungs


def _text_kinds(entry: Entry, levels: Collection[Level], kinds: Collection[str]) -> dict[Level, str]:
    texts = entry.texts("text", levels)
    by_level = isinstance(entry.values.get("text"), dict)
    wrong = {text: level for level, text in reversed(texts.items()) if text and text not in kinds}
    for text, level in wrong.items():
        keys = entry.path("text", level.word) if by_level else entry.path("text")
        message, nearest = Phrase("loại thông báo không có trong danh mục"), nearest_name(text, kinds)
        entry.mistakes.append(entry.document.mistake(keys, message, text, ", ".join(sorted(kinds)), nearest))
    return texts
