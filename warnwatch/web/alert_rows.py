"""One open alert as a page says it: what is wrong, for how long, who was called, who is next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from warnwatch.alerts.alert import Alert
from warnwatch.alerts.escalation import made_of, next_step
from warnwatch.alerts.muting import NO_MUTINGS, Mutings
from warnwatch.alerts.terms import Terms
from warnwatch.cycle import CycleReport
from warnwatch.language import Phrase, in_language
from warnwatch.notify import wording
from warnwatch.notify.lookup import AlertLine
from warnwatch.notify.tongues import wording_of
from warnwatch.notify.wording import Wording
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.directory import Directory, Recipient
from warnwatch.plan.measures import describe
from warnwatch.plan.task_terms import read_terms
from warnwatch.rules.evaluation import Observation, observe
from warnwatch.rules.held import held_note
from warnwatch.rules.rule import Rule, RuleBook

Seen = Mapping[tuple[str, str], Observation]
ON_SYSTEM = Phrase("xem trên Hệ thống")
ALL_TOLD = Phrase("Đã báo cáo hết các cấp; thuộc danh sách theo dõi của cơ quan thường trực.")
STEPS_TOLD = Phrase("Đã thông báo đủ các bước của mức này; tiếp tục theo dõi.")
OFFICES = {
    "focal_point": Phrase("Đầu mối theo dõi"),
    "deputy": Phrase("Cấp phó"),
    "head": Phrase("Người đứng đầu"),
    "superior.head": Phrase("Người đứng đầu cấp trên"),
    "standing_body": Phrase("Cơ quan thường trực"),
    "committee": Phrase("Ban Chỉ đạo"),
    "authority": Phrase("Cơ quan có thẩm quyền tháo gỡ"),
    "secretariat": Phrase("Thư ký Ban Chỉ đạo"),
}


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One open alert in words. `level` paints it; `called` are lines, oldest first; empty texts are left out."""

    code: str
    level: str
    level_word: str
    title: str
    subject: str
    name: str
    unit: str
    state: str
    since: str
    deadline: str
    called: tuple[str, ...]
    answered: str
    next: str


