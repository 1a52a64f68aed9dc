"""Text messages: short, plain, about the right matter, and without anything that must not be in them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import NOW, PROVINCE_PARTY, alert, facts, holder, item, letterhead, local, recipient, telling
from hypothesis import given
from hypothesis import strategies as st

from warnwatch.alerts.alert import State
from warnwatch.notify import gsm
from warnwatch.notify.compose import compose
from warnwatch.notify.notification import Item, Kind, Notification, SmsStyle, Telling
from warnwatch.plan.directory import Unit
from warnwatch.rules.rule import Level

HEAD = recipient(holder=holder(phone="+84912345678"))
SUPERIOR = recipient(PROVINCE_PARTY, office="superior.head")
PLAIN = SmsStyle("BCDTW")
ANY = st.text(st.characters(), max_size=300)
# What a telling holds, not what an item is of.
OF_TELLINGS = {Kind.ESCALATION, Kind.DIGEST, Kind.INITIAL, Kind.ALL_CLEAR}
KINDS = [kind for kind in Kind if kind not in OF_TELLINGS]


def said(told: Telling, style: SmsStyle = PLAIN, language: str = "vi") -> Notification:
    """Compose as a text message."""
    to = replace(told.recipient, holder=replace(told.recipient.holder, language=language))
    return compose(replace(told, channel="sms", recipient=to), letterhead(sms=style), NOW)


def task(number: int, kind: Kind = Kind.OVERDUE, **changes: object) -> Item:
    """Give an item about a task of its own."""
    about = replace(facts(code=f"KH02-{number:03}"), **changes)  # type: ignore[arg-type]
    return item(kind, about=about, warned=alert(number, subject=about.code))


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (
            telling(item(Kind.DUE_SOON)),
            (
                "BCDTW: SAP DEN HAN: NV KH02-031 (UBND tinh Thai Nguyen), con 3 ngay lam viec, han 15/8/2025. "
                "De nghi hoan thanh, cap nhat tien do tren He thong."
            ),
        ),
        (
            telling(item()),
            (
                "BCDTW: QUA HAN 3 ngay lam viec: NV KH02-031 (UBND tinh Thai Nguyen), han 15/8/2025. "
                "De nghi hoan thanh dut diem, giai trinh truoc 16h00 ngay 21/8."
            ),
        ),
        (
            telling(item(answer_by=local(21, 8, 23, 59))),
            (
                "BCDTW: QUA HAN 3 ngay lam viec: NV KH02-031 (UBND tinh Thai Nguyen), han 15/8/2025. "
                "De nghi hoan thanh dut diem, giai trinh truoc 17h00 ngay 21/8."
            ),
        ),
        (
            telling(item(), to=SUPERIOR),
            (
                "BCDTW: BAO CAO CAP TREN: UBND tinh Thai Nguyen co 1 nhiem vu (1 qua han): NV KH02-031. "
                "Kinh de nghi cho y kien chi dao."
            ),
        ),
        (
            telling(*(task(number) for number in range(1, 31))),
            (
                "BCDTW: UBND tinh Thai Nguyen: 30 nhiem vu (30 qua han): NV KH02-001, NV KH02-002, NV KH02-003, "
                "NV KH02-004 va 26 noi dung khac. Chi tiet tren He thong."
            ),
        ),
        (
            telling(cleared=(item(warned=alert(418, state=State.ENDED, ended_at=local(20, 8, 7))),)),
            "BCDTW: KET THUC CANH BAO: NV KH02-031.",
        ),
    ],
)
def test_the_messages_read_as_agreed(told: Telling, text: str) -> None:
    """Without marks, in one part: what is late, which unit, which day, what is asked, and by when."""
    found = said(told)
    assert (found.text, found.html, found.fallback, found.segments) == (text, None, False, 1)


def test_a_message_goes_to_the_telephone_and_is_another_text_than_the_mail() -> None:
    """The address is the holder's number; the key differs from that of the mail about the same calls."""
    told = telling(item(), to=HEAD)
    assert said(told).address == "+84912345678"
    assert said(told).key != compose(told, letterhead(), NOW).key


