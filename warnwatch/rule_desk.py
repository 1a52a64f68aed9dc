"""The rule folder as the running service sees it: a good set takes over between two cycles, a bad one never does.

A set is the folder's files, rules and calendar together. It counts once the same content was seen twice, so that a file
that is still being written is never taken; what is wrong with a set is said once it has been seen once more.
"""

from __future__ import annotations

import errno
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, Engine, make_url

from warnwatch.alerts import rule_sets
from warnwatch.alerts.rule_sets import StoredSet
from warnwatch.assembly import load_standards
from warnwatch.cycle import Standards
from warnwatch.errors import Mistake, MistakesError
from warnwatch.notify.windows import least_level
from warnwatch.rules.stages import SetState
from warnwatch.settings import Settings
from warnwatch.typed_text import MAX_BYTES

# How often the same content must be seen: a good set so often, a bad one once more before anybody is told.
SEEN_GOOD, SEEN_BAD = 2, 3
# The journal keeps so many mistakes of one refused set.
NOTED = 50
_SUFFIXES = (".yml", ".yaml", ".yml.txt")


class News(StrEnum):
    """What a look at the folder has found."""

    NOTHING = "nothing"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WAITING = "waiting"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the folder held at one moment: standards, or every mistake. `digest` tells one content from another."""

    digest: str
    standards: Standards | None = None
    mistakes: tuple[Mistake, ...] = ()

    @property
    def version(self) -> str:
        """The version as everything names it; of a set with mistakes, that of its files."""
        return self.standards.book.version if self.standards else self.digest


def read_files(folder: Path) -> dict[str, bytes]:
    """Read what belongs to the rule set, each file at one moment; raises OSError where the folder cannot be read."""
    found = {}
    for path in sorted(folder.iterdir()):
        if not path.name.startswith((".", "~")) and path.name.lower().endswith(_SUFFIXES):
            if path.exists() and not path.is_file():  # a pipe would keep the reader for ever
                raise OSError(errno.EINVAL, "not a plain file", str(path))
            with path.open("rb") as file:
                found[path.name] = file.read(MAX_BYTES + 1)  # a larger file is a mistake whatever follows
    return found


def digest_of(files: Mapping[str, bytes]) -> str:
    """Give the hash of a set of files."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
    return digest.hexdigest()


def load(settings: Settings, files: Mapping[str, bytes]) -> Standards:
    """Load a set from the very bytes that were read, whatever happens to the folder meanwhile."""
    with TemporaryDirectory(prefix="warnwatch-") as place:
        copy = Path(place) / settings.rules_folder.name
        copy.mkdir()
        for name, content in files.items():
            (copy / name).write_bytes(content)
        rules = settings.rules.model_copy(update={"folder": copy})
        return load_standards(settings.model_copy(update={"rules": rules}))


def read(settings: Settings) -> Reading:
    """Read the folder once."""
    try:
        files = read_files(settings.rules_folder)
    except OSError as error:
        return Reading(f"{error.errno}", mistakes=_mistakes_of(settings, error))
    return _read(settings, files)


def _read(settings: Settings, files: Mapping[str, bytes]) -> Reading:
    digest = digest_of(files)
    try:
        return Reading(digest, load(settings, files))
    except MistakesError as error:
        return Reading(digest, mistakes=error.mistakes)


def _mistakes_of(settings: Settings, error: OSError) -> tuple[Mistake, ...]:
    """Say why the folder cannot be read, in the words of `check`."""
    try:
        load_standards(settings)
    except MistakesError as mistakes:
        return mistakes.mistakes
    return (Mistake(settings.rules_folder.name, 0, 0, error.strerror or str(error)),)


def first_reading(settings: Settings) -> Reading:
    """Read the folder before the database is opened; MistakesError where no set can have run that would go on."""
    reading = read(settings)
    if reading.standards is None and not has_run(settings):
        raise MistakesError(reading.mistakes)
    return reading


def has_run(settings: Settings) -> bool:
    """Say whether the database may hold a set that ran; an embedded one that is not there yet is not made for that."""
    url = make_url(settings.database.url)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()


def settle(settings: Settings, reading: Reading, connection: Connection) -> Standards:
    """Say what is to run: the folder's set, or the one that ran last, with what keeps the folder's from running.

    Raises MistakesError where the folder's set is bad and none has ever run.
    """
    stored = rule_sets.read_running(connection)
    if reading.standards is None:
        if stored is None:
            raise MistakesError(reading.mistakes)
        set_state = SetState(settings.rules.keeper, reading.mistakes, refused=reading.digest)
        return replace(_stored(settings, stored, reading.mistakes), set_state=set_state)
    plain = replace(reading.standards, set_state=SetState(settings.rules.keeper))
    if stored is None or may_run(settings, reading.version, stored.version, connection):
        return plain
    return replace(_stored(settings, stored, ()), set_state=SetState(settings.rules.keeper, waiting=reading.version))


def may_run(settings: Settings, version: str, running: str, connection: Connection) -> bool:
    """Say whether a good set may run now: it runs already, needs no approval, or has been approved."""
    if settings.rules.approval == "none" or version == running:
        return True
    return rule_sets.read_approval(connection, version).is_complete


