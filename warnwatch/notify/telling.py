"""Who is told what in this cycle: calls and all-clears gathered into one telling per holder and channel.

In: calls, ended alerts, the directory, the words of their subjects. Out: tellings, which `compose` makes into texts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import polars as pl

from warnwatch.alerts.alert import Alert, Call, Reason, State
from warnwatch.alerts.escalation import Made, recipients_of
from warnwatch.alerts.terms import Terms
from warnwatch.language import Phrase, in_language
from warnwatch.notify.failures import Instead
from warnwatch.notify.following import following
from warnwatch.notify.limit_facts import limit_facts
from warnwatch.notify.notification import Facts, Item, Kind, Tally, Telling
from warnwatch.notify.tongues import wording_of
from warnwatch.notify.ways import MAIL, SMS, channels_for
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.directory import Directory, Recipient, Unit
from warnwatch.plan.measures import describe
from warnwatch.plan.source_words import SourceWords
from warnwatch.plan.tally import roll_up
from warnwatch.plan.words import Limit, Words
from warnwatch.rules.evaluation import Observation
from warnwatch.rules.held import held_note
from warnwatch.rules.matters import Matter, Matters
from warnwatch.rules.rule import AUTHORITY, Level, Policy, Rule, RuleBook, Step
from warnwatch.rules.stages import OWN

# A digest opens with how the unit stands; a text about fewer alerts does not need it.
TALLY_FROM = 2


@dataclass(frozen=True)
class Sources:
    """Everything that telling looks things up in; read before, changed by nothing here.

    `end_of_next_working_day` gives the date by which an answer is asked when no step follows; without it none is given.
    `taken`: what `taken_over` gives. `ways`: the channels that this installation can send over; `countries`: those
    whose mobile numbers it sends text messages to. `terms`: by which policy each alert climbs; `clock`: this instant.
    """

    book: RuleBook
    directory: Directory
    words: Mapping[str, Words]
    made: Mapping[int, Made]
    observations: Mapping[tuple[str, str], Observation]
    counts: Callable[[], pl.DataFrame]
    limits: Mapping[str, Limit] = field(default_factory=dict)
    feeds: Mapping[str, SourceWords] = field(default_factory=dict)
    matters: Matters = field(default_factory=dict)
    failing: Collection[str] = ()
    end_of_next_working_day: Callable[[], datetime] | None = None
    language: str = "vi"  # of a holder who chose none
    taken: Mapping[int, tuple[Unit, str]] = field(default_factory=dict)
    ways: frozenset[str] = frozenset({MAIL})
    countries: frozenset[str] = frozenset()
    terms: Terms | None = None
    clock: tuple[datetime, WorkCalendar] | None = None

    def policy(self, alert: Alert) -> Policy:
        """Give the policy by which an alert climbs."""
        found = (self.terms or Terms(self.book)).policy(alert)
        return found or self.book.policies[self.book.rule(alert.rule).escalation]

    @cached_property
    def sums(self) -> Mapping[str, Mapping[str, int]]:
        """How every unit stands, all below it included."""
        return roll_up(self.counts(), self.directory)


@dataclass
class _Pile:
    recipient: Recipient
    items: list[Item] = field(default_factory=list)
    cleared: list[Item] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


def gather(  # noqa: C901 (three lists, each gone through once)
    called: Iterable[tuple[Alert, Call]],
    cleared: Iterable[tuple[Alert, Sequence[tuple[str, str]]]],
    sources: Sources,
    instead: Iterable[tuple[Alert, Instead]] = (),
) -> tuple[list[Telling], list[Call]]:
    """Gather tellings; the second list holds the calls for which nobody was found on the whole way up.

    `cleared` are alerts that ended as cured, each with the (holder, channel) pairs that were told of it; `instead` are
    calls that a text did not bring to their holder, with who is told of them now.
    """
    piles: dict[tuple[str, str], _Pile] = {}
    nobody: list[Call] = []
    for alert, call in called:
        recipients = _recipients(call, sources.directory)
        if not recipients:
            nobody.append(call)
        for recipient in recipients:
            for channel in channels_for(call.channels, recipient.holder, sources.ways, sources.countries):
                pile = piles.setdefault((recipient.holder.code, channel), _Pile(recipient))
                pile.items.append(item_of(alert, call, recipient, sources))
                pile.calls.append(call)
    for alert, one in instead:
        for channel in channels_for((one.channel,), one.recipient.holder, sources.ways, sources.countries):
            pile = piles.setdefault((one.recipient.holder.code, channel), _Pile(one.recipient))
            pile.calls.append(one.call)
            if all(item.alert.id != alert.id for item in pile.items):
                pile.items.append(item_of(alert, one.call, one.recipient, sources))
    for alert, told in cleared:
        for holder, channel in told:
            known = _holder(holder, sources.directory)
            if known is not None and channel in channels_for((channel,), known.holder, sources.ways, sources.countries):
                pile = piles.setdefault((holder, channel), _Pile(known))
                pile.cleared.append(ended_item(alert, known, sources))
    tellings = [
        telling_of(pile.recipient, channel, (pile.items, pile.cleared, pile.calls), sources)
        for (_, channel), pile in sorted(piles.items())
    ]
    return tellings, nobody


def _recipients(call: Call, directory: Directory) -> list[Recipient]:
    """Find the holders of a call's offices, each once."""
    found: dict[str, Recipient] = {}
    for office in call.office.split(","):
        recipient = directory.recipient(call.unit, office)
        if recipient:
            found.setdefault(recipient.holder.code, recipient)
    return list(found.values())


