"""What is told, case by case: the facts of each task become words here, before any layout.

In: a telling. Out: cases, ranked, and the words and entries of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from warnwatch.language import Phrase, in_language
from warnwatch.notify import wording
from warnwatch.notify.links import make
from warnwatch.notify.notification import TITLED, Facts, Item, Kind, Letterhead, Telling
from warnwatch.notify.page import Entry, Rows, Section
from warnwatch.notify.texts import Texts
from warnwatch.notify.tongues import wording_of
from warnwatch.notify.wording import Wording
from warnwatch.rules.rule import Level
from warnwatch.rules.stages import OWN

# The sheet for confidential subjects.
RESTRICTED = "restricted"

# In a list the weightier kind comes first among equals.
KIND_ORDER = {kind: place for place, kind in enumerate((Kind.OVERDUE, Kind.DUE_TODAY, *Kind))}


@dataclass(frozen=True, slots=True)
class Desk:
    """What the writing of one mail needs: who is told what, the installation's letterhead, the time, the texts."""

    telling: Telling
    letterhead: Letterhead
    now: datetime
    texts: Texts
    key: str = ""

    @property
    def expires(self) -> datetime:
        """When the link by which this mail is answered opens nothing any more."""
        return self.now + timedelta(days=self.letterhead.link_days)

    @property
    def answer_link(self) -> str:
        """The link by which this mail is answered; empty where there is no key ring, or nothing to answer."""
        head, holder = self.letterhead, self.telling.recipient.holder.code
        if not (head.ring and self.key and self.telling.items and head.link.startswith(("https://", "http://"))):
            return ""
        return f"{head.link.rstrip('/')}/a/{make(self.key, holder, self.expires, head.ring)}"

    @property
    def says(self) -> Wording:
        """How dates, numbers and offices are written in the recipient's language."""
        return wording_of(self.texts.language)

    def said(self, text: str) -> str:
        """Say a phrase in the recipient's language."""
        return in_language(text, self.texts.language)

    def day(self, at: datetime | None) -> str:
        """Write a date in the plan's zone; nothing for no instant."""
        return self.says.day(at, self.letterhead.zone) if at else ""

    def moment(self, at: datetime | None) -> str:
        """Write an instant in the plan's zone; nothing for none."""
        return self.says.moment(at, self.letterhead.zone) if at else ""


class Change(StrEnum):
    """What is different about a subject since its recipient was last told of it."""

    NEW = "new"
    RAISED = "raised"
    AGAIN = "again"


_CHANGED: Mapping[Change, Phrase] = {
    Change.NEW: Phrase("Mới"),
    Change.RAISED: Phrase("Tăng mức"),
    Change.AGAIN: Phrase("Nhắc lại"),
}


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that one recipient is told about one subject, the gravest alert first."""

    items: tuple[Item, ...]
    own: bool

    @property
    def lead(self) -> Item:
        """The gravest of its alerts; the case is told under that one's kind."""
        return self.items[0]

    @property
    def kind(self) -> Kind:
        """The kind of text that its gravest alert asks for."""
        return self.lead.kind

    @property
    def hidden(self) -> bool:
        """Whether the subject is confidential: then nothing but its code is told."""
        return any(item.facts.confidential for item in self.items)

    @property
    def sheet(self) -> str:
        """The sheet that holds the words of this case."""
        return RESTRICTED if self.hidden else str(self.kind)

    @property
    def level(self) -> Level:
        """The highest level."""
        return self.lead.alert.level

    @property
    def change(self) -> Change:
        """What is different since the recipient was last told of any of its alerts."""
        told = max(item.told_level for item in self.items)
        if not told:
            return Change.NEW
        return Change.RAISED if self.level > told else Change.AGAIN

    @property
    def codes(self) -> str:
        """The alerts' codes, as an answer names them."""
        return ", ".join(item.alert.code for item in self.items)


