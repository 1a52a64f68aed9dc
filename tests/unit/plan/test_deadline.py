"""Deadlines in the words of documents: periods, and Vietnamese phrases with a date."""

from datetime import date, time

import pytest

from warnwatch.plan.calendar import load_calendar, parse_duration
from warnwatch.plan.deadline import Reader, Stated, end_of_period
from warnwatch.shipped import shipped

CALENDAR = load_calendar(shipped("alert_rules/calendar.yml"))


@pytest.mark.parametrize(
    ("start", "period", "last"),
    [
        (date(2025, 6, 25), "3 days", date(2025, 6, 30)),  # Saturday 28/6 rolls to Monday
        (date(2025, 4, 23), "3 days", date(2025, 4, 26)),  # a swapped Saturday works, so nothing rolls
        (date(2025, 4, 24), "3 working days", date(2025, 4, 28)),  # 25, 26, 28
        (date(2025, 6, 19), "7 working days", date(2025, 6, 30)),
    ],
)
def test_periods_end_as_the_civil_code_says(start: date, period: str, last: date) -> None:
    """The first day does not count, and a period that ends on a day off ends with the next working day."""
    assert end_of_period(CALENDAR, start, parse_duration(period)) == CALENDAR.end_of_day(last)


def test_periods_stay_when_rolling_is_off() -> None:
    """A plan may decide that periods, too, end on a Saturday."""
    found = end_of_period(CALENDAR, date(2025, 6, 25), parse_duration("3 days"), roll_forward=False)
    assert found == CALENDAR.end_of_day(date(2025, 6, 28))


@pytest.mark.parametrize("period", ["0", "2h", "4 working hours", "1.5 days"])
def test_periods_are_whole_days(period: str) -> None:
    """Nothing, hours and half days are no period of the Civil Code."""
    with pytest.raises(ValueError, match="ngày làm việc tròn"):
        end_of_period(CALENDAR, date(2025, 6, 25), parse_duration(period))


READER, STRICT = Reader(strict_before=False, calendar=CALENDAR), Reader(strict_before=True, calendar=CALENDAR)
BEGUN = date(2025, 6, 19)


def deadline(words: str, begun: date | None = None, reader: Reader = READER) -> Stated | None:
    """Give the deadline that words state, if they state one."""
    ends = [one for one in reader.read(words, begun) if one.operator != "start"]
    return ends[0] if ends else None


@pytest.mark.parametrize(
    ("words", "last"),
    [
        ("Hoàn thành trước ngày 28/6/2025, vận hành thông suốt từ ngày 01/7/2025", date(2025, 6, 28)),
        ("hoàn thành trước 15/12/2025", date(2025, 12, 15)),
        ("từ ngày 20/10/2025 đến ngày 30/10/2025", date(2025, 10, 30)),
        ("chậm nhất ngày 5.9.2025", date(2025, 9, 5)),
        ("trong ngày 28 tháng 6 năm 2025", date(2025, 6, 28)),
        ("trong tháng 8/2025", date(2025, 8, 31)),
        ("trong tháng 12 năm 2025", date(2025, 12, 31)),
        ("trong tháng 2/2028", date(2028, 2, 29)),
        ("chậm nhất trong quý IV/2025", date(2025, 12, 31)),
        ("trong quý II năm 2026", date(2026, 6, 30)),
        ("trong quý 3/2026", date(2026, 9, 30)),
        ("TRONG NĂM 2025", date(2025, 12, 31)),
        ("hết quý I/2026", date(2026, 3, 31)),
        ("cuối năm 2026", date(2026, 12, 31)),
        ("quý IV/2025", date(2025, 12, 31)),
        ("Tháng 8/2025", date(2025, 8, 31)),
        ("năm 2026", date(2026, 12, 31)),
        (" 23/6/2025 ", date(2025, 6, 23)),
        ("trước nga\u0300y 28/6/2025", date(2025, 6, 28)),  # written with combining marks
        ("chậm nhất là ngày 05/9/2025", date(2025, 9, 5)),
        ("đến hết ngày 30/6/2025", date(2025, 6, 30)),
        ("không quá 30/6/2025", date(2025, 6, 30)),
        ("trước tháng 9/2025", date(2025, 8, 31)),
        ("vào cuối tháng 8/2025", date(2025, 8, 31)),
        ("trong 6 tháng đầu năm 2026", date(2026, 6, 30)),
        ("6 tháng cuối năm 2026", date(2026, 12, 31)),
        ("trong thời hạn 7 ngày làm việc kể từ ngày 19/6/2025", date(2025, 6, 30)),
        ("trong vòng 3 ngày kể từ ngày 25/6/2025", date(2025, 6, 30)),  # Saturday 28/6 rolls to Monday
        ("sau 3 ngày từ ngày 23/4/2025", date(2025, 4, 26)),
        ("trước 24 giờ ngày 30/6/2025", date(2025, 6, 30)),
    ],
)
def test_words_give_the_last_day(words: str, last: date) -> None:
    """Each operator leads to the end of its last day; a fixed date is not moved off a Saturday."""
    found = deadline(words)
    assert found
    assert (found.day, found.hour) == (last, None)


