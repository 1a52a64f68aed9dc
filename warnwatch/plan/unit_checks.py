"""What an import says of changes of units: rows that contradict each other, and rows that name an old code.

In: the differences of an import, the changes stored. Out: mistakes and warnings, in Vietnamese.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import groupby

import polars as pl

from warnwatch.language import Phrase
from warnwatch.plan.differences import Difference
from warnwatch.plan.findings import Findings, Say, Sheet
from warnwatch.plan.succession import IN_PLACE, LEAVING, Change, Tree

_NEW = ("name", "short_name", "unit_kind", "bloc", "parent", "head_title")
_KEY = ("unit", "effective_on", "successor")


def changes_now(one: Difference | None, stored: pl.DataFrame, today: date) -> list[tuple[Change, int | None]]:
    """Give the changes in force once an import is written, each with its row in the file."""
    rows = stored.with_columns(pl.lit(None, pl.UInt32).alias("row"))
    names = [*_KEY, "kind", "main", *_NEW, "decision", "row"]
    if one is not None:
        latest = one.rows.sort("recorded_at", "row").unique(_KEY, keep="last", maintain_order=True)
        kept = rows.join(latest, on=_KEY, how="anti", nulls_equal=True)
        rows = pl.concat([kept.select(names), latest.select(names)])
    found = []
    for row in rows.filter(pl.col("kind").is_not_null() & (pl.col("kind") != "void")).iter_rows(named=True):
        words = {
            name: row[name] or "" for name in ("name", "short_name", "unit_kind", "bloc", "head_title", "decision")
        }
        at = row["effective_on"]
        change = Change(
            row["unit"],
            row["kind"],
            at,
            row["successor"],
            row["main"],
            parent=row["parent"],
            recorded_on=today,
            **words,
        )
        found.append((change, row["row"]))
    return found


def check_changes(one: Difference, stored: pl.DataFrame, today: date, findings: Findings) -> None:
    """Refuse changes that cannot be followed: each by itself, those of one unit and day, and mergers in a ring."""
    told = {mistake.line for mistake in findings.mistakes if mistake.file == one.sheet.name}
    changes = [(change, row) for change, row in changes_now(one, stored, today) if row not in told]

    def wrong(row: int | None, column: str, message: str, allowed: str, found: object = "") -> None:
        findings.about_row(one.sheet, row or 0, column, Say(message, allowed), found=found)

    for change, row in changes:
        if row is not None:
            for column, message, allowed in _alone(change):
                wrong(row, column, message, allowed, getattr(change, column, "") or change.kind)
    together: dict[tuple[str, date], list[tuple[Change, int | None]]] = {}
    for change, row in changes:
        together.setdefault((change.unit, change.effective_on), []).append((change, row))
    for group in together.values():
        place = next((row for _, row in reversed(group) if row is not None), None)
        if place is not None:
            for column, message, allowed in _together([change for change, _ in group]):
                wrong(place, column, message, allowed, group[0][0].unit)
    for ring, row in _rings(changes):
        message = Phrase("sáp nhập vòng tròn: {ring}", ring=" → ".join(ring))
        wrong(row, "successor", message, Phrase("đơn vị tiếp nhận không nhập lại vào đơn vị đã nhập vào nó"), ring[1])


def _alone(change: Change) -> Iterable[tuple[str, str, str]]:
    new = [name for name in _NEW if getattr(change, name)]
    if change.kind in LEAVING and not change.successor:
        yield (
            "successor",
            Phrase("sáp nhập, chia tách mà không có đơn vị tiếp nhận"),
            Phrase("mã của đơn vị tiếp nhận; chia tách thì mỗi đơn vị mới một dòng"),
        )
    if change.kind == "merge" and change.successor == change.unit:
        yield (
            "successor",
            Phrase("đơn vị sáp nhập vào chính nó"),
            Phrase("đơn vị giữ nguyên mã thì ghi là đổi tên; chỉ các đơn vị khác nhập vào nó"),
        )
    if change.kind in IN_PLACE and change.successor:
        yield (
            "successor",
            Phrase("đổi tên, chuyển cấp trên, đổi loại thì không có đơn vị tiếp nhận"),
            Phrase("bỏ trống, hoặc loại thay đổi là sáp nhập, chia tách"),
        )
    if change.parent == change.unit:
        yield (
            "parent",
            Phrase("đơn vị là cấp trên của chính nó"),
            Phrase("mã của một đơn vị khác"),
        )
    if change.kind in LEAVING and new:
        yield (
            new[0],
            Phrase("sáp nhập, chia tách thì không ghi mục mới ở dòng này"),
            Phrase("một dòng đổi tên của đơn vị tiếp nhận"),
        )
    if change.kind in IN_PLACE and not new:
        yield (
            "kind",
            Phrase("không có mục nào đổi"),
            Phrase("ít nhất một trong các cột name, short_name, unit_kind, bloc, parent, head_title"),
        )


def _together(group: list[Change]) -> Iterable[tuple[str, str, str]]:
    kinds = {change.kind for change in group}
    leaving = kinds & LEAVING
    goes_on = any(change.successor == change.unit for change in group)
    if len(leaving) > 1 or (leaving and kinds & IN_PLACE and not goes_on):
        yield (
            "kind",
            Phrase("hai thay đổi trái nhau của một đơn vị trong cùng một ngày"),
            Phrase("một loại thay đổi cho một đơn vị trong một ngày; bỏ dòng kia bằng loại void"),
        )
    if leaving == {"merge"} and sum(change.kind == "merge" for change in group) > 1:
        yield (
            "successor",
            Phrase("một đơn vị sáp nhập vào hai đơn vị trong cùng một ngày"),
            Phrase("một đơn vị tiếp nhận; nhập vào nhiều đơn vị là chia tách (split)"),
        )
    if leaving == {"split"}:
        mains = [change.successor for change in group if change.main and change.kind == "split"]
        if len(mains) != 1:
            yield (
                "main",
                Phrase("chia tách có {count} đơn vị tiếp nhận chính", count=len(mains)),
                Phrase("đúng một dòng có main là có"),
            )
        elif goes_on and mains[0] != group[0].unit:
            yield (
                "main",
                Phrase("đơn vị vẫn giữ mã sau khi chia tách thì phải là đơn vị tiếp nhận chính"),
                Phrase("ghi main là có ở dòng mà đơn vị tiếp nhận là chính nó; nhiệm vụ khác thì giao lại"),
            )


def _rings(changes: Iterable[tuple[Change, int | None]]) -> Iterable[tuple[list[str], int | None]]:
    """Find mergers that come back to where they began, whatever their dates; each ring once."""
    into = {change.unit: (change.successor, row) for change, row in changes if change.kind == "merge"}
    done: set[str] = set()
    for start in sorted(into):
        path: list[str] = []
        code: str | None = start
        while code in into and code not in done and code not in path:
            path.append(code)
            code = into[code][0]
        if code in path and len(path) > 1:
            ring = path[path.index(code) :]
            rows = [row for one in ring if (row := into[one][1]) is not None]
            if rows and len(ring) > 1:
                yield [*ring, ring[0]], min(rows)
        done.update(path)


def check_moves(
    sheet: Sheet,
    changes: Iterable[tuple[Change, int | None]],
    parents: Mapping[str, str | None],
    findings: Findings,
) -> None:
    """Refuse moves after which units stand under each other; `parents`: as the units are recorded, before any move.

    `changes` have their row in `sheet`, or none. New parents in units.csv make a ring of stored moves too; then the
    mistake is the file's, since any of its rows may be the wrong one.
    """
    above = dict(parents)
    rows: dict[str, int | None] = {}
    told: set[frozenset[str]] = set()
    ordered = sorted(changes, key=lambda pair: pair[0].effective_on)
    for day, some in groupby(ordered, key=lambda pair: pair[0].effective_on):
        together = list(some)  # what happens on one day happens at once: two units may change places
        going_on = {change.unit for change, _ in together if change.successor == change.unit}
        moved = [(change, row) for change, row in together if change.kind in IN_PLACE and change.parent]
        for change, row in moved:
            above[change.unit], rows[change.unit] = change.parent, row
        for change, _ in together:
            if change.kind in LEAVING and change.unit not in going_on:
                above[change.unit] = None
        for change, _ in moved:
            ring = _ring_of(change.unit, above)
            places = [row for code in ring if (row := rows.get(code)) is not None]
            if len(ring) > 1 and (places or sheet.file.name == "units") and frozenset(ring) not in told:
                told.add(frozenset(ring))
                shown = " → ".join([*ring[:6], "…"] if len(ring) > 6 else [*ring, ring[0]])
                message = Phrase("từ ngày {day:%d/%m/%Y} các đơn vị nằm dưới nhau: {shown}", day=day, shown=shown)
                allowed = Phrase("cấp trên không nằm dưới chính đơn vị; chuyển cả đơn vị kia, hoặc bỏ dòng sai (void)")
                if places:
                    findings.about_row(sheet, max(places), "parent", Say(message, allowed), found=ring[1])
                else:
                    findings.about_file(sheet.name, message, allowed=allowed)


def _ring_of(start: str, above: Mapping[str, str | None]) -> list[str]:
    """Give the units on the way up from one back to itself; none when the way ends, or turns elsewhere."""
    path: list[str] = []
    seen: set[str] = set()
    code: str | None = start
    while code is not None and code not in seen:
        seen.add(code)
        path.append(code)
        code = above.get(code)
    return path if code == start else []


# --- what only needs saying -----------------------------------------------------------------------------------------


def warn_of_splits(one: Difference, leads: Mapping[str, int], findings: Findings) -> None:
    """Say of a split that dissolves a unit how many tasks go to the main successor: the others must be given away."""
    splits = one.rows.filter((pl.col("kind") == "split") & (pl.col("added") | pl.col("changed")))
    going_on = set(splits.filter(pl.col("successor") == pl.col("unit"))["unit"])
    for row in splits.filter(pl.col("main")).iter_rows(named=True):
        tasks = leads.get(row["unit"], 0)
        if tasks and row["unit"] not in going_on:
            message = Phrase(
                "{tasks} nhiệm vụ của {unit} sẽ chuyển cho {successor}; "
                "nhiệm vụ của đơn vị khác thì nhập lại với đơn vị chủ trì mới",
                tasks=tasks,
                unit=row["unit"],
                successor=row["successor"],
            )
            findings.odd_rows(one.sheet, splits.filter(pl.col("row") == row["row"]), "successor", Say(message))


def naming_old(one: Difference, tree: Tree) -> pl.DataFrame:
    """Give the new and changed rows of a file that name a unit by an old code."""
    columns = _unit_columns(one.sheet)
    fresh = pl.col("added") | pl.col("changed")
    if not columns or not tree.successors:
        return one.rows.clear()
    old = pl.Series(list(tree.successors), dtype=pl.String).implode()
    return one.rows.filter(fresh & pl.any_horizontal(pl.col(name).is_in(old) for name in columns))


def _unit_columns(sheet: Sheet) -> list[str]:
    if sheet.file.name in ("units", "unit_changes"):
        return []
    named = [one.stored for one in sheet.file.columns if one.refers == "units"]
    return [name for name in named if name in sheet.headers]


def warn_of_old_codes(sheet: Sheet, rows: pl.DataFrame, tree: Tree, findings: Findings) -> None:
    """Say once for each old code which unit stands for it now: the rows (`naming_old`) are taken as they are."""
    for column in _unit_columns(sheet):
        old = rows.filter(pl.col(column).is_in(pl.Series(list(tree.successors), dtype=pl.String).implode()))
        for code, some in old.sort("row").group_by(column, maintain_order=True):
            now = tree.units.get(tree.successors[str(code[0])])
            if now is not None:
                message = Phrase(
                    "mã cũ ở {rows} dòng: nay là {code} ({name})", rows=some.height, code=now.code, name=now.name
                )
                findings.odd_rows(sheet, some.head(1), column, Say(message))
