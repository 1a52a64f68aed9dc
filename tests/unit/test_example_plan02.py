"""The example that ships: counts, sources, labels, and that its generator still makes it."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from warnwatch import database
from warnwatch.plan import columns
from warnwatch.plan.importing import import_folder
from warnwatch.shipped import shipped

Row = dict[str, str]
PLAN = shipped("examples/plan02")
STEPS = sorted((PLAN / "later").iterdir())
ALL_FILES = sorted(PLAN.rglob("*.csv"))
SAMPLE = "Dữ liệu mẫu, sinh tự động"
DEMO = datetime.fromisoformat("2025-12-15T08:00:00+07:00")
CHILDREN = {
    "KH02-003 KH02-020 KH02-021 KH02-023 KH02-024 KH02-025 KH02-026 KH02-031 KH02-032 KH02-033 KH02-040": 34,
    "KH02-002 KH02-005 KH02-028 KH02-030 KH02-034 KH02-035 KH02-043 KH02-044 KH02-055": 22,
    "KH02-004": 131,
    "KH02-022": 10,
}
# How a person would be named in a Vietnamese text: a form of address and a capital letter.
PERSON = re.compile(r"\b(?:[Đđ]ồng chí|[Ôô]ng|[Bb]à) [A-ZĐÀ-Ỹ]")


def rows(path: Path) -> list[Row]:
    """Read one file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def table(name: str) -> list[Row]:
    """Read one file of the plan as known at the demo's first instant."""
    return rows(PLAN / f"{name}.csv")


def instant(step: Path) -> datetime:
    """Give the instant that a later folder's name says."""
    return datetime.strptime(f"{step.name[3:]}+0700", "%Y-%m-%dT%H%M%z")


def test_every_file_is_one_of_an_import_and_has_its_columns() -> None:
    """A file's name is known, and each of its headers names a column of it."""
    for path in ALL_FILES:
        file = columns.FILES[path.stem]
        unknown = [header for header in rows(path)[0] if columns.find_column(file, header) is None]
        assert unknown == [], path


def test_the_131_units_are_one_tree() -> None:
    """One root, and every unit reaches it; a ring would never end."""
    parents = {unit["code"]: unit["parent"] for unit in table("units")}
    assert len(parents) == 131
    assert [code for code, parent in parents.items() if not parent] == ["BCD"]
    for code in parents:
        way = [code]
        while parents[way[-1]]:
            way.append(parents[way[-1]])
            assert len(way) <= 6


def test_short_names_are_short_and_tell_units_apart() -> None:
    """A headline's name is never empty, never shared, at most 33 letters."""
    names = [unit["short_name"] for unit in table("units")]
    assert len(set(names)) == 131
    assert max(map(len, names)) <= 33
    assert min(map(len, names)) >= 5


def test_tasks_given_to_many_are_expanded_to_one_per_unit() -> None:
    """54 tasks of the source: 32 for one unit, 22 parents that are not judged, 713 children."""
    tasks = table("tasks")
    children = Counter(task["parent"] for task in tasks if task["parent"])
    assert children == {code: count for codes, count in CHILDREN.items() for code in codes.split()}
    assert {task["code"] for task in tasks if task["judged"] == "no"} == set(children)
    assert (len(tasks), len(children), children.total()) == (767, 22, 713)


def test_every_task_has_one_lead_and_a_code_that_names_it() -> None:
    """The lead is one of the units; a child's code ends with it; no code comes twice; the proposal is left out."""
    units = {unit["code"] for unit in table("units")}
    tasks = table("tasks")
    assert {task["lead_unit"] for task in tasks} == units
    assert all(task["code"] == f"{task['parent']}.{task['lead_unit']}" for task in tasks if task["parent"])
    assert len({task["code"] for task in tasks}) == len(tasks)
    assert not any(task["code"].startswith("KH02-010") for task in tasks)


