"""An import that is killed, two imports at once, a line without end, and any bytes: the plan is whole, always."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from services import environment
from sqlalchemy import Engine, func, select
from workbooks import HEADER, UNITS, workbook

from warnwatch import database, schema
from warnwatch.errors import MistakesError
from warnwatch.plan.column import plain
from warnwatch.plan.findings import UTC as ZONE
from warnwatch.plan.groups import GroupError, Units, is_group, read_group
from warnwatch.plan.importing import import_folder
from warnwatch.plan.stamps import stamp_in, stamp_in_name

TABLES = (schema.unit, schema.task, schema.task_version, schema.deadline, schema.report, schema.change, schema.journal)
UNITS_FILE = "code,name,parent\nBCD,Ban Chỉ đạo,\nBNV,Bộ Nội vụ,BCD\n"
POINTS = 10


def folder_of(folder: Path, title: str, codes: range) -> Path:
    """A folder with two units, and as many tasks with this title, each with a deadline and a report."""
    folder.mkdir()
    (folder / "units.csv").write_text(UNITS_FILE, encoding="utf-8")
    tasks = "".join(f"T{number},{title},BNV,2026-06-30\n" for number in codes)
    (folder / "tasks.csv").write_text("code,title,lead_unit,due\n" + tasks, encoding="utf-8")
    reports = "".join(f"T{number},2026-01-04T08:00:00+07:00,BNV,45%\n" for number in codes)
    (folder / "reports.csv").write_text("task,reported_at,reporter,progress\n" + reports, encoding="utf-8")
    return folder


def start(source: Path, url: str, *words: str, aside: Path | None = None) -> subprocess.Popen[bytes]:
    """Start an import in a process of its own, whose temporary folder may be `aside`."""
    command = [sys.executable, "-m", "warnwatch", "import", str(source), "--json", *words]
    variables = environment() | {"WARNWATCH_DATABASE__URL": url} | ({"TMPDIR": str(aside)} if aside else {})
    return subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def start_to_work(source: Path, url: str, aside: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start an import, and wait until it puts the first thing aside, a copy of the rules: Python itself has started."""
    aside.mkdir()
    running = start(source, url, *words, aside=aside)
    while not any(aside.iterdir()):
        assert running.poll() is None
        time.sleep(0.005)
    return running


def state(url: str) -> Mapping[str, Any]:
    """How many rows each table holds, and how many tasks have which title now."""
    engine = database.open_engine(url)
    version = schema.task_version
    titles = select(version.c.title, func.count()).where(version.c.superseded_at.is_(None)).group_by(version.c.title)
    with engine.connect() as connection:
        counts = {one.name: connection.scalar(select(func.count()).select_from(one)) for one in TABLES}
        named = {row[0]: row[1] for row in connection.execute(titles)}
    engine.dispose()
    return {**counts, "titles": named}


def test_an_import_killed_anywhere_is_all_or_nothing(database_url: str, tmp_path: Path) -> None:
    """SIGKILL while it reads, compares or writes: the plan is as before, or as after, and the next import is fine."""
    _seed(database_url, tmp_path)
    before = state(database_url)
    source = folder_of(tmp_path / "in", "Sau", range(1_500))
    points = POINTS if database_url.startswith("sqlite") else 4
    seen: list[Mapping[str, Any]] = []
    span = _time_of_a_dry_run(source, database_url, tmp_path / "dry")
    for point in range(points):
        running = start_to_work(source, database_url, tmp_path / f"aside{point}")
        time.sleep(span * 1.6 * point / points)
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=60)
        seen.append(state(database_url))
        if seen[-1] != before:
            break
    last = start(source, database_url)
    assert (last.communicate(timeout=120)[1], last.returncode) == (b"", 0)
    after = state(database_url)
    assert after["titles"] == {"Sau": 1_500}
    assert all(one in (before, after) for one in seen)


def _seed(url: str, tmp_path: Path) -> None:
    first = start(folder_of(tmp_path / "first", "Trước", range(10)), url)
    assert (first.communicate(timeout=60)[1], first.returncode) == (b"", 0)


def _time_of_a_dry_run(source: Path, url: str, aside: Path) -> float:
    """How long reading takes here: the points are spread over it, and over the writing behind it."""
    running = start_to_work(source, url, aside, "--dry-run")
    begun = time.monotonic()
    assert (running.communicate(timeout=120)[1], running.returncode) == (b"", 0)
    return time.monotonic() - begun


def test_two_imports_at_once_follow_each_other(database_url: str, tmp_path: Path) -> None:
    """Two files with common tasks, imported at the same moment: one waits, and the later one's words stand on all."""
    _seed(database_url, tmp_path)
    one = start(folder_of(tmp_path / "one", "Một", range(2_000)), database_url)
    two = start(folder_of(tmp_path / "two", "Hai", range(1_000, 3_000)), database_url)
    for running in (one, two):
        assert (running.communicate(timeout=120)[1], running.returncode) == (b"", 0)
    titles = state(database_url)["titles"]
    assert titles in ({"Một": 2_000, "Hai": 1_000}, {"Một": 1_000, "Hai": 2_000})
    assert state(database_url)["journal"] == 3


