"""What `warnwatch test` says: a diff for people, JSON for a script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from warnwatch.language import Phrase, together
from warnwatch.rules.rule import LEVELS, Rule, RuleBook
from warnwatch.ruletests.form import NONE, NOT_APPLICABLE, PENDING, UNKNOWN
from warnwatch.ruletests.reading import Told
from warnwatch.ruletests.running import (
    ABSENT,
    FAILED,
    AheadDifference,
    Difference,
    LevelDifference,
    Mail,
    TellDifference,
    TestResult,
)
from warnwatch.ruletests.suite import SILENT, SuiteResult

_DAYS = (
    Phrase("thứ Hai"),
    Phrase("thứ Ba"),
    Phrase("thứ Tư"),
    Phrase("thứ Năm"),
    Phrase("thứ Sáu"),
    Phrase("thứ Bảy"),
    Phrase("Chủ nhật"),
)
_DEEP = " " * 6
_STANDING: Mapping[bool, str] = {
    True: Phrase("nằm trong danh sách của cơ quan thường trực"),
    False: Phrase("chưa nằm trong danh sách của cơ quan thường trực"),
}
_WORDS: Mapping[str, str] = {
    NONE: Phrase("không có cảnh báo"),
    PENDING: Phrase("chờ đủ thời gian để mở"),
    NOT_APPLICABLE: Phrase("không áp dụng: điều kiện where không đúng"),
    UNKNOWN: Phrase("chưa xác định: thiếu số liệu"),
    "cured": Phrase("đã kết thúc vì đã khắc phục"),
    "closed": Phrase("đã đóng theo văn bản"),
    ABSENT: Phrase("kế hoạch lúc này không có đối tượng này"),
    FAILED: Phrase("quy tắc lỗi khi xét"),
    **{word: level.vietnamese for word, level in LEVELS.items()},
}


def suite_lines(suite: SuiteResult, zone: ZoneInfo, language: str, *, coverage: bool) -> Iterator[str]:
    """Say every difference, how many tests there were, and what no test reaches; with `coverage` rule by rule."""
    for result in suite.failed:
        yield from _result_lines(result, suite.book, zone, language)
        yield ""
    failed, passed = len(suite.failed), len(suite.results) - len(suite.failed)
    yield Phrase("{passed} kiểm thử đạt, {failed} không đạt.", passed=passed, failed=failed)
    if coverage:
        for rule, words in suite.coverage.items():
            marks = (together(("✓ " if reached else "✗ ", _reached_word(word))) for word, reached in words.items())
            yield together((f"  {rule}: ", together(marks, ", ")))
        for policy, steps in suite.steps.items():
            called = (f"{'✓' if reached else '✗'} {step}" for step, reached in steps.items())
            yield together((f"  {policy}: ", together(called, ", ")))
    if coverage or suite.whole:
        yield _gaps_line(suite)
        yield _uncalled_line(suite)


def _gaps_line(suite: SuiteResult) -> str:
    whole = len(suite.coverage) - len(suite.gaps)
    said = Phrase("{whole}/{all} quy tắc được kiểm thử ở mọi mức.", whole=whole, all=len(suite.coverage))
    if not suite.gaps:
        return said
    gaps = (
        together((f"{rule} (", together(map(_reached_word, words), ", "), ")")) for rule, words in suite.gaps.items()
    )
    return Phrase("{said} Chưa có kiểm thử: {gaps}", said=said, gaps=together(gaps, "; "))


def _uncalled_line(suite: SuiteResult) -> str:
    whole = len(suite.steps) - len(suite.uncalled)
    said = Phrase("{whole}/{all} chính sách được kiểm thử ở mọi bước.", whole=whole, all=len(suite.steps))
    if not suite.uncalled:
        return said
    gaps = (f"{policy} ({', '.join(steps)})" for policy, steps in suite.uncalled.items())
    return Phrase("{said} Chưa có kiểm thử: {gaps}", said=said, gaps=together(gaps, "; "))


def _reached_word(word: str) -> str:
    return Phrase("không cảnh báo") if word == SILENT else word


def _result_lines(result: TestResult, book: RuleBook, zone: ZoneInfo, language: str) -> Iterator[str]:
    yield f"✗ {result.test.place}: {result.test.name}"
    for mistake in result.mistakes:
        yield f"  {mistake.said(language)}"
    for difference in result.differences:
        if isinstance(difference, LevelDifference):
            yield from _level_lines(result, difference, book.rule(difference.wanted.rule), zone)
        elif isinstance(difference, AheadDifference):
            yield from _ahead_lines(result, difference, zone)
        else:
            yield from _tell_lines(result, difference, zone)
    for note in result.notes:
        yield together(("  ", Phrase("lưu ý: {warning}", warning=note.said(language))))


def _level_lines(result: TestResult, one: LevelDifference, rule: Rule, zone: ZoneInfo) -> Iterator[str]:
    line, _ = result.test.document.place(one.wanted.keys)
    place, at = f"  {result.test.document.shown}:{line}", moment(one.at, zone)
    yield Phrase(
        "{place}, {at}, quy tắc {rule}, {subject}:", place=place, at=at, rule=rule.id, subject=one.wanted.subject
    )
    yield together(("    - ", Phrase("mong đợi: {word}", word=_worded(one.wanted.word))))
    yield together(("    + ", Phrase("thực tế:  {word}", word=_worded(one.found))))
    if one.failure:
        yield f"{_DEEP}{one.failure}"
    if one.found in (ABSENT, FAILED):
        return
    sign = "<" if rule.direction == "below" else ">"
    limits = together((together((f"{word} {sign} ", _value(limit))) for word, limit in one.thresholds.items()), ", ")
    yield together(
        (
            _DEEP,
            Phrase(
                "{measure} = {value}; ngưỡng: {limits}", measure=rule.measure, value=_value(one.value), limits=limits
            ),
        )
    )
    others = {name: value for name, value in one.values.items() if name != rule.measure}
    if others:
        values = together((together((f"{name} = ", _value(value))) for name, value in others.items()), ", ")
        yield together((_DEEP, Phrase("số liệu: {values}", values=values)))
    place = f"{rule.file}:{rule.line}"
    yield together((_DEEP, Phrase("điều kiện: {where} ({place})", where=rule.where_text, place=place)))


def _tell_lines(result: TestResult, one: TellDifference, zone: ZoneInfo) -> Iterator[str]:
    place = f"  {result.test.document.shown}:{result.test.document.place(one.expectation.keys)[0]}"
    since, at = moment(one.since, zone), moment(one.at, zone)
    yield (
        Phrase("{place}, thông báo lúc {at}:", place=place, at=at)
        if one.since == one.at
        else Phrase("{place}, thông báo sau {since} đến {at}:", place=place, since=since, at=at)
    )
    for told in one.missing:
        yield together(("    - ", Phrase("mong đợi: {told}; không có", told=told)))
    for mail in one.unexpected:
        yield together(
            (
                "    + ",
                Phrase("thực tế:  {told}, {at}; không mong đợi", told=mail.told, at=moment(mail.at, zone)),
                together(_about(mail)),
            )
        )


def _ahead_lines(result: TestResult, one: AheadDifference, zone: ZoneInfo) -> Iterator[str]:
    wanted, place = one.wanted, f"  {result.test.document.shown}:{result.test.document.place(one.wanted.keys)[0]}"
    at = moment(one.at, zone)
    yield Phrase("{place}, {at}, báo tiếp về {subject}:", place=place, at=at, subject=wanted.subject)
    expected = [_next_said(wanted.told)] if wanted.told is not None else []
    expected += [Phrase("lúc {at}", at=moment(wanted.at, zone))] if wanted.at else []
    expected += [_STANDING[wanted.standing]] if wanted.standing is not None else []
    found = [_next_said(one.told), *([Phrase("lúc {at}", at=moment(one.next_at, zone))] if one.next_at else [])]
    yield together(("    - ", Phrase("mong đợi: {word}", word=together(expected, ", "))))
    yield together(("    + ", Phrase("thực tế:  {word}", word=together((*found, _STANDING[one.standing]), ", "))))


def _next_said(told: Sequence[Told]) -> str:
    return ", ".join(map(str, told)) or Phrase("không còn ai")


def _about(mail: Mail) -> Iterator[str]:
    named = ", ".join(f"{rule} {subject}" for rule, subject in mail.about)
    if named:
        yield f" ({named})"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Write an instant with its weekday, which most rules turn on."""
    local = at.astimezone(zone)
    return Phrase("{day} {at:%d/%m/%Y %H:%M}", day=_DAYS[local.weekday()], at=local)


