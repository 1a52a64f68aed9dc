"""The outbox on SQLite and PostgreSQL: written once, held by one sender, recorded only by its holder."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from letters import NOW, TAKEN, HandClock, attempts, letter, put, row, states
from sqlalchemy import Engine, delete, func, insert, select

from warnwatch.alerts.alert import Call, Reason
from warnwatch.notify import outbox
from warnwatch.notify.delivery import Answer, Attempt, Claimed, Outcome, Phase, Verdict
from warnwatch.notify.outbox import CallKey, Outbox
from warnwatch.notify.threads import read_threads
from warnwatch.rules.rule import Level
from warnwatch.schema import alert, call, notification, notification_alert, notification_call, unit

LATER = NOW + timedelta(seconds=5)


@pytest.fixture
def clock() -> HandClock:
    """The database's time, moved by hand."""
    return HandClock()


def sender(engine: Engine, clock: HandClock, owner: str = "sender-1") -> Outbox:
    """Give one sender's side of the outbox."""
    return Outbox(engine, owner=owner, clock=clock)


def attempt(held: Claimed, outcome: Outcome = Outcome.SENT, answer: Answer = TAKEN) -> Attempt:
    """Give an attempt of now with its verdict."""
    return Attempt(held, NOW, answer, Verdict(outcome, LATER if outcome is Outcome.RETRY else None))


def write_calls(engine: Engine, count: int = 2) -> tuple[list[Call], dict[CallKey, int]]:
    """Write one alert with so many calls, and give them with their ids."""
    calls = [Call(1, Level.CRITICAL, step, 0, "head", "DP-1", NOW, Reason.CLIMBED) for step in range(1, count + 1)]
    with engine.begin() as connection:
        connection.execute(insert(unit).values(code="DP-1", recorded_at=NOW))
        connection.execute(
            insert(alert).values(
                id=1, code="CB-25-00001", rule="task-deadline", about="task", subject="KH02-031", episode=1,
                unit="DP-1", state="open", level=3, measure="working_days_left", pending_since=NOW, level_since=NOW,
            )
        )  # fmt: skip
        for one in calls:
            values = {"alert": 1, "level": 3, "step": one.step, "office": "head", "unit": "DP-1", "at": NOW}
            connection.execute(insert(call).values(values))
        ids = {(1, 3, found.step, 0): found.id for found in connection.execute(select(call))}
    return calls, ids


def steps_to_find_threads(engine: Engine, count: int) -> int:
    """Tell so many heads of an alert each, and count what SQLite does to find what a second text to each answers to."""
    texts = [letter(number, alerts=(number,)) for number in range(1, count + 1)]
    plain = {
        "rule": "task-deadline", "about": "task", "episode": 1, "unit": "DP-1", "state": "open", "level": 3,
        "measure": "working_days_left", "pending_since": NOW, "level_since": NOW,
    }  # fmt: skip
    done: list[int] = []
    with engine.begin() as connection:
        for table in (notification_alert, notification, alert, unit):
            connection.execute(delete(table))
        connection.execute(insert(unit).values(code="DP-1", recorded_at=NOW))
        named = [{"id": number, "code": f"CB-{number}", "subject": f"T-{number}"} for number in range(1, count + 1)]
        connection.execute(insert(alert), [plain | one for one in named])
        outbox.add(connection, [(one, "ready") for one in texts], {})
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_progress_handler(lambda: done.append(1), 100)
        found = read_threads(connection, texts)
        driver.set_progress_handler(None, 0)
    assert found == {one.key: one.key for one in texts}
    return len(done)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_morning_of_many_texts_finds_their_threads_by_the_alerts(engine: Engine) -> None:
    """Four times as many texts are about four times the work, and not sixteen."""
    assert steps_to_find_threads(engine, 800) < 6 * steps_to_find_threads(engine, 200)


