"""What the door does with secrecy and with incomplete tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select
from workbooks import HEADER, UNITS, workbook

from warnwatch import database, schema
from warnwatch.errors import MistakesError
from warnwatch.plan.importing import ImportReport, import_folder
from warnwatch.printing import import_json, import_lines

NOW = datetime(2026, 1, 5, 2, tzinfo=UTC)
LONG = "Việc " + "x" * 11_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty plan."""
    url = f"sqlite:///{tmp_path}/plan.db"
    database.upgrade(url)
    engine = database.open_engine(url)
    yield engine
    engine.dispose()


def bring(engine: Engine, path: Path, tasks: list[tuple[Any, ...]], *, least_clears: int = 0) -> ImportReport:
    """Import a workbook with three units and these rows as tasks."""
    source = workbook(path, {"Đơn vị": UNITS, "Nhiệm vụ": tasks})
    return import_folder(engine, source, now=NOW, zone=ZoneInfo("Asia/Ho_Chi_Minh"), least_clears=least_clears)


def confidential(engine: Engine) -> dict[str, bool]:
    """Which tasks are confidential."""
    version = schema.task_version
    with engine.connect() as connection:
        rows = connection.execute(
            select(version.c.code, version.c.confidential).where(version.c.superseded_at.is_(None))
        )
        return {row.code: row.confidential for row in rows}


@pytest.mark.parametrize(
    ("file", "rows"),
    [
        ("p.xlsx", [("TUYỆT MẬT",), HEADER, ("T1", "Việc", "BNV", None)]),
        ("p.xlsx", [("Kế hoạch", None, "Độ mật: Tối mật"), HEADER, ("T1", "Việc", "BNV", None)]),
        ("p.xlsx", [HEADER, ("T1", "Việc (tuyệt mật)", "BNV", None)]),
        ("ke-hoach-toi-mat.xlsx", [HEADER, ("T1", "Việc", "BNV", None)]),
    ],
)
def test_top_secret_is_refused_wherever_it_is_said(engine: Engine, tmp_path: Path, file: str, rows: list[Any]) -> None:
    """Nothing of such a file is taken, and the refusal quotes nothing of it."""
    with pytest.raises(MistakesError, match="không được nhập") as caught:
        bring(engine, tmp_path / file, rows)
    assert "Việc" not in str(caught.value)
    assert confidential(engine) == {}


@pytest.mark.parametrize(
    ("file", "rows", "secret"),
    [
        ("p.xlsx", [("MẬT",), HEADER, ("T1", "Một", "BNV"), ("T2", "Hai", "VT")], {"T1": True, "T2": True}),
        ("p (Mật).xlsx", [HEADER, ("T1", "Một", "BNV"), ("T2", "Hai", "VT")], {"T1": True, "T2": True}),
        ("p.xlsx", [HEADER, ("T1", "[MẬT] Một", "BNV"), ("T2", "Bảo mật", "VT")], {"T1": True, "T2": False}),
        ("p.xlsx", [HEADER, ("T1", "Bảo vệ bí mật nhà nước", "BNV")], {"T1": False}),
    ],
)
def test_a_stamp_makes_tasks_confidential(
    engine: Engine, tmp_path: Path, file: str, rows: list[Any], secret: dict[str, bool]
) -> None:
    """What a document is stamped with holds for its rows, without a column for it."""
    bring(engine, tmp_path / file, rows)
    assert confidential(engine) == secret


def test_a_stamp_that_the_column_denies_is_a_mistake(engine: Engine, tmp_path: Path) -> None:
    """Which of the two is right only the owner knows."""
    rows = [("MẬT",), (*HEADER, "Mật"), ("T1", "Một", "BNV", None, "không"), ("T2", "Hai", "BNV", None, "")]
    with pytest.raises(MistakesError, match="cột Mật ghi là không") as caught:
        bring(engine, tmp_path / "p.xlsx", rows)
    assert [one.place for one in caught.value.mistakes] == ["ô E3"]


def test_findings_do_not_quote_a_confidential_task(engine: Engine, tmp_path: Path) -> None:
    """A mistake in a confidential title names its cell and not its words; others are quoted as ever."""
    rows = [(*HEADER, "Mật"), ("T1", LONG, "BNV", None, "có"), ("T2", LONG, "BNV", None, "không")]
    with pytest.raises(MistakesError, match="quá dài") as caught:
        bring(engine, tmp_path / "p.xlsx", rows)
    assert [one.found[:4] for one in caught.value.mistakes] == ["…", "Việc"]


def test_the_six_clears_are_counted(engine: Engine, tmp_path: Path) -> None:
    """The report says how many tasks have how many of six, what is missing how often, and which have the fewest."""
    head = (*HEADER, "Rõ người", "Văn bản giao", "Rõ trách nhiệm", "Kết quả, sản phẩm", "Rõ thẩm quyền")
    full = ("T1", "Một", "BNV", "2026-06-30", "Vụ trưởng", "KH 02", "Bộ trưởng", "Báo cáo", "BCD")
    report = bring(engine, tmp_path / "p.xlsx", [head, full, ("T2", "Hai", "BNV", "2026-06-30"), ("T3", "Ba", "VT")])
    assert dict(report.completeness.tasks) == {6: 1, 1: 1, 0: 1}
    text = "\n".join(import_lines(report))
    assert "6 rõ, số nhiệm vụ theo mức đạt: 6/6: 1, 1/6: 1, 0/6: 1." in text
    assert "ít nhất: T3 (0/6), T2 (1/6)" in text
    found = json.loads(json.dumps(import_json(report)))["clears"]
    assert found["missing"]["due_at"] == 1
    assert found["touched"][0] == {"task": "T1", "clears": 6, "missing": []}
    again = bring(engine, tmp_path / "p.xlsx", [head, full, ("T2", "Hai", "BNV", "2026-06-30"), ("T3", "Ba", "VT")])
    assert again.completeness.told == []


def test_too_few_clears_can_be_refused(engine: Engine, tmp_path: Path) -> None:
    """With plan.least_clears a task below it is refused with what it lacks; tasks already taken stay."""
    rows = [HEADER, ("T1", "Một", "BNV", "2026-06-30")]
    with pytest.raises(MistakesError, match=r"đạt 1/6 rõ, thiếu: rõ người \(Rõ người\), rõ việc") as caught:
        bring(engine, tmp_path / "p.xlsx", rows, least_clears=2)
    assert len(caught.value.mistakes) == 1
    bring(engine, tmp_path / "p.xlsx", rows, least_clears=1)
    bring(engine, tmp_path / "p.xlsx", rows, least_clears=6)
