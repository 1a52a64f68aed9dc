"""What shows that a task is passed round: handed on, blocked without an answer, reminded without an answer.

In: the few rows that speak of it, each with the row of its task. Out: one row per task that any of them names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

VERSIONS = {"code": pl.String, "lead": pl.String, "desk": pl.String, "order": pl.Int64}
OBSTACLES = {
    "code": pl.String,
    "reported_at": pl.Int64,
    "authority": pl.String,
    "reasoned": pl.Boolean,
    "order": pl.Int64,
}
DECISIONS = {"code": pl.String, "authority": pl.String, "decided_on": pl.String}
CALLS = {"code": pl.String, "called_at": pl.Int64, "answered_at": pl.Int64}
BROKEN = {"code": pl.String, "broken_promises": pl.Int32}
NAMES = {"text": pl.String, "authority": pl.String}

_TRAIL = {
    "code": pl.String,
    "authority": pl.String,
    "obstacle_reasoned": pl.Boolean,
    "obstacle_answered": pl.Boolean,
    "unanswered_reminders": pl.Int32,
    "broken_promises": pl.Int32,
}
EVADED = tuple(_TRAIL.keys() - {"code"})


def _empty(schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True, slots=True)
class Evasion:
    """The rows: reports with an obstacle; decisions; what else shows it.

    `calls` of open alerts, each with when the alert was acknowledged; `broken`: promises by task; `names`: what a
    report may call a unit (its code, its name, its short name, in lower case), and the unit's code.
    """

    obstacles: pl.DataFrame = field(default_factory=lambda: _empty(OBSTACLES))
    decisions: pl.DataFrame = field(default_factory=lambda: _empty(DECISIONS))
    calls: pl.DataFrame = field(default_factory=lambda: _empty(CALLS))
    broken: pl.DataFrame = field(default_factory=lambda: _empty(BROKEN))
    names: pl.DataFrame = field(default_factory=lambda: _empty(NAMES))


def evasion_trail(tasks: pl.DataFrame, found: Evasion) -> pl.DataFrame:
    """Give code and the columns below, for tasks that have any of them; others have nulls.

    `tasks`: code, last_reported_at (microseconds), obstructed, obstacle_day (local, since 1970). authority String: the
    code of the unit that the obstacle in force names, null when it names none that is known; obstacle_reasoned
    obstacle_answered Boolean: why it is beyond the unit's own power is said; that authority has decided about the task
    since. (A report of its own without an obstacle ends the obstacle.) unanswered_reminders Int32: calls that neither
    an acknowledgement nor a report followed. broken_promises Int32.
    """
    if all(rows.is_empty() for rows in (found.obstacles, found.calls, found.broken)):
        return pl.DataFrame(schema=_TRAIL)
    blocked = _obstacles(tasks, found)
    reminded = _reminders(tasks, found.calls)
    broken = found.broken.group_by("code").agg(pl.col("broken_promises").sum())
    whole = pl.concat([one.select("code") for one in (blocked, reminded, broken)]).unique(maintain_order=True)
    for one in (blocked, reminded, broken):
        whole = whole.join(one, on="code", how="left", maintain_order="left")
    return whole


def handovers(versions: pl.DataFrame) -> pl.DataFrame:
    """Count for each task, from all its versions, how often another unit or another desk took it: code, handovers."""
    rows = versions.sort("code", "order")
    same = pl.col("code") == pl.col("code").shift(1)
    moved = (pl.col("lead") != pl.col("lead").shift(1)) | (pl.col("desk") != pl.col("desk").shift(1)).fill_null(
        value=False
    )
    counted = rows.with_columns((same & moved).fill_null(value=False).alias("moved"))
    return counted.group_by("code", maintain_order=True).agg(pl.col("moved").sum().cast(pl.Int32).alias("handovers"))


def _obstacles(tasks: pl.DataFrame, found: Evasion) -> pl.DataFrame:
    """Read the latest report with an obstacle of each task whose last report still has one."""
    last = found.obstacles.sort("code", "reported_at", "order").group_by("code", maintain_order=True).last()
    now = last.join(tasks.filter("obstructed").select("code", "obstacle_day"), on="code", how="inner")
    named = now.with_columns(pl.col("authority").str.to_lowercase().str.strip_chars().alias("text"))
    named = named.drop("authority").join(found.names.unique("text", keep="first"), on="text", how="left")
    answers = (
        found.decisions.join(named.select("code", "authority", "obstacle_day"), on=["code", "authority"], how="inner")
        .filter(pl.col("decided_on").str.to_date().cast(pl.Int32) >= pl.col("obstacle_day"))
        .select("code")
        .unique()
    )
    return named.select(
        "code",
        "authority",
        pl.col("reasoned").alias("obstacle_reasoned"),
        pl.col("code").is_in(answers["code"].implode()).alias("obstacle_answered"),
    )


def _reminders(tasks: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    rows = calls.join(tasks.select("code", "last_reported_at"), on="code", how="left")
    answered = pl.max_horizontal("answered_at", "last_reported_at")
    open_ = rows.filter(answered.is_null() | (pl.col("called_at") > answered))
    return open_.group_by("code").agg(pl.col("called_at").n_unique().cast(pl.Int32).alias("unanswered_reminders"))
