"""Fourteen years of real readings of 63 provinces: what was never published is a gap, never a zero and never a fall."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from pathlib import Path

import polars as pl
import pytest
from builders import ZONE, letterhead, local
from judging import CALENDAR
from papi import Index, plan_rows, read_index, readings, write_history
from sqlalchemy import Engine
from worlds import World

from warnwatch import database
from warnwatch.alerts.alert import State
from warnwatch.cycle import Standards
from warnwatch.notify.notification import Kind
from warnwatch.notify.release import Mode, Release
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.importing import import_folder
from warnwatch.plan.kpi_frame import read_kpis
from warnwatch.plan.measures import today_of
from warnwatch.rules.evaluation import columns_of
from warnwatch.rules.rulebook import load_rulebook
from warnwatch.shipped import shipped

DATA = os.environ.get("WARNWATCH_DATA")
FOLDER = Path(DATA or ".") / "vn_papi"
pytestmark = [
    pytest.mark.skipif(
        DATA is None or not FOLDER.is_dir(), reason="needs the data set vn_papi: name its folder by WARNWATCH_DATA"
    ),
    pytest.mark.timeout(300),
]
RULES = """\
rules:
  - id: kpi-shortfall
    title: Chỉ tiêu chưa đạt
    about: kpi
    where: has_reading
    measure: shortfall
    above: {warning: 0.1}
    for: 0
    keep: 0
    text: kpi_below
    escalation: head-of-unit
    guidance: Xác định nguyên nhân và giải pháp.
"""
TIEN_GIANG, VINH_PHUC, QUANG_NINH, HA_NOI = "82", "26", "22", "01"


@pytest.fixture(scope="module")
def index() -> Index:
    """The index as it was published."""
    return read_index(FOLDER)


@pytest.fixture(scope="module")
def engine(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The index as the history of a plan, brought in through the import."""
    folder = tmp_path_factory.mktemp("papi")
    write_history(index, folder)
    url = f"sqlite:///{tmp_path_factory.mktemp('database') / 'plan.sqlite3'}"
    database.upgrade(url)
    engine = database.open_engine(url)
    report = import_folder(engine, folder, now=local(1, 5, year=2025), zone=ZONE, history=True)
    assert (report.files["readings"].added, report.warnings) == (len(index.scores), ())
    yield engine
    engine.dispose()


def known_at(engine: Engine, year: int) -> pl.DataFrame:
    """Give the KPIs as they were known on 1 May of a year."""
    with engine.connect().execution_options(reads_only=True) as connection:
        return read_kpis(connection, CALENDAR, as_of=datetime(year, 5, 1, tzinfo=UTC))


def latest(kpis: pl.DataFrame, province: str, indicator: str) -> tuple[str | None, float | None]:
    """Give period and value of one province's latest reading."""
    row = kpis.filter((pl.col("unit") == province) & (pl.col("kpi") == indicator))
    return row.select("period", "value").row(0)


def test_the_whole_index_is_there(index: Index, engine: Engine) -> None:
    """63 provinces by 29 indicators are 1,827 subjects; every published score was taken as written."""
    kpis = known_at(engine, 2025)
    assert (len(index.scores), kpis.height) == (21_891, 63 * 29)
    for one in index.scores:
        if one.year == 2024:
            assert latest(kpis, one.province, one.indicator) == ("2024", float(one.value)), one


def test_a_year_without_results_is_a_gap_and_the_year_before_stands(index: Index, engine: Engine) -> None:
    """Nothing was published for Tiền Giang and Vĩnh Phúc in 2024: their latest readings are those of 2023."""
    kpis = known_at(engine, 2025)
    behind = kpis.filter(pl.col("period") != "2024").select("unit", "period").unique()
    assert sorted(behind.filter(pl.col("period") == "2023").iter_rows()) == [(VINH_PHUC, "2023"), (TIEN_GIANG, "2023")]
    assert 2024 not in index.years(TIEN_GIANG, "SC11")
    assert latest(known_at(engine, 2024), QUANG_NINH, "SC11")[0] == "2022", "2023 was not published for Quảng Ninh"


def test_an_indicator_that_did_not_exist_yet_is_unknown_and_alarms_nobody(index: Index, engine: Engine) -> None:
    """SC24 begins in 2018: before, it has no value, no shortfall, and no level."""
    assert min(index.years("01", "SC24")) == 2018
    before = known_at(engine, 2018).filter(pl.col("kpi") == "SC24")
    assert before["value"].null_count() == before.height == 63
    shortfall = CATALOGUE["kpi"]["shortfall"].expression
    missing = before.select(shortfall(None).alias("shortfall"))["shortfall"]  # type: ignore[arg-type]
    assert missing.null_count() == before.height


def measured(kpis: pl.DataFrame, name: str, year: int) -> pl.DataFrame:
    """Give one measure of every KPI as on 1 May of a year: unit, kpi, value."""
    today = today_of(datetime(year, 5, 1, tzinfo=UTC), CALENDAR)
    return kpis.select("unit", "kpi", CATALOGUE["kpi"][name].expression(today).alias("value"))


