"""What people do to an alert: acknowledge it with a promise, or close it with a document; the ledger writes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from warnwatch.alerts.alert import Alert, State
from warnwatch.alerts.lifecycle import close
from warnwatch.errors import WarnWatchError
from warnwatch.language import Phrase
from warnwatch.plan.calendar import Duration, WorkCalendar
from warnwatch.plan.directory import Directory, Holder
from warnwatch.rules.rule import Policy

# design.md 6.8: a promise reaches at most this far, and never past its policy's cap.
LONGEST_PROMISE = Duration(10, "working_day")


class ActError(WarnWatchError):
    """An act that cannot be done to this alert; the text says why, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Promise:
    """An acknowledgement: who gives it, and until when the matter will be cured."""

    by: Holder
    until: datetime


class AnswerKind(StrEnum):
    """What an answer is: taken note of, a promise that stops the climb, a request for help."""

    RECEIVED = "received"
    PROMISED = "promised"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it is given: by whom, until when it will be cured, which unit is asked for help.

    `by_link`: the number of the notification whose link was used; None on the command line.
    """

    by: Holder
    until: datetime | None = None
    authority: str | None = None
    note: str = ""
    by_link: int | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of an answer: the alert from now on, the kind that is recorded, whether it stops the climb."""

    alert: Alert
    kind: AnswerKind
    binds: bool


def take(
    alert: Alert, given: Given, policy: Policy, directory: Directory, now: datetime, calendar: WorkCalendar
) -> Taken:
    """Take an answer. Only a date promised by whoever answers for the unit stops the climb; help alone does not.

    What does not bind never takes the place of a promise that stands.
    """
    if given.authority is not None and (
        given.authority not in directory.units or given.authority == directory.present(alert.unit)
    ):
        raise ActError(
            Phrase(
                "{code}: {authority!r} không phải cơ quan khác trong kế hoạch; được phép: mã của một đơn vị đang hoạt "
                "động, không phải chính đơn vị chịu trách nhiệm",
                code=alert.code,
                authority=given.authority,
            )
        )
    if given.until is not None:
        after, stops = acknowledge(alert, Promise(given.by, given.until), policy, directory, now, calendar)
    else:
        after, stops = _received(alert, given.by, now), False
    if not stops and alert.promised_for is not None:
        after = alert
    kind = AnswerKind.PROMISED if stops else AnswerKind.RECEIVED
    return Taken(after, AnswerKind.HELP if given.authority is not None else kind, stops)


def latest_promise(alert: Alert, policy: Policy, now: datetime, calendar: WorkCalendar) -> datetime:
    """Give the last instant that may be promised for an alert, by the longest promise and its policy's cap."""
    opened = alert.opened_at or alert.pending_since
    return min(calendar.add(now, LONGEST_PROMISE), calendar.add(opened, policy.cap))


def acknowledge(
    alert: Alert, promise: Promise, policy: Policy, directory: Directory, now: datetime, calendar: WorkCalendar
) -> tuple[Alert, bool]:
    """Take a promise; the second value says whether it stops the climb.

    Only the head, an acting head, or the deputy of a vacant head binds the unit: from anybody else it is noted as
    received and stops nothing, since heads may not leave it to specialists.
    """
    taken = _received(alert, promise.by, now)
    if not binds(promise.by, alert, directory):
        return taken, False
    latest = latest_promise(alert, policy, now, calendar)
    if latest <= now:
        last = calendar.local_date(latest)
        raise ActError(
            Phrase(
                "{code}: đã hết thời gian được cam kết (ngày {last:%d/%m/%Y}); hãy cập nhật kết quả, "
                "hoặc đóng cảnh báo theo văn bản",
                code=alert.code,
                last=last,
            )
        )
    if promise.until <= now:
        raise ActError(Phrase("{code}: thời hạn cam kết phải ở sau thời điểm hiện tại", code=alert.code))
    if promise.until > calendar.end_of_day(calendar.local_date(latest)):
        last = calendar.local_date(latest)
        raise ActError(
            Phrase("{code}: thời hạn cam kết muộn nhất được phép là ngày {last:%d/%m/%Y}", code=alert.code, last=last)
        )
    kept = replace(taken.unmuted(), promised_for=promise.until, promised_level=int(alert.level))
    return (kept if alert.gone_since else replace(kept, next_at=promise.until)), True


