"""The tables about sources as pulling writes them: what the settings name, each pull, what each source speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl
from sqlalchemy import Connection, insert, select, update

from warnwatch import schema
from warnwatch.plan.column import File
from warnwatch.plan.fetched import GOOD, Outcome
from warnwatch.plan.source import Source

BATCH = 5_000
_BY_TASK = ("milestones", "reports", "decisions")
_BY_TARGET = ("readings", "targets")


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a source's pulls. `mark` and `rows` are of the last good one; `last` is the last of all."""

    mark: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    last: Outcome | None = None
    last_mark: Mapping[str, str] = field(default_factory=dict)


def register(connection: Connection, sources: Sequence[Source], now: datetime, *, all_: bool = False) -> list[str]:
    """Write the settings' sources into the plan where they differ; give those whose keeper the plan does not know yet.

    With `all_` these are all there are: a source that is watched and no longer named is watched no more.
    """
    units = set(
        connection.scalars(select(schema.unit.c.code).where(schema.unit.c.code.in_([s.keeper for s in sources])))
    )
    watched = _watched(connection)
    changed = []
    for source in sources:
        if source.keeper in units:
            described, watches = _describe(connection, source, now), _watch(connection, source, watched, now)
            changed += [source.code] if described or watches else []
    named = {source.code for source in sources}
    gone = [code for code, (kind, *_) in watched.items() if kind and code not in named] if all_ else []
    if gone:
        connection.execute(insert(schema.watch), [{"source": code, "recorded_at": now} for code in gone])
    _note(connection, [*changed, *gone])
    return [source.code for source in sources if source.keeper not in units]


def _watched(connection: Connection) -> dict[str, tuple[str | None, ...]]:
    watch = schema.watch.c
    rows = connection.execute(select(watch.source, watch.kind, watch.rhythm, watch.grace).order_by(watch.id))
    return {code: (kind, rhythm, grace) for code, kind, rhythm, grace in rows}


def _watch(
    connection: Connection, source: Source, watched: Mapping[str, tuple[str | None, ...]], now: datetime
) -> bool:
    wanted = (source.kind, source.rhythm, source.grace)
    if watched.get(source.code) == wanted:
        return False
    names = ("kind", "rhythm", "grace")
    row = {"source": source.code, "recorded_at": now} | dict(zip(names, wanted, strict=True))
    connection.execute(insert(schema.watch), [row])
    return True


def _describe(connection: Connection, source: Source, now: datetime) -> bool:
    version = schema.source_version
    current = version.c.superseded_at.is_(None) & (version.c.code == source.code)
    found = connection.execute(
        select(version.c.title, version.c.keeper, version.c.rhythm, version.c.withdrawn).where(current)
    ).one_or_none()
    wanted = (source.title, source.keeper, source.rhythm, False)
    if found is not None and tuple(found) == wanted:
        return False
    known = connection.scalar(select(schema.source.c.code).where(schema.source.c.code == source.code))
    if known is None:
        connection.execute(insert(schema.source), [{"code": source.code, "recorded_at": now}])
    connection.execute(update(version).where(current).values(superseded_at=now))
    names = ("title", "keeper", "rhythm", "withdrawn")
    row = {"code": source.code, "recorded_at": now} | dict(zip(names, wanted, strict=True))
    connection.execute(insert(version), [row])
    return True


def is_registered(connection: Connection, code: str) -> bool:
    """Say whether the plan knows the source, so that its pulls can be written down."""
    return connection.scalar(select(schema.source.c.code).where(schema.source.c.code == code)) is not None


def read_past(connection: Connection, code: str) -> Past:
    """Read what is known of a source's pulls."""
    pull = schema.pull
    query = select(pull).where(pull.c.source == code).order_by(pull.c.id.desc()).limit(1)
    last = connection.execute(query).one_or_none()
    good = connection.execute(query.where(pull.c.outcome.in_(GOOD))).one_or_none()
    return Past(
        mark=dict(good.facts.get("mark", {})) if good else {},
        rows=good.rows if good else None,
        last=Outcome(last.outcome) if last else None,
        last_mark=dict(last.facts.get("mark", {})) if last else {},
    )


def record(
    connection: Connection, code: str, outcome: Outcome, rows: int | None, facts: Mapping[str, object], now: datetime
) -> None:
    """Write one pull, and tell the evaluator."""
    row = {"source": code, "outcome": outcome.value, "rows": rows, "facts": dict(facts), "recorded_at": now}
    connection.execute(insert(schema.pull), [row])
    _note(connection, [code])


def _note(connection: Connection, codes: Iterable[str]) -> None:
    rows = [{"kind": "source", "subject": code} for code in codes]
    if rows:
        connection.execute(insert(schema.change).values(xact=schema.xact(connection)), rows)


def subjects_in(file: File, rows: pl.DataFrame) -> tuple[str, pl.Series] | None:
    """Give kind and codes of the judged subjects that a file's rows speak of; None for a file of bodies."""
    if file.name == "tasks":
        return "task", rows["code"]
    if file.name in _BY_TASK:
        return "task", rows["task"]
    if file.name in _BY_TARGET:
        return "kpi", rows.select(pl.concat_str("kpi", "unit", separator="/")).to_series()
    return None


def add_feed(connection: Connection, code: str, kind: str, subjects: pl.Series, now: datetime) -> None:
    """Write down the subjects that a source speaks of for the first time."""
    feed = schema.feed
    known = connection.scalars(select(feed.c.subject).where(feed.c.source == code, feed.c.kind == kind)).all()
    whole = subjects.drop_nulls().unique()
    fresh = whole.filter(~whole.is_in(pl.Series(known, dtype=pl.String).implode())).to_list()
    for start in range(0, len(fresh), BATCH):
        part = fresh[start : start + BATCH]
        rows = [{"source": code, "kind": kind, "subject": subject, "recorded_at": now} for subject in part]
        connection.execute(insert(feed), rows)
