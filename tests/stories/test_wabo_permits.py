"""1,434 real permit cases of 2010 to 2012: who is late at the log's end, and who would have been warned on the way."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from judging import shipped_book
from sqlalchemy import Engine
from wabo import MICROSECOND, Log, dutch_calendar, fill, read_log, write_history

from warnwatch import database
from warnwatch.alerts.alert import Alert, State
from warnwatch.alerts.desk import Outcome, Work, decide, observe_all
from warnwatch.alerts.escalation import made_of
from warnwatch.alerts.lifecycle import Numbering
from warnwatch.alerts.present import Present
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.importing import import_folder
from warnwatch.plan.measures import today_of
from warnwatch.plan.snapshot import Snapshot, read_known_since, read_snapshot
from warnwatch.plan.tally import count_tasks
from warnwatch.rules.evaluation import Evaluation, evaluate
from warnwatch.rules.rule import Level, RuleBook

DATA = os.environ.get("WARNWATCH_DATA")
FOLDER = Path(DATA or ".") / "wabo_permits"
pytestmark = [
    pytest.mark.skipif(
        DATA is None or not FOLDER.is_dir(), reason="needs the data set wabo_permits: name its folder by WARNWATCH_DATA"
    ),
    pytest.mark.timeout(600),
]
DEADLINE = "task-deadline"


@pytest.fixture(scope="module")
def log() -> Log:
    """The log as it was published."""
    return read_log(FOLDER)


@pytest.fixture(scope="module")
def calendar(tmp_path_factory: pytest.TempPathFactory) -> WorkCalendar:
    """The working days of the Netherlands."""
    return dutch_calendar(tmp_path_factory.mktemp("calendar"))


@pytest.fixture(scope="module")
def engine(log: Log, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The log as a plan."""
    url = f"sqlite:///{tmp_path_factory.mktemp('wabo') / 'plan.sqlite3'}"
    database.upgrade(url)
    engine = database.open_engine(url)
    fill(engine, log)
    yield engine
    engine.dispose()


def shipped_deadline_rule() -> RuleBook:
    """Give the shipped rule on deadlines alone, with its policies."""
    book = shipped_book()
    return RuleBook((book.rule(DEADLINE),), book.policies, book.version)


def at_the_end(engine: Engine, log: Log, calendar: WorkCalendar) -> Snapshot:
    """Read the plan as known at the log's end."""
    with engine.connect().execution_options(reads_only=True) as connection:
        return read_snapshot(connection, calendar, log.end)


def test_the_log_has_the_traps_that_its_description_names(log: Log) -> None:
    """Two cases end before they start, 12 events lie before their case's start, 145 cases have events after the end."""
    cases = {case.code: case for case in log.cases}
    ends = {code: case.done for code, case in cases.items() if case.done}
    assert len(cases) == 1434
    assert sum(case.done is not None and case.done < case.start for case in log.cases) == 2
    assert sum(event.at < cases[event.case].start for event in log.events) == 12
    assert len({event.case for event in log.events if event.case in ends and event.at > ends[event.case]}) == 145


