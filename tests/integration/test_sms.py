"""Text messages against a scripted gateway: what was taken, what was refused, and what nobody knows."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from letters import HandClock, attempts, claimed, letter, put, row, states
from senders import QUICK
from sinks.sms import Reply, SmsSink, taken_as
from sqlalchemy import Engine

from warnwatch.database import open_engine
from warnwatch.errors import SettingsError
from warnwatch.notify.delivery import Answer, Attempt, Outcome, Phase, decide
from warnwatch.notify.outbox import SMS_LEASE, Outbox
from warnwatch.notify.sending import Sender
from warnwatch.notify.sms import Messenger
from warnwatch.notify.sms_settings import Sms
from warnwatch.settings import load_settings

NUMBER = "+84912345678"
TEXT = "WarnWatch: QUA HAN: NV KH02-031"
REFUSED = Reply(body='{"CodeResult": "103"}', takes=False)


@pytest.fixture(params=["sqlite_url", "postgresql_url"], ids=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database of its own."""
    engine = open_engine(request.getfixturevalue(request.param))
    yield engine
    engine.dispose()


def esms(sink: SmsSink, **changes: Any) -> Sms:
    """Give settings for a gateway of eSMS' form."""
    plain = {"gateway": "esms", "url": sink.url, "username": "key", "password": "khoa-mat", "sender": "BCDTW"}
    return Sms.model_validate({**plain, "attempt_limit": 2.0, "connect_limit": 1.0} | changes)


def own(sink: SmsSink, **changes: Any) -> Sms:
    """Give settings for a gateway that the operator described."""
    plain = {
        "gateway": "http",
        "url": sink.url,
        "headers": {"Content-Type": "application/json", "Authorization": "Bearer {password}"},
        "password": "khoa-mat",
        "body": '{"to": "{to}", "text": "{text}", "id": "{key}"}',
        "answers": [
            {"means": "accepted", "status": "2xx", "field": "state", "pattern": "^queued$"},
            {"means": "bad_number", "status": "422", "field": "error", "pattern": "number"},
            {"means": "refused", "status": "422"},
        ],
        "reference_field": "message.id",
    }
    return Sms.model_validate({**plain, "attempt_limit": 2.0, "connect_limit": 1.0} | changes)


async def answer_of(settings: Sms, **changes: Any) -> Answer:
    """Make one attempt."""
    one = claimed(1, channel="sms", address=NUMBER, text=TEXT, html=None)
    return await Messenger(settings).send(type(one)(**{**_fields(one), **changes}))


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in type(one).__dataclass_fields__}


QUEUED = Reply(202, '{"state": "queued", "message": {"id": 7}}')


async def test_a_message_is_asked_for_once_as_the_settings_say() -> None:
    """The request has the number, the text and the key, escaped as JSON; the gateway's own number comes back."""
    text = 'NV "KH02" \\ {key}'
    with SmsSink(QUEUED) as sink:
        answer = await answer_of(own(sink), text=text)
    (asked,) = sink.asked
    assert json.loads(asked.body) == {"to": NUMBER, "text": text, "id": "telling-1"}
    assert asked.headers["Authorization"] == "Bearer khoa-mat"
    assert (answer.accepted, answer.code, answer.reference) == (True, 202, "7")


async def test_esms_is_asked_in_its_form() -> None:
    """Number without plus, RequestId the notification's key, IsUnicode only for a text with marks."""
    with SmsSink(taken_as(1)) as sink:
        assert (await answer_of(esms(sink))).reference == "id-1"
        await answer_of(esms(sink), text="Quá hạn")
    first, second = (asked.fields for asked in sink.asked)
    assert first == {
        "ApiKey": "key",
        "SecretKey": "khoa-mat",
        "Phone": "84912345678",
        "Content": TEXT,
        "Brandname": "BCDTW",
        "SmsType": "2",
        "IsUnicode": "0",
        "RequestId": "telling-1",
    }
    assert (second["IsUnicode"], second["Content"]) == ("1", "Quá hạn")


