"""What a gateway reports of a message: written down once, never taken back, and only from a signed address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from letters import NOW, HandClock, attempts, letter, put, row
from sqlalchemy import Engine, update

from warnwatch.database import open_engine
from warnwatch.notify.sms import key_in, token_of
from warnwatch.notify.sms_gateways import gateway_of
from warnwatch.notify.sms_reports import ReportDesk
from warnwatch.notify.sms_settings import Sms
from warnwatch.schema import notification

SECRET = "mot-bi-mat-dai"
TOKEN = token_of("telling-1", SECRET)
KANNEL = Sms(gateway="kannel", url="http://127.0.0.1:1/", username="u")
ESMS = Sms(gateway="esms", url="http://127.0.0.1:1/", username="u")
TAKEN, THERE, LOST, REJECTED = ({"status": one} for one in ("8", "1", "2", "16"))


@pytest.fixture(params=["sqlite_url", "postgresql_url"], ids=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database with one text message in it, and one mail."""
    engine = open_engine(request.getfixturevalue(request.param))
    put(engine, [letter(1, channel="sms", address="+84912345678", html=None, segments=1), letter(2)])
    yield engine
    engine.dispose()


def stand(engine: Engine, state: str, **changes: Any) -> None:
    """Let the message be in a state."""
    with engine.begin() as connection:
        connection.execute(update(notification).where(notification.c.channel == "sms").values(state=state, **changes))


def desk(engine: Engine, clock: HandClock | None = None, settings: Sms = KANNEL, secret: str = SECRET) -> ReportDesk:
    """Give the desk of an installation."""
    return ReportDesk(engine, clock or HandClock(), secret, gateway_of(settings).report)


@pytest.mark.parametrize("state", ["claimed", "ready", "uncertain", "sent"])
def test_a_message_that_arrived_is_sent_whatever_was_known_before(engine: Engine, state: str) -> None:
    """A report settles what was uncertain, and whoever still holds the message does not send it again."""
    stand(engine, state, owner="sender-1", lease_until=NOW)
    assert desk(engine).take(TOKEN, THERE)
    found = row(engine)
    assert (found["state"], found["delivered_at"], found["owner"]) == ("sent", NOW, None)


@pytest.mark.parametrize(
    ("reports", "state", "delivered", "written"),
    [
        ([TAKEN], "sent", False, 1),
        ([TAKEN, TAKEN], "sent", False, 1),
        ([TAKEN, THERE], "sent", True, 2),
        ([THERE, TAKEN], "sent", True, 1),
        ([THERE, THERE, THERE], "sent", True, 1),
        ([THERE, LOST], "sent", True, 1),
        ([TAKEN, LOST], "failed", False, 2),
        ([LOST, TAKEN, LOST], "failed", False, 1),
        ([LOST, THERE], "failed", False, 1),
        ([REJECTED], "failed", False, 1),
    ],
)
def test_reports_go_forward_only(
    engine: Engine, reports: list[Mapping[str, str]], state: str, written: int, *, delivered: bool
) -> None:
    """Twice, late and out of order: the first final report stays, and only what changed something is written down."""
    stand(engine, "uncertain", finished_at=NOW)
    for one in reports:
        assert desk(engine).take(TOKEN, one)
    found = row(engine)
    assert (found["state"], found["delivered_at"] is not None) == (state, delivered)
    assert found["handled_at"] is None
    assert len(attempts(engine)) == written


def test_esms_reports_by_numbers(engine: Engine) -> None:
    """SendStatus 5 is final: with a success it arrived, with a failure never; its number must be the message's."""
    stand(engine, "sent", reference="id-1")
    mine = desk(engine, settings=ESMS)
    assert mine.take(TOKEN, {"SMSID": "id-1", "SendStatus": "3", "SendSuccess": "0", "SendFailed": "0"})
    assert not mine.take(TOKEN, {"SMSID": "id-2", "SendStatus": "5", "SendSuccess": "1", "SendFailed": "0"})
    assert row(engine)["delivered_at"] is None
    assert mine.take(TOKEN, {"SMSID": "id-1", "SendStatus": "5", "SendSuccess": "1", "SendFailed": "0"})
    assert row(engine)["delivered_at"] == NOW


def test_esms_report_of_a_failure_and_the_reference_of_an_unheard_answer(engine: Engine) -> None:
    """A message whose answer was lost takes the gateway's number from the report."""
    stand(engine, "uncertain")
    late = HandClock(NOW + timedelta(hours=1))
    report = {"SMSID": "id-9", "SendStatus": "5", "SendSuccess": "0", "SendFailed": "1"}
    assert desk(engine, late, ESMS).take(TOKEN, report)
    found = row(engine)
    assert (found["state"], found["reference"], found["finished_at"]) == ("failed", "id-9", late.now)


@pytest.mark.parametrize(
    ("token", "query"),
    [
        ("", THERE),
        ("telling-1", THERE),
        ("telling-1.", THERE),
        (TOKEN[:-1], THERE),
        (TOKEN.upper(), THERE),
        (token_of("telling-1", "another secret"), THERE),
        (TOKEN.replace("telling-1", "telling-3"), THERE),
        (token_of("telling-3", SECRET), THERE),
        (token_of("telling-2", SECRET), THERE),
        ("\udcff.é", THERE),
        (TOKEN, {}),
        (TOKEN, {"status": "99"}),
        (TOKEN, {"status": "1\0"}),
    ],
)
def test_what_is_not_signed_not_known_or_not_readable_changes_nothing(
    engine: Engine, token: str, query: Mapping[str, str]
) -> None:
    """Forged, cut, of another message, of a mail, without a status: refused alike, and nothing is written."""
    stand(engine, "sent")
    assert not desk(engine).take(token, query)
    assert attempts(engine) == []
    assert row(engine)["delivered_at"] is None


def test_without_a_secret_no_address_is_signed() -> None:
    """An installation without a secret trusts nobody, not even a mark made with the empty one."""
    assert key_in(token_of("telling-1", ""), "") is None