@pytest.mark.parametrize(
    ("task", "start", "due"),
    [
        ("KH02-021.DP-19-UB", "2025-06-27T18:00:00+07:00", ""),
        ("KH02-001", "2025-06-23", "2025-06-30"),
        ("KH02-008", "2025-06-24", "2025-06-30"),
        ("KH02-024.DP-19-UB", "2025-06-27", "2025-06-30"),
        ("KH02-029", "2025-06-24", ""),
        ("KH02-031.DP-19-UB", "2025-08-08", "2025-08-15"),
        ("KH02-036", "2025-08-08", "2025-08-31"),
        ("KH02-043.CP-BYT", "2025-10-13", "2025-12-31"),
    ],
)
def test_deadlines_claim_no_more_than_the_words(task: str, start: str, due: str) -> None:
    """A start is no deadline, a day of effect ends the work the day before, `trước ngày X` is X; the words are kept."""
    row = next(one for one in table("tasks") if one["code"] == task)
    assert (row["start"], row["due"]) == (start, due)
    assert row["due_text"]


def test_every_row_that_can_name_its_source_does() -> None:
    """Units, tasks, reports, KPIs and readings say where they are from, tasks also how they relate to the plan."""
    for path in ALL_FILES:
        unsourced = [row for row in rows(path) if not row.get("source", "-")]
        assert unsourced == [], path
    assert all("lời văn " in task["source"] for task in table("tasks"))


def test_whatever_is_generated_says_so() -> None:
    """Every report, every status of a judged task and every later decision; two completions are published ones."""
    later = [row for step in STEPS for path in step.glob("*.csv") for row in rows(path)]
    assert all(row["source"] == SAMPLE for row in table("reports"))
    assert all(SAMPLE.lower() in f"{row.get('source', '')}{row.get('note', '')}".lower() for row in later)
    unlabelled = {task["code"] for task in table("tasks") if SAMPLE.lower() not in task["source"]}
    assert unlabelled == {task["code"] for task in table("tasks") if task["judged"] == "no"} | {"KH02-014", "KH02-029"}
    assert {row["task"] for row in table("decisions")} == {"KH02-014", "KH02-029"}


def test_only_published_readings_are_there() -> None:
    """The six figures of the press, each with the address of its page."""
    read = {(row["kpi"], row["period"]): row["value"] or row["numerator"] for row in table("readings")}
    assert read == {
        ("CDS-01", "2025-07-20"): "39.51",
        ("CDS-01", "2025-10-28"): "39.98",
        ("CDS-01-BO", "2025-10-28"): "54.46",
        ("CDS-01-TINH", "2025-10-28"): "16.94",
        ("CDS-02", "2025-11-15"): "39.5",
        ("CDS-07", "2025-07-31"): "1981",
    }
    assert all(row["source"].startswith("https://") for row in table("readings"))


def test_all_29_limits_are_there() -> None:
    """Seventeen of Conclusion 226, seven of Plan 02, five of Resolution 57; two more are CDS-01 by side."""
    families = Counter(row["code"].split("-")[0] for row in table("kpis"))
    assert families == {"KL226": 17, "CDS": 9, "NQ57": 5}


def test_texts_are_composed_and_name_no_person() -> None:
    """Every file is NFC, and no cell addresses a person."""
    for path in ALL_FILES:
        text = path.read_text(encoding="utf-8")
        assert unicodedata.is_normalized("NFC", text), path
        assert PERSON.findall(text) == [], path


def test_holders_are_offices_that_nobody_can_reach() -> None:
    """Every address ends in example.vn, none is given twice, and there is no phone number."""
    addresses = [holder["email"] for holder in table("holders")]
    assert all(address.endswith("@example.vn") for address in addresses)
    assert len(set(addresses)) == len(addresses) == 388
    assert not any(holder.get("phone") for holder in table("holders"))


