"""What rules are about: one frame per kind of subject, made only for the kinds that the rules in force ask for."""

from __future__ import annotations

from collections.abc import Callable, Collection

import polars as pl

from warnwatch.plan.snapshot import Snapshot
from warnwatch.plan.unit_frame import UnitStands


def frames_of(about: Collection[str], snapshot: Snapshot, stands: Callable[[], UnitStands]) -> dict[str, pl.DataFrame]:
    """Give the frames, of tasks always, others when asked for: one row a subject, named by `code`, told at `unit`."""
    frames = {"task": snapshot.tasks}
    if "unit" in about:
        frames["unit"] = stands().frame
    if "kpi" in about:
        frames["kpi"] = snapshot.kpis
    if "source" in about:
        frames["source"] = snapshot.sources
    return frames
