"""The JSON Schemas that ship say what the program reads: in step with its tables, and true of its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from warnwatch.documents import parse_document, read_document
from warnwatch.notify.notification import Kind
from warnwatch.plan.calendar_file import CALENDAR_KEYS, DAY_KEYS
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.rule_check import write_schemas
from warnwatch.rules.editor_schema import SCHEMA_FILES, described, rules_schema
from warnwatch.rules.entry import DEFAULT_KEYS, POLICY_KEYS, RULE_KEYS, STEP_KEYS
from warnwatch.rules.rulebook import FILE_KEYS
from warnwatch.ruletests import form
from warnwatch.ruletests.editor_schema import TESTS_SCHEMA_FILE, schema_of_tests
from warnwatch.ruletests.editor_schema import described as described_in_tests
from warnwatch.shipped import shipped

FOLDER = shipped("alert_rules")
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yml"))
RIGHT = """\
rules:
  - id: a
    title: Nhiệm vụ
    about: task
    measure: working_days_left
    below: {critical: 0}
    text: general
    escalation: head-of-unit
    guidance: Cập nhật tiến độ.
"""


def schema_of(file: str) -> Any:
    """Give the schema that a shipped file names in its own line for editors."""
    (line,) = [line for line in (FOLDER / file).read_text("utf-8").splitlines() if "yaml-language-server" in line]
    return json.loads((FOLDER / file).parent.joinpath(line.partition("$schema=")[2]).read_text("utf-8"))


def said(text: str) -> list[str]:
    """Give what the schema of rules says against a text."""
    schema = rules_schema(CATALOGUE, [kind.value for kind in Kind])
    document = parse_document(text.encode(), "rules.yml").data
    return [error.message for error in Draft7Validator(schema).iter_errors(document)]


def test_shipped_schemas_are_those_of_the_program(tmp_path: Path) -> None:
    """A measure, key or office that is added stands in the shipped schema too."""
    write_schemas(tmp_path, {TESTS_SCHEMA_FILE: schema_of_tests()})
    names = (*SCHEMA_FILES, TESTS_SCHEMA_FILE)
    for name in names:
        text = (tmp_path / name).read_text("utf-8")
        assert text == (FOLDER / name).read_text("utf-8"), "run `warnwatch check alert_rules --schema`"
        Draft7Validator.check_schema(json.loads(text))
    assert {path.name for path in tmp_path.iterdir()} == set(names)


@pytest.mark.parametrize("file", FILES)
def test_shipped_files_are_right_by_their_schema(file: str) -> None:
    """Each shipped file names a schema that lies beside it, and the schema has nothing against the file."""
    document = read_document(FOLDER / file, file).data
    assert [error.message for error in Draft7Validator(schema_of(file)).iter_errors(document)] == []


KEYS = {*FILE_KEYS, *RULE_KEYS, *DEFAULT_KEYS, *POLICY_KEYS, *STEP_KEYS, *CALENDAR_KEYS, *DAY_KEYS}


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_key_is_described(key: str) -> None:
    """An editor shows a Vietnamese sentence for every key that a file may have."""
    assert described(key)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("id: a", "id: Mã"),
        ("about: task", "about: tasks"),
        ("measure: working_days_left", "measure: working_day_left"),
        ("measure: working_days_left", "measure: status"),
        ("below: {critical: 0}", "below: {crtical: 0}"),
        ("below: {critical: 0}", "below: {critical: 0}\n    above: {critical: 0}"),
        ("    below: {critical: 0}\n", ""),
        ("    guidance: Cập nhật tiến độ.\n", ""),
        ("text: general", "text: genral"),
        ("text: general", "for: 1 workday\n    text: general"),
        ("text: general", "clear: -1\n    text: general"),
        ("text: general", "from: 31/12/2026\n    text: general"),
        ("text: general", "labels: {Khẩn: a}\n    text: general"),
        ("text: general", "belwo: 1\n    text: general"),
        ("rules:", "rule:"),
    ],
)
def test_typical_slips_are_seen_while_typing(old: str, new: str) -> None:
    """What an editor can know without the plan or an expression, it underlines."""
    assert not said(RIGHT)
    assert old in RIGHT
    assert said(RIGHT.replace(old, new))


def test_what_defaults_give_is_not_asked_of_each_rule() -> None:
    """With `defaults` a rule may be five lines; the editor does not ask for the rest."""
    short = "rules:\n  - id: a\n    title: Nhiệm vụ\n    measure: working_days_left\n    below: {critical: 0}\n"
    assert said(short)
    assert not said("defaults: {about: task, text: general, escalation: x, guidance: y}\n" + short)


def test_a_measure_is_offered_with_its_kind_of_subject() -> None:
    """A unit's measure is wrong for a task, and right for a unit."""
    assert said(RIGHT.replace("working_days_left", "overdue_share"))
    assert not said(RIGHT.replace("working_days_left", "overdue_share").replace("about: task", "about: unit"))


