"""What a text message can hold: the GSM alphabet (3GPP TS 23.038), plain letters for Vietnamese, parts and their count.

An operator charges for each part, and one letter outside the alphabet makes all of a text UCS-2, with 70 instead of
160 letters in a part.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# Letters that take one septet, and those behind an escape, which take two.
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ESCAPED = frozenset("\f^{}\\[~]|€")
# Letters of a text that goes whole, and of each part of a longer one (its head takes six bytes).
GSM_WHOLE, GSM_PART = 160, 153
UCS2_WHOLE, UCS2_PART = 70, 67

# What office programs and people type, said with letters that every operator takes and that count once.
_PLAIN = str.maketrans(
    {
        "đ": "d",
        "Đ": "D",
        "–": "-",
        "—": "-",
        "‒": "-",
        "‑": "-",
        "‐": "-",
        "−": "-",
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "‘": "'",
        "’": "'",
        "‚": "'",
        "′": "'",
        "`": "'",
        "´": "'",
        "…": "...",
        "•": "-",
        "·": "-",
        "×": "x",
        "≤": "<=",
        "≥": ">=",
        "₫": "d",
        "€": "EUR",
        "[": "(",
        "]": ")",
        "{": "(",
        "}": ")",
        "~": "-",
        "^": "",
        "|": "/",
        "\\": "/",
    }
)
# Addresses in data: operators hold back texts with links, and officials are told to trust none.
_TOP = "vn|com|net|org|info|biz|io|me|ly|gl|gg|co|cc|app|xyz|top|site|online|click|link|page|dev|ru|cn"
_URL = re.compile(rf"(?i)[a-z][a-z0-9+.-]*://\S*|\bwww\.\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:{_TOP})\b(?:[:/?#]\S*)?")


def unlinked(text: str) -> str:
    """Drop what a telephone would make a link of; what is left once one is cut out may be another."""
    while (less := _URL.sub(" ", text)) != text:
        text = less
    return text


def plain(text: str) -> str:
    """Write a text with letters of the GSM alphabet that count once: marks dropped, signs said plainly, `?` else."""
    parted = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    bare = "".join(one for one in parted if not unicodedata.combining(one)).translate(_PLAIN)
    return re.sub(r"\?{2,}", "?", "".join(one if one in _KEPT else _other(one) for one in bare))


# The alphabet less what a gateway could take for the end of a line, and less letters with marks.
_KEPT = frozenset(one for one in GSM if one.isascii() and one not in "\r\n")


def _other(one: str) -> str:
    if one.isspace():
        return " "
    return "?" if one.isalnum() else ""


def is_gsm(text: str) -> bool:
    """Say whether a text goes out in the GSM alphabet; else it goes as UCS-2."""
    return all(one in GSM or one in ESCAPED for one in text)


def length(text: str) -> int:
    """Count what a text takes: septets in the GSM alphabet, UTF-16 units in UCS-2."""
    if is_gsm(text):
        return len(text) + sum(one in ESCAPED for one in text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parts(text: str) -> list[str]:
    """Cut a text into the parts that a telephone puts together: no escape and no surrogate pair is ever halved."""
    gsm = is_gsm(text)
    whole, part = (GSM_WHOLE, GSM_PART) if gsm else (UCS2_WHOLE, UCS2_PART)
    return [text] if length(text) <= whole else list(_cut(text, part, gsm=gsm))


def _cut(text: str, most: int, *, gsm: bool) -> Iterator[str]:
    start = used = 0
    for place, one in enumerate(text):
        size = 1 + (one in ESCAPED if gsm else ord(one) > 0xFFFF)
        if used + size > most:
            yield text[start:place]
            start, used = place, 0
        used += size
    yield text[start:]


def segments(text: str) -> int:
    """Count the parts that an operator charges for."""
    return len(parts(text))
