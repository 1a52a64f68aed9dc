"""What trials stand on: a prepared plan that each copies, the process that forks services, and their settings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from builders import ZONE
from databases import administer
from services import environment
from sinks.smtp import Sink
from sqlalchemy import Engine, make_url
from worlds import write_rows

from warnwatch.database import open_engine, upgrade
from warnwatch.plan.importing import import_folder
from warnwatch.shipped import shipped

HERE = Path(__file__).parent
HEADS = 20
LEASE = 1.0
# Of the shipped rules those that the plan of the trials meets: to read all takes longer than all else in a trial.
RULES = ("calendar.yml", "deadlines.yml", "escalations.yml", "quality.yml")


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
    """A prepared database that trials copy, and the launcher that they share. `server`: a PostgreSQL, or SQLite.

    `name`: begins the name of its database, where several stages share a server.
    """

    def __init__(self, folder: Path, server: str | None = None, name: str = "faults") -> None:
        self.folder = folder
        self.server = make_url(server) if server else None
        self.launcher = Launcher()
        self.template = f"{name}_{os.getpid()}"
        if self.server:
            administer(self.server, f"CREATE DATABASE {self.template}")
        self.rules = folder / "rules"
        self.rules.mkdir()
        for file in RULES:
            shutil.copy(shipped("alert_rules") / file, self.rules)
        upgrade(self._url(self.template))
        fill(self._url(self.template))

    def _url(self, name: str) -> str:
        if self.server:
            return self.server.set(database=name).render_as_string(hide_password=False)
        return f"sqlite:///{self.folder / name}.db"

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """Give a copy of the prepared database."""
        if self.server:
            administer(self.server, f"CREATE DATABASE {name} TEMPLATE {self.template}")
        else:
            shutil.copyfile(self.folder / f"{self.template}.db", self.folder / f"{name}.db")
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
            administer(self.server, f"DROP DATABASE {self.template} WITH (FORCE)")


def variables(url: str, sink: Sink, folder: Path, rules: Path) -> dict[str, str]:
    """Give the settings of a service of a trial: everything within about a second."""
    return {
        "WARNWATCH_DATABASE__URL": url,
        "WARNWATCH_CYCLE__EVERY": "0.3",
        "WARNWATCH_CYCLE__LEASE": str(LEASE),
        "WARNWATCH_RULES__FOLDER": str(rules),
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


@contextmanager
def closing_engine(url: str) -> Iterator[Engine]:
    """Open a database for a block."""
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()
