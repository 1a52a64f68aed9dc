"""Mail to Debian's Postfix, with its own settings and spool in a temporary folder, over STARTTLS."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from letters import HandClock, attempts, letter, mail_settings, put, states
from services import said_here
from sinks.smtp import AUTHORITY, CERTIFICATES
from sqlalchemy import Engine

from warnwatch.database import open_engine, upgrade
from warnwatch.notify.email import Mailer
from warnwatch.notify.outbox import Outbox
from warnwatch.notify.sending import Pace, Sender

pytestmark = [
    pytest.mark.servers("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix starts only as root"),
]
PATH = ":".join(str(Path(one).absolute()) for one in sys.path if one)
MAIN = """
compatibility_level = 3.6
queue_directory = {top}/spool
data_directory = {top}/data
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.dp.example.vn
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
virtual_mailbox_domains = dp1.example.vn, ww.example.vn
virtual_mailbox_base = {top}/mail
virtual_mailbox_maps = inline:{{ head1@dp1.example.vn=head1/, canh-bao@ww.example.vn=reports/ }}
recipient_delimiter = +
relay_domains = gone.example.vn, pipe.example.vn
transport_maps =
    inline:{{ gone.example.vn=virtual:, canh-bao@pipe.example.vn=reports: }}
reports_destination_recipient_limit = 1
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = reject_unlisted_recipient
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {top}/tls.pem
smtpd_tls_key_file = {top}/tls.pem
maillog_file = /dev/stdout
maillog_file_prefixes = /dev
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
tlsmgr    unix  - - n 1000? 1 tlsmgr
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
virtual   unix  - n n - - virtual
error     unix  - - n - - error
retry     unix  - - n - - error
reports   unix  - n n - - pipe
  flags=R user=nobody directory={top}/work argv=/usr/bin/env PYTHONPATH={path} {python}
  -m warnwatch bounce --recipient ${{original_recipient}}
anvil     unix  - - n - 1 anvil
proxymap  unix  - - n - - proxymap
postlog   unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """A running Postfix: its port, one user's new mail, the mailbox of reports, and where a pipe's command runs."""

    port: int
    inbox: Path
    reports: Path
    work: Path


@pytest.fixture
def postfix() -> Iterator[Postfix]:
    """A Postfix that knows one recipient and insists on STARTTLS."""
    # Not pytest's own folder: Postfix's processes run as another user, who must be able to get there.
    top = Path(tempfile.mkdtemp(prefix="warnwatch-postfix-"))
    top.chmod(0o755)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["/usr/sbin/postfix", "-c", str(top / "etc")]
    process = _start(top, port, command)
    try:
        _wait_for(port)
        yield Postfix(port, top / "mail/head1/new", top / "mail/reports", top / "work")
    finally:
        subprocess.run([*command, "abort"], check=False, capture_output=True)
        process.wait(10)
        shutil.rmtree(top)


def _start(top: Path, port: int, command: list[str]) -> subprocess.Popen[bytes]:
    user = pwd.getpwnam("postfix")
    for name in ("etc", "spool", "data", "mail", "work"):
        (top / name).mkdir()
    shutil.copy(CERTIFICATES / "good.pem", top / "tls.pem")
    for name in ("data", "mail"):
        shutil.chown(top / name, user.pw_uid, user.pw_gid)
    shutil.chown(top / "work", "nobody")
    (top / "etc/main.cf").write_text(MAIN.format(top=top, uid=user.pw_uid, gid=user.pw_gid))
    (top / "etc/master.cf").write_text(MASTER.format(port=port, top=top, python=_python_of_nobody(), path=PATH))
    with (top / "log").open("wb") as log:
        return subprocess.Popen([*command, "start-fg"], stdout=log, stderr=subprocess.STDOUT)


def _python_of_nobody() -> str | None:
    """Find a Python of this version that another user may run: this one may lie in a home that is closed to others."""
    for python in (sys.executable, "/usr/bin/python{}.{}".format(*sys.version_info)):
        words = ["/usr/bin/env", f"PYTHONPATH={PATH}", python, "-m", "warnwatch", "--version"]
        if not subprocess.run(
            words, user="nobody", group="nogroup", cwd="/", check=False, capture_output=True
        ).returncode:
            return python
    return None


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with closing(socket.create_connection(("127.0.0.1", port), 1)) as line:
                assert line.recv(3) == b"220"
                return
        except OSError:
            assert time.monotonic() < deadline, "Postfix did not start"
            time.sleep(0.05)


