"""Answering an alert, by a link in a mail or on the command line: one transaction, checked and written together.

In: a token or a holder, and what the person says. Out: what was recorded, with the call and the text to an authority
that is asked for help; or a typed refusal, and nothing was written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import polars as pl
from sqlalchemy import Connection, Engine, Select, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from warnwatch import schema
from warnwatch.alerts import acts, answers, ledger
from warnwatch.alerts.acts import ActError, Given
from warnwatch.alerts.alert import Alert, Call, Reason
from warnwatch.alerts.answers import AnswerRow, Recorded
from warnwatch.alerts.calls import read_made
from warnwatch.alerts.ledger import JournalRow
from warnwatch.cycle import Standards
from warnwatch.errors import CannotRunError, NotFoundError, nearest_name
from warnwatch.language import Phrase, in_language
from warnwatch.notify import links, outbox
from warnwatch.notify.compose import compose
from warnwatch.notify.links import LinkError, Refusal, Ring
from warnwatch.notify.notification import Item, Kind, Telling
from warnwatch.notify.telling import Sources, gather
from warnwatch.plan.bodies import read_directory
from warnwatch.plan.directory import Directory, Holder
from warnwatch.plan.words import Words, read_words
from warnwatch.rules.rule import AUTHORITY, Policy

# A link shows so many alerts on one page.
PAGE = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """One alert that a link opens. `seen`, `level` and `stamp` come back with the form: the page that it was made for.

    `title` is the rule's for the level; `binds`: a promise would stop the climb; `days` are those that may be promised.
    """

    alert: Alert
    words: Words | None
    answers: tuple[AnswerRow, ...]
    title: str
    binds: bool
    days: tuple[date, ...]
    seen: int
    stamp: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What a link opens: to whom it was written, and the alerts from `start` on, of `total`."""

    holder: Holder
    directory: Directory
    expires: datetime
    shown: tuple[Shown, ...]
    start: int
    total: int


@dataclass(frozen=True, slots=True)
class Form:
    """What a person sent: the alert's number, what they say, and what the page that they saw was made for."""

    alert: str
    until: datetime | None
    authority: str
    note: str
    seen: int
    level: int
    stamp: str


class Answering:
    """What the links open: reading changes nothing, and an act is one transaction. For worker threads."""

    def __init__(
        self,
        engine: Engine,
        ring: Callable[[], Ring],
        standards: Callable[[], Standards],
        clock: Callable[[], datetime],
    ) -> None:
        self._engine, self._ring, self._standards, self._clock = engine, ring, standards, clock

    @property
    def host(self) -> str:
        """The name under which heads reach the links; empty where that is this machine."""
        name = urlsplit(self._standards().letterhead.link).hostname or ""
        return "" if name in {"localhost", "127.0.0.1", "::1"} else name

    def open(self, token: str, start: int = 0) -> Letter:
        """Show what a link opens."""
        now, ring, standards = self._clock(), self._ring(), self._standards()
        opened = links.read(token, ring, now)
        try:
            with self._engine.connect().execution_options(reads_only=True) as connection:
                text, holder, directory = _letter(connection, opened, standards, now)
                codes = _alerts_of(text).order_by(schema.alert.c.level.desc(), schema.alert.c.id)
                total = connection.scalar(select(func.count()).select_from(_alerts_of(text).subquery())) or 0
                alerts = [ledger.alert_of(row) for row in connection.execute(codes.offset(start).limit(PAGE))]
                words = read_words(connection, {one.subject for one in alerts if one.about == "task"})
                said = answers.read_answers(connection, [one.id for one in alerts])
        except SQLAlchemyError as error:
            raise CannotRunError(f"the database does not answer ({type(error).__name__})") from error

        def show(alert: Alert) -> Shown:
            known = tuple(said.get(alert.id, ()))
            seen = known[-1].id if known else 0
            stops = acts.binds(holder, alert, directory)
            task = words.get(alert.subject)
            days = _days(alert, standards, now, every=task is not None and task.every_day) if stops else ()
            stamp = links.stamp(token, _said(alert.code, seen, int(alert.level)), ring)
            return Shown(alert, task, known, _title(alert, standards), stops, days, seen, stamp)

        return Letter(holder, directory, opened.expires, tuple(map(show, alerts)), start, total)

    def act(self, token: str, form: Form) -> Recorded:
        """Record what a person said by a link, once; whatever was decided since they saw the page is said first."""
        now, ring, standards = self._clock(), self._ring(), self._standards()
        opened = links.read(token, ring, now)
        try:
            with self._engine.begin() as connection:
                text, holder, directory = _letter(connection, opened, standards, now)
                if connection.execute(_alerts_of(text).where(schema.alert.c.code == form.alert)).first() is None:
                    raise LinkError(Refusal.UNKNOWN)
                alert = ledger.find_alert(connection, form.alert, for_update=True)
                if not links.is_stamped(form.stamp, token, _said(form.alert, form.seen, form.level), ring):
                    raise ActError(Phrase("Trang đã cũ; đề nghị xem lại nội dung dưới đây rồi phản hồi."))
                if alert.level > form.level:
                    raise ActError(Phrase("Mức cảnh báo đã tăng; đề nghị xem lại nội dung dưới đây rồi phản hồi."))
                authority = _authority(form.authority, directory)
                given = Given(holder, form.until, authority, form.note, by_link=text)
                return answer(connection, alert, given, standards, directory, now, form.seen)
        except SQLAlchemyError as error:
            raise CannotRunError(f"the database does not answer ({type(error).__name__})") from error


