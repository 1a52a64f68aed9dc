"""Each command does what it says, in text and JSON, with its exit code, and never with a traceback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from builders import local
from click.testing import CliRunner, Result
from databases import administer
from services import environment, run, started
from sinks.smtp import Script, Sink
from sqlalchemy import URL, text
from worlds import BEGUN, World, build_world

from warnwatch.alerts.alert import EndReason, State
from warnwatch.cli import main
from warnwatch.schema import notification
from warnwatch.settings import load_settings
from warnwatch.shipped import shipped

# Wednesday 20/8/2025: T-1 and T-2 are recorded as done, three days after their deadline.
WEDNESDAY = local(20, 8, 9)
PAST = "2025-08-18T09:00"


@dataclass
class Bench:
    """A small plan, the settings file beside it, and the commands that work on it."""

    world: World
    config: Path

    def run(self, *words: str, **variables: str) -> Result:
        """Run a command with the settings file; variables come above it."""
        return CliRunner().invoke(main, ["--config", str(self.config), *words], env=variables)

    def said(self, *words: str, **variables: str) -> str:
        """Run a command that must be fine, and give what it printed."""
        result = self.run(*words, **variables)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return result.stdout

    def json(self, *words: str) -> Any:
        """Run a command that must be fine, and read its JSON."""
        return json.loads(self.said(*words, "--json"))

    def refused(self, *words: str, code: int = 1, **variables: str) -> str:
        """Run a command that must fail with a code, and give what it said on standard error."""
        result = self.run(*words, **variables)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result.stderr


@pytest.fixture
def bench(sqlite_url: str, tmp_path: Path) -> Iterator[Bench]:
    """T-1 of a province and T-2 of a ministry, due on 15/8/2025 and not done to this day; T-0 is their parent."""
    world = build_world(sqlite_url, tmp_path / "plan")
    world.put(BEGUN, "T-0", title="Nhiệm vụ chung", judged="không")
    world.put(BEGUN, "T-1", parent="T-0")
    world.put(BEGUN, "T-2", lead_unit="BYT")
    config = tmp_path / "warnwatch.toml"
    config.write_text(f'[database]\nurl = "{sqlite_url}"\n', encoding="utf-8")
    yield Bench(world, config)
    world.engine.dispose()


@pytest.fixture
def judged(bench: Bench) -> Bench:
    """The same after one cycle: T-1 and T-2 have an alert each."""
    bench.said("evaluate")
    return bench


def day(days: int) -> str:
    """Give a date so many days from today."""
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


def commands() -> list[tuple[str, ...]]:
    """Give the words of every command, groups included."""
    found: list[tuple[str, ...]] = [()]
    todo: list[tuple[tuple[str, ...], click.Group]] = [((), main)]
    for words, group in todo:
        for name, command in group.commands.items():
            found.append((*words, name))
            if isinstance(command, click.Group):
                todo.append(((*words, name), command))
    return found


# --- all of them ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    """`--help` shows a line that can be typed."""
    result = CliRunner().invoke(main, [*words, "--help"])
    assert result.exit_code == 0
    assert "Example: warnwatch " in result.output


@pytest.mark.parametrize(
    "words",
    [
        ("nope",),
        ("import",),
        ("import", "/nowhere"),
        ("explain",),
        ("alerts", "--limit", "0"),
        ("demo", "--port", "70000"),
    ],
)
def test_wrong_usage_is_exit_2(bench: Bench, words: tuple[str, ...]) -> None:
    """What click refuses is said by click."""
    assert "Usage: " in bench.refused(*words, code=2)


def test_wrong_settings_are_exit_2_with_all_mistakes(bench: Bench) -> None:
    """The command does not begin."""
    said = bench.refused("alerts", code=2, WARNWATCH_PLAN__ZONE="X", WARNWATCH_WEB__PORT="y")
    assert [line.partition(":")[0] for line in said.splitlines()] == ["plan.zone", "web.port"]


def test_a_database_that_fails_is_exit_3(bench: Bench) -> None:
    """A statement that the database refuses is said in one line, without the statement's values."""
    with bench.world.engine.begin() as connection:
        connection.execute(text("DROP TABLE journal"))
    said = bench.refused("evaluate", code=3)
    assert "no such table: journal" in said
    assert len(said.splitlines()) == 1


