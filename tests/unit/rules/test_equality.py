"""What lies exactly at a threshold has not passed it: shares are fractions, and are judged as fractions are."""

from __future__ import annotations

from fractions import Fraction

import polars as pl
import pytest
from judging import book, judged, rule, tasks_frame

from warnwatch.rules.evaluation import observe

THRESHOLDS = ("0.15", "0.3", "0.5")
PAIRS = [(used, planned) for planned in range(1, 51) for used in range(planned + 1)]


@pytest.fixture(scope="module")
def shares() -> pl.DataFrame:
    """Every share k/n of time for n up to 50, with every progress in whole percent."""
    plain = tasks_frame({"code": "T-1"}).drop("assigned_index", "due_index", "progress", "code")
    rows = [(used, planned, percent) for used, planned in PAIRS for percent in range(101)]
    frame = pl.DataFrame(rows, ["used", "planned", "percent"], orient="row")
    return frame.join(plain, how="cross")


def with_share(frame: pl.DataFrame) -> pl.DataFrame:
    """Place the start and the end of each task so that its share of time is used/planned at NOW."""
    today = int(judged(tasks_frame({}), book(rule())).today.workday)
    start = (today - pl.col("used")).cast(pl.Int32)
    return frame.with_columns(
        code=pl.format("{}/{}-{}", "used", "planned", "percent"),
        assigned_index=start,
        due_index=start + pl.col("planned").cast(pl.Int32),
        progress=(pl.col("percent").cast(pl.Float64) / 100).cast(pl.Float32),
    )


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_who_is_behind_by_exactly_the_threshold_is_not_warned(shares: pl.DataFrame, threshold: str) -> None:
    """k/n − p % fires exactly when the fraction is above the threshold, for all n up to 50 and every whole percent."""
    one = rule(measure="behind", above={"notice": threshold})
    found = judged(with_share(shares), book(one)).levels[one.id].to_list()
    limit = Fraction(threshold)
    columns = shares.select("used", "planned", "percent").iter_rows()
    wanted = [int(Fraction(used, planned) - Fraction(percent, 100) > limit) for used, planned, percent in columns]
    assert found == wanted


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("measure", ["time_share", "progress"])
def test_a_share_at_its_threshold_is_not_above_it(shares: pl.DataFrame, measure: str, threshold: str) -> None:
    """The same of the two shares themselves."""
    one = rule(measure=measure, above={"notice": threshold})
    found = judged(with_share(shares), book(one)).levels[one.id].to_list()
    limit = Fraction(threshold)
    columns = shares.select("used", "planned", "percent").iter_rows()
    wanted = [
        int((Fraction(used, planned) if measure == "time_share" else Fraction(percent, 100)) > limit)
        for used, planned, percent in columns
    ]
    assert found == wanted


def test_the_value_told_is_the_value_judged(shares: pl.DataFrame) -> None:
    """Three days of five used and 45 % done: 15 % behind, no more, in what is observed as well."""
    one = rule(measure="behind", above={"notice": "0.15"})
    seen = observe(judged(with_share(shares), book(one)), one, ["3/5-45"])
    assert [(round(found.value or 0, 6), found.level) for found in seen] == [(0.15, 0)]
