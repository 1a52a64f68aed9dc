"""What one cell means, and which cells are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warnwatch.plan.cell_columns import Meanings, read_cells
from warnwatch.plan.cells import (
    CellError,
    read_date,
    read_email,
    read_flag,
    read_fraction,
    read_instant,
    read_integer,
    read_number,
    read_path,
    read_period,
    read_phone,
    read_secrecy,
    read_word,
)
from warnwatch.plan.columns import FILES
from warnwatch.plan.findings import Findings, Sheet

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


def at(*parts: int, zone: ZoneInfo = HANOI) -> int:
    """Microseconds since 1970 of a local time."""
    moment = datetime(*parts, tzinfo=zone)  # type: ignore[misc,arg-type]
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-06-30", at(2026, 6, 30, 23, 59, 59, 999_999)),
        ("30/6/2026", at(2026, 6, 30, 23, 59, 59, 999_999)),
        ("6/7/2026", at(2026, 7, 6, 23, 59, 59, 999_999)),
        ("2026-06-30 16:00", at(2026, 6, 30, 16)),
        ("30/06/2026 8:05", at(2026, 6, 30, 8, 5)),
        ("2026-06-30T16:00:00+07:00", at(2026, 6, 30, 16)),
        ("2026-06-30T09:00:00Z", at(2026, 6, 30, 16)),
        ("2010-10-01 00:00:00.020000+02:00", at(2010, 10, 1, 5, 0, 0, 20_000)),
        ("2026-06-30 16:00:00.000001", at(2026, 6, 30, 16, 0, 0, 1)),
    ],
)
def test_instants_keep_their_microsecond(text: str, instant: int) -> None:
    """A deadline is read to the microsecond; a date alone is its last one in the plan's zone."""
    assert read_instant(text, HANOI, end=True) == instant


def test_a_start_is_the_first_microsecond_of_its_day() -> None:
    """A date alone opens with its first microsecond where the column is a start."""
    assert read_instant("2026-06-30", HANOI, end=False) == at(2026, 6, 30)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-02-30", "không có ngày 30/2/2026"),
        ("30/2/2026", "không có ngày 30/2/2026"),
        ("6/30/2026", "không có ngày 6/30/2026"),
        ("0206-06-30", "năm 206"),
        ("20260630", "ngày giờ"),
        ("2026-W26-1", "ngày giờ"),
        ("quý II", "ngày giờ"),
        ("2026-06-30 24:00", "giờ không có thật"),
        ("2026-06-30 12:00+99:00", "giờ không có thật"),
        ("2026-06-30 chiều", "ngày giờ"),
        ("２０２６-06-30", "ngày giờ"),
    ],
)
def test_instants_that_do_not_exist_are_refused(text: str, reason: str) -> None:
    """A day or hour that is not in the calendar is never guessed."""
    with pytest.raises(CellError, match=reason):
        read_instant(text, HANOI, end=True)


@given(st.datetimes(datetime(1901, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_iso_instant_is_read_exactly(moment: datetime) -> None:
    """What Python writes as ISO 8601 comes back to the microsecond."""
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert read_instant(moment.isoformat(), HANOI, end=True) == expected


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (read_flag, "Có", True),
        (read_flag, "x", True),
        (read_flag, "KHÔNG", False),
        (read_flag, "0", False),
        (read_secrecy, "mật", True),
        (read_secrecy, "no", False),
        (read_integer, "07", 7),
        (read_number, "12,5", 12.5),
        (read_number, "-0.25", -0.25),
        (read_number, "1.234", 1.234),
        (read_fraction, "45%", 0.45),
        (read_fraction, "0,45", 0.45),
        (read_fraction, "1", 1.0),
        (read_fraction, "100 %", 1.0),
        (read_date, "1/3/2025", date(2025, 3, 1)),
        (read_period, "2026", "2026"),
        (read_period, "Quý IV/2025", "2025-Q4"),
        (read_period, "tháng 6/2026", "2026-06"),
        (read_period, "2026-h1", "2026-H1"),
        (read_period, "30/6/2026", "2026-06-30"),
        (read_email, "Van.Thu@BNV.Example.vn", "Van.Thu@bnv.example.vn"),
        (read_phone, "0912 345 678", "+84912345678"),
        (read_phone, "+84 24 3974 2222", "+842439742222"),
        (read_path, "30/6/2026=40; 2026-12-31=70,5", '[["2026-06-30", 40.0], ["2026-12-31", 70.5]]'),
    ],
)
def test_cells_are_read(read: Callable[[str], object], text: str, value: object) -> None:
    """Each type takes the ways in which officials write it."""
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_flag, "maybe"),
        (read_secrecy, "Tuyệt mật"),
        (read_secrecy, "top_secret"),
        (read_secrecy, "tối mật"),
        (read_integer, "1,5"),
        (read_integer, "-1"),
        (read_integer, "10000"),
        (read_number, "1.234,5"),
        (read_number, "1e3"),
        (read_number, "nan"),
        (read_number, "inf"),
        (read_number, "٣"),
        (read_number, "12%"),
        (read_fraction, "45"),
        (read_fraction, "101%"),
        (read_fraction, "-0,1"),
        (read_period, "2026-13"),
        (read_period, "quý V/2026"),
        (read_email, "bnv@localhost"),
        (read_email, "a@b.vn, c@d.vn"),
        (read_email, "Văn thư <a@b.vn>"),
        (read_phone, "12"),
        (read_phone, "không có"),
        (read_path, "40"),
        (read_path, "2026-12-31=40; 2026-06-30=70"),
    ],
)
def test_cells_are_refused_with_what_would_do(read: Callable[[str], object], text: str) -> None:
    """A cell that its type does not allow is refused, and the refusal says what is allowed."""
    with pytest.raises(CellError) as caught:
        read(text)
    assert caught.value.allowed


