"""Several `warnwatch serve` on one PostgreSQL: one evaluates, another takes over, and a stale one writes nothing."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from databases import administer
from services import PATIENCE, Running, get, said_here, started
from sqlalchemy import URL, create_engine, text

LEASE = 1.0
PLAN = Path(__file__).resolve().parents[2] / "examples" / "plan02"


@contextmanager
def replicas(url: str, folder: Path, count: int, *roles: str) -> Iterator[list[Running]]:
    """Start several processes on one database, each with short leases and a port of its own."""
    with ExitStack() as stack:
        running = []
        for number in range(count):
            place = folder / str(number)
            place.mkdir()
            running.append(
                stack.enter_context(
                    started(
                        "serve", *roles, folder=place, database={"url": url}, web={"port": 0},
                        cycle={"every": 0.2, "lease": LEASE},
                    )
                )
            )  # fmt: skip
        yield running


def state(one: Running) -> str:
    """Ask a process what it is: evaluating or standby, and nothing while it is unready."""
    status, body = get(one.link(), "/readyz")
    return str(json.loads(body)["evaluator"]) if status == 200 else ""


def evaluators(running: list[Running]) -> list[Running]:
    """Give those that evaluate."""
    return [one for one in running if state(one) == "evaluating"]


def settled(running: list[Running]) -> Running:
    """Wait until all are ready and one evaluates; give that one. With so short a lease a busy machine may lose it."""
    until = time.monotonic() + PATIENCE
    while True:
        states = [state(one) for one in running]
        if all(states) and states.count("evaluating") == 1:
            return running[states.index("evaluating")]
        assert time.monotonic() < until, states
        time.sleep(0.05)


def until_one(running: list[Running], limit: float) -> float:
    """Wait until one of them evaluates; give the seconds that it took."""
    began = time.monotonic()
    while not evaluators(running):
        assert time.monotonic() - began < limit
        time.sleep(0.02)
    return time.monotonic() - began


def test_one_evaluates_and_another_takes_over_when_it_is_killed_or_stops(postgresql_url: str, tmp_path: Path) -> None:
    """Of three, one exports the plan's gauges; after kill -9 another evaluates within the lease, after a stop at once.

    Nothing that is told is told twice, however many share the work.
    """
    assert said_here("import", str(PLAN), database={"url": postgresql_url}).exit_code == 0
    with replicas(postgresql_url, tmp_path, 3) as running:
        holder = settled(running)
        gauges = [re.findall(r"^warnwatch_tasks\{.*", get(one.link(), "/metrics")[1], re.MULTILINE) for one in running]
        assert [bool(one) for one in gauges] == [one is holder for one in running]
        assert len(rows(postgresql_url, "SELECT owner FROM process")) == 3
        holder.stop(signal.SIGKILL)
        rest = [one for one in running if one is not holder]
        killed = until_one(rest, 20 * LEASE)
        second = settled(rest)
        code, _ = second.stop()
        assert code == 0
        (third,) = [one for one in rest if one is not second]
        stopped = until_one([third], 20 * LEASE)
        # For `pytest -s`, and in the report of a failure.
        sys.stdout.write(f"taken over {killed:.2f} s after kill -9, {stopped:.2f} s after a stop; lease {LEASE} s\n")
        epochs = rows(postgresql_url, "SELECT epoch FROM lease")
        opened = rows(postgresql_url, "SELECT rule, subject, episode FROM alert")
        called = rows(postgresql_url, "SELECT alert, level, step, repeat FROM call")
    assert epochs >= [(3,)]
    assert opened
    assert len(set(opened)) == len(opened)
    assert len(set(called)) == len(called)


def test_a_holder_that_was_stopped_for_a_while_cannot_commit(postgresql_url: str, tmp_path: Path) -> None:
    """SIGSTOP the holder until another has taken over, then let it go on: it stands by, its epoch is over."""
    assert said_here("import", str(PLAN), database={"url": postgresql_url}).exit_code == 0
    with replicas(postgresql_url, tmp_path, 2) as running:
        holder = settled(running)
        (other,) = [one for one in running if one is not holder]
        holder.process.send_signal(signal.SIGSTOP)
        until_one([other], 30 * LEASE)
        holder.process.send_signal(signal.SIGCONT)
        holder.wait_for(lambda: state(holder) == "standby")
        assert settled(running) is other
        assert rows(postgresql_url, "SELECT epoch FROM lease") >= [(2,)]


def test_terminated_backends_are_got_over_without_a_person(postgresql_url: str, tmp_path: Path) -> None:
    """Every connection is cut, again and again, in whatever it does: the work goes on, and nothing is doubled."""
    with replicas(postgresql_url, tmp_path, 2) as running:
        settled(running)
        assert said_here("import", str(PLAN), database={"url": postgresql_url}).exit_code == 0
        for _ in range(10):
            rows(
                postgresql_url,
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            time.sleep(0.1)
        settled(running)
        running[0].wait_for(lambda: rows(postgresql_url, "SELECT 1 FROM call LIMIT 1"))
        settled(running)
        called = rows(postgresql_url, "SELECT alert, level, step, repeat FROM call")
        assert len(set(called)) == len(called)


def test_an_upgrade_of_the_schema_stops_the_older_program_and_says_so(postgresql_url: str, tmp_path: Path) -> None:
    """A process that meets a schema it does not know works no more, says why, and goes on when it is back."""
    with replicas(postgresql_url, tmp_path, 1) as (one,):
        settled([one])
        (known,) = rows(postgresql_url, "SELECT version_num FROM alembic_version")[0]
        change(postgresql_url, "UPDATE alembic_version SET version_num = 'newer'")
        one.wait_for(lambda: "newer than this program" in get(one.link(), "/readyz")[1])
        assert rows(postgresql_url, "SELECT owner FROM lease") == [(None,)]
        change(postgresql_url, "UPDATE alembic_version SET version_num = :known", known=known)
        one.wait_for(lambda: state(one) == "evaluating")


def test_several_that_upgrade_an_empty_database_at_once_do_it_once(postgres_server: URL, tmp_path: Path) -> None:
    """Three `db upgrade` at the same moment all succeed."""
    administer(postgres_server, "CREATE DATABASE upgraded_at_once")
    url = postgres_server.set(database="upgraded_at_once").render_as_string(hide_password=False)
    try:
        with ExitStack() as stack:
            started_ = []
            for number in range(3):
                place = tmp_path / str(number)
                place.mkdir()
                started_.append(stack.enter_context(started("db", "upgrade", folder=place, database={"url": url})))
            ended = [(one.process.wait(60), one.log.read_text(encoding="utf-8")) for one in started_]
        assert [code for code, _ in ended] == [0, 0, 0], ended
    finally:
        administer(postgres_server, "DROP DATABASE upgraded_at_once WITH (FORCE)")


@pytest.mark.parametrize("roles", ["sender", "nonsense"])
def test_roles(roles: str, postgresql_url: str, tmp_path: Path) -> None:
    """A process that only sends takes no lease and is ready; an unknown role is refused with those there are."""
    if roles == "nonsense":
        said = said_here("serve", "--roles", roles)
        assert (said.exit_code, "evaluator, sender, web" in said.output) == (2, True)
        return
    with replicas(postgresql_url, tmp_path, 1, "--roles", roles) as (one,):
        one.wait_for(lambda: state(one) == "none")
        assert rows(postgresql_url, "SELECT owner FROM lease") == []


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    """Read from the database."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(statement))]
    engine.dispose()
    return found


def change(url: str, statement: str, **values: object) -> None:
    """Write to the database."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()
