"""How Alembic reaches the database: by the URL that `database.upgrade` was given."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from warnwatch.database import open_engine
from warnwatch.schema import metadata

engine = open_engine(context.config.attributes["url"])
try:
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        with context.begin_transaction():
            if (
                connection.dialect.name == "postgresql"
            ):  # of several that start at once, the others wait and find it done
                connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('warnwatch.schema'))"))
            context.run_migrations()
        connection.commit()
finally:
    engine.dispose()
