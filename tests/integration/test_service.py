"""One process: cycles in time whatever happens beside them, nothing sent that may not leave, nothing lost at a stop."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from builders import local
from databases import administer
from letters import HandClock, letter, put, states
from services import ask, get, holds, run, serving, settings_for, started
from sinks.smtp import Script, Sink
from sqlalchemy import URL, make_url, text
from worlds import BEGUN, World, build_world

from warnwatch import database
from warnwatch.alerts import ledger
from warnwatch.alerts.alert import Alert
from warnwatch.cycle import CycleReport, Memory
from warnwatch.errors import CannotRunError, SettingsError
from warnwatch.notify.release import Mode, Release
from warnwatch.rules.rule import Level
from warnwatch.service import Service
from warnwatch.settings import Settings
from warnwatch.turns import CONFLICT_TRIES, run_uncontested
from warnwatch.web.server import listen

Sections = dict[str, dict[str, object]]

CANARY = "s3cr3t-canary"
# Monday 18/8/2025, 09:00: T-1 and T-2, due on Friday 15/8, are late.
MONDAY = local(18, 8, 9)


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> World:
    """A plan in which the People's Committee of a province and a ministry are late with one task each."""
    world = build_world(sqlite_url, tmp_path / "plan")
    world.put(BEGUN, "T-1")
    world.put(BEGUN, "T-2", lead_unit="BYT")
    return world


def service_for(world: World, clock: HandClock | None = None, **sections: object) -> Service:
    """Give a service over a world's database, at a clock that stands on Monday."""
    url = world.engine.url.render_as_string(hide_password=False)
    return Service(settings_for(url, **sections), clock or HandClock(MONDAY))  # type: ignore[arg-type]


class Counting(Service):
    """A service that counts its cycles, and how many run at once; each takes `takes` seconds longer."""

    takes = 0.0

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.begun = 0
        self.at_once = 0
        self.most_at_once = 0

    def cycle(self) -> CycleReport:
        """Run one cycle, slowly."""
        self.begun += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.takes)
        try:
            return super().cycle()
        finally:
            self.at_once -= 1


# --- cycles and health ----------------------------------------------------------------------------------------------


async def test_an_empty_folder_is_enough(tmp_path: Path) -> None:
    """Without a plan and without a database the service makes one, judges nothing, and is well."""
    service = Service(settings_for(f"sqlite:///{tmp_path}/new.db"))
    async with serving(service):
        await holds(lambda: get(service.link, "/readyz")[0] == 200)
    assert (tmp_path / "new.db").exists()


async def test_health_and_pages_answer_while_a_cycle_is_slow(sqlite_url: str) -> None:
    """The cycle has a thread of its own: the event loop turns, and readiness says what it waits for."""
    service = Counting(settings_for(sqlite_url))
    service.takes = 1.5
    async with serving(service):
        await holds(lambda: service.at_once)
        began = time.monotonic()
        assert await ask(service.link, "/healthz") == (200, '{"status":"ok"}')
        assert (await ask(service.link, "/"))[0] == 200
        status, body = await ask(service.link, "/readyz")
        assert service.at_once == 1, "the cycle was over before we had asked"
        assert (status, json.loads(body)["reasons"]) == (503, ["no cycle has finished yet"])
        assert time.monotonic() - began < 1.5


async def test_slow_cycles_never_run_side_by_side(sqlite_url: str) -> None:
    """A cycle that takes longer than the interval is not joined by a second one; the next comes after it."""
    service = Counting(settings_for(sqlite_url, cycle={"every": 0.1}))
    service.takes = 0.3
    async with serving(service):
        await holds(lambda: service.begun >= 3)
    assert service.most_at_once == 1


async def test_a_late_run_still_runs_and_several_missed_ones_run_once(sqlite_url: str) -> None:
    """After the machine stood still past two runs, one cycle comes at once, however late it is."""
    service = Counting(settings_for(sqlite_url, cycle={"every": 2.0}))
    async with serving(service):
        await holds(lambda: service.latest)
        time.sleep(5.2)  # noqa: ASYNC251 (the whole process stands still, past the runs at 2 s and 4 s)
        await asyncio.sleep(0)
        await holds(lambda: service.begun > 1, 1.0)
        assert service.begun == 2


