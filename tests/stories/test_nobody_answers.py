"""Nobody answers: the alert climbs in working time to the superior and the standing body, then stays on the list."""

from __future__ import annotations

from builders import local
from worlds import World

from warnwatch import schema


def test_an_unanswered_alert_climbs_to_the_end_of_its_list(world: World) -> None:
    """Head, head again, the superior, the standing body: each after its wait, nothing in between, then it stands."""
    told = {}
    for day in range(16, 32):
        for now in (local(day, 8, 8), local(day, 8, 20)):
            if found := world.told(world.cycle(now)):
                told[now] = found
    for day in range(1, 13):
        if found := world.told(world.cycle(local(day, 9, 8))):
            told[local(day, 9, 8)] = found
    assert told == {
        local(16, 8, 8): ["DP-19-UB/head/1 overdue"],
        local(19, 8, 8): ["DP-19-UB/head/1 overdue"],
        local(22, 8, 8): ["DP-19/head/1 escalation"],
        local(4, 9, 8): ["CQTT/head/1 escalation"],
    }
    assert world.alert().standing
    assert world.count(schema.call) == 4


def test_the_superior_reads_who_was_told_and_did_not_answer(world: World) -> None:
    """The text to the superior names the task, its unit and how often that unit was told."""
    for day in (16, 19, 22):
        world.cycle(local(day, 8, 8))
    mail = world.mails()[-1]
    assert (mail["holder"], mail["unit"]) == ("DP-19/head/1", "DP-19")
    for part in ("T-1", "Ủy ban nhân dân tỉnh Thái Nguyên"):
        assert part in mail["text"]


def test_a_vacant_superior_is_passed_over(world: World) -> None:
    """Where the superior's post is vacant, the next superior is told instead."""
    world.bring(local(5, 8), holders=[{"code": "DP-19/head/1", "post": "DP-19/head", "valid_to": "2025-08-06"}])
    for day in (16, 19):
        world.cycle(local(day, 8, 8))
    assert world.told(world.cycle(local(22, 8, 8))) == ["CQTT/head/1 escalation"]
