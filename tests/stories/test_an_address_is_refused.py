"""A server refuses a head's address for good: the next cycle tells who stands in, and says why."""

from __future__ import annotations

import json

import pytest
from builders import local
from services import said_here
from sqlalchemy import select
from worlds import World, holder_row

from warnwatch import schema
from warnwatch.notify import outbox
from warnwatch.notify.bounces import Action, Bounce
from warnwatch.notify.bouncing import settle
from warnwatch.notify.delivery import Answer, Attempt, Outcome, Phase, Verdict
from warnwatch.notify.release import Mode, Release
from warnwatch.plan.directory import Directory

FIRST = local(16, 8, 8)


@pytest.fixture(autouse=True)
def server(world: World) -> None:
    """The server takes nothing by itself: each test says what it refuses."""
    world.sends = False


UNKNOWN = Answer(Phase.RCPT, 550, "5.1.1", "5.1.1 unknown user")


def refuse(world: World, answer: Answer = UNKNOWN, outcome: Outcome = Outcome.FAILED) -> None:
    """Let the server answer whatever is due; it refuses for good."""
    with world.engine.begin() as connection:
        held = outbox.claim(connection, owner="s", now=local(1, 12), limit=10, lease=outbox.MAIL_LEASE)
        verdict = Verdict(outcome)
        outbox.record(connection, [Attempt(one, FIRST, answer, verdict) for one in held])


def flags(world: World) -> list[str]:
    """Give the holders whose address is flagged."""
    with world.engine.connect() as connection:
        return list(connection.scalars(select(schema.contact_flag.c.holder).order_by(schema.contact_flag.c.id)))


def directory(world: World) -> Directory:
    """Give the directory as the last cycle left it."""
    assert world.memory.directory is not None
    return world.memory.directory


def test_the_deputy_is_told_in_the_next_cycle_that_the_head_could_not_be_reached(world: World) -> None:
    """Half a minute after the refusal: one text about the same call, its reason in it, once and not again."""
    world.cycle(FIRST)
    refuse(world)
    assert world.told(world.cycle(local(16, 8, 8, 1))) == ["DP-19-UB/deputy/1 overdue"]
    mail = world.mails()[-1]
    assert "không gửi được thư đến người đứng đầu" in mail["text"]
    assert "T-1" in mail["text"]
    assert world.told(world.cycle(local(16, 8, 8, 2))) == []
    assert world.count(schema.call) == 1
    assert flags(world) == ["DP-19-UB/head/1"]


def test_a_mail_that_comes_back_later_is_told_to_the_deputy(world: World) -> None:
    """Its server took it and reported an hour later that nobody has this address: as if it had been refused at once."""
    world.cycle(FIRST)
    refuse(world, Answer(Phase.DOT, 250), Outcome.SENT)
    assert world.told(world.cycle(local(16, 8, 9))) == []
    with world.engine.begin() as connection:
        (reference,) = connection.scalars(select(schema.notification.c.reference))
        said = Answer(Phase.REPORT, 550, "5.1.1", "5.1.1 unknown user")
        settle(connection, [Bounce(reference, Action.FAILED, said)], local(16, 8, 9))
    assert world.told(world.cycle(local(16, 8, 9, 1))) == ["DP-19-UB/deputy/1 overdue"]
    assert flags(world) == ["DP-19-UB/head/1"]


def test_a_mail_that_waited_too_long_flags_nobody(world: World) -> None:
    """A server down the line gave up after days: the deputy is told, and the address may be good tomorrow."""
    world.cycle(FIRST)
    refuse(world, Answer(Phase.DOT, 250), Outcome.SENT)
    with world.engine.begin() as connection:
        (reference,) = connection.scalars(select(schema.notification.c.reference))
        said = Answer(Phase.REPORT, None, "4.4.7", "delivery time expired")
        settle(connection, [Bounce(reference, Action.FAILED, said)], local(16, 8, 9))
    assert world.told(world.cycle(local(16, 8, 9, 1))) == ["DP-19-UB/deputy/1 overdue"]
    assert flags(world) == []


