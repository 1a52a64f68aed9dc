"""The journal sealed into one chain of hashes, and the chain walked again: which row, if any, is not as it was sealed.

A seal covers its row and the hash before it, so that a row that is edited, gone or elsewhere breaks the chain there.
Whoever can also write every later seal anew is found by a head that was kept outside the database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, Row, Text, cast, func, insert, select

from warnwatch.language import Phrase
from warnwatch.schema import EPOCH, MICROSECOND, journal, seal

Fence = Callable[[Connection], None]

# What a seal covers, in the order in which it is read. Another column would need another kind of seal.
SEALED = ("id", "at", "kind", "actor", "alert", "subject", "facts")
BEGINNING = bytes(32)
BATCH = 5000
# Any number: whoever seals on PostgreSQL holds it for one transaction.
_LOCK = 7_205_759_403

_COLUMNS = [journal.c[name] for name in SEALED]
_UNSEALED = seal.c.seq.is_(None)
_JOURNAL_AND_SEAL = journal.outerjoin(seal, seal.c.journal == journal.c.id)


def next_hash(before: bytes, row: Row[Any]) -> bytes:
    """Give the hash of a journal row's seal: the same on both databases, whatever zone a session has."""
    values = {name: _plain(getattr(row, name)) for name in SEALED}
    return sha256(before + json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).digest()


def _plain(value: object) -> object:
    return (value - EPOCH) // MICROSECOND if isinstance(value, datetime) else value


# --- sealing --------------------------------------------------------------------------------------------------------


class Sealer:
    """Seals what is new. Remembers below which row nothing can be unsealed, so that asking costs next to nothing.

    On PostgreSQL a row may commit after one with a higher number: the bound rises only over rows whose writers have
    all ended. A process that begins, and one told to `forget`, looks at the whole journal once.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._low = self._top = 0
        self._mark: tuple[int, int] | None = None

    def forget(self) -> None:
        """Look at the whole journal next time."""
        self._low, self._mark = 0, None

    def seal(self, fence: Fence | None = None) -> int:
        """Seal every row that is committed and unsealed; give how many. `fence` may refuse, first in a transaction."""
        with self._engine.connect().execution_options(reads_only=True) as connection:
            waiting, top, running, coming = _look(connection, self._low)
        count = 0
        while waiting:
            with self._engine.begin() as connection:
                if fence:
                    fence(connection)
                sealed = seal_batch(connection, self._low)
            count += sealed
            waiting = sealed == BATCH
        self._rise(top, running, coming)
        return count

    def _rise(self, top: int, running: int, coming: int) -> None:
        """Raise the bound to the top of an earlier look once every transaction of that time has ended."""
        if self._mark and running >= self._mark[1]:
            self._low, self._mark = self._mark[0], None
        # A number may be taken a moment before its transaction is: hence the top of the look before.
        self._mark = self._mark or (self._top, coming)
        self._top = top


def _look(connection: Connection, low: int) -> tuple[bool, int, int, int]:
    """Say whether a row is unsealed, the last row's number, the oldest running transaction and the next one's."""
    waiting = select(journal.c.id).select_from(_JOURNAL_AND_SEAL).where(journal.c.id > low, _UNSEALED).exists()
    top = select(func.coalesce(func.max(journal.c.id), 0)).scalar_subquery()
    columns = [waiting, top]
    if connection.dialect.name == "postgresql":
        snapshot = func.pg_current_snapshot()
        columns += [
            cast(cast(one(snapshot), Text), BigInteger) for one in (func.pg_snapshot_xmin, func.pg_snapshot_xmax)
        ]
    row = connection.execute(select(*columns)).one()
    # SQLite lets one transaction write at a time: all that was numbered is there.
    running, coming = (row[2], row[3]) if len(row) > 2 else (0, 0)
    return bool(row[0]), int(row[1]), int(running), int(coming)


def seal_batch(connection: Connection, low: int = 0) -> int:
    """Seal up to `BATCH` unsealed rows above `low`, in the order of their numbers; give how many.

    One process at a time; and were there two, the second would find its place in the chain taken.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    last = connection.execute(select(seal.c.seq, seal.c.hash).order_by(seal.c.seq.desc()).limit(1)).first()
    place, before = (last.seq, last.hash) if last else (0, BEGINNING)
    unsealed = select(*_COLUMNS).select_from(_JOURNAL_AND_SEAL).where(journal.c.id > low, _UNSEALED)
    seals = []
    for row in connection.execute(unsealed.order_by(journal.c.id).limit(BATCH)):
        place, before = place + 1, next_hash(before, row)
        seals.append({"seq": place, "journal": row.id, "hash": before})
    if seals:
        connection.execute(insert(seal), seals)
    return len(seals)


