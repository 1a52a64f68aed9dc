"""What the reports of many tasks say together, task by task."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from warnwatch.plan.report_trail import COLOURS, REPORT_COLUMNS, report_trails

SCHEMA = {"row": pl.UInt32, "day": pl.Int32, "index": pl.Int32} | REPORT_COLUMNS
REPORTS = st.fixed_dictionaries(
    {
        "row": st.integers(0, 6),
        "reported_at": st.integers(0, 9),
        "progress": st.none() | st.sampled_from([0.0, 0.3, 0.95]),
        "evidence": st.none() | st.integers(1, 2),
        "claims": st.booleans(),
        "colour": st.none() | st.sampled_from(COLOURS),
        "obstacle": st.booleans(),
    }
)


@given(st.lists(REPORTS, max_size=14), st.integers(1, 4))
def test_pieces_say_what_the_whole_says(reports: list[dict[str, Any]], piece: int) -> None:
    """However many tasks are read together, none takes over a report of the one before."""
    rows = [one | {"order": order, "day": one["reported_at"], "index": order} for order, one in enumerate(reports)]
    frame = pl.DataFrame(rows, schema=SCHEMA)
    assert_frame_equal(report_trails(frame, 7, piece), report_trails(frame, 7))
