"""What every way of fetching a source gives: files in a folder of its own, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from warnwatch.language import Phrase


class Outcome(StrEnum):
    """How one pull went; the first two are good. Lateness is not among them: it is nobody's act."""

    OK = "ok"
    UNCHANGED = "unchanged"
    EMPTY = "empty"
    HALF = "half"
    CONTRADICTORY = "contradictory"
    UNREACHABLE = "unreachable"


GOOD = (Outcome.OK.value, Outcome.UNCHANGED.value)
# What was delivered and cannot be used: from then on nothing is known. Who is merely not reached may be reached again
# before new data is due, so that counts only once it is.
BAD = (Outcome.EMPTY.value, Outcome.HALF.value, Outcome.CONTRADICTORY.value)

MOST_BYTES = 200 * 2**20  # of one delivery
CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """A delivery whose files lie in the folder that was handed in.

    `mark` tells this delivery from the next one; `unchanged`: it is the one of before, and no file was written.
    """

    mark: Mapping[str, str] = field(default_factory=dict)
    unchanged: bool = False


class PullError(Exception):
    """A delivery that cannot be had or used. `why` is for the keeper: no address, no secret, no cell's content."""

    def __init__(self, outcome: Outcome, why: Phrase) -> None:
        self.outcome = outcome
        self.why = why
        super().__init__(str(why))


def too_large() -> PullError:
    """Say that a source never ends, or gives more than anybody would import."""
    return PullError(
        Outcome.UNREACHABLE,
        Phrase("nguồn gửi quá {most} MB, bị ngắt; chỉ gửi những dòng cần nhập", most=MOST_BYTES // 2**20),
    )


def too_slow(seconds: float) -> PullError:
    """Say that a source takes longer than its limit."""
    return PullError(
        Outcome.UNREACHABLE, Phrase("nguồn không trả lời xong trong {seconds} giây", seconds=f"{seconds:g}")
    )
