"""A source that is late or bad: its keeper is told once, and nothing is said about what nobody knows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from builders import ZONE, local
from worlds import BEGUN, World, build_world, holder_row

from warnwatch.language import in_language
from warnwatch.plan.pulling import Desk, PullReport, pull
from warnwatch.plan.pulls import register
from warnwatch.plan.source import FolderSource

HEAD = "code,title,lead_unit,start,due,status,done_at,verifier\n"


class Feeding:
    """A folder that a keeper fills, and the world that it feeds."""

    def __init__(self, world: World, folder: Path, code: str = "S-1", keeper: str = "BYT") -> None:
        folder.mkdir()
        self.world, self.folder = world, folder
        self.source = FolderSource(
            kind="folder", code=code, title="Sổ việc", keeper=keeper, rhythm="1 working day", path=folder, settle=0
        )
        self.number = 0
        with world.engine.begin() as connection:
            register(connection, [self.source], BEGUN)

    def put(self, now: datetime, *rows: str) -> PullReport:
        """Put a file there, and pull it."""
        file = self.folder / "tasks.csv"
        file.write_text(HEAD + "".join(f"{row}\n" for row in rows), encoding="utf-8")
        self.number += 1
        os.utime(file, (self.number, self.number))
        return self.pull(now)

    def pull(self, now: datetime) -> PullReport:
        """Pull what lies there."""
        return pull(self.world.engine, self.source, now, Desk(ZONE))


def task(code: str = "F-1", due: str = "2025-08-15", status: str = "open", done: str = "") -> str:
    """Give the row of a task of the People's Committee."""
    return f"{code},Việc {code},DP-19-UB,2025-08-04,{due},{status},{done},{'VP' if done else ''}"


@pytest.fixture
def fed(database_url: str, tmp_path: Path) -> Iterator[Feeding]:
    """A source of the ministry, pulled on Thursday 14/8 at 8:00, that speaks of F-1, due on Friday."""
    world = build_world(database_url, tmp_path / "in")
    book = world.standards.book
    world.by(book=replace(book, rules=(book.rule("task-deadline"), book.rule("source-late"))))
    world.cycle(BEGUN)
    feeding = Feeding(world, tmp_path / "source")
    assert str(feeding.put(local(14, 8, 8), task())) != ""
    world.cycle(local(14, 8, 8, 1))
    yield feeding
    world.engine.dispose()


def test_late_is_one_alert_to_the_keeper_and_what_crosses_meanwhile_does_not_open(fed: Feeding) -> None:
    """Due on Friday at 8:00: the keeper is told once; F-1 becomes overdue and stays as it was; then all at once."""
    world = fed.world
    before = world.alert("F-1").level
    report = world.cycle(local(15, 8, 8, 1))
    assert world.told(report) == ["BYT/head/1 data"]
    [mail] = [one for one, _ in report.notifications]
    assert "S-1" in mail.text
    assert "chậm" in mail.text
    assert world.told(world.cycle(local(15, 8, 9))) == []

    world.cycle(local(18, 8, 8))
    assert world.alert("F-1").level == before

    fed.put(local(18, 8, 9), task())
    report = world.cycle(local(18, 8, 9, 1))
    assert world.alert("S-1", "source-late").end_reason == "cured"
    assert world.alert("F-1").level == 3
    assert "BYT/head/1 all_clear" in world.told(report)


def test_an_open_alert_does_not_end_while_its_source_is_late(fed: Feeding) -> None:
    """A deadline moved by hand changes nothing until the source speaks again; verified done ends it at once."""
    world = fed.world
    world.cycle(local(15, 8, 8, 1))
    world.tasks["F-1"] = {"code": "F-1", "title": "Việc F-1", "lead_unit": "DP-19-UB", "due": "2025-08-15"}
    world.move(local(15, 8, 9), "F-1", "2026-12-31", "01/QD")
    world.cycle(local(20, 8, 9))
    assert world.alert("F-1").end_reason is None
    world.done(local(20, 8, 10), "F-1")
    world.cycle(local(20, 8, 10, 1))
    assert world.alert("F-1").end_reason == "cured"


@pytest.mark.parametrize(
    ("rows", "outcome", "words"),
    [
        ((), "empty", "rỗng"),
        ((task(due="ngày mai"),), "contradictory", "1 lỗi"),
    ],
)
def test_bad_data_is_told_at_once_and_imports_nothing(
    fed: Feeding, rows: tuple[str, ...], outcome: str, words: str
) -> None:
    """What a keeper delivers wrongly is named, without the content of a cell."""
    world = fed.world
    report = fed.put(local(14, 8, 10), *rows)
    assert str(report.outcome) == outcome
    told = world.cycle(local(14, 8, 10, 1))
    assert world.told(told) == ["BYT/head/1 data"]
    [mail] = [one for one, _ in told.notifications]
    assert words in mail.text
    assert "ngày mai" not in mail.text


