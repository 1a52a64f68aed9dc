"""Tests of rules: the shipped ones pass and reach everything; what differs or is wrong is said at its place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import shipped_book

from warnwatch.documents import parse_document
from warnwatch.errors import Mistake, MistakesError, SettingsError
from warnwatch.ruletests.form import EXPECT_KEYS, KINDS, WORDS
from warnwatch.ruletests.reading import read_tests
from warnwatch.ruletests.saying import suite_json, suite_lines
from warnwatch.ruletests.suite import SuiteResult, run_suite
from warnwatch.shipped import shipped

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
BOOK = shipped_book()
FACTS = "{at: 19/6/2025, task: NV-1, start: 2025-06-19, due: 2025-06-27}"


def run(source: Path, wanted: str = "", rules: Path | None = None) -> SuiteResult:
    """Run tests without showing how far they are."""
    return run_suite(source, rules, wanted, lambda _done, _total: None)


def said(suite: SuiteResult) -> str:
    """Give what the command prints, in Vietnamese."""
    return "\n".join(suite_lines(suite, ZONE, "vi", coverage=False))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped rules without their tests."""
    whole = tmp_path / "alert_rules"
    shutil.copytree(shipped("alert_rules"), whole, ignore=shutil.ignore_patterns("tests"))
    (whole / "tests").mkdir()
    return whole


def write(folder: Path, facts: str, expect: str, *, rules: str = "[task-deadline]") -> Path:
    """Write a file of one test."""
    path = folder / "tests" / "own.yml"
    lines = [f"      - {one}" for one in facts.splitlines()], [f"      - {one}" for one in expect.splitlines()]
    head = ["tests:", "  - name: Kiểm thử", f"    rules: {rules}"]
    path.write_text("\n".join([*head, "    facts:", *lines[0], "    expect:", *lines[1], ""]), encoding="utf-8")
    return path


SHIPPED = sorted(shipped("alert_rules/tests").glob("*.yml"))


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_shipped_tests_pass(path: Path) -> None:
    """Everything that the shipped tests expect of the shipped rules is so."""
    suite = run(path)
    assert said(suite) == f"{len(suite.results)} kiểm thử đạt, 0 không đạt."


def test_every_shipped_rule_is_tested_at_each_of_its_levels_and_where_it_is_silent() -> None:
    """Between them the shipped tests expect each rung of each shipped rule, and no alert somewhere."""
    mistakes: list[Mistake] = []
    expected: dict[str, set[str]] = {}
    for path in SHIPPED:
        for test in read_tests(parse_document(path.read_bytes(), path.name), BOOK, ZONE, mistakes):
            for wanted in (one for expectation in test.expectations for one in expectation.levels):
                expected.setdefault(wanted.rule, set()).add(wanted.word)
    assert mistakes == []
    rungs = {rule.id: {level.word for level in rule.rungs} for rule in BOOK.rules}
    assert [(rule, missing) for rule, words in rungs.items() if (missing := words - expected.get(rule, set()))] == []
    assert [rule for rule in rungs if not expected[rule] & {"none", "not_applicable"}] == []


def test_a_changed_threshold_is_shown_with_the_values_behind_it_and_who_was_told_when(folder: Path) -> None:
    """Whoever changes a threshold reads which expectation fell, why, and whose notifications moved to which day."""
    path = folder / "deadlines.yml"
    path.write_text(path.read_text("utf-8").replace("warning: least(3,", "warning: least(1,"), encoding="utf-8")
    write(
        folder, FACTS, "{at: 25/6/2025, level: notice, tell: focal_point}\n{at: 26/6/2025, level: warning, tell: head}"
    )

    line = BOOK.rule("task-deadline").line
    assert said(run(folder, "Kiểm thử")).splitlines()[:9] == [
        "✗ tests/own.yml:2: Kiểm thử",
        "  tests/own.yml:8, thứ Năm 26/06/2025 08:00, quy tắc task-deadline, NV-1:",
        "    - mong đợi: warning – Cảnh báo",
        "    + thực tế:  notice – Nhắc việc",
        "      working_days_left = 1; ngưỡng: notice < 3, warning < 1, critical < 0",
        "      số liệu: has_deadline = True, planned_working_days = 6, status = open",
        f"      điều kiện: status in ('open', 'claimed') and has_deadline (alert_rules/deadlines.yml:{line})",
        "  tests/own.yml:8, thông báo sau thứ Tư 25/06/2025 08:00 đến thứ Năm 26/06/2025 08:00:",
        "    - mong đợi: head DV; không có",
    ]


