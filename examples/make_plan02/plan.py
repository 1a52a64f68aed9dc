"""The tasks as the sources give them; a task given to many becomes one per unit, under a parent that is not judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bodies import FOCAL_POINT, Row, title_in_full

KINDS = {
    "ALL:BO_NGANH": {"bo", "co_quan_ngang_bo", "co_quan_thuoc_chinh_phu"},
    "ALL:DP": {"tinh_uy", "thanh_uy"},
    "ALL:DP-UB": {"ubnd_cap_tinh"},
}
MANY = {
    "ALL:BO_NGANH": "các bộ, cơ quan ngang bộ, cơ quan thuộc Chính phủ",
    "ALL:DP": "các tỉnh ủy, thành ủy",
    "ALL:DP-UB": "UBND các tỉnh, thành phố",
    "ALL:UNITS": "các cơ quan, đơn vị, địa phương",
}
# Whoever follows up a task given to many leads its parent row: what the Government gave, the Government's committee.
FOLLOWED_BY_STANDING_BODY = {"ALL:DP", "ALL:UNITS"}

RELATIONS = {
    "plan02": "giao để thực hiện Kế hoạch 02",
    "plan02_dia_phuong": "bước thực hiện Kế hoạch 02 của địa phương",
    "nq57": "cùng chương trình (Nghị quyết 57-NQ/TW, Nghị quyết 71/NQ-CP)",
    "lien_quan": "liên quan",
}
WORDINGS = {
    "theo_nguon_tieng_viet": "lời văn theo nguồn tiếng Việt",
    "dich_lai_tu_ban_tieng_anh": "lời văn dịch lại từ bản tiếng Anh, không phải lời văn chính thức",
}

# The source gives no deadline of its own: the note says what `due` was taken from.
_PHASE_END = "hạn suy ra: nguồn không ghi hạn riêng, lấy ngày cuối giai đoạn cấp bách (30/6/2025)"
_EFFECT = "hạn suy ra: ngày 01/7/2025 là ngày bắt đầu áp dụng, nên việc phải xong trước đó, lấy hết ngày 30/6/2025"
_ONLY_DONE = "nguồn chỉ nêu ngày hoàn thành (26/6/2025), không nêu hạn"
_NEW_YEAR = "hạn suy ra: để áp dụng từ ngày 01/01/2026, nên lấy hết ngày 31/12/2025"
DERIVED_DUE = {
    "KH02-001": ("2025-06-30", _EFFECT),
    "KH02-002": ("2025-06-30", _PHASE_END),
    "KH02-003": ("2025-06-30", _PHASE_END),
    "KH02-008": ("2025-06-30", _EFFECT),
    "KH02-013": ("2025-06-30", _PHASE_END),
    "KH02-024": ("2025-06-30", _EFFECT),
    "KH02-029": ("", _ONLY_DONE),
    "KH02-037": ("2025-12-31", _NEW_YEAR),
}
# "từ 18 giờ 00 ngày 27/6/2025" says when it starts; the source says nothing of an end.
STARTS = {"KH02-021": "2025-06-27T18:00:00+07:00"}

PLAN_02 = "Kế hoạch 02-KH/BCĐTW ngày 19/6/2025"
NO_NUMBER = "(nguồn công khai không nêu số văn bản)"
NUMBERED = re.compile(r"\((?P<kind>TB|Công điện|Chỉ thị|Kết luận) (?P<number>[^)]+)\)")


def expand(leads: str, units: Iterable[Mapping[str, str]]) -> list[str]:
    """Give the lead units that a task of the source names; one code stands for itself."""
    if leads.startswith("MULTI:"):
        return leads.removeprefix("MULTI:").split("|")
    if leads not in MANY:
        return [leads]
    return [unit["code"] for unit in units if leads == "ALL:UNITS" or unit["kind"] in KINDS[leads]]


def tasks(domain: Iterable[Mapping[str, str]], units: list[Row]) -> list[Row]:
    """Make the tasks without their life: every sourced task but the proposal, children after their parent."""
    by_code = {unit["code"]: unit for unit in units}
    rows: list[Row] = []
    for task in domain:
        if task["relation"] == "kien_nghi":
            continue
        leads = expand(task["lead_unit"], units)
        if len(leads) == 1:
            rows.append(_row(task, task["code"], by_code[leads[0]]))
            continue
        follower = "BCD-CQTT" if task["lead_unit"] in FOLLOWED_BY_STANDING_BODY else "CP-BCD"
        rows.append(_row(task, task["code"], by_code[follower]) | {"judged": "no"})
        rows += [_row(task, f"{task['code']}.{lead}", by_code[lead]) | {"parent": task["code"]} for lead in leads]
    return rows


def _row(task: Mapping[str, str], code: str, lead: Mapping[str, str]) -> Row:
    due, derived = DERIVED_DUE.get(task["code"], (task["due"], ""))
    start = STARTS.get(task["code"], task["start"])
    due = "" if task["code"] in STARTS else due
    urgent = task["phase"] == "1"
    return {
        "code": code,
        "title": task["title"],
        "lead_unit": lead["code"],
        "collaborators": _collaborators(task["collaborators"], lead),
        "group": task["group"],
        "phase": task["phase"],
        "start": start,
        "due": due,
        "due_text": task["due_text"],
        "decision": "",
        # The urgent phase was run on weekends too, and two of its deadlines fall on a Saturday.
        "calendar_mode": "every_day" if urgent and due else "working_days",
        "status": "open",
        "claimed_at": "",
        "done_at": "",
        "verifier": "",
        "assigning_document": assigning_document(task),
        "owner_role": lead["head_title"],
        "accountable_head": title_in_full(lead),
        "focal_point": f"{FOCAL_POINT}, {lead['short_name']}",
        "expected_result": task["expected_result"],
        "decision_authority": "CP-BCD" if given_by_government(task) else "BCD-CQTT",
        "parent": "",
        "judged": "yes",
        "source": "; ".join(
            part for part in (task["source"], RELATIONS[task["relation"]], WORDINGS[task["wording"]], derived) if part
        ),
    }


def given_by_government(task: Mapping[str, str]) -> bool:
    """Say whether the source is a notice, telegram or directive of the Government's side, or a report of one."""
    return not task["source"].startswith("Báo chí") and task["code"] not in {
        "KH02-029",
        "KH02-038",
        "KH02-039",
        "KH02-040",
        "KH02-045",
        "KH02-054",
    }


def assigning_document(task: Mapping[str, str]) -> str:
    """Name the document that gave the task, as far as the source does."""
    numbered = NUMBERED.search(task["source"])
    if numbered:
        kind = {"TB": "Thông báo"}.get(numbered["kind"], numbered["kind"])
        return f"{kind} {numbered['number']}"
    if task["relation"].startswith("plan02"):
        return PLAN_02
    return f"Kết luận, chỉ đạo của Chính phủ, Thủ tướng Chính phủ {NO_NUMBER}"


def _collaborators(words: str, lead: Mapping[str, str]) -> str:
    """Keep the source's words; a province's committee works with its own People's Committee, nobody with itself."""
    own = f"{lead['code']}-UB" if lead["kind"] in {"tinh_uy", "thanh_uy"} else ""
    parts = [part.strip() for part in words.split(";") if part.strip()]
    said = [own if own and part == "ALL:DP-UB" else MANY.get(part, part) for part in parts]
    return "; ".join(part for part in said if part != lead["code"])