def test_a_file_that_cannot_be_written_is_exit_3(bench: Bench, tmp_path: Path) -> None:
    """The operating system's reason, with the file."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "Not a directory" in bench.refused("init", str(tmp_path / "file" / "new"), code=3)


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """`warnwatch measures | head -1` ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "warnwatch", "measures"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert process.communicate(timeout=30)[1] == b""
    assert process.returncode == 1


def test_vietnamese_is_printed_whatever_the_terminal_was_told(tmp_path: Path) -> None:
    """A machine without a Vietnamese locale does not make a command fail."""
    command = [sys.executable, "-m", "warnwatch", "measures"]
    variables = environment() | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, check=True, timeout=30)
    assert "ngày làm việc" in done.stdout.decode()


def test_ctrl_c_is_exit_130_without_a_traceback(tmp_path: Path) -> None:
    """A long import that is interrupted says so, and has written nothing."""
    shutil.copytree(shipped("examples/plan02"), tmp_path / "plan")
    rows = (tmp_path / "plan" / "reports.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "plan" / "reports.csv").write_text(rows[0] + "".join(rows[1:]) * 40, encoding="utf-8")
    with started("import", "plan", folder=tmp_path) as running:
        running.wait_for((tmp_path / "warnwatch.db").exists)
        running.wait_for(lambda: (tmp_path / "warnwatch.db").stat().st_size > 0)
        code, _ = running.stop(signal.SIGINT)
    said = running.log.read_text(encoding="utf-8")
    assert (code, "Traceback" in said) == (130, False), said
    assert "Đã dừng theo yêu cầu" in said


# --- init, db -------------------------------------------------------------------------------------------------------


def test_init_writes_a_folder_that_works(tmp_path: Path) -> None:
    """Settings and rules to begin with; the next steps that it prints can be typed."""
    folder = tmp_path / "of ours"
    result = CliRunner().invoke(main, ["init", str(folder)])
    assert result.exit_code == 0
    assert f"warnwatch --config '{folder}/warnwatch.toml' serve" in result.stdout
    bench = Bench(None, folder / "warnwatch.toml")  # type: ignore[arg-type]
    assert "không có lỗi" in bench.run("check").stdout
    assert bench.json("alerts") == []
    assert (folder / "warnwatch.db").exists()


@pytest.mark.parametrize(("words", "variables"), [(("--language", "en"), {}), ((), {"WARNWATCH_PLAN__LANGUAGE": "en"})])
def test_init_begins_in_the_language_asked_for(
    tmp_path: Path, words: tuple[str, ...], variables: dict[str, str]
) -> None:
    """By its option or by the settings at hand: it says so in English, and so does the folder from then on."""
    folder = tmp_path / "ours"
    result = CliRunner().invoke(main, ["init", *words, str(folder)], env=variables)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, f"{folder} is made. What to do next:")
    assert load_settings(folder / "warnwatch.toml", {}).plan.language == "en"
    again = CliRunner().invoke(main, ["init", *words, str(folder)], env=variables)
    assert (again.exit_code, "the folder is not empty" in again.stderr) == (2, True)
    bench = Bench(None, folder / "warnwatch.toml")  # type: ignore[arg-type]
    assert "no mistakes" in bench.run("check").stdout


def test_a_language_that_there_is_not_is_refused(tmp_path: Path) -> None:
    """Before anything is written."""
    result = CliRunner().invoke(main, ["init", "--language", "fr", str(tmp_path / "ours")])
    assert (result.exit_code, (tmp_path / "ours").exists()) == (2, False)


def test_the_settings_of_the_present_folder_are_found(tmp_path: Path) -> None:
    """Whoever stands in the folder that `init` made needs no --config."""
    CliRunner().invoke(main, ["init", str(tmp_path / "ours")])
    done = subprocess.run(
        [sys.executable, "-m", "warnwatch", "alerts", "--json"], cwd=tmp_path / "ours", capture_output=True, check=False
    )
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    assert (tmp_path / "ours" / "warnwatch.db").exists()


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    """A folder with something in it is refused."""
    (tmp_path / "mine").write_text("", encoding="utf-8")
    result = CliRunner().invoke(main, ["init", str(tmp_path)])
    assert (result.exit_code, "thư mục đã có nội dung" in result.stderr) == (2, True)


