"""One notification as a page says it: to whom, about what, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from warnwatch.language import Phrase, together
from warnwatch.notify import wording
from warnwatch.notify.links import hidden
from warnwatch.notify.lookup import Mail, MailLine, Tried
from warnwatch.notify.wording import Wording
from warnwatch.plan.directory import Directory, Recipient
from warnwatch.rules.rule import Level
from warnwatch.web.alert_rows import OFFICES, office_said

STATES = {
    "held": Phrase("Đang giữ lại"),
    "ready": Phrase("Chờ gửi"),
    "claimed": Phrase("Đang gửi"),
    "sent": Phrase("Đã gửi"),
    "failed": Phrase("Không gửi được"),
    "uncertain": Phrase("Chưa rõ đã đến hay chưa"),
    "merged": Phrase("Đã gộp vào bản tin sau"),
    "withdrawn": Phrase("Không gửi: nội dung cảnh báo đã kết thúc"),
}
OUTCOMES = {
    "sent": Phrase("máy chủ thư đã nhận"),
    "retry": Phrase("chưa được, sẽ gửi lại"),
    "failed": Phrase("bị từ chối"),
    "uncertain": Phrase("không rõ kết quả"),
    "stale": Phrase("do tiến trình khác gửi"),
}


@dataclass(frozen=True, slots=True)
class MailRow:
    """One notification in words. `css` paints its state; `answer` is the mail server's last word."""

    id: int
    level: str
    level_word: str
    to: str
    unit: str
    address: str
    subject: str
    written: str
    css: str
    state: str
    answer: str
    fallback: bool


@dataclass(frozen=True, slots=True)
class TriedRow:
    """One attempt in words."""

    at: str
    outcome: str
    answer: str


@dataclass(frozen=True, slots=True)
class MailPage:
    """One notification whole."""

    row: MailRow
    text: str
    has_html: bool
    tried: tuple[TriedRow, ...]
    alerts: str


def mail_row(line: MailLine, directory: Directory | None, zone: ZoneInfo, says: Wording) -> MailRow:
    """Write one notification as a line of a list."""
    level = Level(line.level)
    return MailRow(
        id=line.id,
        level=level.word,
        level_word=level.vietnamese if level else Phrase("Thông báo"),
        to=_addressee(line, directory, says),
        unit=line.unit,
        address=wording.clean(line.address) if line.address else Phrase("chưa có địa chỉ thư"),
        subject=wording.clean(line.subject),
        written=says.moment(line.created_at, zone),
        css=f"state-{line.state}",
        state=_state(line, zone, says),
        answer=_answer(line.tried) if line.tried else "",
        fallback=line.fallback,
    )


def mail_page(mail: Mail, directory: Directory | None, zone: ZoneInfo, says: Wording) -> MailPage:
    """Write one notification whole."""
    tried = tuple(
        TriedRow(says.moment(one.at, zone), OUTCOMES.get(one.outcome, one.outcome), _answer(one)) for one in mail.tried
    )
    return MailPage(
        mail_row(mail.line, directory, zone, says), hidden(mail.text), bool(mail.html), tried, ", ".join(mail.alerts)
    )


def _addressee(line: MailLine, directory: Directory | None, says: Wording) -> str:
    holder = next((one for one in directory.holders if one.code == line.holder), None) if directory else None
    unit = directory.named(line.unit) if directory else None
    if holder and unit:
        return office_said(Recipient(holder, unit, holder.office, unit), says)
    office = OFFICES.get(line.office, line.office)
    return together((office, wording.unit_name(unit) if unit else line.unit), ", ")


def _state(line: MailLine, zone: ZoneInfo, says: Wording) -> str:
    if line.state == "ready" and line.tried:
        return Phrase("Sẽ gửi lại lúc {moment}", moment=says.moment(line.due_at, zone))
    return STATES.get(line.state, line.state)


def _answer(one: Tried) -> str:
    words = wording.clean(one.answer, 200)
    return f"{one.code} {words}" if one.code else words
