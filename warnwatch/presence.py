"""What a process says of itself to the others: that it lives, whether it evaluates, and whether its schema fits."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from warnwatch import __version__, database
from warnwatch.alerts.lease import Lease
from warnwatch.errors import CannotRunError
from warnwatch.schema import process

# Who was not heard of for so long is gone, and its row with it.
GONE_AFTER = timedelta(minutes=10)


class Role(StrEnum):
    """What a process does; several share the work of one installation."""

    EVALUATOR = "evaluator"
    SENDER = "sender"
    WEB = "web"


ALL_ROLES = frozenset(Role)


class Presence:
    """Looks at the lease, writes the heartbeat, and compares the schema: one look after the other, in one thread."""

    def __init__(self, engine: Engine, lease: Lease, roles: Collection[Role], clock: Callable[[], datetime]) -> None:
        self._engine, self._lease, self._clock = engine, lease, clock
        self._roles = frozenset(roles)
        self._started: datetime | None = None
        self.fault = ""

    @property
    def evaluates(self) -> bool:
        """Whether this process may run cycles now."""
        return not self.fault and self._lease.held

    @property
    def state(self) -> str:
        """Say in a word what this process is to the plan."""
        if Role.EVALUATOR not in self._roles:
            return "none"
        return "evaluating" if self.evaluates else "standby"

    def look(self) -> bool:
        """Look once; say whether this process has begun to evaluate with it."""
        before = self._lease.epoch
        with self._engine.connect().execution_options(reads_only=True) as connection:
            self.fault = database.schema_fault(connection)
        if self.fault:
            self._lease.give_back()
            return False
        self._beat()
        if Role.EVALUATOR not in self._roles:
            return False
        return self._lease.look() and self._lease.epoch != before

    def gate(self, _connection: Connection) -> None:
        """Begin a transaction of the sender: none does while the schema is another program's."""
        if self.fault:
            raise CannotRunError(self.fault)

    def leave(self) -> None:
        """Say that this process is gone: its lease and its row."""
        self._lease.give_back()
        with self._engine.begin() as connection:
            connection.execute(delete(process).where(process.c.owner == self._lease.owner))

    def _beat(self) -> None:
        now = self._clock()
        self._started = self._started or now
        row = {
            "owner": self._lease.owner,
            "roles": ",".join(sorted(self._roles)),
            "version": __version__,
            "started_at": self._started,
            "seen_at": now,
        }
        with self._engine.begin() as connection:
            mine = process.c.owner == self._lease.owner
            if not connection.execute(update(process).where(mine).values(seen_at=now)).rowcount:
                dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
                connection.execute(dialect.insert(process).values(**row).on_conflict_do_nothing())
            connection.execute(delete(process).where(process.c.seen_at < now - GONE_AFTER))
