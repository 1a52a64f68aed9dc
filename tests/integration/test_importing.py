"""A folder of CSV files becomes the plan, on SQLite and PostgreSQL, or nothing of it does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, Table, func, select

from warnwatch import database, schema
from warnwatch.errors import Mistake, MistakesError
from warnwatch.plan.importing import ImportReport, import_folder
from warnwatch.shipped import shipped

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2026, 1, 5, 2, tzinfo=UTC)
LATER = NOW + timedelta(days=1)

UNITS = "code,name,parent\nBCD,Ban Chỉ đạo,\nBNV,Bộ Nội vụ,BCD\nVT,Vụ Tổ chức,BNV\n"
TASKS = "code,title,lead_unit,start,due,decision\nT1,Việc một,VT,2026-01-01,2026-03-31,\nT2,Việc hai,BNV,,,\n"
DECISIONS = "number,task,kind,authority,decided_on\n"
REPORTS = "task,reported_at,reporter,progress\nT1,2026-01-04T08:00:00+07:00,VT,45%\n"

Import = Callable[..., ImportReport]

# What is refused before any row is compared with the database does not depend on which one it is.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def bring(engine: Engine, tmp_path: Path) -> Import:
    """Import files given by name: text or bytes."""

    def bring(
        now: datetime = NOW,
        *,
        files: Mapping[str, str | bytes],
        dry_run: bool = False,
        history: bool = False,
        complete: bool = False,
    ) -> ImportReport:
        folder = folder_of(tmp_path / "in", files)
        return import_folder(
            engine,
            folder,
            now=now,
            zone=HANOI,
            dry_run=dry_run,
            history=history,
            complete=complete,
            actor="BCD",
        )

    return bring


def folder_of(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write a folder that holds these files only."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def plan(**others: str | bytes) -> dict[str, str | bytes]:
    """Three units under each other, two tasks; more files by name."""
    return {"units.csv": UNITS, "tasks.csv": TASKS, **{f"{name}.csv": text for name, text in others.items()}}


def rows(engine: Engine, table: Table, *columns: str) -> list[tuple[Any, ...]]:
    """Every row of a table in the order of writing."""
    order = table.c.id if "id" in table.c else table.c.seq if "seq" in table.c else table.c.code
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*(table.c[name] for name in columns)).order_by(order))]


def totals(engine: Engine) -> dict[str, int]:
    """How many rows each table holds."""
    with engine.connect() as connection:
        tables = schema.metadata.sorted_tables
        return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def refused(bring: Import, **files: str | bytes) -> tuple[Mistake, ...]:
    """The mistakes for which the files are refused."""
    with pytest.raises(MistakesError) as caught:
        bring(files=plan(**files))
    return caught.value.mistakes


# --- taking ---------------------------------------------------------------------------------------------------------


def test_a_plan_is_taken_whole(bring: Import, engine: Engine) -> None:
    """Every file's rows are stored, with the deadline as the last microsecond of its day."""
    report = bring(files=plan(reports=REPORTS))
    assert {name: count.added for name, count in report.files.items()} == {"units": 3, "tasks": 2, "reports": 1}
    due = datetime(2026, 3, 31, 23, 59, 59, 999_999, tzinfo=HANOI)
    assert rows(engine, schema.deadline, "task", "due_at", "authorised", "recorded_at") == [("T1", due, True, NOW)]
    assert rows(engine, schema.report, "task", "progress", "replaces") == [("T1", 0.45, None)]
    assert rows(engine, schema.task_version, "code", "status", "weight") == [("T1", "open", 1.0), ("T2", "open", 1.0)]


def test_what_changed_is_told_and_journaled(bring: Import, engine: Engine) -> None:
    """The evaluator gets one change per subject and kind, the journal one row, in the import's transaction."""
    bring(files=plan(reports=REPORTS))
    told = set(rows(engine, schema.change, "kind", "subject"))
    told_of = {("unit", "BCD"), ("unit", "BNV"), ("unit", "VT"), ("task", "T1"), ("task", "T2"), ("report", "T1")}
    assert told == told_of
    ((at, kind, facts),) = rows(engine, schema.journal, "at", "kind", "facts")
    assert (at, kind, facts["files"]["tasks"]["added"], facts["reconstructed"]) == (NOW, "import", 2, False)


