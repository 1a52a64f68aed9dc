"""Values with sensible defaults: a test states only what matters to it. Instants are given in UTC."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from warnwatch.alerts.alert import Alert, Call, Reason, State
from warnwatch.notify.notification import Facts, Item, Kind, Letterhead, Tally, Telling
from warnwatch.plan.directory import Holder, Recipient, Unit
from warnwatch.rules.rule import Level

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
# 08 giờ 00 ngày 20/8/2025 in Việt Nam: three working days after the deadline of KH02-031.
NOW = datetime(2025, 8, 20, 1, 0, tzinfo=UTC)

THAI_NGUYEN = Unit(
    "DP-19-UB",
    "Ủy ban nhân dân tỉnh Thái Nguyên",
    kind="ubnd_cap_tinh",
    bloc="DIA_PHUONG",
    parent="DP-19",
    head_title="Chủ tịch Ủy ban nhân dân tỉnh",
)
PROVINCE_PARTY = Unit(
    "DP-19", "Tỉnh ủy Thái Nguyên", kind="tinh_uy", bloc="DIA_PHUONG", parent="BCD-CQTT", head_title="Bí thư Tỉnh ủy"
)


def local(day: int, month: int, hour: int = 16, minute: int = 0, year: int = 2025) -> datetime:
    """Give an instant of Vietnamese local time."""
    return datetime(year, month, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def end_of(day: int, month: int, year: int = 2025) -> datetime:
    """Give the last microsecond of a Vietnamese local day."""
    return datetime(year, month, day, 23, 59, 59, 999999, tzinfo=ZONE).astimezone(UTC)


def unit(code: str = "DP-19-UB", name: str = THAI_NGUYEN.name, **changes: Any) -> Unit:
    """Give a unit of the tree."""
    return replace(THAI_NGUYEN, code=code, name=name, **changes)


def holder(**changes: Any) -> Holder:
    """Give the contact who heads the People's Committee of Thái Nguyên."""
    plain = Holder(
        code="DP-19-UB/head/1",
        unit="DP-19-UB",
        office="head",
        title="Chủ tịch Ủy ban nhân dân tỉnh",
        email="chutich@thainguyen.example.vn",
    )
    return replace(plain, **changes)


def recipient(at: Unit = THAI_NGUYEN, **changes: Any) -> Recipient:
    """Give the head of a unit as the one who is told."""
    head = holder(code=f"{at.code}/head/1", unit=at.code, title=at.head_title)
    return replace(Recipient(holder=head, unit=at, office="head", asked_unit=at), **changes)


def facts(**changes: Any) -> Facts:
    """Give the facts of KH02-031, three working days late."""
    plain = Facts(
        code="KH02-031",
        title="Hoàn thành cung cấp dịch vụ công trực tuyến thuộc thẩm quyền cấp xã trên Cổng Dịch vụ công quốc gia",
        unit=THAI_NGUYEN,
        assigning_document="Thông báo 408/TB-VPCP",
        due_at=end_of(15, 8),
        due_text="trước ngày 15/8/2025",
        expected_result="100% dịch vụ công trực tuyến thuộc thẩm quyền cấp xã được cung cấp",
        progress=0.62,
        progress_at=local(11, 8, 9),
        started_at=local(8, 8, 8),
    )
    return replace(plain, **changes)


def alert(number: int = 417, **changes: Any) -> Alert:
    """Give an open critical alert about a task."""
    plain = Alert(
        id=number,
        rule="task-deadline",
        about="task",
        subject="KH02-031",
        episode=1,
        unit="DP-19-UB",
        state=State.OPEN,
        level=Level.CRITICAL,
        measure="working_days_left",
        value=-3.0,
        threshold=0.0,
        pending_since=local(16, 8, 0),
        level_since=local(16, 8, 0),
        opened_at=local(16, 8, 0),
    )
    return replace(plain, **changes)


def item(kind: Kind = Kind.OVERDUE, *, about: Facts | None = None, warned: Alert | None = None, **changes: Any) -> Item:
    """Give one alert as one recipient is told of it."""
    about = about or facts()
    plain = Item(
        alert=warned or alert(subject=about.code, unit=about.unit.code),
        kind=kind,
        reason=Reason.OPENED,
        title="Nhiệm vụ quá hạn",
        sentence="đã quá thời hạn 3 ngày làm việc",
        guidance="Cập nhật tiến độ, nêu vướng mắc và cơ quan có thẩm quyền tháo gỡ.",
        facts=about,
        days=3,
        answer_by=local(21, 8),
        next_title="Bí thư Tỉnh ủy Thái Nguyên",
    )
    return replace(plain, **changes)


def call(about: Item, step: int = 1, **changes: Any) -> Call:
    """Give the step that an alert has reached."""
    plain = Call(about.alert.id, about.alert.level, step, 0, "head", about.facts.unit.code, NOW, about.reason)
    return replace(plain, **changes)


def telling(*items: Item, to: Recipient | None = None, **changes: Any) -> Telling:
    """Give what one holder is told by e-mail."""
    calls = tuple(call(one) for one in items)
    return replace(Telling(to or recipient(), "email", items, calls=calls), **changes)


def letterhead(**changes: Any) -> Letterhead:
    """Give what every text of an installation shares."""
    return replace(Letterhead("Hệ thống theo dõi, cảnh báo Kế hoạch 02-KH/BCĐTW", ZONE), **changes)


def tally(**changes: int) -> Tally:
    """Give how a unit stands."""
    plain = Tally(
        total=25,
        done_in_time=12,
        done_late=3,
        open_in_time=5,
        open_late=3,
        due_soon=2,
        claimed=1,
        no_deadline=1,
    )
    return replace(plain, **changes)
