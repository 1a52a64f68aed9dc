"""What may leave: hold, redirect or live, for all units or for a pilot; and who starts with an initial digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class Mode(StrEnum):
    """Hold: everything is composed and shown, nothing leaves. Redirect: all to one address, marked. Live: to heads."""

    HOLD = "hold"
    REDIRECT = "redirect"
    LIVE = "live"


# What has gone live, as the ledger keeps it: {("rule", id): "", ("unit", code): mode}.
Live = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Release:
    """The delivery mode of the installation; with a `pilot`, only its units are told and all others are held."""

    mode: Mode = Mode.HOLD
    pilot: frozenset[str] | None = None

    def following(self, successors: Mapping[str, str]) -> Release:
        """Give the same release where units were dissolved: who took over a unit of the pilot belongs to the pilot."""
        taken = {successors[code] for code in self.pilot or () if code in successors}
        return replace(self, pilot=self.pilot | taken) if self.pilot is not None and taken else self

    def mode_for(self, unit: str) -> Mode:
        """Give the mode of one unit."""
        return Mode.HOLD if self.pilot is not None and unit not in self.pilot else self.mode

    def state_for(self, unit: str) -> str:
        """Give the outbox state that a text to a holder of this unit starts with."""
        return "held" if self.mode_for(unit) is Mode.HOLD else "ready"

    def told(self, unit: str, texts: Iterable[tuple[str, str, bool]]) -> list[tuple[str, str]]:
        """Give the (holder, channel) pairs that an end of this unit's alert is told to.

        `texts`: holder, channel, and whether a text about the alert left. While the unit is held, nobody was told and
        the end is composed for whoever would have been.
        """
        held = self.mode_for(unit) is Mode.HOLD
        return [(holder, channel) for holder, channel, left in texts if left or held]

    def news(self, live: Live, rules: Iterable[str], units: Iterable[str]) -> dict[tuple[str, str], str]:
        """Name what goes live now: rules never judged before, units never told before or told in another mode."""
        news = {("rule", rule): "" for rule in rules if live.get(("rule", rule)) != ""}
        # Asked in every cycle about every unit: the two words are looked up once.
        told, held = self.mode.value, Mode.HOLD.value
        for unit in units:
            mode = told if self.pilot is None or unit in self.pilot else held
            if live.get(("unit", unit)) != mode:
                news["unit", unit] = mode
        return news
