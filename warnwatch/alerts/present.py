"""Which subjects differ from what their alerts already say: the only place where a cycle goes from columns to rows.

In: the levels of an evaluation. Out: the few subjects of each rule that need a closer look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from warnwatch.alerts.alert import Alert, EndReason, State
from warnwatch.plan.snapshot import Moved
from warnwatch.rules.evaluation import Evaluation
from warnwatch.rules.rule import RuleBook

# The mark of a subject under a rule: 0 no alert; 1..3 an alert at that level; GONE an alert whose measure is back
# while `keep` runs; CLOSED + level a person closed it at that level.
GONE = 4
CLOSED = 10


def mark_of(alert: Alert) -> int:
    """Give the mark that an alert leaves on its subject."""
    if alert.state is State.ENDED:
        return CLOSED + int(alert.level) if alert.end_reason is EndReason.CLOSED else 0
    return GONE if alert.gone_since else int(alert.level)


class Present:
    """The marks of all subjects: as a dictionary per rule, and as Int8 columns in the order of the frames' rows."""

    def __init__(self, marks: Mapping[str, Mapping[str, int]]) -> None:
        """Start from the stored alerts: {rule: {subject: mark}}, marks of 0 left out."""
        self._marks = {rule: dict(subjects) for rule, subjects in marks.items()}
        self._columns: dict[str, pl.Series] = {}
        self._frames: dict[str, pl.DataFrame] = {}

    def align(self, frames: Mapping[str, pl.DataFrame], moved: Mapping[str, Moved | None], book: RuleBook) -> None:
        """Bring the columns into the order of the frames' rows; costs little when nothing moved."""
        for rule in book.rules:
            frame = frames[rule.about]
            column, move = self._columns.get(rule.id), moved.get(rule.about)
            if column is not None and self._frames[rule.id] is frame:
                continue
            if column is not None and move is not None:
                fresh = self._placed(rule.id, move.fresh["code"])
                self._columns[rule.id] = pl.concat([column.filter(move.kept), fresh])
            else:
                self._columns[rule.id] = self._placed(rule.id, frame["code"])
            self._frames[rule.id] = frame

    def differing(self, evaluation: Evaluation) -> dict[str, list[str]]:
        """Name the subjects whose level is not what their alerts say, by rule. Unknown levels differ from nothing."""
        found: dict[str, list[str]] = {}
        for rule, levels in evaluation.levels.items():
            codes = self._frames[rule]["code"]
            frame = pl.DataFrame({"code": codes, "level": levels, "mark": self._columns[rule]})
            subjects = frame.lazy().filter(_differs()).select("code").collect()["code"].to_list()
            if subjects:
                found[rule] = subjects
        return found

    def note(self, alerts: Iterable[Alert]) -> None:
        """Take over what a cycle has written about its alerts."""
        news: dict[str, dict[str, int]] = {}
        for alert in alerts:
            news.setdefault(alert.rule, {})[alert.subject] = mark_of(alert)
        for rule, subjects in news.items():
            marks = self._marks.setdefault(rule, {})
            for subject, mark in subjects.items():
                marks[subject] = mark
                if not mark:
                    del marks[subject]
            self._write(rule, subjects)

    def _write(self, rule: str, subjects: Mapping[str, int]) -> None:
        if rule not in self._frames:
            return
        codes = self._frames[rule]["code"]
        rows = codes.is_in(list(subjects)).arg_true()
        column = self._columns[rule].clone()
        marks = pl.Series([subjects[code] for code in codes.gather(rows)], dtype=pl.Int8)
        self._columns[rule] = column.scatter(rows, marks)

    def _placed(self, rule: str, codes: pl.Series) -> pl.Series:
        marks = self._marks.get(rule)
        if not marks:
            return pl.repeat(0, len(codes), dtype=pl.Int8, eager=True)
        known = pl.DataFrame(
            {"code": list(marks), "mark": list(marks.values())}, schema={"code": pl.String, "mark": pl.Int8}
        )
        return codes.to_frame("code").join(known, on="code", how="left", maintain_order="left")["mark"].fill_null(0)


def _differs() -> pl.Expr:
    level, mark = pl.col("level"), pl.col("mark")
    return (
        ((mark == 0) & (level > 0))
        | (mark.is_between(1, GONE - 1) & (level != mark))
        | ((mark == GONE) & (level != 0))
        | ((mark > CLOSED) & (level > mark - CLOSED))
    ).fill_null(value=False)
