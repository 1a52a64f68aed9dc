"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from warnwatch.schema import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "change",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("xact", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_change")),
    )
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_change_xact"), ["xact"], unique=False)

    op.create_table(
        "holder",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_holder")),
    )
    op.create_table(
        "kpi",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_kpi")),
    )
    op.create_table(
        "milestone",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_milestone")),
    )
    op.create_table(
        "notification",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("fallback", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint("key", name=op.f("uq_notification_key")),
    )
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.create_index("ix_notification_state_due_at", ["state", "due_at"], unique=False)

    op.create_table(
        "post",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_post")),
    )
    op.create_table(
        "rules_version",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("first_run_at", Instant(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_rules_version")),
    )
    op.create_table(
        "source",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_source")),
    )
    op.create_table(
        "target",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_target")),
    )
    op.create_table(
        "task",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_task")),
    )
    op.create_table(
        "unit",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_unit")),
    )
    op.create_table(
        "went_live",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "code", name=op.f("pk_went_live")),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("pending_since", Instant(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=True),
        sa.Column("level_since", Instant(), nullable=False),
        sa.Column("gone_since", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("initial", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("round_no", sa.Integer(), server_default="0", nullable=False),
        sa.Column("called_level", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_call_at", Instant(), nullable=True),
        sa.Column("standing", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("acknowledged_at", Instant(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("promised_for", Instant(), nullable=True),
        sa.Column("promised_level", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", Instant(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_alert_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("code", name=op.f("uq_alert_code")),
        sa.UniqueConstraint("rule", "about", "subject", "episode", name=op.f("uq_alert_rule_about_subject_episode")),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index("ix_alert_counted", ["state", "unit", "rule", "level", "standing"], unique=False)
        batch_op.create_index("ix_alert_listed", ["state", "level", "opened_at"], unique=False)
        batch_op.create_index("ix_alert_next_at", ["next_at"], unique=False)
        batch_op.create_index("ix_alert_subject", ["subject"], unique=False)
        batch_op.create_index("ix_alert_unit_state", ["unit", "state"], unique=False)
        batch_op.create_index(
            "ux_alert_active",
            ["rule", "about", "subject"],
            unique=True,
            sqlite_where=sa.text("state != 'ended'"),
            postgresql_where=sa.text("state != 'ended'"),
        )

    op.create_table(
        "deadline",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("due_text", sa.Text(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("authorised", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["task"], ["task.code"], name=op.f("fk_deadline_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deadline")),
    )
    with op.batch_alter_table("deadline", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deadline_task"), ["task"], unique=False)

    op.create_table(
        "decision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["authority"], ["unit.code"], name=op.f("fk_decision_authority")),
        sa.ForeignKeyConstraint(["task"], ["task.code"], name=op.f("fk_decision_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
        sa.UniqueConstraint("number", "task", name=op.f("uq_decision_number_task")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("notification", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("enhanced", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["notification"], ["notification.id"], name=op.f("fk_delivery_notification")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delivery_notification"), ["notification"], unique=False)

    op.create_table(
        "holder_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("acting", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), server_default="vi", nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("superseded_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["code"], ["holder.code"], name=op.f("fk_holder_version_code")),
        sa.ForeignKeyConstraint(["post"], ["post.code"], name=op.f("fk_holder_version_post")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holder_version")),
    )
    with op.batch_alter_table("holder_version", schema=None) as batch_op:
        batch_op.create_index("ix_holder_version_code_recorded_at", ["code", "recorded_at"], unique=False)
        batch_op.create_index(
            "ux_holder_version_current",
            ["code"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    op.create_table(
        "kpi_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("measure_unit", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("subject_level", sa.Text(), nullable=True),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("legal_basis", sa.Text(), nullable=True),
        sa.Column("keeper", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("superseded_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["code"], ["kpi.code"], name=op.f("fk_kpi_version_code")),
        sa.ForeignKeyConstraint(["keeper"], ["unit.code"], name=op.f("fk_kpi_version_keeper")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kpi_version")),
    )
    with op.batch_alter_table("kpi_version", schema=None) as batch_op:
        batch_op.create_index("ix_kpi_version_code_recorded_at", ["code", "recorded_at"], unique=False)
        batch_op.create_index(
            "ux_kpi_version_current",
            ["code"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    op.create_table(
        "milestone_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("superseded_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["code"], ["milestone.code"], name=op.f("fk_milestone_version_code")),
        sa.ForeignKeyConstraint(["task"], ["task.code"], name=op.f("fk_milestone_version_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone_version")),
    )
    with op.batch_alter_table("milestone_version", schema=None) as batch_op:
        batch_op.create_index("ix_milestone_version_code_recorded_at", ["code", "recorded_at"], unique=False)
        batch_op.create_index(
            "ux_milestone_version_current",
            ["code"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    op.create_table(
        "post_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("superseded_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["code"], ["post.code"], name=op.f("fk_post_version_code")),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_post_version_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_version")),
    )
    with op.batch_alter_table("post_version", schema=None) as batch_op:
        batch_op.create_index("ix_post_version_code_recorded_at", ["code", "recorded_at"], unique=False)
        batch_op.create_index(
            "ux_post_version_current",
            ["code"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    op.create_table(
        "reading",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kpi", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=True),
        sa.Column("occurred_at", Instant(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("numerator", sa.Float(), nullable=True),
        sa.Column("denominator", sa.Float(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("replaces", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("(period is null) <> (occurred_at is null)", name=op.f("ck_reading_period_or_event")),
        sa.ForeignKeyConstraint(["kpi"], ["kpi.code"], name=op.f("fk_reading_kpi")),
        sa.ForeignKeyConstraint(["replaces"], ["reading.id"], name=op.f("fk_reading_replaces")),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_reading_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading")),
    )
    with op.batch_alter_table("reading", schema=None) as batch_op:
        batch_op.create_index("ix_reading_kpi_unit", ["kpi", "unit"], unique=False)
        batch_op.create_index("ux_reading_replaces", ["replaces"], unique=True)

    op.create_table(
        "report",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("reported_at", Instant(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("claims_completion", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("colour", sa.Text(), nullable=True),
        sa.Column("obstacle", sa.Text(), nullable=True),
        sa.Column("obstacle_reason", sa.Text(), nullable=True),
        sa.Column("obstacle_authority", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("replaces", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("progress between 0 and 1", name=op.f("ck_report_progress")),
        sa.ForeignKeyConstraint(["replaces"], ["report.id"], name=op.f("fk_report_replaces")),
        sa.ForeignKeyConstraint(["task"], ["task.code"], name=op.f("fk_report_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
    )
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.create_index("ix_report_task_reported_at", ["task", "reported_at"], unique=False)
        batch_op.create_index(
            "ux_report_key",
            ["task", "reported_at", "reporter"],
            unique=True,
            sqlite_where=sa.text("replaces IS NULL"),
            postgresql_where=sa.text("replaces IS NULL"),
        )
        batch_op.create_index("ux_report_replaces", ["replaces"], unique=True)

    op.create_table(
        "source_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("keeper", sa.Text(), nullable=True),
        sa.Column("rhythm", sa.Text(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("superseded_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["code"], ["source.code"], name=op.f("fk_source_version_code")),
        sa.ForeignKeyConstraint(["keeper"], ["unit.code"], name=op.f("fk_source_version_keeper")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_version")),
    )
    with op.batch_alter_table("source_version", schema=None) as batch_op:
        batch_op.create_index("ix_source_version_code_recorded_at", ["code", "recorded_at"], unique=False)
        batch_op.create_index(
            "ux_source_version_current",
            ["code"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    op.create_table(
        "target_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kpi", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("baseline", sa.Float(), nullable=True),
        sa.Column("target", sa.Float(), nullable=True),
        sa.Column("start_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("path", sa.JSON(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("superseded_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["code"], ["target.code"], name=op.f("fk_target_version_code")),
        sa.ForeignKeyConstraint(["kpi"], ["kpi.code"], name=op.f("fk_target_version_kpi")),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_target_version_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target_version")),
    )
    with op.batch_alter_table("target_version", schema=None) as batch_op:
        batch_op.create_index("ix_target_version_code_recorded_at", ["code", "recorded_at"], unique=False)
        batch_op.create_index(
            "ux_target_version_current",
            ["code"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    op.create_table(
        "task_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lead_unit", sa.Text(), nullable=False),
        sa.Column("collaborators", sa.Text(), nullable=True),
        sa.Column("group_no", sa.Integer(), nullable=True),
        sa.Column("phase", sa.Integer(), nullable=True),
        sa.Column("start_at", Instant(), nullable=True),
        sa.Column("calendar_mode", sa.Text(), server_default="working_days", nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("claimed_at", Instant(), nullable=True),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("verifier", sa.Text(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("assigning_document", sa.Text(), nullable=True),
        sa.Column("owner_role", sa.Text(), nullable=True),
        sa.Column("accountable_head", sa.Text(), nullable=True),
        sa.Column("focal_point", sa.Text(), nullable=True),
        sa.Column("expected_result", sa.Text(), nullable=True),
        sa.Column("evidence_type", sa.Text(), nullable=True),
        sa.Column("decision_authority", sa.Text(), nullable=True),
        sa.Column("weight", sa.Float(), server_default="1", nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("judged", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("superseded_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["code"], ["task.code"], name=op.f("fk_task_version_code")),
        sa.ForeignKeyConstraint(["lead_unit"], ["unit.code"], name=op.f("fk_task_version_lead_unit")),
        sa.ForeignKeyConstraint(["parent"], ["task.code"], name=op.f("fk_task_version_parent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_version")),
    )
    with op.batch_alter_table("task_version", schema=None) as batch_op:
        batch_op.create_index("ix_task_version_code_recorded_at", ["code", "recorded_at"], unique=False)
        batch_op.create_index("ix_task_version_lead_unit", ["lead_unit"], unique=False)
        batch_op.create_index(
            "ux_task_version_current",
            ["code"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    op.create_table(
        "unit_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("short_name", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("bloc", sa.Text(), nullable=True),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("head_title", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("superseded_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["code"], ["unit.code"], name=op.f("fk_unit_version_code")),
        sa.ForeignKeyConstraint(["parent"], ["unit.code"], name=op.f("fk_unit_version_parent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_version")),
    )
    with op.batch_alter_table("unit_version", schema=None) as batch_op:
        batch_op.create_index("ix_unit_version_code_recorded_at", ["code", "recorded_at"], unique=False)
        batch_op.create_index(
            "ux_unit_version_current",
            ["code"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    op.create_table(
        "call",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("alert", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("repeat", sa.Integer(), server_default="0", nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name=op.f("fk_call_alert")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
        sa.UniqueConstraint("alert", "level", "step", "repeat", name=op.f("uq_call_alert_level_step_repeat")),
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("alert", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name=op.f("fk_journal_alert")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
    )
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_journal_alert"), ["alert"], unique=False)

    op.create_table(
        "notification_alert",
        sa.Column("notification", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("alert", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name=op.f("fk_notification_alert_alert")),
        sa.ForeignKeyConstraint(["notification"], ["notification.id"], name=op.f("fk_notification_alert_notification")),
        sa.PrimaryKeyConstraint("notification", "alert", name=op.f("pk_notification_alert")),
    )
    with op.batch_alter_table("notification_alert", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notification_alert_alert"), ["alert"], unique=False)

    op.create_table(
        "notification_call",
        sa.Column("notification", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("call", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["call"], ["call.id"], name=op.f("fk_notification_call_call")),
        sa.ForeignKeyConstraint(["notification"], ["notification.id"], name=op.f("fk_notification_call_notification")),
        sa.UniqueConstraint("call", "holder", "channel", name=op.f("uq_notification_call_call_holder_channel")),
    )
    with op.batch_alter_table("notification_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notification_call_notification"), ["notification"], unique=False)


def downgrade() -> None:

    with op.batch_alter_table("notification_call", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notification_call_notification"))

    op.drop_table("notification_call")
    with op.batch_alter_table("notification_alert", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notification_alert_alert"))

    op.drop_table("notification_alert")
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_journal_alert"))

    op.drop_table("journal")
    op.drop_table("call")
    with op.batch_alter_table("unit_version", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_unit_version_current",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_index("ix_unit_version_code_recorded_at")

    op.drop_table("unit_version")
    with op.batch_alter_table("task_version", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_task_version_current",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_index("ix_task_version_lead_unit")
        batch_op.drop_index("ix_task_version_code_recorded_at")

    op.drop_table("task_version")
    with op.batch_alter_table("target_version", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_target_version_current",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_index("ix_target_version_code_recorded_at")

    op.drop_table("target_version")
    with op.batch_alter_table("source_version", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_source_version_current",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_index("ix_source_version_code_recorded_at")

    op.drop_table("source_version")
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_index("ux_report_replaces")
        batch_op.drop_index(
            "ux_report_key", sqlite_where=sa.text("replaces IS NULL"), postgresql_where=sa.text("replaces IS NULL")
        )
        batch_op.drop_index("ix_report_task_reported_at")

    op.drop_table("report")
    with op.batch_alter_table("reading", schema=None) as batch_op:
        batch_op.drop_index("ux_reading_replaces")
        batch_op.drop_index("ix_reading_kpi_unit")

    op.drop_table("reading")
    with op.batch_alter_table("post_version", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_post_version_current",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_index("ix_post_version_code_recorded_at")

    op.drop_table("post_version")
    with op.batch_alter_table("milestone_version", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_milestone_version_current",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_index("ix_milestone_version_code_recorded_at")

    op.drop_table("milestone_version")
    with op.batch_alter_table("kpi_version", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_kpi_version_current",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_index("ix_kpi_version_code_recorded_at")

    op.drop_table("kpi_version")
    with op.batch_alter_table("holder_version", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_holder_version_current",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_index("ix_holder_version_code_recorded_at")

    op.drop_table("holder_version")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_notification"))

    op.drop_table("delivery")
    op.drop_table("decision")
    with op.batch_alter_table("deadline", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deadline_task"))

    op.drop_table("deadline")
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_alert_active", sqlite_where=sa.text("state != 'ended'"), postgresql_where=sa.text("state != 'ended'")
        )
        batch_op.drop_index("ix_alert_unit_state")
        batch_op.drop_index("ix_alert_subject")
        batch_op.drop_index("ix_alert_next_at")
        batch_op.drop_index("ix_alert_listed")
        batch_op.drop_index("ix_alert_counted")

    op.drop_table("alert")
    op.drop_table("went_live")
    op.drop_table("unit")
    op.drop_table("task")
    op.drop_table("target")
    op.drop_table("source")
    op.drop_table("rules_version")
    op.drop_table("post")
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.drop_index("ix_notification_state_due_at")

    op.drop_table("notification")
    op.drop_table("milestone")
    op.drop_table("kpi")
    op.drop_table("holder")
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_change_xact"))

    op.drop_table("change")
