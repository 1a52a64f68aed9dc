"""Which subject a code names, and the part of the plan that must be read to judge that subject alone.

A rule, or a datum that is missing, is no part of the plan: all rules are judged on all of it to find out about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Column, Connection, select

from warnwatch import schema
from warnwatch.alerts.ledger import read_marks
from warnwatch.alerts.unanswered import read_unanswered
from warnwatch.errors import NotFoundError, nearest_name
from warnwatch.language import Phrase
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.colours import Cutoffs
from warnwatch.plan.directory import Directory
from warnwatch.plan.holding import NOTHING, read_hold
from warnwatch.plan.measures import Today, today_of
from warnwatch.plan.quality import RULE_SET, WORDS
from warnwatch.plan.snapshot import FEW, Snapshot, read_snapshot
from warnwatch.plan.source_frame import in_trouble
from warnwatch.plan.source_words import words_of
from warnwatch.plan.subjects import frames_of
from warnwatch.plan.unit_frame import stand_now
from warnwatch.plan.words import Words, read_limits, read_words
from warnwatch.rules.evaluation import Evaluation
from warnwatch.rules.matters import Matter, matters_of
from warnwatch.rules.rule import About, RuleBook
from warnwatch.rules.stages import SetState, judge, keeper_of
from warnwatch.schema import known

_NEIGHBOURS = 2_000
_TARGETS_SHOWN = 5
_OWN: tuple[About, ...] = ("rule", "datum")
# Where the code of a subject stands, in the order in which it is looked for.
_CODES: Mapping[About, Column[str]] = {
    "task": schema.task.c.code,
    "unit": schema.unit.c.code,
    "kpi": schema.target.c.code,
    "source": schema.source.c.code,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject in words; `words` of a task alone."""

    about: About
    code: str
    title: str
    unit: str
    words: Words | None = None


def find_subject(
    connection: Connection, code: str, at: datetime, as_of: datetime | None, calendar: WorkCalendar
) -> tuple[Snapshot, Directory, Subject]:
    """Find the subject of a code, with what of the plan its rules look at, as known now or at `as_of`.

    An unknown code is a NotFoundError that names the nearest; so is a task that no rule judges.
    """
    about, day = _kind_of(connection, code, as_of, calendar), calendar.local_date(at)
    snapshot = _read(connection, calendar, about, code, as_of, day)
    directory = snapshot.directory(day)
    subject = _subject(connection, snapshot, directory, (about, code), (today_of(at, calendar), calendar, as_of))
    return snapshot, directory, subject


@dataclass(frozen=True, slots=True)
class Own:
    """A rule, the rule set or a missing datum, with the plan and what all rules came to on it."""

    snapshot: Snapshot
    directory: Directory
    subject: Subject
    book: RuleBook
    evaluation: Evaluation
    matter: Matter | None


def is_own(connection: Connection, code: str, book: RuleBook) -> bool:
    """Say whether a code may name a rule, the set, or a datum; alerts remember those that are gone."""
    if code == RULE_SET or any(rule.id == code for rule in book.rules):
        return True
    datum = code.partition("/")[0]
    if datum in WORDS or datum.partition(".")[2] in CATALOGUE.get(datum.partition(".")[0], {}):
        return True
    alert = schema.alert.c
    query = select(alert.id).where(alert.subject == code, alert.about.in_(_OWN)).limit(1)
    return connection.scalar(query) is not None


def find_own(
    connection: Connection,
    code: str,
    clock: tuple[datetime, datetime | None, WorkCalendar],
    book: RuleBook,
    *,
    cutoffs: Cutoffs,
    set_state: SetState,
) -> Own:
    """Judge all rules on the plan as known now or at `as_of`, and find a rule or a datum among their subjects.

    A datum that nothing lacks, and no alert says was missing, is a NotFoundError that names the nearest.
    """
    at, as_of, calendar = clock
    day, today = calendar.local_date(at), today_of(at, calendar)
    snapshot = read_snapshot(connection, calendar, as_of, day=day)
    directory, book = snapshot.directory(day), book.following(snapshot.tree.successors)
    alerts = read_unanswered(connection, book, as_of)
    about = {rule.about for rule in book.rules}
    frames = frames_of(
        about, snapshot, lambda: stand_now(snapshot, directory, today, calendar, cutoffs, unanswered=alerts)
    )
    hold = read_hold(connection, in_trouble(snapshot.sources, today), frames, directory, NOTHING, as_of)
    marks = read_marks(connection)
    keeper = keeper_of(set_state, directory)
    whole = judge(
        frames,
        book,
        today,
        held=hold.masks,
        set_state=set_state,
        keeper=keeper,
        known=lambda rule: marks.get(rule, {}).keys(),
        present=directory.present,
    ).whole
    for kind in _OWN:
        frame = whole.frames.get(kind)
        homes = dict(frame.select("code", "unit").iter_rows()) if frame is not None else {}
        if code in homes:
            rules, data = ([code], []) if kind == "rule" else ([], [code])
            matter = matters_of(whole, book, set_state, rules, data).get((kind, code))
            subject = Subject(kind, code, matter.title if matter else "", homes[code])
            return Own(snapshot, directory, subject, book, whole, matter)
    known = [one for kind in _OWN if (frame := whole.frames.get(kind)) is not None for one in frame["code"]]
    message = Phrase("lúc này không thiếu dữ liệu {code!r}, hoặc không có quy tắc nào về việc đó", code=code)
    raise NotFoundError(message, nearest_name(code, known))