def test_db_upgrade_makes_a_server_ready(postgres_server: URL, tmp_path: Path) -> None:
    """Without it a command says what to run; after it the command works; a second time changes nothing."""
    name = f"cli_{os.getpid()}"
    database = {"url": postgres_server.set(database=name).render_as_string(hide_password=False)}
    administer(postgres_server, f"CREATE DATABASE {name}")
    try:
        before = run("alerts", folder=tmp_path, database=database)
        upgrades = [run("db", "upgrade", folder=tmp_path, database=database).returncode for _ in range(2)]
        after = run("alerts", "--json", folder=tmp_path, database=database)
    finally:
        administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")
    assert (before.returncode, "run `warnwatch db upgrade`" in before.stderr) == (3, True)
    assert (upgrades, after.returncode, after.stdout) == ([0, 0], 0, "[]\n")


# --- import ---------------------------------------------------------------------------------------------------------


def folder_with(bench: Bench, tasks: str) -> str:
    """Write a folder with tasks only."""
    folder = bench.config.parent / "new"
    folder.mkdir(exist_ok=True)
    (folder / "tasks.csv").write_text("code,title,lead_unit,start,due\n" + tasks, encoding="utf-8")
    return str(folder)


GOOD = "T-3,Việc ba,BYT,2025-08-04,2025-08-29\n"


def test_import_brings_tasks_once(bench: Bench) -> None:
    """The first run adds, the second changes nothing; both say so."""
    folder = folder_with(bench, GOOD)
    assert "Chạy thử, không ghi gì" in bench.said("import", folder, "--dry-run")
    assert "thêm 1, đổi 0, giữ nguyên 0" in bench.said("import", folder)
    counted = bench.json("import", folder)
    assert (counted["dry_run"], counted["files"]["tasks"]["added"], counted["files"]["tasks"]["unchanged"]) == (
        False,
        0,
        1,
    )


def test_import_names_every_mistake_with_file_row_and_column(bench: Bench) -> None:
    """On standard error, exit 1, and nothing is written."""
    folder = folder_with(bench, GOOD + "T-4,Việc bốn,BYTT,2025-08-04,2026-02-30\n")
    said = bench.refused("import", folder)
    assert "tasks.csv:3" in said
    assert all(words in said for words in ("cột: lead_unit", "có phải ý là: BYT?", "cột: due", "2026-02-30"))
    assert "2 lỗi; không ghi gì." in said
    assert "không có nhiệm vụ, đơn vị, chỉ tiêu hay nguồn 'T-3'" in bench.refused("explain", "T-3")


# --- check, measures ------------------------------------------------------------------------------------------------


def test_check_finds_nothing_wrong_with_the_shipped_rules(bench: Bench) -> None:
    """Text for people, an empty list for scripts."""
    assert "không có lỗi" in bench.said("check", str(shipped("alert_rules")))
    assert bench.json("check") == []


