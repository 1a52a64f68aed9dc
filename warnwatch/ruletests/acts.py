"""What persons, sources and rules do in a test: acknowledge, close, pause; deliver or not; fail, work, be refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from warnwatch.alerts.alert import Alert
from warnwatch.alerts.muting import Silence
from warnwatch.alerts.silencing import add_silence
from warnwatch.documents import Document
from warnwatch.errors import Mistake, MistakesError, WarnWatchError
from warnwatch.language import Phrase
from warnwatch.plan.cells import CellError, read_instant
from warnwatch.plan.fetched import Outcome
from warnwatch.plan.pulls import record, register
from warnwatch.plan.source import FolderSource
from warnwatch.rules.expression import Expression
from warnwatch.rules.rule import LEVELS, Level, Rule
from warnwatch.rules.stages import SetState
from warnwatch.ruletests.form import STANDING_BODY, UNIT
from warnwatch.ruletests.reading import Fact
from warnwatch.ruletests.world import World

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What a source must have, and what a test need not say.
_SOURCE: Mapping[str, str] = {"keeper": UNIT, "rhythm": "1 working day", "grace": "0"}
# A condition that no rule file can have: it names a column that no frame has.
_BROKEN = Expression("rule_fails", "boolean", frozenset({"rule_fails"}), "rule_fails")
_MOST_MISTAKES = 1_000


def do(world: World, fact: Fact, document: Document) -> None:
    """Do what a fact says; whatever the program would refuse is a mistake at the fact."""
    try:
        _ACTS[fact.kind.word](world, fact)
    except MistakesError:
        raise
    except (WarnWatchError, ValueError) as error:
        message = error.args[0] if error.args and isinstance(error.args[0], Phrase) else str(error)
        raise MistakesError([document.mistake(fact.keys, message)]) from error


def _acknowledge(world: World, fact: Fact) -> None:
    alert = _alert(world, fact)
    world.promise(alert, fact.cells.get("by") or "head", _until(world, fact), fact.cells.get("note", ""), fact.at)


def _until(world: World, fact: Fact) -> datetime:
    try:
        micros = read_instant(fact.cells.get("until", ""), world.calendar.zone, end=True)
    except CellError as error:
        raise WarnWatchError(Phrase("until: {message}", message=error.args[0])) from error
    return _EPOCH + timedelta(microseconds=micros)


def _close(world: World, fact: Fact) -> None:
    reason, document = fact.cells.get("reason") or "kết luận", fact.cells.get("document") or "1/TB"
    world.close(_alert(world, fact), reason, document, fact.at)


def _alert(world: World, fact: Fact) -> Alert:
    subject, rule = fact.value, fact.cells.get("rule", "")
    names = (subject, f"{subject}/{UNIT}")
    found = [
        one for (of, code), one in world.alerts().items() if code in names and rule in ("", of) and not one.ended_at
    ]
    if len(found) == 1:
        return found[0]
    if found:
        rules = ", ".join(sorted(one.rule for one in found))
        raise WarnWatchError(
            Phrase("{subject} có nhiều cảnh báo; thêm khóa rule: {rules}", subject=subject, rules=rules)
        )
    raise WarnWatchError(Phrase("lúc này {subject} không có cảnh báo nào", subject=subject))


def _source(world: World, fact: Fact) -> None:
    told = {"title": f"Nguồn {fact.value}", **_SOURCE} | world.rows.setdefault("source", {}).get(fact.value, {})
    told |= fact.cells
    world.rows["source"][fact.value] = told
    source = FolderSource(kind="folder", code=fact.value, path=Path("in"), **told)
    with world.engine.begin() as connection:
        missing = register(connection, [source], fact.at)
    if missing:
        raise WarnWatchError(Phrase("kế hoạch không có đơn vị {keeper}", keeper=told["keeper"]))


def _pull(world: World, fact: Fact) -> None:
    if fact.value not in world.rows.get("source", {}):
        raise WarnWatchError(Phrase("chưa có nguồn {code}: thêm một sự việc source trước đó", code=fact.value))
    try:
        outcome = Outcome(fact.cells.get("outcome") or Outcome.OK)
    except ValueError:
        allowed = ", ".join(Outcome)
        raise WarnWatchError(Phrase("outcome không có trong danh mục; được phép: {allowed}", allowed=allowed)) from None
    why = fact.cells.get("why", "")
    with world.engine.begin() as connection:
        record(connection, fact.value, outcome, int(fact.cells.get("rows") or 0), {"why": why} if why else {}, fact.at)


def _check_unit(world: World, code: str) -> None:
    if code not in world.rows.get("units", {}):
        raise WarnWatchError(Phrase("kế hoạch không có đơn vị {keeper}", keeper=code))


# --- how the rules themselves stand ---------------------------------------------------------------------------------


def _silence(world: World, fact: Fact) -> None:
    word = fact.cells.get("up_to") or Level.CRITICAL.word
    if word not in LEVELS:
        raise WarnWatchError(Phrase("up_to không có trong danh mục; được phép: {allowed}", allowed=", ".join(LEVELS)))
    until = _until(world, fact)
    if until <= fact.at:
        raise WarnWatchError(Phrase("until phải ở sau lúc bắt đầu tạm dừng"))
    if unit := fact.cells.get("unit"):
        _check_unit(world, unit)
    if rule := fact.cells.get("rule"):
        world.standards.book.rule(rule)
    plain = Silence(0, fact.at, until, STANDING_BODY, fact.value, fact.at, up_to=LEVELS[word])
    named: dict[str, Any] = {name: fact.cells.get(name, "") for name in ("rule", "about", "unit", "subject")}
    wanted = replace(plain, **named)
    with world.engine.begin() as connection:
        add_silence(connection, wanted)


def _fails(world: World, fact: Fact) -> None:
    known = world.standards.book.rule(fact.value)
    world.whole.setdefault(known.id, known)
    _put_rule(world, replace(known, where=_BROKEN))


def _works(world: World, fact: Fact) -> None:
    known = world.standards.book.rule(fact.value)
    _put_rule(world, world.whole.get(known.id, known))


def _put_rule(world: World, rule: Rule) -> None:
    book = world.standards.book
    rules = tuple(rule if one.id == rule.id else one for one in book.rules)
    world.standards = replace(world.standards, book=replace(book, rules=rules))


def _refused(world: World, fact: Fact) -> None:
    if not (fact.value.isdecimal() and int(fact.value) <= _MOST_MISTAKES):
        raise WarnWatchError(Phrase("refused cần số lỗi, từ 0 đến {most}", most=_MOST_MISTAKES))
    mistakes = tuple(
        Mistake("alert_rules/tests.yml", number, 1, Phrase("lỗi thứ {number} của kiểm thử", number=number))
        for number in range(1, int(fact.value) + 1)
    )
    state = SetState(mistakes=mistakes, refused="0" * 64 if mistakes else "")
    world.standards = replace(world.standards, set_state=state)


_ACTS: Mapping[str, Callable[[World, Fact], None]] = {
    "acknowledge": _acknowledge,
    "close": _close,
    "source": _source,
    "pull": _pull,
    "silence": _silence,
    "rule_fails": _fails,
    "rule_works": _works,
    "refused": _refused,
}
# Done before the cycle of their instant; the others need what that cycle opens.
BEFORE = ("source", "pull", "silence", "rule_fails", "rule_works", "refused")