def test_a_second_run_changes_nothing(bring: Import, engine: Engine) -> None:
    """The same files again write no version, no change and no journal row."""
    bring(files=plan(reports=REPORTS))
    before = totals(engine)
    report = bring(LATER, files=plan(reports=REPORTS))
    assert totals(engine) == before
    assert all(count.added == count.changed == 0 for count in report.files.values())


def test_the_shipped_plan_is_taken_twice(engine: Engine) -> None:
    """Plan 02 as it ships has no mistake, and its second import changes nothing."""
    folder = shipped("examples/plan02")
    import_folder(engine, folder, now=NOW, zone=HANOI)
    before = totals(engine)
    import_folder(engine, folder, now=LATER, zone=HANOI)
    assert totals(engine) == before
    assert before["unit"] == 131


def test_a_dry_run_writes_nothing(bring: Import, engine: Engine) -> None:
    """A dry run counts what would change and leaves the database as it is."""
    before = totals(engine)
    report = bring(files=plan(), dry_run=True)
    assert report.dry_run
    assert report.files["tasks"].added == 2
    assert totals(engine) == before


def test_a_changed_row_supersedes_its_version(bring: Import, engine: Engine) -> None:
    """The old version keeps its words and gets the instant at which it ended."""
    bring(files=plan())
    report = bring(LATER, files={"units.csv": UNITS.replace("Bộ Nội vụ", "Bộ Nội vụ mới")})
    versions = rows(engine, schema.unit_version, "code", "name", "recorded_at", "superseded_at")
    assert [one for one in versions if one[0] == "BNV"] == [
        ("BNV", "Bộ Nội vụ", NOW, LATER),
        ("BNV", "Bộ Nội vụ mới", LATER, None),
    ]
    assert (report.files["units"].changed, report.files["units"].unchanged) == (1, 2)


def test_a_column_that_a_file_lacks_stays_as_stored(bring: Import, engine: Engine) -> None:
    """Only the columns of the file are touched; an empty cell empties, a missing column does not."""
    bring(files={**plan(), "tasks.csv": "code,title,lead_unit,phase,group\nT1,Một,VT,1,2\n"})
    bring(LATER, files={"tasks.csv": "code,title,lead_unit,group\nT1,Một,VT,\n"})
    assert rows(engine, schema.task_version, "phase", "group_no") == [(1, 2), (1, None)]


def test_omitted_rows_are_kept_and_counted(bring: Import, engine: Engine) -> None:
    """A row that a later file omits stays in force."""
    bring(files=plan())
    report = bring(LATER, files={"tasks.csv": "code,title,lead_unit\nT1,Việc một,VT\n"})
    assert report.files["tasks"].not_mentioned == 1
    assert len(rows(engine, schema.task_version, "code")) == 2


def test_complete_records_omitted_rows_as_withdrawn(bring: Import, engine: Engine) -> None:
    """With `complete` an omitted row gets a version that says so; back in the file, another one."""
    bring(files=plan())
    one = {"tasks.csv": "code,title,lead_unit\nT1,Việc một,VT\n"}
    assert bring(LATER, files=one, complete=True).files["tasks"].withdrawn == 1
    assert bring(LATER, files=one, complete=True).files["tasks"].withdrawn == 0
    bring(LATER + timedelta(days=1), files=plan())
    versions = rows(engine, schema.task_version, "code", "withdrawn")
    assert [one for one in versions if one[0] == "T2"] == [("T2", False), ("T2", True), ("T2", False)]
    assert ("task", "T2") in rows(engine, schema.change, "kind", "subject")