def cases(desk: Desk) -> tuple[Case, ...]:
    """Gather items by subject and rank them: the highest level first, then the weightier kind, then the oldest."""
    by_subject: dict[tuple[str, str], list[Item]] = {}
    for item in desk.telling.items:
        by_subject.setdefault((item.alert.about, item.alert.subject), []).append(item)
    found = [_case(items, desk) for items in by_subject.values()]
    return tuple(sorted(found, key=lambda case: _rank(case.lead)))


def _case(items: Iterable[Item], desk: Desk) -> Case:
    ranked = tuple(sorted(items, key=_rank))
    return Case(ranked, ranked[0].facts.unit.code == desk.telling.recipient.unit.code)


def _rank(item: Item) -> tuple[int, int, str, float, float, int]:
    due = item.facts.due_at.timestamp() if item.facts.due_at else float("inf")
    title = item.title if item.kind in TITLED else ""
    return (-item.alert.level, KIND_ORDER[item.kind], title, due, item.alert.pending_since.timestamp(), item.alert.id)


# --- the words of one alert -----------------------------------------------------------------------------------------


def recipient_words(desk: Desk) -> dict[str, object]:
    """Give the words that are the same in the whole mail: who is addressed, and the time."""
    recipient = desk.telling.recipient
    title, unit = wording.office_title(recipient, desk.says), wording.unit_name(recipient.unit)
    focal = recipient.holder.office == "focal_point"
    return {
        "office": f"{title}, {unit}" if focal else desk.says.addressee(title, unit),
        "title": title,
        "to_head": not focal,
        "moment": desk.moment(desk.now),
    }


def case_words(case: Case, desk: Desk) -> dict[str, object]:
    """Give the words that a sheet may use about one case; a missing fact is an empty text here, never None."""
    item = case.lead
    words = recipient_words(desk) | _fact_words(item.facts, desk) | _alert_words(item, desk)
    zone, asked, today = desk.letterhead.zone, item.answer_by, case.kind is Kind.DUE_TODAY
    by = f" {desk.says.answer_by(asked, zone, desk.now, today=today)}" if asked else ""
    next_title = wording.clean(item.next_title)
    words |= {
        "alert": case.codes,
        "own": case.own,
        "answering": case.kind is Kind.ACK,
        "days": days_words(item, desk),
        "by": by,
        "until": desk.says.after_answer(asked, zone, desk.now) if asked else "",
        "next_title": next_title,
        "then": desk.said(Phrase(" Quá thời hạn trên, Hệ thống báo cáo {office} theo quy định.", office=next_title))
        if by and next_title
        else "",
        "told": item.times_told,
        "claim": _claim(item.facts, desk),
        "taken": _taken(item, desk),
        "updated": desk.day(item.facts.progress_at) if updated_since(item) else "",
        "has_answered": has_answered(item),
        "guidance": wording.sentence(wording.clean(item.guidance, 600)),
    }
    words["answered"] = desk.texts.say("entry", "answered", words)
    words["reason"] = desk.texts.say("entry", "reason", words | {"why_told": str(item.reason)})
    words["why"] = _why(item, words, desk)
    words["others"] = [_why(other, words | _alert_words(other, desk), desk) for other in case.items[1:]]
    return words


def updated_since(item: Item) -> bool:
    """Say whether a report came after the alert opened: a mail asks for it, and it is an answer."""
    since, reported = item.alert.opened_at, item.facts.progress_at
    return bool(since and reported and reported > since)


def has_answered(item: Item) -> bool:
    """Say whether the unit has answered: by acknowledging, by reporting since, or by claiming that it is done."""
    return bool(item.alert.acknowledged_at or item.facts.claimed or updated_since(item))


def _claim(facts: Facts, desk: Desk) -> str:
    if not facts.claimed:
        return ""
    if not facts.claimed_at:
        return desk.said(Phrase("đã báo cáo hoàn thành, đang chờ xác nhận"))
    return desk.said(Phrase("đã báo cáo hoàn thành ngày {day}, đang chờ xác nhận", day=desk.day(facts.claimed_at)))


