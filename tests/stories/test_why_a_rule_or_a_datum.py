"""Rules and missing data are subjects too: `explain` says how they stand, why, and who was told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import ZONE, local
from judging import CALENDAR, rule, shipped_book
from worlds import BEGUN, World

from warnwatch.errors import Mistake, NotFoundError
from warnwatch.explain import Explanation, explain
from warnwatch.explain_lines import explain_lines
from warnwatch.rules.expression import Expression
from warnwatch.rules.stages import SetState

LATE = local(18, 8, 8)
BROKEN = Expression("no_such_column", "boolean", frozenset({"no_such_column"}), "no_such_column")


@pytest.fixture
def watched(world: World) -> World:
    """The rule on deadlines, and the shipped ones about rules and missing data."""
    book = shipped_book()
    used = rule("used", where="status = 'open'", measure="time_share", above={"notice": 0.9}, escalation="head-of-unit")
    own = [book.rule(name) for name in ("rule-failing", "rules-refused", "data-missing")]
    world.by(book=replace(book, rules=(book.rule("task-deadline"), used, *own)))
    return world


def explained(world: World, code: str, at: datetime, *, office: str | None = None) -> Explanation:
    """Ask as the command does."""
    state, book = world.standards.set_state, world.standards.book
    with world.reading() as connection:
        return explain(connection, book, CALENDAR, code, at=at, as_of=None, office=office, set_state=state)


def said(explanation: Explanation) -> str:
    """Give what the command prints."""
    return "\n".join(explain_lines(explanation, ZONE))


def test_a_rule_that_fails_is_explained_with_its_reason(watched: World) -> None:
    """By its id: who keeps it, where it stands, why it cannot be run, and who was told."""
    fine = explained(watched, "task-deadline", LATE)
    assert (fine.about, fine.unit) == ("rule", "CQTT")
    assert {one.rule: one.level for one in fine.verdicts} == {"rule-failing": "none", "rules-refused": "not_applicable"}
    rules = [replace(one, where=BROKEN) if one.id == "task-deadline" else one for one in watched.standards.book.rules]
    watched.by(book=replace(watched.standards.book, rules=tuple(rules)))
    watched.cycle(LATE)
    found = explained(watched, "task-deadline", LATE + timedelta(minutes=1))
    text = said(found)
    assert "Đơn vị giữ bộ quy tắc: CQTT." in text
    assert "Lỗi khi chạy: " in text
    assert "no_such_column" in text
    assert "Vị trí: alert_rules/deadlines.yml:" in text
    verdict = next(one for one in found.verdicts if one.rule == "rule-failing")
    assert (verdict.level, verdict.value) == ("critical", 1)
    assert [one.holder for one in verdict.messages] == ["CQTT/head/1"]
    assert found.as_json()["facts"]["Lỗi khi chạy"]


def test_the_rule_set_is_explained_with_its_mistakes(watched: World) -> None:
    """A newer set was refused: which one, and for what."""
    mistake = Mistake("alert_rules/deadlines.yml", 9, 14, "chỉ tiêu đo không có trong danh mục")
    watched.by(set_state=SetState("", (mistake,), refused="f" * 64))
    watched.cycle(LATE)
    found = explained(watched, "alert_rules", LATE + timedelta(minutes=1))
    assert "Lỗi 1: alert_rules/deadlines.yml:9:14" in said(found)
    assert {one.rule: one.level for one in found.verdicts} == {
        "rules-refused": "warning",
        "rule-failing": "not_applicable",
    }


def test_a_missing_datum_is_explained_with_what_lacks_it(watched: World) -> None:
    """Which tasks, for which rules; pending at first, then told; and `--as` says why an office was not."""
    for code in ("T-2", "T-3"):
        watched.put(BEGUN, code, start=None, due="2026-12-31")
    watched.cycle(local(4, 8, 9))
    code = "tasks.start/DP-19-UB"
    found = explained(watched, code, local(5, 8, 9))
    text = said(found)
    assert f"{code} – ngày bắt đầu của nhiệm vụ" in text
    assert "Đơn vị phải bổ sung dữ liệu: DP-19-UB." in text
    assert "Đối tượng thiếu dữ liệu: T-2, T-3" in text
    assert "Quy tắc chưa xét được: used" in text
    assert "đang chờ, mở lúc 07/08/2025 09:00 nếu vẫn còn đúng" in text
    watched.cycle(local(7, 8, 9, 1))
    (verdict,) = explained(watched, code, local(7, 8, 10), office="superior.head").verdicts
    assert verdict.why_not.startswith("bước 2 chưa báo")


def test_a_datum_that_nothing_lacks_is_refused(watched: World) -> None:
    """The answer says that it is not missing, and names one that is and is near; a typed slip is one of the plan's."""
    watched.put(BEGUN, "T-2", start=None, due="2026-12-31")
    with pytest.raises(NotFoundError, match=r"không thiếu dữ liệu 'tasks.start/DP-19-U'.*tasks.start/DP-19-UB"):
        explained(watched, "tasks.start/DP-19-U", LATE)
    with pytest.raises(NotFoundError, match="không có nhiệm vụ, đơn vị, chỉ tiêu hay nguồn"):
        explained(watched, "task-deadlin", LATE)


def test_a_removed_rule_is_explained_while_its_alert_stands(watched: World) -> None:
    """Its alert is there until the next cycle ends it: the rule is gone, and that is said."""
    rules = [replace(one, where=BROKEN) if one.id == "task-deadline" else one for one in watched.standards.book.rules]
    watched.by(book=replace(watched.standards.book, rules=tuple(rules)))
    watched.cycle(LATE)
    rest = tuple(one for one in watched.standards.book.rules if one.id != "task-deadline")
    watched.by(book=replace(watched.standards.book, rules=rest))
    found = explained(watched, "task-deadline", LATE + timedelta(minutes=1))
    verdict = next(one for one in found.verdicts if one.rule == "rule-failing")
    assert verdict.level == "not_applicable"
    assert verdict.alert == watched.alert("task-deadline", "rule-failing").code
