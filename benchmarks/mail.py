"""Mails a second from ready rows to recorded 250s over a local sink, on SQLite or PostgreSQL; where the time goes.

python benchmarks/mail.py --count 5000 [--url postgresql://…] [--connections 4]
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import cast

from sqlalchemy import Engine

from warnwatch.database import open_engine, upgrade
from warnwatch.notify.email import Mailer, MailSettings, build
from warnwatch.notify.notification import Kind, Notification
from warnwatch.notify.outbox import Outbox, add, counts
from warnwatch.notify.sending import Sender
from warnwatch.rules.rule import Level

START = datetime(2025, 8, 20, 1, 0, tzinfo=UTC)
ANSWERS = {b"EHLO": b"250 sink\r\n", b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}


class _SinkProtocol(asyncio.Protocol):
    """As little of a mail server as a sender needs, so that the sender is what is measured."""

    def __init__(self) -> None:
        self._buffer = b""
        self._in_message = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._in_message:
            if not self._buffer.endswith(b"\r\n.\r\n"):
                return
            self._in_message, self._buffer = False, b""
            self._transport.write(b"250 taken\r\n")
        elif self._buffer.endswith(b"\r\n"):
            verb, self._buffer = self._buffer[:4], b""
            self._in_message = verb == b"DATA"
            self._transport.write(ANSWERS.get(verb, b"250 ok\r\n"))


def _run_sink(pipe: Pipe) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_SinkProtocol, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@contextmanager
def sink() -> Iterator[int]:
    """Run the sink in a process of its own; give its port."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_run_sink, args=(theirs,), daemon=True)
    process.start()
    yield ours.recv()
    process.terminate()
    process.join()


def letters(count: int) -> Iterator[tuple[Notification, str]]:
    """Give texts of about 4 KB as sent, each to another head."""
    text = "Kính gửi đồng chí,\nNhiệm vụ đã quá hạn 3 ngày làm việc, đề nghị cập nhật.\n" * 12
    html = "<table><tr><td>Nhiệm vụ đã quá hạn 3 ngày làm việc, đề nghị cập nhật</td></tr></table>" * 14
    for number in range(count):
        yield (
            Notification(
                key=f"telling-{number}",
                holder=f"DP-{number}/head/1",
                office="head",
                unit=f"DP-{number}",
                channel="email",
                kind=Kind.OVERDUE,
                level=Level(1 + number % 3),
                address=f"head@dp{number}.example.vn",
                subject=f"[Khẩn] Nhiệm vụ quá hạn: hoàn thành cung cấp dịch vụ công trực tuyến, đợt {number}",
                text=text,
                html=html,
                created_at=START,
            ),
            "ready",
        )


def timed(title: str, count: int, work: Callable[[], object]) -> None:
    """Run once, and print the time and the rate."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(f"{title:42} {took:7.2f} s {count / took:9,.0f}/s {1e6 * cpu / count:7.0f} µs CPU each")


def measure(engine: Engine, port: int, count: int, connections: int) -> None:
    """Measure each part alone, then the whole."""
    settings = MailSettings(
        host="127.0.0.1",
        port=port,
        sender="canh-bao@example.vn",
        sender_name="Hệ thống Cảnh báo sớm",
        local_hostname="ww.example.vn",
        message_id_domain="ww.example.vn",
        security="none",
        connections=connections,
    )
    outbox = Outbox(engine, owner="bench", clock=lambda: START)

    def write() -> None:
        with engine.begin() as connection:
            add(connection, letters(count), {})

    async def send() -> None:
        await Sender(outbox, Mailer(settings), jitter=lambda: 0.5).round()

    timed("write to the outbox", count, write)
    held = outbox.claim(min(count, 1000))
    outbox.release(held)
    print(f"{'a message':42} {len(build(held[0], settings)[1]):7} bytes")
    timed("build alone", len(held), lambda: [build(one, settings) for one in held])
    mailer = Mailer(settings)

    async def only_send() -> None:
        await asyncio.gather(*(mailer.send(one) for one in held))
        await mailer.rest()

    timed("build and send, no database", len(held), lambda: asyncio.run(only_send()))
    timed("ready rows to recorded 250s", count, lambda: asyncio.run(send()))
    with engine.begin() as connection:
        if counts(connection) != {("email", "sent"): count}:
            raise SystemExit(f"not everything was sent: {counts(connection)}")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--url", help="an empty database; default: a new SQLite file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sink() as port:
        url = given.url or f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        upgrade(url)
        engine = open_engine(url)
        print(f"{engine.dialect.name}, {given.count:,} mails, {given.connections} connections")
        measure(engine, port, given.count, given.connections)
        engine.dispose()
    print(f"{'peak memory':42} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:7.0f} MiB")


if __name__ == "__main__":
    main()
