"""The plan as columns: read whole, refreshed with what changed, and as it was known on a past day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from builders import ZONE, end_of, local
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judging import CALENDAR
from polars.testing import assert_frame_equal
from sqlalchemy import Connection, Engine, insert, update
from worlds import BEGUN, POSTS, UNITS, World, build_world, holder_row, write_rows

from warnwatch import schema
from warnwatch.plan.importing import import_folder
from warnwatch.plan.snapshot import Snapshot, read_known_since, read_snapshot, refresh

DAY = timedelta(days=1)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Five units, no tasks."""
    world = build_world(database_url, tmp_path / "in")
    yield world
    world.engine.dispose()


def whole(world: World, as_of: datetime | None = None) -> Snapshot:
    """Read the whole plan."""
    with world.reading() as connection:
        return read_snapshot(connection, CALENDAR, as_of)


def refreshed(world: World, before: Snapshot) -> Snapshot:
    """Bring a snapshot up to date."""
    with world.reading() as connection:
        return refresh(connection, before, CALENDAR)


def task(snapshot: Snapshot, code: str = "T-1") -> dict[str, Any]:
    """Give one row of a snapshot; empty when the task is not there."""
    return next(iter(snapshot.tasks.filter(pl.col("code") == code).to_dicts()), {})


def assert_same(one: Snapshot, other: Snapshot) -> None:
    """Hold that two snapshots say the same; the order of rows does not matter."""
    assert_frame_equal(one.tasks, other.tasks, check_row_order=False, categorical_as_str=True)
    assert (one.units, one.holders) == (other.units, other.holders)


def test_a_task_becomes_a_row(world: World) -> None:
    """Deadline, start, day counts, bloc and clears of a task stand in its row."""
    world.put(BEGUN, "T-1", owner_role="Giám đốc Sở", expected_result="100%", group=4, phase=2)
    row = task(whole(world))
    assert (row["unit"], row["bloc"], row["status"], row["phase"], row["group_no"]) == (
        "DP-19-UB",
        "DIA_PHUONG",
        "open",
        2,
        4,
    )
    assert (row["due_at"], row["baseline_due_at"], row["start_at"]) == (end_of(15, 8), end_of(15, 8), BEGUN)
    assert row["due_index"] - row["assigned_index"] == 9
    assert (row["slips"], row["clears"], row["progress"], row["last_reported_at"]) == (0, 3, None, None)


def test_an_empty_plan_is_an_empty_frame(world: World) -> None:
    """Without tasks the frame has all its columns and no rows; units and holders are there."""
    found = whole(world)
    assert (found.tasks.height, len(found.units), len(found.holders)) == (0, 5, 7)
    assert {"due_index", "report_index", "slip_days", "bloc"} <= set(found.tasks.columns)


def test_a_task_for_every_day_is_counted_in_plain_days(world: World) -> None:
    """On every-day counting the index is the local day itself."""
    world.put(BEGUN, "T-1", calendar_mode="every_day")
    row = task(whole(world))
    assert (row["every_day"], row["due_index"]) == (True, row["due_day"])


def test_what_is_not_judged_or_withdrawn_is_no_row(world: World) -> None:
    """A parent that only gathers, and a task that a complete import left out, are not judged."""
    world.put(BEGUN, "P", judged="no")
    world.put(BEGUN, "T-1", parent="P")
    assert whole(world).tasks["code"].to_list() == ["T-1"]
    withdraw(world.engine, "T-1", BEGUN + DAY)
    assert whole(world).tasks.height == 0


def withdraw(engine: Engine, code: str, at: datetime) -> None:
    """Record a task as withdrawn, as a complete import does."""
    version = schema.task_version
    with engine.begin() as connection:
        current = (version.c.code == code, version.c.superseded_at.is_(None))
        row = connection.execute(version.select().where(*current)).mappings().one()
        connection.execute(update(version).where(*current).values(superseded_at=at))
        kept = {name: value for name, value in row.items() if name not in {"id", "superseded_at"}}
        connection.execute(insert(version), [kept | {"withdrawn": True, "recorded_at": at}])
        mark_changed(connection, "task", code)


