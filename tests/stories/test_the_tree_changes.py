"""Units merge, split, change name, superior or kind on a date: tasks follow, alerts stay, the new head is told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from builders import ZONE, end_of, local
from judging import expression, rule, shipped_book
from sqlalchemy import select
from worlds import BEGUN, World, build_world, holder_row

from warnwatch import schema
from warnwatch.alerts.alert import State
from warnwatch.cycle import CycleReport, Memory
from warnwatch.errors import MistakesError
from warnwatch.notify.notification import Kind
from warnwatch.notify.release import Mode, Release
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.rules.evaluation import columns_of
from warnwatch.rules.rulebook import load_rulebook
from warnwatch.shipped import shipped

# The province's Committee has a neighbour, DP-06-UB, which is merged into it on Wednesday 20/8/2025.
NEIGHBOUR = {
    "code": "DP-06-UB",
    "name": "Ủy ban nhân dân tỉnh Bắc Kạn",
    "short_name": "UBND Bắc Kạn",
    "bloc": "DIA_PHUONG",
    "parent": "CQTT",
    "head_title": "Chủ tịch Ủy ban nhân dân tỉnh",
}
DAY = "2025-08-20"
MERGER = {
    "unit": "DP-06-UB",
    "kind": "sáp nhập",
    "effective_on": DAY,
    "successor": "DP-19-UB",
    "decision": "202/2025/QH15",
}
RULES = """\
rules:
  - id: unit-overdue
    title: Đơn vị có nhiều nhiệm vụ quá hạn
    about: unit
    where: code = 'DP-06-UB'
    measure: overdue_tasks
    above: {warning: 5}
    for: 0
    keep: 0
    text: general
    escalation: head-of-unit
    guidance: Rà soát các nhiệm vụ quá hạn.
  - id: kpi-shortfall
    title: Chỉ tiêu chưa đạt
    about: kpi
    where: has_reading
    measure: shortfall
    above: {warning: 0, critical: 30}
    for: 0
    keep: 0
    text: kpi_below
    escalation: head-of-unit
    guidance: Xác định nguyên nhân và giải pháp.
"""
BEFORE, AFTER = local(19, 8, 23), local(20, 8, 0, 1)


@pytest.fixture
def plan(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Give the small plan and the neighbour, live, judged by a rule on deadlines, one on units and one on KPIs."""
    folder = tmp_path / "rules"
    folder.mkdir()
    shutil.copy(shipped("alert_rules") / "escalations.yml", folder)
    (folder / "more.yml").write_text(RULES, encoding="utf-8")
    more = load_rulebook(folder, {about: columns_of(about) for about in CATALOGUE}, list(Kind))
    book = replace(more, rules=(shipped_book().rule("task-deadline"), *more.rules))
    built = build_world(database_url, tmp_path / "plan", book)
    heads = [holder_row("DP-06-UB/head")]
    built.bring(BEGUN, units=[NEIGHBOUR], posts=[{"unit": "DP-06-UB", "office": "head"}], holders=heads)
    yield built
    built.engine.dispose()


def changes(plan: World, *rows: dict[str, Any], now: datetime = BEGUN) -> tuple[str, ...]:
    """Import changes of units; gives the words of the warnings."""
    return tuple(one.message for one in plan.bring(now, unit_changes=rows).warnings)


def told(report: CycleReport) -> list[str]:
    """Say to whom texts go in a cycle."""
    return sorted(one.holder for one, _ in report.notifications)


def overdue(plan: World, *codes: str, unit: str = "DP-06-UB") -> None:
    """Let tasks of a unit be overdue and told of, before the day of the change."""
    for code in codes:
        plan.put(BEGUN, code, lead_unit=unit)
        plan.report(local(15, 8, 8), code, 0.9)
    plan.cycle(local(18, 8, 9))
    plan.cycle(local(19, 8, 22))


def open_alerts(plan: World) -> dict[str, tuple[str, str, int]]:
    """Give the open alerts: number, unit, episode by subject and rule."""
    return {f"{a.subject} {a.rule}": (a.code, a.unit, a.episode) for a in plan.alerts() if a.state is State.OPEN}


