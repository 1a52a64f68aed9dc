"""What people do to an alert: who may promise, until when, and what closing needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from builders import alert, end_of, local
from judging import CALENDAR, policy

from warnwatch.alerts.acts import (
    ActError,
    AnswerKind,
    Closing,
    Given,
    Promise,
    acknowledge,
    close_by_document,
    find_holder,
    take,
)
from warnwatch.alerts.alert import Alert, EndReason, State
from warnwatch.plan.directory import STANDING_BODY_KIND, Directory, Holder, Unit
from warnwatch.rules.rule import Level

NOW = local(13, 8, 9)
WEDNESDAY = end_of(20, 8)
OPEN = alert(unit="VU", opened_at=local(11, 8, 9), next_at=local(14, 8, 9))
UNITS = {unit.code: unit for unit in (Unit("BO", "Bộ"), Unit("VU", "Vụ", parent="BO"), Unit("TINH", "Tỉnh"))}
HEAD, DEPUTY, FOCAL = (Holder(f"VU/{office}", "VU", office) for office in ("head", "deputy", "focal_point"))
SUPERIOR, STRANGER = Holder("BO/head", "BO", "head"), Holder("TINH/head", "TINH", "head")
ALL = (HEAD, DEPUTY, FOCAL, SUPERIOR, STRANGER)


def promise(
    by: Holder, holders: tuple[Holder, ...] = ALL, until: datetime = WEDNESDAY, to: Alert = OPEN
) -> tuple[Alert, bool]:
    """Acknowledge an alert on 13/8/2025."""
    return acknowledge(to, Promise(by, until), policy(), Directory(UNITS, holders, date(2025, 8, 13)), NOW, CALENDAR)


@pytest.mark.parametrize(
    ("by", "holders", "binds"),
    [
        (HEAD, ALL, True),
        (replace(HEAD, acting=True), (replace(HEAD, acting=True),), True),
        (DEPUTY, ALL, False),
        (DEPUTY, (DEPUTY, FOCAL, SUPERIOR), True),
        (FOCAL, ALL, False),
        (FOCAL, (FOCAL,), False),
        (SUPERIOR, ALL, True),
        (STRANGER, ALL, False),
        (replace(HEAD, valid_to=date(2025, 8, 12)), ALL, False),
    ],
)
def test_only_who_answers_for_the_unit_binds_it(by: Holder, holders: tuple[Holder, ...], binds: bool) -> None:
    """The head, an acting head, the deputy of a vacant head and a superior stop the climb; others are only noted."""
    after, stops = promise(by, holders)
    assert stops is binds
    assert (after.acknowledged_at, after.acknowledged_by) == (NOW, by.code)
    assert (after.promised_for, after.promised_level) == ((end_of(20, 8), 3) if binds else (None, 0))
    assert after.next_at == (end_of(20, 8) if binds else OPEN.next_at)


@pytest.mark.parametrize(
    ("opened", "until", "last"),
    [
        (local(11, 8, 9), end_of(25, 8), "25/08/2025"),
        (local(4, 8, 9), end_of(18, 8), "18/08/2025"),
        (local(11, 8, 9), local(25, 8, 17), "25/08/2025"),
    ],
)
def test_a_promise_reaches_to_the_policys_cap_at_most(opened: datetime, until: datetime, last: str) -> None:
    """Ten working days from now, and never past the cap counted from the opening: the whole last day is allowed."""
    to = replace(OPEN, opened_at=opened)
    assert promise(HEAD, until=until, to=to)[1]
    with pytest.raises(ActError, match=last):
        promise(HEAD, until=end_of(int(last[:2]), 8) + timedelta(microseconds=1), to=to)


def test_a_promise_lies_in_the_future() -> None:
    """A promise for this very moment or before is refused."""
    with pytest.raises(ActError, match="sau thời điểm hiện tại"):
        promise(HEAD, until=NOW)


@pytest.mark.parametrize("to", [replace(OPEN, state=State.PENDING, opened_at=None), replace(OPEN, state=State.ENDED)])
def test_only_an_open_alert_can_be_acknowledged(to: Alert) -> None:
    """There is nothing to promise for an alert that waits or has ended, and the answer names its number."""
    with pytest.raises(ActError, match="CB-25-00417"):
        promise(HEAD, to=to)


def test_a_promise_leaves_the_timer_of_an_alert_that_is_going_away() -> None:
    """While `keep` runs, the alert still ends at its time, and not on the promised day."""
    going = replace(OPEN, gone_since=NOW, next_at=local(14, 8, 9))
    after, stops = promise(HEAD, to=going)
    assert stops
    assert (after.promised_for, after.next_at) == (end_of(20, 8), local(14, 8, 9))


def test_a_promise_is_for_the_level_of_its_moment() -> None:
    """A promise for a warning knows that it was one."""
    assert promise(HEAD, to=replace(OPEN, level=Level.WARNING))[0].promised_level == 2


@pytest.mark.parametrize(
    ("given", "kind", "binds"),
    [
        (Given(HEAD, WEDNESDAY), AnswerKind.PROMISED, True),
        (Given(HEAD), AnswerKind.RECEIVED, False),
        (Given(FOCAL, WEDNESDAY), AnswerKind.RECEIVED, False),
        (Given(HEAD, None, "BO"), AnswerKind.HELP, False),
        (Given(HEAD, WEDNESDAY, "TINH"), AnswerKind.HELP, True),
        (Given(FOCAL, WEDNESDAY, "BO"), AnswerKind.HELP, False),
    ],
)
def test_help_alone_stops_nothing(given: Given, kind: AnswerKind, *, binds: bool) -> None:
    """Only a date promised by whoever answers for the unit stops the climb, whether help is asked for or not."""
    taken = take(OPEN, given, policy(), Directory(UNITS, ALL, date(2025, 8, 13)), NOW, CALENDAR)
    assert (taken.kind, taken.binds) == (kind, binds)
    assert (taken.alert.promised_for, taken.alert.acknowledged_by) == (WEDNESDAY if binds else None, given.by.code)


def test_what_does_not_bind_leaves_a_promise_standing() -> None:
    """A focal point's note after the head's promise changes nothing about the alert."""
    promised = promise(HEAD)[0]
    taken = take(promised, Given(FOCAL), policy(), Directory(UNITS, ALL, date(2025, 8, 13)), NOW, CALENDAR)
    assert taken.alert == promised


@pytest.mark.parametrize("authority", ["VU", "NOWHERE", ""])
def test_help_is_asked_of_another_unit_of_the_plan(authority: str) -> None:
    """The unit itself, or one that the plan does not know, is refused."""
    with pytest.raises(ActError, match="không phải cơ quan khác"):
        take(OPEN, Given(HEAD, None, authority), policy(), Directory(UNITS, ALL, date(2025, 8, 13)), NOW, CALENDAR)


def test_who_acts_is_found_by_code_or_office() -> None:
    """A holder's code or an office of the alert's unit names who acts; anything else is refused."""
    known = Directory(UNITS, ALL, date(2025, 8, 13))
    assert find_holder(known, OPEN, "BO/head") == SUPERIOR
    assert find_holder(known, OPEN, "deputy") == DEPUTY
    with pytest.raises(ActError, match="được phép"):
        find_holder(known, OPEN, "minister")


def test_closing_needs_a_reason_and_a_document() -> None:
    """A person closes an alert with both, once."""
    known = Directory(UNITS, ALL, date(2025, 8, 13))
    closed, _ = close_by_document(OPEN, Closing("VU", "Đã có kết luận", "12/TB-VP"), known, NOW)
    assert (closed.state, closed.end_reason) == (State.ENDED, EndReason.CLOSED)
    for reason, document in ((" ", "12/TB-VP"), ("Đã có kết luận", "")):
        with pytest.raises(ActError, match="số văn bản"):
            close_by_document(OPEN, Closing("VU", reason, document), known, NOW)
    with pytest.raises(ActError, match="đã kết thúc"):
        close_by_document(closed, Closing("VU", "Đã có kết luận", "12/TB-VP"), known, NOW)


SECRETARIAT = Unit("TT", "Cơ quan thường trực", kind=STANDING_BODY_KIND)
CLERK = Holder("TT/focal_point", "TT", "focal_point")


@pytest.mark.parametrize(
    ("by", "closer"),
    [
        ("VU", "VU"),
        ("CU", "VU"),  # dissolved, and taken over by VU
        ("BO", "BO"),
        ("TT", "TT"),
        ("head", "VU/head"),
        ("BO/head", "BO/head"),
        ("TT/head", "TT/head"),
        ("TINH", None),
        ("TINH/head", None),
        ("deputy", None),
        ("focal_point", None),
        ("TT/focal_point", None),
    ],
)
def test_only_who_answers_a_superior_or_the_secretariat_closes(by: str, closer: str | None) -> None:
    """Named as a unit or as its head; whoever heads none of these is refused, and the answer names them."""
    known = Directory(
        {**UNITS, "TT": SECRETARIAT},
        (*ALL, Holder("TT/head", "TT", "head"), CLERK),
        date(2025, 8, 13),
        successors={"CU": "VU"},
        former={"CU": Unit("CU", "Vụ cũ")},
    )
    closing = Closing(by, "Đã có kết luận", "12/TB-VP")
    if closer:
        assert close_by_document(OPEN, closing, known, NOW)[1] == closer
        return
    with pytest.raises(ActError, match=r"không có thẩm quyền.*VU, BO, TT"):
        close_by_document(OPEN, closing, known, NOW)


def test_a_head_who_has_left_closes_nothing() -> None:
    """The post is what has the right, on that day; the deputy has it while the post is vacant."""
    gone = replace(HEAD, valid_to=date(2025, 8, 12))
    known = Directory(UNITS, (gone, DEPUTY), date(2025, 8, 13))
    with pytest.raises(ActError, match="không có thẩm quyền"):
        close_by_document(OPEN, Closing("VU/head", "Đã có kết luận", "12/TB-VP"), known, NOW)
    assert close_by_document(OPEN, Closing("VU/deputy", "Đã có kết luận", "12/TB-VP"), known, NOW)[1] == "VU/deputy"
