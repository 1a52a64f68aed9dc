"""The rule sets in SQL: which ran, with their files, since when; who wrote and who approved one that is to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from warnwatch import schema
from warnwatch.alerts.ledger import JournalRow, add_journal
from warnwatch.errors import WarnWatchError
from warnwatch.language import Phrase

SUBMITTED, APPROVED = "submitted", "approved"
# So many persons other than the author must approve a set before it runs.
APPROVALS = 2


class ApprovalError(WarnWatchError):
    """An act on a rule set that is not allowed; the text says why."""


@dataclass(frozen=True, slots=True)
class StoredSet:
    """A rule set that ran: its files as they were, and since when it runs."""

    version: str
    since: datetime
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did to a rule set: `submitted` or `approved` it. `by` is a holder's code."""

    kind: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """The acts on one rule set, oldest first."""

    acts: tuple[Act, ...] = ()

    @property
    def authors(self) -> frozenset[str]:
        """Everybody who submitted the set."""
        return frozenset(act.by for act in self.acts if act.kind == SUBMITTED)

    @property
    def approvers(self) -> tuple[str, ...]:
        """Everybody who approved it and did not write it, each once."""
        return tuple(dict.fromkeys(act.by for act in self.acts if act.kind == APPROVED and act.by not in self.authors))

    @property
    def is_complete(self) -> bool:
        """Whether it may run where two persons must approve."""
        return bool(self.authors) and len(self.approvers) >= APPROVALS


def save_run(connection: Connection, version: str, files: Mapping[str, str], now: datetime) -> None:
    """Remember that a rule set runs from now on, files and all; nothing when it ran before this, too."""
    table, runs = schema.rules_version, schema.rules_run
    if connection.scalar(select(table.c.version).where(table.c.version == version)) is None:
        connection.execute(insert(table), [{"version": version, "first_run_at": now, "files": dict(files)}])
    last = connection.scalar(select(runs.c.version).order_by(runs.c.id.desc()).limit(1))
    if last != version:
        connection.execute(insert(runs), [{"version": version, "at": now}])
        facts = {"version": version, "before": last}
        add_journal(connection, [JournalRow(now, "rules.run", "service", facts)])


def read_running(connection: Connection) -> StoredSet | None:
    """Read the rule set that ran last; None before the first cycle."""
    table, runs = schema.rules_version, schema.rules_run
    columns = (table.c.version, table.c.files)
    query = select(*columns, runs.c.at).join(runs, runs.c.version == table.c.version)
    row = connection.execute(query.order_by(runs.c.id.desc()).limit(1)).one_or_none()
    if row is None:  # a database that has not run since it learnt to count runs
        row = connection.execute(
            select(*columns, table.c.first_run_at).order_by(table.c.first_run_at.desc()).limit(1)
        ).one_or_none()
    return StoredSet(row[0], row[2], row[1]) if row else None


def read_approval(connection: Connection, version: str) -> Approval:
    """Read who submitted and who approved a rule set."""
    table = schema.rules_act
    rows = connection.execute(select(table).where(table.c.version == version).order_by(table.c.id))
    return Approval(tuple(Act(row.kind, row.holder, row.at) for row in rows))


def submit(connection: Connection, version: str, by: str, now: datetime) -> None:
    """Record who wrote a rule set. Whoever has approved it before cannot become its author."""
    if by in read_approval(connection, version).approvers:
        raise ApprovalError(Phrase("{by} đã phê duyệt bộ quy tắc này nên không thể là người soạn", by=by))
    _add(connection, version, SUBMITTED, by, now)


def approve(connection: Connection, version: str, by: str, now: datetime) -> Approval:
    """Record an approval by somebody who did not write the set and has not approved it yet."""
    known = read_approval(connection, version)
    if not known.authors:
        raise ApprovalError(
            Phrase("chưa ghi nhận người soạn bộ quy tắc này; trước hết hãy chạy warnwatch rules submit --by MÃ")
        )
    if by in known.authors:
        raise ApprovalError(Phrase("{by} là người soạn: người soạn không được phê duyệt bộ quy tắc của mình", by=by))
    if by in known.approvers:
        raise ApprovalError(Phrase("{by} đã phê duyệt bộ quy tắc này; cần một người khác", by=by))
    _add(connection, version, APPROVED, by, now)
    return read_approval(connection, version)


def _add(connection: Connection, version: str, kind: str, by: str, now: datetime) -> None:
    row = {"version": version, "kind": kind, "holder": by, "at": now}
    connection.execute(insert(schema.rules_act), [row])
    add_journal(connection, [JournalRow(now, f"rules.{kind}", by, {"version": version})])


def note(connection: Connection, kind: str, facts: Mapping[str, object], now: datetime) -> None:
    """Write into the journal what became of a new rule set that does not run: `refused` or `waiting`."""
    add_journal(connection, [JournalRow(now, f"rules.{kind}", "service", facts)])
