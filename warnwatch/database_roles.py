"""The three roles on PostgreSQL, as statements: who changes tables, who runs the program, who only reads."""

from __future__ import annotations

from collections.abc import Iterator

from warnwatch.schema import metadata

MIGRATE, APP, READ = "warnwatch_migrate", "warnwatch_app", "warnwatch_read"
# History: the program adds to it, and nobody who runs the program changes it.
APPEND_ONLY = ("answer", "delivery", "journal", "seal")
# What is said to a person by name stays with those who run the program: texts and addresses.
UNREAD = ("notification", "contact_flag", "holder_version")
# What each text is about may be read, without the text.
NOTIFICATION_COLUMNS = "id, office, unit, channel, kind, level, state, created_at, due_at, finished_at"


def statements() -> Iterator[str]:
    """Give the statements in order, for the owner of the schema's tables or a superuser to run; twice changes nothing.

    The roles cannot log in: grant them to the users that do. Run them again after each `db upgrade`.
    """
    for role in (MIGRATE, APP, READ):
        yield (
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') "
            f"THEN CREATE ROLE {role} NOLOGIN; END IF; END $$"
        )
    everyone = f"{APP}, {READ}"
    yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    yield f"GRANT USAGE, CREATE ON SCHEMA public TO {MIGRATE}"
    yield f"GRANT USAGE ON SCHEMA public TO {everyone}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {everyone}"
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP}"
    tables = sorted(metadata.tables)
    changing = [name for name in tables if name not in APPEND_ONLY]
    yield f"GRANT SELECT ON alembic_version TO {everyone}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {_listed(changing)} TO {APP}"
    yield f"GRANT SELECT, INSERT ON {_listed(APPEND_ONLY)} TO {APP}"
    yield f"GRANT SELECT ON {_listed([name for name in tables if name not in UNREAD])} TO {READ}"
    yield f"GRANT SELECT ({NOTIFICATION_COLUMNS}) ON notification TO {READ}"
    for name in tables:
        yield f'ALTER TABLE "{name}" OWNER TO {MIGRATE}'
    yield f"ALTER TABLE alembic_version OWNER TO {MIGRATE}"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