def _kind_of(connection: Connection, code: str, as_of: datetime | None, calendar: WorkCalendar) -> About:
    for about, column in _CODES.items():
        query = select(column).where(column == code)
        if as_of is not None:
            query = query.where(column.table.c.recorded_at <= as_of)
        if connection.scalar(query) is not None:
            return about
    targets = _targets_of(connection, code)
    if targets:
        shown = ", ".join(targets[:_TARGETS_SHOWN]) + (" …" if len(targets) > _TARGETS_SHOWN else "")
        raise NotFoundError(
            Phrase("chỉ tiêu {code} được xét theo từng đơn vị; hãy ghi một trong: {shown}", code=code, shown=shown)
        )
    when = Phrase(" vào lúc {at:%d/%m/%Y %H:%M}", at=as_of.astimezone(calendar.zone)) if as_of else ""
    near = nearest_name(code, [one for column in _CODES.values() for one in _codes_around(connection, column, code)])
    message = Phrase(
        "không có nhiệm vụ, đơn vị, chỉ tiêu hay nguồn {code!r} trong kế hoạch{when}; chỉ tiêu viết là MÃ/ĐƠN-VỊ",
        code=code,
        when=when,
    )
    raise NotFoundError(message, near)


def _targets_of(connection: Connection, kpi: str) -> list[str]:
    version = schema.target_version
    query = select(version.c.code).where(version.c.kpi == kpi, known(version, None)).order_by(version.c.code)
    return list(connection.scalars(query))


def _codes_around(connection: Connection, known_code: Column[str], code: str) -> list[str]:
    """Read the codes that stand before and after one in order: a plan may have too many to compare with all."""
    after = select(known_code).where(known_code >= code).order_by(known_code).limit(_NEIGHBOURS)
    before = select(known_code).where(known_code < code).order_by(known_code.desc()).limit(_NEIGHBOURS)
    return [*connection.scalars(after), *connection.scalars(before)]


def _read(
    connection: Connection, calendar: WorkCalendar, about: About, code: str, as_of: datetime | None, day: date
) -> Snapshot:
    """Read what the subject needs: a task alone; for a unit the tasks of all units below it."""
    if about == "task":
        return read_snapshot(connection, calendar, as_of, [code], day)
    bare = read_snapshot(connection, calendar, as_of, [], day)
    if about != "unit":
        return bare
    directory = bare.directory(day)
    home = directory.present(code)
    below = {one for one in directory.units if home in {above.code for above in directory.superiors(one)}} | {home}
    leads = [*below, *(old for old, now in directory.successors.items() if now in below)]
    version = schema.task_version
    query = select(version.c.code).where(known(version, as_of), version.c.lead_unit.in_(leads))
    codes = list(connection.scalars(query.limit(FEW + 1)))
    return read_snapshot(connection, calendar, as_of, codes if len(codes) <= FEW else None, day)


def _subject(
    connection: Connection,
    snapshot: Snapshot,
    directory: Directory,
    named: tuple[About, str],
    clock: tuple[Today, WorkCalendar, datetime | None],
) -> Subject:
    (about, code), (today, calendar, as_of) = named, clock
    if about == "task":
        return _task(connection, snapshot, code, as_of)
    if about == "unit":
        unit = directory.unit(code)
        return Subject(about, unit.code if unit else code, unit.name if unit else "", unit.code if unit else code)
    if about == "kpi":
        limit = read_limits(connection, snapshot.kpis, [code], as_of).get(code)
        home = dict(snapshot.kpis.select("code", "unit").iter_rows()).get(code, "")
        return Subject(about, code, limit.name if limit else "", home)
    feed = words_of(snapshot.sources, [code], today, calendar.zone).get(code)
    return Subject(about, code, feed.title if feed else "", directory.present(feed.keeper) if feed else "")


def _task(connection: Connection, snapshot: Snapshot, code: str, as_of: datetime | None) -> Subject:
    words = read_words(connection, [code], as_of).get(code)
    if words is None or not snapshot.tasks.height:
        raise NotFoundError(
            Phrase("nhiệm vụ {code!r} chỉ gom các nhiệm vụ con hoặc đã rút: không quy tắc nào xét", code=code)
        )
    return Subject("task", code, words.title, snapshot.tree.present(words.unit), words)
