"""When the turns of a process come, and how one cycle is run against people who act at the same time."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Engine

from warnwatch.alerts import ledger
from warnwatch.alerts.lease import Lease
from warnwatch.cycle import CycleReport, Memory, Standards, run_cycle
from warnwatch.errors import CannotRunError
from warnwatch.plan.snapshot import changes_are_many, prune_changes

LOG = logging.getLogger("warnwatch")

# A cycle that meets a person's act on one of its alerts is run again; more often than this it waits for its next turn.
CONFLICT_TRIES = 3
# Seconds after which a command that was killed in its cycle counts as gone.
ONCE = 60.0


@dataclass(frozen=True, slots=True)
class Turn:
    """What is done every so many seconds; `first`: once at that time already."""

    does: Callable[..., Coroutine[Any, Any, None]]
    every: float
    first: datetime | None = None
    args: Sequence[object] = ()


def scheduler_of(turns: Sequence[Turn]) -> AsyncIOScheduler:
    """Plan the turns: a late run still runs, several missed ones run once, and never two of a kind at a time."""
    scheduler = AsyncIOScheduler(timezone=UTC)
    options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    for one in turns:
        first = {"next_run_time": one.first} if one.first else {}
        scheduler.add_job(one.does, "interval", seconds=one.every, args=one.args, **first, **options)
    return scheduler


async def give_back(pool: Executor, leave: Callable[[], None], seconds: float) -> None:
    """Give the lease back, so that another takes over at once; a database that is away waits it out."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().run_in_executor(pool, leave)
    except Exception:  # noqa: BLE001 (whatever it is, the lease runs out)
        LOG.warning("the lease could not be given back; it runs out")


def run_uncontested(
    engine: Engine, memory: Memory, standards: Standards, clock: Callable[[], datetime]
) -> tuple[CycleReport, Memory]:
    """Run one cycle now; when a person's act came in between, run it again from what the database says then.

    Gives the memory to go on with: the one handed in, or a new one.
    """
    for _ in range(CONFLICT_TRIES - 1):
        try:
            return run_cycle(engine, memory, standards, clock()), memory
        except ledger.ConflictError:
            memory = Memory()
    return run_cycle(engine, memory, standards, clock()), memory


def prune(engine: Engine) -> None:
    """Keep the list of changes short."""
    with engine.connect().execution_options(reads_only=True) as connection:
        due = changes_are_many(connection)
    if due:
        with engine.begin() as connection:
            prune_changes(connection)


def run_once(engine: Engine, standards: Standards, clock: Callable[[], datetime]) -> CycleReport:
    """Run one cycle for a command; where another process evaluates, it is the one to do so."""
    owner = f"{socket.gethostname()}-{os.getpid()}-{clock().isoformat()}"
    lease = Lease(engine, owner, clock, ONCE, time.perf_counter, ONCE)
    if not lease.look():
        raise CannotRunError(
            "another process evaluates this plan (`warnwatch serve`), or was killed some seconds ago: "
            "use --dry-run, or wait until it has stopped"
        )
    try:
        fenced = engine.execution_options(fence=lease.fence())
        return run_uncontested(fenced, Memory(), standards, lambda: lease.instant(clock()))[0]
    finally:
        lease.give_back()
