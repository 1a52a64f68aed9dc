"""A real case-handling log as a plan: building permits of a Dutch municipality, 2010 to 2012.

J.C.A.M. Buijs, TU Eindhoven, doi:10.4121/uuid:a07386a5-7be3-4367-9535-70bc9e77dbe6. Unit tree: municipality >
department > group. A case is a task, recorded when it starts and done when it ends; an event is a progress report of
who handled it. Every fact is recorded at the instant at which it happened.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert
from worlds import write_rows

from warnwatch import schema
from warnwatch.plan.calendar import WorkCalendar, load_calendar

MICROSECOND = timedelta(microseconds=1)
MUNICIPALITY = "GEMEENTE"
# The last step of the main path that progress is measured by.
LAST_STEP = 10
CALENDAR = "country: NL\nweek: [mon, tue, wed, thu, fri]\nfirst_year: 2010\nlast_year: 2014\n"


@dataclass(frozen=True, slots=True)
class Case:
    """One permit application; `done` is None while it is open."""

    code: str
    unit: str
    start: datetime
    due: datetime
    done: datetime | None

    @property
    def late(self) -> bool:
        """Whether it ended after its deadline."""
        return self.done is not None and self.done > self.due


@dataclass(frozen=True, slots=True)
class Event:
    """One step of handling a case."""

    case: str
    resource: str
    activity: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Log:
    """The whole log."""

    cases: tuple[Case, ...]
    events: tuple[Event, ...]

    @property
    def end(self) -> datetime:
        """The last event: the natural `as of`."""
        return max(event.at for event in self.events)

    def recorded(self) -> set[datetime]:
        """Give every instant at which a fact was recorded."""
        done = {case.done for case in self.cases if case.done}
        return {case.start for case in self.cases} | done | {event.at for event in self.events}

    def crossings(self) -> set[datetime]:
        """Give the first microsecond after each deadline, up to the log's end."""
        return {case.due + MICROSECOND for case in self.cases if case.due + MICROSECOND <= self.end}


def read_log(folder: Path) -> Log:
    """Read cases.csv and events.csv."""
    cases = tuple(
        Case(row["case_id"], _unit(row), _at(row["startdate"]), _at(row["deadline"]), _maybe(row["enddate"]))
        for row in _rows(folder / "cases.csv")
    )
    events = tuple(
        Event(row["case_id"], row["resource"], row["activity"], _at(row["timestamp"]))
        for row in _rows(folder / "events.csv")
    )
    return Log(cases, events)


def dutch_calendar(folder: Path) -> WorkCalendar:
    """Give the working days of the Netherlands, 2010 to 2014."""
    path = folder / "calendar.yml"
    path.write_text(CALENDAR, encoding="utf-8")
    return load_calendar(path, "Europe/Amsterdam")


def fill(engine: Engine, log: Log, *, reports: bool = True, progress: bool = False) -> None:
    """Write the log into an empty plan, each fact as recorded when it happened; its events as `reports`, or not at all.

    With `progress` each event reports how much of the main path, T02 to T10, its case has come to.
    """
    begun = min(log.recorded())
    with engine.begin() as connection:
        _write_units(connection, log, begun)
        _add(connection, schema.task, ({"code": case.code, "recorded_at": begun} for case in log.cases))
        _add(connection, schema.task_version, (row for case in log.cases for row in _versions(case)))
        _add(
            connection,
            schema.deadline,
            ({"task": case.code, "due_at": case.due, "recorded_at": case.start} for case in log.cases),
        )
        if reports:
            _add(connection, schema.report, _reports(log, progress=progress))


def write_history(log: Log, folder: Path) -> None:
    """Write the log as the CSV files of a history import, every instant as the log has it; codes of units take dots."""
    begun = min(log.recorded())
    units = [
        {"code": _dotted(code), "name": code, "parent": _dotted(parent or ""), "recorded_at": begun}
        for code, parent in _parents(log).items()
    ]
    write_rows(folder / "units.csv", units)
    tasks = [
        {
            "code": row["code"],
            "title": row["title"],
            "lead_unit": _dotted(row["lead_unit"]),
            "start": row["start_at"],
            "due": case.due,
            "status": row["status"],
            "done_at": row["done_at"],
            "verifier": _dotted(row["verifier"] or ""),
            "recorded_at": row["recorded_at"],
        }
        for case in log.cases
        for row in _versions(case)
    ]
    write_rows(folder / "tasks.csv", tasks)
    write_rows(folder / "reports.csv", list(_reports(log)))


def _dotted(code: str) -> str:
    return code.replace("/", ".").replace(" ", "_")


def _parents(log: Log) -> dict[str, str | None]:
    parents: dict[str, str | None] = {MUNICIPALITY: None}
    for case in log.cases:
        department = case.unit.partition("/")[0]
        parents |= {department: MUNICIPALITY, case.unit: MUNICIPALITY if case.unit == department else department}
    return parents


def _write_units(connection: Connection, log: Log, begun: datetime) -> None:
    parents = _parents(log)
    _add(connection, schema.unit, ({"code": code, "recorded_at": begun} for code in parents))
    rows = [{"code": code, "name": code, "parent": parent, "recorded_at": begun} for code, parent in parents.items()]
    _add(connection, schema.unit_version, rows)


def _versions(case: Case) -> Iterator[Mapping[str, Any]]:
    """A case is open from its start, and done from its end on; what ended before it started is done at its start."""
    row = {"code": case.code, "title": case.code, "lead_unit": case.unit, "start_at": case.start}
    done = {"status": "done", "done_at": case.done, "verifier": case.unit}
    opened = {"status": "open", "done_at": None, "verifier": None}
    if case.done is None or case.done > case.start:
        yield row | opened | {"recorded_at": case.start, "superseded_at": case.done}
    if case.done is not None:
        yield row | done | {"recorded_at": max(case.done, case.start), "superseded_at": None}


def _reports(log: Log, *, progress: bool = False) -> Iterator[Mapping[str, Any]]:
    seen: set[tuple[str, datetime, str]] = set()
    reached: dict[str, int] = {}
    for event in sorted(log.events, key=lambda event: event.at) if progress else log.events:
        step = re.match("T([0-9]{2})", event.activity)
        if step and 2 <= int(step[1]) <= LAST_STEP:
            reached[event.case] = max(reached.get(event.case, 0), int(step[1]) - 1)
        key = (event.case, event.at, event.resource)
        if key not in seen:
            seen.add(key)
            yield {
                "task": event.case,
                "reported_at": event.at,
                "reporter": event.resource,
                "note": event.activity,
                "progress": reached[event.case] / (LAST_STEP - 1) if progress and event.case in reached else None,
                "recorded_at": event.at,
            }


def _add(connection: Connection, table: Table, rows: Iterator[Mapping[str, Any]] | list[dict[str, Any]]) -> None:
    connection.execute(insert(table), [dict(row) for row in rows])


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _unit(row: Mapping[str, str]) -> str:
    return f"{row['department']}/{row['group']}" if row["group"] else row["department"]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _maybe(text: str) -> datetime | None:
    return _at(text) if text else None
