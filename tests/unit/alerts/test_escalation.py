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
from warnwatch.alerts.escalation import Made, Told, climb, climb_all, coming, made_of, next_step, people_of, restarted
from warnwatch.alerts.terms import Terms
from warnwatch.plan.calendar import Duration
from warnwatch.plan.directory import Directory, Holder, Unit
from warnwatch.rules.rule import Level, Policy, Step

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
    after, calls = climb_all([FRESH, other], Terms(book(rule())), {}, MONDAY, CALENDAR)
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


DAY, WEEK = Duration(1, "working_day"), Duration(5, "working_day")
AT_ONCE = Duration(0, "minute")
WEEKLY = policy(
    {
        "critical": (
            Step(AT_ONCE, ("head",)),
            Step(DAY, ("head",), repeat=WEEK, times=2),
            Step(Duration(7, "working_day"), ("standing_body",), repeat=WEEK),
        )
    }
)


def walk(by: Policy, days: int, heard: timedelta | None = timedelta(0)) -> list[tuple[datetime, int, Reason]]:
    """Run cycles hourly and give the calls; the text of each leaves `heard` after it, or never."""
    one, calls, made = FRESH, list[Call](), list[tuple[datetime, int, Reason]]()
    for hour in range(days * 24):
        now = MONDAY + timedelta(hours=hour)
        told = (
            Told(int(call.level), call.step, call.repeat, call.round_no, call.at, _left(call.at, heard, now))
            for call in calls
        )
        if one.next_at and one.next_at <= now:
            one, new = climb(one, by, made_of(told), now, CALENDAR)
            calls += new
            made += [(call.at, call.step, call.reason) for call in new]
    return made


def _left(at: datetime, heard: timedelta | None, now: datetime) -> datetime | None:
    return at + heard if heard is not None and at + heard <= now else None


def test_a_step_repeats_while_the_alert_climbs_and_its_last_one_for_ever() -> None:
    """A weekly reminder never delays the climb, stops after its `times`, and that of the last step goes on."""
    assert walk(WEEKLY, 40) == [
        (MONDAY, 1, Reason.OPENED),
        (local(12, 8, 9), 2, Reason.CLIMBED),
        (local(19, 8, 9), 2, Reason.REPEATED),
        (local(21, 8, 9), 3, Reason.CLIMBED),
        (local(26, 8, 9), 2, Reason.REPEATED),
        (local(28, 8, 9), 3, Reason.REPEATED),
        (local(8, 9, 9), 3, Reason.REPEATED),
        (local(15, 9, 9), 3, Reason.REPEATED),
    ]


def test_a_wait_counts_from_when_the_text_left() -> None:
    """Where the text of a step left two days late, the next step comes its whole wait after that."""
    assert walk(WEEKLY, 6, timedelta(days=2))[1][0] == local(14, 8, 9)


def test_a_dead_mail_server_holds_nothing_down_for_ever() -> None:
    """While no text leaves nothing climbs; from the policy's cap on, counted from the opening, it climbs regardless."""
    (first, second, *_) = walk(WEEKLY, 60, None)
    assert first[0] == MONDAY
    assert second[:2] == (CALENDAR.add(MONDAY, WEEKLY.cap), 2)


def test_the_next_step_says_that_it_waits_for_a_text() -> None:
    """Whoever asks why a step has not come learns that the text before it has not left."""
    held = made_of([Told(3, 1, 0, 0, MONDAY, None)])
    after = replace(FRESH, called_level=3, last_call_at=MONDAY)
    found = coming(after, POLICY, held, local(12, 8, 10), CALENDAR)
    assert found == (local(13, 8, 10), False, 1, True)


TREE = {
    "A": Unit("A", "Gốc", kind="co_quan_thuong_truc"),
    "DP-19-UB": Unit("DP-19-UB", "Tỉnh", parent="A"),
}
CLIMBS = policy({"critical": (Step(AT_ONCE, ("head",)), Step(DAY, ("superior.head",)), Step(DAY, ("standing_body",)))})


def holder(unit: str, email: str | None = "a@b.vn") -> Holder:
    """Give the head of a unit."""
    return Holder(f"{unit}/head/1", unit, "head", email=email)


def climbed(holders: tuple[Holder, ...], step_made: int, unit: str = "DP-19-UB") -> tuple[list[Any], bool]:
    """Climb one alert whose wait is over; give (step, passed over) of its calls, and whether it stands."""
    directory = Directory(TREE, holders, MONDAY.date())
    made = made_of([Told(3, number, 0, 0, MONDAY, MONDAY) for number in range(1, step_made + 1)])
    late = replace(FRESH, unit=unit, last_call_at=MONDAY, called_level=3 if step_made else 0)
    after, calls = climb(late, CLIMBS, made, local(20, 8, 9), CALENDAR, people_of(directory))
    return [(call.step, call.passed) for call in calls], after.standing


def test_who_is_his_own_superior_is_told_once() -> None:
    """The superior's step, and the standing body's, would tell the same person again: the alert goes on the list."""
    assert climbed((holder("A"),), 1, "A") == ([], True)


def test_a_step_that_reaches_the_same_person_is_passed_over_for_the_next() -> None:
    """The superior of a vacant head has been told already, and so has the standing body that is the superior."""
    assert climbed((holder("A"),), 1) == ([], True)
    assert climbed((holder("A"), holder("DP-19-UB")), 1) == ([(2, ())], False)


def test_nobody_anywhere_is_called_at_once_to_the_end_of_the_list() -> None:
    """With nobody who can be reached no step waits: the last one is called for nobody, and the alert is on the list."""
    assert climbed((), 0) == ([(3, (1, 2))], True)
    assert climbed((holder("A", None),), 0) == ([(3, (1, 2))], True)


acts = st.lists(
    st.tuples(
        st.timedeltas(timedelta(minutes=1), timedelta(days=9)),
        st.sampled_from([1, 2, 3]),
        st.booleans(),
        st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=6))),
    ),
    max_size=20,
)


@settings(deadline=None)
@given(acts)
def test_nothing_is_ever_stuck_or_out_of_turn(turns: list[tuple[timedelta, int, bool, timedelta | None]]) -> None:
    """Whatever comes: one call a cycle, steps in order, repeats only of steps made, and a timer or the list."""
    one, calls, now = FRESH, list[tuple[Call, timedelta | None]](), MONDAY
    for wait, level, restarts, leaves in turns:
        now += wait
        told = made_of(
            Told(int(call.level), call.step, call.repeat, call.round_no, call.at, _left(call.at, heard, now))
            for call, heard in calls
        )
        one = replace(restarted(one, told), called_level=0) if restarts else one
        seen = told.in_round(one.round_no)
        by = replace(WEEKLY, levels={**POLICY.levels, **WEEKLY.levels})
        one, new = climb(replace(one, level=Level(level)), by, told, now, CALENDAR)
        assert len(new) <= 1
        assert one.standing or one.next_at
        assert one.next_at is None or one.next_at > now or new  # what is due besides comes in the next cycle
        for call in new:
            known = seen.of(level, call.step)[0]
            done = max(seen.at(level), 1 if one.called_level > level else 0)
            assert call.step == done + 1 if call.reason is not Reason.REPEATED else call.step <= done
            assert not known or call.reason is Reason.REPEATED
            before = [made.at for made, _ in calls if made.round_no == one.round_no]
            if call.reason in (Reason.CLIMBED, Reason.REPEATED) and before:
                assert now - before[0] >= timedelta(hours=23)
        calls += [(call, leaves) for call in new]
    keys = [(call.level, call.step, call.repeat) for call, _ in calls]
    assert len(keys) == len(set(keys))
