"""The service as tests run it: in this process over a plan and a clock of theirs, or as the command in another one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.error import HTTPError
from urllib.request import urlopen

from click.testing import CliRunner, Result

from warnwatch.cli import main
from warnwatch.service import Service
from warnwatch.settings import Settings

PATIENCE = 20.0
Done: TypeAlias = subprocess.CompletedProcess[str]


def settings_for(url: str, *, smtp: int = 1, **sections: Mapping[str, Any]) -> Settings:
    """Give settings over a database: a free port, a mail server on loopback, and what a test changes by section."""
    plain: dict[str, dict[str, Any]] = {
        "database": {"url": url},
        "cycle": {"every": 0.2},
        "mail": {"host": "127.0.0.1", "port": smtp, "security": "none", "redirect_to": "thu@example.vn"},
        "web": {"port": 0},
    }
    for section, values in sections.items():
        plain[section] = plain.get(section, {}) | dict(values)
    return Settings.model_validate(plain)


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[asyncio.Event]:
    """Run a service for a block; gives the event that stops it."""
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(service.run(stop, ready.set))
    try:
        await asyncio.wait([task, asyncio.create_task(ready.wait())], return_when=asyncio.FIRST_COMPLETED)
        yield stop
    finally:
        stop.set()
        await task
        service.close()


async def holds(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something is true, asked in a thread because it may wait itself."""
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.02)


def get(link: str, path: str, seconds: float = 5.0) -> tuple[int, str]:
    """Ask the service for a page: status and text."""
    try:
        with urlopen(link + path, timeout=seconds) as answer:  # noqa: S310 (a link of the service)
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def ask(link: str, path: str) -> tuple[int, str]:
    """Ask from within the loop that serves."""
    return await asyncio.to_thread(get, link, path)


def environment(**sections: Mapping[str, object]) -> dict[str, str]:
    """Give settings as variables of another process, which else has none of ours.

    Its lease is short: a test that kills a service and starts another one waits no 15 seconds for it to take over.
    """
    plain = {key: value for key, value in os.environ.items() if not key.startswith("WARNWATCH_")}
    plain["WARNWATCH_CYCLE__LEASE"] = "1"
    for section, values in sections.items():
        plain |= {f"WARNWATCH_{section.upper()}__{name.upper()}": str(value) for name, value in values.items()}
    return plain


def run(
    *words: str,
    folder: Path,
    seconds: float = 100,
    variables: Mapping[str, object] | None = None,
    **sections: Mapping[str, object],
) -> Done:
    """Run a command to its end in a folder."""
    command = [sys.executable, "-m", "warnwatch", *words]
    whole = environment(**sections) | {name: str(value) for name, value in (variables or {}).items()}
    return subprocess.run(command, cwd=folder, env=whole, capture_output=True, text=True, timeout=seconds, check=False)


def said_here(*words: str, **sections: Mapping[str, object]) -> Result:
    """Run a command to its end in this process: another one would take longer to start than most commands run."""
    return CliRunner().invoke(main, words, env=environment(**sections))


class Running:
    """`warnwatch serve` in a process of its own, and its log so far."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log

    def lines(self) -> list[dict[str, Any]]:
        """Read the log: every line must be one JSON object."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def link(self) -> str:
        """Wait for the line that says where it serves."""
        self.wait_for(lambda: any("link" in line for line in self.lines()))
        return str(next(line["link"] for line in self.lines() if "link" in line))

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until something is true, while it runs."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, self.log.read_text(encoding="utf-8")
            time.sleep(0.05)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Stop it by a signal; give its exit code and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE), time.monotonic() - began


@contextmanager
def started(
    *words: str, folder: Path, variables: Mapping[str, object] | None = None, **sections: Mapping[str, object]
) -> Iterator[Running]:
    """Start a command that stays, `serve` by default; whatever happens it is gone at the end."""
    log = folder / "log"
    command = [sys.executable, "-m", "warnwatch", *(words or ("serve",))]
    whole = environment(**sections) | {name: str(value) for name, value in (variables or {}).items()}
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(command, cwd=folder, env=whole, stdout=stream, stderr=stream, text=True)
    try:
        yield Running(process, log)
    finally:
        process.kill()
        process.wait()