def test_check_names_mistakes_in_the_fixed_words(bench: Bench, tmp_path: Path) -> None:
    """Exit 1; JSON on standard output with exactly the fixed keys, text on standard error."""
    rules = tmp_path / "alert_rules"
    shutil.copytree(shipped("alert_rules"), rules)
    file = rules / "deadlines.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("working_days_left", "working_day_left"), encoding="utf-8")
    result = bench.run("check", str(rules), "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (1, "")
    assert {tuple(mistake) for mistake in found} == {
        ("file", "line", "column", "found", "allowed", "nearest", "message")
    }
    assert (found[0]["file"], found[0]["nearest"]) == ("alert_rules/deadlines.yml", "working_days_left")
    line, column = found[0]["line"], found[0]["column"]
    assert f"alert_rules/deadlines.yml:{line}:{column}: " in bench.refused("check", str(rules))


def test_measures_lists_the_catalogue(bench: Bench) -> None:
    """Each with unit and meaning in both languages, source, example."""
    listed = bench.json("measures")
    by_name = {measure["name"]: measure for measure in listed if measure["about"] == "task"}
    assert by_name["working_days_left"]["unit"] == {"vi": "ngày làm việc", "en": "working days"}
    assert all(measure["meaning"]["vi"] and measure["meaning"]["en"] for measure in listed)
    assert "working_days_left" in bench.said("measures")


# --- evaluate -------------------------------------------------------------------------------------------------------

TRANSITION = {"rule", "about", "subject", "unit", "from", "to", "measure", "value", "threshold", "move", "reason"}
CALL = {"alert", "level", "step", "repeat", "office", "unit"}
NOTIFICATION = {"office", "unit", "channel", "subject", "text", "alerts", "state"}


def test_evaluate_prints_a_cycle_of_the_past_and_writes_nothing(bench: Bench) -> None:
    """The plan as known then: what would open and who would be told what, though the tasks are done by now."""
    for code in ("T-1", "T-2"):
        bench.world.done(WEDNESDAY, code)
    seen = bench.json("evaluate", "--at", PAST, "--dry-run")
    lists = {"transitions", "calls", "muted", "unmuted", "notifications"}
    assert set(seen) == {"at", "rules_version", "tasks", "failures"} | lists
    assert [set(seen[part][0]) for part in ("transitions", "calls", "notifications")] == [
        TRANSITION,
        CALL,
        NOTIFICATION,
    ]
    opened = {(move["rule"], move["subject"], move["to"]) for move in seen["transitions"]}
    assert {("task-deadline", "T-1", "critical"), ("task-deadline", "T-2", "critical")} <= opened
    assert (seen["at"], seen["tasks"], seen["failures"]) == ("2025-08-18T02:00:00+00:00", 2, {})
    assert bench.world.count(notification) == 0
    assert bench.world.alerts() == []


def test_evaluate_in_text_shows_the_mails(bench: Bench) -> None:
    """The first debugging tool: transitions, then each text as its reader would get it."""
    said = bench.said("evaluate", "--at", PAST + "+07:00", "--dry-run")
    assert "18/08/2025 09:00: 2 tasks" in said
    assert "── head of DP-19-UB, email, held ──" in said
    assert "Kính gửi" in said


def test_evaluate_without_dry_run_is_a_real_cycle(bench: Bench) -> None:
    """Alerts open and texts are kept; the same again finds nothing new."""
    first, second = bench.json("evaluate"), bench.json("evaluate")
    assert {move["subject"] for move in first["transitions"]} >= {"T-1", "T-2"}
    assert (second["transitions"], second["calls"], second["notifications"]) == ([], [], [])
    assert bench.world.count(notification) == len(first["notifications"]) > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--at", PAST), "--at chỉ dùng cùng --dry-run"),
        (("--at", "yesterday", "--dry-run"), "--at 'yesterday': không phải thời điểm"),
        (("--at", "0001-01-01T00:00", "--dry-run"), "--at '0001-01-01T00:00': không phải thời điểm"),
    ],
)
def test_evaluate_refuses_an_instant_that_it_cannot_use(bench: Bench, words: tuple[str, ...], said: str) -> None:
    """A real cycle runs now; a dry one at a real instant."""
    assert said in bench.refused("evaluate", *words, code=2)


# --- explain --------------------------------------------------------------------------------------------------------


def test_explain_says_why_and_why_not(judged: Bench) -> None:
    """Each rule about tasks has its say, with the values, the thresholds and the alert that is open."""
    seen = judged.json("explain", "T-1")
    verdicts = {verdict["rule"]: verdict for verdict in seen["verdicts"]}
    late, undated = verdicts["task-deadline"], verdicts["task-no-deadline"]
    assert (seen["subject"], seen["unit"], late["level"]) == ("T-1", "DP-19-UB", "critical")
    assert (late["alert"], undated["level"]) == (judged.world.alert("T-1").code, "not_applicable")
    assert late["value"] < late["thresholds"]["critical"]
    said = judged.said("explain", "T-1")
    assert "task-deadline: Khẩn" in said
    assert "task-no-deadline: không áp dụng" in said


def test_explain_goes_back_to_what_was_known(bench: Bench) -> None:
    """Ten days before the deadline nothing was late, and no alert was open, whatever is open today."""
    bench.said("evaluate")
    then = bench.json("explain", "T-1", "--at", "2025-08-05T09:00")
    assert {verdict["alert"] for verdict in then["verdicts"]} == {None}
    assert {verdict["rule"]: verdict["level"] for verdict in then["verdicts"]}["task-deadline"] in ("none", "notice")
    assert "vào lúc 01/08/2025 00:00" in bench.refused("explain", "T-1", "--at", "2025-08-01")


@pytest.mark.parametrize(
    ("code", "said"), [("T-11", "có phải ý là T-1?"), ("t-2", "có phải ý là T-2?"), ("T-0", "chỉ gom các nhiệm vụ con")]
)
def test_explain_knows_no_such_task(bench: Bench, code: str, said: str) -> None:
    """The nearest code is named; a parent is not judged, and that is said."""
    assert said in bench.refused("explain", code)


