"""The demo: Plan 02 in a database of its own, judged on lively days, its mails in a mailbox of its own, and the page.

Its clock is the machine's with an offset, handed to the service; everything else is what a real installation runs.
"""

from __future__ import annotations

import asyncio
import shlex
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from warnwatch.alerts import acts, answers, ledger
from warnwatch.alerts.alert import Alert, Reason
from warnwatch.alerts.lifecycle import Move
from warnwatch.cycle import CycleReport
from warnwatch.errors import CannotRunError
from warnwatch.key_file import add_key
from warnwatch.language import Language, Phrase
from warnwatch.mailbox import Mailbox
from warnwatch.notify.notification import Kind
from warnwatch.plan.calendar import Duration
from warnwatch.plan.importing import import_folder
from warnwatch.service import Service
from warnwatch.settings import Settings
from warnwatch.shipped import shipped
from warnwatch.web.server import listen

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


@dataclass(frozen=True, slots=True)
class Tell:
    """How the demo speaks: in `line`s that stay, and on `progress` how far it is; both are given phrases."""

    line: Callable[[str], None]
    progress: Callable[[str], None]


@dataclass
class Story:
    """What the demo's cycles did, for the summary."""

    cycles: int = 0
    tasks: int = 0
    units: int = 0
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
        self.units = len(report.directory.units)
        self.opened += moves.count(Move.OPENED)
        self.raised += moves.count(Move.RAISED)
        self.calls += len(report.outcome.calls)
        self.climbed += sum(call.reason is Reason.CLIMBED for call in report.outcome.calls)
        self.initial += sum(one.kind is Kind.INITIAL for one, _ in report.notifications)
        self.cleared += len(report.outcome.cured)


def run_demo(
    *, stay: bool, port: int, tell: Tell, folder: Path | None = None, language: Language = "vi"
) -> Mapping[str, object]:
    """Run the demo; with `stay` serve the page until interrupted. Gives the counts of tasks, alerts, calls, mails.

    With a `folder` its database and its mails stay there. Its page speaks `language`. Raises KeyboardInterrupt
    when it was stopped in the middle.
    """
    with ExitStack() as ends:
        # Taken before the play: the page of a second demo must not find its port gone when the play is over.
        page = ends.enter_context(_listen_at(port)) if stay else None
        place = folder or Path(ends.enter_context(TemporaryDirectory(prefix="warnwatch-demo-")))
        mailbox = Mailbox(place / "mailbox")
        mailbox.start()
        ends.callback(mailbox.stop)
        clock = OffsetClock(BEGINS)
        service = Service(_settings(place, mailbox.port, language, page), clock)
        ends.callback(service.close)
        play = _Play(service, clock, mailbox, tell, page, kept=folder is not None)
        asyncio.run(play.run())
        if play.interrupted:
            raise KeyboardInterrupt
        return play.summary()


def _listen_at(port: int) -> socket.socket:
    """Take the port of the page, or a free one when another program has it."""
    try:
        return listen("127.0.0.1", port)
    except CannotRunError:
        return listen("127.0.0.1", 0)


def _settings(folder: Path, smtp_port: int, language: Language, page: socket.socket | None) -> Settings:
    """Give the demo's settings; where there is a page, its mails have links by which they are answered."""
    web: dict[str, object] = {}
    if page:
        keys = folder / "link.keys"
        if not keys.exists():
            add_key(keys)
        web = {"link": f"http://127.0.0.1:{page.getsockname()[1]}", "link_keys": keys}
    return Settings.model_validate(
        {
            "database": {"url": f"sqlite:///{(folder / 'warnwatch.db').absolute()}"},
            "plan": {"language": language},
            "rules": {"folder": shipped("alert_rules")},
            "delivery": {"mode": "live"},
            "web": web,
            "mail": {"host": "127.0.0.1", "port": smtp_port, "security": "none", "sender": "canh-bao@demo.example.vn"},
        }
    )


