"""The bodies of the plan as they were recorded: units, what becomes of them and when, and who holds their offices.

In: the tables. Out: values, as known now or as they were known at an instant.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection, and_, select

from warnwatch import schema
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.directory import Directory, Holder, Unit
from warnwatch.plan.succession import Change, tree_on
from warnwatch.schema import known


def read_directory(connection: Connection, calendar: WorkCalendar, day: date) -> Directory:
    """Read who holds which office on a local day, and nothing else of the plan."""
    tree = tree_on(read_units(connection, calendar), read_changes(connection, calendar), day)
    return Directory(tree.units, read_holders(connection), day, tree.successors, tree.former)


def read_units(connection: Connection, calendar: WorkCalendar, as_of: datetime | None = None) -> tuple[Unit, ...]:
    """Read every unit, as it was last recorded."""
    version = schema.unit_version
    names = (
        "code",
        "name",
        "short_name",
        "kind",
        "bloc",
        "parent",
        "head_title",
        "valid_from",
        "valid_to",
        "recorded_at",
    )
    rows = connection.execute(
        select(*(version.c[name] for name in names))
        .where(known(version, as_of), version.c.withdrawn.is_(False))
        .order_by(version.c.code)
    )
    return tuple(
        Unit(
            row.code,
            row.name,
            row.short_name or "",
            row.kind or "",
            row.bloc or "",
            row.parent,
            row.head_title or "",
            row.valid_from,
            row.valid_to,
            calendar.local_date(row.recorded_at),
        )
        for row in rows
    )


def read_changes(connection: Connection, calendar: WorkCalendar, as_of: datetime | None = None) -> tuple[Change, ...]:
    """Read the changes of units that no later row corrects, whether their day has come or not."""
    table, later = schema.unit_change, schema.unit_change.alias("later")
    corrected = later.c.replaces == table.c.id
    query = select(table).where(table.c.kind != "void")
    if as_of is not None:
        corrected = and_(corrected, later.c.recorded_at <= as_of)
        query = query.where(table.c.recorded_at <= as_of)
    query = query.where(~select(later.c.id).where(corrected).exists()).order_by(table.c.id)
    return tuple(
        Change(
            row.unit,
            row.kind,
            row.effective_on,
            row.successor,
            row.main,
            row.name or "",
            row.short_name or "",
            row.unit_kind or "",
            row.bloc or "",
            row.parent,
            row.head_title or "",
            row.decision or "",
            calendar.local_date(row.recorded_at),
        )
        for row in connection.execute(query)
    )


def read_holders(connection: Connection, as_of: datetime | None = None) -> tuple[Holder, ...]:
    """Read every holder ever recorded and not withdrawn."""
    holder, post = schema.holder_version, schema.post_version
    rows = connection.execute(
        select(holder, post.c.unit, post.c.office, post.c.title)
        .join(post, and_(post.c.code == holder.c.post, known(post, as_of)))
        .where(known(holder, as_of), holder.c.withdrawn.is_(False), post.c.withdrawn.is_(False))
        .order_by(holder.c.code)
    )
    return tuple(
        Holder(
            row.code,
            row.unit,
            row.office,
            row.title or "",
            row.acting,
            row.email,
            row.phone,
            row.language,
            row.valid_from,
            row.valid_to,
        )
        for row in rows
    )