def _stored(settings: Settings, stored: StoredSet, mistakes: tuple[Mistake, ...]) -> Standards:
    """Load the set that ran last from the database; a program that cannot read it any more says what it can."""
    try:
        standards = load(settings, {name: text.encode() for name, text in stored.files.items()})
    except MistakesError as error:
        raise MistakesError([*mistakes, *error.mistakes]) from error
    # Its version is the one it ran under, even where an older program has kept its files without their line ends.
    return replace(standards, book=replace(standards.book, version=stored.version))


class RuleDesk:
    """The set that runs, and the watch over the folder. One thread looks and runs the cycles: a set changes between."""

    def __init__(self, settings: Settings, engine: Engine, clock: Callable[[], datetime], reading: Reading) -> None:
        self._settings, self._engine, self._clock = settings, engine, clock
        with engine.connect().execution_options(reads_only=True) as connection:
            self.standards = settle(settings, reading, connection)
        self._judged = reading
        self._seen, self._times = reading.digest, SEEN_BAD

    @property
    def set_state(self) -> SetState:
        """What keeps the folder's set from running, if anything."""
        return self.standards.set_state

    def least_level(self, channel: str) -> Callable[[datetime], int]:
        """Give what tells the senders of a channel which levels may leave, by the set that runs at that moment."""

        def least(now: datetime) -> int:
            standards = self.standards
            return least_level(standards.book.channels.get(channel), now, standards.calendar)

        return least

    def look(self) -> News:
        """Look at the folder; a set that may run is in `standards` from now on."""
        try:
            files = read_files(self._settings.rules_folder)
            digest = digest_of(files)
        except OSError as error:
            files, digest = None, f"{error.errno}"
        self._times = self._times + 1 if digest == self._seen else 1
        self._seen = digest
        if digest == self._judged.digest:
            return self._again()
        if self._times < SEEN_GOOD:
            return News.NOTHING
        reading = read(self._settings) if files is None else _read(self._settings, files)
        if reading.digest != digest or (reading.standards is None and self._times < SEEN_BAD):
            return News.NOTHING
        news = self._take(reading)
        self._judged = reading  # last: what the database kept from being settled is settled at the next look
        return news

    def first(self) -> News:
        """Say how the desk has begun, as if a look had found it; writes it into the journal."""
        if self.set_state.mistakes:
            self._note("refused", self._judged)
            return News.REFUSED
        if self.set_state.waiting:
            self._note("waiting", self._judged)
            return News.WAITING
        return News.NOTHING

    def _again(self) -> News:
        """Look again at a set that was judged before: only an approval changes what becomes of it."""
        if not self.set_state.waiting or self._judged.standards is None:
            return News.NOTHING
        if not self._may_run(self._judged.version):
            return News.NOTHING
        self.standards = self._in_force(self._judged.standards)
        return News.ACCEPTED

    def _take(self, reading: Reading) -> News:
        keeper = self._settings.rules.keeper
        if reading.standards is None:
            set_state = SetState(keeper, reading.mistakes, refused=reading.digest)
            self.standards = replace(self.standards, set_state=set_state)
            self._note("refused", reading)
            return News.REFUSED
        if reading.version == self.standards.book.version:
            self.standards = replace(self.standards, set_state=SetState(keeper))
            return News.RESTORED
        if not self._may_run(reading.version):
            self.standards = replace(self.standards, set_state=SetState(keeper, waiting=reading.version))
            self._note("waiting", reading)
            return News.WAITING
        # The place for a rehearsal of the new set over recorded history, before it takes over.
        self.standards = self._in_force(reading.standards)
        return News.ACCEPTED

    def _in_force(self, standards: Standards) -> Standards:
        return replace(standards, set_state=SetState(self._settings.rules.keeper))

    def _may_run(self, version: str) -> bool:
        with self._engine.connect().execution_options(reads_only=True) as connection:
            return may_run(self._settings, version, self.standards.book.version, connection)

    def _note(self, kind: str, reading: Reading) -> None:
        facts: dict[str, object] = {"version": reading.version, "running": self.standards.book.version}
        if reading.mistakes:
            facts["mistakes"] = [str(mistake) for mistake in reading.mistakes[:NOTED]]
            facts["count"] = len(reading.mistakes)
        with self._engine.begin() as connection:
            rule_sets.note(connection, kind, facts, self._clock())


def said(news: News, standards: Standards) -> tuple[int, str, dict[str, object]]:
    """Say in the log's words what a look has found: level, message (empty for nothing), and what goes with it."""
    set_state = standards.set_state
    running: dict[str, object] = {"running": standards.book.version}
    if news is News.REFUSED:
        mistakes = [str(mistake) for mistake in set_state.mistakes]
        extra = running | {"refused": set_state.refused, "mistakes": mistakes}
        return logging.ERROR, "the rule folder has mistakes; the last good rules go on", extra
    if news is News.WAITING:
        return logging.WARNING, "a new rule set waits for approval", running | {"waiting": set_state.waiting}
    if news is News.ACCEPTED:
        return logging.INFO, "another rule set takes over", running | {"rules": len(standards.book.rules)}
    message = "the rule folder holds the running rules again" if news is News.RESTORED else ""
    return logging.INFO, message, running
