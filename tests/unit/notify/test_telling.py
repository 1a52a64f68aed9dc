"""Who is told what in one cycle: one telling per holder and channel, however many calls and ends it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from builders import alert, end_of, local
from judging import CALENDAR, book, observation, policy, rule, step, tasks_frame

from warnwatch.alerts.alert import Alert, Call, Reason
from warnwatch.alerts.escalation import Made
from warnwatch.notify.notification import Kind, Telling
from warnwatch.notify.telling import Sources, gather
from warnwatch.plan.calendar import parse_duration
from warnwatch.plan.directory import STANDING_BODY_KIND, Directory, Holder, Unit, Via
from warnwatch.plan.measures import today_of
from warnwatch.plan.tally import count_tasks
from warnwatch.plan.words import Words
from warnwatch.rules.rule import Level

UNITS = {
    unit.code: unit
    for unit in (
        Unit("CQTT", "Cơ quan thường trực", kind=STANDING_BODY_KIND),
        Unit("BO", "Bộ", parent="CQTT", head_title="Bộ trưởng"),
        Unit("VU", "Vụ", parent="BO", head_title="Vụ trưởng"),
    )
}
HEADS = tuple(
    Holder(f"{code}/head", code, "head", title=unit.head_title, email=f"{code}@example.vn")
    for code, unit in UNITS.items()
)
FOCAL = Holder("VU/focal_point", "VU", "focal_point", email="focal@example.vn")
NOW = local(20, 8, 8)
FIRST = alert(1, unit="VU", subject="T-1", opened_at=NOW, next_at=local(21, 8, 8))
SECOND = alert(2, unit="VU", subject="T-2", level=Level.NOTICE, opened_at=NOW)
SHIPPED = rule(text={Level.NOTICE: "due_soon", Level.WARNING: "due_soon", Level.CRITICAL: "overdue"})


def called(one: Alert, office: str = "head", step: int = 1, **changes: Any) -> tuple[Alert, Call]:
    """Give a call for an alert."""
    plain = Call(one.id, one.level, step, 0, office, one.unit, NOW, Reason.OPENED)
    return one, replace(plain, **changes)


def counts() -> pl.DataFrame:
    """Count two tasks of VU: one late, one due soon; and one of BO in time."""
    frame = tasks_frame(
        {"code": "T-1", "unit": "VU"},
        {"code": "T-2", "unit": "VU", "due_at": end_of(22, 8)},
        {"code": "T-3", "unit": "BO", "due_at": end_of(22, 12)},
    )
    return count_tasks(frame, today_of(NOW, CALENDAR))


def sources(holders: Sequence[Holder] = (*HEADS, FOCAL), **changes: Any) -> Sources:
    """Give what telling looks things up in."""
    words = {code: Words(code, f"Nhiệm vụ {code}", "VU", due_at=end_of(15, 8)) for code in ("T-1", "T-2")}
    directory = Directory(UNITS, tuple(holders), date(2025, 8, 20))
    return replace(Sources(book(SHIPPED), directory, words, {}, {}, counts), **changes)


def told(tellings: Sequence[Telling]) -> Mapping[str, list[str]]:
    """Say which subjects each holder is told of."""
    return {one.recipient.holder.code: [item.facts.code for item in one.items] for one in tellings}


def test_several_alerts_to_one_head_are_one_telling() -> None:
    """Two alerts of a unit are one text to its head, highest level first, with the calls that it tells."""
    tellings, nobody = gather([called(SECOND), called(FIRST)], [], sources())
    assert told(tellings) == {"VU/head": ["T-1", "T-2"]}
    assert {call.alert for call in tellings[0].calls} == {1, 2}
    assert nobody == []


def test_a_step_tells_each_of_its_offices_and_each_holder_once() -> None:
    """`head,focal_point` is two tellings; with a vacant focal point the head gets one, not two."""
    both = "head,focal_point"
    assert set(told(gather([called(FIRST, both)], [], sources())[0])) == {"VU/head", "VU/focal_point"}
    assert told(gather([called(FIRST, both)], [], sources(HEADS))[0]) == {"VU/head": ["T-1"]}


def test_a_vacant_post_is_told_to_who_stands_in_and_says_so() -> None:
    """Without a head of VU its superior's head is told, as the superior of a vacant post."""
    (one,), _ = gather([called(FIRST)], [], sources([head for head in HEADS if head.unit != "VU"]))
    assert (one.recipient.holder.code, one.recipient.via) == ("BO/head", (Via.SUPERIOR,))


def test_a_call_that_reaches_nobody_is_said() -> None:
    """With every post vacant there is no telling, and the call is named as reaching nobody."""
    tellings, nobody = gather([called(FIRST)], [], sources([]))
    assert (tellings, [call.alert for call in nobody]) == ([], [1])


def test_an_all_clear_goes_to_those_who_were_told() -> None:
    """An end is told to the holders named, whatever office they hold now; to nobody else."""
    tellings, _ = gather([], [(FIRST, [("BO/head", "email"), ("GONE/head", "email")])], sources())
    assert [(one.recipient.holder.code, len(one.items), len(one.cleared)) for one in tellings] == [("BO/head", 0, 1)]


