"""How units become columns: what was counted of their tasks and alerts, rolled up the tree.

In: the counted tasks, the numbers of unanswered alerts and the directory. Out: a frame with one row per unit, made
anew only when one of them is another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.colours import Cutoffs
from warnwatch.plan.directory import Directory
from warnwatch.plan.measures import Today
from warnwatch.plan.snapshot import Snapshot
from warnwatch.plan.tally import Counted, count_again, cutoff_instants
from warnwatch.plan.units import share

_IDLE = ("suspended", "cancelled")
_OPEN = ("open_in_time", "open_late", "no_deadline", "claimed")
_SUMS = (
    *("followed", "lately", "due", "due_in_time", "slipped"),
    *("at_cutoff", "late_at_cutoff", "at_cutoff_before", "late_at_cutoff_before"),
)


@dataclass(frozen=True, slots=True)
class UnitStands:
    """The frame of units with what it was made from; `unanswered`: alerts that nobody answered, by their unit."""

    counted: Counted
    directory: Directory
    frame: pl.DataFrame
    chains: pl.DataFrame
    unanswered: Mapping[str, int] = field(default_factory=dict)


def stand_now(  # noqa: PLR0913 (what is counted, on which tree, when, and what of it is known)
    snapshot: Snapshot,
    directory: Directory,
    today: Today,
    calendar: WorkCalendar,
    cutoffs: Cutoffs,
    known: UnitStands | None = None,
    *,
    unanswered: Mapping[str, int] | None = None,
) -> UnitStands:
    """Count tasks and roll them up the tree, going on from what is `known` as far as that still stands.

    `unanswered` are the alerts that nobody has answered, by unit, as the cycle before left them: a cycle judges before
    it decides about alerts.
    """
    instants = cutoff_instants(cutoffs, calendar, today.at)
    counted = count_again(snapshot.tasks, today, instants, known.counted if known else None, snapshot.moved)
    return stand(counted, directory, cutoffs, known, unanswered)


def stand(
    counted: Counted,
    directory: Directory,
    cutoffs: Cutoffs,
    before: UnitStands | None = None,
    unanswered: Mapping[str, int] | None = None,
) -> UnitStands:
    """Make the frame of units; the same object as `before` while nothing about them has changed."""
    known = {} if unanswered is None else unanswered
    same_tree = before is not None and before.directory is directory
    chains = before.chains if before and same_tree else chains_of(directory)
    if not (before and same_tree and before.counted.frame is counted.frame):
        frame = unit_frame(counted.frame, directory, cutoffs, chains)
        return UnitStands(counted, directory, with_unanswered(frame, known, directory, chains), chains, known)
    if before.unanswered == known:
        return before if before.counted is counted else replace(before, counted=counted)
    return replace(
        before,
        counted=counted,
        frame=with_unanswered(before.frame, known, directory, chains),
        unanswered=known,
    )


def with_unanswered(
    frame: pl.DataFrame, unanswered: Mapping[str, int], directory: Directory, chains: pl.DataFrame
) -> pl.DataFrame:
    """Put the numbers of unanswered alerts, rolled up the tree, into a frame of units: unanswered_alerts Int64."""
    if not unanswered:
        return frame.with_columns(unanswered_alerts=pl.lit(0, pl.Int64))
    rows = [(directory.present(code), number) for code, number in unanswered.items()]
    numbers = pl.DataFrame(rows, schema={"unit": pl.String, "unanswered_alerts": pl.Int64}, orient="row")
    summed = chains.join(numbers, on="unit").group_by("code").agg(pl.col("unanswered_alerts").sum())
    rest = frame.drop("unanswered_alerts", strict=False)
    return rest.join(summed, on="code", how="left", maintain_order="left").with_columns(
        pl.col("unanswered_alerts").fill_null(0)
    )


def chains_of(directory: Directory) -> pl.DataFrame:
    """Give each unit with itself and all above it: unit code String."""
    pairs = [
        (code, above) for code in directory.units for above in (code, *(u.code for u in directory.superiors(code)))
    ]
    return pl.DataFrame(pairs, schema={"unit": pl.String, "code": pl.String}, orient="row")


def unit_frame(
    counts: pl.DataFrame, directory: Directory, cutoffs: Cutoffs, chains: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Roll the counts of `tally.count_tasks` up the tree: a row for each unit of the day, its own tasks and all below.

    code unit bloc kind String; numbers of tasks Int64, weight overdue_weight Float64; colour colour_at_cutoff Int8.
    `tasks` are the live ones, neither suspended nor cancelled.
    """
    timing, tasks = pl.col("timing"), pl.col("tasks")
    live = ~timing.is_in(_IDLE)
    numbers = counts.group_by("unit").agg(
        tasks.filter(live).sum(),
        pl.col("weight").filter(live).sum(),
        *(pl.col(name).sum() for name in _SUMS),
        open_tasks=tasks.filter(timing.is_in(_OPEN)).sum(),
        overdue_tasks=tasks.filter(timing == "open_late").sum(),
        overdue_weight=pl.col("weight").filter(timing == "open_late").sum(),
        due_soon_tasks=tasks.filter("soon").sum(),
        no_deadline_tasks=tasks.filter(timing == "no_deadline").sum(),
        done_tasks=tasks.filter(timing.is_in(("done_in_time", "done_late"))).sum(),
        done_late_tasks=tasks.filter(timing == "done_late").sum(),
        reported_tasks=tasks.filter(pl.col("reported") & live).sum(),
    )
    names = [name for name in numbers.columns if name != "unit"]
    rolled = (
        (chains_of(directory) if chains is None else chains)
        .join(numbers, on="unit", how="left")
        .group_by("code", maintain_order=True)
        .agg(pl.col(name).sum() for name in names)
    )
    about = [(unit.code, unit.code, unit.bloc or None, unit.kind or None) for unit in directory.units.values()]
    frame = pl.DataFrame(
        about, schema={"code": pl.String, "unit": pl.String, "bloc": pl.String, "kind": pl.String}, orient="row"
    ).join(rolled, on="code", how="left", maintain_order="left")
    dated = pl.col("tasks") > pl.col("no_deadline_tasks")
    return frame.with_columns(
        colour=cutoffs.colour_of(pl.when(dated).then(share("overdue_tasks", "tasks"))),
        colour_at_cutoff=cutoffs.colour_of(pl.when(dated).then(share("late_at_cutoff", "at_cutoff"))),
    )
