"""Mails a second from ready rows to recorded 250s, beside Alertmanager and smtp-source on the same smtp-sink.

python benchmarks/mail.py [--heads 1000 5000 20000] [--runs 3] [--url postgresql://…] [--only ours] [--parts]

Debian's packages postfix (its smtp-sink and smtp-source; no mail server runs) and prometheus-alertmanager. Whatever is
measured runs in a process of its own; the sink is a new one each time. The best of the runs is shown: others use the
machine as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from urllib.request import Request, urlopen

from sqlalchemy import Engine

from warnwatch.database import open_engine, upgrade
from warnwatch.notify.delivery import Attempt, Claimed
from warnwatch.notify.email import Mailer, build
from warnwatch.notify.mail_settings import MailSettings
from warnwatch.notify.notification import Kind, Notification
from warnwatch.notify.outbox import Outbox, add, counts
from warnwatch.notify.sending import Sender
from warnwatch.rules.rule import Level
from warnwatch.schema import metadata

START = datetime(2025, 8, 20, 1, 0, tzinfo=UTC)
SEARCH_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin"
SUBJECT = "[Khẩn] Nhiệm vụ quá hạn: hoàn thành cung cấp dịch vụ công trực tuyến, đợt"
TEXT = "Kính gửi đồng chí,\nNhiệm vụ đã quá hạn 3 ngày làm việc, đề nghị cập nhật.\n" * 12
HTML = "<table><tr><td>Nhiệm vụ đã quá hạn 3 ngày làm việc, đề nghị cập nhật</td></tr></table>" * 14
# Alertmanager takes alerts in requests of this many.
POSTED = 1000
ROWS = (
    ("rate", "mails a second", "{:,.0f}"),
    ("half", "half of them recorded after, s", "{:.2f}"),
    ("most", "99 of 100 after, s", "{:.2f}"),
    ("whole", "all after, s", "{:.2f}"),
    ("cpu", "processor time a mail, ms", "{:.2f}"),
    ("memory", "peak memory, MB", "{:,.0f}"),
)


@dataclass(frozen=True)
class Figures:
    """What one run gave. `times`: how many mails had been recorded after so many seconds, growing."""

    times: Sequence[tuple[float, int]]
    cpu: float
    memory: float

    def after(self, share: float) -> float:
        """Give the seconds after which a share of all mails had been recorded."""
        total = self.times[-1][1]
        return next(at for at, number in self.times if number >= share * total)

    def shown(self) -> dict[str, float]:
        """Give the figures by the names of ROWS."""
        total, whole = self.times[-1][1], self.after(1)
        parts = {"half": self.after(0.5), "most": self.after(0.99), "whole": whole, "memory": self.memory}
        return {"rate": total / whole, "cpu": 1e3 * self.cpu / total} | parts


def program(name: str) -> str:
    """Find a program of Debian's, or say which package has it."""
    found = shutil.which(name, path=SEARCH_PATH)
    if not found:
        raise SystemExit(f"{name} is missing: apt-get install postfix prometheus-alertmanager")
    return found


def free_port() -> int:
    """Find a port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for a block."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def sink() -> Iterator[int]:
    """Run Postfix's smtp-sink; give its port."""
    port = free_port()
    # As root it asks for the user to become.
    user = ("-u", "nobody") if os.geteuid() == 0 else ()
    with running(program("smtp-sink"), *user, f"127.0.0.1:{port}", "1000"):
        wait_for(port)
        yield port


# --- ours