def mark_changed(connection: Connection, kind: str, subject: str) -> None:
    """Tell the evaluator to read something again."""
    row = {"kind": kind, "subject": subject, "xact": schema.xact(connection)}
    connection.execute(insert(schema.change).values(row))


def test_the_latest_report_that_states_progress_counts(world: World) -> None:
    """Progress is of the last report that states it; the time is of the last report of all."""
    world.put(BEGUN, "T-1")
    world.report(local(6, 8), "T-1", 0.4)
    world.report(local(7, 8), "T-1", None)
    row = task(whole(world))
    assert (row["progress"], row["last_reported_at"]) == (pytest.approx(0.4), local(7, 8))


def test_a_corrected_report_counts_as_its_correction(world: World) -> None:
    """A correction replaces the report that it names; on an earlier day the first one was known."""
    world.put(BEGUN, "T-1")
    world.report(local(6, 8), "T-1", 0.9)
    world.report(local(8, 8), "T-1", 0.2, at=local(6, 8))
    assert task(whole(world))["progress"] == pytest.approx(0.2)
    assert task(whole(world, local(7, 8)))["progress"] == pytest.approx(0.9)


@pytest.mark.parametrize(("authority", "due", "slip_days"), [("CQTT", end_of(22, 8), 7), ("BYT", end_of(15, 8), 0)])
def test_only_an_authorised_decision_moves_the_deadline(
    world: World, authority: str, due: datetime, slip_days: int
) -> None:
    """A decision of an office with authority moves the deadline in force; another is only counted as a slip."""
    world.put(BEGUN, "T-1")
    world.move(local(12, 8), "T-1", "2025-08-22", "5/QĐ", authority)
    row = task(whole(world))
    assert (row["due_at"], row["baseline_due_at"], row["slips"]) == (due, end_of(15, 8), 1)
    assert row["slip_days"] == slip_days


def test_milestones_slips_and_reports_of_a_task_stand_in_its_row(world: World) -> None:
    """Moved on its eve without authority, one of two milestones done, twice reported alike: the row says so."""
    world.put(BEGUN, "T-1", evidence_type="Biên bản nghiệm thu")
    first = {"code": "M-1", "task": "T-1", "title": "Dự thảo", "due": "2025-08-07", "done_at": local(7, 8)}
    world.bring(local(5, 8), milestones=[first, {**first, "code": "M-2", "due": "2025-08-13", "done_at": None}])
    for day in (6, 8):
        row = {"task": "T-1", "reported_at": local(day, 8), "reporter": "BYT", "progress": 0.9, "colour": "yellow"}
        world.bring(local(day, 8), reports=[{**row, "evidence": "Biên bản số 1"}])
    world.move(local(14, 8), "T-1", "2025-08-22", "5/QĐ", "BYT")
    row = task(whole(world))
    assert (row["milestones"], row["milestones_done"], row["next_milestone_at"]) == (2, 1, end_of(13, 8))
    assert (row["slips"], row["unauthorised_slips"], row["slips_on_eve"]) == (1, 1, 1)
    assert (row["reports"], row["unchanged_reports"], row["reported_colour"]) == (2, 1, "yellow")
    assert (row["unproven_progress"], row["went_back"], row["largest_jump"]) == (0, 0, 0)
    assert row["needs_evidence"] is True


@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_milestone_that_leaves_a_task_leaves_its_row(world: World, *, withdrawn: bool) -> None:
    """A milestone that goes to another task, or is withdrawn, is refreshed away from the task that had it."""
    world.put(BEGUN, "T-1")
    world.put(BEGUN, "T-2")
    one = {"code": "M-1", "task": "T-1", "title": "Dự thảo", "due": "2025-08-07", "done_at": None}
    other = {**one, "code": "M-2", "task": "T-2"}
    world.bring(BEGUN + DAY, milestones=[one, other])
    before = whole(world)
    assert task(before)["milestones"] == 1
    if withdrawn:
        write_rows(world.folder / "milestones.csv", [other])
        import_folder(world.engine, world.folder, now=BEGUN + 2 * DAY, zone=ZONE, complete=True)
    else:
        world.bring(BEGUN + 2 * DAY, milestones=[{**one, "task": "T-2"}])
    after = refreshed(world, before)
    assert task(after)["milestones"] == 0
    assert_same(after, whole(world))


