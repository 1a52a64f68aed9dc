"""Mail against servers that are healthy, refuse, stall, or cut the line: what arrived is what the server's log says."""

from __future__ import annotations

import asyncio
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from letters import NOW, claimed, mail_settings
from sinks.smtp import AUTHORITY, POINTS, Point, Script, Sink

from warnwatch.errors import SettingsError
from warnwatch.notify.delivery import Answer, DeliveryError, Phase
from warnwatch.notify.email import Mailer, build

PHASE_OF: dict[Point, Phase] = {
    "greeting": Phase.GREETING,
    "ehlo": Phase.EHLO,
    "starttls": Phase.TLS,
    "auth": Phase.AUTH,
    "mail": Phase.MAIL,
    "rcpt": Phase.RCPT,
    "data": Phase.DATA,
    "dot": Phase.DOT,
}
Tls = Literal["starttls", "implicit"]
SECURE: dict[str, Any] = {"security": "starttls", "ca_file": AUTHORITY, "username": "ww", "password": "bí-mật-7781"}
USERS = {"ww": "bí-mật-7781"}


def parsed(raw: bytes) -> EmailMessage:
    """Read a message as a mail program would."""
    return message_from_bytes(raw, policy=policy.default)


def part(message: EmailMessage, kind: str) -> str:
    """Give the text of a part, with the line ends of Python."""
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


async def send_one(sink: Sink, **changes: Any) -> Answer:
    """Make one attempt and close the connection."""
    mailer = Mailer(mail_settings(sink.port, **changes))
    answer = await mailer.send(claimed())
    await mailer.rest()
    return answer


# --- the message


async def test_each_mail_has_a_return_address_of_its_own() -> None:
    """Reports come back to it; a text without a reference, as before an upgrade, has the sender's, as has its From."""
    with Sink() as sink:
        mailer = Mailer(mail_settings(sink.port, bounce_to="nay+{id}@ww.example.vn"))
        for number, reference in ((1, "a" * 16), (2, "b" * 16), (3, None)):
            await mailer.send(claimed(number, reference=reference))
        await mailer.rest()
    senders = [line for _, line in sink.lines if line.startswith("MAIL")]
    own = [f"MAIL FROM:<nay+{letters * 16}@ww.example.vn>" for letters in "ab"]
    assert senders == [*own, "MAIL FROM:<canh-bao@ww.example.vn>"]
    assert {parsed(one.raw)["From"].addresses[0].addr_spec for one in sink.messages} == {"canh-bao@ww.example.vn"}


@pytest.mark.parametrize("pattern", ["nay@ww.example.vn", "nay+{id}", "n ay+{id}@ww.example.vn", "{id}\r\n@a.vn"])
def test_a_return_address_that_cannot_work_is_refused(pattern: str) -> None:
    """Before anything is sent, by its setting's name."""
    with pytest.raises(SettingsError, match=r"mail\.bounce_to"):
        mail_settings(25, bounce_to=pattern)


def test_a_mail_program_reads_what_was_written() -> None:
    """Subject, both texts, the addresses and the headers that keep automatons quiet survive the writing out."""
    address, raw = build(claimed(), mail_settings(25))
    message = parsed(raw)
    assert message["To"] == address == "head1@dp1.example.vn"
    assert message["From"] == "Hệ thống Cảnh báo sớm <canh-bao@ww.example.vn>"
    assert message["Subject"] == claimed().subject
    assert message["Date"].datetime == NOW
    assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"]) == ("auto-generated", "All")
    assert (message.get_content_type(), part(message, "plain"), part(message, "html")) == (
        "multipart/alternative",
        claimed().text,
        claimed().html,
    )
    assert not message.defects


def test_every_try_has_the_same_bytes() -> None:
    """A repeat is recognisable: same Message-ID, same date, same boundary; another notification has another."""
    again = claimed(epoch=7, tries=6, owner="another")
    assert build(claimed(), mail_settings(25)) == build(again, mail_settings(25))
    ids = {parsed(build(claimed(number), mail_settings(25))[1])["Message-ID"] for number in range(100)}
    assert len(ids) == 100


def test_text_alone_is_a_plain_mail() -> None:
    """A fallback has no HTML and needs none."""
    message = parsed(build(claimed(html=None), mail_settings(25))[1])
    assert (message.get_content_type(), part(message, "plain")) == ("text/plain", claimed().text)


POISON = st.text(st.characters(codec=None), max_size=200)


