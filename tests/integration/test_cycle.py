"""One cycle against a database: what it commits, what it leaves alone, and what happens when somebody else writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import local
from judging import shipped_book
from sqlalchemy import Connection, event
from sqlalchemy.exc import IntegrityError
from worlds import BEGUN, POSTS, UNITS, World, build_world, holder_row

from warnwatch import database, schema
from warnwatch.alerts.alert import EndReason, State
from warnwatch.alerts.ledger import ConflictError
from warnwatch.cycle import CycleReport, Memory, run_cycle
from warnwatch.notify.release import Mode, Release
from warnwatch.plan.directory import Via

LATE = local(18, 8, 8)
NEXT_DAY = local(19, 8, 8)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Five units and one task, due on Friday 15/8/2025; the plan has gone live and reports come in time."""
    world = build_world(database_url, tmp_path / "in")
    world.by(book=only(world, "task-deadline"))
    world.put(BEGUN, "T-1")
    world.cycle(BEGUN)
    yield world
    world.engine.dispose()


def only(world: World, *rules: str) -> Any:
    """Keep some of the shipped rules."""
    book = world.standards.book
    return replace(book, rules=tuple(rule for rule in book.rules if rule.id in rules))


def written(world: World) -> list[int]:
    """Count what a cycle writes."""
    tables = (schema.alert, schema.call, schema.notification, schema.notification_call, schema.journal)
    return [world.count(table) for table in tables]


@contextmanager
def in_between(world: World, act: Callable[[], object]) -> Iterator[None]:
    """Do something after a cycle has read and before it writes, once."""
    todo = [lambda: None, act]  # a cycle opens the database twice: to read, and to write

    def opened(_connection: Connection) -> None:
        if todo:
            todo.pop(0)()

    event.listen(world.engine, "engine_connect", opened)
    yield
    event.remove(world.engine, "engine_connect", opened)


