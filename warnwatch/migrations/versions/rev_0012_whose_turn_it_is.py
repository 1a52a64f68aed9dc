"""An index of the texts that wait, in the order in which they leave: each claim read and sorted all of them.

Revision ID: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_notification_state_due_at", "notification")
    columns: list[str | sa.TextClause] = ["state", "channel", sa.text("level DESC"), "due_at", "id"]
    op.create_index("ix_notification_turn", "notification", columns)


def downgrade() -> None:
    op.drop_index("ix_notification_turn", "notification")
    op.create_index("ix_notification_state_due_at", "notification", ["state", "due_at"])
