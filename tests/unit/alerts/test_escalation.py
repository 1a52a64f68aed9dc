"""Who is called next, and when: one step per cycle, in working time, up to whoever answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from builders import alert, local
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import CALENDAR, book, policy, rule, step

from warnwatch.alerts.alert import Alert, Call, Reason, State
from warnwatch.alerts.escalation import Made, climb, climb_all, made_of, next_step, restarted
from warnwatch.rules.rule import Level

MONDAY = local(11, 8, 9)
POLICY = policy()
FRESH = alert(pending_since=MONDAY, level_since=MONDAY, opened_at=MONDAY, next_at=MONDAY, level=Level.CRITICAL)


@dataclass
class Climber:
    """An alert and all calls made for it, moved from cycle to cycle as the ledger would keep them."""

    alert: Alert = FRESH
    calls: list[Call] = field(default_factory=list)
    restart: bool = False

    def cycle(self, now: datetime, **changes: Any) -> list[tuple[int, str, Reason]]:
        """Change the alert, climb, and say which calls were made: level, office, reason."""
        made = made_of((int(call.level), call.step, call.repeat, call.round_no) for call in self.calls)
        if self.restart:
            self.alert, self.restart = restarted(self.alert, made), False
        self.alert, calls = climb(replace(self.alert, **changes), POLICY, made, now, CALENDAR)
        self.calls.extend(calls)
        return [(int(call.level), call.office, call.reason) for call in calls]


def test_an_open_alert_climbs_its_list_in_working_time() -> None:
    """Each step comes its own wait after the step before, over the weekend in working days, then the list stands."""
    one = Climber()
    assert one.cycle(MONDAY) == [(3, "head", Reason.OPENED)]
    assert one.alert.next_at == local(12, 8, 9)
    assert one.cycle(local(12, 8, 9)) == [(3, "head", Reason.CLIMBED)]
    assert one.cycle(local(15, 8, 9)) == [(3, "superior.head", Reason.CLIMBED)]
    before = one.alert
    assert (before.standing, before.next_at) == (False, local(26, 8, 9))
    assert one.cycle(local(26, 8, 9)) == [(3, "standing_body", Reason.CLIMBED)]
    after = one.alert
    assert (after.standing, after.next_at) == (True, None)
    assert [(call.step, call.repeat) for call in one.calls] == [(1, 0), (2, 0), (3, 0), (4, 0)]


def test_nothing_happens_before_the_wait_is_over() -> None:
    """A microsecond before the next step nobody is called."""
    one = Climber()
    one.cycle(MONDAY)
    assert one.cycle(local(12, 8, 9) - timedelta(microseconds=1)) == []


def test_an_outage_releases_one_step_and_no_burst() -> None:
    """After a month without a cycle one step is made, and the next waits its whole time from it."""
    one = Climber()
    one.cycle(MONDAY)
    assert one.cycle(local(11, 9, 9)) == [(3, "head", Reason.CLIMBED)]
    assert one.cycle(local(11, 9, 9, 1)) == []
    assert one.alert.next_at == local(16, 9, 9)


def test_a_raised_level_starts_its_own_list_at_once() -> None:
    """An office that was told of the warning is told at once of the critical level, from its first step on."""
    one = Climber()
    assert one.cycle(MONDAY, level=Level.WARNING) == [(2, "head,focal_point", Reason.OPENED)]
    assert one.cycle(MONDAY + timedelta(minutes=1), level=Level.CRITICAL) == [(3, "head", Reason.RAISED)]


def test_a_lowered_level_repeats_nothing() -> None:
    """Lowered, the first step of the lower list counts as told; its second comes its wait after the last call."""
    one = Climber()
    one.cycle(MONDAY)
    assert one.cycle(MONDAY + timedelta(hours=1), level=Level.WARNING) == []
    assert one.alert.next_at == local(13, 8, 9)
    assert one.cycle(local(13, 8, 9)) == [(2, "head", Reason.CLIMBED)]
    assert one.cycle(local(14, 8, 9), level=Level.NOTICE) == []


def test_falling_and_rising_again_repeats_nothing() -> None:
    """The steps of a level are called once per episode: back at critical, the climb goes on where it was."""
    one = Climber()
    one.cycle(MONDAY)
    one.cycle(MONDAY + timedelta(hours=1), level=Level.WARNING)
    assert one.cycle(MONDAY + timedelta(hours=2), level=Level.CRITICAL) == []
    assert one.cycle(local(12, 8, 9)) == [(3, "head", Reason.CLIMBED)]
    assert one.calls[-1].step == 2


def test_a_promise_holds_until_its_day_and_climbs_one_when_broken() -> None:
    """Until the promised instant nobody is called; then one step, named a broken promise, and the promise is gone."""
    one = Climber()
    one.cycle(MONDAY)
    promised = {"promised_for": local(20, 8, 9), "promised_level": 3}
    assert one.cycle(local(13, 8, 9), **promised) == []
    assert one.alert.next_at == local(20, 8, 9)
    assert one.cycle(local(20, 8, 9)) == [(3, "head", Reason.PROMISE_BROKEN)]
    assert (one.alert.promised_for, one.alert.promised_level) == (None, 0)
    assert one.cycle(local(20, 8, 10)) == []
    assert one.cycle(local(25, 8, 9)) == [(3, "superior.head", Reason.CLIMBED)]


def test_a_higher_level_asks_again() -> None:
    """A promise for the warning does not hold against the critical level."""
    one = Climber()
    one.cycle(MONDAY, level=Level.WARNING)
    promised = {"promised_for": local(20, 8, 9), "promised_level": 2}
    assert one.cycle(local(12, 8, 9), level=Level.CRITICAL, **promised) == [(3, "head", Reason.RAISED)]
    assert one.cycle(local(13, 8, 9)) == [(3, "head", Reason.CLIMBED)]


def test_a_promise_for_a_higher_level_holds_lower_ones() -> None:
    """Lowered under a promise for critical, the lower list waits for the promised day too."""
    one = Climber()
    one.cycle(MONDAY)
    promised = {"promised_for": local(20, 8, 9), "promised_level": 3}
    assert one.cycle(local(14, 8, 9), level=Level.WARNING, **promised) == []
    assert one.alert.next_at == local(20, 8, 9)


def test_a_promise_broken_at_the_end_of_the_list_leaves_it_standing() -> None:
    """With every step called, a broken promise is struck; nobody is left to call, the alert stays on the list."""
    one = Climber()
    for now in (MONDAY, local(12, 8, 9), local(15, 8, 9), local(26, 8, 9)):
        one.cycle(now)
    assert one.cycle(local(8, 9, 9), promised_for=local(9, 9, 9), promised_level=3) == []
    assert (one.alert.standing, one.alert.next_at) == (True, local(9, 9, 9))
    assert one.cycle(local(9, 9, 9)) == []
    assert (one.alert.standing, one.alert.next_at, one.alert.promised_for) == (True, None, None)


def test_the_first_digest_comes_whatever_was_promised_before() -> None:
    """A unit that goes live under a promise is told once, and the promise holds the next step."""
    one = Climber()
    one.cycle(MONDAY)
    one.restart = True
    promised = {"promised_for": local(20, 8, 9), "promised_level": 3, "initial": True}
    assert one.cycle(local(12, 8, 9), **promised) == [(3, "head", Reason.INITIAL)]
    assert one.cycle(local(14, 8, 9)) == []
    assert one.alert.next_at == local(20, 8, 9)


def test_going_live_starts_a_new_round() -> None:
    """Gone live, each step is called again under its own next number, and the waits count from the first."""
    one = Climber()
    one.cycle(MONDAY)
    one.cycle(local(12, 8, 9))
    one.restart = True
    assert one.cycle(local(13, 8, 9), initial=True) == [(3, "head", Reason.INITIAL)]
    assert (one.calls[-1].step, one.calls[-1].repeat, one.alert.initial) == (1, 1, False)
    assert one.cycle(local(14, 8, 9)) == [(3, "head", Reason.CLIMBED)]
    assert (one.calls[-1].step, one.calls[-1].repeat, one.calls[-1].round_no) == (2, 1, 1)
    assert one.cycle(local(19, 8, 9)) == [(3, "superior.head", Reason.CLIMBED)]
    assert (one.calls[-1].step, one.calls[-1].repeat, one.calls[-1].round_no) == (3, 0, 1)


def test_going_live_at_a_lower_level_than_before_tells_too() -> None:
    """An alert that was critical while held and is a warning when it goes live is told as a warning."""
    one = Climber()
    one.cycle(MONDAY)
    one.restart = True
    assert one.cycle(local(12, 8, 9), level=Level.WARNING, initial=True) == [(2, "head,focal_point", Reason.INITIAL)]
    assert one.cycle(local(12, 8, 10), level=Level.CRITICAL) == [(3, "head", Reason.RAISED)]


@pytest.mark.parametrize(
    "changes",
    [{"state": State.PENDING}, {"state": State.ENDED}, {"gone_since": MONDAY}],
    ids=["pending", "ended", "gone"],
)
def test_only_what_is_open_and_present_climbs(changes: dict[str, Any]) -> None:
    """Pending, ended and gone alerts call nobody and keep their own timer."""
    one = Climber(replace(FRESH, next_at=local(20, 8, 9)))
    assert one.cycle(local(1, 9, 9), **changes) == []
    assert one.alert.next_at == local(20, 8, 9)


def test_an_alert_of_a_rule_that_is_gone_climbs_no_further() -> None:
    """Of two alerts only the one whose rule is in the book is climbed."""
    other = replace(FRESH, id=2, rule="removed")
    after, calls = climb_all([FRESH, other], book(rule()), {}, MONDAY, CALENDAR)
    assert (list(after), [call.alert for call in calls]) == ([FRESH.id], [FRESH.id])


def test_a_policy_that_lost_steps_stays_at_its_end() -> None:
    """With fewer steps than were called, the alert stands instead of failing."""
    short = policy({"critical": (step(),)})
    after, calls = climb(FRESH, short, Made(0, ((3, 4),), 4), MONDAY, CALENDAR)
    assert (calls, after.standing) == ((), True)


def test_what_was_made_is_counted_by_the_last_round() -> None:
    """Calls of an earlier round count as told, not as steps of this one."""
    made = made_of([(3, 1, 0, 0), (3, 2, 0, 0), (2, 1, 0, 1)])
    assert (made.round_no, made.at(2), made.at(3), made.times) == (1, 1, 0, 3)
    assert (made.of(3, 1), made.of(2, 1), made.of(2, 2)) == ((0, 1), (1, 1), (0, 0))
    assert made_of([]) == Made()
    assert (restarted(FRESH, made).round_no, restarted(FRESH, Made())) == (2, FRESH)


def test_the_next_step_is_known_for_the_text() -> None:
    """A text can say whom the next step tells, and that there is none after the last."""
    assert next_step(FRESH, POLICY, Made(0, ((3, 2),), 2)) == POLICY.levels[Level.CRITICAL][2]
    assert next_step(FRESH, POLICY, Made(0, ((3, 4),), 4)) is None


waits = st.timedeltas(timedelta(0), timedelta(days=9))
events = st.lists(st.tuples(waits, st.sampled_from([1, 2, 3]), st.booleans(), st.booleans()), max_size=25)


@settings(deadline=None)
@given(events)
def test_no_step_is_ever_called_twice_and_none_too_early(rounds: list[tuple[timedelta, int, bool, bool]]) -> None:
    """Whatever levels and promises come: one call a cycle, each step once, and a climb never before its wait."""
    one, now = Climber(), MONDAY
    for wait, level, promises, _ in rounds:
        now += wait
        before = one.alert
        promise = {"promised_for": now + timedelta(days=3), "promised_level": level} if promises else {}
        made = one.cycle(now, level=Level(level), **promise)
        assert len(made) <= 1
        if made and made[0][2] is Reason.CLIMBED and before.last_call_at:
            steps = POLICY.levels[Level(level)]
            assert now >= CALENDAR.add(before.last_call_at, steps[one.calls[-1].step - 1].after)
        assert not (made and promises)
    keys = [(call.level, call.step, call.repeat) for call in one.calls]
    assert len(keys) == len(set(keys))
