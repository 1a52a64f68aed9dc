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
from faults.trial import PLAIN, Kind, Strike, run

# So many trials, of up to five kills each, on each database.
TRIALS = 24
PARTS = 8


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
    """Killed at points of its cycle, its sender, its mail server's dialogue and its seals: every head is told."""
    each = TRIALS // PARTS
    results = [run(stage, seed) for seed in range(part * each, (part + 1) * each)]
    books = sum((one.books for one in results), Books())
    assert books.fine, [(one.seed, one.points, one.books) for one in results if not one.books.fine]
    assert books.units >= HEADS * each
    assert sum(one.kills for one in results) >= 1.5 * each


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
def test_a_planted_bug_is_caught(small: Stage, bug: str) -> None:
    """What other systems lost notifications by is seen within ten trials, while the program itself passes the first."""
    kind = SHOWN_BY[bug]
    assert run(small, 1, kind).books.fine
    assert any(not run(small, seed, replace(kind, planted=bug)).books.fine for seed in range(100, 110))
