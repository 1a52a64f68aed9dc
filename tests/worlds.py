"""A small plan of five units in a database, brought in through the import, judged by real cycles.

The committee (BCD) has a standing body (CQTT); under it a province's Party committee (DP-19), its People's Committee
(DP-19-UB), and a ministry (BYT). Every unit has a head; the People's Committee also a deputy and a focal point.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from builders import ZONE, letterhead, local
from judging import CALENDAR, shipped_book
from sqlalchemy import Connection, Engine, RowMapping, Table, func, select, update

from warnwatch import database, schema
from warnwatch.alerts import ledger
from warnwatch.alerts.acts import Closing, Given, close_by_document, find_holder, take
from warnwatch.alerts.alert import Alert
from warnwatch.alerts.answers import save_answer
from warnwatch.alerts.ledger import JournalRow
from warnwatch.cycle import CycleReport, Memory, Standards, run_cycle
from warnwatch.notify.release import Mode, Release
from warnwatch.plan.importing import ImportReport, import_folder
from warnwatch.rules.rule import RuleBook

# Monday 4/8/2025, 08:00: the plan is recorded.
BEGUN = local(4, 8, 8)

UNITS: tuple[Mapping[str, Any], ...] = (
    {"code": "BCD", "name": "Ban Chỉ đạo Trung ương", "head_title": "Trưởng Ban Chỉ đạo"},
    {
        "code": "CQTT",
        "name": "Cơ quan Thường trực Ban Chỉ đạo",
        "kind": "co_quan_thuong_truc",
        "parent": "BCD",
        "head_title": "Trưởng Cơ quan Thường trực",
    },
    {"code": "DP-19", "name": "Tỉnh ủy Thái Nguyên", "parent": "CQTT", "head_title": "Bí thư Tỉnh ủy"},
    {
        "code": "DP-19-UB",
        "name": "Ủy ban nhân dân tỉnh Thái Nguyên",
        "bloc": "DIA_PHUONG",
        "parent": "DP-19",
        "head_title": "Chủ tịch Ủy ban nhân dân tỉnh",
    },
    {"code": "BYT", "name": "Bộ Y tế", "bloc": "CHINH_PHU", "parent": "CQTT", "head_title": "Bộ trưởng"},
)
POSTS = (*(f"{unit['code']}/head" for unit in UNITS), "DP-19-UB/deputy", "DP-19-UB/focal_point")


@dataclass(repr=False)
class World:
    """The plan, what the service remembers between cycles, and what it judges by.

    `sends`: what is due leaves when a cycle ends, as with a mail server that works; without it everything waits.
    """

    engine: Engine
    folder: Path
    standards: Standards
    memory: Memory = field(default_factory=Memory)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    sends: bool = True

    def bring(self, now: datetime, **files: Sequence[Mapping[str, Any]]) -> ImportReport:
        """Import rows, by file, as they are known at `now`."""
        for old in self.folder.iterdir():
            old.unlink()
        for name, rows in files.items():
            write_rows(self.folder / f"{name}.csv", rows)
        return import_folder(self.engine, self.folder, now=now, zone=ZONE)

    def put(self, now: datetime, code: str, **changes: Any) -> None:
        """Record a task, or what changed about it; a new one runs from 4/8 to 15/8/2025 for DP-19-UB."""
        plain = {"title": f"Nhiệm vụ {code}", "lead_unit": "DP-19-UB", "start": BEGUN, "due": "2025-08-15"}
        self.tasks[code] = self.tasks.get(code, {"code": code, **plain}) | changes
        self.bring(now, tasks=[self.tasks[code]])

    def done(self, now: datetime, code: str, at: datetime | None = None) -> None:
        """Record that a task is verified as done."""
        self.put(now, code, status="done", done_at=at or now, verifier="Văn phòng")

    def move(self, now: datetime, code: str, due: str, number: str, authority: str = "CQTT") -> None:
        """Record a decision, and the deadline that it allows."""
        decided = {"number": number, "task": code, "kind": "deadline", "authority": authority}
        self.bring(now, decisions=[decided | {"decided_on": f"{now.astimezone(ZONE):%Y-%m-%d}"}])
        self.put(now, code, due=due, decision=number)

    def report(self, now: datetime, code: str, progress: float | None, at: datetime | None = None) -> None:
        """Record a progress report."""
        reporter = self.tasks[code]["lead_unit"]
        self.bring(now, reports=[{"task": code, "reported_at": at or now, "reporter": reporter, "progress": progress}])

    def cycle(self, now: datetime, **options: Any) -> CycleReport:
        """Run one cycle."""
        report = run_cycle(self.engine, self.memory, self.standards, now, **options)
        if self.sends and report.notifications and not (options.get("dry_run") or options.get("as_of")):
            self.send(now)
        return report

    def send(self, now: datetime) -> None:
        """Let every text that is due leave."""
        table = schema.notification
        due = (table.c.state == "ready", table.c.due_at <= now)
        with self.engine.begin() as connection:
            connection.execute(update(table).where(*due).values(state="sent", finished_at=now))

    def by(self, **changes: Any) -> None:
        """Change what is judged by: `book`, or `release`."""
        self.standards = replace(self.standards, **changes)

    def promise(self, now: datetime, alert: Alert, until: datetime, who: str = "head") -> bool:
        """Acknowledge an alert, as the command does; says whether it binds."""
        with self.engine.begin() as connection:
            known = ledger.find_alert(connection, alert.code, for_update=True)
            directory = self.cycle(now, dry_run=True).directory
            policy = self.standards.book.policies[self.standards.book.rule(alert.rule).escalation]
            given = Given(find_holder(directory, known, who), until)
            taken = take(known, given, policy, directory, now, CALENDAR)
            save_answer(connection, known, given, taken, now)
        return taken.binds

    def close(self, now: datetime, alert: Alert, by: str = "CQTT") -> None:
        """Close an alert by a document; the secretariat decides, or whom `by` names."""
        with self.engine.begin() as connection:
            known = ledger.find_alert(connection, alert.code, for_update=True)
            directory = self.cycle(now, dry_run=True).directory
            closed, closer = close_by_document(known, Closing(by, "Đã có kết luận", "12/TB-VP"), directory, now)
            ledger.save_act(connection, closed, JournalRow(now, "closed", closer, {}, known.id, known.subject))

    def alerts(self) -> list[Alert]:
        """Give all alerts, by number."""
        with self.engine.connect() as connection:
            found = ledger.read_alerts(connection, states={"pending", "open", "ended"})
        return sorted(found, key=lambda alert: alert.id)

    def alert(self, subject: str = "T-1", rule: str = "task-deadline") -> Alert:
        """Give the latest alert of a rule about a task."""
        return [one for one in self.alerts() if (one.subject, one.rule) == (subject, rule)][-1]

    def history(self, alert: Alert) -> list[str]:
        """Give the words of an alert's own history."""
        with self.engine.connect() as connection:
            return [row.kind for row in ledger.read_history(connection, alert.id)]

    def mails(self) -> list[RowMapping]:
        """Give all texts of the outbox, in the order in which they were written."""
        with self.engine.connect() as connection:
            table = schema.notification
            return list(connection.execute(select(table).order_by(table.c.id)).mappings())

    def told(self, report: CycleReport) -> list[str]:
        """Say who is told in a cycle, and by which kind of text."""
        return sorted(f"{one.holder} {one.kind.value}" for one, _ in report.notifications)

    def count(self, table: Table) -> int:
        """Count the rows of a table."""
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open the database as a cycle reads it."""
        with self.engine.connect().execution_options(reads_only=True) as connection:
            yield connection


def build_world(url: str, folder: Path, book: RuleBook | None = None, *, mode: Mode = Mode.LIVE) -> World:
    """Bring the five units and their holders into an empty database; no tasks yet."""
    standards = Standards(book or shipped_book(), CALENDAR, letterhead(), Release(mode))
    folder.mkdir(exist_ok=True)
    world = World(database.open_engine(url), folder, standards)
    posts = [dict(zip(("unit", "office"), post.split("/"), strict=True)) for post in POSTS]
    holders = [holder_row(post) for post in POSTS]
    world.bring(BEGUN, units=UNITS, posts=posts, holders=holders)
    return world


@contextmanager
def begun_world(url: str, folder: Path, *codes: str, sends: bool = True) -> Iterator[World]:
    """The five units gone live, judged by the shipped rule on deadlines alone.

    The tasks run from Monday 4/8 to Friday 15/8/2025, nine working days, led by the province's Committee.
    """
    shipped = shipped_book()
    world = build_world(url, folder, replace(shipped, rules=(shipped.rule("task-deadline"),)))
    world.sends = sends
    for code in codes:
        world.put(BEGUN, code)
    world.cycle(BEGUN)
    yield world
    world.engine.dispose()


def holder_row(post: str, **changes: Any) -> dict[str, Any]:
    """Give the row of a post's first holder."""
    email = f"{post.replace('/', '.').lower()}@example.vn"
    return {"code": f"{post}/1", "post": post, "email": email, "valid_to": None} | changes


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as a CSV file of an import; a row may leave columns out."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def _cell(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else "" if value is None else value