def test_with_marks_a_message_takes_the_parts_that_the_settings_allow() -> None:
    """On demand a message keeps its marks and goes as UCS-2, whole where three parts of 67 letters hold it."""
    found = said(telling(item()), SmsStyle("BCDTW", accents=True, most_segments=3))
    assert "Đề nghị hoàn thành dứt điểm, giải trình trước 16h00 ngày 21/8." in found.text
    assert found.segments == 3
    shorter = said(telling(item()), SmsStyle("BCDTW", accents=True, most_segments=1))
    assert (shorter.text, shorter.segments) == (
        "BCDTW: QUÁ HẠN 3 ngày làm việc: NV KH02-031 (DP-19-UB), hạn 15/8/2025.",
        1,
    )


def test_a_holder_who_reads_english_gets_it_in_english() -> None:
    """The language is the holder's; the names of units stay."""
    assert said(telling(item()), language="en").text == (
        "BCDTW: OVERDUE 3 working days: task KH02-031 (UBND tinh Thai Nguyen), due 15 August 2025. "
        "Please complete it and explain the delay by 16:00 on 21 August."
    )


def test_of_what_is_confidential_only_the_code_is_said() -> None:
    """No unit, no kind, no number: the code, how grave, and where to look; to a superior no unit in a list either."""
    hidden = task(9, confidential=True)
    assert said(telling(hidden)).text == "BCDTW: Khan: NV KH02-009, xem tren He thong."
    several = said(telling(hidden, task(8, confidential=True), to=SUPERIOR)).text
    assert "Thai Nguyen" not in several
    assert "qua han" not in several.lower()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("accents", [False, True])
def test_no_message_names_a_person_or_a_task(kind: Kind, *, accents: bool) -> None:
    """Neither the title of the task nor that of its holder stands in a message, whatever its kind."""
    told = telling(item(kind), to=replace(HEAD, holder=replace(HEAD.holder, title="Đồng chí Nguyễn Văn A")))
    text = said(told, replace(PLAIN, accents=accents)).text
    for name in ("Nguyễn", "Nguyen Van", "dịch vụ công", "dich vu cong"):
        assert name not in text


@given(code=ANY, name=ANY, title=ANY, value=ANY, kind=st.sampled_from(KINDS), count=st.integers(1, 4))
def test_whatever_the_data_a_message_is_short_and_harmless(
    code: str, name: str, title: str, value: str, kind: Kind, count: int
) -> None:
    """One to three parts, plain letters of one septet, one line, no link; and it is no fallback."""
    unit = Unit("DP-1", name, short_name=name)
    about = facts(code=code, unit=unit, title=title, value=value, target=value, period=value)
    items = [item(kind, about=about, title=title, warned=alert(n, subject=f"S{n}")) for n in range(1, count + 1)]
    found = said(telling(*items))
    assert not found.fallback
    assert found.text.isascii()
    assert found.text.isprintable()
    assert gsm.length(found.text) == len(found.text)
    assert found.segments == gsm.segments(found.text) <= 3
    assert gsm.unlinked(found.text) == found.text
    marked = said(telling(*items), SmsStyle("BCDTW", accents=True, most_segments=2))
    assert (marked.segments or 0) <= 2
    assert marked.text.isprintable()


def test_a_message_that_fails_is_said_plainly() -> None:
    """A text that cannot be written goes out in the plain form, marked so."""
    broken = item(about=facts(due_at="no instant"))
    found = said(telling(broken, warned := task(2)))
    del warned
    assert (found.fallback, found.text) == (True, "BCDTW: Khan: 2 noi dung canh bao. Xem chi tiet tren He thong.")


def test_the_gravest_level_is_that_of_the_message() -> None:
    """The outbox sends a message by the gravest alert in it."""
    mild = item(Kind.DUE_SOON, warned=alert(2, subject="B", level=Level.NOTICE))
    assert said(telling(mild, task(3))).level == Level.CRITICAL
