"""The letters: the full one about one task, the list of several, the report to a superior, the all-clear.

In: cases, ranked. Out: a page, ready to be laid out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count, groupby

from warnwatch.language import Phrase
from warnwatch.notify import wording
from warnwatch.notify.cases import (
    RESTRICTED,
    Case,
    Desk,
    case_words,
    change_words,
    changes,
    counts,
    days_words,
    entry,
    has_answered,
    made_up_of,
    noun,
    recipient_words,
    rows,
    said_alike,
    section,
)
from warnwatch.notify.notification import TITLED, Facts, Kind
from warnwatch.notify.page import Entry, Frame, Page, Rows, Section
from warnwatch.plan.directory import Via

# Kinds that ask a unit to get a task done; once it is reported done, they ask to have that verified.
_CLAIMED = {Kind.DUE_SOON, Kind.DUE_TODAY, Kind.OVERDUE, Kind.BEHIND, Kind.STALLED, Kind.FORECAST, Kind.GENERAL}


def write(kind: Kind, told: Sequence[Case], desk: Desk) -> Page:
    """Choose the letter for a kind of text and write it."""
    if kind is Kind.ALL_CLEAR:
        return _all_clear(desk)
    if len(told) == 1 and (told[0].hidden or kind is told[0].kind):
        return _letter(told[0], desk)
    return _list(kind, told, desk)


def _letter(case: Case, desk: Desk) -> Page:
    """Give the full letter about one task of the recipient's own unit."""
    words = case_words(case, desk)
    say, shared = desk.texts.sheet(case.sheet, words), desk.texts.sheet("letter", words)
    card = entry(case, words, desk, 1, "card")
    facts = () if case.hidden else (*rows(say("facts")), *_further(case.lead.facts))
    known = {label for label, _ in card.lines}
    told = not case.hidden
    notes = (_via(desk), str(words["reason"]) if told else "")
    asked = shared("claimed") if words["claim"] and case.kind in _CLAIMED and told else say("request")
    request = (asked, shared("guidance") if told and words["guidance"] else "")
    return Page(
        subject=say("subject"),
        level=int(case.level),
        word=desk.said(case.level.vietnamese),
        headline=card.state,
        opening=say("opening"),
        notes=tuple(filter(None, notes)),
        card=card,
        facts=(
            *facts,
            *(row for row in card.lines if row not in facts),
            (desk.said(Phrase("Mã cảnh báo")), case.codes),
        ),
        details=tuple(row for row in facts[1:] if row[0] not in known),
        request=tuple(filter(None, request)),
        answer="" if case.kind is Kind.ACK else shared("answer"),
        cleared_heading=_cleared_heading(desk),
        cleared=_cleared(desk),
        frame=_frame(shared, desk),
    )


def _further(facts: Facts) -> Rows:
    return tuple((wording.clean(label, 80), wording.clean(value, 600)) for label, value in facts.lines)


def _list(kind: Kind, told: Sequence[Case], desk: Desk) -> Page:
    """Give a digest, the initial digest, or the report to a superior: ranked, in sections, capped."""
    words = recipient_words(desk) | _list_words(told, desk)
    rest = told[max(1, desk.letterhead.digest_cap) :]
    tally = desk.telling.tally
    said = {
        "tally": tally,
        "alert": "",
        "own": any(case.own for case in told),
        "noun": noun(rest, desk),
        "count": len(rest),
    }
    say, shared = desk.texts.sheet(str(kind), words), desk.texts.sheet("letter", words | said)
    # An initial digest says how things stand; only the others follow earlier ones.
    since = "" if kind is Kind.INITIAL else changes(told, desk)
    alike, sections = _sections(kind, told[: max(1, desk.letterhead.digest_cap)], desk, marked=bool(since))
    return Page(
        subject=say("subject"),
        level=int(told[0].level),
        word=desk.said(told[0].level.vietnamese),
        headline=say("headline"),
        opening=say("opening"),
        notes=tuple(note for note in (_via(desk),) if note),
        changes=since,
        list_heading=say("list"),
        alike=alike,
        sections=sections,
        more=shared("more") if rest else "",
        request=(say("request"),),
        tally=tuple(shared("tally").splitlines()) if tally else (),
        answer=shared("answer"),
        cleared_heading=_cleared_heading(desk),
        cleared=_cleared(desk),
        frame=_frame(shared, desk),
    )


