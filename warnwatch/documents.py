"""YAML files as officials write them: bytes in; plain data with the place of every value, or every mistake, out.

YAML 1.2 with limits, and without what a plan's rules never need: no aliases, anchors, merge keys, tags or directives.
Dates and times stay text; keys are always text. The data is built from the parser's events, which carry the positions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from warnwatch.errors import Mistake, MistakesError, nearest_name
from warnwatch.language import Phrase
from warnwatch.typed_text import (
    CURLY_MESSAGE,
    CURLY_QUOTES,
    Place,
    decode,
    line_at,
    place_at,
    read_content,
    traces,
    with_odd_signs,
)

MAX_DEPTH = 20
MAX_NODES = 20_000
SHOWN_LENGTH = 80  # of what a mistake quotes
MAX_NUMBER_LENGTH = 400  # a longer number is a slip, and Python refuses to read integers of some thousand digits

Data: TypeAlias = "bool | int | float | str | list[Data] | dict[str, Data] | None"
Keys: TypeAlias = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# What ruamel's scanner lets through from Python on hostile text (a character above U+10FFFF, a broken directive).
_SCANNER_SLIPS = (ValueError, OverflowError, IndexError, AttributeError, TypeError, AssertionError, RecursionError)


@dataclass(frozen=True, slots=True)
class Span:
    """Where one value stands: offsets into the text, `key_start` being that of its key (or of the value itself)."""

    start: int
    end: int
    key_start: int
    style: str


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file as plain data; places are (line, column), both from 1."""

    shown: str
    data: Data
    text: str
    spans: Mapping[Keys, Span]

    def place(self, keys: Keys = ()) -> Place:
        """Say where the value under `keys` begins; for keys that are not there, where their nearest parent does."""
        return place_at(self.text, self._span(keys).start)

    def place_of_key(self, keys: Keys) -> Place:
        """Say where the key itself stands (for an item of a list: the item)."""
        return place_at(self.text, self._span(keys).key_start)

    def place_in(self, keys: Keys, offset: int) -> Place:
        """Say where the character `offset` of a text value stands, whatever its quotes, folds and indentation."""
        span = self._span(keys)
        value = self.value(keys)
        if not isinstance(value, str):
            return place_at(self.text, span.start + offset)
        return place_at(self.text, _raw_offset(self.text, span, value, offset))

    def value(self, keys: Keys) -> Data:
        """Give the value under `keys`, or None."""
        found = self.data
        for key in keys:
            if isinstance(found, dict) and isinstance(key, str):
                found = found.get(key)
            elif isinstance(found, list) and isinstance(key, int) and key < len(found):
                found = found[key]
            else:
                return None
        return found

    def written(self, keys: Keys) -> str:
        """Give the value under `keys` as it stands in the file."""
        span = self._span(keys)
        return self.text[span.start : span.end]

    def mistake(self, keys: Keys, message: str, found: str = "", allowed: str = "", nearest: str = "") -> Mistake:
        """Make a mistake that points at the value under `keys`; what nobody sees in that value is named with it."""
        value = self.value(keys)
        message = with_odd_signs(message, value if isinstance(value, str) and len(value) < SHOWN_LENGTH else found)
        return Mistake(self.shown, *self.place(keys), message, found[:SHOWN_LENGTH], allowed, nearest)

    def unknown_keys(self, keys: Keys, allowed: tuple[str, ...]) -> Iterator[Mistake]:
        """Name every key under `keys` that is not allowed, each with the nearest right one."""
        found = self.value(keys)
        for key in found if isinstance(found, dict) else ():
            if key not in allowed:
                place = self.place_of_key((*keys, key))
                shown = key[:SHOWN_LENGTH]
                nearest = nearest_name(key, allowed)
                message = with_odd_signs(Phrase("khóa không có trong danh mục"), shown)
                yield Mistake(self.shown, *place, message, shown, ", ".join(allowed), nearest)

    def _span(self, keys: Keys) -> Span:
        while keys not in self.spans:
            keys = keys[:-1]
        return self.spans[keys]


def read_document(path: Path, shown: str) -> Document:
    """Read one YAML file; `shown` is the name that mistakes give. Raise MistakesError, and nothing else."""
    return parse_document(read_content(path, shown), shown)


