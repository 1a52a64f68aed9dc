"""`warnwatch check`: files, then the rules on the present plan, then what they cost; it never writes anything."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from worlds import BEGUN, World, build_world

from warnwatch.cli import main
from warnwatch.shipped import shipped

RULE = """\
rules:
  - id: every-task
    title: Nhiệm vụ
    about: task
    where: unit <> 'BYTE'
    measure: working_days_left
    below: {critical: 0}
    text: general
    escalation: head-of-unit
    guidance: Cập nhật tiến độ.
"""


@dataclass
class Desk:
    """A plan, a rule folder and settings that name both."""

    world: World
    folder: Path
    config: Path

    def check(self, *words: str) -> Result:
        """Check the folder."""
        return CliRunner().invoke(main, ["--config", str(self.config), "check", str(self.folder), *words])

    def write(self, text: str) -> None:
        """Put one more file into the rule folder."""
        (self.folder / "more.yml").write_text(text, encoding="utf-8")


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """T-1 has a deadline, T-2 has none; the shipped rules lie in a folder of their own."""
    world = build_world(database_url, tmp_path / "plan")
    world.put(BEGUN, "T-1")
    world.put(BEGUN, "T-2", due="")
    folder = tmp_path / "alert_rules"
    shutil.copytree(shipped("alert_rules"), folder)
    config = tmp_path / "warnwatch.toml"
    config.write_text(f'[database]\nurl = "{database_url}"\n', encoding="utf-8")
    yield Desk(world, folder, config)
    world.engine.dispose()


def test_a_rule_is_walked_over_the_present_plan(desk: Desk) -> None:
    """A subject that `where` should exclude, and a code that the plan does not have, are named with their places."""
    desk.write(RULE)
    result = desk.check()
    assert (result.exit_code, result.stderr) == (0, "")
    assert "more.yml:5:20: kế hoạch chưa có mã này ở cột unit; gặp: BYTE; có phải ý là: BYT?" in result.stdout
    assert "mà where không loại ra (1 đối tượng: T-2); được phép: and has_deadline" in result.stdout
    assert "    where: unit <> 'BYTE'\n" in result.stdout
    assert "đã xét trên kế hoạch hiện có" in result.stdout


def test_warnings_for_a_script(desk: Desk) -> None:
    """JSON has the fixed words; with --strict the exit code says that there are warnings."""
    desk.write(RULE)
    result = desk.check("--json", "--strict")
    assert result.exit_code == 1
    assert {(one["file"], one["line"]) for one in json.loads(result.stdout)} == {("alert_rules/more.yml", 5)}


def test_mistakes_have_a_caret_under_their_place(desk: Desk) -> None:
    """Exit 1; the line of the file and a caret under the column, on standard error."""
    desk.write(RULE.replace("BYTE", "BYT").replace("working_days_left", "working_day_left"))
    result = desk.check()
    assert (result.exit_code, result.stdout) == (1, "")
    _, line, caret, end = result.stderr.rstrip("\n").split("\n")
    assert line.index("working_day_left") == caret.index("^")
    assert end == "1 lỗi; không ghi gì."


def test_without_a_database_the_files_are_checked_and_that_is_said(desk: Desk, tmp_path: Path) -> None:
    """No database is made for it; one that is broken, or of an older program, is said as well."""
    missing = tmp_path / "none" / "warnwatch.db"
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"not a database" * 100)
    for path in (missing, broken):
        desk.config.write_text(f'[database]\nurl = "sqlite:///{path}"\n', encoding="utf-8")
        result = desk.check()
        assert result.exit_code == 0
        assert result.stderr.startswith("Chỉ xét các tệp, không đọc được kế hoạch: ")
        assert "không có lỗi" in result.stdout
        assert desk.check("--files-only").stderr == ""
    assert not missing.parent.exists()


def test_what_each_rule_costs(desk: Desk) -> None:
    """Milliseconds, subjects, and how many stand at which level: for a person as a table, for a script as JSON."""
    desk.write(RULE)
    costs = {one["rule"]: one for one in json.loads(desk.check("--cost", "--json").stdout)}
    one = costs["every-task"]
    assert one["milliseconds"] > 0
    assert (one["about"], one["subjects"], one["failure"]) == ("task", 2, "")
    assert (one["levels"]["critical"], one["levels"]["unknown"]) == (1, 1)
    said = desk.check("--cost").stdout
    assert "every-task" in said
    assert "Tất cả cùng lúc" in said


def test_costs_cannot_be_measured_without_a_plan(desk: Desk, tmp_path: Path) -> None:
    """Exit 3, as for every command that cannot run."""
    desk.config.write_text(f'[database]\nurl = "sqlite:///{tmp_path / "none.db"}"\n', encoding="utf-8")
    result = desk.check("--cost")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "chưa có cơ sở dữ liệu" in result.stderr
