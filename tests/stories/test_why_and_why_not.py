"""For any day and person: which rule, which values, which days were counted, who was told, and why nobody else was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import local
from judging import CALENDAR, book, policy, rule, step
from worlds import BEGUN, World, build_world

from warnwatch.alerts import ledger
from warnwatch.alerts.alert import Alert
from warnwatch.alerts.rewind import as_it_was, made_until
from warnwatch.errors import NotFoundError
from warnwatch.explain import Explanation, Verdict, explain
from warnwatch.notify.release import Mode, Release


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """T-1 of the province, due on 15/8/2025, judged by the deadline rule alone; everything may leave."""
    world = build_world(sqlite_url, tmp_path / "plan", book(rule(keep="1 working day")))
    world.put(BEGUN, "T-1")
    yield world
    world.engine.dispose()


def explained(
    world: World, code: str, at: datetime, *, as_of: datetime | None = None, office: str | None = None
) -> Explanation:
    """Ask as the command does."""
    with world.reading() as connection:
        return explain(connection, world.standards.book, CALENDAR, code, at=at, as_of=as_of, office=office)


def verdict(world: World, at: datetime, *, office: str | None = None, past: bool = False) -> Verdict:
    """Give the one rule's say on T-1."""
    return explained(world, "T-1", at, as_of=at if past else None, office=office).verdicts[0]


def days(first: datetime, count: int) -> list[datetime]:
    """Give the same hour on so many days in a row."""
    return [first + timedelta(days=number) for number in range(count)]


def test_an_alert_is_told_as_it_stood_on_each_past_day(world: World) -> None:
    """Notice, warning, a promise, critical, a broken promise, two climbs, back within the ladder, ended: day by day."""
    then: dict[datetime, Alert] = {}
    promised = False
    for now in days(local(5, 8, 9), 28):
        if now == local(26, 8, 9):
            world.done(now, "T-1")
        world.cycle(now)
        if now == local(19, 8, 9):
            promised = world.promise(now + timedelta(hours=1), world.alert(), local(21, 8, 17))
        if world.alerts():
            then[now + timedelta(hours=2)] = world.alerts()[-1]
    assert promised
    final = world.alert()
    with world.reading() as connection:
        history = ledger.read_history(connection, final.id)
    unrecorded: dict[str, Any] = {
        "next_at": None,
        "revision": 0,
        "initial": False,
        "standing": False,
        "value": None,
        "end_reason": None,
    }
    assert len({(one.state, one.level, one.called_level, one.promised_for) for one in then.values()}) >= 5
    for now, stored in then.items():
        wound_back = as_it_was(final, history, now)
        assert replace(wound_back, **unrecorded) == replace(stored, **unrecorded), now


def test_the_calls_of_a_past_day_are_those_made_by_then(world: World) -> None:
    """On the first day past the deadline one step of the highest level was called, whatever was called since."""
    for now in days(local(5, 8, 9), 28):
        world.cycle(now)
    with world.reading() as connection:
        history = ledger.read_history(connection, world.alert().id)
    assert dict(made_until(history, local(16, 8, 10)).steps).get(3) == 1
    assert dict(made_until(history, local(1, 9, 10)).steps)[3] > 1


def test_every_office_learns_why_it_was_told_nothing(world: World) -> None:
    """The head was told, the superior's turn comes after a wait, the committee is in no step of the policy."""
    for now in days(local(5, 8, 9), 14):
        world.cycle(now)
    now = local(18, 8, 10)
    head, superior = verdict(world, now, office="head"), verdict(world, now, office="superior.head")
    assert [one.holder for one in head.messages] == ["DP-19-UB/head/1"] * len(head.messages)
    assert len(head.messages) >= 2
    assert superior.messages == ()
    assert superior.why_not.startswith("bước 3 chưa báo")
    assert verdict(world, now, office="BCD/head").why_not == "chính sách báo cáo của quy tắc không báo cho chức vụ này"


def test_what_may_not_leave_is_shown_as_held(world: World) -> None:
    """In mode hold the texts are there, and none of them is called sent."""
    world.by(release=Release(Mode.HOLD))
    world.cycle(local(18, 8, 9))
    assert {one.state for one in verdict(world, local(18, 8, 10)).messages} == {"held"}


def test_a_text_that_nobody_has_sent_yet_waits(world: World) -> None:
    """No sender runs: the mail is written, and waits."""
    world.sends = False
    world.cycle(local(18, 8, 9))
    assert {one.state for one in verdict(world, local(18, 8, 10)).messages} == {"waiting"}