def test_a_text_is_written_with_its_calls_and_alerts(engine: Engine) -> None:
    """The rows that a link and a history need are written with the text."""
    calls, ids = write_calls(engine)
    with engine.begin() as connection:
        assert outbox.add(connection, [(letter(calls=tuple(calls), alerts=(1, 1)), "held")], ids) == 1
        assert [tuple(found) for found in connection.execute(select(notification_call))] == [
            (1, call_id, "DP-1/head/1", "email") for call_id in ids.values()
        ]
        assert [tuple(found) for found in connection.execute(select(notification_alert))] == [(1, 1)]
    assert states(engine) == ["held"]


def test_the_same_key_is_written_once(engine: Engine) -> None:
    """A cycle that is run again tells nobody twice, and the rest of its texts are written."""
    put(engine, [letter(1)])
    assert put(engine, [letter(1), letter(2), letter(2)]) == 1
    assert len(states(engine)) == 2


def test_a_call_is_told_once_to_a_holder_on_a_channel(engine: Engine) -> None:
    """A text whose calls were all told is passed over; one with a new call is written, another holder is told too."""
    (first, second), ids = write_calls(engine)
    texts = [
        letter(1, calls=(first,)),
        letter(2, calls=(first,), holder=letter(1).holder),
        letter(3, calls=(first, second), holder=letter(1).holder),
        letter(4, calls=(first,)),
    ]
    with engine.begin() as connection:
        written = [outbox.add(connection, [(text, "ready")], ids) for text in texts]
        told = connection.scalar(select(func.count()).select_from(notification_call))
    assert written == [1, 0, 1, 1]
    assert told == 3


def test_text_that_a_database_cannot_hold_is_mended(engine: Engine) -> None:
    """NUL and half characters in one title do not lose a cycle's texts."""
    put(engine, [letter(subject="a\0b\ud800c", text="\udfff", html=None, address="x\0@example.vn")])
    assert (row(engine)["subject"], row(engine)["text"], row(engine)["address"]) == ("ab?c", "?", "x@example.vn")


def test_the_gravest_and_oldest_is_claimed_first(engine: Engine, clock: HandClock) -> None:
    """Level before age before number; what is held, not yet due, or another channel's stays."""
    put(engine, [letter(1, level=Level.NOTICE), letter(2), letter(3, created_at=NOW - timedelta(hours=1))])
    put(engine, [letter(4, due_at=LATER), letter(5, channel="sms")])
    put(engine, [letter(6)], state="held")
    held = sender(engine, clock).claim(10)
    assert [one.key for one in held] == ["telling-3", "telling-2", "telling-1"]
    assert (held[0].owner, held[0].epoch, held[0].lease_until) == ("sender-1", 1, NOW + timedelta(seconds=45))
    assert sender(engine, clock).claim(10) == []


def test_two_senders_never_hold_the_same_row(engine: Engine, clock: HandClock) -> None:
    """Claiming at the same time, in small bites, each row is held exactly once."""
    put(engine, [letter(number) for number in range(300)])

    def bite(owner: str) -> list[int]:
        side, mine = sender(engine, clock, owner), []
        while held := side.claim(7):
            mine += [one.id for one in held]
        return mine

    with ThreadPoolExecutor(4) as threads:
        taken = [one for part in threads.map(bite, ["a", "b", "c", "d"]) for one in part]
    assert len(taken) == len(set(taken)) == 300


def test_a_sent_notification_is_finished(engine: Engine, clock: HandClock) -> None:
    """The attempt is kept with the server's words, and the notification is due no more."""
    put(engine, [letter()])
    side = sender(engine, clock)
    side.record([attempt(held) for held in side.claim(1)])
    clock.move(days=9)
    assert side.claim(1) == []
    assert (row(engine)["state"], row(engine)["finished_at"], row(engine)["tries"]) == ("sent", NOW, 1)
    (tried,) = attempts(engine)
    assert (tried["outcome"], tried["phase"], tried["code"], tried["enhanced"]) == ("sent", "dot", 250, "2.0.0")


