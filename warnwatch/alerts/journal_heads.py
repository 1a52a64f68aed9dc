"""Heads of the journal's chain in a file of their own, which the inspection body keeps: a line a day, for any eye.

`2025-12-15 1042 HASH 1042`: the day, the number of the last seal, its hash, the rows of the journal then.
"""

from __future__ import annotations

import logging
import os
from datetime import date, datetime, tzinfo
from pathlib import Path

from sqlalchemy import Engine

from warnwatch.alerts.journal import Fence, Head, Sealer, read_head
from warnwatch.errors import Mistake, MistakesError
from warnwatch.language import Phrase

LOG = logging.getLogger(__name__)
ALLOWED = "2025-12-15 1042 (64 0-9a-f) 1042"


def line_of(head: Head) -> str:
    """Write a head as its line."""
    return f"{head.day.isoformat()} {head.seq} {head.hash.hex()} {head.count}"


def read_heads(file: Path) -> list[Head]:
    """Read a file of heads; MistakesError names every line that is none. Empty lines are passed over."""
    heads, mistakes = list[Head](), list[Mistake]()
    for number, line in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        words = line.split()
        try:
            if words:
                day, seq, hash_, count = words
                heads.append(Head(date.fromisoformat(day), int(seq), _hash(hash_), int(count)))
        except ValueError:
            message = Phrase("không phải dấu cuối chuỗi của nhật ký")
            # What is no text is shown by its codes: a terminal must not be told what to do by a file.
            found = line[:100] if line.isprintable() else ascii(line[:100])
            mistakes.append(Mistake(file.name, number, 0, message, found, ALLOWED))
    if mistakes:
        raise MistakesError(mistakes)
    return heads


def _hash(text: str) -> bytes:
    found = bytes.fromhex(text)
    if len(found) != 32:
        raise ValueError(text)
    return found


def append_head(file: Path, head: Head) -> None:
    """Add a head to its file, and wait until the disk has it; the folder is made where there is none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab+") as stream:
        # A line that a power cut left half written stays apart from this one.
        stream.seek(0, os.SEEK_END)
        if stream.tell():
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":
                stream.write(b"\n")
        stream.write(f"{line_of(head)}\n".encode())
        stream.flush()
        os.fsync(stream.fileno())


def last_day(file: Path) -> date | None:
    """Give the day of the last head in a file; None where there is no file, or its end is no head."""
    try:
        lines = file.read_text(encoding="utf-8-sig", errors="replace").split("\n")
        return date.fromisoformat(next((line.split()[0] for line in reversed(lines) if line.strip()), ""))
    except (FileNotFoundError, ValueError):
        return None


class Keeper:
    """The journal's keeper in a service: seals after each cycle, and writes the day's head once, where a file is set.

    Whatever fails is logged and done by a later turn; cycles and mail go on.
    """

    def __init__(self, engine: Engine, zone: tzinfo, heads: Path | None) -> None:
        self._engine = engine
        self._sealer = Sealer(engine)
        self._zone = zone
        self._heads = heads
        self._day: date | None = None
        self._exported: date | None = None

    def turn(self, now: datetime, fence: Fence | None = None) -> None:
        """Seal what is new at `now`; on the first turn of a day look at the whole journal, and export the head."""
        today = now.astimezone(self._zone).date()
        try:
            if today != self._day:
                self._sealer.forget()
            self._sealer.seal(fence)
            self._day = today
            if self._heads and self._exported != today:
                self._export(self._heads, today)
        except Exception:
            LOG.exception("the journal could not be sealed or its head not written; the next cycle tries again")

    def _export(self, file: Path, today: date) -> None:
        if last_day(file) != today:
            with self._engine.connect().execution_options(reads_only=True) as connection:
                head = read_head(connection, today)
            if not head.seq:
                return
            append_head(file, head)
        self._exported = today