def test_a_bare_number_above_one_names_both_ways() -> None:
    """45 could be 45% or a slip for 0.45: the refusal shows both."""
    with pytest.raises(CellError) as caught:
        read_fraction("45")
    assert caught.value.allowed == "viết 45% hoặc 0,45"


@pytest.mark.parametrize(
    ("text", "word"), [("Hoàn thành", "done"), ("open", "open"), ("TẠM DỪNG", "suspended"), ("tạm  dừng", "suspended")]
)
def test_words_are_read_in_both_languages(text: str, word: str) -> None:
    """A status may be written as the schema or as officials say it."""
    assert read_word(text, FILES["tasks"].column("status")) == word


def test_an_unknown_word_names_the_nearest() -> None:
    """A slip in a word is answered with the word that was meant."""
    with pytest.raises(CellError) as caught:
        read_word("opne", FILES["tasks"].column("status"))
    assert caught.value.nearest == "open"


@given(st.text(max_size=40))
def test_no_text_breaks_a_reader(text: str) -> None:
    """Whatever a cell holds, each reader gives a value or a CellError."""
    instant = lambda one: read_instant(one, HANOI, end=True)  # noqa: E731
    readers = (read_flag, read_secrecy, read_integer, read_number, read_fraction, read_date, read_period)
    for read in (*readers, read_email, read_phone, read_path, instant):
        try:
            read(text)
        except CellError as error:
            assert str(error)  # noqa: PT017


@given(
    st.datetimes(),
    st.integers(-16 * 60, 16 * 60),
    st.sampled_from(["{:%Y-%m-%dT%H:%M:%S}", "{:%Y-%m-%d %H:%M}", "{:%Y-02-30T%H:%M:%S}", "{:%Y-%m-%dT%H:%M:60}"]),
)
def test_a_column_is_read_as_its_cells(moment: datetime, offset: int, form: str) -> None:
    """Instants as programs write them are read together, and mean what each of them means by itself."""
    hours, minutes = divmod(abs(offset), 60)
    day = moment.replace(year=1890 + moment.year % 330, day=min(moment.day, 28))
    text = f"{form.format(day)}{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"
    frame = pl.DataFrame(
        {"row": [2, 3], "done_at": [text, "2026-06-30T16:00:00+07:00"]}, schema_overrides={"row": pl.UInt32}
    )
    file, findings = FILES["tasks"], Findings(HANOI)
    sheet = Sheet(file, "tasks.csv", {"done_at": "done_at"}, {"done_at": 1}, frame)
    found = read_cells(sheet, {"done_at": file.column("done_at")}, Meanings(HANOI), findings).frame["done_at"]
    expected, said = _by_itself(text)
    assert found.to_list() == [expected, at(2026, 6, 30, 16)]
    assert [one.message for one in findings.mistakes] == said


def _by_itself(text: str) -> tuple[int | None, list[str]]:
    try:
        return read_instant(text, HANOI, end=True), []
    except CellError as error:
        return None, [str(error)]
