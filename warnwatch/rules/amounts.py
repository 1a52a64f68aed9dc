"""What a number may be made of: arithmetic, `least` and `greatest`, roundings, `coalesce`, `nullif`, `case`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf

from warnwatch.errors import nearest_name
from warnwatch.language import Phrase
from warnwatch.rules.conditions import compared, comparison
from warnwatch.rules.grammar import Node
from warnwatch.rules.pieces import (
    BELOW_LARGEST,
    LARGEST,
    NEVER,
    Checker,
    Kind,
    Part,
    Writer,
    nulls_of,
    numbers_of,
    weight_of,
)

_ROUNDING = frozenset({"abs", "round", "ceil", "floor"})

_EXTREMES = frozenset({"least", "greatest"})

FUNCTIONS = (*sorted(_EXTREMES), "coalesce", "nullif", "abs", "round", "ceil", "floor")


def _sum(checker: Checker, node: Node) -> Part:
    parts = numbers_of(checker, node)
    sql = _first_as_float(parts)
    for sign, part in zip(node.words, parts[1:], strict=True):
        sql += f" {sign} {part.sql}"
    return _arithmetic(parts, f"({sql})", sum(part.bound for part in parts))


def _product(checker: Checker, node: Node) -> Part:
    parts = numbers_of(checker, node)
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
    return Part("number", sql, 0, 0, bound, weight_of(parts), nulls_of(parts), floats=True)


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
        sql = f"(case when {comparison(left, '=', right)} then null else {left.sql} end)"
        return Part("number", sql, 0, 0, left.bound, 2 * left.weight + right.weight + 2, floats=left.floats)
    if name in _ROUNDING and len(parts) == 1:
        part = checker.expect(parts[0], "number")
        return replace(part, sql=f"{name}({part.sql})", bound=part.bound + 1, weight=part.weight + 1, column=None)
    return _unknown_call(checker, node, name)


def _unknown_call(checker: Checker, node: Node, name: str) -> Part:
    place = Part("unknown", "null", node.start, node.start + len(node.words[0]))
    if name in FUNCTIONS:
        return checker.refuse(place, Phrase("sai số giá trị trong ngoặc của hàm"), _CALLS[name], found=name)
    return checker.refuse(
        place, Phrase("hàm không được phép"), ", ".join(FUNCTIONS), nearest_name(name, FUNCTIONS), name
    )


_CALLS: Mapping[str, str] = {
    **{name: f"{name}(a, b, …)" for name in ("least", "greatest", "coalesce")},
    **{name: f"{name}(a)" for name in ("abs", "round", "ceil", "floor")},
    "nullif": "nullif(a, b)",
}


def _extreme(name: str, parts: Sequence[Part]) -> Part:
    """Write `least` or `greatest` as SQL has them: NULL when an argument is. Polars would leave the NULL out."""
    # A number in range is not NULL either.
    far = [part for part in parts if part.bound >= LARGEST]
    nulls = nulls_of(part for part in parts if part.bound < LARGEST)
    tests = [f"{sql} is not null" for sql in sorted(nulls)] + [f"abs({part.sql}) < {LARGEST!r}" for part in far]
    bound = max(min(part.bound, BELOW_LARGEST) for part in parts)
    sql = f"{name}({', '.join(part.sql for part in parts)})"
    if tests:
        sql = f"(case when {' and '.join(tests)} then {sql} end)"
    weight = 2 * weight_of(parts) + len(tests)
    floats = any(part.floats for part in parts)
    return Part("number", sql, 0, 0, bound, weight, None if far else nulls, floats)


def _coalesce(checker: Checker, parts: Sequence[Part]) -> Part:
    kind: Kind = "boolean" if parts[0].kind == "boolean" else "number"
    checked = [checker.expect(part, kind) for part in parts]
    if kind == "number":
        checked = [checker.finite(part) for part in checked]
    sql = f"coalesce({', '.join(part.sql for part in checked)})"
    nulls = NEVER if any(part.nulls == NEVER for part in checked) else None
    floats = any(part.floats for part in checked)
    return Part(kind, sql, 0, 0, max(part.bound for part in checked), weight_of(checked), nulls, floats)


def _case(checker: Checker, node: Node) -> Part:
    whens = [child for child in node.parts if child.name == "when"]
    operand = checker.part(node.parts[0]) if node.parts[0].name != "when" else None
    conditions, results = [], []
    for when in whens:
        condition, result = checker.parts(when)
        holds = checker.expect(condition, "boolean") if operand is None else compared(checker, operand, "=", condition)
        conditions.append(holds)
        results.append(result)
    if node.parts[-1].name != "when":
        results.append(checker.part(node.parts[-1]))
    return _chosen(checker, conditions, results)


def _chosen(checker: Checker, conditions: Sequence[Part], results: Sequence[Part]) -> Part:
    kinds = [part.kind for part in results if part.kind != "null"]
    kind: Kind = kinds[0] if kinds else "unknown"
    if not kinds:
        checker.refuse(results[0], Phrase("case không có kết quả nào khác null"))
    elif kind == "text":
        checker.refuse(results[0], Phrase("kết quả của case phải là số hoặc điều kiện, không phải chữ"))
        kind = "unknown"
    checked = [part if part.kind == "null" else checker.expect(part, kind) for part in results]
    sql = " ".join(f"when {test.sql} then {part.sql}" for test, part in zip(conditions, checked, strict=False))
    if len(checked) > len(conditions):
        sql += f" else {checked[-1].sql}"
    bound = max(part.bound for part in checked)
    floats = any(part.floats for part in checked)
    return Part(kind, f"(case {sql} end)", 0, 0, bound, weight_of([*conditions, *checked]), floats=floats)


AMOUNTS: Mapping[str, Writer] = {
    "sum": _sum,
    "product": _product,
    "negative": _negative,
    "call": _call,
    "case": _case,
}
