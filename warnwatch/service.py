"""The composition root: settings in, one running process out. The only reader of the clock, the only maker of chance.

APScheduler triggers the cycle, which runs in a thread of its own; beside it one event loop holds sender and web.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import socket
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Engine, func, select
from starlette.applications import Starlette

from warnwatch.alerts import ledger
from warnwatch.assembly import mail_settings, open_database, opening
from warnwatch.cycle import CycleReport, Memory, Standards, run_cycle
from warnwatch.metrics import Metrics
from warnwatch.notify.email import Mailer
from warnwatch.notify.lookup import Counts, Lookup
from warnwatch.notify.outbox import Outbox
from warnwatch.notify.sending import Pace, Sender, Soon
from warnwatch.plan.pulling import Desk, PullReport, pull
from warnwatch.plan.pulls import register
from warnwatch.plan.source import Source
from warnwatch.rule_desk import News, RuleDesk, first_reading, said
from warnwatch.settings import Settings
from warnwatch.web.app import create_app
from warnwatch.web.board import STALE_AFTER, Board
from warnwatch.web.server import PageServer, link_of, listen

LOG = logging.getLogger("warnwatch")
Clock = Callable[[], datetime]

# A cycle that meets a person's act on one of its alerts is run again; more often than this it waits for its next turn.
CONFLICT_TRIES = 3
# Seconds that a stop gives to a cycle and to mail in the air, side by side: 10 in all.
CYCLE_ENDS = 8.0
SENDING_ENDS = 8.0
UNKNOWN_KEEPER = "the plan does not know the keeper of a source: it is pulled, not watched"


def wall_clock() -> datetime:
    """Read the machine's clock."""
    return datetime.now(UTC)


def clock_of(engine: Engine) -> Clock:
    """Give the clock of an installation: the database's own on PostgreSQL, where machines share it."""
    if engine.dialect.name != "postgresql":
        return wall_clock

    def read() -> datetime:
        with engine.connect() as connection:
            return connection.execute(select(func.clock_timestamp())).scalar_one().astimezone(UTC)  # type: ignore[no-any-return]

    return read


def run_uncontested(engine: Engine, memory: Memory, standards: Standards, clock: Clock) -> tuple[CycleReport, Memory]:
    """Run one cycle now; when a person's act came in between, run it again from what the database says then.

    Gives the memory to go on with: the one handed in, or a new one.
    """
    for _ in range(CONFLICT_TRIES - 1):
        try:
            return run_cycle(engine, memory, standards, clock()), memory
        except ledger.ConflictError:
            memory = Memory()
    return run_cycle(engine, memory, standards, clock()), memory


