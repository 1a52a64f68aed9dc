"""Working time: what counts as a working day, how many lie between two moments, and when a wait is over."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warnwatch.errors import SettingsError
from warnwatch.plan.calendar import Duration, OutsideCalendarError, WorkCalendar, load_calendar, parse_duration
from warnwatch.shipped import shipped

CALENDAR = load_calendar(shipped("alert_rules/calendar.yml"))
ZONES = {
    zone: load_calendar(shipped("alert_rules/calendar.yml"), zone) for zone in ("Europe/Amsterdam", "America/Chicago")
}
MICROSECOND = timedelta(microseconds=1)

days_covered = st.dates(CALENDAR.first, CALENDAR.last)
# Eight years short of the end, so that the longest wait still finds its last day.
instants = st.datetimes(datetime(2009, 1, 2), datetime(2032, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


def day(text: str) -> date:
    """Read a date written as in Viet Nam: 28/6/2025."""
    return datetime.strptime(text, "%d/%m/%Y").replace(tzinfo=UTC).date()


def at(text: str, calendar: WorkCalendar = CALENDAR) -> datetime:
    """Read `28/6/2025 17:00` on the clocks of the calendar's zone."""
    return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=calendar.zone).astimezone(UTC)


def write(folder: Path, text: str) -> Path:
    """Put a calendar.yml into `folder`."""
    path = folder / "calendar.yml"
    path.write_text(text, encoding="utf-8")
    return path


# ── Which days work ──────────────────────────────────────────────────────────────────────────────────────────────────

OFF = {
    2025: "1/1 27/1 28/1 29/1 30/1 31/1 7/4 30/4 1/5 2/5 1/9 2/9",
    2026: "1/1 2/1 16/2 17/2 18/2 19/2 20/2 27/4 30/4 1/5 31/8 1/9 2/9 24/11",
}


def test_days_off_of_2025_and_2026_are_the_official_ones() -> None:
    """Of all Mondays to Fridays of 2025 and 2026, exactly the announced days are off."""
    year_days = (date(2025, 1, 1) + timedelta(days=index) for index in range(730))
    found = [one for one in year_days if one.weekday() < 5 and not CALENDAR.is_working(one)]
    assert found == [day(f"{text}/{year}") for year, days in OFF.items() for text in days.split()]


def test_working_saturdays_of_2025_and_2026_are_the_official_ones() -> None:
    """Of all Saturdays and Sundays of 2025 and 2026, exactly the three swapped Saturdays work."""
    year_days = (date(2025, 1, 1) + timedelta(days=index) for index in range(730))
    found = [one for one in year_days if one.weekday() >= 5 and CALENDAR.is_working(one)]
    assert found == [day("26/4/2025"), day("10/1/2026"), day("22/8/2026")]


@pytest.mark.parametrize(
    ("after", "until", "days"),
    [
        ("31/12/2024", "31/12/2025", 250),
        ("31/12/2025", "31/12/2026", 249),
        ("30/6/2025", "31/12/2025", 130),  # phase 2 of Plan 02: 1 July to 31 December 2025
        ("19/6/2025", "30/6/2025", 7),  # phase 1: 20 to 30 June 2025
        ("25/4/2025", "26/4/2025", 1),
        ("9/1/2026", "12/1/2026", 2),
        ("28/6/2025", "28/6/2025", 0),
        ("30/6/2025", "19/6/2025", -7),
    ],
)
def test_working_days_between(after: str, until: str, days: int) -> None:
    """The first day does not count and the last one does; the reverse is the same number, negative."""
    assert CALENDAR.working_days_between(day(after), day(until)) == days


def test_next_working_day() -> None:
    """A working day is its own next one; the eve of Tet leads past the whole holiday."""
    assert CALENDAR.next_working_day(day("26/4/2025")) == day("26/4/2025")
    assert CALENDAR.next_working_day(day("25/1/2025")) == day("3/2/2025")


