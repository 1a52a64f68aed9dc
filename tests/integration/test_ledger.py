"""The alerts' tables: what a cycle reads of them, what it writes, and what it must never overwrite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders import NOW, alert
from sqlalchemy import Connection, insert, update
from sqlalchemy.exc import IntegrityError

from warnwatch import database, schema
from warnwatch.alerts import ledger, rule_sets
from warnwatch.alerts.alert import Alert, Call, EndReason, Reason, State
from warnwatch.alerts.calls import read_made
from warnwatch.alerts.escalation import Made, Told
from warnwatch.alerts.ledger import ConflictError, JournalRow
from warnwatch.alerts.present import CLOSED, GONE, PENDING
from warnwatch.errors import NotFoundError
from warnwatch.rules.rule import Level


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A transaction on an empty plan with one unit, rolled back in the end."""
    engine = database.open_engine(database_url)
    with engine.connect() as connection:
        connection.execute(insert(schema.unit), [{"code": "DP-19-UB", "recorded_at": NOW}])
        yield connection
    engine.dispose()


def number(key: int, **changes: Any) -> Alert:
    """Give the alert of a number about a task of its own, due by time now."""
    return replace(alert(key, subject=f"T-{key}", next_at=NOW), **changes)


def ended(key: int, reason: EndReason, **changes: Any) -> Alert:
    """Give an ended alert."""
    return number(key, state=State.ENDED, end_reason=reason, ended_at=NOW, next_at=None, **changes)


def call(key: int, level: int = 3, step: int = 1, repeat: int = 0) -> Call:
    """Give a call of an alert."""
    return Call(key, Level(level), step, repeat, "head", "DP-19-UB", NOW, Reason.OPENED)


def test_an_alert_is_read_as_it_was_written(connection: Connection) -> None:
    """Every field of an alert comes back, to the microsecond."""
    full = number(
        1,
        gone_since=NOW + timedelta(microseconds=1),
        initial=True,
        called_level=3,
        last_call_at=NOW,
        acknowledged_at=NOW,
        acknowledged_by="DP-19-UB/head/1",
        promised_for=NOW + timedelta(days=2),
        promised_level=3,
        value=-2.5,
    )
    ledger.save_alerts(connection, [full], [])
    assert ledger.find_alert(connection, full.code) == full


def test_marks_tell_open_gone_and_closed_apart(connection: Connection) -> None:
    """Open alerts mark their level, gone and closed ones their own sign, other ends nothing."""
    rows = [
        number(1),
        number(2, gone_since=NOW),
        ended(3, EndReason.CLOSED, level=Level.WARNING),
        ended(4, EndReason.CURED),
        number(5, state=State.PENDING, level=Level.NOTICE),
    ]
    ledger.save_alerts(connection, rows, [])
    assert ledger.read_marks(connection) == {
        "task-deadline": {"T-1": 3, "T-2": GONE, "T-3": CLOSED + 2, "T-5": PENDING + 1}
    }


def test_only_the_latest_closing_counts(connection: Connection) -> None:
    """A subject whose later episode ended otherwise is closed no more."""
    first = ended(1, EndReason.CLOSED, subject="T-1")
    ledger.save_alerts(connection, [first, ended(2, EndReason.CURED, subject="T-1", episode=2)], [])
    assert ledger.read_marks(connection) == {}


def test_what_time_moves_is_read_when_it_is_due(connection: Connection) -> None:
    """Due are alerts that have not ended and whose instant has come, by number."""
    later = number(3, next_at=NOW + timedelta(microseconds=1))
    ledger.save_alerts(connection, [number(2), number(1), later, number(4, next_at=None)], [])
    assert [one.id for one in ledger.read_due(connection, NOW)] == [1, 2]


def test_alerts_of_subjects_are_read_by_rule(connection: Connection) -> None:
    """Only alerts that have not ended, of the rule and subjects asked for."""
    other = number(2, rule="other", subject="T-1")
    ledger.save_alerts(connection, [number(1), other, ended(3, EndReason.CURED)], [])
    found = ledger.read_active(connection, {"task-deadline": ["T-1", "T-3", "T-9"]})
    assert {key: one.id for key, one in found.items()} == {("task-deadline", "T-1"): 1}


def test_alerts_of_rules_that_are_gone_are_found(connection: Connection) -> None:
    """An alert whose rule is not in the book any more is retired; an ended one is left alone."""
    ledger.save_alerts(connection, [number(1), number(2, rule="old"), ended(3, EndReason.CURED, rule="old")], [])
    assert [one.id for one in ledger.read_retired(connection, ["task-deadline"])] == [2]