def recipient_of(holder: str, calls: Iterable[Call], directory: Directory) -> Recipient | None:
    """Find somebody for whom a text waits, in the office that its calls ask for where they hold it still."""
    for call in calls:
        for recipient in _recipients(call, directory):
            if recipient.holder.code == holder:
                return recipient
    return _holder(holder, directory)


def _holder(code: str, directory: Directory) -> Recipient | None:
    """Find somebody who was told before, whatever office they hold now, and even when they hold none.

    An all-clear ends what that person was asked for; whoever holds the office now was asked for nothing.
    """
    holder = directory.by_code.get(code)
    unit = directory.named(holder.unit) if holder else None
    return Recipient(holder, unit, holder.office, unit) if holder and unit else None


def telling_of(
    recipient: Recipient, channel: str, told: tuple[Sequence[Item], Sequence[Item], Sequence[Call]], sources: Sources
) -> Telling:
    """Give a telling of items, ended alerts and the calls that it answers to, with how the unit stands."""
    cleared, calls = told[1:]
    items = sorted(told[0], key=lambda item: (-item.alert.level, item.alert.opened_at or item.alert.pending_since))
    initial = any(item.reason is Reason.INITIAL for item in items)
    tally = None
    if initial or len(items) >= TALLY_FROM:
        tally = _tally(sources.sums.get(recipient.unit.code, {}))
    return Telling(
        recipient=recipient,
        channel=channel,
        items=tuple(items),
        cleared=tuple(cleared),
        calls=tuple(calls),
        tally=tally,
        initial=initial,
    )


def _tally(sums: Mapping[str, int]) -> Tally:
    named = ("total", "done_in_time", "done_late", "open_in_time", "open_late", "due_soon", "claimed", "no_deadline")
    known = {name: sums.get(name, 0) for name in named}
    other = known["total"] - sum(known[name] for name in named if name not in {"total", "due_soon"})
    return Tally(**known, other=other)


def item_of(alert: Alert, call: Call, recipient: Recipient, sources: Sources) -> Item:
    """Say an alert to one of those whom a call is for."""
    made = sources.made.get(alert.id, Made())
    upper, answer_by = following(alert, sources.policy(alert), made.after(call), sources.directory, sources.clock)
    language = _language(recipient, sources)
    taken_from, taken_under = sources.taken.get(alert.id, (None, ""))
    told_next = upper is not None and upper.holder.code != recipient.holder.code
    about = _cleared(alert, sources, language)
    if call.office == AUTHORITY:
        about = _for_authority(about, sources, language)
    return replace(
        about,
        reason=call.reason,
        times_told=_times_told(alert, call, made, sources),
        answer_by=answer_by or (sources.end_of_next_working_day() if sources.end_of_next_working_day else None),
        next_title=_title(upper, language) if upper and told_next else "",
        taken_from=taken_from,
        taken_under=taken_under,
    )