def unwrapped(text: str) -> str:
    """Give the text of a mail on one line, however it was wrapped."""
    return " ".join(text.split())


def refused(plan: World, *rows: dict[str, Any]) -> list[str]:
    """Give the mistakes for which changes are refused, with row and column."""
    with pytest.raises(MistakesError) as raised:
        changes(plan, *rows)
    return [f"{one.line}/{one.field}: {one.message}" for one in raised.value.mistakes]


def test_a_merger_takes_every_alert_along_and_tells_the_new_head_once(plan: World) -> None:
    """Same numbers, same episodes, none ended; one digest to the successor's head, nothing to the old one."""
    changes(plan, MERGER)
    overdue(plan, "T-1", "T-2", "T-3")
    before = open_alerts(plan)
    assert {unit for _, unit, _ in before.values()} == {"DP-06-UB"}
    assert plan.cycle(BEFORE).outcome.calls == ()
    report = plan.cycle(AFTER)
    after = open_alerts(plan)
    assert {key: (code, episode) for key, (code, _, episode) in after.items()} == {
        key: (code, episode) for key, (code, _, episode) in before.items()
    }
    assert {unit for _, unit, _ in after.values()} == {"DP-19-UB"}
    assert not [alert for alert in plan.alerts() if alert.state is State.ENDED]
    assert told(report) == ["DP-19-UB/head/1"]
    assert [len(one.alerts) for one, _ in report.notifications] == [len(before)]
    assert plan.cycle(local(20, 8, 0, 2)).outcome.calls == ()


def test_the_history_says_from_whom_to_whom_and_by_which_document(plan: World) -> None:
    """The inspection reads the merger in the alert's own history, after what was told before."""
    changes(plan, MERGER)
    overdue(plan, "T-1")
    plan.cycle(AFTER)
    with plan.reading() as connection:
        journal = schema.journal
        rows = connection.execute(select(journal.c.facts).where(journal.c.kind == "alert.handed")).scalars().all()
    assert {(row["from"], row["to"], row["document"]) for row in rows} == {("DP-06-UB", "DP-19-UB", "202/2025/QH15")}
    assert "notification" in plan.history(plan.alert())[: plan.history(plan.alert()).index("alert.handed")]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("vi", "Tiếp nhận: từ Ủy ban nhân dân tỉnh Bắc Kạn theo văn bản số 202/2025/QH15"),
        ("en", "Taken over: from Ủy ban nhân dân tỉnh Bắc Kạn under document No. 202/2025/QH15"),
    ],
)
def test_the_digest_says_from_whom_and_by_which_document_once(plan: World, language: str, said: str) -> None:
    """Whoever reads of another unit's tasks learns at the first reading why they are theirs now."""
    plan.bring(BEGUN, holders=[holder_row("DP-19-UB/head", language=language)])
    changes(plan, MERGER)
    overdue(plan, "T-1", "T-2", "T-3")
    [(mail, _)] = plan.cycle(AFTER).notifications
    assert (mail.holder, len(mail.alerts), unwrapped(mail.text).count(said)) == ("DP-19-UB/head/1", 3, 1)
    assert said.partition(": ")[2] in str(mail.html)


def test_what_the_unit_had_before_is_not_said_to_be_taken_over(plan: World) -> None:
    """In one digest with alerts of its own, each that was taken over says so, and no other."""
    changes(plan, MERGER)
    overdue(plan, "T-1", "T-2")
    plan.put(local(19, 8, 23), "OWN-1", lead_unit="DP-19-UB", due="2025-08-19")
    [(mail, _)] = plan.cycle(AFTER).notifications
    assert (len(mail.alerts), mail.text.count("Tiếp nhận: ")) == (3, 2)


@pytest.mark.parametrize(
    ("document", "said"),
    [("Nghị quyết số 202/2025/QH15", "từ Ủy ban nhân dân tỉnh Bắc Kạn theo Nghị quyết số 202/2025/QH15"), ("", "")],
)
def test_a_document_is_named_as_it_was_entered(plan: World, document: str, said: str) -> None:
    """With its kind as with its bare number; without a document the former unit alone is named."""
    changes(plan, MERGER | {"decision": document})
    overdue(plan, "T-1")
    [(mail, _)] = plan.cycle(AFTER).notifications
    line = next(one for one in mail.text.splitlines() if "Tiếp nhận" in one)
    assert line.strip(" -") == f"Tiếp nhận: {said or 'từ Ủy ban nhân dân tỉnh Bắc Kạn'}"