class Noting(Outbox):
    """An outbox that notes when it has recorded how many."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, owner="bench", clock=lambda: datetime.now(UTC))
        self.noted: list[tuple[float, int]] = []

    def record(self, attempts: Sequence[Attempt]) -> None:
        """Record, and note the time once that is committed."""
        super().record(attempts)
        self.noted.append((time.perf_counter(), len(attempts)))


def letters(count: int) -> Iterator[tuple[Notification, str]]:
    """Give texts of some 5 KB as sent, each to another head."""
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
                subject=f"{SUBJECT} {number}",
                text=f"{TEXT}{number}\n",
                html=f"{HTML}<p>{number}</p>",
                created_at=START,
            ),
            "ready",
        )


def settings_for(port: int, connections: int) -> MailSettings:
    """Give settings for the sink."""
    return MailSettings(
        host="127.0.0.1",
        port=port,
        sender="canh-bao@example.vn",
        sender_name="Hệ thống Cảnh báo sớm",
        local_hostname="ww.example.vn",
        message_id_domain="ww.example.vn",
        security="none",
        connections=connections,
        bounce_to="tra-lai+{id}@example.vn",
    )


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _send(pipe: Pipe, url: str, port: int, connections: int) -> None:
    engine = open_engine(url)
    box = Noting(engine)
    sender = Sender(box, Mailer(settings_for(port, connections)), jitter=lambda: 0.5)
    began, cpu = time.perf_counter(), _processor()
    asyncio.run(sender.round())
    cpu = _processor() - cpu
    times, total = [], 0
    for at, number in box.noted:
        total += number
        times.append((at - began, total))
    pipe.send(Figures(times, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    engine.dispose()


def ours(heads: int, given: argparse.Namespace) -> Figures:
    """Send all rows of an outbox."""
    with tempfile.TemporaryDirectory() as folder, sink() as port:
        url = given.url or f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        upgrade(url)
        engine = open_engine(url)
        with engine.begin() as connection:
            add(connection, letters(heads), {})
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_send, args=(there, url, port, given.connections))
        process.start()
        found: Figures = here.recv()
        process.join()
        with engine.begin() as connection:
            if counts(connection) != {("email", "sent"): heads}:
                raise SystemExit(f"not everything was sent: {counts(connection)}")
        engine.dispose()
    return found


# --- Alertmanager

ALERTMANAGER = """
global: {{smtp_smarthost: "127.0.0.1:{port}", smtp_from: canh-bao@example.vn, smtp_require_tls: false}}
route: {{receiver: heads, group_by: [head], group_wait: 0s, group_interval: 1h, repeat_interval: 24h}}
receivers:
- name: heads
  email_configs:
  - to: "{{{{ .GroupLabels.head }}}}"
    headers: {{Subject: "{{{{ .CommonAnnotations.subject }}}}"}}
    text: "{{{{ .CommonAnnotations.text }}}}"
    html: "{{{{ .CommonAnnotations.html }}}}"
"""


def alertmanager(heads: int, _given: argparse.Namespace) -> Figures:
    """Post an alert for each head to Debian's Alertmanager, and watch its count of notifications."""
    with tempfile.TemporaryDirectory() as folder, sink() as port:
        web = free_port()
        file = Path(folder, "alertmanager.yml")
        file.write_text(ALERTMANAGER.format(port=port))
        words = (f"--config.file={file}", f"--storage.path={folder}", "--cluster.listen-address=")
        link = f"http://127.0.0.1:{web}"
        with running(
            program("prometheus-alertmanager"), *words, f"--web.listen-address=127.0.0.1:{web}", "--log.level=error"
        ) as process:
            wait_for(web)
            began, cpu = time.perf_counter(), _used(process.pid)
            for start in range(0, heads, POSTED):
                _post(link, range(start, min(heads, start + POSTED)))
            times = list(_counted(link, heads, began))
            cpu = _used(process.pid) - cpu
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
            process.kill()
    return Figures(times, cpu, peak)


def _post(link: str, numbers: range) -> None:
    alerts = [
        {
            "labels": {"alertname": "overdue", "head": f"head@dp{number}.example.vn"},
            "annotations": {"subject": f"{SUBJECT} {number}", "text": f"{TEXT}{number}", "html": f"{HTML}{number}"},
        }
        for number in numbers
    ]
    body = json.dumps(alerts).encode()
    urlopen(Request(f"{link}/api/v2/alerts", body, {"Content-Type": "application/json"})).close()  # noqa: S310 (ours)