@pytest.mark.parametrize(
    ("reply", "ruled", "phase", "enhanced"),
    [
        (QUEUED, Outcome.SENT, Phase.GATEWAY, None),
        (Reply(422, '{"error": "bad number"}'), Outcome.FAILED, Phase.GATEWAY, "5.1.1"),
        (Reply(422, '{"error": "template"}'), Outcome.FAILED, Phase.GATEWAY, None),
        # A definite no that is the settings' fault: tried again, and a person is asked for.
        (Reply(401, "who are you"), Outcome.RETRY, Phase.AUTH, None),
        (Reply(404, "no such page"), Outcome.RETRY, Phase.AUTH, None),
        (Reply(429, "slowly", {"Retry-After": "90"}), Outcome.RETRY, Phase.GATEWAY, None),
        (Reply(503, "later", {"Retry-After": "90"}), Outcome.RETRY, Phase.GATEWAY, None),
        # Nothing here says whether the message is out.
        (Reply(500, "oops"), Outcome.UNCERTAIN, Phase.GATEWAY, None),
        (Reply(503, "oops"), Outcome.UNCERTAIN, Phase.GATEWAY, None),
        (Reply(200, '{"error": 5}'), Outcome.UNCERTAIN, Phase.GATEWAY, None),
        (Reply(200, "<html>"), Outcome.UNCERTAIN, Phase.GATEWAY, None),
        (Reply(200, ""), Outcome.UNCERTAIN, Phase.GATEWAY, None),
        (Reply(200, '{"state": "queued"}', {"Content-Encoding": "gzip"}), Outcome.SENT, Phase.GATEWAY, None),
        (Reply(200, '["queued"]'), Outcome.UNCERTAIN, Phase.GATEWAY, None),
        (Reply(200, "[" * 60_000), Outcome.UNCERTAIN, Phase.GATEWAY, None),
        (Reply(200, "x" * 1_000_000), Outcome.UNCERTAIN, Phase.GATEWAY, None),
        (Reply(302, "", {"Location": "/elsewhere"}), Outcome.UNCERTAIN, Phase.GATEWAY, None),
        (Reply(silent=True), Outcome.UNCERTAIN, Phase.GATEWAY, None),
        (Reply(drop=True), Outcome.UNCERTAIN, Phase.GATEWAY, None),
        (Reply(200, "{", drip=True), Outcome.UNCERTAIN, Phase.GATEWAY, None),
    ],
)
async def test_every_answer_is_accepted_refused_or_uncertain(
    reply: Reply, ruled: Outcome, phase: Phase, enhanced: str | None
) -> None:
    """Only the gateway's own words make a message sent or refused; one request is made whatever comes back."""
    with SmsSink(reply) as sink:
        answer = await answer_of(own(sink))
        assert len(sink.asked) == 1
    assert (answer.ruled, answer.phase, answer.enhanced) == (ruled, phase, enhanced)
    assert len(answer.text) <= 500


async def test_without_a_connection_nothing_was_sent() -> None:
    """A closed port, and one that lets nobody in, are the server's fault: the message is tried again."""
    with SmsSink(QUEUED) as sink:
        pass
    refused = await answer_of(own(sink))
    assert (refused.ruled, refused.phase) == (Outcome.RETRY, Phase.CONNECT)
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = full.getsockname()[1]
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        late = await answer_of(own(sink, url=f"http://127.0.0.1:{port}/"))
    assert (late.ruled, late.phase) == (Outcome.RETRY, Phase.CONNECT)


async def test_a_secret_is_in_no_answer() -> None:
    """A gateway that repeats its caller's password does not bring it into the table of deliveries."""
    with SmsSink(Reply(403, "wrong password khoa-mat")) as sink:
        assert "khoa-mat" not in (await answer_of(own(sink))).text


