"""The texts that heads read: every kind, every case, and what must never stand in them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import pytest
from builders import (
    NOW,
    PROVINCE_PARTY,
    THAI_NGUYEN,
    alert,
    call,
    end_of,
    facts,
    holder,
    item,
    letterhead,
    local,
    recipient,
    tally,
    telling,
    unit,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import DictLoader

from warnwatch.alerts.alert import Reason, State
from warnwatch.notify.compose import compose
from warnwatch.notify.notification import Facts, Item, Kind, Notification, Telling
from warnwatch.notify.texts import Texts
from warnwatch.plan.directory import Recipient, Via
from warnwatch.rules.rule import Level

SUPERIOR = recipient(PROVINCE_PARTY, office="superior.head")
TASK_KINDS = [
    Kind.DUE_SOON,
    Kind.DUE_TODAY,
    Kind.OVERDUE,
    Kind.BEHIND,
    Kind.STALLED,
    Kind.NO_DEADLINE,
    Kind.FORECAST,
    Kind.OBSTACLE,
    Kind.GENERAL,
    Kind.ACK,
    Kind.KPI_BELOW,
    Kind.DATA,
    Kind.RULES_REFUSED,
]


def write(told: Telling, **head: object) -> Notification:
    """Compose at the usual time, with the usual letterhead."""
    return compose(told, replace(letterhead(), **head), NOW)  # type: ignore[arg-type]


def plain(html: str | None) -> str:
    """Give the words of an HTML part."""
    assert html is not None
    return re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))


def body(told: Telling) -> str:
    """Give the text part on one line."""
    return " ".join(write(told).text.split())


def task(code: str, number: int, kind: Kind = Kind.OVERDUE, level: Level = Level.CRITICAL, **changes: object) -> Item:
    """Give an item about a task of its own."""
    about: Facts = replace(facts(code=code), **changes)  # type: ignore[arg-type]
    return item(kind, about=about, warned=alert(number, subject=code, unit=about.unit.code, level=level))


def ended(number: int = 418) -> Item:
    """Give an alert that ended as cured."""
    return item(warned=alert(number, state=State.ENDED, ended_at=local(20, 8, 7, 30)))


EVERY_CASE = {
    **{str(kind): telling(item(kind)) for kind in TASK_KINDS},
    **{f"{kind} without facts": telling(item(kind, about=Facts("KH02-900", "", THAI_NGUYEN), days=None,
       sentence="", guidance="", answer_by=None, next_title="")) for kind in TASK_KINDS},
    "escalation": telling(item(times_told=2, reason=Reason.CLIMBED), to=SUPERIOR),
    "escalation of several": telling(task("A-1", 1), task("A-2", 2, Kind.BEHIND, Level.WARNING), to=SUPERIOR),
    "claimed": telling(item(reason=Reason.CLIMBED, about=facts(claimed=True, claimed_at=local(14, 8)))),
    "claimed, to a superior": telling(item(about=facts(claimed=True)), item(warned=alert(9, subject="A")), to=SUPERIOR),
    "moved": telling(item(about=facts(baseline_due_at=end_of(1, 7), baseline_text="trong quý II", decision="1-QĐ"))),
    "digest": telling(task("A-1", 1), task("A-2", 2, Kind.DUE_SOON, Level.WARNING), tally=tally(), cleared=(ended(),)),
    "mixed": telling(item(), task("A-3", 3, unit=PROVINCE_PARTY), to=SUPERIOR),
    "initial": telling(task("A-1", 1), initial=True, tally=tally()),
    "initial to a superior": telling(task("A-1", 1), initial=True, to=SUPERIOR),
    "all clear": telling(cleared=(ended(),)),
    "all clears": telling(cleared=(ended(), ended(419))),
    "confidential": telling(task("A-9", 9, confidential=True)),
    "confidential to a superior": telling(task("A-9", 9, confidential=True), to=SUPERIOR),
    "confidential, several": telling(task("A-8", 8, confidential=True), task("A-9", 9, confidential=True), to=SUPERIOR),
    "confidential, ended": telling(cleared=(item(about=facts(confidential=True)),)),
}  # fmt: skip


@pytest.mark.parametrize("told", EVERY_CASE.values(), ids=EVERY_CASE.keys())
def test_every_text_is_whole_in_both_parts(told: Telling) -> None:
    """No missing word, no template mark, no empty value: a fact that is not there is left out or said in words."""
    found = write(told)
    assert not found.fallback
    for part in (found.subject, found.text, plain(found.html)):
        assert not re.search(
            r"None|\{|\}|[Uu]ndefined|<built-in|\bnan\b|^(- | {3}).*: *$|\( *\)|  +[,.;:]", part, re.MULTILINE
        )
        assert unicodedata.is_normalized("NFC", part)
    assert found.text.endswith("không trả lời thư này.\n")
    assert "\n\n\n" not in found.text
    assert "Kính gửi: " in found.text
    assert "Trân trọng./." in found.text


@pytest.mark.parametrize("told", EVERY_CASE.values(), ids=EVERY_CASE.keys())
def test_the_system_never_speaks_like_a_superior(told: Telling) -> None:
    """“Yêu cầu”, “phê bình” and “kiểm điểm” belong to the competent superior."""
    found = write(told)
    said = f"{found.subject} {found.text} {plain(found.html)}".lower()
    assert not re.search("yêu cầu|phê bình|kiểm điểm|leo thang|kỷ luật", said)


@pytest.mark.parametrize("told", EVERY_CASE.values(), ids=EVERY_CASE.keys())
def test_the_html_part_loads_nothing_and_is_styled_inline(told: Telling) -> None:
    """No remote content, no script; the styles stand in the elements, the level is a word and not a colour alone."""
    html = write(told).html or ""
    assert not re.search(r"<script|<img|<link|url\(|@import|src=|https?://", html)
    assert 'style="' in html
    assert "max-width: 600px" in html
    assert re.search(">(Nhắc việc|Cảnh báo|Khẩn|Kết thúc cảnh báo)</div>", html)


def test_the_letter_about_an_overdue_task_reads_as_agreed() -> None:
    """The wording for overdue tasks, whole."""
    found = write(telling(item()))
    assert found.subject == "[Quá hạn 3 ngày làm việc] Nhiệm vụ KH02-031 – UBND tỉnh Thái Nguyên"
    assert found.text == (
        "Kính gửi: Chủ tịch Ủy ban nhân dân tỉnh Thái Nguyên\n\n"
        "Tính đến 08 giờ 00 ngày 20/8/2025, nhiệm vụ sau đây đã quá hạn 3 ngày làm việc, chưa có kết quả được xác nhận "
        "hoàn thành:\n"
        "- Nhiệm vụ: KH02-031 – Hoàn thành cung cấp dịch vụ công trực tuyến thuộc thẩm quyền cấp xã trên Cổng Dịch vụ "
        "công quốc gia\n"
        "- Căn cứ giao: Thông báo 408/TB-VPCP\n"
        "- Cơ quan, đơn vị chủ trì: Ủy ban nhân dân tỉnh Thái Nguyên\n"
        "- Thời hạn hoàn thành: trước ngày 15/8/2025 (hết ngày 15/8/2025)\n"
        "- Kết quả phải đạt: 100% dịch vụ công trực tuyến thuộc thẩm quyền cấp xã được cung cấp\n"
        "- Tiến độ cập nhật gần nhất: 62 % (ngày 11/8/2025)\n"
        "- Lý do cảnh báo: Đã quá thời hạn 3 ngày làm việc.\n"
        "- Đề nghị phản hồi: trước 16 giờ 00 ngày 21/8/2025\n"
        "- Mã cảnh báo: CB-25-00417\n\n"
        "Đề nghị Chủ tịch Ủy ban nhân dân tỉnh trực tiếp chỉ đạo hoàn thành dứt điểm; cập nhật kết quả hoặc giải trình "
        "rõ nguyên nhân chậm muộn, trách nhiệm và thời gian cam kết hoàn thành trước 16 giờ 00 ngày 21/8/2025. "
        "Quá thời hạn trên, Hệ thống báo cáo Bí thư Tỉnh ủy Thái Nguyên theo quy định.\n\n"
        "Việc cần làm: Cập nhật tiến độ, nêu vướng mắc và cơ quan có thẩm quyền tháo gỡ.\n\n"
        "Đề nghị phản hồi bằng cách cập nhật trên Hệ thống hoặc thông qua cơ quan thường trực, ghi rõ mã cảnh báo "
        "CB-25-00417.\n\n"
        "Trân trọng./.\n\n"
        "Hệ thống theo dõi, cảnh báo Kế hoạch 02-KH/BCĐTW\n"
        "Thư được gửi tự động; đề nghị cập nhật trên Hệ thống, không trả lời thư này.\n"
    )


@pytest.mark.parametrize(
    ("kind", "subject", "said"),
    [
        (
            Kind.DUE_SOON,
            "[Sắp đến hạn] Nhiệm vụ KH02-031 – còn 3 ngày làm việc (hạn 15/8/2025)",
            [
                "Hệ thống thông báo nhiệm vụ sau đây sắp đến hạn (còn 3 ngày làm việc):",
                "Đề nghị Ủy ban nhân dân tỉnh Thái Nguyên khẩn trương hoàn thành, cập nhật tiến độ trên Hệ thống; ",
                "trường hợp có khó khăn, vướng mắc vượt thẩm quyền, đề nghị gửi kiến nghị tháo gỡ trước 16 giờ 00 ngày",
            ],
        ),
        (
            Kind.DUE_TODAY,
            "[Đến hạn hôm nay] Nhiệm vụ KH02-031 – hạn 15/8/2025",
            [
                "Nhiệm vụ sau đây đến hạn hoàn thành trong hôm nay, ngày 15/8/2025:",
                "cập nhật kết quả và tài liệu kiểm chứng trước 16 giờ 00 ngày 21/8/2025.",
                "nhiệm vụ được tự động ghi nhận là quá hạn.",
            ],
        ),
        (
            Kind.STALLED,
            "[Chưa cập nhật 3 ngày làm việc] Nhiệm vụ KH02-031 – đề nghị cập nhật tiến độ",
            [
                "Nhiệm vụ sau đây không có cập nhật tiến độ trong 3 ngày làm việc (lần gần nhất: ngày 11/8/2025):",
                "cập nhật tiến độ thực tế, nêu rõ khó khăn, vướng mắc (nếu có) trước 16 giờ 00 ngày 21/8/2025.",
            ],
        ),
        (
            Kind.BEHIND,
            "[Chậm tiến độ] Nhiệm vụ KH02-031 – UBND tỉnh Thái Nguyên (hạn 15/8/2025)",
            ["nhiệm vụ sau đây đang chậm tiến độ so với kế hoạch:", "có giải pháp đẩy nhanh tiến độ"],
        ),
        (
            Kind.NO_DEADLINE,
            "[Chưa có thời hạn] Nhiệm vụ KH02-031 – đề nghị xác định thời hạn hoàn thành",
            ["chưa xác định thời hạn hoàn thành:", "báo cáo cấp giao nhiệm vụ xác định thời hạn hoàn thành"],
        ),
        (
            Kind.OBSTACLE,
            "[Đề nghị tháo gỡ] Khó khăn, vướng mắc nhiệm vụ KH02-031 – UBND tỉnh Thái Nguyên",
            [
                "Ủy ban nhân dân tỉnh Thái Nguyên báo cáo khó khăn, vướng mắc trong thực hiện nhiệm vụ:",
                "Kính đề nghị xem xét, giải quyết trước 16 giờ 00 ngày 21/8/2025.",
            ],
        ),
        (
            Kind.FORECAST,
            "[Dự báo trễ hạn] Nhiệm vụ KH02-031 – hạn 15/8/2025, chậm 3 ngày làm việc",
            [
                "Căn cứ tốc độ thực hiện đến nay, nhiệm vụ sau đây có nguy cơ không hoàn thành đúng hạn",
                "Đây là dự báo của Hệ thống, không phải kết luận đánh giá.",
            ],
        ),
        (
            Kind.DATA,
            "[Dữ liệu thiếu, chậm] KH02-031 – UBND tỉnh Thái Nguyên: đề nghị bổ sung dữ liệu",
            ["chưa đủ căn cứ đánh giá; các cảnh báo liên quan được giữ nguyên:"],
        ),
        (
            Kind.RULES_REFUSED,
            "[Bộ quy tắc bị từ chối] KH02-031 – bộ quy tắc cũ vẫn được áp dụng",
            ["Hệ thống từ chối bộ quy tắc cảnh báo vừa được sửa đổi vì có lỗi."],
        ),
    ],
)
def test_each_kind_keeps_its_agreed_wording(kind: Kind, subject: str, said: list[str]) -> None:
    """Subject and sentences of the kinds, literally."""
    found = write(telling(item(kind)))
    assert found.subject == subject
    assert found.kind is kind
    assert [one for one in said if one not in found.text] == []


def test_a_kpi_below_its_limit_says_value_limit_and_period() -> None:
    """The wording for KPIs, with the reading in words."""
    about = facts(code="CDS-01", title="Tỷ lệ hồ sơ trực tuyến", value="16,94 %", target="≥ 80 %", period="10/2025")
    found = write(telling(item(Kind.KPI_BELOW, about=about)))
    assert (
        found.subject == "[Chỉ tiêu chưa đạt] Tỷ lệ hồ sơ trực tuyến – UBND tỉnh Thái Nguyên: 16,94 % (ngưỡng ≥ 80 %)"
    )
    assert "Kỳ 10/2025, chỉ tiêu sau đây của Ủy ban nhân dân tỉnh Thái Nguyên chưa đạt ngưỡng:" in found.text
    assert "rà soát, xác định nguyên nhân và báo cáo giải pháp khắc phục trước 16 giờ 00 ngày 21/8/2025." in found.text


def test_an_acknowledgement_is_confirmed_with_its_promise() -> None:
    """Who, which alert, when, by when."""
    warned = alert(acknowledged_at=local(20, 8, 9), promised_for=end_of(25, 8))
    found = write(telling(item(Kind.ACK, warned=warned)))
    assert found.subject == "[Xác nhận] UBND tỉnh Thái Nguyên đã nhận cảnh báo CB-25-00417"
    assert (
        "Hệ thống ghi nhận Chủ tịch Ủy ban nhân dân tỉnh Thái Nguyên đã xác nhận nhận cảnh báo CB-25-00417 về nhiệm vụ "
        "KH02-031 lúc 09 giờ 00 ngày 20/8/2025. Thời hạn cập nhật kết quả xử lý: hết ngày 25/8/2025." in found.text
    )


def test_a_superior_is_told_what_is_late_how_often_it_was_told_and_whether_anybody_answered() -> None:
    """The report to a superior: kính báo cáo, kính đề nghị, and nothing that orders."""
    told = item(times_told=2, reason=Reason.CLIMBED, next_title="Chánh Văn phòng Trung ương Đảng")
    found = write(telling(told, to=SUPERIOR, calls=(call(told, 2),)))
    assert found.kind is Kind.ESCALATION
    assert found.subject == "[Báo cáo cấp trên] 1 nhiệm vụ quá hạn của UBND tỉnh Thái Nguyên"
    assert (
        "Hệ thống kính báo cáo: tính đến 08 giờ 00 ngày 20/8/2025, Ủy ban nhân dân tỉnh Thái Nguyên còn 1 nhiệm vụ quá "
        "hạn chưa hoàn thành (3 ngày làm việc); đã nhắc 2 lần, chưa xác nhận nhận cảnh báo; cập nhật gần nhất ngày "
        "11/8/2025." in found.text
    )
    assert "Kính đề nghị Bí thư Tỉnh ủy xem xét, cho ý kiến chỉ đạo." in found.text
    assert "Bước tiếp theo: sau 16 giờ 00 ngày 21/8/2025" in found.text
    assert "Đề nghị phản hồi" not in found.text


@pytest.mark.parametrize(
    ("about", "times", "said"),
    [
        ({}, 0, ""),
        (
            {"progress": None, "progress_at": None},
            1,
            "đã nhắc 1 lần, chưa xác nhận nhận cảnh báo; chưa có báo cáo tiến độ",
        ),
        ({"progress_at": local(18, 8)}, 2, "đã nhắc 2 lần, đã cập nhật ngày 18/8/2025"),
        ({"claimed": True, "claimed_at": local(14, 8)}, 0, "đã báo cáo hoàn thành ngày 14/8/2025, đang chờ xác nhận"),
    ],
)
def test_nobody_is_said_to_be_silent_who_reported_or_was_never_told(
    about: dict[str, object], times: int, said: str
) -> None:
    """An update or a claim is an answer; a unit whose posts are vacant was not reminded, and nothing is said."""
    found = write(telling(item(about=facts(**about), times_told=times, reason=Reason.CLIMBED), to=SUPERIOR))
    assert (f"; {said}." in found.text) if said else "đã nhắc" not in found.text
    assert f"Phản hồi của đơn vị: {said}\n" in found.text if said else "Phản hồi của đơn vị" not in found.text


def test_how_often_units_were_told_is_said_only_when_it_is_the_same_for_all() -> None:
    """The largest of several numbers would accuse those who were told less often; each task has its own."""
    found = write(telling(replace(task("A-1", 1), times_told=3), replace(task("A-2", 2), times_told=1), to=SUPERIOR))
    assert "chưa hoàn thành, trong đó nhiệm vụ quá hạn lâu nhất là 3 ngày làm việc." in found.text
    assert "đã nhắc 3 lần, " in found.text
    assert "đã nhắc 1 lần, " in found.text


def test_what_is_reported_done_is_asked_to_be_verified() -> None:
    """A claimed task has a line of its own, and is not asked to be explained as a delay."""
    found = write(telling(item(about=facts(claimed=True, claimed_at=local(14, 8)))))
    for part in (found.text, plain(found.html)):
        assert "đã báo cáo hoàn thành ngày 14/8/2025, đang chờ xác nhận" in part
        assert "Đề nghị Chủ tịch Ủy ban nhân dân tỉnh chỉ đạo hoàn tất hồ sơ xác nhận hoàn thành" in part
        assert "giải trình" not in part
    assert found.subject.startswith("[Quá hạn 3 ngày làm việc, chờ xác nhận] Nhiệm vụ KH02-031")
    assert "đã được báo cáo hoàn thành nhưng chưa có kết quả xác nhận" in found.text


def test_a_moved_deadline_is_told_with_the_first_one_and_the_act_that_moved_it() -> None:
    """The words of the first deadline never stand beside the new date."""
    about = facts(
        due_text="",
        due_at=end_of(17, 12),
        baseline_text="trong tháng 8/2025",
        baseline_due_at=end_of(31, 8),
        decision="12-QĐ",
    )
    assert (
        "Thời hạn hoàn thành: hết ngày 17/12/2025, đã điều chỉnh theo văn bản số 12-QĐ (thời hạn ban đầu: "
        "trong tháng 8/2025)" in write(telling(item(about=about))).text
    )


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (Kind.OVERDUE, "có 2 nhiệm vụ cần tập trung chỉ đạo (quá hạn)."),
        (Kind.BEHIND, "có 2 nhiệm vụ cần tập trung chỉ đạo, trong đó: 1 quá hạn và 1 chậm tiến độ."),
    ],
)
def test_a_number_is_split_up_only_when_it_has_parts(second: Kind, said: str) -> None:
    """“3, of these 3” is not said."""
    assert said in body(telling(task("A-1", 1), task("A-2", 2, second)))


def test_what_is_not_known_of_a_task_is_left_out() -> None:
    """A missing document is the fault of nobody who reads the mail."""
    text = write(telling(item(about=facts(assigning_document="", expected_result="")))).text
    assert "Căn cứ giao" not in text
    assert "Kết quả phải đạt" not in text


def test_a_report_about_several_units_lists_each_with_its_tasks() -> None:
    """The longest delay is named, each unit has a heading, an answer is said."""
    other = unit("DP-19-X", "Xã Ví dụ", parent="DP-19")
    first = replace(task("A-1", 1), days=36, times_told=3)
    warned = alert(2, subject="A-2", acknowledged_at=local(18, 8), promised_for=end_of(30, 8))
    found = write(telling(first, item(about=facts(code="A-2", unit=other), warned=warned), to=SUPERIOR))
    assert "2 cơ quan, đơn vị còn 2 nhiệm vụ quá hạn chưa hoàn thành" in found.text
    assert "trong đó nhiệm vụ quá hạn lâu nhất là 36 ngày làm việc" in found.text
    assert "; đã xác nhận nhận cảnh báo hoặc cập nhật đối với 1/2 nhiệm vụ." in found.text
    assert "đã xác nhận nhận cảnh báo, cam kết hoàn thành chậm nhất hết ngày 30/8/2025" in found.text
    assert "Xã Ví dụ (1)" in found.text


def test_a_digest_ranks_the_gravest_first_then_the_oldest_and_counts_by_kind() -> None:
    """Critical before warning, an older deadline before a newer, kinds with their numbers."""
    old = task("A-1", 1, due_at=end_of(1, 7))
    new = task("A-2", 2)
    soon = task("A-3", 3, Kind.DUE_SOON, Level.WARNING, due_at=end_of(22, 8))
    found = write(telling(soon, new, old, tally=tally()))
    assert found.kind is Kind.DIGEST
    assert found.subject == (
        "[Bản tin tổng hợp] Tình hình thực hiện nhiệm vụ của UBND tỉnh Thái Nguyên đến 08 giờ 00 ngày 20/8/2025: "
        "2 quá hạn và 1 sắp đến hạn"
    )
    assert found.text.index("1. A-1 – ") < found.text.index("2. A-2 – ") < found.text.index("3. A-3 – ")
    assert "Khẩn – Quá hạn (2)" in found.text
    assert "Cảnh báo – Sắp đến hạn (1)" in found.text
    assert "- Đã hoàn thành: 15 (đúng hạn 12, quá hạn 3)" in found.text


def test_over_the_cap_the_rest_is_counted_never_dropped_silently() -> None:
    """Fifty-three tasks under a cap of fifty: fifty are listed, three are said."""
    found = write(telling(*(task(f"A-{number}", number) for number in range(1, 54))))
    assert "50. A-" in found.text
    assert "51. A-" not in found.text
    assert "và 3 nhiệm vụ khác, xem trên Hệ thống." in found.text
    assert "và 3 nhiệm vụ khác" in plain(found.html)
    assert "có 53 nhiệm vụ" in found.text
    assert len(found.alerts) == 53


def test_two_alerts_about_one_task_are_one_entry() -> None:
    """A task that is late and silent is told once, with both reasons and both codes."""
    silent = item(
        Kind.STALLED,
        warned=alert(418, level=Level.WARNING, measure="silent_working_days"),
        sentence="7 ngày làm việc không có báo cáo, vượt ngưỡng 5",
    )
    found = write(telling(silent, item()))
    assert found.kind is Kind.OVERDUE
    assert "Đồng thời: 7 ngày làm việc không có báo cáo, vượt ngưỡng 5." in found.text
    assert "Mã cảnh báo: CB-25-00417, CB-25-00418" in found.text


def test_what_all_tasks_have_in_common_about_answering_is_said_once() -> None:
    """The same answer and the same guidance stand above the list."""
    assert body(telling(task("A-1", 1), task("A-2", 2))).count("Việc cần làm: ") == 1


def test_the_initial_digest_says_so_and_says_what_is_late_why_by_when_and_what_to_do() -> None:
    """The first-day digest is a warning in itself, and the waits count from it."""
    found = write(telling(item(reason=Reason.INITIAL), initial=True))
    assert found.kind is Kind.INITIAL
    assert found.subject.startswith("[Tình hình ban đầu] Thực hiện nhiệm vụ của UBND tỉnh Thái Nguyên")
    for said in (
        "Đây là tình hình ban đầu khi Hệ thống bắt đầu theo dõi; thời hạn phản hồi tính từ thư này.",
        "Quá hạn 3 ngày làm việc – mức Khẩn (CB-25-00417)",
        "Thời hạn: trước ngày 15/8/2025 (hết ngày 15/8/2025)",
        "Lý do: Đã quá thời hạn 3 ngày làm việc.",
        "Việc cần làm: Cập nhật tiến độ, nêu vướng mắc",
        "Phản hồi: trước 16 giờ 00 ngày 21/8/2025; quá thời hạn này, Hệ thống báo cáo Bí thư Tỉnh ủy Thái Nguyên",
    ):
        assert said in found.text


def test_an_all_clear_says_what_ended_and_asks_nothing() -> None:
    """One ended alert: its own letter, on green, at the lowest level."""
    found = write(telling(cleared=(ended(),)))
    assert found.kind is Kind.ALL_CLEAR
    assert found.level == Level.NOTICE
    assert found.subject == "[Kết thúc cảnh báo] Nhiệm vụ KH02-031 – UBND tỉnh Thái Nguyên"
    assert "cảnh báo CB-25-00418 đã kết thúc do nội dung cảnh báo đã được khắc phục" in found.text
    assert "Cảnh báo này không cần phản hồi thêm." in found.text


def test_all_clears_stand_at_the_end_of_a_letter_and_of_a_digest() -> None:
    """What ended comes after what is asked."""
    for told in (telling(item(), cleared=(ended(),)), telling(task("A-1", 1), item(), cleared=(ended(),))):
        text = write(told).text
        assert text.index("Cảnh báo đã kết thúc (1)") > text.rindex("Đề nghị Chủ tịch")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": Reason.RAISED}, "Cảnh báo được nâng lên mức Khẩn."),
        (
            {"reason": Reason.CLIMBED, "times_told": 1},
            "Đã quá thời hạn phản hồi của lần thông báo trước; đến nay chưa xác nhận nhận cảnh báo; cập nhật gần nhất",
        ),
        ({"reason": Reason.CLIMBED}, "Đến nay nội dung cảnh báo chưa được khắc phục."),
        (
            {"reason": Reason.CLIMBED, "times_told": 1, "about": facts(progress_at=local(18, 8))},
            "Đơn vị đã cập nhật ngày 18/8/2025; đến nay nội dung cảnh báo chưa được khắc phục.",
        ),
        (
            {"reason": Reason.CLIMBED, "times_told": 1, "about": facts(claimed=True, claimed_at=local(18, 8))},
            "Đơn vị đã báo cáo hoàn thành ngày 18/8/2025, đang chờ xác nhận.",
        ),
        (
            {"reason": Reason.CLIMBED, "warned": alert(acknowledged_at=local(18, 8))},
            "Đã xác nhận nhận cảnh báo nhưng đến nay chưa ghi nhận kết quả xử lý.",
        ),
        (
            {"reason": Reason.PROMISE_BROKEN, "warned": alert(acknowledged_at=NOW, promised_for=end_of(19, 8))},
            "Đã quá thời hạn cam kết (hết ngày 19/8/2025) nhưng chưa ghi nhận kết quả hoàn thành.",
        ),
    ],
)
def test_why_it_is_told_now_is_said_in_words(changes: dict[str, object], said: str) -> None:
    """A raised level, a climb and a broken promise each have their sentence."""
    assert said in body(telling(item(**changes)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("to", "said"),
    [
        (
            recipient(via=(Via.ACTING,)),
            "Thái Nguyên hiện chưa có người đảm nhiệm chính thức; thư này gửi người được giao phụ trách.",
        ),
        (
            recipient(via=(Via.NO_ADDRESS, Via.DEPUTY)),
            "chưa có địa chỉ thư của người đứng đầu của Ủy ban nhân dân tỉnh Thái Nguyên; thư này gửi cấp phó.",
        ),
        (
            recipient(office="focal_point", via=(Via.NO_ADDRESS, Via.HEAD)),
            "chưa có địa chỉ thư của đầu mối theo dõi của",
        ),
        (recipient(via=(Via.NO_ADDRESS, Via.ACTING)), "thư này gửi người được giao phụ trách."),
        (
            recipient(PROVINCE_PARTY, asked_unit=THAI_NGUYEN, via=(Via.NO_ADDRESS, Via.SUPERIOR, Via.DEPUTY)),
            "hiện khuyết hoặc Hệ thống chưa có địa chỉ thư; thư này gửi cấp phó của cơ quan, đơn vị cấp trên.",
        ),
        (recipient(via=(Via.DEPUTY,)), "hiện khuyết; thư này gửi cấp phó."),
        (
            recipient(office="focal_point", via=(Via.HEAD,)),
            "Vị trí đầu mối theo dõi của Ủy ban nhân dân tỉnh Thái Nguyên hiện khuyết; thư này gửi người đứng đầu.",
        ),
        (
            recipient(PROVINCE_PARTY, office="head", asked_unit=THAI_NGUYEN, via=(Via.SUPERIOR,)),
            "tỉnh Thái Nguyên hiện đều khuyết; thư này gửi người đứng đầu cơ quan, đơn vị cấp trên.",
        ),
        (
            recipient(PROVINCE_PARTY, asked_unit=THAI_NGUYEN, via=(Via.SUPERIOR, Via.DEPUTY)),
            "thư này gửi cấp phó của cơ quan, đơn vị cấp trên.",
        ),
    ],
)
def test_a_text_that_goes_round_a_vacant_post_says_why(to: Recipient, said: str) -> None:
    """Acting, deputy, head, superior: each way round is explained, in both parts."""
    found = write(telling(item(), to=to))
    assert said in found.text
    assert said in plain(found.html)


def test_a_filled_post_needs_no_explanation() -> None:
    """Nothing is said of vacancies when there is none."""
    assert "khuyết" not in body(telling(item()))


def test_a_focal_point_is_not_asked_to_direct() -> None:
    """What only a head can do is asked of the unit."""
    focal = holder(office="focal_point", title="Chuyên viên theo dõi")
    text = body(telling(item(), to=recipient(office="focal_point", holder=focal)))
    assert "Kính gửi: Chuyên viên theo dõi, Ủy ban nhân dân tỉnh Thái Nguyên" in text
    assert "trực tiếp chỉ đạo" not in text


SECRET = Facts(
    code="KH02-099",
    title="CANARY tên nhiệm vụ",
    unit=unit("X-1", "CANARY đơn vị", short_name="CANARY ĐV"),
    assigning_document="CANARY văn bản",
    due_at=end_of(7, 7, 2031),
    due_text="CANARY hạn 7777",
    expected_result="CANARY kết quả",
    progress=0.77,
    progress_at=end_of(7, 7, 2032),
    confidential=True,
    value="CANARY",
    lines=(("CANARY", "CANARY"),),
)
SECRET_ITEM = item(
    about=SECRET,
    warned=alert(
        99, subject="KH02-099", unit="X-1", promised_for=end_of(7, 7, 2033), acknowledged_at=end_of(7, 7, 2033)
    ),
    sentence="CANARY 7777",
    title="CANARY quy tắc",
    guidance="CANARY hướng dẫn",
    days=7777,
    times_told=7777,
    next_title="CANARY cấp trên",
    reason=Reason.PROMISE_BROKEN,
)


@pytest.mark.parametrize(
    "told",
    [
        telling(SECRET_ITEM),
        telling(SECRET_ITEM, to=SUPERIOR),
        telling(SECRET_ITEM, initial=True),
        telling(SECRET_ITEM, item()),
        telling(SECRET_ITEM, item(), to=SUPERIOR),
        telling(item(), cleared=(SECRET_ITEM,)),
        telling(cleared=(SECRET_ITEM,)),
        telling(SECRET_ITEM, to=recipient(PROVINCE_PARTY, asked_unit=SECRET.unit, via=(Via.SUPERIOR,))),
    ],
)
@pytest.mark.parametrize("broken", [False, True])
def test_of_a_confidential_task_nothing_leaves_but_its_code(told: Telling, broken: bool) -> None:
    """No title, number or name in subject, text, HTML, or the plain form: the code, and where to read more."""
    found = compose(told, letterhead(), NOW, Texts(DictLoader({})) if broken else None)
    parts = f"{found.subject} {found.text} {found.html}"
    assert not re.search(r"CANARY|7777|77 %|203[123]", parts)
    assert found.fallback is broken
    assert broken or ("KH02-099" in found.text and "xem trên Hệ thống" in parts)


def test_a_text_that_fails_to_render_goes_out_in_a_plain_form() -> None:
    """A broken template loses nobody: the plain form names task, reason, deadline and answer."""
    found = compose(telling(item(), cleared=(ended(),)), letterhead(), NOW, Texts(DictLoader({"vi/overdue.j2": "{{"})))
    assert found.fallback
    assert found.html is None
    assert found.subject == "[Khẩn] 1 nội dung cảnh báo – UBND tỉnh Thái Nguyên"
    for said in (
        "KH02-031",
        "CB-25-00417",
        "Đã quá thời hạn 3 ngày làm việc.",
        "16 giờ 00 ngày 21/8/2025",
        "CB-25-00418",
    ):
        assert said in found.text


def test_a_word_that_no_template_knows_is_a_failure_not_a_blank() -> None:
    """StrictUndefined: a misspelt word gives the plain form, never a hole in a sentence."""
    sheets = Texts(DictLoader({"vi/overdue.j2": "{% block state %}{{ dayz }}{% endblock %}"}))
    assert compose(telling(item()), letterhead(), NOW, sheets).fallback


def test_the_key_names_what_is_told_to_whom_on_which_channel() -> None:
    """The same calls give the same key at any time and in any order; another holder, channel or call another one."""
    told = telling(task("A-1", 1), task("A-2", 2))
    key = write(told).key
    assert compose(told, letterhead(), local(1, 9), None).key == key
    assert write(replace(told, items=told.items[::-1], calls=told.calls[::-1])).key == key
    others = [
        replace(told, channel="sms"),
        replace(told, recipient=SUPERIOR),
        replace(told, calls=told.calls[:1]),
        replace(told, cleared=(ended(),)),
        replace(told, calls=tuple(replace(one, repeat=1) for one in told.calls)),
    ]
    assert len({key, *(write(one).key for one in others)}) == 6


def test_a_notification_carries_what_the_outbox_needs() -> None:
    """Holder, office, unit, address, highest level, calls and alerts, all from the telling."""
    told = telling(task("A-1", 1, level=Level.NOTICE), task("A-2", 2, level=Level.WARNING), cleared=(ended(3),))
    found = write(told)
    assert (found.holder, found.office, found.unit) == ("DP-19-UB/head/1", "head", "DP-19-UB")
    assert (found.address, found.level, found.channel) == ("chutich@thainguyen.example.vn", Level.WARNING, "email")
    assert (found.calls, found.alerts, found.created_at) == (told.calls, (1, 2, 3), NOW)


def test_the_link_line_is_there_only_when_the_installation_has_an_address() -> None:
    """No link, no empty line about one; and nothing but a web address becomes a link."""
    assert (
        "Địa chỉ Hệ thống: https://canhbao.example.vn\n"
        in write(telling(item()), link="https://canhbao.example.vn").text
    )
    assert "Địa chỉ" not in write(telling(item())).text
    assert "javascript" not in (write(telling(item()), link="javascript:alert(1)").html or "")


@pytest.mark.parametrize(
    "title",
    [
        "<script>alert(1)</script>",
        "{{ 7 * 7 }}{% raw %}",
        "a\r\nBcc: x@example.vn",
        "\u202eđảo\u2066",
        "\ud800",
        "\x00\x1b[31m",
        "Nhiệm vụ " * 1200,
        "x" * 10_000,
        "a: b: c",
        "--><style>*{display:none}</style>",
    ],
)
def test_a_hostile_title_stays_a_title(title: str) -> None:
    """It is shown as text, breaks no layout, adds no header, and the mail can be encoded."""
    found = write(telling(item(about=facts(title=title, code=title[:90], assigning_document=title))))
    assert not found.fallback
    assert "\n" not in found.subject
    assert "\r" not in found.text
    assert len(found.subject) <= 200
    assert "<script" not in (found.html or "")
    assert (found.html or "").count("<style>") == 1
    assert len(found.text) < 5000
    f"{found.subject}{found.text}{found.html}".encode()


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=400), st.sampled_from(TASK_KINDS))
def test_no_title_breaks_a_text(title: str, kind: Kind) -> None:
    """For any characters: no fallback, one-line subject, NFC, encodable, the same number of HTML elements."""
    found = write(telling(item(kind, about=facts(title=title, due_text=title, expected_result=title), sentence=title)))
    assert not found.fallback
    assert "\n" not in found.subject
    assert len(found.subject) <= 200
    assert unicodedata.is_normalized("NFC", found.text)
    f"{found.subject}{found.text}{found.html}".encode()
    harmless = write(telling(item(kind)))
    assert (found.html or "").count("<table") == (harmless.html or "").count("<table")