def test_a_confidential_task_is_taken_over_without_a_word_of_the_old_unit(plan: World) -> None:
    """Such a task shows nothing but its code, a merger changes nothing about that."""
    changes(plan, MERGER)
    plan.put(BEGUN, "T-1", lead_unit="DP-06-UB", confidential="yes")
    overdue(plan)
    [(mail, _)] = plan.cycle(AFTER).notifications
    assert ("T-1" in mail.text, "Bắc Kạn" in mail.text + str(mail.html)) == (True, False)


def test_a_task_that_the_plan_gives_to_another_unit_is_not_said_to_be_taken_over(plan: World) -> None:
    """Nobody was dissolved: the new lead has a task as any other."""
    overdue(plan, "T-1")
    plan.put(local(20, 8, 8), "T-1", lead_unit="DP-19-UB")
    [(mail, _)] = plan.cycle(local(20, 8, 9)).notifications
    assert (mail.holder, "Tiếp nhận" in mail.text) == ("DP-19-UB/head/1", False)


def test_the_task_keeps_its_lead_in_the_record_and_counts_for_the_successor(plan: World) -> None:
    """The database says who was given the task; boards and rules see who answers for it."""
    changes(plan, MERGER)
    overdue(plan, "T-1")
    report = plan.cycle(AFTER)
    assert report.snapshot.tasks.select("lead", "unit", "bloc").rows() == [("DP-06-UB", "DP-19-UB", "DIA_PHUONG")]
    assert (set(report.counts()["unit"]), "DP-06-UB" in report.directory.units) == ({"DP-19-UB"}, False)
    assert "DP-06-UB" not in report.evaluation.frames["unit"]["code"].to_list()
    with plan.reading() as connection:
        version = schema.task_version
        assert connection.scalars(select(version.c.lead_unit)).all() == ["DP-06-UB"]


def test_a_promise_of_the_old_head_binds_nobody(plan: World) -> None:
    """The new head is called from the first step, whatever the old one promised."""
    changes(plan, MERGER)
    overdue(plan, "T-1")
    assert plan.promise(BEFORE, plan.alert(), end_of(25, 8))
    assert plan.cycle(local(19, 8, 23, 30)).outcome.calls == ()
    assert told(plan.cycle(AFTER)) == ["DP-19-UB/head/1"]
    assert (plan.alert().promised_for, plan.alert().acknowledged_by) == (None, None)


def test_a_service_that_starts_after_the_merger_finds_what_it_missed(plan: World) -> None:
    """Down over midnight: the first cycle of the new process moves the alerts, and only once."""
    changes(plan, MERGER)
    overdue(plan, "T-1")
    plan.memory = Memory()
    assert told(plan.cycle(local(21, 8, 8))) == ["DP-19-UB/head/1"]
    plan.memory = Memory()
    assert plan.cycle(local(21, 8, 9)).outcome.calls == ()


def test_a_merger_recorded_after_its_day_takes_effect_at_once_and_not_before(plan: World) -> None:
    """Two clocks: what is asked of the past as known then still shows the old unit."""
    overdue(plan, "T-1")
    assert told(plan.cycle(AFTER)) == []
    known_before = local(20, 8, 11)
    changes(plan, MERGER, now=local(20, 8, 12))
    assert told(plan.cycle(local(20, 8, 13))) == ["DP-19-UB/head/1"]
    then = plan.cycle(known_before, as_of=known_before).snapshot
    now = plan.cycle(known_before, as_of=local(20, 8, 13)).snapshot
    assert (then.tasks["unit"].to_list(), now.tasks["unit"].to_list()) == (["DP-06-UB"], ["DP-19-UB"])


def test_a_merger_that_was_a_mistake_is_taken_back_by_a_correction(plan: World) -> None:
    """A voided row: tasks and alerts go back to the unit that was never dissolved."""
    changes(plan, MERGER)
    overdue(plan, "T-1")
    plan.cycle(AFTER)
    changes(plan, MERGER | {"kind": "hủy bỏ"}, now=local(20, 8, 9))
    assert told(plan.cycle(local(20, 8, 10))) == ["DP-06-UB/head/1"]
    assert plan.alert().unit == "DP-06-UB"


