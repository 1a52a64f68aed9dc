"""The sender between the outbox and a mail server: what was promised for each fault, judged by the server's own log."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from letters import HandClock, attempts, letter, mail_settings, put, states
from senders import Tape, running, sender_for, until
from sinks.smtp import POINTS, Point, Script, Sink
from sqlalchemy import Engine

from warnwatch.database import open_engine
from warnwatch.notify.delivery import Outcome
from warnwatch.notify.email import Mailer
from warnwatch.rules.rule import Level


@pytest.fixture
def lite(sqlite_url: str) -> Iterator[Engine]:
    """An empty SQLite database, for long tables of faults in which the database plays no part."""
    engine = open_engine(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> HandClock:
    """The database's time, moved by hand."""
    return HandClock()


def mailer(sink: Sink, **changes: Any) -> Mailer:
    """Give the way to a server."""
    return Mailer(mail_settings(sink.port, **changes))


# --- healthy


async def test_everything_due_is_sent_once(engine: Engine, clock: HandClock) -> None:
    """A healthy server has each message once, and each row says so."""
    put(engine, [letter(number) for number in range(50)])
    with Sink() as sink:
        sender = sender_for(engine, clock, mailer(sink, attempt_limit=5))
        assert await sender.round() == 50
        assert len({one.message_id for one in sink.messages}) == len(sink.messages) == 50
    assert set(states(engine)) == {"sent"}
    assert sender.totals == {Outcome.SENT: 50}


async def test_three_senders_send_nothing_twice(engine: Engine, clock: HandClock) -> None:
    """On one outbox at the same time, no row goes out twice."""
    put(engine, [letter(number) for number in range(150)])
    with Sink() as sink:
        senders = [sender_for(engine, clock, mailer(sink, attempt_limit=5), f"sender-{n}") for n in range(3)]
        await asyncio.gather(*(one.round() for one in senders))
        assert Counter(Counter(one.message_id for one in sink.messages).values()) == {1: 150}


async def test_the_gravest_leaves_first(engine: Engine, clock: HandClock) -> None:
    """With one line, the order of arrival is the order of levels."""
    levels = [Level.NOTICE, Level.CRITICAL, Level.WARNING, Level.CRITICAL]
    put(engine, [letter(number, level=level) for number, level in enumerate(levels)])
    with Sink() as sink:
        await sender_for(engine, clock, mailer(sink, connections=1)).round()
        assert [one.recipient[:5] for one in sink.messages] == ["head1", "head3", "head2", "head0"]


async def test_a_running_sender_sees_new_rows(engine: Engine, clock: HandClock) -> None:
    """It looks at every turn, and at once when it is woken."""
    tape = Tape()
    sender = sender_for(engine, clock, tape)
    async with running(sender):
        await asyncio.sleep(0.02)
        put(engine, [letter()])
        sender.wake()
        await until(lambda: states(engine) == ["sent"])
    assert tape.sent == ["telling-1"]


# --- the server's faults (what must come out of each is the last column of the measured table)


