"""What holds while a source is in trouble: the subjects that it feeds, as a yes-or-no column beside each frame.

While every source is well nothing is read and nothing is made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl
from sqlalchemy import Connection, select

from warnwatch import schema
from warnwatch.plan.directory import Directory

Masks = Mapping[str, pl.Series]


@dataclass(frozen=True, slots=True)
class Hold:
    """The masks of a set of troubled sources, with what they were made from, so that a calm cycle makes them once."""

    sources: tuple[tuple[str, datetime | None], ...] = ()
    frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    fed: Mapping[str, pl.Series] = field(default_factory=dict)
    masks: Masks = field(default_factory=dict)


NOTHING = Hold()


def read_hold(
    connection: Connection,
    troubled: Mapping[str, datetime | None],
    frames: Mapping[str, pl.DataFrame],
    directory: Directory,
    before: Hold = NOTHING,
    as_of: datetime | None = None,
) -> Hold:
    """Give the masks of what the troubled sources (each with its last good pull) feed.

    A task verified as done is judged all the same: nothing of a bad delivery is taken, so another hand has said that.
    """
    sources = tuple(sorted(troubled.items()))
    if not sources:
        return NOTHING
    if before.sources != sources:
        before = Hold(fed=read_fed(connection, troubled, as_of))
    elif _same(before.frames, frames):
        return before
    fed = before.fed
    return Hold(sources, dict(frames), fed, _masks(frames, fed, directory))


def read_fed(
    connection: Connection, sources: Collection[str], as_of: datetime | None = None, only: str | None = None
) -> dict[str, pl.Series]:
    """Read the codes that some sources have ever spoken of, all or `only` one, by kind of subject."""
    feed = schema.feed
    query = select(feed.c.kind, feed.c.subject).where(feed.c.source.in_(sorted(sources))).distinct()
    if as_of is not None:
        query = query.where(feed.c.recorded_at <= as_of)
    if only is not None:
        query = query.where(feed.c.subject == only)
    codes: dict[str, list[str]] = {"task": [], "kpi": []}
    for kind, subject in connection.execute(query):
        codes.setdefault(kind, []).append(subject)
    return {kind: pl.Series(kind, subjects, pl.String) for kind, subjects in codes.items()}


def _same(before: Mapping[str, pl.DataFrame], frames: Mapping[str, pl.DataFrame]) -> bool:
    return all(before.get(name) is frame for name, frame in frames.items() if name != "source")


def _masks(frames: Mapping[str, pl.DataFrame], fed: Mapping[str, pl.Series], directory: Directory) -> Masks:
    make: dict[str, Callable[[pl.DataFrame], pl.Series]] = {
        "task": lambda frame: _fed(frame, fed["task"]) & (frame["status"] != "done"),
        "kpi": lambda frame: _fed(frame, fed["kpi"]),
    }
    masks = {about: make[about](frame) for about, frame in frames.items() if about in make and frame.height}
    if "unit" in frames and "task" in masks:
        units = frames["task"].filter(masks["task"])["unit"].cast(pl.String).unique().to_list()
        above = {above.code for unit in units if unit in directory.units for above in directory.superiors(unit)}
        masks["unit"] = frames["unit"]["code"].is_in([*units, *above])
    return masks


def _fed(frame: pl.DataFrame, codes: pl.Series) -> pl.Series:
    return frame["code"].is_in(codes.implode())