def test_calendar_covers_2009_to_2040() -> None:
    """Outside the years of the calendar a single day is refused, with the place to change."""
    assert (CALENDAR.first, CALENDAR.last) == (date(2009, 1, 1), date(2040, 12, 31))
    for outside in (date(2008, 12, 31), date(2041, 1, 1)):
        with pytest.raises(OutsideCalendarError, match="2009-01-01 đến 2040-12-31"):
            CALENDAR.is_working(outside)


# ── Working days left ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("20/6/2025 08:00", 5),
        ("26/6/2025 23:59", 1),
        ("27/6/2025 00:00", 0),
        ("27/6/2025 23:59", 0),
        ("28/6/2025 00:00", -1),  # Saturday
        ("29/6/2025 12:00", -1),  # Sunday
        ("30/6/2025 09:00", -1),  # Monday
        ("1/7/2025 09:00", -2),  # Tuesday
    ],
)
def test_working_days_left_to_a_friday(now: str, left: int) -> None:
    """Due Friday 27/6/2025: 0 on the day, -1 on Saturday, Sunday and Monday, -2 on Tuesday."""
    assert CALENDAR.working_days_left(at(now), CALENDAR.end_of_day(day("27/6/2025"))) == left


def test_working_days_left_turns_on_the_microsecond() -> None:
    """The due instant is still in time; a microsecond later the same day is late."""
    due = at("27/6/2025 16:00")
    assert CALENDAR.working_days_left(due, due) == 0
    assert CALENDAR.working_days_left(due + MICROSECOND, due) == -1


def test_working_days_left_to_a_saturday() -> None:
    """Due on a Saturday off: 0 from Friday on, for no working day is left after it."""
    due = CALENDAR.end_of_day(day("28/6/2025"))
    assert [CALENDAR.working_days_left(at(f"{number}/6/2025 09:00"), due) for number in (26, 27, 28, 29)] == [
        1,
        0,
        0,
        -1,
    ]


def test_working_days_left_over_tet() -> None:
    """From the last day before Tet 2025, Tet and its weekends count nothing."""
    due = CALENDAR.end_of_day(day("3/2/2025"))
    assert CALENDAR.working_days_left(at("24/1/2025 09:00"), due) == 1
    assert CALENDAR.working_days_left(at("2/2/2025 09:00"), due) == 1


# ── Days and instants ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("zone", "local", "hours"),
    [
        ("Europe/Amsterdam", "30/3/2025", 23),
        ("Europe/Amsterdam", "26/10/2025", 25),
        ("America/Chicago", "9/3/2025", 23),
        ("America/Chicago", "2/11/2025", 25),
        ("America/Chicago", "3/11/2025", 24),
    ],
)
def test_days_are_as_long_as_summer_time_makes_them(zone: str, local: str, hours: int) -> None:
    """A day begins at local midnight, and ends a microsecond before the next begins."""
    start, end = ZONES[zone].start_of_day(day(local)), ZONES[zone].end_of_day(day(local))
    assert end - start == timedelta(hours=hours) - MICROSECOND
    assert (ZONES[zone].local_date(start), ZONES[zone].local_date(end)) == (day(local), day(local))
    assert ZONES[zone].local_date(end + MICROSECOND) == day(local) + timedelta(days=1)


def test_end_of_day_in_viet_nam() -> None:
    """A due date without a time means its last microsecond in Viet Nam, seven hours ahead of UTC."""
    assert CALENDAR.end_of_day(day("30/6/2025")) == datetime(2025, 6, 30, 16, 59, 59, 999_999, tzinfo=UTC)


def test_a_midnight_that_summer_time_skips() -> None:
    """Where the clocks jump from 00:00 to 01:00, the day begins at the jump."""
    calendar = load_calendar(shipped("alert_rules/calendar.yml"), "America/Havana")
    assert calendar.start_of_day(date(2025, 3, 9)) == datetime(2025, 3, 9, 5, tzinfo=UTC)


