"""The reform of 1/7/2025 crosses midnight: 63 provinces and 10,040 communes become 34 and 3,321, and nothing is lost.

Then 30/4/2026, when Đồng Nai becomes a city and ten of its communes wards.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from admin_units import Trees, read_trees, spoken
from builders import ZONE, letterhead, local
from judging import CALENDAR, shipped_book
from worlds import World, holder_row, write_rows

from warnwatch import database, schema
from warnwatch.alerts.alert import Alert, State
from warnwatch.cycle import CycleReport, Standards
from warnwatch.notify.release import Mode, Release
from warnwatch.plan.importing import import_folder

DATA = os.environ.get("WARNWATCH_DATA")
FOLDER = Path(DATA or ".") / "vn_admin_units"
pytestmark = [
    pytest.mark.skipif(
        DATA is None or not FOLDER.is_dir(),
        reason="needs the data set vn_admin_units: name its folder by WARNWATCH_DATA",
    ),
    pytest.mark.timeout(900),
]
# Recorded on 2/6/2025, in the morning; a task of two units in three is overdue since 16/6.
BEGUN = local(2, 6, 8)
MIDNIGHT = local(1, 7, 0)


def overdue(number: int) -> bool:
    """Say of the nth unit whether its task is late."""
    return number % 3 > 0


@pytest.fixture(scope="module")
def trees() -> Trees:
    """The units and their changes."""
    return read_trees(FOLDER)


class Crossed:
    """The plan on both sides of the two midnights: the reports of the cycles, the alerts before and after."""

    def __init__(self, trees: Trees, url: str, folder: Path) -> None:
        """Bring the plan of 30/6/2025 in, warn the old heads, import the changes, cross both midnights."""
        book = shipped_book()
        only = replace(book, rules=(book.rule("task-deadline"),))
        standards = Standards(only, CALENDAR, letterhead(), Release(Mode.LIVE))
        self.world = World(database.open_engine(url), folder, standards)
        known = {*trees.old, *trees.present, "VN"}
        units = [row for row in trees.units if row["code"] in known]
        posts = [{"unit": row["code"], "office": "head"} for row in units]
        holders = [holder_row(f"{row['code']}/head") for row in units]
        tasks = [
            {"code": f"T-{code}", "title": f"Nhiệm vụ của {code}", "lead_unit": code, "start": BEGUN}
            | {"due": "2025-06-16" if overdue(number) else "2026-12-31"}
            for number, code in enumerate(sorted(trees.old))
        ]
        write_rows(folder / "units.csv", units)
        write_rows(folder / "posts.csv", posts)
        write_rows(folder / "holders.csv", holders)
        write_rows(folder / "tasks.csv", tasks)
        import_folder(self.world.engine, folder, now=BEGUN, zone=ZONE)
        changed = [*trees.merger, *trees.upgrade]
        self.warned = self.world.bring(local(20, 6, 9), unit_changes=changed).warnings
        self.first = self.world.cycle(local(24, 6, 9))
        self.quiet = self.world.cycle(local(30, 6, 23, 59))
        self.before = self.alerts()
        self.merger = self.world.cycle(MIDNIGHT)
        self.after = self.alerts()
        self.next = self.world.cycle(local(1, 7, 0, 1))
        self.upgrade = self.world.cycle(local(30, 4, 0, year=2026))

    def alerts(self) -> dict[str, Alert]:
        """Give every alert by its number."""
        with self.world.engine.connect() as connection:
            found = connection.execute(schema.alert.select().order_by(schema.alert.c.id)).all()
        known = {row.code: row for row in found}
        assert len(known) == len(found)
        return known  # type: ignore[return-value]


@pytest.fixture(scope="module")
def crossed(trees: Trees, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crossed]:
    """The plan after both days."""
    folder = tmp_path_factory.mktemp("reform")
    url = f"sqlite:///{folder / 'plan.sqlite3'}"
    database.upgrade(url)
    files = folder / "files"
    files.mkdir()
    made = Crossed(trees, url, files)
    yield made
    made.world.engine.dispose()


def told(report: CycleReport) -> Counter[str]:
    """Count the texts to each holder."""
    return Counter(one.holder for one, _ in report.notifications)


def test_the_trees_have_the_sizes_that_their_description_names(trees: Trees) -> None:
    """63 and 10,040 before (five of them islands without a commune code), 34 and 3,321 after; 471 communes split."""
    provinces = [code for code in trees.old if len(code) == 2]
    assert (len(provinces), len(trees.old) - len(provinces)) == (63, 10_040)
    assert len([code for code in trees.present if len(code) == 2]) == 34
    assert len(trees.present) == 34 + 3321
    split = {row["unit"] for row in trees.merger if row["kind"] == "split"}
    assert (len(split), len(trees.present - trees.old)) == (471, 6)


def test_of_202_names_that_differ_in_2026_only_those_that_sound_different_are_new_names(trees: Trees) -> None:
    """190 differ in where the tone mark stands; a misspelling and ten upgrades are said, and the city itself."""
    assert [spoken("Hòa") == spoken("Hoà"), spoken("Thủy") == spoken("Thuỷ"), spoken("Hòa") == spoken("Hóa")] == [
        True,
        True,
        False,
    ]
    wards = [row for row in trees.upgrade if row["unit_kind"] == "Phường"]
    city = [row["name"] for row in trees.upgrade if row["unit"] == "75"]
    assert (len(wards), city) == (10, ["Thành phố Đồng Nai"])


def test_at_midnight_every_alert_stands_at_a_present_unit_under_its_own_number(crossed: Crossed, trees: Trees) -> None:
    """The same open alerts, none ended, none new, episodes and openings as they were."""
    kept = ("code", "rule", "subject", "episode", "state", "level", "opened_at", "pending_since")
    before = {key: [getattr(alert, name) for name in kept] for key, alert in crossed.before.items()}
    after = {key: [getattr(alert, name) for name in kept] for key, alert in crossed.after.items()}
    assert before == after
    opened = [alert for alert in crossed.after.values() if alert.state == State.OPEN.value]
    assert len(opened) == len(crossed.after) == sum(map(overdue, range(len(trees.old))))
    assert {alert.unit for alert in opened} <= trees.present
    assert set(crossed.merger.directory.units) == {*trees.present, "VN"}
    assert set(crossed.quiet.directory.units) == {*trees.old, "VN"}


def test_each_head_who_takes_over_gets_one_digest_and_nobody_else_a_word(crossed: Crossed) -> None:
    """However many communes came together: one text to the head, none to a head of a unit that is no more."""
    moved = {after.unit for code, after in crossed.after.items() if after.unit != crossed.before[code].unit}
    assert set(told(crossed.merger)) == {f"{unit}/head/1" for unit in moved}
    assert set(told(crossed.merger).values()) == {1}
    assert crossed.next.outcome.calls == ()


def test_every_old_code_finds_its_present_unit(crossed: Crossed, trees: Trees) -> None:
    """None is lost, and none leads to a unit that is none."""
    directory = crossed.merger.directory
    assert {directory.present(code) for code in trees.old} == trees.present
    assert crossed.merger.snapshot.tree.unresolved == frozenset()
    assert set(crossed.merger.snapshot.tasks["unit"].cast(str)) == trees.present


def test_the_import_says_how_many_tasks_of_a_split_commune_go_where(crossed: Crossed) -> None:
    """One line for each commune that is split and dissolved."""
    said = [one for one in crossed.warned if "sẽ chuyển cho" in one.message]
    dissolved = {old for old, now in crossed.merger.directory.successors.items() if old != now}
    assert {one.message.split(" của ")[1].split(" sẽ ")[0] for one in said} <= dissolved
    assert said


def test_on_30_april_2026_the_city_and_its_wards_bear_their_new_names(crossed: Crossed, trees: Trees) -> None:
    """The same codes; no alert moves for a name."""
    units = crossed.upgrade.directory.units
    assert units["75"].name == "Thành phố Đồng Nai"
    assert crossed.next.directory.units["75"].name == "Tỉnh Đồng Nai"
    heard = {code: spoken(units[code].name) for code in trees.names}
    assert heard == {code: spoken(name) for code, name in trees.names.items()}
    assert crossed.upgrade.outcome.handed == ()