def test_every_office_has_a_post_and_vacancies_are_the_documented_ones() -> None:
    """Head, deputy and focal point for each unit; two acting heads, one deputy alone, one unit with nobody."""
    posts = {f"{post['unit']}/{post['office']}" for post in table("posts")}
    held = {holder["post"] for holder in table("holders")}
    assert len(posts) == 3 * 131
    vacant = {f"{unit}/{office}" for unit in ("DP-11-UB", "DP-96-UB") for office in ("head", "deputy", "focal_point")}
    assert posts - held == vacant - {"DP-11-UB/deputy"}
    acting = {holder["post"] for holder in table("holders") if holder["acting"] == "yes"}
    assert acting == {"CP-VASS/head", "DP-52-UB/head"}


def test_the_plan_is_as_known_at_the_demos_first_instant() -> None:
    """Nothing in it is later than 15 December 2025, 08:00; each later folder holds only what its instant adds."""
    known = [row["reported_at"] for row in table("reports")]
    known += [task[name] for task in table("tasks") for name in ("claimed_at", "done_at") if "T" in task[name]]
    assert max(map(datetime.fromisoformat, known)) <= DEMO
    before = DEMO
    for step in STEPS:
        reported = [datetime.fromisoformat(row["reported_at"]) for row in rows(step / "reports.csv")]
        assert all(before < one <= instant(step) for one in reported)
        before = instant(step)


def test_progress_never_falls_and_a_claim_is_the_last_word() -> None:
    """A task's reports go up from 0 to 1; what was claimed or done is reported no more."""
    by_task: dict[str, list[Row]] = {}
    for report in table("reports"):
        by_task.setdefault(report["task"], []).append(report)
    for reports in by_task.values():
        progress = [float(report["progress"]) for report in reports]
        assert progress == sorted(progress)
        assert 0 <= progress[0] <= progress[-1] <= 1
        assert not any(report["claims_completion"] for report in reports[:-1])


def test_the_morning_is_lively_and_can_still_be_read() -> None:
    """Some are late, most are done, and fewer than a third of the heads have something late."""
    tasks = [task for task in table("tasks") if task["judged"] == "yes"]
    assert Counter(task["status"] for task in tasks) == {"done": 605, "open": 134, "claimed": 6}
    undone = [task for task in tasks if task["status"] != "done" and task["due"]]
    late = [task for task in undone if task["due"] < "2025-12-15"]
    assert len(late) == 32
    assert len({task["lead_unit"] for task in late}) == 25


@pytest.mark.skipif("WARNWATCH_DOMAIN" not in os.environ, reason="WARNWATCH_DOMAIN does not name the domain's folder")
def test_the_generator_makes_the_same_bytes_again(tmp_path: Path) -> None:
    """The same four domain files give the files that ship, no more and no fewer."""
    made_by = shipped("examples/make_plan02")
    subprocess.run([sys.executable, "-B", made_by, os.environ["WARNWATCH_DOMAIN"], tmp_path], check=True)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.csv")}
    assert made == {path.relative_to(PLAN): path.read_bytes() for path in ALL_FILES}


def test_the_readme_counts_what_is_there() -> None:
    """Each file that the example's README names with its rows has that many; every later folder is described."""
    readme = (PLAN / "README.md").read_text(encoding="utf-8")
    for name in ("units", "tasks", "decisions", "reports", "kpis", "targets", "readings"):
        assert f"| `{name}.csv` | {len(table(name)):,} |" in readme
    assert f"| {len(table('posts'))}, {len(table('holders'))} |" in readme
    assert all(f"`{step.name}`" in readme for step in STEPS)


def test_the_example_imports_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    """The plan, then each later step at its instant: all rows are taken, once."""
    url = f"sqlite:///{tmp_path / 'plan.sqlite3'}"
    database.upgrade(url)
    engine = database.open_engine(url)
    for folder, at in [(PLAN, DEMO), *((step, instant(step)) for step in STEPS)]:
        first, second = (import_folder(engine, folder, now=at, zone=ZoneInfo("Asia/Ho_Chi_Minh")) for _ in range(2))
        assert all(count.added + count.changed == count.rows for count in first.files.values())
        assert all(count.added + count.changed == 0 for count in second.files.values())
    engine.dispose()
