"""`warnwatch demo` plays Plan 02 to a mailbox of its own, tells what it did, and leaves nothing behind."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from services import Running, get, run, started

from warnwatch.web.server import listen

COUNTS = {"tasks", "alerts", "calls", "mails_sent"}
STOPS_WITHIN = 4.0  # 2 s on a quiet machine


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """One showing that keeps its folder, and the counts that it printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = run("demo", "--exit", "--json", "--folder", "kept", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "kept", json.loads(done.stdout)


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Ask the database that was kept."""
    connection = sqlite3.connect(folder / "warnwatch.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def mails(folder: Path) -> list[EmailMessage]:
    """Read the mails in the order of their coming."""
    files = sorted((folder / "mailbox").iterdir())
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


# --- what it shows --------------------------------------------------------------------------------------------------


def test_the_counts_are_those_of_the_database_and_the_mailbox(kept: tuple[Path, dict[str, Any]]) -> None:
    """Tasks, alerts, calls and mails, as a script reads them, agree with what lies in the folder."""
    folder, counts = kept
    assert set(counts) >= COUNTS
    assert counts["tasks"] == 745
    assert (counts["alerts"],) == rows(folder, "SELECT count(*) FROM alert WHERE opened_at IS NOT NULL")[0]
    assert (counts["calls"],) == rows(folder, "SELECT count(*) FROM call")[0]
    assert counts["mails_sent"] == len(mails(folder))


def test_the_mailbox_holds_exactly_what_the_outbox_calls_sent(kept: tuple[Path, dict[str, Any]]) -> None:
    """Each text went once, to its address, and none is left waiting."""
    folder, _ = kept
    assert rows(folder, "SELECT DISTINCT state FROM notification") == [("sent",)]
    outbox = Counter(rows(folder, "SELECT address, subject FROM notification"))
    assert Counter((mail["To"].addresses[0].addr_spec, str(mail["Subject"])) for mail in mails(folder)) == outbox
    assert len({mail["Message-ID"] for mail in mails(folder)}) == outbox.total()
    assert rows(folder, "SELECT outcome, count(*) FROM delivery GROUP BY 1") == [("sent", outbox.total())]


def test_the_first_morning_gives_each_head_one_initial_digest(kept: tuple[Path, dict[str, Any]]) -> None:
    """No other text goes out on that day; each says what is late, why, and what to do."""
    folder, counts = kept
    first = rows(
        folder,
        "SELECT kind, count(*), count(DISTINCT holder) FROM notification "
        "WHERE created_at = (SELECT min(created_at) FROM notification) GROUP BY kind",
    )
    assert first == [("initial", counts["initial"], counts["initial"])]
    body = mails(folder)[0].get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert all(words in text for words in ("Kính gửi", "quá hạn", "Việc cần làm"))


def test_later_mornings_raise_climb_take_an_answer_and_clear(kept: tuple[Path, dict[str, Any]]) -> None:
    """A level rises, a superior is called, a head's promise is journalled, and those who were told hear the end."""
    folder, counts = kept
    assert min(counts[name] for name in ("raised", "climbed", "cleared")) > 0
    kinds = dict(rows(folder, "SELECT kind, count(*) FROM notification GROUP BY kind"))
    assert kinds["escalation"] > 0
    assert kinds["all_clear"] > 0
    acts = rows(folder, "SELECT code FROM journal JOIN alert ON alert.id = journal.alert WHERE kind = 'acknowledged'")
    assert acts == [(counts["acknowledged"],)]


def test_the_kept_folder_serves_other_commands(kept: tuple[Path, dict[str, Any]]) -> None:
    """Its settings find its database and rules; why a task was warned about can be asked as of then."""
    folder, counts = kept
    done = run("--config", "warnwatch.toml", "alerts", "--ended", "--json", folder=folder)
    assert counts["acknowledged"] in {alert["alert"] for alert in json.loads(done.stdout)}
    done = run("--config", "warnwatch.toml", "explain", "KH02-054", "--at", "2025-12-16T09:00", folder=folder)
    assert (done.returncode, "KH02-054" in done.stdout) == (0, True)


# --- how it runs ----------------------------------------------------------------------------------------------------


def test_it_returns_0_twice_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither in the temporary folder nor in the current one; five lines, in the language asked for, say it all."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    for words, said in ((), "1. Đã đọc: "), (("--language", "en"), "1. Read: "):
        done = run("demo", "--exit", *words, folder=tmp_path, seconds=100, variables={"TMPDIR": temporary})
        assert (done.returncode, done.stderr) == (0, "")
        assert [line[:2] for line in done.stdout.splitlines()] == ["1.", "2.", "3.", "4.", "5."]
        assert done.stdout.startswith(said)
    assert (list(temporary.iterdir()), list(tmp_path.iterdir())) == ([], [temporary])


@pytest.fixture
def staying(tmp_path: Path) -> Iterator[tuple[Running, str]]:
    """The demo that stays while another program has its port, and its address."""
    with listen("127.0.0.1", 0) as other:
        taken = other.getsockname()[1]
        with started("demo", "--port", str(taken), folder=tmp_path, variables={"TMPDIR": tmp_path}) as running:
            running.wait_for(lambda: "\n5. Xem: http" in running.log.read_text(encoding="utf-8"))
            link = re.search(r"http://127\.0\.0\.1:\d+", running.log.read_text(encoding="utf-8"))
            assert link
            assert not link[0].endswith(f":{taken}")
            yield running, link[0]


def test_it_stays_with_a_page_until_ctrl_c(staying: tuple[Running, str], tmp_path: Path) -> None:
    """The plan, the alerts and each mail can be looked at; its clock goes on; Ctrl+C ends it with nothing left."""
    running, link = staying
    status, page = get(link, "/")
    assert (status, "19/12/2025" in page) == (200, True)
    assert "Tình hình ban đầu" in get(link, "/mails/1")[1]
    assert "Kính gửi" in get(link, "/mails/1/html")[1]
    (mail,) = list(tmp_path.glob("*/mailbox/*.eml"))[:1]
    text = message_from_bytes(mail.read_bytes(), policy=policy.default).get_body(("plain",))
    assert text
    answer = re.search(rf"{link}(/a/[a-z2-7]+)", text.get_content())
    assert answer
    status, page = get(link, answer[1])
    assert (status, "Phản hồi cảnh báo" in page) == (200, True)
    running.wait_for(lambda: get(link, "/readyz")[0] == 200)
    sent = re.search(r'notifications_total\{channel="email",outcome="sent"\} (\d+)', get(link, "/metrics")[1])
    assert sent
    assert int(sent[1]) == len(list(tmp_path.glob("*/mailbox/*.eml")))
    code, seconds = running.stop(signal.SIGINT)
    assert (code, seconds < STOPS_WITHIN) == (0, True)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_an_interrupted_showing_leaves_nothing_behind(tmp_path: Path) -> None:
    """Ctrl+C, or SIGTERM, in the middle of the play: exit 130, no traceback, no folder."""
    for sign in (signal.SIGINT, signal.SIGTERM):
        with started("demo", "--exit", folder=tmp_path, variables={"TMPDIR": tmp_path}) as running:
            running.wait_for(lambda: list(tmp_path.glob("warnwatch-demo-*/mailbox/*")))
            code, _ = running.stop(sign)
        assert code == 130
        assert "Traceback" not in running.log.read_text(encoding="utf-8")
        assert [path.name for path in tmp_path.iterdir()] == ["log"]
