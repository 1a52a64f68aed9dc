"""Sources as subjects of rules: when new data is due, what the pulls since the last good one found, who keeps each.

In: the tables of sources, watches and pulls. Out: a frame with one row per pulled source, and the measures over it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, Row, and_, func, select

from warnwatch import schema
from warnwatch.plan.calendar import WorkCalendar, parse_duration
from warnwatch.plan.fetched import BAD, GOOD, Outcome
from warnwatch.plan.measures import Measure, Today, column
from warnwatch.schema import known

_NONE = ("", "")
_INSTANT = pl.Datetime("us", "UTC")
_COLUMNS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "code": pl.String,
    "of_unit": pl.String,
    "title": pl.String,
    "kind": pl.String,
    "good_at": _INSTANT,
    "due_at": _INSTANT,
    "due_index": pl.Int32,
    "bad": pl.String,
    "bad_at": _INSTANT,
    "bad_index": pl.Int32,
    "bad_pulls": pl.Int32,
    "outcome": pl.String,
    "rows": pl.Int64,
    "why": pl.String,
}
NEVER, NO_TROUBLE, LATE = "none", "none", "late"
TROUBLES = (NO_TROUBLE, LATE, *BAD, Outcome.UNREACHABLE.value)


def read_sources(connection: Connection, calendar: WorkCalendar, as_of: datetime | None = None) -> pl.DataFrame:
    """Read one row per pulled source: code of_unit (its keeper) title kind outcome bad why String, and when.

    `good_at`: the last good pull; `due_at`: until when the next was expected. `bad`, `bad_at`, `bad_index`: what the
    last unusable delivery since then was, and since when they are; `bad_pulls`: pulls without good data since then,
    `outcome` the last pull's, `why` its words; `rows`: of the last good one.
    """
    return pl.DataFrame(
        [_row(connection, one, calendar, as_of) for one in _watched(connection, as_of)], schema=_COLUMNS, orient="row"
    )


def with_present_unit(sources: pl.DataFrame, successors: Mapping[str, str]) -> pl.DataFrame:
    """Tell each source at the unit that stands for its keeper today."""
    if not sources.width:
        return sources
    return sources.with_columns(unit=pl.col("of_unit").replace(dict(successors)))


def _watched(connection: Connection, as_of: datetime | None) -> list[Row[Any]]:
    """Give the watches in force, with title and keeper as the plan has them now."""
    watch, version = schema.watch, schema.source_version
    latest = select(func.max(watch.c.id).label("last"), func.min(watch.c.recorded_at).label("first"))
    if as_of is not None:
        latest = latest.where(watch.c.recorded_at <= as_of)
    inside = latest.group_by(watch.c.source).subquery()
    query = (
        select(
            watch.c.source,
            watch.c.kind,
            watch.c.rhythm,
            watch.c.grace,
            inside.c.first,
            version.c.title,
            version.c.keeper,
        )
        .join(inside, inside.c.last == watch.c.id)
        .join(version, and_(version.c.code == watch.c.source, known(version, as_of)))
        .where(watch.c.kind.is_not(None), version.c.keeper.is_not(None), version.c.withdrawn.is_(False))
        .order_by(watch.c.source)
    )
    return list(connection.execute(query))


def _row(connection: Connection, one: Row[Any], calendar: WorkCalendar, as_of: datetime | None) -> tuple[object, ...]:
    pull = schema.pull
    query = select(pull.c.id, pull.c.outcome, pull.c.rows, pull.c.recorded_at, pull.c.facts).where(
        pull.c.source == one.source
    )
    if as_of is not None:
        query = query.where(pull.c.recorded_at <= as_of)
    good = connection.execute(query.where(pull.c.outcome.in_(GOOD)).order_by(pull.c.id.desc()).limit(1)).one_or_none()
    if good is not None:
        query = query.where(pull.c.id > good.id)
    since = list(connection.execute(query.order_by(pull.c.id)))
    bad = [row for row in since if row.outcome in BAD]
    last = since[-1] if since else good
    expected = calendar.add(good.recorded_at if good else one.first, parse_duration(one.rhythm))
    due_at = calendar.add(expected, parse_duration(one.grace))
    return (
        one.source,
        one.keeper,
        one.title,
        one.kind,
        good.recorded_at if good else None,
        due_at,
        calendar.workday(calendar.local_date(due_at)),
        bad[-1].outcome if bad else None,
        bad[0].recorded_at if bad else None,
        calendar.workday(calendar.local_date(bad[0].recorded_at)) if bad else None,
        len(since),
        last.outcome if last else NEVER,
        good.rows if good else None,
        _why((bad or since)[-1].facts) if since else "",
    )


def _why(facts: Mapping[str, object]) -> str:
    """Give why a pull was not good, as JSON: a frame holds no phrase. Pulls of before kept only the text."""
    return json.dumps(facts.get("phrase", facts.get("why", "")), ensure_ascii=False)


def _is_late(today: Today) -> pl.Expr:
    return today.now > pl.col("due_at")


def trouble(today: Today) -> pl.Expr:
    """Say what is wrong with a source now: what it delivered, or that it did not, or `none`."""
    unreachable = pl.col("outcome") == Outcome.UNREACHABLE.value
    missing = pl.when(unreachable).then(pl.lit(Outcome.UNREACHABLE.value)).otherwise(pl.lit(LATE))
    return (
        pl.when(pl.col("bad").is_not_null())
        .then(pl.col("bad"))
        .when(_is_late(today))
        .then(missing)
        .otherwise(pl.lit(NO_TROUBLE))
    )


def _days_of(index: pl.Expr, today: Today) -> pl.Expr:
    days = pl.lit(today.workday) - index
    return pl.when(days < 1).then(pl.lit(1)).otherwise(days).cast(pl.Int32)


def _trouble_days(today: Today) -> pl.Expr:
    late = pl.when(_is_late(today)).then(_days_of(pl.col("due_index"), today)).otherwise(pl.lit(0))
    bad = pl.when(pl.col("bad").is_not_null()).then(_days_of(pl.col("bad_index"), today)).otherwise(pl.lit(0))
    return pl.max_horizontal(late, bad)


def _overdue_days(today: Today) -> pl.Expr:
    return pl.when(_is_late(today)).then(_days_of(pl.col("due_index"), today)).otherwise(pl.lit(0))


def in_trouble(sources: pl.DataFrame, today: Today) -> dict[str, datetime | None]:
    """Name the sources whose data nobody can count on now, each with its last good pull."""
    if sources.is_empty():
        return {}
    return dict(sources.filter(trouble(today) != NO_TROUBLE).select("code", "good_at").iter_rows())


_DAYS = ("ngày làm việc", "working days")
SOURCE_MEASURES = (
    Measure(
        "code",
        "source",
        "code",
        _NONE,
        ("mã nguồn số liệu", "code of the source"),
        "sources.code",
        "DVC-QG",
        column("code"),
        nullable=False,
    ),
    Measure(
        "unit",
        "source",
        "code",
        _NONE,
        ("đơn vị giữ nguồn", "the unit that keeps it"),
        "sources.keeper",
        "BYT",
        column("unit"),
        nullable=False,
    ),
    Measure(
        "trouble",
        "source",
        "text",
        _NONE,
        (
            "tình trạng: bình thường, chậm, rỗng, thiếu quá nửa, mâu thuẫn, không kết nối được khi đã đến kỳ",
            "what is wrong now: nothing, late, empty, half, contradictory, unreachable when data is due",
        ),
        "pulls",
        "late",
        trouble,
        values=TROUBLES,
        nullable=False,
    ),
    Measure(
        "outcome",
        "source",
        "text",
        _NONE,
        ("kết quả lần lấy gần nhất; none là chưa lấy lần nào", "outcome of the last pull; none before the first"),
        "pulls",
        "ok",
        column("outcome"),
        values=(NEVER, *Outcome),
        nullable=False,
    ),
    Measure(
        "trouble_working_days",
        "source",
        "number",
        _DAYS,
        (
            "số ngày làm việc nguồn chậm hoặc hỏng, tính từ kỳ phải có hoặc lần hỏng đầu tiên; ngày đầu là 1",
            "working days that a source is late or cannot be used, from when it was due or first bad; 1 on the first",
        ),
        "pulls",
        "2",
        _trouble_days,
        (
            "nguồn số liệu chậm hoặc không dùng được, ngày làm việc thứ {value}, ngưỡng {threshold}",
            "source late or unusable, working day {value}, threshold {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "overdue_working_days",
        "source",
        "number",
        _DAYS,
        ("số ngày làm việc quá kỳ phải có số liệu; 0 khi chưa quá", "working days past when data was due; 0 before"),
        "pulls, watches",
        "1",
        _overdue_days,
        (
            "đã quá kỳ phải có số liệu {value} ngày làm việc, ngưỡng {threshold}",
            "{value} working days past due, threshold {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "bad_pulls",
        "source",
        "number",
        ("lần", "times"),
        ("số lần lấy liên tiếp không có số liệu dùng được", "pulls in a row without usable data"),
        "pulls",
        "3",
        column("bad_pulls"),
        (
            "{value} lần lấy liên tiếp không dùng được, ngưỡng {threshold} lần",
            "{value} bad pulls in a row, threshold {threshold}",
        ),
        nullable=False,
    ),
)
