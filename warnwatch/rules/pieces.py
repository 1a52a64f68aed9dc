"""The pieces of a checked expression and what a check gathers: kinds, columns, faults, and when a number is NULL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from warnwatch.language import Phrase
from warnwatch.rules.grammar import ExpressionError, Fault, Node

Kind: TypeAlias = Literal["number", "text", "boolean", "null", "unknown"]


# Numbers at or beyond it are NULL: below the largest Float32 (3.4e38), so that single and double precision agree.
LARGEST = 1e38

BELOW_LARGEST = 0.999e38

# What a column may hold; products and sums that cannot pass LARGEST need no look at their result.
LARGEST_IN_COLUMN = 1e20

MAX_WEIGHT = 2_000

NEVER: frozenset[str] = frozenset()

TOO_COMPLEX = Phrase("biểu thức quá phức tạp; hãy viết gọn hơn")

KIND_NAMES: Mapping[Kind, str] = {
    "number": Phrase("số"),
    "text": Phrase("chữ"),
    "boolean": Phrase("điều kiện đúng/sai"),
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


Writer: TypeAlias = Callable[["Checker", Node], "Part"]


@dataclass(slots=True)
class Checker:
    """One check of one expression; the faults are gathered, and what follows from a fault is not reported again.

    `named`: code columns with the codes that they are compared with.
    `writers`: for each name of a node, what checks it and writes its SQL.
    """

    columns: Mapping[str, Column]
    codes: Mapping[str, frozenset[str]]
    writers: Mapping[str, Writer]
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    named: set[tuple[str, str]] = field(default_factory=set)

    def part(self, node: Node) -> Part:
        """Check one node of the tree and write its SQL."""
        made = self.writers[node.name](self, node)
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
        return self.refuse(
            part,
            Phrase("cần {wanted}, gặp {found}", wanted=KIND_NAMES[kind], found=KIND_NAMES[part.kind]),
        )

    def finite(self, part: Part) -> Part:
        """Make a number that may pass the limit (or be NaN) NULL where it does."""
        if part.bound < LARGEST:
            return part
        sql = f"(case when abs({part.sql}) < {LARGEST!r} then {part.sql} end)"
        return replace(part, sql=sql, bound=BELOW_LARGEST, weight=2 * part.weight + 4, nulls=None, column=None)


def weight_of(parts: Iterable[Part]) -> int:
    """Count what Polars will see of an operation on these parts."""
    return 1 + sum(part.weight for part in parts)


def nulls_of(parts: Iterable[Part]) -> frozenset[str]:
    """Join what makes the parts NULL, for an operation that is NULL when one of them is."""
    joined = NEVER
    for part in parts:
        joined |= frozenset({part.sql}) if part.nulls is None else part.nulls
    return joined


def numbers_of(checker: Checker, node: Node) -> list[Part]:
    """Check the children of a node, all of which must be numbers."""
    return [checker.expect(part, "number") for part in checker.parts(node)]
