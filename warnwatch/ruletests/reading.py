"""Files of rule tests: bytes in; tests, or every mistake with its place, out. What a cell says, the import reads."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from warnwatch.documents import Document, Keys
from warnwatch.errors import Mistake, nearest_name
from warnwatch.language import Phrase
from warnwatch.notify.notification import Kind as TextKind
from warnwatch.plan.calendar import Duration
from warnwatch.plan.cells import CellError, read_date, read_instant
from warnwatch.rules.entry import Entry
from warnwatch.rules.rule import LEVELS, RuleBook
from warnwatch.ruletests.form import AHEAD_KEYS, EXPECT_KEYS, FILE_KEYS, HELD, KINDS, NONE, TEST_KEYS, UNIT, WORDS, Kind

# A date without a time: the hour at which a morning's round would find it.
MORNING = time(8)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TELL_FORM = Phrase("none, hoặc danh sách như [head DV, focal_point DV, overdue head CT, all_clear head]")

_NEXT_FORM = Phrase("none, hoặc danh sách như [head DV, head CT]")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that becomes known, or is done, at an instant. `cells` holds the other keys as written."""

    kind: Kind
    value: str
    at: datetime
    cells: Mapping[str, str]
    keys: Keys


@dataclass(frozen=True, slots=True)
class Told:
    """A notification that is expected: whose office; which kind of text and which level, where the test says."""

    office: str
    unit: str
    kind: str = ""
    level: str = ""

    def __str__(self) -> str:
        """Write it as a test does."""
        return " ".join(part for part in (self.kind, self.level, self.office, self.unit) if part)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One expected word about a subject of a rule, and where it stands."""

    rule: str
    subject: str
    word: str
    keys: Keys


@dataclass(frozen=True, slots=True)
class Ahead:
    """Who is expected to be told next, when, and whether the alert stands on the secretariat's list; None: not said."""

    rule: str
    subject: str
    told: tuple[Told, ...] | None
    at: datetime | None
    standing: bool | None
    keys: Keys


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must be so at an instant. `told`: since the expectation before; None where the test does not say."""

    at: datetime
    levels: tuple[Wanted, ...]
    told: tuple[Told, ...] | None
    keys: Keys
    ahead: Ahead | None = None


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test. `rules`: the only ones that are looked at, none meaning all; `every`: from one cycle to the next."""

    name: str
    document: Document
    keys: Keys
    rules: tuple[str, ...]
    every: Duration | None
    facts: tuple[Fact, ...]
    expectations: tuple[Expectation, ...]

    @property
    def place(self) -> str:
        """Say where the test stands, as `FILE:LINE`."""
        return f"{self.document.shown}:{self.document.place(self.keys)[0]}"

    @property
    def tells(self) -> bool:
        """Whether anything is said of notifications: then nobody may be told who is not named."""
        return any(one.told is not None for one in self.expectations)


@dataclass(slots=True)
class _Place:
    """What is known while one test is read: the rules it looks at, and the subjects that its facts name."""

    entry: Entry
    book: RuleBook
    zone: ZoneInfo
    rules: tuple[str, ...]
    subjects: dict[str, list[str]] = field(default_factory=dict)
    sure: bool = True


def read_tests(document: Document, book: RuleBook, zone: ZoneInfo, mistakes: list[Mistake]) -> list[RuleTest]:
    """Read the tests of one file; what is wrong with it goes to `mistakes`, and a test with mistakes is left out."""
    whole = Entry(document, (), mistakes)
    if document.data is None:
        mistakes.append(Mistake(document.shown, 0, 0, Phrase("tệp trống hoặc chưa ghi xong"), allowed="tests"))
        return []
    if not whole.only(FILE_KEYS):
        return []
    shared = [*_facts(whole, zone)]
    found = [_test(entry, book, zone, shared) for entry in whole.items("tests")]
    names: dict[str, str] = {}
    for test in found:
        if test and test.name in names:
            message = Phrase("hai kiểm thử cùng tên, tên này đã có ở {place}", place=names[test.name])
            mistakes.append(document.mistake((*test.keys, "name"), message, test.name))
        elif test:
            names[test.name] = test.place
    return [test for test in found if test]


def _test(entry: Entry, book: RuleBook, zone: ZoneInfo, shared: list[Fact]) -> RuleTest | None:
    before = len(entry.mistakes)
    if not entry.only(TEST_KEYS):
        return None
    ids = [rule.id for rule in book.rules]
    name = entry.text("name")
    rules = entry.names("rules", ids, Phrase("không có quy tắc này")) if "rules" in entry.values else ()
    every = entry.duration("every") if "every" in entry.values else None
    if every is not None and every.zero and len(entry.mistakes) == before:
        entry.complain("every", Phrase("khoảng cách giữa hai lần xét phải lớn hơn 0"), allowed="1h, 30m")
    facts = [*shared, *_facts(entry, zone)]
    # Where `rules` has a mistake, that is enough: what stands under `level` is not held against all the others.
    place = _Place(
        entry, book, zone, rules or tuple(ids), _subjects(facts), sure=bool(rules) or "rules" not in entry.values
    )
    expected = [one for inside in entry.items("expect") if (one := _expectation(inside, place))]
    expected.sort(key=lambda one: one.at)
    _check_order(entry, facts, expected)
    if len(entry.mistakes) > before:
        return None
    ordered = tuple(sorted(facts, key=lambda one: one.at))
    return RuleTest(name, entry.document, entry.keys, rules, every, ordered, tuple(expected))


