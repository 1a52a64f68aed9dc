"""The way from the text of a condition or threshold to an expression that Polars runs for every subject at once.

Polars never sees what a person typed: the text is read by grammar.py, checked and written out again by gate.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from math import isfinite
from typing import Literal, TypeAlias

import polars as pl

from warnwatch.language import Phrase
from warnwatch.rules.gate import begin_check
from warnwatch.rules.grammar import MAX_DIGITS, ExpressionError, Fault, parse
from warnwatch.rules.pieces import KIND_NAMES, TOO_COMPLEX, Column

__all__ = ["Column", "Expression", "ExpressionError", "Fault", "Wanted", "compile_expression"]

Wanted: TypeAlias = Literal["number", "boolean"]

# Polars' SQL reader gives up at about 50 levels of its own, of which a bracket of ours costs up to two.
_MAX_NESTING = 20
_SHOWN_LENGTH = 40

# A text in the SQL that we wrote.
_TEXT = re.compile(r"'(?:[^']|'')*'")


@dataclass(frozen=True, slots=True)
class Expression:
    """One checked expression: the text as typed, and the SQL that we wrote from it for `polars.sql_expr`.

    `warnings` name codes that the plan does not know (now): they stop nothing. `codes`: code columns, each with a code
    that it is compared with.
    """

    text: str
    kind: Wanted
    columns: frozenset[str]
    sql: str
    warnings: tuple[Fault, ...] = ()
    codes: frozenset[tuple[str, str]] = frozenset()

    def following(self, columns: Collection[str], successors: Mapping[str, str]) -> Expression:
        """Give the same expression where these columns are compared with the codes that stand for old ones today."""
        old = {code for column, code in self.codes if column in columns and code in successors}
        if not old:
            return self
        sql = _TEXT.sub(lambda found: _present_text(found[0], old, successors), self.sql)
        return replace(self, sql=sql)

    def polars(self) -> pl.Expr:
        """Give the expression to run: over finite columns its numbers are finite or NULL. A constant has one row."""
        return pl.sql_expr(self.sql)

    def constant(self) -> float | None:
        """Give the value of a number that no column changes, or None."""
        if self.columns or self.kind == "boolean":
            return None
        value = pl.select(self.polars()).item()
        return None if value is None else float(value)


def compile_expression(
    text: str | float,
    wanted: Wanted,
    columns: Mapping[str, Column],
    codes: Mapping[str, frozenset[str]] | None = None,
) -> Expression:
    """Check an expression over `columns` and write it for Polars; raise ExpressionError with all its faults.

    `codes` are the known codes of code columns, by column: a code that is not among them is a warning.
    """
    source = _as_text(text)
    checker = begin_check(columns, codes or {})
    part = checker.part(parse(source, columns))
    if part.kind not in {wanted, "unknown"}:
        checker.refuse(
            part,
            Phrase("cần {wanted}, gặp {found}", wanted=KIND_NAMES[wanted], found=KIND_NAMES[part.kind]),
        )
    if checker.faults:
        raise ExpressionError(tuple(_quoting(fault, source) for fault in checker.faults))
    sql = checker.finite(part).sql if wanted == "number" else part.sql
    return _accepted(
        Expression(source, wanted, frozenset(checker.used), sql, tuple(checker.warnings), frozenset(checker.named))
    )


def _present_text(quoted: str, old: Collection[str], successors: Mapping[str, str]) -> str:
    code = quoted[1:-1].replace("''", "'")
    return "'" + successors[code].replace("'", "''") + "'" if code in old else quoted


def _quoting(fault: Fault, source: str) -> Fault:
    return replace(fault, found=fault.found or source[fault.offset : fault.offset + fault.length][:_SHOWN_LENGTH])


def _accepted(expression: Expression) -> Expression:
    fault = Fault(0, len(expression.text), TOO_COMPLEX)
    if _nesting(expression.sql) > _MAX_NESTING:
        raise ExpressionError((fault,))
    try:
        names = pl.sql_expr(expression.sql).meta.root_names()
    except pl.exceptions.PolarsError as error:
        raise ExpressionError((fault,)) from error
    # Past its depth limit Polars has been seen to read a keyword as a column.
    if set(names) != expression.columns:
        raise ExpressionError((fault,))
    return expression


def _nesting(sql: str) -> int:
    deepest = depth = 0
    for word in sql.replace("(", " ( ").replace(")", " ) ").split():
        depth += (word in {"(", "case"}) - (word in {")", "end"})
        deepest = max(deepest, depth)
    return deepest


def _as_text(value: str | float) -> str:
    """Write a YAML value as the text that the grammar reads: `0.15`, `true`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isfinite(value):
        raise ExpressionError((Fault(0, 1, Phrase("không dùng giá trị vô hạn"), str(value)),))
    text = format(Decimal(str(value)), "f")
    if len(text.lstrip("-").replace(".", "")) > MAX_DIGITS:
        raise ExpressionError(
            (Fault(0, len(text), Phrase("số có quá {most} chữ số", most=MAX_DIGITS), text[:_SHOWN_LENGTH]),)
        )
    return text