class Service:
    """One process of WarnWatch. `clock` may be handed in: the demo's is the machine's with an offset."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self._mailer = None if settings.delivery.mode == "hold" else Mailer(mail_settings(settings))
        rules = first_reading(settings)
        self.engine = open_database(settings)
        self.clock = clock or clock_of(self.engine)
        try:
            self._desk = RuleDesk(settings, self.engine, self.clock, rules)
        except BaseException:
            self.engine.dispose()
            raise
        self.metrics = Metrics(self.standards.cutoffs)
        self.lookup = Lookup(self.engine)
        self.latest: CycleReport | None = None
        self.counts = Counts()
        self.failure = ""
        self.owner = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
        self.sender: Sender | None = None
        self.link = ""
        self._memory = Memory()
        self._thread = ThreadPoolExecutor(1, "cycle")
        # A thread for each source: one that takes its whole limit keeps no other waiting.
        self._pullers = ThreadPoolExecutor(max(1, len(settings.sources)), "pull")
        self._pulling: set[str] = set()
        self._turning = asyncio.Lock()
        self._stopping = False
        self._in_cycle = False
        self._sending: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._set = (self.clock(), time.monotonic())
        self._finished = time.monotonic()

    @property
    def standards(self) -> Standards:
        """What the next cycle judges by."""
        return self._desk.standards

    def estimate(self) -> datetime:
        """Tell the time without asking the database: the clock as it was last read, moved on by the stopwatch."""
        at, read = self._set
        return at + timedelta(seconds=time.monotonic() - read)

    def start_sender(self, stop: asyncio.Event) -> asyncio.Task[None] | None:
        """Start sending until `stop`; in mode hold nothing is sent, and nothing starts."""
        if self._mailer is None:
            return None
        box = Outbox(self.engine, owner=self.owner, clock=self.clock)
        before = self.sender
        self.sender = Sender(box, self._mailer, random.random, Pace(stop_within=SENDING_ENDS), Soon(self._turn).ask)
        if before:
            self.sender.totals.update(before.totals)
        return asyncio.create_task(self.sender.run(stop))

    def wake_sender(self) -> None:
        """Tell the sender, if there is one, that a cycle has committed texts."""
        if self.sender:
            self.sender.wake()

    # --- the cycle

    def cycle(self) -> CycleReport:
        """Run one cycle now, in the calling thread. After a failure the next one reads everything anew."""
        began = time.perf_counter()
        self._in_cycle = True
        try:
            report, self._memory = run_uncontested(self.engine, self._memory, self.standards, self._read_clock)
            self.counts = self.lookup.counts()
        except Exception as error:
            self._memory = Memory()
            # One line: the driver's second one may be a statement with its values.
            self.failure = f"{type(error).__name__}: {error}".splitlines()[0]
            raise
        finally:
            self._in_cycle = False
        self.metrics.observe_cycle(report, time.perf_counter() - began, self.counts)
        self.latest, self.failure, self._finished = report, "", time.monotonic()
        return report

    def _read_clock(self) -> datetime:
        now = self.clock()
        self._set = (now, time.monotonic())
        return now

    async def _turn(self) -> None:
        """Run a cycle off the event loop; a failure is logged, and the next turn tries again."""
        loop = asyncio.get_running_loop()
        try:
            async with self._turning:
                if self._stopping:
                    return
                report = await loop.run_in_executor(self._thread, self.cycle)
        except asyncio.CancelledError:  # the stop has said that it is abandoned
            return
        except Exception:
            LOG.exception("the cycle failed; alerts stay as they are")
            return
        self.wake_sender()
        if report.outcome.transitions or report.notifications:
            counts = {"transitions": len(report.outcome.transitions), "calls": len(report.outcome.calls)}
            LOG.info("cycle", extra=counts | {"notifications": len(report.notifications)})

    # --- the rules

    def look(self) -> News:
        """Look at the rule folder, in the thread of the cycles: another set takes over between two of them."""
        before = self.standards
        news = self._desk.look()
        if self.standards is not before:
            if self.standards.book is not before.book:
                self._memory = self._memory.under(before, self.standards)
            self._say_rules(news)
        return news

    def _say_rules(self, news: News) -> None:
        """Say once what became of a new rule set: in the log, and on the metric."""
        self.metrics.observe_reload(accepted=not self.standards.set_state.mistakes)
        level, message, extra = said(news, self.standards)
        if message:
            LOG.log(level, message, extra=extra)

    async def _look_turn(self) -> None:
        """Begin a look at the rules, unless one still waits for a cycle to end: then this turn is not missed."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Look at the rules off the event loop; when something has come of it, a cycle follows at once."""
        try:
            news = await asyncio.get_running_loop().run_in_executor(self._thread, self.look)
        except Exception:
            LOG.exception("the rule folder could not be looked at; the next look tries again")
            return
        if news is not News.NOTHING:
            await self._turn()

    # --- the sources

    def pull(self, source: Source) -> PullReport:
        """Pull one source now, in the calling thread."""
        plan = self.settings.plan
        return pull(self.engine, source, self.clock(), Desk(self.settings.zone, plan.strict_before))

    def register_sources(self) -> list[str]:
        """Write the settings' sources into the plan; give those whose keeper it does not know."""
        with self.engine.begin() as connection:
            return register(connection, self.settings.sources, self.clock(), all_=True)

    async def _pull_turn(self, source: Source) -> None:
        """Pull a source off the event loop; whatever goes wrong, the next turn tries again and the cycles go on."""
        loop = asyncio.get_running_loop()
        extra: dict[str, object] = {"source": source.code}
        if self._stopping:
            return
        self._pulling.add(source.code)
        try:
            report = await loop.run_in_executor(self._pullers, self.pull, source)
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

    def _register_turn(self) -> None:
        try:
            unknown = self.register_sources()
        except Exception:
            LOG.exception("the sources could not be written into the plan; the next pull of each tries again")
            return
        for code in unknown:
            LOG.warning(UNKNOWN_KEEPER, extra={"source": code})

    # --- health

    def unready(self) -> list[str]:
        """Name every reason not to count on this process; none when it is well. Asks no database."""
        reasons = []
        waited, every = time.monotonic() - self._finished, self.settings.cycle.every
        if self.latest is None:
            reasons.append("no cycle has finished yet")
        if waited > STALE_AFTER * every:
            reasons.append(f"no cycle has finished for {waited:.0f} s; one is due every {every:g} s")
        if self.failure:
            reasons.append(f"the last cycle failed: {self.failure}")
        if self.sender and self.sender.alarm:
            reasons.append(f"mail cannot leave: {self.sender.alarm}")
        if self.sender and self.sender.trouble:
            reasons.append(f"the outbox cannot be used: {self.sender.trouble}")
        if self._sending and self._sending.done():
            reasons.append("the sender has stopped: nothing leaves")
        return reasons

    def _render(self, accept: str) -> tuple[bytes, str]:
        if self.sender:
            oldest = dict(self.counts.oldest).get("email")
            waited = (self.estimate() - oldest).total_seconds() if oldest else 0.0
            self.metrics.observe_deliveries("email", self.sender.totals, waited)
        return self.metrics.render(accept)

    # --- the process

    async def run(
        self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None, listening: socket.socket | None = None
    ) -> None:
        """Serve until `stop`: cycles, sender and web side by side; then finish what is in the air.

        `ready` is called once the port answers and the first cycle was started; `link` then holds the address.
        `listening` is a port taken before, instead of the settings' own.
        """
        listening = listening or listen(self.settings.web.host, self.settings.web.port)
        self.link = link_of(listening)
        server = PageServer(self._app())
        scheduler = self._scheduler()
        tasks = [asyncio.create_task(server.serve(sockets=[listening]))]
        self._sending = self.start_sender(stop)
        if self._sending:
            tasks.append(self._sending)
        await asyncio.to_thread(self._register_turn)
        self._say_rules(await asyncio.to_thread(self._desk.first))
        scheduler.start()
        opened, extra = opening(self.settings, self.engine, self.link)
        LOG.info(opened, extra=extra)
        ready()
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        self._stopping = True
        stop.set()
        scheduler.pause()
        server.should_exit = True
        ended = await asyncio.gather(self._last_cycle(), *tasks, return_exceptions=True)
        scheduler.shutdown(wait=False)
        await stopped
        for failure in ended:
            if isinstance(failure, BaseException):
                raise failure
        LOG.info("stopped")

    def _scheduler(self) -> AsyncIOScheduler:
        """Plan the cycles: a late run still runs, several missed ones run once, and never two at a time."""
        scheduler = AsyncIOScheduler(timezone=UTC)
        options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        every = self.settings.cycle.every
        scheduler.add_job(self._turn, "interval", seconds=every, next_run_time=datetime.now(UTC), **options)
        scheduler.add_job(self._look_turn, "interval", seconds=self.settings.rules.watch, **options)
        for source in self.settings.sources:
            again = {"seconds": source.pull, "next_run_time": datetime.now(UTC)}
            scheduler.add_job(self._pull_turn, "interval", args=[source], **again, **options)
        return scheduler

    async def _last_cycle(self) -> None:
        """Wait for a cycle that is under way; one that takes too long is left: it commits all or nothing."""
        try:
            async with asyncio.timeout(CYCLE_ENDS), self._turning:
                pass
        except TimeoutError:
            LOG.warning("a cycle was still running and is abandoned; what it did not commit is done by the next start")

    @property
    def in_cycle(self) -> bool:
        """Whether a cycle is under way, in whichever thread."""
        return self._in_cycle

    @property
    def is_pulling(self) -> bool:
        """Whether a pull is under way; one that is cut has imported nothing."""
        return bool(self._pulling)

    def close(self) -> None:
        """Wait for a cycle that is under way, then let go of the database."""
        self._pullers.shutdown(wait=True, cancel_futures=True)
        self._thread.shutdown(wait=True)
        self.engine.dispose()

    def _app(self) -> Starlette:
        return create_app(
            Board(
                lookup=self.lookup,
                latest=lambda: self.latest,
                counts=lambda: self.counts,
                unready=self.unready,
                metrics=self._render,
                standards=self.standards,
                cutoffs=self.standards.cutoffs,
                set_state=lambda: self._desk.set_state,
                clock=self.estimate,
                every=self.settings.cycle.every,
            )
        )


def serve(settings: Settings) -> None:
    """Run the service in this process until SIGTERM or SIGINT."""
    service = Service(settings)

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, stop.set)
        await service.run(stop)

    try:
        asyncio.run(main())
        if service.in_cycle or service.is_pulling:
            # Its thread would keep the process alive for as long as the database keeps it waiting.
            logging.shutdown()
            os._exit(0)
    finally:
        service.close()
