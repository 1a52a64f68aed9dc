"""One cycle, top to bottom: snapshot → evaluation → alerts and calls → notifications → one transaction.

It happens at one instant, which is handed in. Delivery comes after, in `notify.sending`, from what is committed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache, partial

import polars as pl
from sqlalchemy import Connection, Engine

from warnwatch.alerts import ledger, rule_sets
from warnwatch.alerts.alert import Alert, Call
from warnwatch.alerts.calls import read_made
from warnwatch.alerts.desk import Outcome, Work, decide, observe_all, on_terms, read_work, untouched
from warnwatch.alerts.handing import read_handed
from warnwatch.alerts.present import Present
from warnwatch.alerts.silencing import Recheck, read_mutings
from warnwatch.alerts.terms import with_more
from warnwatch.alerts.unanswered import Unanswered, count_moved, read_unanswered
from warnwatch.notify import failures
from warnwatch.notify.failures import Failure, Handled
from warnwatch.notify.merging import Writer, costs
from warnwatch.notify.notification import Letterhead, Notification, Telling
from warnwatch.notify.release import Release
from warnwatch.notify.saving import Decided, save
from warnwatch.notify.sms_budget import Budget, Spent, day_began, read_spent, within
from warnwatch.notify.telling import Sources, gather, taken_over
from warnwatch.notify.waiting import Queue, read_queue
from warnwatch.notify.writing import Pen
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.colours import Cutoffs
from warnwatch.plan.directory import Directory
from warnwatch.plan.holding import NOTHING, Hold, read_hold
from warnwatch.plan.measures import Today, today_of
from warnwatch.plan.snapshot import Snapshot, read_snapshot, refresh
from warnwatch.plan.source_frame import in_trouble
from warnwatch.plan.source_words import words_of
from warnwatch.plan.subjects import frames_of
from warnwatch.plan.task_terms import read_terms
from warnwatch.plan.unit_frame import UnitStands, stand_now
from warnwatch.plan.words import read_limits, read_words
from warnwatch.rules.evaluation import Evaluation
from warnwatch.rules.matters import matters_of
from warnwatch.rules.rule import RuleBook
from warnwatch.rules.stages import Judged, SetState, judge, keeper_of


@dataclass(frozen=True, slots=True)
class Standards:
    """What a cycle judges by and writes with: rules, calendar, letterhead, and what may leave.

    `rule_files`: the files of the set as they were read; `set_state`: what is wrong with a newer set, if anything.
    `ways`: the channels that this installation can send over; `sms_countries`: whose mobile numbers it sends SMS to.
    """

    book: RuleBook
    calendar: WorkCalendar
    letterhead: Letterhead
    release: Release
    stopwatch: Callable[[], float] = lambda: 0.0
    rule_files: Mapping[str, str] = field(default_factory=dict)
    cutoffs: Cutoffs = field(default_factory=Cutoffs)
    set_state: SetState = field(default_factory=SetState)
    ways: frozenset[str] = frozenset({"email"})
    sms_countries: frozenset[str] = frozenset()
    budget: Budget = field(default_factory=Budget)


@dataclass(slots=True)
class Memory:
    """What is kept from one cycle to the next; losing it costs one slow cycle and nothing else."""

    snapshot: Snapshot | None = None
    present: Present | None = None
    directory: Directory | None = None
    judged: Judged | None = None
    live: dict[tuple[str, str], str] = field(default_factory=dict)
    version: str = ""
    hold: Hold = NOTHING
    stands: UnitStands | None = None
    unanswered: Unanswered | None = None

    def under(self, before: Standards, after: Standards) -> Memory:
        """Give what is still worth keeping once another rule set runs: the plan, unless its days count anew."""
        same_days = before.calendar.version == after.calendar.version
        return Memory(snapshot=self.snapshot if same_days else None, live=self.live)


@dataclass(frozen=True)
class CycleReport:
    """What one cycle saw and decided; metrics, pages and `warnwatch evaluate` read it."""

    at: datetime
    rules_version: str
    book: RuleBook
    snapshot: Snapshot
    directory: Directory
    evaluation: Evaluation
    outcome: Outcome
    notifications: tuple[tuple[Notification, str], ...]
    counts: Callable[[], pl.DataFrame]
    over_budget: tuple[Notification, ...] = ()


def run_cycle(
    engine: Engine,
    memory: Memory,
    standards: Standards,
    now: datetime,
    *,
    dry_run: bool = False,
    as_of: datetime | None = None,
) -> CycleReport:
    """Run one cycle at `now`; a dry run writes nothing and leaves the memory as it was.

    With `as_of`, always a dry run: the plan as known then, as if no alert had been opened yet.
    """
    kept = Memory() if as_of else memory
    with engine.connect().execution_options(reads_only=True) as connection:
        # Read.
        plan = _read_plan(connection, kept, standards, now, as_of)
        book, snapshot, directory = plan.standards.book, plan.snapshot, plan.directory
        unanswered = _unanswered(connection, kept, plan, dry_run=dry_run)
        present = Present({}) if as_of else _present(connection, memory, snapshot, dry_run=dry_run)
        live = {} if as_of else memory.live or ledger.read_live(connection)

        # Judge.
        stands, counts = _counting(plan, kept.stands, unanswered)
        judged, hold = _judge(connection, plan, kept, stands, present)
        evaluation = judged.whole
        present.align(evaluation.frames, {"task": snapshot.moved}, book)
        news = _news(plan, evaluation, live)

        # Decide about alerts and calls.
        differing = present.differing(evaluation)
        work = _read_desk(connection, plan, memory, evaluation, differing, news)
        observations = observe_all(evaluation, book, work)
        made = read_made(connection, work.known() | plan.unreached.keys())
        outcome = decide(work, observations, book, made, (now, standards.calendar), frozenset(news))
        unreached = outcome.open_now(plan.unreached)
        handled = failures.handle(plan.failures, unreached, directory)

        # Read the words of what is told, and what waits to be told.
        known = Sources(book, directory, {}, made, observations, counts, terms=work.terms)
        writer, tellings, nobody = _gather(connection, plan, outcome, evaluation, known, (handled, unreached))
        began = day_began(standards.calendar.local_date(now), standards.calendar.zone)
        spent = read_spent(connection, began) if "sms" in standards.ways else Spent()

    # Write the texts.
    texts, merges = writer.write(tellings)
    notifications, over = within(texts, standards.budget, spent, costs(merges, began))

    # What has moved holds the frame before, which nobody needs any more.
    snapshot = replace(snapshot, moved=None)
    if "unit" in evaluation.frames:
        counts = _given(stands().counted.frame)

    # Commit all of it, then remember it.
    if not (dry_run or as_of):
        facts = (snapshot.tree.documents, work.mutings.acts, handled, merges, over)
        decided = Decided(now, outcome, notifications, news, nobody, book.version, *facts)
        _commit(engine, memory, standards, decided)
        present.note((*work.active.values(), *outcome.alerts.values()), differing)
        memory.snapshot, memory.present, memory.live = snapshot, present, {**live, **news}
        memory.directory, memory.judged, memory.hold = directory, judged, hold
        memory.stands = stands() if "unit" in evaluation.frames else None
        memory.unanswered = count_moved(unanswered, work.read(outcome.alerts), outcome.alerts.values(), book)
    return CycleReport(now, book.version, book, snapshot, directory, evaluation, outcome, notifications, counts, over)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The plan as one cycle reads it, and the standards of that day: units in them are those that stand today."""

    now: datetime
    as_of: datetime | None
    today: Today
    snapshot: Snapshot
    directory: Directory
    standards: Standards
    failures: tuple[Failure, ...] = ()
    unreached: Mapping[int, Alert] = field(default_factory=dict)


