"""What stands on each page: read from the board's report and the database, put into words."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from warnwatch.alerts.alert import State
from warnwatch.alerts.terms import Terms
from warnwatch.cycle import CycleReport
from warnwatch.language import Phrase
from warnwatch.notify.links import hidden
from warnwatch.notify.lookup import AlertLine
from warnwatch.notify.release import Mode
from warnwatch.notify.tongues import wording_of
from warnwatch.plan.directory import Directory
from warnwatch.plan.source_frame import NO_TROUBLE
from warnwatch.plan.source_words import SourceWords, words_of
from warnwatch.rules.rule import LEVELS, Level
from warnwatch.web.alert_rows import AlertRow, Seen, Telling, age, see, terms_for
from warnwatch.web.board import Board
from warnwatch.web.mail_rows import STATES, MailPage, MailRow, mail_page, mail_row
from warnwatch.web.overview import Overview, overview_of

# Lists show so many at once, then as many behind "xem thêm", and say how many more there are.
SHOWN = 10
LISTED = 50

MODES = {
    Mode.HOLD: (Phrase("Đang giữ lại"), Phrase("Thư được soạn và hiển thị ở đây, chưa gửi đi đâu.")),
    Mode.REDIRECT: (
        Phrase("Chuyển hướng"),
        Phrase("Mọi thư được gửi về một địa chỉ kiểm tra, không đến người nhận thật."),
    ),
    Mode.LIVE: (Phrase("Gửi thật"), Phrase("Thư được gửi đến người nhận.")),
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A list with its ends: the first rows, those behind a fold, how many more the database has, how many in all."""

    first: tuple[AlertRow, ...] | tuple[MailRow, ...]
    folded: tuple[AlertRow, ...] | tuple[MailRow, ...]
    more: int
    total: int


@dataclass(frozen=True, slots=True)
class RulesNotice:
    """What keeps a new rule set from running: its mistakes, or that it waits; rules in force that cannot be run."""

    waiting: str
    mistakes: tuple[str, ...]
    more: int
    failing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """The page at a glance. `overview` is None before the first cycle; empty texts are left out."""

    at: str
    stale: str
    mode: str
    mode_css: str
    mode_words: str
    pilot: int
    overview: Overview | None
    scale: str
    alerts: Listed
    levels: tuple[tuple[str, str, int], ...]
    standing: int
    mails: Listed
    mail_states: tuple[tuple[str, str, int], ...]
    sources: tuple[SourceWords, ...] = ()
    rules: RulesNotice | None = None


