"""What an expression may say, and how it is written for Polars: a tree in; checked SQL, faults and warnings out.

Names, kinds, values and functions are checked against the white list. The SQL is ours: every number is a float, a
division by zero is NULL, `least` and `greatest` are NULL when an argument is, and a number out of range is NULL
wherever its value would count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal, TypeAlias

from warnwatch.errors import nearest_name
from warnwatch.rules.grammar import ExpressionError, Fault, Node

Kind: TypeAlias = Literal["number", "text", "boolean", "null", "unknown"]

# Numbers at or beyond it are NULL: below the largest Float32 (3.4e38), so that single and double precision agree.
LARGEST = 1e38
BELOW_LARGEST = 0.999e38
# What a column may hold; products and sums that cannot pass LARGEST need no look at their result.
LARGEST_IN_COLUMN = 1e20
MAX_WEIGHT = 2_000
_NEVER: frozenset[str] = frozenset()
TOO_COMPLEX = "biểu thức quá phức tạp; hãy viết gọn hơn"

_ROUNDING = frozenset({"abs", "round", "ceil", "floor"})
_EXTREMES = frozenset({"least", "greatest"})
FUNCTIONS = (*sorted(_EXTREMES), "coalesce", "nullif", "abs", "round", "ceil", "floor")
KIND_NAMES: Mapping[Kind, str] = {
    "number": "số",
    "text": "chữ",
    "boolean": "điều kiện đúng/sai",
    "null": "null",
    "unknown": "?",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column that a rule may name. `values` lists the only texts of a closed column; None means open.

    Numbers in it are finite and below LARGEST_IN_COLUMN, or NULL: the measures see to it. (To look again in every
    expression would cost half of the evaluation's time.)
    """

    name: str
    kind: Literal["number", "text", "code", "boolean"]
    values: frozenset[str] | None = None
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """One checked piece and its SQL. `bound`: its absolute value stays below; `weight`: pieces that Polars will see.

    `nulls`: it is NULL exactly when one of these is; None when only looking at itself tells.
    """

    kind: Kind
    sql: str
    start: int
    end: int
    bound: float = 0.0
    weight: int = 1
    nulls: frozenset[str] | None = None
    floats: bool = False
    column: Column | None = None
    literal: str | float | None = None


@dataclass(slots=True)
class Checker:
    """One check of one expression; the faults are gathered, and what follows from a fault is not reported again."""

    columns: Mapping[str, Column]
    codes: Mapping[str, frozenset[str]]
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def part(self, node: Node) -> Part:
        """Check one node of the tree and write its SQL."""
        made = _WRITERS[node.name](self, node)
        if made.weight > MAX_WEIGHT:
            raise ExpressionError((*self.faults, Fault(node.start, node.end - node.start, TOO_COMPLEX)))
        return replace(made, start=node.start, end=node.end)

    def parts(self, node: Node) -> list[Part]:
        """Check the children that are expressions."""
        return [self.part(child) for child in node.parts]

    def refuse(self, part: Part, message: str, allowed: str = "", nearest: str = "", found: str = "") -> Part:
        """Note a fault at a part; give a part of unknown kind, which no later check complains about."""
        self.faults.append(Fault(part.start, part.end - part.start, message, found, allowed, nearest))
        return replace(part, kind="unknown")

    def expect(self, part: Part, kind: Kind) -> Part:
        """Let a part of the wanted kind pass, and refuse another."""
        if part.kind in {kind, "unknown"}:
            return part
        return self.refuse(part, f"cần {KIND_NAMES[kind]}, gặp {KIND_NAMES[part.kind]}")

    def finite(self, part: Part) -> Part:
        """Make a number that may pass the limit (or be NaN) NULL where it does."""
        if part.bound < LARGEST:
            return part
        sql = f"(case when abs({part.sql}) < {LARGEST!r} then {part.sql} end)"
        return replace(part, sql=sql, bound=BELOW_LARGEST, weight=2 * part.weight + 4, nulls=None, column=None)


def _number(_checker: Checker, node: Node) -> Part:
    value = float(node.words[0])
    return Part("number", _float_sql(value), 0, 0, bound=value, nulls=_NEVER, floats=True, literal=value)


def _float_sql(value: float) -> str:
    # Without an exponent Polars reads a Decimal, which is slow and overflows.
    text = repr(value)
    return text if "e" in text else f"{text}e0"


def _text(_checker: Checker, node: Node) -> Part:
    value = node.words[0][1:-1].replace("''", "'")
    return Part("text", _text_sql(value), 0, 0, nulls=_NEVER, literal=value)