def _list_words(told: Sequence[Case], desk: Desk) -> dict[str, object]:
    """Give the words that say what a list holds. Confidential tasks count, and name neither unit nor kind."""
    own, below = [case for case in told if case.own], [case for case in told if not case.own]
    plain = [case for case in told if not case.hidden]
    units = {case.lead.facts.unit.code: case.lead.facts.unit for case in plain if not case.own}
    unit = desk.telling.recipient.unit
    one = next(iter(units.values()), unit) if len(units) == 1 and len(plain) == len(told) else None
    several = Phrase("các cơ quan, đơn vị cấp dưới")
    if len(units) > 1:
        several = Phrase("{count} cơ quan, đơn vị", count=len(units))
    late = [case for case in plain if case.kind is Kind.OVERDUE]
    times = {case.lead.times_told for case in plain}
    longest = max(late, key=lambda case: (case.lead.days or 0, -_due(case)), default=None)
    return {
        "unit": wording.unit_name(unit),
        "unit_short": wording.unit_short(unit),
        "units": wording.unit_name(one) if one else desk.said(several),
        "one_unit": one is not None,
        "units_short": wording.unit_short(one) if one else desk.said(several),
        "count": len(told),
        "own_count": len(own),
        "below_count": len(below),
        "open_count": len(plain),
        "counts": counts(told, desk),
        "of_own": made_up_of(own, desk),
        "noun": noun(told, desk),
        "own_noun": noun(own, desk),
        "below_noun": noun(below, desk),
        "all_overdue": len(late) == len(told),
        "longest": days_words(longest.lead, desk) if longest else "",
        "told": times.pop() if len(times) == 1 else 0,
        "any_answer": any(has_answered(case.lead) for case in plain),
        "answered": _answered(plain, desk),
        "claimed": sum(case.lead.facts.claimed for case in plain),
        "own_claimed": any(case.own and case.lead.facts.claimed for case in plain),
        "has_by": any(case.own and case.lead.answer_by for case in plain),
    }


def _due(case: Case) -> float:
    return case.lead.facts.due_at.timestamp() if case.lead.facts.due_at else float("inf")


def _answered(plain: Sequence[Case], desk: Desk) -> str:
    """Say what is known of answers: in full about one task, as a number about several."""
    if len(plain) == 1:
        return str(case_words(plain[0], desk)["answered"])
    answered = sum(has_answered(case.lead) for case in plain)
    if not answered:
        return desk.said(Phrase("chưa xác nhận nhận cảnh báo"))
    if answered == len(plain):
        return desk.said(Phrase("đã xác nhận nhận cảnh báo hoặc cập nhật"))
    values = {"answered": answered, "count": len(plain), "noun": noun(plain, desk)}
    return desk.said(Phrase("đã xác nhận nhận cảnh báo hoặc cập nhật đối với {answered}/{count} {noun}", **values))


def _sections(kind: Kind, shown: Sequence[Case], desk: Desk, *, marked: bool) -> tuple[Rows, tuple[Section, ...]]:
    """Set the recipient's own tasks by level and kind, then those of units below by unit, then the confidential."""
    plain = [case for case in shown if not case.hidden]
    own = [case for case in plain if case.own]
    below = sorted((case for case in plain if not case.own), key=lambda case: case.lead.facts.unit.code)
    groups: list[tuple[str, list[Case]]] = []
    for _, same in groupby(own, key=lambda case: (case.level, case.kind, case.lead.title * (case.kind in TITLED))):
        group = list(same)
        label = desk.texts.say(group[0].sheet, "label", {"rule_title": wording.clean(group[0].lead.title)})
        groups.append((f"{desk.said(group[0].level.vietnamese)} – {label} ({len(group)})", group))
    for _, same in groupby(below, key=lambda case: case.lead.facts.unit.code):
        group = list(same)
        name = desk.texts.say(str(kind), "below", {"unit": wording.unit_name(group[0].lead.facts.unit)})
        groups.append((f"{name} ({len(group)})", group))
    if hidden := [case for case in shown if case.hidden]:
        groups.append((f"{desk.texts.say(RESTRICTED, 'label', {})} ({len(hidden)})", hidden))
    return _numbered(groups, desk, marked=marked)


def _numbered(
    groups: Sequence[tuple[str, list[Case]]], desk: Desk, *, marked: bool
) -> tuple[Rows, tuple[Section, ...]]:
    """Count the tasks through, section after section; the first result holds for every one of them."""
    number = count(1)
    lists = [
        (heading, [_entry(case, desk, next(number), marked=marked) for case in group]) for heading, group in groups
    ]
    plain = [one for _, entries in lists for one in entries if one.name]
    alike = said_alike(plain, desk)
    return alike, tuple(section(heading, [one.without(alike) for one in entries], desk) for heading, entries in lists)


