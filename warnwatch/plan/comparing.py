"""The files of an import beside the plan, part by part: what they change goes to the spool, what is wrong to findings.

In memory stay codes and what checks need of all rows: trees, the times of tasks that reports are compared with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

import polars as pl
from sqlalchemy import Connection

from warnwatch.language import Phrase
from warnwatch.plan.ahead import ahead
from warnwatch.plan.checking import (
    DEADLINE_COLUMNS,
    check_references,
    check_rows,
    check_tree,
    find_deadlines,
    find_edges,
    warn_of_phones,
    warn_of_reports,
)
from warnwatch.plan.column import File
from warnwatch.plan.columns import FILES
from warnwatch.plan.differences import WAS, Difference, find_differences, split
from warnwatch.plan.directory import Unit
from warnwatch.plan.expansion import with_decisions_of_parents
from warnwatch.plan.findings import Sheet
from warnwatch.plan.reading import PARTS, Order, Reading, has_key
from warnwatch.plan.spool import Spool
from warnwatch.plan.stamps import mark_confidential
from warnwatch.plan.succession import Tree, tree_on
from warnwatch.plan.unit_checks import (
    changes_now,
    check_changes,
    check_moves,
    naming_old,
    warn_of_old_codes,
    warn_of_splits,
)
from warnwatch.plan.worded import fill_deadlines
from warnwatch.plan.writing import (
    DEADLINES,
    MOST_SUBJECTS,
    STORED_DUE,
    due_pieces,
    empty_stored,
    fresh_shelf,
    gone_shelf,
    kept_rows,
    read_codes,
    read_lead_counts,
    stored_pieces,
    subjects_of,
    with_due,
)

# Everything is judged by the tree of units, tasks by decisions, reports by tasks: what is looked at is compared first.
_TREE = "the tree"  # made of what stands before it
_FIRST = ("units", "unit_changes", _TREE, "decisions")
_LOOKED_AT: Mapping[str, list[str]] = {
    "units": ["code", "parent", "name", "valid_from"],
    "decisions": ["number", "task", "kind", "authority"],
    "tasks": ["code", "start_at", "done_at"],
}


@dataclass(frozen=True, slots=True)
class FileCount:
    """What became of one file's rows. `not_mentioned`: stored rows that the file omits; `withdrawn`: with complete."""

    rows: int
    added: int
    changed: int
    unchanged: int
    not_mentioned: int
    withdrawn: int = 0

    def __add__(self, other: FileCount) -> FileCount:
        """Count two parts of a file together."""
        return FileCount(
            self.rows + other.rows,
            self.added + other.added,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.not_mentioned + other.not_mentioned,
            self.withdrawn + other.withdrawn,
        )


@dataclass(slots=True)
class Changes:
    """What one file changes: counted here, its rows on the spool in `parts`. `subjects`: more than MOST is all."""

    file: File
    parts: int = 1
    count: FileCount = field(default_factory=lambda: FileCount(0, 0, 0, 0, 0))
    subjects: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.String))


@dataclass(slots=True)
class _Plan:
    """What the checks of later files look at, as it is once this import is written: by file, some columns."""

    wanted: frozenset[str]
    children: pl.DataFrame
    frames: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    unit_changes: Difference | None = None
    tree: Tree = field(default_factory=lambda: Tree({}))

    def note(self, name: str, frame: pl.DataFrame) -> None:
        if name in self.wanted:
            self.frames.setdefault(name, []).append(frame.select(_LOOKED_AT[name]))

    def of(self, name: str) -> pl.DataFrame:
        """Give all that was noted of a file, as one frame."""
        if len(self.frames[name]) > 1:
            self.frames[name] = [pl.concat(self.frames[name])]
        return self.frames[name][0]


def compare(
    connection: Connection,
    readings: Mapping[str, Reading],
    broken: frozenset[str],
    children: pl.DataFrame,
    spool: Spool,
    order: Order,
) -> dict[str, Changes]:
    """Compare every file with the plan and check it; `children` are the tasks that groups' rows have become."""
    whole = {name: one for name, one in readings.items() if has_key(one.sheet, order)}
    unknown = {name: _unknown_codes(connection, one, readings, broken, order) for name, one in whole.items()}
    wanted = {"units"} | ({"decisions"} if "tasks" in whole else set()) | ({"tasks"} if "reports" in whole else set())
    plan = _Plan(frozenset(wanted), children)
    for name in wanted - set(whole):
        for piece in (empty_stored(FILES[name]), *stored_pieces(connection, FILES[name])):
            plan.note(name, piece)
    found: dict[str, Changes] = {}
    for name in sorted([*whole, _TREE], key=_turn):
        if name == _TREE:
            plan.tree = _tree(connection, plan, whole.get("units"), order)
            continue
        reading = _put_stored(connection, whole[name], spool)
        found[name] = _compare_file(reading, unknown[name], plan, spool, order)
    return {name: found[name] for name in whole}