def test_a_merger_of_a_merger_leads_to_the_last_unit(plan: World) -> None:
    """An old code is followed over several dates."""
    changes(plan, MERGER, {"unit": "DP-19-UB", "kind": "merge", "effective_on": "2025-08-22", "successor": "BYT"})
    overdue(plan, "T-1")
    plan.cycle(AFTER)
    assert told(plan.cycle(local(22, 8, 0, 1))) == ["BYT/head/1"]
    assert plan.alert().unit == "BYT"
    assert plan.cycle(local(22, 8, 0, 2)).directory.present("DP-06-UB") == "BYT"


def test_a_split_gives_the_tasks_to_the_main_successor_and_a_new_row_gives_one_away(plan: World) -> None:
    """The import says how many tasks will go to the main one; the rest is given away as any task is."""
    plan.put(BEGUN, "T-1", lead_unit="DP-06-UB")
    plan.put(BEGUN, "T-2", lead_unit="DP-06-UB")
    split = {"unit": "DP-06-UB", "kind": "chia tách", "effective_on": DAY}
    said = changes(plan, split | {"successor": "DP-19-UB", "main": "có"}, split | {"successor": "BYT", "main": "không"})
    assert [one.split(" sẽ ")[0] for one in said] == ["2 nhiệm vụ của DP-06-UB"]
    overdue(plan, "T-1", "T-2")
    assert told(plan.cycle(AFTER)) == ["DP-19-UB/head/1"]
    plan.put(local(20, 8, 9), "T-2", lead_unit="BYT")
    assert told(plan.cycle(local(20, 8, 10))) == ["BYT/head/1"]
    assert (plan.alert("T-1").unit, plan.alert("T-2").unit) == ("DP-19-UB", "BYT")


def test_a_new_name_stands_in_the_mails_from_its_day_on(plan: World) -> None:
    """And with the new title of its head; before the day the old one."""
    new = {"name": "Ủy ban nhân dân thành phố Bắc Kạn", "unit_kind": "ubnd_thanh_pho", "head_title": "Thị trưởng"}
    changes(plan, {"unit": "DP-06-UB", "kind": "đổi tên", "effective_on": DAY} | new)
    overdue(plan, "T-1")
    old = plan.mails()[-1]["text"]
    plan.put(local(20, 8, 8), "T-2", lead_unit="DP-06-UB", due="2025-08-19")
    report = plan.cycle(local(20, 8, 9))
    mail = next(one.text for one, _ in report.notifications if one.holder == "DP-06-UB/head/1")
    assert ("tỉnh Bắc Kạn" in old, "tỉnh Bắc Kạn" in mail, "thành phố Bắc Kạn" in mail) == (True, False, True)
    unit = report.directory.units["DP-06-UB"]
    assert (unit.short, unit.kind, unit.head_title) == (new["name"], "ubnd_thanh_pho", "Thị trưởng")


def test_an_escalation_climbs_the_new_tree_from_the_day_of_the_move(plan: World) -> None:
    """The superior of that day is called, not the one of the day on which the alert opened."""
    changes(plan, {"unit": "DP-06-UB", "kind": "chuyển cấp trên", "effective_on": "2025-08-21", "parent": "DP-19"})
    overdue(plan, "T-1")
    assert "DP-19/head/1" in told(plan.cycle(local(22, 8, 23)))


def test_a_child_of_a_dissolved_unit_stands_under_the_successor(plan: World) -> None:
    """Nobody has to import the children again."""
    child = {"code": "SO-06", "name": "Sở Nội vụ tỉnh Bắc Kạn", "parent": "DP-06-UB"}
    plan.bring(BEGUN, units=[child])
    changes(plan, MERGER)
    assert [unit.code for unit in plan.cycle(AFTER).directory.superiors("SO-06")][:2] == ["DP-19-UB", "DP-19"]


