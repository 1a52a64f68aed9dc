"""Which subjects differ from what their alerts already say: the only place where a cycle goes from columns to rows.

In: the levels of an evaluation. Out: the few subjects of each rule that need a closer look.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from warnwatch.alerts.alert import Alert, EndReason, State
from warnwatch.plan.moving import Moved, patched
from warnwatch.rules.evaluation import Evaluation
from warnwatch.rules.rule import RuleBook

# The mark of a subject under a rule: 0 no alert; 1..3 an open alert at that level; GONE an alert whose measure is back
# while `keep` runs; PENDING + level one that has not opened yet; CLOSED + level a person closed it at that level.
GONE = 4
PENDING = 4
CLOSED = 10
TOP = 3

# Up to so many subjects, looking each up is cheaper than a join with all marks.
FEW = 20_000


def mark_of(alert: Alert) -> int:
    """Give the mark that an alert leaves on its subject."""
    if alert.state is State.ENDED:
        return CLOSED + int(alert.level) if alert.end_reason is EndReason.CLOSED else 0
    if alert.state is State.PENDING:
        return PENDING + int(alert.level)
    return GONE if alert.gone_since else int(alert.level)


@dataclass(frozen=True, slots=True)
class _Found:
    """The rows of a rule that differ, with the columns in which they were found: by the same ones they are the same."""

    level: pl.Series
    kept: pl.Series | None
    calm: pl.DataFrame
    subjects: list[str]

    def stands(self, level: pl.Series, kept: pl.Series | None, calm: pl.DataFrame) -> bool:
        return self.level is level and self.kept is kept and self.calm is calm


class Present:
    """The marks of all subjects: as a dictionary per rule, and as columns in the order of the frames' rows.

    The columns are the calm levels of each subject, Int8 from `low` to `high`: at these, nothing happens to it.
    Rules with a `clear` margin have two more, `kept_low` to `kept_high`: the calm levels of what open alerts keep.
    """

    def __init__(self, marks: Mapping[str, Mapping[str, int]]) -> None:
        """Start from the stored alerts: {rule: {subject: mark}}, marks of 0 left out."""
        self._marks = {rule: dict(subjects) for rule, subjects in marks.items()}
        self._calm: dict[str, pl.DataFrame] = {}
        self._frames: dict[str, pl.DataFrame] = {}
        self._clear: set[str] = set()
        self._found: dict[str, _Found] = {}

    def marked(self, rule: str) -> Collection[str]:
        """Name the subjects on which an alert of a rule has left its mark."""
        return self._marks.get(rule, {}).keys()

    def align(self, frames: Mapping[str, pl.DataFrame], moved: Mapping[str, Moved | None], book: RuleBook) -> None:
        """Bring the columns into the order of the frames' rows; costs little when nothing moved."""
        clear = {rule.id for rule in book.rules if rule.clear}
        # The columns of a rule that is away miss what moves meanwhile; those of a margin are of another kind.
        for rule_id in (self._calm.keys() - {rule.id for rule in book.rules}) | (self._clear ^ clear):
            self._calm.pop(rule_id, None)
        self._clear = clear
        bare: dict[tuple[int, bool], pl.DataFrame] = {}  # what the rules without any mark share
        for rule in book.rules:
            frame = frames[rule.about]
            calm, move = self._calm.get(rule.id), moved.get(rule.about)
            if calm is not None and self._frames[rule.id] is frame:
                continue
            leads = calm is not None and move is not None and move.leads(self._frames[rule.id], frame)
            self._frames[rule.id] = frame
            if calm is not None and move is not None and leads and move.places is None:
                continue  # every subject has its row still, and a mark is its subject's whatever else has changed
            if not self._marks.get(rule.id):
                self._calm[rule.id] = self._bare(rule.id, frame, bare)
            elif calm is not None and move is not None and leads:
                self._calm[rule.id] = self._carried(rule.id, calm, move)
            else:
                self._calm[rule.id] = self._placed(rule.id, frame["code"])

    def _bare(self, rule: str, frame: pl.DataFrame, known: dict[tuple[int, bool], pl.DataFrame]) -> pl.DataFrame:
        key = (id(frame), rule in self._clear)
        if key not in known:
            known[key] = self._calm_levels(rule, pl.repeat(0, frame.height, dtype=pl.Int8, eager=True))
        return known[key]

    def _carried(self, rule: str, calm: pl.DataFrame, move: Moved) -> pl.DataFrame:
        news = self._placed(rule, move.fresh["code"])
        carried = {column.name: move.carried(column) for column in calm.iter_columns()}
        return pl.DataFrame(patched(carried, move.rows, news))

    def differing(self, evaluation: Evaluation) -> dict[str, list[str]]:
        """Name the subjects whose level is not what their alerts say, by rule. Unknown levels differ from nothing."""
        by_frame: dict[int, list[str]] = {}
        for rule, level in evaluation.levels.items():
            known = self._found.get(rule)
            if known is None or not known.stands(level, evaluation.kept.get(rule), self._calm[rule]):
                by_frame.setdefault(id(self._frames[rule]), []).append(rule)
        for rules in by_frame.values():
            codes = self._frames[rules[0]]["code"]
            levels = pl.DataFrame([evaluation.levels[rule].alias(rule) for rule in rules])
            calm = [self._calm[rule].select(pl.all().name.prefix(f"{rule}:")) for rule in rules]
            kept = [evaluation.kept[rule].alias(f"{rule}:kept").to_frame() for rule in rules if rule in self._clear]
            outside = [_rows_outside(rule, clear=rule in self._clear) for rule in rules]
            rows = (
                pl.concat([levels, *kept, *calm], how="horizontal").lazy().select(outside).collect(engine="in-memory")
            )
            for rule in rules:
                subjects = codes.gather(rows[rule].item()).to_list() if len(rows[rule].item()) else []
                self._found[rule] = _Found(
                    evaluation.levels[rule], evaluation.kept.get(rule), self._calm[rule], subjects
                )
        return {rule: list(self._found[rule].subjects) for rule in evaluation.levels if self._found[rule].subjects}

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
        if rule not in self._calm:
            return
        codes = self._frames[rule]["code"]
        rows = codes.is_in(list(subjects)).arg_true()
        news = self._calm_levels(rule, pl.Series([subjects[code] for code in codes.gather(rows)], dtype=pl.Int8))
        self._calm[rule] = pl.DataFrame(
            [column.clone().scatter(rows, news[column.name]) for column in self._calm[rule].iter_columns()]
        )

    def _placed(self, rule: str, codes: pl.Series) -> pl.DataFrame:
        marks = self._marks.get(rule, {})
        if len(codes) <= FEW:
            return self._calm_levels(rule, pl.Series([marks.get(code, 0) for code in codes], dtype=pl.Int8))
        known = pl.DataFrame(
            {"code": list(marks), "mark": list(marks.values())}, schema={"code": pl.String, "mark": pl.Int8}
        )
        joined = codes.to_frame("code").join(known, on="code", how="left", maintain_order="left")
        return self._calm_levels(rule, joined["mark"].fill_null(0))

    def _calm_levels(self, rule: str, marks: pl.Series) -> pl.DataFrame:
        """Give for each mark the lowest and the highest level, Int8, at which nothing happens."""
        columns = _CALM_WITH_MARGIN if rule in self._clear else _CALM
        return marks.to_frame("mark").select(columns)


