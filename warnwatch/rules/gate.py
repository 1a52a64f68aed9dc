"""What an expression may say, and how it is written for Polars: a tree in; checked SQL, faults and warnings out.

Names, kinds, values and functions are checked against the white list. The SQL is ours: every number is a float, a
division by zero is NULL, `least` and `greatest` are NULL when an argument is, and a number out of range is NULL
wherever its value would count.
"""

from __future__ import annotations

from collections.abc import Mapping

from warnwatch.errors import nearest_name
from warnwatch.language import Phrase
from warnwatch.rules.amounts import AMOUNTS
from warnwatch.rules.conditions import CONDITIONS
from warnwatch.rules.grammar import Node
from warnwatch.rules.pieces import LARGEST_IN_COLUMN, NEVER, Checker, Column, Kind, Part, Writer


def begin_check(columns: Mapping[str, Column], codes: Mapping[str, frozenset[str]]) -> Checker:
    """Begin one check of one expression over `columns`; `codes` are the known codes of code columns."""
    return Checker(columns, codes, _WRITERS)


def _number(_checker: Checker, node: Node) -> Part:
    value = float(node.words[0])
    return Part("number", _float_sql(value), 0, 0, bound=value, nulls=NEVER, floats=True, literal=value)


def _float_sql(value: float) -> str:
    # Without an exponent Polars reads a Decimal, which is slow and overflows.
    text = repr(value)
    return text if "e" in text else f"{text}e0"


def _text(_checker: Checker, node: Node) -> Part:
    value = node.words[0][1:-1].replace("''", "'")
    return Part("text", _text_sql(value), 0, 0, nulls=NEVER, literal=value)


def _text_sql(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _column(checker: Checker, node: Node) -> Part:
    name = node.words[0]
    column = checker.columns.get(name)
    if column is None:
        place = Part("unknown", "null", node.start, node.end)
        known = ", ".join(sorted(checker.columns))
        return checker.refuse(
            place, Phrase("cột không có trong danh mục"), known, nearest_name(name, checker.columns), name
        )
    checker.used.add(name)
    kind: Kind = "text" if column.kind == "code" else column.kind
    sql = f'"{name}"'
    nulls = frozenset({sql}) if column.nullable else NEVER
    return Part(kind, sql, 0, 0, bound=LARGEST_IN_COLUMN, nulls=nulls, column=column)


_WRITERS: Mapping[str, Writer] = {
    "number": _number,
    "text": _text,
    "null": lambda _checker, _node: Part("null", "null", 0, 0),
    "column": _column,
    **CONDITIONS,
    **AMOUNTS,
}