def _entry(case: Case, desk: Desk, number: int, *, marked: bool) -> Entry:
    one = entry(case, case_words(case, desk), desk, number)
    return replace(one, change=change_words(case, desk)) if marked else one


def _all_clear(desk: Desk) -> Page:
    """Give the text that ends what was told."""
    ended = desk.telling.cleared
    first = ended[0]
    case = Case((first,), own=True)
    words = case_words(case, desk) | {"count": len(ended), "task_unit_short": ""}
    facts: Rows = ()
    if len(ended) == 1 and not first.facts.confidential:
        words["task_unit_short"] = words["unit_short"]
        facts = (
            *rows(desk.texts.say("all_clear", "facts", words)),
            (desk.said(Phrase("Mã cảnh báo")), first.alert.code),
        )
    words["unit_short"] = wording.unit_short(desk.telling.recipient.unit)
    say, shared = desk.texts.sheet("all_clear", words), desk.texts.sheet("letter", words)
    return Page(
        subject=say("subject"),
        level=0,
        word=say("word"),
        headline=say("headline"),
        opening=say("opening"),
        notes=tuple(note for note in (_via(desk),) if note),
        facts=facts,
        details=facts,
        answer=say("request"),
        cleared=() if facts else _cleared(desk),
        frame=_frame(shared, desk),
    )


# --- what every page has --------------------------------------------------------------------------------------------


def _frame(shared: Callable[[str], str], desk: Desk) -> Frame:
    link = wording.clean(desk.letterhead.link, 500)
    answer = desk.answer_link
    return Frame(
        greeting=shared("greeting"),
        closing=shared("closing"),
        system=wording.clean(desk.letterhead.system),
        footer=shared("footer"),
        language=desk.texts.language,
        level_label=shared("level"),
        link_label=shared("link"),
        link=link if link.startswith(("https://", "http://")) and not answer else "",
        answer_link=answer,
        answer_word=shared("answer_word") if answer else "",
        answer_note=desk.texts.say("letter", "answer_note", {"until": desk.day(desk.expires)}) if answer else "",
    )


def _cleared_heading(desk: Desk) -> str:
    ended = len(desk.telling.cleared)
    return desk.texts.say("letter", "cleared", {"count": ended}) if ended else ""


def _cleared(desk: Desk) -> tuple[str, ...]:
    """Give a line for each alert that ended, capped as the list is."""
    ended, cap = desk.telling.cleared, max(1, desk.letterhead.digest_cap)
    lines = []
    for item in ended[:cap]:
        hidden = item.facts.confidential
        words = {
            "code": wording.clean(item.facts.code, 80),
            "name": wording.clean(item.facts.title, 120),
            "title": wording.clean(item.title) or desk.said(Phrase("nội dung cảnh báo đã được khắc phục")),
            "alert": item.alert.code,
            "ended": desk.moment(item.alert.ended_at),
        }
        lines.append(desk.texts.say("letter", "cleared_restricted" if hidden else "cleared_line", words))
    if rest := len(ended) - cap:
        lines += (
            [
                desk.texts.say(
                    "letter",
                    "more",
                    {"count": rest, "noun": desk.said(Phrase("{count:cảnh báo|cảnh báo}", count=rest))},
                )
            ]
            if rest > 0
            else []
        )
    return tuple(lines)


def _via(desk: Desk) -> str:
    """Say why the text went to this office, when the one asked for is vacant or cannot be reached."""
    recipient = desk.telling.recipient
    if not recipient.via:
        return ""
    way = next(one for one in (Via.SUPERIOR, Via.DEPUTY, Via.HEAD, Via.ACTING) if one in recipient.via)
    ranks = {Via.DEPUTY: Phrase("cấp phó của"), Via.ACTING: Phrase("người được giao phụ trách")}
    words = {
        "via": str(way),
        "no_address": Via.NO_ADDRESS in recipient.via,
        "unreachable": Via.UNREACHABLE in recipient.via,
        "via_rank": desk.said(ranks.get(recipient.via[-1], Phrase("người đứng đầu"))),
        "hidden": any(item.facts.confidential for item in desk.telling.items),
        "asked_unit": wording.unit_name(recipient.asked_unit),
        "asked_office": recipient.office,
    }
    return desk.texts.say("letter", "via", words)
