"""A rule folder edited under a running service: what is good takes over, what is bad is said and changes nothing.

The service runs in a process of its own; the folder is a copy of the shipped one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from services import Running, get, run, said_here, started
from worlds import BEGUN, build_world

from warnwatch import database, schema
from warnwatch.shipped import shipped

TWO = {"approval": "two_persons"}


class Folder:
    """An installation with a rule folder of its own, over the five units of the stories."""

    def __init__(self, place: Path) -> None:
        self.place, self.rules = place, place / "alert_rules"
        shutil.copytree(shipped("alert_rules"), self.rules, ignore=shutil.ignore_patterns("tests"))
        self.url = f"sqlite:///{place / 'x.db'}"
        database.upgrade(self.url)
        self.world = build_world(self.url, place / "in")

    def sections(self, **rules: Any) -> dict[str, Any]:
        """Give the settings: a look every tenth of a second, a cycle a minute."""
        return {
            "database": {"url": self.url},
            "web": {"port": 0},
            "rules": {"folder": self.rules, "watch": 0.1, **rules},
        }

    def change(self, old: str, new: str, name: str = "deadlines.yml") -> None:
        """Edit a file in place."""
        file = self.rules / name
        file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    def status(self, **rules: Any) -> Any:
        """Ask `warnwatch rules status`."""
        return json.loads(said_here("rules", "status", "--json", **self.sections(**rules)).stdout)

    def journal(self) -> list[str]:
        """Give the kinds of the journal's rows about rules."""
        with self.world.reading() as connection:
            table = schema.journal
            kinds = [row.kind for row in connection.execute(table.select().order_by(table.c.id))]
        return [kind for kind in kinds if kind.startswith("rules.")]

    def alerts(self) -> list[tuple[str, str, int]]:
        """Give subject, rule and level of every alert."""
        return [(alert.subject, alert.rule, alert.level) for alert in self.world.alerts()]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """A folder that nothing has run yet."""
    folder = Folder(tmp_path)
    yield folder
    folder.world.engine.dispose()


def said(running: Running, message: str) -> list[dict[str, Any]]:
    """Give the lines of the log with these words in their message."""
    return [line for line in running.lines() if message in line["message"]]


def reload_metric(running: Running) -> str:
    """Read the metric of the last reload."""
    _, text = get(running.link(), "/metrics")
    return next(line for line in text.splitlines() if line.startswith("warnwatch_rules_last_reload_success "))[-3:]


def running_since_first(running: Running) -> None:
    """Wait for the first cycle."""
    link = running.link()
    running.wait_for(lambda: get(link, "/readyz")[0] == 200)


def test_a_broken_file_is_said_once_and_a_mended_one_takes_over(folder: Folder) -> None:
    """Log, page and metric name file, line and column; the old rules go on; mended, the new ones run."""
    with started(folder=folder.place, **folder.sections()) as service:
        running_since_first(service)
        before = folder.status()["running"]["version"]
        folder.change("measure: working_days_left\n", "measure: working_days_lft\n")
        lines = (folder.rules / "deadlines.yml").read_text(encoding="utf-8").splitlines()
        number = next(at for at, line in enumerate(lines, 1) if "working_days_lft" in line)
        place = f"alert_rules/deadlines.yml:{number}:14"
        service.wait_for(lambda: said(service, "mistakes"))
        [line] = said(service, "mistakes")
        assert place in line["mistakes"][0]
        assert reload_metric(service) == "0.0"
        _, page = get(service.link(), "/")
        assert place in page
        assert "working_days_left?" in page
        found = folder.status()
        assert (found["running"]["version"], found["folder"]["state"]) == (before, "refused")

        folder.change("measure: working_days_lft\n", "measure: working_days_left_on_baseline\n")
        service.wait_for(lambda: said(service, "takes over"))
        service.wait_for(lambda: folder.status()["folder"]["state"] == "running")
        assert reload_metric(service) == "1.0"
        assert "alert_rules/deadlines.yml" not in get(service.link(), "/")[1]
        assert len(said(service, "mistakes")) == 1
        assert not said(service, "skipped")
    assert folder.journal() == ["rules.run", "rules.refused", "rules.run"]


def test_a_set_that_is_put_back_is_no_new_one(folder: Folder) -> None:
    """The secretariat undoes its mistake: the running rules are the folder's again, and nothing ran in between."""
    with started(folder=folder.place, **folder.sections()) as service:
        running_since_first(service)
        folder.change("about: task", "about: tsk")
        service.wait_for(lambda: said(service, "mistakes"))
        folder.change("about: tsk", "about: task")
        service.wait_for(lambda: said(service, "holds the running rules again"))
        service.wait_for(lambda: reload_metric(service) == "1.0")
    assert folder.journal() == ["rules.run", "rules.refused"]


