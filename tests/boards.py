"""What boards and metrics show: a cycle's report made by hand, and a small plan that was really judged."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from builders import NOW, ZONE, letterhead
from builders import unit as a_unit
from judging import CALENDAR, shipped_book
from sqlalchemy import Engine, insert, select, update

from warnwatch import schema
from warnwatch.alerts.alert import Call
from warnwatch.alerts.desk import Outcome
from warnwatch.alerts.lifecycle import Transition
from warnwatch.cycle import CycleReport, Memory, Standards, run_cycle
from warnwatch.metrics import Metrics
from warnwatch.notify.lookup import Counts, Lookup
from warnwatch.notify.notification import Notification
from warnwatch.notify.release import Mode, Release
from warnwatch.plan.directory import Directory, Unit
from warnwatch.plan.importing import import_folder
from warnwatch.plan.measures import today_of
from warnwatch.plan.snapshot import Snapshot
from warnwatch.rules.evaluation import Evaluation
from warnwatch.rules.rule import RuleBook
from warnwatch.web.board import Board

# unit, bloc, phase, group, computed status, due soon, ever reported, tasks
Row = tuple[str, str | None, int | None, int | None, str, bool, bool, int]
_COLUMNS = {
    "unit": pl.String,
    "bloc": pl.String,
    "phase": pl.Int16,
    "group_no": pl.Int16,
    "timing": pl.String,
    "soon": pl.Boolean,
    "reported": pl.Boolean,
    "tasks": pl.UInt32,
}
HOSTILE = '<script>alert(1)</script> & "dấu"'
SECRET = "Nội dung mật không được hiện"


def counted(*rows: Row) -> pl.DataFrame:
    """Give counted tasks, as `tally.count_tasks` does."""
    return pl.DataFrame(list(rows), schema=_COLUMNS, orient="row")


def of_unit(
    unit: str,
    timing: str,
    tasks: int = 1,
    *,
    bloc: str | None = "DIA_PHUONG",
    phase: int | None = 2,
    soon: bool = False,
    reported: bool = False,
) -> Row:
    """Give one row of counted tasks, of group 3."""
    return (unit, bloc, phase, 3, timing, soon, reported, tasks)


def report(
    rows: Iterable[Row] = (),
    *,
    units: Sequence[Unit] = (),
    transitions: Sequence[Transition] = (),
    calls: Sequence[Call] = (),
    notifications: Sequence[tuple[Notification, str]] = (),
    seconds: dict[str, float] | None = None,
    failures: dict[str, str] | None = None,
    at: datetime = NOW,
) -> CycleReport:
    """Give what a cycle reported, of a plan that is nothing but these counts."""
    counts = counted(*rows)
    known = {unit.code: unit for unit in units or [a_unit(code, code) for code in counts["unit"].unique()]}
    return CycleReport(
        at=at,
        rules_version="0" * 64,
        book=RuleBook((), {}, "0" * 64),
        snapshot=Snapshot(pl.DataFrame(), tuple(known.values()), (), 0),
        directory=Directory(known, (), at.date()),
        evaluation=Evaluation(today_of(at, CALENDAR), {}, {}, failures or {}, seconds or {}),
        outcome=Outcome(tuple(transitions), tuple(calls), {}, frozenset()),
        notifications=tuple(notifications),
        counts=lambda: counts,
    )


# --- a small plan, judged -------------------------------------------------------------------------------------------

_PLAN: dict[str, list[dict[str, str]]] = {
    "units": [
        {"code": "BCD-CQTT", "name": "Cơ quan Thường trực", "kind": "co_quan_thuong_truc", "bloc": "CHI_DAO"},
        {"code": "DP-19", "name": "Tỉnh ủy Thái Nguyên", "bloc": "DIA_PHUONG", "parent": "BCD-CQTT"},
        {"code": "DP-19-UB", "name": "Ủy ban nhân dân tỉnh Thái Nguyên", "bloc": "DIA_PHUONG", "parent": "DP-19"},
        {"code": "CP-BNV", "name": "Bộ Nội vụ", "bloc": "CHINH_PHU", "parent": "BCD-CQTT"},
    ],
    "posts": [
        {"unit": "BCD-CQTT", "office": "head", "title": "Chánh Văn phòng"},
        {"unit": "DP-19", "office": "head", "title": "Bí thư Tỉnh ủy"},
        {"unit": "DP-19-UB", "office": "head", "title": "Chủ tịch Ủy ban nhân dân tỉnh"},
        {"unit": "CP-BNV", "office": "head", "title": "Bộ trưởng"},
    ],
    "holders": [
        {"code": f"{unit}/head/1", "post": f"{unit}/head", "email": f"{unit.lower()}@example.vn"}
        for unit in ("BCD-CQTT", "DP-19", "DP-19-UB", "CP-BNV")
    ],
    "tasks": [
        {"code": "T-LATE", "title": HOSTILE, "lead_unit": "DP-19-UB", "start": "2025-07-01", "due": "2025-08-15"},
        {
            "code": "T-OPEN",
            "title": "Việc còn hạn",
            "lead_unit": "DP-19-UB",
            "start": "2025-08-18",
            "due": "2025-12-31",
        },
        {
            "code": "T-SECRET",
            "title": SECRET,
            "lead_unit": "CP-BNV",
            "start": "2025-07-01",
            "due": "2025-08-15",
            "confidential": "yes",
        },
    ],
}


def write_plan(folder: Path) -> Path:
    """Write the small plan's files: a late task with a hostile title, one in time, and a late confidential one."""
    for name, rows in _PLAN.items():
        headers = list(dict.fromkeys(key for row in rows for key in row))
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, headers)
            writer.writeheader()
            writer.writerows(rows)
    return folder


