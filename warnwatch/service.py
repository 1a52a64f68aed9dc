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
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette

from warnwatch.alerts.journal_heads import Keeper
from warnwatch.alerts.lease import Lease, LeaseLostError
from warnwatch.assembly import answers_of, mail_settings, open_database, opening
from warnwatch.clocks import Clock, clock_of
from warnwatch.cycle import CycleReport, Memory, Standards, run_cycle
from warnwatch.health import Health
from warnwatch.metrics import Metrics
from warnwatch.notify.email import Mailer
from warnwatch.notify.lookup import Counts, Lookup
from warnwatch.notify.outbox import Outbox
from warnwatch.notify.sending import Pace, Sender, Soon
from warnwatch.plan.source import Source
from warnwatch.presence import ALL_ROLES, Presence, Role
from warnwatch.rule_desk import News, RuleDesk, first_reading, said
from warnwatch.settings import Settings
from warnwatch.source_turns import SourceTurns
from warnwatch.texting import Texting
from warnwatch.turns import Turn, give_back, prune, run_uncontested, scheduler_of
from warnwatch.web.app import create_app
from warnwatch.web.board import Board
from warnwatch.web.server import PageServer, link_of, listen

LOG = logging.getLogger("warnwatch")

# Seconds that a stop gives to a cycle and to mail in the air, side by side: 10 in all.
CYCLE_ENDS = 8.0
SENDING_ENDS = 8.0
LEAVING_ENDS = 1.5


