"""Senders at work while cycles write: what waits is told once, in a digest or by the sender that has it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import local
from letters import TAKEN
from sqlalchemy import select
from worlds import World, begun_world

from warnwatch import schema
from warnwatch.notify import outbox
from warnwatch.notify.delivery import Answer, Attempt, Claimed, Outcome, Phase, Verdict
from warnwatch.rules.rule import ChannelRules

HEAD = "DP-19-UB/head/1"
FIRST, SECOND = local(16, 8, 3), local(16, 8, 9)


class Meanwhile(Mapping[str, ChannelRules]):
    """Channels without any rules, that let something happen while texts are written: after reading, before writing."""

    def __init__(self, event: Callable[[], None]) -> None:
        self._event = event
        self.happens = False

    def __getitem__(self, name: str) -> ChannelRules:
        """Give no channel any rules; the first question lets it happen."""
        if self.happens:
            self.happens = False
            self._event()
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        """Name none."""
        return iter(())

    def __len__(self) -> int:
        """Count none."""
        return 0


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """T-1 passes its deadline on Saturday; nothing leaves but what the test sends."""
    with begun_world(database_url, tmp_path / "in", "T-1", sends=False) as world:
        yield world


def while_writing(world: World, event: Callable[[], None]) -> Meanwhile:
    """Let something happen in each cycle for which `happens` is set."""
    channels = Meanwhile(event)
    world.by(book=replace(world.standards.book, channels=channels))
    return channels


def claim(world: World, now: datetime) -> list[Claimed]:
    """Claim what is due, as a sender does."""
    with world.engine.begin() as connection:
        return outbox.claim(connection, owner="s", now=now, limit=100, lease=outbox.MAIL_LEASE)


def record(world: World, held: list[Claimed], now: datetime, verdict: Verdict, answer: Answer = TAKEN) -> None:
    """Write down one answer to all of them."""
    with world.engine.begin() as connection:
        outbox.record(connection, [Attempt(one, now, answer, verdict) for one in held])


def states(world: World) -> list[str]:
    """Give the states of the texts to the head."""
    return [one["state"] for one in world.mails() if one["holder"] == HEAD]


def told(world: World) -> Counter[tuple[int, str, str]]:
    """Count for each call and holder the texts that were accepted."""
    link, text = schema.notification_call.c, schema.notification.c
    query = select(link.call, link.holder, link.channel).join(schema.notification, text.id == link.notification)
    with world.engine.connect() as connection:
        return Counter(tuple(row) for row in connection.execute(query.where(text.state == "sent")))


def sent(world: World) -> list[str]:
    """Give the texts to the head that were accepted."""
    return [one["text"] for one in world.mails() if (one["holder"], one["state"]) == (HEAD, "sent")]


@pytest.mark.parametrize("answered", [False, True])
def test_a_text_that_a_sender_takes_meanwhile_is_told_by_that_sender_alone(world: World, answered: bool) -> None:
    """Claimed between the cycle's reading and its writing: the new text is written anew, without what that one says."""
    world.cycle(FIRST)
    world.put(FIRST, "T-2", due="2025-08-15")
    held: list[Claimed] = []

    def take() -> None:
        held.extend(claim(world, SECOND))
        if answered:
            record(world, held, SECOND, Verdict(Outcome.SENT))

    channels = while_writing(world, take)
    channels.happens = True
    world.cycle(SECOND)
    assert states(world) == ["sent" if answered else "claimed", "ready"]
    if not answered:
        record(world, held, SECOND, Verdict(Outcome.SENT))
    record(world, claim(world, SECOND), SECOND, Verdict(Outcome.SENT))
    first, second = sent(world)
    assert ("T-1" in first, "T-2" in first) == (True, False)
    assert ("T-1" in second, "T-2" in second) == (False, True)
    assert set(told(world).values()) == {1}


def test_a_text_that_was_tried_meanwhile_is_not_taken_in(world: World) -> None:
    """Claimed, tried and given back between reading and writing: it may be out, for all that the cycle knows."""
    world.cycle(FIRST)
    world.put(FIRST, "T-2", due="2025-08-15")
    unheard = Answer(Phase.DOT, None, None, "connection lost")
    later = Verdict(Outcome.RETRY, SECOND)

    channels = while_writing(world, lambda: record(world, claim(world, SECOND), SECOND, later, unheard))
    channels.happens = True
    world.cycle(SECOND)
    assert states(world) == ["ready", "ready"]
    record(world, claim(world, SECOND), SECOND, Verdict(Outcome.SENT))
    assert set(told(world).values()) == {1}


def test_a_warning_that_leaves_while_it_is_withdrawn_gets_its_all_clear(world: World) -> None:
    """The task is done, and a sender takes the warning in that very moment: then the end of it is told as well."""
    world.cycle(FIRST)
    world.done(local(16, 8, 4), "T-1")
    held: list[Claimed] = []
    channels = while_writing(world, lambda: held.extend(claim(world, SECOND)))
    channels.happens = True
    world.put(local(16, 8, 4), "T-3", due="2025-08-15")  # gives the cycle something to write
    world.cycle(local(16, 8, 5))
    record(world, held, SECOND, Verdict(Outcome.SENT))
    record(world, claim(world, SECOND), SECOND, Verdict(Outcome.SENT))
    assert "T-1" in sent(world)[0]
    assert "T-1" in sent(world)[1]
    assert "T-3" in sent(world)[1]


def test_senders_that_never_rest_and_cycles_that_merge_lose_and_double_nothing(world: World) -> None:
    """Two senders claim, fail and send all the time while deadline after deadline passes: each call is told once."""
    stop, start = threading.Event(), datetime(2025, 8, 16, 1, tzinfo=UTC)
    clock = [start]

    def send(owner: str, fails: int) -> None:
        turn = 0
        while not stop.is_set():
            with world.engine.begin() as connection:
                held = outbox.claim(connection, owner=owner, now=clock[0], limit=1, lease=timedelta(days=1))
            for one in held:
                turn += 1
                again = Verdict(Outcome.RETRY, clock[0]) if turn % fails else Verdict(Outcome.SENT)
                answer = TAKEN if again.outcome is Outcome.SENT else Answer(Phase.CONNECT, None, None, "refused")
                with world.engine.begin() as connection:
                    outbox.record(connection, [Attempt(one, clock[0], answer, again)])
            time.sleep(0.002)

    with ThreadPoolExecutor(2) as threads:
        sending = [threads.submit(send, name, fails) for name, fails in (("a", 3), ("b", 5))]
        try:
            for number in range(3, 15):
                clock[0] = start + timedelta(minutes=number)
                world.put(clock[0], f"T-{number}", due="2025-08-15")
                world.cycle(clock[0])
        finally:
            stop.set()
        for one in sending:
            one.result()
    record(world, claim(world, clock[0]), clock[0], Verdict(Outcome.SENT))
    accepted = told(world)
    assert set(accepted.values()) == {1}
    assert len({call for call, _, _ in accepted}) == world.count(schema.call)
    assert set(states(world)) <= {"sent", "merged"}
