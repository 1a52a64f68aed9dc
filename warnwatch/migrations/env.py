"""How Alembic reaches the database: by the URL that `database.upgrade` was given."""

from __future__ import annotations

from alembic import context

from warnwatch.database import open_engine
from warnwatch.schema import metadata

engine = open_engine(context.config.attributes["url"])
try:
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
finally:
    engine.dispose()
