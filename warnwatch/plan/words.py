"""The words about tasks that a text shows: read from the database only for the few that are told of or looked at."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime

import polars as pl
from sqlalchemy import Connection, and_, select

from warnwatch import schema
from warnwatch.schema import known

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Words:
    """What people read about one task. `progress` is 0..1 as last reported at `progress_at`; empty text is unknown.

    `every_day`: all days count towards its deadline, not only working days. `due_text` is what a document says of
    `due_at`: words that were meant for an earlier date stay with the baseline. `decision` is the number of the act
    that allowed the deadline in force. `claimed_at` is when a task of status `claimed` was reported done. `obstacle`:
    as the latest report names it, with why it is beyond the unit's power and who could lift it, in its own words.
    """

    code: str
    title: str
    unit: str
    assigning_document: str = ""
    expected_result: str = ""
    started_at: datetime | None = None
    due_at: datetime | None = None
    due_text: str = ""
    progress: float | None = None
    progress_at: datetime | None = None
    confidential: bool = False
    every_day: bool = False
    baseline_due_at: datetime | None = None
    baseline_text: str = ""
    decision: str = ""
    status: str = "open"
    claimed_at: datetime | None = None
    obstacle: str = ""
    obstacle_reason: str = ""
    obstacle_authority: str = ""


@dataclass(frozen=True, slots=True)
class _Due:
    """The deadline in force and the first one. `written` is what the row says, which may be the words of before."""

    due_at: datetime | None = None
    text: str = ""
    decision: str = ""
    first_at: datetime | None = None
    first_text: str = ""
    written: str = ""

    def followed_by(self, due_at: datetime, written: str, decision: str) -> _Due:
        """Give what holds after a later row: a moved date does not take the old words with it."""
        if written != self.written:
            return replace(self, due_at=due_at, text=written, decision=decision, written=written)
        text = self.text if due_at == self.due_at else ""
        return replace(self, due_at=due_at, text=text, decision=decision)


def read_words(connection: Connection, codes: Collection[str], as_of: datetime | None = None) -> dict[str, Words]:
    """Read the words of some tasks, as known now or at `as_of`; codes that are no task are left out."""
    found: dict[str, Words] = {}
    ordered = sorted(codes)
    for start in range(0, len(ordered), CHUNK):
        found.update(_read_chunk(connection, ordered[start : start + CHUNK], as_of))
    return found


def _read_chunk(connection: Connection, codes: list[str], as_of: datetime | None) -> dict[str, Words]:
    version = schema.task_version
    deadlines = _latest_deadlines(connection, codes, as_of)
    reports = _latest_reports(connection, codes, as_of)
    rows = connection.execute(select(version).where(known(version, as_of), version.c.code.in_(codes)))
    words = {}
    for row in rows:
        due = deadlines.get(row.code, _Due())
        said = reports.get(row.code, _Said())
        words[row.code] = Words(
            code=row.code,
            title=row.title,
            unit=row.lead_unit,
            assigning_document=row.assigning_document or "",
            expected_result=row.expected_result or "",
            started_at=row.start_at,
            due_at=due.due_at,
            due_text=due.text,
            progress=said.progress,
            progress_at=said.at,
            confidential=row.confidential,
            every_day=row.calendar_mode == "every_day",
            baseline_due_at=due.first_at,
            baseline_text=due.first_text,
            decision=due.decision,
            status=row.status,
            claimed_at=row.claimed_at if row.status == "claimed" else None,
            obstacle=said.obstacle,
            obstacle_reason=said.reason,
            obstacle_authority=said.authority,
        )
    return words


def _latest_deadlines(connection: Connection, codes: list[str], as_of: datetime | None) -> dict[str, _Due]:
    table = schema.deadline
    query = select(table).where(table.c.task.in_(codes), table.c.authorised.is_(True)).order_by(table.c.id)
    if as_of is not None:
        query = query.where(table.c.recorded_at <= as_of)
    found: dict[str, _Due] = {}
    for row in connection.execute(query):
        written, decision = row.due_text or "", row.decision or ""
        first = _Due(row.due_at, written, decision, row.due_at, written, written)
        before = found.get(row.task)
        found[row.task] = before.followed_by(row.due_at, written, decision) if before else first
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """What the reports of a task have come to: the last stated progress, the latest report's time and obstacle."""

    progress: float | None = None
    at: datetime | None = None
    obstacle: str = ""
    reason: str = ""
    authority: str = ""


def _latest_reports(connection: Connection, codes: list[str], as_of: datetime | None) -> dict[str, _Said]:
    """Read what the reports have come to; a corrected report counts as its correction."""
    table, later = schema.report, schema.report.alias("later")
    corrected = later.c.replaces == table.c.id
    columns = ("task", "reported_at", "progress", "obstacle", "obstacle_reason", "obstacle_authority")
    query = select(*(table.c[name] for name in columns)).where(table.c.task.in_(codes))
    if as_of is not None:
        corrected = and_(corrected, later.c.recorded_at <= as_of)
        query = query.where(table.c.recorded_at <= as_of)
    query = query.where(~select(later.c.id).where(corrected).exists()).order_by(table.c.reported_at, table.c.id)
    latest: dict[str, _Said] = {}
    for row in connection.execute(query):
        before = latest.get(row.task, _Said()).progress
        blocked = (row.obstacle or "", row.obstacle_reason or "", row.obstacle_authority or "")
        latest[row.task] = _Said(before if row.progress is None else row.progress, row.reported_at, *blocked)
    return latest


@dataclass(frozen=True, slots=True)
class Limit:
    """What people read about one KPI of one unit. `value` and `target` are in `measured_in`; empty text is unknown.

    `events` are those that broke the limit, (local day, value, reference), the latest last.
    """

    kpi: str
    name: str
    operator: str
    measured_in: str = ""
    target: float | None = None
    value: float | None = None
    period: str = ""
    legal_basis: str = ""
    path_value: float | None = None
    previous: float | None = None
    last_year: float | None = None
    events: tuple[tuple[date, float, str], ...] = ()


def read_limits(
    connection: Connection, kpis: pl.DataFrame, codes: Collection[str], as_of: datetime | None = None
) -> dict[str, Limit]:
    """Read the words of some KPIs (`kpi/unit`), with the numbers of their frame; unknown codes are left out."""
    if not codes:
        return {}
    rows = kpis.filter(pl.col("code").is_in(list(codes)))
    version = schema.kpi_version
    query = select(version).where(known(version, as_of), version.c.code.in_(rows["kpi"].unique().to_list()))
    named = {row.code: row for row in connection.execute(query)}
    return {
        row["code"]: Limit(
            kpi=row["kpi"],
            name=named[row["kpi"]].name,
            operator=row["operator"],
            measured_in=named[row["kpi"]].measure_unit or "",
            target=row["target"],
            value=row["value"],
            period=row["period"] or "",
            legal_basis=named[row["kpi"]].legal_basis or "",
            path_value=row["path_value"],
            previous=row["previous"],
            last_year=row["last_year"],
            events=tuple((one["day"], one["value"], one["reference"]) for one in row["missed"] or ()),
        )
        for row in rows.iter_rows(named=True)
        if row["kpi"] in named
    }
