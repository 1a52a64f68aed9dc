"""The tree of a day: which units there are, how they are called, and which present unit an old code stands for."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from warnwatch.plan.directory import Directory, Holder, Unit
from warnwatch.plan.succession import Change, Tree, tree_on

DAY = date(2025, 7, 1)
CODES = "ABCDEF"


def units(*codes: str) -> list[Unit]:
    """Give units of these codes, under R."""
    return [Unit(code, f"Đơn vị {code}", short_name=code, parent="R") for code in codes or CODES]


def merge(old: str, new: str, on: date = DAY) -> Change:
    """Let one unit merge into another."""
    return Change(old, "merge", on, new, decision=f"{old}{new}")


def test_the_day_before_everything_is_as_it_was() -> None:
    """A change is true from its day, not from when it is known."""
    tree = tree_on(units("A", "B"), [merge("A", "B")], DAY - timedelta(days=1))
    assert (sorted(tree.units), tree.successors, tree.until) == (["A", "B"], {}, DAY)


def test_a_chain_of_one_day_and_of_several_is_followed_to_its_end() -> None:
    """A into B and B into C on one day, C into D later: all three stand for D."""
    changes = [merge("A", "B"), merge("B", "C"), merge("C", "D", DAY + timedelta(days=9))]
    assert tree_on(units(), changes, DAY).successors == {"A": "C", "B": "C"}
    later = tree_on(units(), changes, DAY + timedelta(days=9))
    assert later.successors == {"A": "D", "B": "D", "C": "D"}
    assert later.documents["B"] == "BC"


def test_a_ring_is_said_to_be_unresolved_and_dissolves_nobody() -> None:
    """The import refuses it; should one come all the same, every unit stays."""
    tree = tree_on(units(), [merge("A", "B"), merge("B", "A"), merge("C", "A")], DAY)
    assert (tree.unresolved, tree.successors, len(tree.units)) == (frozenset("ABC"), {}, 6)


def test_a_unit_among_its_own_successors_goes_on() -> None:
    """It gives something away under its old code; its tasks stay with it."""
    changes = [Change("A", "split", DAY, "A", main=True), Change("A", "split", DAY, "B")]
    tree = tree_on(units(), changes, DAY)
    assert ("A" in tree.units, tree.successors) == (True, {})


def test_a_unit_that_a_later_split_names_begins_again() -> None:
    """A merged into B and was separated again: its code is its own once more."""
    back = DAY + timedelta(days=400)
    changes = [
        merge("A", "B"),
        Change("B", "split", back, "B", main=True),
        Change("B", "split", back, "A"),
    ]
    assert tree_on(units(), changes, DAY).present("A") == "B"
    assert (tree_on(units(), changes, back).present("A"), "A" in tree_on(units(), changes, back).units) == ("A", True)


def test_a_new_name_leaves_no_old_short_name() -> None:
    """Headlines would go on saying the old one."""
    tree = tree_on(units("A"), [Change("A", "rename", DAY, name="Tên mới")], DAY)
    assert tree.units["A"].short == "Tên mới"
    assert tree.units["A"].parent == "R"


def test_a_dissolved_unit_keeps_the_name_that_it_had() -> None:
    """What was said to it was said under that name."""
    renamed = Change("A", "rename", DAY - timedelta(days=30), name="Tên sau cùng")
    tree = tree_on(units(), [renamed, merge("A", "B")], DAY)
    directory = Directory(tree.units, (), DAY, tree.successors, tree.former)
    named, now = directory.named("A"), directory.unit("A")
    assert (named and named.name, now and now.code) == ("Tên sau cùng", "B")


def test_a_unit_that_takes_over_its_own_superior_stands_where_that_one_stood() -> None:
    """Nobody becomes his own superior."""
    tree = tree_on(
        [Unit("R", "Gốc"), Unit("P", "Cấp trên", parent="R"), Unit("C", "Cấp dưới", parent="P")], [merge("P", "C")], DAY
    )
    assert tree.units["C"].parent == "R"


def test_a_holder_of_a_dissolved_unit_is_not_told_for_the_successor() -> None:
    """The successor's own head is; with nobody there, the way up."""
    tree = tree_on([Unit("R", "Gốc"), *units("A", "B")], [merge("A", "B")], DAY)
    holders = tuple(Holder(f"{code}/head/1", code, "head", email=f"{code}@example.vn") for code in "RAB")
    found = Directory(tree.units, holders, DAY, tree.successors, tree.former).recipient("A", "head")
    alone = Directory(tree.units, holders[:2], DAY, tree.successors, tree.former).recipient("A", "head")
    assert (found and found.holder.code, alone and alone.holder.code) == ("B/head/1", "R/head/1")


days = st.integers(0, 5).map(lambda day: DAY + timedelta(days=day))
changes_of_any_kind = st.builds(
    Change,
    st.sampled_from(CODES),
    st.sampled_from(("merge", "split", "rename", "move", "kind")),
    days,
    st.sampled_from((*CODES, "X", None)),
    st.booleans(),
    parent=st.sampled_from((*CODES, None)),
)


@given(st.lists(changes_of_any_kind, max_size=12), st.integers(-1, 6))
def test_every_code_ends_at_a_present_unit_whatever_the_changes(changes: list[Change], after: int) -> None:
    """Followed once or twice it is the same; none is lost, no ring hangs, nobody is his own superior."""
    tree = tree_on(units(), changes, DAY + timedelta(days=after))
    assert {tree.present(code) for code in CODES} == set(tree.units)
    assert all(tree.present(tree.present(code)) == tree.present(code) for code in CODES)
    assert not tree.units.keys() & tree.successors.keys()
    assert sorted([*tree.units, *tree.former]) == sorted(CODES)
    assert all(unit.parent != unit.code for unit in tree.units.values() if unit.parent not in tree.former)
    directory = Directory(tree.units, (), DAY, tree.successors, tree.former)
    assert all(code not in {one.code for one in directory.superiors(code)} for code in tree.units)


@given(st.lists(changes_of_any_kind, max_size=8), days, days)
def test_a_tree_says_on_which_days_it_is_the_same(changes: list[Change], one: date, other: date) -> None:
    """A cycle makes the tree anew only where it would be another one."""
    tree = tree_on(units(), changes, one)
    assert not tree.holds_on(other) or tree_on(units(), changes, other) == tree
    assert tree.holds_on(one)
    assert Tree({}).holds_on(date.min)
