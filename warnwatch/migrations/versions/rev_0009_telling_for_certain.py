"""Answers, merged and flagged texts, repeated calls; leases, processes and the journal's seal.

Revision ID: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from warnwatch.schema import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OF_NOTIFICATION = (
    ("merged_into", _SERIAL),
    ("reference", sa.Text()),
    ("segments", sa.Integer()),
    ("delivered_at", Instant()),
    ("handled_at", Instant()),
    ("revoked_at", Instant()),
)


def _partly(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    op.add_column("call", sa.Column("round_no", sa.Integer(), server_default="0", nullable=False))
    op.execute('UPDATE "call" SET round_no = repeat')
    op.create_table(
        "answer",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("alert", _SERIAL, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("promised_for", Instant()),
        sa.Column("authority", sa.Text()),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("by_link", _SERIAL),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name=op.f("fk_answer_alert")),
        sa.ForeignKeyConstraint(["authority"], ["unit.code"], name=op.f("fk_answer_authority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer")),
    )
    op.create_index(op.f("ix_answer_alert"), "answer", ["alert"])
    for name, kind in _OF_NOTIFICATION:
        op.add_column("notification", sa.Column(name, kind))
    _partly("ix_notification_waiting", "notification", ["holder", "channel"], "state = 'ready'")
    _partly("ix_notification_unhandled", "notification", ["id"], "state = 'failed' AND handled_at IS NULL")
    _partly("ix_notification_reference", "notification", ["channel", "reference"], "reference IS NOT NULL")
    op.create_table(
        "contact_flag",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("notification", _SERIAL),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("cleared_at", Instant()),
        sa.Column("cleared_by", sa.Text()),
        sa.ForeignKeyConstraint(["notification"], ["notification.id"], name=op.f("fk_contact_flag_notification")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_flag")),
    )
    flagged = ["holder", "channel", "address"]
    _partly("ux_contact_flag_standing", "contact_flag", flagged, "cleared_at IS NULL", unique=True)
    op.create_table(
        "seal",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("journal", _SERIAL, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["journal"], ["journal.id"], name=op.f("fk_seal_journal")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_seal")),
        sa.UniqueConstraint("journal", name=op.f("uq_seal_journal")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("since", Instant()),
        sa.Column("lease_until", Instant()),
        sa.Column("last_now", Instant()),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "process",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_process")),
    )


def downgrade() -> None:
    for table in ("process", "lease", "seal", "contact_flag"):
        op.drop_table(table)
    for name in ("waiting", "unhandled", "reference"):
        op.drop_index(f"ix_notification_{name}", "notification")
    for name, _ in _OF_NOTIFICATION:
        op.drop_column("notification", name)
    op.drop_table("answer")
    op.drop_column("call", "round_no")
