"""A task given to a group of units is one task per unit, each with exactly one lead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select

from warnwatch import database, schema
from warnwatch.errors import MistakesError
from warnwatch.plan.importing import ImportReport, import_folder
from warnwatch.shipped import shipped

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2026, 1, 5, 2, tzinfo=UTC)
LATER = NOW + timedelta(days=1)

UNITS = (
    "code,name,kind,bloc,parent\nBCD,Ban Chỉ đạo,ban_chi_dao,CHI_DAO,\nCP,Chính phủ,ban_chi_dao,CHI_DAO,BCD\n"
    "BNV,Bộ Nội vụ,bo,CHINH_PHU,CP\nBTC,Bộ Tài chính,bo,CHINH_PHU,CP\nTTCP,Thanh tra,co_quan_ngang_bo,CHINH_PHU,CP\n"
    "T1,Tỉnh ủy Một,tinh_uy,DIA_PHUONG,BCD\nT1-UB,UBND tỉnh Một,ubnd_cap_tinh,DIA_PHUONG,T1\n"
    "T2,Thành ủy Hai,Thành ủy,DIA_PHUONG,BCD\nT2-UB,UBND thành phố Hai,UBND cấp tỉnh,DIA_PHUONG,T2\n"
)
TASKS = "code,title,lead_unit,due\n"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty plan on SQLite: what is expanded is decided before any row is written."""
    url = f"sqlite:///{tmp_path}/plan.db"
    database.upgrade(url)
    engine = database.open_engine(url)
    yield engine
    engine.dispose()


def bring(engine: Engine, folder: Path, files: Mapping[str, str], now: datetime = NOW, **options: int) -> ImportReport:
    """Import these files."""
    source = folder / f"{now:%d%H%M}"
    source.mkdir()
    for name, text in files.items():
        (source / name).write_text(text, encoding="utf-8")
    return import_folder(engine, source, now=now, zone=HANOI, batch=options.get("batch", 20_000))


def tasks(engine: Engine) -> dict[str, tuple[str, str | None, bool, str]]:
    """What each task is now: its lead, its parent, whether it is judged, its status."""
    version = schema.task_version
    query = select(version.c.code, version.c.lead_unit, version.c.parent, version.c.judged, version.c.status)
    with engine.connect() as connection:
        rows = connection.execute(query.where(version.c.superseded_at.is_(None)).order_by(version.c.code))
        return {row.code: (row.lead_unit, row.parent, row.judged, row.status) for row in rows}


@pytest.mark.parametrize(
    ("cell", "units", "superior"),
    [
        ("ALL:BO_NGANH", "BNV BTC TTCP", "CP"),
        ("all:dp", "T1 T2", "BCD"),
        ("ALL:DP-UB", "T1-UB T2-UB", "BCD"),
        ("ALL:tinh_uy", "T1", "BCD"),
        ("ALL:CHINH_PHU", "BNV BTC TTCP", "CP"),
        ("MULTI:BNV|T1", "BNV T1", "BCD"),
        ("BNV; BTC", "BNV BTC", "CP"),
        ("BNV, BTC", "BNV BTC", "CP"),
        ("BTC\nBNV", "BNV BTC", "CP"),
        ("các tỉnh, thành phố", "T1-UB T2-UB", "BCD"),
        ("Các tỉnh, thành phố trực thuộc Trung ương", "T1-UB T2-UB", "BCD"),
        ("UBND các tỉnh, thành phố", "T1-UB T2-UB", "BCD"),
        ("Uỷ ban nhân dân các tỉnh và thành phố", "T1-UB T2-UB", "BCD"),
        ("các Tỉnh uỷ, Thành uỷ", "T1 T2", "BCD"),
        ("Các bộ, ngành", "BNV BTC TTCP", "CP"),
        ("Các bộ, cơ quan ngang bộ", "BNV BTC TTCP", "CP"),
        ("Tất cả các bộ", "BNV BTC", "CP"),
        ("các bộ, ngành, địa phương", "BNV BTC TTCP T1-UB T2-UB", "BCD"),
        ("Các bộ, cơ quan ngang bộ; UBND các tỉnh, thành phố", "BNV BTC TTCP T1-UB T2-UB", "BCD"),
        ("Các bộ, cơ quan ngang bộ, T1", "BNV BTC TTCP T1", "BCD"),
    ],
)
def test_words_and_codes_name_groups(engine: Engine, tmp_path: Path, cell: str, units: str, superior: str) -> None:
    """What an official types for many units becomes one task each, followed by their nearest common superior."""
    report = bring(engine, tmp_path, {"units.csv": UNITS, "tasks.csv": f'{TASKS}X,Việc,"{cell}",2026-06-30\n'})
    found = tasks(engine)
    assert found.pop("X") == (superior, None, False, "open")
    assert found == {f"X.{unit}": (unit, "X", True, "open") for unit in sorted(units.split())}
    (said,) = report.expanded
    assert (said.task, said.words, said.units, said.lead) == ("X", " ".join(cell.split()), len(found), superior)


