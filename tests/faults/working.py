"""A service that tells the heads slowly, one mail after another, so that a test has time for a fault in the middle."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sinks.smtp import Sink
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from faults.reconciling import Books, reconcile
from faults.stage import HEADS, Stage, address, closing_engine, variables
from faults.trial import kill, quiet, waited

# A mail in so many seconds over one line: the work goes on for some time, whatever happens to the database in it.
A_MAIL = 0.1
PATIENCE = 90.0


@dataclass
class Work:
    """A service that tells the heads, slowly, and the mail server that they are told through."""

    url: str
    name: str
    sink: Sink
    engine: Engine
    log: Path
    process: int
    began: float
    ended: float = 0.0

    @property
    def left(self) -> int:
        """How many heads have not been told yet."""
        return HEADS - len(self.sink.messages)

    def until_told(self, count: int) -> None:
        """Wait until so many texts were taken."""
        assert waited(lambda: len(self.sink.messages) >= count, PATIENCE), self.log.read_text(encoding="utf-8")

    def over(self) -> None:
        """Note that the fault is over now."""
        self.ended = time.monotonic()

    def books(self) -> Books:
        """Wait until it has come to rest by itself, end it, and compare what was told with what had to be."""
        assert waited(lambda: still(self.engine), PATIENCE), self.log.read_text(encoding="utf-8")
        kill(self.process)
        due = [address(number) for number in range(HEADS)]
        books = reconcile(self.sink.messages, self.engine, due, self.began + PATIENCE)
        assert books.units >= HEADS, books
        said(self, books)
        return books

    def ask(self, question: str) -> Any:
        """Read one value."""
        with self.engine.connect() as connection:
            return connection.scalar(text(question))


@contextmanager
def working(stage: Stage, name: str, folder: Path) -> Iterator[Work]:
    """Let a service tell the heads from a database of that name."""
    with stage.database(name) as url, working_on(stage, url, name, folder) as work:
        yield work


@contextmanager
def working_on(stage: Stage, url: str, name: str, folder: Path, **faults: object) -> Iterator[Work]:
    """Let a service tell the heads; `faults` are the launcher's."""
    with (
        Sink(at_point=lambda point: time.sleep(A_MAIL) if point == "dot" else None) as sink,
        closing_engine(url) as engine,
    ):
        settings = variables(url, sink, folder, stage.rules) | {
            "WARNWATCH_MAIL__CONNECTIONS": "1",
            "WARNWATCH_MAIL__ATTEMPT_LIMIT": "5",
            "WARNWATCH_MAIL__LEASE": "6",
        }
        process = stage.launcher.start(settings, folder / "log", **faults)
        try:
            yield Work(url, name, sink, engine, folder / "log", process, time.monotonic())
        finally:
            kill(process)


def still(engine: Engine) -> bool:
    """Say whether all is told; no while the database does not answer."""
    try:
        return quiet(engine)
    except DBAPIError:
        return False


def said(work: Work, books: Books) -> None:
    """Print how long the first mail after the fault took."""
    first = next((one.at - work.ended for one in work.sink.messages if work.ended and one.at > work.ended), None)
    took = (
        f"first mail {first:.2f} s after it was over" if first is not None else "all had been told before it was over"
    )
    sys.stdout.write(f"{work.name}: {took}; {books.units} texts, {books.extra_explained} extra\n")
