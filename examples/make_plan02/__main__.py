"""Make examples/plan02: `python examples/make_plan02 FOLDER [INTO]`, from a folder with the four domain files.

FOLDER holds units.csv, plan02_tasks.csv, kpi_rules.csv and sources.csv; the same files give the same bytes.
"""

from __future__ import annotations

import csv
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bodies import Row, holders, posts, units
from figures import kpis, readings, targets
from later import steps
from living import DEMO, reported_by, reports_of, with_status
from plan import tasks
from story import words_of

HERE = Path(__file__).resolve().parent
REPORT_COLUMNS = (
    "task",
    "reported_at",
    "reporter",
    "progress",
    "note",
    "evidence",
    "claims_completion",
    "colour",
    "obstacle",
    "obstacle_reason",
    "obstacle_authority",
    "source",
)
DECISION_COLUMNS = ("number", "task", "kind", "authority", "decided_on", "note")
SOURCED_DECISIONS = (
    ("19/2025/QĐ-TTg", "KH02-014", "CP-BCD", "2025-06-30", "Quyết định về danh mục và mã số các đơn vị hành chính"),
    ("15662-CV/VPTW", "KH02-029", "BCD-CQTT", "2025-06-26", "Công văn gửi Sổ tay triển khai Kế hoạch 02"),
)


def main(domain: Path, into: Path) -> None:
    """Read the domain's files and write the example."""
    told = {row["id"]: row["url"] for row in _read(domain / "sources.csv")}
    limits = _read(domain / "kpi_rules.csv")
    bodies = units(_read(domain / "units.csv"), told)
    offices = posts(bodies)
    bare = tasks(_read(domain / "plan02_tasks.csv"), bodies)
    stories = words_of(bare)
    known = [with_status(task, stories[task["code"]]) if task["code"] in stories else task for task in bare]
    reports = [row for task in bare if task["code"] in stories for row in reports_of(task, stories[task["code"]])]
    reports.sort(key=lambda row: (row["reported_at"], row["task"]))

    _write(into / "units.csv", bodies)
    _write(into / "posts.csv", offices)
    _write(into / "holders.csv", holders(offices))
    _write(into / "tasks.csv", known)
    _write(into / "decisions.csv", _sourced_decisions(), DECISION_COLUMNS)
    _write(into / "reports.csv", reported_by(reports, DEMO), REPORT_COLUMNS)
    _write(into / "kpis.csv", kpis(limits))
    _write(into / "targets.csv", targets())
    _write(into / "readings.csv", readings(limits, told))
    for number, step in enumerate(steps({task["code"]: task for task in known}, stories, reports), start=1):
        folder = into / "later" / step.name(number)
        _write(folder / "tasks.csv", step.tasks)
        _write(folder / "decisions.csv", step.decisions, DECISION_COLUMNS)
        _write(folder / "reports.csv", step.reports, REPORT_COLUMNS)


def _sourced_decisions() -> list[Row]:
    return [
        {
            "number": number,
            "task": task,
            "kind": "completion",
            "authority": authority,
            "decided_on": day,
            "note": f"{what}; việc coi văn bản này là kết quả của nhiệm vụ là cách hiểu của bộ dữ liệu này",
        }
        for number, task, authority, day, what in SOURCED_DECISIONS
    ]


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def _write(path: Path, rows: Iterable[Mapping[str, str]], columns: Sequence[str] = ()) -> None:
    """Write a file; one without rows is not written, so that a step's folder shows what it holds."""
    held = list(rows)
    if not held:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns or list(held[0]), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: unicodedata.normalize("NFC", text) for name, text in row.items()} for row in held)


if __name__ == "__main__":
    if len(sys.argv) not in {2, 3}:
        sys.exit("usage: python examples/make_plan02 FOLDER [INTO]   (FOLDER: the domain's CSV files)")
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else HERE.parent / "plan02")
