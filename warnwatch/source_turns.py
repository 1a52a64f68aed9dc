"""The sources of the settings, pulled in turn beside the cycles: whatever goes wrong with one, the others go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import Engine

from warnwatch.plan.pulling import Desk, PullReport, pull
from warnwatch.plan.pulls import register
from warnwatch.plan.source import Source
from warnwatch.settings import Settings

LOG = logging.getLogger("warnwatch")
UNKNOWN_KEEPER = "the plan does not know the keeper of a source: it is pulled, not watched"


class SourceTurns:
    """Pulls each source in its turn. A thread for each: one that takes its whole limit keeps no other waiting."""

    def __init__(self, settings: Settings, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._settings, self._engine, self._clock = settings, engine, clock
        self._threads = ThreadPoolExecutor(max(1, len(settings.sources)), "pull")
        self._pulling: set[str] = set()

    @property
    def is_pulling(self) -> bool:
        """Whether a pull is under way; one that is cut has imported nothing."""
        return bool(self._pulling)

    def pull(self, source: Source) -> PullReport:
        """Pull one source now, in the calling thread."""
        plan = self._settings.plan
        return pull(self._engine, source, self._clock(), Desk(self._settings.zone, plan.strict_before))

    def register(self) -> list[str]:
        """Write the settings' sources into the plan; give those whose keeper it does not know."""
        with self._engine.begin() as connection:
            return register(connection, self._settings.sources, self._clock(), all_=True)

    async def pull_turn(self, source: Source) -> None:
        """Pull a source off the event loop; whatever goes wrong, the next turn tries again and the cycles go on."""
        loop = asyncio.get_running_loop()
        extra: dict[str, object] = {"source": source.code}
        self._pulling.add(source.code)
        try:
            report = await loop.run_in_executor(self._threads, self.pull, source)
        except asyncio.CancelledError:
            return
        except Exception:
            LOG.exception("a pull failed on this side; the source is tried again", extra=extra)
            return
        finally:
            self._pulling.discard(source.code)
        if not report.recorded:
            LOG.warning(UNKNOWN_KEEPER, extra=extra)
        if not report.good:
            LOG.warning(
                "a source gave no usable data", extra=extra | {"outcome": str(report.outcome), "why": report.why}
            )

    def register_turn(self) -> None:
        """Write the sources into the plan, and say in the log what is missing there."""
        try:
            unknown = self.register()
        except Exception:
            LOG.exception("the sources could not be written into the plan; the next pull of each tries again")
            return
        for code in unknown:
            LOG.warning(UNKNOWN_KEEPER, extra={"source": code})

    def close(self) -> None:
        """Wait for the pulls that are under way."""
        self._threads.shutdown(wait=True, cancel_futures=True)
