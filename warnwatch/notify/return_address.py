"""The address that a mail comes back to when it cannot be delivered: one for each notification, so that it is known.

A notification's reference is 16 letters by chance, kept with it: nobody but the mail's own servers and its addressee
sees it, so nobody else can report it as failed.
"""

from __future__ import annotations

import re
import secrets  # noqa: TID251 (what nobody may guess cannot be handed in)
from base64 import b32encode

PLACE = "{id}"
_BYTES = 10
LENGTH = 16
LONGEST_LOCAL = 64
_LOCAL = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~.-"


def new_reference() -> str:
    """Draw a reference that nobody can guess: letters and digits that no mail program changes."""
    return b32encode(secrets.token_bytes(_BYTES)).decode("ascii").lower()


def address_of(pattern: str, reference: str) -> str:
    """Give the address of one notification."""
    return pattern.replace(PLACE, reference)


def fault_in(pattern: str) -> str:
    """Say what is wrong with a pattern of addresses; nothing when it is good."""
    local, at, domain = pattern.partition("@")
    if local.count(PLACE) != 1 or PLACE in domain or not at:
        return f"needs {PLACE} once before the @, as in canh-bao+{PLACE}@example.vn"
    if len(address_of(local, "x" * LENGTH)) > LONGEST_LOCAL:
        return f"is too long: before the @ at most {LONGEST_LOCAL} characters, {LENGTH} of them for {PLACE}"
    return ""


def finder_of(pattern: str) -> re.Pattern[str]:
    """Make what finds the reference in any text that holds an address of ours, in whatever case it comes back."""
    before, after = (re.escape(part) for part in pattern.split(PLACE))
    return re.compile(
        f"(?<![{_LOCAL}]){before}([a-z2-7]{{{LENGTH}}}){after}(?![A-Za-z0-9-]|[.][A-Za-z0-9])", re.IGNORECASE
    )
