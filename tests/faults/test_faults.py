"""Nothing is lost, and nothing told twice without a reason, however often the service is killed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sinks.smtp import HEALTHY, Script
from sqlalchemy import URL

from faults.launcher import resolve
from faults.planted import BUGS
from faults.points import ALL, ALWAYS, DECIDING, POINTS, TELLING, Point
from faults.reconciling import Books
from faults.stage import HEADS, Stage
from faults.trial import MIXED, PLAIN, Kind, Strike, run

# So many trials, of up to five kills each, on each database.
TRIALS = 24
PARTS = 8
THREE = replace(MIXED, replicas=3)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A prepared plan on each database."""
    server: URL | None = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    text = server.render_as_string(hide_password=False) if server else None
    prepared = Stage(tmp_path_factory.mktemp("faults"), text)
    yield prepared
    prepared.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A prepared plan on SQLite, for bugs."""
    prepared = Stage(tmp_path_factory.mktemp("planted"))
    yield prepared
    prepared.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, postgres_server: URL) -> Iterator[Stage]:
    """A prepared plan on PostgreSQL, for bugs that a stopped process shows: it holds no file for itself there."""
    prepared = Stage(tmp_path_factory.mktemp("shared"), postgres_server.render_as_string(hide_password=False), "shared")
    yield prepared
    prepared.close()


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_every_point_stands_at_a_function_of_the_program(point: Point) -> None:
    """A function that is renamed takes its point with it, or this fails."""
    assert callable(resolve(point.function)[2])


def test_every_point_is_chosen_at_some_time() -> None:
    """The parts that a trial chooses from name points that exist."""
    assert {*ALWAYS, *DECIDING, *TELLING} <= set(ALL)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_however_often_the_service_is_killed(stage: Stage, part: int) -> None:
    """Killed, stopped, failing in its cycle, its sender, its mail server's dialogue, its seals: all heads are told."""
    each = TRIALS // PARTS
    seeds = range(part * each, (part + 1) * each)
    results = [run(stage, seed, THREE if stage.server and seed % 3 == 0 else MIXED) for seed in seeds]
    books = sum((one.books for one in results), Books())
    assert books.fine, [(one.seed, one.points, one.books) for one in results if not one.books.fine]
    assert books.units >= HEADS * each
    assert sum(one.kills for one in results) >= 1.5 * each


@pytest.mark.timeout(300)
def test_one_process_gets_over_an_exception_at_every_point(stage: Stage) -> None:
    """Each point fails once, and the line is cut once at each of the dialogue's: nobody has to start it again."""
    once = tuple(Strike(point, 1, "raise") for point in ALL)
    result = run(stage, 0, Kind(strikes=0, always=once))
    assert result.books.fine, result.books
    assert {one.point for one in result.reached} == set(ALL)


# What shows a bug: kills, stops, or a server with a fault of its own; the program itself must stand it.
UNWRITTEN = (Strike("P2 before a text is written", 0, "raise"),)
SHOWN_BY = {
    "mark then send": PLAIN,
    "two transactions": PLAIN,
    "trust any end": Kind(strikes=0, script=Script(refuse={"dot": "451 4.3.0 try again"}, times=3)),
    "no time limit": Kind(strikes=0, script=Script(silent="mail", times=4)),
    # A process is stopped with refusals in hand; meanwhile another one sends.
    "no epoch": Kind(
        strikes=1,
        acts=("stop",),
        points=("P14 before recording",),
        script=Script(refuse={"rcpt": "451 4.3.0 try again"}),
        later=HEALTHY,
        stopped=10.0,
    ),
    "swallow a template error": Kind(strikes=0, always=UNWRITTEN),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(request: pytest.FixtureRequest, bug: str) -> None:
    """What other systems lost notifications by is seen within ten trials, while the program itself passes the first."""
    kind = SHOWN_BY[bug]
    small: Stage = request.getfixturevalue("shared" if "stop" in kind.acts else "small")
    assert run(small, 1, kind).books.fine
    assert any(not run(small, seed, replace(kind, planted=bug)).books.fine for seed in range(100, 110))