_MARK = pl.col("mark")
_TOLD = _MARK.is_between(1, GONE - 1)
_WAITS = _MARK.is_between(PENDING + 1, PENDING + TOP)
_LEVEL = pl.when(_WAITS).then(_MARK - PENDING).otherwise(_MARK)
_HIGH = pl.when(_TOLD | _WAITS).then(_LEVEL).when(_MARK > CLOSED).then(_MARK - CLOSED).otherwise(0)
_CALM = [
    pl.when(_TOLD | _WAITS).then(_LEVEL).when(_MARK == GONE).then(0).otherwise(-1).cast(pl.Int8).alias("low"),
    _HIGH.cast(pl.Int8).alias("high"),
]
# An open alert falls, and one that is gone comes back, by the level that is kept; a pending one lives by the level.
_CALM_WITH_MARGIN = [
    pl.when(_WAITS).then(_LEVEL).otherwise(-1).cast(pl.Int8).alias("low"),
    _HIGH.cast(pl.Int8).alias("high"),
    pl.when(_TOLD).then(_MARK).when(_MARK == GONE).then(0).otherwise(-1).cast(pl.Int8).alias("kept_low"),
    pl.when(_MARK == GONE).then(0).otherwise(TOP).cast(pl.Int8).alias("kept_high"),
]


@lru_cache(maxsize=1000)
def _rows_outside(rule: str, *, clear: bool) -> pl.Expr:
    level = pl.col(rule)
    outside = (level < pl.col(f"{rule}:low")) | (level > pl.col(f"{rule}:high"))
    if clear:
        kept = pl.col(f"{rule}:kept")
        outside |= (kept < pl.col(f"{rule}:kept_low")) | (kept > pl.col(f"{rule}:kept_high"))
    return outside.fill_null(value=False).arg_true().implode().alias(rule)
