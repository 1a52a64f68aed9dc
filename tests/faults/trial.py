"""One trial: a plan with heads to be told, services struck again and again, a last start, and the books."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from sinks.smtp import HEALTHY, CutError, Script, Sink
from sqlalchemy import Engine, func, select

from faults.points import ALL, ALWAYS, DIALOGUE, OFTEN, TELLING
from faults.reconciling import Books, reconcile
from faults.stage import HEADS, LEASE, Stage, address, closing_engine, variables
from warnwatch.schema import alert, journal, notification, seal

# So long a process may take to reach its point; then it is killed wherever it is.
REACH_SECONDS = 8.0
# So long a process goes on after an exception, and after it was woken.
ON_SECONDS = 0.5
# So long the last process has for everything that is left: many times the lease and the pauses.
QUIET_SECONDS = 120.0
# A planted bug may never come to rest: by now the program itself would have, unless the machine is very busy.
PLANTED_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: where, at which passing (0: at every one), and what: `kill`, `stop` or `raise`.

    In the mail server's dialogue `raise` cuts the line.
    """

    point: str
    turn: int
    act: str

    @property
    def in_dialogue(self) -> bool:
        """Whether the mail server strikes."""
        return self.point in DIALOGUE

    def order(self) -> dict[str, object]:
        """Say it to the launcher."""
        return {"point": self.point, "turn": self.turn, "act": self.act}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a trial is like: strikes at most, processes at once, what the strikes do, and where they fall.

    `always`: exceptions that meet every process, the last ones too. `planted`: a bug of other systems. `script`: the
    mail server's faults, and `later`: those from the first strike on.
    """

    strikes: int = 5
    replicas: int = 1
    acts: tuple[str, ...] = ("kill",)
    points: tuple[str, ...] = ()
    always: tuple[Strike, ...] = ()
    planted: str = ""
    script: Script = HEALTHY
    later: Script | None = None
    stopped: float = 2.0 * LEASE

    @property
    def patience(self) -> float:
        """So many seconds the last processes have."""
        return PLANTED_SECONDS if self.planted else QUIET_SECONDS


PLAIN = Kind()
# Every third strike is no kill.
MIXED = Kind(acts=("kill", "kill", "kill", "kill", "stop", "raise"))


@dataclass(frozen=True, slots=True)
class Result:
    """What one trial did: its seed, the strikes that reached their points, the kills elsewhere, and the books."""

    seed: int
    reached: tuple[Strike, ...]
    elsewhere: int
    books: Books
    seconds: float

    @property
    def kills(self) -> int:
        """Count the kills, wherever."""
        return sum(one.act == "kill" for one in self.reached) + self.elsewhere

    @property
    def points(self) -> tuple[str, ...]:
        """Name the points at which processes were killed."""
        return tuple(one.point for one in self.reached if one.act == "kill")

    def count(self, act: str) -> int:
        """Count the strikes of a kind."""
        return sum(one.act == act for one in self.reached)


def state_of(process: int) -> str:
    """Give the letter of a process's state, as Linux writes it; Z when it is gone."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return "Z"
    return status.rpartition(")")[2].split()[0]


def alive(process: int) -> bool:
    """Say whether a process is still there."""
    return state_of(process) not in "ZX"


def kill(process: int) -> None:
    """Kill a process and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    waited(lambda: not alive(process), 5.0)


def waited(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is true; say whether it came true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def quiet(engine: Engine) -> bool:
    """Say whether all that is due was judged, told, recorded and sealed."""
    with engine.connect().execution_options(reads_only=True) as connection:
        opened = connection.scalar(select(func.count()).where(alert.c.state == "open")) or 0
        unsent = connection.scalar(select(func.count()).where(notification.c.state.in_(["ready", "claimed"]))) or 0
        sealed = connection.scalar(select(func.count()).select_from(seal)) or 0
        rows = connection.scalar(select(func.count()).select_from(journal)) or 0
    return opened >= HEADS and unsent == 0 and sealed == rows


def unsent(engine: Engine) -> int | None:
    """Count the texts that still have to leave; None before the first cycle has committed."""
    with engine.connect().execution_options(reads_only=True) as connection:
        states = connection.scalars(select(notification.c.state)).all()
    return sum(state in ("ready", "claimed") for state in states) if states else None


class _Dialogue:
    """The mail server's side of the strikes: at its point it kills or stops the process, or cuts the line."""

    def __init__(self) -> None:
        self._aims: list[tuple[Strike, int]] = []
        self._passed: Counter[str] = Counter()
        self.struck: list[Strike] = []

    def aim(self, strikes: Iterable[tuple[Strike, int]]) -> None:
        """Take aim with these strikes at their processes; the passings are counted from now on."""
        self._passed.clear()
        self._aims = [(strike, process) for strike, process in strikes if strike.in_dialogue]

    def at_point(self, point: str) -> None:
        """Strike when it is time."""
        self._passed[point] += 1
        # Read once: the trial may take its aim away meanwhile.
        for strike, process in list(self._aims):
            if DIALOGUE[strike.point] == point and strike.turn == self._passed[point]:
                self.struck.append(strike)
                if strike.act == "raise":
                    raise CutError
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL if strike.act == "kill" else signal.SIGSTOP)