@settings(max_examples=300)
@given(subject=POISON, text=POISON, html=POISON, key=POISON)
def test_no_text_can_add_a_header_or_a_part(subject: str, text: str, html: str, key: str) -> None:
    """Whatever stands in a title or a text, the message has its own headers, parts and short lines."""
    address, raw = build(claimed(subject=subject, text=text, html=html, key=key, office=subject), mail_settings(25))
    message = parsed(raw)
    assert len(message.keys()) == 9
    assert len(list(message.walk())) == 3
    assert address == "head1@dp1.example.vn"
    assert all(len(line) <= 100 and b"\r" not in line and b"\0" not in line for line in raw.split(b"\r\n"))
    assert raw.isascii()


def test_line_ends_in_a_title_become_spaces() -> None:
    """A header injection is one harmless line of text."""
    poisoned = claimed(subject="Quá hạn\r\nBcc: all@example.vn\x00\x1b[31m\n\n<b>")
    message = parsed(build(poisoned, mail_settings(25))[1])
    assert message["Subject"] == "Quá hạn Bcc: all@example.vn[31m <b>"
    assert message["Bcc"] is None


def test_redirected_mail_is_marked_and_goes_to_one_address() -> None:
    """The subject says whom it would have gone to; the head's address is nowhere in it."""
    address, raw = build(claimed(), mail_settings(25, redirect_to="thu-nghiem@example.vn"))
    assert address == "thu-nghiem@example.vn"
    assert parsed(raw)["Subject"] == f"[Thử nghiệm → head, DP-1] {claimed().subject}"
    assert b"head1@dp1" not in raw


STRANGE = ("", "không@example.vn", "a@b@c.vn", "a b@c.vn", "a@c.vn,b@c.vn", "<a@c.vn>", "@c.vn", "a@", "a@-c.vn")


@pytest.mark.parametrize("address", [None, *STRANGE, "a@c.vn\r\nRCPT TO:<b@c.vn>", "x" * 65 + "@c.vn"])
def test_only_one_plain_address_is_written_to(address: str | None) -> None:
    """A missing or strange address fails for good, with its reason, before any server is asked."""
    with pytest.raises(DeliveryError) as caught:
        build(claimed(address=address), mail_settings(25))
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sender": "nobody"}, "mail.sender"),
        ({"redirect_to": "a@b, c@d"}, "mail.redirect_to"),
        ({"local_hostname": "a b"}, "mail.local_hostname"),
        ({"message_id_domain": "a>\r\nx"}, "mail.message_id_domain"),
        ({"username": "ww", "host": "mail.example.vn"}, "mail.security"),
        ({"connections": 0}, "connections"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], named: str) -> None:
    """Each is named; a password never leaves this machine in clear."""
    with pytest.raises(SettingsError, match=named):
        mail_settings(25, **changes)


def test_an_unreadable_authority_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    """Found when the service starts, not at the first mail."""
    with pytest.raises(SettingsError, match=r"mail\.ca_file"):
        Mailer(mail_settings(25, security="tls", ca_file=str(tmp_path / "none.pem")))


def test_the_password_is_not_shown() -> None:
    """Settings may be logged."""
    assert "bí-mật" not in repr(mail_settings(25, username="ww", password="bí-mật-7781"))


# --- one attempt


async def test_a_healthy_server_takes_it_once() -> None:
    """The server has exactly the bytes that were built, and the answer is its 250."""
    with Sink() as sink:
        answer = await send_one(sink)
        assert (answer.phase, answer.code, answer.enhanced, answer.accepted) == (Phase.DOT, 250, "2.0.0", True)
        assert [one.raw for one in sink.messages] == [build(claimed(), mail_settings(1))[1]]
        assert sink.messages[0].recipient == "head1@dp1.example.vn"


@pytest.mark.parametrize("point", [point for point in POINTS if point not in ("starttls", "auth")])
@pytest.mark.parametrize("code", ["421 4.3.2", "450 4.2.0", "550 5.1.1", "554 5.7.1"])
async def test_a_refusal_is_read_at_its_point(point: Point, code: str) -> None:
    """Phase, code and enhanced code are the server's; nothing was taken."""
    with Sink(Script(refuse={point: f"{code} no"})) as sink:
        answer = await send_one(sink)
        assert (answer.phase, f"{answer.code} {answer.enhanced}") == (PHASE_OF[point], code)
        assert sink.messages == []


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("fault", ["silent", "drip", "drop"])
async def test_a_stalling_server_holds_an_attempt_no_longer_than_its_limit(point: Point, fault: str) -> None:
    """Silent, one byte at a time, or cut at any point of the dialogue: an answer without a code, in time."""
    script = Script(**{fault: point})  # type: ignore[arg-type]
    with Sink(script, tls="starttls", users=USERS) as sink:
        began = time.monotonic()
        answer = await send_one(sink, **SECURE)
        assert (answer.phase, answer.code) == (PHASE_OF[point] if point != "greeting" else answer.phase, None)
        assert time.monotonic() - began < 2


