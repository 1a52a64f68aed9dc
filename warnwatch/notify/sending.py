"""The sender's loop: claim what is due, send it over the carrier's lines, record the answers as soon as they come."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from warnwatch.notify.delivery import (
    FIRST_PAUSE,
    SERVER_PHASES,
    Answer,
    Attempt,
    Claimed,
    Outcome,
    Phase,
    decide,
    read_answer,
)

LOG = logging.getLogger(__name__)
T = TypeVar("T")


class Carrier(Protocol):
    """A channel's way out: up to `lines` messages at once, each attempt at most `attempt_limit` seconds long."""

    channel: str
    lines: int
    attempt_limit: float

    async def send(self, claimed: Claimed) -> Answer:
        """Make one attempt; what can go wrong comes back as an answer."""

    async def rest(self) -> None:
        """Let go of connections that nothing needs at present."""


class Holds(Protocol):
    """The outbox as the sender uses it, always from one thread; outbox.Outbox is the real one."""

    clock: Callable[[], datetime]
    lease: timedelta

    def claim(self, limit: int) -> list[Claimed]:
        """Hold up to `limit` due notifications."""

    def record(self, attempts: Sequence[Attempt]) -> None:
        """Write down attempts."""

    def release(self, held: Sequence[Claimed]) -> None:
        """Give back what was held and not tried."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the sender turns, in seconds and rows.

    `look_every`: how often it looks for due rows. `record_after`, `record_rows`: how long an answer waits for company
    before it is written down, and how much; what is not yet written, a crash sends twice. `claim_rows`: the most it
    claims ahead. `stop_within`: how long a stop waits for attempts in the air. `server_pause`: between tries while the
    server itself is at fault. `first_pause`: before a text's second try.
    """

    look_every: float = 1.0
    record_after: float = 0.02
    record_rows: int = 200
    claim_rows: int = 500
    stop_within: float = 10.0
    server_pause: float = 1.0
    first_pause: timedelta = FIRST_PAUSE


