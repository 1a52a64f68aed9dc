"""One group of keys in a rule file, read strictly: each question gives a value, or notes a mistake and a stand-in."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from warnwatch.documents import Document, Keys
from warnwatch.errors import Mistake, nearest_name
from warnwatch.language import Phrase, together
from warnwatch.plan.calendar import Duration, parse_duration
from warnwatch.rules.expression import Column, Expression, ExpressionError, Fault, Wanted, compile_expression
from warnwatch.rules.grammar import THOUSANDS
from warnwatch.rules.rule import LEVELS, Level

RULE_KEYS = (
    "id",
    "title",
    "about",
    "where",
    "measure",
    "below",
    "above",
    "for",
    "keep",
    "clear",
    "from",
    "until",
    "text",
    "escalation",
    "answers",
    "guidance",
    "source",
    "labels",
    "inhibited_by",
    "replaces",
)
# What makes a rule itself; all else a file's `defaults` may say for its rules.
_OWN_KEYS = frozenset({"id", "title", "where", "measure", "below", "above", "answers", "inhibited_by", "replaces"})
DEFAULT_KEYS = tuple(key for key in RULE_KEYS if key not in _OWN_KEYS)
POLICY_KEYS = ("id", "title", "cap", "levels")
STEP_KEYS = ("after", "tell", "channels", "repeat", "times")
# Of a wait in proportion to a task's planned length.
SHARE_KEYS = ("share", "at_least", "at_most")
CHANNEL_KEYS = ("quiet_hours", "quiet_days", "overrides", "digest_cap")
_KNOWN_KEYS = frozenset({*RULE_KEYS, *POLICY_KEYS, *STEP_KEYS, *SHARE_KEYS, *CHANNEL_KEYS})
ZERO = Duration(0, "minute")
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2}\.000")


@dataclass(frozen=True, slots=True)
class Entry:
    """The mapping under `keys` of a document. `mistakes` and `warnings` are shared by all entries of one reading.

    `defaults`: the mapping that answers for keys which this one does not have; what is wrong there is noted there.
    """

    document: Document
    keys: Keys
    mistakes: list[Mistake]
    warnings: list[Mistake] = field(default_factory=list)
    defaults: Entry | None = None

    @property
    def values(self) -> Mapping[str, object]:
        """The keys and values as plain data, defaults among them; empty where the file has no mapping."""
        return {**self.defaults.own, **self.own} if self.defaults else self.own

    @property
    def own(self) -> Mapping[str, object]:
        """The keys and values that stand in this mapping itself."""
        value = self.document.value(self.keys)
        return value if isinstance(value, dict) else {}

    def path(self, name: str, *further: str | int) -> Keys:
        """Say where the value of a key stands: here, or in the defaults."""
        home = self.defaults if self.defaults and name not in self.own and name in self.defaults.own else self
        return (*home.keys, name, *further)

    def complain(self, name: str, message: str, found: str = "", allowed: str = "", nearest: str = "") -> None:
        """Note a mistake at one of the keys; at the whole entry for a key that is not there."""
        self.mistakes.append(self.document.mistake(self.path(name), message, found, allowed, nearest))

    def complain_missing(self, *names: str) -> None:
        """Note that one of these keys is missing, unless a misspelt one (a mistake already) was meant for it."""
        if not any(nearest_name(key, names) for key in self.own if key not in _KNOWN_KEYS):
            self.complain("", Phrase("thiếu khóa {names}", names=together(names, Phrase(" hoặc "))))

    def only(self, allowed: tuple[str, ...]) -> bool:
        """Say whether this is a mapping, and note every key that is not allowed."""
        if not isinstance(self.document.value(self.keys), dict):
            shown = ", ".join(allowed)
            self.mistakes.append(self.document.mistake(self.keys, Phrase("cần một nhóm khóa: giá trị"), allowed=shown))
            return False
        self.mistakes.extend(self.document.unknown_keys(self.keys, allowed))
        return True

    def text(self, name: str, *, required: bool = True) -> str:
        """Give the text under a key, or an empty one."""
        value = self.values.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if name in self.values:
            self.complain(name, Phrase("khóa {name} cần một câu chữ", name=name), "" if value is None else str(value))
        elif required:
            self.complain_missing(name)
        return ""

    def choice(self, name: str, allowed: Collection[str], message: str) -> str:
        """Give the text under a key if it is one of the allowed, or an empty one."""
        value = self.text(name)
        if value and value not in allowed:
            self.complain(name, message, value, ", ".join(sorted(allowed)), nearest_name(value, allowed))
            return ""
        return value

    def duration(self, name: str) -> Duration:
        """Give the wait under a key; none when the key is not there."""
        value = self.values.get(name, 0)
        if isinstance(value, str | int) and not isinstance(value, bool):
            try:
                return parse_duration(value)
            except ValueError as error:
                self.complain(name, str(error))
                return ZERO
        self.complain(
            name,
            Phrase("khóa {name} cần một khoảng thời gian", name=name),
            str(value),
            "1 working day, 4 working hours, 2h, 0",
        )
        return ZERO

    def items(self, name: str) -> list[Entry]:
        """Give an entry for each item of the list under a key; an empty list is a mistake."""
        value = self.values.get(name)
        if not isinstance(value, list) or not value:
            if name in self.values:
                self.complain(name, Phrase("khóa {name} cần một danh sách có ít nhất một mục", name=name))
            else:
                self.complain_missing(name)
            return []
        return [self.inside(name, index) for index in range(len(value))]

    def names(self, name: str, allowed: Collection[str], message: str) -> tuple[str, ...]:
        """Give the names under a key, one or a list; each must be allowed and stand there once."""
        value = self.values.get(name)
        found = value if isinstance(value, list) else [] if value is None else [value]
        if name not in self.values:
            self.complain_missing(name)
        elif not found:
            self.complain(name, Phrase("khóa {name} trống", name=name))
        names: list[str] = []
        for index, item in enumerate(found):
            keys = self.path(name, index) if isinstance(value, list) else self.path(name)
            word = str(item)
            if word not in allowed:
                nearest = nearest_name(word, allowed)
                self.mistakes.append(self.document.mistake(keys, message, word, ", ".join(allowed), nearest))
            elif word in names:
                self.mistakes.append(self.document.mistake(keys, Phrase("ghi hai lần"), word))
            else:
                names.append(word)
        return tuple(names)

    def levels(self, name: str) -> dict[Level, Keys]:
        """Give where each level's value stands under a key, lowest level first; note the names that are no level."""
        value = self.values.get(name)
        if name not in self.values:
            self.complain_missing(name)
            return {}
        if not isinstance(value, dict) or not value:
            self.complain(name, Phrase("khóa {name} cần ít nhất một mức", name=name), allowed=", ".join(LEVELS))
            return {}
        for word in value:
            if word not in LEVELS:
                place = self.document.place_of_key(self.path(name, word))
                nearest = nearest_name(word, LEVELS)
                message = Phrase("mức không có trong danh mục")
                if ")" in word:  # YAML took the comma of an expression for its own
                    message = Phrase("biểu thức có dấu phẩy trong { }; hãy viết mỗi mức trên một dòng riêng")
                if word.isdigit():  # {notice: 0,5}
                    message = Phrase("dấu phẩy thập phân trong { }; hãy viết số lẻ với dấu chấm")
                self.mistakes.append(Mistake(self.document.shown, *place, message, word, ", ".join(LEVELS), nearest))
        return {level: self.path(name, word) for word, level in LEVELS.items() if word in value}

    def texts(self, name: str, levels: Collection[Level]) -> dict[Level, str]:
        """Give a text for each of the levels: one for all, or each its own."""
        if not isinstance(self.values.get(name), dict):
            text = self.text(name)
            return dict.fromkeys(levels, text) if text else {}
        texts = {level: self.inside(name).text(keys[-1]) for level, keys in self.levels(name).items()}  # type: ignore[arg-type]
        for level in levels:
            if level not in texts:
                self.complain(name, Phrase("khóa {name} thiếu mức {word}", name=name, word=level.word))
        return texts

    def expression(self, keys: Keys, wanted: Wanted, columns: Mapping[str, Column], codes: Codes) -> Expression | None:
        """Compile the number or text under `keys`; note every fault at its own place."""
        value = self.document.value(keys)
        if not isinstance(value, str | int | float):
            self.mistakes.append(self.document.mistake(keys, Phrase("cần một số hoặc một biểu thức")))
            return None
        if self.has_thousands(keys):
            return None
        try:
            expression = compile_expression(value, wanted, columns, codes)
        except ExpressionError as error:
            self.mistakes.extend(self._at(keys, fault, str(value)) for fault in error.faults)
            return None
        self.warnings.extend(self._at(keys, fault, str(value)) for fault in expression.warnings)
        return expression

    def has_thousands(self, keys: Keys) -> bool:
        """Note a number such as 1.000, which its writer means as a thousand and YAML reads as one."""
        written = self.document.written(keys)
        wrong = isinstance(self.document.value(keys), float) and _THOUSANDS.fullmatch(written) is not None
        if wrong:
            mistake = self.document.mistake(keys, THOUSANDS, written, nearest=written.replace(".", ""))
            self.mistakes.append(mistake)
        return wrong

    def inside(self, name: str, *further: str | int) -> Entry:
        """Give the entry further in."""
        return Entry(self.document, self.path(name, *further), self.mistakes, self.warnings)

    def _at(self, keys: Keys, fault: Fault, text: str) -> Mistake:
        place = self.document.place_in(keys, fault.offset)
        found = fault.found
        if fault.offset and place == self.document.place(keys):  # escapes hide where the character stands
            found = fault.caret(text)
        return Mistake(self.document.shown, *place, fault.message, found, fault.allowed, fault.nearest)


Codes = Mapping[str, frozenset[str]]