def _for_authority(item: Item, sources: Sources, language: str) -> Item:
    """Say of a task's obstacle what is asked of the unit that can lift it, whatever the alert itself is about."""
    words = sources.words.get(item.alert.subject)
    lines = _asked(words, sources.directory, language) if words else item.facts.lines
    return replace(item, kind=Kind.OBSTACLE, facts=replace(item.facts, lines=lines))


def taken_over(
    handed: Iterable[tuple[Alert, Alert]], directory: Directory, documents: Mapping[str, str]
) -> dict[int, tuple[Unit, str]]:
    """Give, by alert, the dissolved unit that another one takes it over from, and the number of the document.

    A task that the plan gives to another lead, between units that both go on, is no such thing.
    """
    gone = directory.former
    return {
        after.id: (gone[before.unit], documents.get(before.unit, ""))
        for before, after in handed
        if before.unit in gone and before.unit in directory.successors
    }


def _times_told(alert: Alert, call: Call, made: Made, sources: Sources) -> int:
    """Count the earlier steps of a call's round that told the unit itself.

    A step counts when it reached a holder of that unit who has an address and was in office when the alert opened:
    what a superior got for a vacant post, and what was only shown before going live, reminded nobody.
    """
    policy = sources.policy(alert)
    called = made.steps if made.round_no == call.round_no else ()
    steps = [step for level, done in called for step in policy.levels.get(Level(level), ())[:done]]
    return min(made.times, sum(_told_unit(alert, step, sources) for step in steps))


def _told_unit(alert: Alert, step: Step, sources: Sources) -> bool:
    opened = (alert.opened_at or alert.pending_since).date()
    return any(
        one.unit.code == alert.unit
        and one.holder.holds_on(opened)
        and (one.holder.email or SMS in channels_for(step.channels, one.holder, sources.ways, sources.countries))
        for one in recipients_of(alert, step, sources.directory)
    )


def _language(recipient: Recipient, sources: Sources) -> str:
    return recipient.holder.language or sources.language


def _title(recipient: Recipient, language: str) -> str:
    return wording_of(language).addressee(recipient.holder.title or recipient.unit.head_title, recipient.unit.name)


def ended_item(alert: Alert, recipient: Recipient, sources: Sources) -> Item:
    """Say the end of an alert to somebody who was told of it."""
    return _cleared(alert, sources, _language(recipient, sources))


def _cleared(alert: Alert, sources: Sources, language: str) -> Item:
    """Say what an alert is about, without anything of a call."""
    rule = sources.book.rule(alert.rule)
    observation = sources.observations.get((alert.rule, alert.subject))
    value = observation.value if observation else alert.value
    threshold = observation.threshold if observation else alert.threshold
    # What was seen now is the rule's measure, even where the alert was opened by another one.
    measure = CATALOGUE[alert.about][rule.measure if observation else alert.measure]
    facts = _facts(alert, sources, language)
    said = describe(measure, value, threshold, language, every_day=facts.every_day)
    stands = alert.state is State.OPEN
    note = held_note(observation, failing=alert.rule in sources.failing) if stands else ""
    return Item(
        alert=alert,
        kind=_kind(rule, alert, value),
        reason=Reason.OPENED,
        title=rule.title.get(alert.level, ""),
        sentence=f"{said}; {in_language(note, language)}" if note else said,
        guidance=rule.guidance,
        facts=facts,
        days=None if value is None else abs(round(value)),
    )


def _kind(rule: Rule, alert: Alert, value: float | None) -> Kind:
    """Choose the kind of text: what is due soon is, on its last day, due today."""
    kind = Kind(rule.text.get(alert.level, Kind.GENERAL))
    if kind is Kind.DUE_SOON and value is not None:
        return Kind.DUE_TODAY if value == 0 else Kind.OVERDUE if value < 0 else kind
    return kind