def lively(world: World) -> list[datetime]:
    """Let two weeks pass in which facts of every kind are recorded; give the instants."""
    world.put(BEGUN, "T-1")
    world.put(local(5, 8), "T-2", lead_unit="BYT", due=None, status="open")
    world.report(local(6, 8), "T-1", 0.4)
    world.move(local(7, 8), "T-1", "2025-08-22", "5/QĐ")
    world.put(local(8, 8), "T-2", due="2025-09-30", confidential="mật")
    world.report(local(11, 8), "T-1", 0.3, at=local(6, 8))
    world.bring(local(12, 8), units=[{**UNITS[4], "name": "Bộ Y tế và Dân số", "bloc": "KHAC"}])
    world.bring(local(13, 8), holders=[holder_row(POSTS[3], email="moi@example.vn")])
    world.done(local(14, 8), "T-2")
    withdraw(world.engine, "T-1", local(15, 8))
    return [BEGUN, *(local(day, 8) for day in (5, 6, 7, 8, 11, 12, 13, 14, 15))]


def test_as_of_equals_what_was_known_then(world: World) -> None:
    """Read today as of any past instant, the plan is what a whole read gave on that day."""
    seen: dict[datetime, Snapshot] = {}
    original = world.bring

    def bring(now: datetime, **files: Any) -> Any:
        report = original(now, **files)
        seen[now] = whole(world)
        return report

    world.bring = bring  # type: ignore[method-assign]
    lively(world)
    assert len(seen) == 9
    for at, then in seen.items():
        assert_same(whole(world, at + timedelta(minutes=1)), then)


def test_recorded_history_can_be_walked(world: World) -> None:
    """Moved forward from instant to instant, a snapshot is at each what a whole read as of it gives."""
    instants = lively(world)
    walked = whole(world, instants[0] - DAY)
    for since, at in zip([instants[0] - DAY, *instants], instants, strict=False):
        with world.reading() as connection:
            walked = read_known_since(connection, walked, CALENDAR, since, at)
        assert_same(walked, whole(world, at))


def test_without_changes_the_frame_is_the_same_object(world: World) -> None:
    """A quiet refresh reads two numbers and keeps the frame."""
    world.put(BEGUN, "T-1")
    before = whole(world)
    after = refreshed(world, before)
    assert after.tasks is before.tasks
    assert after.moved is None


def test_a_refresh_says_which_rows_moved(world: World) -> None:
    """A changed task keeps its row; what did not change of any task is the same column; a new one finds its place."""
    for code in ("T-1", "T-2", "T-3"):
        world.put(BEGUN, code)
    before = whole(world)
    world.report(local(6, 8), "T-2", 0.5)
    after = refreshed(world, before)
    assert after.moved is not None
    assert after.moved.leads(before.tasks, after.tasks)
    assert after.moved.rows.to_list() == [1]
    assert after.moved.places is None
    assert (after.moved.gone["progress"].item(), after.moved.fresh["progress"].item()) == (None, 0.5)
    world.put(local(7, 8), "T-10")
    longer = refreshed(world, after)
    assert longer.moved is not None
    assert longer.tasks["code"].to_list() == ["T-1", "T-10", "T-2", "T-3"]
    assert longer.moved.places is not None
    assert longer.moved.places.to_list() == [0, None, 1, 2]


def test_many_changes_are_read_as_a_whole(world: World) -> None:
    """A change row for everything makes the refresh read the plan anew."""
    world.put(BEGUN, "T-1")
    before = whole(world)
    world.put(BEGUN + DAY, "T-2")
    with world.engine.begin() as connection:
        mark_changed(connection, "task", "*")
    after = refreshed(world, before)
    assert after.moved is None
    assert_same(after, whole(world))


def test_an_act_on_an_alert_is_seen_and_changes_no_row(world: World) -> None:
    """A change of kind alert only says that people acted."""
    before = whole(world)
    with world.engine.begin() as connection:
        mark_changed(connection, "alert", "CB-25-00001")
    after = refreshed(world, before)
    assert (before.acted, after.acted, refreshed(world, after).acted) == (False, True, False)