def test_an_empty_complete_file_withdraws_nothing(bring: Import) -> None:
    """A file with only its header, with `complete`, is a mistake and not the end of the plan."""
    bring(files=plan())
    with pytest.raises(MistakesError, match="mọi dòng đã lưu sẽ bị rút"):
        bring(LATER, files={"tasks.csv": "code,title,lead_unit\n"}, complete=True)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + TASKS.replace("\n", "\r\n"),
        TASKS.replace(",", ";"),
        TASKS.replace(",", "\t"),
        TASKS.replace("\n", ",,\n"),
        "\n" + TASKS + "\n,,,,,\n\n",
        TASKS.replace("Việc một", " Vi\u00ea\u0323c\u00a0m\u00f4\u0323t ").replace("Việc hai", '"Việc\nhai"'),
        TASKS.replace("code,title,lead_unit", "MÃ NHIỆM VỤ,Tên nhiệm vụ,Đơn vị chủ trì"),
        TASKS.replace("T1,", "\uff341,").replace("2026-03-31", "\uff13\uff11/3/2026"),
        "STT;" + TASKS.replace(",", ";").replace("\nT", "\n1;T"),
    ],
    ids=[
        "bom-crlf",
        "semicolon",
        "tab",
        "empty-columns",
        "blank-rows",
        "nfd-spaces",
        "vietnamese",
        "full-width",
        "counted",
    ],
)
def test_what_spreadsheets_save_is_taken(bring: Import, engine: Engine, text: str) -> None:
    """The ways in which spreadsheets write the same file give the same plan."""
    bring(files={**plan(), "tasks.csv": text})
    assert rows(engine, schema.task_version, "code", "title") == [("T1", "Việc một"), ("T2", "Việc hai")]


# --- deadlines ------------------------------------------------------------------------------------------------------


def moved(number: str = "", authority: str = "BNV", kind: str = "deadline") -> dict[str, str | bytes]:
    """T1's deadline moved to June, by a decision when it has a number."""
    text = TASKS.replace("2026-03-31,", f"2026-06-30,{number}")
    decision = f"{number},T1,{kind},{authority},2026-02-01\n" if number else ""
    return plan(decisions=DECISIONS + decision) | {"tasks.csv": text}


def test_a_deadline_does_not_move_without_a_decision(bring: Import, engine: Engine) -> None:
    """A changed due date without a decision number is refused, with both dates."""
    bring(files=plan())
    with pytest.raises(MistakesError) as caught:
        bring(LATER, files=moved())
    (mistake,) = caught.value.mistakes
    assert (mistake.file, mistake.line, mistake.field) == ("tasks.csv", 2, "due")
    assert "31/03/2026" in mistake.message
    assert "30/06/2026" in mistake.message
    assert len(rows(engine, schema.deadline, "id")) == 1


@pytest.mark.parametrize(
    ("authority", "in_force"), [("BNV", True), ("BCD", True), ("VT", False)], ids=["superior", "top", "the-lead-itself"]
)
def test_a_superiors_decision_moves_a_deadline(bring: Import, engine: Engine, authority: str, in_force: bool) -> None:
    """The later deadline is recorded with its decision, in force when a superior of the lead unit decided."""
    bring(files=plan())
    report = bring(LATER, files=moved("12/QĐ", authority))
    assert rows(engine, schema.deadline, "decision", "authorised") == [(None, True), ("12/QĐ", in_force)]
    assert report.files["tasks"].changed == 1
    assert bool(report.warnings) is not in_force
    before = totals(engine)
    bring(LATER, files=moved("12/QĐ", authority))
    assert totals(engine) == before


def test_a_task_names_who_may_move_its_deadline(bring: Import, engine: Engine) -> None:
    """Where a task had a decision authority, only that one's decision is in force; the same file cannot change it."""
    text = "code,title,lead_unit,due,decision,decision_authority\nT1,Một,VT,{},{},{}\n"
    bring(files={**plan(), "tasks.csv": text.format("2026-03-31", "", "BCD")})
    decisions = DECISIONS + "1,T1,deadline,BNV,2026-02-01\n2,T1,deadline,BCD,2026-02-02\n"
    for number, day in (("1", "2026-06-30"), ("2", "2026-07-31")):
        files = {"tasks.csv": text.format(day, number, "BCD"), "decisions.csv": decisions}
        bring(LATER, files=files)
    assert rows(engine, schema.deadline, "decision", "authorised") == [(None, True), ("1", False), ("2", True)]


@pytest.mark.parametrize(
    "files", [moved("9/QĐ", kind="suspend"), moved("9/QĐ") | {"decisions.csv": DECISIONS}], ids=["kind", "unknown"]
)
def test_only_a_known_decision_on_deadlines_moves_one(bring: Import, files: Mapping[str, str | bytes]) -> None:
    """A decision of another kind, or one that nobody recorded, moves nothing."""
    bring(files=plan())
    with pytest.raises(MistakesError, match="theo một quyết định"):
        bring(LATER, files=files)


