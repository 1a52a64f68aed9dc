"""The sender when it is killed or stopped, when the database is away, or when its carrier breaks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from letters import NOW, TAKEN, HandClock, attempts, letter, put, row, states
from senders import QUICK, Tape, running, sender_for, until
from sqlalchemy import Engine

from warnwatch.notify.delivery import Answer, Attempt, Claimed, Phase
from warnwatch.notify.outbox import Outbox
from warnwatch.notify.sending import Sender

CLAIM_AND_DIE = """
import datetime, os, sys
from warnwatch.notify.outbox import Outbox
from warnwatch.database import open_engine
side = Outbox(open_engine(sys.argv[1]), owner="killed", clock=lambda: datetime.datetime.fromisoformat(sys.argv[2]))
assert side.claim(1)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def clock() -> HandClock:
    """The database's time, moved by hand."""
    return HandClock()


async def test_killed_with_a_mail_in_hand_it_is_sent_by_the_next(engine: Engine, clock: HandClock) -> None:
    """A process killed between claim and send loses nothing: after its lease another sends, once."""
    put(engine, [letter()])
    url = engine.url.render_as_string(hide_password=False)
    died = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", CLAIM_AND_DIE, url, NOW.isoformat()], check=False
    )
    assert died.returncode == -9
    tape = Tape()
    sender = sender_for(engine, clock, tape)
    assert await sender.round() == 0
    clock.move(seconds=45)
    assert await sender.round() == 1
    assert (tape.sent, states(engine)) == (["telling-1"], ["sent"])
    assert [one["outcome"] for one in attempts(engine)] == ["uncertain", "sent"]


async def test_a_stop_finishes_what_is_in_the_air_and_gives_back_the_rest(engine: Engine, clock: HandClock) -> None:
    """On a clean stop no mail is cut off, and others may claim the rest at once."""
    put(engine, [letter(number) for number in range(30)])
    tape = Tape(delay=0.1)
    async with running(sender_for(engine, clock, tape)):
        await until(lambda: len(tape.sent) >= 2)
    assert Counter(states(engine)) == {"sent": len(tape.sent), "ready": 30 - len(tape.sent)}
    assert 2 <= len(tape.sent) <= 6


async def test_a_stop_does_not_wait_for_ever(engine: Engine, clock: HandClock) -> None:
    """What takes longer than the stop may is left to its lease, as after a crash."""
    put(engine, [letter()])
    tape = Tape(delay=60)
    began = time.monotonic()
    async with running(sender_for(engine, clock, tape)):
        await until(lambda: tape.begun)
    assert time.monotonic() - began < 3
    assert states(engine) == ["claimed"]


async def test_a_fault_of_the_carrier_is_one_message_s_fault(engine: Engine, clock: HandClock) -> None:
    """An exception that nobody thought of is recorded, tried again, and stops no other message."""

    def answer(held: Claimed) -> Answer:
        if held.key == "telling-2":
            raise ZeroDivisionError
        return TAKEN

    put(engine, [letter(1), letter(2), letter(3)])
    await sender_for(engine, clock, Tape(answer)).round()
    assert states(engine) == ["sent", "ready", "sent"]
    assert attempts(engine, 2)[0]["answer"] == "ZeroDivisionError in the sender"


class Failing(Outbox):
    """An outbox whose database is away for a number of calls."""

    away = 0

    def _fail(self) -> None:
        if self.away:
            self.away -= 1
            raise ConnectionError("the database is away")

    def claim(self, limit: int) -> list[Claimed]:
        """Fail, or claim."""
        self._fail()
        return super().claim(limit)

    def record(self, attempts: Sequence[Attempt]) -> None:
        """Fail, or record."""
        self._fail()
        super().record(attempts)


async def test_a_database_that_is_away_loses_and_repeats_nothing(engine: Engine, clock: HandClock) -> None:
    """What was sent is written down when the database is back; nothing is sent a second time meanwhile."""
    put(engine, [letter(number) for number in range(8)])
    outbox, tape = Failing(engine, owner="sender-1", clock=clock), Tape(delay=0.05)
    outbox.away = 3
    sender = Sender(outbox, tape, jitter=lambda: 0.5, pace=QUICK)
    async with running(sender):
        await until(lambda: tape.sent)
        outbox.away = 3
        await until(lambda: set(states(engine)) == {"sent"})
    assert len(tape.sent) == len(set(tape.sent)) == 8


async def test_what_waits_too_long_for_a_line_is_given_back(engine: Engine, clock: HandClock) -> None:
    """No attempt starts that might outlive its lease; the row is ready again, without an attempt."""
    put(engine, [letter(number) for number in range(4)])
    outbox = Outbox(engine, owner="sender-1", clock=clock, lease=timedelta(seconds=0.99))
    async with running(Sender(outbox, Tape(), jitter=lambda: 0.5, pace=QUICK)):
        await asyncio.sleep(0.3)
    assert (set(states(engine)), attempts(engine, 0)) == ({"ready"}, [])


async def test_the_alarm_is_seen_and_goes_away(engine: Engine, clock: HandClock) -> None:
    """A wrong password is shown until mail goes out again."""
    answers = [Answer(Phase.AUTH, 535, "5.7.8", "5.7.8 wrong password"), TAKEN]
    put(engine, [letter()])
    sender = sender_for(engine, clock, Tape(lambda _: answers.pop(0)))
    await sender.round()
    assert sender.alarm == "auth: 535 5.7.8 wrong password"
    clock.move(seconds=6)
    await sender.round()
    assert (sender.alarm, row(engine)["tries"]) == ("", 2)
