"""A mail server with scripted faults, on a free loopback port, in a thread of its own. What it logged is the truth.

Every message that it took, or may be held to have taken, is in `messages`; every line that it was sent, in `lines`.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

CERTIFICATES = Path(__file__).parent / "certificates"
AUTHORITY = str(CERTIFICATES / "authority.pem")

Point = Literal["greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot"]
POINTS: tuple[Point, ...] = ("greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot")
_FINE: Mapping[Point, str] = {
    "greeting": "220 sink.example.vn ESMTP",
    "starttls": "220 2.0.0 ready",
    "auth": "235 2.7.0 welcome",
    "mail": "250 2.1.0 ok",
    "rcpt": "250 2.1.5 ok",
    "data": "354 go on",
    "dot": "250 2.0.0 taken",
}


@dataclass(frozen=True)
class Script:
    """What a server does wrong, `times` times (None: always), then it is healthy.

    `refuse`: point to answer, such as {"rcpt": "550 5.1.1 no such user"}. `silent`: it reads and never answers from
    there on. `drip`: that answer comes one byte in `drip_every` seconds. `drop`: it cuts the line instead of answering;
    `drop_after`: after answering. `greylist`: each recipient's first tries get 450. `take_then_drop`: it takes the
    message and cuts the line before the 250.
    """

    refuse: Mapping[Point, str] = field(default_factory=dict)
    silent: Point | None = None
    drip: Point | None = None
    drip_every: float = 1.0
    drop: Point | None = None
    drop_after: Point | None = None
    greylist: int = 0
    take_then_drop: bool = False
    times: int | None = None


HEALTHY = Script()


@dataclass(frozen=True)
class Received:
    """One message that the server took: its recipient, its bytes as sent, and when (monotonic seconds)."""

    recipient: str
    raw: bytes
    at: float
    connection: int

    @property
    def message_id(self) -> str:
        """The Message-ID header, without its brackets."""
        found = re.search(rb"^Message-ID: <(.*)>\r?$", self.raw, re.MULTILINE)
        return found[1].decode() if found else ""


class CutError(Exception):
    """The line is cut here."""


class Sink:
    """The server; use it as a context manager. `script` is for all, `recipients` for some; both may change at any time.

    `at_point` is called before the answer at each point, with `half` while a message comes in, and with `after` behind
    the 250. `tls`: none, starttls or implicit, with the certificate of that name. `users`: passwords by name.
    `pipelining`: whether several commands may come at once (RFC 2920); `goes_on`: it asks for a message to nobody, too.
    """

    def __init__(
        self,
        script: Script = HEALTHY,
        *,
        recipients: Mapping[str, Script] | None = None,
        tls: Literal["none", "starttls", "implicit"] = "none",
        certificate: str = "good",
        users: Mapping[str, str] | None = None,
        injected: bytes = b"",
        pipelining: bool = True,
        goes_on: bool = False,
        at_point: Callable[[str], None] = lambda _point: None,
    ) -> None:
        self.script = script
        self.at_point = at_point
        self.recipients = dict(recipients or {})
        self.users = dict(users or {})
        self.messages: list[Received] = []
        self.lines: list[tuple[int, str]] = []
        self.connections = 0
        self.open_connections = 0
        self.most_connections = 0
        self.port = 0
        self._tls = tls
        self._injected = injected
        self.pipelining = pipelining
        self.goes_on = goes_on
        self._context: ssl.SSLContext | None = None
        if tls != "none":
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
        self._tries: Counter[str] = Counter()
        self._used: Counter[int] = Counter()
        self._sessions: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._over is not None:
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(5)

    def taken_by(self, recipient: str) -> list[Received]:
        """Give the messages that one recipient has."""
        return [one for one in self.messages if one.recipient == recipient]

    def count(self, command: str) -> int:
        """Count the lines that begin with a command, such as AUTH or RCPT TO."""
        return sum(line.upper().startswith(command.upper()) for _, line in self.lines)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        implicit = self._context if self._tls == "implicit" else None
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=implicit, limit=1 << 26)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        for session in list(self._sessions):
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._sessions.add(task)
            task.add_done_callback(self._sessions.discard)
        self.connections += 1
        self.open_connections += 1
        self.most_connections = max(self.most_connections, self.open_connections)
        try:
            await _Session(self, self.connections, reader, writer).talk()
        except (CutError, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            self.open_connections -= 1
            writer.transport.abort()

    def script_for(self, point: Point, recipient: str) -> Script:
        """Give the script that decides what to do at a point, and count its use."""
        script = self.recipients.get(recipient, self.script)
        faulty = point in (*script.refuse, script.silent, script.drip, script.drop, script.drop_after)
        faulty = faulty or (point == "dot" and script.take_then_drop)
        if not faulty:
            return script if script.greylist else HEALTHY
        if script.times is not None and self._used[id(script)] >= script.times:
            return HEALTHY
        self._used[id(script)] += 1
        return script

    def greylisted(self, recipient: str, script: Script) -> bool:
        """Say whether this recipient's try is still one too early."""
        self._tries[recipient] += 1
        return self._tries[recipient] <= script.greylist


