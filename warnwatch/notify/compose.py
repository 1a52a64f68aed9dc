"""The only place where a text is made: one telling becomes one finished notification."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from warnwatch.language import Phrase
from warnwatch.notify import gsm, sms_text, wording
from warnwatch.notify.cases import Case, Desk, cases, deadline_words
from warnwatch.notify.letters import write
from warnwatch.notify.notification import Item, Kind, Letterhead, Notification, Telling
from warnwatch.notify.texts import Texts, shipped_texts
from warnwatch.rules.rule import Level

log = logging.getLogger(__name__)

# Kinds that say the same to a superior as to the unit itself.
_SAME_FOR_ALL = {Kind.OBSTACLE, Kind.ACK, Kind.DATA, Kind.RULES_REFUSED}


def compose(telling: Telling, letterhead: Letterhead, now: datetime, texts: Texts | None = None) -> Notification:
    """Write what one holder is told on one channel: subject, text part, HTML part.

    One task of the recipient's own unit gets the full letter of its kind, tasks of units below a report to the
    superior, several a digest, ended alerts alone an all-clear. Whatever fails in a text, a plain form goes out
    instead, marked `fallback`. The key depends on what is told, never on the words or on `now`.
    """
    language = telling.recipient.holder.language or letterhead.language
    desk = Desk(telling, letterhead, now, texts or shipped_texts(language), key_of(telling))
    if telling.channel == "sms":
        return _message(desk)
    kind = Kind.GENERAL
    try:
        told = cases(desk)
        kind = kind_of(told, desk)
        page = write(kind, told, desk)
        text = desk.texts.lay_out("mail.txt.j2", {"page": page})
        html = desk.texts.lay_out("mail.html.j2", {"page": page})
    except Exception:
        log.exception("text failed to render; the plain form goes out", extra={"holder": telling.recipient.holder.code})
        return _notification(desk, kind, _plain_subject(desk), _plain_text(desk), None)
    return _notification(desk, kind, page.subject, text, html)


def _message(desk: Desk) -> Notification:
    """Write a text message."""
    kind, fallback = Kind.GENERAL, False
    try:
        told = cases(desk)
        kind = kind_of(told, desk)
        text = sms_text.write(kind, told, desk)
    except Exception:
        log.exception(
            "text failed to render; the plain form goes out", extra={"holder": desk.telling.recipient.holder.code}
        )
        text, fallback = sms_text.plain_form(desk), True
    written = _notification(desk, kind, text, text, None)
    address, segments = desk.telling.recipient.holder.phone, gsm.segments(text)
    return replace(written, address=address, segments=segments, fallback=fallback)


def kind_of(told: Sequence[Case], desk: Desk) -> Kind:
    """Choose the kind of text by what the telling holds."""
    if not told:
        return Kind.ALL_CLEAR
    if len(told) == 1 and told[0].kind in _SAME_FOR_ALL:
        return told[0].kind
    if desk.telling.initial:
        return Kind.INITIAL
    if not any(case.own for case in told):
        return Kind.ESCALATION
    return told[0].kind if len(told) == 1 else Kind.DIGEST


def _notification(desk: Desk, kind: Kind, subject: str, text: str, html: str | None) -> Notification:
    telling, recipient = desk.telling, desk.telling.recipient
    levels = [int(item.alert.level) for item in telling.items]
    return Notification(
        key=key_of(telling),
        holder=recipient.holder.code,
        office=recipient.office,
        unit=recipient.unit.code,
        channel=telling.channel,
        kind=kind,
        level=max(levels, default=int(Level.NOTICE)),
        address=recipient.holder.email,
        subject=wording.clean(subject, wording.SUBJECT_CAP),
        text=text,
        html=html,
        created_at=desk.now,
        calls=telling.calls,
        alerts=tuple(dict.fromkeys(item.alert.id for item in (*telling.items, *telling.cleared))),
        fallback=html is None,
    )


def key_of(telling: Telling) -> str:
    """Give the name of a telling: the same calls and ended alerts for the same holder and channel, the same key."""
    parts = [f"call {call.alert} {int(call.level)} {call.step} {call.repeat}" for call in telling.calls]
    parts += [f"ended {item.alert.id}" for item in telling.cleared]
    if not parts:
        parts = [f"alert {item.alert.id} {int(item.alert.level)}" for item in telling.items]
    said = "\n".join([telling.recipient.holder.code, telling.channel, *sorted(parts)])
    return hashlib.sha256(said.encode("utf-8", "backslashreplace")).hexdigest()[:32]


# --- the plain form -------------------------------------------------------------------------------------------------


def _plain_subject(desk: Desk) -> str:
    unit = wording.unit_short(desk.telling.recipient.unit)
    items = desk.telling.items
    if not items:
        return desk.said(
            Phrase("[Kết thúc cảnh báo] {count} cảnh báo – {unit}", count=len(desk.telling.cleared), unit=unit)
        )
    level = max(item.alert.level for item in items)
    return desk.said(
        Phrase("[{level}] {count} nội dung cảnh báo – {unit}", level=level.vietnamese, count=len(items), unit=unit)
    )


def _plain_text(desk: Desk) -> str:
    """Write what must be known without any template: each task, why, by when, and the answer expected."""
    recipient, head = desk.telling.recipient, desk.letterhead
    title = wording.office_title(recipient, desk.says)
    lines: list[str] = [
        Phrase("Kính gửi: {office}", office=desk.says.addressee(title, wording.unit_name(recipient.unit))),
        "",
        Phrase("Tính đến {moment}, Hệ thống thông báo các nội dung sau đây:", moment=desk.moment(desk.now)),
    ]
    told = sorted(desk.telling.items, key=lambda item: (-item.alert.level, item.alert.id))
    lines += [_plain_line(item, desk) for item in told[: head.digest_cap]]
    if len(told) > head.digest_cap:
        rest = len(told) - head.digest_cap
        lines.append(Phrase("và {rest} nội dung khác, xem trên Hệ thống.", rest=rest))
    if ended := desk.telling.cleared:
        codes = ", ".join(item.alert.code for item in ended[: head.digest_cap])
        lines.append(Phrase("Cảnh báo đã kết thúc: {codes}", codes=codes))
    lines += [
        "",
        Phrase("Đề nghị xem chi tiết và cập nhật trên Hệ thống."),
        *([Phrase("Phản hồi tại: {link}", link=desk.answer_link)] if desk.answer_link else []),
        "",
        Phrase("Trân trọng./."),
        "",
        wording.clean(head.system),
    ]
    return "\n".join(desk.said(line) for line in lines) + "\n"


def _plain_line(item: Item, desk: Desk) -> str:
    facts = item.facts
    code = f"- {wording.clean(facts.code, 80)} ({item.alert.code}, {desk.said(item.alert.level.vietnamese)})"
    if facts.confidential:
        return Phrase("{code}: xem trên Hệ thống.", code=code)
    due = deadline_words(facts, desk)
    by = item.answer_by
    answer = Phrase(" Phản hồi {by}.", by=desk.says.answer_by(by, desk.letterhead.zone, desk.now)) if by else ""
    why = wording.sentence(wording.clean(item.sentence, 600) or wording.clean(item.title))
    name = wording.clean(facts.title)
    return Phrase(
        "{code}: {name}. {why} Thời hạn: {due}.{answer}", code=code, name=name, why=why, due=due, answer=answer
    )
