"""The form of a file of rule tests: every key that may stand in one, and what stands where a key is left out.

A fact is one row of a file of an import, or something that a person or a source does. The key that comes first in
KINDS says what it is, its value which task, unit or KPI; the other keys are the columns of that file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from warnwatch.alerts.alert import EndReason
from warnwatch.language import Phrase
from warnwatch.plan.columns import FILES, find_column
from warnwatch.plan.directory import STANDING_BODY_KIND
from warnwatch.rules.rule import LEVELS

FILE_KEYS = ("facts", "tests")
TEST_KEYS = ("name", "rules", "every", "facts", "expect")
AHEAD_KEYS = ("next", "next_at", "standing")
EXPECT_KEYS = ("at", "level", "tell", *AHEAD_KEYS)  # and the id of every rule that the test looks at

# The built-in tree, from the bottom: every office of every unit is held.
UNIT, SUPERIOR, STANDING_BODY, COMMITTEE = "DV", "CT", "TT", "BCD"
HELD = ("head", "deputy", "focal_point")
TREE: tuple[Mapping[str, str], ...] = (
    {"code": COMMITTEE, "name": "Ban Chỉ đạo", "parent": "", "head_title": "Trưởng Ban Chỉ đạo"},
    {
        "code": STANDING_BODY,
        "name": "Cơ quan thường trực",
        "kind": STANDING_BODY_KIND,
        "parent": COMMITTEE,
        "head_title": "Trưởng Cơ quan thường trực",
    },
    {"code": SUPERIOR, "name": "Cấp trên", "parent": STANDING_BODY, "head_title": "Người đứng đầu cấp trên"},
    {"code": UNIT, "name": "Đơn vị", "parent": SUPERIOR, "head_title": "Người đứng đầu đơn vị"},
)

# What an alert may be expected to be. A level is that of an open alert.
NONE, PENDING, NOT_APPLICABLE, UNKNOWN = "none", "pending", "not_applicable", "unknown"
ENDS = (EndReason.CURED.value, EndReason.CLOSED.value)
WORDS = (NONE, PENDING, *LEVELS, NOT_APPLICABLE, UNKNOWN, *ENDS)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fact. `files`: the files of an import that it is a row of, the first holding `value`, its key.

    `others`: the keys of a fact that is no row.
    """

    word: str
    value: str
    about: str
    files: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def keys(self) -> tuple[str, ...]:
        """Name the keys that may stand in such a fact, beside `at` and its own."""
        columns = [column.name for file in self.files for column in FILES[file].columns]
        return tuple(dict.fromkeys(name for name in (*columns, *self.others) if name != self.value))

    def knows(self, key: str) -> bool:
        """Say whether a key may stand in such a fact; a column by its English or Vietnamese header."""
        return key in self.others or any(find_column(FILES[name], key) for name in self.files)


KINDS: Mapping[str, Kind] = {
    one.word: one
    for one in (
        Kind("milestone", "code", Phrase("mốc của nhiệm vụ; task là nhiệm vụ"), ("milestones",)),
        Kind("report", "task", Phrase("báo cáo tiến độ của nhiệm vụ"), ("reports",)),
        Kind("decided", "number", Phrase("quyết định về nhiệm vụ; task là nhiệm vụ"), ("decisions",)),
        Kind("task", "code", Phrase("nhiệm vụ, hoặc những gì đã đổi của nhiệm vụ"), ("tasks",)),
        Kind("unit_change", "unit", Phrase("đơn vị sáp nhập, chia tách, đổi tên, chuyển cấp trên"), ("unit_changes",)),
        Kind("holder", "code", Phrase("người giữ chức vụ, ví dụ DV/head"), ("holders",)),
        Kind("post", "unit", Phrase("chức vụ của đơn vị, ví dụ DV/head"), ("posts",)),
        Kind("reading", "kpi", Phrase("số liệu của chỉ tiêu; unit là đơn vị"), ("readings",)),
        Kind("kpi", "code", Phrase("chỉ tiêu và mục tiêu của đơn vị về chỉ tiêu; unit là đơn vị"), ("kpis", "targets")),
        Kind(
            "acknowledge",
            "subject",
            Phrase("xác nhận cảnh báo, cam kết đến ngày until; by là chức vụ"),
            others=("rule", "by", "until", "note"),
        ),
        Kind("close", "subject", Phrase("đóng cảnh báo theo văn bản"), others=("rule", "reason", "document")),
        Kind("pull", "code", Phrase("một lần lấy số liệu từ nguồn"), others=("outcome", "rows", "why")),
        Kind(
            "silence",
            "reason",
            Phrase("tạm dừng cảnh báo đến until, với lý do; không ghi điều kiện nào là tạm dừng tất cả"),
            others=("rule", "about", "unit", "subject", "up_to", "until"),
        ),
        Kind("rule_fails", "id", Phrase("quy tắc này không chạy được từ lúc này")),
        Kind("rule_works", "id", Phrase("quy tắc này chạy lại được từ lúc này")),
        Kind("refused", "mistakes", Phrase("bộ quy tắc mới bị từ chối vì có chừng ấy lỗi; 0 là đã sửa xong")),
        Kind("unit", "code", Phrase("đơn vị; mọi chức vụ đều có người giữ"), ("units",)),
        Kind(
            "source", "code", Phrase("nguồn mà Hệ thống tự lấy số liệu"), others=("title", "keeper", "rhythm", "grace")
        ),
    )
}
