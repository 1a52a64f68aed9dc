"""The few rows that show a task being passed round, read from the tables for `evasion_trail`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import Column, ColumnElement, Connection, Select, Text, and_, case, cast, func, literal, or_, select

from warnwatch import schema
from warnwatch.plan.evasion_trail import BROKEN, CALLS, DECISIONS, NAMES, OBSTACLES, VERSIONS, Evasion
from warnwatch.schema import known, micros

# The first step of a ladder warns; those after it remind.
FIRST_REMINDER = 2
# Reminders about unanswered reminders would count themselves.
OWN_MEASURE = "unanswered_reminders"


def read_evasion(
    connection: Connection,
    as_of: datetime | None,
    codes: Collection[str] | None,
    corrected: pl.Series,
    *,
    obstructed: bool,
) -> Evasion:
    """Read them for all tasks or some `codes`, as known now or at `as_of`; `corrected` reports (`id`) are left out.

    `obstructed`: some report of these tasks names an obstacle.
    """
    reading = _Reading(connection, as_of, codes)
    obstacles = reading.frame(_obstacles(), schema.report.c.task, OBSTACLES) if obstructed else Evasion().obstacles
    obstacles = obstacles.filter(~pl.col("order").is_in(corrected.implode()))
    blocked = obstacles.height > 0
    return Evasion(
        versions=reading.versions(),
        obstacles=obstacles,
        decisions=reading.frame(_decisions(), schema.decision.c.task, DECISIONS) if blocked else Evasion().decisions,
        calls=reading.calls(),
        broken=reading.broken(),
        names=_names(connection, as_of) if blocked else Evasion().names,
    )


class _Reading:
    """One connection, one moment, some tasks."""

    def __init__(self, connection: Connection, as_of: datetime | None, codes: Collection[str] | None) -> None:
        self._connection, self._as_of = connection, as_of
        self._codes = None if codes is None else literal(json.dumps(sorted(codes)), Text())

    def frame(self, query: Select[Any], task: Column[str], columns: Mapping[str, Any]) -> pl.DataFrame:
        """Read a query on rows that are only ever added; `task` is the column that names their task."""
        if self._as_of is not None:
            query = query.where(task.table.c.recorded_at <= self._as_of)
        return self._read(query, task, columns)

    def versions(self) -> pl.DataFrame:
        """Read all versions of the tasks that have more than one."""
        table, older = schema.task_version, schema.task_version.alias("older")
        # By the index alone: to ask each version whether it was superseded would read its row.
        changed = self._some(select(older.c.code), older.c.code).group_by(older.c.code).having(func.count() > 1)
        if self._as_of is not None:
            changed = changed.where(older.c.recorded_at <= self._as_of)
        query = select(table.c.code, table.c.lead_unit, table.c.owner_role, table.c.id).where(table.c.code.in_(changed))
        return self.frame(query, table.c.code, VERSIONS)

    def calls(self) -> pl.DataFrame:
        """Read the reminders of alerts that are open, each with when the alert was acknowledged."""
        call, alert = schema.call.c, schema.alert.c
        query = (
            select(alert.subject, micros(call.at), micros(alert.acknowledged_at))
            .join(schema.alert, alert.id == call.alert)
            .where(alert.about == "task", call.step >= FIRST_REMINDER, alert.measure != OWN_MEASURE)
        )
        if self._as_of is None:
            # Of some tasks not by the index of states, by which SQLite would go through all open alerts.
            still_open = alert.state == "open" if self._codes is None else alert.state.not_in(("pending", "ended"))
            query = query.where(still_open)
        else:
            lasting = or_(alert.ended_at.is_(None), alert.ended_at > self._as_of)
            answered = case((alert.acknowledged_at <= self._as_of, alert.acknowledged_at))
            query = query.with_only_columns(alert.subject, micros(call.at), micros(answered))
            query = query.where(call.at <= self._as_of, lasting)
        return self._read(query, alert.subject, CALLS)

    def broken(self) -> pl.DataFrame:
        """Count the promises that were broken, by task."""
        journal = schema.journal.c
        query = select(journal.subject, func.count()).where(
            journal.kind == "promise.broken", journal.subject.is_not(None)
        )
        if self._as_of is not None:
            query = query.where(journal.at <= self._as_of)
        return self._read(query.group_by(journal.subject), journal.subject, BROKEN)

    def _read(self, query: Select[Any], task: Column[str], columns: Mapping[str, Any]) -> pl.DataFrame:
        rows = self._connection.execute(self._some(query, task)).all()
        return pl.DataFrame([tuple(row) for row in rows], schema=dict(columns), orient="row")

    def _some(self, query: Select[Any], task: ColumnElement[str]) -> Select[Any]:
        return query if self._codes is None else query.where(schema.among(task, self._codes))


def _obstacles() -> Select[Any]:
    table = schema.report.c
    reasoned = and_(table.obstacle_reason.is_not(None), table.obstacle_reason != "")
    return select(table.task, micros(table.reported_at), table.obstacle_authority, reasoned, table.id).where(
        table.obstacle.is_not(None)
    )


def _decisions() -> Select[Any]:
    table = schema.decision.c
    return select(table.task, table.authority, cast(table.decided_on, Text))


def _names(connection: Connection, as_of: datetime | None) -> pl.DataFrame:
    version = schema.unit_version
    rows = connection.execute(select(version.c.code, version.c.name, version.c.short_name).where(known(version, as_of)))
    pairs = [(text.strip().lower(), row[0]) for row in rows for text in row if text]
    # A code is surer than a name: where one unit's name is another's code, the code wins.
    pairs.sort(key=lambda pair: pair[0] != pair[1].lower())
    return pl.DataFrame(pairs, schema=NAMES, orient="row")
