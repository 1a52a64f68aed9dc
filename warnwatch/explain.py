"""Why, and why not: for one subject and instant each rule's verdict, the days counted, and who was told or not.

In: a task, unit, KPI or source, a rule or a missing datum; an instant, the plan as known then. Out: an Explanation;
nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from warnwatch import schema
from warnwatch.alerts import ledger
from warnwatch.alerts.alert import Alert
from warnwatch.alerts.escalation import Made
from warnwatch.alerts.muting import Muting
from warnwatch.alerts.rewind import as_it_was, made_until
from warnwatch.alerts.silencing import read_mutings_at
from warnwatch.alerts.takeover import read_whole_history
from warnwatch.alerts.terms import Terms, terms_of
from warnwatch.alerts.unanswered import read_unanswered
from warnwatch.errors import NotFoundError, nearest_name
from warnwatch.language import Phrase, together
from warnwatch.notify.reach import Message, Reached, Trail, find_office, held_back, levels_for, read_calls, trail_of
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.colours import Cutoffs
from warnwatch.plan.day_count import DayCount, count_days
from warnwatch.plan.directory import Directory, Recipient
from warnwatch.plan.holding import NOTHING, read_fed, read_hold
from warnwatch.plan.measures import describe, today_of
from warnwatch.plan.snapshot import Snapshot
from warnwatch.plan.source_frame import in_trouble
from warnwatch.plan.subjects import frames_of
from warnwatch.plan.task_terms import read_terms
from warnwatch.plan.unit_frame import stand_now
from warnwatch.rules.evaluation import Evaluation, Observation, evaluate, observe, observe_values
from warnwatch.rules.levels import NOT_APPLICABLE
from warnwatch.rules.matters import Matter
from warnwatch.rules.rule import AUTHORITY, OFFICES, Level, Rule, RuleBook
from warnwatch.rules.stages import SetState
from warnwatch.subject import Subject, find_own, find_subject, is_own


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's say on the subject. `level` is a word, `not_applicable` or `unknown`; `values` are what it looked at.

    `thresholds` are the rungs as they come out for this subject; `alert` is the number of one that had not ended then,
    `trail` its steps; `muted`: what holds its calls back; `labels` are the rule's. `messages`: the texts about it, of
    one office where one was asked for; `why_not`: why that office was told nothing, or nothing more.
    """

    rule: str
    level: str
    sentence: str
    measure: str
    value: float | None
    thresholds: Mapping[str, float | None]
    where: str
    values: Mapping[str, object]
    alert: str | None
    failure: str = ""
    trail: Trail | None = None
    messages: tuple[Message, ...] = ()
    why_not: str = ""
    muted: tuple[Muting, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Office:
    """Who was asked for with `--as`, as of that day."""

    holder: str
    office: str
    unit: str
    title: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything the rules say of one subject at an instant, as it was known then.

    `counted`: how days were counted, by what they count to or from (`due_at`, `last_reported_at`, `start_at`).
    `facts`: what else is known of a rule or a missing datum, by label. `held_by`: sources in trouble that feed the
    subject, so that every level is unknown. `people`: the words for every holder named in it.
    """

    about: str
    subject: str
    title: str
    unit: str
    at: datetime
    rules_version: str
    due_at: datetime | None
    due_text: str
    verdicts: tuple[Verdict, ...]
    counted: Mapping[str, DayCount]
    facts: Mapping[str, str] = field(default_factory=dict)
    held_by: tuple[str, ...] = ()
    asked: Office | None = None
    people: Mapping[str, str] | None = None

    def as_json(self) -> Mapping[str, Any]:
        """Give the words of `warnwatch explain --json`; instants and dates as ISO 8601."""
        found: dict[str, Any] = _plain(asdict(self))
        for verdict, plain in zip(self.verdicts, found["verdicts"], strict=True):
            plain["muted"] = [muting.as_json() for muting in verdict.muted]
        return found


def _plain(value: object) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def explain(  # noqa: PLR0913 (what is explained, from what, when, for whom, in which language)
    connection: Connection,
    book: RuleBook,
    calendar: WorkCalendar,
    code: str,
    *,
    at: datetime,
    as_of: datetime | None,
    office: str | None = None,
    language: str = "vi",
    cutoffs: Cutoffs | None = None,
    set_state: SetState | None = None,
) -> Explanation:
    """Explain one subject at `at`, with the plan as known now or at `as_of`.

    The subject is a task, unit, KPI or source of the plan, else a rule, the rule set or a datum that is missing.
    An unknown subject or office is a NotFoundError that names the nearest.
    """
    book = book.in_force(calendar.local_date(at))
    seen = _look(connection, book, code, (at, as_of, calendar), cutoffs or Cutoffs(), set_state or SetState())
    snapshot, directory, subject, book = seen.snapshot, seen.directory, seen.subject, seen.book
    own = replace(book, rules=tuple(rule for rule in book.rules if rule.about == subject.about))
    evaluation = seen.evaluation
    terms = terms_of(own, read_terms(snapshot.tasks, [subject.code], today_of(at, calendar)), calendar)
    trails, mutings = _trails(connection, terms, book, subject, directory, (at, calendar))
    asked = _asked(directory, subject, office)
    verdicts = (
        replace(_verdict(evaluation, rule, subject, trails.get(rule.id), language), muted=mutings.get(rule.id, ()))
        for rule in own.rules
    )
    if asked:
        verdicts = (_for_office(one, terms, subject, asked, directory) for one in verdicts)
    told = tuple(verdicts)
    return Explanation(
        about=subject.about,
        subject=subject.code,
        title=subject.title,
        unit=subject.unit,
        at=at,
        rules_version=book.version,
        due_at=subject.words.due_at if subject.words else None,
        due_text=subject.words.due_text if subject.words else "",
        verdicts=told,
        counted=_counted(snapshot, at, calendar) if subject.words else {},
        facts=dict(seen.matter.lines(language)) if seen.matter else {},
        held_by=_held_by(connection, seen.troubled, subject, as_of),
        asked=asked,
        people=_people(told, directory),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """A subject with what was read and judged to know about it; `book` has the codes of units as they are today."""

    snapshot: Snapshot
    directory: Directory
    subject: Subject
    book: RuleBook
    evaluation: Evaluation
    troubled: Sequence[str] = ()
    matter: Matter | None = None


def _look(
    connection: Connection,
    book: RuleBook,
    code: str,
    clock: tuple[datetime, datetime | None, WorkCalendar],
    cutoffs: Cutoffs,
    set_state: SetState,
) -> _Seen:
    """Find a subject of the plan and judge it by the rules about its kind; else a rule or a datum, by all rules."""
    at, as_of, calendar = clock
    try:
        snapshot, directory, subject = find_subject(connection, code, at, as_of, calendar)
    except NotFoundError:
        if not is_own(connection, code, book):
            raise
        own = find_own(connection, code, clock, book, cutoffs=cutoffs, set_state=set_state)
        return _Seen(own.snapshot, own.directory, own.subject, own.book, own.evaluation, matter=own.matter)
    about, today = subject.about, today_of(at, calendar)
    book = book.following(snapshot.tree.successors)
    rules = replace(book, rules=tuple(rule for rule in book.rules if rule.about == about))
    alerts = read_unanswered(connection, rules, as_of)
    frames = frames_of(
        {about}, snapshot, lambda: stand_now(snapshot, directory, today, calendar, cutoffs, unanswered=alerts)
    )
    troubled = in_trouble(snapshot.sources, today)
    hold = read_hold(connection, troubled, frames, directory, NOTHING, as_of)
    evaluation = evaluate({about: frames[about]}, rules, today, held=hold.masks)
    return _Seen(snapshot, directory, subject, book, evaluation, list(troubled))


# --- the subject's data -------------------------------------------------------------------------------------------


def _held_by(
    connection: Connection, troubled: Sequence[str], subject: Subject, as_of: datetime | None
) -> tuple[str, ...]:
    """Name the sources in trouble that the subject's data come from."""
    kind = subject.about
    if kind not in ("task", "kpi"):
        return ()
    return tuple(one for one in troubled if read_fed(connection, [one], as_of, subject.code)[kind].len())


def _counted(snapshot: Snapshot, at: datetime, calendar: WorkCalendar) -> dict[str, DayCount]:
    """Count the days to the deadline, and since the last report or the start."""
    row = snapshot.tasks.row(0, named=True)
    today = calendar.local_date(at)
    found: dict[str, DayCount] = {}
    for name in ("due_at", "last_reported_at", "start_at"):
        if row[name] is None:
            continue
        counted = count_days(calendar, calendar.local_date(row[name]), today, every_day=bool(row["every_day"]))
        if counted:
            found[name] = counted
    return found


# --- alerts and their steps -----------------------------------------------------------------------------------------


def _trails(
    connection: Connection,
    terms: Terms,
    book: RuleBook,
    subject: Subject,
    directory: Directory,
    clock: tuple[datetime, WorkCalendar],
) -> tuple[dict[str, Trail], dict[str, tuple[Muting, ...]]]:
    """Give, by rule, the alert about the subject that had begun and not ended at an instant, with its steps.

    `terms` has the rules about such subjects; one of another kind in the `book` may explain their alerts.
    """
    (at, calendar), rules = clock, {rule.id: rule for rule in terms.book.rules}
    alerts = {rule: one for rule, one in _alerts_at(connection, subject, at).items() if rule in rules}
    calls = read_calls(connection, [alert.id for alert, _ in alerts.values()], at)
    in_force = read_mutings_at(connection, [alert for alert, _ in alerts.values()], book, directory, at)
    mutings = {rule: in_force.of(alert) for rule, (alert, _) in alerts.items()}
    trails = {
        rule: trail_of(
            alert,
            terms.policy(alert) or book.policies[rules[rule].escalation],
            calls.get(alert.id, ()),
            made,
            directory,
            (at, calendar, calendar.add(alert.pending_since, rules[rule].hold_for)),
        )
        for rule, (alert, made) in alerts.items()
    }
    return {rule: held_back(trail, mutings[rule]) for rule, trail in trails.items()}, mutings


def _alerts_at(connection: Connection, subject: Subject, at: datetime) -> dict[str, tuple[Alert, Made]]:
    table = schema.alert.c
    lasting = or_(table.ended_at.is_(None), table.ended_at > at)
    query = select(table.code).where(table.about == subject.about, table.subject == subject.code)
    found = {}
    for code in connection.scalars(query.where(table.pending_since <= at, lasting)).all():
        alert = ledger.find_alert(connection, code)
        history = read_whole_history(connection, alert.id)
        later = any(row.at > at for row in history)
        found[alert.rule] = (as_it_was(alert, history, at) if later else alert, made_until(history, at))
    return found


# --- the verdicts ---------------------------------------------------------------------------------------------------


def _verdict(evaluation: Evaluation, rule: Rule, subject: Subject, trail: Trail | None, language: str) -> Verdict:
    seen: Observation | None = next(iter(observe(evaluation, rule, [subject.code])), None)
    values, thresholds = observe_values(evaluation, rule, subject.code) if seen else ({}, {})
    measure, threshold = CATALOGUE[rule.about][rule.measure], seen.threshold if seen else None
    value = seen.value if seen else None
    every_day = subject.words is not None and subject.words.every_day
    return Verdict(
        rule=rule.id,
        level=_word(seen),
        sentence=describe(measure, value, threshold, language, every_day=every_day),
        measure=rule.measure,
        value=value,
        thresholds=thresholds,
        where=rule.where_text,
        values=values,
        alert=trail.alert if trail else None,
        failure=evaluation.failures.get(rule.id, ""),
        trail=trail,
        messages=tuple(one for step in trail.steps for one in step.messages) if trail else (),
        labels=dict(rule.labels),
    )


def _word(seen: Observation | None) -> str:
    if seen is None or seen.level is None:
        return "unknown"
    return "not_applicable" if seen.level == NOT_APPLICABLE else Level(seen.level).word


# --- one office -----------------------------------------------------------------------------------------------------


def _asked(directory: Directory, subject: Subject, who: str | None) -> Office | None:
    if who is None:
        return None
    found: Recipient | None = find_office(directory, subject.unit, who)
    if found is None:
        allowed = ", ".join(office for office in OFFICES if office != AUTHORITY)
        raise NotFoundError(
            Phrase(
                "không có chức vụ {who!r}; được phép: {allowed}, ĐƠN-VỊ/head hoặc mã trong holders",
                who=who,
                allowed=allowed,
            ),
            nearest_name(who, [*allowed.split(", "), *directory.by_code]),
        )
    return Office(found.holder.code, found.office, found.unit.code, found.holder.title or found.unit.head_title)


def _for_office(verdict: Verdict, terms: Terms, subject: Subject, asked: Office, directory: Directory) -> Verdict:
    """Keep of a verdict's messages those to one office, and say why there are no more."""
    mine = tuple(one for one in verdict.messages if one.holder == asked.holder)
    policy = terms.policy_of(verdict.rule, subject.about, subject.code, subject.unit)
    levels = levels_for(policy, subject.unit, asked.holder, directory) if policy else {}
    return replace(verdict, messages=mine, why_not=_why_not(verdict, levels, asked, told=bool(mine)))


def _why_not(verdict: Verdict, levels: Mapping[str, Sequence[int]], asked: Office, *, told: bool) -> str:
    trail = verdict.trail
    if trail is None:
        reached = verdict.level not in ("none", "not_applicable", "unknown")
        return Phrase("cảnh báo chưa mở: chu kỳ xét tiếp theo mới mở") if reached else Phrase("không có cảnh báo nào")
    if trail.state == "pending":
        return Phrase("cảnh báo còn chờ đủ thời gian của quy tắc, chưa báo cho ai")
    to_come = [step for step in trail.steps if step.state != "called" and asked.holder in step.holders]
    if to_come:
        return _not_yet(to_come[0], trail)
    if told:
        return Phrase("đã được báo; mức này không còn bước nào báo thêm")
    above = [word for word in levels if Level[word.upper()] > Level[trail.level.upper()]]
    if above:
        shown = together((Level[word.upper()].vietnamese for word in above), ", ")
        return Phrase("mức hiện tại không báo cho chức vụ này; chỉ báo ở mức: {levels}", levels=shown)
    return Phrase("chính sách báo cáo của quy tắc không báo cho chức vụ này")


def _not_yet(step: Reached, trail: Trail) -> Phrase:
    reasons = {
        "due": Phrase("đến lượt ở chu kỳ xét tiếp theo"),
        "timer": Phrase("còn chờ hết thời gian của bước trước"),
        "promise": Phrase("đã có cam kết, bước này chờ đến hạn cam kết"),
        "gone": Phrase("số đo đã trở lại trong ngưỡng, cảnh báo sắp kết thúc"),
        "pending": Phrase("cảnh báo chưa mở"),
        "muted": Phrase("đang tạm dừng, hoặc đã nằm trong cảnh báo khác"),
        "": Phrase("chưa đến lượt"),
    }
    why = reasons[trail.waiting] if step.state == "next" or trail.waiting == "gone" else Phrase("chưa đến lượt")
    return Phrase("bước {step} chưa báo: {why}", step=step.step, why=why)


def _people(verdicts: Iterable[Verdict], directory: Directory) -> dict[str, str]:
    """Give the words for every holder that the verdicts name: the title, and the unit."""
    named = {
        code
        for verdict in verdicts
        for step in (verdict.trail.steps if verdict.trail else ())
        for code in (*step.holders, *(one.holder for one in step.messages))
    }
    known_ones = ((code, directory.by_code.get(code)) for code in sorted(named))
    people = {}
    for code, holder in known_ones:
        unit = directory.named(holder.unit) if holder else None
        if holder and unit:
            people[code] = f"{holder.title or unit.head_title or holder.office}, {unit.short}"
    return people
