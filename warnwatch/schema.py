"""Every table on one page, the same on SQLite and on PostgreSQL; `database` is the way to them.

A versioned thing is an identity row, where foreign keys point, and version rows whose only update ever is
`superseded_at`, set once. Reports, deadlines, decisions, readings, journal rows and rule sets are append-only.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON as JSON_TYPE
from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
    cast,
    func,
    or_,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware instant to the microsecond: timestamptz on PostgreSQL, microseconds since 1970 on SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of the database at hand."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive instants; SQLite gets whole microseconds."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"an instant needs an offset: {value!r}"
            raise ValueError(message)
        return value.astimezone(UTC) if dialect.name == "postgresql" else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give an aware UTC instant."""
        if value is None:
            return None
        instant: datetime = value.astimezone(UTC) if dialect.name == "postgresql" else EPOCH + value * MICROSECOND
        return instant


class micros(FunctionElement[int]):  # noqa: N801 (it reads as the SQL function that it is)
    """An Instant column as microseconds since 1970, for reading many rows at once without Python datetimes."""

    type = BigInteger()
    inherit_cache = True


@compiles(micros, "postgresql")
def _micros_postgresql(element: micros, compiler: SQLCompiler, **kw: Any) -> str:
    inner = compiler.process(element.clauses, **kw)
    return f"CAST(EXTRACT(EPOCH FROM {inner}) * 1000000 AS BIGINT)"


@compiles(micros)
def _micros_plain(element: micros, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


class among(FunctionElement[bool]):  # noqa: N801 (it reads as the SQL function that it is)
    """Say that a column is one of many codes, which come as one parameter: the text of a JSON array.

    A parameter for each code would be written into the statement anew each time. It has no type, as SQLite would be
    asked whether a boolean is 1, and then looks at every row.
    """

    inherit_cache = True


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, codes = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({column} = ANY (ARRAY(SELECT json_array_elements_text(CAST({codes} AS json)))))"


@compiles(among)
def _among_plain(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, codes = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({codes})))"  # noqa: S608 (both are parts of the statement)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up only INTEGER keys by itself; PostgreSQL needs BIGINT to last.
SERIAL = BigInteger().with_variant(Integer(), "sqlite")


def _serial() -> Column[int]:
    return Column("id", SERIAL, primary_key=True, autoincrement=True)


def _partial_index(name: str, *columns: Column[Any], where: ColumnElement[bool], unique: bool = False) -> Index:
    """Index only the rows that fulfil a condition, on both databases."""
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _versioned(name: str, *columns: Column[Any]) -> tuple[Table, Table]:
    """Make an identity table keyed by code and its version table; at most one version of a code is current."""
    recorded = Column("recorded_at", Instant, nullable=False)
    identity = Table(name, metadata, Column("code", Text, primary_key=True), recorded)
    version = Table(
        f"{name}_version",
        metadata,
        _serial(),
        Column("code", Text, ForeignKey(f"{name}.code"), nullable=False),
        *columns,
        Column("recorded_at", Instant, nullable=False),
        Column("superseded_at", Instant),
    )
    _partial_index(
        f"ux_{name}_version_current",
        version.c.code,
        unique=True,
        where=version.c.superseded_at.is_(None),
    )
    Index(f"ix_{name}_version_code_recorded_at", version.c.code, version.c.recorded_at)
    return identity, version


def _flag(name: str, *, default: bool = False) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("true" if default else "false"))


# --- the plan -------------------------------------------------------------------------------------------------------

unit, unit_version = _versioned(
    "unit",
    Column("name", Text, nullable=False),
    Column("short_name", Text),
    Column("kind", Text),
    Column("bloc", Text),
    Column("parent", Text, ForeignKey("unit.code")),
    Column("head_title", Text),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("source", Text),
    _flag("withdrawn"),
)

