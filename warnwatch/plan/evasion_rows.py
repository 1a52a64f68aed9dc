"""The few rows that show a task being passed round, read from the tables for `evasion_trail`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import polars as pl
from sqlalchemy import Column, Connection, Select, Text, and_, case, cast, func, or_, select

from warnwatch import schema
from warnwatch.plan.evasion_trail import BROKEN, CALLS, DECISIONS, NAMES, OBSTACLES, VERSIONS, Evasion
from warnwatch.plan.rows import AS_OF, CODES, read_columns
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
    obstacles = reading.frame(_obstacles, OBSTACLES) if obstructed else Evasion().obstacles
    if len(corrected):
        obstacles = obstacles.filter(~pl.col("order").is_in(corrected.implode()))
    blocked = obstacles.height > 0
    return Evasion(
        obstacles=obstacles,
        decisions=reading.frame(_decisions, DECISIONS) if blocked else Evasion().decisions,
        calls=reading.frame(_calls, CALLS),
        broken=reading.frame(_broken, BROKEN),
        names=_names(connection, as_of) if blocked else Evasion().names,
    )


def read_versions(connection: Connection, as_of: datetime | None, codes: Collection[str] | None) -> pl.DataFrame:
    """Read the former and present versions of the tasks that have former ones."""
    return _Reading(connection, as_of, codes).frame(_versions, VERSIONS)


class _Reading:
    """One connection, one moment, some tasks."""

    def __init__(self, connection: Connection, as_of: datetime | None, codes: Collection[str] | None) -> None:
        self._connection = connection
        self._which = {"then": as_of is not None, "some": codes is not None}
        self._asked = {"as_of": as_of, "codes": json.dumps(sorted(codes or ()))}

    def frame(self, query: Callable[..., Select[Any]], columns: Mapping[str, Any]) -> pl.DataFrame:
        return read_columns(self._connection, query(**self._which), self._asked, columns)


# The queries are written once, as writing them takes longer than a small read. `then`: as it was known at :as_of, of
# all tasks or of `some` (:codes).


@cache
def _versions(*, then: bool, some: bool) -> Select[Any]:
    """Select all versions of the tasks that have more than one."""
    table, older = schema.task_version, schema.task_version.alias("older")
    # By the index alone: to ask each version whether it was superseded would read its row.
    changed = select(older.c.code)
    if some:
        changed = changed.where(schema.among(older.c.code, CODES))
    changed = changed.group_by(older.c.code).having(func.count() > 1)
    if then:
        changed = changed.where(older.c.recorded_at <= AS_OF)
    query = select(table.c.code, table.c.lead_unit, table.c.owner_role, table.c.id).where(table.c.code.in_(changed))
    return _asked(query, table.c.code, then=then, some=some)


@cache
def _obstacles(*, then: bool, some: bool) -> Select[Any]:
    table = schema.report.c
    reasoned = and_(table.obstacle_reason.is_not(None), table.obstacle_reason != "")
    query = select(table.task, micros(table.reported_at), table.obstacle_authority, reasoned, table.id)
    return _asked(query.where(table.obstacle.is_not(None)), table.task, then=then, some=some)


@cache
def _decisions(*, then: bool, some: bool) -> Select[Any]:
    table = schema.decision.c
    query = select(table.task, table.authority, cast(table.decided_on, Text))
    return _asked(query, table.task, then=then, some=some)


@cache
def _calls(*, then: bool, some: bool) -> Select[Any]:
    """Select the reminders of alerts that are open, each with when the alert was acknowledged."""
    call, alert = schema.call.c, schema.alert.c
    query = (
        select(alert.subject, micros(call.at), micros(alert.acknowledged_at))
        .join(schema.alert, alert.id == call.alert)
        .where(alert.about == "task", call.step >= FIRST_REMINDER, alert.measure != OWN_MEASURE)
    )
    if then:
        lasting = or_(alert.ended_at.is_(None), alert.ended_at > AS_OF)
        answered = case((alert.acknowledged_at <= AS_OF, alert.acknowledged_at))
        query = query.with_only_columns(alert.subject, micros(call.at), micros(answered))
        query = query.where(call.at <= AS_OF, lasting)
    else:
        # Of some tasks not by the index of states, by which SQLite would go through all open alerts.
        query = query.where(alert.state.not_in(("pending", "ended")) if some else alert.state == "open")
    return query.where(schema.among(alert.subject, CODES)) if some else query


@cache
def _broken(*, then: bool, some: bool) -> Select[Any]:
    """Count the promises that were broken, by task."""
    journal = schema.journal.c
    query = select(journal.subject, func.count()).where(journal.kind == "promise.broken", journal.subject.is_not(None))
    if then:
        query = query.where(journal.at <= AS_OF)
    if some:
        query = query.where(schema.among(journal.subject, CODES))
    return query.group_by(journal.subject)


def _asked(query: Select[Any], task: Column[str], *, then: bool, some: bool) -> Select[Any]:
    """Narrow a query on rows that are only ever added; `task` is the column that names their task."""
    if then:
        query = query.where(task.table.c.recorded_at <= AS_OF)
    return query.where(schema.among(task, CODES)) if some else query


def _names(connection: Connection, as_of: datetime | None) -> pl.DataFrame:
    version = schema.unit_version
    rows = connection.execute(select(version.c.code, version.c.name, version.c.short_name).where(known(version, as_of)))
    pairs = [(text.strip().lower(), row[0]) for row in rows for text in row if text]
    # A code is surer than a name: where one unit's name is another's code, the code wins.
    pairs.sort(key=lambda pair: pair[0] != pair[1].lower())
    return pl.DataFrame(pairs, schema=NAMES, orient="row")
