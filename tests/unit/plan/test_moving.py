"""How changed tasks take their place in the frame of all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from warnwatch.plan.moving import move, rows_passed

INSTANT = pl.Datetime("us", "UTC")
SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "code": pl.String,
    "number": pl.Int32,
    "share": pl.Float32,
    "word": pl.Categorical,
    "yes": pl.Boolean,
    "at": INSTANT,
    "several": pl.List(INSTANT),
}
START = datetime(2026, 1, 5, tzinfo=UTC)
HOURS = st.integers(0, 9).map(lambda hours: START + timedelta(hours=hours))
TIMES = st.none() | HOURS
ROWS = st.fixed_dictionaries(
    {
        "number": st.none() | st.integers(-3, 3),
        "share": st.none() | st.sampled_from([0.0, 0.5]),
        "word": st.none() | st.sampled_from(["a", "b"]),
        "yes": st.none() | st.booleans(),
        "at": TIMES,
        "several": st.none() | st.lists(HOURS, max_size=3),
    }
)
CODES = [f"T-{number}" for number in range(6)]
PLANS = st.dictionaries(st.sampled_from(CODES), ROWS)


def frame_of(facts: dict[str, dict[str, Any]]) -> pl.DataFrame:
    """Give the frame of some rows, in the order of their codes."""
    return pl.DataFrame([{"code": code} | facts[code] for code in sorted(facts)], schema=SCHEMA)


@given(PLANS, st.dictionaries(st.sampled_from(CODES), ROWS | st.none()))
def test_a_moved_frame_is_the_frame_read_anew(plan: dict[str, Any], changed: dict[str, Any]) -> None:
    """Rows that change, come and go; the places say for every other row which one it was."""
    before = frame_of(plan)
    facts = {code: new for code, new in (plan | changed).items() if new is not None}
    moved = move(before, frame_of({code: facts[code] for code in changed if code in facts}), changed)
    assert_frame_equal(moved.after, frame_of(facts))
    assert_frame_equal(before, frame_of(plan))
    assert_frame_equal(moved.after[moved.rows], moved.fresh)
    assert moved.gone["code"].to_list() == sorted(plan.keys() & changed.keys())
    names = moved.carried(before["code"])
    stays = ~pl.int_range(len(names), eager=True).is_in(moved.rows.to_list())
    assert names.filter(stays).to_list() == sorted(facts.keys() - changed.keys())


def test_a_column_in_which_nothing_changed_is_not_copied() -> None:
    """A report changes what it speaks of; all else of a million tasks stays where it lies."""
    row = {"number": 1, "share": 0.5, "word": "a", "yes": True, "at": START, "several": [START]}
    before = frame_of({"T-1": row, "T-2": row})
    moved = move(before, frame_of({"T-2": row | {"share": 0.75}}), ["T-2"])
    assert moved.after["share"].to_list() == [0.5, 0.75]
    assert before["share"].to_list() == [0.5, 0.5]
    assert moved.places is None


@given(PLANS, HOURS, HOURS)
def test_a_row_passes_an_instant_when_it_lies_between(plan: dict[str, Any], one: datetime, other: datetime) -> None:
    """One of its own instants, or one of a list of them; both ends count."""
    since, until = sorted((one, other))
    frame = frame_of(plan)
    expected = [
        row
        for row, code in enumerate(sorted(plan))
        if any(at is not None and since <= at <= until for at in (plan[code]["at"], *(plan[code]["several"] or ())))
    ]
    assert rows_passed(frame, ["at", "several"], since, until).to_list() == expected
