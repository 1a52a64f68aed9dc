"""JSON Schemas of the rule files, made from the tables that the reading itself uses: an editor completes and checks.

A schema sees less than `warnwatch check` (no expression, nothing between files), and refuses nothing that it accepts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from warnwatch.language import Phrase
from warnwatch.plan.calendar_file import CALENDAR_KEYS, DAY_KEYS, EARLIEST_YEAR, LATEST_YEAR, WEEK
from warnwatch.plan.measures import Measure
from warnwatch.rules.channel_file import HOURS, MOST_SHOWN
from warnwatch.rules.entry import CHANNEL_KEYS, DEFAULT_KEYS, POLICY_KEYS, RULE_KEYS, SHARE_KEYS, STEP_KEYS
from warnwatch.rules.margins import LABEL_NAME, MAX_LABEL_LENGTH, MAX_LABELS
from warnwatch.rules.rule import CHANNELS, LEVELS, OFFICES, QUIET_DAYS
from warnwatch.rules.rule_file import RULE_ID

DIALECT = "http://json-schema.org/draft-07/schema#"
SCHEMA_FILES = ("rules.schema.json", "calendar.schema.json")
_REQUIRED = ("id", "title", "about", "measure", "text", "escalation", "guidance")

Schema = Mapping[str, Any]

_SAID: Mapping[str, str] = {
    "defaults": Phrase("Giá trị dùng chung cho mọi quy tắc trong tệp; khóa ghi ở quy tắc thì thay cho giá trị này."),
    "rules": Phrase("Các quy tắc: mỗi quy tắc là một chỉ tiêu đo so với các bậc ngưỡng."),
    "policies": Phrase("Các chính sách báo cáo: ở mỗi mức báo cho ai, sau bao lâu thì báo tiếp cấp nào."),
    "id": Phrase("Mã, giữ nguyên mãi: chữ thường không dấu, chữ số, gạch nối. Đổi mã thì ghi mã cũ ở replaces."),
    "title": Phrase("Tên cảnh báo: một tên chung, hoặc mỗi mức một tên."),
    "about": Phrase("Quy tắc nói về loại đối tượng nào."),
    "where": Phrase("Điều kiện chọn đối tượng; không ghi là mọi đối tượng. Chữ đặt trong dấu nháy đơn."),
    "measure": Phrase("Chỉ tiêu đo: một cột số trong danh mục (xem `warnwatch measures`)."),
    "below": Phrase("Các bậc ngưỡng: cảnh báo khi chỉ tiêu đo nhỏ hơn ngưỡng. Số lẻ viết bằng dấu chấm."),
    "above": Phrase("Các bậc ngưỡng: cảnh báo khi chỉ tiêu đo lớn hơn ngưỡng. Số lẻ viết bằng dấu chấm."),
    "for": Phrase("Phải kéo dài bao lâu thì cảnh báo mới mở; không ghi là mở ngay."),
    "keep": Phrase("Phải hết bao lâu thì cảnh báo mới kết thúc; không ghi là kết thúc ngay."),
    "clear": Phrase("Khoảng lùi, theo đơn vị của chỉ tiêu đo: cảnh báo đang mở chỉ hạ khi đã lùi quá ngưỡng bằng này."),
    "from": Phrase("Ngày đầu tiên quy tắc có hiệu lực (năm-tháng-ngày)."),
    "until": Phrase("Ngày cuối cùng quy tắc có hiệu lực (năm-tháng-ngày); sau đó các cảnh báo kết thúc."),
    "text": Phrase("Loại thông báo: một loại chung, hoặc mỗi mức một loại."),
    "escalation": Phrase("Mã của chính sách báo cáo."),
    "answers": Phrase("Cột ghi mã đơn vị được báo, thay cho đơn vị của đối tượng."),
    "guidance": Phrase("Việc người đứng đầu cần làm; ghi trong thư."),
    "source": Phrase("Văn bản mà quy tắc thực hiện."),
    "inhibited_by": Phrase("Quy tắc mà cảnh báo đang mở của nó giải thích cảnh báo này: khi đó không báo ai."),
    "replaces": Phrase("Mã cũ mà quy tắc này thay thế: cảnh báo đang mở của mã cũ chuyển sang, không báo lại từ đầu."),
    "labels": Phrase("Nhãn cố định để phân loại cảnh báo."),
    "cap": Phrase("Cam kết không được muộn hơn thời gian này, tính từ khi mở cảnh báo."),
    "levels": Phrase("Các bước báo cáo của từng mức."),
    "after": Phrase("Chờ bao lâu kể từ bước trước; bước đầu không có khóa này."),
    "share": Phrase("Phần thời gian được giao của nhiệm vụ, ví dụ 0.1: nhiệm vụ ngắn thì chờ ngắn."),
    "at_least": Phrase("Chờ ít nhất bao lâu, tính theo thời gian làm việc."),
    "at_most": Phrase("Chờ nhiều nhất bao lâu; cũng là thời gian chờ khi chưa biết thời gian được giao."),
    "repeat": Phrase("Báo lại bước này sau mỗi khoảng thời gian này, trong khi vẫn báo lên các bước sau."),
    "times": Phrase("Báo lại nhiều nhất bao nhiêu lần; không ghi là đến khi cảnh báo kết thúc."),
    "tell": Phrase("Báo cho chức danh nào: một hoặc nhiều."),
    "channels": Phrase("Ở một bước: gửi bằng kênh nào. Ở đầu tệp: giờ yên lặng của từng kênh."),
    "email": Phrase("Thư điện tử."),
    "sms": Phrase("Tin nhắn."),
    "quiet_hours": Phrase("Giờ không gửi, ví dụ 21:00-07:00; nội dung gộp lại, gửi khi hết giờ này."),
    "quiet_days": Phrase("Ngày không gửi, theo lịch làm việc: cuối tuần, ngày nghỉ lễ."),
    "overrides": Phrase("Từ mức này trở lên vẫn gửi ngay."),
    "digest_cap": Phrase("Số cảnh báo nhiều nhất mà một bản tin liệt kê; còn lại chỉ nêu số lượng."),
    "country": Phrase("Lấy ngày nghỉ lễ của nước nào (VN), hoặc none."),
    "week": Phrase("Các ngày làm việc trong tuần."),
    "hours": Phrase("Giờ làm việc, ví dụ 08:00-12:00."),
    "days_off": Phrase("Ngày nghỉ mà thư viện chưa có, kèm số và ngày của văn bản."),
    "make_up_days": Phrase("Ngày làm bù, kèm số và ngày của văn bản."),
    "first_year": Phrase("Năm đầu của lịch."),
    "last_year": Phrase("Năm cuối của lịch."),
    "day": Phrase("Ngày (năm-tháng-ngày)."),
    "document": Phrase("Số văn bản."),
    "dated": Phrase("Ngày văn bản (năm-tháng-ngày)."),
    "note": Phrase("Ghi chú."),
    **{word: Phrase("Mức {level}.", level=level.vietnamese) for word, level in LEVELS.items()},
}
_ABOUT: Mapping[str, str] = {
    "task": Phrase("nhiệm vụ"),
    "unit": Phrase("đơn vị, gồm cả các đơn vị trực thuộc"),
    "kpi": Phrase("chỉ tiêu của một đơn vị"),
    "source": Phrase("nguồn số liệu"),
}
_DAY: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_TEXT: Schema = {"type": "string", "minLength": 1}
DURATION: Schema = {
    "anyOf": [
        {"const": 0},
        {"type": "string", "pattern": r"^\s*(0|\d+(\.\d+)?\s*(working days?|working hours?|days?|h|m))\s*$"},
    ],
    "defaultSnippets": [{"label": one, "body": one} for one in ("1 working day", "4 working hours", "2h", "30m")],
}


def described(key: str) -> bool:
    """Say whether a key has a description; a test asks it of every key that a file may have."""
    return key in _SAID


def rules_schema(catalogue: Mapping[str, Mapping[str, Measure]], kinds: Collection[str]) -> Schema:
    """Give the schema of a file with rules and policies; `kinds` are the kinds of text."""
    rule = _rule(catalogue, kinds)
    shared = _group(DEFAULT_KEYS, rule["properties"])
    return {
        "$schema": DIALECT,
        "title": Phrase("Quy tắc cảnh báo của WarnWatch"),
        **_group(
            ("defaults", "rules", "policies", "channels"),
            {
                "defaults": shared,
                "rules": {"type": "array", "minItems": 1, "items": rule},
                "policies": {"type": "array", "minItems": 1, "items": _policy()},
                "channels": {**_group(CHANNELS, dict.fromkeys(CHANNELS, _channel())), "minProperties": 1},
            },
        ),
        # What a file's defaults may give is asked of each rule only where there are none.
        "if": {"not": {"required": ["defaults"]}},
        "then": {"properties": {"rules": {"items": {"required": list(_REQUIRED)}}}},
    }


def _rule(catalogue: Mapping[str, Mapping[str, Measure]], kinds: Collection[str]) -> dict[str, Any]:
    expression: Schema = {"type": ["number", "string"]}
    kind: Schema = {"enum": sorted(kinds)}
    ladder = _levels(expression)
    properties: dict[str, Any] = {
        "id": {"type": "string", "pattern": f"^{RULE_ID.pattern}$"},
        "title": {"anyOf": [_TEXT, _levels(_TEXT)]},
        "about": _enum({about: _ABOUT.get(about, about) for about in catalogue}),
        "where": {"type": ["string", "boolean"]},
        "measure": {"type": "string"},
        "below": ladder,
        "above": ladder,
        "for": DURATION,
        "keep": DURATION,
        "clear": {"type": "number", "minimum": 0},
        "from": _DAY,
        "until": _DAY,
        "text": {"anyOf": [kind, _levels(kind)]},
        "escalation": _TEXT,
        "answers": _TEXT,
        "guidance": _TEXT,
        "source": _TEXT,
        "inhibited_by": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True}]},
        "replaces": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True}]},
        "labels": {
            "type": "object",
            "maxProperties": MAX_LABELS,
            "propertyNames": {"pattern": f"^{LABEL_NAME.pattern}$"},
            "additionalProperties": {"type": ["string", "integer"], "maxLength": MAX_LABEL_LENGTH},
        },
    }
    return {
        **_group(RULE_KEYS, properties),
        "required": [key for key in _REQUIRED if key not in DEFAULT_KEYS],
        "oneOf": [{"required": ["below"]}, {"required": ["above"]}],
        "allOf": [_measures_of(about, known) for about, known in catalogue.items()],
    }


def _measures_of(about: str, known: Mapping[str, Measure]) -> Schema:
    """Let a rule about one kind of subject name only the numbers that this kind has."""
    numbers = {name: f"{one.meaning[0]} ({one.unit[0]})" for name, one in known.items() if one.kind == "number"}
    return {
        "if": {"properties": {"about": {"const": about}}, "required": ["about"]},
        "then": {"properties": {"measure": _enum(numbers)}},
    }


def _policy() -> Schema:
    office: Schema = {"enum": list(OFFICES)}
    channel: Schema = {"enum": list(CHANNELS)}
    step = _group(
        STEP_KEYS,
        {
            "after": {"anyOf": [DURATION, _share()]},
            "repeat": DURATION,
            "times": {"type": "integer", "minimum": 1},
            "tell": {"anyOf": [office, {"type": "array", "minItems": 1, "uniqueItems": True, "items": office}]},
            "channels": {"anyOf": [channel, {"type": "array", "minItems": 1, "uniqueItems": True, "items": channel}]},
        },
    )
    steps = {"type": "array", "minItems": 1, "items": {**step, "required": ["tell"]}}
    properties = {
        "id": {"type": "string", "pattern": f"^{RULE_ID.pattern}$"},
        "title": _TEXT,
        "cap": DURATION,
        "levels": _levels(steps),
    }
    return {**_group(POLICY_KEYS, properties), "required": list(POLICY_KEYS)}


def _share() -> Schema:
    wait: Schema = {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*working (days?|hours?)\s*$"}
    properties = {
        "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "at_least": wait,
        "at_most": wait,
    }
    return {**_group(SHARE_KEYS, properties), "required": list(SHARE_KEYS)}


def _channel() -> dict[str, Any]:
    day: Schema = {"enum": list(QUIET_DAYS)}
    properties: dict[str, Any] = {
        "quiet_hours": {"type": "string", "pattern": rf"^\s*{HOURS.pattern}\s*$"},
        "quiet_days": {"anyOf": [day, {"type": "array", "minItems": 1, "uniqueItems": True, "items": day}]},
        "overrides": _enum({word: level.vietnamese for word, level in LEVELS.items()}),
        "digest_cap": {"type": "integer", "minimum": 1, "maximum": MOST_SHOWN},
    }
    return {**_group(CHANNEL_KEYS, properties), "minProperties": 1}


def calendar_schema() -> Schema:
    """Give the schema of calendar.yml."""
    year: Schema = {"type": "integer", "minimum": EARLIEST_YEAR, "maximum": LATEST_YEAR}
    days = _group(DAY_KEYS, {"day": _DAY, "document": {"type": ["string", "integer"]}, "dated": _DAY, "note": {}})
    single: Schema = {"type": ["array", "null"], "items": {**days, "required": ["day", "document", "dated"]}}
    hours: Schema = {"type": "string", "pattern": r"^\d{2}:\d{2}\s*-\s*\d{2}:\d{2}$"}
    return {
        "$schema": DIALECT,
        "title": Phrase("Lịch làm việc của WarnWatch"),
        **_group(
            CALENDAR_KEYS,
            {
                "country": {"type": "string"},
                "week": {"type": "array", "minItems": 1, "items": {"enum": list(WEEK)}},
                "hours": {"type": "array", "minItems": 1, "items": hours},
                "days_off": single,
                "make_up_days": single,
                "first_year": year,
                "last_year": year,
            },
        ),
    }


def _group(keys: Collection[str], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Give a mapping of these keys and no other; a key that nobody has given a form yet takes any."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {key: {"description": _SAID.get(key, ""), **properties.get(key, {})} for key in keys},
    }


def _levels(value: Schema) -> dict[str, Any]:
    return {**_group(tuple(LEVELS), dict.fromkeys(LEVELS, value)), "minProperties": 1}


def _enum(words: Mapping[str, str]) -> Schema:
    return {"type": "string", "enum": list(words), "enumDescriptions": list(words.values())}