@contextmanager
def failing(world: World, table: str) -> Iterator[None]:
    """Let every insert into a table fail, as a full disk would."""

    def fail(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(f"INSERT INTO {table} "):
            raise OSError("no space left on device")

    event.listen(world.engine, "before_cursor_execute", fail)
    yield
    event.remove(world.engine, "before_cursor_execute", fail)


def test_alert_call_and_text_are_committed_together(world: World) -> None:
    """A deadline passed: one alert, one call, one text that is ready, and a journal row of each."""
    world.sends = False
    report = world.cycle(LATE)
    alert = world.alert()
    assert (alert.state, alert.level.word, alert.called_level) == (State.OPEN, "critical", 3)
    assert world.told(report) == ["DP-19-UB/head/1 overdue"]
    assert [mail["state"] for mail in world.mails()] == ["ready"]
    assert world.history(alert) == ["alert.opened", "call", "notification"]


@pytest.mark.parametrize("fresh", [False, True], ids=["same service", "restarted"])
def test_two_cycles_of_one_instant_tell_once(world: World, fresh: bool) -> None:
    """A second cycle of the same instant, and one after a restart, writes nothing."""
    world.cycle(LATE)
    before = written(world)
    world.memory = Memory() if fresh else world.memory
    assert world.cycle(LATE).outcome.transitions == ()
    assert written(world) == before


def test_two_evaluators_at_once_tell_once(world: World, tmp_path: Path) -> None:
    """When another evaluator commits the same cycle first, the second fails as a whole and nothing is doubled."""
    other = replace(world, engine=database.open_engine(world.engine.url.render_as_string(hide_password=False)))
    other.memory = Memory()
    with in_between(world, lambda: other.cycle(LATE)), pytest.raises((ConflictError, IntegrityError)):
        world.cycle(LATE)
    before = written(other)
    world.cycle(LATE)
    assert written(world) == before
    assert before[0] == before[1] == before[2] == 1
    other.engine.dispose()


@pytest.mark.parametrize("table", ["alert", "call", "notification", "notification_call", "journal"])
def test_a_commit_that_fails_leaves_nothing(world: World, table: str) -> None:
    """Whichever table cannot be written, nothing of the cycle is there; the next cycle does all of it."""
    before = written(world)
    with failing(world, table), pytest.raises(OSError, match="no space"):
        world.cycle(LATE)
    assert written(world) == before
    assert world.told(world.cycle(LATE)) == ["DP-19-UB/head/1 overdue"]


def test_a_commit_that_fails_does_not_disorder_what_is_remembered(world: World) -> None:
    """Rows that moved in a cycle that failed are in their right places in the next one."""
    world.put(BEGUN, "T-2", due="2025-12-31")
    world.put(BEGUN, "T-3")
    world.cycle(LATE)
    world.report(LATE, "T-1", 0.5)
    world.put(LATE, "T-4")
    with failing(world, "journal"), pytest.raises(OSError, match="no space"):
        world.cycle(LATE)
    report = world.cycle(LATE)
    assert [move.after.subject for move in report.outcome.transitions] == ["T-4"]
    assert world.cycle(LATE).outcome.transitions == ()


def test_a_dry_run_changes_nothing_and_disturbs_no_cycle(world: World) -> None:
    """A dry run shows what would be told, writes nothing, and the next cycle does just that."""
    world.put(BEGUN, "T-2", due="2025-12-31")
    world.put(BEGUN, "T-3")
    world.cycle(LATE)
    world.report(LATE, "T-1", 0.5)
    world.put(LATE, "T-4")
    before = written(world)
    assert [move.after.subject for move in world.cycle(LATE, dry_run=True).outcome.transitions] == ["T-4"]
    assert written(world) == before
    assert [move.after.subject for move in world.cycle(LATE).outcome.transitions] == ["T-4"]
    assert world.cycle(LATE).outcome.transitions == ()


def test_an_answer_between_reading_and_writing_is_never_lost(world: World) -> None:
    """A head promises while a cycle is about to climb: the cycle fails, the promise stands, the next one waits."""
    world.cycle(LATE)
    alert, before = world.alert(), world.count(schema.call)
    until = local(22, 8, 17)
    act = in_between(world, lambda: world.promise(NEXT_DAY, alert, until))
    with act, pytest.raises(ConflictError):
        world.cycle(NEXT_DAY)
    assert world.alert().promised_for == until
    world.cycle(NEXT_DAY)
    assert world.count(schema.call) == before
    assert world.alert().next_at == until


def test_a_closing_between_reading_and_writing_is_never_lost(world: World) -> None:
    """An alert closed by a document while a cycle runs stays closed and opens no more at that level."""
    world.cycle(LATE)
    alert = world.alert()
    with in_between(world, lambda: world.close(NEXT_DAY, alert)), pytest.raises(ConflictError):
        world.cycle(NEXT_DAY)
    world.cycle(NEXT_DAY)
    assert [(one.state, one.end_reason) for one in world.alerts()] == [(State.ENDED, EndReason.CLOSED)]


def test_a_closed_alert_opens_again_only_above_its_level(world: World) -> None:
    """Closed as a warning it stays closed as a warning, and opens as the next episode when it is critical."""
    world.cycle(local(13, 8, 8))
    world.close(local(13, 8, 9), world.alert())
    world.cycle(local(14, 8, 8))
    assert len(world.alerts()) == 1
    report = world.cycle(LATE)
    assert [(one.episode, one.level.word) for one in world.alerts()] == [(1, "warning"), (2, "critical")]
    assert world.told(report) == ["DP-19-UB/head/1 overdue"]


def test_a_task_handed_to_another_unit_climbs_there(world: World) -> None:
    """After a task moved to another unit, the next step calls that unit's head, not the former one's."""
    world.cycle(LATE)
    world.put(LATE, "T-1", lead_unit="BYT")
    report = world.cycle(NEXT_DAY)
    assert world.told(report) == ["BYT/head/1 overdue"]
    assert world.alert().unit == "BYT"


def test_a_unit_that_is_renamed_keeps_its_alert(world: World) -> None:
    """A new name is in the next text; the alert goes on."""
    world.cycle(LATE)
    world.bring(LATE, units=[{**UNITS[3], "name": "Ủy ban nhân dân tỉnh Thái Nguyên mới"}])
    world.cycle(NEXT_DAY)
    assert (world.alert().state, world.alert().episode) == (State.OPEN, 1)
    assert "Thái Nguyên mới" in world.mails()[-1]["text"]


def test_a_unit_without_holders_is_answered_for_by_its_superior(world: World) -> None:
    """With every post of the unit vacant, the superior's head is told, and as what."""
    gone = [holder_row(post, valid_to="2025-08-10") for post in POSTS if post.startswith("DP-19-UB/")]
    world.bring(LATE, holders=gone)
    report = world.cycle(LATE)
    assert [one.holder for one, _ in report.notifications] == ["DP-19/head/1"]
    found = report.directory.recipient("DP-19-UB", "head")
    assert found is not None
    assert found.via == (Via.SUPERIOR,)


def test_a_call_that_reaches_nobody_is_in_the_journal(world: World) -> None:
    """With no holder on the whole way up, the call is made and journalled as reaching nobody, and nothing fails."""
    world.bring(LATE, holders=[holder_row(post, valid_to="2025-08-10") for post in POSTS])
    report = world.cycle(LATE)
    assert (report.notifications, world.history(world.alert())) == ((), ["alert.opened", "call.nobody"])


def test_a_deadline_that_is_emptied_changes_nothing(world: World) -> None:
    """A file that leaves the due date empty neither ends nor lowers the alert."""
    world.cycle(LATE)
    before = world.alert()
    world.put(LATE, "T-1", due=None)
    world.cycle(LATE + timedelta(minutes=1))
    assert world.alert() == before


def test_a_deadline_moved_with_authority_lowers_or_cures(world: World) -> None:
    """Moved far away by a decision, the task is gone from its rung, and after `keep` the alert ends as cured."""
    world.cycle(LATE)
    world.move(LATE, "T-1", "2025-12-31", "5/QĐ")
    world.cycle(LATE + timedelta(minutes=1))
    assert world.alert().gone_since == LATE + timedelta(minutes=1)
    report = world.cycle(NEXT_DAY + timedelta(minutes=1))
    assert world.alert().end_reason is EndReason.CURED
    assert world.told(report) == ["DP-19-UB/head/1 all_clear"]


def test_a_rule_that_failed_at_first_starts_with_an_initial_digest(world: World) -> None:
    """A new rule that could not be judged has not gone live; once it can, its first texts are the initial ones."""
    book = only(world, "task-deadline")
    broken = replace(book.rules[0], id="late", measure="no_such_measure")
    world.by(book=replace(book, rules=(broken,)))
    assert "late" in world.cycle(LATE).evaluation.failures
    world.by(book=replace(book, rules=(replace(broken, measure="working_days_left"),)))
    assert world.told(world.cycle(LATE)) == ["DP-19-UB/head/1 initial"]


def test_a_held_text_is_not_taken_for_told(world: World) -> None:
    """Who only would have been told while texts were held gets no all-clear when it is cured after going live."""
    world.by(release=Release(Mode.HOLD))
    world.cycle(LATE)
    world.done(LATE, "T-1")
    world.by(release=Release(Mode.LIVE))
    assert world.told(world.cycle(NEXT_DAY)) == []


def test_an_all_clear_is_shown_while_texts_are_held(world: World) -> None:
    """In hold everything is composed: the end of an alert too, to whoever would have been told of it."""
    world.by(release=Release(Mode.HOLD))
    world.cycle(LATE)
    world.done(LATE, "T-1")
    assert world.told(world.cycle(NEXT_DAY)) == ["DP-19-UB/head/1 all_clear"]
    assert {mail["state"] for mail in world.mails()} == {"held"}


def test_a_past_day_is_judged_as_it_was_known(world: World) -> None:
    """As of a past instant the plan is the one known then; nothing is written."""
    world.done(local(18, 8, 9), "T-1", at=local(14, 8, 9))
    before = written(world)
    report = world.cycle(LATE, as_of=LATE)
    assert [move.after.level.word for move in report.outcome.transitions] == ["critical"]
    assert written(world) == before


def test_a_quiet_cycle_writes_nothing(world: World) -> None:
    """When nothing crosses, no row of any table is written."""
    world.cycle(LATE)
    before = written(world)
    for minutes in range(1, 4):
        world.cycle(LATE + timedelta(minutes=minutes))
    assert written(world) == before


def instants(*days: int) -> list[datetime]:
    """Give eight in the morning of some days of August 2025."""
    return [local(day, 8, 8) for day in days]


def levels_of(report: CycleReport) -> dict[str, dict[str, int | None]]:
    """Give what each rule about the plan says of each of its subjects."""
    found = report.evaluation
    return {
        rule.id: dict(zip(found.frames[rule.about]["code"], found.levels[rule.id], strict=True))
        for rule in report.book.rules
        if rule.about in {"task", "unit", "kpi", "source"}
    }


def test_a_cycle_that_goes_on_judges_as_one_that_begins(world: World) -> None:
    """All through a day, a process that has seen it all and one just started say the same of every subject."""
    world.by(book=shipped_book())
    milestone = {"code": "M-1", "task": "T-1", "title": "Dự thảo", "due": "2025-08-14 15:00", "done_at": None}
    acts: list[Callable[[datetime], object]] = [
        lambda now: world.put(now, "T-3", due="2025-08-14 11:30"),
        lambda now: world.put(now, "T-2", lead_unit="BYT"),
        lambda now: world.bring(now, milestones=[milestone]),
        lambda _: None,  # the deadline of T-3 passes
        lambda now: world.report(now, "T-1", 0.5),
        lambda now: world.bring(now, units=[{**UNITS[4], "bloc": "KHAC"}]),
        lambda now: world.report(now, "T-2", 0.2),
        lambda _: None,  # the milestone of T-1 passes
        lambda now: world.move(now, "T-3", "2025-08-29", "7/QĐ"),
        lambda now: world.done(now, "T-2"),
    ]
    deadline, milestones = set(), set()
    for number, act in enumerate(acts):
        now = local(14, 8, 8 + number)
        act(now)
        went_on = levels_of(world.cycle(now))
        assert went_on == levels_of(run_cycle(world.engine, Memory(), world.standards, now, dry_run=True))
        deadline.add(went_on["task-deadline"]["T-3"])
        milestones.add(went_on["task-milestone-overdue"]["T-1"])
    assert (len(deadline) > 1, len(milestones) > 1) == (True, True)  # both were seen to pass


def test_an_outage_is_no_flood(world: World) -> None:
    """After two weeks without a cycle one text is sent and one step made, as if each cycle had found it at once."""
    report = world.cycle(local(29, 8, 8))
    assert world.told(report) == ["DP-19-UB/head/1 overdue"]
    assert world.count(schema.call) == 1
    for hour in (9, 10, 11):  # the next step waits half a working day at least
        assert world.told(world.cycle(local(29, 8, hour))) == []
