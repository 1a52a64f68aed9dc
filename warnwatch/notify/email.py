"""The mail channel: a claimed notification becomes a message's bytes, and the bytes go over kept SMTP connections."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256

import aiosmtplib

from warnwatch.language import Phrase, in_language
from warnwatch.notify.delivery import Answer, Claimed, DeliveryError, Phase, read_answer, strip_controls
from warnwatch.notify.mail_settings import ADDRESS, MailSettings, tls_context
from warnwatch.notify.return_address import address_of
from warnwatch.notify.smtp_line import Line

# A line with encoded words is at most 76 characters (RFC 2047): 39 bytes make 52, beside "Subject: =?utf-8?b?…?=".
_WORD_BYTES = 39
# The server says that it closes the connection.
_CLOSING = 421


def build(claimed: Claimed, settings: MailSettings) -> tuple[str, bytes]:
    """Make the address and the message of a notification: the same bytes at every try, nothing in them from outside.

    Text and HTML in UTF-8 as multipart/alternative, CRLF ends. Written out by hand: EmailMessage takes 1.7 ms a mail
    (a morning's 3,500 heads would wait for it), this 0.1 ms. A missing or wrong address is a DeliveryError.
    """
    subject = _one_line(claimed.subject)
    if settings.redirect_to is not None:
        to = {"office": _one_line(claimed.office), "unit": _one_line(claimed.unit)}
        subject = in_language(Phrase("[Thử nghiệm → {office}, {unit}] {text}", **to, text=subject), settings.language)
    address = settings.redirect_to or claimed.address
    if not address:
        raise DeliveryError("the holder has no e-mail address", permanent=True)
    if not ADDRESS.fullmatch(address):
        raise DeliveryError(f"not one plain e-mail address: {strip_controls(address)[:80]!r}", permanent=True)
    name = _name(claimed.key)
    headers = [
        f"From: {_sender(settings)}",
        f"To: <{address}>",
        f"Subject: {_encoded(subject)}",
        f"Date: {_date(claimed.created_at)}",
        f"Message-ID: <{name}@{settings.message_id_domain}>",
        *_answering(claimed.thread, settings.message_id_domain),
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
    ]
    return address, "\r\n".join([*headers, *_body(claimed, boundary=f"=_{name}")]).encode("ascii")


def return_address(claimed: Claimed, settings: MailSettings) -> str:
    """Give the envelope's sender: this mail's own where reports are read, else that of all."""
    if settings.bounce_to is None or claimed.reference is None:
        return settings.sender
    return address_of(settings.bounce_to, claimed.reference)


def _name(key: str) -> str:
    """Give the local part of the Message-ID of a notification's mail: of this one, or of one that it answers to."""
    return sha256(key.encode("utf-8", "replace")).hexdigest()[:40]


def _answering(thread: str, domain: str) -> list[str]:
    """Write the headers by which a mailbox sets a mail beside the earlier ones about its alert (RFC 5322, 3.6.4)."""
    named = [f"<{_name(key)}@{domain}>" for key in thread.split()]
    return [f"In-Reply-To: {named[-1]}", "References: " + "\r\n ".join(named)] if named else []


def _body(claimed: Claimed, boundary: str) -> list[str]:
    plain = _part("plain", claimed.text)
    if claimed.html is None:
        return plain
    opening = ['Content-Type: multipart/alternative; boundary="' + boundary + '"', "", f"--{boundary}"]
    return [*opening, *plain[:-1], f"--{boundary}", *_part("html", claimed.html)[:-1], f"--{boundary}--", ""]


def _part(subtype: str, text: str) -> list[str]:
    clean = strip_controls(text.replace("\r\n", "\n").replace("\r", "\n")).replace("\n", "\r\n")
    coded = b64encode(clean.encode()).decode("ascii")
    lines = [coded[at : at + 76] for at in range(0, len(coded), 76)]
    return [f"Content-Type: text/{subtype}; charset=utf-8", "Content-Transfer-Encoding: base64", "", *lines, ""]


def _one_line(text: str) -> str:
    return " ".join(strip_controls(" ".join(text.split())).split())


@lru_cache(64)
def _date(at: datetime) -> str:
    return format_datetime(at)


@lru_cache(8)
def _sender(settings: MailSettings) -> str:
    return f"{_encoded(_one_line(settings.sender_name))}\r\n <{settings.sender}>"


def _encoded(text: str) -> str:
    """Write a header's text as RFC 2047 encoded words, each of whole characters, one a line."""
    code, words, start = text.encode(), [], 0
    while True:
        end = start + _WORD_BYTES
        # Never between the bytes of one character: those after its first begin with the bits 10.
        while end < len(code) and code[end] & 0xC0 == 0x80:
            end -= 1
        words.append(f"=?utf-8?b?{b64encode(code[start:end]).decode()}?=")
        start = end
        if start >= len(code):
            return "\r\n ".join(words)


class Mailer:
    """The mail server as this process sees it: up to `lines` connections, kept open between messages until `rest`."""

    channel = "email"

    def __init__(self, settings: MailSettings) -> None:
        self.settings = settings
        self.lines = settings.connections
        self.attempt_limit = settings.attempt_limit
        self._tls = tls_context(settings)
        self._idle: list[Line] = []
        self._slots = asyncio.Semaphore(settings.connections)

    async def send(self, claimed: Claimed) -> Answer:
        """Make one attempt, at most `attempt_limit` long whatever the server does; what goes wrong is its answer."""
        try:
            address, message = build(claimed, self.settings)
            envelope = (return_address(claimed, self.settings), address)
        except DeliveryError as error:
            return Answer(Phase.BUILD, text=str(error))
        except (ValueError, TypeError, OverflowError) as error:
            return read_answer(Phase.BUILD, None, f"the mail could not be built: {error}")
        async with self._slots:
            deadline = asyncio.get_running_loop().time() + self.attempt_limit
            if self._idle:
                answer = await self._attempt(self._idle.pop(), envelope, message, deadline)
                # A server may have closed a kept connection meanwhile; nothing was sent, so take a new one at once.
                if answer.phase is not Phase.MAIL or answer.code not in (None, _CLOSING):
                    return answer
            return await self._attempt(None, envelope, message, deadline)

    async def rest(self) -> None:
        """Close the connections; the next message opens new ones."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(line.quit() for line in idle))

    async def _attempt(self, kept: Line | None, envelope: tuple[str, str], message: bytes, deadline: float) -> Answer:
        line = kept or Line(self.settings, self._tls)
        fit = False
        try:
            if kept is None:
                async with asyncio.timeout_at(deadline):
                    await line.open()
            answer = await line.transmit(*envelope, message, deadline)
            fit = answer.accepted or (answer.code != _CLOSING and await line.reset(deadline))
        except aiosmtplib.SMTPResponseException as error:
            answer = self._refusal(line.phase, error)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            answer = _silence(line.phase, error)
        finally:
            if fit:
                self._idle.append(line)
            else:
                line.drop()
        return answer

    def _refusal(self, phase: Phase, error: aiosmtplib.SMTPResponseException) -> Answer:
        if isinstance(error, aiosmtplib.SMTPConnectResponseError):
            phase = Phase.GREETING
        text = error.message
        if phase is Phase.AUTH:
            # A server could repeat what it was told; a secret must not reach the table of deliveries.
            text = _without_secrets(text, self.settings)
        # aiosmtplib's own -1 stands for an answer that is no SMTP.
        return read_answer(phase, error.code if error.code > 0 else None, text)


def _silence(phase: Phase, error: Exception) -> Answer:
    """Say why no answer came. A time-out is an OSError; so is a bad certificate, which aiosmtplib may have wrapped."""
    cause = error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
    if isinstance(cause, ssl.SSLError):
        return read_answer(Phase.TLS, None, f"TLS failed: {cause}")
    if isinstance(error, aiosmtplib.SMTPConnectError) and "ready message" in str(error):
        phase = Phase.GREETING
    text = "timed out" if isinstance(error, TimeoutError) else f"{error}"
    if phase is Phase.DOT:
        text = f"no answer to the whole message, which may have been taken: {text}"
    return read_answer(phase, None, text)


def _without_secrets(text: str, settings: MailSettings) -> str:
    if settings.password:
        login = f"\0{settings.username}\0{settings.password}"
        for form in (*(b64encode(one.encode()).decode() for one in (login, settings.password)), settings.password):
            text = text.replace(form, "***")
    return text