class Trial:
    """The processes of one trial, and what has struck them."""

    def __init__(
        self, stage: Stage, settings: dict[str, str], folder: Path, kind: Kind, sink: Sink, engine: Engine
    ) -> None:
        self._stage, self._settings, self._folder = stage, settings, folder
        self._kind, self._sink, self._engine = kind, sink, engine
        self.dialogue = _Dialogue()
        sink.at_point = self.dialogue.at_point
        self.reached: list[Strike] = []
        self.elsewhere = 0
        self._marks = folder / "marks"

    def start(self, *strikes: Strike) -> int:
        """Start a process that these strikes are meant for."""
        inside = [one.order() for one in (*strikes, *self._kind.always) if not one.in_dialogue]
        return self._stage.launcher.start(
            self._settings,
            self._folder / "log",
            planted=self._kind.planted,
            strikes=inside,
            marks=str(self._marks),
        )

    def round(self, strikes: Sequence[Strike]) -> None:
        """Start a process for each strike, wait until each has reached its point, go on for a while, kill them all."""
        self._marks.write_text("", encoding="utf-8")
        started = {self.start(strike): strike for strike in strikes}
        self.dialogue.struck.clear()
        self.dialogue.aim((strike, process) for process, strike in started.items())
        waited(lambda: all(self._has_reached(*one) for one in started.items()), REACH_SECONDS)
        self.dialogue.aim([])
        reached = {process: strike for process, strike in started.items() if self._has_reached(process, strike)}
        self.reached += reached.values()
        processes = list(started)
        stopped = [process for process in reached if state_of(process) == "T"]
        self._sink.script = self._kind.later or self._kind.script
        if stopped:
            processes.append(self.start())
            waited(lambda: unsent(self._engine) == 0, self._kind.stopped)
            for process in stopped:
                os.kill(process, signal.SIGCONT)
        if any(map(alive, reached)):
            time.sleep(ON_SECONDS)
            if stopped:
                waited(lambda: unsent(self._engine) == 0, self._kind.stopped)
        for process in processes:
            if alive(process):
                kill(process)
                self.elsewhere += 1

    def _has_reached(self, process: int, strike: Strike) -> bool:
        if strike.act == "kill":
            return not alive(process)
        if strike.act == "stop":
            return state_of(process) in "TZX"
        return strike in self.dialogue.struck or f"{process} {strike.point}" in self._marked()

    def last(self) -> list[int]:
        """Start the processes that have time for everything that is left."""
        self._marks.write_text("", encoding="utf-8")
        self.dialogue.struck.clear()
        self.dialogue.aim((strike, 0) for strike in self._kind.always)
        return [self.start() for _ in range(self._kind.replicas)]

    def note(self) -> None:
        """Note what has struck the last processes: exceptions alone are meant for them."""
        points = {line.partition(" ")[2] for line in self._marked()}
        self.reached += [one for one in self._kind.always if one in self.dialogue.struck or one.point in points]

    def _marked(self) -> list[str]:
        return self._marks.read_text(encoding="utf-8").splitlines()


def run(stage: Stage, seed: int, kind: Kind = PLAIN) -> Result:
    """Run one trial: the same seed makes the same choices."""
    chance, began = random.Random(seed), time.monotonic()
    folder = stage.folder / f"trial_{seed}"
    folder.mkdir(exist_ok=True)
    with (
        stage.database(f"trial_{os.getpid()}_{seed}") as url,
        Sink(kind.script) as sink,
        closing_engine(url) as engine,
    ):
        trial = Trial(stage, variables(url, sink, folder, stage.rules), folder, kind, sink, engine)
        while len(trial.reached) + trial.elsewhere < kind.strikes:
            left = unsent(engine)
            if left == 0:
                break
            trial.round(_draw(chance, left, kind))
        last = trial.last()
        begun = time.monotonic()
        try:
            ended = waited(lambda: quiet(engine), kind.patience)
        finally:
            for process in last:
                kill(process)
        trial.note()
        due = [address(number) for number in range(HEADS)]
        books = reconcile(sink.messages, engine, due, begun + kind.patience)
    if not ended:
        books = replace(books, broken=(*books.broken, f"seed {seed}: not quiet after {kind.patience:g} s"))
    if books.fine:
        shutil.rmtree(folder)
    return Result(seed, tuple(trial.reached), trial.elsewhere, books, time.monotonic() - began)


def _draw(chance: random.Random, left: int | None, kind: Kind) -> list[Strike]:
    """Choose for each process what strikes it, and at which passing: where it comes by, as far as `left` texts tell."""
    strikes: list[Strike] = []
    for _ in range(kind.replicas):
        # The mail server aims at one of several processes.
        aimed = any(one.in_dialogue for one in strikes)
        known = kind.points or (ALL if left is None else TELLING + ALWAYS)
        point = chance.choice([one for one in known if not (aimed and one in DIALOGUE)])
        often = point in DIALOGUE or point in OFTEN
        turn = chance.randint(1, min(8, left or 8)) if often else 1
        strikes.append(Strike(point, turn, chance.choice(kind.acts)))
    return strikes