@dataclass
class Judged:
    """A small plan in a database after its first cycle, and the board over it. Change the fields, then ask `board`."""

    engine: Engine
    standards: Standards
    report: CycleReport | None
    counts: Counts
    metrics: Metrics
    now: datetime = NOW
    reasons: tuple[str, ...] = ()

    @property
    def board(self) -> Board:
        """The board over what is in the fields at each call."""
        return Board(
            lookup=Lookup(self.engine),
            latest=lambda: self.report,
            counts=lambda: self.counts,
            unready=lambda: self.reasons,
            metrics=self.metrics.render,
            standards=self.standards,
            clock=lambda: self.now,
        )


def judge(engine: Engine, folder: Path, mode: Mode = Mode.HOLD) -> Judged:
    """Import the small plan and run one cycle at NOW."""
    import_folder(engine, write_plan(folder), now=NOW, zone=ZONE)
    standards = Standards(shipped_book(), CALENDAR, letterhead(), Release(mode))
    made = run_cycle(engine, Memory(), standards, NOW)
    counts, metrics = Lookup(engine).counts(), Metrics()
    metrics.observe_cycle(made, 0.01, counts)
    return Judged(engine, standards, made, counts, metrics)


def answer(engine: Engine, outcome: str, code: int | None, said: str, **state: Any) -> int:
    """Record an attempt on the first notification, and the state that it left; give its number."""
    table = schema.notification
    with engine.begin() as connection:
        number = connection.execute(select(table.c.id).order_by(table.c.id)).scalars().first()
        connection.execute(update(table).where(table.c.id == number).values(**state))
        row = {"notification": number, "epoch": 1, "at": NOW, "outcome": outcome, "phase": "dot", "code": code}
        connection.execute(insert(schema.delivery), [row | {"answer": said}])
    return int(number or 0)


def repeat_mail(engine: Engine, times: int) -> None:
    """Write the first notification again so many times, as if a long service had sent them."""
    table = schema.notification
    with engine.begin() as connection:
        first = connection.execute(select(table).order_by(table.c.id)).mappings().first()
        plain = {key: value for key, value in dict(first or {}).items() if key != "id"}
        connection.execute(insert(table), [plain | {"key": f"again-{number}"} for number in range(times)])


def with_release(judged: Judged, mode: Mode, pilot: frozenset[str] | None = None) -> Judged:
    """Give the same plan under another delivery mode."""
    return replace(judged, standards=replace(judged.standards, release=Release(mode, pilot)))