# What becomes of a unit on a local date; the unit's own rows stay. A correction names the row that it replaces.
unit_change = Table(
    "unit_change",
    metadata,
    _serial(),
    Column("unit", Text, ForeignKey("unit.code"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("successor", Text, ForeignKey("unit.code")),
    _flag("main"),
    Column("name", Text),
    Column("short_name", Text),
    Column("unit_kind", Text),
    Column("bloc", Text),
    Column("parent", Text, ForeignKey("unit.code")),
    Column("head_title", Text),
    Column("decision", Text),
    Column("source", Text),
    Column("replaces", SERIAL, ForeignKey("unit_change.id")),
    Column("recorded_at", Instant, nullable=False),
)
Index("ux_unit_change_replaces", unit_change.c.replaces, unique=True)

# A post is an office of a unit; its code is `unit/office`. Offices: head, deputy, focal_point.
post, post_version = _versioned(
    "post",
    Column("unit", Text, ForeignKey("unit.code"), nullable=False),
    Column("office", Text, nullable=False),
    Column("title", Text),
    _flag("withdrawn"),
)

holder, holder_version = _versioned(
    "holder",
    Column("post", Text, ForeignKey("post.code"), nullable=False),
    _flag("acting"),
    Column("email", Text),
    Column("phone", Text),
    Column("language", Text, nullable=False, server_default="vi"),
    Column("valid_from", Date),
    Column("valid_to", Date),
    _flag("withdrawn"),
)

# Status words: design.md section 5. `judged` is false for a parent that only gathers its children.
task, task_version = _versioned(
    "task",
    Column("title", Text, nullable=False),
    Column("description", Text),
    Column("lead_unit", Text, ForeignKey("unit.code"), nullable=False),
    Column("collaborators", Text),
    Column("group_no", Integer),
    Column("phase", Integer),
    Column("start_at", Instant),
    Column("calendar_mode", Text, nullable=False, server_default="working_days"),
    Column("status", Text, nullable=False, server_default="open"),
    Column("claimed_at", Instant),
    Column("done_at", Instant),
    Column("verifier", Text),
    Column("decision", Text),
    Column("assigning_document", Text),
    Column("owner_role", Text),
    Column("accountable_head", Text),
    Column("focal_point", Text),
    Column("expected_result", Text),
    Column("evidence_type", Text),
    Column("decision_authority", Text),
    Column("weight", Float, nullable=False, server_default="1"),
    Column("parent", Text, ForeignKey("task.code")),
    _flag("judged", default=True),
    _flag("confidential"),
    Column("source", Text),
    _flag("withdrawn"),
)
Index("ix_task_version_lead_unit", task_version.c.lead_unit)

# A task's first row is its baseline; each later one needs a decision, and is in force only when `authorised`.
deadline = Table(
    "deadline",
    metadata,
    _serial(),
    Column("task", Text, ForeignKey("task.code"), nullable=False, index=True),
    Column("due_at", Instant, nullable=False),
    Column("due_text", Text),
    Column("decision", Text),
    _flag("authorised", default=True),
    Column("recorded_at", Instant, nullable=False),
)

decision = Table(
    "decision",
    metadata,
    _serial(),
    Column("number", Text, nullable=False),
    Column("task", Text, ForeignKey("task.code"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("authority", Text, ForeignKey("unit.code"), nullable=False),
    Column("decided_on", Date, nullable=False),
    Column("note", Text),
    Column("recorded_at", Instant, nullable=False),
    UniqueConstraint("number", "task"),
)

milestone, milestone_version = _versioned(
    "milestone",
    Column("task", Text, ForeignKey("task.code"), nullable=False),
    Column("title", Text, nullable=False),
    Column("due_at", Instant),
    Column("done_at", Instant),
    _flag("withdrawn"),
)

report = Table(
    "report",
    metadata,
    _serial(),
    Column("task", Text, ForeignKey("task.code"), nullable=False),
    Column("reported_at", Instant, nullable=False),
    Column("reporter", Text, nullable=False),
    Column("progress", Float),
    Column("note", Text),
    Column("evidence", Text),
    _flag("claims_completion"),
    Column("colour", Text),
    Column("obstacle", Text),
    Column("obstacle_reason", Text),
    Column("obstacle_authority", Text),
    Column("source", Text),
    Column("replaces", SERIAL, ForeignKey("report.id")),
    Column("recorded_at", Instant, nullable=False),
    CheckConstraint("progress between 0 and 1", name="progress"),
)
Index("ix_report_task_reported_at", report.c.task, report.c.reported_at)
# One report of a reporter at an instant; corrections of it name the row that they replace.
_partial_index(
    "ux_report_key",
    report.c.task,
    report.c.reported_at,
    report.c.reporter,
    unique=True,
    where=report.c.replaces.is_(None),
)
Index("ux_report_replaces", report.c.replaces, unique=True)

# `path` is the goal's way from baseline to target as JSON [[date, value], …]; a target's code is `kpi/unit`.
kpi, kpi_version = _versioned(
    "kpi",
    Column("name", Text, nullable=False),
    Column("measure_unit", Text),
    Column("direction", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("subject_level", Text),
    Column("operator", Text, nullable=False),
    Column("threshold", Float),
    Column("legal_basis", Text),
    Column("keeper", Text, ForeignKey("unit.code")),
    Column("method", Text),
    Column("lag", Integer),
    Column("comparable_from", Date),
    Column("source", Text),
    Column("note", Text),
    _flag("withdrawn"),
)

target, target_version = _versioned(
    "target",
    Column("kpi", Text, ForeignKey("kpi.code"), nullable=False),
    Column("unit", Text, ForeignKey("unit.code"), nullable=False),
    Column("baseline", Float),
    Column("target", Float),
    Column("start_on", Date),
    Column("due_on", Date),
    Column("path", JSON_TYPE),
    _flag("withdrawn"),
)

reading = Table(
    "reading",
    metadata,
    _serial(),
    Column("kpi", Text, ForeignKey("kpi.code"), nullable=False),
    Column("unit", Text, ForeignKey("unit.code"), nullable=False),
    Column("period", Text),
    Column("occurred_at", Instant),
    Column("reference", Text),
    Column("value", Float),
    Column("numerator", Float),
    Column("denominator", Float),
    Column("source", Text),
    Column("replaces", SERIAL, ForeignKey("reading.id")),
    Column("recorded_at", Instant, nullable=False),
    CheckConstraint("(period is null) <> (occurred_at is null)", name="period_or_event"),
)
Index("ix_reading_kpi_unit", reading.c.kpi, reading.c.unit)
Index("ux_reading_replaces", reading.c.replaces, unique=True)

# Where plan data comes from, who keeps it, how often it is expected.
source, source_version = _versioned(
    "source",
    Column("title", Text, nullable=False),
    Column("keeper", Text, ForeignKey("unit.code")),
    Column("rhythm", Text),
    _flag("withdrawn"),
)

# How each source of the settings is watched: the latest row of a source is in force, one without kind ends it.
watch = Table(
    "watch",
    metadata,
    _serial(),
    Column("source", Text, ForeignKey("source.code"), nullable=False, index=True),
    Column("kind", Text),
    Column("rhythm", Text),
    Column("grace", Text),
    Column("recorded_at", Instant, nullable=False),
)

# Every pull of a source. outcome: ok, unchanged, empty, half, contradictory, unreachable. `facts`: what tells this
# delivery from the next, and what people are told; never the content of a cell.
pull = Table(
    "pull",
    metadata,
    _serial(),
    Column("source", Text, ForeignKey("source.code"), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("rows", Integer),
    Column("facts", JSON_TYPE, nullable=False),
    Column("recorded_at", Instant, nullable=False),
)
Index("ix_pull_source_id", pull.c.source, pull.c.id)

# Which subjects a source has ever spoken of: their rules hold while it is late or bad. kind: task, kpi (`kpi/unit`).
feed = Table(
    "feed",
    metadata,
    Column("source", Text, ForeignKey("source.code"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("recorded_at", Instant, nullable=False),
)

# What the evaluator must read again. `subject` '*' means every one of that kind. `xact` is PostgreSQL's
# transaction id, so that a reader never passes by a row whose transaction commits late; 0 on SQLite.
change = Table(
    "change",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("xact", BigInteger, nullable=False, server_default=text("0"), index=True),
)

# --- rules, alerts, calls -------------------------------------------------------------------------------------------

# The rule sets that ever ran: their files as they were.
rules_version = Table(
    "rules_version",
    metadata,
    Column("version", Text, primary_key=True),
    Column("first_run_at", Instant, nullable=False),
    Column("files", JSON_TYPE, nullable=False),
)

# Which rule set runs since when: the latest row's.
rules_run = Table(
    "rules_run",
    metadata,
    _serial(),
    Column("version", Text, ForeignKey("rules_version.version"), nullable=False),
    Column("at", Instant, nullable=False),
)

# Who wrote and who approved a rule set, which need not have run yet. kind: submitted, approved.
rules_act = Table(
    "rules_act",
    metadata,
    _serial(),
    Column("version", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("version", "kind", "holder"),
)

# Which rules have ever judged something, and in which delivery mode each unit is told: a new rule, a new unit and a
# unit whose mode changes start with one initial digest. kind: rule, unit.
went_live = Table(
    "went_live",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("mode", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# One row per episode. Levels: 1 notice, 2 warning, 3 critical. `value`, `threshold`: in the measure's unit.
# `next_at`: when time alone will move it next (opening, ending, next step, broken promise); null = never.
# `revision` counts the writes: whoever writes names the one he read, so that no answer is ever overwritten.
# `muted_since`: a call has been held back since then, by a silence or by another alert that explains this one.
alert = Table(
    "alert",
    metadata,
    _serial(),
    Column("code", Text, nullable=False, unique=True),
    Column("rule", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("unit", Text, ForeignKey("unit.code"), nullable=False),
    Column("state", Text, nullable=False),
    Column("level", Integer, nullable=False),
    Column("measure", Text, nullable=False),
    Column("value", Float),
    Column("threshold", Float),
    Column("pending_since", Instant, nullable=False),
    Column("opened_at", Instant),
    Column("level_since", Instant, nullable=False),
    Column("gone_since", Instant),
    Column("ended_at", Instant),
    Column("end_reason", Text),
    _flag("initial"),
    Column("round_no", Integer, nullable=False, server_default="0"),
    Column("called_level", Integer, nullable=False, server_default="0"),
    Column("last_call_at", Instant),
    _flag("standing"),
    Column("acknowledged_at", Instant),
    Column("acknowledged_by", Text),
    Column("promised_for", Instant),
    Column("promised_level", Integer, nullable=False, server_default="0"),
    Column("next_at", Instant),
    Column("muted_since", Instant),
    Column("muted_silence", SERIAL),
    Column("muted_alert", SERIAL),
    Column("revision", Integer, nullable=False, server_default="0"),
    UniqueConstraint("rule", "about", "subject", "episode"),
)
_partial_index(
    "ux_alert_active",
    alert.c.rule,
    alert.c.about,
    alert.c.subject,
    unique=True,
    where=alert.c.state != "ended",
)
Index("ix_alert_next_at", alert.c.next_at)
Index("ix_alert_subject", alert.c.subject)
Index("ix_alert_unit_state", alert.c.unit, alert.c.state)
# For people, the gravest and oldest first; and for the boards' counts, which never touch a row.
Index("ix_alert_listed", alert.c.state, alert.c.level, alert.c.opened_at)
Index("ix_alert_counted", alert.c.state, alert.c.unit, alert.c.rule, alert.c.level, alert.c.standing)
# The muted ones: who held them back, and for the boards how many.
for _column in (alert.c.muted_silence, alert.c.muted_alert):
    _muted = _column.is_not(None)
    _partial_index(f"ix_alert_{_column.name}", _column, where=_muted)

# Pauses that a person ordered: whom each holds for (an empty matcher holds for all), from when to when, why.
# `up_to`: the highest level that it mutes. The only update ever is an early end.
silence = Table(
    "silence",
    metadata,
    _serial(),
    Column("rule", Text),
    Column("about", Text),
    Column("unit", Text, ForeignKey("unit.code")),
    Column("subject", Text),
    Column("labels", JSON_TYPE, nullable=False),
    Column("up_to", Integer, nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("document", Text),
    Column("recorded_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ended_by", Text),
    Column("ended_why", Text),
)
Index("ix_silence_ends_at", silence.c.ends_at)

call = Table(
    "call",
    metadata,
    _serial(),
    Column("alert", SERIAL, ForeignKey("alert.id"), nullable=False),
    Column("level", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("repeat", Integer, nullable=False, server_default="0"),
    # Which round of the alert it belongs to: going live begins a new one, in which `repeat` counts on.
    Column("round_no", Integer, nullable=False, server_default="0"),
    Column("office", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("alert", "level", "step", "repeat"),
)

# What people answered, each once and for good. kind: received (it binds nobody), promised, help. `by_link`: the
# notification whose link was used; `authority`: the unit that is asked to help.
answer = Table(
    "answer",
    metadata,
    _serial(),
    Column("alert", SERIAL, ForeignKey("alert.id"), nullable=False, index=True),
    Column("holder", Text, nullable=False),
    Column("office", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("level", Integer, nullable=False),
    Column("promised_for", Instant),
    Column("authority", Text, ForeignKey("unit.code")),
    Column("note", Text, nullable=False, server_default=""),
    Column("by_link", SERIAL),
    Column("at", Instant, nullable=False),
)

# --- telling --------------------------------------------------------------------------------------------------------

# The outbox. state: ready, held (mode or pilot), claimed, sent, failed, uncertain, merged (a later text says it, too).
# One text, one holder, one channel. `merged_into`: that later text. `reference`: the gateway's own number of it, or
# what a mail's return address is known by.
# `delivered_at`: the gateway says that it arrived. `handled_at`: what a failure asks for was done. `revoked_at`: its
# link opens nothing any more.
notification = Table(
    "notification",
    metadata,
    _serial(),
    Column("key", Text, nullable=False, unique=True),
    Column("holder", Text, nullable=False),
    Column("office", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("level", Integer, nullable=False),
    Column("address", Text),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text),
    _flag("fallback"),
    Column("created_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("owner", Text),
    Column("lease_until", Instant),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("finished_at", Instant),
    # The keys of the earlier notifications that this one answers to, oldest first.
    Column("thread", Text, nullable=False, server_default=""),
    Column("merged_into", SERIAL),
    Column("reference", Text),
    Column("segments", Integer),
    Column("delivered_at", Instant),
    Column("handled_at", Instant),
    Column("revoked_at", Instant),
)
# Whose turn it is to leave: a claim reads its rows in this order, and no others.
Index(
    "ix_notification_turn",
    notification.c.state,
    notification.c.channel,
    notification.c.level.desc(),
    notification.c.due_at,
    notification.c.id,
)
# What the next text to a holder may take in; failures that nothing was done about; whose a report is.
_waiting = notification.c.state == "ready"
_partial_index(
    "ix_notification_waiting",
    notification.c.holder,
    notification.c.channel,
    where=_waiting,
)
_unhandled = and_(notification.c.state == "failed", notification.c.handled_at.is_(None))
_partial_index("ix_notification_unhandled", notification.c.id, where=_unhandled)
_known = notification.c.reference.is_not(None)
_partial_index(
    "ix_notification_reference",
    notification.c.channel,
    notification.c.reference,
    where=_known,
)

notification_call = Table(
    "notification_call",
    metadata,
    Column("notification", SERIAL, ForeignKey("notification.id"), nullable=False, index=True),
    Column("call", SERIAL, ForeignKey("call.id"), nullable=False),
    Column("holder", Text, nullable=False),
    Column("channel", Text, nullable=False),
    UniqueConstraint("call", "holder", "channel"),
)

# The alerts that a notification speaks of, all-clears included; a link in it opens exactly these.
notification_alert = Table(
    "notification_alert",
    metadata,
    Column("notification", SERIAL, ForeignKey("notification.id"), primary_key=True),
    Column("alert", SERIAL, ForeignKey("alert.id"), primary_key=True, index=True),
)

delivery = Table(
    "delivery",
    metadata,
    _serial(),
    Column("notification", SERIAL, ForeignKey("notification.id"), nullable=False, index=True),
    Column("epoch", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("phase", Text),
    Column("code", Integer),
    Column("enhanced", Text),
    Column("answer", Text),
)

# Addresses that a server refused for good: no text goes there until the plan names another, or a person clears it.
contact_flag = Table(
    "contact_flag",
    metadata,
    _serial(),
    Column("holder", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("notification", SERIAL, ForeignKey("notification.id")),
    Column("said", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("cleared_at", Instant),
    Column("cleared_by", Text),
)
_standing = contact_flag.c.cleared_at.is_(None)
_partial_index(
    "ux_contact_flag_standing",
    contact_flag.c.holder,
    contact_flag.c.channel,
    contact_flag.c.address,
    unique=True,
    where=_standing,
)

# Who did what, when, to what: written in the transaction of the act. `alert` makes it the alert's own history.
journal = Table(
    "journal",
    metadata,
    _serial(),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("alert", SERIAL, ForeignKey("alert.id"), index=True),
    Column("subject", Text),
    Column("facts", JSON_TYPE, nullable=False),
)
# The journal only grows, and broken promises are counted at every start.
_partial_index(
    "ix_journal_promise_broken",
    journal.c.subject,
    where=journal.c.kind == "promise.broken",
)

# The chain that proves the journal unbroken, in the order of sealing: `hash` covers the row and the hash before it.
seal = Table(
    "seal",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("journal", SERIAL, ForeignKey("journal.id"), nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False),
)

# --- processes ------------------------------------------------------------------------------------------------------

# Work that one process does for all (name: evaluator). `epoch` counts the owners: whoever writes names his. `last_now`:
# the latest instant that a cycle ran at, so that a clock set back repeats nothing.
lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("since", Instant),
    Column("lease_until", Instant),
    Column("last_now", Instant),
)

# Which processes share the work: their roles, their program's version, and when each was last heard of.
process = Table(
    "process",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("roles", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
)


def known(table: Table, as_of: datetime | BindParameter[datetime] | None) -> ColumnElement[bool]:
    """Restrict a version table to the versions current now, or to those known at `as_of`."""
    if as_of is None:
        return table.c.superseded_at.is_(None)
    superseded = table.c.superseded_at
    return and_(table.c.recorded_at <= as_of, or_(superseded.is_(None), superseded > as_of))


def xact(connection: Connection) -> ColumnElement[int] | int:
    """Give what `change.xact` takes: PostgreSQL's id of this transaction, 0 on SQLite."""
    if connection.dialect.name == "postgresql":
        return cast(cast(func.pg_current_xact_id(), Text), BigInteger)
    return 0
