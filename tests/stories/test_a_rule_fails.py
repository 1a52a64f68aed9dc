"""A rule fails in the middle of its life: its alerts stay as they are, and the other rules go on."""

from __future__ import annotations

from dataclasses import replace

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