def _facts(alert: Alert, sources: Sources, language: str) -> Facts:
    unit = sources.directory.unit(alert.unit) or Unit(alert.unit, alert.unit)
    if alert.about == "unit":
        name = (sources.directory.named(alert.subject) or unit).name
        return Facts(alert.subject, name, unit, lines=_unit_lines(sources.sums.get(unit.code, {}), language))
    if alert.about == "kpi":
        return limit_facts(alert, unit, sources.limits.get(alert.subject), language)
    if alert.about == "source":
        return _source_facts(alert, unit, sources.feeds.get(alert.subject), language)
    if alert.about in OWN:
        return _matter_facts(alert, unit, sources.matters.get((alert.about, alert.subject)), language)
    words = sources.words.get(alert.subject)
    if words is None:
        return Facts(alert.subject, "", unit)
    lines: tuple[tuple[str, str], ...] = ()
    if sources.book.rule(alert.rule).answers:  # another unit is told what the lead asks of it
        unit = sources.directory.unit(words.unit) or unit
        lines = _asked(words, sources.directory, language)
    return Facts(
        code=words.code,
        title=words.title,
        unit=unit,
        assigning_document=words.assigning_document,
        due_at=words.due_at,
        due_text=words.due_text,
        expected_result=words.expected_result,
        progress=words.progress,
        progress_at=words.progress_at,
        started_at=words.started_at,
        confidential=words.confidential,
        every_day=words.every_day,
        baseline_due_at=words.baseline_due_at,
        baseline_text=words.baseline_text,
        decision=words.decision,
        claimed=words.status == "claimed",
        claimed_at=words.claimed_at,
        lines=lines,
    )


def _unit_lines(sums: Mapping[str, int], language: str) -> tuple[tuple[str, str], ...]:
    """Say in numbers how a unit stands, all below it included."""
    tally = _tally(sums)
    undone = tally.open_in_time + tally.open_late + tally.no_deadline
    values = {
        Phrase("Tổng số nhiệm vụ"): str(tally.total),
        Phrase("Đã hoàn thành"): Phrase(
            "{done} (đúng hạn {in_time}, quá hạn {late})",
            done=tally.done_in_time + tally.done_late,
            in_time=tally.done_in_time,
            late=tally.done_late,
        ),
        Phrase("Chưa hoàn thành"): Phrase(
            "{undone} (trong hạn {in_time}, quá hạn {late}, không có thời hạn {without})",
            undone=undone,
            in_time=tally.open_in_time,
            late=tally.open_late,
            without=tally.no_deadline,
        ),
    }
    return tuple((in_language(label, language), in_language(value, language)) for label, value in values.items())


def _asked(words: Words, directory: Directory, language: str) -> tuple[tuple[str, str], ...]:
    if words.confidential:
        return ()
    authority = directory.unit(words.obstacle_authority)
    rows = (
        (Phrase("Nội dung khó khăn, vướng mắc"), words.obstacle),
        (Phrase("Nguyên nhân vượt thẩm quyền"), words.obstacle_reason),
        (Phrase("Cơ quan có thẩm quyền giải quyết"), authority.name if authority else words.obstacle_authority),
    )
    return tuple((in_language(label, language), value) for label, value in rows if value)


def _source_facts(alert: Alert, unit: Unit, words: SourceWords | None, language: str) -> Facts:
    if words is None:
        return Facts(alert.subject, "", unit)
    # Not `progress_at`: a good pull after the alert opened would pass for an answer of the unit's.
    lines = tuple((in_language(label, language), in_language(value, language)) for label, value in words.lines)
    return Facts(alert.subject, words.title, unit, lines=lines)


def _matter_facts(alert: Alert, unit: Unit, matter: Matter | None, language: str) -> Facts:
    if matter is None:
        return Facts(alert.subject, "", unit)
    return Facts(alert.subject, matter.name(language), unit, lines=matter.lines(language))
