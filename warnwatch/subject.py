"""Which subject a code names, and the part of the plan that must be read to judge that subject alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Column, Connection, select

from warnwatch import schema
from warnwatch.errors import NotFoundError, nearest_name
from warnwatch.language import Phrase
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.directory import Directory
from warnwatch.plan.measures import Today, today_of
from warnwatch.plan.snapshot import FEW, Snapshot, read_snapshot
from warnwatch.plan.source_words import words_of
from warnwatch.plan.words import Words, read_limits, read_words
from warnwatch.rules.rule import About
from warnwatch.schema import known

_NEIGHBOURS = 2_000
_TARGETS_SHOWN = 5
# Where the code of a subject stands, in the order in which it is looked for.
_CODES: Mapping[About, Column[str]] = {
    "task": schema.task.c.code,
    "unit": schema.unit.c.code,
    "kpi": schema.target.c.code,
    "source": schema.source.c.code,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject in words; `words` of a task alone."""

    about: About
    code: str
    title: str
    unit: str
    words: Words | None = None


def find_subject(
    connection: Connection, code: str, at: datetime, as_of: datetime | None, calendar: WorkCalendar
) -> tuple[Snapshot, Directory, Subject]:
    """Find the subject of a code, with what of the plan its rules look at, as known now or at `as_of`.

    An unknown code is a NotFoundError that names the nearest; so is a task that no rule judges.
    """
    about, day = _kind_of(connection, code, as_of, calendar), calendar.local_date(at)
    snapshot = _read(connection, calendar, about, code, as_of, day)
    directory = snapshot.directory(day)
    subject = _subject(connection, snapshot, directory, (about, code), (today_of(at, calendar), calendar, as_of))
    return snapshot, directory, subject


def _kind_of(connection: Connection, code: str, as_of: datetime | None, calendar: WorkCalendar) -> About:
    for about, column in _CODES.items():
        query = select(column).where(column == code)
        if as_of is not None:
            query = query.where(column.table.c.recorded_at <= as_of)
        if connection.scalar(query) is not None:
            return about
    targets = _targets_of(connection, code)
    if targets:
        shown = ", ".join(targets[:_TARGETS_SHOWN]) + (" …" if len(targets) > _TARGETS_SHOWN else "")
        raise NotFoundError(
            Phrase("chỉ tiêu {code} được xét theo từng đơn vị; hãy ghi một trong: {shown}", code=code, shown=shown)
        )
    when = Phrase(" vào lúc {at:%d/%m/%Y %H:%M}", at=as_of.astimezone(calendar.zone)) if as_of else ""
    near = nearest_name(code, [one for column in _CODES.values() for one in _codes_around(connection, column, code)])
    message = Phrase(
        "không có nhiệm vụ, đơn vị, chỉ tiêu hay nguồn {code!r} trong kế hoạch{when}; chỉ tiêu viết là MÃ/ĐƠN-VỊ",
        code=code,
        when=when,
    )
    raise NotFoundError(message, near)


def _targets_of(connection: Connection, kpi: str) -> list[str]:
    version = schema.target_version
    query = select(version.c.code).where(version.c.kpi == kpi, known(version, None)).order_by(version.c.code)
    return list(connection.scalars(query))


def _codes_around(connection: Connection, known_code: Column[str], code: str) -> list[str]:
    """Read the codes that stand before and after one in order: a plan may have too many to compare with all."""
    after = select(known_code).where(known_code >= code).order_by(known_code).limit(_NEIGHBOURS)
    before = select(known_code).where(known_code < code).order_by(known_code.desc()).limit(_NEIGHBOURS)
    return [*connection.scalars(after), *connection.scalars(before)]


def _read(
    connection: Connection, calendar: WorkCalendar, about: About, code: str, as_of: datetime | None, day: date
) -> Snapshot:
    """Read what the subject needs: a task alone; for a unit the tasks of all units below it."""
    if about == "task":
        return read_snapshot(connection, calendar, as_of, [code], day)
    bare = read_snapshot(connection, calendar, as_of, [], day)
    if about != "unit":
        return bare
    directory = bare.directory(day)
    home = directory.present(code)
    below = {one for one in directory.units if home in {above.code for above in directory.superiors(one)}} | {home}
    leads = [*below, *(old for old, now in directory.successors.items() if now in below)]
    version = schema.task_version
    query = select(version.c.code).where(known(version, as_of), version.c.lead_unit.in_(leads))
    codes = list(connection.scalars(query.limit(FEW + 1)))
    return read_snapshot(connection, calendar, as_of, codes if len(codes) <= FEW else None, day)


def _subject(
    connection: Connection,
    snapshot: Snapshot,
    directory: Directory,
    named: tuple[About, str],
    clock: tuple[Today, WorkCalendar, datetime | None],
) -> Subject:
    (about, code), (today, calendar, as_of) = named, clock
    if about == "task":
        return _task(connection, snapshot, code, as_of)
    if about == "unit":
        unit = directory.unit(code)
        return Subject(about, unit.code if unit else code, unit.name if unit else "", unit.code if unit else code)
    if about == "kpi":
        limit = read_limits(connection, snapshot.kpis, [code], as_of).get(code)
        home = dict(snapshot.kpis.select("code", "unit").iter_rows()).get(code, "")
        return Subject(about, code, limit.name if limit else "", home)
    feed = words_of(snapshot.sources, [code], today, calendar.zone).get(code)
    return Subject(about, code, feed.title if feed else "", directory.present(feed.keeper) if feed else "")


def _task(connection: Connection, snapshot: Snapshot, code: str, as_of: datetime | None) -> Subject:
    words = read_words(connection, [code], as_of).get(code)
    if words is None or not snapshot.tasks.height:
        raise NotFoundError(
            Phrase("nhiệm vụ {code!r} chỉ gom các nhiệm vụ con hoặc đã rút: không quy tắc nào xét", code=code)
        )
    return Subject("task", code, words.title, snapshot.tree.present(words.unit), words)
