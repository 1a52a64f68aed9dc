"""Deadlines given in words: computed, kept with their words, shown back; from CSV files and workbooks alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from judging import CALENDAR
from sqlalchemy import Engine, select
from workbooks import HEADER, UNITS, workbook

from warnwatch import schema
from warnwatch.errors import MistakesError
from warnwatch.plan.importing import ImportReport, import_folder
from warnwatch.printing import import_lines

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2025, 7, 1, 2, tzinfo=UTC)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def bring(engine: Engine, folder: Path, tasks: str, now: datetime = NOW, **options: Any) -> ImportReport:
    """Import one unit and these tasks."""
    folder.mkdir(exist_ok=True)
    recorded = ("recorded_at,", "2025-01-01,") if options.get("history") else ("", "")
    (folder / "units.csv").write_text(f"{recorded[0]}code,name\n{recorded[1]}VT,Vụ\n", encoding="utf-8")
    (folder / "tasks.csv").write_text(tasks, encoding="utf-8")
    return import_folder(engine, folder, now=now, zone=HANOI, **options)


def kept(engine: Engine) -> list[tuple[str, str | None]]:
    """The stored deadlines: local moment and words."""
    table = schema.deadline.c
    with engine.connect() as connection:
        found = connection.execute(select(table.due_at, table.due_text).order_by(table.id)).all()
    return [(f"{due.astimezone(HANOI):%d/%m/%Y %H:%M}", words) for due, words in found]


WORDED = "code,title,lead_unit,due_text\nT1,Một,VT,{}\n"


@pytest.mark.parametrize(
    ("words", "strict", "due"),
    [
        ("trong quý IV/2025", False, "31/12/2025 23:59"),
        ("quý IV/2025", False, "31/12/2025 23:59"),
        ("trong tháng 8/2025", False, "31/08/2025 23:59"),
        ("23/6/2025", False, "23/06/2025 23:59"),
        ("trước ngày 30/6/2025", False, "30/06/2025 23:59"),
        ("trước ngày 30/6/2025", True, "29/06/2025 23:59"),
    ],
)
@pytest.mark.parametrize("column", ["due_text", "due"])
def test_words_become_a_deadline(
    engine: Engine, tmp_path: Path, words: str, strict: bool, due: str, column: str
) -> None:
    """The last good moment is stored beside the words, wherever they were typed, and shown back."""
    text = WORDED.replace("due_text", column).format(words)
    report = bring(engine, tmp_path / "in", text, strict_before=strict)
    if (column, words) == ("due", "23/6/2025"):  # a date in the column of dates is no words
        assert kept(engine) == [(due, None)]
        return
    assert kept(engine) == [(due, words)]
    assert f"  T1: “{words}” → hết ngày {due[:10]}" in list(import_lines(report))


def test_a_second_import_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    """The same words again are neither a move nor news."""
    bring(engine, tmp_path / "in", WORDED.format("trong quý IV/2025"))
    report = bring(engine, tmp_path / "in", WORDED.format("trong quý IV/2025"))
    assert (report.worded, report.files["tasks"].changed) == ((), 0)
    assert len(kept(engine)) == 1


def test_a_date_outweighs_the_words(engine: Engine, tmp_path: Path) -> None:
    """Where the date is given, the words are only kept; without its column later, the stored deadline stands."""
    dated = WORDED.replace("due_text", "due_text,due")
    bring(engine, tmp_path / "in", dated.format("trong quý IV/2025,2025-12-15"))
    bring(engine, tmp_path / "in", WORDED.format("trong quý IV/2025"), NOW + timedelta(days=1))
    assert kept(engine) == [("15/12/2025 23:59", "trong quý IV/2025")]


def test_new_words_move_a_deadline_only_by_decision(engine: Engine, tmp_path: Path) -> None:
    """Other words mean another deadline: without a decision it does not move."""
    bring(engine, tmp_path / "in", WORDED.format("trong quý III/2025"))
    with pytest.raises(MistakesError, match="mà không có số quyết định"):
        bring(engine, tmp_path / "in", WORDED.format("trong quý IV/2025"), NOW + timedelta(days=1))


def test_words_without_a_date_set_no_deadline(engine: Engine, tmp_path: Path) -> None:
    """An adverb leaves the task without deadline, without complaint."""
    report = bring(engine, tmp_path / "in", WORDED.format("khẩn trương"))
    assert (kept(engine), report.worded, report.warnings) == ([], (), ())


@pytest.mark.parametrize("header", ["due_text", "due_text,start", "due,start"])
def test_a_start_in_words_is_the_start_and_no_deadline(engine: Engine, tmp_path: Path, header: str) -> None:
    """`từ 18 giờ ngày` fills the empty start, is shown back as one, and a second import changes nothing."""
    text = WORDED.replace("due_text", header).format("từ 18 giờ 00 ngày 27/6/2025" + "," * header.count(","))
    report = bring(engine, tmp_path / "in", text)
    said = "  T1: “từ 18 giờ 00 ngày 27/6/2025” → bắt đầu 18:00 ngày 27/06/2025, không phải thời hạn"
    assert said in list(import_lines(report))
    assert kept(engine) == []
    with engine.connect() as connection:
        start = connection.scalar(select(schema.task_version.c.start_at))
    assert start == datetime(2025, 6, 27, 11, tzinfo=UTC)
    again = bring(engine, tmp_path / "in", text, NOW + timedelta(days=1))
    assert (again.files["tasks"].changed, again.worded) == (0, ())


def test_a_year_that_is_not_written_comes_from_the_tasks_start(engine: Engine, tmp_path: Path) -> None:
    """`trong tháng 8` of a task begun in June 2025 is August 2025; of a task without start it is asked for."""
    text = "code,title,lead_unit,start,due_text\nT1,Một,VT,2025-06-19,trong tháng 8\nT2,Hai,VT,,trong tháng 8\n"
    report = bring(engine, tmp_path / "in", text)
    assert kept(engine) == [("31/08/2025 23:59", "trong tháng 8")]
    [warning] = report.warnings
    assert (warning.line, warning.message) == (3, "không tính được thời hạn: lời văn thiếu năm")


def test_a_period_is_counted_by_the_calendar(engine: Engine, tmp_path: Path) -> None:
    """Seven working days from 19/6/2025 end on 30/6/2025; where no calendar is at hand nothing is guessed."""
    words = WORDED.format("trong thời hạn 7 ngày làm việc kể từ ngày 19/6/2025")
    report = bring(engine, tmp_path / "in", words)
    assert kept(engine) == []
    assert "không đọc được" in report.warnings[0].message
    bring(engine, tmp_path / "in", words, NOW + timedelta(days=1), calendar=CALENDAR)
    assert [due for due, _ in kept(engine)] == ["30/06/2025 23:59"]


@pytest.mark.parametrize("words", ["trước ngày 31/6/2025", "trước ngày 1/7/2025 hoặc trước ngày 2/7/2025"])
def test_words_that_contradict_are_warned_about(engine: Engine, tmp_path: Path, words: str) -> None:
    """No deadline is guessed; the warning says which and where to write it."""
    report = bring(engine, tmp_path / "in", WORDED.format(words))
    assert kept(engine) == []
    assert "không tính được thời hạn" in str(report.warnings[0])
    assert report.warnings[0].field == "due_text"


def test_history_has_its_words_too(engine: Engine, tmp_path: Path) -> None:
    """Of two rows with the same words one baseline comes."""
    text = "recorded_at,code,title,lead_unit,due_text\n"
    text += "2025-01-01,T1,Một,VT,trong quý IV/2025\n2025-02-01,T1,Hai,VT,trong quý IV/2025\n"
    bring(engine, tmp_path / "in", text, history=True)
    assert kept(engine) == [("31/12/2025 23:59", "trong quý IV/2025")]


def test_a_workbook_may_give_words(engine: Engine, tmp_path: Path) -> None:
    """The column of dates of a sheet takes dates and words side by side."""
    rows = [HEADER, ("T1", "Một", "VT", datetime(2026, 3, 31)), ("T2", "Hai", "VT", "Quý II/2026")]  # noqa: DTZ001
    path = workbook(tmp_path / "plan.xlsx", {"Nhiệm vụ": rows, "Đơn vị": UNITS})
    import_folder(engine, path, now=NOW, zone=HANOI)
    assert kept(engine) == [("31/03/2026 23:59", None), ("30/06/2026 23:59", "Quý II/2026")]