def test_all_units_are_every_unit(engine: Engine, tmp_path: Path) -> None:
    """The highest unit follows what everybody has to do, itself included."""
    bring(engine, tmp_path, {"units.csv": UNITS, "tasks.csv": f"{TASKS}X,Việc,ALL:UNITS,2026-06-30\n"})
    found = tasks(engine)
    assert (len(found), found["X"][0], found["X.BCD"][0]) == (10, "BCD", "BCD")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("các xã, phường, đặc khu", "nhóm “các xã, phường, đặc khu” không có đơn vị nào"),
        ("các tinh, thành phố", "có phải ý là: tỉnh, thành phố"),
        ("ALL:BO_NGHANH", "có phải ý là: ALL:BO_NGANH"),
        ("BNV; BTX", "có phải ý là: BTC"),
        ("BCD; KHAC", "không rõ đơn vị hoặc nhóm đơn vị “KHAC”"),
    ],
)
def test_unknown_groups_are_named(engine: Engine, tmp_path: Path, cell: str, said: str) -> None:
    """Words that nobody knows, and groups without a unit, are refused with the nearest that is known."""
    with pytest.raises(MistakesError, match=r"tasks\.csv:2:3") as caught:
        bring(engine, tmp_path, {"units.csv": UNITS, "tasks.csv": f'{TASKS}X,Việc,"{cell}",2026-06-30\n'})
    assert said in str(caught.value)
    assert len(caught.value.mistakes) == 1


def test_a_mistake_in_a_group_is_said_once(engine: Engine, tmp_path: Path) -> None:
    """One row with one wrong code is one mistake, however many tasks the row makes."""
    text = "code,title,lead_unit,decision_authority\nX,Việc,ALL:BO_NGANH,KHONG\n"
    with pytest.raises(MistakesError) as caught:
        bring(engine, tmp_path, {"units.csv": UNITS, "tasks.csv": text})
    assert len(caught.value.mistakes) == 1


def test_units_without_a_common_superior_are_refused(engine: Engine, tmp_path: Path) -> None:
    """Somebody has to follow the whole."""
    units = "code,name,kind\nA,Một,bo\nB,Hai,bo\n"
    with pytest.raises(MistakesError, match="không có cấp trên chung"):
        bring(engine, tmp_path, {"units.csv": units, "tasks.csv": f"{TASKS}X,Việc,ALL:BO_NGANH,\n"})


def test_the_same_again_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    """A file with groups can be imported any number of times."""
    files = {"units.csv": UNITS, "tasks.csv": f"{TASKS}X,Việc,ALL:DP,2026-06-30\nY,Khác,ALL:BO_NGANH,\n"}
    bring(engine, tmp_path, files)
    report = bring(engine, tmp_path, files, LATER)
    counts = report.files["tasks"]
    assert (counts.rows, counts.added, counts.changed, counts.unchanged, counts.not_mentioned) == (7, 0, 0, 7, 0)
    assert not report.warnings


