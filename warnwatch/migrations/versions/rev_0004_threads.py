"""Which earlier mails a notification answers to, so that mails about an alert stand together in a mailbox.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notification", sa.Column("thread", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("notification", "thread")
