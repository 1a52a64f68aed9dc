"""What the pages are given by the service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from warnwatch.answering import Answering
from warnwatch.cycle import CycleReport, Standards
from warnwatch.notify.lookup import Counts, Lookup
from warnwatch.notify.sms_reports import ReportDesk
from warnwatch.plan.colours import Cutoffs
from warnwatch.rules.stages import SetState

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
# A cycle may be late once and fail once before anybody is told.
STALE_AFTER = 3


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that the web side may ask; only `answers`, and a gateway's reports to `sms_reports`, change anything.

    Callables give what is true at the moment of the call.

    `latest` is the last cycle's report (None before the first), `counts` what was counted after it. `unready` names,
    in English, every reason not to count on this process; the pages themselves ask the database. `metrics` takes the
    Accept header and gives the exposition with its content type. `every`: seconds from cycle to cycle. `hosts` are the
    names under which the pages may be reached. `standards` gives the letterhead and what may leave; the rules are those
    of the last report, and `set_state` says what keeps a newer set from running; `state` whether this
    process is evaluating, on standby, or does neither (none). `answers`: what the links in mail open.
    """

    lookup: Lookup
    latest: Callable[[], CycleReport | None]
    counts: Callable[[], Counts]
    unready: Callable[[], Sequence[str]]
    metrics: Callable[[str], tuple[bytes, str]]
    standards: Standards
    clock: Callable[[], datetime]
    every: float = 60.0
    cutoffs: Cutoffs = field(default_factory=Cutoffs)
    hosts: tuple[str, ...] = LOOPBACK_NAMES
    set_state: Callable[[], SetState] = SetState
    sms_reports: ReportDesk | None = None
    state: Callable[[], str] = lambda: "evaluating"
    answers: Answering | None = None

    def stale(self, report: CycleReport, now: datetime) -> bool:
        """Say whether a report is older than three intervals."""
        return now - report.at > STALE_AFTER * timedelta(seconds=self.every)
