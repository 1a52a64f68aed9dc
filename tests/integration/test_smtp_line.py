"""The dialogue over one SMTP connection, with servers that take several commands at once and servers that do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from letters import claimed, mail_settings
from sinks.smtp import POINTS, Point, Script, Sink

from warnwatch.notify.delivery import Answer
from warnwatch.notify.email import Mailer

REFUSED = {"head2@dp2.example.vn": Script(refuse={"rcpt": "550 5.1.1 no"})}
# What a server says to each command, by its first word.
Said = Callable[[str], str]


def polite(word: str) -> str:
    """Answer as a healthy server, without PIPELINING."""
    return {"EHLO": "250 sink", "DATA": "354 go on", "QUIT": "221 bye"}.get(word, "250 2.0.0 ok") + "\r\n"


@asynccontextmanager
async def server(said: Said, unasked: str = "") -> AsyncIterator[int]:
    """Run a server that says what it is told to say, and something unasked after each message; give its port."""
    ended: list[asyncio.Future[None]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(asyncio.get_running_loop().create_future())
        mine = ended[-1]
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await _talk(reader, writer, said, unasked)
        writer.transport.abort()
        mine.set_result(None)

    running = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with running:
        yield running.sockets[0].getsockname()[1]
        await asyncio.gather(*ended)


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: Said, unasked: str) -> None:
    writer.write(b"220 sink\r\n")
    while line := await reader.readline():
        answer = said(line.split(b" ")[0].strip().decode())
        writer.write(answer.encode())
        if answer.startswith("354"):
            await reader.readuntil(b"\r\n.\r\n")
            writer.write(said("DOT").encode())
            await writer.drain()
            await asyncio.sleep(0.01 if unasked else 0)
            writer.write(unasked.encode())


async def send(port: int, *numbers: int, pause: float = 0) -> list[Answer]:
    """Send mails one after the other over one connection."""
    mailer, answers = Mailer(mail_settings(port, connections=1)), []
    for number in numbers:
        answers.append(await mailer.send(claimed(number)))
        await asyncio.sleep(pause)
    await mailer.rest()
    return answers


@pytest.mark.parametrize("pipelining", [True, False])
async def test_a_refused_recipient_costs_nobody_anything(pipelining: bool) -> None:
    """The mails before and after it are taken over the same connection, the refused one is not."""
    with Sink(recipients=REFUSED, pipelining=pipelining) as sink:
        answers = await send(sink.port, 1, 2, 3)
    assert [answer.accepted for answer in answers] == [True, False, True]
    assert (answers[1].phase, answers[1].enhanced) == ("rcpt", "5.1.1")
    assert [one.recipient for one in sink.messages] == ["head1@dp1.example.vn", "head3@dp3.example.vn"]
    assert sink.connections == 1


async def test_a_server_that_asks_for_a_mail_to_nobody_gets_none() -> None:
    """RFC 2920 lets it say 354 all the same: that line is left, and the next mail takes another."""
    with Sink(recipients=REFUSED, goes_on=True) as sink:
        answers = await send(sink.port, 1, 2, 3)
    assert [answer.accepted for answer in answers] == [True, False, True]
    assert [one.recipient for one in sink.messages] == ["head1@dp1.example.vn", "head3@dp3.example.vn"]
    assert sink.connections == 2


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("point", [point for point in POINTS if point in ("mail", "rcpt", "data", "dot")])
async def test_each_refusal_is_read_at_its_point(point: Point, pipelining: bool) -> None:
    """The first no is the answer, whatever the server says to the commands behind it."""
    with Sink(Script(refuse={point: "451 4.3.0 no"}), pipelining=pipelining) as sink:
        (answer,) = await send(sink.port, 1)
    assert (answer.phase, answer.code, answer.enhanced, sink.messages) == (point, 451, "4.3.0", [])


async def test_commands_go_together_where_the_server_allows_it() -> None:
    """A server without PIPELINING has each command answered before the next."""
    for pipelining in (True, False):
        with Sink(Script(silent="mail"), pipelining=pipelining) as sink:
            await send(sink.port, 1)
        assert [line.split(" ")[0] for _, line in sink.lines] == ["EHLO", "MAIL"]


async def test_what_a_server_says_unasked_is_no_answer() -> None:
    """A stray yes after a message is not taken for the yes to the next one."""
    taken = iter(["250 2.0.0 taken\r\n", "554 5.6.0 not this one\r\n"])
    async with server(lambda word: next(taken) if word == "DOT" else polite(word), "250 2.0.0 taken\r\n" * 5) as port:
        answers = await send(port, 1, 2, pause=0.1)
    assert [(answer.phase, answer.code) for answer in answers] == [("dot", 250), ("dot", 554)]


@pytest.mark.parametrize("rubbish", ["hello\r\n", "\r\n", "25\r\n", "²50 ok\r\n", "x" * 40_000, "250-more\r\n" * 9000])
async def test_rubbish_is_no_answer(rubbish: str) -> None:
    """No code, a line without end, an answer without end: tried again later, and the line is left."""
    async with server(lambda word: rubbish if word == "RCPT" else polite(word)) as port:
        (answer,) = await send(port, 1)
    assert (answer.phase, answer.code) == ("rcpt", None)


async def test_an_answer_may_come_in_pieces_and_have_many_lines() -> None:
    """Its text is one line; a line end alone ends a line as well."""
    async with server(lambda word: "250-2.0.0 one\n250 two\r\n" if word == "DOT" else polite(word)) as port:
        (answer,) = await send(port, 1)
    assert (answer.accepted, answer.text) == (True, "2.0.0 one two")
    with Sink(Script(drip="dot", drip_every=0.001)) as sink:
        (answer,) = await send(sink.port, 1)
    assert answer.accepted
