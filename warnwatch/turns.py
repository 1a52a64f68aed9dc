"""When the turns of a process come, and how one cycle is run against people who act at the same time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Engine

from warnwatch.alerts import ledger
from warnwatch.cycle import CycleReport, Memory, Standards, run_cycle

# A cycle that meets a person's act on one of its alerts is run again; more often than this it waits for its next turn.
CONFLICT_TRIES = 3


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
