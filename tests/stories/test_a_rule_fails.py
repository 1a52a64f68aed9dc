"""A rule fails in the middle of its life: its alerts stay as they are, and the other rules go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from builders import local
from judging import shipped_book
from worlds import World

from warnwatch.alerts.alert import EndReason, State
from warnwatch.rules.expression import Expression

LATE = local(18, 8, 8)
BROKEN = Expression("no_such_column", "boolean", frozenset({"no_such_column"}), "no_such_column")


def test_alerts_of_a_failing_rule_stay_and_other_rules_go_on(world: World) -> None:
    """While it fails nothing of it ends, even when the task is done; mended, it ends as cured and says so."""
    book = world.standards.book
    rule = book.rules[0]
    other = replace(rule, id="other")
    world.by(book=replace(book, rules=(rule, other)))
    world.cycle(LATE)
    world.by(book=replace(book, rules=(replace(rule, where=BROKEN), other)))
    world.done(local(18, 8, 9), "T-1")
    report = world.cycle(local(18, 8, 10))
    assert "no_such_column" in report.evaluation.failures["task-deadline"]
    assert {alert.rule: alert.state for alert in world.alerts()} == {"task-deadline": State.OPEN, "other": State.ENDED}
    world.by(book=replace(book, rules=(rule, other)))
    world.cycle(local(18, 8, 11))
    assert world.alert().state is State.ENDED


class Panicking(Expression):
    """A condition at which Polars itself breaks: an instant out of all range is given a time zone."""

    def polars(self) -> pl.Expr:
        """Give the expression."""
        return pl.lit(2**62).cast(pl.Datetime("ms")).dt.replace_time_zone("Asia/Ho_Chi_Minh").is_not_null()


class Stopped(Expression):
    """A condition during which somebody stops the process."""

    def polars(self) -> pl.Expr:
        """Stop, as Ctrl+C and the system do."""
        raise SystemExit if self.text == "exit" else KeyboardInterrupt


def test_a_panic_of_polars_is_a_failing_rule_and_no_dead_cycle(world: World) -> None:
    """It is no Exception, yet nothing but its own rule stops: alone at first, and then among others in one query."""
    book = world.standards.book
    rule = book.rules[0]
    panicking = replace(rule, id="panicking", where=Panicking("panic", "boolean", frozenset(), ""))
    world.by(book=replace(book, rules=(panicking, rule)))
    for minute in (0, 1):
        report = world.cycle(LATE + timedelta(minutes=minute))
        assert report.evaluation.failures["panicking"].startswith("PanicException: ")
    assert world.alert().state is State.OPEN
    world.by(book=book)
    world.cycle(LATE + timedelta(minutes=2))
    world.by(book=replace(book, rules=(replace(rule, where=panicking.where),)))
    world.done(local(18, 8, 9), "T-1")
    world.cycle(local(18, 8, 10))
    assert world.alert().state is State.OPEN


@pytest.mark.parametrize(("word", "error"), [("exit", SystemExit), ("interrupt", KeyboardInterrupt)])
def test_whoever_stops_the_process_stops_it(world: World, word: str, error: type[BaseException]) -> None:
    """Ctrl+C and the end of the service are no failures of the rule that happens to be judged."""
    book = world.standards.book
    stopped = replace(book.rules[0], where=Stopped(word, "boolean", frozenset(), ""))
    world.by(book=replace(book, rules=(stopped,)))
    with pytest.raises(error):
        world.cycle(LATE)


def test_a_failing_rule_has_an_alert_of_its_own(world: World) -> None:
    """Whoever keeps the rules is told once, with the reason; when it works again the alert ends, and that is told."""
    book = shipped_book()
    rule = book.rule("task-deadline")
    broken = replace(rule, where=BROKEN)
    watch = (book.rule("rule-failing"), book.rule("rules-refused"))
    world.by(book=replace(book, rules=(rule, *watch)))
    world.cycle(LATE)
    world.by(book=replace(book, rules=(broken, *watch)))
    report = world.cycle(local(18, 8, 9))
    assert world.told(report) == ["CQTT/head/1 general"]
    [mail] = [one for one, _ in report.notifications]
    assert "task-deadline" in mail.text
    assert "no_such_column" in mail.text
    assert world.told(world.cycle(local(18, 8, 9, 1))) == []
    world.by(book=replace(book, rules=(rule, *watch)))
    report = world.cycle(local(18, 8, 10))
    assert world.told(report) == ["CQTT/head/1 all_clear"]
    assert world.alert("task-deadline", "rule-failing").end_reason is EndReason.CURED


def test_the_alert_about_a_failing_rule_that_is_removed_does_not_apply_any_more(world: World) -> None:
    """The secretariat takes the broken rule out: nothing is left to mend, and nobody is told that it was cured."""
    book = shipped_book()
    rule = book.rule("task-deadline")
    world.by(book=replace(book, rules=(replace(rule, where=BROKEN), book.rule("rule-failing"))))
    world.cycle(LATE)
    world.by(book=replace(book, rules=(book.rule("rule-failing"),)))
    assert world.told(world.cycle(local(18, 8, 9))) == []
    assert world.alert("task-deadline", "rule-failing").end_reason is EndReason.NOT_APPLICABLE
