"""The composition root: settings in, one running process out. The only reader of the clock, the only maker of chance.

APScheduler triggers the cycle, which runs in a thread of its own; beside it one event loop holds sender and web.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import uvicorn
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Engine, func, select
from starlette.applications import Starlette

from warnwatch import schema
from warnwatch.alerts import ledger
from warnwatch.cycle import CycleReport, Memory, Standards, run_cycle
from warnwatch.errors import CannotRunError
from warnwatch.metrics import Metrics
from warnwatch.notify.delivery import Claimed
from warnwatch.notify.email import Mailer, MailSettings
from warnwatch.notify.lookup import Counts, Lookup
from warnwatch.notify.notification import Kind, Letterhead
from warnwatch.notify.outbox import MAIL_LEASE, Outbox
from warnwatch.notify.release import Mode, Release
from warnwatch.notify.sending import Sender
from warnwatch.plan.calendar import load_calendar
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.rules.evaluation import columns_of
from warnwatch.rules.rulebook import load_rulebook
from warnwatch.settings import Settings
from warnwatch.web.app import create_app
from warnwatch.web.board import STALE_AFTER, Board

LOG = logging.getLogger("warnwatch")
Clock = Callable[[], datetime]

# A cycle that meets a person's act on one of its alerts is run again; more often than this it waits for its next turn.
CONFLICT_TRIES = 3


def open_database(settings: Settings) -> Engine:
    """Open the database; an embedded one is made or brought up to date at once, a server's is only checked."""
    engine = schema.open_engine(settings.database.url)
    if engine.dialect.name == "sqlite":
        schema.upgrade(settings.database.url)
    schema.check_revision(engine)
    return engine


def clock_of(engine: Engine) -> Clock:
    """Give the clock of an installation: the database's own on PostgreSQL, where machines share it."""
    if engine.dialect.name != "postgresql":
        return lambda: datetime.now(UTC)

    def read() -> datetime:
        with engine.connect() as connection:
            return connection.execute(select(func.clock_timestamp())).scalar_one().astimezone(UTC)  # type: ignore[no-any-return]

    return read


def load_standards(settings: Settings) -> Standards:
    """Load rules and calendar and settle what may leave; MistakesError names every mistake of every file."""
    folder = settings.rules_folder
    calendar = load_calendar(folder / "calendar.yml", settings.plan.zone)
    book = load_rulebook(folder, {about: columns_of(about) for about in CATALOGUE}, [kind.value for kind in Kind])
    # The calendar is part of what a verdict means: one version names both.
    version = sha256(f"{book.version} {calendar.version}".encode()).hexdigest()
    pilot = settings.delivery.pilot
    return Standards(
        book=replace(book, version=version),
        calendar=calendar,
        letterhead=Letterhead(settings.letter.system, settings.zone, settings.web.link, settings.letter.digest_cap),
        release=Release(Mode(settings.delivery.mode), None if pilot is None else frozenset(pilot)),
        stopwatch=time.perf_counter,
    )


def mail_settings(settings: Settings) -> MailSettings:
    """Bring the settings' mail section, with its secret, into the form that the mail channel takes."""
    mail = settings.mail
    return MailSettings(
        host=mail.host,
        port=mail.port,
        sender=mail.sender,
        sender_name=mail.sender_name,
        local_hostname=mail.local_hostname,
        message_id_domain=mail.message_id_domain,
        security=mail.security,
        username=mail.username,
        password=settings.mail_password,
        ca_file=str(mail.ca_file) if mail.ca_file else None,
        connect_limit=mail.connect_limit,
        command_limit=mail.command_limit,
        attempt_limit=mail.attempt_limit,
        connections=mail.connections,
        redirect_to=mail.redirect_to if settings.delivery.mode == "redirect" else None,
    )


