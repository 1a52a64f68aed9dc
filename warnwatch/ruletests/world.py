"""A plan of its own for each test: an embedded database in a temporary folder, filled by the import, run by the cycle.

Nothing here comes from the installation but the rules, policies and calendar of the folder under test.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, event, update

from warnwatch import database, schema
from warnwatch.alerts import ledger
from warnwatch.alerts.acts import Closing, Given, close_by_document, find_holder, take
from warnwatch.alerts.ahead import Next, next_of
from warnwatch.alerts.alert import Alert, State
from warnwatch.alerts.answers import save_answer
from warnwatch.alerts.calls import read_made
from warnwatch.alerts.ledger import JournalRow
from warnwatch.alerts.silencing import read_mutings_at
from warnwatch.alerts.terms import terms_of
from warnwatch.assembly import read_rules_folder
from warnwatch.cycle import CycleReport, Memory, Standards, run_cycle
from warnwatch.notify.notification import Letterhead
from warnwatch.notify.release import Mode, Release
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.importing import ImportReport, import_folder
from warnwatch.plan.task_terms import read_terms
from warnwatch.rules.rule import Rule, RuleBook
from warnwatch.ruletests.form import TREE

ZONE = "Asia/Ho_Chi_Minh"
_MOST_ALERTS = 100_000
Row = Mapping[str, str]
Rows = dict[str, dict[str, dict[str, str]]]  # the latest row of each code, by file


@dataclass(frozen=True, slots=True)
class Stage:
    """What the worlds of one run share: rules, calendar, a folder, the database that each begins with, and its own.

    They share the engine too, one after the other: it keeps every statement that it has compiled once.
    """

    book: RuleBook
    calendar: WorkCalendar
    folder: Path
    start: Path
    plan: Path
    engine: Engine


@contextmanager
def open_stage(rules_folder: Path, tree: Mapping[str, Sequence[Row]]) -> Iterator[Stage]:
    """Read the rules (MistakesError when they have mistakes) and make the database that each test copies.

    It holds the units of `tree`, rows by file, known from the first day of the calendar on.
    """
    calendar, book = read_rules_folder(rules_folder, ZONE)
    with TemporaryDirectory(prefix="warnwatch-test-") as name:
        folder = Path(name)
        start, plan, given = folder / "start.db", folder / "plan.db", folder / "tree"
        database.upgrade(f"sqlite:///{start}")
        given.mkdir()
        begun = database.open_engine(f"sqlite:///{start}")
        try:
            _bring(begun, given, tree, calendar.start_of_day(calendar.first), calendar)
        finally:
            begun.dispose()
        engine = database.open_engine(f"sqlite:///{plan}")
        # Nobody needs this database after a power cut.
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        yield Stage(book, calendar, folder, start, plan, engine)


@dataclass
class World:
    """One test's plan, and what the service would remember meanwhile. `rows`: what facts last said of each code.

    `whole`: rules as the folder has them, of those that a fact made fail.
    """

    engine: Engine
    folder: Path
    standards: Standards
    memory: Memory
    rows: Rows = field(default_factory=dict)
    whole: dict[str, Rule] = field(default_factory=dict)

    @property
    def calendar(self) -> WorkCalendar:
        """The calendar of the folder under test."""
        return self.standards.calendar

    def bring(self, now: datetime, files: Mapping[str, Sequence[Row]]) -> ImportReport:
        """Import rows, by file, as they become known at `now`."""
        return _bring(self.engine, self.folder, files, now, self.calendar)

    def cycle(self, now: datetime) -> CycleReport:
        """Run one cycle."""
        report = run_cycle(self.engine, self.memory, self.standards, now)
        if report.notifications:
            deliver_all(self.engine, now)
        return report

    def alerts(self) -> dict[tuple[str, str], Alert]:
        """Give the latest alert of every rule about every subject."""
        with self.engine.connect().execution_options(reads_only=True) as connection:
            found = ledger.read_alerts(connection, states=[state.value for state in State], limit=_MOST_ALERTS)
        return {(one.rule, one.subject): one for one in sorted(found, key=lambda alert: alert.id)}

    def ahead(self, alert: Alert, report: CycleReport) -> Next:
        """Say who is told next of an alert, as `warnwatch alerts --next` does."""
        book, directory = self.standards.book.following(report.directory.successors), report.directory
        tasks = read_terms(report.snapshot.tasks, [alert.subject], report.evaluation.today)
        with self.engine.connect().execution_options(reads_only=True) as connection:
            made = read_made(connection, [alert.id])
            mutings = read_mutings_at(connection, [alert], book, directory, report.at)
        terms, clock = terms_of(book, tasks, self.calendar), (report.at, self.calendar)
        return next(next_of([alert], terms, made, mutings, directory, clock))

    def promise(self, alert: Alert, who: str, until: datetime, note: str, now: datetime) -> None:
        """Acknowledge an alert, as `warnwatch ack` does."""
        with self.engine.begin() as connection:
            known = ledger.find_alert(connection, alert.code, for_update=True)
            directory = run_cycle(self.engine, Memory(), self.standards, now, dry_run=True).directory
            policy = self.standards.book.policies[self.standards.book.rule(alert.rule).escalation]
            given = Given(find_holder(directory, known, who), until, note=note)
            taken = take(known, given, policy, directory, now, self.calendar)
            save_answer(connection, known, given, taken, now)

    def close(self, alert: Alert, reason: str, document: str, now: datetime) -> None:
        """Close an alert by a document, as `warnwatch close` does; the unit that answers for it decides."""
        with self.engine.begin() as connection:
            known = ledger.find_alert(connection, alert.code, for_update=True)
            directory = run_cycle(self.engine, Memory(), self.standards, now, dry_run=True).directory
            closed, by = close_by_document(known, Closing(known.unit, reason, document), directory, now)
            facts = {"reason": reason, "document": document, "level": known.level.word}
            ledger.save_act(connection, closed, JournalRow(now, "closed", by, facts, known.id, known.subject))


def deliver_all(engine: Engine, now: datetime) -> None:
    """Let every text that waits in the outbox leave at `now`, as a mail server that works would."""
    table = schema.notification
    with engine.begin() as connection:
        connection.execute(update(table).where(table.c.state == "ready").values(state="sent", finished_at=now))


@contextmanager
def open_world(stage: Stage, rules: Sequence[str], known: Rows, number: int) -> Iterator[World]:
    """Make the plan of one test; its rules and units have long gone live. `known`: what the stage's tree said."""
    book = stage.book
    if rules:
        book = replace(book, rules=tuple(rule for rule in book.rules if rule.id in rules))
    folder = stage.folder / str(number)
    folder.mkdir()
    shutil.copyfile(stage.start, stage.plan)
    (folder / "in").mkdir()
    letterhead = Letterhead("WarnWatch", stage.calendar.zone)
    standards = Standards(book, stage.calendar, letterhead, Release(Mode.LIVE))
    live = {("rule", rule.id): "" for rule in book.rules} | {("unit", unit["code"]): "live" for unit in TREE}
    try:
        yield World(stage.engine, folder / "in", standards, Memory(live=live), deepcopy(known))
    finally:
        # The last connection takes SQLite's log with it; the next test puts its own file there.
        stage.engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)


def zone() -> ZoneInfo:
    """Give the zone in which tests are written, whatever the settings say."""
    return ZoneInfo(ZONE)


def _bring(
    engine: Engine, folder: Path, files: Mapping[str, Sequence[Row]], now: datetime, calendar: WorkCalendar
) -> ImportReport:
    for old in folder.iterdir():
        old.unlink()
    for name, rows in files.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, headers_of(rows))
            writer.writeheader()
            writer.writerows(rows)
    return import_folder(engine, folder, now=now, zone=calendar.zone, calendar=calendar)


def headers_of(rows: Sequence[Row]) -> list[str]:
    """Give the columns of some rows, in the order in which they are first named."""
    return list(dict.fromkeys(name for row in rows for name in row))
