"""The six clears (“6 rõ”) of a task: which of them it has; how complete the tasks of an import are.

One place for the definition: the snapshot's column `clears` counts the same columns.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from operator import attrgetter

import polars as pl

from warnwatch.language import Phrase, together
from warnwatch.plan.differences import WAS, Difference
from warnwatch.plan.findings import Findings, Say

# Which column shows that a task is clear about something. The time is its deadline's, all others its version's.
CLEARS = {
    "owner_role": Phrase("rõ người"),
    "assigning_document": Phrase("rõ việc"),
    "due_at": Phrase("rõ thời gian"),
    "accountable_head": Phrase("rõ trách nhiệm"),
    "expected_result": Phrase("rõ sản phẩm"),
    "decision_authority": Phrase("rõ thẩm quyền"),
}
FIVE = tuple(name for name in CLEARS if name != "due_at")
MOST_TASKS = 1_000  # of added and changed tasks that are listed one by one
MOST_CODES = 5


@dataclass(frozen=True, slots=True)
class TaskClears:
    """How many of the six an added or changed task has, and which columns it lacks."""

    task: str
    clears: int
    missing: tuple[str, ...]


@dataclass
class Completeness:
    """How complete the judged tasks of an import are, so far.

    `tasks`: how many have n of 6; `missing`: how many lack each column; `least`: the first codes with the fewest;
    `told`: added and changed tasks by code, MOST_TASKS at most.
    """

    tasks: Counter[int] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    least: list[tuple[int, str]] = field(default_factory=list)
    told: list[TaskClears] = field(default_factory=list)

    def note(self, one: Difference, least: int, findings: Findings) -> None:
        """Count the tasks of one piece; with `least` refuse those added or changed below it."""
        rows = one.rows.filter(pl.col("judged")).with_columns(_has(name).alias("has." + name) for name in CLEARS)
        has = [pl.col("has." + name) for name in CLEARS]
        rows = rows.with_columns(pl.sum_horizontal(has).cast(pl.Int64).alias("clears"))
        self.tasks.update(dict(rows["clears"].value_counts().iter_rows()))
        self.missing.update({name: rows.height - int(rows["has." + name].sum()) for name in CLEARS})
        few = rows.filter(pl.col("clears") < len(CLEARS)).sort("clears", "code").head(MOST_CODES)
        self.least = sorted([*self.least, *few.select("clears", "code").iter_rows()])
        del self.least[MOST_CODES:]
        touched = rows.filter(pl.col("added") | pl.col("changed")).select("row", "code", "clears", *has)
        for row in touched.head(MOST_TASKS - len(self.told)).iter_rows(named=True):
            self.told.append(TaskClears(row["code"], row["clears"], _missing(row)))
        self.told.sort(key=attrgetter("task"))
        for row in touched.filter(pl.col("clears") < least).iter_rows(named=True):
            _refuse(one, row, least, findings)


def _has(name: str) -> pl.Expr:
    has = pl.col(name).is_not_null()
    return has | pl.col(WAS + name).is_not_null() if name == "due_at" else has


def _missing(row: dict[str, object]) -> tuple[str, ...]:
    return tuple(name for name in CLEARS if not row["has." + name])


def _refuse(one: Difference, row: dict[str, object], least: int, findings: Findings) -> None:
    missing = _missing(row)
    columns = {column.stored: column.vietnamese for column in one.file.columns}
    said = together((together((CLEARS[name], f" ({columns[name]})")) for name in missing), ", ")
    message = Phrase("nhiệm vụ đạt {clears}/6 rõ, thiếu: {missing}", clears=row["clears"], missing=said)
    allowed = Phrase("ít nhất {least}/6 rõ (plan.least_clears)", least=least)
    findings.about_row(one.sheet, int(str(row["row"])), missing[0], Say(message, allowed))