def test_calls_and_ends_of_one_holder_are_one_telling() -> None:
    """A head who gets a new alert and an all-clear in one cycle gets one text."""
    (one,), _ = gather([called(FIRST)], [(SECOND, [("VU/head", "email")])], sources())
    assert ([item.facts.code for item in one.items], [item.facts.code for item in one.cleared]) == (["T-1"], ["T-2"])


@pytest.mark.parametrize(
    ("level", "value", "kind"),
    [
        (Level.NOTICE, 5.0, Kind.DUE_SOON),
        (Level.WARNING, 0.0, Kind.DUE_TODAY),
        (Level.WARNING, -1.0, Kind.OVERDUE),
        (Level.CRITICAL, -3.0, Kind.OVERDUE),
    ],
)
def test_the_kind_of_text_follows_level_and_value(level: Level, value: float, kind: Kind) -> None:
    """What is due soon is, on its last day, due today, and once late overdue; days are told without a sign."""
    seen = {("task-deadline", "T-1"): observation(int(level), value=value)}
    (one,), _ = gather([called(replace(FIRST, level=level))], [], sources(observations=seen))
    assert (one.items[0].kind, one.items[0].days) == (kind, abs(value))


def test_the_text_has_the_value_of_this_cycle() -> None:
    """A climb days later tells the lateness of today, not that of the opening."""
    seen = {("task-deadline", "T-1"): observation(3, value=-8.0)}
    (one,), _ = gather([called(FIRST, step=2)], [], sources(observations=seen))
    assert one.items[0].sentence == "đã quá hạn 8 ngày làm việc"


@pytest.mark.parametrize(
    ("made", "step", "next_title"),
    [(Made(), 1, ""), (Made(0, ((3, 1),), 1), 2, "Bộ trưởng"), (Made(0, ((3, 3),), 3), 4, "")],
)
def test_a_text_says_whom_the_next_step_tells(made: Made, step: int, next_title: str) -> None:
    """Before it climbs to somebody else the text names them; the same head again, or nobody, is not named."""
    (one,), _ = gather([called(FIRST, step=step)], [], sources(made={1: made}))
    assert one.items[0].next_title == next_title
    assert one.items[0].answer_by == FIRST.next_at


def test_a_text_under_a_repeating_step_says_who_is_told_next_and_when() -> None:
    """The weekly reminder comes first, but what the reader must know is when the next superior is told."""
    weekly = policy(
        {
            "critical": (
                replace(step(), repeat=parse_duration("2 working days")),
                step("5 working days", "superior.head"),
            )
        }
    )
    climbing = replace(FIRST, called_level=3, last_call_at=NOW)
    known = sources(book=book(SHIPPED, by=weekly), clock=(NOW, CALENDAR))
    (one,), _ = gather([called(climbing)], [], known)
    assert (one.items[0].next_title, one.items[0].answer_by) == ("Bộ trưởng", local(27, 8, 8))
    without_clock, _ = gather([called(climbing)], [], sources(book=book(SHIPPED, by=weekly)))
    assert (without_clock[0].items[0].next_title, without_clock[0].items[0].answer_by) == ("", FIRST.next_at)


def test_after_the_last_step_the_answer_is_asked_by_the_next_reminder() -> None:
    """A step that repeats for ever, with none after it, names nobody else."""
    weekly = policy({"critical": (replace(step(), repeat=parse_duration("2 working days")),)})
    (one,), _ = gather([called(FIRST)], [], sources(book=book(SHIPPED, by=weekly), clock=(NOW, CALENDAR)))
    assert (one.items[0].next_title, one.items[0].answer_by) == ("", FIRST.next_at)


def test_an_authority_is_asked_to_lift_the_obstacle() -> None:
    """The unit that can lift it reads what the obstacle is and why, not that a task of another unit is late."""
    words = Words(
        "T-1",
        "Nhiệm vụ T-1",
        "VU",
        obstacle="Chưa có vốn",
        obstacle_reason="Vượt thẩm quyền",
        obstacle_authority="CQTT",
    )
    asked = called(FIRST, "authority", unit="CQTT")
    (one,), nobody = gather([asked], [], sources(words={"T-1": words}))
    assert (one.recipient.holder.code, one.recipient.office, nobody) == ("CQTT/head", "authority", [])
    assert (one.items[0].kind, [value for _, value in one.items[0].facts.lines]) == (
        Kind.OBSTACLE,
        ["Chưa có vốn", "Vượt thẩm quyền", "Cơ quan thường trực"],
    )
    (hidden,), _ = gather([asked], [], sources(words={"T-1": replace(words, confidential=True)}))
    assert (hidden.items[0].facts.confidential, hidden.items[0].facts.lines) == (True, ())