@dataclass(frozen=True, slots=True)
class _Held:
    """A claimed notification that waits for a line; after `start_by` (the loop's time) its lease might not last."""

    claimed: Claimed
    start_by: float


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer that came at `at` (the loop's time)."""

    claimed: Claimed
    answer: Answer
    at: float


class Soon:
    """Work that is done at once when asked for, never twice side by side; asked meanwhile, it is done once more."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._asked = False
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Ask for it, on the event loop."""
        self._asked = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._asked:
            self._asked = False
            await self._work()


class Sender:
    """One channel's sender in this process. The event loop never waits for the database: that has a thread of its own.

    `totals` counts attempts by outcome; `alarm` is the last answer that asks for a person, empty once mail goes out;
    `trouble` says that the outbox itself cannot be used, empty once it can. `on_failure` is called on the loop when a
    text has failed for good and that is written down.
    """

    def __init__(
        self,
        outbox: Holds,
        carrier: Carrier,
        jitter: Callable[[], float],
        pace: Pace | None = None,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self.totals: Counter[Outcome] = Counter()
        self.alarm = ""
        self.trouble = ""
        self._on_failure = on_failure
        self._outbox = outbox
        self._carrier = carrier
        self._jitter = jitter
        self._pace = pace or Pace()
        self._thread = ThreadPoolExecutor(1, f"outbox-{carrier.channel}")
        self._moved = asyncio.Event()
        self._stopping = False
        self._queue: asyncio.Queue[_Held] = asyncio.Queue()
        # Bounded: while nothing can be written down, nothing more is sent.
        self._answers: asyncio.Queue[_Answered] = asyncio.Queue(2 * self._pace.record_rows)
        self._late: list[Claimed] = []
        self._unfinished = 0
        self._low = 0
        self._asked_at = 0.0
        self._answered = 0
        self._faults = 0

    def wake(self) -> None:
        """Look at the outbox now, not at the next turn: for the loop's thread, after a cycle has committed."""
        self._moved.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`; then finish what is in the air, within `stop_within` seconds, and give back the rest."""
        watcher = asyncio.create_task(self._watch(stop))
        try:
            while not self._stopping:
                await self._try_round()
                await self._move(self._pace.look_every)
        finally:
            watcher.cancel()
            self._thread.shutdown(wait=False)

    async def _try_round(self) -> None:
        """Send; a database that is away comes back, with every row and lease as it was, and is logged once."""
        try:
            await self.round()
        except Exception as error:
            if not self.trouble:
                LOG.exception("sending failed and goes on", extra={"channel": self._carrier.channel})
            self.trouble = f"{type(error).__name__}: {error}".splitlines()[0]
        else:
            if self.trouble:
                LOG.info("the outbox can be used again", extra={"channel": self._carrier.channel})
            self.trouble = ""

    async def round(self) -> int:
        """Send all that is due, and what comes due meanwhile; give the number of attempts written down."""
        before = self.totals.total()
        tasks = [asyncio.create_task(self._work()) for _ in range(self._carrier.lines)]
        tasks.append(asyncio.create_task(self._write()))
        try:
            await self._feed()
            await self._land()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._unfinished = 0
            await self._carrier.rest()
        return self.totals.total() - before

    async def _watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopping = True
        self._moved.set()

    async def _move(self, limit: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._moved.wait()
        self._moved.clear()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # --- claiming

    async def _feed(self) -> None:
        """Keep the queue filled until nothing is due and nothing in the air, or until the stop."""
        while not self._stopping:
            if self._faults >= self._carrier.lines:
                # The server refuses everything: give back what is held untried, and ask with one message at a time.
                await self._give_back(everything=True)
                await asyncio.sleep(self._pace.server_pause)
            if self._late:
                await self._give_back()
            if self._queue.qsize() <= self._low:
                more = await self._claim()
                if not more and not self._unfinished:
                    return
            await self._move(self._pace.look_every)

    async def _claim(self) -> bool:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        rows = self._next_rows(asked)
        try:
            claimed = await self._in_thread(lambda: self._outbox.claim(rows))
        except Exception:
            if not self._unfinished:
                raise
            LOG.exception("claiming failed while mail is in the air", extra={"channel": self._carrier.channel})
            return False
        start_by = asked + self._outbox.lease.total_seconds() - self._carrier.attempt_limit
        self._unfinished += len(claimed)
        for one in claimed:
            self._queue.put_nowait(_Held(one, start_by))
        self._low = self._queue.qsize() // 2
        return bool(claimed)

    def _next_rows(self, asked: float) -> int:
        """Claim what was answered in a second lately, so that the gravest goes first and no lease runs out waiting."""
        per_second = self._answered / max(asked - self._asked_at, 0.001)
        self._asked_at, self._answered = asked, 0
        if self._faults >= self._carrier.lines:
            return 1
        return max(self._carrier.lines, min(self._pace.claim_rows, int(per_second)))

    async def _give_back(self, *, everything: bool = False) -> None:
        back, self._late = self._late, []
        while everything and not self._queue.empty():
            back.append(self._queue.get_nowait().claimed)
        if back:
            self._unfinished -= len(back)
            try:
                await self._in_thread(lambda: self._outbox.release(back))
            except Exception:
                # Their leases run out: others take them then.
                LOG.exception("giving back failed", extra={"channel": self._carrier.channel})

    async def _land(self) -> None:
        """Wait for the attempts in the air; one that takes too long is left to its lease, as after a crash."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._pace.stop_within
        await self._give_back(everything=True)
        while self._unfinished and loop.time() < deadline:
            await self._move(deadline - loop.time())

    # --- sending

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            held = await self._queue.get()
            if self._queue.qsize() == self._low:
                self._moved.set()
            if loop.time() > held.start_by:
                self._late.append(held.claimed)
                self._moved.set()
                continue
            answer = await self._send(held.claimed)
            if answer.phase in SERVER_PHASES:
                self._faults += 1
            elif answer.phase is not Phase.BUILD:
                self._faults = 0
                self._answered += 1
            await self._answers.put(_Answered(held.claimed, answer, loop.time()))

    async def _send(self, claimed: Claimed) -> Answer:
        try:
            return await self._carrier.send(claimed)
        except Exception as error:
            LOG.exception("an attempt failed in a way of its own", extra={"notification": claimed.id})
            return read_answer(Phase.MAIL, None, f"{type(error).__name__} in the sender")

    # --- recording

    async def _write(self) -> None:
        while True:
            batch = [await self._answers.get()]
            await asyncio.sleep(self._pace.record_after)
            while len(batch) < self._pace.record_rows and not self._answers.empty():
                batch.append(self._answers.get_nowait())
            await self._record(batch)

    async def _record(self, batch: list[_Answered]) -> None:
        loop = asyncio.get_running_loop()
        attempts: list[Attempt] = []
        while not attempts:
            try:
                attempts = await self._in_thread(lambda: self._settle(batch, loop.time()))
            except Exception:
                # What the server took must be written down, however long the database is away.
                LOG.exception("recording failed, trying again", extra={"channel": self._carrier.channel})
                await asyncio.sleep(self._pace.look_every)
        self._note(attempts)
        self._unfinished -= len(batch)
        if not self._unfinished:
            self._moved.set()

    def _settle(self, batch: Sequence[_Answered], loop_now: float) -> list[Attempt]:
        """Decide and write down, in the database's thread: the clock may be the database's."""
        now = self._outbox.clock()
        attempts = []
        for one in batch:
            at = now - timedelta(seconds=loop_now - one.at)
            held = one.claimed
            verdict = decide(one.answer, held.tries, held.created_at, at, self._jitter(), self._pace.first_pause)
            attempts.append(Attempt(held, at, one.answer, verdict))
        self._outbox.record(attempts)
        return attempts

    def _note(self, attempts: Sequence[Attempt]) -> None:
        if any(one.verdict.outcome is Outcome.FAILED for one in attempts):
            self._on_failure()
        for one in attempts:
            outcome, answer = one.verdict.outcome, one.answer
            self.totals[outcome] += 1
            said = f"{answer.phase}: {answer.code or 'no answer'} {answer.text}"
            if outcome is Outcome.FAILED:
                LOG.warning(
                    "not delivered: %s", said, extra={"notification": one.claimed.id, "channel": one.claimed.channel}
                )
            if one.verdict.alarm and said != self.alarm:
                LOG.error("the mail settings or the server need a person: %s", said)
            if one.verdict.alarm or outcome is Outcome.SENT:
                self.alarm = said if one.verdict.alarm else ""
