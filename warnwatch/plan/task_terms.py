"""What climbing takes from tasks: how long each was planned, and which unit could lift its obstacle.

In: the snapshot's frame of tasks, some codes. Out: two small tables by code.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import polars as pl

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import Today


@dataclass(frozen=True, slots=True)
class TaskTerms:
    """Planned lengths in working days, and the authorities that declared obstacles name, by task.

    A task that is in neither has an unknown length, and no obstacle or one that names nobody.
    """

    lengths: Mapping[str, int] = field(default_factory=dict)
    authorities: Mapping[str, str] = field(default_factory=dict)


def read_terms(tasks: pl.DataFrame, codes: Collection[str], today: Today) -> TaskTerms:
    """Find the terms of some tasks; the unit is the one that stands for the authority today."""
    if not codes or tasks.is_empty():
        return TaskTerms()
    wanted = pl.DataFrame({"code": sorted(codes)}, {"code": pl.String})
    obstructed = pl.col("obstacle_index").is_not_null()
    some = tasks.join(wanted, on="code", how="semi").select(
        "code",
        CATALOGUE["task"]["planned_working_days"].expression(today).cast(pl.Int64).alias("length"),
        pl.when(obstructed).then(pl.col("obstacle_unit").cast(pl.String)).alias("authority"),
    )
    return TaskTerms(
        {code: length for code, length, _ in some.iter_rows() if length is not None},
        {code: authority for code, _, authority in some.iter_rows() if authority},
    )
