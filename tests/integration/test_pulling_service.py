"""Sources as an installation meets them: pulled by the service beside its cycles, and by the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services import ask, holds, run, serving, settings_for
from sqlalchemy import func, select
from worlds import build_world

from warnwatch import schema
from warnwatch.plan.source import FolderSource, SqlSource
from warnwatch.service import Service

PLAIN: dict[str, Any] = {"title": "Nguồn", "keeper": "BYT", "rhythm": "1 working day"}
CSV = "code,title,lead_unit,start,due\nF-1,Việc,DP-19-UB,2025-08-04,2025-08-15\n"
TOML = """
[[sources]]
code = "so-viec"
title = "Sổ việc"
keeper = "BYT"
kind = "folder"
rhythm = "1 working day"
settle = 0
path = "data"
"""


async def test_the_service_pulls_beside_its_cycles_and_says_how_fresh(sqlite_url: str, tmp_path: Path) -> None:
    """One source is good, one cannot be opened; cycles go on, metrics and page name both."""
    world = build_world(sqlite_url, tmp_path / "in")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tasks.csv").write_text(CSV, encoding="utf-8")
    good = FolderSource(kind="folder", code="S-1", path=tmp_path / "data", settle=0, **PLAIN)
    lost = SqlSource(
        kind="sql", code="S-2", database=f"sqlite:///{tmp_path}/none.db", query="select 1", file="tasks", **PLAIN
    )
    service = Service(settings_for(sqlite_url).model_copy(update={"sources": (good, lost)}))
    async with serving(service):

        def seen() -> bool:
            return bool(
                service.latest and service.latest.snapshot.sources["outcome"].to_list() == ["ok", "unreachable"]
            )

        await holds(seen)
        status, metrics = await ask(service.link, "/metrics")
        _, page = await ask(service.link, "/")
    assert status == 200
    assert "warnwatch_stale_sources 0" in metrics
    assert 'warnwatch_source_rows{source="S-1"} 1' in metrics
    assert 'warnwatch_source_outcome{source="S-2",outcome="unreachable"} 1' in metrics
    assert "Nguồn số liệu" in page
    assert not (tmp_path / "none.db").exists()
    assert world.count(schema.task) == 1
    world.engine.dispose()


def test_the_command_pulls_one_source(sqlite_url: str, tmp_path: Path) -> None:
    """A dry run writes nothing; a pull imports; an unknown code is answered with the ones there are."""
    world = build_world(sqlite_url, tmp_path / "in")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tasks.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "ww.toml").write_text(TOML, encoding="utf-8")
    words = ("--config", "ww.toml", "import", "--pull")
    database = {"url": sqlite_url}

    dry = run(*words, "so-viec", "--dry-run", folder=tmp_path, database=database)
    assert (dry.returncode, world.count(schema.task), world.count(schema.pull)) == (0, 0, 0)
    done = run(*words, "so-viec", folder=tmp_path, database=database)
    assert "Nguồn so-viec: đã nhập" in done.stdout
    assert (done.returncode, world.count(schema.task), world.count(schema.pull)) == (0, 1, 1)
    (tmp_path / "data" / "tasks.csv").write_text(CSV + "F-2,Việc,NOBODY,,\n", encoding="utf-8")
    bad = run(*words, "so-viec", folder=tmp_path, database=database)
    assert bad.returncode == 1
    assert "có lỗi, không nhập gì" in bad.stdout
    wrong = run(*words, "so-vie", folder=tmp_path, database=database)
    assert wrong.returncode == 2
    assert "so-viec" in wrong.stderr
    with world.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(schema.feed)) == 1
    world.engine.dispose()
