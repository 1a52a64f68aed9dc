"""What lies on the desk in one cycle: the alerts that something happens to, read once and moved together.

In: the subjects that differ, the instant. Out: transitions, calls, and the alerts as they are to be written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from warnwatch.alerts import ledger
from warnwatch.alerts.alert import Alert, Call, EndReason, State
from warnwatch.alerts.escalation import Made, People, climb_all, people_of, restarted
from warnwatch.alerts.lifecycle import Numbering, Transition, advance, retire
from warnwatch.alerts.muting import NO_MUTINGS, Muting, Mutings, hold_back
from warnwatch.alerts.takeover import Taken, heirs_of, read_taken, subjects_of, take_over
from warnwatch.alerts.terms import Terms, depends_on_tasks, terms_of
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.directory import Directory
from warnwatch.plan.task_terms import TaskTerms
from warnwatch.rules.evaluation import Evaluation, Observation, observe
from warnwatch.rules.rule import RuleBook


@dataclass(frozen=True, slots=True)
class Work:
    """What was read: alerts due by time, alerts of subjects that differ, alerts whose rule is gone or goes live.

    `handed` are alerts that another unit answers for now; `homes` names that unit, by alert. `mutings`: what may hold
    calls back; `released`: muted alerts whose muting may be over. `taken`: alerts of rules that others replace.
    `people`: who can be told by which step. `terms`: by which policy each alert climbs; without them those of the book.
    """

    due: tuple[Alert, ...]
    active: Mapping[tuple[str, str], Alert]
    retired: tuple[Alert, ...]
    restarting: tuple[Alert, ...]
    numbering: Numbering
    differing: Mapping[str, Sequence[str]]
    handed: tuple[Alert, ...] = ()
    homes: Mapping[int, str] = field(default_factory=dict)
    mutings: Mutings = NO_MUTINGS
    released: tuple[Alert, ...] = ()
    taken: tuple[Taken, ...] = ()
    people: People | None = None
    terms: Terms | None = None

    @property
    def waiting(self) -> tuple[Alert, ...]:
        """The alerts that may have to be called even when nothing about them moves."""
        return (*self.released, *self.due, *self.restarting, *self.handed)

    def read(self, numbers: Iterable[int]) -> list[Alert]:
        """Give the alerts of some numbers as they were read; new ones are left out."""
        gone = (*self.retired, *(one.alert for one in self.taken))
        read = {alert.id: alert for alert in (*self.waiting, *self.active.values(), *gone)}
        return [read[number] for number in numbers if number in read]

    def known(self) -> set[int]:
        """Give the numbers of all alerts on the desk."""
        return {alert.id for alert in (*self.waiting, *self.active.values())}

    def subjects(self) -> dict[str, set[str]]:
        """Name the subjects to look at closely, by rule."""
        found = {rule: set(subjects) for rule, subjects in self.differing.items()}
        for alert in self.waiting:
            found.setdefault(alert.rule, set()).add(alert.subject)
        return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a cycle decided about alerts. `alerts` holds the final state of each one that changed, `new` the numbers.

    `handed`: the alerts that another unit answers for from now on, before and after. `muted`: what a call is held back
    for from now on, by alert; `unmuted`: the alerts, open still, for which nothing is held back any more.
    """

    transitions: tuple[Transition, ...]
    calls: tuple[Call, ...]
    alerts: Mapping[int, Alert]
    new: frozenset[int]
    broken: tuple[Alert, ...] = ()
    handed: tuple[tuple[Alert, Alert], ...] = ()
    muted: Mapping[int, Muting] = field(default_factory=dict)
    unmuted: tuple[Alert, ...] = ()

    @property
    def called(self) -> list[tuple[Alert, Call]]:
        """The calls with their alerts."""
        return [(self.alerts[call.alert], call) for call in self.calls]

    @property
    def told(self) -> list[Alert]:
        """The alerts of which texts will tell, one of them perhaps more than once."""
        return [*(alert for alert, _ in self.called), *self.cured]

    @property
    def over(self) -> set[int]:
        """The alerts that need no telling any more to whom it waits: they end here, or change hands."""
        ended = {number for number, alert in self.alerts.items() if alert.state is State.ENDED}
        return ended | {after.id for _, after in self.handed}

    def open_now(self, known: Mapping[int, Alert]) -> dict[int, Alert]:
        """Give some alerts as they are after this cycle, those that are open then."""
        after = {number: self.alerts.get(number, alert) for number, alert in known.items()}
        return {number: alert for number, alert in after.items() if alert.state is State.OPEN}

    @property
    def cured(self) -> list[Alert]:
        """The alerts whose end is told to whoever was told of them."""
        return [
            move.after
            for move in self.transitions
            if move.after.end_reason is EndReason.CURED and move.before and move.before.state is State.OPEN
        ]


