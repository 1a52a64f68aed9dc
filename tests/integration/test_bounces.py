"""`warnwatch bounce`: reports on mails that did not arrive, from a pipe or a mailbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from letters import NOW, attempts, letter, put, row
from returned import PATTERN, group, report
from services import environment
from sqlalchemy import Engine, select, update

from warnwatch.cli import main
from warnwatch.database import open_engine
from warnwatch.schema import journal, notification

OUT_OF_OFFICE = b"To: %s\nAuto-Submitted: auto-replied\nSubject: Di cong tac\n\nTu 1/9.\n"


@pytest.fixture(params=["sqlite_url", "postgresql_url"], ids=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database with two mails that were sent."""
    engine = open_engine(request.getfixturevalue(request.param))
    put(engine, [letter(1), letter(2)])
    stand(engine, state="sent", finished_at=NOW)
    yield engine
    engine.dispose()


def stand(engine: Engine, **changes: Any) -> None:
    """Let both mails be in a state."""
    with engine.begin() as connection:
        connection.execute(update(notification).values(**changes))


def address(engine: Engine, number: int = 1) -> str:
    """Give where a mail comes back to."""
    return PATTERN.replace("{id}", row(engine, number)["reference"])


def bounce(engine: Engine, *words: str, given: bytes = b"", pattern: str = PATTERN) -> Result:
    """Run the command over a database, in this process."""
    url = engine.url.render_as_string(hide_password=False)
    settings = environment(database={"url": url}, mail={"bounce_to": pattern} if pattern else {})
    return CliRunner().invoke(main, ["bounce", *words], input=given, env=settings)


def counts(result: Result) -> dict[str, int]:
    """Give what was counted, without the zeros."""
    assert result.exit_code == 0, result.output
    return {name: number for name, number in json.loads(result.stdout).items() if number}


def told(engine: Engine) -> list[dict[str, Any]]:
    """Give what the journal says of reports."""
    with engine.connect() as connection:
        return list(connection.scalars(select(journal.c.facts).where(journal.c.kind == "mail.reported")))


def test_a_failed_mail_is_failed_in_the_outbox_once(engine: Engine) -> None:
    """The report comes twice: one attempt more, one row of the journal, and the failure waits for the next cycle."""
    data = report(to=address(engine))
    assert counts(bounce(engine, "--json", given=data)) == {"failed": 1}
    assert counts(bounce(engine, "--json", given=data)) == {"known": 1}
    found = row(engine)
    assert (found["state"], found["handled_at"], row(engine, 2)["state"]) == ("failed", None, "sent")
    (tried,) = attempts(engine)
    assert (tried["outcome"], tried["phase"], tried["code"], tried["enhanced"]) == ("failed", "report", 550, "5.1.1")
    (facts,) = told(engine)
    assert (facts["holder"], facts["action"]) == ("DP-1/head/1", "failed")


def test_a_delay_and_an_arrival_are_only_written_down(engine: Engine) -> None:
    """A mail that waits somewhere is not failed; one that has arrived can fail no more."""
    to = address(engine)
    late, there = group("delayed", "4.4.1", "smtp; 450 later"), group("delivered", "2.1.5", "smtp; 250 ok")
    assert counts(bounce(engine, "--json", given=report(late, to=to))) == {"delayed": 1}
    assert counts(bounce(engine, "--json", given=report(late, to=to))) == {"known": 1}
    assert row(engine)["state"] == "sent"
    assert counts(bounce(engine, "--json", given=report(there, to=to))) == {"delivered": 1}
    assert counts(bounce(engine, "--json", given=report(to=to))) == {"known": 1}
    assert (row(engine)["state"], row(engine)["delivered_at"] is None) == ("sent", False)
    assert [one["outcome"] for one in attempts(engine)] == ["retry", "sent"]


