"""Bugs of other systems, planted into the process under test: the proof must catch every one of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from sqlalchemy import insert, update

from warnwatch import cycle
from warnwatch.notify import compose, outbox
from warnwatch.notify.delivery import Answer, Claimed, Phase
from warnwatch.notify.email import Mailer
from warnwatch.notify.outbox import Outbox
from warnwatch.notify.page import Frame, Page
from warnwatch.schema import delivery, notification


def mark_then_send() -> None:
    """Write `sent` when a text is claimed, and send it afterwards."""
    claim = Outbox.claim

    def marking(self: Outbox, limit: int) -> list[Claimed]:
        held = claim(self, limit)
        with self._engine.begin() as connection:
            marked = update(notification).where(notification.c.id.in_([one.id for one in held]))
            connection.execute(marked.values(state="sent"))
        return held

    Outbox.claim = marking  # type: ignore[method-assign]


def two_transactions() -> None:
    """Commit the alerts first and their texts in a transaction of its own; the process is killed between the two."""
    commit, add = cycle._commit, outbox.add
    kept: list[Any] = []

    def keep(_connection: Any, notifications: Any, call_ids: Any) -> int:
        kept.append((notifications, call_ids))
        return 0

    def twice(engine: Any, *rest: Any) -> None:
        commit(engine, *rest)
        while kept:
            os.kill(os.getpid(), signal.SIGKILL)
            with engine.begin() as connection:
                add(connection, *kept.pop())

    outbox.add = keep  # type: ignore[assignment]
    cycle._commit = twice  # type: ignore[assignment]


def trust_any_end() -> None:
    """Take a dialogue that ended after the dot as a success, whatever the server answered."""
    send = Mailer.send

    async def trusting(self: Mailer, claimed: Claimed) -> Answer:
        answer = await send(self, claimed)
        return replace(answer, code=250) if answer.phase is Phase.DOT else answer

    Mailer.send = trusting  # type: ignore[method-assign]


def no_time_limit() -> None:
    """Wait for a server's answer for ever."""
    init, attempt = Mailer.__init__, Mailer._attempt
    hours = 3600.0

    def patient(self: Mailer, settings: Any) -> None:
        init(self, replace(settings, connect_limit=hours, command_limit=hours))

    async def endless(self: Mailer, kept: Any, envelope: tuple[str, str], message: bytes, deadline: float) -> Answer:
        return await attempt(self, kept, envelope, message, deadline + hours)

    Mailer.__init__ = patient  # type: ignore[method-assign]
    Mailer._attempt = endless  # type: ignore[method-assign]


def no_epoch() -> None:
    """Finish a text whoever holds it by now."""

    def finish(connection: Any, attempts: Any) -> None:
        for one in attempts:
            values = {name: value for name, value in outbox._ending(one).items() if name != "row"}
            table = notification.c
            change = update(notification).where(table.id == one.claimed.id)
            connection.execute(change.values(owner=None, lease_until=None, tries=table.tries + 1, **values))
        connection.execute(insert(delivery), [outbox._delivery_row(one, stale=False) for one in attempts])

    outbox.record = finish


def swallow_a_template_error() -> None:
    """Leave out what cannot be written, and send the rest."""
    texts: Any = compose
    written = texts.write

    def swallowing(kind: Any, told: Any, desk: Any) -> Any:
        try:
            return written(kind, told, desk)
        except Exception:  # noqa: BLE001 (that is the bug)
            frame = Frame(**dict.fromkeys((one.name for one in fields(Frame)), ""))
            return Page(subject="", level=1, word="", headline="", opening="", frame=frame)

    texts.write = swallowing


BUGS: dict[str, Callable[[], None]] = {
    "mark then send": mark_then_send,
    "two transactions": two_transactions,
    "trust any end": trust_any_end,
    "no time limit": no_time_limit,
    "no epoch": no_epoch,
    "swallow a template error": swallow_a_template_error,
}