def _check_order(entry: Entry, facts: list[Fact], expected: list[Expectation]) -> None:
    for one, other in itertools.pairwise(expected):
        if one.at == other.at:
            message = Phrase("thời điểm này đã có trong expect; ghi chung vào một mục")
            entry.mistakes.append(entry.document.mistake((*other.keys, "at"), message))
    for fact in facts if expected else ():
        if fact.at > expected[-1].at:
            message = Phrase("sự việc này ở sau thời điểm cuối cùng của expect, không được kiểm tra")
            entry.mistakes.append(entry.document.mistake(fact.keys, message))


# --- facts ----------------------------------------------------------------------------------------------------------


def _facts(entry: Entry, zone: ZoneInfo) -> Iterator[Fact]:
    if "facts" not in entry.values:
        return
    at: datetime | None = None
    for inside in entry.items("facts"):
        kind = next((kind for word, kind in KINDS.items() if word in inside.values), None)
        if kind is None:
            message, allowed = (
                Phrase("không rõ đây là sự việc gì: thiếu một trong các khóa được phép"),
                ", ".join(KINDS),
            )
            near = next((near for key in inside.values if (near := nearest_name(key, KINDS))), "")
            entry.mistakes.append(entry.document.mistake(inside.keys, message, ", ".join(inside.values), allowed, near))
            continue
        at = _instant(inside, "at", zone) if "at" in inside.values or at is None else at
        cells = {key: text for key in inside.values if (text := _cell(inside, kind, key)) is not None}
        value = written(inside, kind.word)
        if not value:
            inside.complain(kind.word, Phrase("khóa {name} cần một mã", name=kind.word))
        if at is not None:
            yield Fact(kind, value, at, cells, inside.keys)


def _cell(entry: Entry, kind: Kind, key: str) -> str | None:
    if key in ("at", kind.word):
        return None
    if not kind.knows(key):
        place = entry.document.place_of_key((*entry.keys, key))
        allowed = ("at", *kind.keys())
        message = Phrase("khóa không có trong danh mục")
        near = nearest_name(key, allowed)
        entry.mistakes.append(Mistake(entry.document.shown, *place, message, key, ", ".join(allowed), near))
        return None
    if isinstance(entry.values[key], dict | list):
        entry.complain(key, Phrase("khóa {name} cần một giá trị", name=key))
        return None
    return written(entry, key)


def written(entry: Entry, key: str) -> str:
    """Give a value as it was written: `007` stays a code, and `12,50` whatever the import makes of it."""
    value = entry.values.get(key)
    if value is None or isinstance(value, str | dict | list):
        return value.strip() if isinstance(value, str) else ""
    span = entry.document.spans[*entry.keys, key]
    return entry.document.text[span.start : span.end]


def _instant(entry: Entry, key: str, zone: ZoneInfo) -> datetime | None:
    text = written(entry, key)
    if not text:
        entry.complain_missing(key)
        return None
    try:
        try:
            return datetime.combine(read_date(text), MORNING, zone).astimezone(UTC)
        except CellError:
            return _EPOCH + timedelta(microseconds=read_instant(text, zone, end=False))
    except CellError as error:
        entry.complain(key, error.args[0], text, error.allowed)
        return None


def _subjects(facts: list[Fact]) -> dict[str, list[str]]:
    """Name the subjects that facts speak of, by kind: an expectation may leave out the only one."""
    found: dict[str, dict[str, None]] = {"task": {}, "unit": {}, "kpi": {}, "source": {}}
    for fact in facts:
        if fact.kind.word == "kpi":
            found["kpi"][f"{fact.value}/{fact.cells.get('unit') or UNIT}"] = None
        elif fact.kind.word in found:
            found[fact.kind.word][fact.value] = None
    found["unit"] = found["unit"] or {UNIT: None}
    return {about: list(codes) for about, codes in found.items()}


# --- expectations ---------------------------------------------------------------------------------------------------


