"""Starts `warnwatch serve` with a fault around one of its functions: production code has no switch for tests.

One launcher imports the program once and forks a process for each line of JSON on its standard input; it answers with
the process's number. What it started ends with it.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from faults import planted
from faults.points import POINTS

PR_SET_PDEATHSIG = 1
ENDED = 70


def resolve(function: str) -> tuple[Any, str, Any]:
    """Give whoever holds a function named module:attribute, the attribute's name, and the function."""
    module, _, path = function.partition(":")
    owner: Any = importlib.import_module(module)
    *steps, name = path.split(".")
    for step in steps:
        owner = getattr(owner, step)
    return owner, name, getattr(owner, name)


def arm(point: str, turn: int, act: Callable[[], None]) -> None:
    """Let `act` happen at the point's `turn`-th passing; 0: at every one."""
    found = next(one for one in POINTS if one.name == point)
    owner, name, function = resolve(found.function)
    passed = 0

    def pass_by() -> None:
        nonlocal passed
        passed += 1
        if turn in (0, passed):
            act()

    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        if found.when == "before":
            pass_by()
        result = function(*args, **options)
        if found.when == "after":
            pass_by()
        return result

    setattr(owner, name, wrapped)


def act_of(strike: dict[str, Any], marks: str) -> Callable[[], None]:
    """Give what a strike does; an exception leaves the process's number and its point in the file of marks."""

    def fail() -> None:
        with Path(marks).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {strike['point']}\n")
        message = "a fault of the tests"
        raise OSError(message)

    acts: dict[str, Callable[[], None]] = {
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
        "raise": fail,
    }
    return acts[strike["act"]]


def set_clock(name: str, offset: str) -> None:
    """Let a clock of the program, named as module:function, be wrong by the seconds that a file holds just then."""
    owner, attribute, clock = resolve(name)

    @functools.wraps(clock)
    def wrong(*args: Any) -> Any:
        return clock(*args) + timedelta(seconds=float(Path(offset).read_text(encoding="utf-8")))

    setattr(owner, attribute, wrong)


def _become(order: dict[str, Any]) -> None:
    """Turn this fork into the service."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.environ.update(order["environment"])
    for clock in order.get("clocks", ()):
        set_clock(clock, order["offset"])
    for strike in order.get("strikes", ()):
        arm(strike["point"], strike["turn"], act_of(strike, order["marks"]))
    if order.get("planted"):
        planted.BUGS[order["planted"]]()
    from warnwatch.cli import main  # noqa: PLC0415 (after the faults are in place)

    main(["serve"], standalone_mode=False)


def run() -> None:
    """Fork for each order until the standard input ends."""
    importlib.import_module("warnwatch.cli")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            try:
                os.close(0)
                os.open(os.devnull, os.O_RDONLY)
                _become(json.loads(line))
            except BaseException as error:  # noqa: BLE001 (a fork must never go on with the launcher's loop)
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
                os._exit(ENDED)
            os._exit(0)
        print(process, flush=True)


if __name__ == "__main__":
    run()