def test_falls_are_counted_year_by_year_and_stop_at_a_gap(index: Index, engine: Engine) -> None:
    """For 2019, before the scale changed: the falls in a row of every KPI, by hand from the scores."""
    scores = {(one.province, one.indicator, one.year): float(one.value) for one in index.scores}
    for unit, kpi, falls in measured(known_at(engine, 2020), "falls_in_a_row", 2020).iter_rows():
        series = [scores.get((unit, kpi, year)) for year in range(2019, 2010, -1)]
        if series[0] is None:
            continue
        worse = takewhile(
            lambda pair: pair[0] is not None and pair[1] is not None and pair[0] < pair[1], pairwise(series)
        )
        expected = None if series[1] is None else len(list(worse))
        assert falls == expected, (unit, kpi)


def test_the_new_scale_of_2021_makes_no_wave(index: Index, engine: Engine) -> None:
    """Most scores of public procedures leapt in 2021 because they were weighted anew: no KPI says better or worse."""
    scores = {(one.province, one.indicator, one.year): float(one.value) for one in index.scores}
    naive = [
        scores[key] > scores[key[0], key[1], 2020] for key in scores if key[2] == 2021 and (*key[:2], 2020) in scores
    ]
    assert len(naive) > 1_500
    then = known_at(engine, 2022)
    assert set(then.filter(pl.col("period") == "2021")["comparable"]) == {False}
    for name in ("change_on_year", "worse_on_year", "falls_in_a_row", "change_on_previous"):
        assert measured(then.filter(pl.col("period") == "2021"), name, 2022)["value"].null_count() == len(
            then.filter(pl.col("period") == "2021")
        )
    after = known_at(engine, 2023)
    compared = measured(after.filter(pl.col("period") == "2022"), "falls_in_a_row", 2023)["value"].drop_nulls()
    assert set(compared.to_list()) == {0, 1}, "a year later they are compared again, from the new scale on"


def test_a_year_that_nobody_published_is_a_late_figure(index: Index, engine: Engine) -> None:
    """On 1 May 2025 Tiền Giang owes 2024, due 75 working days after it; Hà Nội owes what the index no longer has."""
    late = measured(known_at(engine, 2025), "missing_working_days", 2025)
    assert min(late.filter(pl.col("unit") == TIEN_GIANG)["value"].to_list()) > 0
    owed = {kpi for unit, kpi, days in late.iter_rows() if unit == HA_NOI and days}
    assert owed == {kpi for kpi in index.indicators if 2024 not in index.years(HA_NOI, kpi)}


def test_an_alert_outlives_a_year_that_nobody_published(index: Index, database_url: str, tmp_path: Path) -> None:
    """Quảng Ninh is warned of what fell short in 2022; the gap of 2023 ends nothing, the readings of 2024 do."""
    world = _judged(database.open_engine(database_url), tmp_path)
    world.bring(local(15, 4, 8, year=2020), **plan_rows(index))
    scores = [one for one in index.scores if one.province in (QUANG_NINH, HA_NOI)]
    ended: dict[int, set[str]] = {}
    for year in (2022, 2023, 2024):
        published = local(15, 4, 8, year=year + 1)
        world.bring(published, readings=readings(one for one in scores if one.year == year))
        moves = world.cycle(published + timedelta(hours=1)).outcome.transitions
        ended[year] = {move.after.subject for move in moves if move.after.state is State.ENDED}
        if year == 2022:
            assert _open(world, QUANG_NINH) == _short(index, QUANG_NINH, 2022) != set()
    before = {f"{code}/{QUANG_NINH}" for code in _short(index, QUANG_NINH, 2022)}
    assert not before & ended[2023]
    assert _open(world, QUANG_NINH) == _short(index, QUANG_NINH, 2024)
    assert before & ended[2024] == before - {f"{code}/{QUANG_NINH}" for code in _short(index, QUANG_NINH, 2024)}
    world.engine.dispose()


def _open(world: World, province: str) -> set[str]:
    return {one.subject.split("/")[0] for one in world.alerts() if one.unit == province and one.state is State.OPEN}


def _short(index: Index, province: str, year: int) -> set[str]:
    """Name the indicators of a province that fell short of their goal by more than the rule lets pass."""
    scores = {one.indicator: float(one.value) for one in index.scores if (one.province, one.year) == (province, year)}
    goals = {code: index.goal(province, code) for code in scores}
    return {code for code, value in scores.items() if (goal := goals[code]) and float(goal) - value > 0.1}


def _judged(engine: Engine, tmp_path: Path) -> World:
    for name in ("rules", "plan"):
        (tmp_path / name).mkdir()
    shutil.copy(shipped("alert_rules") / "escalations.yml", tmp_path / "rules")
    (tmp_path / "rules" / "kpis.yml").write_text(RULES, encoding="utf-8")
    book = load_rulebook(tmp_path / "rules", {about: columns_of(about) for about in CATALOGUE}, list(Kind))
    return World(engine, tmp_path / "plan", Standards(book, CALENDAR, letterhead(), Release(Mode.LIVE)))
