"""A clock that jumps and a disk that is full, while heads are told: nothing is lost, early, or told twice for it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, select

from faults.stage import Stage
from faults.trial import waited
from faults.working import PATIENCE, Work, working_on
from warnwatch.schema import journal

HOUR = 3600.0
# SQLite has no clock of its own: the machine's decides. On PostgreSQL it is the server's.
MACHINE = ("warnwatch.clocks:wall_clock",)
SERVER = ("warnwatch.clocks:read_clock", "warnwatch.alerts.lease:read_clock")
JUMPS = {"an hour on": HOUR, "an hour back": -HOUR, "a day on": 24 * HOUR, "a day back": -24 * HOUR}


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A prepared plan on SQLite."""
    prepared = Stage(tmp_path_factory.mktemp("clock"))
    yield prepared
    prepared.close()


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory, postgres_server: URL) -> Iterator[Stage]:
    """A prepared plan on PostgreSQL."""
    prepared = Stage(tmp_path_factory.mktemp("clock"), postgres_server.render_as_string(hide_password=False), "clock")
    yield prepared
    prepared.close()


@contextmanager
def jumping(stage: Stage, name: str, clocks: tuple[str, ...], folder: Path) -> Iterator[tuple[Work, Path]]:
    """Let a service tell the heads by a clock that is wrong by what a file says."""
    offset = folder / "offset"
    offset.write_text("0", encoding="utf-8")
    with (
        stage.database(name) as url,
        working_on(stage, url, name, folder, clocks=clocks, offset=str(offset)) as work,
    ):
        yield work, offset


def jump(offset: Path, seconds: float) -> None:
    """Set the clock, as one write."""
    new = offset.with_suffix(".new")
    new.write_text(str(seconds), encoding="utf-8")
    new.replace(offset)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("words", JUMPS)
@pytest.mark.parametrize("which", ["machine", "server"])
def test_a_clock_that_jumps_loses_and_doubles_nothing(
    request: pytest.FixtureRequest, which: str, words: str, tmp_path: Path
) -> None:
    """In the middle of the work the clock that decides jumps: the rest is told all the same.

    A cycle never judges an earlier instant than the last one did: the journal's times go on.
    """
    stage: Stage = request.getfixturevalue("sqlite" if which == "machine" else "postgresql")
    name = f"clock_{which}_{list(JUMPS).index(words)}"
    with jumping(stage, name, MACHINE if which == "machine" else SERVER, tmp_path) as (work, offset):
        work.until_told(5)
        jump(offset, JUMPS[words])
        work.over()
        assert work.books().fine
        with work.engine.connect() as connection:
            times = connection.scalars(select(journal.c.at).order_by(journal.c.id)).all()
        assert times == sorted(times)


# --- the disk -------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of six megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() or not mount or not umount:
        pytest.skip("needs root: a small file system is mounted")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)], check=False).returncode:
        pytest.skip("a file system may not be mounted here")
    yield place
    subprocess.run([umount, "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """Write until nothing more fits; give the file that takes the room."""
    ballast = place / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return ballast


@pytest.mark.timeout(300)
def test_a_full_disk_loses_nothing_and_is_got_over(sqlite: Stage, small_disk: Path, tmp_path: Path) -> None:
    """While nothing can be written down nothing more is sent; with room again the rest is told, by the same process."""
    file = small_disk / "plan.db"
    shutil.copyfile(sqlite.folder / f"{sqlite.template}.db", file)
    with working_on(sqlite, f"sqlite:///{file}", "disk_full", tmp_path) as work:
        work.until_told(3)
        ballast = fill(small_disk)
        assert waited(lambda: "database or disk is full" in work.log.read_text(encoding="utf-8"), PATIENCE)
        time.sleep(1)
        # At most what was claimed when it filled up has left.
        taken = len(work.sink.messages)
        time.sleep(2)
        assert len(work.sink.messages) == taken
        ballast.unlink()
        work.over()
        assert work.books().fine
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