@pytest.mark.parametrize(
    ("holders", "made", "round_no", "times"),
    [
        (HEADS, Made(), 0, 0),
        (HEADS, Made(0, ((3, 2),), 2), 0, 2),
        (HEADS, Made(0, ((2, 1), (3, 3)), 4), 0, 3),
        (HEADS, Made(1, ((3, 2),), 7), 1, 2),
        (HEADS, Made(0, ((3, 2),), 5), 1, 0),
        (HEADS[:2], Made(0, ((3, 3),), 3), 0, 0),
        ((*HEADS[:2], replace(HEADS[2], email=None)), Made(0, ((3, 2),), 2), 0, 0),
        ((*HEADS[:2], replace(HEADS[2], valid_from=date(2025, 8, 25))), Made(0, ((3, 2),), 2), 0, 0),
    ],
    ids=["none", "own head", "the superior's step", "a new round", "going live", "vacant", "no address", "came later"],
)
def test_only_what_reached_the_unit_itself_counts_as_telling_it(
    holders: Sequence[Holder], made: Made, round_no: int, times: int
) -> None:
    """Steps that told a superior, or nobody, or were shown before going live, reminded the unit of nothing."""
    directory = Directory(UNITS, tuple(holders), date(2025, 8, 26))
    one_more = called(FIRST, "superior.head", step=3, round_no=round_no)
    (one,), _ = gather([one_more], [], sources(made={1: made}, directory=directory))
    assert one.items[0].times_told == times


def test_a_last_step_asks_for_an_answer_too() -> None:
    """With no step to come an answer is asked by the end of the next working day, when that is known."""
    last = called(replace(FIRST, next_at=None))
    assert gather([last], [], sources())[0][0].items[0].answer_by is None
    asked = sources(end_of_next_working_day=lambda: end_of(21, 8))
    assert gather([last], [], asked)[0][0].items[0].answer_by == end_of(21, 8)


def test_a_text_knows_what_was_moved_and_what_is_claimed() -> None:
    """The first deadline, the act that moved it and the claim of completion come from the words."""
    moved = Words("T-1", "Việc", "VU", baseline_due_at=end_of(31, 7), baseline_text="trong tháng 7", decision="12-QĐ")
    words = replace(moved, status="claimed", claimed_at=NOW)
    facts = gather([called(FIRST)], [], sources(words={"T-1": words}))[0][0].items[0].facts
    assert (facts.baseline_due_at, facts.baseline_text, facts.decision) == (end_of(31, 7), "trong tháng 7", "12-QĐ")
    assert (facts.claimed, facts.claimed_at) == (True, NOW)


def test_a_digest_opens_with_how_the_unit_stands() -> None:
    """Two alerts or an initial text come with the tally of the recipient's subtree; a single alert does not."""
    (single,), _ = gather([called(FIRST)], [], sources())
    (digest,), _ = gather([called(FIRST), called(SECOND)], [], sources())
    assert single.tally is None
    assert digest.tally is not None
    assert (digest.tally.total, digest.tally.open_late, digest.tally.due_soon) == (2, 1, 1)
    (upper,), _ = gather([called(FIRST, "superior.head", reason=Reason.INITIAL)], [], sources())
    assert upper.initial
    assert upper.tally is not None
    assert (upper.tally.total, upper.tally.open_in_time, upper.tally.other) == (3, 2, 0)


def test_a_confidential_task_is_marked_for_the_text() -> None:
    """The facts know that nothing but the code may be shown."""
    words = {"T-1": Words("T-1", "Bí mật", "VU", confidential=True)}
    (one,), _ = gather([called(FIRST)], [], sources(words=words))
    assert one.items[0].facts.confidential


def test_a_subject_without_words_is_told_by_its_code() -> None:
    """A task that left the plan keeps its alert, which is told with the code alone."""
    (one,), _ = gather([called(FIRST)], [], sources(words={}))
    assert (one.items[0].facts.code, one.items[0].facts.title) == ("T-1", "")


@pytest.mark.parametrize(
    ("channels", "phone", "ways", "told_by"),
    [
        (("email", "sms"), "+84912345678", {"email", "sms"}, ["email", "sms"]),
        (("sms",), "+84912345678", {"email", "sms"}, ["email", "sms"]),
        (("email", "sms"), "+84912345678", {"email"}, ["email"]),
        (("email",), "+84912345678", {"email", "sms"}, ["email"]),
        (("email", "sms"), "+842438464416", {"email", "sms"}, ["email"]),
        (("email", "sms"), "+8562055512345", {"email", "sms"}, ["email"]),
        (("email", "sms"), "+84169", {"email", "sms"}, ["email"]),
        (("email", "sms"), None, {"email", "sms"}, ["email"]),
    ],
)
def test_a_message_goes_beside_the_mail_to_mobile_numbers(
    channels: tuple[str, ...], phone: str | None, ways: set[str], told_by: list[str]
) -> None:
    """Landlines, other countries, wrong numbers, and an installation without a gateway get the mail alone."""
    alert, call = called(FIRST)
    looked_up = sources([replace(one, phone=phone) for one in HEADS], ways=frozenset(ways), countries=frozenset({"VN"}))
    tellings, _ = gather([(alert, replace(call, channels=channels))], [(SECOND, [("VU/head", "sms")])], looked_up)
    assert [one.channel for one in tellings if one.calls] == told_by
    # The end of what was told by message is told so only while messages can be sent.
    assert all(one.channel in ways for one in tellings)