def test_a_group_follows_its_units(engine: Engine, tmp_path: Path) -> None:
    """A unit that comes into the group gets its task at the next import; that of one gone is kept, not mentioned."""
    group = {"tasks.csv": f"{TASKS}X,Việc,ALL:BO_NGANH,2026-06-30\n"}
    bring(engine, tmp_path, {"units.csv": UNITS, **group})
    moved = UNITS.replace("BTC,Bộ Tài chính,bo", "BTC,Bộ Tài chính,khac") + "BYT,Bộ Y tế,bo,CHINH_PHU,CP\n"
    counts = bring(engine, tmp_path, {"units.csv": moved, **group}, LATER).files["tasks"]
    assert (counts.added, counts.changed, counts.unchanged, counts.not_mentioned) == (1, 0, 3, 1)
    assert tasks(engine)["X.BTC"] == ("BTC", "X", True, "open")


def test_what_a_unit_has_done_stays_done(engine: Engine, tmp_path: Path) -> None:
    """The group's row, imported again, takes nothing back from a unit: only what it newly says reaches all."""
    head = "code,title,lead_unit,due,status,done_at,verifier,decision\n"
    group = "X,Việc,ALL:DP,2026-06-30,đang thực hiện,,,\n"
    bring(engine, tmp_path, {"units.csv": UNITS, "tasks.csv": head + group})
    own = "X.T1,Việc,T1,2026-06-30,hoàn thành,2026-01-05,BCD,\n"
    bring(engine, tmp_path, {"tasks.csv": f"{head}{own}"}, LATER)
    report = bring(engine, tmp_path, {"tasks.csv": head + group}, LATER + timedelta(days=1))
    assert (report.files["tasks"].changed, tasks(engine)["X.T1"][3]) == (0, "done")
    stopped = "X,Việc,ALL:DP,2026-06-30,tạm dừng,,,QĐ 5\n"
    bring(engine, tmp_path, {"tasks.csv": head + stopped}, LATER + timedelta(days=2))
    assert {status for _, _, _, status in tasks(engine).values()} == {"suspended"}


def test_a_row_of_its_own_stands(engine: Engine, tmp_path: Path) -> None:
    """A unit's task that the same file also gives by itself is as that row says, under the same parent."""
    text = f"{TASKS}X,Việc,ALL:DP,2026-06-30\nX.T2,Việc riêng,T2,2026-09-30\n"
    report = bring(engine, tmp_path, {"units.csv": UNITS, "tasks.csv": text})
    assert report.files["tasks"].rows == 3
    assert tasks(engine)["X.T2"] == ("T2", "X", True, "open")


def test_a_decision_about_the_whole_holds_for_each(engine: Engine, tmp_path: Path) -> None:
    """A deadline of a group moves for all its units by one decision that names the group's task."""
    head = "code,title,lead_unit,due,decision\n"
    bring(engine, tmp_path, {"units.csv": UNITS, "tasks.csv": f"{head}X,Việc,ALL:BO_NGANH,2026-06-30,\n"})
    decisions = "number,task,kind,authority,decided_on\n9/QĐ,X,deadline,BCD,2026-01-06\n"
    moved = {"tasks.csv": f"{head}X,Việc,ALL:BO_NGANH,2026-09-30,9/QĐ\n", "decisions.csv": decisions}
    assert bring(engine, tmp_path, moved, LATER).files["tasks"].changed == 4
    with engine.connect() as connection:
        rows = connection.execute(select(schema.deadline.c.authorised).where(schema.deadline.c.decision == "9/QĐ"))
        assert [authorised for (authorised,) in rows] == [True] * 4


def test_reports_and_decisions_may_name_the_whole(engine: Engine, tmp_path: Path) -> None:
    """The parent is a task like any other to those who report on it."""
    reports = "task,reported_at,reporter,progress\nX,2026-01-04,CP,45%\nX.BNV,2026-01-04,BNV,45%\n"
    files = {"units.csv": UNITS, "tasks.csv": f"{TASKS}X,Việc,ALL:BO_NGANH,\n", "reports.csv": reports}
    assert bring(engine, tmp_path, files).files["reports"].added == 2


