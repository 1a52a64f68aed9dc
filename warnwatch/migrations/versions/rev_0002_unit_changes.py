"""What becomes of units: they merge, split, and change name, superior or kind on a date."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from warnwatch.schema import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:

    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "unit_change",
        sa.Column("id", serial, autoincrement=True, nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("successor", sa.Text(), nullable=True),
        sa.Column("main", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("short_name", sa.Text(), nullable=True),
        sa.Column("unit_kind", sa.Text(), nullable=True),
        sa.Column("bloc", sa.Text(), nullable=True),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("head_title", sa.Text(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("replaces", serial, nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_unit_change_unit")),
        sa.ForeignKeyConstraint(["successor"], ["unit.code"], name=op.f("fk_unit_change_successor")),
        sa.ForeignKeyConstraint(["parent"], ["unit.code"], name=op.f("fk_unit_change_parent")),
        sa.ForeignKeyConstraint(["replaces"], ["unit_change.id"], name=op.f("fk_unit_change_replaces")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_change")),
    )
    with op.batch_alter_table("unit_change", schema=None) as batch_op:
        batch_op.create_index("ux_unit_change_replaces", ["replaces"], unique=True)


def downgrade() -> None:

    with op.batch_alter_table("unit_change", schema=None) as batch_op:
        batch_op.drop_index("ux_unit_change_replaces")

    op.drop_table("unit_change")
