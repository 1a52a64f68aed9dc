"""The mail channel: a claimed notification becomes a message's bytes, and the bytes go over kept SMTP connections."""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Literal

import aiosmtplib

from warnwatch.errors import SettingsError
from warnwatch.language import Phrase, in_language
from warnwatch.notify.delivery import Answer, Claimed, DeliveryError, Phase, read_answer, strip_controls
from warnwatch.notify.return_address import LENGTH, address_of, fault_in

# Hosts that a password may reach without TLS: it never leaves the machine.
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# One plain address (RFC 5321 without quoted local parts), so that nothing else can come out of an address field.
_ADDRESS = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
# A line with encoded words is at most 76 characters (RFC 2047): 39 bytes make 52, beside "Subject: =?utf-8?b?…?=".
_WORD_BYTES = 39


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How mail leaves this installation. Limits are in seconds; `attempt_limit` covers a whole attempt, connecting too.

    `starttls` and `tls` are never weakened: a server without them gets nothing. `redirect_to`: all goes there, marked.
    `bounce_to`: where reports on mails that did not arrive come back to, an address with {id} for each mail's own.
    """

    host: str
    port: int
    sender: str
    sender_name: str
    local_hostname: str
    message_id_domain: str
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    connect_limit: float = 10.0
    command_limit: float = 10.0
    attempt_limit: float = 30.0
    connections: int = 4
    redirect_to: str | None = None
    language: str = "vi"
    bounce_to: str | None = None

    def __post_init__(self) -> None:
        """Refuse settings with which no mail can leave, or a password would leave in clear."""
        for name in ("sender", "redirect_to"):
            value = getattr(self, name)
            if value is not None and not _ADDRESS.fullmatch(value):
                raise SettingsError(f"mail.{name}: {value!r} is not one e-mail address such as canh-bao@example.vn")
        if self.bounce_to is not None:
            example = address_of(self.bounce_to, "x" * LENGTH)
            fault = fault_in(self.bounce_to) or ("" if _ADDRESS.fullmatch(example) else "is not one e-mail address")
            if fault:
                raise SettingsError(f"mail.bounce_to: {self.bounce_to!r} {fault}")
        for name in ("local_hostname", "message_id_domain"):
            if not _DOMAIN.fullmatch(getattr(self, name)):
                raise SettingsError(f"mail.{name}: {getattr(self, name)!r} is not a host name such as mail.example.vn")
        if self.username is not None and self.security == "none" and self.host not in LOOPBACK:
            raise SettingsError(
                "mail.security: 'none' would send the password in clear; allowed with mail.username: 'starttls', 'tls' "
                f"(or a host of {', '.join(LOOPBACK)})"
            )
        if min(self.connections, self.connect_limit, self.command_limit, self.attempt_limit) <= 0:
            raise SettingsError("mail: connections and the time limits must be above 0")


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
    if not _ADDRESS.fullmatch(address):
        raise DeliveryError(f"not one plain e-mail address: {strip_controls(address)[:80]!r}", permanent=True)
    name = _name(claimed.key)
    headers = [
        f"From: {_sender(settings)}",
        f"To: <{address}>",
        f"Subject: {_encoded(subject)}",
        f"Date: {format_datetime(claimed.created_at)}",
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


class _Line:
    """One SMTP connection; `phase` is the point of the dialogue that it has reached."""

    def __init__(self, settings: MailSettings, tls: ssl.SSLContext | None) -> None:
        self.phase = Phase.CONNECT
        self._settings = settings
        self._protocol: aiosmtplib.protocol.SMTPProtocol | None = None
        self._smtp = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            local_hostname=settings.local_hostname,
            timeout=settings.command_limit,
            use_tls=settings.security == "tls",
            start_tls=False,
            tls_context=tls,
        )

    async def open(self) -> None:
        """Connect, greet, encrypt and log in, each step only after the one before has succeeded."""
        await self._smtp.connect(timeout=self._settings.connect_limit)
        self._protocol = self._smtp.protocol
        self.phase = Phase.EHLO
        await self._smtp.ehlo()
        if self._settings.security == "starttls":
            self.phase = Phase.TLS
            await self._smtp.starttls()
            self.phase = Phase.EHLO
            await self._smtp.ehlo()
        if self._settings.username is not None:
            self.phase = Phase.AUTH
            await self._smtp.login(self._settings.username, self._settings.password or "")

    async def transmit(self, sender: str, address: str, message: bytes) -> Answer:
        """Hand over one message; the final answer may take as long as the whole attempt may."""
        protocol = self._protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("not connected")
        # Not aiosmtplib's mail(), rcpt() and data(): two parse addresses anew that were checked before, a fifth of a
        # mail's time; the last reports a refused DATA and a refused message alike.
        for phase, command, yes in (
            (Phase.MAIL, f"MAIL FROM:<{sender}>", (250,)),
            (Phase.RCPT, f"RCPT TO:<{address}>", (250, 251, 252)),
            (Phase.DATA, "DATA", (354,)),
        ):
            self.phase = phase
            said = await self._smtp.execute_command(command.encode("ascii"))
            if said.code not in yes:
                return read_answer(phase, said.code, said.message)
        self.phase = Phase.DOT
        protocol.write(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        done = await protocol.read_response()
        return read_answer(Phase.DOT, done.code, done.message)

    async def reset(self, deadline: float) -> bool:
        """Make a connection fit for the next message after a refusal; False when it is not."""
        with suppress(aiosmtplib.SMTPException, OSError):
            async with asyncio.timeout_at(deadline):
                await self._smtp.rset()
            return True
        return False

    async def quit(self) -> None:
        """Say goodbye; what comes back, if anything, changes nothing any more."""
        with suppress(aiosmtplib.SMTPException, OSError):
            await self._smtp.quit(timeout=min(1.0, self._settings.command_limit))
        self.drop()

    def drop(self) -> None:
        """Cut the connection without waiting for what the other side has not read yet."""
        if self._protocol is not None and isinstance(self._protocol.transport, asyncio.WriteTransport):
            self._protocol.transport.abort()
        self._smtp.close()


class Mailer:
    """The mail server as this process sees it: up to `lines` connections, kept open between messages until `rest`."""

    channel = "email"

    def __init__(self, settings: MailSettings) -> None:
        self.settings = settings
        self.lines = settings.connections
        self.attempt_limit = settings.attempt_limit
        self._tls = _tls_context(settings)
        self._idle: list[_Line] = []
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
                if answer.phase is not Phase.MAIL or answer.code not in (None, 421):
                    return answer
            return await self._attempt(None, envelope, message, deadline)

    async def rest(self) -> None:
        """Close the connections; the next message opens new ones."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(line.quit() for line in idle))

    async def _attempt(self, kept: _Line | None, envelope: tuple[str, str], message: bytes, deadline: float) -> Answer:
        line = kept or _Line(self.settings, self._tls)
        fit = False
        try:
            async with asyncio.timeout_at(deadline):
                if kept is None:
                    await line.open()
                answer = await line.transmit(*envelope, message)
            fit = answer.accepted or await line.reset(deadline)
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


def _tls_context(settings: MailSettings) -> ssl.SSLContext | None:
    if settings.security == "none":
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise SettingsError(f"mail.ca_file: cannot read certificates from {settings.ca_file!r} ({error})") from error
