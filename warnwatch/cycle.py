"""One cycle, top to bottom: snapshot → evaluation → alerts and calls → notifications → one transaction.

It happens at one instant, which is handed in. Delivery comes after, in `notify.sending`, from what is committed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache

import polars as pl
from sqlalchemy import Connection, Engine

from warnwatch.alerts import ledger, rule_sets
from warnwatch.alerts.alert import Alert
from warnwatch.alerts.desk import Outcome, decide, observe_all, read_work, untouched
from warnwatch.alerts.handing import read_handed
from warnwatch.alerts.present import Present
from warnwatch.alerts.silencing import Recheck, read_mutings
from warnwatch.notify.compose import compose
from warnwatch.notify.notification import Letterhead, Notification
from warnwatch.notify.release import Release
from warnwatch.notify.saving import Decided, save
from warnwatch.notify.telling import Sources, gather, taken_over
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.colours import Cutoffs
from warnwatch.plan.directory import Directory
from warnwatch.plan.holding import NOTHING, Hold, read_hold
from warnwatch.plan.measures import Today, today_of
from warnwatch.plan.snapshot import Snapshot, read_snapshot, refresh
from warnwatch.plan.source_frame import in_trouble
from warnwatch.plan.source_words import SourceWords, words_of
from warnwatch.plan.subjects import frames_of
from warnwatch.plan.unit_frame import UnitStands, stand_now
from warnwatch.plan.words import Limit, Words, read_limits, read_words
from warnwatch.rules.evaluation import Evaluation, units_named
from warnwatch.rules.matters import Matters, matters_of
from warnwatch.rules.rule import RuleBook
from warnwatch.rules.stages import Judged, SetState, judge, keeper_of


@dataclass(frozen=True, slots=True)
class Standards:
    """What a cycle judges by and writes with: rules, calendar, letterhead, and what may leave.

    `rule_files`: the files of the set as they were read; `set_state`: what is wrong with a newer set, if anything.
    """

    book: RuleBook
    calendar: WorkCalendar
    letterhead: Letterhead
    release: Release
    stopwatch: Callable[[], float] = lambda: 0.0
    rule_files: Mapping[str, str] = field(default_factory=dict)
    cutoffs: Cutoffs = field(default_factory=Cutoffs)
    set_state: SetState = field(default_factory=SetState)


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
    calendar, today = standards.calendar, today_of(now, standards.calendar)
    book = standards.book.in_force(calendar.local_date(now))

    # Read.
    with engine.connect().execution_options(reads_only=True) as connection:
        before = memory.snapshot
        snapshot = _snapshot(connection, None if as_of else before, calendar, calendar.local_date(now), as_of)
        present = Present({}) if as_of else _present(connection, memory, snapshot, dry_run=dry_run)
        live = {} if as_of else memory.live or ledger.read_live(connection)
        directory = _directory(memory, snapshot, calendar.local_date(now))
        book, release = book.following(directory.successors), standards.release.following(directory.successors)

        # Judge.
        stands, counts = _counting(standards, snapshot, directory, today, None if as_of else memory.stands)
        frames = frames_of({rule.about for rule in book.rules}, snapshot, stands)
        hold = read_hold(
            connection, in_trouble(snapshot.sources, today), frames, directory, NOTHING if as_of else memory.hold, as_of
        )
        judged = judge(
            frames,
            book,
            today,
            standards.stopwatch,
            memory.judged,
            hold.masks,
            set_state=standards.set_state,
            keeper=keeper_of(standards.set_state, directory),
            known=present.marked,
            present=directory.present,
        )
        evaluation = judged.whole
        present.align(evaluation.frames, {"task": snapshot.moved}, book)
        judging = _judging(evaluation, book)
        news = release.news(live, judging, directory.units) if judging else {}

        # Decide about alerts and calls.
        differing = present.differing(evaluation)
        handed = [] if as_of else _read_handed(connection, before, snapshot, evaluation.frames, book)
        work = (
            untouched(differing)
            if as_of
            else read_mutings(
                connection,
                read_work(connection, differing, book, news, now, handed),
                book,
                directory,
                now,
                _recheck(memory, snapshot, book),
            )
        )
        observations = observe_all(evaluation, book, work)
        made = ledger.read_made(connection, work.known())
        outcome = decide(work, observations, book, made, (now, calendar), frozenset(news))

        # Read the words of what is told.
        said = _read_said(connection, snapshot, outcome, (evaluation, book, standards), as_of)
        told = ledger.read_told(connection, [alert.id for alert in outcome.cured])

    # Write the texts.
    head, tomorrow = standards.letterhead, lambda: _tomorrow(now, calendar)
    known = Sources(book, directory, said.words, made, observations, counts)
    sources = replace(
        known,
        limits=said.limits,
        feeds=said.feeds,
        matters=said.matters,
        failing=evaluation.failures.keys(),
        end_of_next_working_day=tomorrow,
        language=head.language,
        taken=taken_over(outcome.handed, directory, snapshot.tree.documents),
    )
    cleared = [(alert, release.told(alert.unit, told.get(alert.id, ()))) for alert in outcome.cured]
    tellings, nobody = gather([(outcome.alerts[call.alert], call) for call in outcome.calls], cleared, sources)
    notifications = tuple(
        (compose(telling, head, now), release.state_for(telling.recipient.unit.code)) for telling in tellings
    )

    # Commit all of it, then remember it.
    if not (dry_run or as_of):
        _commit(
            engine,
            memory,
            standards,
            Decided(
                now, outcome, notifications, news, nobody, book.version, snapshot.tree.documents, work.mutings.acts
            ),
        )
        present.note((*work.active.values(), *outcome.alerts.values()), differing)
        memory.snapshot, memory.present, memory.live = snapshot, present, {**live, **news}
        memory.directory, memory.judged, memory.hold = directory, judged, hold
        memory.stands = stands() if "unit" in frames else None
    return CycleReport(now, book.version, book, snapshot, directory, evaluation, outcome, notifications, counts)


@dataclass(frozen=True, slots=True)
class _Said:
    """The words of everything that is told, by kind of subject."""

    words: Mapping[str, Words]
    limits: Mapping[str, Limit]
    feeds: Mapping[str, SourceWords]
    matters: Matters


def _read_said(
    connection: Connection,
    snapshot: Snapshot,
    outcome: Outcome,
    judged: tuple[Evaluation, RuleBook, Standards],
    as_of: datetime | None,
) -> _Said:
    told = {about: outcome.told_subjects(about) for about in CATALOGUE}
    evaluation, book, standards = judged
    return _Said(
        read_words(connection, told["task"], as_of),
        read_limits(connection, snapshot.kpis, told["kpi"], as_of),
        words_of(snapshot.sources, told["source"], evaluation.today, standards.calendar.zone),
        matters_of(evaluation, book, standards.set_state, told["rule"], told["datum"]),
    )


def _snapshot(
    connection: Connection, before: Snapshot | None, calendar: WorkCalendar, day: date, as_of: datetime | None
) -> Snapshot:
    """Read the plan whole, or only what has changed since the snapshot before."""
    if before is None:
        return read_snapshot(connection, calendar, as_of, day=day)
    return refresh(connection, before, calendar, day)


def _counting(
    standards: Standards, snapshot: Snapshot, directory: Directory, today: Today, known: UnitStands | None
) -> tuple[Callable[[], UnitStands], Callable[[], pl.DataFrame]]:
    """Give what counts tasks and rolls them up the tree, once, when it is asked for, going on from what is `known`."""

    @cache
    def stands() -> UnitStands:
        return stand_now(snapshot, directory, today, standards.calendar, standards.cutoffs, known)

    return stands, lambda: stands().counted.frame


def _tomorrow(now: datetime, calendar: WorkCalendar) -> datetime:
    """Give the end of the next working day: by then an answer is asked where no step follows."""
    return calendar.end_of_day(calendar.next_working_day(calendar.local_date(now) + timedelta(days=1)))


def _directory(memory: Memory, snapshot: Snapshot, day: date) -> Directory:
    """Keep the directory while nobody changed and the day is the same: 10,000 holders take longer than the rules."""
    known, before = memory.directory, memory.snapshot
    if known and before and known.day == day and before.tree is snapshot.tree and before.holders is snapshot.holders:
        return known
    return snapshot.directory(day)


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


def _read_handed(
    connection: Connection,
    before: Snapshot | None,
    snapshot: Snapshot,
    frames: Mapping[str, pl.DataFrame],
    book: RuleBook,
) -> list[tuple[Alert, str]]:
    """Read the alerts that another unit answers for now; nothing is read while no task and no unit has changed."""
    same_tree = before is not None and before.tree is snapshot.tree
    if same_tree and before is not None and before.tasks is snapshot.tasks:
        return []
    successors = snapshot.tree.successors
    if same_tree and snapshot.moved:
        fresh = snapshot.moved.fresh
        return read_handed(
            connection, fresh["code"].to_list(), successors, answering=units_named(book, {"task": fresh})
        )
    others = [(about, frames[about].select("code", "unit")) for about in frames if about != "task"]
    leads = {(about, code): unit for about, frame in others for code, unit in frame.iter_rows()}
    return read_handed(connection, None, successors, leads, units_named(book, frames))


def _present(connection: Connection, memory: Memory, snapshot: Snapshot, *, dry_run: bool) -> Present:
    """Take the marks out of the memory: a cycle that fails has moved their columns, and the next reads them again."""
    present = None if dry_run or snapshot.acted else memory.present
    if not dry_run:
        memory.present = None
    return present or Present(ledger.read_marks(connection))


def _recheck(memory: Memory, snapshot: Snapshot, book: RuleBook) -> Recheck:
    """Say which muted alerts to look at although neither they nor what explains them has moved in this cycle."""
    before = memory.snapshot
    if before is not None and before.tree is not snapshot.tree:
        return Recheck.ALL
    return Recheck.STALE if snapshot.acted or memory.version != book.version else Recheck.NONE


def _judging(evaluation: Evaluation, book: RuleBook) -> list[str]:
    """Name the rules that have judged something now: a rule that fails goes live when it is mended."""
    return [rule.id for rule in book.rules if rule.id in evaluation.levels and evaluation.frames[rule.about].height]