class _Session:
    """One connection."""

    def __init__(self, sink: Sink, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sink = sink
        self._number = number
        self._reader = reader
        self._writer = writer
        self._recipient = ""
        self._begun = False
        self._recipients = 0
        self._secure = sink._tls == "implicit"

    async def talk(self) -> None:
        await self._answer("greeting")
        while line := await self._reader.readline():
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self._sink.lines.append((self._number, text))
            verb = text.split(" ")[0].split(":")[0].upper()
            match verb:
                case "EHLO":
                    await self._answer("ehlo", self._extensions())
                case "STARTTLS":
                    await self._start_tls()
                case "AUTH":
                    await self._log_in(text)
                case "MAIL":
                    self._recipients = 0
                    self._begun = await self._answer("mail")
                case "RCPT":
                    await self._take_recipient(text)
                case "DATA":
                    await self._take_message()
                case "QUIT":
                    await self._say("221 2.0.0 bye")
                    return
                case "RSET" | "NOOP":
                    await self._say("250 2.0.0 ok")
                case _:
                    await self._say("500 5.5.1 what?")

    def _extensions(self) -> str:
        words = ["sink.example.vn", "8BITMIME"]
        if self._sink.pipelining:
            words.append("PIPELINING")
        if self._sink._tls == "starttls" and not self._secure:
            words.append("STARTTLS")
        if self._sink.users:
            words.append("AUTH PLAIN LOGIN")
        return "\r\n".join([*(f"250-{word}" for word in words), "250 ENHANCEDSTATUSCODES"])

    async def _say(self, text: str, every: float | None = None) -> None:
        data = text.encode() + b"\r\n"
        for part in [data] if every is None else [data[at : at + 1] for at in range(len(data))]:
            self._writer.write(part)
            await self._writer.drain()
            await asyncio.sleep(every or 0)

    async def _answer(self, point: Point, fine: str | None = None) -> bool:
        """Answer as the script says; True when that was a yes."""
        self._sink.at_point(point)
        script = self._sink.script_for(point, self._recipient)
        if script.silent == point:
            await self._reader.read()
            raise CutError
        if script.drop == point:
            raise CutError
        answer = script.refuse.get(point) or fine or _FINE[point]
        if point == "rcpt" and script.greylist and self._sink.greylisted(self._recipient, script):
            answer = "450 4.2.0 greylisted, come again"
        await self._say(answer, script.drip_every if script.drip == point else None)
        if script.drop_after == point:
            raise CutError
        return answer[0] in "23"

    async def _start_tls(self) -> None:
        if await self._answer("starttls") and self._sink._context is not None:
            self._writer.write(self._sink._injected)
            await self._writer.start_tls(self._sink._context)
            self._secure = True

    async def _log_in(self, text: str) -> None:
        _, method, *rest = text.split(" ")
        if method.upper() == "PLAIN":
            _, user, password = b64decode(rest[0] if rest else await self._ask("")).decode().split("\0")
        else:
            user = b64decode(rest[0] if rest else await self._ask("VXNlcm5hbWU6")).decode()
            password = b64decode(await self._ask("UGFzc3dvcmQ6")).decode()
        known = self._sink.users.get(user) == password
        # A careless server repeats what it was told.
        await self._answer("auth", None if known else f"535 5.7.8 wrong: {user} {password}")

    async def _ask(self, prompt: str) -> str:
        await self._say(f"334 {prompt}")
        return (await self._reader.readline()).decode().strip()

    async def _take_recipient(self, text: str) -> None:
        self._recipient = text.partition("<")[2].partition(">")[0]
        if self._begun:
            self._recipients += await self._answer("rcpt")
        else:
            await self._say("503 5.5.1 no sender")

    async def _take_message(self) -> None:
        if not self._recipients and not self._sink.goes_on:
            await self._say("503 5.5.1 no recipient")
            return
        if not await self._answer("data"):
            return
        self._sink.at_point("half")
        raw = (await self._reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
        script = self._sink.recipients.get(self._recipient, self._sink.script)
        refused = script.refuse.get("dot") or script.drop == "dot" or script.silent == "dot"
        used_up = script.times is not None and self._sink._used[id(script)] >= script.times
        if not refused or used_up:
            clear = raw.replace(b"\r\n..", b"\r\n.")
            self._sink.messages.append(Received(self._recipient, clear, time.monotonic(), self._number))
        if script.take_then_drop and not used_up:
            self._sink._used[id(script)] += 1
            raise CutError
        await self._answer("dot")
        self._sink.at_point("after")