def test_the_chain_goes_on_to_the_superior_and_ends_on_the_standing_list(world: World) -> None:
    """Each who stands in is refused too: the next is told, and when nobody is left the alert stands on the list."""
    world.cycle(FIRST)
    told = []
    for minute in range(1, 7):
        refuse(world)
        told += [one.split(" ")[0] for one in world.told(world.cycle(local(16, 8, 8, minute)))]
    assert told == ["DP-19-UB/deputy/1", "DP-19/head/1", "CQTT/head/1", "BCD/head/1"]
    assert world.alert().standing
    assert "call.nobody" in world.history(world.alert())


def test_a_flagged_address_counts_as_none_until_the_plan_names_another(world: World) -> None:
    """Later calls go to who stands in at once; the address that the plan brings is used again."""
    world.cycle(FIRST)
    refuse(world)
    world.cycle(local(16, 8, 8, 1))
    found = directory(world).recipient("DP-19-UB", "head")
    assert found is not None
    assert (found.holder.office, found.via) == ("deputy", ("unreachable", "deputy"))
    row = holder_row("DP-19-UB/head", email="dung@example.vn")
    world.bring(local(16, 8, 9), holders=[row])
    world.cycle(local(16, 8, 9, 1))
    found = directory(world).recipient("DP-19-UB", "head")
    assert found is not None
    assert found.holder.email == "dung@example.vn"


def test_a_person_lists_and_clears_a_flag(world: World) -> None:
    """The list says who and why; what is cleared is used by the next cycle, and the journal says who cleared it."""
    world.cycle(FIRST)
    refuse(world)
    world.cycle(local(16, 8, 8, 1))
    database = {"url": world.engine.url.render_as_string(hide_password=False)}
    (listed,) = json.loads(said_here("contacts", "--json", database=database).stdout)
    assert (listed["holder"], listed["said"]) == ("DP-19-UB/head/1", "5.1.1 unknown user")
    assert said_here("contacts", "--clear", "DP-19-UB/head/1", database=database).exit_code == 2
    unknown = said_here("contacts", "--clear", "DP-19-UB/head/2", "--by", "CQTT", database=database)
    assert unknown.exit_code == 1
    assert "DP-19-UB/head/1" in unknown.stderr
    assert said_here("contacts", "--clear", "DP-19-UB/head/1", "--by", "CQTT", database=database).exit_code == 0
    assert json.loads(said_here("contacts", "--json", database=database).stdout) == []
    world.cycle(local(16, 8, 8, 2))
    found = directory(world).recipient("DP-19-UB", "head")
    assert found is not None
    assert (found.holder.office, found.via) == ("head", ())


def test_a_text_refused_for_what_it_holds_flags_nobody(world: World) -> None:
    """The deputy is told, and the head's address stays good."""
    world.cycle(FIRST)
    refuse(world, Answer(Phase.DOT, 554, "5.6.0", "5.6.0 no"))
    assert world.told(world.cycle(local(16, 8, 8, 1))) == ["DP-19-UB/deputy/1 overdue"]
    assert flags(world) == []


def test_an_alert_that_ended_meanwhile_is_told_to_nobody_else(world: World) -> None:
    """The failure is handled, the address flagged, and the deputy hears nothing of what is done."""
    world.cycle(FIRST)
    refuse(world)
    world.done(local(16, 8, 8), "T-1")
    assert "DP-19-UB/deputy/1" not in " ".join(world.told(world.cycle(local(16, 8, 8, 1))))
    assert flags(world) == ["DP-19-UB/head/1"]


def test_what_was_promised_meanwhile_is_told_to_nobody_else(world: World) -> None:
    """The head, reached by telephone, has promised a date: the deputy hears nothing of the refused mail."""
    world.cycle(FIRST)
    refuse(world)
    world.promise(FIRST, world.alert(), local(20, 8, 17))
    assert world.told(world.cycle(local(16, 8, 8, 1))) == []
    assert flags(world) == ["DP-19-UB/head/1"]


def test_the_address_that_takes_everything_flags_no_head(world: World) -> None:
    """In mode redirect a refusal is that of the one address, and every head would be flagged by it."""
    world.by(release=Release(Mode.REDIRECT))
    world.cycle(FIRST)
    refuse(world)
    assert world.told(world.cycle(local(16, 8, 8, 1))) == []
    assert flags(world) == []
