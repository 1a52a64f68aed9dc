"""One test, run: facts as they become known, cycles whenever something may happen, and what differs at each instant.

A cycle runs at every fact and expectation, whenever an alert has to be looked at again, right after every moment that a
fact names (a deadline), and at each midnight; where a rule counts hours, also every hour. So days turn, deadlines pass
and steps are taken when they are in production, without a cycle a minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from warnwatch.alerts.alert import Alert, State
from warnwatch.cycle import CycleReport
from warnwatch.errors import Mistake, MistakesError, WarnWatchError
from warnwatch.language import Phrase
from warnwatch.notify.notification import Kind, Notification
from warnwatch.plan.calendar import Duration, WorkCalendar
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.directory import Directory
from warnwatch.rules.evaluation import observe, observe_values
from warnwatch.rules.levels import NOT_APPLICABLE
from warnwatch.rules.rule import Level, Rule
from warnwatch.ruletests import acts
from warnwatch.ruletests.facts import bring_facts, moments_of, tree_rows
from warnwatch.ruletests.form import ENDS, NONE, PENDING, UNKNOWN
from warnwatch.ruletests.form import NOT_APPLICABLE as NOT_APPLICABLE_WORD
from warnwatch.ruletests.reading import Ahead, Expectation, Fact, RuleTest, Told, Wanted
from warnwatch.ruletests.world import Stage, World, open_world

ABSENT, FAILED = "absent", "failed"
_MOST_CYCLES = 20_000  # a slip in a year would run for hours


@dataclass(frozen=True, slots=True)
class LevelDifference:
    """A level that is not the expected one, with what the rule looked at: its measure, thresholds and other values."""

    at: datetime
    wanted: Wanted
    found: str
    value: float | None
    thresholds: Mapping[str, float | None]
    values: Mapping[str, object]
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """A notification that was written: whom it went to and when, what it says, about which subjects of which rules."""

    at: datetime
    told: Told
    about: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TellDifference:
    """What of the notifications since the instant before differs: those that are missing, those that are too many."""

    since: datetime
    at: datetime
    missing: tuple[Told, ...]
    unexpected: tuple[Mail, ...]
    expectation: Expectation


@dataclass(frozen=True, slots=True)
class AheadDifference:
    """Who is told next, or when, or whether the alert stands, is not as expected. `told` is empty where nobody is."""

    at: datetime
    wanted: Ahead
    told: tuple[Told, ...]
    next_at: datetime | None
    standing: bool


Difference: TypeAlias = LevelDifference | TellDifference | AheadDifference


@dataclass(frozen=True, slots=True)
class TestResult:
    """What came of one test. `mistakes`: facts that the program refused; then nothing was compared.

    `reached` holds (rule, word) for every expected word that was found; `steps` (policy, level, step) for each call.
    """

    test: RuleTest
    differences: tuple[Difference, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    notes: tuple[Mistake, ...] = ()
    reached: frozenset[tuple[str, str]] = frozenset()
    steps: frozenset[tuple[str, str, int]] = frozenset()
    cycles: int = 0

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not (self.differences or self.mistakes)


@dataclass
class _Run:
    """One run of one test, as far as it has come."""

    test: RuleTest
    world: World
    mails: list[Mail] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    notes: list[Mistake] = field(default_factory=list)
    reached: set[tuple[str, str]] = field(default_factory=set)
    steps: set[tuple[str, str, int]] = field(default_factory=set)
    cycles: int = 0
    # The alerts as the last cycle left them: read anew only when somebody else than a cycle has changed one.
    alerts: dict[tuple[str, str], Alert] = field(default_factory=dict)


def run_test(stage: Stage, test: RuleTest, number: int) -> TestResult:
    """Run one test in a plan of its own; `number` tells its folder from those of other tests."""
    with open_world(stage, test.rules, tree_rows()[1], number) as world:
        run = _Run(test, world)
        try:
            _play(run)
        except MistakesError as error:
            return TestResult(test, mistakes=error.mistakes, notes=tuple(run.notes), cycles=run.cycles)
        except WarnWatchError as error:
            mistake = test.document.mistake(test.keys, error.args[0])
            return TestResult(test, mistakes=(mistake,), notes=tuple(run.notes), cycles=run.cycles)
        return TestResult(
            test,
            tuple(run.differences),
            notes=tuple(dict.fromkeys(run.notes)),
            reached=frozenset(run.reached),
            steps=frozenset(run.steps),
            cycles=run.cycles,
        )


def _play(run: _Run) -> None:
    test, world = run.test, run.world
    start = min([*(one.at for one in test.facts), *(one.at for one in test.expectations)])
    facts, expected = _by_instant(test.facts), {one.at: one for one in test.expectations}
    last = max(expected)
    hourly = Duration(1, "hour") if any(map(_counts_hours, world.standards.book.rules)) else None
    turns = _turns(start, world.calendar, test.every or hourly)
    turn = next(turns)
    moments = sorted(one for fact in test.facts for one in moments_of(fact, world.calendar.zone) if one > start)
    now, since = start, start
    mistakes: list[Mistake] = []
    while now <= last:
        due = facts.pop(now, [])
        mistakes += _learn(run, due, now)
        report = None if mistakes else _look(run, due, now)
        if report and now in expected:
            _compare(run, expected[now], since, report)
            since = now
        while turn <= now:
            turn = next(turns)
        # Once a fact is refused, nothing is judged any more; the facts after it still may have mistakes of their own.
        waking = [] if mistakes else [turn, *moments, *(one.next_at for one in run.alerts.values() if one.next_at)]
        now = min((at for at in (*facts, *expected, *waking) if at > now), default=last + timedelta(days=1))
    if mistakes:
        raise MistakesError(mistakes)


def _learn(run: _Run, facts: Sequence[Fact], now: datetime) -> list[Mistake]:
    """Take the facts of one instant that are known before its cycle; give the mistakes in them."""
    document, mistakes = run.test.document, list[Mistake]()
    rows = [fact for fact in facts if fact.kind.files]
    if rows:
        try:
            run.notes += bring_facts(run.world, rows, now, document)
        except MistakesError as error:
            mistakes += error.mistakes
    for fact in facts:
        if fact.kind.word in acts.BEFORE and not mistakes:
            try:
                acts.do(run.world, fact, document)
            except MistakesError as error:
                mistakes += error.mistakes
    return mistakes


def _look(run: _Run, facts: Sequence[Fact], now: datetime) -> CycleReport:
    """Run the cycle of an instant; what is done to alerts then is seen by one more."""
    report = _cycle(run, now)
    later = [fact for fact in facts if not fact.kind.files and fact.kind.word not in acts.BEFORE]
    for fact in later:
        acts.do(run.world, fact, run.test.document)
        run.alerts = run.world.alerts()
    return _cycle(run, now) if later else report


def _cycle(run: _Run, now: datetime) -> CycleReport:
    run.cycles += 1
    if run.cycles > _MOST_CYCLES:
        raise WarnWatchError(
            Phrase(
                "kiểm thử dài quá: hơn {most} lần xét; hãy rút ngắn khoảng thời gian hoặc tăng every", most=_MOST_CYCLES
            )
        )
    report = run.world.cycle(now)
    alerts = report.outcome.alerts
    run.alerts |= {(one.rule, one.subject): one for one in sorted(alerts.values(), key=lambda alert: alert.id)}
    escalation = {rule.id: rule.escalation for rule in report.book.rules}
    run.steps |= {(escalation[alerts[call.alert].rule], call.level.word, call.step) for call in report.outcome.calls}
    for one, _ in report.notifications:
        about = tuple((alerts[key].rule, alerts[key].subject) for key in one.alerts if key in alerts)
        run.mails.append(Mail(now, _told(one, report.directory), about))
    return report


def _told(one: Notification, directory: Directory) -> Told:
    """Say who was told by the office that they hold, whichever was asked for; an all-clear has no level."""
    holder = directory.by_code.get(one.holder)
    office, unit = (holder.office, holder.unit) if holder else (one.office, one.unit)
    return Told(office, unit, one.kind.value, "" if one.kind is Kind.ALL_CLEAR else Level(one.level).word)


def _counts_hours(rule: Rule) -> bool:
    """Say whether a rule looks at a column that changes within the day."""
    rungs = (name for rung in rule.rungs.values() for name in rung.expression.columns)
    known = CATALOGUE[rule.about]
    return any("hour" in known[name].unit[1] for name in (rule.measure, *rule.where.columns, *rungs) if name in known)


def _turns(start: datetime, calendar: WorkCalendar, every: Duration | None) -> Iterator[datetime]:
    """Give the instants at which time alone may change a measure: so often, or each midnight."""
    now = start
    while every is not None:
        now = calendar.add(now, every)
        yield now
    day = calendar.local_date(start)
    while True:
        day += timedelta(days=1)
        yield calendar.start_of_day(day)


def _by_instant(facts: Sequence[Fact]) -> dict[datetime, list[Fact]]:
    found: dict[datetime, list[Fact]] = {}
    for fact in facts:
        found.setdefault(fact.at, []).append(fact)
    return found


# --- comparing ------------------------------------------------------------------------------------------------------


def _compare(run: _Run, expectation: Expectation, since: datetime, report: CycleReport) -> None:
    for wanted in expectation.levels:
        difference = _level(run, wanted, run.alerts.get((wanted.rule, wanted.subject)), report)
        if difference:
            run.differences.append(difference)
        else:
            run.reached.add((wanted.rule, wanted.word))
    if expectation.ahead:
        run.differences += _ahead(run, expectation.ahead, report)
    if run.test.tells:
        missing, unexpected = match(expectation.told or (), run.mails)
        if missing or unexpected:
            run.differences.append(TellDifference(since, expectation.at, missing, unexpected, expectation))
    run.mails.clear()


def _ahead(run: _Run, wanted: Ahead, report: CycleReport) -> list[AheadDifference]:
    alert = run.alerts.get((wanted.rule, wanted.subject))
    coming = run.world.ahead(alert, report) if alert and alert.state is not State.ENDED else None
    told = tuple(Told(one.holder.office, one.unit.code) for one in coming.told) if coming and coming.step else ()
    at = coming.at if coming and coming.step else None
    standing = alert is not None and alert.state is State.OPEN and alert.standing
    right = (
        wanted.told is None or {*wanted.told} == {*told},
        wanted.at is None or wanted.at == at,
        wanted.standing is None or wanted.standing == standing,
    )
    return [] if all(right) else [AheadDifference(report.at, wanted, told, at, standing)]


def _level(run: _Run, wanted: Wanted, alert: Alert | None, report: CycleReport) -> LevelDifference | None:
    # As the cycle read it: a condition on a unit that was dissolved means the one that took over.
    rule = run.world.standards.book.following(report.directory.successors).rule(wanted.rule)
    evaluation = report.evaluation
    failure = evaluation.failures.get(wanted.rule, "")
    seen = next(iter(observe(evaluation, rule, [wanted.subject])), None)
    present = FAILED if failure else ABSENT if seen is None else _verdict(seen.level)
    state = _state(alert)
    if present not in (FAILED, ABSENT) and _fits(wanted.word, state, present, alert):
        return None
    found = present if present in (FAILED, ABSENT) else state if state != NONE else _quiet(present)
    values, thresholds = observe_values(evaluation, rule, wanted.subject) if seen else ({}, {})
    value = seen.value if seen else None
    return LevelDifference(report.at, wanted, found, value, thresholds, values, failure)


def _verdict(level: int | None) -> str:
    if level is None:
        return UNKNOWN
    return NOT_APPLICABLE_WORD if level == NOT_APPLICABLE else Level(level).word


def _quiet(present: str) -> str:
    """Say what a rule says of a subject without an alert: a level that just turned up is none that anybody sees."""
    return present if present in (UNKNOWN, NOT_APPLICABLE_WORD) else NONE


def _state(alert: Alert | None) -> str:
    if alert is None or alert.state is State.ENDED:
        return NONE
    return PENDING if alert.state is State.PENDING else alert.level.word


def _fits(word: str, state: str, present: str, alert: Alert | None) -> bool:
    if word in (UNKNOWN, NOT_APPLICABLE_WORD):
        return word == present
    if word in ENDS:
        return state == NONE and alert is not None and alert.end_reason == word
    # Of an alert that is only pending nobody has been told anything yet.
    return state == word or (word == NONE and state == PENDING)


def match(wanted: Sequence[Told], mails: Sequence[Mail]) -> tuple[tuple[Told, ...], tuple[Mail, ...]]:
    """Pair what was expected with what was written, the most exact words first; give what is left on either side."""
    left = list(mails)
    missing: list[Told] = []
    for told in sorted(wanted, key=lambda one: (not one.kind, not one.level)):
        found = next((mail for mail in left if _says(told, mail.told)), None)
        if found is None:
            missing.append(told)
        else:
            left.remove(found)
    return tuple(sorted(missing, key=wanted.index)), tuple(left)


def _says(wanted: Told, found: Told) -> bool:
    """Say whether a notification is the expected one; an all-clear is none unless it is named."""
    kind = wanted.kind or (found.kind if found.kind != Kind.ALL_CLEAR.value else "")
    level = wanted.level or found.level
    return (wanted.office, wanted.unit, kind, level) == (found.office, found.unit, found.kind, found.level)