def _counted(link: str, heads: int, began: float) -> Iterator[tuple[float, int]]:
    """Watch how many notifications have gone out, until all have."""
    number = 0
    while number < heads:
        time.sleep(0.05)
        with urlopen(f"{link}/metrics") as answer:  # noqa: S310 (ours)
            lines = answer.read().decode().splitlines()
        counted = {line.split(" ")[0]: float(line.split(" ")[1]) for line in lines if not line.startswith("#")}
        if counted['alertmanager_notifications_failed_total{integration="email"}']:
            raise SystemExit("Alertmanager could not send")
        number = int(counted['alertmanager_notifications_total{integration="email"}'])
        yield time.perf_counter() - began, number


def _used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- the sink's own limit


def source(heads: int, given: argparse.Namespace) -> Figures:
    """Let Postfix's smtp-source send as many messages of the same size over as many kept connections."""
    size = len(build(_one_held(), settings_for(25, 1))[1])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with sink() as port:
        words = (program("smtp-source"), "-d", "-s", f"{given.connections}", "-m", f"{heads}", "-l", f"{size}")
        began = time.perf_counter()
        subprocess.run([*words, f"127.0.0.1:{port}"], check=True)
        whole = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Figures([(whole, heads)], cpu, 0)


def _one_held() -> Claimed:
    """Give one text as a sender holds it."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        add(connection, letters(1), {})
    return Outbox(engine, owner="bench", clock=lambda: START).claim(1)[0]


MEASURED: dict[str, Callable[[int, argparse.Namespace], Figures]] = {
    "ours": ours,
    "alertmanager": alertmanager,
    "source": source,
}
TITLES = {"ours": "WarnWatch", "alertmanager": "Alertmanager", "source": "smtp-source"}


def parts(given: argparse.Namespace) -> None:
    """Measure each part of our sender alone, by processor time."""
    count = 1000
    with tempfile.TemporaryDirectory() as folder, sink() as port:
        url = f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        upgrade(url)
        engine = open_engine(url)
        settings = settings_for(port, given.connections)
        with engine.begin() as connection:
            add(connection, letters(count), {})
        box = Outbox(engine, owner="bench", clock=lambda: START)
        held = box.claim(count)
        box.release(held)
        mailer = Mailer(settings)

        async def only_send() -> None:
            await asyncio.gather(*(mailer.send(one) for one in held))
            await mailer.rest()

        print(f"a message: {len(build(held[0], settings)[1]):,} bytes")
        for title, work in (
            ("claim", lambda: box.claim(count)),
            ("build", lambda: [build(one, settings) for one in held]),
            ("build and send, no database", lambda: asyncio.run(only_send())),
        ):
            began = time.process_time()
            work()
            print(f"{title:30} {1e6 * (time.process_time() - began) / count:6.0f} µs of processor time each")
        engine.dispose()


def main() -> None:
    """Read the arguments, measure, and print a table for each number of heads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heads", type=int, nargs="+", default=[1000, 5000, 20_000])
    parser.add_argument("--runs", type=int, default=3, help="the best of so many is shown")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--url", help="an empty database for one run with --only ours; default: a new SQLite file")
    parser.add_argument("--only", choices=MEASURED, action="append")
    parser.add_argument("--parts", action="store_true", help="each part of our sender alone instead")
    given = parser.parse_args()
    if given.parts:
        parts(given)
        return
    names = given.only or list(MEASURED)
    for heads in given.heads:
        best: dict[str, dict[str, float]] = {}
        for _ in range(given.runs):
            for name in names:
                found = MEASURED[name](heads, given).shown()
                best[name] = max(found, best.get(name, found), key=lambda one: one["rate"])
        print(f"\n| {heads:,} heads | {' | '.join(TITLES[name] for name in names)} |")
        print(f"|---|{'---:|' * len(names)}")
        for row, title, form in ROWS:
            print(f"| {title} | {' | '.join(form.format(best[name][row]) for name in names)} |", flush=True)
        if {"ours", "alertmanager"} <= set(names):
            print(f"\nWarnWatch sends {best['ours']['rate'] / best['alertmanager']['rate']:.1f} times as fast.")


if __name__ == "__main__":
    main()