async def test_a_redirected_message_says_for_whom_it_was() -> None:
    """In mode redirect all goes to one number, marked with office and unit, without marks as the text itself."""
    with SmsSink(QUEUED) as sink:
        await Messenger(own(sink), redirect_to="+84900000001").send(
            claimed(1, channel="sms", address=NUMBER, text=TEXT)
        )
    assert sink.asked[0].fields["to"] == "+84900000001"
    assert sink.asked[0].fields["text"] == f"(Thu nghiem: head, DP-1) {TEXT}"


# --- through the outbox


def message(number: int = 1, **changes: Any) -> Any:
    """Give a finished text message."""
    return letter(number, channel="sms", address=NUMBER, text=TEXT, html=None, segments=1, **changes)


async def round_of(engine: Engine, clock: HandClock, settings: Sms, owner: str = "sender-1") -> Sender:
    """Send what is due, once."""
    messenger = Messenger(settings)
    repeats = messenger.gateway.repeats
    box = Outbox(engine, owner=owner, clock=clock, channel="sms", lease=SMS_LEASE, repeats=repeats)
    sender = Sender(box, messenger, jitter=lambda: 0.5, pace=QUICK)
    await sender.round()
    return sender


async def test_a_message_is_sent_once_and_its_reference_kept(engine: Engine) -> None:
    """What the gateway took is `sent`, under its own number; a mail in the outbox is not the messenger's."""
    clock = HandClock()
    put(engine, [message(1), letter(2)])
    with SmsSink(QUEUED) as sink:
        await round_of(engine, clock, own(sink))
        await round_of(engine, clock, own(sink))
    assert states(engine) == ["sent", "ready"]
    assert (row(engine)["reference"], row(engine)["segments"]) == ("7", 1)
    assert len(sink.taken) == 1


async def test_a_lost_answer_is_uncertain_and_never_repeated(engine: Engine) -> None:
    """The gateway took it and the line broke: whatever time passes, it is asked no second time."""
    clock = HandClock()
    put(engine, [message()])
    with SmsSink(Reply(drop=True), QUEUED) as sink:
        for _ in range(3):
            await round_of(engine, clock, own(sink))
            clock.move(hours=1)
    assert states(engine) == ["uncertain"]
    assert [one["outcome"] for one in attempts(engine)] == ["uncertain"]
    assert len(sink.taken) == 1


async def test_a_gateway_that_knows_a_key_again_settles_it(engine: Engine) -> None:
    """Asked again with the same RequestId, eSMS says by 124 that it took the first one: nothing goes twice."""
    clock = HandClock()
    put(engine, [message()])
    with SmsSink(Reply(drop=True), taken_as(2), knows_again=True) as sink:
        for _ in range(3):
            await round_of(engine, clock, esms(sink))
            clock.move(minutes=1)
    assert states(engine) == ["sent"]
    assert [one["outcome"] for one in attempts(engine)] == ["retry", "sent"]
    assert (len(sink.taken), len(sink.asked)) == (1, 2)


async def test_a_first_request_that_is_known_already_is_not_ours(engine: Engine) -> None:
    """124 to a first request is no success yet: the answer before it, if there was one, was not heard."""
    with SmsSink(Reply(body='{"CodeResult": "124"}')) as sink:
        assert (await answer_of(esms(sink))).ruled is not Outcome.SENT


async def test_a_killed_sender_leaves_it_uncertain(engine: Engine) -> None:
    """A hold that runs out may have been sent: it is uncertain, unless the gateway knows keys again."""
    clock = HandClock()
    put(engine, [message()])
    Outbox(engine, owner="killed", clock=clock, channel="sms", lease=SMS_LEASE).claim(1)
    clock.move(seconds=16)
    with SmsSink(QUEUED) as sink:
        await round_of(engine, clock, own(sink))
        assert states(engine) == ["uncertain"]
        assert sink.asked == []
        put(engine, [message(2)])
        Outbox(engine, owner="killed", clock=clock, channel="sms", lease=SMS_LEASE).claim(1)
        clock.move(seconds=16)
        await round_of(engine, clock, own(sink, repeats=True))
    assert states(engine) == ["uncertain", "sent"]


