"""The plan at a glance: totals, colours of all units by bloc, the map of the provinces. Values in, values out.

In: the last cycle's report. Out: an Overview, which the template only sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from warnwatch.cycle import CycleReport
from warnwatch.language import Phrase, together
from warnwatch.notify import wording
from warnwatch.plan.colours import Colour, Cutoffs, Stand, stands_of, total_of
from warnwatch.plan.directory import Unit
from warnwatch.web.provinces import PEOPLES_COMMITTEE, TILES

# A bloc with more units than this shows the gravest and says how many more there are.
TILES_PER_BLOC = 60
LETTERS = {Colour.GREEN: Phrase("X"), Colour.YELLOW: Phrase("V"), Colour.RED: Phrase("Đ"), Colour.GREY: "–"}
BLOCS = {
    "CHI_DAO": Phrase("Ban Chỉ đạo"),
    "DANG": Phrase("Khối Đảng"),
    "CHU_TICH_NUOC": Phrase("Chủ tịch nước"),
    "QUOC_HOI": Phrase("Khối Quốc hội"),
    "CHINH_PHU": Phrase("Khối Chính phủ"),
    "MTTQ": Phrase("Mặt trận Tổ quốc và các tổ chức chính trị - xã hội"),
    "TU_PHAP": Phrase("Tòa án và Viện kiểm sát"),
    "DIA_PHUONG": Phrase("Địa phương"),
}
# What the plan's bar shows, left to right: class of the colour, name in Vietnamese, computed statuses.
SEGMENTS = (
    ("done", Phrase("Hoàn thành đúng hạn"), ("done_in_time",)),
    ("done-late", Phrase("Hoàn thành quá hạn"), ("done_late",)),
    ("claimed", Phrase("Báo hoàn thành, chờ xác nhận"), ("claimed",)),
    ("open", Phrase("Đang thực hiện, trong hạn"), ("open_in_time",)),
    ("late", Phrase("Chưa hoàn thành, quá hạn"), ("open_late",)),
    ("undated", Phrase("Chưa có thời hạn"), ("no_deadline",)),
    ("idle", Phrase("Tạm dừng, thôi thực hiện"), ("suspended", "cancelled")),
)
_SHORTER = (
    ("Thành phố ", "TP "),
    ("Tỉnh ủy ", ""),
    ("Thành ủy ", ""),
    ("Ủy ban nhân dân tỉnh ", ""),
    ("Ủy ban nhân dân thành phố ", ""),
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One unit on the picture: its colour as class, letter and word; tasks overdue, and tasks in all."""

    name: str
    full_name: str
    colour: Colour
    late: int
    live: int

    @property
    def css(self) -> str:
        """The class that paints the tile."""
        return self.colour.name.lower()

    @property
    def letter(self) -> str:
        """The colour for those who do not see it."""
        return LETTERS[self.colour]

    @property
    def said(self) -> str:
        """The tile in words."""
        word = together((f"{self.full_name}: ", self.colour.named, ", ", self.colour.vietnamese))
        return (
            Phrase("{word}; {late} quá hạn trên {live} nhiệm vụ", word=word, late=self.late, live=self.live)
            if self.live
            else Phrase("{word}; không có nhiệm vụ", word=word)
        )


@dataclass(frozen=True, slots=True)
class Province:
    """One province on the map: where it stands, its Party committee and its People's Committee."""

    name: str
    column: int
    row: int
    party: Tile | None
    people: Tile | None


@dataclass(frozen=True, slots=True)
class Share:
    """A piece of a bar: where it begins and how long it is, in thousandths of the whole."""

    css: str
    name: str
    number: int
    start: float
    length: float


@dataclass(frozen=True, slots=True)
class Bloc:
    """One bloc: its tiles, gravest first; the colours of all its units; its tasks. `more` units are not shown."""

    name: str
    tiles: tuple[Tile, ...]
    provinces: tuple[Province, ...]
    colours: tuple[Share, ...]
    total: Stand
    units: int
    more: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole picture: all tasks, all units' colours, and the blocs."""

    total: Stand
    tasks: tuple[Share, ...]
    colours: tuple[Share, ...]
    blocs: tuple[Bloc, ...]
    units: int


