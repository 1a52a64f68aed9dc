"""How far a task is, against the time that it has used."""

from __future__ import annotations

import polars as pl

from warnwatch.plan.measures import NONE, PACE, SHARE, TIMES, WORKING_DAYS, Measure, Today, at_least, column
from warnwatch.plan.report_trail import COLOURS
from warnwatch.plan.task_measures.deadlines import HAS_BOTH_ENDS, time_share

# How the colour of a task is computed: yellow when it is further behind than this, red from twice that on or past its
# deadline.
YELLOW = 0.15


def planned_share(today: Today) -> pl.Expr:
    """Give how far the plan wants the task today, 0 to 1: along its milestones if it has any, else evenly in time."""
    stretch = pl.element().struct
    now = pl.when(stretch.field("every_day")).then(today.day).otherwise(today.workday)
    gone = (now - stretch.field("begins")) / (stretch.field("ends") - stretch.field("begins"))
    along = pl.col("plan_curve").list.eval(gone.cast(pl.Float32).clip(0, 1)).list.mean()
    return pl.coalesce(along, -at_least(-time_share(today), -1))


def behind(today: Today) -> pl.Expr:
    """Give the share that the plan wants less the progress reported; unknown without a report."""
    # Rounded, 3/5 - 0.45 is 0.15 and not 0.15000004: who lies exactly at a threshold has not passed it.
    return (planned_share(today) - pl.col("progress")).round(5)


def _to_do() -> pl.Expr:
    return 1 - pl.col("progress")


def pace_needed(today: Today) -> pl.Expr:
    """Give the share to be done on each working day left, today for the last one; none is left once late."""
    days = at_least(pl.col("due_index") - today.index, 1).cast(pl.Float32)
    return pl.when(today.now <= pl.col("due_at")).then(_to_do() / days)


def pace_shown(_today: Today) -> pl.Expr:
    """Give the share done on each working day from the start to the day on which the progress was stated.

    Not to today: a unit that reports every two weeks would look slower each day until its next report.
    """
    days = at_least(pl.col("stated_index") - pl.col("assigned_index"), 1).cast(pl.Float32)
    return pl.when(pl.col("start_at").is_not_null()).then(pl.col("progress") / days)


def pace_ratio(today: Today) -> pl.Expr:
    """Give how many times the pace shown the pace needed is; without any progress there is nothing to divide by."""
    shown = pace_shown(today)
    return pl.when(shown > 0).then(pace_needed(today) / shown)


def has_pace(_today: Today) -> pl.Expr:
    """Say whether reports show a pace: two of them state progress, and there is some."""
    shown = pl.col("has_pace") & (pl.col("progress") > 0) & HAS_BOTH_ENDS
    return shown.fill_null(value=False)


def projected_late(today: Today) -> pl.Expr:
    """Count the working days after the deadline on which the task would be done at the pace shown.

    What was to be done by today and is not reported done is not done before today.
    """
    left = (_to_do() / pace_shown(today)).ceil()
    finish = pl.max_horizontal(pl.col("stated_index") + left, today.index)
    finish = pl.when(pl.col("progress") < 1).then(finish).otherwise(pl.col("stated_index"))
    return pl.when(has_pace(today)).then(finish - pl.col("due_index"))


def computed_colour(today: Today) -> pl.Expr:
    """Give the colour that the data give, 1 green to 3 red; unknown where nobody knows how far a task should be."""
    late = today.now > pl.col("due_at")
    # One look at `behind` and not one for each colour: it is the dearest of all measures.
    by_progress = (behind(today) / pl.lit(YELLOW, pl.Float32)).ceil().clip(1, 3)
    return pl.when(late).then(3).otherwise(by_progress).cast(pl.Int8)


def colour_gap(today: Today) -> pl.Expr:
    """Give how many levels better the unit reports its task than the data show it; negative when it reports worse."""
    reported = pl.col("reported_colour").to_physical().cast(pl.Int8) + 1
    return computed_colour(today) - reported