def test_instants_need_an_offset() -> None:
    """An instant without an offset is refused instead of being read in this machine's zone."""
    with pytest.raises(ValueError, match="without an offset"):
        CALENDAR.local_date(datetime(2025, 6, 30))  # noqa: DTZ001 - the fault under test


# ── When a wait is over ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("start", "wait", "end"),
    [
        ("24/1/2025 09:30", "1 working day", "3/2/2025 09:30"),  # over Tet
        ("25/4/2025 09:30", "1 working day", "26/4/2025 09:30"),  # onto a make-up Saturday
        ("25/4/2025 09:30", "2 working days", "28/4/2025 09:30"),
        ("31/12/2025 23:00", "1 working day", "5/1/2026 23:00"),
        ("27/6/2025 23:59", "1 working day", "30/6/2025 23:59"),
        ("28/6/2025 00:00", "1 working day", "1/7/2025 00:00"),  # Saturday: all of Monday passes
        ("29/6/2025 15:00", "1 working day", "1/7/2025 00:00"),  # Sunday
        ("30/6/2025 00:00", "1 working day", "1/7/2025 00:00"),
        ("28/6/2025 20:00", "5 working days", "7/7/2025 00:00"),
        ("26/1/2025 20:00", "1 working day", "4/2/2025 00:00"),  # within Tet
        ("24/6/2025 09:00", "4 working hours", "24/6/2025 14:00"),
        ("24/6/2025 08:00", "4 working hours", "24/6/2025 12:00"),  # closing time, not the next opening
        ("24/6/2025 12:30", "4 working hours", "24/6/2025 17:00"),
        ("24/6/2025 20:15", "1 working hour", "25/6/2025 09:00"),  # overnight
        ("24/6/2025 05:00", "1 working hour", "24/6/2025 09:00"),
        ("27/6/2025 16:30", "1 working hour", "30/6/2025 08:30"),
        ("24/1/2025 16:00", "2 working hours", "3/2/2025 09:00"),
        ("25/4/2025 16:00", "9 working hours", "26/4/2025 17:00"),
        ("24/6/2025 09:00", "20 working hours", "26/6/2025 14:00"),
        ("28/6/2025 23:45", "30m", "29/6/2025 00:15"),
        ("28/6/2025 23:45", "2h", "29/6/2025 01:45"),
        ("28/6/2025 23:45", "3 days", "1/7/2025 23:45"),
        ("28/6/2025 23:45", "0", "28/6/2025 23:45"),
    ],
)
def test_add(start: str, wait: str, end: str) -> None:
    """Working waits skip what is off; hours, minutes and days run on."""
    found = CALENDAR.add(at(start), parse_duration(wait))
    assert (found, found.tzinfo) == (at(end), UTC)


def test_add_keeps_the_wall_time_over_summer_time() -> None:
    """A working day later it is the same hour on the wall, 71 hours after; three days are 72 hours."""
    calendar = ZONES["Europe/Amsterdam"]
    friday = at("28/3/2025 10:00", calendar)
    assert calendar.add(friday, parse_duration("1 working day")) == at("31/3/2025 10:00", calendar)
    assert calendar.add(friday, parse_duration("1 working day")) - friday == timedelta(hours=71)
    assert calendar.add(friday, parse_duration("3 days")) - friday == timedelta(hours=72)


@pytest.mark.parametrize("wait", ["1 working day", "1 working hour"])
def test_add_beyond_the_calendar(wait: str) -> None:
    """A wait that would end after the calendar's last working day is refused."""
    with pytest.raises(OutsideCalendarError):
        CALENDAR.add(at("31/12/2040 18:00"), parse_duration(wait))


