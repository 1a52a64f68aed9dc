"""By which policy each alert climbs: the authority that an obstacle names, and nobody where it names none."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from builders import alert, local
from judging import CALENDAR, book, policy, rule, step, tasks_frame

from warnwatch.alerts.alert import Alert, Reason
from warnwatch.alerts.escalation import Told, climb, coming, made_of, next_step, people_of
from warnwatch.alerts.terms import Terms
from warnwatch.plan.calendar import parse_duration
from warnwatch.plan.directory import Directory, Holder, Unit
from warnwatch.plan.measures import today_of
from warnwatch.plan.task_terms import TaskTerms, read_terms
from warnwatch.rules.rule import Level

MONDAY = local(11, 8, 9)
LATE = local(20, 8, 9)
BY = policy(
    {
        "critical": (
            step(),
            replace(step("1 working day", "authority"), repeat=parse_duration("5 working days")),
            step("3 working days", "superior.head"),
        )
    }
)
TREE = {"A": Unit("A", "Gốc"), "U-1": Unit("U-1", "Sở", parent="A"), "U-2": Unit("U-2", "Sở khác", parent="A")}
HEADS = tuple(Holder(f"{code}/head", code, "head", email=f"{code.lower()}@example.vn") for code in TREE)
PEOPLE = people_of(Directory(TREE, HEADS, MONDAY.date()))
OPEN = alert(
    unit="U-1",
    subject="T-1",
    about="task",
    level=Level.CRITICAL,
    opened_at=MONDAY,
    called_level=3,
    last_call_at=MONDAY,
)
TOLD = made_of([Told(3, 1, 0, 0, MONDAY, MONDAY)])


def terms(authority: str = "", *, about: Alert = OPEN) -> Terms:
    """Give the terms under which task T-1 waits for an authority."""
    named = {about.subject: authority} if authority else {}
    return Terms(book(rule(), by=BY), TaskTerms({}, named))


def called(authority: str) -> list[tuple[int, str, str, tuple[int, ...], Reason]]:
    """Climb the alert whose second step is due, and give the call that is made."""
    by = terms(authority).policy(OPEN)
    assert by is not None
    _, calls = climb(OPEN, by, TOLD, LATE, CALENDAR, PEOPLE)
    return [(one.step, one.office, one.unit, one.passed, one.reason) for one in calls]


def test_the_authority_that_can_lift_the_obstacle_is_called() -> None:
    """The head of the unit that the obstacle names is told, as that unit, and not the one that answers for the task."""
    assert called("U-2") == [(2, "authority", "U-2", (), Reason.CLIMBED)]


def test_without_an_authority_the_next_step_is_called_at_once() -> None:
    """An obstacle that names nobody, or that names the unit itself, holds nothing up; the journal names the step."""
    assert called("") == [(3, "superior.head", "U-1", (2,), Reason.CLIMBED)]
    assert called("U-1") == called("")
    vacant = Directory({**TREE, "U-3": Unit("U-3", "Sở trống")}, HEADS, MONDAY.date())
    by = terms("U-3").policy(OPEN)
    assert by is not None
    _, calls = climb(OPEN, by, TOLD, LATE, CALENDAR, people_of(vacant))
    assert [(one.step, one.passed) for one in calls] == [(3, (2,))]


def test_what_looks_at_no_people_passes_over_it_too() -> None:
    """The list of who is next, and a text, never name an authority that is not there."""
    by = terms().policy(OPEN)
    assert by is not None
    assert next_step(OPEN, by, TOLD) == BY.levels[Level.CRITICAL][2]
    assert [one.step for one in climb(OPEN, by, TOLD, LATE, CALENDAR)[1]] == [3]


def test_an_obstacle_that_is_lifted_ends_the_reminders_to_its_authority() -> None:
    """A weekly reminder to an authority stops when the obstacle does; the climb goes on."""
    made = made_of([Told(3, 1, 0, 0, MONDAY, MONDAY), Told(3, 2, 0, 0, LATE, LATE), Told(3, 3, 0, 0, LATE, LATE)])
    standing, lifted = terms("U-2").policy(OPEN), terms().policy(OPEN)
    assert standing
    assert lifted
    found = coming(OPEN, standing, made, LATE, CALENDAR)
    assert found
    assert (found.repeats, found.place) == (True, 1)
    assert coming(OPEN, lifted, made, LATE, CALENDAR) is None


def test_what_is_no_task_has_neither_length_nor_authority() -> None:
    """An alert about a unit that bears the code of a task waits the longest time and names no authority."""
    about_unit = replace(OPEN, about="unit")
    found = terms("U-2").policy(about_unit)
    assert found
    assert found.levels[Level.CRITICAL][1].tell == ()
    assert terms().policy(replace(OPEN, rule="removed")) is None


def test_terms_are_read_from_the_plan() -> None:
    """A task's length is that of its plan, its authority the unit that the latest report names."""
    said = {"reported_at": local(5, 8, 9), "obstacle": True, "authority": "U-2", "reasoned": True}
    frame = tasks_frame(
        {"code": "T-1", "reports": [said]},
        {"code": "T-2", "reports": [said, {"reported_at": local(6, 8, 9), "progress": 0.5}]},
        {"code": "T-3", "start_at": None, "assigned_at": local(4, 8, 0)},
        {"code": "T-4"},
    )
    today = today_of(local(11, 8, 9), CALENDAR)
    found = read_terms(frame, ["T-1", "T-2", "T-3", "T-9"], today)
    assert found == TaskTerms({"T-1": 9, "T-2": 9}, {"T-1": "U-2"})
    assert read_terms(frame, [], today) == TaskTerms()
    assert Terms(book(), found).office_hours == CALENDAR.hours_a_day == Fraction(8)
