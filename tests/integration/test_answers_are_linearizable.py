"""After the 200 of a promise no call that it stops is written, whatever a cycle was doing at that moment."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from answering_pages import Desk
from builders import local
from sqlalchemy import RowMapping, select
from worlds import World, begun_world

from warnwatch import schema
from warnwatch.alerts.ledger import ConflictError
from warnwatch.cycle import Memory, run_cycle
from warnwatch.turns import run_uncontested

LATE = local(18, 8, 8)
# Critical: the head at once, again after a working day.
AGAIN = local(19, 8, 9)
TASKS = [f"T-{number}" for number in range(1, 5)]


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Four tasks fell due on 15/8; on Monday 18/8 at 8:00 their head is told, and has links."""
    with begun_world(database_url, tmp_path / "in", *TASKS) as world:
        desk = Desk(world, LATE + timedelta(hours=3))
        world.cycle(LATE)
        yield desk


def journal(world: World, alert: int) -> Sequence[RowMapping]:
    """Give an alert's rows of the journal, in the order in which they were written."""
    table = schema.journal
    with world.engine.connect() as connection:
        return connection.execute(select(table).where(table.c.alert == alert).order_by(table.c.id)).mappings().all()


def calls_against_a_promise(world: World) -> list[str]:
    """Name every call that was written after a promise which stopped it."""
    found = []
    for alert in world.alerts():
        until = None
        for row in journal(world, alert.id):
            if row["kind"] == "acknowledged" and row["facts"]["binds"]:
                until = datetime.fromisoformat(row["facts"]["until"])
            elif row["kind"] == "alert.raised":
                until = None
            elif row["kind"] == "call" and until is not None and row["at"] < until:
                found.append(f"{alert.code}: {row['at']} before {until}")
    return found


def test_a_promise_while_a_cycle_decides_takes_its_calls_back(desk: Desk) -> None:
    """The cycle has read and would call; the promise commits first: nothing of the cycle is written."""
    given: list[int] = []

    def stopwatch() -> float:
        if not given:
            given.append(desk.post("promise", date="2025-08-22").status_code)
        return 0.0

    desk.now = AGAIN
    before = desk.world.count(schema.call)
    standards = replace(desk.world.standards, stopwatch=stopwatch)
    with pytest.raises(ConflictError):
        run_cycle(desk.world.engine, desk.world.memory, standards, AGAIN)
    assert (given, desk.world.count(schema.call)) == ([200], before)
    desk.world.memory = Memory()
    desk.world.cycle(AGAIN)
    promised = desk.rows(schema.answer)[0]["alert"]
    assert promised not in [row["alert"] for row in desk.rows(schema.call)][before:]
    assert calls_against_a_promise(desk.world) == []


def test_a_promise_after_a_cycle_stops_the_next_call(desk: Desk) -> None:
    """The cycle commits first: its call stands, and it is the last one until the promised day."""
    desk.world.cycle(AGAIN)
    before = desk.world.count(schema.call)
    desk.now = AGAIN
    assert desk.post("promise", date="2025-08-25").status_code == 200
    promised = desk.rows(schema.answer)[0]["alert"]
    for day in (20, 21, 22, 25):
        desk.world.cycle(local(day, 8, 9))
    assert promised not in [row["alert"] for row in desk.rows(schema.call)][before:]
    desk.world.cycle(local(26, 8, 8))
    assert desk.rows(schema.call)[-1]["alert"] == promised
    assert calls_against_a_promise(desk.world) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_heads_answer_while_cycles_climb(desk: Desk, seed: int) -> None:
    """Promises of a day each are given and broken while an evaluator climbs: no call is written against one."""
    over, said = threading.Event(), list[int]()
    world, links = desk.world, list[str]()
    links.append(desk.path())

    def answers(chance: random.Random) -> None:
        while not over.is_set():
            page = desk.get(chance.choice(links)).text
            forms = desk.forms(page)
            if forms:
                day = f"{desk.now + timedelta(days=chance.randrange(2)):%Y-%m-%d}"
                got = desk.send(links[0], chance.choice(forms), "promise", date=day, note=str(chance.random()))
                said.append(got.status_code)

    heads = [threading.Thread(target=answers, args=(random.Random(seed * 10 + number),)) for number in range(2)]
    for head in heads:
        head.start()
    memory = Memory()
    try:
        for hour in range(24 * 5):
            desk.now = LATE + timedelta(hours=hour)
            if desk.now.astimezone(world.standards.calendar.zone).hour in (0, 8, 9, 14):
                try:
                    memory = run_uncontested(world.engine, memory, world.standards, lambda: desk.now)[1]
                except ConflictError:  # as the service does: the next cycle tries again
                    memory = Memory()
    finally:
        over.set()
        for head in heads:
            head.join()
    # Nobody answers any more: what was promised is broken, and the climb goes on.
    for day in range(5, 12):
        run_cycle(world.engine, Memory(), world.standards, LATE + timedelta(days=day))
    answered = [row for row in desk.answers() if row["promised_for"]]
    assert set(said) <= {200, 409, 422}
    assert said.count(200) >= len(answered) > 10
    assert calls_against_a_promise(world) == []
    assert desk.world.count(schema.call) > len(TASKS)
