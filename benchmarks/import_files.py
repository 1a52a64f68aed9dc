"""Import folders of any size, the same for the same size: a tree of units and the tasks that they lead."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

BEGUN = date(2026, 1, 5)
UNIT_HEADER = ["code", "name", "short_name", "kind", "bloc", "parent", "head_title", "source"]
TASK_HEADER = [
    *("code", "title", "lead_unit", "collaborators", "group", "phase", "start", "due", "due_text", "decision"),
    *("calendar_mode", "status", "claimed_at", "done_at", "verifier", "assigning_document", "owner_role"),
    *("accountable_head", "focal_point", "expected_result", "decision_authority", "parent", "judged", "source"),
]
_VERBS = ("Hoàn thành", "Ban hành", "Rà soát, sửa đổi", "Kết nối, chia sẻ", "Triển khai")
_WORKS = ("dịch vụ công trực tuyến", "cơ sở dữ liệu chuyên ngành", "quy chế quản trị dữ liệu", "hạ tầng số")


def write_folder(folder: Path, tasks: int, *, seed: int = 20260105) -> Path:
    """Write units.csv and tasks.csv with the columns of examples/plan02; one unit for 100 tasks, at most 3,500."""
    random = Random(seed)
    units = max(10, min(3_500, tasks // 100))
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "units.csv", UNIT_HEADER, _units(units))
    _write(folder / "tasks.csv", TASK_HEADER, (_task(number, units, random) for number in range(tasks)))
    return folder


def _write(path: Path, header: list[str], rows: Iterator[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)


def _units(units: int) -> Iterator[list[str]]:
    for number in range(units):
        parent = f"U{(number - 1) // 10:04d}" if number else ""
        bloc = ("CHINH_PHU", "DIA_PHUONG", "DANG")[number % 3]
        yield [f"U{number:04d}", f"Đơn vị số {number}", f"ĐV {number}", "don_vi", bloc, parent, "Thủ trưởng", "Tự tạo"]


def _task(number: int, units: int, random: Random) -> list[str]:
    unit = random.randrange(1, units)
    due = BEGUN + timedelta(days=random.randrange(20, 700))
    done = f"{due - timedelta(days=random.randrange(1, 15))}T{random.randrange(8, 17):02d}:{random.randrange(60):02d}"
    done = f"{done}:00+07:00" if random.random() < 0.35 else ""
    work = f"{random.choice(_VERBS)} {random.choice(_WORKS)}"
    return [
        f"T{number:07d}",
        f"{work} số {number}, bảo đảm liên thông, đồng bộ với các cơ quan trong hệ thống chính trị",
        f"U{unit:04d}",
        f"U{random.randrange(units):04d}" if random.random() < 0.3 else "",
        str(number % 8 + 1),
        str(number % 2 + 1),
        str(BEGUN),
        str(due),
        f"trước ngày {due.day}/{due.month}/{due.year}",
        "",
        "working_days",
        "done" if done else "open",
        done,
        done,
        "Cơ quan Thường trực Ban Chỉ đạo" if done else "",
        "Kế hoạch 02-KH/BCĐTW ngày 19/6/2025",
        "Thủ trưởng đơn vị",
        f"Thủ trưởng Đơn vị số {unit}",
        f"Đầu mối theo dõi, Đơn vị số {unit}",
        f"Sản phẩm của việc {number}: {work.lower()} được phê duyệt",
        f"U{(unit - 1) // 10:04d}",
        f"T{number // 20 * 20:07d}" if number % 20 else "",
        "yes",
        "Dữ liệu tự tạo để đo",
    ]
