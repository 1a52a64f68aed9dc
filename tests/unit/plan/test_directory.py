"""Who is told: the holder of an office, or whoever stands in for a vacant one, up the unit tree."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from warnwatch.plan.directory import STANDING_BODY_KIND, Directory, Holder, Unit, Via

DAY = date(2025, 8, 20)

# A small state: the committee at the root, its standing body, a ministry with a department, a province below.
UNITS = {
    unit.code: unit
    for unit in (
        Unit("BCD", "Ban Chỉ đạo"),
        Unit("CQTT", "Cơ quan thường trực", kind=STANDING_BODY_KIND, parent="BCD"),
        Unit("BO", "Bộ", parent="CQTT"),
        Unit("VU", "Vụ", parent="BO"),
        Unit("TINH", "Tỉnh", parent="BCD"),
    )
}
HEADS = tuple(Holder(f"{code}/head/1", code, "head") for code in UNITS)


def holder(unit: str, office: str = "head", *, acting: bool = False, day: date | None = None) -> Holder:
    """Give a holder; with a `day`, until that day only."""
    return Holder(f"{unit}/{office}/{'a' if acting else '1'}", unit, office, acting=acting, valid_to=day)


def directory(*holders: Holder, units: dict[str, Unit] | None = None) -> Directory:
    """Give the directory of these holders on 20/8/2025."""
    return Directory(units or UNITS, holders, DAY)


def without(*units: str) -> tuple[Holder, ...]:
    """Give all heads but those of some units."""
    return tuple(head for head in HEADS if head.unit not in units)


def told(known: Directory, unit: str, office: str) -> tuple[str, tuple[Via, ...]] | None:
    """Say who is told for an office, and by which way."""
    found = known.recipient(unit, office)
    return (found.holder.code, found.via) if found else None


@pytest.mark.parametrize(
    ("unit", "office", "who"),
    [
        ("VU", "head", "VU/head/1"),
        ("VU", "superior.head", "BO/head/1"),
        ("VU", "standing_body", "CQTT/head/1"),
        ("VU", "committee", "BCD/head/1"),
        ("VU", "secretariat", "CQTT/head/1"),
        ("TINH", "superior.head", "BCD/head/1"),
        ("TINH", "standing_body", "CQTT/head/1"),
        ("BCD", "superior.head", "BCD/head/1"),
        ("BCD", "committee", "BCD/head/1"),
        ("CQTT", "standing_body", "CQTT/head/1"),
    ],
)
def test_filled_offices_are_told_themselves(unit: str, office: str, who: str) -> None:
    """Each office word finds its holder in the tree; the root is its own superior and committee."""
    assert told(directory(*HEADS), unit, office) == (who, ())


@pytest.mark.parametrize(
    ("holders", "who", "via"),
    [
        ((holder("VU"), holder("VU", acting=True)), "VU/head/1", ()),
        ((holder("VU", acting=True), holder("VU", "deputy")), "VU/head/a", (Via.ACTING,)),
        ((holder("VU", "deputy"), holder("BO")), "VU/deputy/1", (Via.DEPUTY,)),
        ((holder("VU", "deputy", acting=True),), "VU/deputy/a", (Via.DEPUTY, Via.ACTING)),
        ((holder("BO"),), "BO/head/1", (Via.SUPERIOR,)),
        ((holder("BO", acting=True),), "BO/head/a", (Via.SUPERIOR, Via.ACTING)),
        ((holder("BO", "deputy"),), "BO/deputy/1", (Via.SUPERIOR, Via.DEPUTY)),
        ((holder("CQTT"), holder("VU", "focal_point")), "CQTT/head/1", (Via.SUPERIOR,)),
    ],
)
def test_the_way_round_a_vacant_head(holders: tuple[Holder, ...], who: str, via: tuple[Via, ...]) -> None:
    """A vacant head goes to the acting one, then the deputy, then the superior's head, and the way is named."""
    assert told(directory(*holders), "VU", "head") == (who, via)


@pytest.mark.parametrize(
    ("holders", "who", "via"),
    [
        ((holder("VU", "focal_point"), holder("VU")), "VU/focal_point/1", ()),
        ((holder("VU"), holder("VU", "deputy")), "VU/head/1", (Via.HEAD,)),
        ((holder("VU", "deputy"),), "VU/deputy/1", (Via.DEPUTY,)),
        ((holder("BO"),), "BO/head/1", (Via.SUPERIOR,)),
    ],
)
def test_the_way_round_a_vacant_focal_point(holders: tuple[Holder, ...], who: str, via: tuple[Via, ...]) -> None:
    """A vacant focal point goes to the unit's own head first, then its deputy, then up."""
    assert told(directory(*holders), "VU", "focal_point") == (who, via)


def mailed(*holders: Holder) -> tuple[Holder, ...]:
    """Give each of them an address."""
    return tuple(replace(one, email=f"{one.unit.lower()}@example.vn") for one in holders)


ALL = (*HEADS, holder("VU", acting=True), holder("VU", "deputy"), holder("VU", "focal_point"))


