"""What may leave: by mode and pilot, who starts with an initial digest, and who is told of an end."""

from __future__ import annotations

import pytest

from warnwatch.notify.release import Mode, Release

PILOT = Release(Mode.LIVE, frozenset({"BYT"}))


@pytest.mark.parametrize(
    ("release", "unit", "state"),
    [
        (Release(), "BYT", "held"),
        (Release(Mode.REDIRECT), "BYT", "ready"),
        (Release(Mode.LIVE), "BYT", "ready"),
        (PILOT, "BYT", "ready"),
        (PILOT, "DP-19", "held"),
        (Release(Mode.LIVE, frozenset()), "BYT", "held"),
        (Release(Mode.HOLD, frozenset({"BYT"})), "BYT", "held"),
    ],
)
def test_a_text_leaves_only_where_mode_and_pilot_allow_it(release: Release, unit: str, state: str) -> None:
    """Hold is the default, a pilot holds every other unit, and an empty pilot holds all."""
    assert release.state_for(unit) == state


def test_what_goes_live_is_what_is_new_or_told_otherwise() -> None:
    """New are rules never judged and units never told or told in another mode; what is as before is no news."""
    live = {("rule", "old"): "", ("unit", "BYT"): "live", ("unit", "DP-19"): "live"}
    assert PILOT.news(live, ["old", "new"], ["BYT", "DP-19", "BCD"]) == {
        ("rule", "new"): "",
        ("unit", "DP-19"): "hold",
        ("unit", "BCD"): "hold",
    }


def test_an_end_is_told_to_those_whom_a_text_reached() -> None:
    """Where texts leave, a held one told nobody; where they are held, the end is shown to whoever it would concern."""
    texts = [("H-1", "email", True), ("H-2", "email", False)]
    assert PILOT.told("BYT", texts) == [("H-1", "email")]
    assert PILOT.told("DP-19", texts) == [("H-1", "email"), ("H-2", "email")]
