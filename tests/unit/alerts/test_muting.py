"""Whatever silences come and go: nobody is told of a muted alert, and nothing that stands is forgotten or repeated."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from builders import NOW, alert, unit
from hypothesis import given
from hypothesis import strategies as st
from judging import CALENDAR, book, policy, rule, step

from warnwatch.alerts.alert import Call
from warnwatch.alerts.escalation import climb, made_of
from warnwatch.alerts.muting import Mutings, Silence, hold_back
from warnwatch.plan.directory import Directory
from warnwatch.rules.rule import Level

# One step for each level: what is called once is called.
POLICY = policy({"notice": (step(),), "warning": (step(),), "critical": (step(),)})
DIRECTORY = Directory({"DP-19-UB": unit(parent=None)}, (), NOW.date())
HOURS = 24
LEVELS = st.sampled_from((Level.NOTICE, Level.WARNING, Level.CRITICAL))
SILENCES = st.lists(st.tuples(st.integers(0, HOURS - 2), st.integers(1, HOURS - 2), LEVELS), max_size=6)


@given(SILENCES, st.lists(LEVELS, min_size=HOURS, max_size=HOURS))
def test_nobody_is_told_of_a_muted_alert_and_what_stands_is_told_once(
    planned: list[tuple[int, int, Level]], levels: list[Level]
) -> None:
    """After the last silence the alert has been called at its level, or a graver one, and at no level twice."""
    silences = tuple(
        Silence(
            number,
            NOW + timedelta(hours=start),
            NOW + timedelta(hours=min(start + lasts, HOURS - 1)),
            "VP",
            "Bão lũ",
            NOW,
            up_to=level,
        )
        for number, (start, lasts, level) in enumerate(planned, 1)
    )
    one, made = alert(next_at=NOW), list[Call]()
    for hour, level in enumerate(levels):
        now = NOW + timedelta(hours=hour)
        if level != one.level or (one.next_at is not None and one.next_at <= now):
            one = replace(one, level=level)
            known = made_of((call.level, call.step, call.repeat, call.round_no) for call in made)
            moved, calls = climb(one, POLICY, known, now, CALENDAR)
            force = tuple(silence for silence in silences if silence.holds_at(now))
            mutings = Mutings(force, {}, book(rule(), by=POLICY), DIRECTORY)
            after, kept, held = hold_back({one.id: one}, {one.id: moved}, calls, mutings, now)
            one = after[one.id]
            assert not any(silence.up_to >= call.level for call in kept for silence in force)
            assert bool(one.muted_since) == bool(held)
            made += kept
    told = [call.level for call in made]
    assert len(set(told)) == len(told)
    assert one.muted_since is None
    assert max(told) >= one.level