def test_a_row_of_the_unit_recorded_after_its_change_has_the_last_word(plan: World) -> None:
    """A name mended by units.csv a week later is not undone by the old change."""
    changes(plan, {"unit": "DP-06-UB", "kind": "rename", "effective_on": DAY, "name": "Bắc Cạn"})
    assert plan.cycle(AFTER).directory.units["DP-06-UB"].name == "Bắc Cạn"
    plan.bring(local(27, 8, 9), units=[NEIGHBOUR | {"name": "Tỉnh Bắc Kạn"}])
    assert plan.cycle(local(27, 8, 10)).directory.units["DP-06-UB"].name == "Tỉnh Bắc Kạn"


def test_a_unit_that_begins_on_the_day_is_no_unit_before(plan: World) -> None:
    """The future tree may be imported long before; no board shows it early."""
    future = NEIGHBOUR | {"code": "DP-99-UB", "name": "Ủy ban nhân dân tỉnh mới", "valid_from": DAY}
    plan.bring(BEGUN, units=[future])
    changes(plan, MERGER | {"successor": "DP-99-UB"})
    overdue(plan, "T-1")
    assert "DP-99-UB" not in plan.cycle(BEFORE).directory.units
    report = plan.cycle(AFTER)
    assert ("DP-99-UB" in report.directory.units, plan.alert().unit) == (True, "DP-99-UB")
    assert told(report) == ["CQTT/head/1"]


def test_a_target_of_a_dissolved_unit_goes_on_and_is_told_at_the_successor(plan: World) -> None:
    """The KPI's alert is the same; its readings still come in under the old code."""
    kpi = {"code": "K-1", "name": "Tỷ lệ", "direction": "cao tốt", "period": "tháng", "operator": "≥", "threshold": 80}
    changes(plan, MERGER)
    reading = {"kpi": "K-1", "unit": "DP-06-UB", "period": "2025-07", "value": 10}
    plan.bring(BEGUN, kpis=[kpi], targets=[{"kpi": "K-1", "unit": "DP-06-UB", "target": 80}], readings=[reading])
    plan.cycle(local(5, 8, 9))
    plan.cycle(local(19, 8, 9))
    before = [alert for alert in plan.alerts() if alert.about == "kpi"]
    report = plan.cycle(AFTER)
    after = [alert for alert in plan.alerts() if alert.about == "kpi"]
    assert before
    assert [(one.code, one.state, one.subject) for one in after] == [(o.code, o.state, o.subject) for o in before]
    assert {one.unit for one in after} == {"DP-19-UB"}
    assert told(report) == ["DP-19-UB/head/1"]
    said = plan.bring(local(20, 8, 9), readings=[reading | {"period": "2025-08", "value": 95}]).warnings
    assert [one.message for one in said] == [
        "mã cũ ở 1 dòng: nay là DP-19-UB (Ủy ban nhân dân tỉnh Thái Nguyên)",
    ]
    plan.cycle(local(20, 8, 10))
    assert {one.gone_since is not None or one.state is State.ENDED for one in plan.alerts() if one.about == "kpi"} == {
        True
    }


def test_an_alert_about_a_unit_that_is_dissolved_holds(plan: World) -> None:
    """A unit that is no more has not become better: nothing ends, and the successor's head is told."""
    changes(plan, MERGER)
    overdue(plan, "T-1", "T-2", "T-3", "T-4", "T-5", "T-6")
    before = [alert for alert in plan.alerts() if alert.about == "unit" and alert.subject == "DP-06-UB"]
    assert before
    plan.cycle(AFTER)
    plan.cycle(local(22, 8, 9))
    after = [alert for alert in plan.alerts() if alert.about == "unit" and alert.subject == "DP-06-UB"]
    assert [(one.code, one.state, one.unit) for one in after] == [(one.code, one.state, "DP-19-UB") for one in before]


def test_a_pilot_of_the_old_unit_goes_on_with_its_successor(plan: World) -> None:
    """Nobody has to edit the settings at midnight."""
    plan.by(release=Release(Mode.LIVE, frozenset({"DP-06-UB"})))
    changes(plan, MERGER)
    overdue(plan, "T-1")
    assert [(one.holder, state) for one, state in plan.cycle(AFTER).notifications] == [("DP-19-UB/head/1", "ready")]