def test_imported_as_files_the_log_is_the_same_plan(
    engine: Engine, log: Log, calendar: WorkCalendar, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The log's odd clock (01:06:40 for most deadlines) is named, and no reason to round: instants stay."""
    write_history(log, tmp_path)
    url = f"sqlite:///{tmp_path_factory.mktemp('imported') / 'plan.sqlite3'}"
    database.upgrade(url)
    imported = database.open_engine(url)
    report = import_folder(imported, tmp_path, now=log.end, zone=ZoneInfo("Europe/Amsterdam"), history=True)
    odd = {(one.field, one.found) for one in report.warnings if "giờ lẻ" in one.message}
    assert odd == {("start", "01:06:40.020000"), ("start", "01:06:40.010000"), ("due", "01:06:40")}
    assert any("tức là hết ngày hôm trước" in one.message for one in report.warnings if one.field == "due")
    columns = ["code", "status", "start_at", "due_at", "done_at", "last_reported_at", "due_index"]
    for at in (log.end, log.end - timedelta(days=200)):
        plans = []
        for one in (engine, imported):
            with one.connect().execution_options(reads_only=True) as connection:
                plans.append(read_snapshot(connection, calendar, at).tasks.select(columns).sort("code"))
        assert plans[0].equals(plans[1])
        assert plans[0].height > 500
    imported.dispose()


def test_at_the_logs_end_the_overdue_level_names_the_open_cases_past_their_deadline(
    engine: Engine, log: Log, calendar: WorkCalendar
) -> None:
    """Of 105 open cases the critical level names exactly the 39 whose deadline has passed."""
    tasks, today = at_the_end(engine, log, calendar).tasks, today_of(log.end, calendar)
    levels = evaluate({"task": tasks}, shipped_deadline_rule(), today).levels[DEADLINE]
    expected = {case.code for case in log.cases if case.done is None and case.due < log.end}
    assert set(tasks.filter(levels == int(Level.CRITICAL))["code"]) == expected
    assert (len(expected), tasks.filter(tasks["status"] == "open").height) == (39, 105)


def test_the_computed_status_is_done_late_for_those_that_ended_late(
    engine: Engine, log: Log, calendar: WorkCalendar
) -> None:
    """Of 1,329 finished cases exactly 377 ended late, to the microsecond and not by the date."""
    counts = count_tasks(at_the_end(engine, log, calendar).tasks, today_of(log.end, calendar))
    sums: Counter[str] = Counter()
    for timing, tasks in counts.select("timing", "tasks").iter_rows():
        sums[timing] += tasks
    assert sums == {"done_late": 377, "done_in_time": 952, "open_late": 39, "open_in_time": 66}


STALLS = ("unchanged", "nearly-done", "unproven", "went-back", "projected-late", "behind", "silent", "deadline")


def morning_levels(engine: Engine, calendar: WorkCalendar, log: Log) -> dict[tuple[str, Level], set[str]]:
    """Judge the shipped rules at 8:00 of every working day; give who reached each level before the deadline."""
    shipped = shipped_book()
    book = RuleBook(tuple(shipped.rule(f"task-{name}") for name in STALLS), shipped.policies, shipped.version)
    begin, end = calendar.local_date(min(log.recorded())), calendar.local_date(log.end)
    days = (begin + timedelta(days=number) for number in range((end - begin).days + 1))
    mornings = [calendar.start_of_day(day) + timedelta(hours=8) for day in days if calendar.is_working(day)]
    due = {case.code: case.due for case in log.cases}
    warned: dict[tuple[str, Level], set[str]] = {}
    evaluation = None
    for now, snapshot in walk(engine, calendar, mornings):
        evaluation = evaluate({"task": snapshot.tasks}, book, today_of(now, calendar), before=evaluation)
        assert not evaluation.failures
        for rule in book.rules:
            for level in rule.rungs:
                reached = snapshot.tasks["code"].filter(
                    (evaluation.levels[rule.id] >= int(level)).fill_null(value=False)
                )
                warned.setdefault((rule.id, level), set()).update(code for code in reached if now <= due[code])
    return warned


def warned_and_false(warned: dict[tuple[str, Level], set[str]], log: Log, rule: str, level: Level) -> tuple[int, int]:
    """Count who was warned in time, and who of them ended in time all the same."""
    late = {case.code for case in log.cases if case.late or (case.done is None and case.due < log.end)}
    found = warned[f"task-{rule}", level]
    return len(found), len(found - late)


def test_stall_rules_do_not_flood_where_nobody_reports_progress(
    engine: Engine, log: Log, calendar: WorkCalendar
) -> None:
    """Events that state no progress are no reports that change nothing: of the rules on stalls only silence speaks.

    Silence does flood this log: its events cover only the receiving phase, and 57 % of the finished cases have none in
    their last 14 days. 1,256 heads would have been warned of it, 840 of them of a case that ended in time.
    """
    warned = morning_levels(engine, calendar, log)
    silent = [(rule, level) for (rule, level), cases in warned.items() if cases and level is Level.WARNING]
    assert sorted(rule for rule, _ in silent) == ["task-deadline", "task-silent"]
    for rule in ("unchanged", "nearly-done", "unproven", "went-back", "projected-late"):
        assert warned_and_false(warned, log, rule, Level.NOTICE) == (0, 0)
    assert warned_and_false(warned, log, "silent", Level.WARNING) == (1256, 840)
    assert warned_and_false(warned, log, "deadline", Level.WARNING) == (557, 141)


def test_stall_rules_do_not_flood_heads_where_events_are_read_as_progress(
    log: Log, calendar: WorkCalendar, tmp_path: Path
) -> None:
    """With the share of the main path as progress, the new rules tell heads of 23 of 1,434 cases, 14 ended in time.

    Focal points are reminded of more; `behind` tells heads of 57 cases, 36 of which ended late, 416 in all.
    """
    url = f"sqlite:///{tmp_path / 'plan.sqlite3'}"
    database.upgrade(url)
    engine = database.open_engine(url)
    fill(engine, log, progress=True)
    warned = morning_levels(engine, calendar, log)
    engine.dispose()
    heads = {
        rule: warned_and_false(warned, log, rule, Level.WARNING)
        for rule in ("unchanged", "went-back", "projected-late")
    }
    assert heads == {"unchanged": (23, 14), "went-back": (0, 0), "projected-late": (0, 0)}
    assert warned_and_false(warned, log, "behind", Level.WARNING) == (57, 21)
    focal_points = {
        rule: warned_and_false(warned, log, rule, Level.NOTICE)
        for rule in ("unchanged", "nearly-done", "unproven", "went-back", "projected-late")
    }
    assert focal_points == {
        "unchanged": (302, 201),
        "nearly-done": (848, 575),
        "unproven": (0, 0),
        "went-back": (0, 0),
        "projected-late": (19, 15),
    }


@dataclass
class Replay:
    """Cycles over recorded history, their alerts and calls kept in memory as the ledger would keep them."""

    calendar: WorkCalendar
    book: RuleBook
    alive: dict[tuple[str, str], Alert] = field(default_factory=dict)
    episodes: dict[tuple[str, str], int] = field(default_factory=dict)
    calls: dict[int, list[tuple[int, int, int, int]]] = field(default_factory=dict)
    present: Present = field(default_factory=lambda: Present({}))
    critical: set[str] = field(default_factory=set)
    number: int = 1

    def cycle(self, snapshot: Snapshot, evaluation: Evaluation, now: datetime) -> None:
        """Move the alerts, as a cycle does between reading and writing."""
        self.present.align({"task": snapshot.tasks}, {"task": snapshot.moved}, self.book)
        differing = self.present.differing(evaluation)
        due = tuple(alert for alert in self.alive.values() if alert.next_at and alert.next_at <= now)
        if not (differing or due):
            return
        work = Work(due, dict(self.alive), (), (), Numbering(self.number, self.episodes), differing)
        observations = observe_all(evaluation, self.book, work)
        made = {alert.id: made_of(self.calls.get(alert.id, ())) for alert in self.alive.values()}
        self.remember(decide(work, observations, self.book, made, (now, self.calendar), frozenset()))

    def remember(self, outcome: Outcome) -> None:
        """Keep what a cycle would have written."""
        for alert in outcome.alerts.values():
            key = (alert.rule, alert.subject)
            self.episodes[key] = alert.episode
            self.alive[key] = alert
            if alert.state is State.ENDED:
                del self.alive[key]
            elif alert.level is Level.CRITICAL and alert.state is State.OPEN:
                self.critical.add(alert.subject)
        for call in outcome.calls:
            self.calls.setdefault(call.alert, []).append((int(call.level), call.step, call.repeat, call.round_no))
        self.number += len(outcome.new)
        self.present.note(outcome.alerts.values())


def walk(engine: Engine, calendar: WorkCalendar, instants: Iterable[datetime]) -> Iterator[tuple[datetime, Snapshot]]:
    """Give the plan as it was known at each instant, moved forward from one to the next."""
    with engine.connect().execution_options(reads_only=True) as connection:
        ordered = sorted(instants)
        since = ordered[0] - MICROSECOND
        snapshot = read_snapshot(connection, calendar, since)
        for now in ordered:
            snapshot = read_known_since(connection, snapshot, calendar, since, now)
            yield now, snapshot
            since = now


@pytest.fixture(scope="module")
def cases_alone(log: Log, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The log as a plan in which nobody reports: no deadline hangs on a report, and each one takes time to read."""
    url = f"sqlite:///{tmp_path_factory.mktemp('cases') / 'plan.sqlite3'}"
    database.upgrade(url)
    engine = database.open_engine(url)
    fill(engine, log, reports=False)
    yield engine
    engine.dispose()


def test_replayed_over_its_whole_history_exactly_the_late_cases_become_critical(
    cases_alone: Engine, log: Log, calendar: WorkCalendar
) -> None:
    """At 10,955 instants `critical` opens for the 377 that ended late and the 39 that still run, and for nobody else.

    Each case's start, end and deadline is an instant, and each event. At the recorded instants alone it misses three:
    two cases ended 20 ms late, one between two instants.
    """
    recorded = log.recorded()
    instants = recorded | log.crossings()
    assert len(instants) == 10_955
    book = shipped_deadline_rule()
    replay, seen_critical, evaluation = Replay(calendar, book), set[str](), None
    for now, snapshot in walk(cases_alone, calendar, instants):
        evaluation = evaluate({"task": snapshot.tasks}, book, today_of(now, calendar), before=evaluation)
        replay.cycle(snapshot, evaluation, now)
        if now in recorded:
            rows = (evaluation.levels[DEADLINE] == int(Level.CRITICAL)).arg_true()
            seen_critical.update(snapshot.tasks["code"].gather(rows))
    ended_late = {case.code for case in log.cases if case.late}
    still_late = {case.code for case in log.cases if case.done is None and case.due < log.end}
    assert (len(ended_late), len(still_late)) == (377, 39)
    assert replay.critical == ended_late | still_late
    assert (len(seen_critical & ended_late), len(seen_critical & still_late)) == (374, 39)
