"""What becomes known after the demo's first instant, a small folder for each later cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bodies import Row
from chance import VIETNAM, written
from living import DEMO, SAMPLE, claim, done, obstacle, reported_by

SAMPLE_DECISION = "MẪU-{:02}/QĐ"


@dataclass
class Step:
    """The files of one later import, as known at `at`."""

    at: datetime
    tasks: list[Row] = field(default_factory=list)
    decisions: list[Row] = field(default_factory=list)
    reports: list[Row] = field(default_factory=list)

    def name(self, number: int) -> str:
        """Give the folder's name: its order, and the instant of the cycle that reads it."""
        return f"{number:02}-{self.at:%Y-%m-%dT%H%M}"


def steps(tasks: Mapping[str, Row], stories: Mapping[str, str], reports: list[Row]) -> list[Step]:
    """Make the four mornings after the demo's first: deadlines moved, late reports, completions verified."""
    chosen = _Chosen(tasks, stories)
    first, second, third, fourth = (Step(DEMO + timedelta(days=days)) for days in (1, 2, 3, 4))
    for number, (task, due) in enumerate(chosen.extended, start=1):
        _extend(first, task, due, SAMPLE_DECISION.format(number))
    for task in chosen.silent:
        _speak(second, task, 0.9)
    _verify(second, chosen.tool, datetime.fromisoformat(chosen.tool["claimed_at"]))
    _verify(second, chosen.caught_up, datetime(2025, 12, 16, 15, 10, tzinfo=VIETNAM))
    third.reports.append(_late_report(chosen.blocked, third.at) | obstacle(chosen.blocked))
    extended = first.tasks[1]
    _verify(fourth, extended, datetime(2025, 12, 18, 14, 20, tzinfo=VIETNAM))
    _verify(fourth, chosen.claimed, datetime.fromisoformat(chosen.claimed["claimed_at"]))
    made = [first, second, third, fourth]
    finished = {row["code"]: row["done_at"] for step in made for row in step.tasks if row["status"] == "done"}
    for before, step in zip([DEMO, *(one.at for one in made)], made, strict=False):
        regular = [row for row in reported_by(reports, step.at, before) if not _too_late(row, finished)]
        step.reports = sorted([*regular, *step.reports], key=lambda row: (row["reported_at"], row["task"]))
    return made


def _too_late(report: Row, finished: Mapping[str, str]) -> bool:
    done_at = finished.get(report["task"])
    return done_at is not None and report["reported_at"] >= done_at


class _Chosen:
    """The tasks whose later days are told one by one."""

    def __init__(self, tasks: Mapping[str, Row], stories: Mapping[str, str]) -> None:
        def with_story(parent: str, story: str) -> list[Row]:
            told = [tasks[code] for code, word in sorted(stories.items()) if word == story]
            return [task for task in told if task["parent"] == parent]

        plans, services = with_story("KH02-034", "overdue"), with_story("KH02-033", "overdue")
        self.extended = (
            (plans[0], "2025-12-17"),
            (plans[1], "2025-12-19"),
            (services[0], "2025-12-22"),
        )
        self.caught_up, self.blocked = services[1], services[2]
        self.claimed = with_story("KH02-033", "claimed")[0]
        self.silent = with_story("KH02-032", "silent")
        self.tool = tasks["KH02-047"]


def _extend(step: Step, task: Row, due: str, number: str) -> None:
    note = f"{SAMPLE}: quyết định điều chỉnh thời hạn không có thật, để trình diễn"
    step.decisions.append(
        {
            "number": number,
            "task": task["code"],
            "kind": "deadline",
            "authority": task["decision_authority"],
            "decided_on": "2025-12-15",
            "note": note,
        }
    )
    said = {"due": due, "decision": number, "source": f"{task['source']}; thời hạn điều chỉnh: {SAMPLE.lower()}"}
    step.tasks.append(task | said)


def _verify(step: Step, task: Row, at: datetime) -> None:
    if task["status"] == "open":
        step.reports.append(claim(task, at))
    step.tasks.append(task | done(task, at))


def _speak(step: Step, task: Row, progress: float) -> None:
    step.reports.append(_late_report(task, step.at) | {"progress": f"{progress:.2f}"})


def _late_report(task: Row, before: datetime) -> Row:
    """Make a report of the afternoon before an instant."""
    return {
        "task": task["code"],
        "reported_at": written(before - timedelta(hours=15, minutes=25)),
        "reporter": f"{task['lead_unit']}/focal_point",
        "progress": "0.85",
        "note": "Báo cáo bổ sung theo nhắc nhở của Hệ thống; đang tập trung hoàn thành các phần việc còn lại.",
        "colour": "yellow",
        "source": SAMPLE,
    }
