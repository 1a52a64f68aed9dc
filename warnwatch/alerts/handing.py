"""Which alerts another unit answers for now: a task went to another lead, a unit was dissolved, another was named."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import polars as pl
from sqlalchemy import Connection, Select, Text, and_, literal, select

from warnwatch import schema
from warnwatch.alerts.alert import Alert, State
from warnwatch.alerts.ledger import CHUNK, COLUMNS, alert_of, chunks
from warnwatch.plan.snapshot import Snapshot
from warnwatch.rules.evaluation import units_named
from warnwatch.rules.rule import RuleBook
from warnwatch.schema import known


def read_handed(
    connection: Connection,
    before: Snapshot | None,
    snapshot: Snapshot,
    frames: Mapping[str, pl.DataFrame],
    book: RuleBook,
) -> list[tuple[Alert, str]]:
    """Read the alerts that another unit answers for now; nothing is read while no task and no unit has changed."""
    same_tree = before is not None and before.tree is snapshot.tree
    if same_tree and before is not None and before.tasks is snapshot.tasks:
        return []
    successors = snapshot.tree.successors
    moved, naming = snapshot.moved, {"lead", *(rule.answers for rule in book.rules)}
    if same_tree and moved and moved.changed is not None and naming.isdisjoint(moved.changed):
        return []
    if same_tree and moved:
        fresh = moved.fresh
        some = dict(fresh.select("code", pl.col("lead").cast(pl.String)).iter_rows())
        return _read_moved(connection, some, successors, answering=units_named(book, {"task": fresh}))
    others = [(about, frames[about].select("code", "unit")) for about in frames if about != "task"]
    leads = {(about, code): unit for about, frame in others for code, unit in frame.iter_rows()}
    return _read_moved(connection, None, successors, leads, units_named(book, frames))


def _read_moved(
    connection: Connection,
    some: Mapping[str, str] | None,
    successors: Mapping[str, str],
    leads: Mapping[tuple[str, str], str] | None = None,
    answering: Mapping[str, Mapping[str, str]] | None = None,
) -> list[tuple[Alert, str]]:
    """Read the alerts that another unit answers for now, each with that unit.

    `answering`: of the rules whose alerts go to a unit of their own naming, that unit by subject; they are not looked
    for among the others.

    Those about tasks, all or `some` ({code: recorded lead}), whose recorded lead stands for another unit; without
    `some` also those about other subjects, {(kind, subject): unit} `leads`, and whatever still names a unit with a
    successor.
    """
    if some is None:
        homes = _homes_of_others(connection, successors, leads or {})
        led = _read_led(connection, answering or {})
    else:
        homes, led = {}, _read_led_by(connection, some, answering or {})
    homes |= {key: home for key, unit, lead in led if (home := successors.get(lead, lead)) != unit}
    homes |= _homes_named(connection, answering or {})
    ordered, found = sorted(homes), dict[int, Alert]()
    for start in range(0, len(ordered), CHUNK):
        chosen = select(*COLUMNS).where(schema.alert.c.id.in_(ordered[start : start + CHUNK]))
        found.update({row.id: alert_of(row) for row in connection.execute(chosen)})
    return [(found[key], homes[key]) for key in ordered]


def _read_led(connection: Connection, answering: Collection[str]) -> Iterator[tuple[int, str, str]]:
    """Read the alerts about tasks of another recorded lead: number, unit, lead."""
    table, task = schema.alert, schema.task_version
    query = _about_tasks(answering).add_columns(task.c.lead_unit)
    query = query.join(task, and_(task.c.code == table.c.subject, known(task, None)))
    for key, _, unit, lead in connection.execute(query.where(task.c.lead_unit != table.c.unit)):
        yield key, unit, lead


def _read_led_by(
    connection: Connection, some: Mapping[str, str], answering: Collection[str]
) -> Iterator[tuple[int, str, str]]:
    """Read the same of some tasks, whose leads are known: asked with them, SQLite would look up each task first."""
    asked = literal(json.dumps(sorted(some)), Text())
    query = _about_tasks(answering).where(schema.among(schema.alert.c.subject, asked))
    for key, code, unit in connection.execute(query):
        yield key, unit, some[code]


def _about_tasks(answering: Collection[str]) -> Select[Any]:
    table = schema.alert
    query = select(table.c.id, table.c.subject, table.c.unit)
    query = query.where(table.c.about == "task", table.c.state != State.ENDED.value)
    return query.where(table.c.rule.not_in(sorted(answering)))


def _homes_named(connection: Connection, answering: Mapping[str, Mapping[str, str]]) -> dict[int, str]:
    table = schema.alert
    homes: dict[int, str] = {}
    for rule, units in answering.items():
        for chunk in chunks(units.keys()):
            query = select(table.c.id, table.c.subject, table.c.unit).where(
                table.c.rule == rule, table.c.subject.in_(chunk), table.c.state != State.ENDED.value
            )
            homes |= {key: units[code] for key, code, unit in connection.execute(query) if units[code] != unit}
    return homes


def _homes_of_others(
    connection: Connection, successors: Mapping[str, str], leads: Mapping[tuple[str, str], str]
) -> dict[int, str]:
    table = schema.alert
    alive = table.c.state != State.ENDED.value
    query = select(table.c.id, table.c.about, table.c.subject, table.c.unit).where(table.c.about != "task", alive)
    homes: dict[int, str] = {}
    for key, about, subject, unit in connection.execute(query):
        home = leads.get((about, subject), successors.get(unit, unit))
        if home != unit:
            homes[key] = home
    # Tasks that are in the plan no more: their alerts hold, and somebody must answer for them.
    names = select(table.c.id, table.c.unit).where(table.c.about == "task", alive)
    for chunk in chunks(successors.keys()):
        homes |= {key: successors[unit] for key, unit in connection.execute(names.where(table.c.unit.in_(chunk)))}
    return homes
