"""One trial: a plan with heads to be told, a service killed again and again, a last start, and the books."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from builders import ZONE
from databases import administer
from services import environment
from sinks.smtp import HEALTHY, Script, Sink
from sqlalchemy import Engine, func, make_url, select
from worlds import write_rows

from faults.points import ALL, ALWAYS, DIALOGUE, TELLING
from faults.reconciling import Books, reconcile
from warnwatch.database import open_engine, upgrade
from warnwatch.plan.importing import import_folder
from warnwatch.schema import alert, journal, notification, seal

HERE = Path(__file__).parent
HEADS = 20
LEASE = 1.0
# So long a process may take to reach its point; then it is killed wherever it is.
REACH_SECONDS = 8.0
# So long the last process has for everything that is left: many times the lease and the pauses.
QUIET_SECONDS = 120.0
# A planted bug may never come to rest: by now the program itself would have, unless the machine is very busy.
PLANTED_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Result:
    """What one trial did: its seed, the kills at their points and elsewhere, and the books."""

    seed: int
    points: tuple[str, ...]
    elsewhere: int
    books: Books
    seconds: float

    @property
    def kills(self) -> int:
        """Count the kills."""
        return len(self.points) + self.elsewhere


class Launcher:
    """The process that forks services; see launcher.py."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "launcher.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment() | {"PYTHONPATH": path},
        )
        self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the launcher has ended"
        return line

    def start(self, variables: dict[str, str], log: Path, **fault: object) -> int:
        """Start a service; give its number."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"environment": variables, "log": str(log), **fault}) + "\n")
        self._process.stdin.flush()
        return int(self._read())

    def close(self) -> None:
        """End it and all that it started."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(BrokenPipeError):  # it was killed before it read everything
                    stream.close()


def alive(process: int) -> bool:
    """Say whether a process is still there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def kill(process: int) -> None:
    """Kill a process and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    waited(lambda: not alive(process), 5.0)


