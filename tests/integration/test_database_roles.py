"""The three roles on a real PostgreSQL: the whole story runs as `app`, and nobody who runs it can change history."""

from __future__ import annotations

from pathlib import Path

import pytest
from services import said_here
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError

PLAN = Path(__file__).resolve().parents[2] / "examples" / "plan02"
USERS = {"app": "warnwatch_app", "read": "warnwatch_read", "migrate": "warnwatch_migrate"}
REFUSED = {
    "app": [
        "UPDATE journal SET actor = 'x'",
        "DELETE FROM journal",
        "UPDATE delivery SET outcome = 'sent'",
        "DELETE FROM delivery",
        "DELETE FROM seal",
        "UPDATE answer SET at = at",
        "TRUNCATE journal",
        "DROP TABLE task",
        "ALTER TABLE journal ADD COLUMN x int",
        "CREATE TABLE x (y int)",
    ],
    "read": [
        "INSERT INTO lease (name, epoch) VALUES ('x', 1)",
        "UPDATE task SET code = 'x'",
        "SELECT text FROM notification",
        "SELECT * FROM notification",
        "SELECT address FROM contact_flag",
        "SELECT * FROM holder_version",
        "CREATE TABLE x (y int)",
    ],
}


@pytest.fixture
def urls(postgresql_url: str) -> dict[str, str]:
    """A database with the three roles, and the URL of a user of each."""
    statements = said_here("db", "roles").stdout
    engine = create_engine(postgresql_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(2):  # twice changes nothing
            connection.exec_driver_sql(statements)
        for user, role in USERS.items():
            if not connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :user"), {"user": f"test_{user}"}):
                connection.exec_driver_sql(f"CREATE ROLE test_{user} LOGIN IN ROLE {role}")
    engine.dispose()
    url = make_url(postgresql_url)
    return {user: url.set(username=f"test_{user}").render_as_string(hide_password=False) for user in USERS}


def test_the_story_runs_as_app_and_history_stays(urls: dict[str, str]) -> None:
    """Import and a cycle run as `app`; what would change history or tables is refused, and `read` sees no text."""
    database = {"url": urls["app"]}
    imported = said_here("import", str(PLAN), database=database)
    assert imported.exit_code == 0, imported.output
    judged = said_here("evaluate", database=database)
    assert judged.exit_code == 0, judged.output
    for user, statements in REFUSED.items():
        engine = create_engine(urls[user])
        for statement in statements:
            with (
                engine.connect() as connection,
                pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
            ):
                connection.exec_driver_sql(statement)
        engine.dispose()
    reader = create_engine(urls["read"])
    with reader.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM alert").scalar_one() > 0
        assert connection.exec_driver_sql("SELECT count(id) FROM notification").scalar_one() > 0
    reader.dispose()


def test_migrations_run_as_migrate(urls: dict[str, str]) -> None:
    """`db upgrade` needs no more than the role that owns the tables, which may change them."""
    assert said_here("db", "upgrade", database={"url": urls["migrate"]}).exit_code == 0
    engine = create_engine(urls["migrate"])
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE journal ADD COLUMN x int")
    engine.dispose()