# --- files of rule tests --------------------------------------------------------------------------------------------

TEST = """\
facts:
  - {at: 2/6/2025, unit: DV2}
tests:
  - name: Nhiệm vụ quá hạn
    rules: [task-deadline]
    every: 30m
    facts:
      - {at: 19/6/2025, task: NV-1, start: 2025-06-19, due: 2025-06-27, status: open}
      - {Thời điểm: x, report: NV-1, progress: 40%}
      - {acknowledge: NV-1, by: head, until: 2025-06-30}
    expect:
      - {at: 25/6/2025, level: notice, tell: focal_point}
      - {at: 28/6/2025, task-deadline: {NV-1: critical}, tell: [overdue critical head DV, head CT]}
      - {at: 29/6/2025, level: {NV-1: critical}, tell: none}
"""
TEST_FORM_KEYS = {*form.FILE_KEYS, *form.TEST_KEYS, *form.EXPECT_KEYS, *form.KINDS}
TEST_FORM_KEYS |= {key for kind in form.KINDS.values() for key in kind.others}


def said_of_test(text: str) -> list[str]:
    """Give what the schema of rule tests says against a text."""
    document = parse_document(text.encode(), "tests/a.yml").data
    return [error.message for error in Draft7Validator(schema_of_tests()).iter_errors(document)]


@pytest.mark.parametrize("key", sorted(TEST_FORM_KEYS))
def test_every_key_of_a_rule_test_is_described(key: str) -> None:
    """An editor shows a Vietnamese sentence for every key of a file of rule tests that is no column of an import."""
    assert described_in_tests(key)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tests:", "test:"),
        ("name: Nhiệm vụ quá hạn", "nam: Nhiệm vụ quá hạn"),
        ("rules: [task-deadline]", "rules: [Quy tắc]"),
        ("every: 30m", "every: half"),
        ("task: NV-1, start", "tsak: NV-1, start"),
        ("due: 2025-06-27", "deu: 2025-06-27"),
        ("progress: 40%", "start: 40%"),
        ("by: head", "who: head"),
        ("level: notice", "level: notce"),
        ("level: notice", "LEVEL: notice"),
        ("{NV-1: critical}, tell: [", "{NV-1: crtical}, tell: ["),
        ("tell: focal_point", "tell: boss"),
        ("head CT", "hed CT"),
        ("at: 25/6/2025, level", "level"),
    ],
)
def test_slips_in_a_rule_test_are_seen_while_typing(old: str, new: str) -> None:
    """A key, level or office that cannot stand there, also a column of another kind of fact."""
    assert not said_of_test(TEST)
    assert old in TEST
    assert said_of_test(TEST.replace(old, new, 1))


@pytest.mark.parametrize("header", ["Mã nhiệm vụ", "Lead unit", "LEAD_UNIT", "Đơn vị chủ trì", "đơn_vị_chủ_trì"])
def test_headers_of_an_import_are_right_in_a_fact(header: str) -> None:
    """A fact may use the headers that a file of an import may have, in any of their letters."""
    assert not said_of_test(TEST.replace("status: open", f"{header}: DV"))