def waited(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is true; say whether it came true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def address(number: int) -> str:
    """Give the address of a unit's head."""
    return f"head.{number}@example.vn"


def fill(url: str) -> None:
    """Bring in the plan of the trials: a secretariat and units below it, each with a head and an overdue task."""
    now = datetime.now(UTC)
    units: list[dict[str, object]] = [{"code": "BCD", "name": "Ban Chỉ đạo"}]
    units.append({"code": "CQTT", "name": "Cơ quan Thường trực", "kind": "co_quan_thuong_truc", "parent": "BCD"})
    units += [{"code": f"U-{one}", "name": f"Đơn vị {one}", "parent": "CQTT"} for one in range(HEADS)]
    codes = [str(unit["code"]) for unit in units]
    holders: list[dict[str, object]] = [
        {
            "code": f"{code}/head/1",
            "post": f"{code}/head",
            "email": address(int(code[2:])) if code[:2] == "U-" else f"{code}@example.vn",
            "valid_from": (now - timedelta(days=400)).date().isoformat(),
        }
        for code in codes
    ]
    due = (now - timedelta(days=10)).date().isoformat()
    start = (now - timedelta(days=60)).isoformat()
    tasks: list[dict[str, object]] = [
        {"code": f"T-{one}", "title": f"Nhiệm vụ {one}", "lead_unit": f"U-{one}", "start": start, "due": due}
        for one in range(HEADS)
    ]
    posts: list[dict[str, object]] = [{"unit": code, "office": "head"} for code in codes]
    files: dict[str, list[dict[str, object]]] = {"units": units, "posts": posts, "holders": holders, "tasks": tasks}
    engine = open_engine(url)
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in files.items():
            write_rows(Path(folder) / f"{name}.csv", rows)
        import_folder(engine, Path(folder), now=now, zone=ZONE)
    engine.dispose()


class Stage:
    """A prepared database that trials copy, and the launcher that they share. `server`: a PostgreSQL, or SQLite."""

    def __init__(self, folder: Path, server: str | None = None) -> None:
        self.folder = folder
        self.server = make_url(server) if server else None
        self.launcher = Launcher()
        self._template = f"faults_{os.getpid()}"
        if self.server:
            administer(self.server, f"CREATE DATABASE {self._template}")
        upgrade(self._url(self._template))
        fill(self._url(self._template))

    def _url(self, name: str) -> str:
        if self.server:
            return self.server.set(database=name).render_as_string(hide_password=False)
        return f"sqlite:///{self.folder / name}.db"

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """Give a copy of the prepared database."""
        if self.server:
            administer(self.server, f"CREATE DATABASE {name} TEMPLATE {self._template}")
        else:
            shutil.copyfile(self.folder / f"{self._template}.db", self.folder / f"{name}.db")
        try:
            yield self._url(name)
        finally:
            if self.server:
                administer(self.server, f"DROP DATABASE {name} WITH (FORCE)")
            for file in self.folder.glob(f"{name}.db*"):
                file.unlink()

    def close(self) -> None:
        """End the launcher."""
        self.launcher.close()
        if self.server:
            administer(self.server, f"DROP DATABASE {self._template} WITH (FORCE)")


def variables(url: str, sink: Sink, folder: Path) -> dict[str, str]:
    """Give the settings of a service of a trial: everything within about a second."""
    return {
        "WARNWATCH_DATABASE__URL": url,
        "WARNWATCH_CYCLE__EVERY": "0.3",
        "WARNWATCH_CYCLE__LEASE": str(LEASE),
        "WARNWATCH_RULES__WATCH": "0.4",
        "WARNWATCH_DELIVERY__MODE": "live",
        "WARNWATCH_JOURNAL__HEADS": str(folder / "heads.txt"),
        "WARNWATCH_MAIL__HOST": "127.0.0.1",
        "WARNWATCH_MAIL__PORT": str(sink.port),
        "WARNWATCH_MAIL__SECURITY": "none",
        "WARNWATCH_MAIL__LEASE": str(LEASE),
        "WARNWATCH_MAIL__ATTEMPT_LIMIT": "0.6",
        "WARNWATCH_MAIL__FIRST_PAUSE": "0.3",
        "WARNWATCH_WEB__PORT": "0",
    }


def quiet(engine: Engine) -> bool:
    """Say whether all that is due was judged, told, recorded and sealed."""
    with engine.connect().execution_options(reads_only=True) as connection:
        opened = connection.scalar(select(func.count()).where(alert.c.state == "open")) or 0
        unsent = connection.scalar(select(func.count()).where(notification.c.state.in_(["ready", "claimed"]))) or 0
        sealed = connection.scalar(select(func.count()).select_from(seal)) or 0
        rows = connection.scalar(select(func.count()).select_from(journal)) or 0
    return opened >= HEADS and unsent == 0 and sealed == rows


def unsent(engine: Engine) -> int | None:
    """Count the texts that still have to leave; None before the first cycle has committed."""
    with engine.connect().execution_options(reads_only=True) as connection:
        states = connection.scalars(select(notification.c.state)).all()
    return sum(state in ("ready", "claimed") for state in states) if states else None


class _Faulty:
    """The mail server's side of the faults: it kills the process at a point of the dialogue."""

    def __init__(self) -> None:
        self.process = 0
        self.point = ""
        self.turn = 0

    def aim(self, started: Mapping[int, str], turns: Mapping[str, int]) -> None:
        """Take aim at the process that is to die in the dialogue, if there is one."""
        self.process = 0
        for process, point in started.items():
            if point in DIALOGUE:
                self.point, self.turn, self.process = DIALOGUE[point], turns[point], process

    def at_point(self, point: str) -> None:
        # Read once: the trial may take its aim away meanwhile, and 0 would mean the tests themselves.
        process = self.process
        if not process or point != self.point:
            return
        self.turn -= 1
        if self.turn == 0:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            self.process = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """What a trial is like: kills at most, processes at once, a bug planted into them, and the mail server's faults."""

    kills: int = 5
    replicas: int = 1
    planted: str = ""
    script: Script = HEALTHY

    @property
    def patience(self) -> float:
        """So many seconds the last processes have."""
        return PLANTED_SECONDS if self.planted else QUIET_SECONDS


PLAIN = Kind()


def run(stage: Stage, seed: int, kind: Kind = PLAIN) -> Result:
    """Run one trial: the same seed makes the same choices."""
    chance, began = random.Random(seed), time.monotonic()
    faulty, reached, elsewhere = _Faulty(), list[str](), 0
    folder = stage.folder / f"trial_{seed}"
    folder.mkdir(exist_ok=True)
    with (
        stage.database(f"trial_{os.getpid()}_{seed}") as url,
        Sink(kind.script, at_point=faulty.at_point) as sink,
        closing_engine(url) as engine,
    ):
        settings = variables(url, sink, folder)

        def start(**fault: object) -> int:
            return stage.launcher.start(settings, folder / "log", planted=kind.planted, **fault)

        while len(reached) + elsewhere < kind.kills:
            left = unsent(engine)
            if left == 0:
                break
            points = _draw(chance, left, kind.replicas)
            started = {start(**_fault(point, turn)): point for point, turn in points}
            faulty.aim(started, dict(points))
            waited(lambda started=started: not any(map(alive, started)), REACH_SECONDS)  # type: ignore[misc]
            faulty.aim({}, {})
            for process, point in started.items():
                if alive(process):
                    kill(process)
                    elsewhere += 1
                else:
                    reached.append(point)
        last = [start() for _ in range(kind.replicas)]
        begun = time.monotonic()
        try:
            ended = waited(lambda: quiet(engine), kind.patience)
        finally:
            for process in last:
                kill(process)
        due = [address(number) for number in range(HEADS)]
        books = reconcile(sink.messages, engine, due, begun + kind.patience)
    if not ended:
        books = replace(books, broken=(*books.broken, f"seed {seed}: not quiet after {kind.patience:g} s"))
    if books.fine:
        shutil.rmtree(folder)
    return Result(seed, tuple(reached), elsewhere, books, time.monotonic() - began)


def _draw(chance: random.Random, left: int | None, replicas: int) -> list[tuple[str, int]]:
    """Choose for each process where it dies, and at which passing: where it comes by, as far as `left` texts tell."""
    points: list[tuple[str, int]] = []
    for _ in range(replicas):
        # The mail server aims at one of several processes.
        aimed = any(point in DIALOGUE for point, _ in points)
        known = ALL if left is None else TELLING + ALWAYS
        point = chance.choice([one for one in known if not (aimed and one in DIALOGUE)])
        often = point in DIALOGUE or point == "P7 message built"
        points.append((point, chance.randint(1, min(8, left or 8)) if often else 1))
    return points


def _fault(point: str, turn: int) -> dict[str, object]:
    return {} if point in DIALOGUE else {"point": point, "turn": turn, "act": "kill"}


@contextmanager
def closing_engine(url: str) -> Iterator[Engine]:
    """Open a database for a block."""
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()
