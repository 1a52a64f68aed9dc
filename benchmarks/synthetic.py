"""A synthetic plan of any size, the same for the same seed: units in a tree, tasks with deadlines and reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert

from warnwatch import schema

BEGUN = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
# When the benchmarks look at the plan: ten in the morning, sixty days after it began.
LOOKED_AT = BEGUN + timedelta(days=60, hours=2)
CHUNK = 20_000
# Every unit has a reading of every KPI for every month: 98,000 where there are 3,500 units.
KPIS = tuple(f"K{number}" for number in range(7))
MONTHS = ("2025-11", "2025-12", "2026-01", "2026-02")
TARGET = 80.0
HOLDERS = (("head", "Thủ trưởng"), ("deputy", "Phó Thủ trưởng"), ("focal_point", "Đầu mối"))


@dataclass(frozen=True, slots=True)
class _Task:
    """One made-up task; days count from the plan's beginning."""

    code: str
    unit: str
    number: int
    due_day: int
    done: bool
    reported_day: int
    progress: float


def fill(
    engine: Engine,
    tasks: int,
    *,
    seed: int = 20260105,
    quiet: bool = False,
    silent: float = 0.2,
    shown: Callable[[int], None] = lambda _written: None,
) -> None:
    """Write a plan of `tasks` tasks into an empty, migrated database; `shown` is told how many are written.

    65 % of the tasks are open, 5 % of them late, the share `silent` without a report for weeks; with `quiet` every
    task is on course, so that no rule fires. Units: one for every hundred tasks, at least 10, at most 3,500; each has
    the same KPIs, with a reading above the target for every month.
    """
    random = Random(seed)
    shares = (0.0, 0.0) if quiet else (0.05, silent)
    units = max(10, min(3_500, tasks // 100))
    with engine.begin() as connection:
        _write(connection, schema.unit, ({"code": code, "recorded_at": BEGUN} for code in _unit_codes(units)))
        _write(connection, schema.unit_version, _units(units))
        _write_holders(connection, units)
        _write_kpis(connection, units)
    for start in range(0, tasks, CHUNK):
        with engine.begin() as connection:
            numbers = range(start, min(start + CHUNK, tasks))
            _write_tasks(connection, [_task(number, units, random, shares) for number in numbers])
        shown(numbers.stop)


def _unit_codes(units: int) -> list[str]:
    return [f"U{number:04d}" for number in range(units)]


def _units(units: int) -> Iterator[dict[str, Any]]:
    for number, code in enumerate(_unit_codes(units)):
        yield {
            "code": code,
            "name": f"Đơn vị số {number}",
            "short_name": f"ĐV {number}",
            "kind": "co_quan_thuong_truc" if number == 0 else "don_vi",
            "bloc": ("CHINH_PHU", "DIA_PHUONG", "DANG")[number % 3],
            "parent": None if number == 0 else f"U{(number - 1) // 10:04d}",
            "head_title": "Thủ trưởng",
            "recorded_at": BEGUN,
        }


def _write_holders(connection: Connection, units: int) -> None:
    pairs = [(unit, office, title) for unit in _unit_codes(units) for office, title in HOLDERS]
    posts = [f"{unit}/{office}" for unit, office, _ in pairs]
    _write(connection, schema.post, ({"code": code, "recorded_at": BEGUN} for code in posts))
    _write(
        connection,
        schema.post_version,
        (
            {"code": f"{unit}/{office}", "unit": unit, "office": office, "title": title, "recorded_at": BEGUN}
            for unit, office, title in pairs
        ),
    )
    _write(connection, schema.holder, ({"code": f"H-{code}", "recorded_at": BEGUN} for code in posts))
    _write(
        connection,
        schema.holder_version,
        (
            {
                "code": f"H-{code}",
                "post": code,
                "email": f"{code.replace('/', '.').lower()}@example.vn",
                "recorded_at": BEGUN,
            }
            for code in posts
        ),
    )


def _write_kpis(connection: Connection, units: int) -> None:
    pairs = [(kpi, unit) for kpi in KPIS for unit in _unit_codes(units)]
    _write(connection, schema.kpi, ({"code": kpi, "recorded_at": BEGUN} for kpi in KPIS))
    about = {"measure_unit": "%", "direction": "high_good", "period": "month", "operator": ">=", "keeper": "U0000"}
    _write(
        connection,
        schema.kpi_version,
        ({"code": kpi, "name": f"Chỉ tiêu {kpi}", **about, "recorded_at": BEGUN} for kpi in KPIS),
    )
    _write(connection, schema.target, ({"code": f"{kpi}/{unit}", "recorded_at": BEGUN} for kpi, unit in pairs))
    _write(
        connection,
        schema.target_version,
        (
            {"code": f"{kpi}/{unit}", "kpi": kpi, "unit": unit, "target": TARGET, "recorded_at": BEGUN}
            for kpi, unit in pairs
        ),
    )
    _write(
        connection,
        schema.reading,
        (
            {"kpi": kpi, "unit": unit, "period": month, "value": TARGET + 1 + at, "recorded_at": BEGUN}
            for kpi, unit in pairs
            for at, month in enumerate(MONTHS)
        ),
    )


def _task(number: int, units: int, random: Random, shares: tuple[float, float]) -> _Task:
    late, silent = (random.random() < share for share in shares)
    due_day = random.randrange(20, 55) if late else random.randrange(100, 260)
    return _Task(
        code=f"T{number:07d}",
        unit=f"U{random.randrange(units):04d}",
        number=number,
        due_day=due_day,
        done=random.random() < 0.35,
        reported_day=random.randrange(1, 20) if silent else 59,
        progress=round(min(1.0, 60 / due_day + 0.05), 2),
    )


def _write_tasks(connection: Connection, tasks: list[_Task]) -> None:
    _write(connection, schema.task, ({"code": task.code, "recorded_at": BEGUN} for task in tasks))
    _write(connection, schema.task_version, map(_version, tasks))
    _write(
        connection,
        schema.deadline,
        ({"task": task.code, "due_at": BEGUN + timedelta(task.due_day), "recorded_at": BEGUN} for task in tasks),
    )
    _write(connection, schema.report, map(_report, tasks))


def _version(task: _Task) -> dict[str, Any]:
    return {
        "code": task.code,
        "title": f"Nhiệm vụ {task.code}: hoàn thành dịch vụ công trực tuyến toàn trình",
        "lead_unit": task.unit,
        "group_no": task.number % 8 + 1,
        "phase": task.number % 2 + 1,
        "start_at": BEGUN,
        "owner_role": "Trưởng phòng",
        "accountable_head": "Thủ trưởng",
        "expected_result": "100% dịch vụ công trực tuyến toàn trình",
        "decision_authority": "U0000",
        "status": "done" if task.done else "open",
        "done_at": BEGUN + timedelta(days=30) if task.done else None,
        "verifier": "U0000" if task.done else None,
        "recorded_at": BEGUN,
    }


def _report(task: _Task) -> dict[str, Any]:
    reported_at = BEGUN + timedelta(days=task.reported_day)
    return {
        "task": task.code,
        "reported_at": reported_at,
        "reporter": f"{task.unit}/focal_point",
        "progress": task.progress,
        "recorded_at": reported_at,
    }


def _write(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    connection.execute(insert(table), list(rows))