def test_words_of_a_deadline_hold_for_all(engine: Engine, tmp_path: Path) -> None:
    """A deadline in words is computed once, said once, and is that of every unit."""
    text = "code,title,lead_unit,due_text\nX,Việc,ALL:DP,trong quý II/2026\n"
    report = bring(engine, tmp_path, {"units.csv": UNITS, "tasks.csv": text})
    assert [one.task for one in report.worded] == ["X"]
    with engine.connect() as connection:
        assert len(connection.execute(select(schema.deadline.c.task)).all()) == 3


def test_everything_to_everybody_is_refused(engine: Engine, tmp_path: Path) -> None:
    """A file that makes more tasks than any plan has is a slip, and is refused with words."""
    units = "code,name,kind,parent\nR,Gốc,khac,\n" + "".join(f"U{n},Xã {n},xa,R\n" for n in range(1_000))
    rows = "".join(f"X{n},Việc,ALL:XA,\n" for n in range(201))
    with pytest.raises(MistakesError, match="hơn 200000 nhiệm vụ"):
        bring(engine, tmp_path, {"units.csv": units, "tasks.csv": TASKS + rows})


def test_the_units_of_the_plan_are_enough(engine: Engine, tmp_path: Path) -> None:
    """The units may have been imported before; Plan 02 as its sources give it comes in as the example has it."""
    bring(engine, tmp_path, {"units.csv": (shipped("examples") / "plan02" / "units.csv").read_text(encoding="utf-8")})
    text = (
        f"{TASKS}KH02-002,Việc,ALL:BO_NGANH,\nKH02-003,Việc,ALL:DP,\nKH02-004,Việc,ALL:DP-UB,\nKH02-005,V,ALL:UNITS,\n"
    )
    report = bring(engine, tmp_path, {"tasks.csv": text}, LATER)
    assert [(one.units, one.lead) for one in report.expanded] == [
        (22, "CP-BCD"),
        (34, "BCD-CQTT"),
        (34, "BCD-CQTT"),
        (131, "BCD"),
    ]


def test_a_group_in_a_large_file_is_expanded_too(engine: Engine, tmp_path: Path) -> None:
    """A file that is split by its keys gives the same tasks, those included that have a row of their own."""
    rows = "K1,Việc chung,ALL:BO_NGANH,2026-06-30\nK2,Riêng,T1,2026-06-30\nK1.BTC,Của Bộ Tài chính,BTC,2026-07-31\n"
    files = {"units.csv": UNITS, "tasks.csv": TASKS + rows}
    report = bring(engine, tmp_path, files, batch=1)
    assert (report.files["tasks"].rows, report.files["tasks"].added, report.expanded[0].units) == (5, 5, 3)
    assert tasks(engine) == {
        "K1": ("CP", None, False, "open"),
        "K1.BNV": ("BNV", "K1", True, "open"),
        "K1.BTC": ("BTC", "K1", True, "open"),
        "K1.TTCP": ("TTCP", "K1", True, "open"),
        "K2": ("T1", None, True, "open"),
    }
    again = bring(engine, tmp_path, files, LATER, batch=1)
    assert (again.files["tasks"].added, again.files["tasks"].changed) == (0, 0)


@pytest.mark.parametrize("batch", [1, 20_000])
def test_a_file_with_a_group_leaves_the_place_of_other_tasks(engine: Engine, tmp_path: Path, batch: int) -> None:
    """A file without the columns parent and judged changes neither, though a group in it needs both."""
    first = "code,title,lead_unit,parent,judged\nP,Mẹ,CP,,không\nK2,Con,T1,P,có\n"
    bring(engine, tmp_path, {"units.csv": UNITS, "tasks.csv": first})
    then = "code,title,lead_unit\nK1,Chung,ALL:DP\nP,Mẹ,CP\nK2,Con,T1\nK1.T1,Riêng,T1\nK3,Ba,T2\n"
    report = bring(engine, tmp_path, {"tasks.csv": then}, LATER, batch=batch)
    assert (report.files["tasks"].changed, report.files["tasks"].unchanged) == (0, 2)
    assert {code: (parent, judged) for code, (_, parent, judged, _) in tasks(engine).items()} == {
        "K1": (None, False),
        "K1.T1": ("K1", True),
        "K1.T2": ("K1", True),
        "K2": ("P", True),
        "K3": (None, True),
        "P": (None, False),
    }