@dataclass(frozen=True, slots=True)
class Telling:
    """What rows are written with: the last cycle's directory, the rules, what they say and mute now, zone, language."""

    book: RuleBook
    directory: Directory
    seen: Seen
    zone: ZoneInfo
    language: str = "vi"
    mutings: Mutings = NO_MUTINGS
    failing: Collection[str] = ()
    terms: Terms | None = None

    @property
    def says(self) -> Wording:
        """How dates and offices are written."""
        return wording_of(self.language)

    def row(self, line: AlertLine) -> AlertRow:
        """Write one open alert; of a confidential task nothing but its code."""
        alert, words = line.alert, line.words
        hidden = words is not None and words.confidential
        rule = next((rule for rule in self.book.rules if rule.id == alert.rule), None)
        unit = self.directory.unit(alert.unit)
        return AlertRow(
            code=alert.code,
            level=alert.level.word,
            level_word=alert.level.vietnamese,
            title=wording.clean(rule.title.get(alert.level, alert.rule) if rule else alert.rule),
            subject=wording.clean(alert.subject, 80),
            name=ON_SYSTEM if hidden else wording.clean(words.title) if words else "",
            unit=wording.unit_short(unit) if unit else alert.unit,
            state="" if hidden else self._state(line),
            since=self.says.moment(alert.opened_at or alert.pending_since, self.zone),
            deadline="" if hidden or not words else self.says.deadline(words.due_text, words.due_at, self.zone),
            called=tuple(self._called(line)),
            answered=self._answered(alert),
            next=self._next(line, rule),
        )

    def _state(self, line: AlertLine) -> str:
        """Say the value against its threshold: as it is now, or as it was when the alert last moved."""
        alert, every_day = line.alert, bool(line.words and line.words.every_day)
        now = self.seen.get((alert.rule, alert.subject))
        value, threshold = (now.value, now.threshold) if now else (alert.value, alert.threshold)
        measure = CATALOGUE.get(alert.about, {}).get(alert.measure)
        if measure is None:
            return ""
        said = describe(measure, value, threshold, self.language, every_day=every_day)
        note = held_note(now, failing=alert.rule in self.failing)
        return wording.sentence(f"{said}; {in_language(note, self.language)}" if note else said)

    def _called(self, line: AlertLine) -> Iterable[str]:
        """Name each office once, with the days on which it was called."""
        days: dict[str, list[str]] = {}
        for call in line.calls:
            days.setdefault(self._offices(call.unit, call.office.split(",")), []).append(
                self.says.day(call.at, self.zone)
            )
        return (f"{office} ({self.says.listing(list(dict.fromkeys(on)))})" for office, on in days.items())

    def _answered(self, alert: Alert) -> str:
        if alert.acknowledged_at is None:
            return ""
        taken = Phrase("đã tiếp nhận lúc {moment}", moment=self.says.moment(alert.acknowledged_at, self.zone))
        until = self.says.last_moment(alert.promised_for, self.zone) if alert.promised_for else ""
        return Phrase("{taken}, cam kết xong đến {until}", taken=taken, until=until) if until else taken

    def _next(self, line: AlertLine, rule: Rule | None) -> str:
        alert = line.alert
        if muting := next(iter(self.mutings.of(alert)), None):
            until = self.says.moment(muting.until, self.zone) if muting.until else ""
            return Phrase("Không báo: {why}.", why=muting.said(until))
        if alert.gone_since:
            return Phrase("Số liệu đã trở lại trong ngưỡng; đang chờ đủ thời gian để kết thúc.")
        if alert.standing:
            return ALL_TOLD if _reached_above(line) else STEPS_TOLD
        policy = (self.terms or Terms(self.book)).policy(alert) if rule else None
        if policy is None:
            return ""
        step = next_step(
            alert, policy, made_of((call.level, call.step, call.repeat, call.round_no) for call in line.calls)
        )
        if step is None:
            return ""
        when = f", {self.says.moment(alert.next_at, self.zone)}" if alert.next_at else ""
        return f"{self._offices(step.unit or alert.unit, step.tell)}{when}."

    def _offices(self, unit: str, offices: Iterable[str]) -> str:
        return self.says.listing([self._office(unit, office) for office in offices])

    def _office(self, unit: str, office: str) -> str:
        recipient = self.directory.recipient(unit, office)
        if recipient is None:
            return in_language(OFFICES.get(office, office), self.language)
        return office_said(recipient, self.says)


def _reached_above(line: AlertLine) -> bool:
    """Say whether the latest call went to somebody above the unit."""
    return bool(line.calls) and not {"head", "deputy", "focal_point"}.issuperset(line.calls[-1].office.split(","))


def office_said(recipient: Recipient, says: Wording) -> str:
    """Name an office: `Chủ tịch Ủy ban nhân dân tỉnh Thái Nguyên`; one known by a longer title has its unit apart."""
    title, unit = wording.office_title(recipient, says), wording.unit_name(recipient.unit)
    said = says.addressee(title, unit)
    apart = said == f"{title} {unit}" and len(title.split()) > 3
    return f"{title}, {wording.unit_short(recipient.unit)}" if apart else said


def see(report: CycleReport, book: RuleBook, alerts: Iterable[Alert]) -> Seen:
    """Look up what the rules said of some alerts in the last cycle; stored values are those of their last move."""
    subjects: dict[str, list[str]] = {}
    for alert in alerts:
        subjects.setdefault(alert.rule, []).append(alert.subject)
    return {
        (rule.id, one.subject): one
        for rule in book.rules
        if rule.id in subjects
        for one in observe(report.evaluation, rule, subjects[rule.id])
    }


def terms_for(report: CycleReport, alerts: Iterable[Alert]) -> Terms:
    """Look up whom the policies of some alerts name; how long they wait stands in the alerts."""
    tasks = {alert.subject for alert in alerts if alert.about == "task"}
    return Terms(report.book, read_terms(report.snapshot.tasks, tasks, report.evaluation.today))


def age(since: datetime, now: datetime) -> str:
    """Say how long ago something was, roughly: `12 phút`, `3 giờ`, `5 ngày`."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 60:
        return Phrase("{minutes} phút", minutes=minutes)
    return (
        Phrase("{hours} giờ", hours=minutes // 60) if minutes < 48 * 60 else Phrase("{days} ngày", days=minutes // 1440)
    )