def _worded(word: str) -> str:
    return together((f"{word} – ", _WORDS[word]))


def _value(value: object) -> str:
    if value is None:
        return Phrase("chưa có")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def suite_json(suite: SuiteResult) -> Mapping[str, Any]:
    """Give the words of `warnwatch test --json`: passed, failed, tests with their differences, coverage by rule."""
    return {
        "passed": len(suite.results) - len(suite.failed),
        "failed": len(suite.failed),
        "tests": [_result_json(result, suite.book) for result in suite.results],
        "coverage": suite.coverage,
        "steps": suite.steps,
    }


def _result_json(result: TestResult, book: RuleBook) -> Mapping[str, Any]:
    test = result.test
    line, column = test.document.place(test.keys)
    return {
        "name": test.name,
        "file": test.document.shown,
        "line": line,
        "column": column,
        "passed": result.passed,
        "cycles": result.cycles,
        "mistakes": [one.as_json() for one in result.mistakes],
        "differences": [_difference_json(one, result, book) for one in result.differences],
    }


def _difference_json(one: Difference, result: TestResult, book: RuleBook) -> Mapping[str, Any]:
    if isinstance(one, LevelDifference):
        return _level_json(one, result, book)
    return _ahead_json(one, result) if isinstance(one, AheadDifference) else _tell_json(one, result)


