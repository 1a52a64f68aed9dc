"""An import reads and compares piece by piece: how large the pieces are changes nothing but the memory it takes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from sqlalchemy import Connection, Engine, select

from warnwatch import schema
from warnwatch.errors import MistakesError
from warnwatch.plan.column import File
from warnwatch.plan.importing import ImportReport, import_folder

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2026, 1, 5, 2, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
EVERYTHING = 1_000_000
SMALL = (1, 2, 7)
# What the database gives by itself: numbers of rows follow the order of writing.
_NUMBERS = {"id", "seq", "xact", "replaces", "hash", "previous"}


def bring(
    engine: Engine,
    folder: Path,
    batch: int,
    now: datetime = NOW,
    *,
    history: bool = False,
    complete: bool = False,
) -> ImportReport:
    """Import a folder, so many rows at a time."""
    return import_folder(engine, folder, now=now, zone=HANOI, batch=batch, history=history, complete=complete)


def folder_of(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a folder that holds these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def stored(engine: Engine) -> dict[str, list[str]]:
    """Every row of every table, without the numbers that rows have."""
    with engine.connect() as connection:
        return {
            table.name: sorted(
                repr([value for name, value in row.items() if name not in _NUMBERS])
                for row in connection.execute(select(table)).mappings()
            )
            for table in schema.metadata.sorted_tables
            if table.name != "journal"
        }


# An import writes to none of these but the journal.
ONLY_GROW = ("journal", "answer", "delivery", "seal")


def emptied(engine: Engine) -> None:
    """Take everything out again."""
    with engine.begin() as connection:
        for table in reversed(schema.metadata.sorted_tables):
            if table.name not in ONLY_GROW:
                connection.execute(table.delete())


# --- the same results -----------------------------------------------------------------------------------------------


class Counting:
    """What stands beside an import and counts the tasks that it is shown."""

    def __init__(self) -> None:
        self.codes: list[str] = []

    def take(self, file: File, rows: pl.DataFrame) -> None:
        """Keep the codes."""
        assert file.name == "tasks"
        self.codes += rows["code"].to_list()

    def settle(self, connection: Connection | None) -> None:
        """Nothing is to be written."""


@pytest.mark.parametrize("batch", [*SMALL, EVERYTHING])
def test_who_stands_beside_an_import_sees_each_row_once(engine: Engine, tmp_path: Path, batch: int) -> None:
    """A source's rows are counted right, and each task that it feeds is known, however the file was cut."""
    rows = "".join(f"T-{number},Việc,U\n" for number in range(9))
    files = {"units": "code,name\nU,Sở\n"}
    bring(engine, folder_of(tmp_path / "first", files), batch)
    folder = folder_of(tmp_path / "then", {"tasks": f"code,title,lead_unit\n{rows}"})
    for _ in ("new", "unchanged"):
        beside = Counting()
        import_folder(engine, folder, now=LATER, zone=HANOI, batch=batch, beside=beside)
        assert sorted(beside.codes) == [f"T-{number}" for number in range(9)]


UNITS = "code,name,parent\nBCD,Ban Chỉ đạo,\nBNV,Bộ Nội vụ,BCD\nVT,Vụ Tổ chức,BNV\n"
FIRST = {
    "units": UNITS,
    "posts": "unit,office,title\nBNV,head,Bộ trưởng\nBCD,head,Trưởng ban\nVT,head,\n",
    "tasks": "code,title,lead_unit,due,due_text,parent\nT2,Hai,VT,2026-03-31,,T9\nT1,Một,BNV,,đến ngày 30/6/2026,T2\n"
    "T9,Chín,BNV,quý IV/2026,,\nT8,Tám,VT,,cuối quý I/2027,T9\nT7,Bảy,VT,,,\n",
    "reports": "task,reported_at,reporter,progress\nT1,2026-01-04 08:00,VT,45%\nT9,2026-01-03 08:00,BNV,5%\n"
    "T1,2026-01-04 09:00,VT,50%\n",
}
SECOND = {
    "units": UNITS.replace("Bộ Nội vụ", "Bộ Nội vụ (mới)"),
    "tasks": "code,title,lead_unit,due,decision\nT9,Chín,BNV,2026-12-31,\nT2,Hai,VT,2026-04-30,QĐ 1\nT1,Một khác,VT,,\n"
    "T3,Ba,VT,2026-05-31,\n",
    "decisions": "number,task,kind,authority,decided_on\nQĐ 1,T2,deadline,BNV,2026-01-05\n"
    "QĐ 2,T1,other,BCD,2026-01-05\n",
    "reports": "task,reported_at,reporter,progress\nT1,2026-01-04 09:00,VT,55%\nT3,2026-01-05 09:00,VT,1%\n",
}