class Pages:
    """The pages over one board; what only a new cycle changes is worked out once per cycle."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._zone = board.standards.letterhead.zone
        self._language = board.standards.letterhead.language
        self._says = wording_of(self._language)
        self._drawn: tuple[CycleReport | None, Overview | None] = (None, None)
        self._seen: tuple[CycleReport | None, frozenset[int], Seen, Terms | None] = (None, frozenset(), {}, None)

    def index(self) -> Index:
        """Put the whole page together; reads the database, so from a worker thread."""
        board, now = self._board, self._board.clock()
        report, counts = board.latest(), board.counts()
        release, cutoffs = board.standards.release, board.cutoffs
        states = board.lookup.mail_states()
        mode, mode_words = MODES[release.mode]
        return Index(
            at=self._says.moment(report.at, self._zone) if report else "",
            stale=age(report.at, now) if report and board.stale(report, now) else "",
            mode=mode,
            mode_css=release.mode.value,
            mode_words=mode_words,
            pilot=len(release.pilot or ()),
            overview=self._overview(report),
            scale=Phrase(
                "Xanh: không quá {green} nhiệm vụ quá hạn; Vàng: không quá {yellow}; Đỏ: trên {yellow}",
                green=self._says.percent(cutoffs.green),
                yellow=self._says.percent(cutoffs.yellow),
            ),
            alerts=self._alerts(report, counts.open),
            levels=counts_by_level(counts.alerts),
            standing=counts.standing,
            mails=self._mails(states, report.directory if report else None),
            mail_states=tuple((state, word, states[state]) for state, word in STATES.items() if state in states),
            sources=_sources(report, self._zone),
            rules=self._rules(report),
        )

    def _rules(self, report: CycleReport | None) -> RulesNotice | None:
        state = self._board.set_state()
        failing = tuple(sorted(report.evaluation.failures)) if report else ()
        if not (state.mistakes or state.waiting or failing):
            return None
        said = tuple(mistake.said(self._language) for mistake in state.mistakes[:LISTED])
        return RulesNotice(state.waiting[:12], said, len(state.mistakes) - len(said), failing)

    def mail(self, number: int) -> MailPage | None:
        """Put the page of one notification together; None when there is none."""
        mail, report = self._board.lookup.mail(number), self._board.latest()
        return mail_page(mail, report.directory if report else None, self._zone, self._says) if mail else None

    def mail_html(self, number: int) -> str:
        """Give the HTML part of one notification; an empty text when there is none."""
        mail = self._board.lookup.mail(number)
        return hidden(mail.html) if mail else ""

    def _overview(self, report: CycleReport | None) -> Overview | None:
        drawn, overview = self._drawn
        if drawn is not report:
            overview = overview_of(report, self._board.cutoffs) if report else None
            self._drawn = (report, overview)
        return overview

    def _alerts(self, report: CycleReport | None, total: int) -> Listed:
        lines = self._board.lookup.open_alerts(LISTED)
        if report is None:
            return Listed((), (), total, total)
        book = report.book
        failing = report.evaluation.failures.keys()
        mutings = self._board.lookup.mutings(
            [line.alert for line in lines], book, report.directory, self._board.clock()
        )
        seen, terms = self._seen_of(report, lines)
        telling = Telling(book, report.directory, seen, self._zone, self._language, mutings, failing, terms)
        rows = tuple(telling.row(line) for line in lines)
        # The count is the last cycle's; a list that is shorter than it has said all there is.
        total = max(total, len(rows)) if len(rows) == LISTED else len(rows)
        return Listed(rows[:SHOWN], rows[SHOWN:], total - len(rows), total)

    def _seen_of(self, report: CycleReport, lines: list[AlertLine]) -> tuple[Seen, Terms | None]:
        known, ids, seen, terms = self._seen
        listed = frozenset(line.alert.id for line in lines)
        if known is not report or ids != listed:
            alerts = [line.alert for line in lines]
            seen, terms = see(report, report.book, alerts), terms_for(report, alerts)
            self._seen = (report, listed, seen, terms)
        return seen, terms

    def _mails(self, states: dict[str, int], directory: Directory | None) -> Listed:
        lines = self._board.lookup.mails(LISTED)
        rows = tuple(mail_row(line, directory, self._zone, self._says) for line in lines)
        total = max(sum(states.values()), len(rows))
        return Listed(rows[:SHOWN], rows[SHOWN:], total - len(rows), total)


def _sources(report: CycleReport | None, zone: ZoneInfo) -> tuple[SourceWords, ...]:
    """Give the pulled sources, those in trouble first."""
    if report is None:
        return ()
    found = words_of(report.snapshot.sources, None, report.evaluation.today, zone)
    return tuple(sorted(found.values(), key=lambda one: (one.trouble == NO_TROUBLE, one.code)))


def counts_by_level(alerts: tuple[tuple[str, int, str, int], ...]) -> tuple[tuple[str, str, int], ...]:
    """Sum the open alerts up by level, the gravest first: (word for the class, Vietnamese word, number)."""
    numbers = dict.fromkeys(sorted(LEVELS.values(), reverse=True), 0)
    for _, level, state, number in alerts:
        if state == State.OPEN.value:
            numbers[Level(level)] += number
    return tuple((level.word, level.vietnamese, number) for level, number in numbers.items())