@given(instants, st.integers(1, 200))
def test_add_working_days_then_counts_them(start: datetime, number: int) -> None:
    """So many working days after a working day it is the same local time; after a day off they all pass whole."""
    end = CALENDAR.add(start, Duration(number, "working_day"))
    first, last = CALENDAR.local_date(start), CALENDAR.local_date(end)
    works = CALENDAR.is_working(first)
    assert CALENDAR.is_working(last)
    assert CALENDAR.working_days_between(first, last) == (number if works else number + 1)
    assert end.astimezone(CALENDAR.zone).time() == (start.astimezone(CALENDAR.zone).time() if works else time())


@given(instants, st.timedeltas(timedelta(0), timedelta(days=12)), st.integers(1, 200))
def test_add_working_days_keeps_the_order(start: datetime, later: timedelta, number: int) -> None:
    """Who begins to wait later never has waited earlier, and more working days never end before fewer."""
    wait = Duration(number, "working_day")
    end = CALENDAR.add(start, wait)
    assert end <= CALENDAR.add(start + later, wait)
    assert end < CALENDAR.add(start, Duration(number + 1, "working_day"))


@given(days_covered.filter(lambda one: one.year < 2032), st.integers(1, 200))
def test_nth_working_day_after_any_day(after: date, number: int) -> None:
    """The n-th working day after a day is that many working days from it, whether the day itself works or not."""
    found = CALENDAR.nth_working_day(number, after)
    assert CALENDAR.is_working(found)
    assert CALENDAR.working_days_between(after, found) == number


@given(instants, instants, st.integers(1, 60), st.integers(1, 60))
def test_add_working_hours_keeps_the_order(one: datetime, other: datetime, quarters: int, more: int) -> None:
    """Later starts never end earlier, every end is in office hours, and two waits in a row are one long wait."""
    wait, rest = Duration(quarters / 4, "working_hour"), Duration(more / 4, "working_hour")
    early, late = sorted([one, other])
    end = CALENDAR.add(early, wait)
    assert early < end <= CALENDAR.add(late, wait)
    assert any(opens <= end.astimezone(CALENDAR.zone).time() <= closes for opens, closes in CALENDAR.hours)
    assert CALENDAR.add(end, rest) == CALENDAR.add(early, Duration((quarters + more) / 4, "working_hour"))


# ── Columns and single values ────────────────────────────────────────────────────────────────────────────────────────


@given(days_covered, days_covered)
def test_columns_count_as_single_days_do(start: date, end: date) -> None:
    """The difference of two column values is the number of working days between the days, whichever is first."""
    counts = CALENDAR.workdays(pl.Series("due", [start, end]))
    assert counts.to_list() == [CALENDAR.workday(start), CALENDAR.workday(end)]
    assert counts[1] - counts[0] == CALENDAR.working_days_between(start, end)
    assert CALENDAR.working_days_between(end, start) == -CALENDAR.working_days_between(start, end)


@given(days_covered)
def test_counts_grow_by_one_on_each_working_day(one: date) -> None:
    """The prefix sum agrees with asking each single day."""
    later = [one + timedelta(days=index) for index in range(1, 40) if one + timedelta(days=index) <= CALENDAR.last]
    expected = sum(CALENDAR.is_working(other) for other in later)
    assert CALENDAR.working_days_between(one, max(later, default=one)) == expected


def test_workdays_of_a_column() -> None:
    """Int32 under the column's own name; null stays null, and a day outside the calendar becomes null."""
    days = [date(2008, 12, 31), date(2009, 1, 1), None, date(2009, 1, 2), date(2040, 12, 31), date(2041, 1, 1)]
    found = CALENDAR.workdays(pl.Series("due", days, dtype=pl.Date))
    assert found.name == "due"
    assert found.dtype == pl.Int32
    assert found.to_list() == [None, 0, None, 1, CALENDAR.workday(CALENDAR.last), None]


@pytest.mark.parametrize("days", [[], [None, None]])
def test_workdays_of_an_empty_column(days: list[None]) -> None:
    """A column without a single date is fine, whatever its type."""
    for kind in (pl.Date, pl.Null):
        assert CALENDAR.workdays(pl.Series(days, dtype=kind)).to_list() == days


