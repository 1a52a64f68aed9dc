"""Facts become rows of an import, with what a test need not say; a mistake in a row is said where the fact stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from warnwatch.documents import Document
from warnwatch.errors import Mistake, MistakesError
from warnwatch.plan.cell_words import STATUS
from warnwatch.plan.cells import CellError, read_instant
from warnwatch.plan.column import Keeping, Type, plain
from warnwatch.plan.columns import FILES, find_column
from warnwatch.ruletests.form import HELD, STANDING_BODY, SUPERIOR, TREE, UNIT
from warnwatch.ruletests.reading import Fact
from warnwatch.ruletests.world import Rows, World, headers_of

_VERIFIER = "Văn phòng"
_TREE_FACT = -1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Batch:
    """The rows of one import, by file, each with the number of the fact that it came from."""

    files: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    sources: dict[str, list[int]] = field(default_factory=dict)

    def add(self, file: str, row: Mapping[str, str], number: int) -> None:
        """Add a row; a row of the same code replaces the earlier one, as the last word on it."""
        rows, sources = self.files.setdefault(file, []), self.sources.setdefault(file, [])
        key = key_of(file, row)
        same = next((at for at, other in enumerate(rows) if key and key_of(file, other) == key), None)
        if same is None:
            rows.append(dict(row))
            sources.append(number)
        else:
            rows[same], sources[same] = dict(row), number


def key_of(file: str, row: Mapping[str, str]) -> str:
    """Give the code of a row of a file whose rows have versions; nothing for one whose rows are only added."""
    known = FILES[file]
    if known.keeping is not Keeping.VERSIONED:
        return ""
    return "/".join(row.get(name, "") for name in known.key)


def moments_of(fact: Fact, zone: ZoneInfo) -> Iterator[datetime]:
    """Give the moments just after those that a fact names: a deadline passes then."""
    for file in fact.kind.files:
        for key, text in fact.cells.items():
            column = find_column(FILES[file], key)
            if column and column.type is Type.END:
                with suppress(CellError):  # the import will say so
                    yield _EPOCH + timedelta(microseconds=read_instant(text, zone, end=True) + 1)


def tree_rows() -> tuple[Mapping[str, list[dict[str, str]]], Rows]:
    """Give the built-in tree as the rows of an import, and what is known after it, as a world keeps it."""
    rows: Rows = {}
    batch = Batch()
    for unit in TREE:
        _add_unit(rows, batch, dict(unit), _TREE_FACT)
    return batch.files, rows


def bring_facts(world: World, facts: Sequence[Fact], now: datetime, document: Document) -> tuple[Mistake, ...]:
    """Import facts that become known at one instant; give the import's warnings, raise its mistakes, placed."""
    batch = Batch()
    for number, fact in enumerate(facts):
        _add(world, batch, fact, number)
    try:
        report = world.bring(now, batch.files)
    except MistakesError as error:
        raise MistakesError(_placed(one, batch, facts, document) for one in error.mistakes) from None
    return tuple(_placed(one, batch, facts, document) for one in report.warnings)


def _placed(mistake: Mistake, batch: Batch, facts: Sequence[Fact], document: Document) -> Mistake:
    """Say a mistake of a row where the fact stands in the test: at the key, or at the fact."""
    file = mistake.file.removesuffix(".csv")
    rows, sources = batch.files.get(file, []), batch.sources.get(file, [])
    at = mistake.line - 2
    if not 0 <= at < len(rows) or sources[at] == _TREE_FACT:
        return replace(mistake, file=document.shown, line=0, column=0) if not rows else mistake
    fact = facts[sources[at]]
    headers = headers_of(rows)
    header = headers[mistake.column - 1] if 0 < mistake.column <= len(headers) else ""
    key = _key_for(fact, file, header)
    line, column = document.place((*fact.keys, key) if key else fact.keys)
    return replace(mistake, file=document.shown, line=line, column=column, place="", field=key or mistake.field)


def _key_for(fact: Fact, file: str, header: str) -> str:
    for key in fact.cells:
        column = find_column(FILES[file], key)
        if column and column.name == header:
            return key
    return fact.kind.word if header and fact.kind.files and header == fact.kind.value else ""


# --- rows -----------------------------------------------------------------------------------------------------------


def _add(world: World, batch: Batch, fact: Fact, number: int) -> None:
    told = {file: _row(fact, file) for file in fact.kind.files}
    word = fact.kind.word
    if word == "unit":
        _add_unit(world.rows, batch, told["units"], number)
    elif word == "kpi":
        _add_kpi(world, batch, told, fact, number)
    elif word in ("post", "holder"):
        _put(world.rows, batch, "posts" if word == "post" else "holders", _office(fact, told), number)
    elif word == "task":
        _put(world.rows, batch, "tasks", _task(world, fact, told["tasks"]), number)
    else:
        file = fact.kind.files[0]
        _put(world.rows, batch, file, _OTHERS[word](world, fact) | told[file], number)


