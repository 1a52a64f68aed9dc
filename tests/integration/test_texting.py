"""The service with an SMS gateway: messages beside mail, the day's budget, reports at its own door, and what holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from builders import local
from letters import HandClock
from services import ask, holds, serving, settings_for
from sinks.sms import Reply, SmsSink
from sinks.smtp import Sink
from sqlalchemy import RowMapping, select
from worlds import BEGUN, World, build_world

from warnwatch.schema import journal, notification
from warnwatch.service import Service

# Monday 18/8/2025, 09:00: T-1 to T-3, due on Friday 15/8, are late.
MONDAY = local(18, 8, 9)
ACCEPTED = Reply(202, "0: Accepted for delivery")
SECRET = "mot-bi-mat-dai"


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> World:
    """Two units are late; the head of one has a mobile number, that of the other a landline."""
    world = build_world(sqlite_url, tmp_path / "plan")
    numbers = {"DP-19-UB": "0912345678", "BYT": "02438464416"}
    rows = [
        {"code": f"{unit}/head/1", "post": f"{unit}/head", "email": f"head@{unit.lower()}.example.vn", "phone": number}
        for unit, number in numbers.items()
    ]
    report = world.bring(BEGUN, holders=rows)
    assert [one.line for one in report.warnings] == [3]
    world.put(BEGUN, "T-1")
    world.put(BEGUN, "T-2", lead_unit="BYT")
    return world


def service_for(world: World, mail: Sink, sms: SmsSink, mode: str = "live", **changes: Any) -> Service:
    """Give a service that sends over both sinks."""
    url = world.engine.url.render_as_string(hide_password=False)
    plain = {"gateway": "kannel", "url": sms.url, "username": "ww", "password": "x"}
    plain |= {"redirect_to": "+84900000001", "report_url": "http://127.0.0.1:1", "report_secret": SECRET}
    settings = settings_for(url, smtp=mail.port, delivery={"mode": mode}, sms=plain | changes)
    return Service(settings, HandClock(MONDAY))


def texts(world: World) -> list[RowMapping]:
    """Give all notifications."""
    with world.engine.connect() as connection:
        return list(connection.execute(select(notification).order_by(notification.c.id)).mappings())


def messages(world: World) -> list[RowMapping]:
    """Give the text messages among them."""
    return [one for one in texts(world) if one["channel"] == "sms"]


async def test_a_critical_alert_goes_by_mail_and_message_and_the_report_comes_home(world: World) -> None:
    """A head with a mobile number gets both, one with a landline the mail; what the gateway reports is kept."""
    with Sink() as mail, SmsSink(ACCEPTED) as gateway:
        service = service_for(world, mail, gateway)
        async with serving(service):
            await holds(lambda: len(mail.messages) == 2 and gateway.taken)
            await holds(lambda: [one["state"] for one in messages(world)] == ["sent"])
            (asked,) = gateway.asked
            assert asked.headers["X-Kannel-To"] == "+84912345678"
            assert asked.body.startswith("WarnWatch: ")
            assert "T-1" in asked.body
            report = urlsplit(asked.headers["X-Kannel-DLR-Url"])
            assert report.query == "status=%d&answer=%A"
            assert await ask(service.link, f"{report.path}?status=1&answer=ok") == (200, "")
            assert await ask(service.link, f"{report.path}?status=2&answer=late") == (200, "")
            assert messages(world)[0]["delivered_at"] == MONDAY
            for odd in (f"{report.path}x?status=1", "/sms/x?status=1", report.path, f"{report.path}?status=7"):
                assert await ask(service.link, odd) == (404, "")
            said = (await ask(service.link, "/metrics"))[1]
            assert "warnwatch_sms_segments_total 1.0" in said
            assert 'warnwatch_notifications_total{channel="sms",outcome="sent"} 1.0' in said
            assert f"warnwatch_sms_budget_left {2000 - 1}.0" in said
    assert len(gateway.asked) == 1


async def test_over_the_budget_the_mail_goes_and_people_are_told(world: World) -> None:
    """With no parts left no message is written; the mails go, the journal, health and the log say so."""
    with Sink() as mail, SmsSink(ACCEPTED) as gateway:
        service = service_for(world, mail, gateway, daily_segments=0)
        async with serving(service):
            await holds(lambda: len(mail.messages) == 2)
            await holds(lambda: any("over today's budget" in one for one in service.unready()))
            assert "warnwatch_sms_budget_left 0.0" in (await ask(service.link, "/metrics"))[1]
    assert (messages(world), gateway.asked) == ([], [])
    with world.engine.connect() as connection:
        units = connection.scalars(select(journal.c.subject).where(journal.c.kind == "sms.over_budget")).all()
    assert set(units) == {"DP-19-UB"}


async def test_in_mode_hold_a_message_is_written_and_nothing_leaves(world: World) -> None:
    """What would be sent can be looked at; the gateway is not asked."""
    with Sink() as mail, SmsSink(ACCEPTED) as gateway:
        async with serving(service_for(world, mail, gateway, "hold")):
            await holds(lambda: messages(world))
        assert (mail.messages, gateway.asked) == ([], [])
    assert [one["state"] for one in messages(world)] == ["held"]


async def test_in_mode_redirect_messages_go_to_one_number(world: World) -> None:
    """A trial reaches no head."""
    with Sink() as mail, SmsSink(ACCEPTED) as gateway:
        async with serving(service_for(world, mail, gateway, "redirect")):
            await holds(lambda: gateway.taken)
    assert gateway.taken[0].headers["X-Kannel-To"] == "+84900000001"
    assert gateway.taken[0].body.startswith("(Thu nghiem: head, DP-19-UB) WarnWatch: ")


async def test_a_mute_gateway_holds_up_no_mail(world: World) -> None:
    """The message's fate is not known and it is not sent again; both mails are there at once."""
    with Sink() as mail, SmsSink(Reply(silent=True)) as gateway:
        async with serving(service_for(world, mail, gateway, attempt_limit=1.0)):
            await holds(lambda: len(mail.messages) == 2)
            await holds(lambda: [one["state"] for one in messages(world)] == ["uncertain"])
    assert len(gateway.asked) == 1


async def test_without_a_gateway_a_call_goes_by_mail_alone(world: World) -> None:
    """A policy that names sms works on an installation that has none."""
    with Sink() as mail, SmsSink(ACCEPTED) as gateway:
        async with serving(service_for(world, mail, gateway, gateway="none")):
            await holds(lambda: len(mail.messages) == 2)
    assert messages(world) == []