def _expectation(entry: Entry, place: _Place) -> Expectation | None:
    before = len(entry.mistakes)
    if not entry.only((*EXPECT_KEYS, *place.rules)):
        return None
    at = _instant(entry, "at", place.zone)
    levels: list[Wanted] = []
    for key in entry.values:
        if key == "level" and not place.sure:
            _are_words(entry, key)
        elif key == "level" and len(place.rules) > 1:
            message = Phrase("khóa level chỉ dùng khi kiểm thử xét một quy tắc; hãy ghi mã quy tắc")
            entry.complain(key, message, allowed=", ".join(place.rules))
        elif key == "level" or key in place.rules:
            levels += _wanted(entry, key, place.rules[0] if key == "level" else key, place)
    told = told_in(entry, "tell", _TELL_FORM) if "tell" in entry.values else None
    ahead = _ahead(entry, place) if any(key in entry.values for key in AHEAD_KEYS) else None
    if not levels and told is None and ahead is None and len(entry.mistakes) == before:
        message, allowed = (
            Phrase("không mong đợi gì: thiếu mức cảnh báo và tell"),
            ", ".join((*EXPECT_KEYS, *place.rules)),
        )
        entry.mistakes.append(entry.document.mistake(entry.keys, message, allowed=allowed))
    if at is None or len(entry.mistakes) > before:
        return None
    return Expectation(at, tuple(levels), told, entry.keys, ahead)


def _wanted(entry: Entry, key: str, rule_id: str, place: _Place) -> Iterator[Wanted]:
    about = place.book.rule(rule_id).about
    value = entry.values[key]
    if isinstance(value, dict):
        inside = entry.inside(key)
        for subject in value:
            if _is_word(inside, subject):
                code = f"{subject}/{UNIT}" if about == "kpi" and "/" not in subject else subject
                yield Wanted(rule_id, code, str(value[subject]), (*inside.keys, subject))
        return
    known = place.subjects.get(about, [])
    if len(known) != 1:
        message = Phrase("không rõ mức của đối tượng nào: các sự việc nêu {count} đối tượng", count=len(known))
        entry.complain(key, message, str(value), Phrase("mã và mức, như NV-1: warning"))
    elif _is_word(entry, key):
        yield Wanted(rule_id, known[0], str(value), (*entry.keys, key))


def _are_words(entry: Entry, key: str) -> None:
    inside = entry.inside(key) if isinstance(entry.values[key], dict) else None
    for name in inside.values if inside else ():
        _is_word(inside or entry, name)
    if inside is None:
        _is_word(entry, key)


def _is_word(entry: Entry, key: str) -> bool:
    word = entry.values[key]
    if isinstance(word, str) and word in WORDS:
        return True
    found = NONE if word is None else str(word)
    entry.complain(key, Phrase("mức không có trong danh mục"), found, ", ".join(WORDS), nearest_name(found, WORDS))
    return False


def _ahead(entry: Entry, place: _Place) -> Ahead | None:
    """Read what is said of the only alert that a test is about: who is told next, when, whether it stands."""
    named = next(key for key in AHEAD_KEYS if key in entry.values)
    known = place.subjects.get(place.book.rule(place.rules[0]).about, []) if place.rules else []
    if place.sure and (len(place.rules) != 1 or len(known) != 1):
        message = Phrase("khóa {name} chỉ dùng khi kiểm thử xét một quy tắc và một đối tượng", name=named)
        entry.complain(named, message)
    told = told_in(entry, "next", _NEXT_FORM) if "next" in entry.values else None
    if told and any(one.kind or one.level for one in told):
        entry.complain("next", Phrase("next chỉ nêu chức vụ và đơn vị"), allowed=_NEXT_FORM)
    at = _instant(entry, "next_at", place.zone) if "next_at" in entry.values else None
    standing = entry.values.get("standing")
    if "standing" in entry.values and not isinstance(standing, bool):
        entry.complain("standing", Phrase("khóa standing cần true hoặc false"), str(standing), "true, false")
    if not place.rules or len(known) != 1:
        return None
    return Ahead(place.rules[0], known[0], told, at, standing if isinstance(standing, bool) else None, entry.keys)


def told_in(entry: Entry, key: str, form: str) -> tuple[Told, ...]:
    """Read who is told, one or a list, under a key."""
    value = entry.values[key]
    if value in (NONE, []):
        return ()
    found: list[Told] = []
    for index, one in enumerate(value if isinstance(value, list) else [value]):
        keys = (*entry.keys, key, index) if isinstance(value, list) else (*entry.keys, key)
        told = _one_told(one) if isinstance(one, str) else None
        if told:
            found.append(told)
        else:
            message = Phrase("không rõ ai được báo: cần một chức vụ ({offices})", offices=", ".join(HELD))
            near = nearest_name(str(one).split(" ", 1)[0], HELD)
            entry.mistakes.append(entry.document.mistake(keys, message, str(one), form, near))
    return tuple(found)


def _one_told(text: str) -> Told | None:
    """Read `head`, `head CT`, `overdue critical head DV`: an office, before it kind and level, after it the unit."""
    kind = level = office = unit = ""
    for word in text.split():
        if unit or (office and word in (*LEVELS, *HELD)):
            return None
        if office:
            unit = word
        elif word in HELD:
            office = word
        elif word in LEVELS and not level:
            level = word
        elif word in list(TextKind) and not kind:
            kind = word
        else:
            return None
    return Told(office, unit or UNIT, kind, level) if office else None