def _received(alert: Alert, by: Holder, now: datetime) -> Alert:
    """Note who has taken an open alert, and when."""
    if alert.state is not State.OPEN or alert.opened_at is None:
        raise ActError(
            Phrase(
                "{code}: chỉ xác nhận được cảnh báo đang mở, cảnh báo này: {state}", code=alert.code, state=alert.state
            )
        )
    return replace(alert, acknowledged_at=now, acknowledged_by=by.code)


def binds(holder: Holder, alert: Alert, directory: Directory) -> bool:
    """Say whether a promise of this holder stops the climb of an alert."""
    units = {alert.unit, *(unit.code for unit in directory.superiors(alert.unit))}
    return any(_decides(holder, unit, directory) for unit in units)


def _decides(holder: Holder, unit: str, directory: Directory) -> bool:
    """Say whether a holder heads a unit today: its head, an acting head, or the deputy of a vacant head."""
    if holder.unit != unit or not holder.holds_on(directory.day):
        return False
    head = directory.recipient(unit, "head", reachable=False)
    return holder.office == "head" or (head is not None and head.holder.code == holder.code)


def find_holder(directory: Directory, alert: Alert, who: str) -> Holder:
    """Find who acts: a holder's code, or an office of the alert's unit (`head`, `deputy`, `focal_point`).

    An office may be named with a unit, by its present or an old code: `DP-06-UB/head`.
    """
    for holder in directory.holders:
        if holder.code == who:
            return holder
    code, _, office = who.rpartition("/")
    known = office in {"head", "deputy", "focal_point"}
    found = directory.recipient(code or alert.unit, office, reachable=False) if known else None
    if found is None:
        raise ActError(
            Phrase(
                "không có người giữ chức vụ {who!r}; được phép: mã trong holders, hoặc head, deputy, focal_point",
                who=who,
            )
        )
    return found.holder


@dataclass(frozen=True, slots=True)
class Closing:
    """A decision to close: who gives it (see `find_closer`), why, and the number of the document."""

    by: str
    reason: str
    document: str


def close_by_document(alert: Alert, closing: Closing, directory: Directory, now: datetime) -> tuple[Alert, str]:
    """End an alert by the decision of whoever has the right to; the second value is their code for the journal.

    It opens again only when its level rises above this one.
    """
    if alert.state is State.ENDED:
        raise ActError(Phrase("{code}: cảnh báo đã kết thúc ({reason})", code=alert.code, reason=alert.end_reason))
    if not closing.reason.strip() or not closing.document.strip():
        raise ActError(Phrase("{code}: đóng cảnh báo phải có lý do và số văn bản", code=alert.code))
    return close(alert, now), find_closer(alert, closing.by, directory)


def find_closer(alert: Alert, who: str, directory: Directory) -> str:
    """Give the code of whoever closes: the unit that answers for the alert, one above it, or the secretariat.

    A unit is named by its code, present or old, and stands for its head. A person is a holder, or an office as in
    `find_holder`, and has the right as for a promise: the head, an acting head, or the deputy of a vacant head.
    """
    above = (unit.code for unit in directory.superiors(alert.unit))
    secretariat = [directory.secretariat.code] if directory.secretariat else []
    units = dict.fromkeys((directory.present(alert.unit), *above, *secretariat))
    named = directory.unit(who)
    if named is not None:
        if named.code in units:
            return named.code
        raise _no_right(alert, who, units)
    holder = find_holder(directory, alert, who)
    if not any(_decides(holder, unit, directory) for unit in units):
        raise _no_right(alert, who, units)
    return holder.code


def _no_right(alert: Alert, who: str, units: Iterable[str]) -> ActError:
    return ActError(
        Phrase(
            "{code}: {who!r} không có thẩm quyền đóng cảnh báo này; được phép: một trong các đơn vị {units} "
            "(đơn vị chịu trách nhiệm, cấp trên, cơ quan thường trực) hoặc người đứng đầu đơn vị đó",
            code=alert.code,
            who=who,
            units=", ".join(units),
        )
    )