# --- heads ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain on a day: kept elsewhere, it proves all before it. `count`: rows of the journal then."""

    day: date
    seq: int
    hash: bytes
    count: int


def read_head(connection: Connection, day: date) -> Head:
    """Read the end of the chain as it stands; an empty chain has the number 0."""
    last = connection.execute(select(seal.c.seq, seal.c.hash).order_by(seal.c.seq.desc()).limit(1)).first()
    count = connection.scalar(select(func.count()).select_from(journal)) or 0
    return Head(day, last.seq, last.hash, count) if last else Head(day, 0, BEGINNING, count)


# --- verifying ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the chain breaks first: the seal's number, its row's number (None: unknown), its time and kind, and how."""

    seq: int
    row: int | None
    at: datetime | None
    kind: str | None
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the chain found. `broken`: places that do not fit; `first`: the first; `heads`: those compared.

    `unsealed`: rows that no seal covers yet, and for which nothing is proved.
    """

    sealed: int
    unsealed: int
    broken: int
    first: Fault | None
    heads: int


def count_seals(connection: Connection) -> int:
    """Count the places of the chain, for a bar."""
    return connection.scalar(select(func.coalesce(func.max(seal.c.seq), 0))) or 0


def verify(
    connection: Connection, heads: Iterable[Head] = (), progress: Callable[[int], None] = lambda _done: None
) -> Verdict:
    """Walk the whole chain in order, a page at a time, and compare it with heads that were kept elsewhere."""
    kept: dict[int, list[Head]] = {}
    for head in heads:
        if head.seq:
            kept.setdefault(head.seq, []).append(head)
    compared = sum(map(len, kept.values()))
    first: Fault | None = None
    broken = place = present = 0
    before = BEGINNING
    for row in _chain(connection):
        fault = _fault(row, place, before, kept.pop(row.seq, ()))
        broken, first = broken + (fault is not None), first or fault
        place, before = row.seq, row.hash
        present += row.id is not None
        if place % 1000 == 0:
            progress(place)
    for seq in sorted(kept):
        broken, first = broken + 1, first or Fault(seq, None, None, None, _beyond(kept[seq][0], place))
    total = connection.scalar(select(func.count()).select_from(journal)) or 0
    return Verdict(place, total - present, broken, first, compared)


def _fault(row: Row[Any], place: int, before: bytes, heads: Iterable[Head]) -> Fault | None:
    """Say what is wrong at a place of the chain, given the place and the hash before it."""
    if row.seq != place + 1:
        what = Phrase("thiếu niêm phong số {first} đến {last}", first=place + 1, last=row.seq - 1)
        return Fault(place + 1, None, None, None, what)
    if row.id is None:
        return Fault(row.seq, row.journal, None, None, Phrase("dòng đã niêm phong không còn trong nhật ký"))
    if next_hash(before, row) != row.hash:
        what = Phrase("nội dung hoặc thứ tự không còn như khi niêm phong")
        return Fault(row.seq, row.id, row.at, row.kind, what)
    for head in heads:
        if head.hash != row.hash:
            what = Phrase("khác dấu cuối chuỗi đã lưu ngày {day}: chuỗi đã bị viết lại", day=head.day.isoformat())
            return Fault(row.seq, row.id, row.at, row.kind, what)
    return None


def _beyond(head: Head, place: int) -> str:
    return Phrase(
        "chuỗi dừng ở số {place}, trong khi dấu cuối chuỗi đã lưu ngày {day} là số {seq}: phần cuối đã bị cắt",
        place=place,
        day=head.day.isoformat(),
        seq=head.seq,
    )


def _chain(connection: Connection) -> Iterable[Row[Any]]:
    joined = seal.outerjoin(journal, journal.c.id == seal.c.journal)
    columns = [seal.c.seq, seal.c.hash, seal.c.journal, *_COLUMNS]
    ordered = select(*columns).select_from(joined).order_by(seal.c.seq)
    return connection.execute(ordered, execution_options={"yield_per": 2000})
