"""Which subjects are to be judged again, and how their levels take their place among those that stand.

Within one local day a level changes only with the facts of its subject, or when now passes one of its instants; the few
measures that run by the minute are named apart.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import polars as pl

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import Today
from warnwatch.plan.moving import Moved, rows_passed


def rows_again(
    frames: tuple[pl.DataFrame, pl.DataFrame],
    moved: Moved | None,
    instants: Collection[str],
    between: tuple[datetime, datetime],
    held: tuple[pl.Series | None, pl.Series | None],
) -> pl.Series | None:
    """Name the rows of the second frame whose levels may be other ones than they were in the first; None means any.

    `moved` leads from the one to the other. `instants`: the columns that something compares with now (`instants_of`).
    `held`: the rows whose data nobody could count on then, and now.
    """
    before, after = frames
    if before is not after and moved is None:
        return None
    found = [rows_passed(after, instants, *between)]
    if moved is not None:
        found.append(moved.rows.cast(pl.UInt32))
    if held[0] is not held[1]:
        then, now = (_mask(mask, frame) for mask, frame in zip(held, frames, strict=True))
        then = moved.carried(then) if moved else then
        found.append((then != now).fill_null(value=True).arg_true().cast(pl.UInt32))
    return pl.concat(found).unique().sort()


def _mask(held: pl.Series | None, frame: pl.DataFrame) -> pl.Series:
    return pl.repeat(value=False, n=frame.height, eager=True) if held is None else held


_ONE = Today(datetime(2026, 1, 5, 3, tzinfo=UTC), 20_458, 4, (240, 240))


@cache
def by_the_minute(about: str, name: str) -> bool:
    """Say whether a measure is another one a minute later though no instant of its subject lies between."""
    return _is_another(about, name, replace(_ONE, minutes=(241, 241)))


@cache
def instants_of(about: str, name: str) -> frozenset[str]:
    """Name the columns that a measure compares with the present instant, or may compare: all that it looks at."""
    if not _is_another(about, name, replace(_ONE, at=_ONE.at + timedelta(minutes=1))):
        return frozenset()
    return frozenset(CATALOGUE[about][name].expression(_ONE).meta.root_names())


def instants_in(frame: pl.DataFrame, about: str, names: Collection[str]) -> list[str]:
    """Name the columns of a frame, instants or lists of them, that some measures compare with the present one."""
    looked_at = frozenset[str]().union(*(instants_of(about, name) for name in names))
    return [name for name in sorted(looked_at & {*frame.columns}) if _is_instant(frame.schema[name])]


def _is_instant(dtype: pl.DataType) -> bool:
    return isinstance(dtype.inner if isinstance(dtype, pl.List) else dtype, pl.Datetime)


def _is_another(about: str, name: str, later: Today) -> bool:
    expression = CATALOGUE[about][name].expression
    return not expression(_ONE).meta.eq(expression(later))
