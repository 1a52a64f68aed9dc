"""A rule is judged from a day to a day: before and after, it has no alerts, as if it were not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from builders import local
from worlds import World

from warnwatch.alerts.alert import EndReason
from warnwatch.rules.rule import Level

LATE = local(18, 8, 8)


def judge_by(world: World, **changes: object) -> None:
    """Change the rule about deadlines, the only one left."""
    book = world.standards.book
    world.by(book=replace(book, rules=(replace(book.rules[0], **changes),), version=str(changes)))  # type: ignore[arg-type]


def test_a_rule_is_not_judged_before_its_first_day(world: World) -> None:
    """A rule in force from Tuesday opens nothing on Monday night and its alerts on Tuesday's first cycle."""
    judge_by(world, first_day=date(2025, 8, 19))
    world.cycle(local(18, 8, 23, 59))
    assert not world.alerts()
    world.cycle(local(19, 8, 0))
    assert world.alert().state == "open"


def test_after_its_last_day_the_alerts_of_a_rule_are_retired(world: World) -> None:
    """The last day counts whole; the next day's first cycle ends the alert as retired, and nobody gets an all-clear."""
    judge_by(world, last_day=date(2025, 8, 18))
    world.cycle(LATE)
    world.cycle(local(18, 8, 23, 59))
    assert world.alert().state == "open"
    world.cycle(local(19, 8, 0))
    assert world.alert().end_reason is EndReason.RETIRED
    assert not [mail for mail in world.mails() if mail["kind"] == "all_clear"]


def test_an_alert_ends_only_beyond_the_margin(world: World) -> None:
    """A deadline moved to just inside the rung keeps the alert; moved beyond the margin, the alert ends as cured."""
    rung = {level: one for level, one in world.standards.book.rules[0].rungs.items() if level is Level.CRITICAL}
    judge_by(world, rungs=rung, clear=2.0, keep=replace(world.standards.book.rules[0].keep, amount=0))
    world.cycle(LATE)
    world.move(LATE + timedelta(hours=1), "T-1", "2025-08-19", "1/QĐ")
    world.cycle(LATE + timedelta(hours=2))
    assert (world.alert().state, world.alert().level) == ("open", Level.CRITICAL)
    world.move(LATE + timedelta(hours=3), "T-1", "2025-08-20", "2/QĐ")
    world.cycle(LATE + timedelta(hours=4))
    assert world.alert().end_reason is EndReason.CURED
