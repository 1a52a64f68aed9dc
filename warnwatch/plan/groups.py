"""Whom a lead_unit cell names when it names more than one: words of officials, or codes, in; the units' codes out.

A group is decided by what the units say of themselves (`kind`, `bloc`), so a plan may hold any units.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from warnwatch.errors import nearest_name
from warnwatch.language import Phrase
from warnwatch.plan.column import plain
from warnwatch.plan.findings import MOST_NAMES

_MINISTRIES = ("bo", "co_quan_ngang_bo")
_BO_NGANH = (*_MINISTRIES, "co_quan_thuoc_chinh_phu")
_PARTY = ("tinh_uy", "thanh_uy")
_PEOPLE = ("ubnd_cap_tinh",)
_COMMUNES = ("xa", "phuong", "dac_khu", "ubnd_cap_xa", "ubnd_xa", "ubnd_phuong", "ubnd_dac_khu")
_ALL = ("*",)

# The codes that the plan's own list of tasks uses.
CODED: Mapping[str, tuple[str, ...]] = {
    "ALL:UNITS": _ALL,
    "ALL:BO_NGANH": _BO_NGANH,
    "ALL:DP": _PARTY,
    "ALL:DP-UB": _PEOPLE,
    "ALL:XA": _COMMUNES,
}
# What officials type, once the words around it are gone (see `_bare`), and the kinds that it means.
WORDED: Mapping[str, tuple[str, ...]] = {
    "đơn vị": _ALL,
    "cơ quan, đơn vị": _ALL,
    "bộ": ("bo",),
    "bộ, ngành": _BO_NGANH,
    "bộ, ngành trung ương": _BO_NGANH,
    "bộ, ngành, địa phương": (*_BO_NGANH, *_PEOPLE),
    "bộ, cơ quan ngang bộ": _MINISTRIES,
    "cơ quan ngang bộ": ("co_quan_ngang_bo",),
    "bộ, cơ quan ngang bộ, cơ quan thuộc chính phủ": _BO_NGANH,
    "cơ quan thuộc chính phủ": ("co_quan_thuoc_chinh_phu",),
    "địa phương": _PEOPLE,
    "tỉnh, thành phố": _PEOPLE,
    "tỉnh, thành": _PEOPLE,
    "ubnd tỉnh, thành phố": _PEOPLE,
    "ubnd cấp tỉnh": _PEOPLE,
    "tỉnh ủy, thành ủy": _PARTY,
    "xã, phường, đặc khu": _COMMUNES,
    "xã, phường": ("xa", "phuong", "ubnd_cap_xa", "ubnd_xa", "ubnd_phuong"),
    "ubnd xã, phường, đặc khu": _COMMUNES,
    "ubnd cấp xã": _COMMUNES,
    "xã": ("xa", "ubnd_xa"),
    "phường": ("phuong", "ubnd_phuong"),
    "đặc khu": ("dac_khu", "ubnd_dac_khu"),
    "ban đảng": ("ban_dang",),
    "ban đảng trung ương": ("ban_dang",),
    "ban, cơ quan đảng": ("dang",),
    "cơ quan đảng": ("dang",),
    "cơ quan đảng ở trung ương": ("dang",),
    "đảng ủy trực thuộc trung ương": ("dang_uy_truc_thuoc_tw",),
    "ủy ban của quốc hội": ("uy_ban_quoc_hoi",),
    "cơ quan của quốc hội": ("quoc_hoi",),
    "tổ chức chính trị - xã hội": ("to_chuc_chinh_tri_xa_hoi",),
    "đoàn thể": ("to_chuc_chinh_tri_xa_hoi",),
}
_AROUND = re.compile(
    r"^(?:(?:tất cả|toàn thể|toàn bộ|các|những|mọi) )+|(?: (?:trực thuộc trung ương|trong|trên|cả nước|toàn quốc))+$"
)
_CODE_FORM = re.compile(r"(?:all|multi):", re.IGNORECASE)
_LIST = re.compile(r"[;|,\s]")
_MANY = re.compile(r"(?:tất cả|toàn thể|toàn bộ|các|những|mọi) ")


class GroupError(ValueError):
    """Words that name no unit, or that nobody knows; the text says which."""

    def __init__(self, message: Phrase, allowed: Phrase, nearest: str = "") -> None:
        super().__init__(message)
        self.message, self.allowed, self.nearest = message, allowed, nearest


@dataclass(frozen=True)
class Units:
    """The units that groups are found among: those that exist on the day, in the plan's order."""

    kinds: Mapping[str, frozenset[str]]
    parents: Mapping[str, str | None]
    found: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: pl.DataFrame, today: date) -> Units:
        """Take the units of `frame` (code, kind, bloc, parent, valid_from, valid_to) that exist `today`."""
        from_, to = pl.col("valid_from").fill_null(today), pl.col("valid_to").fill_null(today)
        exist = frame.filter((from_ <= today) & (to >= today))
        rows = exist.select("code", "kind", "bloc", "parent").iter_rows()
        kinds: dict[str, frozenset[str]] = {}
        parents: dict[str, str | None] = {}
        for code, kind, bloc, parent in rows:
            kinds[code] = frozenset(slug(one) for one in (kind, bloc) if one)
            parents[code] = parent
        return cls(kinds, parents)

    def superior(self, codes: Sequence[str]) -> str | None:
        """Give the nearest unit above all of these; one that is among them only when nothing is above it."""
        common: list[str] | None = None
        for code in codes:
            above = self._above(code)
            common = above if common is None else [one for one in common if one in set(above)]
        others = [one for one in common or () if one not in codes]
        return next(iter(others or common or ()), None)

    def _above(self, code: str) -> list[str]:
        """Give the unit and those above it, nearest first; a ring ends the walk."""
        path: list[str] = []
        here: str | None = code
        while here is not None and here in self.parents and here not in path:
            path.append(here)
            here = self.parents[here]
        return path