@pytest.mark.parametrize("batch", SMALL)
def test_pieces_do_not_change_what_is_stored(engine: Engine, tmp_path: Path, batch: int) -> None:
    """New, changed, unchanged, omitted and withdrawn rows: one report and one state, whatever the size of a piece."""
    first, second = folder_of(tmp_path / "first", FIRST), folder_of(tmp_path / "second", SECOND)
    seen: list[Any] = []
    for size in (EVERYTHING, batch):
        reports = [bring(engine, first, size), bring(engine, second, size, LATER, complete=True)]
        reports.append(bring(engine, second, size, LATER + timedelta(days=1), complete=True))
        seen.append((reports, stored(engine)))
        emptied(engine)
    assert seen[0] == seen[1]
    assert seen[0][0][1].files["tasks"].withdrawn == 2
    assert [one.task for one in seen[0][0][0].worded] == ["T1", "T9", "T8"]


@pytest.mark.parametrize("batch", SMALL)
def test_pieces_do_not_change_a_history(engine: Engine, tmp_path: Path, batch: int) -> None:
    """Versions of one task that stand in different pieces still follow each other; so do corrected reports."""
    files = {
        "units": "code,name,recorded_at\nBNV,Bộ,2025-01-01\nVT,Vụ,2025-01-01\nBNV,Bộ mới,2025-06-01\n",
        "tasks": "code,title,lead_unit,recorded_at,due,due_text\nT1,Một,VT,2025-02-01,2026-03-31,\n"
        "T2,Hai,VT,2025-02-02,,đến ngày 30/6/2026\nT1,Một khác,VT,2025-03-01,,\nT1,Một nữa,BNV,2025-02-15,,\n",
        "reports": "task,reported_at,reporter,progress,recorded_at\nT1,2025-02-04 08:00,VT,45%,2025-02-04 08:00\n"
        "T2,2025-02-04 08:00,VT,5%,2025-02-04 08:00\nT1,2025-02-04 08:00,VT,40%,2025-02-05 08:00\n",
    }
    folder = folder_of(tmp_path / "in", files)
    seen: list[Any] = []
    for size in (EVERYTHING, batch):
        seen.append((bring(engine, folder, size, history=True), stored(engine)))
        emptied(engine)
    assert seen[0] == seen[1]


WRONG = {
    "units": "code,name,parent\nA,Một,C\nB,Hai,A\nC,Ba,B\nD,Bốn,X\nA,Lại,\n",
    "tasks": "code,title,lead_unit,start,due,status,parent\nT1,Một,A,2026-13-01,,open,T3\nT2,,B,,quý V/2026,done,T1\n"
    "T3,Ba,Z,2026-02-01,2026-01-01,mở,T1\n,Bốn,Z,,,,\nT2,Hai,A,,,open,\nT1,Một,A,,,open,T404\nT5,Năm,A,,,done,\n",
    "reports": "task,reported_at,reporter,progress\nT3,2026-01-04,A,145%\nT3,2026-01-04,A,45%\nT3,2026-01-04,A,45%\n",
}


@pytest.mark.parametrize("batch", SMALL)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_pieces_do_not_change_what_is_wrong(engine: Engine, tmp_path: Path, batch: int) -> None:
    """Repeats, rings and unknown codes are found across pieces, and every cell's mistake once."""
    folder = folder_of(tmp_path / "in", WRONG)
    found = []
    for size in (EVERYTHING, batch):
        with pytest.raises(MistakesError) as caught:
            bring(engine, folder, size)
        found.append(caught.value.mistakes)
    assert found[0] == found[1]
    said = {f"{one.file}:{one.line} {one.message.partition(':')[0]}" for one in found[1]}
    assert {"units.csv:6 trùng với dòng 2", "tasks.csv:6 trùng với dòng 3", "reports.csv:4 trùng với dòng 2"} <= said
    assert {"units.csv:2 vòng khép kín", "tasks.csv:2 vòng khép kín"} <= said
    unknown = {(one.file, one.line, one.found) for one in found[1] if one.message.startswith("mã không có")}
    assert unknown == {("units.csv", 5, "X"), ("tasks.csv", 4, "Z"), ("tasks.csv", 5, "Z"), ("tasks.csv", 7, "T404")}


