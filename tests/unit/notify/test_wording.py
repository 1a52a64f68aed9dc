"""Numbers, dates, hours, lists and offices as Vietnamese administrative texts write them."""

from __future__ import annotations

import unicodedata
from datetime import datetime

import pytest
from builders import PROVINCE_PARTY, THAI_NGUYEN, ZONE, end_of, holder, local, recipient, unit
from hypothesis import given
from hypothesis import strategies as st

from warnwatch.notify import wording, wording_vi


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (local(1, 7), "01/7/2025"),
        (local(9, 1), "09/01/2025"),
        (local(28, 2), "28/02/2025"),
        (local(1, 3), "01/3/2025"),
        (local(10, 10), "10/10/2025"),
        (local(31, 12), "31/12/2025"),
    ],
)
def test_a_date_has_leading_zeros_for_days_below_10_and_the_months_1_and_2(at: datetime, written: str) -> None:
    """Decree 30/2020: days below 10 and the months 1 and 2 take a leading 0, other months none."""
    assert wording_vi.day(at, ZONE) == written


def test_a_date_is_that_of_the_plans_zone() -> None:
    """The last microsecond of a Vietnamese day is that day, though UTC still has afternoon."""
    assert wording_vi.day(end_of(30, 6), ZONE) == "30/6/2025"
    assert wording_vi.day(local(1, 7, 0), ZONE) == "01/7/2025"


def test_hours_are_written_out() -> None:
    """An hour is `16 giờ 00`, an instant adds its day."""
    assert wording_vi.hour(local(1, 7, 7, 5), ZONE) == "07 giờ 05"
    assert wording_vi.moment(local(1, 7), ZONE) == "16 giờ 00 ngày 01/7/2025"


@pytest.mark.parametrize(
    ("words", "due_at", "written"),
    [
        ("trước ngày 15/8/2025", end_of(15, 8), "trước ngày 15/8/2025 (hết ngày 15/8/2025)"),
        ("", end_of(15, 8), "hết ngày 15/8/2025"),
        ("", local(27, 6, 18), "18 giờ 00 ngày 27/6/2025"),
        ("khẩn trương", None, "khẩn trương (chưa xác định ngày cụ thể)"),
        ("", None, "chưa có thời hạn"),
    ],
)
def test_a_deadline_is_given_in_its_own_words_and_as_a_date(words: str, due_at: datetime | None, written: str) -> None:
    """The document's words come first, the computed moment in brackets; what is missing is said."""
    assert wording_vi.deadline(words, due_at, ZONE) == written


@pytest.mark.parametrize(
    ("at", "asked", "after"),
    [
        (local(21, 8, 8, 1), "trước 08 giờ 00 ngày 21/8/2025", "sau 08 giờ 00 ngày 21/8/2025"),
        (local(20, 8, 8, 40), "trước 08 giờ 40 ngày 20/8/2025", "sau 08 giờ 40 ngày 20/8/2025"),
        (local(21, 8, 17, 30), "trước khi hết giờ làm việc ngày 21/8/2025", "sau giờ làm việc ngày 21/8/2025"),
        (end_of(21, 8), "trước khi hết giờ làm việc ngày 21/8/2025", "sau giờ làm việc ngày 21/8/2025"),
        (local(22, 8, 0), "trước khi hết giờ làm việc ngày 21/8/2025", "sau giờ làm việc ngày 21/8/2025"),
        (local(22, 8, 0, 2), "trước khi hết giờ làm việc ngày 21/8/2025", "sau giờ làm việc ngày 21/8/2025"),
    ],
)
def test_an_answer_is_asked_by_a_full_hour_that_is_not_later(at: datetime, asked: str, after: str) -> None:
    """Minutes fall away unless that would be past already; from the end of office hours on it is the day."""
    now = local(20, 8, 8, 15)
    assert (wording_vi.answer_by(at, ZONE, now), wording_vi.after_answer(at, ZONE, now)) == (asked, after)


def test_an_answer_of_this_day_may_be_called_so() -> None:
    """Only of this day, and only when asked."""
    now = local(20, 8, 8)
    assert wording_vi.answer_by(local(20, 8, 16), ZONE, now, today=True) == "trước 16 giờ 00 hôm nay"
    assert wording_vi.answer_by(local(21, 8, 16), ZONE, now, today=True) == "trước 16 giờ 00 ngày 21/8/2025"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (39.98, "39,98"),
        (3321, "3.321"),
        (1234567.5, "1.234.567,5"),
        (100.0, "100"),
        (0, "0"),
        (-0.001, "0"),
        (-2, "-2"),
        (None, "chưa xác định"),
        (float("nan"), "chưa xác định"),
        (float("inf"), "chưa xác định"),
    ],
)
def test_a_number_has_a_decimal_comma_and_dots_for_thousands(value: float | None, written: str) -> None:
    """Closing zeros are dropped; what is no number is said in words."""
    assert wording_vi.number(value) == written