def _ahead_json(one: AheadDifference, result: TestResult) -> Mapping[str, Any]:
    wanted = one.wanted
    expected = {
        "next": None if wanted.told is None else [str(told) for told in wanted.told],
        "next_at": wanted.at.isoformat() if wanted.at else None,
        "standing": wanted.standing,
    }
    found = {
        "next": [str(told) for told in one.told],
        "next_at": one.next_at.isoformat() if one.next_at else None,
        "standing": one.standing,
    }
    line, _ = result.test.document.place(wanted.keys)
    named = {"kind": "next", "line": line, "at": one.at.isoformat(), "rule": wanted.rule, "subject": wanted.subject}
    return {**named, "expected": expected, "found": found}


def _level_json(one: LevelDifference, result: TestResult, book: RuleBook) -> Mapping[str, Any]:
    return {
        "kind": "level",
        "line": result.test.document.place(one.wanted.keys)[0],
        "at": one.at.isoformat(),
        "rule": one.wanted.rule,
        "subject": one.wanted.subject,
        "expected": one.wanted.word,
        "found": one.found,
        "measure": book.rule(one.wanted.rule).measure,
        "value": one.value,
        "thresholds": one.thresholds,
        "values": {
            name: value if isinstance(value, bool | int | float | None) else str(value)
            for name, value in one.values.items()
        },
        "failure": one.failure,
    }


def _tell_json(one: TellDifference, result: TestResult) -> Mapping[str, Any]:
    return {
        "kind": "tell",
        "line": result.test.document.place(one.expectation.keys)[0],
        "since": one.since.isoformat(),
        "at": one.at.isoformat(),
        "missing": [str(told) for told in one.missing],
        "unexpected": [
            {"at": mail.at.isoformat(), "told": str(mail.told), "about": [list(pair) for pair in mail.about]}
            for mail in one.unexpected
        ],
    }
