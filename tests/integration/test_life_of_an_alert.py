"""The life of alerts in real cycles, against a model of it in a page: who is called, at which step, and when.

Hypothesis orders the events: progress reported, time passing, cycles, cycles that are killed, starts, promises,
silences. What is told leaves at once: senders have a test of their own. WARNWATCH_TEST_LIVES=500: so many lives.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import cast

import pytest
from builders import local
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from judging import book, policy, step
from judging import rule as judging_rule
from sqlalchemy import Connection, select
from worlds import World, build_world

from warnwatch import schema
from warnwatch.alerts import silencing
from warnwatch.alerts.muting import Silence
from warnwatch.cycle import Memory

LIVES = int(os.environ.get("WARNWATCH_TEST_LIVES", "20"))
SUBJECTS = ("T-1", "T-2")
KEEP = timedelta(days=1)
# The policy, as rules write it and as the model waits: by level the steps' waits.
POLICY = policy(
    {
        "notice": (step(0, "focal_point"),),
        "warning": (step(0, "head", "focal_point"), step("2 days", "head")),
        "critical": (
            step(),
            step("1 days"),
            step("3 days", "superior.head"),
            step("7 days", "standing_body"),
        ),
    },
    cap="300 days",
)
WAITS: Mapping[int, tuple[timedelta, ...]] = {
    1: (timedelta(0),),
    2: (timedelta(0), timedelta(days=2)),
    3: (timedelta(0), timedelta(days=1), timedelta(days=3), timedelta(days=7)),
}
RULE = judging_rule(
    measure="progress", where="true", below={"notice": 0.75, "warning": 0.5, "critical": 0.25}, keep="1 days"
)


class KilledError(Exception):
    """The process died here."""


@dataclass
class Called:
    """A call of the model."""

    level: int
    step: int
    at: datetime


@dataclass
class Life:
    """One episode of the model."""

    episode: int
    level: int
    calls: list[Called] = field(default_factory=list)
    gone_since: datetime | None = None
    promise: tuple[datetime, int] | None = None
    ended: bool = False

    def cycle(self, level: int, now: datetime, *, silent: bool) -> None:
        """Live through one cycle in which the rule says this level."""
        if level == 0:
            self.gone_since = self.gone_since or now
            self.ended = now >= self.gone_since + KEEP
            return
        self.level, self.gone_since = level, None
        due, number = self._next(now)
        held = self.promise[0] if self.promise and level <= self.promise[1] else None
        broken = held is not None and held <= now
        if number is None:
            self.promise = None if broken else self.promise
        elif (held or due) <= now and not silent:
            self.calls.append(Called(level, number, now))
            self.promise = None if broken else self.promise

    def _next(self, now: datetime) -> tuple[datetime, int | None]:
        """Give when the next step is due, and its number."""
        waits = WAITS[self.level]
        mine = [one for one in self.calls if one.level == self.level]
        done = max((one.step for one in mine), default=0)
        if not done and any(one.level > self.level for one in self.calls):
            done = 1
        if not done:
            return now, 1
        if done == len(waits):
            return now, None
        first = [one for one in mine if one.step == done][:1]
        others = [one for one in self.calls if one.level != self.level][-1:]
        since = max((*first, *others), key=lambda one: one.at)
        return since.at + waits[done], done + 1


class Lives(RuleBasedStateMachine):
    """Two tasks of one unit; every event takes a minute."""

    def __init__(self, make: Callable[[], World]) -> None:
        super().__init__()
        self.world = make()
        self.now = local(4, 8, 9)
        self.level = dict.fromkeys(SUBJECTS, 0)
        self.lives: dict[str, list[Life]] = {subject: [] for subject in SUBJECTS}
        self.silent: dict[str, tuple[Silence, datetime]] = {}
        for subject in SUBJECTS:
            self.world.put(self.now, subject, due="2026-12-31")
            self._report(subject, 0)
        self.world.cycle(self.now)
        self._report("T-1", 3)
        self.a_cycle_runs()

    def teardown(self) -> None:
        """In the end every text has left, and the all-clear went to those alone who had been told."""
        with self.world.engine.connect() as connection:
            texts = connection.execute(select(schema.notification)).all()
            about = connection.execute(select(schema.notification_alert)).all()
        self.world.engine.dispose()
        assert {text.state for text in texts} <= {"sent"}
        kinds = {text.id: (text.holder, text.kind == "all_clear") for text in texts}
        told = {(one.alert, kinds[one.notification]) for one in about}
        assert {(alert, (holder, False)) for alert, (holder, clear) in told if clear} <= told

    # --- events

    @rule(turns=st.lists(st.sampled_from([6, 13, 25]), min_size=3, max_size=12))
    def days_pass(self, turns: list[int]) -> None:
        """A cycle now and then: long enough for several steps, and for what is gone to end."""
        for hours in turns:
            self._pass(timedelta(hours=hours))
            self.a_cycle_runs()

    @rule(subject=st.sampled_from(SUBJECTS), level=st.integers(0, 3))
    def progress_is_reported(self, subject: str, level: int) -> None:
        """The measure stands at that level from now on."""
        self._report(subject, level)

    @rule()
    def a_cycle_runs(self) -> None:
        """The model and the database must then say the same."""
        self._pass()
        self.world.cycle(self.now)
        for subject in SUBJECTS:
            self._live(subject)
        self._compare()

    @rule()
    def a_cycle_is_killed(self) -> None:
        """It dies as it begins to write: nothing of it is seen, and the next process knows nothing of it."""
        self._pass()
        whole = self.world.engine
        self.world.engine = whole.execution_options(fence=_die)
        try:
            self.world.cycle(self.now)
        except KilledError:
            pass
        finally:
            self.world.engine = whole
        self.world.memory = Memory()
        self._compare()

    @rule()
    def the_service_starts_again(self) -> None:
        """It remembers nothing."""
        self.world.memory = Memory()

    @precondition(lambda self: any(self._open(subject) for subject in SUBJECTS))
    @rule(subject=st.sampled_from(SUBJECTS), days=st.integers(1, 4), binds=st.booleans())
    def somebody_promises(self, subject: str, days: int, binds: bool) -> None:
        """The head's promise stops the climb until its day; a focal point's stops nothing."""
        subject = subject if self._open(subject) else next(one for one in SUBJECTS if self._open(one))
        life = self._open(subject)
        assert life
        self._pass()
        until = self.now + timedelta(days=days)
        alert = self.world.alert(subject)
        assert self.world.promise(self.now, alert, until, "head" if binds else "focal_point") == binds
        if binds:
            life.promise = (until, life.level)

    @rule(subject=st.sampled_from(SUBJECTS), days=st.integers(1, 5))
    def a_silence_is_ordered(self, subject: str, days: int) -> None:
        """Nobody is called about a task for some days."""
        if self._is_silent(subject):
            return
        self._pass()
        until = self.now + timedelta(days=days)
        wanted = Silence(0, self.now, until, "BCD-CQTT", "Bão lũ", self.now, subject=subject)
        with self.world.engine.begin() as connection:
            self.silent[subject] = (silencing.add_silence(connection, wanted)[0], until)

    @rule(subject=st.sampled_from(SUBJECTS))
    def a_silence_is_ended(self, subject: str) -> None:
        """Before its time."""
        if self._is_silent(subject):
            self._pass()
            if self._is_silent(subject):
                with self.world.engine.begin() as connection:
                    silencing.end_silence(connection, self.silent.pop(subject)[0], "BCD-CQTT", "Đã xong", self.now)

    # --- the parts

    def _pass(self, time: timedelta = timedelta(minutes=1)) -> None:
        self.now += time

    def _report(self, subject: str, level: int) -> None:
        self._pass()
        self.world.report(self.now, subject, (0.9, 0.6, 0.4, 0.1)[level])
        self.level[subject] = level

    def _is_silent(self, subject: str) -> bool:
        return subject in self.silent and self.now < self.silent[subject][1]

    def _open(self, subject: str) -> Life | None:
        lives = self.lives[subject]
        return lives[-1] if lives and not lives[-1].ended else None

    def _live(self, subject: str) -> None:
        life, level = self._open(subject), self.level[subject]
        if life is None and level:
            life = Life(len(self.lives[subject]) + 1, level)
            self.lives[subject].append(life)
        if life:
            life.cycle(level, self.now, silent=self._is_silent(subject))

    def _compare(self) -> None:
        with self.world.engine.connect() as connection:
            alerts = connection.execute(select(schema.alert)).all()
            calls = connection.execute(
                select(
                    schema.alert.c.subject,
                    schema.alert.c.episode,
                    schema.call.c.level,
                    schema.call.c.step,
                    schema.call.c.at,
                ).join(schema.call, schema.call.c.alert == schema.alert.c.id)
            ).all()
        real = sorted((one.subject, one.episode, one.level, one.step, one.at) for one in calls)
        model = sorted(
            (subject, life.episode, one.level, one.step, one.at)
            for subject, lives in self.lives.items()
            for life in lives
            for one in life.calls
        )
        assert real == model
        assert sorted((one.subject, one.episode, one.level, one.state == "ended") for one in alerts) == sorted(
            (subject, life.episode, life.level, life.ended) for subject, lives in self.lives.items() for life in lives
        )


def _die(_connection: Connection) -> None:
    raise KilledError


@pytest.mark.timeout(3600)
def test_alerts_live_as_the_model_says(sqlite_template: Path, tmp_path: Path) -> None:
    """Whatever happens in whatever order: the calls, their instants and the alerts are those of the model."""
    numbers, lived = count(), list[Lives]()

    def live() -> Lives:
        lived.append(Lives(make))
        return lived[-1]

    def make() -> World:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        shutil.copyfile(sqlite_template, folder / "plan.db")
        world = build_world(f"sqlite:///{folder / 'plan.db'}", folder / "in")
        world.by(book=book(RULE, by=POLICY))
        return world

    run_state_machine_as_test(
        cast("type[RuleBasedStateMachine]", live),
        settings=settings(
            max_examples=LIVES, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    assert len(lived) >= LIVES
    # They got somewhere: several steps were called, and alerts ended.
    lives = [life for one in lived for each in one.lives.values() for life in each]
    assert max(call.step for life in lives for call in life.calls) > 1
    assert any(life.ended for life in lives)
