"""The demo: Plan 02 in a database of its own, judged on lively days, its mails in a mailbox of its own, and the page.

Its clock is the machine's with an offset, handed to the service; everything else is what a real installation runs.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from warnwatch.alerts import acts, ledger
from warnwatch.alerts.alert import Alert, Reason
from warnwatch.alerts.lifecycle import Move
from warnwatch.cycle import CycleReport
from warnwatch.mailbox import Mailbox
from warnwatch.notify.notification import Kind
from warnwatch.plan.calendar import Duration
from warnwatch.plan.importing import import_folder
from warnwatch.service import Service
from warnwatch.settings import Settings
from warnwatch.shipped import shipped

# Monday 15 December 2025, 08:00 in Viet Nam: examples/plan02/README.md says what the plan looks like then.
BEGINS = datetime(2025, 12, 15, 1, 0, tzinfo=UTC)
LONGEST_WAIT = 120.0


class OffsetClock:
    """The machine's clock, moved to another day; it runs on from where it is set."""

    def __init__(self, at: datetime) -> None:
        self._offset = at - datetime.now(UTC)

    def __call__(self) -> datetime:
        """Read the clock."""
        return datetime.now(UTC) + self._offset

    def move_to(self, at: datetime) -> None:
        """Set the clock forward."""
        self._offset = at - datetime.now(UTC)


@dataclass
class Story:
    """What the demo's cycles did, for the summary."""

    cycles: int = 0
    tasks: int = 0
    opened: int = 0
    raised: int = 0
    climbed: int = 0
    cleared: int = 0
    calls: int = 0
    acknowledged: str = ""
    initial: int = 0

    def note(self, report: CycleReport) -> None:
        """Count one cycle."""
        moves = [move.move for move in report.outcome.transitions]
        self.cycles += 1
        self.tasks = report.snapshot.tasks.height
        self.opened += moves.count(Move.OPENED)
        self.raised += moves.count(Move.RAISED)
        self.calls += len(report.outcome.calls)
        self.climbed += sum(call.reason is Reason.CLIMBED for call in report.outcome.calls)
        self.initial += sum(one.kind is Kind.INITIAL for one, _ in report.notifications)
        self.cleared += len(report.outcome.cured)


def run_demo(*, stay: bool, port: int, say: Callable[[str], None], folder: Path | None = None) -> Mapping[str, object]:
    """Run the demo; with `stay` serve the page until interrupted. Gives the counts of tasks, alerts, calls, mails.

    With a `folder` its database and its mails stay there.
    """
    with _place(folder) as place:
        mailbox = Mailbox(place / "mailbox")
        mailbox.start()
        try:
            settings = _settings(place, mailbox.port, port)
            clock = OffsetClock(BEGINS)
            service = Service(settings, clock)
            story = Story()
            asyncio.run(_play(service, clock, story, _Stage(mailbox, say, stay, kept=folder is not None)))
            return _summary(service, story, mailbox)
        finally:
            mailbox.stop()


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="warnwatch-demo-") as temporary:
        yield Path(temporary)


@dataclass(frozen=True)
class _Stage:
    mailbox: Mailbox
    say: Callable[[str], None]
    stay: bool
    kept: bool


