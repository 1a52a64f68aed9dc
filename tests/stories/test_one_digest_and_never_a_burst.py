"""Texts that could not leave, at night or while the server was down, are told in one digest, as things stand then."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, time

import pytest
from builders import local
from sqlalchemy import RowMapping, select
from worlds import World, holder_row

from warnwatch import schema
from warnwatch.notify import outbox
from warnwatch.notify.delivery import Answer, Attempt, Claimed, Outcome, Phase, Verdict
from warnwatch.notify.release import Mode, Release
from warnwatch.notify.sms_budget import Budget
from warnwatch.rules.rule import ChannelRules, Level

HEAD = "DP-19-UB/head/1"
FOCAL = "DP-19-UB/focal_point/1"
NIGHT = {"sms": ChannelRules((time(21), time(7)), overrides=Level.CRITICAL)}
DOWN = Answer(Phase.CONNECT, None, None, "connection refused")
UNHEARD = Answer(Phase.DOT, None, None, "connection lost")


@pytest.fixture
def down(world: World) -> World:
    """The mail server is down: what is written waits."""
    world.sends = False
    return world


def texting(world: World) -> None:
    """Give the head a phone and the installation a gateway; every step that tells the head goes by message too."""
    world.bring(local(4, 8, 8), holders=[holder_row("DP-19-UB/head", phone="+84912345678")])
    book = world.standards.book
    policies = {
        name: replace(
            policy,
            levels={
                level: tuple(replace(step, channels=("email", "sms")) for step in steps)
                for level, steps in policy.levels.items()
            },
        )
        for name, policy in book.policies.items()
    }
    world.by(
        book=replace(book, policies=policies, channels=NIGHT),
        ways=frozenset({"email", "sms"}),
        sms_countries=frozenset({"VN"}),
        budget=Budget(100, 100),
    )


def texts(world: World, holder: str = HEAD, channel: str = "email") -> list[RowMapping]:
    """Give the texts to somebody, in the order in which they were written."""
    return [one for one in world.mails() if (one["holder"], one["channel"]) == (holder, channel)]


def states(world: World, holder: str = HEAD, channel: str = "email") -> list[str]:
    """Give the states of the texts to somebody."""
    return [one["state"] for one in texts(world, holder, channel)]


def claim(world: World, now: datetime, channel: str = "email", limit: int = 100) -> list[Claimed]:
    """Claim what is due, as a sender does; what a vanished one held is due again."""
    with world.engine.begin() as connection:
        return outbox.claim(connection, owner="s", now=now, limit=limit, lease=outbox.MAIL_LEASE, channel=channel)


def fail(world: World, now: datetime, again: datetime, answer: Answer = DOWN) -> None:
    """Try what is due in vain."""
    held = claim(world, now)
    with world.engine.begin() as connection:
        outbox.record(connection, [Attempt(one, now, answer, Verdict(Outcome.RETRY, again)) for one in held])


def calls_told(world: World) -> Counter[tuple[int, str, str]]:
    """Count by call, holder and channel the texts that tell it and may leave, or have left."""
    link, text = schema.notification_call.c, schema.notification.c
    query = select(link.call, link.holder, link.channel).join(schema.notification, text.id == link.notification)
    with world.engine.connect() as connection:
        rows = connection.execute(query.where(text.state.in_(["ready", "claimed", "sent", "uncertain"])))
        return Counter((row.call, row.holder, row.channel) for row in rows)


# --- the server is down


def test_a_server_that_was_down_all_night_brings_one_digest_in_the_morning(down: World) -> None:
    """Three tasks pass their deadlines in three nights: one mail to the head, with all three, and the others in it."""
    down.put(local(15, 8, 8), "T-2", due="2025-08-18")
    down.put(local(15, 8, 8), "T-3", due="2025-08-19")
    for day in (16, 19, 20):
        down.cycle(local(day, 8, 3))
    assert states(down) == ["merged", "merged", "ready"]
    first, second, last = texts(down)
    assert (first["merged_into"], second["merged_into"]) == (second["id"], last["id"])
    assert all(code in last["text"] for code in ("T-1", "T-2", "T-3"))
    assert set(calls_told(down).values()) == {1}
    assert down.count(schema.call) == len({call for call, _, _ in calls_told(down)})
    down.send(local(20, 8, 7))
    assert down.told(down.cycle(local(20, 8, 7, 1))) == []
    assert states(down) == ["merged", "merged", "sent"]


def test_each_step_of_a_merge_is_in_the_journal(down: World) -> None:
    """What became of a text that never left is written down where it was written."""
    down.put(local(15, 8, 8), "T-2", due="2025-08-18")
    down.cycle(local(16, 8, 3))
    down.cycle(local(19, 8, 3))
    first, last = texts(down)
    with down.engine.connect() as connection:
        facts = connection.scalars(
            select(schema.journal.c.facts).where(schema.journal.c.kind == "notification.merged")
        ).all()
    assert facts == [{"key": first["key"], "into": last["key"], "holder": HEAD, "channel": "email"}]


def test_a_digest_keeps_the_age_and_the_pace_of_what_it_took_in(down: World) -> None:
    """It is as old as the oldest in it, so that it is given up when that one would be; and is tried no sooner."""
    down.put(local(15, 8, 8), "T-2", due="2025-08-18")
    down.cycle(local(16, 8, 3))
    fail(down, local(16, 8, 3, 1), again=local(19, 8, 6))
    down.cycle(local(19, 8, 3))
    one = texts(down)[-1]
    assert (one["created_at"], one["due_at"], one["tries"]) == (local(16, 8, 3), local(19, 8, 6), 1)


def test_a_critical_matter_does_not_wait_for_the_pace_of_a_lesser_one(down: World) -> None:
    """A warning waits for its next try; the deadline passes meanwhile: the digest goes at once, at the higher level."""
    down.cycle(local(13, 8, 8))
    fail(down, local(13, 8, 8, 1), again=local(18, 8, 8))
    down.cycle(local(16, 8, 3))
    one = texts(down)[-1]
    assert (one["level"], one["due_at"] <= local(16, 8, 3)) == (Level.CRITICAL, True)
    assert states(down) == ["merged", "ready"]


def test_what_a_sender_holds_or_may_have_sent_is_left_alone(down: World) -> None:
    """A text in a sender's hands, or one whose answer was lost after the dot, goes on under its own name."""
    down.put(local(15, 8, 8), "T-2", due="2025-08-18")
    down.put(local(15, 8, 8), "T-3", due="2025-08-19")
    down.cycle(local(16, 8, 3))
    fail(down, local(16, 8, 3, 1), again=local(22, 8, 3), answer=UNHEARD)
    down.cycle(local(19, 8, 3))
    assert [one.key for one in claim(down, local(19, 8, 3))] == [texts(down)[1]["key"]]
    down.cycle(local(20, 8, 3))
    assert states(down) == ["ready", "claimed", "ready"]
    assert set(calls_told(down).values()) == {1}


