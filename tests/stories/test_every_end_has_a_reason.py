"""An alert ends for one of five reasons, each with its word in the history; only a cure is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import local
from worlds import World

from warnwatch.alerts import ledger
from warnwatch.alerts.alert import EndReason, State
from warnwatch.cycle import Memory
from warnwatch.rules.rule import Rule

# T-1 was due on Friday 15/8/2025.
LATE = local(18, 8, 8)
AFTER = LATE + timedelta(hours=1)


def judged_by(world: World, rule: Rule) -> None:
    """Let another rule take the place of the present one, as the service does when the folder has changed."""
    world.by(book=replace(world.standards.book, rules=(rule,), version="changed"))
    world.memory = Memory(live=world.memory.live)


def _cured(world: World) -> None:
    world.done(AFTER, "T-1")


def _not_applicable(world: World) -> None:
    world.put(AFTER, "T-1", status="cancelled", decision="1/QĐ", verifier="Văn phòng")


def _superseded(world: World) -> None:
    judged_by(world, replace(world.standards.book.rules[0], id="renamed", replaces=("task-deadline",)))


def _retired(world: World) -> None:
    judged_by(world, replace(world.standards.book.rules[0], id="another"))


def _closed(world: World) -> None:
    world.close(AFTER, world.alert())


ENDS: dict[EndReason, Callable[[World], None]] = {
    EndReason.CURED: _cured,
    EndReason.NOT_APPLICABLE: _not_applicable,
    EndReason.SUPERSEDED: _superseded,
    EndReason.RETIRED: _retired,
    EndReason.CLOSED: _closed,
}


@pytest.mark.parametrize("reason", EndReason)
def test_an_alert_ends_for_a_named_reason(world: World, reason: EndReason) -> None:
    """The reason stands at the alert and in its history; the all-clear comes for a cure, and for nothing else."""
    world.cycle(LATE)
    ENDS[reason](world)
    told = world.told(world.cycle(AFTER + timedelta(minutes=1)))
    alert = world.alert()
    assert (alert.state, alert.end_reason) == (State.ENDED, reason)
    assert [one for one in told if "all_clear" in one] == (
        ["DP-19-UB/head/1 all_clear"] if reason is EndReason.CURED else []
    )
    with world.reading() as connection:
        last = ledger.read_history(connection, alert.id)
    words = [row.facts.get("reason") for row in last if row.kind == "alert.ended"]
    assert words == ([] if reason is EndReason.CLOSED else [reason.value])
    assert reason is not EndReason.CLOSED or [row.actor for row in last if row.kind == "closed"] == ["CQTT"]


def _no_deadline(world: World) -> None:
    world.put(AFTER, "T-1", due="")


def _renamed_unit(world: World) -> None:
    change = {"unit": "DP-19-UB", "kind": "rename", "effective_on": "2025-08-18", "name": "Tên mới", "decision": "1/NQ"}
    world.bring(AFTER, unit_changes=[change])


@pytest.mark.parametrize("what", [_no_deadline, _renamed_unit])
def test_nothing_else_ends_it(world: World, what: Callable[[World], None]) -> None:
    """A deadline taken away, a unit with another name: the alert stays open and climbs."""
    world.cycle(LATE)
    what(world)
    world.cycle(AFTER + timedelta(minutes=1))
    assert world.alert().state is State.OPEN
    assert world.told(world.cycle(local(19, 8, 8))) == ["DP-19-UB/head/1 overdue"]


def test_what_is_closed_opens_only_above_its_level(world: World) -> None:
    """Closed as a warning it does not come back as one, and does as critical."""
    world.cycle(local(13, 8, 8))
    world.close(local(13, 8, 9), world.alert())
    assert world.told(world.cycle(local(14, 8, 9))) == []
    assert world.told(world.cycle(LATE)) == ["DP-19-UB/head/1 overdue"]
    assert (world.alert().episode, world.alert().level.word) == (2, "critical")
