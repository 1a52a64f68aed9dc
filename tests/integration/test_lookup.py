"""What people and boards look up, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from boards import Judged, answer, judge
from builders import NOW, alert
from sqlalchemy import Engine

from warnwatch import database
from warnwatch.alerts import ledger
from warnwatch.alerts.alert import State
from warnwatch.alerts.ledger import JournalRow
from warnwatch.errors import CannotRunError
from warnwatch.notify.lookup import Lookup
from warnwatch.rules.rule import Level


@pytest.fixture
def judged(database_url: str, tmp_path: Path) -> Iterator[Judged]:
    """A small plan after its first cycle: alerts about two late tasks."""
    folder = tmp_path / "plan"
    folder.mkdir()
    engine = database.open_engine(database_url)
    yield judge(engine, folder)
    engine.dispose()


def add_alert(engine: Engine, number: int, *, journal: bool, **changes: object) -> None:
    """Write one alert more, with or without the journal row that belongs to it."""
    with engine.begin() as connection:
        ledger.save_alerts(connection, [alert(number, subject=f"T-{number}", **changes)], [])
        if journal:
            ledger.add_journal(connection, [JournalRow(NOW, "alert.opened", "test", {}, number)])


def test_alerts_are_counted_by_rule_by_unit_and_standing(judged: Judged) -> None:
    """Open ones by rule and by unit, pending ones by rule alone, ended ones nowhere."""
    add_alert(judged.engine, 91, journal=True, standing=True)
    add_alert(judged.engine, 92, journal=True, state=State.PENDING, level=Level.NOTICE)
    add_alert(judged.engine, 93, journal=True, state=State.ENDED)
    counts, before = Lookup(judged.engine).counts(), judged.counts
    known = {rule: number for rule, *_, number in before.alerts}
    assert ("task-deadline", 1, "pending", 1) in counts.alerts
    assert ("task-deadline", 3, "open", known["task-deadline"] + 1) in counts.alerts
    assert sum(number for *_, number in counts.by_unit) == counts.open == before.open + 1
    assert counts.standing == before.standing + 1


def test_a_quiet_cycle_counts_no_alert_again(judged: Judged) -> None:
    """Only an act in the journal makes the alerts be counted anew; then they are right at once."""
    lookup = Lookup(judged.engine)
    before = judged.counts.open
    assert [lookup.counts().open for _ in range(2)] == [before, before]
    add_alert(judged.engine, 91, journal=False)
    assert lookup.counts().open == before
    add_alert(judged.engine, 92, journal=True)
    assert [lookup.counts().open for _ in range(3)] == [before + 2] * 3


def test_an_act_that_commits_late_is_counted_with_the_next_cycle(judged: Judged) -> None:
    """After a change the alerts are counted twice, since a smaller journal number may commit after a larger one."""
    lookup = Lookup(judged.engine)
    lookup.counts()
    add_alert(judged.engine, 91, journal=False)
    assert lookup.counts().open == judged.counts.open + 1


def test_the_gravest_and_oldest_alerts_come_first(judged: Judged) -> None:
    """Highest level first, within it the one that is open longest; the limit cuts the tail."""
    for number, level, days in ((91, Level.NOTICE, 90), (92, Level.WARNING, 1), (93, Level.CRITICAL, 9)):
        add_alert(judged.engine, number, journal=True, level=level, opened_at=NOW - timedelta(days=days))
    found = [line.alert for line in Lookup(judged.engine).open_alerts(99)]
    keys = [(-one.level, one.opened_at) for one in found]
    assert keys == sorted(keys)
    assert found[0].subject == "T-93"
    assert len(found) == judged.counts.open + 3
    assert [line.alert for line in Lookup(judged.engine).open_alerts(2)] == found[:2]


def test_an_alert_comes_with_its_words_and_its_calls(judged: Judged) -> None:
    """One look gives what the page says: the task's words and the steps called so far."""
    line = next(line for line in Lookup(judged.engine).open_alerts(9) if line.alert.subject == "T-LATE")
    assert line.words is not None
    assert (line.words.code, line.words.due_text) == ("T-LATE", "")
    assert [(call.level, call.step, call.office, call.at) for call in line.calls] == [(3, 1, "head", NOW)]


def test_a_mail_comes_with_every_attempt_and_the_last_one_first_in_lists(judged: Judged) -> None:
    """The list shows the latest answer; the mail itself all of them, oldest first, and its alerts."""
    number = answer(judged.engine, "retry", 451, "4.3.0 busy", state="ready")
    answer(judged.engine, "sent", 250, "2.0.0 Ok", state="sent")
    lookup = Lookup(judged.engine)
    listed = next(line for line in lookup.mails(9) if line.id == number)
    mail = lookup.mail(number)
    assert mail is not None
    assert (listed.state, listed.tried) == ("sent", mail.tried[-1])
    assert [one.code for one in mail.tried] == [451, 250]
    assert all(code.startswith("CB-25-") for code in mail.alerts)
    assert mail.html.startswith("<!DOCTYPE html>")


def test_mails_are_counted_by_state(judged: Judged) -> None:
    """Each state that occurs, with its number."""
    answer(judged.engine, "failed", 550, "no", state="failed")
    assert Lookup(judged.engine).mail_states() == {"failed": 1, "held": 1}


def test_only_what_should_leave_waits(judged: Judged) -> None:
    """A held text is not unsent; a ready one is, since it was written."""
    assert Lookup(judged.engine).counts().oldest == ()
    answer(judged.engine, "retry", 451, "busy", state="ready")
    assert Lookup(judged.engine).counts().oldest == (("email", NOW),)


def test_a_database_out_of_reach_is_one_kind_of_error(tmp_path: Path) -> None:
    """Whatever the driver raises, the caller meets CannotRunError, without paths or names in its text."""
    lookup = Lookup(database.open_engine(f"sqlite:///{tmp_path}/none/hidden.db"))
    for question in (lookup.counts, lookup.mail_states, lookup.ping, lambda: lookup.mail(1)):
        with pytest.raises(CannotRunError, match="the database does not answer") as refused:
            question()
        assert "hidden" not in str(refused.value)