def test_an_emptied_due_date_changes_nothing(bring: Import, engine: Engine) -> None:
    """Deleting a due date keeps the deadline, and says so."""
    bring(files=plan())
    report = bring(LATER, files={**plan(), "tasks.csv": TASKS.replace("2026-03-31", "")})
    assert [one.message for one in report.warnings] == ["ô thời hạn để trống: giữ nguyên thời hạn đã lưu"]
    assert len(rows(engine, schema.deadline, "id")) == 1


# --- what is only added ---------------------------------------------------------------------------------------------


def test_another_content_for_the_same_report_is_a_correction(bring: Import, engine: Engine) -> None:
    """A correction is a new row that names the one it replaces; a correction of it names the correction."""
    for text in (REPORTS, REPORTS.replace("45%", "40%"), REPORTS.replace("45%", "30%"), REPORTS.replace("45%", "30%")):
        bring(files=plan(reports=text))
    (first, second, third) = rows(engine, schema.report, "id", "replaces", "progress")
    assert [first[1:], second[1:], third[1:]] == [(None, 0.45), (first[0], 0.4), (second[0], 0.3)]


def test_readings_are_corrected_by_period_or_event(bring: Import, engine: Engine) -> None:
    """A reading's key is its period, or its instant and reference; another value under it is a correction."""
    kpis = "code,name,direction,period,operator\nK1,Tỷ lệ,high_good,quarter,>=\n"
    readings = "kpi,unit,period,occurred_at,reference,value\nK1,VT,Quý I/2026,,,40\nK1,VT,,2026-02-01,12/GM,30\n"
    bring(files=plan(kpis=kpis, readings=readings))
    report = bring(LATER, files=plan(kpis=kpis, readings=readings.replace(",30", ",35")))
    assert (report.files["readings"].unchanged, report.files["readings"].changed) == (1, 1)
    assert [one[1:] for one in rows(engine, schema.reading, "id", "period", "value")] == [
        ("2026-Q1", 40.0),
        (None, 30.0),
        (None, 35.0),
    ]


def test_a_decision_is_never_corrected(bring: Import) -> None:
    """A decision that was recorded with other content is a mistake."""
    bring(files=moved("12/QĐ"))
    with pytest.raises(MistakesError, match="đã nhập với nội dung khác"):
        bring(LATER, files=moved("12/QĐ", authority="BCD"))


def test_odd_facts_are_warnings(bring: Import) -> None:
    """Reports from outside a task's life, and ends before starts, are taken and named: real plans have them."""
    tasks = "code,title,lead_unit,start,status,done_at,verifier\nT1,Một,VT,2026-01-03,done,2026-01-02,BNV\n"
    reports = "task,reported_at,reporter\nT1,2026-01-01,VT\nT1,2026-01-09,VT\n"
    report = bring(files={**plan(reports=reports), "tasks.csv": tasks})
    assert [(one.file, one.line, one.message) for one in report.warnings] == [
        ("reports.csv", 2, "báo cáo trước ngày bắt đầu"),
        ("reports.csv", 3, "báo cáo sau lúc hoàn thành"),
        ("tasks.csv", 2, "hoàn thành trước khi bắt đầu"),
    ]


# --- history --------------------------------------------------------------------------------------------------------

HISTORY = {
    "units.csv": "recorded_at,code,name,parent\n2025-01-01,BCD,Ban,\n2025-01-01,VT,Vụ,BCD\n",
    "tasks.csv": (
        "recorded_at,code,title,lead_unit,due,decision\n2025-03-01,T1,Mới,VT,2025-12-31,1\n"
        "2025-01-01,T1,Cũ,VT,2025-06-30,\n2025-02-01,T1,Cũ,VT,,\n"
    ),
    "decisions.csv": f"recorded_at,{DECISIONS}2025-03-01,1,T1,deadline,BCD,2025-03-01\n",
    "reports.csv": (
        "recorded_at,task,reported_at,reporter,progress\n2025-02-02,T1,2025-02-01,VT,0.1\n"
        "2025-02-03,T1,2025-02-01,VT,0.2\n2025-02-04,T1,2025-02-01,VT,0.3\n"
    ),
}


