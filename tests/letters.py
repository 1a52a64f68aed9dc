"""Finished texts for the tests of the outbox and the senders, and a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, select

from warnwatch.notify.delivery import Answer, Claimed, Phase
from warnwatch.notify.mail_settings import MailSettings
from warnwatch.notify.notification import Kind, Notification
from warnwatch.notify.outbox import add
from warnwatch.rules.rule import Level
from warnwatch.schema import delivery, notification
from warnwatch.schema import notification as table

NOW = datetime(2025, 8, 20, 1, 0, tzinfo=UTC)
TAKEN = Answer(Phase.DOT, 250, "2.0.0", "2.0.0 taken")


@dataclass
class HandClock:
    """A clock that stands until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """Give the instant it stands at."""
        return self.now

    def move(self, **parts: float) -> None:
        """Move it on."""
        self.now += timedelta(**parts)


def letter(number: int = 1, **changes: Any) -> Notification:
    """Give a finished text to the head of a unit of that number."""
    plain = Notification(
        key=f"telling-{number}",
        holder=f"DP-{number}/head/1",
        office="head",
        unit=f"DP-{number}",
        channel="email",
        kind=Kind.OVERDUE,
        level=Level.CRITICAL,
        address=f"head{number}@dp{number}.example.vn",
        subject=f"[Khẩn] Nhiệm vụ quá hạn: cung cấp dịch vụ công trực tuyến, đợt {number}",
        text="Kính gửi đồng chí,\nNhiệm vụ đã quá hạn 3 ngày làm việc.\n.\nTrân trọng.",
        html="<p>Kính gửi đồng chí,</p><p>Nhiệm vụ đã quá hạn 3 ngày làm việc.</p>",
        created_at=NOW,
    )
    return replace(plain, **changes)


def claimed(number: int = 1, **changes: Any) -> Claimed:
    """Give such a text as a sender holds it."""
    one = letter(number)
    plain = Claimed(
        id=number,
        key=one.key,
        office=one.office,
        unit=one.unit,
        channel=one.channel,
        level=one.level,
        address=one.address,
        subject=one.subject,
        text=one.text,
        html=one.html,
        created_at=one.created_at,
        owner="sender-1",
        epoch=1,
        tries=0,
        thread="",
        lease_until=NOW + timedelta(seconds=45),
    )
    return replace(plain, **changes)


def put(engine: Engine, letters: Iterable[Notification], state: str = "ready") -> int:
    """Write texts that belong to no call."""
    with engine.begin() as connection:
        return add(connection, [(one, state) for one in letters], {})


def states(engine: Engine) -> list[str]:
    """Give the state of each notification, in the order they were written."""
    with engine.begin() as connection:
        return list(connection.scalars(select(table.c.state).order_by(table.c.id)))


def row(engine: Engine, number: int = 1) -> RowMapping:
    """Give one notification's row, by its number."""
    with engine.begin() as connection:
        return connection.execute(select(notification).where(table.c.key == f"telling-{number}")).mappings().one()


def attempts(source: Engine | Connection, number: int = 1) -> list[RowMapping]:
    """Give the attempts on one notification, oldest first."""
    if isinstance(source, Engine):
        with source.begin() as connection:
            return attempts(connection, number)
    found = select(delivery).join(table).where(table.c.key == f"telling-{number}").order_by(delivery.c.id)
    return list(source.execute(found).mappings())


def mail_settings(port: int, **changes: Any) -> MailSettings:
    """Give settings for a server on the loopback, with time limits that a test can wait for."""
    plain = MailSettings(
        host="127.0.0.1",
        port=port,
        sender="canh-bao@ww.example.vn",
        sender_name="Hệ thống Cảnh báo sớm",
        local_hostname="ww.example.vn",
        message_id_domain="ww.example.vn",
        security="none",
        connect_limit=0.3,
        command_limit=0.2,
        attempt_limit=0.5,
    )
    return replace(plain, **changes)