def test_a_retry_waits_for_its_time(engine: Engine, clock: HandClock) -> None:
    """Not before its pause is over; then with one more try behind it."""
    put(engine, [letter()])
    side = sender(engine, clock)
    side.record([attempt(held, Outcome.RETRY, Answer(Phase.RCPT, 450)) for held in side.claim(1)])
    assert side.claim(1) == []
    clock.move(seconds=5)
    assert [(one.tries, one.epoch) for one in side.claim(1)] == [(1, 2)]


def test_a_failed_notification_is_not_tried_again(engine: Engine, clock: HandClock) -> None:
    """A permanent refusal is final and says why."""
    put(engine, [letter()])
    side = sender(engine, clock)
    refusal = Answer(Phase.RCPT, 550, "5.1.1", "5.1.1 no such user")
    side.record([attempt(held, Outcome.FAILED, refusal) for held in side.claim(1)])
    clock.move(days=9)
    assert (row(engine)["state"], side.claim(1)) == ("failed", [])
    assert attempts(engine)[0]["answer"] == "5.1.1 no such user"


def test_a_vanished_sender_s_row_is_taken_over_and_marked(engine: Engine, clock: HandClock) -> None:
    """Killed between claim and record: due again when the lease ends, with an `uncertain` attempt in the history."""
    put(engine, [letter()])
    sender(engine, clock, "killed").claim(1)
    clock.move(seconds=44)
    other = sender(engine, clock, "other")
    assert other.claim(1) == []
    clock.move(seconds=1)
    assert [(one.owner, one.epoch) for one in other.claim(1)] == [("other", 2)]
    (tried,) = attempts(engine)
    assert (tried["outcome"], tried["epoch"], tried["code"]) == ("uncertain", 1, None)


def test_crash_upon_crash_stays_below_20_tries_an_hour(engine: Engine, clock: HandClock) -> None:
    """Each lost hold is a try; after several the text waits longer and longer, across restarts."""
    put(engine, [letter()])
    held = 0
    for second in range(0, 3600, 5):
        held += len(sender(engine, clock, f"killed-{second}").claim(1))
        clock.move(seconds=5)
    assert 5 <= held <= 20


def test_a_clock_that_is_set_back_holds_nothing_up(engine: Engine, clock: HandClock) -> None:
    """What was to leave at once leaves, what a vanished sender held is taken over; and no pause is cut short for it."""
    put(engine, [letter(1), letter(2)])
    sender(engine, clock, "killed").claim(1)
    clock.move(days=-1)
    side = sender(engine, clock)
    held = side.claim(2)
    assert [one.key for one in held] == ["telling-1", "telling-2"]
    again = Verdict(Outcome.RETRY, clock() + timedelta(seconds=5))
    side.record([Attempt(one, clock(), Answer(Phase.RCPT, 450), again) for one in held])
    assert side.claim(2) == []
    clock.move(seconds=5)
    assert len(side.claim(2)) == 2


def test_a_stale_holder_cannot_finish_a_row(engine: Engine, clock: HandClock) -> None:
    """Woken after its lease was taken over, it changes no state; its attempt is kept as `stale`."""
    put(engine, [letter()])
    (old,) = sender(engine, clock, "sleeper").claim(1)
    clock.move(seconds=60)
    other = sender(engine, clock, "other")
    (new,) = other.claim(1)
    sender(engine, clock, "sleeper").record([attempt(old)])
    assert (row(engine)["state"], row(engine)["owner"]) == ("claimed", "other")
    other.record([attempt(new)])
    assert (row(engine)["state"], row(engine)["tries"]) == ("sent", 2)
    assert [one["outcome"] for one in attempts(engine)] == ["uncertain", "stale", "sent"]


def test_one_sender_s_own_older_hold_is_stale_too(engine: Engine, clock: HandClock) -> None:
    """The epoch decides, not the name alone, even in one batch."""
    put(engine, [letter()])
    side = sender(engine, clock)
    (old,) = side.claim(1)
    clock.move(seconds=60)
    (new,) = side.claim(1)
    side.record([attempt(old), attempt(new, Outcome.RETRY, Answer(Phase.DOT))])
    assert [one["outcome"] for one in attempts(engine)] == ["uncertain", "stale", "retry"]
    assert row(engine)["state"] == "ready"