def test_numbers_and_episodes_go_on(connection: Connection) -> None:
    """The next number follows the highest, the episodes those of each subject."""
    assert ledger.read_numbering(connection, {"task-deadline": ["T-1"]}).next_id == 1
    ledger.save_alerts(connection, [ended(7, EndReason.CURED, subject="T-1", episode=3)], [])
    numbering = ledger.read_numbering(connection, {"task-deadline": ["T-1", "T-2"]})
    assert (numbering.next_id, dict(numbering.episodes)) == (8, {("task-deadline", "T-1"): 3})


def test_one_subject_has_one_alert_of_a_rule(connection: Connection) -> None:
    """The database refuses a second alert that has not ended: another process was there first, and all is read anew."""
    ledger.save_alerts(connection, [number(1)], [])
    with pytest.raises(ConflictError):
        ledger.save_alerts(connection, [number(2, subject="T-1", episode=2)], [])


def test_what_somebody_else_wrote_is_not_overwritten(connection: Connection) -> None:
    """Of three alerts one was written meanwhile: the whole writing fails, and says how many."""
    rows = [number(key) for key in (1, 2, 3)]
    ledger.save_alerts(connection, rows, [])
    ledger.save_alerts(connection, [], [replace(rows[1], promised_level=3)])
    with pytest.raises(ConflictError, match="1 of 3"):
        ledger.save_alerts(connection, [], [replace(row, standing=True) for row in rows])


def test_each_writing_is_counted(connection: Connection) -> None:
    """A row that was read again can be written again."""
    ledger.save_alerts(connection, [number(1)], [])
    for revision in (1, 2):
        row = ledger.find_alert(connection, number(1).code)
        ledger.save_alerts(connection, [], [row])
        assert ledger.find_alert(connection, row.code).revision == revision


LATER = NOW + timedelta(hours=3)
SENT = {"state": "sent", "tries": 1, "finished_at": LATER}
FAILED = {"state": "failed", "tries": 4, "finished_at": LATER}


@pytest.mark.parametrize(
    ("texts", "heard"),
    [
        ([], NOW),
        ([{"state": "held"}], NOW),
        ([{"state": "ready"}], NOW),
        ([{"state": "ready", "tries": 2}], None),
        ([{"state": "ready", "due_at": LATER}], None),
        ([{"state": "claimed"}], None),
        ([SENT], LATER),
        ([FAILED], LATER),
        ([SENT, {"state": "ready", "tries": 1, "channel": "sms"}], LATER),
        ([SENT, {"state": "ready", "tries": 1, "holder": "B"}], None),
        (
            [FAILED, {"state": "sent", "finished_at": LATER + timedelta(hours=1), "holder": "B"}],
            LATER + timedelta(hours=1),
        ),
    ],
    ids=["none", "held", "new", "tried", "later", "claimed", "sent", "failed", "other way", "other holder", "fallback"],
)
def test_when_a_call_was_told(connection: Connection, texts: list[dict[str, Any]], heard: object) -> None:
    """Told is when each holder had a text on some way, or it was given up; what is tried in vain is not told yet."""
    ledger.save_alerts(connection, [number(1)], [])
    (call_id,) = ledger.add_calls(connection, [call(1)]).values()
    for key, changes in enumerate(texts):
        link_text(connection, call_id, str(key), changes)
    (told,) = read_made(connection, [1])[1].calls
    assert told == Told(3, 1, 0, 0, NOW, heard)  # type: ignore[arg-type]


def test_a_merged_text_is_told_with_the_one_it_was_merged_into(connection: Connection) -> None:
    """The later text says it, too: before that one has left, nobody was told."""
    ledger.save_alerts(connection, [number(1)], [])
    (call_id,) = ledger.add_calls(connection, [call(1)]).values()
    link_text(connection, call_id, "old", {"state": "merged"})
    new = link_text(connection, None, "new", {"state": "ready", "tries": 1})
    table = schema.notification
    connection.execute(update(table).where(table.c.key == "old").values(merged_into=new))
    assert read_made(connection, [1])[1].calls[0].heard is None
    connection.execute(update(table).where(table.c.id == new).values(SENT))
    assert read_made(connection, [1])[1].calls[0].heard == LATER


def link_text(connection: Connection, call_id: int | None, key: str, changes: dict[str, Any]) -> int:
    """Write a text of a call as an outbox would have it."""
    row = {
        "key": key,
        "holder": "A",
        "office": "head",
        "unit": "DP-19-UB",
        "channel": "email",
        "kind": "overdue",
        "level": 3,
        "subject": "",
        "text": "",
        "created_at": NOW,
        "due_at": NOW,
    } | changes
    written = connection.execute(
        insert(schema.notification).values(row).returning(schema.notification.c.id)
    ).scalar_one()
    if call_id is not None:
        link = {"notification": written, "call": call_id, "holder": row["holder"], "channel": row["channel"]}
        connection.execute(insert(schema.notification_call).values(link))
    return int(written)