@pytest.mark.parametrize("state", ["ready", "claimed"])
def test_a_mail_whose_answer_was_lost_is_not_sent_again_once_it_came_back(engine: Engine, state: str) -> None:
    """Its server took it and nobody heard so: the report settles it, and whoever holds it has no say."""
    stand(engine, state=state, owner="sender-1", lease_until=NOW)
    assert counts(bounce(engine, "--json", given=report(to=address(engine)))) == {"failed": 1}
    assert (row(engine)["state"], row(engine)["owner"]) == ("failed", None)


def test_what_is_no_report_on_a_mail_of_ours_is_taken_away_and_counted(engine: Engine) -> None:
    """An automatic reply, a stranger's forgery, a text never sent, and rubbish: exit code 0, and nothing changes."""
    to = address(engine)
    forged = PATTERN.replace("{id}", "a" * 16)
    stand(engine, state="held")
    for data, name in (
        (OUT_OF_OFFICE % to.encode(), "no_report"),
        (report(to=forged), "unknown"),
        (report(to=to), "unknown"),
        (report(to="ai-do@example.vn"), "not_ours"),
        (b"\xff\x00" * 5000, "not_ours"),
        (b"", "not_ours"),
        (b"To: %s\n" % to.encode() + b"Content-Type: message/rfc822\n\n" * 900, "unreadable"),
    ):
        assert counts(bounce(engine, "--json", given=data)) == {name: 1}
    assert (row(engine)["state"], attempts(engine), told(engine)) == ("held", [], [])


def test_a_report_that_cannot_be_written_down_stays_with_the_mail_server(engine: Engine) -> None:
    """Exit code 75 keeps it in the queue: while the database is away, and until a setting is made."""
    data = report(to=address(engine))
    away = bounce(open_engine("postgresql://127.0.0.1:1/none"), given=data)
    unset = bounce(engine, given=data, pattern="")
    wrong = bounce(engine, given=data, pattern="canh-bao@example.vn")
    assert [one.exit_code for one in (away, unset, wrong)] == [75, 75, 75]
    assert "127.0.0.1:1" in away.stderr
    assert "mail.bounce_to" in unset.stderr
    assert "{id}" in wrong.stderr
    assert row(engine)["state"] == "sent"


def test_a_maildir_is_read_once(engine: Engine, tmp_path: Path) -> None:
    """What was new is read and marked as seen; a link that lies there is not followed."""
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "new/1.a").write_bytes(report(to=address(engine, 1)))
    (tmp_path / "new/2.b").write_bytes(report(to=address(engine, 2)))
    (tmp_path / "new/3.c").write_bytes(OUT_OF_OFFICE % address(engine).encode())
    (tmp_path / "elsewhere").write_bytes(b"x")
    (tmp_path / "new/4.d").symlink_to(tmp_path / "elsewhere")
    words = ("--json", "--mailbox", str(tmp_path))
    assert counts(bounce(engine, *words)) == {"failed": 2, "no_report": 1}
    assert sorted(one.name for one in (tmp_path / "cur").iterdir()) == ["1.a:2,S", "2.b:2,S", "3.c:2,S"]
    assert counts(bounce(engine, *words)) == {}
    assert bounce(engine, "--mailbox", str(tmp_path / "new")).exit_code == 2


def test_an_mbox_is_read_and_left_as_it_is(engine: Engine, tmp_path: Path) -> None:
    """A second look finds all known; half a message, which is still being written, harms nothing."""
    box = tmp_path / "canh-bao"
    first, second = (b"From MAILER-DAEMON Wed Aug 20 08:00:00 2025\n" + report(to=address(engine, n)) for n in (1, 2))
    box.write_bytes(first + b"\n" + second[:300])
    assert counts(bounce(engine, "--json", "--mailbox", str(box))) == {"failed": 1, "no_report": 1}
    box.write_bytes(first + b"\n" + second)
    assert counts(bounce(engine, "--json", "--mailbox", str(box))) == {"known": 1, "failed": 1}
    assert box.read_bytes() == first + b"\n" + second


def test_a_person_reads_what_was_found(engine: Engine) -> None:
    """Without --json it is one line."""
    said = bounce(engine, given=report(to=address(engine))).stdout
    assert said.startswith("1 thư không đến được, 0 thư bị chậm")