def test_who_is_told_between_two_instants_is_not_overlooked(folder: Path) -> None:
    """The focal point got two texts by then, the first days before: one of them is too many."""
    write(folder, FACTS, "{at: 19/6/2025, tell: none}\n{at: 26/6/2025, level: warning, tell: [head, focal_point]}")

    [difference] = suite_json(run(folder))["tests"][0]["differences"]
    assert difference["missing"] == []
    assert [(one["told"], one["at"]) for one in difference["unexpected"]] == [
        ("due_soon warning focal_point DV", "2025-06-25T17:00:00+00:00")
    ]


def test_without_tell_nothing_is_asked_of_notifications(folder: Path) -> None:
    """A test about levels alone need not name who is told."""
    write(folder, FACTS, "{at: 30/6/2025, level: critical}")

    assert not run(folder).failed


def test_an_all_clear_is_no_warning(folder: Path) -> None:
    """An office that only reads of the end has not been warned: an all-clear counts where it is named."""
    facts = f"{FACTS}\n{{at: 25/6/2025 09:00, task: NV-1, status: done}}"
    write(folder, facts, "{at: 25/6/2025, tell: focal_point}\n{at: 25/6/2025 09:00, level: cured, tell: focal_point}")

    [difference] = suite_json(run(folder))["tests"][0]["differences"]
    assert difference["missing"] == ["focal_point DV"]
    assert [one["told"] for one in difference["unexpected"]] == ["all_clear focal_point DV"]


def test_a_subject_that_the_plan_does_not_have_is_never_silent(folder: Path) -> None:
    """A misspelt code would pass every expectation of silence: it is said instead."""
    write(folder, FACTS, "{at: 20/6/2025, task-deadline: {NV-l: none}}")

    assert "kế hoạch lúc này không có đối tượng này" in said(run(folder))


def test_dates_are_taken_as_the_import_takes_them(folder: Path) -> None:
    """23/6/2025, 2025-06-23 and a time with an offset are one instant; a date alone is eight in the morning."""
    written = ("23/6/2025", "2025-06-23", "23/06/2025 08:00", "2025-06-23T01:00:00+00:00")
    for text in written:
        path = write(folder, FACTS, f"{{at: {text}, level: none}}")
        [test] = read_tests(parse_document(path.read_bytes(), "own.yml"), BOOK, ZONE, [])
        assert test.expectations[0].at == datetime(2025, 6, 23, 1, tzinfo=UTC)


def test_all_mistakes_of_a_file_are_named_at_once_with_their_places(folder: Path) -> None:
    """A wrong rule, day, fact, key, level and office are six mistakes, each at its place, most with the right word."""
    facts = "{at: 31/6/2025, task: NV-1}\n{at: 20/6/2025, tsak: NV-1}\n{at: 20/6/2025, task: NV-1, deu: 2025-06-30}"
    path = write(folder, facts, "{at: 26/6/2025, level: warnig, tell: [chief DV]}", rules="[task-deadlin]")
    with pytest.raises(MistakesError) as caught:
        run(path)
    assert [(one.line, one.column, one.found, one.nearest) for one in caught.value.mistakes] == [
        (3, 13, "task-deadlin", "task-deadline"),
        (5, 14, "31/6/2025", ""),
        (6, 9, "at, tsak", "task"),
        (7, 37, "deu", "due"),
        (9, 32, "warnig", "warning"),
        (9, 47, "chief DV", ""),
    ]


def test_what_the_import_refuses_is_said_where_the_fact_stands(folder: Path) -> None:
    """A day that does not exist, an unknown unit, a report on no task: all of them, at file, line and column."""
    facts = "{at: 19/6/2025, task: NV-1, due: 31/6/2025, lead_unit: XX}\n{at: 20/6/2025, report: NV-2, progress: 140%}"
    write(folder, facts, "{at: 26/6/2025, level: none}")

    mistakes = suite_json(run(folder))["tests"][0]["mistakes"]
    assert [(one["file"], one["line"], one["column"], one["field"], one["found"]) for one in mistakes] == [
        ("tests/own.yml", 5, 42, "due", "31/6/2025"),
        ("tests/own.yml", 5, 64, "lead_unit", "XX"),
        ("tests/own.yml", 6, 33, "report", "NV-2"),
        ("tests/own.yml", 6, 49, "progress", "140%"),
    ]


def test_a_fact_after_the_last_instant_is_a_mistake(folder: Path) -> None:
    """A fact that nothing looks at would make a test say less than its writer thinks."""
    path = write(folder, f"{FACTS}\n{{at: 1/7/2025, task: NV-1, status: done}}", "{at: 30/6/2025, level: critical}")
    with pytest.raises(MistakesError, match=r"own.yml:6:9: sự việc này ở sau thời điểm cuối cùng"):
        run(path)


