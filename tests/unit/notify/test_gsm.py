"""What a text message can hold, and how its parts are counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warnwatch.notify import gsm

ANY = st.text(st.characters(), max_size=700)
GSM_TEXT = st.text(st.sampled_from(sorted(gsm.GSM | gsm.ESCAPED)), max_size=700)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("[" * 80, 1),
        ("[" * 80 + "a", 2),
        ("€" * 76 + "a", 1),
        # 152 letters and an escape do not fit one part of 153: the escape begins the next.
        ("a" * 152 + "[" + "a" * 152, 3),
        ("ễ" * 70, 1),
        ("ễ" * 71, 2),
        ("ễ" * 134, 2),
        ("ễ" * 135, 3),
        # 35 pairs are 70 units; of 36, a part of 67 takes 33.
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),
    ],
)
def test_parts_are_counted_as_the_operator_counts_them(text: str, count: int) -> None:
    """160 letters or 153 a part, those behind an escape twice; with any other letter 70 or 67 UTF-16 units."""
    assert gsm.segments(text) == count


@given(st.one_of(ANY, GSM_TEXT))
def test_the_parts_are_the_text_and_each_fits(text: str) -> None:
    """Nothing is lost or halved, no part is too long, and no part but the last has room for the next letter."""
    kept = gsm.parts(text)
    assert "".join(kept) == text
    is_gsm = gsm.is_gsm(text)
    whole, part = (160, 153) if is_gsm else (70, 67)
    sizes = [_size(one, is_gsm=is_gsm) for one in kept]
    assert max(sizes) <= (whole if len(kept) == 1 else part)
    for size, after in zip(sizes, kept[1:], strict=False):
        assert size + _size(after[0], is_gsm=is_gsm) > part


def _size(text: str, *, is_gsm: bool) -> int:
    return sum(1 + (one in "\f^{}\\[~]|€" if is_gsm else ord(one) > 0xFFFF) for one in text)


@given(ANY)
def test_plain_letters_count_once_and_go_over_every_gateway(text: str) -> None:
    """Whatever comes in, what goes out is one line of plain ASCII letters that take a septet each."""
    said = gsm.plain(text)
    assert said.isascii()
    assert said.isprintable()
    assert gsm.length(said) == len(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Đề nghị giải trình trước 16 giờ", "De nghi giai trinh truoc 16 gio"),
        ("“Chuyển đổi số” – quý II…", '"Chuyen doi so" - quy II...'),
        ("ĐẶNG ƯỚC Ỹ ỵ ỡ", "DANG UOC Y y o"),
        ("[KH02-014] {a|b}", "(KH02-014) (a/b)"),
        ("39,98 % ≥ 5 €", "39,98 % >= 5 EUR"),
        ("Ф中文", "?"),
        ("😀 xong", " xong"),
    ],
)
def test_office_text_is_said_without_marks(text: str, said: str) -> None:
    """Marks are dropped, đ is d, typographic signs are plain; what has no plain letter is one question mark."""
    assert gsm.plain(text) == said


@pytest.mark.parametrize(
    "link",
    ["https://a.example/x?y=1", "HTTP://X", "www.lua-dao.vn", "bit.ly/3abc", "a.b.com.vn:8080/x", "zalo.me", "ab.vn"],
)
def test_links_in_data_are_dropped(link: str) -> None:
    """A title must not put a link under the committee's name."""
    assert gsm.unlinked(f"KH02 {link} het").split() == ["KH02", "het"]


@pytest.mark.parametrize("text", ["UBND TP.HCM", "KH02.014", "02-KH/BCĐTW", "31.12.2025", "39.98%", "a.b"])
def test_codes_and_short_names_are_no_links(text: str) -> None:
    """Points in codes, dates and short names stay."""
    assert gsm.unlinked(text) == text


def test_what_is_left_of_a_link_is_no_link_either() -> None:
    """A link around a link does not leave one behind."""
    left = gsm.unlinked("wwwww.a.vnw.a.vn http://http://a.vn")
    assert gsm.unlinked(left) == left