def test_a_line_without_end_costs_no_memory(sqlite_url: str, tmp_path: Path) -> None:
    """A line of a gigabyte is refused in words, and takes no more memory than a small file."""
    sizes = []
    for number, size in enumerate((10_000, 2**30)):
        source = folder_of(tmp_path / f"in{number}", "Việc", range(1))
        with (source / "tasks.csv").open("ab") as file:
            file.truncate(size)
        running = start(source, sqlite_url)
        assert running.stderr
        with running.stderr as stream:
            said = stream.read().decode()
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        assert running.returncode == 1
        assert "tasks.csv" in said
        sizes.append(used.ru_maxrss)
    assert sizes[1] - sizes[0] < 50 * 1024


def test_a_hundred_thousand_columns_are_refused(sqlite_url: str, tmp_path: Path) -> None:
    """A table that is wider than any plan is refused with the number of columns allowed."""
    source = folder_of(tmp_path / "in", "Việc", range(1))
    (source / "tasks.csv").write_text(",".join(f"c{number}" for number in range(100_000)) + "\n", encoding="utf-8")
    engine = database.open_engine(sqlite_url)
    with pytest.raises(MistakesError, match="nhiều nhất 200 cột"):
        import_folder(engine, source, now=datetime(2026, 1, 5, tzinfo=UTC), zone=ZONE)
    engine.dispose()


def is_read_or_refused(engine: Engine, path: Path) -> bool:
    """Say whether a source is read, or refused with mistakes in words; anything else is raised."""
    try:
        return import_folder(engine, path, now=datetime(2026, 1, 5, tzinfo=UTC), zone=ZONE, dry_run=True).dry_run
    except MistakesError as error:
        return bool(error.mistakes) and all(mistake.message for mistake in error.mistakes)


LEADS = ["ALL:", "MULTI:", "các ", "bộ", "ngành", "tỉnh", "UBND", "BNV", "BCD", "X", ";", ",", "|", " và ", "\n", ":"]
OTHERS = ["MẬT", "TỐI MẬT", "bí mật", "(", ")", "Tổng", "Nơi nhận:", "2026-06-30", "=1", "\u0301", "sep=;", '"', "\r"]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    leads=st.lists(st.lists(st.sampled_from(LEADS), max_size=6).map("".join), min_size=1, max_size=3),
    titles=st.lists(st.lists(st.sampled_from(OTHERS), max_size=4).map(" ".join), min_size=3, max_size=3),
)
def test_any_words_are_read_or_refused(sqlite_url: str, tmp_path: Path, leads: list[str], titles: list[str]) -> None:
    """Groups, stamps and what printing leaves, in any order: rows or mistakes, in CSV as in a workbook."""
    engine = database.open_engine(sqlite_url)
    rows = [(f"T{n}", title, lead, None) for n, (lead, title) in enumerate(zip(leads, titles, strict=False))]
    folder = tmp_path / "any"
    folder.mkdir(exist_ok=True)
    (folder / "units.csv").write_text(UNITS_FILE, encoding="utf-8")
    text = "".join(",".join(f'"{cell or ""}"' for cell in row) + "\n" for row in rows)
    (folder / "tasks.csv").write_text("code,title,lead_unit,due\n" + text, encoding="utf-8", newline="")
    assert is_read_or_refused(engine, folder)
    assert is_read_or_refused(engine, workbook(tmp_path / "any.xlsx", {"Đơn vị": UNITS, "Nhiệm vụ": [HEADER, *rows]}))
    engine.dispose()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part=st.integers(0, 50), place=st.integers(0, 10**6), piece=st.binary(max_size=6), cut=st.integers(0, 20))
def test_a_workbook_with_a_spoilt_part_is_read_or_refused(
    sqlite_url: str, tmp_path: Path, part: int, place: int, piece: bytes, cut: int
) -> None:
    """Bytes lost or changed within a part, which the archive's own sums do not show, end in rows or mistakes."""
    engine = database.open_engine(sqlite_url)
    whole = workbook(tmp_path / "whole.xlsx", {"Đơn vị": UNITS, "Nhiệm vụ": [HEADER, ("T1", "Việc", "BNV", 46_000)]})
    with ZipFile(whole) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    name = sorted(parts)[part % len(parts)]
    at = place % (len(parts[name]) + 1)
    parts[name] = parts[name][:at] + piece + parts[name][at + cut :]
    with ZipFile(tmp_path / "spoilt.xlsx", "w", ZIP_DEFLATED) as file:
        for one, content in parts.items():
            file.writestr(one, content)
    assert is_read_or_refused(engine, tmp_path / "spoilt.xlsx")
    engine.dispose()


@given(st.text(max_size=60))
def test_any_text_is_a_group_or_none(text: str) -> None:
    """No words break the reading of groups and stamps."""
    units = Units({"BNV": frozenset({"bo"})}, {"BNV": None})
    assert stamp_in(text) in ("", "confidential", "top secret")
    assert stamp_in_name(text) in ("", "confidential", "top secret")
    try:
        assert not is_group(text) or read_group(text, units) == ("BNV",)
    except GroupError as error:
        assert plain(error.message)  # noqa: PT017