def test_a_call_is_made_once(connection: Connection) -> None:
    """The same alert, level, step and repeat is refused; the next repeat is another call."""
    ledger.save_alerts(connection, [number(1)], [])
    ids = ledger.add_calls(connection, [call(1), call(1, step=2), call(1, repeat=1)])
    assert sorted(ids) == [(1, 3, 1, 0), (1, 3, 1, 1), (1, 3, 2, 0)]
    assert read_made(connection, [1, 2]) == {1: Made(0, ((3, 2),), 3, (((3, 1), (2, 2)), ((3, 2), (1, 1))))}
    with pytest.raises(IntegrityError):
        ledger.add_calls(connection, [call(1)])


def test_who_was_told_is_known_by_holder_and_channel(connection: Connection) -> None:
    """Several texts to one holder are one entry, which knows whether any of them left."""
    ledger.save_alerts(connection, [number(1)], [])
    for key, holder, state in (("a", "H-1", "held"), ("b", "H-1", "sent"), ("c", "H-2", "held")):
        row = {
            "key": key,
            "holder": holder,
            "office": "head",
            "unit": "DP-19-UB",
            "channel": "email",
            "kind": "overdue",
        }
        texts = {"level": 3, "subject": "", "text": "", "created_at": NOW, "due_at": NOW, "state": state}
        table = schema.notification
        told = connection.scalar(insert(table).values(row | texts).returning(table.c.id))
        connection.execute(insert(schema.notification_alert), [{"notification": told, "alert": 1}])
    assert ledger.read_told(connection, [1]) == {1: [("H-1", "email", True), ("H-2", "email", False)]}


def test_what_goes_live_is_found_and_remembered(connection: Connection) -> None:
    """Open alerts of a rule or a unit are read once each; a unit's mode is replaced by its next one."""
    ledger.save_alerts(connection, [number(1), number(2, rule="other"), number(3, state=State.PENDING)], [])
    assert [one.id for one in ledger.read_open_of(connection, ["other"], ["DP-19-UB"])] == [1, 2]
    ledger.add_live(connection, {("unit", "DP-19-UB"): "hold", ("rule", "other"): ""}, NOW)
    ledger.add_live(connection, {("unit", "DP-19-UB"): "live"}, NOW)
    assert ledger.read_live(connection) == {("unit", "DP-19-UB"): "live", ("rule", "other"): ""}


def test_an_unknown_number_names_the_nearest(connection: Connection) -> None:
    """A slip in an alert's number is answered with the number that was probably meant."""
    ledger.save_alerts(connection, [number(417)], [])
    with pytest.raises(NotFoundError, match="CB-25-00417"):
        ledger.find_alert(connection, "CB-25-00471")


def test_people_read_the_gravest_and_oldest_first(connection: Connection) -> None:
    """The list is by level, then by opening, within the states and the unit asked for."""
    rows = [number(1, level=Level.NOTICE), number(2), number(3, opened_at=NOW - timedelta(days=30))]
    ledger.save_alerts(connection, [*rows, ended(4, EndReason.CURED)], [])
    assert [one.id for one in ledger.read_alerts(connection, states=["open"], unit="DP-19-UB")] == [3, 2, 1]
    counted = [tuple(row) for row in ledger.count_alerts(connection)]
    assert sorted(counted) == [
        ("DP-19-UB", "task-deadline", 1, "open", False, 1),
        ("DP-19-UB", "task-deadline", 3, "open", False, 2),
    ]


def test_an_act_is_written_with_its_journal_row_and_wakes_the_evaluator(connection: Connection) -> None:
    """A person's act changes the alert, its history and the table that says what to read again."""
    ledger.save_alerts(connection, [number(1)], [])
    row = JournalRow(NOW, "acknowledged", "H-1", {"note": "đã nhận"}, 1, "T-1")
    ledger.save_act(connection, number(1, acknowledged_at=NOW), row)
    assert ledger.read_history(connection, 1) == [row]
    assert [(one.kind, one.subject) for one in connection.execute(schema.change.select())] == [
        ("alert", number(1).code),
        ("task", number(1).subject),
    ]


def test_a_rule_set_is_remembered_at_its_first_run(connection: Connection) -> None:
    """A version is stored once, files and all, however often it runs."""
    for minutes in (0, 1):
        now = NOW + timedelta(minutes=minutes)
        rule_sets.save_run(connection, "abc", {"deadlines.yml": "rules: []"}, now)
    assert [row.first_run_at for row in connection.execute(schema.rules_version.select())] == [NOW]