def test_recording_twice_changes_nothing(engine: Engine, clock: HandClock) -> None:
    """A commit whose answer was lost may be repeated."""
    put(engine, [letter()])
    side = sender(engine, clock)
    tried = [attempt(held, Outcome.RETRY, Answer(Phase.RCPT, 450)) for held in side.claim(1)]
    side.record(tried)
    side.record(tried)
    assert (row(engine)["state"], row(engine)["tries"], row(engine)["due_at"]) == ("ready", 1, LATER)


def test_a_clean_stop_gives_back_what_was_not_tried(engine: Engine, clock: HandClock) -> None:
    """Others need not wait for the lease, and the history shows no attempt."""
    put(engine, [letter(1), letter(2), letter(3)])
    first, second, _ = sender(engine, clock, "leaving").claim(3)
    sender(engine, clock, "leaving").release([first, second])
    assert len(sender(engine, clock, "other").claim(9)) == 2
    with engine.begin() as connection:
        assert outbox.release(connection, "leaving") == 1
    assert attempts(engine) == []


def test_what_was_claimed_again_is_not_given_back_with_an_old_hold(engine: Engine, clock: HandClock) -> None:
    """A sender that lost a hold and holds the row anew frees nothing by giving the old one back."""
    put(engine, [letter()])
    side = sender(engine, clock)
    lost = side.claim(1)
    clock.move(minutes=1)
    again = side.claim(1)
    side.release(lost)
    assert row(engine)["state"] == "claimed"
    side.release(again)
    assert row(engine)["state"] == "ready"
    side.release([])
    assert states(engine) == ["ready"]


def test_the_figures_for_the_metrics(engine: Engine, clock: HandClock) -> None:
    """Notifications by state, attempts by outcome, and since when the longest waiting one waits."""
    put(
        engine,
        [letter(1, created_at=NOW - timedelta(hours=2)), letter(2, created_at=NOW - timedelta(hours=1)), letter(3)],
    )
    put(engine, [letter(4, created_at=NOW - timedelta(days=3))], state="held")
    side = sender(engine, clock)
    side.record([attempt(held) for held in side.claim(1)])
    with engine.begin() as connection:
        assert outbox.counts(connection) == {("email", "held"): 1, ("email", "ready"): 2, ("email", "sent"): 1}
        assert outbox.oldest_unsent(connection) == {"email": NOW - timedelta(hours=1)}


def test_nothing_to_record_is_no_error(engine: Engine, clock: HandClock) -> None:
    """An empty batch writes nothing."""
    sender(engine, clock).record([])
    assert put(engine, []) == 0
    with engine.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(notification)) == 0


def test_in_quiet_time_only_what_overrides_it_is_claimed(engine: Engine, clock: HandClock) -> None:
    """A warning that was due before, and could not leave, waits; a critical text does not."""
    put(engine, [letter(1, level=Level.WARNING), letter(2)])
    quiet = Outbox(engine, owner="s", clock=clock, least_level=lambda _: int(Level.CRITICAL))
    assert [one.key for one in quiet.claim(10)] == ["telling-2"]
    assert [one.key for one in sender(engine, clock).claim(10)] == ["telling-1"]


def test_a_text_that_waits_for_its_hour_is_not_late(engine: Engine) -> None:
    """What may leave in the morning is as old as the morning, for those who watch how long texts wait."""
    morning = NOW + timedelta(hours=9)
    put(engine, [letter(1, due_at=morning)])
    with engine.connect() as connection:
        assert outbox.oldest_unsent(connection) == {"email": morning}
    put(engine, [letter(2, due_at=NOW, tries=0), letter(3, due_at=morning, tries=2)])
    with engine.connect() as connection:
        assert outbox.oldest_unsent(connection) == {"email": NOW}