def test_a_small_file_beside_a_large_plan(engine: Engine, tmp_path: Path) -> None:
    """Fifty thousand stored tasks are compared part by part with a file of two, and none is taken for another."""
    rows = "".join(f"T{number:05d},Việc {number},VT\n" for number in range(50_010))
    many = folder_of(tmp_path / "many", {"units": UNITS, "tasks": f"code,title,lead_unit\n{rows}"})
    bring(engine, many, 20_000)
    few = {"tasks": "code,title,lead_unit\nT00007,Việc khác,VT\nT50009,Việc 50009,VT\n"}
    count = bring(engine, folder_of(tmp_path / "few", few), 20_000, LATER).files["tasks"]
    assert (count.rows, count.added, count.changed, count.unchanged, count.not_mentioned) == (2, 0, 1, 1, 50_008)


# --- awkward text ---------------------------------------------------------------------------------------------------

AWKWARD = (
    *("a\tb", 'có "ngoặc" kép', "\\.", "\\N", "\\", "NULL", "null", "a\\tb", "'; DROP TABLE task; --", "%s %(a)s"),
    *("Tiếng Việt có dấu: ẩn, ợ, ỹ", "𝄞 ngoài BMP", "x,y;z|", "$1 :name ?", " ", '"', "''"),
)


def test_awkward_text_is_stored_as_it_stands(engine: Engine, tmp_path: Path) -> None:
    """Tabs, line breaks, quotes, backslashes and words that mean something to a database are text, on each of them."""
    quoted = [text.replace('"', '""') for text in AWKWARD]
    lines = "".join(f'T{number},"[{text}]",VT,"{text}\n{text}",có,2026-01-01,0\n' for number, text in enumerate(quoted))
    files = {"units": UNITS, "tasks": "code,title,lead_unit,expected_result,judged,start,weight\n" + lines}
    folder = folder_of(tmp_path / "in", files)
    bring(engine, folder, EVERYTHING)
    version = schema.task_version.c
    with engine.connect() as connection:
        found = {
            code: (title, result)
            for code, title, result in connection.execute(select(version.code, version.title, version.expected_result))
        }
    for number, text in enumerate(AWKWARD):
        title, result = found[f"T{number}"]
        assert title == f"[{' '.join(text.split(chr(9))) if text.strip() else ' '}]"
        assert result == (f"{text}\n{text}".strip() or None)
    again = bring(engine, folder, 2, LATER)
    assert all(count.added == count.changed == 0 for count in again.files.values())


# --- the spool ------------------------------------------------------------------------------------------------------

_IMPORT = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo
from warnwatch import database
from warnwatch.plan.importing import import_folder
url, folder, most = sys.argv[1:]
engine = database.open_engine(url)
if int(most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
import_folder(engine, Path(folder), now=datetime(2026, 1, 5, tzinfo=UTC), zone=ZoneInfo("Asia/Ho_Chi_Minh"), batch=2)
"""


def run_import(url: str, folder: Path, aside: Path, most: int = 0) -> str:
    """Import in a process of its own, whose temporary folder is `aside` and whose files may have `most` bytes."""
    aside.mkdir(exist_ok=True)
    command = [sys.executable, "-c", _IMPORT, url, str(folder), str(most)]
    environment = {**os.environ, "TMPDIR": str(aside)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("files", [FIRST, WRONG])
def test_nothing_stays_on_the_disk(database_url: str, tmp_path: Path, files: Mapping[str, str]) -> None:
    """What an import puts aside is gone after it, whether it took the files or not."""
    said = run_import(database_url, folder_of(tmp_path / "in", files), tmp_path / "aside")
    assert ("MistakesError" in said) == (files is WRONG)
    assert list((tmp_path / "aside").iterdir()) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk_is_named_and_nothing_is_written(engine: Engine, database_url: str, tmp_path: Path) -> None:
    """No room for what was read: the error names the folder and what to do, and the plan stays as it was."""
    before = stored(engine)
    said = run_import(database_url, folder_of(tmp_path / "in", FIRST), tmp_path / "aside", most=1_000)
    assert "CannotRunError" in said
    assert f"{tmp_path / 'aside'}: the import needs room" in said
    assert stored(engine) == before
    assert list((tmp_path / "aside").iterdir()) == []
