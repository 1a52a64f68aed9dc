"""A rule fails in the middle of its life: its alerts stay as they are, and the other rules go on."""

from __future__ import annotations

from dataclasses import replace

from builders import local
from worlds import World

from warnwatch.alerts.alert import State
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
