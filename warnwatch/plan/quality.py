"""Rules and missing data as subjects of rules themselves: the columns, their measures, and what is said of them.

The frames are made in `rules.stages`, from what the rules about the plan have come to.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from warnwatch.language import Phrase
from warnwatch.plan.measures import Measure, column

# The subject that stands for the whole rule set; no rule can have this name, as ids have no underscore.
RULE_SET = "alert_rules"
RULE, SET, GONE = "rule", "set", "gone"

RULE_COLUMNS: Mapping[str, type[pl.DataType]] = {
    "code": pl.String,
    "unit": pl.String,
    "kind": pl.String,
    "failing": pl.Int32,
    "mistakes": pl.Int32,
    "waiting": pl.Int32,
}
DATUM_COLUMNS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "code": pl.String,
    "unit": pl.String,
    "datum": pl.String,
    "unknown_subjects": pl.Int32,
    "subjects": pl.List(pl.String),
    "rules": pl.List(pl.String),
}

# Which datum of the plan a base column of a frame holds; a column that is not here is named by its measure.
DATA: Mapping[str, Mapping[str, str]] = {
    "task": {
        "start_at": "tasks.start",
        "due_at": "tasks.due",
        "due_index": "tasks.due",
        "due_day": "tasks.due",
        "baseline_due_at": "tasks.due",
        "baseline_index": "tasks.due",
        "progress": "reports.progress",
        "last_reported_at": "reports.reported_at",
        "report_index": "reports.reported_at",
        "phase": "tasks.phase",
        "group_no": "tasks.group",
        "weight": "tasks.weight",
        "bloc": "units.bloc",
    },
    "kpi": {
        "value": "readings.value",
        "period": "readings.value",
        "target": "targets.target",
        "operator": "kpis.operator",
    },
}
WORDS: Mapping[str, str] = {
    "tasks.start": Phrase("ngày bắt đầu của nhiệm vụ"),
    "tasks.due": Phrase("thời hạn của nhiệm vụ"),
    "tasks.phase": Phrase("giai đoạn của nhiệm vụ"),
    "tasks.group": Phrase("nhóm của nhiệm vụ"),
    "tasks.weight": Phrase("trọng số của nhiệm vụ"),
    "reports.progress": Phrase("tiến độ (%) trong báo cáo"),
    "reports.reported_at": Phrase("báo cáo tiến độ"),
    "units.bloc": Phrase("khối của đơn vị"),
    "readings.value": Phrase("số liệu của chỉ tiêu"),
    "targets.target": Phrase("mức phải đạt của chỉ tiêu"),
    "kpis.operator": Phrase("chiều so sánh của chỉ tiêu"),
}

_NONE = ("", "")

RULE_MEASURES = (
    Measure(
        "code",
        "rule",
        "code",
        _NONE,
        (f"mã quy tắc; {RULE_SET} là cả bộ quy tắc", f"the rule's id; {RULE_SET} is the whole set"),
        "rules.id",
        "task-deadline",
        column("code"),
        nullable=False,
    ),
    Measure(
        "unit",
        "rule",
        "code",
        _NONE,
        ("đơn vị giữ bộ quy tắc", "the unit that keeps the rules"),
        "rules.keeper",
        "BCD-CQTT",
        column("unit"),
        nullable=False,
    ),
    Measure(
        "kind",
        "rule",
        "text",
        _NONE,
        (
            "rule là một quy tắc đang áp dụng, set là cả bộ, gone là quy tắc đã bỏ",
            "a rule in force, the whole set, or a rule that was removed",
        ),
        "rules",
        "rule",
        column("kind"),
        values=(RULE, SET, GONE),
        nullable=False,
    ),
    Measure(
        "failing",
        "rule",
        "number",
        _NONE,
        ("1 khi quy tắc không chạy được", "1 while the rule cannot be run"),
        "rules",
        "0",
        column("failing"),
        (
            "quy tắc không chạy được, các cảnh báo của quy tắc được giữ nguyên",
            "the rule cannot be run; its alerts stay as they are",
        ),
        nullable=False,
    ),
    Measure(
        "mistakes",
        "rule",
        "number",
        ("lỗi", "mistakes"),
        (
            "số lỗi của bộ quy tắc mới bị từ chối; 0 khi không có bộ nào bị từ chối",
            "mistakes of the refused new set; 0 when none was refused",
        ),
        "rules",
        "2",
        column("mistakes"),
        (
            "bộ quy tắc mới có {value} lỗi và chưa được áp dụng",
            "the new rule set has {value} mistakes and is not in force",
        ),
        nullable=False,
    ),
    Measure(
        "waiting",
        "rule",
        "number",
        _NONE,
        ("1 khi bộ quy tắc mới đang chờ phê duyệt", "1 while a new rule set waits for approval"),
        "rules",
        "0",
        column("waiting"),
        ("bộ quy tắc mới đang chờ phê duyệt", "a new rule set waits for approval"),
        nullable=False,
    ),
)

DATUM_MEASURES = (
    Measure(
        "code",
        "datum",
        "code",
        _NONE,
        (
            "mã dữ liệu thiếu: tên dữ liệu và đơn vị hoặc chỉ tiêu",
            "what is missing, and of which unit or KPI",
        ),
        "rules",
        "tasks.start/DP-19-UB",
        column("code"),
        nullable=False,
    ),
    Measure(
        "unit",
        "datum",
        "code",
        _NONE,
        ("đơn vị phải bổ sung dữ liệu", "the unit that must supply it"),
        "tasks.lead_unit, targets.unit",
        "DP-19-UB",
        column("unit"),
        nullable=False,
    ),
    Measure(
        "datum",
        "datum",
        "code",
        _NONE,
        ("tên dữ liệu", "the datum's name"),
        "rules",
        "tasks.start",
        column("datum"),
        nullable=False,
    ),
    Measure(
        "unknown_subjects",
        "datum",
        "number",
        ("đối tượng", "subjects"),
        (
            "số nhiệm vụ hoặc chỉ tiêu không xét được vì thiếu dữ liệu này; 0 khi đã bổ sung",
            "tasks or KPIs that cannot be judged for want of it; 0 once it is supplied",
        ),
        "rules",
        "3",
        column("unknown_subjects"),
        (
            "{value} nhiệm vụ hoặc chỉ tiêu chưa đánh giá được vì thiếu dữ liệu",
            "{value} tasks or KPIs cannot be judged for want of data",
        ),
    ),
)