def local(month: int, day: int) -> datetime:
    """The first moment of a local day of 2025."""
    return datetime(2025, month, day, tzinfo=HANOI)


def test_history_is_rebuilt_in_its_own_order(bring: Import, engine: Engine) -> None:
    """Rows of one code become versions from one recorded instant to the next; the journal says reconstructed."""
    bring(files=HISTORY, history=True)
    assert rows(engine, schema.task_version, "title", "recorded_at", "superseded_at") == [
        ("Cũ", local(1, 1), local(3, 1)),
        ("Mới", local(3, 1), None),
    ]
    deadlines = rows(engine, schema.deadline, "decision", "authorised", "recorded_at")
    assert deadlines == [(None, True, local(1, 1)), ("1", True, local(3, 1))]
    first, second, third = rows(engine, schema.report, "id", "replaces", "progress")
    assert [second[1:], third[1:]] == [(first[0], 0.2), (second[0], 0.3)]
    assert rows(engine, schema.journal, "facts")[0][0]["reconstructed"] is True


def test_history_goes_only_into_an_empty_plan(bring: Import) -> None:
    """What is recorded cannot be given another past."""
    bring(files=plan())
    with pytest.raises(MistakesError, match="còn trống"):
        bring(LATER, files=HISTORY, history=True)


def test_recorded_at_and_history_belong_together(bring: Import) -> None:
    """The column is refused without the option, and required with it."""
    with pytest.raises(MistakesError, match="chỉ dùng khi nhập lịch sử"):
        bring(files=HISTORY)
    with pytest.raises(MistakesError, match="cần cột recorded_at"):
        bring(files=plan(), history=True)


# --- refusing -------------------------------------------------------------------------------------------------------

ROW = "code,title,lead_unit,{}\nT1,Một,VT,{}\n"
FORM = "code,title,lead_unit\n"


@on_sqlite
@pytest.mark.parametrize(
    ("tasks", "line", "field", "words"),
    [
        (ROW.format("due", "2026-02-30"), 2, "due", "không có ngày 30/2/2026"),
        (ROW.format("due", "sớm"), 2, "due", "không phải ngày giờ"),
        (ROW.format("phase", "một"), 2, "phase", "không phải số nguyên"),
        (ROW.format("status", "opne"), 2, "status", "không có trong danh mục"),
        (ROW.format("status,done_at", "done,2026-01-02"), 2, "status", "người xác nhận"),
        (ROW.format("status", "hủy"), 2, "status", "số quyết định"),
        (ROW.format("status,verifier", "done,BNV"), 2, "", "không có lúc hoàn thành"),
        (ROW.format("confidential", "tuyệt mật"), 2, "confidential", "tuyệt mật"),
        (ROW.format("weight", "-1"), 2, "weight", "âm"),
        (ROW.format("decision_authority", "BVN"), 2, "decision_authority", "units.csv"),
        (ROW.format("parent", "T9"), 2, "parent", "tasks.csv"),
        (ROW.format("parent", "T1"), 2, "parent", "vòng khép kín: T1 → T1"),
        (ROW.format("duee", "2026-06-30"), 1, "", "không có trong mẫu"),
        (ROW.format("title", "x"), 1, "title", "hai lần"),
        (FORM + "T1,Một,ALL:DP\n", 2, "lead_unit", "không có đơn vị nào"),
        (FORM + "T1,Một,BVN\n", 2, "lead_unit", "chưa được lưu"),
        (FORM + "T1,Một,VT\nT2,Hai,VT\nT1,Ba,VT\n", 4, "code", "trùng với dòng 2"),
        (FORM + "T1,,VT\n", 2, "title", "bỏ trống"),
        (FORM + "T 1,Một,VT\n", 2, "code", "mã có ký tự"),
        (FORM + "T1,Mộ\u200bt,VT\n", 2, "title", "U+200B ở vị trí 3"),
        (FORM + "T1,M\u202eột,VT\n", 2, "title", "U+202E"),
        (FORM + "T1,M\x00ột,VT\n", 2, "title", "U+0000"),
        (FORM + "T1,=HYPERLINK(A1),VT\n", 2, "title", "công thức"),
        (FORM + f"T1,{'x' * 10_001},VT\n", 2, "title", "quá dài"),
        (FORM + "T1,Một\n", 2, "", "2 ô, tiêu đề có 3 cột"),
        (FORM + "T1,Một,VT,thừa\n", 2, "", "4 ô, tiêu đề có 3 cột"),
        ("code,title,lead_unit,\nT1,Một,VT,thừa\n", 2, "", "không có tiêu đề"),
        (FORM + 'T1,"Một,VT\n', 2, "", "thiếu dấu ngoặc kép đóng"),
        (FORM + 'T1,"Một" x,VT\n', 2, "", "dấu ngoặc kép đặt sai"),
        (FORM + f'T1,"{"x" * 140_000}\n', 2, "", "quá dài, hoặc thiếu dấu ngoặc"),
        ("code,title\nT1,Một\n", 1, "lead_unit", "thiếu cột bắt buộc"),
        ("", 0, "", "tệp rỗng"),
        ("\ufeff\n\n", 0, "", "tệp rỗng"),
        (",".join(["code"] * 300) + "\n", 1, "", "300 cột"),
    ],
)
def test_a_mistake_is_named_at_its_place(bring: Import, tasks: str, line: int, field: str, words: str) -> None:
    """Each mistake has its row, its column as written in the file, and says what is wrong."""
    (mistake,) = refused(bring, tasks=tasks)
    assert (mistake.file, mistake.line, words in str(mistake)) == ("tasks.csv", line, True), str(mistake)
    assert mistake.field == field