def test_a_rule_about_the_old_code_goes_on(plan: World) -> None:
    """`unit = 'DP-06-UB'` means the unit that stands for it; texts in other columns stay."""
    only = rule(
        "only", where="unit = 'DP-06-UB' and status <> 'done'", below={"critical": 0}, escalation="head-of-unit"
    )
    book = plan.standards.book
    plan.by(book=type(book)((only,), book.policies, book.version))
    changes(plan, MERGER)
    plan.put(BEGUN, "T-1", lead_unit="DP-06-UB")
    plan.cycle(local(18, 8, 9))
    number = plan.alert(rule="only").code
    plan.cycle(AFTER)
    assert [(one.code, one.unit, one.state) for one in plan.alerts()] == [(number, "DP-19-UB", State.OPEN)]


def test_a_code_with_a_quote_in_it_stays_one_text() -> None:
    """What replaces an old code is written as text, never as SQL."""
    where = expression("unit in ('A', 'B') and status <> 'open'", "boolean")
    assert where.following({"unit"}, {"A": "x' or '1", "open": "Z"}).sql.count("'x'' or ''1'") == 1
    assert "'open'" in where.following({"unit"}, {"A": "C", "open": "Z"}).sql
    assert where.following({"unit"}, {"C": "D"}) is where


def test_a_task_given_to_an_old_code_is_taken_and_named(plan: World) -> None:
    """Offices go on typing the old code for months."""
    changes(plan, MERGER)
    task = {"code": "T-9", "title": "Nhiệm vụ", "lead_unit": "DP-06-UB", "due": "2025-08-21"}
    report = plan.bring(local(20, 8, 8), tasks=[task])
    assert ["nay là DP-19-UB" in one.message for one in report.warnings if "mã cũ" in one.message] == [True]
    assert plan.cycle(local(20, 8, 9)).snapshot.tasks["unit"].to_list() == ["DP-19-UB"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([MERGER | {"successor": ""}], "2/successor: sáp nhập, chia tách mà không có đơn vị tiếp nhận"),
        ([MERGER | {"successor": "DP-06-UB"}], "2/successor: đơn vị sáp nhập vào chính nó"),
        ([MERGER | {"successor": "DP-66"}], "2/successor: mã không có trong units.csv và chưa được lưu"),
        (
            [MERGER, {"unit": "DP-19-UB", "kind": "merge", "effective_on": DAY, "successor": "DP-06-UB"}],
            "2/successor: sáp nhập vòng tròn: DP-06-UB → DP-19-UB → DP-06-UB",
        ),
        (
            [MERGER | {"kind": "split", "main": ""}, MERGER | {"kind": "split", "successor": "BYT"}],
            "3/main: chia tách có 0 đơn vị tiếp nhận chính",
        ),
        (
            [MERGER | {"kind": "split", "main": "x"}, MERGER | {"kind": "split", "successor": "DP-06-UB"}],
            "3/main: đơn vị vẫn giữ mã sau khi chia tách thì phải là đơn vị tiếp nhận chính",
        ),
        (
            [MERGER, MERGER | {"successor": "BYT"}],
            "3/successor: một đơn vị sáp nhập vào hai đơn vị trong cùng một ngày",
        ),
        (
            [MERGER, {"unit": "DP-06-UB", "kind": "rename", "effective_on": DAY, "name": "Tên mới"}],
            "3/kind: hai thay đổi trái nhau của một đơn vị trong cùng một ngày",
        ),
        (
            [{"unit": "DP-06-UB", "kind": "move", "effective_on": DAY, "parent": "DP-06-UB"}],
            "2/parent: đơn vị là cấp trên của chính nó",
        ),
        (
            [{"unit": "DP-06-UB", "kind": "rename", "effective_on": DAY}],
            "2/kind: không có mục nào đổi",
        ),
    ],
)
def test_changes_that_cannot_be_followed_are_refused(plan: World, rows: list[dict[str, Any]], said: str) -> None:
    """With the row and the column, in the words of the office; nothing of the file is written."""
    assert said in refused(plan, *rows)
    assert plan.count(schema.unit_change) == 0


