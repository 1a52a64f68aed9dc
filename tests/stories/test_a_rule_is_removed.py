"""A rule is removed or added: its alerts end as retired without a word, or begin with one initial digest."""

from __future__ import annotations

from dataclasses import replace

from builders import local
from worlds import World

from warnwatch.alerts.alert import EndReason
from warnwatch.rules.rule import Rule, RuleBook

LATE = local(18, 8, 8)


def judge_by(world: World, *rules: Rule) -> None:
    """Put another rule book in the place of the present one."""
    book: RuleBook = world.standards.book
    world.by(book=replace(book, rules=rules, version="changed"))


def test_alerts_of_a_removed_rule_are_retired(world: World) -> None:
    """The alert ends for the named reason, nobody gets an all-clear, and the rule's return is a new episode."""
    rule = world.standards.book.rules[0]
    world.cycle(LATE)
    judge_by(world, replace(rule, id="other", where=rule.where))
    world.cycle(local(18, 8, 9))
    assert world.alert().end_reason is EndReason.RETIRED
    assert not [mail for mail in world.mails() if mail["kind"] == "all_clear"]
    judge_by(world, rule)
    world.cycle(local(18, 8, 10))
    assert world.alert().episode == 2


def test_a_new_rule_starts_with_the_initial_state(world: World) -> None:
    """A rule that never judged before gives each head one initial text, not one per level."""
    rule = world.standards.book.rules[0]
    world.cycle(LATE)
    judge_by(world, rule, replace(rule, id="stricter"))
    assert world.told(world.cycle(local(18, 8, 9))) == ["DP-19-UB/head/1 initial"]


def test_a_changed_threshold_moves_alerts_without_an_all_clear_in_between(world: World) -> None:
    """A rule whose ladder was changed keeps its alerts: the level follows, the episode goes on."""
    rule = world.standards.book.rules[0]
    world.cycle(local(13, 8, 8))
    judge_by(world, replace(rule, rungs={level: rung for level, rung in rule.rungs.items() if level != 2}))
    world.cycle(local(13, 8, 9))
    assert (world.alert().level.word, world.alert().episode) == ("notice", 1)
