"""What a mail server reports later of a mail (RFC 3464): it could not be delivered, it waits, it has arrived.

In: the bytes of a message that came back to one of our addresses, as anybody may have written them. Out: a report on
one notification, or why there is nothing to learn from it.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from enum import StrEnum

from warnwatch.notify.delivery import Answer, Phase, read_answer

# A report stands before the mail that it returns: of a longer message the rest is not read.
MOST_BYTES = 256 * 1024
# What nests deeper or has more parts is no mail server's report, and would cost seconds to take apart.
_MOST_PARTS, _MOST_NESTED, _MOST_LINES, _MOST_GROUPS = 60, 12, 20_000, 100
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\S)")
_SAID = re.compile(r"(?:(?P<code>[2-5]\d\d)[ -]\s*)?(?P<text>.*)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,60})[ \t]*:(.*)", re.DOTALL)


class Action(StrEnum):
    """What became of the mail, the best first: of several addresses that it was passed on to, the best counts."""

    DELIVERED = "delivered"
    RELAYED = "relayed"  # to a server that reports no arrival
    DELAYED = "delayed"
    FAILED = "failed"


class Ignored(StrEnum):
    """Why a message says nothing about a notification of ours."""

    NO_REPORT = "no_report"  # an automatic reply, a person's answer, a receipt
    NOT_OURS = "not_ours"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Bounce:
    """A report on the notification of this reference; `answer` has the codes and what the server said."""

    reference: str
    action: Action
    answer: Answer


_ACTIONS: Mapping[str, Action] = {
    "failed": Action.FAILED,
    "delayed": Action.DELAYED,
    "delivered": Action.DELIVERED,
    "relayed": Action.RELAYED,
    "expanded": Action.RELAYED,
}


def read_bounce(data: bytes, ours: re.Pattern[str], recipient: str = "") -> Bounce | Ignored:
    """Read a message. `ours` finds the reference in an address; `recipient` is whom it came to, where that is known.

    The reference is looked for there first, then wherever it stands: in a header, or in the report itself.
    """
    data = data[:MOST_BYTES]
    known = ours.search(recipient) or ours.search(data.decode("latin-1"))
    if not known:
        return Ignored.NOT_OURS
    lower = data.lower()
    limits = ((b"content-type", _MOST_PARTS), (b"multipart/", _MOST_NESTED), (b"\n", _MOST_LINES), (b"\r", _MOST_LINES))
    if any(lower.count(what) > most for what, most in limits):
        return Ignored.UNREADABLE
    try:
        found = _read(BytesParser(policy=compat32).parsebytes(data))
    except Exception:  # noqa: BLE001 (the parser is made for mail, and this may be made to break it)
        return Ignored.UNREADABLE
    if isinstance(found, Ignored):
        return found
    return Bounce(known[1].lower(), *found)


def _read(message: Message) -> tuple[Action, Answer] | Ignored:
    part = next((one for one in message.walk() if one.get_content_type() in _STATUS_TYPES), None)
    if part is None:
        return Ignored.NO_REPORT
    # The first group is about the whole message; one that names no address says nothing of its fate.
    groups = [(_action(one), one) for one in _groups(_written(part)) if "final-recipient" in one or "action" in one]
    judged = [(action, one) for action, one in groups if action]
    if not judged:
        return Ignored.UNREADABLE
    order = list(Action)
    action, fields = min(judged, key=lambda one: order.index(one[0]))
    return action, _answer(fields)


def _action(fields: Mapping[str, str]) -> Action | None:
    """Read what became of an address; without a word that is known, its code decides."""
    word = re.match(r"\s*([A-Za-z]+)", fields.get("action", ""))
    known = _ACTIONS.get(word[1].lower()) if word else None
    status = _STATUS.match(fields.get("status", ""))
    return known or (Action.FAILED if status and status[1].startswith("5") else None)


def _answer(fields: Mapping[str, str]) -> Answer:
    """Give what the server said. Its reply code counts only where it is one of SMTP."""
    kind, _, said = fields.get("diagnostic-code", "").partition(";")
    if not said:
        kind, said = "", kind
    parts = _SAID.match(said.strip())
    smtp = parts and parts["code"] and kind.strip().lower() in ("smtp", "lmtp")
    text = parts["text"] if parts and smtp else said
    answer = read_answer(Phase.REPORT, int(parts["code"]) if parts and smtp else None, text)
    status = _STATUS.match(fields.get("status", ""))
    # A server that had only a reply code to go by writes x.0.0; what the other server said is more exact.
    exact = status[1] if status and not (status[1].endswith(".0.0") and answer.enhanced) else answer.enhanced
    return Answer(Phase.REPORT, answer.code, exact, answer.text or f"{fields.get('action', '').strip()[:40]}")


def _written(part: Message) -> str:
    """Give a report as it was written: the parser has taken it for headers, and undone no encoding."""
    text = "".join(_lines(part))
    coding = str(part.get("content-transfer-encoding", "")).strip().lower()
    if coding == "base64":
        return _decoded(binascii.a2b_base64(text.encode("ascii", "replace")))
    if coding == "quoted-printable":
        return _decoded(quopri.decodestring(text.encode("utf-8", "surrogateescape")))
    return text


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _lines(part: Message) -> Iterator[str]:
    inside = part.get_payload()
    if isinstance(inside, str):
        yield inside
        return
    for block in inside if isinstance(inside, list) else []:
        if isinstance(block, Message):
            yield from (f"{name}: {value}\n" for name, value in block.items())
            yield "\n"
            yield from _lines(block)


def _groups(text: str) -> Sequence[Mapping[str, str]]:
    """Split a report into its groups of fields, each field unfolded, its first value kept."""
    blocks = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n"), maxsplit=_MOST_GROUPS)
    groups = []
    for block in blocks[:_MOST_GROUPS]:
        fields: dict[str, str] = {}
        for line in re.sub(r"\n[ \t]+", " ", block).split("\n"):
            field = _FIELD.match(line)
            if field:
                fields.setdefault(field[1].lower(), field[2].strip())
        if fields:
            groups.append(fields)
    return groups