@on_sqlite
@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        (TASKS.encode("utf-16"), "UTF-16"),
        (TASKS.encode("utf-16-le"), "UTF-16"),
        (TASKS.replace("ệ", "e").replace("ộ", "o").encode("cp1258") + "Đ".encode("cp1258"), "UTF-8"),
        ("code,title\nT1,Đề án\n".replace("ề", "ê\u0300").encode("cp1258"), "Windows-1258, đọc được “Đề”"),
        (b"PK\x03\x04whatever", "bảng tính"),
        (TASKS.replace("\n", "\r").encode(), "CR"),
        (b"code,title\n" + b"x" * (3 * 1024 * 1024), "dài hơn 2 MB"),
    ],
    ids=["utf-16-bom", "utf-16", "windows-1258", "windows-1258-shown", "xlsx", "mac", "long-line"],
)
def test_files_that_cannot_be_read_say_why(bring: Import, tasks: bytes, words: str) -> None:
    """A file in another encoding or form is refused in words that say what to do."""
    assert words in " ".join(str(one) for one in refused(bring, tasks=tasks))


def test_every_mistake_is_told_at_once(bring: Import, engine: Engine) -> None:
    """Mistakes of all kinds in all files come in one list, and nothing of the files is stored."""
    before = totals(engine)
    mistakes = refused(
        bring,
        units="code,name,parent\nA,Một,B\nB,Hai,A\nC,Ba,D\n",
        tasks="code,title,lead_unit,due\nT1,Một,A,2026-02-30\nT1,,X,\n",
        reports="task,reported_at,reporter,progress\nT7,2026-01-01,A,45\n",
    )
    assert [(one.file, one.line, one.field) for one in mistakes] == [
        ("reports.csv", 2, "task"),
        ("reports.csv", 2, "progress"),
        ("tasks.csv", 2, "due"),
        ("tasks.csv", 3, "code"),
        ("tasks.csv", 3, "title"),
        ("tasks.csv", 3, "lead_unit"),
        ("units.csv", 2, "parent"),
        ("units.csv", 4, "parent"),
    ]
    assert totals(engine) == before


def test_a_ring_through_stored_units_is_refused(bring: Import) -> None:
    """A file that closes a ring with units stored before is refused, with the ring written out."""
    bring(files=plan())
    with pytest.raises(MistakesError, match="BCD → VT → BNV → BCD"):
        bring(LATER, files={"units.csv": "code,name,parent\nBCD,Ban Chỉ đạo,VT\n"})