def test_a_vanished_sender_s_text_is_left_alone(down: World) -> None:
    """Its lease ran out and it may be out: whoever takes it over sends the same mail, never another with its matter."""
    down.put(local(15, 8, 8), "T-2", due="2025-08-18")
    down.cycle(local(16, 8, 3))
    claim(down, local(16, 8, 3))
    assert claim(down, local(16, 8, 4), limit=0) == []
    down.cycle(local(19, 8, 3))
    assert states(down) == ["ready", "ready"]


def test_a_digest_says_what_has_changed_since_the_texts_before(world: World) -> None:
    """One matter was told as a warning and is graver now, one is told again, one is new, one has ended."""
    world.put(local(4, 8, 8), "T-2", due="2025-08-15")
    world.put(local(4, 8, 8), "T-3", due="2025-08-14")
    world.cycle(local(13, 8, 8))
    world.cycle(local(15, 8, 8))
    world.done(local(16, 8, 9), "T-2")
    world.put(local(16, 8, 9), "T-4", due="2025-08-13")
    world.cycle(local(18, 8, 8))
    text = texts(world)[-1]["text"]
    said = "1 nội dung mới, 1 nội dung tăng mức, 1 nội dung nhắc lại và 1 cảnh báo đã kết thúc"
    assert f"So với các lần thông báo trước: {said}." in text
    marks = dict(re.findall(r"\d\. (T-\d) – .*\n.*\(CB-\S+\) – (.*)", text))
    assert marks == {"T-1": "Tăng mức", "T-3": "Nhắc lại", "T-4": "Mới"}
    assert "Nhắc lại" in texts(world)[-1]["html"]


def test_a_digest_of_new_matters_alone_has_nothing_to_compare(down: World) -> None:
    """Two deadlines pass in one night, and nobody was told of them before: no marks."""
    down.put(local(15, 8, 8), "T-2", due="2025-08-15")
    down.cycle(local(16, 8, 3))
    assert "So với các lần thông báo trước" not in texts(down)[-1]["text"]


def test_past_its_cap_a_digest_counts_the_rest(world: World) -> None:
    """A channel's own cap is followed: five matters, two of them listed, and the number of the others."""
    world.by(book=replace(world.standards.book, channels={"email": ChannelRules(digest_cap=2)}))
    for number in range(2, 6):
        world.put(local(4, 8, 8), f"T-{number}", due="2025-08-15")
    world.cycle(local(16, 8, 3))
    text = texts(world)[-1]["text"]
    assert "và 3 nhiệm vụ khác" in text
    assert "3. T-" not in text


# --- what was over before it left


def test_what_ended_before_anybody_was_told_is_not_told(down: World) -> None:
    """The task is done while the mail waits: neither the warning leaves nor an all-clear."""
    down.cycle(local(16, 8, 3))
    down.done(local(16, 8, 4), "T-1")
    assert down.told(down.cycle(local(16, 8, 5))) == []
    assert states(down) == ["withdrawn"]
    assert "notification.withdrawn" in down.history(down.alert())
    down.cycle(local(16, 8, 6))
    assert states(down) == ["withdrawn"]


