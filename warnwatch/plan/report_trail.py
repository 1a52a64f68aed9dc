"""What the reports of each task say together: how far, since when, and what changed from one to the next.

In: all reports, with the row of their task. Out: one row per task that has any. Every step is over whole columns: a
report knows where its task's reports begin, and a filled-forward position says which earlier one it looks back to.
"""

from __future__ import annotations

import polars as pl

COLOURS = ("green", "yellow", "red")
# Tasks whose reports are compared together.
PIECE = 250_000
# From here on a task counts as nearly done.
NEARLY_DONE = 0.9

REPORT_COLUMNS: dict[str, type[pl.DataType]] = {
    "reported_at": pl.Int64,
    "progress": pl.Float32,
    "evidence": pl.UInt64,
    "claims": pl.Boolean,
    "colour": pl.String,
    "obstacle": pl.Boolean,
    "order": pl.Int64,
}
# What of a trail stays in the frame of tasks.
REPORTED = (
    *("last_reported_at", "report_index", "progress", "reports", "unchanged_reports", "stated_index", "changed_index"),
    *("nearly_index", "unproven_progress", "obstacle_index", "reported_colour"),
    *("largest_jump", "has_pace", "went_back"),
)


def report_trails(reports: pl.DataFrame, tasks: int, piece: int = PIECE) -> pl.DataFrame:
    """Read the trails of so many tasks at a time: the steps on the way are wider than what comes of them."""
    if tasks <= piece:
        return report_trail(reports)
    rows = (pl.col("row").is_between(first, first + piece, closed="left") for first in range(0, tasks, piece))
    return pl.concat([report_trail(reports.filter(some)) for some in rows])


def report_trail(reports: pl.DataFrame) -> pl.DataFrame:
    """Give `row` and the columns of `last_words` for each task.

    `index` of a report is its day on the task's count, `day` its local day since 1970.
    """
    compared = _compared(reports.lazy().sort("row", "reported_at", "order").with_row_index("at")).collect(
        engine="in-memory"
    )
    words = _last_words(compared.lazy()).join(_between(compared.lazy()), on="row", how="left", maintain_order="left")
    stated = pl.col("progress").is_not_null()
    went_back = (pl.col("highest") - pl.col("progress")).clip(0, None).fill_null(0.0)
    return (
        words.with_columns(
            pl.when(stated).then(pl.col("largest_jump").fill_null(0.0)).alias("largest_jump"),
            pl.when(stated).then(went_back).round(5).alias("went_back"),
        )
        .drop("highest")
        .collect(engine="in-memory")
    )


def _compared(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Say of each report what it changes in those before it, and where those lie that it looks back to."""
    # A report is compared with the one before it; the first of a task has none.
    first = (pl.col("row") != pl.col("row").shift(1)).fill_null(value=True)
    rows = rows.with_columns(first.alias("first")).with_columns(_latest("first").alias("begins"))
    rows = rows.with_columns(
        _here(pl.col("progress").is_not_null()).alias("stated"),
        _here(pl.col("evidence").is_not_null()).alias("shown"),
        _here(pl.col("colour").is_not_null()).alias("coloured"),
    ).with_columns(pl.col("progress").gather(pl.col("stated")).alias("so_far"))
    rows = rows.with_columns(
        _before("so_far").alias("was"), pl.col("evidence").gather(_before("shown")).alias("shown_before")
    )
    rows = rows.with_columns(
        (pl.col("so_far") != pl.col("was").fill_null(0.0)).fill_null(value=False).alias("moved"),
        (pl.col("evidence") != pl.col("shown_before")).fill_null(pl.col("evidence").is_not_null()).alias("proved"),
        (pl.col("claims") & ~_before("claims").fill_null(value=False)).alias("claimed"),
        (pl.col("so_far") >= NEARLY_DONE).fill_null(value=False).alias("nearly"),
        pl.col("obstacle").fill_null(value=False),
    )
    news = pl.col("first") | pl.col("moved") | pl.col("proved") | pl.col("claimed")
    return rows.with_columns(
        _here(pl.col("moved")).alias("moved_at"),
        _here(pl.col("proved")).alias("proved_at"),
        _here(pl.col("claimed")).alias("claimed_at"),
        _latest(news).alias("news_at"),
        _here(~pl.col("nearly")).alias("not_yet_at"),
        _here(~pl.col("obstacle")).alias("free_at"),
    )


def _latest(mark: str | pl.Expr) -> pl.Expr:
    """Give where the latest marked report lies, of whichever task."""
    mark = pl.col(mark) if isinstance(mark, str) else mark
    return pl.when(mark).then(pl.col("at")).forward_fill()


def _here(mark: pl.Expr) -> pl.Expr:
    """Give where the latest marked report of this task lies, null without one."""
    latest = _latest(mark)
    return pl.when(latest >= pl.col("begins")).then(latest)


def _before(name: str) -> pl.Expr:
    """Give what the task's report before this one has, null for its first."""
    return pl.when(~pl.col("first")).then(pl.col(name).shift(1))


def _last_words(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Read off each task's last report what all of them have come to.

    `stated_index`: the day on which the present progress was stated; `changed_index`: on which it changed last, null
    while it never did; `nearly_index`: since when it has been nearly done, null when it is not; `obstacle_index`: since
    when every report names an obstacle (`obstacle_day`: that local day), null when the last one names none;
    `unproven_progress`: what was gained since the last new evidence. `unchanged_reports`: the last ones in a row that
    bring no other progress, no new evidence and no claim of completion.
    """
    last = (pl.col("row") != pl.col("row").shift(-1)).fill_null(value=True)
    nearly, blocked = (
        pl.when(mark).then(pl.coalesce(pl.col(before) + 1, pl.col("begins")).cast(pl.UInt32))
        for mark, before in (("nearly", "not_yet_at"), ("obstacle", "free_at"))
    )
    so_far, proven = pl.col("so_far").filter("last"), _looked_up("so_far", pl.col("proved_at")).fill_null(0.0)
    words = {
        "row": pl.col("row").filter("last"),
        "last_reported_at": pl.col("reported_at").filter("last"),
        "report_index": pl.col("index").filter("last"),
        "progress": so_far,
        "reports": (pl.col("at") - pl.col("begins") + 1).cast(pl.Int32).filter("last"),
        "unchanged_reports": (pl.col("at") - pl.col("news_at")).cast(pl.Int32).filter("last"),
        "stated_index": _looked_up("index", pl.col("stated")),
        "changed_index": _looked_up("index", pl.col("moved_at")),
        "nearly_index": _looked_up("index", nearly),
        "claim_index": _looked_up("index", pl.col("claimed_at")),
        "unproven_progress": (so_far - proven).clip(0, None).round(5),
        "obstacle_index": _looked_up("index", blocked),
        "obstacle_day": _looked_up("day", blocked),
        "reported_colour": _looked_up("colour", pl.col("coloured")).cast(pl.Enum(COLOURS)),
    }
    return rows.with_columns(last.alias("last")).select(**words)


def _looked_up(name: str, where: pl.Expr) -> pl.Expr:
    """Give what the report has to which each task's last one looks back."""
    return pl.col(name).gather(where.filter("last"))


def _between(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Compare each task's reports in succession: its largest rise, its highest progress before the last report."""
    later = rows.filter(~pl.col("first") & pl.col("was").is_not_null())
    return later.group_by("row").agg(
        (pl.col("so_far") - pl.col("was")).max().clip(0, None).round(5).alias("largest_jump"),
        pl.col("was").max().alias("highest"),
        pl.col("progress").is_not_null().any().alias("has_pace"),
    )