def parse_document(content: bytes, shown: str) -> Document:
    """Read YAML from bytes. An empty file gives None as data. Raise MistakesError, and nothing else."""
    text = decode(content, shown)
    builder = _Builder(shown, text)
    try:
        data = builder.build()
    except _LimitPassedError:
        raise MistakesError(builder.mistakes) from None
    except YAMLError as error:
        found = list(traces(text, shown)) or [_syntax_mistake(error, text, shown)]
        raise MistakesError([*builder.mistakes, *found]) from error
    except _SCANNER_SLIPS as error:
        raise MistakesError(
            [*builder.mistakes, Mistake(shown, 0, 0, Phrase("không đọc được YAML: {error}", error=error))]
        ) from error
    if builder.mistakes:
        raise MistakesError(builder.mistakes)
    return Document(shown, data, text, builder.spans)


class _LimitPassedError(Exception):
    """The file is past a limit: what was found so far is the whole answer."""


class _Builder:
    """One reading of one file: the events turned into data, the places and the mistakes gathered on the way."""

    def __init__(self, shown: str, text: str) -> None:
        self.shown = shown
        self.text = text
        self.spans: dict[Keys, Span] = {(): Span(0, 0, 0, "")}
        self.mistakes: list[Mistake] = []
        self._events: Iterator[Event] = iter(())
        self._nodes = 0

    def build(self) -> Data:
        """Read the only document of the file."""
        # The pure scanner: the C one gives no offsets, and reads YAML 1.1.
        self._events = iter(YAML(typ="safe", pure=True).parse(self.text))
        data: Data = None
        documents = 0
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if event.version or event.tags:
                    self._fault(event, Phrase("không dùng chỉ thị YAML (dòng bắt đầu bằng %)"))
                if documents > 1:
                    self._fault(event, Phrase("mỗi tệp chỉ có một tài liệu YAML; bỏ dòng ---"))
            elif isinstance(event, NodeEvent):
                data = self._value(event, (), event.start_mark.index)
        return data

    def _value(self, event: NodeEvent, keys: Keys, key_start: int) -> Data:
        self._check(event, keys)
        style = str(event.style or "") if isinstance(event, ScalarEvent) else ""
        start, end = event.start_mark.index, event.end_mark.index
        # A value that is not written has the place of whatever comes next: say its key's instead.
        self.spans[keys] = Span(start if end > start or not keys else key_start, end, key_start, style)
        if isinstance(event, MappingStartEvent):
            return self._mapping(keys)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(keys)
        return self._scalar(event) if isinstance(event, ScalarEvent) else None

    def _mapping(self, keys: Keys) -> Data:
        result: dict[str, Data] = {}
        for event in self._events:
            if not isinstance(event, NodeEvent):
                return result
            key = self._key(event, keys)
            if key in result:
                self._fault(event, Phrase("khóa ghi hai lần"), key)
            result[key] = self._value(self._next_node(), (*keys, key), event.start_mark.index)
        return result

    def _key(self, event: NodeEvent, keys: Keys) -> str:
        self._check(event, (*keys, ""))
        if isinstance(event, ScalarEvent):
            if event.value == "<<" and not event.style:
                self._fault(event, Phrase("không dùng khóa gộp << của YAML"))
            return str(event.value)
        self._fault(event, Phrase("khóa phải là một từ, không phải danh sách hay nhóm"))
        raise _LimitPassedError

    def _next_node(self) -> NodeEvent:
        event = next(self._events)
        if not isinstance(event, NodeEvent):  # the parser gives an empty scalar where no value is written
            raise _LimitPassedError
        return event

    def _sequence(self, keys: Keys) -> Data:
        result: list[Data] = []
        for event in self._events:
            if not isinstance(event, NodeEvent):
                break
            result.append(self._value(event, (*keys, len(result)), event.start_mark.index))
        return result

    def _scalar(self, event: ScalarEvent) -> Data:
        value = str(event.value)
        if event.style:
            return value
        if len(value) > 1 and value[0] in CURLY_QUOTES and value[-1] in CURLY_QUOTES and not _curly_inside(value):
            self._fault(event, CURLY_MESSAGE, value[0])
        if value in _WORDS:
            return _WORDS[value]
        if len(value) > MAX_NUMBER_LENGTH:
            return value
        if _INTEGER.fullmatch(value):
            return int(value)  # 010 is ten, as whoever writes it means
        if _FLOAT.fullmatch(value):
            return float(value)
        return float(value.replace(".", "")) if _INFINITE.fullmatch(value) else value

    def _check(self, event: NodeEvent, keys: Keys) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._fault(event, Phrase("tệp quá lớn: quá {most} giá trị", most=MAX_NODES))
            raise _LimitPassedError
        if len(keys) > MAX_DEPTH:
            self._fault(event, Phrase("lồng nhau quá sâu: quá {most} tầng", most=MAX_DEPTH))
            raise _LimitPassedError
        if isinstance(event, AliasEvent):
            self._fault(event, Phrase("không dùng tham chiếu (*) của YAML; hãy viết lại nội dung"), f"*{event.anchor}")
        if event.anchor and not isinstance(event, AliasEvent):
            self._fault(event, Phrase("không dùng neo (&) của YAML; hãy viết lại nội dung"), f"&{event.anchor}")
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag:
            written = self.text[event.start_mark.index :].split(maxsplit=1)[0]
            self._fault(event, Phrase("không dùng thẻ (!) của YAML"), written)

    def _fault(self, event: Event, message: str, found: str = "") -> None:
        line, column = place_at(self.text, event.start_mark.index)
        self.mistakes.append(Mistake(self.shown, line, column, message, found[:SHOWN_LENGTH]))


