"""The journal only grows, its chain is never forked, and whatever is tampered with is found and named."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from services import said_here
from sqlalchemy import Connection, Engine, delete, event, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from warnwatch.alerts import journal as chain
from warnwatch.alerts.journal import Head, Sealer, Verdict, read_head, seal_batch, verify
from warnwatch.alerts.journal_heads import Keeper, append_head, read_heads
from warnwatch.database import open_engine
from warnwatch.errors import MistakesError
from warnwatch.schema import alert, answer, delivery, journal, notification, seal, unit

AT = datetime(2025, 12, 15, 1, 0, 0, 123456, tzinfo=UTC)
KINDS = ("opened", "ended", "called", "promised")


def write(connection: Connection, count: int, **values: Any) -> None:
    """Add rows to the journal, as acts do."""
    rows = [
        {
            "at": AT + timedelta(microseconds=number),
            "kind": KINDS[number % len(KINDS)],
            "actor": "service",
            "subject": f"T-{number}",
            "facts": {"note": "Đã nhận", "level": number, "share": number / 3, "none": None},
        }
        | values
        for number in range(count)
    ]
    connection.execute(insert(journal), rows)


def judged(engine: Engine, heads: Sequence[Head] = ()) -> Verdict:
    """Walk the chain."""
    with engine.connect().execution_options(reads_only=True) as connection:
        return verify(connection, heads)


def sealed(engine: Engine, count: int) -> Head:
    """Write rows and seal them; give the end of the chain."""
    with engine.begin() as connection:
        write(connection, count)
    Sealer(engine).seal()
    with engine.connect() as connection:
        return read_head(connection, date(2025, 12, 15))


# --- only growing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["journal", "answer", "delivery", "seal"])
@pytest.mark.parametrize("act", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_was_told_and_done_can_only_be_added_to(engine: Engine, table: str, act: str) -> None:
    """Whoever changes or removes a row is refused, and the refusal names the table and the act."""
    if engine.dialect.name == "sqlite" and act.startswith("TRUNCATE"):
        pytest.skip("SQLite has no TRUNCATE")
    sealed(engine, 3)
    with engine.begin() as connection:
        _fill(connection)
    statement = act.format(table).replace("id = id", "seq = seq" if table == "seal" else "id = id")
    word = act.split(maxsplit=1)[0]
    with pytest.raises(IntegrityError, match=f"append-only: {word} is refused"), engine.begin() as connection:
        connection.execute(text(statement))
    assert judged(engine) == Verdict(3, 0, 0, None, 0)


def _fill(connection: Connection) -> None:
    """Put a row into the tables beside the journal: SQLite asks its triggers for each row."""
    plain = {"office": "head", "unit": "U", "level": 3, "holder": "h"}
    connection.execute(insert(unit).values(code="U", recorded_at=AT))
    named = {"code": "CB-1", "rule": "r", "about": "task", "subject": "T", "episode": 1, "unit": "U", "state": "open"}
    since = {"pending_since": AT, "level_since": AT}
    connection.execute(insert(alert).values(id=1, level=3, measure="m", **named, **since))
    connection.execute(insert(answer).values(alert=1, kind="received", at=AT, **plain))
    text_ = {"key": "k", "channel": "email", "kind": "overdue", "subject": "s", "text": "t", "state": "sent"}
    connection.execute(insert(notification).values(id=1, created_at=AT, due_at=AT, **plain, **text_))
    connection.execute(insert(delivery).values(notification=1, epoch=1, at=AT, outcome="sent"))


# --- sealing --------------------------------------------------------------------------------------------------------


def test_every_row_is_sealed_once_in_batches_and_a_quiet_turn_writes_nothing(engine: Engine) -> None:
    """More rows than a batch are sealed in one turn; the next turn asks one question and opens no transaction."""
    sealer = Sealer(engine)
    with engine.begin() as connection:
        write(connection, chain.BATCH + 7)
    assert sealer.seal() == chain.BATCH + 7
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *words: asked.append(words[2]))
    assert sealer.seal() == 0
    assert sum("journal" in statement for statement in asked) == 1
    assert not any("INSERT" in statement for statement in asked)
    assert judged(engine) == Verdict(chain.BATCH + 7, 0, 0, None, 0)


def test_a_row_that_commits_after_a_later_one_is_sealed_too(postgresql_url: str) -> None:
    """However many turns pass while its writer is at work, the row is sealed after its commit, and the chain holds."""
    engine = open_engine(postgresql_url)
    sealer = Sealer(engine)
    with engine.begin() as connection:
        write(connection, 2)
    sealer.seal()
    with engine.connect() as slow:
        write(slow, 1)
        for _ in range(5):
            with engine.begin() as connection:
                write(connection, 1)
            assert sealer.seal() == 1
        slow.commit()
    assert sealer.seal() == 1
    assert judged(engine) == Verdict(8, 0, 0, None, 0)
    for _ in range(4):
        sealer.seal()
    assert sealer._low == 8
    engine.dispose()


def test_several_processes_never_fork_the_chain(engine: Engine) -> None:
    """Three sealers and three writers at once: one chain, every row on it once."""
    engines = [open_engine(engine.url.render_as_string(hide_password=False)) for _ in range(3)]
    begin, failures = threading.Barrier(6), list[Exception]()

    def turn(own: Engine, work: Callable[[Engine], object]) -> None:
        try:
            begin.wait()
            for _ in range(15):
                work(own)
        except Exception as error:  # noqa: BLE001 (shown by the test)
            failures.append(error)

    def add(own: Engine) -> None:
        with own.begin() as connection:
            write(connection, 5)

    sealers = {id(own): Sealer(own) for own in engines}
    threads = [threading.Thread(target=turn, args=[own, add]) for own in engines]
    threads += [threading.Thread(target=turn, args=[own, lambda one: sealers[id(one)].seal()]) for own in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    Sealer(engine).seal()
    assert judged(engine) == Verdict(225, 0, 0, None, 0)
    for own in engines:
        own.dispose()


def test_a_lost_lease_seals_nothing(engine: Engine) -> None:
    """The fence is asked in the transaction that seals, before it."""

    def refuse(_connection: Connection) -> None:
        raise InterruptedError

    with engine.begin() as connection:
        write(connection, 3)
    with pytest.raises(InterruptedError):
        Sealer(engine).seal(refuse)
    assert judged(engine) == Verdict(0, 3, 0, None, 0)


def test_the_chain_is_the_same_on_both_databases(sqlite_url: str, postgresql_url: str) -> None:
    """A plan that moves to PostgreSQL keeps its heads; a session's time zone changes nothing."""
    heads = []
    for url in (sqlite_url, postgresql_url):
        engine = open_engine(url)
        if engine.dialect.name == "postgresql":
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("SET TIME ZONE 'Asia/Tokyo'"))
        heads.append(sealed(engine, 50))
        assert judged(engine, [heads[-1]]) == Verdict(50, 0, 0, None, 1)
        engine.dispose()
    assert heads[0] == heads[1]


