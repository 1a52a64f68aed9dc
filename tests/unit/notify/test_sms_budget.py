"""What text messages may cost in a day."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from letters import letter

from warnwatch.notify.notification import Notification
from warnwatch.notify.sms_budget import Budget, Spent, within
from warnwatch.rules.rule import Level


def message(number: int, unit: str = "A", parts: int = 1, **changes: Any) -> tuple[Notification, str]:
    """Give a text message that would leave."""
    return letter(number, channel="sms", unit=unit, segments=parts, html=None, **changes), "ready"


def keys(texts: tuple[tuple[Notification, str], ...]) -> list[str]:
    """Name texts."""
    return [one.key for one, _ in texts]


def test_over_the_budget_the_mail_goes_alone() -> None:
    """The mails about the same calls stay, whatever the budget; the message that is over is named."""
    mail = (letter(3), "ready")
    kept, over = within([message(1), message(2), mail], Budget(1, 10), Spent())
    assert (keys(kept), [one.key for one in over]) == (["telling-1", "telling-3"], ["telling-2"])


def test_the_gravest_of_a_cycle_go_first() -> None:
    """With room for one, the critical message goes, though it was written later."""
    kept, _ = within([message(1, level=Level.NOTICE), message(2, level=Level.CRITICAL)], Budget(1, 10), Spent())
    assert keys(kept) == ["telling-2"]


def test_one_unit_does_not_spend_what_the_others_need() -> None:
    """A unit has a limit of its own; parts of the day before this cycle count."""
    kept, over = within([message(1, "A"), message(2, "B")], Budget(100, 5), Spent({"A": 5, "B": 4}))
    assert (keys(kept), [one.unit for one in over]) == (["telling-2"], ["A"])


def test_what_is_held_costs_nothing() -> None:
    """In mode hold every message is shown, whatever the budget."""
    one, _ = message(1)
    assert within([(one, "held")], Budget(0, 0), Spent()) == (((one, "held"),), ())


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 8), st.integers(1, 3)), max_size=40),
    st.integers(0, 60),
    st.integers(0, 30),
)
def test_no_limit_is_ever_passed_and_nothing_is_lost(
    wanted: list[tuple[str, int, int]], daily: int, of_unit: int
) -> None:
    """What goes stays within both limits; what does not go is named; nothing that would have fitted stays out."""
    texts = [message(n, unit, parts, level=Level(level)) for n, (unit, parts, level) in enumerate(wanted)]
    kept, over = within(texts, Budget(daily, of_unit), Spent())
    parts = [(one.unit, one.segments or 0) for one, _ in kept]
    total = sum(number for _, number in parts)
    units = {unit: sum(number for name, number in parts if name == unit) for unit in "ABC"}
    assert total <= daily
    assert max(units.values()) <= of_unit
    assert sorted([*keys(kept), *(one.key for one in over)]) == sorted(keys(tuple(texts)))
    for one in over:
        assert total + (one.segments or 0) > daily or units[one.unit] + (one.segments or 0) > of_unit


def test_a_message_that_stands_for_one_already_paid_costs_what_it_adds() -> None:
    """A digest of a quiet night takes the place of a message: it goes where a further message would be over."""
    spent = Spent({"A": 3})
    kept, over = within([message(1, "A", 2)], Budget(4, 10), spent)
    assert (keys(kept), keys(tuple((one, "") for one in over))) == ([], ["telling-1"])
    kept, over = within([message(1, "A", 2)], Budget(4, 10), spent, {"telling-1": 1})
    assert (keys(kept), over) == (["telling-1"], ())
    kept, _ = within([message(1, "A", 1), message(2, "A", 1)], Budget(3, 10), spent, {"telling-1": 0})
    assert keys(kept) == ["telling-1"]
