"""What persons and sources do in a test: acknowledge, close, be named as a source, deliver or fail to deliver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from warnwatch.alerts.alert import Alert
from warnwatch.documents import Document
from warnwatch.errors import MistakesError, WarnWatchError
from warnwatch.language import Phrase
from warnwatch.plan.cells import CellError, read_instant
from warnwatch.plan.fetched import Outcome
from warnwatch.plan.pulls import record, register
from warnwatch.plan.source import FolderSource
from warnwatch.ruletests.form import UNIT
from warnwatch.ruletests.reading import Fact
from warnwatch.ruletests.world import World

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What a source must have, and what a test need not say.
_SOURCE: Mapping[str, str] = {"keeper": UNIT, "rhythm": "1 working day", "grace": "0"}


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
    try:
        micros = read_instant(fact.cells.get("until", ""), world.calendar.zone, end=True)
    except CellError as error:
        raise WarnWatchError(Phrase("until: {message}", message=error.args[0])) from error
    until = _EPOCH + timedelta(microseconds=micros)
    world.promise(alert, fact.cells.get("by") or "head", until, fact.cells.get("note", ""), fact.at)


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


_ACTS: Mapping[str, Callable[[World, Fact], None]] = {
    "acknowledge": _acknowledge,
    "close": _close,
    "source": _source,
    "pull": _pull,
}
# Done before the cycle of their instant; the others need what that cycle opens.
BEFORE = ("source", "pull")