async def test_a_woken_sender_s_late_answer_settles_it(engine: Engine) -> None:
    """Who held it past the lease and then heard that it was taken writes so: uncertain becomes sent."""
    clock = HandClock()
    put(engine, [message()])
    slow = Outbox(engine, owner="slow", clock=clock, channel="sms", lease=SMS_LEASE)
    with SmsSink(QUEUED) as sink:
        (held,) = slow.claim(1)
        answer = await Messenger(own(sink)).send(held)
        clock.move(seconds=20)
        Outbox(engine, owner="other", clock=clock, channel="sms", lease=SMS_LEASE).claim(1)
        assert states(engine) == ["uncertain"]
    verdict = decide(answer, 0, held.created_at, clock(), 0.5)
    slow.record([Attempt(held, clock(), answer, verdict)])
    assert (states(engine), row(engine)["reference"]) == (["sent"], "7")


async def test_retry_after_is_kept(engine: Engine) -> None:
    """A gateway that asks to be left alone for 90 s is, and then takes the message."""
    clock = HandClock()
    put(engine, [message()])
    with SmsSink(Reply(429, "slowly", {"Retry-After": "90"}, takes=False), QUEUED) as sink:
        await round_of(engine, clock, own(sink))
        assert row(engine)["due_at"] - clock() > timedelta(seconds=88)
        clock.move(seconds=88)
        await round_of(engine, clock, own(sink))
        assert len(sink.asked) == 1
        clock.move(seconds=2)
        await round_of(engine, clock, own(sink))
    assert (states(engine), len(sink.taken)) == (["sent"], 1)


async def test_an_empty_account_is_alarmed_about_and_given_up_in_half_a_day(engine: Engine) -> None:
    """No balance (103) refuses every message: a person is asked for, and after 12 hours of tries it is over."""
    clock = HandClock()
    put(engine, [message()])
    with SmsSink(REFUSED) as sink:
        sender = await round_of(engine, clock, esms(sink))
        assert sender.alarm.startswith("auth: 200")
        assert states(engine) == ["ready"]
        for _ in range(40):
            clock.move(minutes=31)
            await round_of(engine, clock, esms(sink))
    assert (states(engine), sink.taken) == (["failed"], [])


# --- settings


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "http://sms.example.vn/send"}, "url must be https"),
        ({"url": "ftp://127.0.0.1/"}, "url must be an address"),
        ({"url": "https://u:p@sms.example.vn/"}, "url must hold no account"),
        ({"body": '{"to": "{tos}"}'}, "{tos} is nothing that a request can hold"),
        ({"answers": []}, "gateway http needs answers"),
        ({"answers": [{"means": "accepted", "pattern": "("}]}, "no regular expression"),
        ({"report_url": "https://ww.example.vn"}, "report_url needs report_secret"),
        ({"countries": ["Vietnam"]}, "is no country"),
        ({"redirect_to": "0912345678"}, "redirect_to"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], said: str) -> None:
    """What would send numbers in clear, accept nothing, or trust anybody is named before the service starts."""
    with SmsSink(QUEUED) as sink, pytest.raises(ValueError, match=said.replace("{", r"\{").replace("}", r"\}")):
        own(sink, **changes)


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    """A password in the settings file is refused; one in a file of its own, beside it, is read."""
    file = tmp_path / "warnwatch.toml"
    plain = '[sms]\ngateway = "esms"\nurl = "https://sms.example.vn/"\nusername = "key"\n'
    file.write_text(plain + 'password = "x"\n')
    with pytest.raises(SettingsError, match=r"sms\.password: a secret does not belong into the file"):
        load_settings(file, {})
    (tmp_path / "secret").write_text("khoa\n")
    file.write_text(plain + 'password_file = "secret"\n')
    assert load_settings(file, {}).sms.secret("password") == "khoa"
    assert load_settings(file, {"WARNWATCH_SMS__COUNTRIES": "VN,LA"}).sms.countries == ("VN", "LA")
