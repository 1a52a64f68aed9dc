"""A task disappears from the plan: its alert is held, never cleared."""

from __future__ import annotations

from builders import local
from worlds import BEGUN, UNITS, World

from warnwatch.alerts.alert import State
from warnwatch.plan.importing import import_folder

LATE = local(18, 8, 8)


def withdraw(world: World) -> None:
    """Import a complete file of tasks that leaves T-1 out."""
    world.bring(LATE, tasks=[{"code": "T-2", "title": "Việc hai", "lead_unit": "BYT", "start": BEGUN}])
    import_folder(world.engine, world.folder, now=local(18, 8, 9), zone=world.standards.calendar.zone, complete=True)


def test_the_alert_of_a_withdrawn_task_is_held(world: World) -> None:
    """A complete import without the task ends nothing and gives no all-clear; the alert stays as it was."""
    world.cycle(LATE)
    before = world.alert()
    withdraw(world)
    world.cycle(local(18, 8, 10))
    assert world.alert() == before
    assert world.cycle(local(18, 8, 11)).snapshot.tasks["code"].to_list() == ["T-2"]


def test_it_climbs_on_as_nobody_has_answered(world: World) -> None:
    """Leaving a task out of the file does not stop the climb to the superior."""
    world.cycle(LATE)
    withdraw(world)
    reports = [world.cycle(local(day, 8, 8)) for day in (19, 22)]
    assert [world.told(one)[0].split()[0] for one in reports] == ["DP-19-UB/head/1", "DP-19/head/1"]
    texts = [mail.text for report in reports for mail, _ in report.notifications]
    assert all("không còn trong kế hoạch nên cảnh báo được giữ nguyên" in text for text in texts)


def test_a_task_that_comes_back_meets_its_alert(world: World) -> None:
    """Mentioned again, the task goes on in the same episode; done, it ends as cured."""
    world.cycle(LATE)
    withdraw(world)
    world.cycle(local(18, 8, 10))
    world.put(local(18, 8, 11), "T-1", owner_role="Giám đốc")
    world.cycle(local(18, 8, 12))
    assert (world.alert().state, len(world.alerts())) == (State.OPEN, 1)
    world.done(local(18, 8, 13), "T-1")
    assert world.told(world.cycle(local(18, 8, 14))) == ["DP-19-UB/head/1 all_clear"]


def test_a_unit_that_disappears_keeps_its_alert(world: World) -> None:
    """A complete file of units without the lead unit ends no alert."""
    world.cycle(LATE)
    world.bring(LATE, units=[unit for unit in UNITS if unit["code"] != "DP-19-UB"])
    import_folder(world.engine, world.folder, now=local(18, 8, 9), zone=world.standards.calendar.zone, complete=True)
    world.cycle(local(18, 8, 10))
    world.cycle(local(19, 8, 10))
    assert world.alert().state is State.OPEN