class Service:
    """One process of WarnWatch. `clock` may be handed in: the demo's is the machine's with an offset."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.engine = open_database(settings)
        self.clock = clock or clock_of(self.engine)
        self.standards = load_standards(settings)
        self.metrics = Metrics()
        self.lookup = Lookup(self.engine)
        self.latest: CycleReport | None = None
        self.counts = Counts()
        self.failure = ""
        self.owner = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
        self.sender: Sender | None = None
        self.link = ""
        self._memory = Memory()
        self._thread = ThreadPoolExecutor(1, "cycle")
        self._turning = asyncio.Lock()
        self._sending: asyncio.Task[None] | None = None
        self._began = self.clock()

    def start_sender(self, stop: asyncio.Event) -> asyncio.Task[None] | None:
        """Start sending until `stop`; in mode hold nothing is sent, and nothing starts."""
        if self.settings.delivery.mode == "hold":
            return None
        box = Outbox(self.engine, owner=self.owner, clock=self.clock)
        self.sender = Sender(box, Mailer(mail_settings(self.settings)), random.random)
        return asyncio.create_task(self.sender.run(stop))

    def wake_sender(self) -> None:
        """Tell the sender, if there is one, that a cycle has committed texts."""
        if self.sender:
            self.sender.wake()

    # --- the cycle

    def cycle(self) -> CycleReport:
        """Run one cycle now, in the calling thread. After a failure the next one reads everything anew."""
        began = time.perf_counter()
        try:
            report = self._cycle_until_uncontested()
        except Exception as error:
            self._memory = Memory()
            self.failure = f"{type(error).__name__}: {error}"
            raise
        self.counts = self.lookup.counts()
        self.metrics.observe_cycle(report, time.perf_counter() - began, self.counts)
        self.latest, self.failure = report, ""
        return report

    def _cycle_until_uncontested(self) -> CycleReport:
        for tried in range(CONFLICT_TRIES):
            try:
                return run_cycle(self.engine, self._memory, self.standards, self.clock())
            except ledger.ConflictError:
                self._memory = Memory()
                if tried == CONFLICT_TRIES - 1:
                    raise
        raise AssertionError

    async def _turn(self) -> None:
        """Run a cycle off the event loop; a failure is logged, and the next turn tries again."""
        loop = asyncio.get_running_loop()
        try:
            async with self._turning:
                report = await loop.run_in_executor(self._thread, self.cycle)
        except Exception:
            LOG.exception("the cycle failed; alerts stay as they are")
            return
        self.wake_sender()
        if report.outcome.transitions or report.notifications:
            counts = {"transitions": len(report.outcome.transitions), "calls": len(report.outcome.calls)}
            LOG.info("cycle", extra=counts | {"notifications": len(report.notifications)})

    # --- health

    def unready(self) -> list[str]:
        """Name every reason not to count on this process; none when it is well."""
        reasons = []
        waiting_since = self.latest.at if self.latest else self._began
        waited = (self.clock() - waiting_since).total_seconds()
        if self.latest is None:
            reasons.append("no cycle has finished yet")
        if waited > STALE_AFTER * self.settings.cycle.every:
            reasons.append(
                f"no cycle has finished for {waited:.0f} s; one is due every {self.settings.cycle.every:g} s"
            )
        if self.failure:
            reasons.append(f"the last cycle failed: {self.failure}")
        if self.sender and self.sender.alarm:
            reasons.append(f"mail cannot leave: {self.sender.alarm}")
        if self._sending and self._sending.done():
            reasons.append("the sender has stopped: nothing leaves")
        return reasons

    def _render(self, accept: str) -> tuple[bytes, str]:
        if self.sender:
            oldest = dict(self.counts.oldest).get("email")
            waited = (self.clock() - oldest).total_seconds() if oldest else 0.0
            self.metrics.observe_deliveries("email", self.sender.totals, waited)
        return self.metrics.render(accept)

    # --- the process

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`: cycles, sender and web side by side; then finish what is in the air and let go.

        `ready` is called once the port answers and the first cycle was started; `link` then holds the address.
        """
        server = _Server(
            uvicorn.Config(self._app(), log_config=None, access_log=False, lifespan="off", server_header=False)
        )
        listening = _listen(self.settings.web.host, self.settings.web.port)
        port = listening.getsockname()[1]
        self.link = f"http://{self.settings.web.host}:{port}"
        scheduler = AsyncIOScheduler(timezone=UTC)
        # A late run still runs, several missed ones run once, and never two at a time.
        options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        every = timedelta(seconds=self.settings.cycle.every)
        scheduler.add_job(
            self._turn, "interval", seconds=every.total_seconds(), next_run_time=datetime.now(UTC), **options
        )
        tasks = [asyncio.create_task(server.serve(sockets=[listening]))]
        self._sending = self.start_sender(stop)
        if self._sending:
            tasks.append(self._sending)
        scheduler.start()
        LOG.info("serving", extra={"link": self.link, "delivery": self.settings.delivery.mode})
        ready()
        await asyncio.wait([asyncio.create_task(stop.wait()), *tasks], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        scheduler.pause()
        async with self._turning:  # a cycle that is under way ends first
            scheduler.shutdown(wait=False)
        server.should_exit = True
        await asyncio.gather(*tasks)
        self.close()
        LOG.info("stopped")

    def close(self) -> None:
        """Wait for a cycle that is under way, then let go of the database."""
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
                clock=self.clock,
                every=self.settings.cycle.every,
            )
        )


async def send_test(settings: Settings, address: str) -> tuple[bool, str]:
    """Send one test mail as the installation would; say whether it was taken, and what was answered."""
    mailer = Mailer(mail_settings(settings))
    now = datetime.now(UTC)
    text = f"Thư thử của {settings.letter.system}. Nhận được thư này nghĩa là cấu hình gửi thư đã đúng."
    answer = await mailer.send(
        Claimed(
            id=0,
            key=f"test-{uuid.uuid4().hex}",
            office="head",
            unit="test",
            channel="email",
            level=0,
            address=address,
            subject=f"[Thư thử] {settings.letter.system}",
            text=text,
            html=None,
            created_at=now,
            owner="test",
            epoch=1,
            tries=0,
            lease_until=now + MAIL_LEASE,
        )
    )
    await mailer.rest()
    return answer.accepted, f"{answer.phase}: {answer.code or ''} {answer.text}"


class _Server(uvicorn.Server):
    """uvicorn inside our loop: who starts it also catches the signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve`."""
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise CannotRunError(
            f"web.port: cannot listen on {host}:{port} ({error.strerror}); another program may use it"
        ) from error
    return listening


def serve(settings: Settings) -> None:
    """Run the service in this process until SIGTERM or SIGINT."""
    service = Service(settings)

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, stop.set)
        await service.run(stop)

    asyncio.run(main())
