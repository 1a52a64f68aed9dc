"""Which subjects are to be judged again, and how their levels take their place among those that stand.

Within one local day a level changes only with the facts of its subject, or when now passes one of its instants; the few
measures that run by the minute are named apart.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from warnwatch.plan.moving import Moved, rows_passed
from warnwatch.plan.written import instants_of


@dataclass(frozen=True, slots=True)
class Again:
    """Which `rows` to judge again, and the `columns` in which they can be others than they were; None: in any."""

    rows: pl.Series
    columns: frozenset[str] | None = None

    def touches(self, columns: Collection[str]) -> bool:
        """Say whether what is made of some columns may be another."""
        return self.columns is None or not self.columns.isdisjoint(columns)


def rows_again(
    frames: tuple[pl.DataFrame, pl.DataFrame],
    moved: Moved | None,
    instants: Collection[str],
    between: tuple[datetime, datetime],
    held: tuple[pl.Series | None, pl.Series | None],
) -> Again | None:
    """Name the rows of the second frame whose levels may be other ones than they were in the first; None means any.

    `moved` leads from the one to the other. `instants`: the columns that something compares with now (`instants_of`).
    `held`: the rows whose data nobody could count on then, and now.
    """
    before, after = frames
    if before is not after and moved is None:
        return None
    rows, columns = rows_passed(after, instants, *between), None
    if moved is not None:
        columns = moved.changed if rows.is_empty() and held[0] is held[1] else None
        rows = _together(rows, moved.rows)
    if held[0] is not held[1]:
        then, now = (_mask(mask, frame) for mask, frame in zip(held, frames, strict=True))
        then = moved.carried(then) if moved else then
        rows = _together(rows, (then != now).fill_null(value=True).arg_true())
    return Again(rows, columns)


def _together(rows: pl.Series, more: pl.Series) -> pl.Series:
    return pl.concat([rows, more.cast(pl.UInt32)]).unique().sort() if len(rows) else more.cast(pl.UInt32)


def _mask(held: pl.Series | None, frame: pl.DataFrame) -> pl.Series:
    return pl.repeat(value=False, n=frame.height, eager=True) if held is None else held


def instants_in(frame: pl.DataFrame, about: str, names: Collection[str]) -> list[str]:
    """Name the columns of a frame, instants or lists of them, that some measures compare with the present one."""
    looked_at = frozenset[str]().union(*(instants_of(about, name) for name in names))
    types = frame.schema
    return [name for name in sorted(looked_at & types.keys()) if _is_instant(types[name])]


def _is_instant(dtype: pl.DataType) -> bool:
    return isinstance(dtype.inner if isinstance(dtype, pl.List) else dtype, pl.Datetime)
