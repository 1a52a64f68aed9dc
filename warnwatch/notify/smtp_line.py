"""One SMTP connection: aiosmtplib connects, encrypts and logs in; the messages go over it as few packets as can be.

A reply is judged by who asked for it: what a server says unasked is not read as an answer to what comes next.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from typing import cast

import aiosmtplib

from warnwatch.notify.delivery import Answer, Phase, read_answer
from warnwatch.notify.mail_settings import MailSettings

# No server has so much to say; one that goes on without end is cut off.
_LONGEST_REPLY = 32 * 1024
_GROUP = (Phase.MAIL, Phase.RCPT, Phase.DATA)
_YES = {Phase.MAIL: (250,), Phase.RCPT: (250, 251, 252), Phase.DATA: (354,)}
_GO_ON = 354


class Line(asyncio.Protocol):
    """One connection; `phase` is the point of the dialogue that it has reached."""

    def __init__(self, settings: MailSettings, tls: ssl.SSLContext | None) -> None:
        self.phase = Phase.CONNECT
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._together = False
        self._buffer = b""
        self._said: list[bytes] = []
        self._replies: deque[tuple[int, str]] = deque()
        # How many replies are still to come for what was asked.
        self._owed = 0
        self._waiter: asyncio.Future[None] | None = None
        self._fault: Exception | None = None
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
        if self._smtp.transport is None:
            raise ConnectionResetError("the server closed the connection")
        # From here on our own dialogue: aiosmtplib's takes three turns where RFC 2920 needs one, and three times the
        # processor time.
        self._together = self._smtp.supports_extension("pipelining")
        self._transport = cast("asyncio.Transport", self._smtp.transport)
        self._transport.set_protocol(self)

    # --- what the transport calls

    def data_received(self, data: bytes) -> None:
        """Take in what the server says, line by line."""
        if not self._owed:
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            if len(line[:3]) < len("250") or not line[:3].isdigit():
                self._fail(ValueError(f"no SMTP reply: {line[:200].decode('utf-8', 'replace')}"))
                return
            self._said.append(line[4:].strip())
            if line[3:4] != b"-":
                self._replies.append((int(line[:3]), b"\n".join(self._said).decode("utf-8", "replace")))
                self._said = []
        if len(self._buffer) + sum(map(len, self._said)) > _LONGEST_REPLY:
            self._fail(ValueError("a reply without end"))
        elif self._replies:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that nothing more comes."""
        self._fail(exc or ConnectionResetError("the server closed the connection"))

    def _fail(self, fault: Exception) -> None:
        self._fault = self._fault or fault
        self._wake()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    # --- the dialogue

    def _write(self, data: bytes, replies: int) -> None:
        if self._fault:
            raise self._fault
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the server closed the connection")
        self._owed += replies
        self._transport.write(data)

    async def _reply(self, until: float) -> tuple[int, str]:
        """Wait for the next reply until a time of the loop; what came before the line was cut counts."""
        while not self._replies:
            if self._fault:
                raise self._fault
            self._waiter = self._loop.create_future()
            late = self._loop.call_at(until, _give_up, self._waiter)
            try:
                await self._waiter
            finally:
                late.cancel()
                self._waiter = None
        self._owed -= 1
        return self._replies.popleft()

    async def transmit(self, sender: str, address: str, message: bytes, deadline: float) -> Answer:
        """Hand over one message; the final answer may take as long as the whole attempt may.

        Where the server allows it (PIPELINING), sender, address and DATA go together: one turn instead of three.
        """
        asked = (f"MAIL FROM:<{sender}>\r\n".encode(), f"RCPT TO:<{address}>\r\n".encode(), b"DATA\r\n")
        self.phase = Phase.MAIL
        if self._together:
            self._write(b"".join(asked), len(asked))
        for phase, command in zip(_GROUP, asked, strict=True):
            self.phase = phase
            if not self._together:
                self._write(command, 1)
            code, text = await self._reply(min(deadline, self._loop.time() + self._settings.command_limit))
            if code not in _YES[phase]:
                return read_answer(phase, code, text)
        self.phase = Phase.DOT
        self._write(message.replace(b"\r\n.", b"\r\n..") + b".\r\n", 1)
        return read_answer(Phase.DOT, *await self._reply(deadline))

    async def reset(self, deadline: float) -> bool:
        """Make a connection fit for the next message after a refusal; False when it is not.

        A server that waits for the message of a refused address all the same is left.
        """
        with suppress(OSError, ValueError):
            until = min(deadline, self._loop.time() + self._settings.command_limit)
            while self._owed:
                if (await self._reply(until))[0] == _GO_ON:
                    return False
            self._write(b"RSET\r\n", 1)
            return (await self._reply(until))[0] == 250
        return False

    async def quit(self) -> None:
        """Say goodbye; what comes back, if anything, changes nothing any more."""
        with suppress(OSError, ValueError):
            self._write(b"QUIT\r\n", 1)
            await self._reply(self._loop.time() + min(1.0, self._settings.command_limit))
        self.drop()

    def drop(self) -> None:
        """Cut the connection without waiting for what the other side has not read yet."""
        transport = self._transport or self._smtp.transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
        self._smtp.close()


def _give_up(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