@pytest.mark.parametrize(
    ("reached", "office", "who", "via"),
    [
        ("VU/head/1", "head", "VU/head/1", ()),
        ("VU/head/a", "head", "VU/head/a", (Via.NO_ADDRESS, Via.ACTING)),
        ("VU/deputy/1", "head", "VU/deputy/1", (Via.NO_ADDRESS, Via.DEPUTY)),
        ("VU/deputy/1", "deputy", "VU/deputy/1", ()),
        ("BO/head/1", "head", "BO/head/1", (Via.NO_ADDRESS, Via.SUPERIOR)),
        ("BCD/head/1", "head", "BCD/head/1", (Via.NO_ADDRESS, Via.SUPERIOR)),
        ("VU/head/1", "focal_point", "VU/head/1", (Via.NO_ADDRESS, Via.HEAD)),
        ("BO/head/1", "superior.head", "BO/head/1", ()),
    ],
)
def test_who_has_no_address_is_passed_over(reached: str, office: str, who: str, via: tuple[Via, ...]) -> None:
    """Where only one holder has an address, the call goes there, and the way says why."""
    known = directory(*(mailed(one)[0] if one.code == reached else one for one in ALL))
    assert told(known, "VU", office) == (who, via)


def test_a_second_holder_of_the_office_is_told_without_a_word() -> None:
    """The office itself answers: nothing needs saying."""
    other = replace(*mailed(holder("VU")), code="VU/head/2")
    assert told(directory(holder("VU"), other, *mailed(holder("BO"))), "VU", "head") == ("VU/head/2", ())


def test_the_secretariat_is_told_where_nobody_on_the_way_up_can_be_reached() -> None:
    """A province under the committee, not under the standing body: its call still reaches somebody."""
    secretariat = mailed(holder("CQTT"))
    assert told(directory(*without("CQTT"), *secretariat), "TINH", "head") == (
        "CQTT/head/1",
        (Via.NO_ADDRESS, Via.SUPERIOR),
    )
    assert told(directory(*secretariat), "TINH", "head") == ("CQTT/head/1", (Via.SUPERIOR,))
    assert told(directory(holder("CQTT")), "TINH", "focal_point") == ("CQTT/head/1", (Via.SUPERIOR,))


def test_without_any_address_the_call_stays_with_the_office_asked() -> None:
    """Nobody can be written to: the text is kept for the holder, to be read on the page."""
    assert told(directory(*HEADS), "TINH", "head") == ("TINH/head/1", ())


def test_an_office_is_held_without_an_address() -> None:
    """Asked who holds the office, not who can be written to, the directory looks at no addresses."""
    found = directory(holder("VU"), *mailed(holder("BO"))).recipient("VU", "head", reachable=False)
    assert found is not None
    assert (found.holder.code, found.via) == ("VU/head/1", ())


def test_a_vacant_deputy_goes_to_the_head() -> None:
    """Where there is no deputy, the head is told in the deputy's place."""
    assert told(directory(*HEADS), "VU", "deputy") == ("VU/head/1", (Via.HEAD,))


def test_a_holder_out_of_office_is_not_told() -> None:
    """A post counts as vacant from the day after its holder's last day, and before the first."""
    gone, last = holder("VU", day=DAY - timedelta(days=1)), holder("VU", day=DAY)
    later = replace(last, valid_from=DAY + timedelta(days=1), valid_to=None)
    for one, who in ((gone, "BO/head/1"), (last, "VU/head/1"), (later, "BO/head/1")):
        assert (told(directory(one, holder("BO")), "VU", "head") or ("",))[0] == who


def test_nobody_on_the_whole_way_up() -> None:
    """With every post vacant nobody is found, which is said and not hidden."""
    assert told(directory(), "VU", "head") is None
    assert told(directory(*HEADS), "UNKNOWN", "head") is None


def test_a_unit_without_holders_is_led_by_its_superior() -> None:
    """The recipient knows which unit was asked for and which one answers."""
    found = directory(*without("VU")).recipient("VU", "head")
    assert found is not None
    assert (found.asked_unit.code, found.unit.code, found.office) == ("VU", "BO", "head")


def test_a_ring_in_the_tree_ends_the_way_up() -> None:
    """Units that are each other's superior do not send the search round for ever."""
    ring = {"A": Unit("A", "A", parent="B"), "B": Unit("B", "B", parent="A")}
    known = directory(units=ring)
    assert [unit.code for unit in known.superiors("A")] == ["B"]
    assert told(known, "A", "head") is None
    assert told(directory(holder("B"), units=ring), "A", "head") == ("B/head/1", (Via.SUPERIOR,))


def test_an_unknown_parent_ends_the_way_up() -> None:
    """A parent that the plan does not have (any more) is no superior."""
    known = directory(holder("A"), units={"A": Unit("A", "A", parent="GONE")})
    assert list(known.superiors("A")) == []
    assert told(known, "A", "superior.head") == ("A/head/1", ())


def test_the_secretariat_is_the_standing_body_nearest_the_root() -> None:
    """Of several standing bodies the committee's own holds the secretariat; without any there is none."""
    more = UNITS | {"TT2": Unit("TT2", "Thường trực tỉnh", kind=STANDING_BODY_KIND, parent="TINH")}
    found = directory(*HEADS, units=more).secretariat
    assert found is not None
    assert found.code == "CQTT"
    assert told(directory(units={"A": UNITS["BCD"]}), "A", "secretariat") is None