@pytest.mark.parametrize("point", ["greeting", "mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("code", [421, 451])
async def test_a_temporary_refusal_is_tried_until_it_passes(
    lite: Engine, clock: HandClock, point: Point, code: int
) -> None:
    """421 or 451 at any point: not lost, not sent twice, arrives once the server is back."""
    put(lite, [letter()])
    with Sink(Script(refuse={point: f"{code} 4.3.0 later"})) as sink:
        sender = sender_for(lite, clock, mailer(sink))
        await sender.round()
        assert (states(lite), sink.messages) == (["ready"], [])
        sink.script = Script()
        clock.move(seconds=6)
        await sender.round()
        assert (states(lite), len(sink.messages)) == (["sent"], 1)
    assert [one["outcome"] for one in attempts(lite)] == ["retry", "sent"]


async def test_a_greylisted_mail_arrives(engine: Engine, clock: HandClock) -> None:
    """450 to the first tries of a recipient: at most 20 an hour, and it arrives."""
    put(engine, [letter()])
    with Sink(Script(greylist=4)) as sink:
        sender = sender_for(engine, clock, mailer(sink))
        for _ in range(60):
            await sender.round()
            clock.move(seconds=10)
        assert len(sink.messages) == 1
        assert sink.count("RCPT") == 5


@pytest.mark.parametrize("point", ["rcpt", "data", "dot"])
@pytest.mark.parametrize("code", ["550 5.1.1", "552 5.2.2", "553 5.1.3", "554 5.6.0"])
async def test_a_permanent_refusal_is_final(lite: Engine, clock: HandClock, point: Point, code: str) -> None:
    """5xx for this message: one attempt, kept with the reason, never again."""
    put(lite, [letter()])
    with Sink(Script(refuse={point: f"{code} no"})) as sink:
        sender = sender_for(lite, clock, mailer(sink))
        await sender.round()
        clock.move(days=1)
        await sender.round()
        assert (sink.count("MAIL"), sink.messages) == (1, [])
    assert (states(lite), attempts(lite)[0]["answer"]) == (["failed"], f"{code.split()[1]} no")
    assert sender.totals == {Outcome.FAILED: 1}


@pytest.mark.parametrize("point", ["greeting", "ehlo"])
async def test_a_server_that_refuses_everybody_fails_nobody(engine: Engine, clock: HandClock, point: Point) -> None:
    """A 5xx before any address is the server's fault: all stay due, few are burnt on it, a person is called."""
    put(engine, [letter(number) for number in range(40)])
    with Sink(Script(refuse={point: "554 5.3.2 no service"})) as sink:
        sender = sender_for(engine, clock, mailer(sink))
        async with running(sender):
            await until(lambda: sender.alarm)
            await asyncio.sleep(0.3)
            tried = sender.totals.total()
            sink.script = Script()
            clock.move(seconds=10)
            # On a busy machine an answer may come too late: that mail has its next turn, too.
            await until(lambda: set(states(engine)) == {"sent"}, moving=clock)
        assert tried < 15
        assert (len(sink.messages), sender.alarm) == (40, "")


async def test_taken_and_then_cut_gives_at_most_one_copy_more(engine: Engine, clock: HandClock) -> None:
    """The 250 was lost: sent again with the same Message-ID, and the history shows the unanswered try."""
    put(engine, [letter()])
    with Sink(Script(take_then_drop=True, times=1)) as sink:
        sender = sender_for(engine, clock, mailer(sink))
        await sender.round()
        clock.move(seconds=6)
        await sender.round()
        assert [one.raw for one in sink.messages] == [sink.messages[0].raw] * 2
    assert [(one["outcome"], one["phase"], one["code"]) for one in attempts(engine)] == [
        ("retry", "dot", None),
        ("sent", "dot", 250),
    ]


async def test_cut_after_the_250_is_sent(engine: Engine, clock: HandClock) -> None:
    """One copy, and the row says sent."""
    put(engine, [letter(number) for number in range(5)])
    with Sink(Script(drop_after="dot")) as sink:
        await sender_for(engine, clock, mailer(sink)).round()
        assert len(sink.messages) == 5
    assert set(states(engine)) == {"sent"}


async def test_one_bad_address_stops_nobody(engine: Engine, clock: HandClock) -> None:
    """Refused, missing or malformed: those fail with a reason; the others arrive in the same round."""
    put(engine, [letter(1), letter(2, address=None), letter(3, address="a@b\r\nDATA"), letter(4), letter(5)])
    bad = {"head4@dp4.example.vn": Script(refuse={"rcpt": "550 5.1.1 no such user"})}
    with Sink(recipients=bad) as sink:
        await sender_for(engine, clock, mailer(sink)).round()
        assert {one.recipient for one in sink.messages} == {"head1@dp1.example.vn", "head5@dp5.example.vn"}
    assert states(engine) == ["sent", "failed", "failed", "failed", "sent"]
    assert [attempts(engine, number)[0]["phase"] for number in (2, 3, 4)] == ["build", "build", "rcpt"]


async def test_a_stalled_recipient_delays_nobody(engine: Engine, clock: HandClock) -> None:
    """While one recipient's attempt hangs, all others pass, those written later too."""
    put(engine, [letter(0)])
    slow = {"head0@dp0.example.vn": Script(silent="rcpt")}
    with Sink(recipients=slow) as sink:
        sender = sender_for(engine, clock, mailer(sink, connections=2, command_limit=1.5, attempt_limit=2))
        async with running(sender):
            await until(lambda: sink.count("RCPT TO:<head0"))
            put(engine, [letter(number) for number in range(1, 21)])
            began = time.monotonic()
            await until(lambda: len(sink.messages) == 20)
            assert time.monotonic() - began < 1
            await until(lambda: attempts(engine, 0))
    assert (states(engine)[0], attempts(engine, 0)[0]["answer"]) == ("ready", "timed out")


@pytest.mark.parametrize("point", [point for point in POINTS if point not in ("starttls", "auth")])
async def test_after_a_silence_the_server_is_used_again(lite: Engine, clock: HandClock, point: Point) -> None:
    """Silent at any point for a while: no restart is needed, and each arrives exactly once."""
    put(lite, [letter(number) for number in range(6)])
    with Sink(Script(silent=point)) as sink:
        sender = sender_for(lite, clock, mailer(sink, connections=2))
        async with running(sender):
            await until(lambda: sender.totals[Outcome.RETRY] >= 2)
            sink.script = Script()
            await until(lambda: set(states(lite)) == {"sent"}, moving=clock)
        assert Counter(one.recipient for one in sink.messages).most_common(1)[0][1] == 1


# --- servers that nobody here wrote


async def test_aiosmtpd_takes_it(engine: Engine, clock: HandClock) -> None:
    """The demo's mailbox understands what is sent."""
    mailbox = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(mailbox), "127.0.0.1", 0)
    async with server:
        put(engine, [letter(1), letter(2)])
        port = server.sockets[0].getsockname()[1]
        await sender_for(engine, clock, Mailer(mail_settings(port))).round()
    assert sorted(mailbox.recipients) == ["head1@dp1.example.vn", "head2@dp2.example.vn"]
    assert states(engine) == ["sent", "sent"]


class Mailbox:
    """What aiosmtpd hands on."""

    def __init__(self) -> None:
        self.recipients: list[str] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        """Take a message."""
        self.recipients += envelope.rcpt_tos
        return "250 2.0.0 taken"