class _Play:
    """One showing: five mornings of Plan 02, each judged and told; then the service itself, if it is to stay."""

    def __init__(
        self,
        service: Service,
        clock: OffsetClock,
        mailbox: Mailbox,
        tell: Tell,
        page: socket.socket | None,
        *,
        kept: bool,
    ) -> None:
        self.interrupted = False
        self._service = service
        self._clock = clock
        self._mailbox = mailbox
        self._tells = tell
        self._page = page
        self._kept = kept
        self._story = Story()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Play, say what happened, then stay until a signal comes, or not."""
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._stop.set)
        await self._mornings()
        self.interrupted = self._stop.is_set()
        if self.interrupted:
            return
        if self._page is None:
            self._tell()
        else:
            await self._service.run(self._stop, self._tell, self._page)

    async def _mornings(self) -> None:
        """Import, judge, send; move on a day; five times, or until the stop."""
        plan = shipped("examples/plan02")
        played = asyncio.Event()
        sending = self._service.start_sender(played)
        steps = [plan, *sorted((plan / "later").iterdir())]
        for day, step in enumerate(steps):
            self._tells.progress(Phrase("Kế hoạch 02, buổi sáng {day} trên {days} …", day=day + 1, days=len(steps)))
            if day:
                # A mail in the air would look abandoned on the next morning, and be sent again.
                await self._until_sent()
                # Each day a minute later than the day before: a wait of one working day is over by then.
                self._clock.move_to(_instant_of(step) + timedelta(minutes=day))
            await asyncio.to_thread(_take_in, self._service, step)
            if day:
                await asyncio.to_thread(_answer, self._service, self._story)
            self._story.note(await asyncio.to_thread(self._service.cycle))
            self._service.wake_sender()
            if self._stop.is_set():
                break
        await self._until_sent()
        self._tells.progress("")
        played.set()
        if sending:
            await sending

    async def _until_sent(self) -> None:
        """Wait until every mail that is ready has left."""
        deadline = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < deadline and not self._stop.is_set():
            counts = await asyncio.to_thread(self._service.lookup.counts)
            if not counts.oldest:
                return
            await asyncio.sleep(0.02)

    def _tell(self) -> None:
        """Say in five lines what it did and where to look."""
        say, story, received = self._tells.line, self._story, self._mailbox.received
        say(
            Phrase(
                "1. Đã đọc: Kế hoạch 02 theo các nguồn công khai, {tasks} nhiệm vụ của {units} cơ quan, đơn vị; "
                "tiến độ là số liệu giả định.",
                tasks=story.tasks,
                units=story.units,
            )
        )
        say(
            Phrase(
                "2. Đã xét trong năm buổi sáng, từ 15 đến 19/12/2025: mở {opened} cảnh báo, nâng mức {raised} cảnh "
                "báo, chuyển {climbed} lượt sang bước tiếp theo, kết thúc {cleared} cảnh báo đã được khắc phục.",
                opened=story.opened,
                raised=story.raised,
                climbed=story.climbed,
                cleared=story.cleared,
            )
        )
        say(
            Phrase(
                "3. Đã báo: ngày đầu gửi {initial} người đứng đầu và đầu mối, mỗi người một thư tổng hợp; "
                "tổng cộng {mails} thư{first}.",
                initial=story.initial,
                mails=len(received),
                first=Phrase(", thư đầu tiên “{subject}”", subject=received[0].message["Subject"]) if received else "",
            )
        )
        say(
            Phrase(
                "4. Đã phản hồi: một người đứng đầu cam kết thời hạn hoàn thành, nên cảnh báo {alert} "
                "chưa được báo cáo cấp trên trước thời hạn đó.",
                alert=story.acknowledged,
            )
        )
        say(Phrase("5. Xem: {where}", where=self._where()))

    def _where(self) -> Phrase:
        mails = self._mailbox.folder
        if self._page is not None:
            return Phrase(
                "{link} có kế hoạch, các cảnh báo và từng thư như người đứng đầu nhận được. Tệp thư nằm trong {mails}: "
                "mở một thư và bấm “Phản hồi cảnh báo” để trả lời thay người nhận. Ctrl+C để kết thúc.",
                link=self._service.link,
                mails=mails,
            )
        if self._kept:
            config = shlex.quote(str(mails.parent / "warnwatch.toml"))
            return Phrase(
                "thư nằm trong {mails}; `warnwatch --config {config} alerts` liệt kê các cảnh báo.",
                mails=mails,
                config=config,
            )
        return Phrase(
            "`warnwatch demo` làm như vậy và ở lại với một trang web; --folder THU_MUC giữ lại cơ sở dữ liệu và thư."
        )

    def summary(self) -> Mapping[str, object]:
        """Give the counts for a script."""
        story = self._story
        return {
            "tasks": story.tasks,
            "alerts": story.opened,
            "calls": story.calls,
            "mails_sent": len(self._mailbox.received),
            "initial": story.initial,
            "raised": story.raised,
            "climbed": story.climbed,
            "cleared": story.cleared,
            "acknowledged": story.acknowledged,
            "cycles": story.cycles,
            "delivery": self._service.settings.delivery.mode,
        }


def _take_in(service: Service, folder: Path) -> None:
    import_folder(service.engine, folder, now=service.clock(), zone=service.settings.zone)


def _instant_of(folder: Path) -> datetime:
    """Read the instant of a later step from its folder's name, 01-2025-12-16T0800, in the plan's zone."""
    return datetime.strptime(folder.name.partition("-")[2] + "+0700", "%Y-%m-%dT%H%M%z")


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
        given = acts.Given(holder, until, note="Đã giao bộ phận chuyên môn hoàn thành")
        policy = standards.book.policies[standards.book.rule(alert.rule).escalation]
        taken = acts.take(alert, given, policy, report.directory, now, calendar)
        answers.save_answer(connection, alert, given, taken, now)
    story.acknowledged = alert.code


def _oldest_critical(connection: Connection) -> Alert | None:
    found = ledger.read_alerts(connection, states=["open"], limit=50)
    return next((alert for alert in found if alert.opened_at and not alert.gone_since), None)
