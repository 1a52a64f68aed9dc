"""Which subjects differ from what their alerts already say: the only place where a cycle goes from columns to rows.

In: the levels of an evaluation. Out: the few subjects of each rule that need a closer look.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

import polars as pl

from warnwatch.alerts.alert import Alert, EndReason, State
from warnwatch.plan.snapshot import Moved
from warnwatch.rules.evaluation import Evaluation
from warnwatch.rules.rule import RuleBook

# The mark of a subject under a rule: 0 no alert; 1..3 an alert at that level; GONE an alert whose measure is back
# while `keep` runs; CLOSED + level a person closed it at that level.
GONE = 4
CLOSED = 10

# Up to so many subjects, looking each up is cheaper than a join with all marks.
FEW = 20_000


def mark_of(alert: Alert) -> int:
    """Give the mark that an alert leaves on its subject."""
    if alert.state is State.ENDED:
        return CLOSED + int(alert.level) if alert.end_reason is EndReason.CLOSED else 0
    return GONE if alert.gone_since else int(alert.level)


class Present:
    """The marks of all subjects: as a dictionary per rule, and as columns in the order of the frames' rows.

    The columns are the calm levels of each subject, Int8 from `low` to `high`: at these, nothing happens to it.
    """

    def __init__(self, marks: Mapping[str, Mapping[str, int]]) -> None:
        """Start from the stored alerts: {rule: {subject: mark}}, marks of 0 left out."""
        self._marks = {rule: dict(subjects) for rule, subjects in marks.items()}
        self._calm: dict[str, pl.DataFrame] = {}
        self._frames: dict[str, pl.DataFrame] = {}

    def marked(self, rule: str) -> Collection[str]:
        """Name the subjects on which an alert of a rule has left its mark."""
        return self._marks.get(rule, {}).keys()

    def align(self, frames: Mapping[str, pl.DataFrame], moved: Mapping[str, Moved | None], book: RuleBook) -> None:
        """Bring the columns into the order of the frames' rows; costs little when nothing moved."""
        for rule in book.rules:
            frame = frames[rule.about]
            calm, move = self._calm.get(rule.id), moved.get(rule.about)
            if calm is not None and self._frames[rule.id] is frame:
                continue
            if calm is not None and move is not None:
                fresh = self._placed(rule.id, move.fresh["code"])
                self._calm[rule.id] = pl.concat([calm.filter(move.kept), fresh], rechunk=True)
            else:
                self._calm[rule.id] = self._placed(rule.id, frame["code"])
            self._frames[rule.id] = frame

    def differing(self, evaluation: Evaluation) -> dict[str, list[str]]:
        """Name the subjects whose level is not what their alerts say, by rule. Unknown levels differ from nothing."""
        found: dict[str, list[str]] = {}
        by_frame: dict[int, list[str]] = {}
        for rule in evaluation.levels:
            by_frame.setdefault(id(self._frames[rule]), []).append(rule)
        for rules in by_frame.values():
            codes = self._frames[rules[0]]["code"]
            levels = pl.DataFrame([evaluation.levels[rule].alias(rule) for rule in rules])
            calm = [self._calm[rule].rename({"low": f"{rule}:low", "high": f"{rule}:high"}) for rule in rules]
            rows = pl.concat([levels, *calm], how="horizontal").lazy().select(map(_rows_outside, rules)).collect()
            found |= {rule: codes.gather(rows[rule].item()).to_list() for rule in rules if len(rows[rule].item())}
        return found

    def note(self, alerts: Iterable[Alert], differing: Mapping[str, Iterable[str]] | None = None) -> None:
        """Take over what a cycle has written about its alerts, and what it found of the subjects that differed.

        A subject that differed and has no alert here is unmarked: another process has ended its alert meanwhile.
        """
        news = {rule: dict.fromkeys(subjects, 0) for rule, subjects in (differing or {}).items()}
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
        news = _calm_levels(pl.Series([subjects[code] for code in codes.gather(rows)], dtype=pl.Int8))
        self._calm[rule] = pl.DataFrame(
            [column.clone().scatter(rows, news[column.name]) for column in self._calm[rule].iter_columns()]
        )

    def _placed(self, rule: str, codes: pl.Series) -> pl.DataFrame:
        marks = self._marks.get(rule)
        if not marks:
            return _calm_levels(pl.repeat(0, len(codes), dtype=pl.Int8, eager=True))
        if len(codes) <= FEW:
            return _calm_levels(pl.Series([marks.get(code, 0) for code in codes], dtype=pl.Int8))
        known = pl.DataFrame(
            {"code": list(marks), "mark": list(marks.values())}, schema={"code": pl.String, "mark": pl.Int8}
        )
        joined = codes.to_frame("code").join(known, on="code", how="left", maintain_order="left")
        return _calm_levels(joined["mark"].fill_null(0))


def _calm_levels(marks: pl.Series) -> pl.DataFrame:
    """Give for each mark the lowest and the highest level, Int8, at which nothing happens."""
    mark = pl.col("mark")
    told = mark.is_between(1, GONE - 1)
    low = pl.when(told).then(mark).when(mark == GONE).then(0).otherwise(-1)
    high = pl.when(told).then(mark).when(mark > CLOSED).then(mark - CLOSED).otherwise(0)
    return marks.to_frame("mark").select(low.cast(pl.Int8).alias("low"), high.cast(pl.Int8).alias("high"))


@lru_cache(maxsize=1000)
def _rows_outside(rule: str) -> pl.Expr:
    level = pl.col(rule)
    outside = (level < pl.col(f"{rule}:low")) | (level > pl.col(f"{rule}:high"))
    return outside.fill_null(value=False).arg_true().implode().alias(rule)
