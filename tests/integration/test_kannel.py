"""Text messages over Debian's Kannel: bearerbox and smsbox on free ports, and its fake SMS centre as the telephone."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from letters import NOW, HandClock, claimed, letter, put, row
from senders import QUICK
from sinks.sms import Reply, SmsSink

from warnwatch.database import open_engine
from warnwatch.notify.delivery import Outcome, Phase
from warnwatch.notify.outbox import SMS_LEASE, Outbox
from warnwatch.notify.sending import Sender
from warnwatch.notify.sms import Messenger
from warnwatch.notify.sms_reports import ReportDesk
from warnwatch.notify.sms_settings import Sms

CENTRE = Path("/usr/lib/kannel/test/fakesmsc")
SECRET = "mot-bi-mat-dai"
NUMBER = "+84912345678"
TEXT = 'WarnWatch: QUA HAN 3 ngay: NV KH02-031, "a" & b = 100%20 @_$'
pytestmark = [
    pytest.mark.servers("bearerbox", "smsbox"),
    pytest.mark.skipif(not CENTRE.exists(), reason="kannel-extras brings fakesmsc; `make test-servers` installs it"),
]
CONFIG = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = admin
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
log-level = 1

group = smsc
smsc = fake
smsc-id = fake
port = {centre}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {send}
sendsms-interface = 127.0.0.1
sendsms-chars = "0123456789 +-"
log-level = 1

group = sendsms-user
username = ww
password = khoa-mat
max-messages = 5
concatenation = true
"""


@dataclass(frozen=True)
class Kannel:
    """A running Kannel: where it is asked, and what its telephone shows."""

    url: str
    screen: Path

    def shows(self, text: str) -> None:
        """Wait until the telephone has shown a text."""
        wait(lambda: text in self.screen.read_text(encoding="utf-8", errors="replace"))

    def settings(self, **changes: object) -> Sms:
        """Give the settings for it."""
        plain = {"gateway": "kannel", "url": self.url, "username": "ww", "password": "khoa-mat", "sender": "BCDTW"}
        return Sms.model_validate(plain | changes)


def wait(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def kannel(tmp_path: Path) -> Iterator[Kannel]:
    """Kannel with one account and one telephone."""
    with ExitStack() as probes:
        taken = [probes.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(4)]
        ports = [probe.getsockname()[1] for probe in taken]
    admin, box, centre, send = ports
    config, screen = tmp_path / "kannel.conf", tmp_path / "screen"
    config.write_text(CONFIG.format(admin=admin, box=box, centre=centre, send=send))
    running: list[subprocess.Popen[bytes]] = []

    def start(*command: str | Path) -> None:
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
        # The fake centre ends with its standard input.
        with (screen if CENTRE in command else tmp_path / f"log-{len(running)}").open("wb") as log:
            one = subprocess.Popen(
                command, cwd=tmp_path, env={"PATH": path}, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
            )
        running.append(one)

    try:
        start("bearerbox", config)
        wait(lambda: _answers(box) and _answers(centre))
        start("smsbox", config)
        start(CENTRE, "-H", "127.0.0.1", "-r", str(centre))
        wait(lambda: _answers(send))
        wait(lambda: "Entering interactive mode" in screen.read_text())
        yield Kannel(f"http://127.0.0.1:{send}/cgi-bin/sendsms", screen)
    finally:
        for one in reversed(running):
            one.kill()
            one.communicate(timeout=10)


async def test_kannel_takes_it_and_reports_that_it_arrived(kannel: Kannel, sqlite_url: str) -> None:
    """The telephone shows the text as written; the report to the signed address says that it is delivered."""
    engine = open_engine(sqlite_url)
    put(engine, [letter(1, channel="sms", address=NUMBER, text=TEXT, html=None, segments=1)])
    with SmsSink(Reply()) as door:
        base = door.url.removesuffix("/send")
        messenger = Messenger(kannel.settings(report_url=base, report_secret=SECRET))
        outbox = Outbox(engine, owner="sender-1", clock=HandClock(), channel="sms", lease=SMS_LEASE)
        await Sender(outbox, messenger, jitter=lambda: 0.5, pace=QUICK).round()
        assert row(engine)["state"] == "sent"
        kannel.shows(f"BCDTW {NUMBER} text {TEXT}")
        wait(lambda: len(door.asked) >= 2)
        desk = ReportDesk(engine, HandClock(), SECRET, messenger.gateway.report)
        for asked in door.asked:
            parts = urlsplit(asked.path)
            assert desk.take(parts.path.removeprefix("/sms/"), dict(parse_qsl(parts.query, keep_blank_values=True)))
    assert (row(engine)["state"], row(engine)["delivered_at"]) == ("sent", NOW)
    engine.dispose()


async def test_kannel_sends_marks_as_ucs2_and_long_texts_in_parts(kannel: Kannel) -> None:
    """A text with marks arrives with them; one of 200 letters in two parts, which is what we count."""
    messenger = Messenger(kannel.settings())
    for text in ("Quá hạn", "a" * 200):
        assert (await messenger.send(claimed(1, channel="sms", address=NUMBER, text=text))).accepted
    kannel.shows("ucs-2 %00Q%00u%00%E1%00+%00h%1E%A1%00n")
    kannel.shows("%02%02 data " + "a" * 47)
    assert messenger.segments == 3


@pytest.mark.parametrize(
    ("changes", "address", "ruled", "phase", "enhanced"),
    [
        ({"password": "sai"}, NUMBER, Outcome.RETRY, Phase.AUTH, None),
        ({}, "abc", Outcome.FAILED, Phase.GATEWAY, "5.1.1"),
    ],
)
async def test_kannel_s_refusals_are_told_apart(
    kannel: Kannel, changes: dict[str, object], address: str, ruled: Outcome, phase: Phase, enhanced: str | None
) -> None:
    """A wrong password is the settings' fault and asks for a person; a bad number is the number's."""
    messenger = Messenger(kannel.settings(**changes))
    answer = await messenger.send(claimed(1, channel="sms", address=address, text=TEXT))
    assert (answer.ruled, answer.phase, answer.enhanced) == (ruled, phase, enhanced)
