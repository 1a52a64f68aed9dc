"""Why an alert calls nobody: `explain` and `evaluate` name the silence or graver alert, the metrics count it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from builders import ZONE, local
from judging import CALENDAR, expression
from worlds import BEGUN, World

from warnwatch import printing
from warnwatch.alerts import silencing
from warnwatch.alerts.muting import Silence
from warnwatch.explain import Explanation, explain
from warnwatch.explain_lines import explain_lines
from warnwatch.notify.lookup import read_counts
from warnwatch.rules.rule import Level, Rung

LATE = local(18, 8, 8)
ENDS = local(1, 9, 8)


def pause(world: World, until: datetime = ENDS) -> Silence:
    """Order a silence of the province."""
    with world.engine.begin() as connection:
        wanted = Silence(0, BEGUN, until, "BCD-CQTT", "Bão lũ", BEGUN, unit="DP-19")
        return silencing.add_silence(connection, wanted)[0]


def explained(world: World, at: datetime, *, office: str | None = None, past: bool = False) -> Explanation:
    """Ask about T-1 and its deadline, as the command does."""
    book = world.standards.book
    with world.reading() as connection:
        found = explain(connection, book, CALENDAR, "T-1", at=at, as_of=at if past else None, office=office)
    return replace(found, verdicts=tuple(one for one in found.verdicts if one.rule == "task-deadline"))


def said(explanation: Explanation) -> str:
    """Give what the command prints."""
    return "\n".join(explain_lines(explanation, ZONE))


def test_explain_names_the_silence_that_holds_the_calls_back(world: World) -> None:
    """Which one, whose, until when and why; since when a step is held back; and that the step comes at its end."""
    silence = pause(world)
    world.cycle(LATE)
    found = explained(world, LATE + timedelta(hours=1))
    text = said(found)
    assert f"không báo: tạm dừng số {silence.id} của BCD-CQTT đến 01/09/2025 08:00: Bão lũ" in text
    assert "có bước báo bị giữ lại từ 18/08/2025 08:00" in text
    assert "sẽ báo lúc 01/09/2025 08:00, khi hết tạm dừng nếu vẫn còn đúng: bước 1" in text
    (muted,) = found.as_json()["verdicts"][0]["muted"]
    assert (muted["kind"], muted["silence"], muted["by"]) == ("silence", silence.id, "BCD-CQTT")
    trail = found.as_json()["verdicts"][0]["trail"]
    assert (trail["waiting"], trail["muted_since"]) == ("muted", LATE.isoformat())


def test_the_office_is_told_that_its_step_is_held_back(world: World) -> None:
    """Asked for the head, who would have been called by now: paused."""
    pause(world)
    world.cycle(LATE)
    (verdict,) = explained(world, LATE + timedelta(hours=1), office="head").verdicts
    assert verdict.why_not == "bước 1 chưa báo: đang tạm dừng, hoặc đã nằm trong cảnh báo khác"


def test_the_labels_of_a_rule_are_shown(world: World) -> None:
    """In the words of `explain` and in its JSON, and with the alert in that of `alerts`; without labels nothing is."""
    world.cycle(LATE)
    assert "nhãn:" not in said(explained(world, LATE))
    plain = world.standards.book.rules[0]
    labels = {"linh_vuc": "du_lieu", "cap": "tinh"}
    world.by(book=replace(world.standards.book, rules=(replace(plain, labels=labels),)))
    found = explained(world, LATE)
    assert "  nhãn: linh_vuc=du_lieu, cap=tinh" in said(found)
    assert found.as_json()["verdicts"][0]["labels"] == labels
    assert printing.alert_json(world.alert(), (), labels)["labels"] == labels


def test_a_silence_that_ends_before_the_next_step_changes_nothing(world: World) -> None:
    """The step after three working days waits for its own time; the silence is named all the same."""
    world.cycle(LATE)
    world.cycle(local(19, 8, 8))
    pause(world, local(20, 8, 8))
    (verdict,) = explained(world, local(19, 8, 10)).verdicts
    assert verdict.trail is not None
    assert verdict.trail.waiting == "timer"
    assert len(verdict.muted) == 1


def test_a_past_day_is_told_as_it_was_muted_then(world: World) -> None:
    """While it was in force, and after it: muted, with its number and value kept; then no more."""
    pause(world)
    world.cycle(LATE)
    world.cycle(ENDS)
    (then,), (now,) = explained(world, LATE, past=True).verdicts, explained(world, ENDS, past=True).verdicts
    assert then.trail is not None
    assert (len(then.muted), then.trail.muted_since) == (1, LATE)
    assert now.trail is not None
    assert (now.muted, now.trail.muted_since) == ((), None)


def test_explain_names_the_graver_alert(world: World) -> None:
    """The unit's own alert explains its tasks: it is named, and nobody knows when the step will come."""
    plain = world.standards.book.rule("task-deadline")
    unit = replace(
        plain,
        id="unit-overdue",
        about="unit",
        where=expression("true", "boolean"),
        measure="overdue_tasks",
        direction="above",
        rungs={Level.CRITICAL: Rung("0.5", expression(0.5))},
        text={Level.CRITICAL: "general"},
        title={Level.CRITICAL: "Đơn vị có nhiệm vụ quá hạn"},
    )
    task = replace(plain, inhibited_by=("unit-overdue",))
    world.by(book=replace(world.standards.book, rules=(unit, task)))
    world.cycle(LATE)
    found = explained(world, LATE + timedelta(hours=1))
    graver = world.alert("DP-19-UB", "unit-overdue")
    assert f"không báo: đã nằm trong cảnh báo {graver.code}" in said(found)
    assert "sẽ báo khi cảnh báo kia kết thúc: bước 1" in said(found)
    assert graver.code in {one["alert"] for one in found.as_json()["verdicts"][0]["muted"]}


def test_evaluate_names_what_begins_to_be_held_back_and_what_ends(world: World) -> None:
    """In JSON and in words; the next cycle, in which nothing changes, names nothing."""
    silence = pause(world)
    report = world.cycle(LATE)
    (one,) = printing.cycle_json(report)["muted"]
    assert (one["subject"], one["rule"], one["level"]) == ("T-1", "task-deadline", "critical")
    assert one["muted_by"]["silence"] == silence.id
    assert f"muted    critical             task-deadline T-1 DP-19-UB by silence {silence.id}" in "\n".join(
        printing.cycle_lines(report, ZONE)
    )
    assert printing.cycle_json(world.cycle(LATE + timedelta(minutes=1)))["muted"] == []
    report = world.cycle(ENDS)
    assert [one["subject"] for one in printing.cycle_json(report)["unmuted"]] == ["T-1"]
    assert "unmuted  critical" in "\n".join(printing.cycle_lines(report, ZONE))


def test_the_boards_count_what_is_muted(world: World) -> None:
    """One open alert is muted while the silence lasts, none after it."""
    pause(world)
    world.cycle(LATE)
    with world.reading() as connection:
        assert read_counts(connection).muted == (("task-deadline", 3, 1),)
    world.cycle(ENDS)
    with world.reading() as connection:
        assert read_counts(connection).muted == ()