def _settings(folder: Path, smtp_port: int, port: int) -> Settings:
    return Settings.model_validate(
        {
            "database": {"url": f"sqlite:///{folder / 'warnwatch.db'}"},
            "rules": {"folder": shipped("alert_rules")},
            "delivery": {"mode": "live"},
            "mail": {"host": "127.0.0.1", "port": smtp_port, "security": "none", "sender": "canh-bao@demo.example.vn"},
            "web": {"port": port if _is_free(port) else 0},
        }
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def _play(service: Service, clock: OffsetClock, story: Story, stage: _Stage) -> None:
    """Import, judge, move on a day; four times. Then stay, or not."""
    plan = shipped("examples/plan02")
    began = time.monotonic()
    await asyncio.to_thread(_take_in, service, plan)
    stop = asyncio.Event()
    sending = service.start_sender(stop)
    await _cycle(service, story)
    for day, step in enumerate(sorted((plan / "later").iterdir()), 1):
        # Each day a minute later than the day before: a wait of one working day is over by then.
        clock.move_to(_instant_of(step) + timedelta(minutes=day))
        await asyncio.to_thread(_take_in, service, step)
        await asyncio.to_thread(_answer, service, story)
        await _cycle(service, story)
    await _until_sent(service)
    stop.set()
    if sending:
        await sending
    _tell(story, stage, time.monotonic() - began)
    if stage.stay:
        await _stay(service, stage)
    else:
        service.close()


def _take_in(service: Service, folder: Path) -> None:
    import_folder(service.engine, folder, now=service.clock(), zone=service.settings.zone)


def _instant_of(folder: Path) -> datetime:
    """Read the instant of a later step from its folder's name, 01-2025-12-16T0800, in the plan's zone."""
    return datetime.strptime(folder.name.partition("-")[2] + "+0700", "%Y-%m-%dT%H%M%z")


async def _cycle(service: Service, story: Story) -> None:
    story.note(await asyncio.to_thread(service.cycle))
    service.wake_sender()


def _answer(service: Service, story: Story) -> None:
    """Let one head answer, on the second day: takes the gravest alert of a unit and promises a date."""
    if story.acknowledged or story.cycles < 2:
        return
    now, standards = service.clock(), service.standards
    with service.engine.begin() as connection:
        alert = _oldest_critical(connection)
        report = service.latest
        if alert is None or report is None:
            return
        holder = acts.find_holder(report.directory, alert, "head")
        calendar = standards.calendar
        until = calendar.end_of_day(calendar.local_date(calendar.add(now, Duration(2, "working_day"))))
        promise = acts.Promise(holder, until, "Đã giao bộ phận chuyên môn hoàn thành")
        policy = standards.book.policies[standards.book.rule(alert.rule).escalation]
        taken, binds = acts.acknowledge(alert, promise, policy, report.directory, now, calendar)
        ledger.save_act(connection, taken, ledger.promise_row(alert, promise, now, binds=binds))
    story.acknowledged = alert.code


def _oldest_critical(connection: Connection) -> Alert | None:
    found = ledger.read_alerts(connection, states=["open"], limit=50)
    return next((alert for alert in found if alert.opened_at and not alert.gone_since), None)


async def _until_sent(service: Service) -> None:
    """Wait until every mail that is ready has left."""
    deadline = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < deadline:
        counts = await asyncio.to_thread(service.lookup.counts)
        if not counts.oldest:
            return
        await asyncio.sleep(0.05)


async def _stay(service: Service, stage: _Stage) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    await service.run(stop, lambda: stage.say(f"Open {service.link} – Ctrl+C ends the demo."))


def _tell(story: Story, stage: _Stage, seconds: float) -> None:
    sent = len(stage.mailbox.received)
    stage.say(f"1. Plan 02 as public sources give it: {story.tasks} tasks of 131 bodies, played in {seconds:.0f} s.")
    stage.say(
        f"2. On Monday 15/12/2025 {story.initial} heads got one digest each; four days later {story.opened} alerts had "
        f"opened, {story.raised} were raised, {story.climbed} climbed, {story.cleared} ended with an all-clear."
    )
    stage.say(f"3. One head answered: {story.acknowledged} does not climb until the promised date.")
    kept = f", kept in {stage.mailbox.folder}" if stage.stay or stage.kept else ""
    kept += " while the demo runs" if kept and not stage.kept else ""
    stage.say(f"4. {sent} mails in Vietnamese reached the demo's own SMTP server{kept}.")
    first = stage.mailbox.received[0] if sent else None
    if first:
        stage.say(f"5. The first one, to {first.to}: {first.message['Subject']}")


def _summary(service: Service, story: Story, mailbox: Mailbox) -> Mapping[str, object]:
    return {
        "tasks": story.tasks,
        "alerts": story.opened,
        "calls": story.calls,
        "mails_sent": len(mailbox.received),
        "raised": story.raised,
        "climbed": story.climbed,
        "cleared": story.cleared,
        "acknowledged": story.acknowledged,
        "cycles": story.cycles,
        "delivery": service.settings.delivery.mode,
    }
