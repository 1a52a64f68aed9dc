"""All mails about an alert stand together in a mailbox: opened, raised, all-clear; each holder has a thread."""

from __future__ import annotations

from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from builders import local
from letters import TAKEN, mail_settings
from sqlalchemy import Engine
from worlds import World

from warnwatch.notify.delivery import Attempt, Claimed, Outcome, Verdict
from warnwatch.notify.email import build
from warnwatch.notify.outbox import MAIL_LEASE, claim, record
from warnwatch.notify.release import Mode, Release

START = local(11, 8, 8)


def send(engine: Engine, now: datetime, boxes: dict[str, list[EmailMessage]]) -> None:
    """Put the mails that are due into the box of each address, as they leave."""
    with engine.begin() as connection:
        held = claim(connection, owner="sender", now=now, limit=100, lease=MAIL_LEASE)
        record(connection, [Attempt(one, now, TAKEN, Verdict(Outcome.SENT)) for one in held])
    for one in sorted(held, key=lambda claimed: claimed.id):
        boxes.setdefault(str(one.address), []).append(read(one))


def read(one: Claimed) -> EmailMessage:
    """Build a mail and read it as a mailbox does."""
    return message_from_bytes(build(one, mail_settings(25))[1], policy=policy.default)


def test_opened_raised_and_cleared_are_one_thread_for_each_holder(world: World) -> None:
    """Each later mail answers to the one before and names the first; no two holders share a thread."""
    world.sends, boxes = False, dict[str, list[EmailMessage]]()
    for day in (11, 13, 16, 19, 22):
        world.cycle(local(day, 8, 8))
        send(world.engine, local(day, 8, 8), boxes)
    world.done(local(22, 8, 9), "T-1")
    world.cycle(local(22, 8, 10))
    send(world.engine, local(22, 8, 10), boxes)
    assert max(len(mails) for mails in boxes.values()) >= 3
    roots = set()
    for mails in boxes.values():
        ids = [mail["Message-ID"] for mail in mails]
        assert mails[0]["References"] is None
        for place, mail in enumerate(mails[1:], 1):
            assert mail["In-Reply-To"] == ids[place - 1]
            assert str(mail["References"]).split()[0] == ids[0]
            assert str(mail["References"]).split()[-1] == ids[place - 1]
        roots.add(ids[0])
    assert len(roots) == len(boxes)


def test_a_digest_answers_to_the_mail_about_its_gravest_alert(world: World) -> None:
    """Of two alerts told before in two mails, the one that is graver now leads."""
    world.cycle(local(11, 8, 8))
    world.put(local(12, 8, 9), "T-2", due="2025-08-18")
    for day in (12, 13, 14, 15, 16, 18, 19, 20, 21):
        world.cycle(local(day, 8, 8))
    mails = world.mails()
    known = {mail["key"]: mail for mail in mails}
    for mail in mails:
        keys = mail["thread"].split()
        assert len(keys) <= 5
        assert all(known[key]["holder"] == mail["holder"] and known[key]["id"] < mail["id"] for key in keys)
    assert any(mail["kind"] == "digest" and mail["thread"] for mail in mails)


def test_what_was_held_is_answered_by_nothing(world: World) -> None:
    """A mail that never left stands in nobody's mailbox: the first that leaves begins the thread."""
    world.by(release=Release(Mode.HOLD))
    world.cycle(local(18, 8, 8))
    world.by(release=Release(Mode.LIVE))
    for day in (19, 20, 21, 22):
        world.cycle(local(day, 8, 8))
    live = [mail for mail in world.mails() if mail["state"] == "sent"]
    held = {mail["key"] for mail in world.mails() if mail["state"] == "held"}
    assert live
    assert held
    assert not held & {key for mail in live for key in mail["thread"].split()}