def test_half_of_the_last_good_delivery_is_refused(fed: Feeding) -> None:
    """Four tasks, then one: the rest has not vanished, so nothing is imported."""
    four = [task(f"F-{number}") for number in range(1, 5)]
    assert fed.put(local(14, 8, 9), *four).good
    report = fed.put(local(14, 8, 10), task())
    assert (str(report.outcome), report.why) == ("half", "nguồn chỉ có 1 dòng, lần dùng được trước có 4")


def test_the_same_file_twice_changes_nothing(fed: Feeding) -> None:
    """What lies there unchanged is no new delivery; what is put there again is one, and changes no task."""
    assert fed.pull(local(14, 8, 9)).outcome is None
    again = fed.put(local(14, 8, 9), task())
    assert again.report
    assert (again.report.files["tasks"].added, again.report.files["tasks"].changed) == (0, 0)


def test_only_what_the_late_source_feeds_is_held(fed: Feeding, tmp_path: Path) -> None:
    """Another source in time goes on being judged."""
    world = fed.world
    other = Feeding(world, tmp_path / "other", "S-2", "DP-19")
    other.put(local(15, 8, 8), task("G-1"))
    world.cycle(local(15, 8, 9))
    assert world.told(world.cycle(local(15, 8, 9, 1))) == []
    other.put(local(16, 8, 0), task("G-1"))
    world.cycle(local(16, 8, 0, 1))
    assert world.alert("F-1").level < 3
    assert world.alert("G-1").level == 3


def test_a_source_that_feeds_the_task_of_a_group_feeds_the_task_of_each_unit(fed: Feeding, tmp_path: Path) -> None:
    """While it is late, no unit of the group is told of its task; when it is back, each is."""
    world = fed.world
    group = task("G-1").replace("DP-19-UB", "DP-19-UB; BYT")
    other = Feeding(world, tmp_path / "other", "S-2", "DP-19")
    other.put(local(14, 8, 8), group)
    fed.put(local(14, 8, 9), task())
    children = {"G-1.BYT", "G-1.DP-19-UB"}
    world.cycle(local(14, 8, 9))
    assert {code: world.alert(code).level < 3 for code in children} == dict.fromkeys(children, True)
    fed.put(local(15, 8, 8), task())
    late = world.cycle(local(16, 8, 0, 1))
    assert world.alert("S-2", "source-late").unit == "DP-19"
    assert world.alert("F-1").level == 3
    assert {code: world.alert(code).level < 3 for code in children} == dict.fromkeys(children, True)
    assert {alert.subject for alert in late.outcome.alerts.values()} & children == set()
    other.put(local(16, 8, 1), group)
    world.cycle(local(16, 8, 1, 1))
    assert {code: world.alert(code).level for code in children} == dict.fromkeys(children, 3)


def test_a_keeper_without_anybody_goes_up(fed: Feeding) -> None:
    """When nobody holds an office of the keeper, its superior is told."""
    world = fed.world
    world.bring(local(14, 8, 9), holders=[holder_row("BYT/head", valid_to="2025-08-13")])
    report = world.cycle(local(15, 8, 8, 1))
    assert world.told(report) == ["CQTT/head/1 data"]


def test_the_alert_of_a_keeper_that_is_merged_goes_to_its_successor(fed: Feeding, tmp_path: Path) -> None:
    """The source is still late on the day of the merger: the alert keeps its number, the new unit answers for it."""
    world = fed.world
    unit = {"code": "DP-06-UB", "name": "Ủy ban nhân dân tỉnh Bắc Kạn", "bloc": "DIA_PHUONG", "parent": "CQTT"}
    heads = [holder_row("DP-06-UB/head")]
    world.bring(local(14, 8, 9), units=[unit], posts=[{"unit": "DP-06-UB", "office": "head"}], holders=heads)
    Feeding(world, tmp_path / "other", "S-2", "DP-06-UB")
    world.cycle(local(18, 8, 8))
    before = world.alert("S-2", "source-late")
    assert before.unit == "DP-06-UB"

    merger = {"unit": "DP-06-UB", "kind": "sáp nhập", "effective_on": "2025-08-20", "successor": "DP-19-UB"}
    world.bring(local(18, 8, 9), unit_changes=[merger | {"decision": "202/2025/QH15"}])
    world.cycle(local(20, 8, 0, 1))
    after = world.alert("S-2", "source-late")
    assert (after.id, after.unit) == (before.id, "DP-19-UB")


def test_what_was_found_is_said_in_the_language_of_its_reader(fed: Feeding) -> None:
    """A keeper who reads English gets the reason in English, with its numbers, though it was stored before."""
    world = fed.world
    world.bring(local(14, 8, 8, 30), holders=[holder_row("BYT/head", language="en")])
    fed.put(local(14, 8, 9), *(task(f"F-{number}") for number in range(1, 5)))
    report = fed.put(local(14, 8, 10), task())
    [mail] = [one for one, _ in world.cycle(local(14, 8, 10, 1)).notifications]
    said = in_language(report.why, "en")
    assert said != report.why
    assert " ".join(said.split()) in " ".join(mail.text.split())
    assert "nguồn chỉ có" not in mail.text