async def test_an_answer_lost_after_the_dot_says_so() -> None:
    """The server may have taken it; the words and the missing code mark that in the history."""
    with Sink(Script(take_then_drop=True)) as sink:
        answer = await send_one(sink)
        assert (answer.phase, answer.code, answer.accepted) == (Phase.DOT, None, False)
        assert "may have been taken" in answer.text
        assert len(sink.messages) == 1


async def test_goodbye_does_not_matter() -> None:
    """A line cut right after the 250 takes nothing back."""
    with Sink(Script(drop_after="dot")) as sink:
        assert (await send_one(sink)).accepted
        assert len(sink.messages) == 1


async def test_a_closed_port_is_an_answer() -> None:
    """Refused at once: tried again later, nothing raised."""
    with Sink() as sink:
        port = sink.port
    answer = await Mailer(mail_settings(port)).send(claimed())
    assert (answer.phase, answer.code) == (Phase.CONNECT, None)


async def test_an_unknown_host_is_an_answer() -> None:
    """DNS faults are tried again."""
    answer = await Mailer(mail_settings(25, host="no-such-host.invalid")).send(claimed())
    assert (answer.phase, answer.code) == (Phase.CONNECT, None)


async def test_a_kept_connection_that_the_server_closed_is_replaced_at_once() -> None:
    """Nothing was sent over it, so the message needs no second try."""
    with Sink(Script(drop_after="dot")) as sink:
        mailer = Mailer(mail_settings(sink.port))
        answers = [await mailer.send(claimed(number)) for number in range(3)]
        assert all(answer.accepted for answer in answers)
        assert (len(sink.messages), sink.connections) == (3, 3)
        await mailer.rest()


async def test_connections_are_kept_and_never_too_many() -> None:
    """A hundred mails need as many connections as the settings say, and no more; a refusal does not cost one."""
    bad = {"head7@dp7.example.vn": Script(refuse={"rcpt": "550 5.1.1 no"})}
    with Sink(recipients=bad) as sink:
        mailer = Mailer(mail_settings(sink.port, connections=3, attempt_limit=20))
        answers = await asyncio.gather(*(mailer.send(claimed(number)) for number in range(100)))
        await mailer.rest()
        assert sum(answer.accepted for answer in answers) == len(sink.messages) == 99
        assert (sink.connections, sink.most_connections) == (3, 3)


# --- TLS and login


@pytest.mark.parametrize(("tls", "security"), [("starttls", "starttls"), ("implicit", "tls")])
async def test_mail_goes_encrypted_with_a_login(tls: Tls, security: str) -> None:
    """With the authority's file the server is verified, and only then told the password."""
    with Sink(tls=tls, users=USERS) as sink:
        assert (await send_one(sink, **{**SECURE, "security": security})).accepted
        assert sink.count("AUTH") == 1


@pytest.mark.parametrize("certificate", ["wrong_host", "expired", "self_signed"])
@pytest.mark.parametrize(("tls", "security"), [("starttls", "starttls"), ("implicit", "tls")])
async def test_a_certificate_that_does_not_verify_gets_nothing(tls: Tls, security: str, certificate: str) -> None:
    """Neither password nor message; it is tried again, and asks for a person."""
    with Sink(tls=tls, certificate=certificate, users=USERS) as sink:
        answer = await send_one(sink, **{**SECURE, "security": security})
        assert answer.phase is Phase.TLS
        assert (sink.count("AUTH"), sink.count("MAIL"), sink.messages) == (0, 0, [])


async def test_a_server_without_starttls_gets_nothing_in_clear() -> None:
    """A stripped STARTTLS is a fault of the server, not a reason to send anyway."""
    with Sink(users=USERS) as sink:
        answer = await send_one(sink, **SECURE)
        assert (answer.phase, answer.code) == (Phase.TLS, None)
        assert (sink.count("AUTH"), sink.count("MAIL")) == (0, 0)


async def test_text_injected_before_the_handshake_is_not_read() -> None:
    """What came in clear after STARTTLS cannot pose as an answer of the encrypted server."""
    with Sink(tls="starttls", users=USERS, injected=b"250-evil\r\n250 AUTH LOGIN\r\n") as sink:
        answer = await send_one(sink, **SECURE)
        assert answer.accepted or answer.phase is Phase.TLS


async def test_a_refused_login_shows_no_secret() -> None:
    """The server repeats the password in its answer; the history does not."""
    with Sink(tls="starttls", users={"ww": "another"}) as sink:
        answer = await send_one(sink, **SECURE)
        assert (answer.phase, answer.code) == (Phase.AUTH, 535)
        assert "bí-mật" not in answer.text
        assert sink.count("MAIL") == 0
