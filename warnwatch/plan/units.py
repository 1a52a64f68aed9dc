"""Units as subjects of rules: how each stands by its own tasks and those of the units under it.

In: the counted tasks and the directory. Out: a frame with one row per unit, and the measures over it.
"""

from __future__ import annotations

import polars as pl

from warnwatch.plan.directory import Directory
from warnwatch.plan.measures import SHARE, Measure, Today, column

_IDLE = ("suspended", "cancelled")
_NUMBERS = ("tasks", "open_tasks", "overdue_tasks", "due_soon_tasks", "done_tasks", "done_late_tasks", "reported_tasks")
_TASKS = ("nhiệm vụ", "tasks")
_NONE = ("", "")


def unit_frame(counts: pl.DataFrame, directory: Directory) -> pl.DataFrame:
    """Roll the counts of `tally.count_tasks` up the tree: code unit bloc kind String, the numbers Int64.

    `tasks` are the live ones, neither suspended nor cancelled; a unit counts its own and those of all units below.
    """
    pairs = [
        (code, above) for code in directory.units for above in (code, *(u.code for u in directory.superiors(code)))
    ]
    timing = pl.col("timing")
    numbers = counts.group_by("unit").agg(
        pl.col("tasks").filter(~timing.is_in(_IDLE)).sum(),
        open_tasks=pl.col("tasks").filter(timing.is_in(("open_in_time", "open_late", "no_deadline", "claimed"))).sum(),
        overdue_tasks=pl.col("tasks").filter(timing == "open_late").sum(),
        due_soon_tasks=pl.col("tasks").filter("soon").sum(),
        done_tasks=pl.col("tasks").filter(timing.is_in(("done_in_time", "done_late"))).sum(),
        done_late_tasks=pl.col("tasks").filter(timing == "done_late").sum(),
        reported_tasks=pl.col("tasks").filter(pl.col("reported") & ~timing.is_in(_IDLE)).sum(),
    )
    rolled = (
        pl.DataFrame(pairs, schema={"unit": pl.String, "code": pl.String}, orient="row")
        .join(numbers, on="unit", how="left")
        .group_by("code", maintain_order=True)
        .agg(pl.col(name).sum().cast(pl.Int64) for name in _NUMBERS)
    )
    about = [(unit.code, unit.code, unit.bloc or None, unit.kind or None) for unit in directory.units.values()]
    names = {"code": pl.String, "unit": pl.String, "bloc": pl.String, "kind": pl.String}
    return pl.DataFrame(about, schema=names, orient="row").join(rolled, on="code", how="left", maintain_order="left")


def _share(part: str, whole: str) -> pl.Expr:
    """Give a share; with nothing to divide by it is unknown, never an alarm."""
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


def _overdue_share(_today: Today) -> pl.Expr:
    return _share("overdue_tasks", "tasks")


def _in_time_share(_today: Today) -> pl.Expr:
    return 1 - _share("done_late_tasks", "done_tasks")


def _reported_share(_today: Today) -> pl.Expr:
    return _share("reported_tasks", "tasks")


UNIT_MEASURES = (
    Measure(
        "code",
        "unit",
        "code",
        _NONE,
        ("mã đơn vị", "the unit's code"),
        "units.code",
        "DP-19-UB",
        column("code"),
        nullable=False,
    ),
    Measure("bloc", "unit", "text", _NONE, ("khối", "the bloc"), "units.bloc", "DIA_PHUONG", column("bloc")),
    Measure("kind", "unit", "text", _NONE, ("loại đơn vị", "the kind of body"), "units.kind", "bo", column("kind")),
    Measure(
        "tasks",
        "unit",
        "number",
        _TASKS,
        ("số nhiệm vụ của đơn vị và các đơn vị trực thuộc", "tasks of the unit and of all units below"),
        "tasks",
        "14",
        column("tasks"),
        ("{value} nhiệm vụ, ngưỡng {threshold} nhiệm vụ", "{value} tasks, threshold {threshold}"),
        nullable=False,
    ),
    Measure(
        "open_tasks",
        "unit",
        "number",
        _TASKS,
        ("số nhiệm vụ chưa hoàn thành", "tasks not verified done"),
        "tasks",
        "6",
        column("open_tasks"),
        ("{value} nhiệm vụ chưa hoàn thành, ngưỡng {threshold} nhiệm vụ", "{value} open tasks, threshold {threshold}"),
        nullable=False,
    ),
    Measure(
        "overdue_tasks",
        "unit",
        "number",
        _TASKS,
        ("số nhiệm vụ quá hạn, chưa hoàn thành", "tasks past their deadline and not done"),
        "tasks, deadlines",
        "2",
        column("overdue_tasks"),
        ("{value} nhiệm vụ quá hạn, vượt ngưỡng {threshold} nhiệm vụ", "{value} overdue tasks, above {threshold}"),
        nullable=False,
    ),
    Measure(
        "overdue_share",
        "unit",
        "number",
        SHARE,
        ("tỷ lệ nhiệm vụ quá hạn, chưa hoàn thành", "share of tasks past their deadline and not done"),
        "tasks, deadlines",
        "0.2",
        _overdue_share,
        ("{value} nhiệm vụ quá hạn, vượt ngưỡng {threshold}", "{value} of the tasks overdue, above {threshold}"),
    ),
    Measure(
        "in_time_share",
        "unit",
        "number",
        SHARE,
        ("tỷ lệ hoàn thành đúng hạn trên số đã hoàn thành", "share of done tasks that were done in time"),
        "tasks.done_at, deadlines",
        "0.9",
        _in_time_share,
        ("{value} hoàn thành đúng hạn, dưới ngưỡng {threshold}", "{value} done in time, below {threshold}"),
    ),
    Measure(
        "reported_share",
        "unit",
        "number",
        SHARE,
        ("tỷ lệ nhiệm vụ đã từng được báo cáo", "share of tasks on which a report has ever come"),
        "reports",
        "0.8",
        _reported_share,
        ("{value} nhiệm vụ có báo cáo, dưới ngưỡng {threshold}", "{value} of the tasks reported, below {threshold}"),
    ),
)
