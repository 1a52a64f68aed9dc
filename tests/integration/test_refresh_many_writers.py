"""What changes are read when many write at once: every committed one, whatever the order of commits."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select
from worlds import BEGUN, World, build_world

from warnwatch import schema
from warnwatch.database import open_engine
from warnwatch.plan.snapshot import _read_bound, _read_changes, prune_changes, read_snapshot, refresh

WRITERS, EACH = 8, 25
Reader = Callable[[Connection, int], tuple[set[str], int]]


def by_transaction(connection: Connection, bound: int) -> tuple[set[str], int]:
    """Read as the evaluator reads."""
    found, upto = _read_changes(connection, bound)
    return {subject for _, subject in found}, upto


def by_largest_sequence(connection: Connection, bound: int) -> tuple[set[str], int]:
    """Read as one would who believes that sequence numbers commit in their order: the planted mistake."""
    change = schema.change
    found = connection.execute(select(change.c.subject, change.c.seq).where(change.c.seq > bound)).all()
    return {row.subject for row in found}, max((row.seq for row in found), default=bound)


def missed(url: str, read: Reader) -> tuple[set[str], set[str]]:
    """Let many write, wait and roll back while one reads; give what was committed and not read, and read and not so."""
    engine = open_engine(url)
    committed: set[str] = set()

    def write(number: int) -> None:
        dice = random.Random(number)
        for turn in range(EACH):
            subject = f"W{number}-{turn}"
            with engine.connect() as connection:
                row = insert(schema.change).values(kind="task", subject=subject, xact=schema.xact(connection))
                connection.execute(row)
                # Some stay open for long, so that later numbers commit first.
                time.sleep(dice.choice([0, 0, 0.002, 0.03]))
                if dice.random() < 0.2:
                    connection.rollback()
                else:
                    connection.commit()
                    committed.add(subject)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    seen: set[str] = set()
    with engine.connect() as connection:
        bound = _read_bound(connection) if read is by_transaction else 0
    for writer in writers:
        writer.start()
    try:
        while any(writer.is_alive() for writer in writers):
            with engine.connect().execution_options(reads_only=True) as connection:
                fresh, bound = read(connection, bound)
            seen |= fresh
        for writer in writers:
            writer.join()
        with engine.connect().execution_options(reads_only=True) as connection:
            seen |= read(connection, bound)[0]
    finally:
        for writer in writers:
            writer.join()
        engine.dispose()
    return committed - seen, seen - committed


def test_every_committed_change_is_read_and_nothing_else(postgresql_url: str) -> None:
    """Eight writers, out of order, a fifth rolled back: the reader misses none and sees none that was undone."""
    assert missed(postgresql_url, by_transaction) == (set(), set())


def test_the_test_would_catch_a_reader_that_trusts_the_sequence(postgresql_url: str) -> None:
    """Planted: who remembers the largest number misses what commits after it."""
    lost, undone = missed(postgresql_url, by_largest_sequence)
    assert lost
    assert not undone


@pytest.mark.parametrize("late", [False, True])
def test_old_changes_are_removed_and_a_late_reader_reads_all_again(
    database_url: str, tmp_path: Path, *, late: bool
) -> None:
    """Who had read them goes on with what is new; who had not sees the plan whole, not a part of it."""
    world: World = build_world(database_url, tmp_path / "plan")
    world.put(BEGUN, "T-1")
    with world.engine.connect().execution_options(reads_only=True) as connection:
        before = read_snapshot(connection, world.standards.calendar, day=date(2025, 8, 18))
    world.put(BEGUN, "T-2")
    world.put(BEGUN, "T-3")
    if not late:
        with world.engine.connect().execution_options(reads_only=True) as connection:
            before = refresh(connection, before, world.standards.calendar, date(2025, 8, 18))
    with world.engine.begin() as connection:
        gone = prune_changes(connection, kept=1)
        left = connection.scalar(select(func.count()).select_from(schema.change))
    assert (gone > 0, left) == (True, 2)
    with world.engine.connect().execution_options(reads_only=True) as connection:
        after = refresh(connection, before, world.standards.calendar, date(2025, 8, 18))
    world.engine.dispose()
    assert after.tasks["code"].to_list() == ["T-1", "T-2", "T-3"]
    assert after.acted is late