def _first_mail(inbox: Path) -> bytes:
    deadline = time.monotonic() + 10
    while not (inbox.exists() and list(inbox.iterdir())):
        assert time.monotonic() < deadline, "the mail did not reach the inbox"
        time.sleep(0.05)
    return next(inbox.iterdir()).read_bytes()


async def _send(engine: Engine, port: int, bounce_to: str) -> None:
    """Send what waits; the one who is unknown behind a relay is taken for now."""
    settings = mail_settings(
        port,
        security="starttls",
        ca_file=AUTHORITY,
        connect_limit=5,
        command_limit=5,
        attempt_limit=10,
        bounce_to=bounce_to,
    )
    outbox = Outbox(engine, owner="sender-1", clock=HandClock())
    await Sender(outbox, Mailer(settings), jitter=lambda: 0.5, pace=Pace(look_every=0.05)).round()
    assert states(engine) == ["sent", "sent"]


async def test_a_mail_that_comes_back_into_a_mailbox_is_failed(postfix: Postfix, sqlite_url: str) -> None:
    """Postfix takes it, cannot deliver it, and reports so to the address of this mail: the other stays sent."""
    engine = open_engine(sqlite_url)
    put(engine, [letter(1), letter(2, address="nobody@gone.example.vn")])
    await _send(engine, postfix.port, "canh-bao+{id}@ww.example.vn")
    _first_mail(postfix.reports / "new")
    said = said_here(
        "bounce",
        *("--json", "--mailbox", str(postfix.reports)),
        database={"url": sqlite_url},
        mail={"bounce_to": "canh-bao+{id}@ww.example.vn"},
    )
    assert json.loads(said.stdout)["failed"] == 1
    assert states(engine) == ["sent", "failed"]
    assert attempts(engine, 2)[-1]["enhanced"] == "5.1.1"
    assert "unknown user" in attempts(engine, 2)[-1]["answer"]
    engine.dispose()


async def test_a_mail_that_comes_back_by_pipe_is_failed(postfix: Postfix) -> None:
    """Postfix runs the command as another user, with next to no environment."""
    if _python_of_nobody() is None:
        pytest.skip("the user nobody cannot run Python with these packages")
    settings = '[database]\nurl = "sqlite:///ww.db"\n[mail]\nbounce_to = "canh-bao+{id}@pipe.example.vn"\n'
    (postfix.work / "warnwatch.toml").write_text(settings)
    url = f"sqlite:///{postfix.work}/ww.db"
    upgrade(url)
    engine = open_engine(url)
    put(engine, [letter(1), letter(2, address="nobody@gone.example.vn")])
    for file in postfix.work.iterdir():
        shutil.chown(file, "nobody")
    await _send(engine, postfix.port, "canh-bao+{id}@pipe.example.vn")
    deadline = time.monotonic() + 20
    log = postfix.work.parent / "log"
    while "status=sent (delivered via reports service" not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        await asyncio.sleep(0.1)
    assert states(engine) == ["sent", "failed"]
    engine.dispose()


async def test_postfix_takes_it_over_starttls(postfix: Postfix, sqlite_url: str) -> None:
    """The known head's mail lies in the inbox as it was written; the unknown one is refused for good, with a reason."""
    engine = open_engine(sqlite_url)
    put(engine, [letter(1), letter(1, key="telling-2", address="nobody@dp1.example.vn")])
    settings = mail_settings(
        postfix.port, security="starttls", ca_file=AUTHORITY, connect_limit=5, command_limit=5, attempt_limit=10
    )
    outbox = Outbox(engine, owner="sender-1", clock=HandClock())
    await Sender(outbox, Mailer(settings), jitter=lambda: 0.5, pace=Pace(look_every=0.05)).round()
    assert states(engine) == ["sent", "failed"]
    assert (attempts(engine, 2)[0]["code"], attempts(engine, 2)[0]["enhanced"]) == (550, "5.1.1")
    engine.dispose()
    message = message_from_bytes(_first_mail(postfix.inbox), policy=policy.default)
    body = message.get_body(("plain",))
    assert message["Subject"] == letter(1).subject
    assert body is not None
    assert body.get_content().split() == letter(1).text.split()