# --- alerts, ack, close ---------------------------------------------------------------------------------------------


def test_alerts_lists_the_open_ones(judged: Bench) -> None:
    """In text and JSON, of all units or one."""
    numbers = [alert["alert"] for alert in judged.json("alerts")]
    assert sorted(numbers) == sorted(alert.code for alert in judged.world.alerts())
    of_one = judged.json("alerts", "--unit", "BYT")
    assert {alert["unit"] for alert in of_one} == {"BYT"}
    assert of_one[0]["alert"] in judged.said("alerts", "--unit", "BYT")
    assert judged.said("alerts", "--standing") == "Không có cảnh báo nào.\n"


def test_alerts_says_who_is_told_next(judged: Bench) -> None:
    """Each alert has its next step, whom that tells, when, and why not yet; and no other list is mixed with it."""
    found = judged.json("alerts", "--next")
    assert {one["alert"] for one in found} == {alert.code for alert in judged.world.alerts()}
    assert {one["why"] for one in found} <= {"due", "timer", "repeat", "text", "promise", "standing", "pending"}
    ahead = [one for one in found if one["step"]]
    assert ahead
    assert all(one["at"] and one["offices"] for one in ahead)
    assert [one["at"] for one in ahead] == sorted(one["at"] for one in ahead)
    said = judged.said("alerts", "--next", "--unit", ahead[0]["unit"])
    assert f"{ahead[0]['alert']} " in said
    assert f": bước {ahead[0]['step']}, " in said
    assert "--next goes with" in judged.refused("alerts", "--next", "--ended", code=2)


def test_an_alert_tells_its_own_history(judged: Bench) -> None:
    """Who was told what and when, and who answered, oldest first; a number that nobody has is refused."""
    number = judged.json("alerts")[0]["alert"]
    acts = [act["kind"] for act in judged.json("alerts", number)["history"]]
    assert acts[0].startswith("alert.")
    assert {"call", "notification"} <= set(acts)
    assert f"{number} " in judged.said("alerts", number)
    assert "không có cảnh báo 'CB-25-99999'" in judged.refused("alerts", "CB-25-99999")


def test_the_standing_list_is_a_list_of_its_own(judged: Bench) -> None:
    """Only what waits for the secretariat, however many others are graver."""
    with judged.world.engine.begin() as connection:
        connection.execute(text("UPDATE alert SET standing = 1 WHERE subject = 'T-2' AND rule = 'task-deadline'"))
    assert [alert["subject"] for alert in judged.json("alerts", "--standing", "--limit", "1")] == ["T-2"]


def test_alerts_names_the_nearest_unit(judged: Bench) -> None:
    """A typo is not an empty list."""
    assert "không có đơn vị 'BYTE' trong kế hoạch; có phải ý là BYT?" in judged.refused("alerts", "--unit", "BYTE")


def test_alerts_says_when_there_are_more(judged: Bench) -> None:
    """A list that is cut is never taken for the whole."""
    result = judged.run("alerts", "--limit", "1")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 1)
    assert "Chỉ liệt kê 1 cảnh báo đầu" in result.stderr


def test_an_old_code_finds_its_way_in_every_command(judged: Bench) -> None:
    """The unit was merged: lists, promises, explanations and the history speak of the one that took over."""
    merger = {"unit": "BYT", "kind": "sáp nhập", "effective_on": "2025-08-21", "successor": "DP-19-UB"}
    judged.world.bring(BEGUN, unit_changes=[merger | {"decision": "12/NQ"}])
    judged.said("evaluate")
    listed = judged.run("alerts", "--unit", "BYT")
    assert listed.stderr == "Đơn vị BYT nay là DP-19-UB (Ủy ban nhân dân tỉnh Thái Nguyên).\n"
    alert = next(one["alert"] for one in judged.json("alerts", "--unit", "DP-19-UB") if one["subject"] == "T-2")
    assert alert in listed.stdout
    assert judged.json("explain", "T-2")["unit"] == "DP-19-UB"
    handed = [one["facts"] for one in judged.json("alerts", alert)["history"] if one["kind"] == "alert.handed"]
    assert handed == [{"from": "BYT", "to": "DP-19-UB", "document": "12/NQ"}]
    assert "đã ghi nhận cam kết" in judged.said("ack", alert, "--by", "BYT/head", "--until", day(1))