def answer(  # noqa: PLR0913, PLR0917 (one act, and all that it is judged by)
    connection: Connection,
    alert: Alert,
    given: Given,
    standards: Standards,
    directory: Directory,
    now: datetime,
    seen: int | None = None,
) -> Recorded:
    """Record an answer to an alert that was read for update; the head of an authority asked for help is told of it."""
    by = (_policy(alert, standards), directory, now, standards.calendar)
    done = answers.record(connection, alert, given, by, seen)
    if given.authority is not None and not done.again:
        _ask_for_help(connection, done, standards, directory, now)
    return done


def revoke(connection: Connection, holder: str, by: str, now: datetime) -> int:
    """Withdraw the links of all that was written to a holder so far; give how many there were."""
    table, who = schema.notification, by.strip()
    if not who:
        raise NotFoundError(Phrase("thiếu --by: nơi quyết định thu hồi"))
    known = connection.scalars(select(table.c.holder).distinct()).all()
    if holder not in known:
        raise NotFoundError(Phrase("chưa có thư nào gửi {holder!r}", holder=holder), nearest_name(holder, known))
    mine = update(table).where(table.c.holder == holder, table.c.revoked_at.is_(None)).values(revoked_at=now)
    count = connection.execute(mine).rowcount
    facts = {"holder": holder, "mails": count}
    ledger.add_journal(connection, [JournalRow(now, "links.revoked", who, facts, subject=holder)])
    return count


def _letter(
    connection: Connection, opened: links.Opened, standards: Standards, now: datetime
) -> tuple[int, Holder, Directory]:
    """Find the notification of a token and its holder, who must hold the office still."""
    table = schema.notification
    text = connection.execute(
        select(table.c.id, table.c.holder, table.c.revoked_at).where(table.c.key == opened.key)
    ).one_or_none()
    if text is None:
        raise LinkError(Refusal.UNKNOWN)
    if not opened.is_for(text.holder):
        raise LinkError(Refusal.FORGED)
    day = standards.calendar.local_date(now)
    directory = read_directory(connection, standards.calendar, day)
    holder = directory.by_code.get(text.holder)
    if text.revoked_at is not None or holder is None or not holder.holds_on(day):
        raise LinkError(Refusal.REVOKED)
    return text.id, holder, directory


def _alerts_of(text: int) -> Select[Any]:
    link = schema.notification_alert
    return select(*ledger.COLUMNS).join(link, link.c.alert == schema.alert.c.id).where(link.c.notification == text)


def _said(code: str, seen: int, level: int) -> str:
    return f"{code} {seen} {level}"