def _turn(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST) + list(FILES).index(name)


def _tree(connection: Connection, plan: _Plan, units: Reading | None, order: Order) -> Tree:
    """Check the changes of units, and give the tree of today once this import is written; a history needs none."""
    if order.history:
        return Tree({})
    own, file = plan.unit_changes, FILES["unit_changes"]
    before = pl.concat([empty_stored(file), *stored_pieces(connection, file)])
    if own is not None:
        check_changes(own, before, order.today, order.findings)
        warn_of_splits(own, read_lead_counts(connection), order.findings)
    known = changes_now(own, before, order.today)
    changes = [change for change, _ in known]
    rows = plan.of("units").select("code", "name", "parent", "valid_from")
    if sheet := own.sheet if own is not None else units and units.sheet:
        check_moves(sheet, known, dict(rows.select("code", "parent").iter_rows()), order.findings)
    today = [Unit(code, name, parent=parent, valid_from=begins) for code, name, parent, begins in rows.iter_rows()]
    return tree_on(today if changes else (), changes, order.today)


def _unknown_codes(
    connection: Connection, one: Reading, readings: Mapping[str, Reading], broken: frozenset[str], order: Order
) -> dict[str, dict[str, str]]:
    """Find, by column, the codes that neither the plan nor a file has, each with the known one most like it."""
    found: dict[str, dict[str, str]] = {}
    for column in one.sheet.file.columns:
        named = one.referred.get(column.stored)
        if named is None or not named.len() or column.refers in broken:
            continue
        known = read_codes(connection, FILES[column.refers])
        if column.refers in readings:
            known = pl.concat([known, readings[column.refers].codes])
        missing = named.to_frame("code").join(known.to_frame("code"), on="code", how="anti")["code"].sort()
        if missing.len():
            found[column.stored] = order.findings.nearest_each(missing, known.unique())
    return found


# --- one file -------------------------------------------------------------------------------------------------------


def _put_stored(connection: Connection, reading: Reading, spool: Spool) -> Reading:
    """Put the stored rows aside in the same parts as the file's; a small file beside many is split now."""
    file = reading.sheet.file
    first: pl.DataFrame | None = None
    parts = reading.parts
    with closing(ahead(stored_pieces(connection, file))) as pieces:  # no thread reads on while a failure is rolled back
        for piece in pieces:
            if parts == 1 and first is None:
                first = piece
                continue
            if first is not None:
                parts = PARTS
                spool.put_parts(_stored_shelf(file), split(file, first, parts))
                first = None
            spool.put_parts(_stored_shelf(file), split(file, piece, parts))
    if first is not None:
        spool.put(_stored_shelf(file), first)
    if file.name == "tasks":
        with closing(ahead(due_pieces(connection))) as pieces:
            for piece in pieces:
                spool.put_parts(STORED_DUE, split(file, piece, parts))
    if parts == reading.parts:
        return reading
    again = replace(reading, parts=parts, shelf=f"{reading.shelf} again")
    spool.put_parts(again.shelf, split(file, spool.take(reading.shelf, reading.sheet.frame), parts))
    return again


def _stored_shelf(file: File) -> str:
    return f"{file.name} stored"


