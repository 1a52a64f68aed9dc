"""A task given to a group of units: one task for each of them, under a task that only gathers them.

In: the typed tasks of a file, in one piece or in many, the units, and the tasks as stored. Out: the same file with more
rows, each with exactly one lead: `KH02-004` for all provinces is `KH02-004`, not judged, and `KH02-004.DP-01-UB`, …
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from warnwatch.language import Phrase
from warnwatch.plan.cell_columns import LONGEST_CODE, dtype_of
from warnwatch.plan.column import Column
from warnwatch.plan.findings import Findings, Say, Sheet
from warnwatch.plan.groups import GroupError, Units, is_group, read_group

MOST_TASKS = 200_000  # made by one import: 60 tasks for every commune; beyond it somebody gave everything to everybody

_GROUP, _PARENT_WAS = "group.", "parent was."
# What the expansion itself decides; everything else a child shares with the row that it comes from.
_OWN = ("code", "lead_unit", "parent", "judged")


@dataclass(frozen=True, slots=True)
class Expanded:
    """A task given to a group: its words, how many units they name, and the unit that follows the whole."""

    task: str
    words: str
    units: int
    lead: str


@dataclass
class Expansion:
    """What one import has expanded so far."""

    units: Units
    told: list[Expanded] = field(default_factory=list)
    tasks: int = 0

    def expand(self, sheet: Sheet, stored: pl.DataFrame, findings: Findings) -> Sheet:
        """Give the sheet with one task per unit where its lead_unit names a group.

        `stored`: the tasks of the plan with their latest deadline. A child that is known keeps what is its own (a
        status, a later deadline) as long as the group's row says what it said at the last import.
        """
        if "lead_unit" not in sheet.headers or "code" not in sheet.headers:
            return sheet
        texts = [one for one in sheet.frame["lead_unit"].drop_nulls().unique().to_list() if is_group(one)]
        groups, errors = self._read(texts)
        if not groups and not errors:
            return sheet
        lead = pl.col("lead_unit")
        for text, error in errors.items():
            wrong = sheet.frame.filter(lead == text)
            findings.about_rows(sheet, wrong, "lead_unit", Say(error.message, error.allowed, error.nearest))
        frame = sheet.frame.with_columns(pl.when(~lead.is_in(list(errors))).then(lead))
        if not groups:
            return sheet.with_frame(frame)
        given = frame.filter(lead.is_in(list(groups)) & pl.col("code").is_not_null())
        if not self._note(sheet, given, groups, findings):
            return sheet.with_frame(frame.filter(~lead.is_in(list(groups))))
        rows = _Rows(sheet, stored, frame.filter(~lead.is_in(list(groups)) | lead.is_null()), given)
        return sheet.with_frame(rows.expanded(groups, {text: self.units.superior(groups[text]) for text in groups}))

    def _read(self, texts: list[str]) -> tuple[dict[str, tuple[str, ...]], dict[str, GroupError]]:
        groups: dict[str, tuple[str, ...]] = {}
        errors: dict[str, GroupError] = {}
        for text in texts:
            try:
                codes = read_group(text, self.units)
            except GroupError as error:
                errors[text] = error
                continue
            groups[text] = codes
            if self.units.superior(codes) is None:
                del groups[text]
                errors[text] = GroupError(
                    Phrase("các đơn vị được giao không có cấp trên chung để theo dõi cả nhóm"),
                    Phrase("một đơn vị cấp trên chung (cột parent của units.csv)"),
                )
        return groups, errors

    def _note(self, sheet: Sheet, given: pl.DataFrame, groups: dict[str, tuple[str, ...]], findings: Findings) -> bool:
        """Count what will be made; say whether it stays within bounds."""
        for row, code, text in given.select("row", "code", "lead_unit").iter_rows():
            codes = groups[text]
            self.tasks += len(codes)
            if self.tasks > MOST_TASKS:
                message = Phrase("việc giao cho nhiều đơn vị thành hơn {most} nhiệm vụ", most=MOST_TASKS)
                say = Say(message, Phrase("chia kế hoạch thành nhiều lần nhập, hoặc giao cho nhóm hẹp hơn"))
                findings.about_row(sheet, row, "lead_unit", say, found=text)
                return False
            longest = max(map(len, codes))
            if len(code) + 1 + longest > LONGEST_CODE:
                say = Say(Phrase("mã quá dài để thêm mã đơn vị"), Phrase("mã ngắn hơn"))
                findings.about_row(sheet, row, "code", say, found=code)
            self.told.append(Expanded(code, text, len(codes), self.units.superior(codes) or ""))
        return True


@dataclass(frozen=True)
class _Rows:
    """The rows of one piece: `plain` have one lead, `given` name a group."""

    sheet: Sheet
    stored: pl.DataFrame
    plain: pl.DataFrame
    given: pl.DataFrame

    def expanded(self, groups: dict[str, tuple[str, ...]], leads: dict[str, str | None]) -> pl.DataFrame:
        """Give all rows in the order of the file, each child behind its parent."""
        known = pl.DataFrame({"lead_unit": list(groups), "unit": [list(codes) for codes in groups.values()]})
        children = self.given.join(known, on="lead_unit", maintain_order="left").explode("unit")
        children = children.with_columns(
            pl.concat_str("code", pl.lit("."), "unit").alias("code"),
            pl.col("code").alias("parent"),
            pl.col("unit").alias("lead_unit"),
        ).drop("unit")
        parents = self.given.with_columns(
            pl.col("lead_unit").replace_strict(leads, return_dtype=pl.String), pl.lit(value=False).alias("judged")
        )
        plain = self._with_parents(self._whole(self.plain), children)
        children = self._keeping_own(self._whole(children)).join(plain, on="code", how="anti", maintain_order="left")
        columns = plain.columns
        pieces = [plain, self._whole(parents).select(columns), children.select(columns)]
        return pl.concat(pieces).sort("row", maintain_order=True)

    def _whole(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Complete the columns that only the expansion needs: a row that has none keeps what is stored."""
        for name in ("parent", "judged"):
            if name not in frame.columns:
                was = self.stored.select("code", name)
                frame = frame.join(was, on="code", how="left", maintain_order="left")
        return frame

    def _with_parents(self, plain: pl.DataFrame, children: pl.DataFrame) -> pl.DataFrame:
        """Put a unit's task that has a row of its own under the same parent; the rest is as that row says."""
        own = children.select("code", pl.col("parent").alias("whole")).unique("code", keep="first")
        joined = plain.join(own, on="code", how="left", maintain_order="left")
        return joined.with_columns(pl.coalesce("parent", "whole").alias("parent")).drop("whole")

    def _keeping_own(self, children: pl.DataFrame) -> pl.DataFrame:
        """Keep what a known child has of its own, where the group's row says nothing new."""
        names = [name for name in self.sheet.headers if name not in _OWN and name in self.stored.columns]
        wanted = self.stored.filter(~pl.col("withdrawn")).select("code", *names)
        before = wanted.rename({name: _PARENT_WAS + name for name in names})
        own = wanted.rename({name: _GROUP + name for name in names}).with_columns(pl.lit(value=True).alias("known."))
        joined = children.join(before, left_on="parent", right_on="code", how="left", maintain_order="left")
        joined = joined.join(own, on="code", how="left", maintain_order="left")
        columns = {one.stored: one for one in self.sheet.file.columns}
        keeps = {name: pl.col("known.").fill_null(value=False) & _unchanged(columns[name], names) for name in names}
        kept = joined.with_columns(
            pl.when(keep).then(pl.col(_GROUP + name)).otherwise(pl.col(name)).alias(name)
            for name, keep in keeps.items()
        )
        return kept.select(children.columns)