def test_the_all_clear_goes_to_exactly_those_who_were_told(world: World) -> None:
    """Both were told on Wednesday; what the head was told on Saturday waited, and is over: one all-clear for each."""
    world.cycle(local(13, 8, 8))
    assert {one["holder"] for one in world.mails()} == {HEAD, FOCAL}
    world.sends = False
    world.cycle(local(16, 8, 3))
    world.done(local(16, 8, 4), "T-1")
    told = world.told(world.cycle(local(16, 8, 5)))
    assert told == [f"{FOCAL} all_clear", f"{HEAD} all_clear"]
    assert states(world) == ["sent", "merged", "ready"]
    assert "đã quá hạn" not in texts(world)[-1]["text"].lower()


def test_of_two_matters_the_one_that_is_over_drops_out(down: World) -> None:
    """One of the tasks in a waiting digest is done: the digest is written again, about the other one alone."""
    down.put(local(15, 8, 8), "T-2", due="2025-08-15")
    down.cycle(local(16, 8, 3))
    assert "T-1" in texts(down)[0]["text"]
    down.done(local(16, 8, 4), "T-1")
    down.cycle(local(16, 8, 5))
    assert states(down) == ["merged", "ready"]
    last = texts(down)[-1]
    assert "T-2" in last["text"]
    assert "T-1" not in last["text"]
    assert last["kind"] == "overdue"


def test_what_a_person_closed_is_not_told_either(down: World) -> None:
    """The secretariat closes an alert while its mail waits: the next cycle withdraws the mail."""
    down.cycle(local(16, 8, 3))
    down.close(local(16, 8, 4), down.alert())
    down.cycle(local(16, 8, 5))
    assert states(down) == ["withdrawn"]


def test_a_task_that_changes_hands_is_told_to_its_new_unit_only(down: World) -> None:
    """While the mail waits another unit takes the task over: the mail to the first head is withdrawn."""
    down.cycle(local(16, 8, 3))
    down.put(local(16, 8, 4), "T-1", lead_unit="BYT")
    down.cycle(local(16, 8, 5))
    assert states(down) == ["withdrawn"]
    assert states(down, "BYT/head/1") == ["ready"]


def test_what_is_held_takes_in_nothing(down: World) -> None:
    """A unit goes back to hold while a mail of it waits: what is only shown swallows nothing that would leave."""
    down.put(local(15, 8, 8), "T-2", due="2025-08-18")
    down.cycle(local(16, 8, 3))
    down.by(release=Release(Mode.HOLD))
    down.cycle(local(19, 8, 3))
    assert states(down)[0] == "ready"
    assert set(states(down)[1:]) == {"held"}


def test_an_initial_digest_that_waits_stays_an_initial_digest(down: World) -> None:
    """Going live with the server down, and a deadline the night after: one text, still called the initial state."""
    down.by(release=Release(Mode.HOLD))
    down.cycle(local(18, 8, 8))
    down.by(release=Release(Mode.LIVE))
    down.put(local(18, 8, 8), "T-2", due="2025-08-18")
    down.cycle(local(18, 8, 9))
    down.cycle(local(19, 8, 3))
    assert [one["kind"] for one in texts(down)[-2:]] == ["initial", "initial"]
    assert states(down)[-2:] == ["merged", "ready"]


# --- quiet nights


def test_a_quiet_night_of_messages_ends_with_one_message(world: World) -> None:
    """Two warnings in one night: the mails leave at once, and at seven one message names both."""
    texting(world)
    world.put(local(13, 8, 8), "T-2", due="2025-08-15")
    world.sends = False
    world.cycle(local(13, 8, 22))
    world.put(local(13, 8, 22, 30), "T-3", due="2025-08-15")
    world.cycle(local(13, 8, 23))
    waiting = texts(world, channel="sms")
    assert [one["state"] for one in waiting] == ["merged", "ready"]
    assert waiting[-1]["due_at"] == local(14, 8, 7)
    assert all(code in waiting[-1]["text"] for code in ("T-1", "T-2", "T-3"))
    assert claim(world, local(14, 8, 6, 59), "sms") == []
    assert [one.id for one in claim(world, local(14, 8, 7), "sms")] == [waiting[-1]["id"]]


def test_a_critical_message_leaves_at_night_and_takes_the_others_along(world: World) -> None:
    """At three in the morning a deadline has passed: one message at once, critical, with the warning that waited."""
    texting(world)
    world.put(local(12, 8, 8), "T-2", due="2025-08-20")
    world.sends = False
    world.cycle(local(15, 8, 22))
    world.cycle(local(16, 8, 0, 1))
    waiting = texts(world, channel="sms")
    assert [one["state"] for one in waiting][-1] == "ready"
    assert waiting[-1]["level"] == Level.CRITICAL
    assert [one.id for one in claim(world, local(16, 8, 0, 1), "sms")] == [waiting[-1]["id"]]


def test_the_climb_waits_for_the_hour_of_a_message_only_where_no_mail_left(world: World) -> None:
    """The mail has told the head at night already, so the wait for the next step counts from it."""
    texting(world)
    world.cycle(local(13, 8, 22))
    world.cycle(local(13, 8, 22, 5))
    assert states(world, channel="sms") == ["ready"]
    assert states(world) == ["sent"]
    assert world.alert().next_at is not None
