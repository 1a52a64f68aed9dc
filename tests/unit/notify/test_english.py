"""Mail to a holder who reads English: every kind of letter is whole, in English, with dates and plurals right."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from builders import NOW, THAI_NGUYEN, alert, facts, holder, item, letterhead, local, recipient, tally, telling
from jinja2 import DictLoader

from warnwatch.alerts.alert import Reason
from warnwatch.notify.compose import compose
from warnwatch.notify.notification import Kind, Notification, Telling
from warnwatch.notify.texts import Texts
from warnwatch.plan.directory import Recipient, Unit, Via
from warnwatch.rules.rule import Level

READER = recipient(holder=holder(language="en", title="", office="head"))
SUPERIOR = replace(READER, unit=Unit("DP-19", "Tỉnh ủy Thái Nguyên"))
PLAIN = facts(title="Online services", assigning_document="", due_text="", expected_result="")
ASIDE: dict[str, Any] = {
    "sentence": "3 working days overdue",
    "guidance": "",
    "next_title": "Head of unit",
    "title": "Overdue task",
}
ONE = item(about=PLAIN, **ASIDE)
TWO = item(about=replace(PLAIN, code="KH02-032"), warned=alert(418, subject="KH02-032"), **ASIDE)

LETTERS = {
    kind.value: telling(item(kind, about=PLAIN, **ASIDE), to=READER)
    for kind in Kind
    if kind not in {Kind.ESCALATION, Kind.DIGEST, Kind.INITIAL, Kind.ALL_CLEAR}
} | {
    "digest": telling(ONE, TWO, to=READER, tally=tally()),
    "report": telling(ONE, to=SUPERIOR),
    "report about two": telling(ONE, replace(TWO, times_told=2), to=SUPERIOR),
    "initial": telling(ONE, TWO, to=READER, initial=True, tally=tally()),
    "initial to a superior": telling(ONE, TWO, to=SUPERIOR, initial=True),
    "all-clear": telling(to=READER, cleared=(ONE,)),
    "two all-clears": telling(to=READER, cleared=(ONE, TWO)),
    "all-clear beside": telling(ONE, to=READER, cleared=(TWO,)),
    "confidential": telling(item(about=replace(PLAIN, confidential=True), **ASIDE), to=READER),
    "promise broken": telling(replace(ONE, reason=Reason.PROMISE_BROKEN), to=READER),
    "claimed": telling(item(about=replace(PLAIN, claimed=True, claimed_at=local(15, 8, 9)), **ASIDE), to=READER),
    "moved": telling(item(about=replace(PLAIN, baseline_due_at=local(1, 8, 17), decision="12/QD"), **ASIDE), to=READER),
    **{
        f"via {way}": telling(ONE, to=replace(READER, via=(way,)))
        for way in (Via.ACTING, Via.DEPUTY, Via.HEAD, Via.SUPERIOR)
    },
}
# Words of our own Vietnamese texts; names and titles that the plan holds stay as they are.
OURS = re.compile(
    "nhiệm vụ|cảnh báo|đề nghị|thời hạn|ngày|hệ thống|quá hạn|kính|tiến độ|đơn vị|trước|mức", re.IGNORECASE
)
HEAD = letterhead(system="WarnWatch", link="https://canhbao.example.vn")


def write(told: Telling, **changes: Any) -> Notification:
    """Write a text at NOW."""
    return compose(told, replace(HEAD, **changes), NOW)


@pytest.mark.parametrize("told", LETTERS.values(), ids=LETTERS.keys())
def test_every_letter_is_whole_and_english(told: Telling) -> None:
    """No word of ours is Vietnamese, in either part or in the subject, and nothing is left unsaid."""
    one = write(told)
    assert not one.fallback
    assert 'lang="en"' in (one.html or "")
    visible = re.sub("<style.*?</style>|<[^>]+>", " ", one.html or "", flags=re.DOTALL)
    for text in (one.subject, one.text, visible):
        said = text
        for name in (THAI_NGUYEN.head_title, THAI_NGUYEN.name, THAI_NGUYEN.short, "Tỉnh ủy Thái Nguyên"):
            said = said.replace(name, "")
        assert not OURS.search(said), OURS.search(said)
    assert not re.search(r"\b1 (tasks|days|working days|alerts|units|times)\b|[.]{2}|  [a-z]| ,", one.text)


def test_dates_hours_and_numbers_are_written_as_english_does() -> None:
    """The day, the month by its name, the year; the hour with a colon."""
    text = write(LETTERS["overdue"]).text
    assert "the end of 15 August 2025" in text
    assert "by 16:00 on 21 August 2025" in text
    assert "62% (on 11 August 2025)" in text
    assert "overdue by 3 working days" in text


def test_a_holder_who_chose_no_language_gets_the_installations() -> None:
    """An explicit choice wins over the setting; without one the setting holds."""
    chose_none = telling(ONE, to=replace(READER, holder=replace(READER.holder, language="")))
    chose: Recipient = replace(READER, holder=replace(READER.holder, language="vi"))
    assert "Kính gửi" in write(chose_none).text
    assert "To: Chủ tịch Ủy ban nhân dân tỉnh Thái Nguyên\n" in write(chose_none, language="en").text
    assert "Kính gửi" in write(telling(ONE, to=chose), language="en").text


def test_the_plain_form_is_english_too() -> None:
    """When a text fails to render, its reader still gets one that can be read."""
    broken = Texts(DictLoader({}), "en")
    one = compose(LETTERS["digest"], HEAD, NOW, broken)
    assert one.fallback
    assert one.subject == "[Critical] 2 alerts – UBND tỉnh Thái Nguyên"
    assert not OURS.search(one.text.replace(THAI_NGUYEN.name, ""))
    assert one.level == Level.CRITICAL
