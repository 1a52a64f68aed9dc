"""The pages behind the links in mail: GET shows the alerts with a form each, POST acts on one of them.

A link that opens nothing says why on a page of its own. Reading never changes anything, however often it is done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from urllib.parse import parse_qs

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from warnwatch.alerts.acts import ActError, AnswerKind
from warnwatch.alerts.alert import State
from warnwatch.alerts.answers import AnsweredError, AnswerRow, Recorded
from warnwatch.answering import PAGE, Answering, Form, Letter, Shown
from warnwatch.language import Phrase, together
from warnwatch.notify import wording
from warnwatch.notify.links import REFUSED, LinkError
from warnwatch.notify.tongues import wording_of
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.directory import Directory, Recipient
from warnwatch.plan.measures import describe
from warnwatch.web.alert_rows import ON_SYSTEM, office_said
from warnwatch.web.board import Board
from warnwatch.web.guard import ANSWER_POLICY

log = logging.getLogger(__name__)

# A form is small and comes at once.
BODY_LIMIT = 16_384
BODY_SECONDS = 10.0
NOTE_LIMIT = 1_000
# So many wrong links a minute are answered with why; the rest are only refused. A good link always opens.
WRONG_LIMIT = 30
# Units that many heads may need: those at the top of the tree. Any other is named by its code or its whole name.
OFFERED = 200

WEEKDAYS = (
    Phrase("Thứ Hai"),
    Phrase("Thứ Ba"),
    Phrase("Thứ Tư"),
    Phrase("Thứ Năm"),
    Phrase("Thứ Sáu"),
    Phrase("Thứ Bảy"),
    Phrase("Chủ nhật"),
)

Render = Callable[[str, Mapping[str, object], int], Response]


@dataclass(frozen=True, slots=True)
class AlertForm:
    """One alert as the page shows it, with what its forms send back.

    `days` are those that may be promised, as sent and as said; `chosen` and `note` what a refused form held,
    which is `unfolded` then.
    """

    code: str
    level: str
    level_word: str
    number: int
    title: str
    subject: str
    name: str
    unit: str
    state: str
    deadline: str
    said: tuple[str, ...]
    open: bool
    binds: bool
    days: tuple[tuple[str, str], ...]
    seen: int
    stamp: str
    note: str = ""
    chosen: str = ""
    unfolded: bool = False


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """The whole page. `message` says what an act came to; `tone` is good or bad."""

    who: str
    alerts: tuple[AlertForm, ...]
    authorities: tuple[tuple[str, str], ...]
    more_from: int = 0
    rest: int = 0
    message: str = ""
    more: str = ""
    tone: str = "good"


@dataclass(frozen=True, slots=True)
class _Said:
    """What an act came to."""

    message: str
    more: str = ""
    tone: str = "good"


class _Wrong:
    """How many wrong links came in this minute."""

    def __init__(self) -> None:
        self._minute, self._count = "", 0

    def is_too_many(self, now: datetime) -> bool:
        """Count one more."""
        minute = f"{now:%Y-%m-%dT%H:%M}"
        self._count = self._count + 1 if minute == self._minute else 1
        self._minute = minute
        return self._count > WRONG_LIMIT


class AnswerPages:
    """The route of the links."""

    def __init__(self, board: Board, render: Render) -> None:
        self._board, self._render, self._wrong = board, render, _Wrong()
        self._head = board.standards.letterhead
        self._says = wording_of(self._head.language)

    async def answer(self, request: Request) -> Response:
        """Show what a link opens, or act."""
        answers, token = self._board.answers, request.path_params["token"]
        if answers is None:
            raise HTTPException(404)
        try:
            start = _whole(request.query_params.get("from", ""), 6)
            if request.method == "POST":
                fields = await _fields(request)
                return await anyio.to_thread.run_sync(partial(self._act, answers, token, fields, start))
            return await anyio.to_thread.run_sync(partial(self._show, answers, token, start))
        except LinkError as error:
            return self._refuse(error)

    def _show(self, answers: Answering, token: str, start: int) -> Response:
        return self._page(self._laid_out(answers.open(token, start)), 200)

    def _act(self, answers: Answering, token: str, fields: Mapping[str, str], start: int) -> Response:
        """Record what a form says; then show how things stand, with what came of it above."""
        status, said = 200, _Said("")
        done = first = None
        try:
            done = answers.act(token, self._form(fields))
        except AnsweredError as error:
            status, first = 409, error.first
        except ActError as error:
            status, said = 422, _Said(error.args[0], tone="bad")
        letter = answers.open(token, start)
        if done:
            said = self._recorded(done, letter.directory)
        elif first:
            said = _Said(Phrase("Đã có phản hồi trước."), self._line(first, letter.directory), "bad")
        page = replace(self._laid_out(letter), message=said.message, more=said.more, tone=said.tone)
        if status != 200:
            mine, note, chosen = fields.get("alert", ""), fields.get("note", "")[:NOTE_LIMIT], fields.get("date", "")
            again = [
                replace(one, note=note, chosen=chosen, unfolded=True) if one.code == mine else one
                for one in page.alerts
            ]
            page = replace(page, alerts=tuple(again))
        return self._page(page, status)

    def _form(self, fields: Mapping[str, str]) -> Form:
        """Read what a form sent; what a browser would not let pass is an ActError."""
        act, day = fields.get("act", ""), fields.get("date", "")
        until = self._until(day) if day and act in {"promise", "help"} else None
        if act not in {"promise", "received", "help"} or (act == "promise" and until is None):
            raise ActError(Phrase("Đề nghị chọn ngày cam kết hoàn thành, rồi bấm nút."))
        authority = fields.get("authority", "").strip() if act == "help" else ""
        note = wording.clean(fields.get("note", ""), NOTE_LIMIT)
        if act == "help" and not (authority and note):
            raise ActError(Phrase("Đề nghị nêu cơ quan có thẩm quyền và khó khăn, vướng mắc cần tháo gỡ."))
        seen, level = _whole(fields.get("seen", ""), 18), _whole(fields.get("level", ""), 18)
        return Form(fields.get("alert", "")[:40], until, authority[:300], note, seen, level, fields.get("stamp", ""))

    def _until(self, text: str) -> datetime:
        try:
            return self._board.standards.calendar.end_of_day(date.fromisoformat(text))
        except (ValueError, OverflowError) as error:
            raise ActError(Phrase("Ngày {day!r} không đúng; đề nghị chọn lại.", day=text[:20])) from error

    def _recorded(self, done: Recorded, directory: Directory) -> _Said:
        first, code = done.first, done.alert.code
        if done.again:
            return _Said(
                Phrase("Phản hồi này đã được ghi nhận từ trước; không ghi thêm."), self._line(first, directory)
            )
        until = self._says.last_moment(first.promised_for, self._head.zone) if first.promised_for else ""
        stopped = Phrase(
            "Đến ngày đó, Hệ thống không báo cáo cấp trên về {code}, trừ khi mức cảnh báo tăng.", code=code
        )
        if first.authority:
            unit = directory.named(first.authority)
            name = wording.unit_name(unit) if unit else first.authority
            said = Phrase("Đã ghi nhận đề nghị {unit} tháo gỡ đối với {code}.", unit=name, code=code)
            goes_on = Phrase("Riêng đề nghị này không dừng việc báo cáo cấp trên.")
            promised = Phrase("Cam kết hoàn thành: {until}.", until=until)
            return _Said(said, together((promised, stopped), " ") if until else goes_on)
        if until:
            return _Said(Phrase("Đã ghi nhận cam kết hoàn thành {code}: {until}.", code=code, until=until), stopped)
        return _Said(
            Phrase("Đã ghi nhận là đã nhận cảnh báo {code}.", code=code),
            Phrase("Việc này không dừng việc báo cáo cấp trên; chỉ cam kết của người đứng đầu mới dừng."),
        )

    def _page(self, page: AnswerPage, status: int) -> Response:
        response = self._render("answer.html", {"page": page}, status)
        response.headers["Content-Security-Policy"] = ANSWER_POLICY
        return response

    def _refuse(self, error: LinkError) -> Response:
        status, title, message = REFUSED[error.refusal]
        if self._wrong.is_too_many(self._board.clock()):
            words = {
                "title": Phrase("Đề nghị mở lại sau ít phút"),
                "message": Phrase("Hệ thống đang nhận quá nhiều đường dẫn không đúng."),
            }
            response = self._render("refused.html", words, 429)
            response.headers["Retry-After"] = "60"
            return response
        log.warning("a link was refused", extra={"refusal": error.refusal.value})
        return self._render("refused.html", {"title": title, "message": message}, status)

    # --- words

    def _laid_out(self, letter: Letter) -> AnswerPage:
        shown = tuple(self._alert(one, letter.directory) for one in letter.shown)
        rest = letter.total - letter.start - len(shown)
        return AnswerPage(
            who=self._who(letter.holder.code, letter.directory),
            alerts=shown,
            authorities=tuple(_offered(letter.directory)),
            more_from=letter.start + PAGE if rest > 0 else 0,
            rest=max(0, rest),
        )

    def _alert(self, one: Shown, directory: Directory) -> AlertForm:
        alert, words, zone = one.alert, one.words, self._head.zone
        hidden = words is not None and words.confidential
        unit = directory.unit(alert.unit)
        measure = CATALOGUE.get(alert.about, {}).get(alert.measure)
        state = ""
        if measure and not hidden:
            every_day = bool(words and words.every_day)
            said = describe(measure, alert.value, alert.threshold, self._head.language, every_day=every_day)
            state = wording.sentence(said)
        named = directory.named(alert.subject) if alert.about == "unit" else None
        return AlertForm(
            code=alert.code,
            level=alert.level.word,
            level_word=alert.level.vietnamese,
            number=int(alert.level),
            title=wording.clean(one.title),
            subject=wording.clean(alert.subject, 80),
            name=ON_SYSTEM if hidden else wording.clean(words.title) if words else named.name if named else "",
            unit=wording.unit_name(unit) if unit else alert.unit,
            state=state,
            deadline=self._says.deadline(words.due_text, words.due_at, zone) if words and not hidden else "",
            said=tuple(self._line(answer, directory) for answer in one.answers),
            open=alert.state is State.OPEN,
            binds=one.binds,
            days=tuple((day.isoformat(), self._day(day)) for day in one.days),
            seen=one.seen,
            stamp=one.stamp,
        )

    def _day(self, day: date) -> Phrase:
        """Say a day with its weekday: a date field would show it as the telephone is set, which may be 9/3 for 3/9."""
        said = self._says.day(self._board.standards.calendar.start_of_day(day), self._head.zone)
        return Phrase("{weekday}, {day}", weekday=WEEKDAYS[day.weekday()], day=said)

    def _line(self, row: AnswerRow, directory: Directory) -> str:
        """Say one answer: who, what, when, and what was added."""
        who, at = self._who(row.holder, directory), self._says.moment(row.at, self._head.zone)
        what: list[str] = []
        if row.authority:
            unit = directory.named(row.authority)
            what.append(Phrase("đề nghị {unit} tháo gỡ", unit=wording.unit_name(unit) if unit else row.authority))
        if row.promised_for:
            until = self._says.last_moment(row.promised_for, self._head.zone)
            what.append(Phrase("cam kết hoàn thành: {until}", until=until))
        if row.kind == AnswerKind.RECEIVED:
            what.append(Phrase("đã nhận"))
        line = Phrase("{who}, {at}: {what}", who=who, at=at, what=together(what, "; "))
        return together((line, wording.clean(row.note, NOTE_LIMIT)), " – ") if row.note else line

    def _who(self, code: str, directory: Directory) -> str:
        holder = directory.by_code.get(code)
        unit = directory.named(holder.unit) if holder else None
        return office_said(Recipient(holder, unit, holder.office, unit), self._says) if holder and unit else code


def _offered(directory: Directory) -> list[tuple[str, str]]:
    """Name the units that are offered for help: no more than two steps below the root, by name."""
    near = [unit for unit in directory.units.values() if len(list(directory.superiors(unit.code))) <= 2]
    return [(unit.code, unit.name) for unit in sorted(near, key=lambda unit: unit.name)[:OFFERED]]


def _whole(text: str, digits: int) -> int:
    """Read a whole number that a page gave; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else 0


async def _fields(request: Request) -> dict[str, str]:
    """Read a form: small, sent from this very page (a browser says so), and within a few seconds."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise HTTPException(403)
    body = b""
    with anyio.move_on_after(BODY_SECONDS) as limit:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                raise HTTPException(413)
    if limit.cancelled_caught:
        raise HTTPException(408)
    try:
        found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise HTTPException(400) from error
    return {name: values[0] for name, values in found.items()}