class Service:
    """One process of WarnWatch. `clock` may be handed in: the demo's is the machine's with an offset."""

    def __init__(self, settings: Settings, clock: Clock | None = None, roles: Collection[Role] = ALL_ROLES) -> None:
        self.settings, self._roles = settings, frozenset(roles)
        self._mailer = None if settings.delivery.mode == "hold" else Mailer(mail_settings(settings))
        rules = first_reading(settings)
        self.engine = open_database(settings)
        self.clock = clock or clock_of(self.engine)
        self.owner = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        seconds = settings.cycle.lease
        # Renewed five times in its length; a holder that hears nothing for a third stands back before it may be lost.
        self._renew_every = seconds / 5
        self.lease = Lease(self.engine, self.owner, self.clock, seconds, time.monotonic, seconds / 3)
        self.presence = Presence(self.engine, self.lease, self._roles, self.clock)
        # Every transaction of the evaluator begins with the lease.
        fenced = self.engine.execution_options(fence=self.lease.check)
        try:
            self._desk = RuleDesk(settings, fenced, self.clock, rules)
        except BaseException:
            self.engine.dispose()
            raise
        self.metrics = Metrics(self.standards.cutoffs)
        self._gated, sends = self.engine.execution_options(fence=self.presence.gate), Role.SENDER in self._roles
        self.texting = Texting(settings, self._gated, self.clock, self._desk.least_level, sends=sends)
        self.lookup = Lookup(self.engine)
        self.latest: CycleReport | None = None
        self.counts = Counts()
        self.failure = ""
        self.sender: Sender | None = None
        self.link = ""
        self._memory, self._memory_epoch = Memory(), -1
        self._keeper = Keeper(fenced, settings.zone, settings.journal.heads)
        self._thread = ThreadPoolExecutor(1, "cycle")
        self._looker = ThreadPoolExecutor(1, "lease")
        self._sources = SourceTurns(settings, fenced, self.clock)
        self._turning = asyncio.Lock()
        self._stopping = False
        self._in_cycle = False
        self._sending: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._set = (self.clock(), time.monotonic())
        self._finished = time.monotonic()
        self._scheduled = False
        self._taking: asyncio.Task[None] | None = None

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
        if self._mailer is None or Role.SENDER not in self._roles:
            return None
        mail, before, least = self.settings.mail, self.sender, self._desk.least_level("email")
        lease = timedelta(seconds=mail.lease)
        box = Outbox(self._gated, owner=self.owner, clock=self.clock, lease=lease, least_level=least)
        pace = Pace(stop_within=SENDING_ENDS, first_pause=timedelta(seconds=mail.first_pause))
        self.sender = Sender(box, self._mailer, random.random, pace, Soon(self._turn).ask)
        if before:
            self.sender.totals.update(before.totals)
        return asyncio.create_task(self.sender.run(stop))

    def wake_sender(self) -> None:
        """Tell the senders, if there are any, that a cycle has committed texts."""
        self.texting.wake()
        if self.sender:
            self.sender.wake()

    # --- the cycle

    def cycle(self) -> CycleReport:
        """Run one cycle now, in the calling thread. After a failure the next one reads everything anew."""
        began = time.perf_counter()
        self._in_cycle = True
        try:
            if not self.lease.held:
                self.lease.look()
            fenced = self.engine.execution_options(fence=self.lease.fence())
            if self.lease.epoch != self._memory_epoch:  # others have evaluated meanwhile
                self._memory, self._memory_epoch = Memory(), self.lease.epoch or -1
            report, self._memory = run_uncontested(fenced, self._memory, self.standards, self._read_clock)
            self._keeper.turn(report.at)
            self.counts = self.lookup.counts()
            prune(fenced)
        except Exception as error:
            self._memory = Memory()
            # One line: the driver's second one may be a statement with its values.
            self.failure = f"{type(error).__name__}: {error}".splitlines()[0]
            raise
        finally:
            self._in_cycle = False
        self.metrics.observe_cycle(report, time.perf_counter() - began, self.counts)
        self.texting.note(report)
        self.latest, self.failure, self._finished = report, "", time.monotonic()
        return report

    def _read_clock(self) -> datetime:
        now = self.clock()
        self._set = (now, time.monotonic())
        return self.lease.instant(now)

    def follow(self) -> None:
        """Stand by: show on the pages what a cycle would find now, and write nothing."""
        before = self.latest
        memory = Memory(snapshot=before.snapshot) if before else Memory()
        now = self.clock()
        self._set = (now, time.monotonic())
        self.latest = run_cycle(self.engine, memory, self.standards, now, dry_run=True)
        self.counts, self.failure, self._finished = self.lookup.counts(), "", time.monotonic()

    async def _turn(self) -> None:
        """Run a cycle off the event loop; a failure is logged, and the next turn tries again."""
        try:
            async with self._turning:
                if self._stopping or self.presence.fault:
                    return
                if not self.presence.evaluates:
                    if self._judges:
                        await asyncio.get_running_loop().run_in_executor(self._thread, self.follow)
                    return
                report = await asyncio.get_running_loop().run_in_executor(self._thread, self.cycle)
        except asyncio.CancelledError:  # the stop has said that it is abandoned
            return
        except LeaseLostError:
            self.failure = ""
            LOG.warning("the cycle was given up: another process evaluates now", extra={"owner": self.owner})
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
        before, news = self.standards, self._desk.look()
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
        except LeaseLostError:  # who evaluates writes down what has become of a set
            return
        except Exception:
            LOG.exception("the rule folder could not be looked at; the next look tries again")
            return
        if news is not News.NOTHING:
            await self._turn()

    # --- the sources

    async def _pull_turn(self, source: Source) -> None:
        if not self._stopping and self.presence.evaluates:
            await self._sources.pull_turn(source)

    async def _presence_turn(self) -> None:
        """Renew or take the lease; who begins to evaluate judges at once, from what the database says."""
        loop = asyncio.get_running_loop()
        before = self.presence.fault
        try:
            begun = await loop.run_in_executor(self._looker, self.presence.look)
        except Exception:
            LOG.exception("the lease could not be looked at; the next look tries again")
            begun = False
        if (fault := self.presence.fault) and fault != before:
            LOG.error("this process stops working: %s", fault)
        if not self.presence.evaluates:
            self.metrics.stand_by()
        if not begun or self._stopping:
            return
        LOG.info("this process evaluates", extra={"owner": self.owner, "epoch": self.lease.epoch})
        await asyncio.to_thread(self._sources.register_turn)
        try:
            self._say_rules(await asyncio.to_thread(self._desk.first))
        except Exception:
            LOG.exception("the state of the rules could not be written down")
        if self._scheduled:
            self._taking = asyncio.create_task(self._turn())

    # --- health

    def unready(self) -> list[str]:
        """Name every reason not to count on this process; none when it is well. Asks no database."""
        return (
            Health(
                fault=self.presence.fault,
                waited=time.monotonic() - self._finished if self._judges else None,
                every=self.settings.cycle.every,
                begun=self.latest is not None,
                failure=self.failure,
                sender=self.sender,
                sender_stopped=bool(self._sending and self._sending.done()),
            ).unready()
            + self.texting.unready()
        )

    @property
    def _judges(self) -> bool:
        """Whether this process looks at the plan: to evaluate it, to stand by, or for its pages."""
        return bool(self._roles & {Role.EVALUATOR, Role.WEB})

    def _render(self, accept: str) -> tuple[bytes, str]:
        if self.sender:
            oldest = dict(self.counts.oldest).get("email")
            waited = (self.estimate() - oldest).total_seconds() if oldest else 0.0
            self.metrics.observe_deliveries("email", self.sender.totals, waited)
        self.texting.observe(self.metrics, self.counts, self.estimate())
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
        scheduler = scheduler_of(self._turns())
        tasks = [asyncio.create_task(server.serve(sockets=[listening]))]
        self._sending = self.start_sender(stop)
        messages = self.texting.start(stop, self.owner, random.random, SENDING_ENDS, Soon(self._turn).ask)
        tasks += [one for one in (self._sending, messages) if one]
        opened, extra = opening(self.settings, self.engine, self.link)
        LOG.info(opened, extra=extra)
        await self._presence_turn()
        scheduler.start()
        self._scheduled = True
        ready()
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        self._stopping = True
        stop.set()
        scheduler.pause()
        server.should_exit = True
        ended = await asyncio.gather(self._last_cycle(), *tasks, return_exceptions=True)
        scheduler.shutdown(wait=False)
        if not self.in_cycle:
            await give_back(self._looker, self.presence.leave, LEAVING_ENDS)
        await stopped
        for failure in ended:
            if isinstance(failure, BaseException):
                raise failure
        LOG.info("stopped")

    def _turns(self) -> list[Turn]:
        at_once = datetime.now(UTC)
        return [
            Turn(self._turn, self.settings.cycle.every, at_once),
            Turn(self._presence_turn, self._renew_every),
            Turn(self._look_turn, self.settings.rules.watch),
            *(Turn(self._pull_turn, source.pull, at_once, [source]) for source in self.settings.sources),
        ]

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
        return self._sources.is_pulling

    def close(self) -> None:
        """Wait for a cycle that is under way, then let go of the database."""
        self._sources.close()
        self._thread.shutdown(wait=True)
        self._looker.shutdown(wait=True)
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
                state=lambda: self.presence.state,
                sms_reports=self.texting.desk,
                answers=answers_of(self.settings, self.engine, lambda: self.standards, self.clock),
            )
        )


def serve(settings: Settings, roles: Collection[Role] = ALL_ROLES) -> None:
    """Run the service in this process until SIGTERM or SIGINT."""
    service = Service(settings, roles=roles)

    async def main() -> None:
        stop = asyncio.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, stop.set)
        await service.run(stop)

    try:
        asyncio.run(main())
        if service.in_cycle or service.is_pulling:
            # Its thread would keep the process alive for as long as the database keeps it waiting.
            logging.shutdown()
            os._exit(0)
    finally:
        service.close()