def test_a_half_written_file_is_never_taken(folder: Folder) -> None:
    """A file that grows while it is looked at is left until it stands still: one change, no mistake."""
    with started(folder=folder.place, **folder.sections(watch=0.5)) as service:
        running_since_first(service)
        file = folder.rules / "deadlines.yml"
        whole = file.read_text(encoding="utf-8").replace("least(7,", "least(8,")
        file.write_text(whole[: len(whole) // 2], encoding="utf-8")
        file.write_text(whole, encoding="utf-8")
        service.wait_for(lambda: said(service, "takes over"))
        assert not said(service, "mistakes")


def test_two_changes_within_a_look_are_one(folder: Folder) -> None:
    """Replaced twice at once, what lies there in the end runs."""
    with started(folder=folder.place, **folder.sections()) as service:
        running_since_first(service)
        folder.change("least(7,", "least(8,")
        folder.change("least(8,", "least(9,")
        service.wait_for(lambda: said(service, "takes over"))
        service.wait_for(lambda: folder.status()["folder"]["state"] == "running")
    assert folder.journal()[-1] == "rules.run"


def test_a_removed_folder_is_named_and_the_rules_go_on(folder: Folder) -> None:
    """The share with the rules goes away: a mistake like any other, the rules judge on, and none when it is back."""
    with started(folder=folder.place, cycle={"every": 0.2}, **folder.sections()) as service:
        running_since_first(service)
        before = folder.status()["running"]["version"]
        folder.rules.rename(folder.place / "away")
        service.wait_for(lambda: said(service, "mistakes"))
        [line] = said(service, "mistakes")
        assert line["mistakes"][0].startswith("alert_rules: ")
        assert line["running"] == before
        assert reload_metric(service) == "0.0"
        found = folder.status()
        assert (found["running"]["version"], found["folder"]["state"]) == (before, "refused")
        folder.world.put(BEGUN, "T-1")
        service.wait_for(lambda: ("T-1", "task-deadline", 3) in folder.alerts())

        (folder.place / "away").rename(folder.rules)
        service.wait_for(lambda: said(service, "holds the running rules again"))
        service.wait_for(lambda: reload_metric(service) == "1.0")
        assert len(said(service, "mistakes")) == 1
    assert folder.journal() == ["rules.run", "rules.refused"]


def test_a_changed_calendar_takes_over_too(folder: Folder) -> None:
    """Working days are part of what a verdict means: a calendar with another holiday is another version."""
    with started(folder=folder.place, **folder.sections()) as service:
        running_since_first(service)
        before = folder.status()["running"]["version"]
        folder.change("13:00-17:00", "13:30-17:00", "calendar.yml")
        service.wait_for(lambda: said(service, "takes over"))
        assert folder.status()["folder"]["version"] != before


def test_a_start_with_a_broken_folder_runs_the_last_good_set(folder: Folder) -> None:
    """After a restart the rules come from the database; without any that ran before, the service does not start."""
    with started(folder=folder.place, **folder.sections()) as service:
        running_since_first(service)
    before = folder.status()["running"]["version"]
    folder.change("about: task", "about: tsk")
    with started(folder=folder.place, **folder.sections()) as service:
        running_since_first(service)
        [line] = said(service, "mistakes")
        assert line["running"] == before
        assert folder.status()["running"]["version"] == before


def test_a_first_start_with_a_broken_folder_names_every_mistake(folder: Folder) -> None:
    """Nothing has run yet: there is nothing to go on with."""
    folder.change("about: task", "about: tsk")
    done = run("serve", folder=folder.place, **folder.sections())
    assert done.returncode == 1
    assert "alert_rules/deadlines.yml" in done.stderr


def test_two_persons_other_than_the_author_let_a_set_run(folder: Folder) -> None:
    """It waits; its author and a second approval by the same person do not count; then the service takes it."""

    def act(*words: str) -> Any:
        return said_here("rules", *words, **folder.sections(**TWO))

    with started(folder=folder.place, **folder.sections(**TWO)) as service:
        running_since_first(service)
        folder.change("least(7,", "least(8,")
        service.wait_for(lambda: said(service, "waits for approval"))
        version = folder.status(**TWO)["folder"]["version"]
        assert folder.status(**TWO)["folder"]["state"] == "waiting"
        assert version[:12] in get(service.link(), "/")[1]

        assert "người soạn" in act("approve", version, "--by", "CQTT/head").stderr
        assert act("submit", "--by", "DP-19-UB/focal_point").exit_code == 0
        assert act("approve", version, "--by", "DP-19-UB/focal_point").exit_code == 1
        assert act("approve", version[:12], "--by", "CQTT/head").exit_code == 0
        assert act("approve", version, "--by", "CQTT/head/1").exit_code == 1
        assert not said(service, "takes over")
        assert act("approve", version, "--by", "BCD/head").exit_code == 0
        service.wait_for(lambda: said(service, "takes over"))
        service.wait_for(lambda: folder.status(**TWO)["folder"]["state"] == "running")
    assert folder.journal() == [
        "rules.run",
        "rules.waiting",
        "rules.submitted",
        "rules.approved",
        "rules.approved",
        "rules.run",
    ]