PROGRESS = (
    Measure(
        "progress",
        "task",
        "number",
        SHARE,
        ("tiến độ theo báo cáo gần nhất có nêu tiến độ", "progress of the latest report that states it"),
        "reports.progress",
        "0.4",
        column("progress"),
        ("tiến độ báo cáo {value}, ngưỡng {threshold}", "reported progress {value}, threshold {threshold}"),
    ),
    Measure(
        "behind",
        "task",
        "number",
        SHARE,
        (
            "tiến độ phải đạt theo kế hoạch (theo các mốc nếu có, nếu không thì theo thời gian) trừ tiến độ đã báo cáo",
            "planned_share minus reported progress",
        ),
        "planned_share, progress",
        "0.35",
        behind,
        (
            "tiến độ chậm {value} so với kế hoạch, vượt ngưỡng {threshold}",
            "progress {value} behind the plan, above {threshold}",
        ),
    ),
    Measure(
        "planned_share",
        "task",
        "number",
        SHARE,
        (
            "tiến độ phải đạt hôm nay: mỗi đoạn đến một mốc là một phần bằng nhau; không có mốc thì theo thời gian",
            "progress that the plan wants today: equal shares between milestones, without any the time used, at most 1",
        ),
        "milestones, start, deadline in force, calendar",
        "0.6",
        planned_share,
        ("tiến độ phải đạt {value}, ngưỡng {threshold}", "planned progress {value}, threshold {threshold}"),
    ),
    Measure(
        "pace_needed",
        "task",
        "number",
        PACE,
        (
            "phần việc phải làm trong mỗi ngày làm việc còn lại để kịp hạn; chưa có khi đã quá hạn",
            "share to be done on each working day left to be in time; none once late",
        ),
        "progress, deadline in force, calendar",
        "0.02",
        pace_needed,
        (
            "phải đạt thêm {value} mỗi ngày làm việc, vượt ngưỡng {threshold}",
            "{value} to be done each working day, above {threshold}",
        ),
    ),
    Measure(
        "pace_shown",
        "task",
        "number",
        PACE,
        (
            "phần việc đã làm trong mỗi ngày làm việc, từ ngày bắt đầu đến ngày báo cáo tiến độ gần nhất",
            "share done on each working day from the start to the report that states the progress",
        ),
        "progress, start, reports, calendar",
        "0.008",
        pace_shown,
        (
            "đã đạt {value} mỗi ngày làm việc, dưới ngưỡng {threshold}",
            "{value} done each working day, below {threshold}",
        ),
    ),
    Measure(
        "pace_ratio",
        "task",
        "number",
        TIMES,
        (
            "tốc độ cần có để kịp hạn gấp mấy lần tốc độ đã thể hiện; chưa có khi chưa có tiến độ",
            "pace needed over pace shown; unknown without any progress",
        ),
        "pace_needed, pace_shown",
        "2.5",
        pace_ratio,
        (
            "tốc độ cần có gấp {value} lần tốc độ đến nay, vượt ngưỡng {threshold} lần",
            "the pace needed is {value} times the pace so far, above {threshold}",
        ),
    ),
    Measure(
        "has_pace",
        "task",
        "boolean",
        NONE,
        (
            "đủ căn cứ để dự báo: biết ngày bắt đầu và thời hạn, ít nhất hai báo cáo nêu tiến độ, tiến độ lớn hơn 0",
            "enough to project from: start and deadline known, two reports state progress, and there is some",
        ),
        "reports, start, deadline in force",
        "true",
        has_pace,
        nullable=False,
    ),
    Measure(
        "projected_finish_working_days_late",
        "task",
        "number",
        WORKING_DAYS,
        (
            "số ngày làm việc chậm so với thời hạn nếu giữ tốc độ đến nay; số âm nếu sớm; chưa có khi chưa đủ căn cứ",
            "working days after the deadline at the pace shown, negative before it; unknown unless has_pace",
        ),
        "pace_shown, deadline in force, calendar",
        "12",
        projected_late,
        (
            "với tốc độ đến nay, dự kiến hoàn thành chậm {value} ngày làm việc, vượt ngưỡng {threshold} ngày",
            "at the pace so far, expected {value} working days late, above {threshold}",
        ),
        (
            "với tốc độ đến nay, dự kiến hoàn thành sớm {value} ngày làm việc",
            "at the pace so far, expected {value} working days early",
        ),
    ),
    Measure(
        "reported_colour",
        "task",
        "text",
        NONE,
        ("màu do đơn vị tự đánh giá ở báo cáo gần nhất có nêu màu", "colour of the latest report that states one"),
        "reports.colour",
        "green",
        column("reported_colour"),
        values=COLOURS,
    ),
    Measure(
        "colour_gap",
        "task",
        "number",
        ("mức màu", "levels"),
        (
            "số mức màu tự đánh giá tốt hơn màu tính được (chậm trên 15 %: vàng; trên 30 % hoặc quá hạn: đỏ)",
            "levels the reported colour is better than the computed one (behind > 0.15 yellow, > 0.3 or late red)",
        ),
        "reports.colour, behind, deadline in force",
        "2",
        colour_gap,
        (
            "màu tự đánh giá tốt hơn số liệu {value} mức, vượt ngưỡng {threshold} mức",
            "reported {value} levels better than the data show, above {threshold}",
        ),
        ("màu tự đánh giá xấu hơn số liệu {value} mức", "reported {value} levels worse than the data show"),
    ),
)