def _row(fact: Fact, file: str) -> dict[str, str]:
    """Give what a fact says of one of its files, by English header."""
    row = {fact.kind.value: fact.value} if file == fact.kind.files[0] else {}
    for key, text in fact.cells.items():
        if column := find_column(FILES[file], key):
            row[column.name] = text
    return row


def _put(rows: Rows, batch: Batch, file: str, row: dict[str, str], number: int) -> None:
    """Add a row: what an earlier fact said of the same code still holds where this one says nothing."""
    key = key_of(file, row)
    if key:
        known = rows.setdefault(file, {})
        row = known[key] = known.get(key, {}) | row
    batch.add(file, row, number)


def _add_unit(rows: Rows, batch: Batch, row: dict[str, str], number: int) -> None:
    code = row["code"]
    fresh = code not in rows.get("units", {})
    plain_ = {"name": f"Đơn vị {code}", "parent": SUPERIOR, "head_title": "Người đứng đầu đơn vị"} if fresh else {}
    _put(rows, batch, "units", plain_ | row, number)
    for office in HELD if fresh else ():
        post = f"{code}/{office}"
        _put(rows, batch, "posts", {"unit": code, "office": office}, _TREE_FACT)
        address = f"{post.replace('/', '.').lower()}@example.vn"
        _put(rows, batch, "holders", {"code": f"{post}/1", "post": post, "email": address}, _TREE_FACT)


def _add_kpi(world: World, batch: Batch, told: Mapping[str, dict[str, str]], fact: Fact, number: int) -> None:
    kpi, target = told["kpis"], {"kpi": fact.value, "unit": UNIT} | told["targets"]
    low = plain(kpi.get("direction", "")) in ("low good", "thấp tốt", "thap tot")
    row = {"name": f"Chỉ tiêu {fact.value}", "direction": "high_good", "period": "month"}
    row |= {"operator": "<=" if low else ">=", "threshold": target.get("target", "")}
    known = world.rows.get("kpis", {}).get(fact.value)
    _put(world.rows, batch, "kpis", kpi if known else row | kpi, number)
    _put(world.rows, batch, "targets", target, number)


def _office(fact: Fact, told: Mapping[str, dict[str, str]]) -> dict[str, str]:
    unit, _, office = fact.value.partition("/")
    if fact.kind.word == "post":
        return told["posts"] | {"unit": unit, "office": office}
    # DV/head is the one whom the tree put there, DV/head/2 a successor.
    office = office.partition("/")[0]
    code = fact.value if fact.value.count("/") > 1 else f"{unit}/{office}/1"
    fresh = {"post": f"{unit}/{office}", "email": f"{code.replace('/', '.').lower()}@example.vn"}
    return fresh | told["holders"] | {"code": code}


def _task(world: World, fact: Fact, row: dict[str, str]) -> dict[str, str]:
    known = world.rows.get("tasks", {}).get(fact.value)
    first = {} if known else {"title": f"Nhiệm vụ {fact.value}", "lead_unit": UNIT}
    at = fact.at.isoformat()
    status = plain(row.get("status", ""))
    if status in map(plain, ("done", *STATUS["done"])):
        first |= {"done_at": at, "verifier": _VERIFIER}
    elif status in map(plain, ("claimed", *STATUS["claimed"])):
        first |= {"claimed_at": at}
    return first | row


def _lead(world: World, task: str) -> str:
    return world.rows.get("tasks", {}).get(task, {}).get("lead_unit", UNIT)


def _only_task(world: World) -> str:
    known = world.rows.get("tasks", {})
    return next(iter(known)) if len(known) == 1 else ""


def _report(world: World, fact: Fact) -> dict[str, str]:
    return {"reported_at": fact.at.isoformat(), "reporter": _lead(world, fact.value)}


def _milestone(world: World, fact: Fact) -> dict[str, str]:
    known = world.rows.get("milestones", {}).get(fact.value)
    return {} if known else {"title": f"Mốc {fact.value}", "task": _only_task(world)}


def _decision(world: World, fact: Fact) -> dict[str, str]:
    day = fact.at.astimezone(world.calendar.zone).date().isoformat()
    return {"task": _only_task(world), "kind": "deadline", "authority": STANDING_BODY, "decided_on": day}


def _unit_change(world: World, fact: Fact) -> dict[str, str]:
    return {"effective_on": fact.at.astimezone(world.calendar.zone).date().isoformat()}


def _reading(_world: World, _fact: Fact) -> dict[str, str]:
    return {"unit": UNIT}


_OTHERS = {
    "report": _report,
    "milestone": _milestone,
    "decided": _decision,
    "unit_change": _unit_change,
    "reading": _reading,
}