def _policy(alert: Alert, standards: Standards) -> Policy:
    try:
        return standards.book.policies[standards.book.rule(alert.rule).escalation]
    except NotFoundError as error:
        raise ActError(Phrase("{code}: quy tắc của cảnh báo này không còn được áp dụng", code=alert.code)) from error


def _title(alert: Alert, standards: Standards) -> str:
    try:
        return standards.book.rule(alert.rule).title.get(alert.level, alert.rule)
    except NotFoundError:
        return alert.rule


def _days(alert: Alert, standards: Standards, now: datetime, *, every: bool) -> tuple[date, ...]:
    """Give the days that may be promised: working days, or every day, up to the last; none when it is too late."""
    calendar = standards.calendar
    try:
        latest = acts.latest_promise(alert, _policy(alert, standards), now, calendar)
    except ActError:
        return ()
    today, last = calendar.local_date(now), calendar.local_date(latest)
    days = [today + timedelta(days=number) for number in range((last - today).days + 1)] if latest > now else []
    return tuple(day for day in days if every or day == last or calendar.is_working(day))


def _authority(text: str, directory: Directory) -> str | None:
    """Find the unit that a form names, by its code, its name, or `code – name` as the list offers it."""
    text = " ".join(text.split())
    if not text:
        return None
    named = directory.unit(text.partition(" – ")[0])
    if named is None:
        wanted = text.casefold()
        named = next((one for one in directory.units.values() if one.name.casefold() == wanted), None)
    return named.code if named else text


def _ask_for_help(
    connection: Connection, done: Recorded, standards: Standards, directory: Directory, now: datetime
) -> None:
    """Tell the head of the authority, in the transaction of the answer; once a day about one alert."""
    alert, said, table = done.alert, done.first, schema.call
    unit = said.authority or ""
    asked = select(table.c.repeat, table.c.at, table.c.unit).where(
        table.c.alert == alert.id, table.c.level == int(alert.level), table.c.step == 0
    )
    before = connection.execute(asked).all()
    today = standards.calendar.local_date(now)
    if any(row.unit == unit and standards.calendar.local_date(row.at) == today for row in before):
        return
    repeat = max((row.repeat for row in before), default=-1) + 1
    call = Call(alert.id, alert.level, 0, repeat, AUTHORITY, unit, now, Reason.CLIMBED, round_no=alert.round_no)
    ids = ledger.add_calls(connection, [call])
    words = read_words(connection, {alert.subject} if alert.about == "task" else ())
    sources = Sources(
        standards.book,
        directory,
        words,
        read_made(connection, [alert.id]),
        {},
        lambda: pl.DataFrame(schema={"unit": pl.String, "timing": pl.String, "tasks": pl.UInt32, "soon": pl.Boolean}),
        language=standards.letterhead.language,
        ways=standards.ways,
        countries=standards.sms_countries,
    )
    tellings, _ = gather([(alert, call)], [], sources)
    told = [_about_help(one, said, directory, sources) for one in tellings]
    texts = [
        (compose(one, standards.letterhead, now), standards.release.state_for(one.recipient.unit.code)) for one in told
    ]
    outbox.add(connection, texts, ids)
    facts = {"authority": unit, "holders": [one.recipient.holder.code for one in told], "repeat": repeat}
    ledger.add_journal(connection, [JournalRow(now, "help.asked", said.holder, facts, alert.id, alert.subject)])


def _about_help(telling: Telling, said: AnswerRow, directory: Directory, sources: Sources) -> Telling:
    """Say to the authority what is asked of it, instead of what the rule says."""
    language = telling.recipient.holder.language or sources.language
    unit = directory.unit(said.authority or "")
    rows = (
        (Phrase("Nội dung khó khăn, vướng mắc"), said.note),
        (Phrase("Cơ quan có thẩm quyền giải quyết"), unit.name if unit else ""),
    )

    def asked(item: Item) -> Item:
        lines = tuple((in_language(label, language), value) for label, value in rows if value)
        facts = replace(item.facts, lines=() if item.facts.confidential else lines)
        by = said.promised_for
        return replace(item, kind=Kind.OBSTACLE, facts=facts, answer_by=by, next_title="", guidance="", times_told=0)

    return replace(telling, items=tuple(asked(item) for item in telling.items), tally=None, initial=False)
