"""calendar.yml: what an official may write, and what each slip is answered with."""

from datetime import date
from pathlib import Path

import pytest

from warnwatch.errors import Mistake, MistakesError
from warnwatch.plan.calendar import load_calendar
from warnwatch.plan.calendar_file import read_calendar_file
from warnwatch.shipped import shipped


def mistakes(folder: Path, text: str) -> tuple[Mistake, ...]:
    """Give what reading `text` as calendar.yml finds wrong."""
    path = folder / "calendar.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MistakesError) as caught:
        load_calendar(path)
    return caught.value.mistakes


def one_day(*, day: str = "2026-01-02", document: str = "12729/VPCP-KGVX", dated: str = "2025-12-25") -> str:
    """Write one item of a list of days, in YAML."""
    return f"{{day: {day}, document: {document}, dated: {dated}}}"


def test_the_shipped_file() -> None:
    """The shipped file opens with two Vietnamese lines on its purpose, and holds the swap of New Year 2026."""
    path = shipped("alert_rules/calendar.yml")
    file = read_calendar_file(path, ["VN"])
    assert all(line.startswith("# ") for line in path.read_text(encoding="utf-8").splitlines()[:2])
    assert (file.days_off, file.make_up_days) == (frozenset([date(2026, 1, 2)]), frozenset([date(2026, 1, 10)]))


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("", (1, 1), "tệp trống"),
        ("- VN", (1, 1), "khóa: giá trị"),
        ("contry: VN", (1, 1), "khóa không có trong danh mục.*country"),
        ("country: Vn", (1, 10), "mã nước.*VN"),
        ("country:", (1, 1), "mã nước.*trống"),
        ("week: [mon, tues]", (1, 13), "tên ngày trong tuần.*tue"),
        ("week: [mon, mon]", (1, 13), "hai lần"),
        ("week: mon", (1, 7), "danh sách"),
        ("week: []", (1, 7), "ít nhất một ngày"),
        ("hours: [17:00-13:00]", (1, 9), "trước giờ kết thúc"),
        ("hours: [13:00-17:00, 08:00-12:00]", (1, 22), "theo thứ tự"),
        ("hours: [08:00-12:00, 11:30-17:00]", (1, 22), "chồng lên nhau"),
        ("hours: [8h-12h]", (1, 9), "giờ:phút-giờ:phút"),
        ("hours: [08:00-24:30]", (1, 9), "giờ:phút-giờ:phút"),
        ("hours: []", (1, 8), "ít nhất một buổi"),
        ("first_year: 1492", (1, 13), "1970 đến 2100"),
        ("first_year: true", (1, 13), "1970 đến 2100"),
        ("first_year: 2030\nlast_year: 2020", (2, 12), "2030 trở đi"),
        ("days_off: 2026-01-02", (1, 11), "danh sách"),
        ("days_off: [2026-01-02]", (1, 12), "day, document, dated"),
        (f"days_off: [{one_day(day='2026-02-30')}]", (1, 18), "không có ngày này"),
        (f"days_off: [{one_day(day='02/01/2026')}]", (1, 18), "năm-tháng-ngày"),
        (f"days_off: [{one_day(day='2050-01-02')}]", (1, 18), "2009 đến 2040"),
        (f"days_off: [{one_day(document='')}]", (1, 30), "thiếu số văn bản"),
        (f"days_off: [{one_day(document='12729')}]", (1, 40), "số văn bản không đúng dạng"),
        (f"days_off: [{one_day(document='[1/VP]')}]", (1, 40), "số văn bản không đúng dạng"),
        (f"days_off: [{one_day(dated='hôm qua')}]", (1, 64), "ngày không đúng dạng"),
        ("days_off: [{day: 2026-01-02, dated: 2025-12-25}]", (1, 12), "thiếu số văn bản"),
        ("days_off: [{day: 2026-01-02, document: 1/VP}]", (1, 12), "thiếu ngày của văn bản"),
        ("days_off: [{document: 1/VP, dated: 2025-12-25}]", (1, 12), "thiếu ngày"),
        (f"days_off: [{one_day()}, {one_day()}]", (1, 83), "ngày ghi hai lần"),
        (f"days_off: [{one_day()}]\nmake_up_days: [{one_day()}]", (2, 22), "vừa ghi là nghỉ, vừa ghi là làm việc"),
        ("days_off: [{day: 2026-01-02, documnt: 1/VP, document: 1/VP, dated: 2025-12-25}]", (1, 30), "document"),
        ("days_off: [{day: 2026-01-02, document: 1/VP, dated: 2025-12-25, note: 5}]", (1, 71), "note phải là chữ"),
    ],
)
def test_each_slip_is_shown_with_its_place(tmp_path: Path, text: str, place: tuple[int, int], says: str) -> None:
    """One slip gives one mistake, at its line and column, that says what is allowed."""
    (found,) = mistakes(tmp_path, text)
    assert (found.line, found.column) == place
    assert found.file.endswith("calendar.yml")
    with pytest.raises(MistakesError, match=says):
        raise MistakesError([found])


def test_all_slips_are_shown_at_once(tmp_path: Path) -> None:
    """A file with five slips is answered once, in reading order."""
    text = "contry: VN\nweek: [monday]\nhours: [12:00-08:00]\ndays_off:\n  - day: 2026-02-30\n    document: 1/VP\n"
    assert [found.line for found in mistakes(tmp_path, text)] == [1, 2, 3, 5, 5]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is a mistake with its name, not a traceback."""
    with pytest.raises(MistakesError, match=r"calendar\.yml"):
        load_calendar(tmp_path / "calendar.yml")