def _parts(reading: Reading, spool: Spool) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Give each part of a file: its rows, and the stored rows that they may meet."""
    file = reading.sheet.file
    for part in range(reading.parts):
        stored = spool.take(_stored_shelf(file), empty_stored(file), part)
        if file.name == "tasks":
            stored = with_due(stored, spool, part)
        yield spool.take(reading.shelf, reading.sheet.frame, part), stored


def _compare_file(
    reading: Reading, unknown: Mapping[str, Mapping[str, str]], plan: _Plan, spool: Spool, order: Order
) -> Changes:
    sheet, file, findings = reading.sheet, reading.sheet.file, order.findings
    changes = Changes(file, reading.parts)
    edges: list[pl.DataFrame] = []
    old: list[pl.DataFrame] = []
    passed = 0
    for part, (rows, stored) in enumerate(_parts(reading, spool)):
        now = _completed(sheet.with_frame(rows), stored, order)
        one = find_differences(now, stored, order.now, findings, history=order.history, complete=order.complete)
        one = _with_worded(one, order)
        if file.name == "tasks":
            order.completeness.note(one, order.least_clears, findings)
        check_rows(one, findings)
        for column in file.columns:
            check_references(one, column, unknown.get(column.stored, {}), findings)
        if file.name in ("units", "tasks"):
            edges.append(find_edges(one, stored))
        if file.name == "unit_changes":
            plan.unit_changes = _with_part(plan.unit_changes, one)
        old.append(naming_old(one, plan.tree))
        if file.name == "reports":
            warn_of_reports(one, plan.of("tasks"), findings)
        if file.name == "holders":
            warn_of_phones(one, findings)
        deadlines = _deadlines(one, plan, order)
        _note_known(one, stored, plan)
        _add_up(changes, one, deadlines)
        spool.put(fresh_shelf(file), kept_rows(one), part)
        spool.put(gone_shelf(file), one.gone, part)
        spool.put(DEADLINES, deadlines, part)
        passed += rows.height
        order.progress(Phrase("so sánh {name}", name=sheet.name), passed, reading.rows)
    warn_of_old_codes(sheet, pl.concat(old), plan.tree, findings)
    if edges:
        check_tree(sheet, pl.concat(edges), findings)
    if order.complete and not changes.count.rows and changes.count.not_mentioned:
        findings.about_file(sheet.name, Phrase("tệp không có dòng nào: với --complete, mọi dòng đã lưu sẽ bị rút"))
    return changes


def _completed(sheet: Sheet, stored: pl.DataFrame, order: Order) -> Sheet:
    """Make stamped tasks confidential; fill what the making of tasks has added to a file without such columns."""
    if sheet.file.name != "tasks":
        return sheet
    added = [name for name in ("parent", "judged") if name in sheet.frame.columns and name not in sheet.headers]
    if added:
        was = stored.select("code", *(pl.col(name).alias(WAS + name) for name in added))
        frame = sheet.frame.join(was, on="code", how="left", maintain_order="left")
        filled = (pl.coalesce(name, WAS + name).alias(name) for name in added)
        sheet = sheet.with_frame(frame.with_columns(filled).drop([WAS + name for name in added]))
    return mark_confidential(sheet, stored, order.findings, whole=sheet.confidential)


def _with_part(whole: Difference | None, part: Difference) -> Difference:
    """Put the parts of a small file together again, for checks that look at all of its rows."""
    return part if whole is None else replace(whole, rows=pl.concat([whole.rows, part.rows]))


def _with_worded(one: Difference, order: Order) -> Difference:
    """Compute deadlines from words that are new: a stored deadline stands as long as its words do."""
    if one.file.name != "tasks" or order.history:
        return one
    new = pl.col(WAS + "due_at").is_null() | pl.col("due_text").ne_missing(pl.col(WAS + "due_text"))
    rows, worded = fill_deadlines(one.sheet, one.rows, new, order.wording, order.findings)
    order.worded.extend(worded)
    return replace(one, rows=rows)


def _deadlines(one: Difference, plan: _Plan, order: Order) -> pl.DataFrame:
    if one.file.name != "tasks":
        return pl.DataFrame(schema=DEADLINE_COLUMNS)
    parents = dict(plan.of("units").select("code", "parent").iter_rows())
    parents |= {code: unit.parent for code, unit in plan.tree.units.items()}
    decisions = with_decisions_of_parents(plan.of("decisions"), plan.children)
    if plan.tree.successors:  # who decides, and for whom, is asked of the units of today
        now = dict(plan.tree.successors)
        decisions = decisions.with_columns(pl.col("authority").replace(now))
        bodies = ("lead_unit", WAS + "lead_unit", WAS + "decision_authority")
        one = replace(one, rows=one.rows.with_columns(pl.col(name).replace(now) for name in bodies))
    return find_deadlines(one, decisions, parents, order.findings)


def _note_known(one: Difference, stored: pl.DataFrame, plan: _Plan) -> None:
    """Keep what later checks look at: the rows as they are once this import is written; of decisions, all."""
    name = one.file.name
    if name == "decisions":
        plan.note(name, stored)
        plan.note(name, one.rows)
    elif name in plan.wanted:
        rows = one.rows.sort("recorded_at", "row").unique("code", keep="last", maintain_order=True)
        plan.note(name, stored.join(rows, on="code", how="anti"))
        plan.note(name, rows)


def _add_up(changes: Changes, one: Difference, deadlines: pl.DataFrame) -> None:
    rows = one.rows
    moved = rows["code"].is_in(deadlines["task"].implode()) if one.file.name == "tasks" else pl.lit(value=False)
    counted = rows.with_columns((pl.col("changed") | moved) & ~pl.col("added"))
    added, changed = int(counted["added"].sum()), int(counted["changed"].sum())
    unchanged = rows.height - added - changed
    changes.count += FileCount(rows.height, added, changed, unchanged, one.not_mentioned, one.gone.height)
    if changes.subjects.len() <= MOST_SUBJECTS:
        changes.subjects = pl.concat([changes.subjects, subjects_of(one, deadlines["task"])]).unique()
