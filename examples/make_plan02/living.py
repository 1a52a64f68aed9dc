"""The life of the tasks, generated: reports, claims and verified completions, each labelled as sample data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bodies import Row
from chance import FIRST_DAY, VIETNAM, office_day, office_time, pick, share, written

SAMPLE = "Dữ liệu mẫu, sinh tự động"
# The last instant of the generated life; the demo's own clock goes on from here.
END = datetime(2025, 12, 19, 8, tzinfo=VIETNAM)
DEMO = datetime(2025, 12, 15, 8, tzinfo=VIETNAM)

# Sources that name no start: the reports begin at about the time of the publication.
UNSTATED_START = date(2025, 9, 3)
LAST_DONE = date(2025, 12, 11)  # what is done at the demo's instant was done before it
WEEKLY_FROM = date(2025, 11, 17)
DAILY_FROM = date(2025, 12, 1)  # a short task that is late is asked about every other day

CLOSED = {"done", "late", "sourced"}
# Completions that are published, not made up: the moment and the document.
SOURCED = {
    "KH02-014": ("2025-06-30", "19/2025/QĐ-TTg"),
    "KH02-029": ("2025-06-26", "15662-CV/VPTW"),
}

NOTES = {
    0.25: (
        "Đã ban hành kế hoạch, phân công đầu mối và thời gian thực hiện.",
        "Đang rà soát hiện trạng, thống nhất cách làm với các đơn vị liên quan.",
    ),
    0.6: (
        "Đang triển khai theo kế hoạch; đã có kết quả bước đầu ở các đơn vị trực thuộc.",
        "Đang xây dựng dự thảo, lấy ý kiến các đơn vị liên quan.",
    ),
    0.9: (
        "Đã triển khai phần lớn nội dung, đang hoàn thiện các phần việc còn lại.",
        "Đã tiếp thu ý kiến, đang trình cấp có thẩm quyền.",
    ),
    1.01: (
        "Cơ bản hoàn thành, đang hoàn thiện hồ sơ, tài liệu kiểm chứng.",
        "Đã hoàn thành các nội dung chính, đang rà soát, nghiệm thu.",
    ),
}
CLAIM = "Đã hoàn thành; gửi kèm tài liệu kiểm chứng, đề nghị xác nhận."
OBSTACLES = (
    (
        "Chưa kết nối ổn định với cơ sở dữ liệu chuyên ngành.",
        "Hệ thống do cơ quan khác quản lý, vượt thẩm quyền của đơn vị chủ trì.",
        "CP-BKHCN",
    ),
    (
        "Chưa bố trí được kinh phí cho phần việc phát sinh.",
        "Việc bổ sung dự toán thuộc thẩm quyền của cơ quan tài chính cấp trên.",
        "CP-BTC",
    ),
    (
        "Quy trình liên thông còn thiếu quy định về trách nhiệm của các bên.",
        "Văn bản cần sửa đổi thuộc thẩm quyền của Chính phủ.",
        "CP-VPCP",
    ),
)
VERIFIERS = {
    "CP-BCD": "Cơ quan thường trực Ban Chỉ đạo của Chính phủ",
    "BCD-CQTT": "Cơ quan Thường trực Ban Chỉ đạo Trung ương",
}


@dataclass(frozen=True, slots=True)
class Span:
    """A task's planned time: `due` is None without a deadline."""

    start: date
    due: date | None


def span_of(task: Row) -> Span:
    """Give the days between which a task lives; a source without a start gets about the day it was published."""
    start = date.fromisoformat(task["start"][:10]) if task["start"] else UNSTATED_START
    return Span(max(start, FIRST_DAY), date.fromisoformat(task["due"]) if task["due"] else None)


def with_status(task: Row, story: str) -> Row:
    """Give the task as it is known at the demo's first instant, and say in its source that this is made up."""
    if story == "sourced":
        done_at, decision = SOURCED[task["code"]]
        real = f"thời điểm hoàn thành: theo ngày của văn bản {decision}, là cách hiểu của bộ dữ liệu này"
        return task | {
            "status": "done",
            "done_at": done_at,
            "decision": decision,
            "source": f"{task['source']}; {real}",
        }
    labelled = task | {"source": f"{task['source']}; trạng thái và thời điểm hoàn thành: {SAMPLE.lower()}"}
    if story == "claimed":
        return labelled | {"status": "claimed", "claimed_at": written(finished_at(task, story))}
    if story in CLOSED:
        return labelled | done(task, finished_at(task, story))
    return labelled


def done(task: Row, at: datetime) -> Row:
    """Give the columns of a verified completion."""
    return {
        "status": "done",
        "claimed_at": written(at),
        "done_at": written(at),
        "verifier": VERIFIERS[task["decision_authority"]],
    }


