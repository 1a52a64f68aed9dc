"""Which rule set ran since when, and who wrote and who approved one.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from warnwatch.schema import SERIAL, Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rules_run",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["rules_version.version"], name=op.f("fk_rules_run_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_run")),
    )
    op.create_table(
        "rules_act",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_act")),
        sa.UniqueConstraint("version", "kind", "holder", name=op.f("uq_rules_act_version_kind_holder")),
    )


def downgrade() -> None:
    op.drop_table("rules_act")
    op.drop_table("rules_run")
