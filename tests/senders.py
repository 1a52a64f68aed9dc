"""What tests of the sender share: a carrier that answers as told, senders that run for a block, waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from letters import TAKEN, HandClock
from sqlalchemy import Engine

from warnwatch.notify.delivery import Answer, Claimed
from warnwatch.notify.outbox import Outbox
from warnwatch.notify.sending import Carrier, Pace, Sender

QUICK = Pace(look_every=0.05, record_after=0.005, stop_within=1.0, server_pause=0.05)


def sender_for(engine: Engine, clock: HandClock, carrier: Carrier, owner: str = "sender-1") -> Sender:
    """Give a sender with its side of the outbox."""
    return Sender(Outbox(engine, owner=owner, clock=clock), carrier, jitter=lambda: 0.5, pace=QUICK)


class Tape:
    """A carrier that gives the answers it was told to give, and notes what it was asked to send."""

    channel = "email"
    lines = 2
    attempt_limit = 1.0

    def __init__(self, answer: Callable[[Claimed], Answer] = lambda _: TAKEN, delay: float = 0) -> None:
        self.begun: list[str] = []
        self.sent: list[str] = []
        self._answer = answer
        self._delay = delay

    async def send(self, held: Claimed) -> Answer:
        """Answer after the delay."""
        self.begun.append(held.key)
        await asyncio.sleep(self._delay)
        self.sent.append(held.key)
        return self._answer(held)

    async def rest(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def running(*senders: Sender) -> AsyncIterator[None]:
    """Run senders until the end of the block, then stop them cleanly."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(one.run(stop)) for one in senders]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def until(holds: Callable[[], object], *, moving: HandClock | None = None) -> None:
    """Wait until something holds, while the hand-moved clock runs twenty times too fast if one is given."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        if moving is not None:
            moving.move(seconds=0.2)
        await asyncio.sleep(0.01)
