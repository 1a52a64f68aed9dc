"""Broken promises are counted by task without reading the journal.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    broken = sa.text("kind = 'promise.broken'")
    op.create_index("ix_journal_promise_broken", "journal", ["subject"], sqlite_where=broken, postgresql_where=broken)


def downgrade() -> None:
    op.drop_index("ix_journal_promise_broken", table_name="journal")
