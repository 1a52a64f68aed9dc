"""The unit tree of a day: units as they are called then, and which present unit an old code stands for.

In: units and their recorded changes as values, a local date. Out: a Tree. Two clocks are kept apart: a change is known
from when it was recorded, and true from `effective_on`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby

from warnwatch.plan.directory import Unit

LEAVING = frozenset({"merge", "split"})
IN_PLACE = frozenset({"rename", "move", "kind"})


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a unit on a local date: one row for each successor, or one with what is new about the unit.

    `main`: of a split's successors the one that takes what is not assigned otherwise. `recorded_on`: the local date.
    """

    unit: str
    kind: str
    effective_on: date
    successor: str | None = None
    main: bool = False
    name: str = ""
    short_name: str = ""
    unit_kind: str = ""
    bloc: str = ""
    parent: str | None = None
    head_title: str = ""
    decision: str = ""
    recorded_on: date | None = None


@dataclass(frozen=True)
class Tree:
    """The units of one day, `former` ones (dissolved, or not begun yet), and where old codes lead.

    `documents`: by dissolved unit the number of the document that dissolved it. `unresolved`: units whose mergers only
    lead to each other or to no unit: they stay as they were. Days from `since` up to `until` (not in it) are alike.
    """

    units: Mapping[str, Unit]
    former: Mapping[str, Unit] = field(default_factory=dict)
    successors: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    unresolved: frozenset[str] = frozenset()
    since: date = date.min
    until: date = date.max

    def present(self, code: str) -> str:
        """Give the present code of a unit; one that nothing has happened to, or unknown, is its own."""
        return self.successors.get(code, code)

    def holds_on(self, day: date) -> bool:
        """Say whether the tree is the same on another day."""
        return self.since <= day < self.until


@dataclass
class _Walk:
    """The tree on its way through the dates of change."""

    units: dict[str, Unit]
    former: dict[str, Unit]
    successors: dict[str, str] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    unresolved: set[str] = field(default_factory=set)


def tree_on(units: Iterable[Unit], changes: Iterable[Change], day: date) -> Tree:
    """Give the tree of a day, by the changes that are in force by then.

    A unit that a change names as successor and that begins later (`valid_from`) is no unit of the day yet.
    """
    known = {unit.code: unit for unit in units}
    ordered = sorted(changes, key=lambda one: (one.effective_on, one.unit, one.successor or ""))
    named = {one.successor for one in ordered}
    future = {code for code, unit in known.items() if code in named and unit.valid_from and unit.valid_from > day}
    walk = _Walk(
        {code: unit for code, unit in known.items() if code not in future}, {code: known[code] for code in future}
    )
    starts = [unit.valid_from for code, unit in known.items() if code in named and unit.valid_from]
    turns = sorted({*starts, *(one.effective_on for one in ordered)})
    for at, of_day in groupby((one for one in ordered if one.effective_on <= day), key=lambda one: one.effective_on):
        _turn(walk, at, list(of_day))
    placed = {code: _under(unit, walk) for code, unit in walk.units.items()}
    return Tree(
        placed,
        walk.former,
        walk.successors,
        walk.documents,
        frozenset(walk.unresolved),
        max((turn for turn in turns if turn <= day), default=date.min),
        min((turn for turn in turns if turn > day), default=date.max),
    )


def _turn(walk: _Walk, at: date, changes: list[Change]) -> None:
    """Go through the changes of one date, which happen together."""
    for one in changes:
        if one.kind in IN_PLACE and one.unit in walk.units:
            walk.units[one.unit] = changed(walk.units[one.unit], one, at)
    steps = _steps(changes, walk)
    ends = {code: end for code in steps if (end := _end_of(code, steps)) is not None}
    walk.unresolved |= steps.keys() - ends.keys()
    for code in {successor for one in changes if (successor := one.successor) and one.kind in LEAVING} - steps.keys():
        if code in walk.former:  # begins now, or begins again
            walk.units[code] = walk.former.pop(code)
            walk.successors.pop(code, None)
    for old, now in walk.successors.items():
        walk.successors[old] = ends.get(now, now)
    documents = {one.unit: one.decision for one in changes if one.kind in LEAVING and one.decision}
    for code, end in ends.items():
        walk.successors[code] = end
        walk.documents[code] = documents.get(code, "")
        if code in walk.units:
            walk.former[code] = walk.units.pop(code)


def _steps(changes: Iterable[Change], walk: _Walk) -> dict[str, str]:
    """Give for each unit that is dissolved the one that takes what it had; one that goes on under its code is left."""
    takers: dict[str, list[Change]] = {}
    for one in changes:
        if one.kind in LEAVING and one.unit in walk.units:
            takers.setdefault(one.unit, []).append(one)
    steps: dict[str, str] = {}
    for code, found in takers.items():
        successors = [one.successor for one in found if one.successor]
        main = next((one.successor for one in found if one.main and one.successor), None)
        if code not in successors and successors:
            steps[code] = main or successors[0]
    return {code: taker for code, taker in steps.items() if taker in walk.units or taker in walk.former}


def _end_of(code: str, steps: Mapping[str, str]) -> str | None:
    """Follow a unit to the one that goes on; None in a ring."""
    seen: set[str] = set()
    while code in steps:
        if code in seen:
            return None
        seen.add(code)
        code = steps[code]
    return code


def changed(unit: Unit, change: Change, at: date) -> Unit:
    """Give the unit as it is after a change; a row of the unit recorded after both says better how it is.

    A new name without a new short name leaves no short name: the old one would say the old name.
    """
    last_word = max(at - timedelta(days=1), change.recorded_on or date.min)
    if unit.recorded_on is not None and unit.recorded_on > last_word:
        return unit
    return replace(
        unit,
        name=change.name or unit.name,
        short_name=change.short_name or ("" if change.name else unit.short_name),
        kind=change.unit_kind or unit.kind,
        bloc=change.bloc or unit.bloc,
        parent=change.parent if change.parent and change.parent != unit.code else unit.parent,
        head_title=change.head_title or unit.head_title,
    )


def _under(unit: Unit, walk: _Walk) -> Unit:
    """Put a unit under the present form of its superior; one that took over its own superior, where that one stood."""
    above, seen = unit.parent, {unit.code}
    while above and above not in seen and walk.successors.get(above, above) == unit.code:
        seen.add(above)
        above = walk.former[above].parent if above in walk.former else None
    parent = walk.successors.get(above, above) if above else None
    return unit if parent == unit.parent else replace(unit, parent=parent if parent != unit.code else None)
