"""What a condition may say: comparisons, lists, NULL tests, and/or/not; texts only against the values of a column."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from warnwatch.errors import nearest_name
from warnwatch.language import Phrase
from warnwatch.rules.grammar import Fault, Node
from warnwatch.rules.pieces import KIND_NAMES, Checker, Column, Part, Writer, numbers_of, weight_of

MOST_COMPARED = 20_000
_ALIKE = 4  # letters


def _either(checker: Checker, node: Node) -> Part:
    return _joined([checker.expect(part, "boolean") for part in checker.parts(node)], "or")


def _both(checker: Checker, node: Node) -> Part:
    return _joined([checker.expect(part, "boolean") for part in checker.parts(node)], "and")


def _joined(parts: Sequence[Part], word: str) -> Part:
    sql = f" {word} ".join(part.sql for part in parts)
    return Part("boolean", f"({sql})", 0, 0, weight=weight_of(parts))


def _denied(checker: Checker, node: Node) -> Part:
    part = checker.expect(checker.parts(node)[0], "boolean")
    return Part("boolean", f"(not {part.sql})", 0, 0, weight=part.weight + 1)


def _compare(checker: Checker, node: Node) -> Part:
    left, right = checker.parts(node)
    return compared(checker, left, node.words[0], right)


def compared(checker: Checker, left: Part, sign: str, right: Part) -> Part:
    """Check one comparison and write it; what cannot be compared is refused."""
    kinds = {left.kind, right.kind}
    if "null" in kinds:
        checker.refuse(right, Phrase("so sánh với null luôn không xác định; hãy dùng is null hoặc is not null"))
    elif "text" in kinds and "unknown" not in kinds:
        _check_text(checker, left, sign, right)
    elif kinds == {"boolean"} and sign not in {"=", "<>"}:
        checker.refuse(right, Phrase("điều kiện đúng/sai chỉ so bằng = và <>"))
    elif kinds == {"number", "boolean"}:
        checker.refuse(
            right,
            Phrase(
                "không so được {left} với {right}",
                left=KIND_NAMES[left.kind],
                right=KIND_NAMES[right.kind],
            ),
        )
    if kinds == {"number"}:
        left, right = checker.finite(left), checker.finite(right)
    sides = (left, right)
    sql = comparison(left, sign, right)
    return Part("boolean", sql, 0, 0, weight=weight_of(sides))


def comparison(left: Part, sign: str, right: Part) -> str:
    """Write one comparison that was checked."""
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
        checker.refuse(
            right,
            Phrase(
                "không so được {left} với {right}",
                left=KIND_NAMES[left.kind],
                right=KIND_NAMES[right.kind],
            ),
        )
    elif sign not in {"=", "<>"}:
        checker.refuse(right, Phrase("chữ chỉ dùng với = <> in, not in, is null"))
    elif left.column and isinstance(right.literal, str):
        _check_value(checker, left.column, right)
    elif right.column and isinstance(left.literal, str):
        _check_value(checker, right.column, left)
    else:
        checker.refuse(right, Phrase("chỉ so một cột chữ với một giá trị trong dấu nháy đơn"))


def _check_value(checker: Checker, column: Column, part: Part) -> None:
    value = str(part.literal)
    if column.values is not None and value not in column.values:
        allowed = ", ".join(sorted(column.values))
        message = Phrase("cột {name} không có giá trị này", name=column.name)
        checker.refuse(part, message, allowed, nearest_name(value, column.values), value)
    if column.kind == "code":
        checker.named.add((column.name, value))
    known = checker.codes.get(column.name)
    if column.kind == "code" and known is not None and value not in known:
        length = part.end - part.start
        message = Phrase("kế hoạch chưa có mã này ở cột {name}", name=column.name)
        checker.warnings.append(Fault(part.start, length, message, value, nearest=_nearest_code(value, known)))


def _nearest_code(value: str, known: Collection[str]) -> str:
    # Among a million codes only those that begin alike are looked at.
    if len(known) > MOST_COMPARED:
        known = sorted(code for code in known if code[:_ALIKE] == value[:_ALIKE])[:MOST_COMPARED]
    return nearest_name(value, known)


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
            checker.refuse(item, Phrase("không để null trong danh sách in; hãy dùng is null"))
        else:
            tests.append(compared(checker, subject, sign, item))
    return _joined(tests, word)


def _between(checker: Checker, node: Node) -> Part:
    subject, low, high = numbers_of(checker, node)
    return _joined([compared(checker, subject, ">=", low), compared(checker, subject, "<=", high)], "and")


def _not_between(checker: Checker, node: Node) -> Part:
    subject, low, high = numbers_of(checker, node)
    return _joined([compared(checker, subject, "<", low), compared(checker, subject, ">", high)], "or")


CONDITIONS: Mapping[str, Writer] = {
    "true": lambda _checker, _node: Part("boolean", "true", 0, 0),
    "false": lambda _checker, _node: Part("boolean", "false", 0, 0),
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
}
