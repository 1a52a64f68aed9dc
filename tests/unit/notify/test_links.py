"""Tokens of links: what is signed opens, whatever a mail program did to it; nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warnwatch.errors import SettingsError
from warnwatch.notify.links import (
    LENGTH,
    LinkError,
    Refusal,
    Ring,
    hidden,
    is_stamped,
    make,
    parse_ring,
    read,
    stamp,
    with_key,
)

NOW = datetime(2025, 8, 20, 1, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(days=30)
OLD, NEW, OTHER = bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34))
RING = Ring((NEW, OLD))
KEY = "0123456789abcdef" * 2
HEAD = "DP-19-UB/head/1"
TOKEN = make(KEY, HEAD, UNTIL, RING)
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def refusal(text: str, ring: Ring = RING, now: datetime = NOW) -> Refusal:
    """Give why a token is refused."""
    with pytest.raises(LinkError) as refused:
        read(text, ring, now)
    return refused.value.refusal


@given(st.binary(min_size=16, max_size=16), st.text(max_size=40), st.integers(1, 400))
def test_a_token_says_what_it_was_made_for(key: bytes, holder: str, days: int) -> None:
    """Notification, expiry and holder come back; it is for that holder and no other."""
    until = NOW + timedelta(days=days)
    token = make(key.hex(), holder, until, RING)
    opened = read(token, RING, NOW)
    assert (len(token), opened.key, opened.expires) == (LENGTH, key.hex(), until)
    assert opened.is_for(holder)
    assert not opened.is_for(holder + "x")


@pytest.mark.parametrize(
    "text",
    [
        TOKEN.upper(),
        TOKEN.title(),
        *(TOKEN + sign for sign in (".", ",", ")", ">", "”", "…", "/", "?!", "%2E", "%20", "\n", "=")),
        f" {TOKEN}",
        f"<{TOKEN}>",
        f"{TOKEN[:40]}\r\n {TOKEN[40:]}",
        "".join(f"%{ord(one):02X}" for one in TOKEN),
        quote(quote(f"{TOKEN}.", safe=""), safe=""),
    ],
)
def test_a_token_survives_mail_programs(text: str) -> None:
    """Case folding, wrapping, escapes and punctuation around it do no harm."""
    assert read(text, RING, NOW).key == KEY


@given(st.integers(0, LENGTH - 1), st.sampled_from(LETTERS))
def test_no_letter_of_a_token_can_be_another(place: int, letter: str) -> None:
    """Every bit is signed: notification, holder and expiry of another token cannot be put in."""
    changed = TOKEN[:place] + letter + TOKEN[place + 1 :]
    if changed != TOKEN:
        assert refusal(changed) is Refusal.FORGED


@given(st.text(max_size=600))
def test_any_text_gives_a_typed_refusal(text: str) -> None:
    """Whatever is no token is refused as malformed, and nothing breaks."""
    assert refusal(text) is Refusal.MALFORMED


@given(st.text(LETTERS, min_size=LENGTH, max_size=LENGTH))
def test_a_text_of_the_right_form_is_forged(text: str) -> None:
    """Without the key nobody hits a token."""
    assert refusal(text) is Refusal.FORGED


def test_a_token_expires_at_its_instant() -> None:
    """Up to the instant it opens; from then on it is expired."""
    assert read(TOKEN, RING, UNTIL - timedelta(seconds=1)).key == KEY
    assert refusal(TOKEN, now=UNTIL) is Refusal.EXPIRED


def test_keys_rotate() -> None:
    """The first key signs, all verify; a retired one opens nothing, and neither does another installation's."""
    old = make(KEY, HEAD, UNTIL, Ring((OLD,)))
    assert read(old, RING, NOW).key == KEY
    assert refusal(old, Ring((NEW,))) is Refusal.FORGED
    assert refusal(TOKEN, Ring((OTHER,))) is Refusal.FORGED
    assert refusal(TOKEN, Ring()) is Refusal.FORGED
    assert read(TOKEN, Ring((OTHER, NEW)), NOW).key == KEY


def test_a_forms_value_belongs_to_its_page() -> None:
    """It is good for the same token and the same words, under any key of the ring."""
    value = stamp(TOKEN, "417 0 3", Ring((OLD,)))
    assert is_stamped(value, TOKEN.upper(), "417 0 3", RING)
    for wrong in (("417 0 2", TOKEN, value), ("417 0 3", TOKEN[::-1], value), ("417 0 3", TOKEN, "ü")):
        assert not is_stamped(wrong[2], wrong[1], wrong[0], RING)


def test_a_ring_is_a_file_of_keys() -> None:
    """A new key is put first; notes are passed over; a bad line or an empty file says what to do."""
    text = with_key(with_key("", OLD), NEW)
    assert parse_ring(text, "keys").keys == (NEW, OLD)
    assert "01020304" not in repr(RING)
    for bad in ("", "# nothing\n", "zz\n", OLD.hex()[:-2]):
        with pytest.raises(SettingsError, match="link-key"):
            parse_ring(bad, "keys")


def test_the_board_shows_no_token() -> None:
    """A text is shown without what would let its reader act."""
    assert hidden(f"Phản hồi: https://ww.example.vn/a/{TOKEN}.") == "Phản hồi: https://ww.example.vn/a/…."
    assert hidden(f'<a class="press" href="https://ww.example.vn/a/{TOKEN}">x</a>') == '<a class="press">x</a>'
