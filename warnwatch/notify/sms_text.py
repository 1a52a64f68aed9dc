"""The words of a text message: what is late, which unit, which day, and what is asked; no names and no links.

In: cases, ranked. Out: one text, in the GSM alphabet without marks, in one part where that can be; or with marks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from warnwatch.language import Phrase, together
from warnwatch.notify import gsm, wording
from warnwatch.notify.cases import Case, Desk, counts, days_words, noun
from warnwatch.notify.notification import Item, Kind, SmsStyle

CODE_CAP, UNIT_CAP, TITLE_CAP, VALUE_CAP = 40, 60, 60, 24
# So many codes are tried in a list; of more than fit the number is said.
MOST_CODES = 12

# By kind: what is the matter, and what is asked. A value that is missing is an empty text.
_MATTER: Mapping[Kind, Phrase] = {
    Kind.DUE_SOON: Phrase("SẮP ĐẾN HẠN: {code} ({unit}){left}{due}."),
    Kind.DUE_TODAY: Phrase("ĐẾN HẠN HÔM NAY: {code} ({unit})."),
    Kind.OVERDUE: Phrase("QUÁ HẠN{days}: {code} ({unit}){due}."),
    Kind.BEHIND: Phrase("CHẬM TIẾN ĐỘ: {code} ({unit}){due}."),
    Kind.STALLED: Phrase("CHƯA CẬP NHẬT{days}: {code} ({unit}){due}."),
    Kind.NO_DEADLINE: Phrase("CHƯA CÓ THỜI HẠN: {code} ({unit})."),
    Kind.KPI_BELOW: Phrase("CHỈ TIÊU CHƯA ĐẠT: {code} của {unit}{reached}."),
    Kind.FORECAST: Phrase("DỰ BÁO TRỄ HẠN: {code} ({unit}){due}."),
    Kind.OBSTACLE: Phrase("ĐỀ NGHỊ THÁO GỠ: {unit} báo cáo vướng mắc {code}{due}."),
    Kind.ACK: Phrase("Đã ghi nhận {unit} xác nhận cảnh báo {alert}."),
}
_TITLED = Phrase("{title}: {code} ({unit})")
_ASKED: Mapping[Kind, Phrase] = {
    Kind.DUE_SOON: Phrase("Đề nghị hoàn thành, cập nhật tiến độ trên Hệ thống."),
    Kind.DUE_TODAY: Phrase("Đề nghị cập nhật kết quả{by}."),
    Kind.OVERDUE: Phrase("Đề nghị hoàn thành dứt điểm, giải trình{by}."),
    Kind.BEHIND: Phrase("Đề nghị đẩy nhanh tiến độ, cập nhật{by}."),
    Kind.STALLED: Phrase("Đề nghị cập nhật tiến độ{by}."),
    Kind.NO_DEADLINE: Phrase("Đề nghị xác định thời hạn{by}."),
    Kind.KPI_BELOW: Phrase("Đề nghị rà soát, báo cáo giải pháp{by}."),
    Kind.FORECAST: Phrase("Đề nghị đẩy nhanh tiến độ."),
    Kind.OBSTACLE: Phrase("Kính đề nghị xem xét{by}."),
    Kind.ACK: Phrase("Hạn cập nhật kết quả: {promised}."),
}
_SEE = Phrase("Đề nghị xem chi tiết, xử lý trên Hệ thống{by}.")


def write(kind: Kind, told: Sequence[Case], desk: Desk) -> str:
    """Write the text of a kind: the fullest of its forms that fits, else the last, cut."""
    if kind is Kind.ALL_CLEAR:
        return _chosen(_all_clear(desk), desk)
    if len(told) == 1 and told[0].hidden:
        return _chosen(_hidden(told[0], desk), desk)
    if len(told) == 1 and kind is told[0].kind:
        return _chosen(_one(told[0], desk), desk)
    return _chosen(_several(kind, told, desk), desk)


def plain_form(desk: Desk) -> str:
    """Write what is said when a text fails: how many matters, how grave, and where to look."""
    items = desk.telling.items
    if not items:
        return _chosen([Phrase("KẾT THÚC CẢNH BÁO: {count} nội dung.", count=len(desk.telling.cleared))], desk)
    level = max(item.alert.level for item in items)
    text = Phrase(
        "{level}: {count} nội dung cảnh báo. Xem chi tiết trên Hệ thống.", level=level.vietnamese, count=len(items)
    )
    return _chosen([text], desk)


# --- the forms of a text, the fullest first


def _one(case: Case, desk: Desk) -> Iterator[str]:
    words = _words(case.lead, desk)
    matter, asked = _MATTER.get(case.kind, _TITLED), _ASKED.get(case.kind, _SEE)
    if case.kind is Kind.ACK and not words["promised"]:
        asked = _SEE
    end = "" if case.kind in _MATTER else "."
    for unit in (words["unit"], words["unit_code"]):
        said = together((matter.filled(**words | {"unit": unit}), end))
        for by in (words["by"], ""):
            yield together((said, asked.filled(**words | {"by": by})), " ")
        yield said


def _hidden(case: Case, desk: Desk) -> Iterator[str]:
    """Say of a confidential subject nothing but its code."""
    item = case.lead
    yield Phrase("{level}: {code}, xem trên Hệ thống.", level=item.alert.level.vietnamese, code=_code(item, desk))


def _several(kind: Kind, told: Sequence[Case], desk: Desk) -> Iterator[str]:
    """Say how many of what, and name as many as fit."""
    head = {
        "unit": _subject_unit(told, desk),
        "count": len(told),
        "noun": noun(told, desk),
        "counts": _safe(counts(told, desk), 200, desk),
    }
    opening = Phrase("{unit}: {count} {noun} ({counts})", **head)
    closing: str = Phrase("Chi tiết trên Hệ thống.")
    if kind is Kind.ESCALATION:
        opening = Phrase("BÁO CÁO CẤP TRÊN: {unit} có {count} {noun} ({counts})", **head)
        closing = Phrase("Kính đề nghị cho ý kiến chỉ đạo.")
    elif kind is Kind.INITIAL:
        opening = Phrase("TÌNH TRẠNG BAN ĐẦU: {unit} có {count} {noun} ({counts})", **head)
    yield from _naming(opening, [_code(case.lead, desk) for case in told], closing)
    yield Phrase("{count} {noun} cảnh báo. Chi tiết trên Hệ thống.", count=head["count"], noun=head["noun"])


def _all_clear(desk: Desk) -> Iterator[str]:
    ended = desk.telling.cleared
    yield from _naming(Phrase("KẾT THÚC CẢNH BÁO"), list(dict.fromkeys(_code(item, desk) for item in ended)), "")
    yield Phrase("KẾT THÚC CẢNH BÁO: {count} nội dung.", count=len(ended))


def _naming(opening: str, codes: Sequence[str], closing: str) -> Iterator[str]:
    """Name as many codes as may fit after an opening, the most first; the rest is a number."""
    for shown in range(min(len(codes), MOST_CODES), 0, -1):
        rest = len(codes) - shown
        named = together(codes[:shown], ", ")
        if rest:
            named = together((named, Phrase("và {rest} nội dung khác", rest=rest)), " ")
        yield together((Phrase("{opening}: {codes}.", opening=opening, codes=named), closing), " ")
    yield together((Phrase("{opening}.", opening=opening), closing), " ")


def _chosen(forms: Iterable[str], desk: Desk) -> str:
    """Take the first form that fits one part; else the last, as many parts long as the settings allow."""
    style = desk.letterhead.sms
    # With marks a part has 70 letters, too few for a whole sentence: then all that the settings allow are used.
    wanted = style.most_segments if style.accents else 1
    text = ""
    for form in forms:
        text = _finished(form, desk)
        if gsm.segments(text) <= wanted:
            return text
    kept = gsm.parts(text)
    if len(kept) <= style.most_segments:
        return text
    return _cut(kept[: style.most_segments])


def _cut(kept: Sequence[str]) -> str:
    """Close a text that was cut with three dots; a single part may be longer than one of several, but need not be."""
    text = "".join(kept)
    while gsm.segments(text.rstrip() + "...") > len(kept):
        text = text[:-1]
    return text.rstrip() + "..."


def _finished(form: str, desk: Desk) -> str:
    style = desk.letterhead.sms
    said = " ".join(part for part in (style.prefix + ":" if style.prefix else "", desk.said(form)) if part)
    return _lettered(" ".join(said.split()), style)


def _lettered(text: str, style: SmsStyle) -> str:
    text = unicodedata.normalize("NFC", text) if style.accents else gsm.plain(text)
    return " ".join(text.split())


# --- the words of one alert


def _words(item: Item, desk: Desk) -> dict[str, object]:
    facts = item.facts
    days, due = days_words(item, desk), desk.day(facts.due_at)
    asked = item.answer_by
    return {
        "code": _code(item, desk),
        "alert": item.alert.code,
        "unit": _safe(wording.unit_short(facts.unit), UNIT_CAP, desk),
        "unit_code": _safe(facts.unit.code, CODE_CAP, desk),
        "title": _safe(item.title, TITLE_CAP, desk) or item.alert.level.vietnamese,
        "days": f" {days}" if days else "",
        "left": Phrase(", còn {days}", days=days) if days else "",
        "due": Phrase(", hạn {day}", day=due) if due else "",
        "by": _by(asked, desk) if asked else "",
        "promised": desk.day(item.alert.promised_for),
        "reached": _reached(item, desk),
    }


def _reached(item: Item, desk: Desk) -> str:
    facts = item.facts
    value, target, period = (_safe(text, VALUE_CAP, desk) for text in (facts.value, facts.target, facts.period))
    if not (value and target):
        return ""
    if not period:
        return Phrase(" đạt {value}, ngưỡng {target}", value=value, target=target)
    return Phrase(" kỳ {period} đạt {value}, ngưỡng {target}", period=period, value=value, target=target)


def _code(item: Item, desk: Desk) -> str:
    """Name a subject: a task by its code behind NV (nhiệm vụ), a unit or anything else by its own."""
    code = _safe(item.facts.code, CODE_CAP, desk) or item.alert.code
    return Phrase("NV {code}", code=code) if item.alert.about == "task" else code


def _subject_unit(told: Sequence[Case], desk: Desk) -> str:
    """Name the unit that all of it is about; of confidential subjects none is named to a superior."""
    units = {case.lead.facts.unit.code: case.lead.facts.unit for case in told}
    if len(units) == 1 and (all(not case.hidden for case in told) or told[0].own):
        return _safe(wording.unit_short(next(iter(units.values()))), UNIT_CAP, desk)
    return (
        Phrase("các đơn vị cấp dưới") if not any(case.own for case in told) else Phrase("đơn vị và các đơn vị cấp dưới")
    )


def _by(at: datetime, desk: Desk) -> Phrase:
    """Write by when an answer is asked, shortly; what is asked for after office hours is asked for by their end."""
    zone = desk.letterhead.zone
    local = wording.end_of_the_day_before(at, zone).astimezone(zone)
    if local.hour >= wording.OFFICE_CLOSES:
        local = local.replace(hour=wording.OFFICE_CLOSES, minute=0)
    else:
        local = wording.full_hour(local, desk.now).astimezone(zone)
    day = desk.says.day(local, zone)
    if local.year == desk.now.astimezone(zone).year:
        day = re.sub(r"[/ ]\d{4}$", "", day)
    return Phrase(" trước {hour}h{minute} ngày {day}", hour=f"{local:%H}", minute=f"{local:%M}", day=day)


def _safe(text: str, cap: int, desk: Desk) -> str:
    """Give foreign text as a message may carry it: one line, no controls, no link, in the message's letters."""
    text = unicodedata.normalize("NFKC", wording.clean(text, cap))
    text = _lettered(gsm.unlinked(text), desk.letterhead.sms)
    return " ".join(gsm.unlinked(text).split())