def read_work(
    connection: Connection,
    differing: Mapping[str, Sequence[str]],
    book: RuleBook,
    news: Iterable[tuple[str, str]],
    now: datetime,
    handed: Sequence[tuple[Alert, str]] = (),
) -> Work:
    """Read the alerts that this cycle may move; a quiet cycle reads one empty list and one number."""
    due = tuple(ledger.read_due(connection, now))
    moving = tuple(alert for alert, _ in handed)
    live = {kind: [code for kind_, code in news if kind_ == kind] for kind in ("rule", "unit")}
    retired = ledger.read_retired(connection, [rule.id for rule in book.rules])
    taken = read_taken(connection, retired, book, set(news))
    gone = {one.alert.id for one in taken}
    return Work(
        due=due,
        active=ledger.read_active(connection, differing)
        | {(alert.rule, alert.subject): alert for alert in (*due, *moving)},
        retired=tuple(alert for alert in retired if alert.id not in gone),
        restarting=tuple(ledger.read_open_of(connection, live["rule"], live["unit"])),
        numbering=ledger.read_numbering(connection, _together(differing, subjects_of(taken))),
        differing=differing,
        handed=moving,
        homes={alert.id: home for alert, home in handed},
        taken=taken,
    )


def _together(*subjects: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    rules = {rule for some in subjects for rule in some}
    return {rule: {code for some in subjects for code in some.get(rule, ())} for rule in rules}


def untouched(differing: Mapping[str, Sequence[str]]) -> Work:
    """Give the desk as it would be if no alert had ever been opened; for looking at a past instant."""
    return Work((), {}, (), (), Numbering(1, {}), differing)


def on_terms(
    work: Work,
    book: RuleBook,
    others: Iterable[Alert],
    directory: Directory,
    read: Callable[[set[str]], TaskTerms],
    calendar: WorkCalendar,
) -> Work:
    """Say by which policy each alert on the desk, and some others, climb, and who can be told by a step.

    `read` gives the terms of tasks; it is not asked where no policy depends on them.
    """
    subjects: set[str] = set()
    if depends_on_tasks(book):
        about_tasks = {rule.id for rule in book.rules if rule.about == "task"}
        subjects = {code for rule, codes in work.subjects().items() if rule in about_tasks for code in codes}
        subjects |= {one.subject for one in (*others, *work.active.values()) if one.about == "task"}
    return replace(work, people=people_of(directory), terms=terms_of(book, read(subjects), calendar))


def observe_all(evaluation: Evaluation, book: RuleBook, work: Work) -> dict[tuple[str, str], Observation]:
    """Look closely at every subject on the desk: {(rule, subject): observation}, without those gone from the plan."""
    known = {rule.id: rule for rule in book.rules}
    return {
        (rule, seen.subject): seen
        for rule, subjects in work.subjects().items()
        if rule in known
        for seen in observe(evaluation, known[rule], subjects)
    }


def decide(
    work: Work,
    observations: Mapping[tuple[str, str], Observation],
    book: RuleBook,
    made: Mapping[int, Made],
    clock: tuple[datetime, WorkCalendar],
    initial: frozenset[tuple[str, str]],
) -> Outcome:
    """Move the alerts on the desk and climb those that are open.

    `initial` names the rules and units that go live in this cycle: their alerts begin a new round of calls.
    """
    now, calendar = clock
    differing = {(rule, subject) for rule, subjects in work.differing.items() for subject in subjects}
    taken = {one.key for one in work.taken if one.heir}
    pairs = [
        (seen, work.active.get(key))
        for key, seen in sorted(observations.items())
        if (key in work.active or key in differing) and key not in taken
    ]
    taken_over, numbering = take_over(work.taken, work.numbering, now, calendar)
    heirs = heirs_of(taken_over)
    transitions = [
        *taken_over,
        *advance(pairs, numbering, now, calendar),
        *(retire(alert, now) for alert in work.retired),
    ]
    final = {alert.id: alert for alert in work.waiting} | {move.after.id: move.after for move in transitions}
    before = {alert.id: alert for alert in (*work.waiting, *work.active.values())}
    restart = {alert.id for alert in work.restarting}
    for key, alert in final.items():
        if key in heirs:  # it goes on as it was, whoever answers for it now; the rule moves it in the next cycle
            old = heirs[key]
            final[key] = _handed(alert, old, work.homes.get(old.id, alert.unit), made.get(old.id, Made()))
            continue
        seen = observations.get((alert.rule, alert.subject))
        home = seen.unit if seen else work.homes.get(key, alert.unit)
        one = _handed(alert, before.get(key, alert), home, made.get(key, Made()))
        final[key] = _gone_live(one, made.get(key, Made()), initial, restart=key in restart)
    climbed, calls = climb_all(
        (alert for key, alert in final.items() if key not in heirs),
        work.terms or Terms(book),
        made,
        now,
        calendar,
        work.people,
    )
    climbed, calls, held = hold_back(final, climbed, calls, work.mutings.moved(final.values()), now)
    final |= climbed
    called = {call.alert for call in calls}
    changed = {key: alert for key, alert in final.items() if key in called or before.get(key) != alert}
    broken = tuple(alert for key, alert in changed.items() if key in before and _struck(before[key], alert, now))
    new = frozenset(move.after.id for move in transitions if move.before is None)
    moved = tuple(
        (before[key], alert)
        for key, alert in changed.items()
        if key in before and before[key].unit != alert.unit and alert.state is State.OPEN
    )
    muted = {key: why for key, why in held.items() if not _same_hold(before.get(key), final[key])}
    unmuted = tuple(
        alert
        for key, alert in changed.items()
        if key in before and before[key].muted_since and not alert.muted_since and alert.state is State.OPEN
    )
    return Outcome(tuple(transitions), tuple(calls), changed, new, broken, moved, muted, unmuted)


def _same_hold(before: Alert | None, after: Alert) -> bool:
    """Say whether an alert is held back as it was before: by the same silence, or the same alert."""
    return before is not None and (before.muted_since, before.muted_silence, before.muted_alert) == (
        after.muted_since,
        after.muted_silence,
        after.muted_alert,
    )


def _handed(alert: Alert, before: Alert, home: str, made: Made) -> Alert:
    """Follow a subject handed to another unit: its head is called from the first step on, and owes no promise."""
    if home == before.unit or alert.state is State.ENDED:
        return alert
    if alert.state is State.PENDING:
        return replace(alert, unit=home)
    moved = replace(
        alert,
        unit=home,
        called_level=0,
        standing=False,
        acknowledged_at=None,
        acknowledged_by=None,
        promised_for=None,
        promised_level=0,
    )
    return restarted(moved, made)


def _gone_live(alert: Alert, made: Made, initial: frozenset[tuple[str, str]], *, restart: bool) -> Alert:
    """Let an alert whose rule or unit goes live begin anew, with the initial digest."""
    goes = ("rule", alert.rule) in initial or ("unit", alert.unit) in initial
    if alert.state is not State.OPEN or not (goes or restart):
        return alert
    return replace(restarted(alert, made) if restart else alert, initial=True)


def _struck(before: Alert, after: Alert, now: datetime) -> bool:
    return before.promised_for is not None and after.promised_for is None and before.promised_for <= now
