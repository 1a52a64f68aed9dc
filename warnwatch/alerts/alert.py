"""What an alert and a call are: plain values that carry their facts from the evaluation to the text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from warnwatch.rules.rule import Level


class State(StrEnum):
    """Where an alert is in its life."""

    PENDING = "pending"
    OPEN = "open"
    ENDED = "ended"


class EndReason(StrEnum):
    """Why an alert ended (design.md 6.3); only `cured` sends the all-clear."""

    CURED = "cured"
    NOT_APPLICABLE = "not_applicable"
    SUPERSEDED = "superseded"
    RETIRED = "retired"
    CLOSED = "closed"


class Reason(StrEnum):
    """Why a call is made now."""

    INITIAL = "initial"
    OPENED = "opened"
    RAISED = "raised"
    CLIMBED = "climbed"
    REPEATED = "repeated"
    PROMISE_BROKEN = "promise_broken"


def number_of(day: date, number: int) -> str:
    """Write an alert's number as people say it: CB, two digits of the year, a running number."""
    return f"CB-{day:%y}-{number:05d}"


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode of one rule about one subject. `value` and `threshold` are in the measure's unit.

    `gone_since`: the measure is back beyond its rung, `keep` is running. `called_level`: the highest level called.
    `round_no`: a unit that goes live, or takes the task over, begins a new round, in which every step is called again.
    `next_at`: when time alone moves it next. `standing`: every step was called, the secretariat's list has it.
    `muted_since`: a call is held back since then, by the silence `muted_silence` or the alert `muted_alert`.
    `revision`: which writing of the stored row this value was read from.
    """

    id: int
    rule: str
    about: str
    subject: str
    episode: int
    unit: str
    state: State
    level: Level
    measure: str
    value: float | None
    threshold: float | None
    pending_since: datetime
    level_since: datetime
    opened_at: datetime | None = None
    gone_since: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    initial: bool = False
    round_no: int = 0
    called_level: int = 0
    last_call_at: datetime | None = None
    standing: bool = False
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    promised_for: datetime | None = None
    promised_level: int = 0
    next_at: datetime | None = None
    muted_since: datetime | None = None
    muted_silence: int | None = None
    muted_alert: int | None = None
    revision: int = 0
    code: str = ""

    def __post_init__(self) -> None:
        """Give an alert without a number the one that people would say: CB, the year of its beginning, its id."""
        if not self.code:
            object.__setattr__(self, "code", number_of(self.pending_since, self.id))

    def unmuted(self) -> Alert:
        """Give the same alert with nothing held back."""
        return replace(self, muted_since=None, muted_silence=None, muted_alert=None) if self.muted_since else self


@dataclass(frozen=True, slots=True)
class Call:
    """A step of a policy that an alert has reached; unique by alert, level, step and repeat. Steps count from 1.

    `repeat` counts the calls of this step at this level from 0 on, whatever round they belong to. `passed`: the steps
    before it that reached nobody new, and were passed over for it.
    """

    alert: int
    level: Level
    step: int
    repeat: int
    office: str
    unit: str
    at: datetime
    reason: Reason
    channels: tuple[str, ...] = ("email",)
    round_no: int = 0
    passed: tuple[int, ...] = ()