def slug(words: str) -> str:
    """Write a kind as plans code it: `Tỉnh ủy` is tinh_uy."""
    bare = unicodedata.normalize("NFD", plain(words).replace("đ", "d"))
    return "".join(one for one in bare if not unicodedata.combining(one)).replace(" ", "_")


def is_group(text: str) -> bool:
    """Say whether a cell names a group; a lone code, or a name by itself, is left to be looked up as a code."""
    words = plain(text)
    return bool(_CODE_FORM.match(text) or re.search("[;|,]", text) or _MANY.match(words) or _bare(words) in WORDED) or (
        " " in words and all(re.fullmatch(r"[A-Z0-9][A-Z0-9._-]*", one) for one in text.split())
    )


def read_group(text: str, units: Units) -> tuple[str, ...]:
    """Give the codes of the units that a cell names, each once, in the order of the plan. Raises GroupError."""
    if text not in units.found:
        wanted = set(_read(text, units))
        if not wanted:
            raise GroupError(
                Phrase("nhóm “{group}” không có đơn vị nào trong kế hoạch", group=text),
                Phrase("đơn vị có cột kind (Loại đơn vị) hoặc bloc (Khối) thuộc nhóm này"),
            )
        units.found[text] = tuple(code for code in units.kinds if code in wanted)
    return units.found[text]


def _read(text: str, units: Units) -> list[str]:
    prefix, colon, rest = text.partition(":")
    if colon and prefix.upper() == "ALL":
        return _coded(text, rest.strip(), units)
    if colon and prefix.upper() == "MULTI":
        text = rest
    whole = _worded(text)
    if whole:
        return _of_kinds(whole, units)
    found: list[str] = []
    for part in re.split(r"[;|]", text):
        found += _listed(part.strip(), units)
    return found


def _coded(text: str, rest: str, units: Units) -> list[str]:
    known = next((kinds for code, kinds in CODED.items() if code.casefold() == f"all:{rest}".casefold()), None)
    kinds = known or (slug(rest),)
    if not known and not _of_kinds(kinds, units):
        raise _unknown(text, [*CODED, *(f"ALL:{kind}" for kind in sorted(set().union(*units.kinds.values())))])
    return _of_kinds(kinds, units)


def _listed(part: str, units: Units) -> list[str]:
    """Read one part of a list: known words, a code, or several of them after commas: the longest that is known."""
    if not part:
        return []
    pieces = [one for one in re.split(r"\s*,\s*|\s+và\s+", part) if one]
    found: list[str] = []
    while pieces:
        for length in range(len(pieces), 0, -1):
            kinds = _worded(", ".join(pieces[:length]))
            if kinds:
                found += _of_kinds(kinds, units)
                break
        else:
            length = 1
            codes = pieces[0].split()
            if not codes or any(code not in units.kinds for code in codes):
                wrong = pieces[0] if len(codes) < 2 or _MANY.match(plain(pieces[0])) else _first(codes, units)
                raise _unknown(wrong, [*units.kinds, *WORDED], whole=part)
            found += codes
        del pieces[:length]
    return found


def _first(codes: Sequence[str], units: Units) -> str:
    return next(code for code in codes if code not in units.kinds)


def _worded(text: str) -> tuple[str, ...] | None:
    return WORDED.get(_bare(plain(text)))


def _bare(words: str) -> str:
    """Take away what only says `all`, and write what is written in two ways in one."""
    words = words.replace("uỷ", "ủy").replace("ủy ban nhân dân", "ubnd").replace(" và ", ", ").rstrip(" .")
    words = re.sub(r"\s*,\s*", ", ", words).replace("ubnd các ", "ubnd ").replace(", các ", ", ")
    before = ""
    while words != before:
        before, words = words, _AROUND.sub("", words).strip()
    return words


def _of_kinds(kinds: Sequence[str], units: Units) -> list[str]:
    wanted = set(kinds)
    return [code for code, own in units.kinds.items() if kinds == _ALL or own & wanted]


def _unknown(text: str, names: Sequence[str], *, whole: str = "") -> GroupError:
    near = {plain(one): one for one in names[-MOST_NAMES:]}
    words = plain(text)
    found = nearest_name(_bare(plain(whole)), WORDED) if "," in whole else ""
    nearest = found or near.get(nearest_name(_bare(words), near) or nearest_name(words, near), "")
    return GroupError(
        Phrase("không rõ đơn vị hoặc nhóm đơn vị “{group}”", group=text[:80]),
        Phrase("mã đơn vị ngăn cách bằng dấu ;, hoặc nhóm như “các bộ, ngành”, “UBND các tỉnh, thành phố”, ALL:DP"),
        nearest,
    )
