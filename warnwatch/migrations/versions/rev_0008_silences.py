"""Silences, and what they or a graver alert hold back.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from warnwatch.schema import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MUTED_BY = ("muted_silence", "muted_alert")


def upgrade() -> None:
    op.create_table(
        "silence",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("rule", sa.Text()),
        sa.Column("about", sa.Text()),
        sa.Column("unit", sa.Text()),
        sa.Column("subject", sa.Text()),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("up_to", sa.Integer(), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document", sa.Text()),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.Column("ended_by", sa.Text()),
        sa.Column("ended_why", sa.Text()),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_silence_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silence")),
    )
    op.create_index("ix_silence_ends_at", "silence", ["ends_at"])
    op.add_column("alert", sa.Column("muted_since", Instant()))
    for name in _MUTED_BY:
        op.add_column("alert", sa.Column(name, _SERIAL))
        muted = sa.column(name).is_not(None)
        op.create_index(f"ix_alert_{name}", "alert", [name], sqlite_where=muted, postgresql_where=muted)


def downgrade() -> None:
    for name in _MUTED_BY:
        op.drop_index(f"ix_alert_{name}", "alert")
    for name in (*_MUTED_BY, "muted_since"):
        op.drop_column("alert", name)
    op.drop_table("silence")
