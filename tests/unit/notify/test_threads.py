"""A thread is bounded, and becomes headers that name earlier mails exactly as these named themselves."""

from __future__ import annotations

from letters import claimed, mail_settings

from warnwatch.notify.email import build
from warnwatch.notify.threads import joined


def test_a_thread_keeps_its_root_and_its_end() -> None:
    """However long an alert lives, a header has the first mail and the last four."""
    thread = ""
    for number in range(1, 9):
        thread = joined(thread, f"k{number}")
    assert thread == "k1 k5 k6 k7 k8"


def test_headers_name_the_mails_answered_to() -> None:
    """In-Reply-To is the last, References are all, and both are those mails' own Message-IDs; retries are the same."""
    first, second = claimed(1), claimed(2)
    message = build(claimed(3, thread=f"{first.key} {second.key}"), mail_settings(25))[1]
    ids = [_header(build(one, mail_settings(25))[1], b"Message-ID") for one in (first, second)]
    assert _header(message, b"In-Reply-To") == ids[1]
    assert _header(message, b"References").split() == ids
    assert message == build(claimed(3, thread=f"{first.key} {second.key}", tries=2), mail_settings(25))[1]


def test_a_first_mail_answers_to_nothing() -> None:
    """No earlier mail, no such headers."""
    message = build(claimed(1), mail_settings(25))[1]
    assert b"In-Reply-To" not in message
    assert b"References" not in message


def _header(message: bytes, name: bytes) -> bytes:
    head = message.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ")
    return next(line.partition(b": ")[2] for line in head.split(b"\r\n") if line.startswith(name + b":"))
