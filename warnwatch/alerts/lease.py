"""The evaluator's lease in SQL: of all processes on one database one evaluates, and a stale one cannot write.

Compared in the database's time on PostgreSQL. Time only says when another may take it; what keeps a stale holder from
writing is the epoch, which a fenced transaction reads first and holds until it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, and_, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from warnwatch.database import read_clock
from warnwatch.errors import WarnWatchError
from warnwatch.schema import lease

NAME = "evaluator"
# No lease is given for so long: one that ends later was written before the clock was set back.
FAR = timedelta(minutes=10)
# A holder that stops within a transaction keeps the lease's row no longer than its lease, or so many seconds.
LEAST_IDLE = 5.0
_mine = lease.c.name == NAME


class LeaseLostError(WarnWatchError):
    """This process does not evaluate, or no longer: nothing that it decided meanwhile may be written."""


class Lease:
    """The lease as one process sees it. `clock` judges it on SQLite; `stopwatch` measures how old its news is.

    `patience`: without news for so many seconds a holder stands back, although nobody may have taken over yet.
    """

    def __init__(
        self,
        engine: Engine,
        owner: str,
        clock: Callable[[], datetime],
        seconds: float,
        stopwatch: Callable[[], float],
        patience: float,
    ) -> None:
        self._engine, self.owner, self._clock = engine, owner, clock
        self._seconds, self._stopwatch, self._patience = seconds, stopwatch, patience
        self._remote = engine.dialect.name == "postgresql"
        self._heard = 0.0
        self.epoch: int | None = None
        self.last_now: datetime | None = None

    @property
    def held(self) -> bool:
        """Whether this process evaluates, as far as it can know; only a fenced transaction is certain."""
        if self.epoch is None:
            return False
        # A file is not cut off: its lease is lost to another process only, and the fence tells.
        return not self._remote or self._stopwatch() - self._heard <= self._patience

    def look(self) -> bool:
        """Renew the lease, or take it when nobody holds it; say whether it is held."""
        began = self._stopwatch()
        with self._engine.begin() as connection:
            self._give_up_when_idle(connection)
            epoch = self._renew_or_take(connection)
        self.epoch, self._heard = epoch, began
        return epoch is not None

    def give_back(self) -> None:
        """Let another take it at once."""
        if self.epoch is not None:
            with self._engine.begin() as connection:
                mine = and_(_mine, lease.c.owner == self.owner)
                last = {"last_now": self.last_now} if self.last_now else {}
                connection.execute(update(lease).where(mine).values(owner=None, lease_until=None, **last))
            self.epoch = None

    def instant(self, now: datetime) -> datetime:
        """Give the instant to judge at: never before the latest one, so that a clock set back repeats nothing."""
        self.last_now = max(now, self.last_now or now)
        return self.last_now

    def fence(self) -> Callable[[Connection], None]:
        """Give what begins a transaction of the evaluator: it raises unless the lease is held as it is held now."""
        epoch = self.epoch

        def check(connection: Connection) -> None:
            # Its key is shared: renewing goes on meanwhile, and whoever takes over waits for this transaction's end.
            mine = select(lease.c.epoch).where(_mine, lease.c.owner == self.owner, lease.c.epoch == epoch)
            found = connection.scalar(mine.with_for_update(read=True, key_share=True)) if epoch is not None else None
            if found is None:
                raise LeaseLostError("another process evaluates: nothing was written")
            self._give_up_when_idle(connection)

        return check

    def _give_up_when_idle(self, connection: Connection) -> None:
        """Let the server end a transaction whose process was stopped in it: its locks would keep others out."""
        if self._remote:
            idle = int(max(self._seconds, LEAST_IDLE) * 1000)
            connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = {idle}"))

    def check(self, connection: Connection) -> None:
        """Begin a transaction that depends on nothing read before it."""
        self.fence()(connection)

    def _renew_or_take(self, connection: Connection) -> int | None:
        row = connection.execute(select(lease).where(_mine)).one_or_none()
        if row is None:
            dialect = postgresql if self._remote else sqlite
            connection.execute(dialect.insert(lease).values(name=NAME, epoch=0).on_conflict_do_nothing())
        elif row.owner == self.owner:
            return self._renew(connection, row.epoch)
        now = self._now(connection)
        free = or_(lease.c.owner.is_(None), lease.c.lease_until <= now, lease.c.lease_until > now + FAR)
        found = connection.execute(select(lease).where(_mine, free).with_for_update(skip_locked=True)).one_or_none()
        if found is None:
            return None
        self.last_now = found.last_now
        values = {"owner": self.owner, "epoch": found.epoch + 1, "since": now, "lease_until": self._until(now)}
        connection.execute(update(lease).where(_mine).values(**values))
        return int(values["epoch"])

    def _renew(self, connection: Connection, epoch: int) -> int | None:
        now = self._now(connection)
        mine = and_(_mine, lease.c.owner == self.owner, lease.c.epoch == epoch)
        last = {"last_now": self.last_now} if self.last_now else {}
        renewed = connection.execute(update(lease).where(mine).values(lease_until=self._until(now), **last))
        return epoch if renewed.rowcount else None

    def _until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._seconds)

    def _now(self, connection: Connection) -> datetime:
        return read_clock(connection) if self._remote else self._clock()