def _unchanged(column: Column, names: list[str]) -> pl.Expr:
    """Say whether the group's row says what its parent was stored with; a due date that it left to words does."""
    name = column.stored
    said = pl.col(name) if column.default is None else pl.col(name).fill_null(pl.lit(column.default, dtype_of(column)))
    same = said.eq_missing(pl.col(_PARENT_WAS + name))
    if name == "due_at":
        words = "due_text" in names
        left = pl.col("due_text").eq_missing(pl.col(_PARENT_WAS + "due_text")) if words else pl.lit(value=True)
        return same | (pl.col(name).is_null() & left)
    return same


def present_units(sheet: Sheet | None, stored: pl.DataFrame) -> pl.DataFrame:
    """Give the units as they are once this import is written: code, kind, bloc, parent, valid_from, valid_to."""
    names = ["code", "kind", "bloc", "parent", "valid_from", "valid_to"]
    before = stored.filter(~pl.col("withdrawn")).select(names)
    if sheet is None or "code" not in sheet.headers:
        return before
    typed = sheet.frame.filter(pl.col("code").is_not_null()).unique("code", keep="last", maintain_order=True)
    was = stored.select(names)
    for name in names[1:]:
        if name not in typed.columns:
            typed = typed.join(was.select("code", name), on="code", how="left", maintain_order="left")
    return pl.concat([before.join(typed, on="code", how="anti", maintain_order="left"), typed.select(names)])


def with_decisions_of_parents(decisions: pl.DataFrame, children: pl.DataFrame) -> pl.DataFrame:
    """Let a decision about the whole hold for the tasks of a group.

    `decisions`: number, task, and more; `children`: code and parent of the tasks that rows of this import were expanded
    to. A child's own decision of that number stands.
    """
    if not children.height or not decisions.height:
        return decisions
    wider = decisions.join(children, left_on="task", right_on="parent")
    wider = wider.with_columns(pl.col("code").alias("task")).select(decisions.columns)
    return pl.concat([decisions, wider.join(decisions, on=("number", "task"), how="anti")])