def test_changes_that_commit_late_are_not_passed_by(postgresql_url: str, tmp_path: Path) -> None:
    """Of two open transactions the later one commits first: the earlier one's change is read after its commit."""
    world = build_world(postgresql_url, tmp_path / "in")
    world.put(BEGUN, "T-1")
    before = whole(world)
    with world.engine.connect() as early, world.engine.connect() as late:
        for connection, progress in ((early, 0.1), (late, 0.2)):
            row = {"task": "T-1", "reported_at": BEGUN + DAY * progress, "reporter": str(progress)}
            connection.execute(insert(schema.report), [row | {"progress": progress, "recorded_at": BEGUN}])
            mark_changed(connection, "task", "T-1")
        late.commit()
        between = refreshed(world, before)
        early.commit()
    after = refreshed(world, between)
    assert_same(after, whole(world))
    assert after.moved is not None
    world.engine.dispose()


CODES = st.sampled_from(["T-1", "T-2", "T-3", "T-4"])
acts = st.lists(
    st.one_of(
        st.tuples(st.just("put"), CODES, st.sampled_from(["BYT", "DP-19-UB"]), st.sampled_from(["yes", "no"])),
        st.tuples(st.just("report"), CODES, st.sampled_from([0.1, 0.5, None]), st.integers(0, 5)),
        st.tuples(st.just("milestone"), CODES, st.sampled_from(["M-1", "M-2"]), st.sampled_from([8, 13, None])),
        st.tuples(st.just("claim"), CODES, st.sampled_from(["Biên bản", "Quyết định"]), st.booleans()),
        st.tuples(st.just("move"), CODES, st.integers(16, 30), st.sampled_from(["CQTT", "BYT"])),
        st.tuples(st.just("unit"), st.sampled_from(["BYT", "DP-19-UB"]), st.sampled_from(["A", "B"]), st.none()),
        st.tuples(st.just("holder"), st.sampled_from(POSTS), st.sampled_from(["a@example.vn", None]), st.none()),
        st.tuples(st.just("withdraw"), CODES, st.none(), st.none()),
        st.tuples(st.just("refresh"), st.none(), st.none(), st.none()),
    ),
    min_size=1,
    max_size=8,
)


def do(world: World, now: datetime, act: tuple[Any, ...], number: int) -> None:
    """Do one thing to the plan; what makes no sense for the plan as it is, is left out."""
    kind, code, one, other = act
    known = code in world.tasks
    if kind == "put":
        world.put(now, code, lead_unit=one, judged=other)
    elif kind == "report" and known:
        world.report(now, code, one, at=BEGUN + DAY * other)
    elif kind == "milestone" and known:
        done = BEGUN + DAY if other == 13 else None
        due = f"2025-08-{other:02d}" if other else None
        world.bring(now, milestones=[{"code": one, "task": code, "title": one, "due": due, "done_at": done}])
    elif kind == "claim" and known:
        said = {"task": code, "reported_at": now, "reporter": "BYT", "progress": 1.0, "evidence": one}
        world.bring(now, reports=[said | {"claims_completion": "yes" if other else "no", "colour": "green"}])
    elif kind == "move" and known and world.tasks[code]["lead_unit"] != other:
        world.move(now, code, f"2025-08-{one}", f"{number}/QĐ", other)
    elif kind == "unit":
        row = next(unit for unit in UNITS if unit["code"] == code)
        world.bring(now, units=[{**row, "bloc": one}])
    elif kind == "holder":
        world.bring(now, holders=[holder_row(code, email=one)])
    elif kind == "withdraw" and known:
        withdraw(world.engine, code, now)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=acts)
def test_refreshes_equal_a_whole_read(world: World, plan: list[tuple[Any, ...]]) -> None:
    """Whatever changes in whatever order, a snapshot kept up to date equals one that is read anew."""
    kept = whole(world)
    start = BEGUN + DAY * world.count(schema.change)
    for number, act in enumerate(plan):
        if act[0] == "refresh":
            kept = refreshed(world, kept)
        else:
            do(world, start + DAY * number, act, world.count(schema.decision))
    assert_same(refreshed(world, kept), whole(world))