def _text_sql(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _column(checker: Checker, node: Node) -> Part:
    name = node.words[0]
    column = checker.columns.get(name)
    if column is None:
        place = Part("unknown", "null", node.start, node.end)
        known = ", ".join(sorted(checker.columns))
        return checker.refuse(place, "cột không có trong danh mục", known, nearest_name(name, checker.columns), name)
    checker.used.add(name)
    kind: Kind = "text" if column.kind == "code" else column.kind
    sql = f'"{name}"'
    nulls = frozenset({sql}) if column.nullable else _NEVER
    return Part(kind, sql, 0, 0, bound=LARGEST_IN_COLUMN, nulls=nulls, column=column)


def _either(checker: Checker, node: Node) -> Part:
    return _joined([checker.expect(part, "boolean") for part in checker.parts(node)], "or")


def _both(checker: Checker, node: Node) -> Part:
    return _joined([checker.expect(part, "boolean") for part in checker.parts(node)], "and")


def _joined(parts: Sequence[Part], word: str) -> Part:
    sql = f" {word} ".join(part.sql for part in parts)
    return Part("boolean", f"({sql})", 0, 0, weight=_weight(parts))


def _denied(checker: Checker, node: Node) -> Part:
    part = checker.expect(checker.parts(node)[0], "boolean")
    return Part("boolean", f"(not {part.sql})", 0, 0, weight=part.weight + 1)


def _weight(parts: Iterable[Part]) -> int:
    return 1 + sum(part.weight for part in parts)


def _nulls(parts: Iterable[Part]) -> frozenset[str]:
    """Join what makes the parts NULL, for an operation that is NULL when one of them is."""
    joined = _NEVER
    for part in parts:
        joined |= frozenset({part.sql}) if part.nulls is None else part.nulls
    return joined


def _compare(checker: Checker, node: Node) -> Part:
    left, right = checker.parts(node)
    return _compared(checker, left, node.words[0], right)


def _compared(checker: Checker, left: Part, sign: str, right: Part) -> Part:
    kinds = {left.kind, right.kind}
    if "null" in kinds:
        checker.refuse(right, "so sánh với null luôn không xác định; hãy dùng is null hoặc is not null")
    elif "text" in kinds and "unknown" not in kinds:
        _check_text(checker, left, sign, right)
    elif kinds == {"boolean"} and sign not in {"=", "<>"}:
        checker.refuse(right, "điều kiện đúng/sai chỉ so bằng = và <>")
    elif kinds == {"number", "boolean"}:
        checker.refuse(right, f"không so được {KIND_NAMES[left.kind]} với {KIND_NAMES[right.kind]}")
    if kinds == {"number"}:
        left, right = checker.finite(left), checker.finite(right)
    sides = (left, right)
    sql = _comparison(left, sign, right)
    return Part("boolean", sql, 0, 0, weight=_weight(sides))


def _comparison(left: Part, sign: str, right: Part) -> str:
    # Polars loses the length of `1 = case … end` where all rows take the same branch: constants go right.
    if _fixed(left) and not _fixed(right):
        left, sign, right = right, _MIRRORED[sign], left
    return f"({left.sql} {sign} {right.sql})"


def _fixed(part: Part) -> bool:
    """Say whether a part has the same value in every row: only names of columns stand in double quotes."""
    return isinstance(part.literal, str) or '"' not in part.sql


_MIRRORED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _check_text(checker: Checker, left: Part, sign: str, right: Part) -> None:
    if left.kind != right.kind:
        checker.refuse(right, f"không so được {KIND_NAMES[left.kind]} với {KIND_NAMES[right.kind]}")
    elif sign not in {"=", "<>"}:
        checker.refuse(right, "chữ chỉ dùng với = <> in, not in, is null")
    elif left.column and isinstance(right.literal, str):
        _check_value(checker, left.column, right)
    elif right.column and isinstance(left.literal, str):
        _check_value(checker, right.column, left)
    else:
        checker.refuse(right, "chỉ so một cột chữ với một giá trị trong dấu nháy đơn")


def _check_value(checker: Checker, column: Column, part: Part) -> None:
    value = str(part.literal)
    if column.values is not None and value not in column.values:
        allowed = ", ".join(sorted(column.values))
        message = f"cột {column.name} không có giá trị này"
        checker.refuse(part, message, allowed, nearest_name(value, column.values), value)
    known = checker.codes.get(column.name)
    if column.kind == "code" and known is not None and value not in known:
        length = part.end - part.start
        message = f"kế hoạch chưa có mã này ở cột {column.name}"
        checker.warnings.append(Fault(part.start, length, message, value, nearest=nearest_name(value, known)))


def _is_null(checker: Checker, node: Node) -> Part:
    return _null_test(checker, node, "is null")


def _is_not_null(checker: Checker, node: Node) -> Part:
    return _null_test(checker, node, "is not null")


def _null_test(checker: Checker, node: Node, words: str) -> Part:
    part = checker.parts(node)[0]
    if part.kind == "number":
        part = checker.finite(part)
    return Part("boolean", f"({part.sql} {words})", 0, 0, weight=part.weight + 1)


def _is_in(checker: Checker, node: Node) -> Part:
    return _listed(checker, checker.parts(node), "=", "or")


def _is_not_in(checker: Checker, node: Node) -> Part:
    return _listed(checker, checker.parts(node), "<>", "and")


def _listed(checker: Checker, parts: Sequence[Part], sign: str, word: str) -> Part:
    # Comparisons, not Polars' `in`: that one compares single precision columns with double precision lists.
    subject, *items = parts
    tests = []
    for item in items:
        if item.kind == "null":
            checker.refuse(item, "không để null trong danh sách in; hãy dùng is null")
        else:
            tests.append(_compared(checker, subject, sign, item))
    return _joined(tests, word)


def _between(checker: Checker, node: Node) -> Part:
    subject, low, high = _numbers(checker, node)
    return _joined([_compared(checker, subject, ">=", low), _compared(checker, subject, "<=", high)], "and")


def _not_between(checker: Checker, node: Node) -> Part:
    subject, low, high = _numbers(checker, node)
    return _joined([_compared(checker, subject, "<", low), _compared(checker, subject, ">", high)], "or")


def _numbers(checker: Checker, node: Node) -> list[Part]:
    return [checker.expect(part, "number") for part in checker.parts(node)]


def _sum(checker: Checker, node: Node) -> Part:
    parts = _numbers(checker, node)
    sql = _first_as_float(parts)
    for sign, part in zip(node.words, parts[1:], strict=True):
        sql += f" {sign} {part.sql}"
    return _arithmetic(parts, f"({sql})", sum(part.bound for part in parts))


def _product(checker: Checker, node: Node) -> Part:
    parts = _numbers(checker, node)
    sql, bound, divided = _first_as_float(parts), parts[0].bound, False
    for sign, part in zip(node.words, parts[1:], strict=True):
        if sign == "*":
            sql += f" * {part.sql}"
            bound *= part.bound
        elif part.literal:
            sql += f" / {part.sql}"
            bound /= abs(float(part.literal))
        elif part.literal == 0:
            checker.refuse(part, "chia cho 0")
        else:
            divisor = checker.finite(part)
            sql += f" / nullif({divisor.sql}, 0e0)"
            bound, divided = inf, True
    # Each divisor is written once, but Polars' nullif holds it twice.
    made = _arithmetic([*parts, *parts[1:]], f"({sql})", bound)
    return replace(made, nulls=None) if divided else made


def _first_as_float(parts: Sequence[Part]) -> str:
    """Whole-number columns must not be added as such: the small integer types of a frame wrap round."""
    first = parts[0]
    return first.sql if first.floats or parts[1].floats else f"1e0 * {first.sql}"


def _arithmetic(parts: Sequence[Part], sql: str, bound: float) -> Part:
    # Zero times an unbounded number is NaN as well.
    bound = inf if any(part.bound == inf for part in parts) else bound
    return Part("number", sql, 0, 0, bound, _weight(parts), _nulls(parts), floats=True)


def _negative(checker: Checker, node: Node) -> Part:
    part = checker.expect(checker.parts(node)[0], "number")
    if isinstance(part.literal, float):
        return replace(part, sql=f"(-{part.sql})", literal=-part.literal)
    return replace(part, sql=f"(-1e0 * {part.sql})", weight=part.weight + 2, floats=True, column=None)


def _call(checker: Checker, node: Node) -> Part:
    name = node.words[0].lower()
    parts = checker.parts(node)
    if name in _EXTREMES and len(parts) > 1:
        return _extreme(name, [checker.expect(part, "number") for part in parts])
    if name == "coalesce" and len(parts) > 1:
        return _coalesce(checker, parts)
    if name == "nullif" and len(parts) == 2:
        left, right = (checker.finite(checker.expect(part, "number")) for part in parts)
        sql = f"(case when {_comparison(left, '=', right)} then null else {left.sql} end)"
        return Part("number", sql, 0, 0, left.bound, 2 * left.weight + right.weight + 2, floats=left.floats)
    if name in _ROUNDING and len(parts) == 1:
        part = checker.expect(parts[0], "number")
        return replace(part, sql=f"{name}({part.sql})", bound=part.bound + 1, weight=part.weight + 1, column=None)
    return _unknown_call(checker, node, name)


def _unknown_call(checker: Checker, node: Node, name: str) -> Part:
    place = Part("unknown", "null", node.start, node.start + len(node.words[0]))
    if name in FUNCTIONS:
        return checker.refuse(place, "sai số giá trị trong ngoặc của hàm", _CALLS[name], found=name)
    return checker.refuse(place, "hàm không được phép", ", ".join(FUNCTIONS), nearest_name(name, FUNCTIONS), name)


_CALLS: Mapping[str, str] = {
    **{name: f"{name}(a, b, …)" for name in ("least", "greatest", "coalesce")},
    **{name: f"{name}(a)" for name in ("abs", "round", "ceil", "floor")},
    "nullif": "nullif(a, b)",
}


def _extreme(name: str, parts: Sequence[Part]) -> Part:
    """Write `least` or `greatest` as SQL has them: NULL when an argument is. Polars would leave the NULL out."""
    # A number in range is not NULL either.
    far = [part for part in parts if part.bound >= LARGEST]
    nulls = _nulls(part for part in parts if part.bound < LARGEST)
    tests = [f"{sql} is not null" for sql in sorted(nulls)] + [f"abs({part.sql}) < {LARGEST!r}" for part in far]
    bound = max(min(part.bound, BELOW_LARGEST) for part in parts)
    sql = f"{name}({', '.join(part.sql for part in parts)})"
    if tests:
        sql = f"(case when {' and '.join(tests)} then {sql} end)"
    weight = 2 * _weight(parts) + len(tests)
    floats = any(part.floats for part in parts)
    return Part("number", sql, 0, 0, bound, weight, None if far else nulls, floats)


def _coalesce(checker: Checker, parts: Sequence[Part]) -> Part:
    kind: Kind = "boolean" if parts[0].kind == "boolean" else "number"
    checked = [checker.expect(part, kind) for part in parts]
    if kind == "number":
        checked = [checker.finite(part) for part in checked]
    sql = f"coalesce({', '.join(part.sql for part in checked)})"
    nulls = _NEVER if any(part.nulls == _NEVER for part in checked) else None
    floats = any(part.floats for part in checked)
    return Part(kind, sql, 0, 0, max(part.bound for part in checked), _weight(checked), nulls, floats)


def _case(checker: Checker, node: Node) -> Part:
    whens = [child for child in node.parts if child.name == "when"]
    operand = checker.part(node.parts[0]) if node.parts[0].name != "when" else None
    conditions, results = [], []
    for when in whens:
        condition, result = checker.parts(when)
        compared = (
            checker.expect(condition, "boolean") if operand is None else _compared(checker, operand, "=", condition)
        )
        conditions.append(compared)
        results.append(result)
    if node.parts[-1].name != "when":
        results.append(checker.part(node.parts[-1]))
    return _chosen(checker, conditions, results)


def _chosen(checker: Checker, conditions: Sequence[Part], results: Sequence[Part]) -> Part:
    kinds = [part.kind for part in results if part.kind != "null"]
    kind: Kind = kinds[0] if kinds else "unknown"
    if not kinds:
        checker.refuse(results[0], "case không có kết quả nào khác null")
    elif kind == "text":
        checker.refuse(results[0], "kết quả của case phải là số hoặc điều kiện, không phải chữ")
        kind = "unknown"
    checked = [part if part.kind == "null" else checker.expect(part, kind) for part in results]
    sql = " ".join(f"when {test.sql} then {part.sql}" for test, part in zip(conditions, checked, strict=False))
    if len(checked) > len(conditions):
        sql += f" else {checked[-1].sql}"
    bound = max(part.bound for part in checked)
    floats = any(part.floats for part in checked)
    return Part(kind, f"(case {sql} end)", 0, 0, bound, _weight([*conditions, *checked]), floats=floats)


_WRITERS: Mapping[str, Callable[[Checker, Node], Part]] = {
    "number": _number,
    "text": _text,
    "true": lambda _checker, _node: Part("boolean", "true", 0, 0),
    "false": lambda _checker, _node: Part("boolean", "false", 0, 0),
    "null": lambda _checker, _node: Part("null", "null", 0, 0),
    "column": _column,
    "either": _either,
    "both": _both,
    "denied": _denied,
    "compare": _compare,
    "is_null": _is_null,
    "is_not_null": _is_not_null,
    "is_in": _is_in,
    "is_not_in": _is_not_in,
    "between": _between,
    "not_between": _not_between,
    "sum": _sum,
    "product": _product,
    "negative": _negative,
    "call": _call,
    "case": _case,
}