@on_sqlite
def test_row_numbers_are_those_of_the_spreadsheet(bring: Import) -> None:
    """Cells of several lines and blank rows do not shift the row that a mistake names."""
    tasks = 'code,title,lead_unit,due\nT1,"Một\nhai\nba",VT,\n\n,,,\nT2,Hai,VT,2026-02-30\n'
    (mistake,) = refused(bring, tasks=tasks)
    assert mistake.line == 5


@on_sqlite
def test_headers_stay_in_the_files_language(bring: Import) -> None:
    """A mistake names the column as the file writes it."""
    tasks = "Mã nhiệm vụ,Tên nhiệm vụ,Đơn vị chủ trì,Thời hạn\nT1,Một,VT,2026-02-30\n"
    (mistake,) = refused(bring, tasks=tasks)
    assert (mistake.field, mistake.column) == ("Thời hạn", 4)


@on_sqlite
def test_ten_thousand_mistakes_are_enough(bring: Import) -> None:
    """Beyond ten thousand the mistakes are only counted."""
    tasks = "code,title,lead_unit\n" + "".join(f"T{number},,VT\n" for number in range(12_000))
    mistakes = refused(bring, tasks=tasks)
    assert len(mistakes) == 10_001
    assert "còn 2000 lỗi nữa" in str(mistakes[0])


def test_holders_give_addresses_that_can_be_reached(bring: Import, engine: Engine) -> None:
    """Telephone numbers are stored as E.164; a wrong address or an unknown post is a mistake."""
    posts = "unit,office,title\nVT,người đứng đầu,Vụ trưởng\n"
    good = "code,post,email,phone\nVT/head/1,VT/head,vt@bnv.example.vn,0912345678\n"
    bad = "code,post,email,phone\nVT/head/1,VT/deputy,vt@bnv,12\n"
    fields = [one.field for one in refused(bring, posts=posts, holders=bad)]
    assert fields == ["post", "email", "phone"]
    bring(files=plan(posts=posts, holders=good))
    assert rows(engine, schema.holder_version, "post", "phone", "language") == [
        ("VT/head", "+84912345678", "")
    ]  # the language of the installation


@on_sqlite
def test_strange_files_are_named_and_an_empty_folder_refused(bring: Import) -> None:
    """A file that no import knows is a warning with the nearest name; a folder without any is a mistake."""
    report = bring(files={**plan(), "task.csv": "x\n"})
    assert [(one.file, one.nearest) for one in report.warnings] == [("task.csv", "tasks.csv")]
    with pytest.raises(MistakesError, match="không có tệp nào để nhập"):
        bring(files={})


@on_sqlite
def test_a_missing_folder_is_a_mistake(engine: Engine, tmp_path: Path) -> None:
    """A folder that is not there is said so, not a traceback."""
    with pytest.raises(MistakesError, match="không mở được thư mục"):
        import_folder(engine, tmp_path / "nowhere", now=NOW, zone=HANOI)


@on_sqlite
def test_progress_is_told_in_bytes(engine: Engine, tmp_path: Path) -> None:
    """The caller hears, per file, how many of its bytes were read, up to all of them."""
    heard: list[tuple[str, int, int]] = []
    folder = folder_of(tmp_path / "in", plan())
    import_folder(engine, folder, now=NOW, zone=HANOI, progress=lambda *step: heard.append(step))
    assert ("tasks.csv", len(TASKS.encode()), len(TASKS.encode())) in heard


@given(data=st.binary(max_size=200) | st.text(max_size=100).map(lambda tail: (FORM + tail).encode()))
@example(data=b"\xff")
@example(data=(FORM + 'T1,"').encode())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_rows_or_mistakes(data: bytes, sqlite_url: str, tmp_path: Path) -> None:
    """Whatever tasks.csv holds, the import ends with a report or with mistakes, never otherwise."""
    engine = database.open_engine(sqlite_url)
    folder = folder_of(tmp_path / "in", plan() | {"tasks.csv": data})
    try:
        report = import_folder(engine, folder, now=NOW, zone=HANOI, dry_run=True)
        assert "tasks" in report.files
    except MistakesError as error:
        assert error.mistakes  # noqa: PT017
    finally:
        engine.dispose()