@pytest.mark.parametrize(("share", "written"), [(0.3998, "39,98 %"), (0.62, "62 %"), (1, "100 %"), (0, "0 %")])
def test_a_share_is_a_percentage_with_a_space(share: float, written: str) -> None:
    """0.3998 is written `39,98 %`."""
    assert wording_vi.percent(share) == written


@pytest.mark.parametrize(
    ("parts", "written"), [([], ""), (["a"], "a"), (["a", "b"], "a và b"), (["a", "b", "c"], "a, b và c")]
)
def test_a_list_ends_with_and(parts: list[str], written: str) -> None:
    """Commas between, `và` before the last."""
    assert wording_vi.listing(parts) == written


@pytest.mark.parametrize(
    ("title", "name", "written"),
    [
        ("Chủ tịch Ủy ban nhân dân tỉnh", THAI_NGUYEN.name, "Chủ tịch Ủy ban nhân dân tỉnh Thái Nguyên"),
        ("Bí thư Tỉnh ủy", PROVINCE_PARTY.name, "Bí thư Tỉnh ủy Thái Nguyên"),
        (
            "Chủ tịch Ủy ban nhân dân thành phố",
            "Ủy ban nhân dân Thành phố Huế",
            "Chủ tịch Ủy ban nhân dân Thành phố Huế",
        ),
        ("Bộ trưởng", "Bộ Y tế", "Bộ trưởng Bộ Y tế"),
        ("Chánh Văn phòng", "Văn phòng Trung ương Đảng", "Chánh Văn phòng Trung ương Đảng"),
        ("Bí thư Tỉnh ủy Thái Nguyên", "Tỉnh ủy Thái Nguyên", "Bí thư Tỉnh ủy Thái Nguyên"),
        ("Thống đốc", "Ngân hàng Nhà nước Việt Nam", "Thống đốc Ngân hàng Nhà nước Việt Nam"),
        (
            "Chánh Văn phòng Trung ương",
            "Cơ quan Thường trực (Văn phòng Trung ương)",
            "Chánh Văn phòng Trung ương, Cơ quan Thường trực (Văn phòng Trung ương)",
        ),
    ],
)
def test_an_office_is_addressed_as_people_say_it(title: str, name: str, written: str) -> None:
    """Words that end the title and begin the unit's name are said once."""
    assert wording_vi.addressee(title, name) == written


def test_a_holder_without_a_title_is_addressed_by_the_units_title_then_by_a_general_word() -> None:
    """Nobody is addressed as nothing."""
    nameless = holder(title="")
    assert wording.office_title(recipient(holder=nameless), wording_vi) == THAI_NGUYEN.head_title
    bare = recipient(unit(head_title=""), holder=nameless)
    assert wording.office_title(bare, wording_vi) == "Thủ trưởng"
    assert wording.office_title(recipient(holder=holder(title="", office="deputy")), wording_vi) == "Phó Thủ trưởng"


def test_headlines_shorten_the_peoples_committee() -> None:
    """A unit's own short name wins; else the usual abbreviation is made."""
    assert wording.unit_short(THAI_NGUYEN) == "UBND tỉnh Thái Nguyên"
    assert wording.unit_short(unit(short_name="UBND TN")) == "UBND TN"


@pytest.mark.parametrize(
    ("text", "written"), [("còn 2 ngày", "Còn 2 ngày."), ("Đã xong.", "Đã xong."), ("", ""), (" ", "")]
)
def test_a_sentence_begins_with_a_capital_and_ends_with_a_stop(text: str, written: str) -> None:
    """A fragment becomes a sentence; nothing stays nothing."""
    assert wording.sentence(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\r\nBcc: x@example.vn", "a Bcc: x@example.vn"),
        ("\u202eabc\u2066\u200b", "abc"),
        ("\ud800x\udfff", "x"),
        ("\x00\x07 a \t b ", "a b"),
        (unicodedata.normalize("NFD", "Ủy ban"), "Ủy ban"),
    ],
)
def test_foreign_text_becomes_one_safe_line(text: str, written: str) -> None:
    """Controls, bidi marks, lone surrogates and line breaks go; NFD becomes NFC."""
    assert wording.clean(text) == written


@given(st.text(st.characters(exclude_categories=())), st.integers(min_value=2, max_value=400))
def test_clean_text_is_printable_nfc_and_within_its_cap(text: str, cap: int) -> None:
    """Whatever comes in, one printable NFC line of at most `cap` characters comes out."""
    found = wording.clean(text, cap)
    assert len(found) <= cap
    assert found.isprintable()
    assert unicodedata.is_normalized("NFC", found)


def test_a_title_of_ten_thousand_characters_ends_with_an_ellipsis() -> None:
    """It is cut, and one sees that it was."""
    found = wording.clean("Nhiệm vụ " * 1200)
    assert len(found) <= wording.TITLE_CAP
    assert found.endswith("…")
