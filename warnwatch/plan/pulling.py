"""One pull of one source: fetched into a folder of its own, then imported by the same door as everything else.

In: a source of the settings and the instant. Out: the plan brought up to date, or untouched and the reason kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import is_zipfile
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import Connection, Engine

from warnwatch.errors import Mistake, MistakesError
from warnwatch.language import Phrase, kept, together
from warnwatch.plan.column import File
from warnwatch.plan.fetched import GOOD, Fetched, Outcome, PullError
from warnwatch.plan.importing import ImportReport, import_folder
from warnwatch.plan.pull_folder import fetch_folder
from warnwatch.plan.pull_promql import fetch_promql
from warnwatch.plan.pull_sql import fetch_sql
from warnwatch.plan.pull_url import fetch_url
from warnwatch.plan.pulls import Past, add_feed, is_registered, read_past, record, register, subjects_in
from warnwatch.plan.source import FolderSource, Source, SqlSource, UrlSource

# So many mistakes are named to the keeper; `import --pull CODE --dry-run` shows all.
NAMED = 3


@dataclass(frozen=True, slots=True)
class PullReport:
    """What one pull did. `outcome` is None when there was nothing new; `why` is for people when it is not good.

    `recorded`: whether it was written down, which waits until the plan knows the source's keeper.
    """

    source: str
    outcome: Outcome | None
    why: str = ""
    rows: int | None = None
    report: ImportReport | None = None
    mistakes: tuple[Mistake, ...] = ()
    recorded: bool = True

    @property
    def good(self) -> bool:
        """Whether nothing is wrong with the source."""
        return self.outcome is None or self.outcome.value in GOOD


@dataclass(frozen=True, slots=True)
class Desk:
    """What a pull works with: how days and words are read, whether it writes, whether it looks at everything anew."""

    zone: ZoneInfo
    strict_before: bool = False
    dry_run: bool = False
    anew: bool = False


def pull(engine: Engine, source: Source, now: datetime, desk: Desk) -> PullReport:
    """Pull a source once. A bad delivery imports nothing; Other errors than of the source are raised."""
    with engine.connect().execution_options(reads_only=True) as connection:
        past = read_past(connection, source.code)
    with TemporaryDirectory(prefix="warnwatch-") as folder:
        spool = Path(folder) / source.code
        spool.mkdir()
        mark: Mapping[str, str] = {}
        try:
            fetched = _fetch(source, spool, past, now, desk)
            if fetched is None:
                return PullReport(source.code, None)
            mark = fetched.mark
            if fetched.unchanged:
                report = PullReport(source.code, Outcome.UNCHANGED, rows=past.rows)
            else:
                return _bring(engine, source, spool, _Beside(source, past, mark, now), desk)
        except PullError as error:
            report = PullReport(source.code, error.outcome, error.why)
        except MistakesError as error:
            report = PullReport(source.code, Outcome.CONTRADICTORY, _named(error), mistakes=error.mistakes)
    return report if desk.dry_run else _record(engine, source, report, past, mark, now)


def _fetch(source: Source, spool: Path, past: Past, now: datetime, desk: Desk) -> Fetched | None:
    # After a bad delivery the next one is looked at whole: what it contradicted may have been mended on our side.
    before = past.mark if past.last and past.last.value in GOOD and not desk.anew else {}
    if isinstance(source, FolderSource):
        return fetch_folder(source, spool, before)
    if isinstance(source, UrlSource):
        return fetch_url(source, spool, before)
    if isinstance(source, SqlSource):
        return fetch_sql(source, spool)
    return fetch_promql(source, spool, now, desk.zone)


def _bring(engine: Engine, source: Source, spool: Path, beside: _Beside, desk: Desk) -> PullReport:
    book = next(spool.glob("*.xlsx"), None)
    _look_at(spool)
    report = import_folder(
        engine,
        book or spool,
        now=beside.now,
        zone=desk.zone,
        dry_run=desk.dry_run,
        strict_before=desk.strict_before,
        actor=f"source:{source.code}",
        beside=beside,
    )
    return PullReport(source.code, Outcome.OK, rows=beside.rows, report=report, recorded=beside.recorded)


def _look_at(spool: Path) -> None:
    """Tell a file without anything, and the first part of a workbook, from one with mistakes."""
    for path in sorted(spool.iterdir()):
        with path.open("rb") as file:
            start = file.read(512)
        if not start.strip(b"\xef\xbb\xbf \t\r\n"):
            raise PullError(Outcome.EMPTY, Phrase("tệp {name} rỗng", name=path.name))
        if path.suffix == ".xlsx" and start.startswith(b"PK") and not is_zipfile(path):
            raise PullError(Outcome.HALF, Phrase("sổ tính không trọn vẹn: thiếu phần cuối"))


@dataclass
class _Beside:
    """What goes into the import's own transaction: the subjects that the source speaks of, and the pull itself."""

    source: Source
    past: Past
    mark: Mapping[str, str]
    now: datetime
    rows: int = 0
    recorded: bool = False
    spoken: dict[str, list[pl.Series]] = field(default_factory=dict)

    def take(self, file: File, rows: pl.DataFrame) -> None:
        """Count a file's rows and keep whom they speak of."""
        self.rows += rows.height
        found = subjects_in(file, rows)
        if found:
            self.spoken.setdefault(found[0], []).append(found[1].unique())

    def settle(self, connection: Connection | None) -> None:
        """Refuse what is no whole delivery; write down the rest, where there is something to write to."""
        if not self.rows:
            raise PullError(Outcome.EMPTY, Phrase("nguồn không có dòng nào"))
        if self.past.rows and self.rows < self.source.half * self.past.rows:
            raise PullError(
                Outcome.HALF,
                Phrase(
                    "nguồn chỉ có {rows} dòng, lần dùng được trước có {before}", rows=self.rows, before=self.past.rows
                ),
            )
        if connection is None:
            return
        # The delivery may have brought the keeper's unit itself.
        register(connection, [self.source], self.now)
        self.recorded = is_registered(connection, self.source.code)
        if not self.recorded:
            return
        for kind, subjects in self.spoken.items():
            add_feed(connection, self.source.code, kind, pl.concat(subjects), self.now)
        record(connection, self.source.code, Outcome.OK, self.rows, {"mark": dict(self.mark)}, self.now)


def _record(
    engine: Engine, source: Source, report: PullReport, past: Past, mark: Mapping[str, str], now: datetime
) -> PullReport:
    again = bool(mark) and not report.good and past.last is report.outcome and past.last_mark == mark
    if again or report.outcome is None:
        return report  # the same bad delivery, looked at once more
    facts: dict[str, object] = {"mark": dict(mark)}
    if report.why:
        facts |= {"why": report.why, "phrase": kept(report.why), "mistakes": len(report.mistakes)}
    with engine.begin() as connection:
        register(connection, [source], now)
        known = is_registered(connection, source.code)
        if known:
            record(connection, source.code, report.outcome, report.rows, facts, now)
    return PullReport(report.source, report.outcome, report.why, report.rows, None, report.mistakes, known)


def _named(error: MistakesError) -> Phrase:
    """Say how many mistakes there are and where the first ones stand; never what a cell holds."""
    places = together((_place(one) for one in error.mistakes[:NAMED]), "; ")
    return Phrase("{count} lỗi, không nhập gì; trước hết: {places}", count=len(error.mistakes), places=places)


def _place(one: Mistake) -> Phrase:
    where = [one.file, one.place or (Phrase("dòng {line}", line=one.line) if one.line else ""), one.field]
    return together((together((part for part in where if part), ", "), one.message), ": ")