def overview_of(report: CycleReport, cutoffs: Cutoffs) -> Overview:
    """Draw the picture from a report's counts; never looks at a task."""
    stands = stands_of(report.counts())
    units = report.directory.units
    groups: dict[str, list[Unit]] = {name: [] for name in BLOCS}
    for unit in units.values():
        groups.setdefault(unit.bloc, []).append(unit)
    whole = total_of(stands.values())
    tiles = {code: tile_of(unit, stands.get(code), cutoffs) for code, unit in units.items()}
    return Overview(
        total=whole,
        tasks=shares([(css, name, sum(whole.timings[one] for one in timings)) for css, name, timings in SEGMENTS]),
        colours=_colours(tiles.values()),
        blocs=tuple(_bloc(name, members, tiles, stands) for name, members in groups.items() if members),
        units=len(units),
    )


def tile_of(unit: Unit, stand: Stand | None, cutoffs: Cutoffs) -> Tile:
    """Give one unit's tile; a unit that leads no task is grey."""
    colour = stand.colour(cutoffs) if stand else Colour.GREY
    name = wording.unit_short(unit)
    return Tile(name, wording.unit_name(unit), colour, stand.late if stand else 0, stand.live if stand else 0)


def _bloc(code: str, members: Iterable[Unit], tiles: Mapping[str, Tile], stands: Mapping[str, Stand]) -> Bloc:
    members = list(members)
    codes = {unit.code for unit in members}
    provinces = _provinces(codes, tiles)
    placed = {one for code_ in TILES for one in (code_, code_ + PEOPLES_COMMITTEE)} if provinces else set()
    rest = [tiles[unit.code] for unit in members if unit.code not in placed]
    rest.sort(key=lambda tile: (-tile.colour, -tile.late, -tile.live, tile.name))
    return Bloc(
        name=BLOCS.get(code, code) or Phrase("Chưa xếp khối"),
        tiles=tuple(rest[:TILES_PER_BLOC]),
        provinces=provinces,
        colours=_colours(tiles[unit.code] for unit in members),
        total=total_of(stands[unit.code] for unit in members if unit.code in stands),
        units=len(members),
        more=max(0, len(rest) - TILES_PER_BLOC),
    )


def _provinces(codes: set[str], tiles: Mapping[str, Tile]) -> tuple[Province, ...]:
    found = []
    for code, (column, row) in sorted(TILES.items(), key=lambda item: (item[1][1], item[1][0])):
        party, people = (tiles[one] if one in codes else None for one in (code, code + PEOPLES_COMMITTEE))
        shown = party or people
        if shown:
            found.append(Province(_province_name(shown.full_name), column, row, party, people))
    return tuple(found)


def _province_name(name: str) -> str:
    """Give the name of a province from that of its committee: `Tỉnh ủy Thái Nguyên` is Thái Nguyên's."""
    for long, short in (*_SHORTER[1:], _SHORTER[0]):
        name = name.replace(long, short, 1) if name.startswith(long) else name
    return name


def _colours(tiles: Iterable[Tile]) -> tuple[Share, ...]:
    numbers = Counter(tile.colour for tile in tiles)
    order = (Colour.RED, Colour.YELLOW, Colour.GREEN, Colour.GREY)
    return shares([(one.name.lower(), together((one.named, one.vietnamese), " – "), numbers[one]) for one in order])


def shares(parts: Iterable[tuple[str, str, int]]) -> tuple[Share, ...]:
    """Lay parts (class, name, number) end to end on a bar 1000 long."""
    parts = list(parts)
    whole = sum(number for _, _, number in parts) or 1
    found, start = [], 0.0
    for css, name, number in parts:
        length = 1000 * number / whole
        found.append(Share(css, name, number, round(start, 2), round(length, 2)))
        start += length
    return tuple(found)