def test_a_seal_covers_every_column_of_the_journal() -> None:
    """A column that the schema gains must get a kind of seal that covers it."""
    assert tuple(column.name for column in journal.c) == chain.SEALED


# --- tampering ------------------------------------------------------------------------------------------------------

COUNT = 12


def edit(connection: Connection, number: int, chance: random.Random) -> None:
    """Change one value of a row."""
    values: dict[str, Any] = {
        "at": AT + timedelta(days=1),
        "kind": "closed",
        "actor": "BYT/head/1",
        "subject": None,
        "facts": {"note": "Đã nhận", "level": 0},
    }
    name = chance.choice(sorted(values))
    connection.execute(update(journal).where(journal.c.id == number).values({name: values[name]}))


def remove(connection: Connection, number: int, _chance: random.Random) -> None:
    """Take a row out of the journal, and leave its seal."""
    connection.execute(delete(journal).where(journal.c.id == number))


def remove_both(connection: Connection, number: int, _chance: random.Random) -> None:
    """Take a row out with its seal."""
    connection.execute(delete(seal).where(seal.c.journal == number))
    connection.execute(delete(journal).where(journal.c.id == number))


def close_up(connection: Connection, number: int, chance: random.Random) -> None:
    """Take a row out with its seal, and number the later seals as if it had never been."""
    remove_both(connection, number, chance)
    for seq in range(number + 1, COUNT + 1):
        connection.execute(update(seal).where(seal.c.seq == seq).values(seq=seq - 1))


def swap(connection: Connection, number: int, chance: random.Random) -> None:
    """Let two rows change their places."""
    other = chance.choice([one for one in range(1, COUNT + 1) if one != number])
    rows = {row.id: row._asdict() for row in connection.execute(select(journal))}
    for place, found in ((number, other), (other, number)):
        values = {name: value for name, value in rows[found].items() if name != "id"}
        connection.execute(update(journal).where(journal.c.id == place).values(values))


def cut(connection: Connection, number: int, _chance: random.Random) -> None:
    """Cut the end off, rows and seals."""
    connection.execute(delete(seal).where(seal.c.journal >= number))
    connection.execute(delete(journal).where(journal.c.id >= number))


def rewrite(connection: Connection, number: int, chance: random.Random) -> None:
    """Change a row and seal everything anew: no chain alone can show it."""
    edit(connection, number, chance)
    connection.execute(delete(seal))
    seal_batch(connection)


WAYS = (edit, remove, remove_both, close_up, swap, cut, rewrite)


def disarm(connection: Connection) -> None:
    """Do what only the owner of the tables can: take the triggers and the foreign key's check away."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET session_replication_role = replica"))
        for table in ("journal", "seal"):
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        return
    for table in ("journal", "seal"):
        for act in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER {table}_refuses_{act}"))


def found_after(engine: Engine, head: Head, way: Callable[..., None], number: int, chance: random.Random) -> Verdict:
    """Tamper inside a transaction, look, and undo it all."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("BEGIN")
        disarm(connection)
        way(connection, number, chance)
        verdict = verify(connection, [head])
        connection.rollback()
    return verdict