def _curly_inside(value: str) -> bool:
    return any(character in CURLY_QUOTES for character in value[1:-1])


def _raw_offset(text: str, span: Span, value: str, offset: int) -> int:
    """Find the character by counting those that are not blank: folds and indentation change only blanks."""
    raw = text[span.start : span.end]
    if span.style == '"' and "\\" in raw:
        return span.start
    start = 0
    if span.style in {"|", ">"}:
        start = raw.find("\n") + 1
    elif span.style:
        start = 1
    wanted = sum(not character.isspace() for character in value[:offset])
    at_end = offset >= len(value) or value[offset].isspace()
    position = start
    while position < len(raw):
        if not raw[position].isspace():
            if wanted == 0:
                break
            wanted -= 1
            position += span.style == "'" and raw.startswith("''", position)
            if wanted == 0 and at_end:
                return span.start + position + 1
        position += 1
    return span.start + position


def _syntax_mistake(error: YAMLError, text: str, shown: str) -> Mistake:
    if isinstance(error, ReaderError):
        place = place_at(text, error.position)
        found = f"U+{ord(text[error.position]):04X}"
        return Mistake(shown, *place, Phrase("có ký tự điều khiển không được phép; hãy xóa"), found)
    if not isinstance(error, MarkedYAMLError):
        return Mistake(shown, 0, 0, Phrase("không đọc được YAML: {error}", error=error))
    mark = error.problem_mark
    if str(error.problem).startswith(("could not find", "found unexpected end")):
        mark = error.context_mark or mark  # the line where it began, not the one where the reader gave up
    offset = mark.index if isinstance(mark, StringMark) else 0
    line_text = line_at(text, offset)
    line, column = place_at(text, offset)
    message = _syntax_message(str(error.problem), line_text)
    return Mistake(shown, line, column, message, line_text.strip()[:SHOWN_LENGTH])


_SYNTAX = (
    ("could not find expected ':'", Phrase("thiếu dấu hai chấm sau tên khóa")),
    (
        "mapping values are not allowed",
        Phrase("thừa dấu hai chấm hoặc thụt lề sai; câu có dấu hai chấm đặt trong ngoặc kép"),
    ),
    ("found unexpected end of stream", Phrase("thiếu dấu ngoặc kép đóng")),
    ("expected <block end>", Phrase("thụt lề không thẳng hàng, hoặc thừa chữ sau dấu ngoặc kép")),
    ("found '<stream end>'", Phrase("tệp dừng giữa chừng: thiếu dấu ngoặc đóng hoặc chưa ghi xong")),
    ("expected the node content", Phrase("thiếu giá trị, hoặc thừa dấu phẩy hay dấu ngoặc")),
    ("expected ',' or", Phrase("thiếu dấu phẩy hoặc dấu ngoặc đóng")),
    ("cannot start any token", Phrase("giá trị không được bắt đầu bằng ký tự này; hãy đặt cả câu trong ngoặc kép")),
)


def _syntax_message(problem: str, line_text: str) -> str:
    if any(character in CURLY_QUOTES for character in line_text):
        return CURLY_MESSAGE
    known = (message for start, message in _SYNTAX if start in problem)
    return next(known, Phrase("không đúng cú pháp YAML ({problem})", problem=problem))
