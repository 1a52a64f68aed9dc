"""Nobody answers: the alert climbs in working time to the superior and the standing body, then stays on the list."""

from __future__ import annotations

from dataclasses import replace

from builders import local
from worlds import World

from warnwatch.alerts import ledger
from warnwatch.plan.calendar import parse_duration
from warnwatch.rules.rule import Level, Policy, Step


def test_an_unanswered_alert_climbs_to_the_end_of_its_list(world: World) -> None:
    """Head, head again, the superior, the standing body, the committee: each after its wait, and weekly reminders.

    The task had nine working days, so that each wait is the share of that and not the longest one.
    """
    told = {}
    for day in range(16, 32):
        for now in (local(day, 8, 8), local(day, 8, 20)):
            if found := world.told(world.cycle(now)):
                told[now] = found
    for day in range(1, 13):
        if found := world.told(world.cycle(local(day, 9, 20))):
            told[local(day, 9, 20)] = found
    weekly = ["CQTT/head/1 escalation", "DP-19-UB/head/1 overdue"]
    assert told == {
        local(16, 8, 8): ["DP-19-UB/head/1 overdue"],
        local(18, 8, 20): ["DP-19-UB/head/1 overdue"],  # 7 working hours from Monday 08:00 on
        local(19, 8, 20): ["DP-19/head/1 escalation"],
        local(22, 8, 20): weekly,
        local(29, 8, 20): weekly,
        local(4, 9, 20): ["BCD/head/1 escalation"],
        local(9, 9, 20): weekly,  # Monday 1/9 and Tuesday 2/9 were days off
    }
    assert world.alert().standing
    assert world.alert().next_at is not None


def test_a_long_task_climbs_one_three_seven_and_fifteen_days_late(world: World) -> None:
    """From ten working days on the waits are the longest: they count from when it was told that it is late."""
    world.put(local(5, 8, 8), "L-1", start="2025-06-02", lead_unit="BYT")
    told = [(day, one) for day in range(16, 32) for one in world.told(world.cycle(local(day, 8, 8))) if "BYT" in one]
    assert [day for day, _ in told] == [16, 19, 27]  # head, head again, and with the standing body
    alert = world.alert("L-1")
    assert (alert.standing, alert.next_at) == (False, local(5, 9, 8))  # a reminder
    assert world.told(world.cycle(local(5, 9, 8)))
    assert world.alert("L-1").next_at == local(10, 9, 8)  # the committee


def test_the_superior_reads_who_was_told_and_did_not_answer(world: World) -> None:
    """The text to the superior names the task, its unit and how often that unit was told."""
    for day in (16, 19, 20):
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


def test_who_is_his_own_superior_is_told_once_and_the_next_one_at_once(world: World) -> None:
    """The province's Secretary holds both offices: the superior's step is passed over, and the journal says so."""
    holders = [
        {"code": "DP-19-UB/head/1", "post": "DP-19-UB/head", "valid_to": "2025-08-06"},
        {"code": "DP-19-UB/deputy/1", "post": "DP-19-UB/deputy", "valid_to": "2025-08-06"},
    ]
    world.bring(local(5, 8), holders=holders)
    told = {}
    for day in (16, 18, 19, 20):
        for now in (local(day, 8, 8), local(day, 8, 20)):
            if found := world.told(world.cycle(now)):
                told[now] = found
    assert told == {
        local(16, 8, 8): ["DP-19/head/1 escalation"],
        local(18, 8, 20): ["DP-19/head/1 escalation"],
        local(19, 8, 20): ["CQTT/head/1 escalation", "DP-19/head/1 escalation"],
    }
    with world.reading() as connection:
        history = ledger.read_history(connection, world.alert().id)
    assert [row.facts["passed"] for row in history if row.facts.get("passed")] == [[3]]


BY_THE_AUTHORITY = Policy(
    "head-of-unit",
    "Người đứng đầu đơn vị",
    {
        level: (
            Step(parse_duration(0), ("head",)),
            Step(parse_duration("1 working day"), ("authority",)),
            Step(parse_duration("3 working days"), ("superior.head",)),
        )
        for level in (Level.NOTICE, Level.WARNING, Level.CRITICAL)
    },
    parse_duration("20 working days"),
)


def test_the_authority_of_an_obstacle_is_told_and_reads_what_it_is(world: World) -> None:
    """The ministry that could lift the obstacle of a late task gets a text about the obstacle, and its head only."""
    world.by(book=replace(world.standards.book, policies={"head-of-unit": BY_THE_AUTHORITY}))
    said = {"reporter": "DP-19-UB", "obstacle": "Chưa có vốn", "obstacle_reason": "Vượt thẩm quyền của tỉnh"}
    at = local(14, 8, 9)
    world.bring(at, reports=[{"task": "T-1", "reported_at": at, "obstacle_authority": "BYT", **said}])
    assert world.told(world.cycle(local(18, 8, 8))) == ["DP-19-UB/head/1 overdue"]
    assert world.told(world.cycle(local(19, 8, 8))) == ["BYT/head/1 obstacle"]
    text = world.mails()[-1]["text"]
    assert "Chưa có vốn" in text
    assert "Vượt thẩm quyền của tỉnh" in text
    assert world.told(world.cycle(local(22, 8, 8))) == ["DP-19/head/1 escalation"]


def test_without_an_obstacle_the_authority_s_step_is_passed_over(world: World) -> None:
    """Nobody could lift what nobody declared: the superior is told when the authority would have been."""
    world.by(book=replace(world.standards.book, policies={"head-of-unit": BY_THE_AUTHORITY}))
    world.cycle(local(18, 8, 8))
    assert world.told(world.cycle(local(19, 8, 8))) == ["DP-19/head/1 escalation"]
    with world.reading() as connection:
        history = ledger.read_history(connection, world.alert().id)
    assert [row.facts["passed"] for row in history if row.facts.get("passed")] == [[2]]
