"""The real administrative units of Viet Nam at three dates, as a plan: provinces and communes, one task each.

Old codes are those of the General Statistics Office. Most new communes go on under the code of one that they took in:
that one changes its name, the others merge into it. The five districts without communes (islands) stand in the old
tree under their district's code. A split commune whose code goes on keeps its tasks, wherever most of it went.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Row = Mapping[str, object]
MERGED, UPGRADED = "2025-07-01", "2026-04-30"
ROOT: Row = {"code": "VN", "name": "Chính phủ", "kind": "co_quan_thuong_truc", "head_title": "Thủ tướng Chính phủ"}
# The islands: districts that had no communes, by district code, and the special zone that each became.
ISLANDS = {"318": "11948", "471": "19742", "498": "20333", "536": "21548", "755": "26732"}

# The map and the list of communes name Ba Chẽ by different codes; the list is the Office's.
ONE_COMMUNE = {"06970": "06978"}


@dataclass(frozen=True, slots=True)
class Trees:
    """Units of 30/6/2025 and those that begin on 1/7/2025; the changes of that day and of 30/4/2026.

    `present`: codes from 1/7/2025 on. `names`: full names on 30/4/2026, by code.
    """

    units: list[Row]
    old: frozenset[str]
    present: frozenset[str]
    merger: list[Row]
    upgrade: list[Row]
    names: Mapping[str, str]


def read_trees(folder: Path) -> Trees:
    """Read the data set's folder."""
    old_provinces = _read(folder, "province_map_63_to_34.csv")
    old_communes = _read(folder, "communes_before_2025-07-01.csv")
    provinces = {row["province_code"]: row for row in _read(folder, "provinces_2025-07-01.csv")}
    communes = {row["commune_code"]: row for row in _read(folder, "communes_2025-07-01.csv")}
    before = [
        _unit(row["old_province_code"], row["old_province"], "VN", "Chủ tịch Ủy ban nhân dân tỉnh")
        for row in old_provinces
    ]
    before += [
        _unit(
            row["commune_code"] or row["district_code"],
            row["commune"] or row["district"],
            row["province_code"],
            "Chủ tịch Ủy ban nhân dân xã",
        )
        for row in old_communes
    ]
    old = frozenset(str(row["code"]) for row in before)
    begun = [
        _unit(code, row["full_name"], row["province_code"], "Chủ tịch Ủy ban nhân dân xã") | {"valid_from": MERGED}
        for code, row in communes.items()
        if code not in old
    ]
    merger = [*_provinces(old_provinces, provinces), *_communes(folder, old, communes), *_islands(communes)]
    names = {row["commune_code"]: row["full_name"] for row in _read(folder, "communes_2026-04-30.csv")}
    names |= {row["province_code"]: row["full_name"] for row in _read(folder, "provinces_2026-04-30.csv")}
    return Trees(
        [ROOT, *before, *begun],
        old,
        frozenset([*provinces, *communes]),
        merger,
        list(_upgrade({**provinces, **communes}, names)),
        names,
    )


def spoken(name: str) -> str:
    """Give a name as it is heard: where the tone mark stands (Hòa, Hoà) makes no other name."""
    marks = "\u0300\u0301\u0303\u0309\u0323"
    words = []
    for word in unicodedata.normalize("NFD", name).casefold().split():
        tone = "".join(sorted(one for one in word if one in marks))
        words.append("".join(one for one in word if one not in marks) + tone)
    return " ".join(words)


def _read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _unit(code: str, name: str, parent: str, title: str) -> dict[str, object]:
    kind = name.split(maxsplit=1)[0]
    return {
        "code": code,
        "name": name,
        "kind": kind,
        "bloc": "DIA_PHUONG",
        "parent": parent,
        "head_title": title,
    }


def _row(unit: str, kind: str, on: str, **more: str) -> dict[str, object]:
    named: dict[str, object] = {"unit": unit, "kind": kind, "effective_on": on, "successor": "", "main": ""}
    return named | {"name": "", "unit_kind": "", "parent": "", "decision": ""} | more


def _provinces(old: list[dict[str, str]], new: Mapping[str, Mapping[str, str]]) -> Iterator[Row]:
    for row in old:
        code, into = row["old_province_code"], row["new_province_code"]
        if code != into:
            yield _row(code, "merge", MERGED, successor=into, decision="202/2025/QH15")
        elif new[code]["full_name"] != row["old_province"]:
            yield _row(code, "rename", MERGED, name=new[code]["full_name"], decision="202/2025/QH15")


def _communes(folder: Path, old: frozenset[str], new: Mapping[str, Mapping[str, str]]) -> Iterator[Row]:
    found: dict[str, list[dict[str, str]]] = {}
    for row in _read(folder, "commune_map_old_to_new.csv"):
        into = ONE_COMMUNE.get(row["new_commune_code"], row["new_commune_code"])
        found.setdefault(row["old_commune_code"], []).append(row | {"new_commune_code": into})
    for code, rows in found.items():
        goes_on = any(row["new_commune_code"] == code for row in rows)
        if goes_on:
            name, kind = new[code]["full_name"], new[code]["type"]
            yield _row(code, "rename", MERGED, name=name, unit_kind=kind.split()[0], parent=new[code]["province_code"])
        if len(rows) == 1 and not goes_on:
            yield _row(code, "merge", MERGED, successor=rows[0]["new_commune_code"])
        if len(rows) > 1:
            for row in rows:
                into = row["new_commune_code"]
                main = into == code if goes_on else row["share"] == "part-default"
                yield _row(code, "split", MERGED, successor=into, main="có" if main else "không")


def _islands(new: Mapping[str, Mapping[str, str]]) -> Iterator[Row]:
    for district, zone in ISLANDS.items():
        assert zone in new
        yield _row(district, "merge", MERGED, successor=zone)


def _upgrade(before: Mapping[str, Mapping[str, str]], names: Mapping[str, str]) -> Iterator[Row]:
    """Give the names that are others on 30/4/2026: a tone mark that moved within its word makes no other name."""
    for code, name in names.items():
        was = before[code]["full_name"]
        if spoken(was) != spoken(name):
            yield _row(code, "rename", UPGRADED, name=name, unit_kind=name.split()[0], decision="30/2026/QH16")