def _taken(item: Item, desk: Desk) -> str:
    """Say from whom the unit takes the matter over, and under which document: a bare number, or with its kind."""
    if item.taken_from is None:
        return ""
    unit, document = wording.unit_name(item.taken_from), wording.clean(item.taken_under, 80)
    if not document:
        return desk.said(Phrase("từ {unit}", unit=unit))
    if document[0].isdigit():
        return desk.said(Phrase("từ {unit} theo văn bản số {document}", unit=unit, document=document))
    return desk.said(Phrase("từ {unit} theo {document}", unit=unit, document=document))


def deadline_words(facts: Facts, desk: Desk) -> str:
    """Write the deadline in force; a moved one with the first one and the act that moved it."""
    zone = desk.letterhead.zone
    now = desk.says.deadline(facts.due_text, facts.due_at, zone)
    if not (facts.due_at and facts.baseline_due_at) or facts.due_at == facts.baseline_due_at:
        return now
    before = facts.baseline_text or desk.says.last_moment(facts.baseline_due_at, zone)
    return desk.says.moved_deadline(now, before, facts.decision)


def _fact_words(facts: Facts, desk: Desk) -> dict[str, object]:
    return {
        "code": wording.clean(facts.code, 80),
        "name": wording.clean(facts.title) or desk.said(Phrase("chưa có tên")),
        "unit": wording.unit_name(facts.unit),
        "unit_short": wording.unit_short(facts.unit),
        "document": wording.clean(facts.assigning_document),
        "deadline": deadline_words(facts, desk),
        "due_day": desk.day(facts.due_at) or desk.said(Phrase("chưa xác định")),
        "result": wording.clean(facts.expected_result),
        "progress": _progress(facts, desk),
        "progress_day": desk.day(facts.progress_at),
        "start_day": desk.day(facts.started_at),
        "expected_day": desk.day(facts.expected_at),
        "value": wording.clean(facts.value),
        "target": wording.clean(facts.target),
        "period": wording.clean(facts.period),
    }


def _alert_words(item: Item, desk: Desk) -> dict[str, object]:
    alert = item.alert
    promised = desk.says.last_moment(alert.promised_for, desk.letterhead.zone) if alert.promised_for else ""
    return {
        "about": alert.about,
        "rule_title": wording.clean(item.title),
        "level_word": desk.said(alert.level.vietnamese),
        "acknowledged": desk.moment(alert.acknowledged_at),
        "promised": promised,
        "ended": desk.moment(alert.ended_at),
        "days": days_words(item, desk),
    }


def _why(item: Item, words: Mapping[str, object], desk: Desk) -> str:
    said = wording.clean(item.sentence, 600)
    return wording.sentence(said or desk.texts.say(str(item.kind), "state", words))


def _progress(facts: Facts, desk: Desk) -> str:
    if facts.progress_at is None and facts.progress is None:
        return desk.said(Phrase("chưa có báo cáo"))
    share = (
        desk.says.percent(facts.progress) if facts.progress is not None else desk.said(Phrase("báo cáo chưa nêu tỷ lệ"))
    )
    if not facts.progress_at:
        return share
    return desk.said(Phrase("{share} (ngày {day})", share=share, day=desk.day(facts.progress_at)))


def days_words(item: Item, desk: Desk) -> str:
    """Write the days that a kind counts, in the unit of its measure: `3 ngày làm việc`; for none, an empty text."""
    count = item.days
    if count is None and item.kind is Kind.OVERDUE and item.facts.due_at:
        zone = desk.letterhead.zone
        count = (desk.now.astimezone(zone).date() - item.facts.due_at.astimezone(zone).date()).days
        return desk.says.days(count, working=False) if count > 0 else ""
    if not count or "days" not in item.alert.measure:
        return ""
    working = "working" in item.alert.measure and not item.facts.every_day
    return desk.says.days(abs(count), working=working)


# --- lists ----------------------------------------------------------------------------------------------------------


def rows(text: str) -> Rows:
    """Read the lines `label: value` that a sheet gives for facts."""
    pairs = (line.strip().partition(": ") for line in text.splitlines() if line.strip())
    return tuple((label, value) for label, _, value in pairs)