def _read_plan(
    connection: Connection, memory: Memory, standards: Standards, now: datetime, as_of: datetime | None
) -> _Plan:
    calendar = standards.calendar
    day = calendar.local_date(now)
    snapshot = _snapshot(connection, memory.snapshot, calendar, day, as_of)
    failed = () if as_of else failures.read_failures(connection, standards.release)
    directory = _directory(memory, snapshot, day, frozenset() if as_of else failures.read_flags(connection, failed))
    book = standards.book.in_force(day).following(directory.successors)
    release = standards.release.following(directory.successors)
    applied = replace(standards, book=book, release=release)
    unreached = failures.read_alerts(connection, failed)
    return _Plan(now, as_of, today_of(now, calendar), snapshot, directory, applied, failed, unreached)


def _judge(
    connection: Connection, plan: _Plan, memory: Memory, stands: Callable[[], UnitStands], present: Present
) -> tuple[Judged, Hold]:
    """Judge every rule on every subject, less what a source in trouble feeds."""
    book, set_state = plan.standards.book, plan.standards.set_state
    frames = frames_of({rule.about for rule in book.rules}, plan.snapshot, stands)
    troubled = in_trouble(plan.snapshot.sources, plan.today)
    hold = read_hold(connection, troubled, frames, plan.directory, memory.hold, plan.as_of)
    judged = judge(
        frames,
        book,
        plan.today,
        plan.standards.stopwatch,
        memory.judged,
        hold.masks,
        set_state=set_state,
        keeper=keeper_of(set_state, plan.directory),
        known=present.marked,
        present=plan.directory.present,
        moved={"task": plan.snapshot.moved},
    )
    return judged, hold