@pytest.mark.parametrize(
    ("words", "day", "hour"),
    [
        ("trước 16 giờ 00 ngày 21/8/2025", date(2025, 8, 21), time(16)),
        ("trước 17h30 ngày 20/8/2025", date(2025, 8, 20), time(17, 30)),
        ("chậm nhất 17:00 ngày 30/6/2025", date(2025, 6, 30), time(17)),
    ],
)
@pytest.mark.parametrize("reader", [READER, STRICT])
def test_an_hour_is_the_last_good_moment(words: str, day: date, hour: time, reader: Reader) -> None:
    """Where the words name an hour, the deadline is that hour, however `trước ngày` is read."""
    found = deadline(words, reader=reader)
    assert found
    assert (found.day, found.hour) == (day, hour)


@pytest.mark.parametrize(
    ("words", "last"),
    [
        ("trong tháng 8", date(2025, 8, 31)),
        ("trong tháng 6", date(2025, 6, 30)),
        ("tháng 2", date(2026, 2, 28)),
        ("quý IV", date(2025, 12, 31)),
        ("trước ngày 15/9", date(2025, 9, 15)),
        ("hoàn thành trong ngày 28/6", date(2025, 6, 28)),
        ("trước ngày 15/3", date(2026, 3, 15)),
        ("6 tháng đầu năm", date(2025, 6, 30)),
    ],
)
def test_a_year_that_is_not_written_comes_from_the_start(words: str, last: date) -> None:
    """It is the first such day from the task's start on; without a start nobody can say, and it is said."""
    found = deadline(words, BEGUN)
    assert found
    assert found.day == last
    with pytest.raises(ValueError, match="lời văn thiếu năm"):
        deadline(words)


def test_before_may_be_strict() -> None:
    """Read strictly, `trước ngày` ends with the day before; the other operators do not change."""
    assert deadline("trước ngày 1/7/2025", reader=STRICT) == Stated("before", date(2025, 6, 30))
    assert deadline("đến ngày 1/7/2025", reader=STRICT) == Stated("until", date(2025, 7, 1))


@pytest.mark.parametrize(
    ("words", "start"),
    [
        ("từ 18 giờ 00 ngày 27/6/2025", Stated("start", date(2025, 6, 27), time(18))),
        ("từ ngày 1/7/2025", Stated("start", date(2025, 7, 1))),
        ("bắt đầu từ 27/6", Stated("start", date(2025, 6, 27))),
    ],
)
def test_a_start_is_no_deadline(words: str, start: Stated) -> None:
    """`từ` says when the work begins."""
    assert READER.read(words, BEGUN) == (start,)


def test_words_may_state_both_ends() -> None:
    """`từ … đến …` is a start and a deadline; what comes after the deadline is the use of the result."""
    both = READER.read("từ ngày 20/10/2025 đến ngày 30/10/2025")
    assert [(one.operator, one.day.day) for one in both] == [("start", 20), ("until", 30)]
    used = READER.read("Hoàn thành trước ngày 28/6/2025, vận hành thông suốt từ ngày 01/7/2025")
    assert [one.operator for one in used] == ["before"]


@pytest.mark.parametrize("words", ["", "khẩn trương", "từ ngày ký", "thường xuyên", "nguồn không ghi ngày riêng"])
def test_words_without_a_date_state_nothing(words: str) -> None:
    """An adverb is neither a start nor a deadline, and nothing to complain of."""
    assert READER.read(words) == ()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("trước ngày 31/6/2025", "không có ngày 31/6/2025"),
        ("trong tháng 13/2025", "không có ngày 1/13/2025"),
        ("trước 25 giờ ngày 1/7/2025", "không có giờ 25:00"),
        ("trước ngày 28/6/25", "không đọc được"),
        ("trong quý III, IV/2025", "không đọc được"),
        ("sau 30 ngày kể từ ngày ký", "không đọc được"),
        ("trước ngày 1/7/2025 hoặc trước ngày 2/7/2025", "hơn một hạn"),
    ],
)
def test_words_that_contradict_are_refused(words: str, says: str) -> None:
    """A date that does not exist, two deadlines, a way of writing not known: all for a person to decide."""
    with pytest.raises(ValueError, match=says):
        READER.read(words, BEGUN)