def test_an_acknowledgement_of_nothing_is_a_mistake_at_the_fact(folder: Path) -> None:
    """Who promises before there is an alert is told so, with the place."""
    write(folder, f"{FACTS}\n{{at: 20/6/2025, acknowledge: NV-1, until: 30/6/2025}}", "{at: 21/6/2025, level: none}")

    assert "tests/own.yml:6:9: lúc này NV-1 không có cảnh báo nào" in said(run(folder))


def test_a_year_outside_the_calendar_fails_the_test_and_no_more(folder: Path) -> None:
    """A slip in a year is said as what it is; other tests still run."""
    write(folder, "{at: 1/6/1990, task: NV-1, due: 2025-06-30}", "{at: 2/6/1990, level: none}")

    assert "nằm ngoài lịch làm việc" in said(run(folder))


def test_a_folder_without_tests_and_a_name_that_no_test_has_are_told(folder: Path) -> None:
    """Zero tests are never a success."""
    with pytest.raises(SettingsError, match="không có tệp kiểm thử nào"):
        run(folder)
    write(folder, FACTS, "{at: 20/6/2025, level: none}")
    with pytest.raises(SettingsError, match=r"có tên chứa .gì đó.; có: Kiểm thử"):
        run(folder, "gì đó")


def test_the_command_touches_neither_settings_database_nor_clock(folder: Path, tmp_path: Path) -> None:
    """With a database out of reach, another zone and delivery live, the same tests pass and leave nothing."""
    write(folder, FACTS, "{at: 26/6/2025, level: warning, tell: [focal_point, head, focal_point]}")
    settings = {
        "WARNWATCH_DATABASE__URL": "postgresql://nobody@127.0.0.1:1/none",
        "WARNWATCH_PLAN__ZONE": "America/New_York",
        "WARNWATCH_DELIVERY__MODE": "live",
    }
    command = [sys.executable, "-m", "warnwatch", "test", str(folder), "--json"]
    done = subprocess.run(command, env=os.environ | settings, cwd=tmp_path, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr.decode()
    answer = json.loads(done.stdout)
    assert (answer["passed"], answer["failed"]) == (1, 0)
    assert answer["coverage"]["task-deadline"] == {"silent": False, "notice": False, "warning": True, "critical": False}
    assert {path.name for path in tmp_path.iterdir()} == {"alert_rules"}


def test_exit_codes_tell_a_failed_test_a_gap_and_wrong_use_apart(folder: Path, tmp_path: Path) -> None:
    """0 fine, 1 for what differs, for mistakes and, with --coverage, for what no test reaches; 2 for nothing to run."""
    cases: tuple[tuple[str, list[str], int], ...] = (
        ("{at: 26/6/2025, level: warning}", [], 0),
        ("{at: 26/6/2025, level: warning}", ["--coverage"], 1),
        ("{at: 26/6/2025, level: critical}", [], 1),
        ("{at: 26/6/2025, level: high}", [], 1),
        ("{at: 26/6/2025, level: warning}", ["-k", "nothing"], 2),
    )
    for expect, options, code in cases:
        write(folder, FACTS, expect)
        command = [sys.executable, "-m", "warnwatch", "test", str(folder), *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == code, (expect, done.stdout.decode(), done.stderr.decode())


_WORDS = st.sampled_from([*KINDS, *EXPECT_KEYS, *WORDS, "name", "rules", "facts", "expect", "tests", "task-deadline"])
_VALUES = st.recursive(
    _WORDS | st.sampled_from(["19/6/2025", "2025-06-19", "NV-1", "", "null", "-1", "9e999", "[head]", "{a: b}"]),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(_WORDS, inside, max_size=4),
    max_leaves=12,
)


@given(st.one_of(_VALUES, st.fixed_dictionaries({"tests": st.lists(st.dictionaries(_WORDS, _VALUES, max_size=5))})))
def test_any_text_gives_tests_or_mistakes(data: object) -> None:
    """Whatever an official's file holds, reading it gives tests or named mistakes, never a traceback."""
    mistakes: list[Mistake] = []
    try:
        document = parse_document(json.dumps(data, ensure_ascii=False).encode(), "own.yml")
    except MistakesError:
        return
    found = read_tests(document, BOOK, ZONE, mistakes)
    assert found or mistakes


# --- what is said of the rules themselves, and silences ------------------------------------------------------------


def test_a_silence_holds_back_until_its_end(folder: Path) -> None:
    """Paused on the unit above, up to the critical level: nobody is told, and then one text for what still stands."""
    silence = "{at: 20/6/2025, silence: Bão lũ, unit: CT, until: 2/7/2025}"
    expect = (
        "{at: 28/6/2025, level: critical, tell: none}\n{at: 2/7/2025 12:00, level: critical, tell: none}\n"
        "{at: 3/7/2025, level: critical, tell: overdue head}"
    )
    write(folder, f"{FACTS}\n{silence}", expect)
    assert said(run(folder, "Kiểm thử")).startswith("1 kiểm thử đạt, 0 không đạt.")
    write(folder, f"{FACTS}\n{silence.replace('until', 'up_to: warning, until')}", expect)
    assert "không mong đợi" in said(run(folder, "Kiểm thử"))


@pytest.mark.parametrize(
    ("fact", "wrong"),
    [
        ("silence: Bão lũ", "until:"),
        ("silence: Bão lũ, until: 19/6/2025", "until phải ở sau lúc bắt đầu tạm dừng"),
        ("silence: Bão lũ, until: 30/6/2025, unit: XX", "kế hoạch không có đơn vị XX"),
        ("silence: Bão lũ, until: 30/6/2025, rule: task-deadlin", "không có quy tắc 'task-deadlin'"),
        ("silence: Bão lũ, until: 30/6/2025, up_to: high", "up_to không có trong danh mục"),
        ("rule_fails: task-behind", "không có quy tắc 'task-behind'"),
        ("rule_works: x", "không có quy tắc 'x'"),
        ("refused: nhiều", "refused cần số lỗi, từ 0 đến"),
        ("refused: 99999", "refused cần số lỗi, từ 0 đến"),
    ],
)
def test_what_cannot_be_done_is_a_mistake_at_its_fact(folder: Path, fact: str, wrong: str) -> None:
    """It names the fact, and the test does not pass."""
    write(folder, f"{FACTS}\n{{at: 20/6/2025, {fact}}}", "{at: 21/6/2025, level: none}")
    found = said(run(folder, "Kiểm thử"))
    assert "tests/own.yml:6" in found
    assert wrong in found


def test_who_is_told_next_when_and_what_stands_is_compared(folder: Path) -> None:
    """An official reads who would have been next, at which instant, and that the alert is not on the list yet."""
    expect = "{at: 28/6/2025, next: head DV, next_at: 30/6/2025 12:00, standing: false}"
    assert run(write(folder, FACTS, expect)).failed == ()
    wrong = run(write(folder, FACTS, "{at: 28/6/2025, next: [head CT], next_at: 1/7/2025, standing: true}"))
    assert "mong đợi: head CT, lúc thứ Ba 01/07/2025 08:00, nằm trong danh sách" in said(wrong)
    assert "thực tế:  head DV, lúc thứ Hai 30/06/2025 12:00, chưa nằm trong danh sách" in said(wrong)
    (difference,) = suite_json(wrong)["tests"][0]["differences"]
    assert (difference["kind"], difference["found"]["next"]) == ("next", ["head DV"])


def test_nobody_is_told_next_where_there_is_no_alert(folder: Path) -> None:
    """Before anything is wrong nobody is next, and after its end nothing stands."""
    assert run(write(folder, FACTS, "{at: 20/6/2025, next: none, standing: false}")).failed == ()


@pytest.mark.parametrize(
    ("expect", "rules", "wrong"),
    [
        ("{at: 28/6/2025, next: boss}", "[task-deadline]", "không rõ ai được báo"),
        ("{at: 28/6/2025, next: overdue head}", "[task-deadline]", "next chỉ nêu chức vụ và đơn vị"),
        ("{at: 28/6/2025, standing: yes}", "[task-deadline]", "khóa standing cần true hoặc false"),
        ("{at: 28/6/2025, next_at: hôm nào}", "[task-deadline]", "hôm nào"),
        ("{at: 28/6/2025, next: head}", "[task-deadline, task-silent]", "một quy tắc và một đối tượng"),
        ("{at: 28/6/2025, standing: true}", "[source-late]", "một quy tắc và một đối tượng"),
    ],
    ids=["office", "kind", "boolean", "instant", "two rules", "no subject"],
)
def test_mistakes_in_what_comes_next_are_named(folder: Path, expect: str, rules: str, wrong: str) -> None:
    """Each at its key, before anything is run."""
    with pytest.raises(MistakesError) as caught:
        run(write(folder, FACTS, expect, rules=rules))
    assert any(wrong in f"{one.message} {one.found}" for one in caught.value.mistakes)


def test_a_step_that_no_test_calls_is_a_gap(folder: Path) -> None:
    """Whoever changes a policy sees which of its steps nothing has tried."""
    suite = run(write(folder, FACTS, "{at: 28/6/2025, level: critical}"))
    steps = suite.steps["head-of-unit"]
    assert (steps["critical 1"], steps["critical 5"]) == (True, False)
    assert "critical 5" in suite.uncalled["head-of-unit"]
    lines = "\n".join(suite_lines(suite, ZONE, "vi", coverage=True))
    assert "0/8 chính sách được kiểm thử ở mọi bước" in lines