def test_columns_of_another_type_are_refused() -> None:
    """Instants are no local dates, and naive instants are no instants: neither is converted silently."""
    instant = pl.Series([datetime(2025, 6, 30, 17, tzinfo=UTC)])
    with pytest.raises(TypeError, match="local_dates"):
        CALENDAR.workdays(instant)
    with pytest.raises(TypeError, match="UTC"):
        CALENDAR.local_dates(instant.dt.replace_time_zone(None))


@given(st.datetimes(datetime(2009, 1, 2), datetime(2040, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 - as above
def test_local_dates_agree_in_every_zone(instant: datetime) -> None:
    """A column of instants has the local dates of its instants, with and without summer time."""
    for calendar in (CALENDAR, *ZONES.values()):
        column = pl.Series("due", [instant, None], dtype=pl.Datetime("us", "UTC"))
        assert calendar.local_dates(column).to_list() == [calendar.local_date(instant), None]


@given(instants, instants)
def test_working_days_left_from_columns(now: datetime, due: datetime) -> None:
    """The vectorised way to working_days_left (two columns and the sign) gives the single value."""
    today, last = CALENDAR.workdays(CALENDAR.local_dates(pl.Series([now, due], dtype=pl.Datetime("us", "UTC"))))
    expected = last - today if now <= due else -max(1, today - last)
    assert CALENDAR.working_days_left(now, due) == expected


@given(st.datetimes(datetime(2025, 1, 2), datetime(2026, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 - as above
def test_office_minutes_of_a_column_are_those_of_one_instant(instant: datetime) -> None:
    """A deadline and the present instant are counted alike, on working days and on every day."""
    frame = pl.DataFrame({"at": [instant, instant], "every_day": [False, True]})
    found = frame.with_columns(pl.col("at").cast(pl.Datetime("us", "UTC"))).select(
        CALENDAR.office_minutes_of(CALENDAR.wall_time_of(pl.col("at")), pl.col("every_day"))
    )
    assert tuple(found.to_series()) == CALENDAR.office_minutes_by(instant)


# ── Durations ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("1 working day", 1, "working_day"),
        ("10 working days", 10, "working_day"),
        ("1 working hour", 1, "working_hour"),
        ("0.5 working hours", 0.5, "working_hour"),
        ("2h", 2, "hour"),
        ("30m", 30, "minute"),
        ("3 days", 3, "day"),
        ("0", 0, "minute"),
    ],
)
def test_durations_are_read_and_written(text: str, amount: float, unit: str) -> None:
    """Each allowed form is read, and its text comes back."""
    found = parse_duration(text)
    assert (found.amount, found.unit, str(found), found.zero) == (amount, unit, text, amount == 0)


def test_zero_is_zero() -> None:
    """YAML's number 0 is the text 0, and so is nothing of any unit."""
    assert parse_duration(0) == parse_duration("0")
    assert str(parse_duration("0 working days")) == "0"


@pytest.mark.parametrize(
    "text",
    ["", "5", 5, True, "-1h", "1 week", "1 workng day", "2 h 30 m", "1,5h", "một ngày", "nan working days", "٣h"],
)
def test_other_durations_are_refused_with_what_is_allowed(text: str | int) -> None:
    """A refusal names every allowed form."""
    with pytest.raises(ValueError, match=r"được phép: 1 working day .*4 working hours .*2h .*30m .*3 days .*0"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,5h", "dấu phẩy"),
        ("1.5 working days", "số nguyên"),
        ("1001 working days", "quá dài"),
        ("9" * 400 + "h", "quá dài"),
    ],
)
def test_refused_durations_say_why(text: str, says: str) -> None:
    """A decimal comma, half a working day and a wait of years each get a reason of their own."""
    with pytest.raises(ValueError, match=says):
        parse_duration(text)


def test_durations_of_no_known_unit() -> None:
    """A duration made in code is held to the same units."""
    with pytest.raises(ValueError, match="được phép"):
        Duration(1, "week")  # type: ignore[arg-type]


@given(st.floats(0, 1000), st.sampled_from(["working_hour", "hour", "minute", "day"]))
def test_duration_texts_read_back(amount: float, unit: str) -> None:
    """Whatever the amount, its text means the same wait again."""
    wait = Duration(amount, unit)  # type: ignore[arg-type]
    assert parse_duration(str(wait)) == (wait if amount else parse_duration("0"))


# ── The calendar as a value ──────────────────────────────────────────────────────────────────────────────────────────


def test_calendars_are_equal_by_what_they_answer(tmp_path: Path) -> None:
    """Another comment is the same calendar; one more day off, other hours or another zone is another."""
    bare, same = write(tmp_path, "country: VN"), "# Ghi chú\ncountry: VN\n"
    first = load_calendar(bare)
    assert load_calendar(write(tmp_path, same)) == first
    assert hash(load_calendar(bare)) == hash(first)
    off = "days_off: [{day: 2026-01-02, document: 1/VP, dated: 2025-12-25}]"
    others = [load_calendar(write(tmp_path, text)) for text in (off, "hours: [07:30-11:30]")]
    assert len({first, *others, ZONES["Europe/Amsterdam"]}) == 4


def test_a_calendar_of_no_country_is_the_office_week(tmp_path: Path) -> None:
    """`none` knows no holidays: only the week and the days of the file, in any zone and for any years."""
    path = write(tmp_path, "country: none\nfirst_year: 2010\nlast_year: 2013\nweek: [mon, tue, wed, thu]")
    calendar = load_calendar(path, "Europe/Amsterdam")
    assert (calendar.first, calendar.last, calendar.zone) == (
        date(2010, 1, 1),
        date(2013, 12, 31),
        ZoneInfo("Europe/Amsterdam"),
    )
    working = [one for one in range(1, 8) if calendar.is_working(date(2011, 8, one))]
    assert working == [1, 2, 3, 4]


def test_a_calendar_of_another_country(tmp_path: Path) -> None:
    """The Dutch calendar knows the Dutch holidays: the Queen's Day of 2010 was a Friday off."""
    calendar = load_calendar(write(tmp_path, "country: NL"), "Europe/Amsterdam")
    assert not calendar.is_working(date(2010, 4, 30))
    assert calendar.is_working(date(2010, 4, 29))


def test_the_file_wins_over_the_library(tmp_path: Path) -> None:
    """A swap that was called off can be taken back, on both of its days."""
    act = "document: 1/VP, dated: 2026-06-01"
    text = f"days_off: [{{day: 2026-08-22, {act}}}]\nmake_up_days: [{{day: 2026-08-31, {act}}}]"
    calendar = load_calendar(write(tmp_path, text))
    assert not calendar.is_working(date(2026, 8, 22))
    assert calendar.is_working(date(2026, 8, 31))


def test_office_hours_come_from_the_file(tmp_path: Path) -> None:
    """Where offices open at 07:30 and close at 16:30 with a pause, waits follow."""
    calendar = load_calendar(write(tmp_path, "hours: [07:30-11:30, 13:00-16:30]"))
    assert calendar.hours == ((time(7, 30), time(11, 30)), (time(13), time(16, 30)))
    assert calendar.add(at("24/6/2025 16:00"), parse_duration("1 working hour")) == at("25/6/2025 08:00")


def test_an_unknown_zone_is_a_setting_to_correct() -> None:
    """The zone is a setting, so its mistake names the setting's form."""
    for zone in ("Asia/Hanoi", "", "../etc", "Asia"):
        with pytest.raises(SettingsError, match="IANA"):
            load_calendar(shipped("alert_rules/calendar.yml"), zone)
