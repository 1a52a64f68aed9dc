"""The tokens behind the links in texts: each opens the alerts of one notification to one holder, until it expires.

In: a notification's key, its holder, an instant, the key ring. Out: a token, or what a token says, or a typed refusal.
A token is lower-case base32 of 55 bytes: version, key id, notification, holder, expiry, and their HMAC-SHA256 cut to
22 bytes. It has no digit or sign that mail programs change, and no bit of it is left over.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import unquote

from warnwatch.errors import SettingsError, WarnWatchError
from warnwatch.language import Phrase

VERSION = 1
LENGTH = 88
# More than this is no token, however it was rewritten.
LONGEST = 400
KEY_BYTES = 32

_BODY = struct.Struct(">B4s16s8sI")
_MAC = 22
_TOKEN = re.compile(f"[a-z2-7]{{{LENGTH}}}")
_IN_TEXT = re.compile(f"(/a/)[a-z2-7]{{{LENGTH}}}")
_TARGET = re.compile(f' href="[^"]*/a/[a-z2-7]{{{LENGTH}}}"')
_KEY = re.compile("[0-9a-f]{32}")


class Refusal(StrEnum):
    """Why a token opens nothing."""

    MALFORMED = "malformed"
    FORGED = "forged"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class LinkError(WarnWatchError):
    """A token that opens nothing; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(f"the link opens nothing: {refusal}")


@dataclass(frozen=True, slots=True)
class Ring:
    """The secret keys of an installation: the first signs, all verify."""

    keys: tuple[bytes, ...] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        """Say whether there is a key to sign with."""
        return bool(self.keys)

    def of(self, key_id: bytes) -> bytes | None:
        """Find the key of an id."""
        return next((key for key in self.keys if _id_of(key) == key_id), None)


NO_RING = Ring()


@dataclass(frozen=True, slots=True)
class Opened:
    """What a good token says: the key of a notification, until when, and (as a digest) for which holder."""

    key: str
    expires: datetime
    holder: bytes

    def is_for(self, holder: str) -> bool:
        """Say whether the token was made for this holder."""
        return hmac.compare_digest(self.holder, _holder(holder))


def make(key: str, holder: str, expires: datetime, ring: Ring) -> str:
    """Make the token of one notification for one holder, signed with the ring's first key."""
    if not _KEY.fullmatch(key):
        raise ValueError("a notification's key is 32 hexadecimal digits")
    secret = ring.keys[0]
    body = _BODY.pack(VERSION, _id_of(secret), bytes.fromhex(key), _holder(holder), int(expires.timestamp()))
    return base64.b32encode(body + _mac(secret, body)).decode("ascii").lower()


def read(text: str, ring: Ring, now: datetime) -> Opened:
    """Read a token as it came back from a mail program: other case, escapes, spaces and punctuation around it.

    Whatever is no good token of this ring is a LinkError; nothing is looked up before the signature holds.
    """
    token = cleaned(text)
    if not _TOKEN.fullmatch(token):
        raise LinkError(Refusal.MALFORMED)
    data = base64.b32decode(token.upper())
    body, mac = data[:-_MAC], data[-_MAC:]
    version, key_id, key, holder, expires = _BODY.unpack(body)
    secret = ring.of(key_id)
    right = hmac.compare_digest(mac, _mac(secret or bytes(KEY_BYTES), body))
    if version != VERSION or secret is None or not right:
        raise LinkError(Refusal.FORGED)
    until = datetime.fromtimestamp(expires, UTC)
    if now >= until:
        raise LinkError(Refusal.EXPIRED)
    return Opened(key.hex(), until, holder)


def cleaned(text: str) -> str:
    """Undo what was done to a token on its way: escapes (twice at most), case, spaces within, signs around it."""
    if len(text) > LONGEST:
        return ""
    for _ in range(2):
        text = unquote(text, errors="replace")
    text = "".join(text.split())
    return re.sub("^[^A-Za-z2-7]+|[^A-Za-z2-7]+$", "", text).lower()


def hidden(text: str) -> str:
    """Give a text without its tokens: whoever looks at a mail on the board must not act for its addressee."""
    return _IN_TEXT.sub(r"\1…", _TARGET.sub("", text))


def stamp(token: str, said: str, ring: Ring) -> str:
    """Give the value of a form that was made for a token and what the page said; the ring's first key signs."""
    return hmac.new(ring.keys[0], f"form\n{cleaned(token)}\n{said}".encode(), hashlib.sha256).hexdigest()


def is_stamped(value: str, token: str, said: str, ring: Ring) -> bool:
    """Say whether a form's value is one that `stamp` gave, with any key of the ring."""
    given = value.encode("utf-8", "replace")
    found = [hmac.compare_digest(stamp(token, said, Ring((key,))).encode(), given) for key in ring.keys]
    return any(found)


def parse_ring(text: str, where: str) -> Ring:
    """Read a ring: one key of 64 hexadecimal digits a line, the first signs; lines that begin with # are notes."""
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    wrong = next((n for n, line in enumerate(keys, 1) if not re.fullmatch("[0-9a-fA-F]{64}", line)), None)
    if wrong or not keys:
        what = f"key {wrong} is not 64 hexadecimal digits" if wrong else "holds no key"
        raise SettingsError(f"web.link_keys: {where}: {what}; `warnwatch link-key` makes one")
    return Ring(tuple(bytes.fromhex(key) for key in keys))


def with_key(ring_text: str, key: bytes) -> str:
    """Give the text of a ring in which a new key signs, and the others verify still."""
    note = "# Secret. The first key signs links; all verify. To retire a key, delete its line.\n"
    known = (line for line in ring_text.splitlines() if line.strip() and not line.startswith("#"))
    rest = "".join(f"{line}\n" for line in known)
    return f"{note}{key.hex()}\n{rest}"


REFUSED: dict[Refusal, tuple[int, Phrase, Phrase]] = {
    Refusal.MALFORMED: (
        404,
        Phrase("Đường dẫn không đúng"),
        Phrase("Đường dẫn có thể đã bị cắt bớt. Đề nghị mở lại từ thư gốc, hoặc sao chép đủ cả đường dẫn."),
    ),
    Refusal.UNKNOWN: (404, Phrase("Không có thông báo này"), Phrase("Nội dung của đường dẫn không còn trên Hệ thống.")),
    Refusal.FORGED: (
        403,
        Phrase("Đường dẫn không hợp lệ"),
        Phrase("Đường dẫn không do Hệ thống cấp, hoặc khóa của đường dẫn đã được thay. Đề nghị dùng thư mới nhất."),
    ),
    Refusal.EXPIRED: (
        410,
        Phrase("Đường dẫn đã hết hiệu lực"),
        Phrase("Đề nghị dùng đường dẫn trong thư mới nhất, hoặc phản hồi qua cơ quan thường trực."),
    ),
    Refusal.REVOKED: (
        410,
        Phrase("Đường dẫn đã bị thu hồi"),
        Phrase("Đề nghị dùng đường dẫn trong thư mới nhất, hoặc phản hồi qua cơ quan thường trực."),
    ),
}


def _id_of(key: bytes) -> bytes:
    return hashlib.sha256(b"warnwatch link key id\n" + key).digest()[:4]


def _holder(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "backslashreplace")).digest()[:8]


def _mac(secret: bytes, body: bytes) -> bytes:
    return hmac.new(secret, body, hashlib.sha256).digest()[:_MAC]