async def test_readiness_fails_when_cycles_stay_away(sqlite_url: str) -> None:
    """Three intervals without a finished cycle are said on /readyz, while the process itself is alive."""
    service = Counting(settings_for(sqlite_url))
    async with serving(service):
        await holds(lambda: service.latest)
        service.takes = 1.5
        await holds(lambda: "no cycle has finished for" in get(service.link, "/readyz")[1])
        assert (await ask(service.link, "/healthz"))[0] == 200


# --- the database ---------------------------------------------------------------------------------------------------


CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"


async def test_a_database_that_goes_away_comes_back(
    postgresql_url: str, postgres_server: URL, caplog: pytest.LogCaptureFixture
) -> None:
    """Cycles fail and are logged, readiness says so, health and metrics answer; then all is well again by itself."""
    name = make_url(postgresql_url).database
    service = Service(settings_for(postgresql_url, delivery={"mode": "live"}))
    with caplog.at_level(logging.ERROR):
        async with serving(service):
            await holds(lambda: get(service.link, "/readyz")[0] == 200)
            administer(postgres_server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            administer(postgres_server, CUT, name=name)
            await holds(lambda: "the last cycle failed" in get(service.link, "/readyz")[1])
            found = [(await ask(service.link, path))[0] for path in ("/readyz", "/healthz", "/metrics", "/")]
            assert found == [503, 200, 200, 503]
            await holds(lambda: service.sender and service.sender.trouble)
            await asyncio.sleep(1.2)  # the sender has looked once more
            administer(postgres_server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await holds(lambda: get(service.link, "/readyz")[0] == 200)
    assert "the cycle failed; alerts stay as they are" in caplog.text
    assert caplog.text.count("sending failed and goes on") == 1


async def test_a_database_that_takes_no_writes_is_said_on_readyz(postgresql_url: str, postgres_server: URL) -> None:
    """After a failover to a standby nothing is sent, readiness says so, and sending resumes by itself."""
    name = make_url(postgresql_url).database
    with Sink() as sink:
        service = Service(settings_for(postgresql_url, smtp=sink.port, delivery={"mode": "live"}))
        async with serving(service):
            await holds(lambda: get(service.link, "/readyz")[0] == 200)
            administer(postgres_server, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            administer(postgres_server, CUT, name=name)
            await holds(lambda: "in a read-only transaction" in get(service.link, "/readyz")[1])
            administer(postgres_server, f"ALTER DATABASE {name} RESET default_transaction_read_only")
            administer(postgres_server, CUT, name=name)
            engine = database.open_engine(postgresql_url)
            put(engine, [letter()])
            engine.dispose()
            await holds(lambda: sink.messages and get(service.link, "/readyz")[0] == 200)
            assert len(sink.messages) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql+psycopg://ww@127.0.0.1:1/plan", "cannot use the database 127.0.0.1:1/plan"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
    ],
)
def test_a_database_out_of_reach_at_the_start_is_exit_3(tmp_path: Path, url: str, said: str) -> None:
    """The command says which database and why, in one line."""
    done = run("serve", folder=tmp_path, database={"url": url})
    assert (done.returncode, done.stdout) == (3, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_postgresql_without_the_schema_is_told_how_to_get_it(postgres_server: URL) -> None:
    """A server's database is never changed by a start: its owner runs the upgrade."""
    url = postgres_server.render_as_string(hide_password=False)
    with pytest.raises(CannotRunError, match=r"has schema none, .* run `warnwatch db upgrade`"):
        Service(settings_for(url))


def test_a_newer_schema_is_refused(database_url: str) -> None:
    """An older program does not touch what a newer one has written, and says what to install."""
    engine = database.open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'ffff_newer'"))
    engine.dispose()
    with pytest.raises(CannotRunError, match=r"install the newer WarnWatch"):
        Service(settings_for(database_url))


# --- starting -------------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_exit_3(tmp_path: Path) -> None:
    """The message names the setting and the address."""
    with listen("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        done = run("serve", folder=tmp_path, web={"port": port})
    assert done.returncode == 3
    assert done.stderr.startswith(f"web.port: cannot listen on 127.0.0.1:{port} (Address already in use)")
    assert "Traceback" not in done.stderr


def test_rules_with_mistakes_stop_the_start_with_all_of_them(tmp_path: Path) -> None:
    """Exit code 1, every mistake of every file, the calendar's too; no database is made."""
    rules = tmp_path / "alert_rules"
    run("init", str(tmp_path / "start"), folder=tmp_path)
    (tmp_path / "start" / "alert_rules").rename(rules)
    for file in ("deadlines.yml", "calendar.yml"):
        (rules / file).write_text((rules / file).read_text(encoding="utf-8") + "\nno_such_key: 1\n", encoding="utf-8")
    done = run("serve", folder=tmp_path, rules={"folder": rules})
    assert done.returncode == 1
    assert {line.partition(":")[0] for line in done.stderr.splitlines()[:-1]} == {
        "alert_rules/calendar.yml",
        "alert_rules/deadlines.yml",
    }


@pytest.mark.parametrize(
    ("mail", "said"),
    [
        ({"password_file": "/nowhere/pw"}, r"mail\.password_file: cannot read"),
        ({"ca_file": "/nowhere/ca.pem", "security": "tls"}, r"mail\.ca_file"),
        ({"sender": "nobody"}, r"mail\.sender: 'nobody' is not one e-mail address"),
    ],
)
def test_mail_settings_that_cannot_work_stop_the_start(sqlite_url: str, mail: dict[str, str], said: str) -> None:
    """They are found before the first cycle, not at the first mail."""
    with pytest.raises(SettingsError, match=said):
        Service(settings_for(sqlite_url, delivery={"mode": "live"}, mail=mail))


def test_serve_without_settings_says_that_nothing_leaves(tmp_path: Path) -> None:
    """`make run`: an embedded database in the current folder, everything held, said in the first line of the log."""
    with started(folder=tmp_path, web={"port": 0}) as running:
        running.link()
        first = running.lines()[0]
        assert running.stop()[0] == 0
    assert first["message"] == "serving; every text is held and nothing leaves (delivery.mode = hold)"
    assert first["database"] == f"sqlite {tmp_path / 'warnwatch.db'}"


# --- stopping -------------------------------------------------------------------------------------------------------

LETTERS = 60


def test_a_stop_while_mail_is_in_the_air_loses_nothing(database_url: str, tmp_path: Path) -> None:
    """SIGTERM: exit 0 within 10 s, what the server took is recorded, the rest has no owner; the next start sends it."""
    engine = database.open_engine(database_url)
    put(engine, [letter(number) for number in range(1, LETTERS + 1)])
    with Sink(Script(drip="dot", drip_every=0.02)) as sink:
        sections: Sections = {
            "database": {"url": database_url},
            "delivery": {"mode": "live"},
            "mail": {"host": "127.0.0.1", "port": sink.port, "security": "none"},
            "web": {"port": 0},
        }
        with started(folder=tmp_path, **sections) as running:
            host, port = running.link().removeprefix("http://").split(":")
            with socket.create_connection((host, int(port))) as half:
                half.sendall(b"GET / HTTP/1.1\r\n")  # a client that never ends its question holds nothing up
                running.wait_for(lambda: len(sink.messages) > 5)
                code, seconds = running.stop()
        taken = len(sink.messages)
        assert (code, seconds < 10) == (0, True)
        assert 5 < taken < LETTERS
        assert states(engine) == ["sent"] * taken + ["ready"] * (LETTERS - taken)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM notification WHERE owner IS NOT NULL")) == 0
        sink.script = Script()
        with started(folder=tmp_path, **sections) as running:
            running.wait_for(lambda: states(engine) == ["sent"] * LETTERS)
            assert running.stop()[0] == 0
        assert len({one.message_id for one in sink.messages}) == len(sink.messages) == LETTERS
    engine.dispose()


def test_a_stop_does_not_wait_for_a_cycle_that_the_database_holds_up(postgresql_url: str, tmp_path: Path) -> None:
    """A locked table keeps a cycle waiting; the process still ends within 10 s, with nothing half written."""
    engine = database.open_engine(postgresql_url)
    sections: Sections = {"database": {"url": postgresql_url}, "web": {"port": 0}, "cycle": {"every": 0.2}}
    with engine.connect() as connection, started(folder=tmp_path, **sections) as running:
        link = running.link()
        running.wait_for(lambda: get(link, "/readyz")[0] == 200)
        connection.execute(text("LOCK TABLE unit_version, task_version, alert IN ACCESS EXCLUSIVE MODE"))
        running.wait_for(lambda: "no cycle has finished for" in get(link, "/readyz")[1])
        code, seconds = running.stop()
    engine.dispose()
    assert (code, seconds < 10) == (0, True)
    assert running.lines()[-1]["message"] == "stopped"


# --- a person's act during a cycle ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Interrupted(Release):
    """A release under which a head promises while a cycle is between reading and writing, `times` times."""

    world: World | None = None
    times: int = 1
    acts: list[str] | None = None

    def state_for(self, unit: str) -> str:
        """Let the head promise, then answer."""
        assert self.world is not None
        assert self.acts is not None
        if len(self.acts) < self.times:
            self.acts.append(unit)
            self.world.promise(MONDAY, self.world.alert(), local(20, 8))
        return super(Interrupted, self).state_for(unit)


def warned(world: World) -> Alert:
    """Let T-1 be warned about before it is late."""
    world.cycle(local(13, 8, 9))
    return world.alert()


def test_a_promise_during_a_cycle_is_kept_and_the_cycle_runs_again(world: World) -> None:
    """Neither overwrites the other: the promise stands, the alert is critical, the head is told once."""
    before = warned(world)
    standards = world.standards
    world.by(release=Interrupted(Mode.LIVE, world=world, acts=[]))
    contested, world.standards = world.standards, standards
    run_uncontested(world.engine, Memory(), contested, HandClock(MONDAY))
    after = world.alert()
    assert (before.level, after.level) == (Level.WARNING, Level.CRITICAL)
    assert after.acknowledged_by == "DP-19-UB/head/1"
    assert [mail["kind"] for mail in world.mails() if mail["created_at"] == MONDAY].count("overdue") <= 2


def test_a_cycle_that_is_contested_again_and_again_waits_for_its_next_turn(world: World) -> None:
    """It gives up after a few tries, with nothing written."""
    warned(world)
    standards = world.standards
    world.by(release=Interrupted(Mode.LIVE, world=world, times=99, acts=[]))
    contested, world.standards = world.standards, standards
    with pytest.raises(ledger.ConflictError):
        run_uncontested(world.engine, Memory(), contested, HandClock(MONDAY))
    assert isinstance(contested.release, Interrupted)
    assert (contested.release.acts or []).count("BYT") == CONFLICT_TRIES
    assert world.alert().level is Level.WARNING


# --- what may leave -------------------------------------------------------------------------------------------------


async def sent_by(world: World, sink: Sink, clock: HandClock, **delivery: object) -> list[str]:
    """Run a service until it has judged and sent; give what the server took: to whom, and which subject line."""
    before = len(sink.messages)
    service = service_for(world, clock, smtp=sink.port, delivery=delivery)
    async with serving(service):
        await holds(lambda: service.latest and "ready" not in states(world.engine))
        await holds(lambda: "claimed" not in states(world.engine))
    return sorted(one.recipient for one in sink.messages[before:])


HEADS = ["byt.head@example.vn", "dp-19-ub.head@example.vn"]


async def test_hold_sends_nothing_and_starts_no_sender(world: World) -> None:
    """Everything is composed and kept; no line to the mail server is ever opened."""
    with Sink() as sink:
        service = service_for(world, smtp=sink.port)
        async with serving(service):
            await holds(lambda: service.latest)
            assert service.sender is None
        assert sink.connections == 0
    assert set(states(world.engine)) == {"held"}


async def test_redirect_sends_all_to_one_address_marked(world: World) -> None:
    """The subject says for whom it would have been."""
    with Sink() as sink:
        assert await sent_by(world, sink, HandClock(MONDAY), mode="redirect") == ["thu@example.vn"] * 2
        subjects = [message_from_bytes(one.raw, policy=policy.default)["Subject"] for one in sink.messages]
    marks = [subject.partition("]")[0] for subject in sorted(subjects)]
    assert marks == ["[Thử nghiệm → head, BYT", "[Thử nghiệm → head, DP-19-UB"]


async def test_live_sends_to_the_heads(world: World) -> None:
    """Each head of a late unit has one mail: the initial digest."""
    with Sink() as sink:
        assert await sent_by(world, sink, HandClock(MONDAY), mode="live") == HEADS
    assert [mail["kind"] for mail in world.mails()] == ["initial", "initial"]


async def test_from_hold_to_live_each_head_gets_one_initial_digest(world: World) -> None:
    """What was held stays held; going live tells each head once how things stand."""
    clock = HandClock(MONDAY)
    with Sink() as sink:
        await sent_by(world, sink, clock, mode="hold")
        clock.move(hours=1)
        assert await sent_by(world, sink, clock, mode="live") == HEADS
        clock.move(hours=1)
        assert await sent_by(world, sink, clock, mode="live") == []
    kept = [(mail["kind"], mail["state"]) for mail in world.mails()]
    assert kept == [("initial", "held")] * 2 + [("initial", "sent")] * 2


async def test_a_pilot_tells_only_its_units(world: World) -> None:
    """The others' texts are composed and held."""
    with Sink() as sink:
        assert await sent_by(world, sink, HandClock(MONDAY), mode="live", pilot=["BYT"]) == HEADS[:1]
    assert sorted((mail["unit"], mail["state"]) for mail in world.mails()) == [("BYT", "sent"), ("DP-19-UB", "held")]


# --- the log --------------------------------------------------------------------------------------------------------


def test_the_log_is_json_and_holds_no_secret(sqlite_url: str, tmp_path: Path) -> None:
    """A mail server that refuses the login is in the log and on /readyz; the password is nowhere."""
    engine = database.open_engine(sqlite_url)
    put(engine, [letter()])
    engine.dispose()
    with Sink(Script(refuse={"auth": "535 5.7.8 bad credentials"}), users={"ww": "other"}) as sink:
        sections: Sections = {
            "database": {"url": sqlite_url},
            "delivery": {"mode": "live"},
            "mail": {"host": "127.0.0.1", "port": sink.port, "security": "none", "username": "ww", "password": CANARY},
            "web": {"port": 0},
        }
        with started(folder=tmp_path, **sections) as running:
            link = running.link()
            running.wait_for(lambda: "mail cannot leave: auth: 535" in get(link, "/readyz")[1])
            pages = "".join(get(link, path)[1] for path in ("/", "/mails/1", "/metrics", "/readyz"))
            assert running.stop()[0] == 0
    assert CANARY not in pages + running.log.read_text(encoding="utf-8")
    assert [line for line in running.lines() if line["level"] == "error" and "auth" in line["message"]]
    assert all({"at", "level", "logger", "message"} <= set(line) for line in running.lines())


async def test_a_refused_address_has_its_stand_in_told_at_once(world: World) -> None:
    """No cycle is due for an hour, and yet those who stand in for the two heads have the text within seconds."""
    refuse_two = Script(refuse={"rcpt": "550 5.1.1 no such user"}, times=2)
    with Sink(refuse_two) as sink:
        service = service_for(world, smtp=sink.port, delivery={"mode": "live"}, cycle={"every": 3600})
        async with serving(service):
            await holds(lambda: len(sink.messages) == 2)
        told = sorted(one.recipient for one in sink.messages)
    assert told == ["cqtt.head@example.vn", "dp-19-ub.deputy@example.vn"]
