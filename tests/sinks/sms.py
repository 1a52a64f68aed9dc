"""An SMS gateway with scripted faults, on a free loopback port, in threads of its own. What it logged is the truth.

Every message that it took is in `taken`, every request that it was sent in `asked`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Reply:
    """What is done with one request. `takes`: the message goes out. `silent`: no answer; `drop`: the line is cut.

    `drip`: a byte of the answer each tenth of a second, without end.
    """

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    takes: bool = True
    silent: bool = False
    drop: bool = False
    drip: bool = False


@dataclass(frozen=True)
class Asked:
    """One request as it came: its form or JSON fields are in `fields`."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str
    fields: Mapping[str, str]
    at: float


def taken_as(number: int) -> Reply:
    """Answer as eSMS does to a message that it takes."""
    return Reply(body=json.dumps({"CodeResult": "100", "SMSID": f"id-{number}"}))


class SmsSink:
    """The gateway: `replies` are given one after another, the last for ever; with `knows_again` a key is taken once."""

    def __init__(self, *replies: Reply, knows_again: bool = False) -> None:
        self.asked: list[Asked] = []
        self.taken: list[Asked] = []
        self.replies: list[Reply] = list(replies)
        self._knows_again, self._keys = knows_again, set[str]()
        self._lock, self._over = threading.Lock(), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/send"

    def __enter__(self) -> Self:
        """Start it."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop it; whoever waits for an answer is let go."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply(self, asked: Asked) -> Reply:
        """Note a request, and say what is done with it."""
        with self._lock:
            self.asked.append(asked)
            reply = self.replies[0] if len(self.replies) == 1 else self.replies.pop(0)
            key = asked.fields.get("RequestId", "")
            if self._knows_again and key in self._keys:
                return Reply(body='{"CodeResult": "124"}', takes=False)
            if reply.takes:
                self._keys.add(key)
                self.taken.append(asked)
            return reply

    def wait(self, seconds: float) -> bool:
        """Wait, and say whether it is over."""
        return self._over.wait(seconds)


def _handler(sink: SmsSink) -> type[BaseHTTPRequestHandler]:  # noqa: C901 (one answer in all its ways)
    class Handler(BaseHTTPRequestHandler):
        """One connection."""

        def do_POST(self) -> None:
            """Answer."""
            self._answer()

        def do_GET(self) -> None:
            """Answer."""
            self._answer()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's own name)
            """Say nothing."""

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            asked = Asked(self.command, self.path, dict(self.headers), body, _fields(self.path, body), time.monotonic())
            reply = sink.reply(asked)
            if reply.silent:
                sink.wait(60)
            if reply.silent or reply.drop:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if not reply.drip:
                self.send_header("Content-Length", str(len(reply.body.encode())))
            self.end_headers()
            self.wfile.write(reply.body.encode())
            while reply.drip and not sink.wait(0.1):
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return

    return Handler


def _fields(path: str, body: str) -> dict[str, str]:
    if body.startswith("{"):
        return {name: str(value) for name, value in json.loads(body).items()}
    found: Mapping[str, Sequence[str]] = parse_qs(body or path.partition("?")[2], keep_blank_values=True)
    return {name: values[-1] for name, values in found.items()}
