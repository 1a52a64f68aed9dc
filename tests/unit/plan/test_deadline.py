"""Deadlines in the words of documents: periods, and Vietnamese phrases with a date."""

from datetime import date

import pytest

from warnwatch.plan.calendar import load_calendar, parse_duration
from warnwatch.plan.deadline import end_of_period, last_good_moment
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
    ],
)
def test_words_give_the_last_day(words: str, last: date) -> None:
    """Each operator leads to the end of its last day; a fixed date is not moved off a Saturday."""
    assert last_good_moment(CALENDAR, words, strict_before=False) == CALENDAR.end_of_day(last)


def test_before_may_be_strict() -> None:
    """Read strictly, `trước ngày` ends with the day before; the other operators do not change."""
    assert last_good_moment(CALENDAR, "trước ngày 1/7/2025", strict_before=True) == CALENDAR.end_of_day(
        date(2025, 6, 30)
    )
    assert last_good_moment(CALENDAR, "đến ngày 1/7/2025", strict_before=True) == CALENDAR.end_of_day(date(2025, 7, 1))


@pytest.mark.parametrize(
    "words", ["", "khẩn trương", "từ 18 giờ 00 ngày 27/6/2025", "từ ngày 1/7/2025", "trước ngày 15/9"]
)
def test_words_without_a_deadline(words: str) -> None:
    """A start is no deadline, and neither is a day without its year."""
    assert last_good_moment(CALENDAR, words, strict_before=False) is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("trước ngày 31/6/2025", "không có ngày 31/6/2025"),
        ("trong tháng 13/2025", "không có ngày 1/13/2025"),
        ("trước ngày 1/7/2025 hoặc trước ngày 2/7/2025", "hơn một hạn"),
    ],
)
def test_words_that_contradict_are_refused(words: str, says: str) -> None:
    """A date that does not exist and two different deadlines are for a person to decide."""
    with pytest.raises(ValueError, match=says):
        last_good_moment(CALENDAR, words, strict_before=False)