def test_every_tampering_is_found_and_the_first_row_is_named(engine: Engine) -> None:
    """Edited, deleted, moved, cut off, or written anew with all its seals: found in each of 300 random tries."""
    head = sealed(engine, COUNT)
    seen: set[str] = set()
    for seed in range(300):
        chance = random.Random(seed)
        way, number = WAYS[seed % len(WAYS)], chance.randint(1, COUNT)
        verdict = found_after(engine, head, way, number, chance)
        assert verdict.first is not None, (seed, way)
        if way in (edit, remove):
            assert verdict.first.row == number, (seed, way)
        seen.add(str(verdict.first.what))
    assert len(seen) > 4
    assert judged(engine, [head]) == Verdict(COUNT, 0, 0, None, 1)


# --- heads ----------------------------------------------------------------------------------------------------------


def test_the_service_writes_a_head_a_day_once(engine: Engine, tmp_path: Path) -> None:
    """Two turns on a day and a restart add one line; the next day adds the next; all of them fit the chain."""
    file = tmp_path / "elsewhere" / "heads.txt"
    for turn, (keeper, hours) in enumerate(
        (keeper, hours) for hours in (0, 24) for keeper in [Keeper(engine, UTC, file)] * 2 + [Keeper(engine, UTC, file)]
    ):
        with engine.begin() as connection:
            write(connection, 1)
        keeper.turn(AT + timedelta(hours=hours, minutes=turn))
    heads = read_heads(file)
    assert [(head.day, head.seq, head.count) for head in heads] == [
        (date(2025, 12, 15), 1, 1),
        (date(2025, 12, 16), 4, 4),
    ]
    assert judged(engine, heads) == Verdict(6, 0, 0, None, 2)


def test_a_file_that_cannot_be_written_stops_no_cycle(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The seals are written, the failure is logged, and a later turn writes the head."""
    (tmp_path / "taken").write_text("", encoding="utf-8")
    keeper = Keeper(engine, UTC, tmp_path / "taken" / "heads.txt")
    with engine.begin() as connection:
        write(connection, 2)
    keeper.turn(AT)
    assert "the next cycle tries again" in caplog.text
    assert judged(engine) == Verdict(2, 0, 0, None, 0)
    (tmp_path / "taken").unlink()
    keeper.turn(AT)
    assert [head.seq for head in read_heads(tmp_path / "taken" / "heads.txt")] == [2]


def test_every_line_that_is_no_head_is_named(tmp_path: Path) -> None:
    """A half-written line, words, a hash that is too short: file and line; what comes after is whole again."""
    file = tmp_path / "heads.txt"
    file.write_text(f"2025-12-15 3 {'0' * 64} 3\nabc\n\n2025-12-15 3 00 3\n2025-12-", encoding="utf-8")
    append_head(file, Head(date(2025, 12, 16), 5, bytes(32), 5))
    with pytest.raises(MistakesError) as error:
        read_heads(file)
    assert [mistake.line for mistake in error.value.mistakes] == [2, 4, 5]
    assert file.read_text(encoding="utf-8").splitlines()[-1].startswith("2025-12-16 5 ")


def test_a_terminal_is_not_told_what_to_do_by_a_file_of_heads(tmp_path: Path) -> None:
    """What a line holds beside text is shown by its codes."""
    file = tmp_path / "heads.txt"
    file.write_bytes(b"\x1b[2J\x1b]0;owned\x07 \xff")
    with pytest.raises(MistakesError) as error:
        read_heads(file)
    assert str(error.value).isprintable()


# --- the commands ---------------------------------------------------------------------------------------------------


def test_the_commands_prove_the_journal_and_name_the_row(sqlite_url: str, tmp_path: Path) -> None:
    """An unbroken chain ends with 0, a row that was edited with 1, its number, date and kind."""
    engine, file = open_engine(sqlite_url), tmp_path / "heads.txt"
    sealed(engine, 5)
    here: dict[str, dict[str, str]] = {"database": {"url": sqlite_url}, "journal": {"heads": str(file)}}
    assert said_here("audit", "export", **here).exit_code == 0
    with engine.begin() as connection:
        write(connection, 2)
    fine = said_here("audit", "verify", "--head", str(file), **here)
    assert (fine.exit_code, "2 dòng chưa niêm phong" in fine.output) == (0, True)
    with engine.begin() as connection:
        disarm(connection)
        edit(connection, 3, random.Random(0))
    broken = said_here("audit", "verify", **here)
    assert broken.exit_code == 1
    assert "Chuỗi đứt ở niêm phong số 3, dòng nhật ký 3 (" in broken.output
    found = json.loads(said_here("audit", "verify", "--json", "--head", str(file), **here).output)
    assert (found["sealed"], found["unsealed"], found["broken"], found["first"]["row"]) == (5, 2, 1, 3)
    file.write_text("dấu\n", encoding="utf-8")
    assert "heads.txt:1" in said_here("audit", "verify", "--head", str(file), **here).output
    nowhere = said_here("audit", "verify", database={"url": "postgresql://u@127.0.0.1:1/db"})
    assert nowhere.exit_code == 3
    engine.dispose()