def test_a_head_binds_the_unit_by_a_promise(judged: Bench) -> None:
    """A date means its last microsecond in the plan's zone; the list shows the promise."""
    alert = judged.world.alert("T-1")
    assert "đã ghi nhận cam kết đến" in judged.said(
        "ack", alert.code, "--by", "head", "--until", day(1), "--note", "Đang làm"
    )
    taken = judged.world.alert("T-1")
    assert taken.acknowledged_by == "DP-19-UB/head/1"
    assert taken.promised_for is not None
    assert f"{taken.promised_for + timedelta(hours=7):%Y-%m-%d %H:%M:%S.%f}" == f"{day(1)} 23:59:59.999999"
    assert "acknowledged" in judged.world.history(taken)
    assert "cam kết" in judged.said("alerts")


def test_a_focal_point_binds_nobody(judged: Bench) -> None:
    """Noted as received; the climb goes on, and the answer says so."""
    alert = judged.world.alert("T-1")
    said = judged.said("ack", alert.code, "--by", "focal_point", "--until", day(1))
    assert "chỉ người đứng đầu mới dừng được" in said
    assert judged.world.alert("T-1").promised_for is None


@pytest.mark.parametrize(
    ("by", "until", "code", "said"),
    [
        ("head", day(60), 1, "thời hạn cam kết muộn nhất được phép là ngày"),
        ("head", day(-2), 1, "thời hạn cam kết phải ở sau thời điểm hiện tại"),
        ("boss", day(1), 1, "không có người giữ chức vụ 'boss'"),
        ("head", "soon", 2, "--until 'soon': không phải thời điểm"),
    ],
)
def test_a_promise_that_cannot_be_taken_is_refused(judged: Bench, by: str, until: str, code: int, said: str) -> None:
    """The text says what is allowed; nothing is written."""
    alert = judged.world.alert("T-1")
    assert said in judged.refused("ack", alert.code, "--by", by, "--until", until, code=code)
    assert judged.world.alert("T-1") == alert


@pytest.mark.parametrize(
    "words",
    [("ack", "--by", "head", "--until", "2030-01-01"), ("close", "--by", "VP", "--reason", "x", "--document", "y")],
)
def test_an_unknown_alert_has_a_nearest_one(judged: Bench, words: tuple[str, ...]) -> None:
    """Numbers are typed from a mail: a slip is answered by the right number."""
    number = judged.world.alert("T-1").code
    assert f"không có cảnh báo '{number}9'; có phải ý là" in judged.refused(words[0], f"{number}9", *words[1:])


def test_close_needs_a_document_and_lasts(judged: Bench) -> None:
    """Without a document it is refused; closed, it does not open again at the same level."""
    number = judged.world.alert("T-1").code
    close = ["close", number, "--by", "CQTT", "--reason", "đã có văn bản thay thế"]
    assert "Missing option '--document'" in judged.refused(*close, code=2)
    assert "phải có lý do và số văn bản" in judged.refused(*close, "--document", " ")
    assert "chỉ mở lại khi mức cao hơn" in judged.said(*close, "--document", "12-CV/VPTW")
    judged.said("evaluate")
    closed = judged.world.alert("T-1")
    assert (closed.code, closed.state, closed.end_reason) == (number, State.ENDED, EndReason.CLOSED)
    assert number in {alert["alert"] for alert in judged.json("alerts", "--ended")}
    assert "cảnh báo đã kết thúc" in judged.refused(*close, "--document", "12-CV/VPTW")


def test_close_is_refused_to_offices_that_have_no_say(judged: Bench) -> None:
    """Another ministry, and an office that nobody has: the answer names who may, and the alert stays open."""
    alert = judged.world.alert("T-1")
    why = ["--reason", "x", "--document", "12-CV/VPTW"]
    said = judged.refused("close", alert.code, "--by", "BYT", *why)
    assert f"{alert.code}: 'BYT' không có thẩm quyền đóng cảnh báo này; được phép: một trong các đơn vị" in said
    assert "DP-19-UB, DP-19, CQTT" in said
    assert "không có người giữ chức vụ 'VP'" in judged.refused("close", alert.code, "--by", "VP", *why)
    assert judged.world.alert("T-1") == alert


# --- send-test ------------------------------------------------------------------------------------------------------


def mail(port: int, **more: str) -> dict[str, str]:
    """Give the variables of a mail server on loopback."""
    plain = {"WARNWATCH_MAIL__HOST": "127.0.0.1", "WARNWATCH_MAIL__PORT": str(port), "WARNWATCH_MAIL__SECURITY": "none"}
    return plain | more