def test_the_same_changes_imported_twice_change_nothing(plan: World) -> None:
    """One row each, and nobody is told again."""
    changes(plan, MERGER)
    overdue(plan, "T-1")
    plan.cycle(AFTER)
    changes(plan, MERGER, now=local(20, 8, 9))
    assert (plan.count(schema.unit_change), plan.cycle(local(20, 8, 10)).outcome.calls) == (1, ())


def test_a_decision_of_the_successors_superior_moves_a_deadline_and_the_successor_itself_cannot(plan: World) -> None:
    """Who may move a deadline is asked of the tree of today."""
    changes(plan, MERGER)
    plan.put(BEGUN, "T-1", lead_unit="DP-06-UB")
    plan.move(local(20, 8, 9), "T-1", "2025-12-30", "QD-1", authority="DP-19-UB")
    plan.move(local(20, 8, 10), "T-1", "2025-12-31", "QD-2", authority="DP-19")
    due = plan.cycle(local(20, 8, 11)).snapshot.tasks["due_at"].to_list()
    assert [f"{one.astimezone(ZONE):%d/%m}" for one in due] == ["31/12"]
    with plan.reading() as connection:
        rows = connection.execute(select(schema.deadline.c.authorised).order_by(schema.deadline.c.id)).scalars().all()
    assert rows == [True, False, True]


def test_moves_that_put_units_under_each_other_are_refused(plan: World) -> None:
    """A ring, of moves alone or with the recorded superiors, is named with its day, and nothing is stored."""
    there = {"unit": "DP-06-UB", "kind": "move", "effective_on": DAY, "parent": "DP-19-UB"}
    back = {"unit": "DP-19-UB", "kind": "move", "effective_on": "2025-09-01", "parent": "DP-06-UB"}
    assert refused(plan, there, back) == [
        "3/parent: từ ngày 01/09/2025 các đơn vị nằm dưới nhau: DP-19-UB → DP-06-UB → DP-19-UB"
    ]
    changes(plan, there)
    assert refused(plan, back) == [
        "2/parent: từ ngày 01/09/2025 các đơn vị nằm dưới nhau: DP-19-UB → DP-06-UB → DP-19-UB"
    ]
    plan.bring(BEGUN, units=[NEIGHBOUR | {"code": "SO-06", "name": "Sở", "parent": "DP-06-UB"}])
    assert refused(plan, {"unit": "DP-06-UB", "kind": "move", "effective_on": "2025-09-02", "parent": "SO-06"}) == [
        "2/parent: từ ngày 02/09/2025 các đơn vị nằm dưới nhau: DP-06-UB → SO-06 → DP-06-UB"
    ]


def test_recorded_superiors_that_close_a_ring_of_stored_moves_are_refused(plan: World) -> None:
    """The moves came first: a later units.csv, alone, may not put the new superior under the unit that moved to it."""
    there = {"unit": "DP-06-UB", "kind": "move", "effective_on": DAY, "parent": "DP-19-UB"}
    changes(plan, there)
    with pytest.raises(MistakesError) as caught:
        plan.bring(
            BEGUN, units=[NEIGHBOUR | {"code": "DP-19-UB", "name": "Ủy ban nhân dân tỉnh", "parent": "DP-06-UB"}]
        )
    [mistake] = caught.value.mistakes
    assert str(mistake).startswith("units.csv: từ ngày ")
    assert "các đơn vị nằm dưới nhau: DP-06-UB → DP-19-UB → DP-06-UB" in str(mistake)


def test_two_units_may_change_places_on_one_day(plan: World) -> None:
    """Changes of one day happen at once: a superior that comes under its unit, which moves away, makes no ring."""
    plan.bring(BEGUN, units=[NEIGHBOUR | {"code": "SO-06", "name": "Sở", "parent": "DP-06-UB"}])
    up = {"unit": "SO-06", "kind": "move", "effective_on": DAY, "parent": "DP-19-UB"}
    down = {"unit": "DP-06-UB", "kind": "move", "effective_on": DAY, "parent": "SO-06"}
    changes(plan, down, up)
    units = plan.cycle(AFTER).directory.units
    assert (units["SO-06"].parent, units["DP-06-UB"].parent) == ("DP-19-UB", "SO-06")
