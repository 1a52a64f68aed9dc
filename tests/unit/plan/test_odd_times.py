"""Times of day that nobody meant are named; those that somebody meant are not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import polars as pl
import pytest
from builders import ZONE, end_of, local

from warnwatch.plan.columns import FILES
from warnwatch.plan.findings import Findings, Sheet
from warnwatch.plan.odd_times import OddTimes

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def warned(moments: Iterable[datetime], column: str = "due_at", pieces: int = 1) -> list[str]:
    """Give the warnings about one column of tasks.csv, read in one piece or in several."""
    micros = [round((at - EPOCH).total_seconds() * 1_000_000) for at in moments]
    frame = pl.DataFrame(
        {"row": range(2, len(micros) + 2), column: micros}, schema={"row": pl.UInt32, column: pl.Int64}
    )
    sheet = Sheet(FILES["tasks"], "tasks.csv", {column: "due"}, {column: 4}, frame)
    odd, findings = OddTimes(), Findings(ZONE)
    size = max(1, -(-frame.height // pieces))
    for piece in frame.iter_slices(size):
        odd.note(sheet.with_frame(piece), ZONE.key)
    odd.tell(sheet, findings)
    return [str(one) for one in findings.warnings]


def exported(count: int) -> list[datetime]:
    """Give deadlines on several days that all have the same odd time, as an export in the wrong zone writes them."""
    return [local(1 + day % 28, 8, 1, 6).replace(second=40) for day in range(count)]


@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_the_mark_of_an_export_is_named_once(pieces: int) -> None:
    """Twenty deadlines at 01:06:40 are no coincidence: one warning, at the first of them, however it was read."""
    [warning] = warned(exported(20), pieces=pieces)
    assert warning == (
        "tasks.csv:2:4: 20 ô cùng một giờ lẻ: có vẻ nơi xuất dữ liệu chỉ biết ngày; cột: due; gặp: 01:06:40; "
        "được phép: nếu tính cả ngày thì chỉ ghi ngày, không ghi giờ"
    )


@pytest.mark.parametrize(
    "moments",
    [
        [],
        exported(19),
        exported(20) + [local(1, 9, 17)] * 400,
        [local(day, 8, 17) for day in range(1, 29)],
        [end_of(day, 8) for day in range(1, 29)],
    ],
    ids=["none", "few", "a small share", "the end of office hours", "whole days"],
)
def test_times_that_somebody_meant_are_not_named(moments: list[datetime]) -> None:
    """A full hour, a whole day, and an odd time now and then are what they are."""
    assert warned(moments) == []


def test_a_deadline_at_midnight_is_said_to_end_the_day_before() -> None:
    """`30/6/2026 00:00` is over when that day begins, which hardly anybody means; as a start it is the whole day."""
    assert "1 ô ghi 00:00, tức là hết ngày hôm trước" in warned([local(30, 6, 0)])[0]
    assert warned([local(30, 6, 0)], column="start_at") == []
