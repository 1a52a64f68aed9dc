"""JSON Schema of the files of rule tests, made from the tables of `form`: an editor completes and checks them.

It sees less than `warnwatch test` (no rule ids, no plan, no cell), and refuses nothing that the reading accepts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import accumulate
from typing import Any

from warnwatch.language import Phrase
from warnwatch.notify.notification import Kind as TextKind
from warnwatch.plan.column import Column, allowed, plain
from warnwatch.plan.columns import FILES
from warnwatch.rules.editor_schema import DIALECT, DURATION, Schema
from warnwatch.rules.rule import LEVELS
from warnwatch.rules.rule_file import RULE_ID
from warnwatch.ruletests.form import EXPECT_KEYS, FILE_KEYS, HELD, KINDS, NONE, TEST_KEYS, WORDS, Kind

TESTS_SCHEMA_FILE = "tests.schema.json"

_SAID: Mapping[str, str] = {
    "facts": Phrase("Các sự việc theo thời gian: mỗi mục là một dòng của tệp nhập, hoặc một việc có người làm."),
    "tests": Phrase("Các kiểm thử; sự việc ghi ở đầu tệp là chung cho mọi kiểm thử."),
    "name": Phrase("Tên kiểm thử: một câu nói điều phải đúng."),
    "rules": Phrase("Chỉ xét các quy tắc này; không ghi là xét mọi quy tắc."),
    "every": Phrase("Khoảng cách giữa hai lần xét, như 30m; không ghi thì xét khi có việc."),
    "expect": Phrase("Những gì phải đúng, ở các thời điểm khác nhau."),
    "at": Phrase("Thời điểm: ngày, hoặc ngày và giờ; chỉ ghi ngày là 8 giờ. Sự việc không ghi thì như sự việc trước."),
    "level": Phrase("Mức của cảnh báo duy nhất, hoặc mã: mức."),
    "tell": Phrase("Ai được báo từ thời điểm trước: none, hoặc danh sách như head, overdue head CT."),
    "next": Phrase("Ai sẽ được báo tiếp theo: none, hoặc chức vụ và đơn vị như head CT; chỉ khi xét một cảnh báo."),
    "next_at": Phrase("Khi nào người tiếp theo được báo nếu không ai phản hồi."),
    "standing": Phrase("Cảnh báo có nằm trong danh sách theo dõi của cơ quan thường trực không: true hoặc false."),
    "rule": Phrase("Mã quy tắc của cảnh báo."),
    "by": Phrase("Chức vụ xác nhận: head, deputy, focal_point, hoặc mã người giữ."),
    "until": Phrase("Cam kết, hoặc tạm dừng, đến ngày nào."),
    "note": Phrase("Ghi chú."),
    "reason": Phrase("Lý do đóng."),
    "document": Phrase("Số văn bản."),
    "outcome": Phrase("Kết quả lấy số liệu: ok, unchanged, empty, half, contradictory, unreachable."),
    "rows": Phrase("Số dòng lấy được."),
    "why": Phrase("Vì sao không lấy được."),
    "title": Phrase("Tên."),
    "about": Phrase("Chỉ cảnh báo về loại đối tượng này."),
    "unit": Phrase("Chỉ cảnh báo của đơn vị này và các đơn vị trực thuộc."),
    "subject": Phrase("Chỉ cảnh báo về đối tượng này."),
    "up_to": Phrase("Mức cao nhất được tạm dừng; không ghi là critical."),
    "keeper": Phrase("Đơn vị giữ nguồn."),
    "rhythm": Phrase("Bao lâu phải có số liệu mới, như 1 working day."),
    "grace": Phrase("Được chậm bao lâu."),
}
_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_CODE: Schema = {"type": ["string", "number"]}


def described(key: str) -> bool:
    """Say whether a key beside those of an import has a description."""
    return key in _SAID or key in KINDS


def schema_of_tests() -> Schema:
    """Give the schema of a file of rule tests."""
    facts: Schema = {"type": "array", "minItems": 1, "items": _fact()}
    one = _group(
        TEST_KEYS,
        {
            "name": {"type": "string", "minLength": 1},
            "rules": {"anyOf": [_id(), {"type": "array", "minItems": 1, "uniqueItems": True, "items": _id()}]},
            "every": DURATION,
            "facts": facts,
            "expect": {"type": "array", "minItems": 1, "items": _expectation()},
        },
    )
    tests = {"type": "array", "minItems": 1, "items": {**one, "required": ["name", "expect"]}}
    whole = _group(FILE_KEYS, {"facts": facts, "tests": tests})
    return {"$schema": DIALECT, "title": Phrase("Kiểm thử quy tắc của WarnWatch"), **whole, "required": ["tests"]}


def _id() -> Schema:
    return {"type": "string", "pattern": f"^{RULE_ID.pattern}$"}


# --- facts ----------------------------------------------------------------------------------------------------------


def _fact() -> Schema:
    """Let the first key of KINDS that stands there decide which other keys may."""
    columns = {column.name: column for file in FILES.values() for column in file.columns}
    others = {key: _SCALAR for kind in KINDS.values() for key in kind.others}
    properties = {
        "at": {"description": _SAID["at"], **_SCALAR},
        **{name: _cell(column) for name, column in columns.items()},
        **{key: {"description": _SAID[key], **one} for key, one in others.items()},
        **{word: {"description": kind.about, **_CODE} for word, kind in KINDS.items()},
    }
    used = {"at", *KINDS}.union(*(kind.keys() for kind in KINDS.values()))
    before = [(), *accumulate(((word,) for word in KINDS), lambda one, other: (*one, *other))]
    return {
        "type": "object",
        "properties": {name: one for name, one in properties.items() if name in used},
        "anyOf": [{"required": [word]} for word in KINDS],
        "allOf": [_keys_of(kind, earlier) for kind, earlier in zip(KINDS.values(), before, strict=False)],
    }


def _cell(column: Column) -> Schema:
    """Offer the words of a column without refusing others: the import knows more ways to write them."""
    form: Schema = {"anyOf": [{"enum": sorted(column.words)}, _SCALAR]} if column.words else _SCALAR
    return {"description": column.about or allowed(column), **form}


def _keys_of(kind: Kind, earlier: Collection[str]) -> Schema:
    """Name the keys of one kind; headers in Vietnamese, or in other letters, are left to the reading."""
    names = {"at", kind.word, *kind.keys()}
    names |= {plain(column.vietnamese) for file in kind.files for column in FILES[file].columns}
    first = {"not": {"anyOf": [{"required": [word]} for word in earlier]}} if earlier else {}
    return {
        "if": {"required": [kind.word], **first},
        "then": {"propertyNames": {"anyOf": [{"enum": sorted(names)}, {"pattern": "[^a-z_]"}]}},
    }


# --- expectations ---------------------------------------------------------------------------------------------------


def _expectation() -> Schema:
    word: Schema = {"enum": list(WORDS)}
    level = {"anyOf": [word, {"type": "object", "minProperties": 1, "additionalProperties": word}]}
    before = "|".join((*LEVELS, *(kind.value for kind in TextKind)))
    told: Schema = {"type": "string", "pattern": rf"^\s*(({before})\s+){{0,2}}({'|'.join(HELD)})(\s+\S+)?\s*$"}
    offered: Schema = {"enum": [NONE, *HELD]}
    office: Schema = {"type": "string", "pattern": rf"^\s*({'|'.join(HELD)})(\s+\S+)?\s*$"}
    properties: dict[str, Schema] = {
        "at": _SCALAR,
        "level": level,
        "next": {"anyOf": [offered, office, {"type": "array", "items": office}]},
        "next_at": _SCALAR,
        "standing": {"type": "boolean"},
        "tell": {"anyOf": [offered, told, {"type": "array", "items": {"anyOf": [{"enum": list(HELD)}, told]}}]},
    }
    return {
        **_group(EXPECT_KEYS, properties),
        "propertyNames": {"anyOf": [{"enum": list(EXPECT_KEYS)}, {"pattern": f"^{RULE_ID.pattern}$"}]},
        "additionalProperties": level,  # under the id of a rule
        "required": ["at"],
        "minProperties": 2,
    }


def _group(keys: Collection[str], properties: Mapping[str, Schema]) -> dict[str, Any]:
    """Give a mapping of these keys and no other."""
    described_ = {key: {"description": _SAID[key], **properties[key]} for key in keys}
    return {"type": "object", "additionalProperties": False, "properties": described_}