def entry(case: Case, words: Mapping[str, object], desk: Desk, number: int, block: str = "") -> Entry:
    """Give one case as an entry of a list; a confidential one has nothing but its code."""
    block = "restricted" if case.hidden else block or ("own" if case.own else "below")
    return Entry(
        number=number,
        level=int(case.level),
        word=desk.said(case.level.vietnamese),
        code=str(words["code"]),
        name="" if case.hidden else str(words["name"]),
        state=desk.texts.say(case.sheet, "state", words),
        alert=case.codes,
        lines=(*rows(desk.texts.say("entry", block, words)), *(() if block == "card" else _own_lines(case))),
    )


def _own_lines(case: Case) -> Rows:
    """Give what a list must say of a rule, a rule set or a datum: without the mistake nobody can mend it."""
    if case.hidden or case.lead.alert.about not in OWN:
        return ()
    lines = case.lead.facts.lines
    return tuple((wording.clean(label, 80), wording.clean(value, 600)) for label, value in lines)


def section(heading: str, entries: Sequence[Entry], desk: Desk) -> Section:
    """Set entries under a heading, with what they say alike above them."""
    alike = said_alike(entries, desk)
    return Section(heading, tuple(one.without(alike) for one in entries), alike)


def said_alike(entries: Sequence[Entry], desk: Desk) -> Rows:
    """Give the lines about answering and taking over that several entries have in common: they are said once."""
    if len(entries) < 2:
        return ()
    first = (line for line in entries[0].lines if line[0] in desk.says.SAID_ONCE)
    return tuple(line for line in first if all(line in one.lines for one in entries))


def counts(told: Iterable[Case], desk: Desk) -> str:
    """Count cases by kind: `3 quá hạn và 2 sắp đến hạn`; what is confidential is one number of its own."""
    return desk.says.listing([f"{count} {label}" for label, count in _numbers(told, desk).items()])


def made_up_of(told: Iterable[Case], desk: Desk) -> str:
    """Say what a number is made up of: `, trong đó: 3 quá hạn và 2 sắp đến hạn`; of one kind only, ` (quá hạn)`."""
    numbers = _numbers(told, desk)
    if len(numbers) == 1:
        return f" ({next(iter(numbers))})"
    parts = desk.says.listing([f"{count} {label}" for label, count in numbers.items()])
    return desk.said(Phrase(", trong đó: {parts}", parts=parts)) if parts else ""


def _numbers(told: Iterable[Case], desk: Desk) -> Counter[str]:
    sheets = Counter((case.sheet, "" if case.hidden else wording.clean(case.lead.title)) for case in told)
    numbers: Counter[str] = Counter()
    for (sheet, title), number in sorted(sheets.items(), key=lambda one: one[0][0] == RESTRICTED):
        label = desk.texts.say(sheet, "label", {"rule_title": title})
        numbers[label[0].lower() + label[1:]] += number
    return numbers


def changes(told: Sequence[Case], desk: Desk) -> str:
    """Sum up a list against what its recipient was told before; nothing to say where all of it is new."""
    numbers = Counter(case.change for case in told)
    ended = len(desk.telling.cleared)
    if numbers[Change.NEW] == len(told) and not ended:
        return ""
    parts = (
        (numbers[Change.NEW], Phrase("{count} nội dung mới", count=numbers[Change.NEW])),
        (numbers[Change.RAISED], Phrase("{count} nội dung tăng mức", count=numbers[Change.RAISED])),
        (numbers[Change.AGAIN], Phrase("{count} nội dung nhắc lại", count=numbers[Change.AGAIN])),
        (ended, Phrase("{count} cảnh báo đã kết thúc", count=ended)),
    )
    listing = desk.says.listing([desk.said(said) for count, said in parts if count])
    return desk.said(Phrase("So với các lần thông báo trước: {listing}.", listing=listing))


def change_words(case: Case, desk: Desk) -> str:
    """Say what is different about one case of a list."""
    return desk.said(_CHANGED[case.change])


def noun(told: Sequence[Case], desk: Desk) -> str:
    """Give the word for what is counted."""
    return desk.says.noun(len(told), tasks=all(case.lead.alert.about == "task" for case in told))
