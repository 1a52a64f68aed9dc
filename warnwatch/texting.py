"""The text messages of one process: its sender, what is wrong with it, and the desk for delivery reports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from warnwatch.assembly import messenger_of
from warnwatch.cycle import CycleReport
from warnwatch.metrics import Metrics
from warnwatch.notify.lookup import Counts
from warnwatch.notify.outbox import SMS_LEASE, Outbox
from warnwatch.notify.sending import Pace, Sender
from warnwatch.notify.sms_budget import day_began, read_spent
from warnwatch.notify.sms_reports import ReportDesk
from warnwatch.notify.ways import SMS
from warnwatch.settings import Settings

LOG = logging.getLogger(__name__)


class Texting:
    """Everything about text messages that a process keeps; without a gateway it does nothing.

    `engine` is that of the senders, `clock` the one that leases are judged by. `sends`: this process has a sender's
    role; in mode hold nothing is sent. `least_level` gives for a channel what tells
    which levels may leave at an instant.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        clock: Callable[[], datetime],
        least_level: Callable[[str], Callable[[datetime], int]] = lambda _: lambda _: 0,
        *,
        sends: bool,
    ) -> None:
        self.messenger = messenger_of(settings)
        self.sender: Sender | None = None
        self._settings, self._engine, self._clock = settings, engine, clock
        self._least_level = least_level(SMS)
        self._sends = sends and settings.delivery.mode != "hold"
        self._spent = 0
        self._task: asyncio.Task[None] | None = None
        self._counted = 0
        self._over: tuple[datetime, int] | None = None

    @property
    def desk(self) -> ReportDesk | None:
        """Where the gateway's reports are handed in; none where none are asked for."""
        if self.messenger is None or not self._settings.sms.report_url:
            return None
        secret = self._settings.sms.secret("report_secret")
        return ReportDesk(self._engine, self._clock, secret, self.messenger.gateway.report)

    def start(
        self, stop: asyncio.Event, owner: str, jitter: Callable[[], float], ends: float, on_failure: Callable[[], None]
    ) -> asyncio.Task[None] | None:
        """Start sending until `stop`, and take at most `ends` seconds for what is in the air then."""
        if self.messenger is None or not self._sends:
            return None
        repeats = self.messenger.gateway.repeats
        box = Outbox(
            self._engine,
            owner=owner,
            clock=self._clock,
            channel=SMS,
            lease=SMS_LEASE,
            repeats=repeats,
            least_level=self._least_level,
        )
        self.sender = Sender(box, self.messenger, jitter, Pace(stop_within=ends), on_failure)
        self._task = asyncio.create_task(self.sender.run(stop))
        return self._task

    def wake(self) -> None:
        """Tell the sender, if there is one, that a cycle has committed texts."""
        if self.sender:
            self.sender.wake()

    def note(self, report: CycleReport) -> None:
        """Count what the day has cost; say in the log and to health that messages stayed out for want of budget."""
        if self.messenger is None:
            return
        zone = self._settings.zone
        began = day_began(report.at.astimezone(zone).date(), zone)
        with self._engine.connect().execution_options(reads_only=True) as connection:
            self._spent = read_spent(connection, began).total
        if self._over and self._over[0].astimezone(zone).date() != report.at.astimezone(zone).date():
            self._over = None
        if not report.over_budget:
            return
        before = self._over[1] if self._over else 0
        self._over = (report.at, before + len(report.over_budget))
        units = sorted({one.unit for one in report.over_budget})
        LOG.error(
            "text messages are over the day's budget; the mail goes all the same",
            extra={"messages": len(report.over_budget), "units": ", ".join(units[:20])},
        )

    def unready(self) -> list[str]:
        """Name every reason why messages do not go as they should."""
        reasons = []
        if self.sender and self.sender.alarm:
            reasons.append(f"text messages cannot leave: {self.sender.alarm}")
        if self.sender and self.sender.trouble:
            reasons.append(f"the outbox of text messages cannot be used: {self.sender.trouble}")
        if self._task and self._task.done():
            reasons.append("the sender of text messages has stopped")
        if self._over:
            reasons.append(
                f"text messages are over today's budget (sms.daily_segments, sms.unit_daily_segments): "
                f"{self._over[1]} stayed out; mail goes"
            )
        return reasons

    def observe(self, metrics: Metrics, counts: Counts, now: datetime) -> None:
        """Bring the numbers of messages to the metrics."""
        if self.messenger is None:
            return
        parts = self.messenger.segments
        metrics.observe_sms(parts - self._counted, max(0, self._settings.sms.daily_segments - self._spent))
        self._counted = parts
        if self.sender:
            oldest = dict(counts.oldest).get(SMS)
            metrics.observe_deliveries(SMS, self.sender.totals, (now - oldest).total_seconds() if oldest else 0.0)