def test_before_the_cycle_no_alert_is_open_and_that_is_said(world: World) -> None:
    """The rule holds already; the next cycle opens the alert."""
    found = verdict(world, local(18, 8, 10), office="head")
    assert (found.level, found.alert) == ("critical", None)
    assert found.why_not == "cảnh báo chưa mở: chu kỳ xét tiếp theo mới mở"


def test_a_pending_alert_has_told_nobody(world: World) -> None:
    """A rule with `for` waits; the trail names when it opens."""
    world.by(book=book(rule(hold="2 working days")))
    world.cycle(local(18, 8, 9))
    found = verdict(world, local(18, 8, 10), office="head")
    assert found.trail is not None
    assert (found.trail.state, found.trail.opens_at) == ("pending", local(20, 8, 9))
    assert "chưa báo cho ai" in found.why_not


def test_a_promise_is_what_the_next_step_waits_for(world: World) -> None:
    """Until it runs out nobody else is called."""
    world.cycle(local(18, 8, 9))
    assert world.promise(local(18, 8, 11), world.alert(), local(22, 8, 17))
    trail = verdict(world, local(19, 8, 10)).trail
    assert trail is not None
    assert (trail.waiting, trail.promised_for) == ("promise", local(22, 8, 17))
    following = next(step for step in trail.steps if step.state == "next")
    assert following.at == local(22, 8, 17)


def test_the_standing_list_is_the_end_of_the_way(world: World) -> None:
    """When every step was called, the trail says that the alert stands on the list."""
    world.by(book=book(rule(), by=policy(dict.fromkeys(("notice", "warning"), ()) | {"critical": (step(),)})))
    world.cycle(local(18, 8, 9))
    trail = verdict(world, local(18, 8, 10)).trail
    assert trail is not None
    assert trail.standing
    assert [step.state for step in trail.steps] == ["called"]


def test_the_days_are_counted_out(world: World) -> None:
    """Due on Friday 15/8, asked on Tuesday: two working days late, a weekend passed over."""
    counted = explained(world, "T-1", local(19, 8, 9)).counted["due_at"]
    assert (counted.days, counted.weekends, counted.days_off) == (2, 2, ())


def test_a_unit_is_explained_by_the_tasks_of_all_units_below(world: World) -> None:
    """The province's committee leads nothing itself; the count is its People's Committee's."""
    world.by(book=book(rule("unit-overdue", where="true", measure="overdue_tasks", above={"notice": 0}, about="unit")))
    found = explained(world, "DP-19", local(18, 8, 9))
    assert (found.about, found.title) == ("unit", "Tỉnh ủy Thái Nguyên")
    assert (found.verdicts[0].level, found.verdicts[0].value) == ("notice", 1.0)


def test_a_kpi_is_explained_at_its_unit(world: World) -> None:
    """Named with its unit; its own code alone is refused with what to write."""
    world.bring(
        BEGUN,
        kpis=[
            {
                "code": "K-1",
                "name": "Tỷ lệ",
                "direction": "high_good",
                "period": "month",
                "operator": ">=",
                "threshold": 80,
            }
        ],
        targets=[{"kpi": "K-1", "unit": "DP-19-UB"}],
        readings=[{"kpi": "K-1", "unit": "DP-19-UB", "period": "2025-07", "value": 60}],
    )
    world.by(book=book(rule("kpi-short", where="true", measure="shortfall", above={"notice": 0}, about="kpi")))
    found = explained(world, "K-1/DP-19-UB", local(18, 8, 9))
    assert (found.title, found.verdicts[0].level, found.verdicts[0].value) == ("Tỷ lệ", "notice", 20.0)
    with pytest.raises(NotFoundError, match="K-1/DP-19-UB"):
        explained(world, "K-1", local(18, 8, 9))


def test_an_unknown_office_is_refused_with_what_is_allowed(world: World) -> None:
    """A slip in the office's name is no empty answer."""
    with pytest.raises(NotFoundError, match=r"superior\.head"):
        explained(world, "T-1", local(18, 8, 9), office="nobody/chief")


def test_explaining_writes_nothing(world: World) -> None:
    """The connection is read-only, and the journal is as long as before."""
    world.cycle(local(18, 8, 9))
    before = world.history(world.alert())
    explained(world, "T-1", local(18, 8, 10), office="head")
    assert world.history(world.alert()) == before