def test_send_test_says_what_the_server_answered(bench: Bench) -> None:
    """The mail goes to the address given, even where all others are redirected; a refusal is exit 1."""
    redirected = {"WARNWATCH_DELIVERY__MODE": "redirect", "WARNWATCH_MAIL__REDIRECT_TO": "khac@example.vn"}
    with Sink() as sink:
        assert "250" in bench.said("send-test", "thu@example.vn", **mail(sink.port, **redirected))
        assert [one.recipient for one in sink.messages] == ["thu@example.vn"]
        sink.script = Script(refuse={"rcpt": "550 5.1.1 no such user"})
        result = bench.run("send-test", "thu@example.vn", **mail(sink.port))
    assert (result.exit_code, "rcpt: 550" in result.stdout) == (1, True)


def test_send_test_without_a_server_is_exit_3(bench: Bench) -> None:
    """The network cannot be reached: host and port are named."""
    assert "127.0.0.1:1: connect" in bench.refused("send-test", "thu@example.vn", code=3, **mail(1))


def test_send_test_refuses_what_is_no_address(bench: Bench) -> None:
    """Nothing reaches a server."""
    result = bench.run("send-test", "a@b.vn\nBcc: c@d.vn", **mail(1))
    assert (result.exit_code, "not one plain e-mail address" in result.output) == (1, True)


# --- silences -------------------------------------------------------------------------------------------------------


def silence(*words: str, until: str | None = None) -> tuple[str, ...]:
    """Give the words that order a silence of three days."""
    return ("silence", "add", "--until", until or day(3), "--reason", "Bão lũ", "--by", "BCD-CQTT", *words)


def test_a_silence_says_what_it_mutes_and_is_listed(judged: Bench) -> None:
    """Counted before it is ordered, asked about, listed with whom it holds for, and ended by an office."""
    asked = judged.run(*silence("--unit", "DP-19"))
    assert asked.exit_code == 1
    assert "cảnh báo đang mở của 1 đơn vị" in asked.stdout
    assert "Không có" in judged.said("silence", "list")
    judged.said(*silence("--unit", "DP-19", "--yes"))
    assert "đã ghi như vậy rồi" in judged.said(*silence("--unit", "DP-19", "--yes"))
    (one,) = judged.json("silence", "list")
    assert (one["matchers"], one["up_to"], one["by"]) == ({"unit": "DP-19"}, "critical", "BCD-CQTT")
    late = [alert for alert in judged.json("alerts") if alert["rule"] == "task-deadline"]
    muted = {alert["subject"]: [why["kind"] for why in alert["muted"]] for alert in late}
    assert (muted["T-1"], muted["T-2"]) == (["silence"], [])
    assert "tạm dừng số 1 của BCD-CQTT" in judged.said("alerts", "--unit", "DP-19-UB")
    judged.said("silence", "end", "1", "--by", "BCD-CQTT", "--reason", "Đã xong")
    assert judged.json("silence", "list") == []
    assert judged.json("silence", "list", "--all")[0]["ended_by"] == "BCD-CQTT"
    assert "đã hết" in judged.refused("silence", "end", "1", "--by", "VP", "--reason", "Đã xong", code=2)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "--all"),
        (("--rule", "task-deadlin"), 1, "task-deadline"),
        (("--unit", "DP-19-UBB"), 1, "DP-19-UB"),
        (("--subject", "T-11"), 1, "T-1"),
        (("--about", "tasks"), 1, "task"),
        (("--label", "topic=roads"), 1, "topic=roads"),
        (("--all", "--up-to", "criticla"), 1, "critical"),
        (("--all", "--from", "2020-01-01T08:00"), 2, "--from"),
        (("--all", "--by", " "), 2, "--by"),
        (("--all", "--until", "2020-01-01"), 2, "--until"),
        (("--all", "--until", day(40)), 2, "30"),
        (("--all", "--until", "tomorrow"), 2, "--until"),
    ],
)
def test_a_silence_that_cannot_be_meant_is_refused(judged: Bench, words: tuple[str, ...], code: int, said: str) -> None:
    """Nothing named, something named that is not there, an end missing, past or too far: refused, nothing written."""
    assert said in judged.refused(*silence("--yes", *words), code=code)
    assert judged.json("silence", "list", "--all") == []
