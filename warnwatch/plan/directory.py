"""Who holds which office of which unit at an instant: the unit tree, its posts, and the way round a vacant one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

STANDING_BODY_KIND = "co_quan_thuong_truc"


@dataclass(frozen=True, slots=True)
class Unit:
    """A body in the tree. `valid_from` and `valid_to` are local dates, both included; None is open.

    `recorded_on`: the local date on which the row was recorded, where it matters.
    """

    code: str
    name: str
    short_name: str = ""
    kind: str = ""
    bloc: str = ""
    parent: str | None = None
    head_title: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    recorded_on: date | None = field(default=None, compare=False)

    @property
    def short(self) -> str:
        """The name for headlines."""
        return self.short_name or self.name


@dataclass(frozen=True, slots=True)
class Holder:
    """The contact who holds an office (`head`, `deputy`, `focal_point`) of a unit, from a date to a date."""

    code: str
    unit: str
    office: str
    title: str = ""
    acting: bool = False
    email: str | None = None
    phone: str | None = None
    language: str = "vi"
    valid_from: date | None = None
    valid_to: date | None = None

    def holds_on(self, day: date) -> bool:
        """Say whether the holder is in office on a local date."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


class Via(StrEnum):
    """Why a text went to somebody else than the holder of the office that was asked for."""

    ACTING = "acting"
    DEPUTY = "deputy"
    HEAD = "head"
    SUPERIOR = "superior"
    NO_ADDRESS = "no_address"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told for an office asked for. `unit` is the recipient's own; `via` is empty when the post was filled.

    With NO_ADDRESS, which comes first, somebody nearer was passed over for want of an e-mail address; with UNREACHABLE,
    because a server refused the address that the plan names.
    """

    holder: Holder
    unit: Unit
    office: str
    asked_unit: Unit
    via: tuple[Via, ...] = ()


_Found: TypeAlias = tuple[Holder, tuple[Via, ...]]


@dataclass(frozen=True)
class Directory:
    """The unit tree and the holders as they are on one local date.

    `successors`: the present code for the code of a unit that was dissolved; `former`: units that are none of the day.
    `flags`: (holder, channel, address) of what a server refused for good; such an address counts as none.
    """

    units: Mapping[str, Unit]
    holders: tuple[Holder, ...]
    day: date
    successors: Mapping[str, str] = field(default_factory=dict)
    former: Mapping[str, Unit] = field(default_factory=dict)
    flags: frozenset[tuple[str, str, str]] = frozenset()
    _by_office: dict[tuple[str, str], list[Holder]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the holders in office by unit and office, regular ones before acting ones."""
        offices: dict[tuple[str, str], list[Holder]] = {}
        for holder in sorted(self.holders, key=lambda one: (one.acting, one.code)):
            if holder.holds_on(self.day):
                offices.setdefault((holder.unit, holder.office), []).append(holder)
        object.__setattr__(self, "_by_office", offices)

    def flagging(self, flags: frozenset[tuple[str, str, str]]) -> Directory:
        """Give the same directory without the addresses that a server refused; one that the plan changed stands."""
        holders = (self._without_flagged(one, flags) for one in self.holders)
        return replace(self, holders=tuple(holders), flags=flags)

    def _without_flagged(self, one: Holder, flags: Collection[tuple[str, str, str]]) -> Holder:
        email = None if (one.code, "email", one.email) in flags else one.email
        phone = None if (one.code, "sms", one.phone) in flags else one.phone
        return one if (email, phone) == (one.email, one.phone) else replace(one, email=email, phone=phone)

    @cached_property
    def _refused(self) -> frozenset[str]:
        return frozenset(code for code, channel, _ in self.flags if channel == "email")

    def present(self, code: str) -> str:
        """Give the present code of a unit: an old code still finds its way."""
        return self.successors.get(code, code)

    def unit(self, code: str) -> Unit | None:
        """Find the unit that stands for a code today."""
        return self.units.get(self.present(code)) or self.former.get(code)

    def named(self, code: str) -> Unit | None:
        """Find the body that bore a code, dissolved or not: what was said of it is said of its old name."""
        return self.units.get(code) or self.former.get(code)

    def superiors(self, code: str) -> Iterator[Unit]:
        """Walk up from a unit to the root, the unit itself left out; a ring or an unknown parent ends the walk."""
        unit = self.unit(code)
        seen = {unit.code if unit else code}
        while unit and unit.parent and unit.parent not in seen:
            seen.add(unit.parent)
            unit = self.units.get(unit.parent)
            if unit:
                yield unit

    @cached_property
    def secretariat(self) -> Unit | None:
        """The standing body nearest to the root: the committee's secretariat works there."""
        bodies = [unit for unit in self.units.values() if unit.kind == STANDING_BODY_KIND]
        return min(bodies, key=lambda unit: (len(list(self.superiors(unit.code))), unit.code), default=None)

    def recipient(
        self, code: str, office: str, *, reachable: bool = True, passing: Collection[str] = ()
    ) -> Recipient | None:
        """Find who is told for `office` (a word of the escalation policies) of a unit.

        A vacant post goes to the acting holder, then the deputy, then the superior unit's head; a vacant focal point
        to the unit's own head first. A holder without an e-mail address counts as absent where another has one, unless
        `reachable` is off. With nobody the whole way up the secretariat's head is told; None where nobody is left.
        `passing`: holders whom a text did not reach; they count as absent, too.
        """
        asked = self._asked_unit(code, office)
        if asked is None:
            return None
        choice = [*self._way(asked, office), *self._at_secretariat()]
        if not choice:
            return None
        reached = (
            at
            for at, (holder, _) in enumerate(choice)
            if (holder.email or not reachable) and holder.code not in passing
        )
        passed_over = next(reached, 0)
        holder, via = choice[passed_over]
        if passed_over and via:
            refused = any(one.code in self._refused or one.code in passing for one, _ in choice[:passed_over])
            via = (Via.UNREACHABLE if refused else Via.NO_ADDRESS, *via)
        return Recipient(holder, self.named(holder.unit) or asked, office, asked, via)

    def _asked_unit(self, code: str, office: str) -> Unit | None:
        unit = self.unit(code)
        above = list(self.superiors(code))
        if office == "superior.head":
            return above[0] if above else unit
        if office in ("standing_body", "secretariat"):
            nearest = [one for one in above if one.kind == STANDING_BODY_KIND]
            return self.secretariat if office == "secretariat" or not nearest else nearest[0]
        if office == "committee":
            return above[-1] if above else unit
        return unit

    def _way(self, asked: Unit, office: str) -> Iterator[_Found]:
        """Walk from whoever holds the office asked for, by those who stand in, to the root: the nearest first."""
        plain = office if office in {"focal_point", "deputy"} else "head"
        ways: list[tuple[str, Via | None]] = [(plain, None)]
        if plain != "head":
            ways.append(("head", Via.HEAD))
        if plain != "deputy":
            ways.append(("deputy", Via.DEPUTY))
        yield from self._in_office(asked, ways, ())
        for superior in self.superiors(asked.code):
            yield from self._in_office(superior, [("head", None), ("deputy", Via.DEPUTY)], (Via.SUPERIOR,))

    def _at_secretariat(self) -> Iterator[_Found]:
        if self.secretariat:
            yield from self._in_office(self.secretariat, [("head", None)], (Via.SUPERIOR,))

    def _in_office(self, unit: Unit, ways: Iterable[tuple[str, Via | None]], via: tuple[Via, ...]) -> Iterator[_Found]:
        for name, by in ways:
            for holder in self._by_office.get((unit.code, name), []):
                yield holder, (*via, *([by] if by else []), *([Via.ACTING] if holder.acting else []))

    @cached_property
    def by_code(self) -> Mapping[str, Holder]:
        """Every holder ever known, in office or not, by code."""
        return {holder.code: holder for holder in self.holders}