def _news(plan: _Plan, evaluation: Evaluation, live: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Give the rules and units that go live now: a rule that fails goes live when it is mended."""
    judging = [
        rule.id
        for rule in plan.standards.book.rules
        if rule.id in evaluation.levels and evaluation.frames[rule.about].height
    ]
    return plan.standards.release.news(live, judging, plan.directory.units) if judging else {}


def _read_desk(
    connection: Connection,
    plan: _Plan,
    memory: Memory,
    evaluation: Evaluation,
    differing: Mapping[str, Sequence[str]],
    news: Mapping[tuple[str, str], str],
) -> Work:
    """Read the alerts that this cycle may move, what mutes them, and by which policy they climb."""
    book, now, snapshot, work = plan.standards.book, plan.now, plan.snapshot, untouched(differing)
    if not plan.as_of:
        handed = read_handed(connection, memory.snapshot, snapshot, evaluation.frames, book)
        work = read_work(connection, differing, book, news, now, handed)
        work = read_mutings(connection, work, book, plan.directory, now, _recheck(memory, snapshot, book))
    read = partial(read_terms, snapshot.tasks, today=plan.today)
    return on_terms(work, book, plan.unreached.values(), plan.directory, read, plan.standards.calendar)


def _read_words(
    connection: Connection, plan: _Plan, evaluation: Evaluation, known: Sources, alerts: Iterable[Alert]
) -> Sources:
    """Add the words of some alerts' subjects to what telling looks things up in, by kind of subject."""
    told = {about: set[str]() for about in CATALOGUE}
    for one in alerts:
        told[one.about].add(one.subject)
    snapshot, standards = plan.snapshot, plan.standards
    matters = matters_of(evaluation, standards.book, standards.set_state, told["rule"], told["datum"])
    return replace(
        known,
        words={**known.words, **read_words(connection, told["task"] - known.words.keys(), plan.as_of)},
        limits={**known.limits, **read_limits(connection, snapshot.kpis, told["kpi"], plan.as_of)},
        feeds={**known.feeds, **words_of(snapshot.sources, told["source"], plan.today, standards.calendar.zone)},
        matters={**known.matters, **matters},
    )


def _gather(
    connection: Connection,
    plan: _Plan,
    outcome: Outcome,
    evaluation: Evaluation,
    known: Sources,
    failed: tuple[Handled, Mapping[int, Alert]],
) -> tuple[Writer, list[Telling], list[Call]]:
    """Gather what each holder is told, with what waits for the same ones; the calls that reach nobody beside it."""
    handled, unreached = failed
    standards, calendar = plan.standards, plan.standards.calendar
    sources = replace(
        known,
        failing=evaluation.failures.keys(),
        end_of_next_working_day=lambda: calendar.end_of_day(calendar.nth_working_day(1, calendar.local_date(plan.now))),
        language=standards.letterhead.language,
        taken=taken_over(outcome.handed, plan.directory, plan.snapshot.tree.documents),
        clock=(plan.now, standards.calendar),
        ways=standards.ways,
        countries=standards.sms_countries,
    )
    sources = _read_words(connection, plan, evaluation, sources, [*outcome.told, *unreached.values()])
    told = ledger.read_told(connection, [alert.id for alert in outcome.cured])
    cleared = [(alert, standards.release.told(alert.unit, told.get(alert.id, ()))) for alert in outcome.cured]
    instead = [(unreached[one.call.alert], one) for one in handled.instead]
    tellings, nobody = gather(outcome.called, cleared, sources, instead)
    queue = Queue() if plan.as_of else read_queue(connection, tellings, outcome, acted=plan.snapshot.acted)
    if queue.waiting:
        sources = _read_words(connection, plan, evaluation, sources, queue.alerts.values())
        read, alerts = partial(read_terms, plan.snapshot.tasks, today=plan.today), queue.alerts.values()
        terms = with_more(known.terms, alerts, read) if known.terms else None
        sources = replace(sources, made={**read_made(connection, queue.alerts), **sources.made}, terms=terms)
    pen = Pen(standards.letterhead, standards.book.channels, calendar, plan.now)
    return Writer(queue, sources, pen, standards.release), tellings, nobody


def _snapshot(
    connection: Connection, before: Snapshot | None, calendar: WorkCalendar, day: date, as_of: datetime | None
) -> Snapshot:
    """Read the plan whole, or only what has changed since the snapshot before."""
    if before is None:
        return read_snapshot(connection, calendar, as_of, day=day)
    return refresh(connection, before, calendar, day)


def _counting(
    plan: _Plan, known: UnitStands | None, alerts: Unanswered
) -> tuple[Callable[[], UnitStands], Callable[[], pl.DataFrame]]:
    """Give what counts tasks and rolls them up the tree, once, when it is asked for, going on from what is `known`."""

    @cache
    def stands() -> UnitStands:
        calendar, cutoffs = plan.standards.calendar, plan.standards.cutoffs
        return stand_now(plan.snapshot, plan.directory, plan.today, calendar, cutoffs, known, unanswered=alerts.counts)

    return stands, lambda: stands().counted.frame


def _given(counted: pl.DataFrame) -> Callable[[], pl.DataFrame]:
    return lambda: counted


def _directory(memory: Memory, snapshot: Snapshot, day: date, flags: frozenset[tuple[str, str, str]]) -> Directory:
    """Keep the directory while nobody changed and the day is the same: 10,000 holders take longer than the rules."""
    known, before = memory.directory, memory.snapshot
    same = known is not None and known.day == day and known.flags == flags
    if known and before and same and before.tree is snapshot.tree and before.holders is snapshot.holders:
        return known
    return snapshot.directory(day).flagging(flags)


def _commit(engine: Engine, memory: Memory, standards: Standards, decided: Decided) -> None:
    """Write all of a cycle in one transaction; the rule set too, when this process has not run it before."""
    version = standards.book.version
    if memory.version == version and decided.empty:
        return
    with engine.begin() as connection:
        if memory.version != version:
            rule_sets.save_run(connection, version, standards.rule_files, decided.now)
        save(connection, decided)
    memory.version = version


def _present(connection: Connection, memory: Memory, snapshot: Snapshot, *, dry_run: bool) -> Present:
    """Take the marks out of the memory: a cycle that fails has moved their columns, and the next reads them again."""
    present = None if dry_run or snapshot.acted else memory.present
    if not dry_run:
        memory.present = None
    return present or Present(ledger.read_marks(connection))


def _unanswered(connection: Connection, memory: Memory, plan: _Plan, *, dry_run: bool) -> Unanswered:
    """Give the numbers as the last cycle left them; read anew with the marks, and each day whoever else has written."""
    day, known = plan.today.day, memory.unanswered
    if plan.as_of:
        return Unanswered(day, {})
    kept = memory.present is not None and not (dry_run or plan.snapshot.acted)
    if kept and known is not None and known.day == day:
        return known
    return Unanswered(day, read_unanswered(connection, plan.standards.book))


def _recheck(memory: Memory, snapshot: Snapshot, book: RuleBook) -> Recheck:
    """Say which muted alerts to look at although neither they nor what explains them has moved in this cycle."""
    before = memory.snapshot
    if before is not None and before.tree is not snapshot.tree:
        return Recheck.ALL
    return Recheck.STALE if snapshot.acted or memory.version != book.version else Recheck.NONE
