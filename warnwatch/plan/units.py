"""Units as subjects of rules: how each stands by its own tasks and alerts and those of the units under it."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from warnwatch.plan.measures import COLOUR, SHARE, Measure, Today, column

_TASKS = ("nhiệm vụ", "tasks")
_ALERTS = ("cảnh báo", "alerts")
_NONE = ("", "")


def share(part: str, whole: str) -> pl.Expr:
    """Give a share; with nothing to divide by it is unknown, never an alarm."""
    return pl.when(pl.col(whole) > 0).then((pl.col(part) / pl.col(whole)).round(6))


def _share(part: str, whole: str) -> Callable[[Today], pl.Expr]:
    return lambda _today: share(part, whole)


def _in_time_share(_today: Today) -> pl.Expr:
    return (1 - share("done_late_tasks", "done_tasks")).round(6)


def _rise(_today: Today) -> pl.Expr:
    return (share("late_at_cutoff", "at_cutoff") - share("late_at_cutoff_before", "at_cutoff_before")).round(6)


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
        _share("overdue_tasks", "tasks"),
        ("{value} nhiệm vụ quá hạn, vượt ngưỡng {threshold}", "{value} of the tasks overdue, above {threshold}"),
    ),
    Measure(
        "overdue_weight_share",
        "unit",
        "number",
        SHARE,
        ("tỷ lệ quá hạn tính theo trọng số nhiệm vụ", "overdue share, each task counted by its weight"),
        "tasks.weight, deadlines",
        "0.25",
        _share("overdue_weight", "weight"),
        (
            "{value} khối lượng nhiệm vụ (theo trọng số) quá hạn, vượt ngưỡng {threshold}",
            "{value} of the tasks by weight overdue, above {threshold}",
        ),
    ),
    Measure(
        "due_soon_tasks",
        "unit",
        "number",
        _TASKS,
        ("số nhiệm vụ còn không quá 7 ngày làm việc", "tasks with at most 7 working days left"),
        "tasks, deadlines, calendar",
        "3",
        column("due_soon_tasks"),
        ("{value} nhiệm vụ sắp đến hạn, ngưỡng {threshold} nhiệm vụ", "{value} tasks due soon, threshold {threshold}"),
        nullable=False,
    ),
    Measure(
        "no_deadline_tasks",
        "unit",
        "number",
        _TASKS,
        ("số nhiệm vụ chưa hoàn thành và chưa có thời hạn", "open tasks without a deadline"),
        "tasks, deadlines",
        "4",
        column("no_deadline_tasks"),
        (
            "{value} nhiệm vụ chưa có thời hạn, ngưỡng {threshold} nhiệm vụ",
            "{value} tasks without a deadline, threshold {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "dated_tasks",
        "unit",
        "number",
        _TASKS,
        ("số nhiệm vụ đã hoàn thành hoặc có thời hạn", "tasks that are done or have a deadline"),
        "tasks, deadlines",
        "10",
        lambda _today: pl.col("tasks") - pl.col("no_deadline_tasks"),
        (
            "{value} nhiệm vụ có thời hạn, ngưỡng {threshold} nhiệm vụ",
            "{value} tasks with a deadline, threshold {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "slipped_tasks",
        "unit",
        "number",
        _TASKS,
        ("số nhiệm vụ đã điều chỉnh thời hạn", "tasks whose deadline was moved, with or without authority"),
        "deadlines",
        "3",
        column("slipped"),
        (
            "{value} nhiệm vụ đã điều chỉnh thời hạn, vượt ngưỡng {threshold} nhiệm vụ",
            "{value} tasks moved their deadline, above {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "slipped_share",
        "unit",
        "number",
        SHARE,
        ("tỷ lệ nhiệm vụ đã điều chỉnh thời hạn", "share of tasks whose deadline was moved"),
        "deadlines",
        "0.2",
        _share("slipped", "tasks"),
        (
            "{value} nhiệm vụ đã điều chỉnh thời hạn, vượt ngưỡng {threshold}",
            "{value} of the tasks moved their deadline, above {threshold}",
        ),
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
        "due_tasks",
        "unit",
        "number",
        _TASKS,
        (
            "số nhiệm vụ đã đến hạn, trừ nhiệm vụ chờ xác nhận",
            "tasks whose deadline has passed, without those claimed in time",
        ),
        "tasks, deadlines",
        "8",
        column("due"),
        ("{value} nhiệm vụ đã đến hạn, ngưỡng {threshold} nhiệm vụ", "{value} tasks due so far, threshold {threshold}"),
        nullable=False,
    ),
    Measure(
        "in_time_share_of_due",
        "unit",
        "number",
        SHARE,
        (
            "tỷ lệ hoàn thành đúng hạn trên số đã đến hạn, kể cả chưa hoàn thành",
            "share of the tasks due so far that were done in time, undone ones counted",
        ),
        "tasks.done_at, deadlines",
        "0.75",
        _share("due_in_time", "due"),
        (
            "{value} nhiệm vụ đến hạn được hoàn thành đúng hạn, dưới ngưỡng {threshold}",
            "{value} of the tasks due so far done in time, below {threshold}",
        ),
    ),
    Measure(
        "reported_share",
        "unit",
        "number",
        SHARE,
        ("tỷ lệ nhiệm vụ đã từng được báo cáo", "share of tasks on which a report has ever come"),
        "reports",
        "0.8",
        _share("reported_tasks", "tasks"),
        ("{value} nhiệm vụ có báo cáo, dưới ngưỡng {threshold}", "{value} of the tasks reported, below {threshold}"),
    ),
    Measure(
        "followed_tasks",
        "unit",
        "number",
        _TASKS,
        ("số nhiệm vụ đang thực hiện, có thời hạn", "open tasks with a deadline, on which reports are awaited"),
        "tasks, deadlines",
        "6",
        column("followed"),
        (
            "{value} nhiệm vụ đang thực hiện, ngưỡng {threshold} nhiệm vụ",
            "{value} tasks under way, threshold {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "reported_lately_share",
        "unit",
        "number",
        SHARE,
        (
            "tỷ lệ nhiệm vụ đang thực hiện được báo cáo (hoặc mới giao) trong 10 ngày làm việc",
            "share of open tasks with a deadline reported, or begun, within 10 working days",
        ),
        "reports, calendar",
        "0.6",
        _share("lately", "followed"),
        (
            "{value} nhiệm vụ đang thực hiện có báo cáo trong 10 ngày làm việc, dưới ngưỡng {threshold}",
            "{value} of the open tasks reported within 10 working days, below {threshold}",
        ),
    ),
    Measure(
        "unanswered_alerts",
        "unit",
        "number",
        _ALERTS,
        (
            "số cảnh báo đang mở của đơn vị và cấp dưới đã báo mà chưa ai nhận trách nhiệm, đến hết chu kỳ trước",
            "open alerts of the unit and all below, told and not answered since, as the cycle before left them",
        ),
        "alerts, calls, acknowledgements",
        "4",
        column("unanswered_alerts"),
        (
            "{value} cảnh báo đã báo mà chưa ai nhận trách nhiệm, vượt ngưỡng {threshold} cảnh báo",
            "{value} alerts told and not answered, above {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "colour",
        "unit",
        "number",
        COLOUR,
        (
            "màu của đơn vị theo tỷ lệ quá hạn hiện nay; chưa có khi không có nhiệm vụ có thời hạn",
            "the unit's colour by its overdue share now; none without a task that has a deadline",
        ),
        "overdue_share, settings colours",
        "3",
        column("colour"),
        ("đơn vị ở mức {value}, kém hơn mức {threshold}", "the unit is {value}, worse than {threshold}"),
    ),
    Measure(
        "tasks_at_cutoff",
        "unit",
        "number",
        _TASKS,
        ("số nhiệm vụ đã giao vào ngày chốt gần nhất", "tasks assigned by the last cut-off day"),
        "tasks, settings colours",
        "12",
        column("at_cutoff"),
        (
            "{value} nhiệm vụ vào ngày chốt, ngưỡng {threshold} nhiệm vụ",
            "{value} tasks at the cut-off, threshold {threshold}",
        ),
        nullable=False,
    ),
    Measure(
        "overdue_share_at_cutoff",
        "unit",
        "number",
        SHARE,
        ("tỷ lệ quá hạn vào cuối ngày chốt gần nhất", "overdue share as of the end of the last cut-off day"),
        "tasks.done_at, deadlines, settings colours",
        "0.18",
        _share("late_at_cutoff", "at_cutoff"),
        (
            "{value} nhiệm vụ quá hạn vào ngày chốt, vượt ngưỡng {threshold}",
            "{value} of the tasks overdue at the cut-off, above {threshold}",
        ),
    ),
    Measure(
        "overdue_share_rise",
        "unit",
        "number",
        SHARE,
        (
            "tỷ lệ quá hạn tăng thêm giữa hai ngày chốt gần nhất, số âm khi giảm",
            "by how much the overdue share rose between the last two cut-offs, negative when it fell",
        ),
        "tasks.done_at, deadlines, settings colours",
        "0.05",
        _rise,
        (
            "tỷ lệ quá hạn tăng {value} giữa hai ngày chốt, vượt ngưỡng {threshold}",
            "overdue share up by {value} between two cut-offs, above {threshold}",
        ),
        ("tỷ lệ quá hạn giảm {value} giữa hai ngày chốt", "overdue share down by {value} between two cut-offs"),
    ),
    Measure(
        "colour_at_cutoff",
        "unit",
        "number",
        COLOUR,
        ("màu của đơn vị vào cuối ngày chốt gần nhất", "the unit's colour as of the end of the last cut-off day"),
        "overdue_share_at_cutoff, settings colours",
        "2",
        column("colour_at_cutoff"),
        (
            "đơn vị ở mức {value} vào ngày chốt, kém hơn mức {threshold}",
            "the unit was {value} at the cut-off, worse than {threshold}",
        ),
    ),
)
