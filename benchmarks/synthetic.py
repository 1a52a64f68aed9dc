"""A synthetic plan of any size, the same for the same seed: units in a tree, tasks with deadlines and reports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Table, insert

from warnwatch import schema

BEGUN = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
CHUNK = 20_000
HOLDERS = (("head", "Thủ trưởng"), ("deputy", "Phó Thủ trưởng"), ("focal_point", "Đầu mối"))


def fill(engine: Engine, tasks: int, *, seed: int = 20260105, quiet: bool = False) -> None:
    """Write a plan of `tasks` tasks into an empty, migrated database.

    65 % of the tasks are open, 5 % of them late, a fifth silent; with `quiet` every task is on course, so that no
    rule fires. Units: one for every hundred tasks, at least 10, at most 3,500.
    """
    random = np.random.default_rng(seed)
    units = max(10, min(3_500, tasks // 100))
    with engine.begin() as connection:
        _write(connection, schema.unit, ({"code": code, "recorded_at": BEGUN} for code in _unit_codes(units)))
        _write(connection, schema.unit_version, _units(units))
        _write_holders(connection, units)
    for start in range(0, tasks, CHUNK):
        with engine.begin() as connection:
            _write_tasks(connection, start, min(CHUNK, tasks - start), units, random, quiet=quiet)


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


def _write_tasks(
    connection: Connection, start: int, count: int, units: int, random: np.random.Generator, *, quiet: bool
) -> None:
    codes = [f"T{number:07d}" for number in range(start, start + count)]
    lead = random.integers(0, units, count)
    planned = random.integers(40, 200, count)
    # `BENCH_DAYS` days after the beginning the benchmark looks at the plan.
    late = (random.random(count) < 0.05) & (not quiet)
    planned = np.where(late, random.integers(20, 55, count), planned + 60)
    done = random.random(count) < 0.35
    silent = (random.random(count) < 0.2) & (not quiet)
    reported = np.where(silent, random.integers(1, 20, count), 59)
    progress = np.round(np.clip(60 / planned + 0.05, 0, 1), 2)
    _write(connection, schema.task, ({"code": code, "recorded_at": BEGUN} for code in codes))
    _write(
        connection,
        schema.task_version,
        (
            {
                "code": code,
                "title": f"Nhiệm vụ {code}: hoàn thành dịch vụ công trực tuyến toàn trình",
                "lead_unit": f"U{lead[i]:04d}",
                "group_no": int(lead[i] % 8) + 1,
                "phase": 1 + int(i % 2),
                "start_at": BEGUN,
                "status": "done" if done[i] else "open",
                "done_at": BEGUN + timedelta(days=30) if done[i] else None,
                "verifier": "U0000" if done[i] else None,
                "recorded_at": BEGUN,
            }
            for i, code in enumerate(codes)
        ),
    )
    _write(
        connection,
        schema.deadline,
        (
            {"task": code, "due_at": BEGUN + timedelta(days=int(planned[i])), "recorded_at": BEGUN}
            for i, code in enumerate(codes)
        ),
    )
    _write(
        connection,
        schema.report,
        (
            {
                "task": code,
                "reported_at": BEGUN + timedelta(days=int(reported[i])),
                "reporter": f"U{lead[i]:04d}/focal_point",
                "progress": float(progress[i]),
                "recorded_at": BEGUN + timedelta(days=int(reported[i])),
            }
            for i, code in enumerate(codes)
        ),
    )


def _write(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    connection.execute(insert(table), list(rows))