def finished_at(task: Row, story: str) -> datetime:
    """Give the moment at which the unit says that it was finished."""
    span, chance = span_of(task), share("finished", task["code"])
    if span.due is None:
        day = office_day(span.start + timedelta(days=3 + int(chance * 40)))
    elif story == "late":
        day = office_day(span.due + timedelta(days=1 + int(chance * chance * 25)))
    elif story == "claimed":  # verification is what is missing
        short = (span.due - span.start).days < 40
        day = span.due if short else office_day(span.due + timedelta(days=int(chance * 30)))
    else:
        day = span.start + timedelta(days=round((0.55 + 0.45 * chance) * (span.due - span.start).days))
        day = min(day if task["calendar_mode"] == "every_day" else office_day(day), span.due)
    return office_time(min(day, LAST_DONE), task["code"])


def reports_of(task: Row, story: str) -> list[Row]:
    """Make the reports of one task up to END, oldest first."""
    span = span_of(task)
    if story in CLOSED | {"claimed"}:
        if story == "sourced":
            return []
        finished = finished_at(task, story)
        days = _thinned([day for day in _days(task, span, finished.date()) if day < finished.date()], 3)
        rows = [_report(task, day, (n + 1) / (len(days) + 1.5), story) for n, day in enumerate(days)]
        return [*rows, claim(task, finished)]
    last = END.date()
    if story in {"silent", "mute"}:
        last = DEMO.date() - timedelta(days=18 + int(30 * share("silent", task["code"])))
    days = [day for day in _days(task, span, last) if office_time(day, task["code"], day) < END]
    return [_report(task, day, _progress(task, story, span, day), story) for day in days]


def _days(task: Row, span: Span, last: date) -> list[date]:
    """Give the days of reports: on the unit's own weekday, every second week, near the year's end each week."""
    weekday = int(5 * share("weekday", task["lead_unit"]))
    day = span.start + timedelta(days=2)
    day += timedelta(days=(weekday - day.weekday()) % 7)
    days: list[date] = []
    short = span.due is not None and (span.due - span.start).days < 20
    while day <= last:
        days.append(office_day(day))
        gap = _gap(day, short=short)
        day = (office_day(day) if gap == 2 else day) + timedelta(days=gap)
    return days


def _gap(day: date, *, short: bool) -> int:
    if day < WEEKLY_FROM - timedelta(days=14):
        return 14
    return 2 if short and day >= DAILY_FROM else 7


def _thinned(days: list[date], most: int) -> list[date]:
    step = max(1, -(-len(days) // most))
    return days[step - 1 :: step]


def _progress(task: Row, story: str, span: Span, day: date) -> float:
    due = span.due or DEMO.date() + timedelta(days=60)
    used = min(1.0, (day - span.start).days / max(1, (due - span.start).days))
    chance = share("pace", task["code"])
    if story in {"overdue", "mute", "obstacle"}:
        return min(used * (0.55 + 0.2 * chance) + max(0, (day - due).days) * 0.002, 0.95)
    if story == "stuck":
        return 0.95 if used > 0.35 + 0.2 * chance else used
    if story == "behind":
        return used * (0.4 + 0.2 * chance)
    return min(used * (1.02 + 0.06 * chance), 0.98)


def _row(task: Row, at: datetime, progress: float) -> Row:
    return {
        "task": task["code"],
        "reported_at": written(at),
        "reporter": f"{task['lead_unit']}/focal_point",
        "progress": f"{progress:.2f}",
        "source": SAMPLE,
    }


def _report(task: Row, day: date, progress: float, story: str) -> Row:
    note = next(notes for limit, notes in NOTES.items() if progress < limit)
    row = _row(task, office_time(day, task["code"], day), progress)
    row |= {"note": pick(note, task["code"], day), "colour": _colour(story, progress)}
    if story == "obstacle" and day >= date(2025, 11, 24):
        row |= obstacle(task)
    return row


def obstacle(task: Row) -> Row:
    """Give the columns that say what blocks a task and who can lift it."""
    what, why, who = OBSTACLES[int(share("obstacle", task["code"]) * len(OBSTACLES))]
    return {"obstacle": what, "obstacle_reason": why, "obstacle_authority": who}


def _colour(story: str, progress: float) -> str:
    """Give what the unit says of itself: often better than it is."""
    if story in {"overdue", "mute", "obstacle"}:
        return "yellow" if progress > 0.5 else "green"
    return "yellow" if story == "behind" and progress > 0.4 else "green"


def claim(task: Row, at: datetime) -> Row:
    """Make the report by which a unit says that the task is finished."""
    evidence = f"Tài liệu kiểm chứng mẫu của nhiệm vụ {task['code']}"
    said = {"note": CLAIM, "evidence": evidence, "claims_completion": "yes", "colour": "green"}
    return _row(task, at, 1.0) | said


def reported_by(rows: Iterable[Row], until: datetime, since: datetime | None = None) -> list[Row]:
    """Give the reports made after `since` and up to `until`."""
    early = datetime.combine(FIRST_DAY, time(), VIETNAM) if since is None else since
    return [row for row in rows if early < datetime.fromisoformat(row["reported_at"]) <= until]
