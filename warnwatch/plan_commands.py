"""The commands about the plan and the rules: bring it in, check, judge, explain."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import click

from warnwatch import printing
from warnwatch.console import (
    NEW_FILE,
    SOURCE,
    Installation,
    as_json,
    pass_installation,
    print_either,
    progress_line,
)
from warnwatch.cycle import Memory, run_cycle
from warnwatch.errors import MistakesError, SettingsError, nearest_name
from warnwatch.explain import explain
from warnwatch.explain_lines import explain_lines
from warnwatch.language import Language, Phrase, in_language
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.columns import FILES
from warnwatch.plan.fetched import Outcome
from warnwatch.plan.headers import Progress
from warnwatch.plan.importing import import_folder
from warnwatch.plan.marking import write_marked
from warnwatch.plan.pulling import Desk, pull
from warnwatch.plan.template import write_template
from warnwatch.plan.writing import read_codes
from warnwatch.turns import run_once

_BAR = 20  # signs wide
_SHOWN_EVERY = 0.1  # seconds


@click.command(name="import")
@click.argument("source", type=SOURCE, required=False)
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--complete", is_flag=True, help="Rows that a file omits are recorded as withdrawn.")
@click.option("--history", is_flag=True, help="Take recorded_at from the files; only into an empty plan.")
@click.option("--marked", type=NEW_FILE, help="If there are mistakes, write a copy of the workbook with them marked.")
@click.option("--pull", "pull_", metavar="CODE", help="Pull one source of the settings now, instead of a file.")
@click.option("--template", type=NEW_FILE, help="Write the workbook that units fill in, and import nothing.")
@as_json
@pass_installation
def import_(  # noqa: PLR0913 (the options of one command, by name)
    here: Installation,
    source: Path | None,
    *,
    dry_run: bool,
    complete: bool,
    history: bool,
    marked: Path | None,
    template: Path | None,
    pull_: str | None,
    json_: bool,
) -> None:
    """Bring the plan to what a workbook, or a folder of CSV files, says: everything, or nothing and every mistake.

    Example: warnwatch import plan.xlsx --dry-run
    """
    if template:
        _write_template(here, template, source)
        return
    if pull_:
        if source or complete or history or marked:
            raise SettingsError(Phrase("--pull chỉ dùng cùng --dry-run và --json: nguồn đã được khai trong cấu hình"))
        _pull(here, pull_, dry_run=dry_run, json_=json_)
        return
    if source is None:
        raise click.UsageError("a workbook or a folder is missing; or --template FILE, to write an empty workbook")
    with _progress(here.language, show=not json_ and sys.stderr.isatty()) as progress, _marking(here, source, marked):
        report = import_folder(
            here.engine,
            source,
            now=here.now(),
            zone=here.settings.zone,
            dry_run=dry_run,
            history=history,
            complete=complete,
            strict_before=here.settings.plan.strict_before,
            calendar=here.standards.calendar,
            least_clears=here.settings.plan.least_clears,
            progress=progress,
        )
    print_either(here, printing.import_lines(report), printing.import_json(report), json_=json_)


def _pull(here: Installation, code: str, *, dry_run: bool, json_: bool) -> None:
    known = {source.code: source for source in here.settings.sources}
    if code not in known:
        near = nearest_name(code, known)
        hint = Phrase("; có phải ý là {near}?", near=near) if near else ""
        allowed = ", ".join(known) or Phrase("cấu hình chưa khai nguồn nào")
        raise SettingsError(
            Phrase(
                "cấu hình không có nguồn {code}; có: {allowed}{hint}",
                code=code,
                allowed=allowed,
                hint=hint,
            )
        )
    desk = Desk(here.settings.zone, here.settings.plan.strict_before, dry_run, anew=True)
    report = pull(here.engine, known[code], here.now(), desk)
    print_either(here, printing.pull_lines(report, here.language), printing.pull_json(report), json_=json_)
    if not report.good:
        sys.exit(3 if report.outcome is Outcome.UNREACHABLE else 1)


def _write_template(here: Installation, target: Path, source: Path | None) -> None:
    if source:
        raise SettingsError(Phrase("--template chỉ viết mẫu, không nhập: bỏ đường dẫn nguồn"))
    if target.suffix.lower() != ".xlsx":
        raise SettingsError(Phrase("--template {target}: tên tệp phải kết thúc bằng .xlsx", target=target))
    if target.exists():
        raise SettingsError(Phrase("--template {target}: tệp đã có; chọn tên khác để không ghi đè", target=target))
    with here.engine.connect().execution_options(reads_only=True) as connection:
        units = sorted(read_codes(connection, FILES["units"]))
    write_template(target, units, here.language)
    codes = (
        Phrase("{units} mã đơn vị của kế hoạch để chọn", units=len(units))
        if units
        else Phrase("kế hoạch chưa có đơn vị nào để chọn")
    )
    here.say(Phrase("Đã viết mẫu {target}: {codes}.", target=target, codes=codes))


@contextmanager
def _marking(here: Installation, source: Path, marked: Path | None) -> Iterator[None]:
    """Write the marked copy when there are mistakes; they are said in any case."""
    if marked and (not source.is_file() or marked.suffix.lower() != ".xlsx" or marked.resolve() == source.resolve()):
        raise SettingsError(Phrase("--marked: chỉ cho sổ tính XLSX, ghi vào một tệp .xlsx khác"))
    try:
        yield
    except MistakesError as error:
        if marked:
            here.say(_marked(source, marked, error, here.language), err=True)
        elif any(one.place for one in error.mistakes):
            here.say(Phrase("Thêm --marked TỆP.xlsx để nhận bản sao có đánh dấu từng ô lỗi."), err=True)
        raise


def _marked(source: Path, marked: Path, error: MistakesError, language: Language) -> str:
    try:
        whole = write_marked(source, marked, error.mistakes, language)
    except OSError as reason:
        return Phrase("Không ghi được {marked}: {reason}.", marked=marked, reason=reason.strerror)
    return (
        Phrase("Đã đánh dấu lỗi trong {marked}.", marked=marked)
        if whole
        else Phrase("{marked} chỉ có danh sách lỗi, không đánh dấu được vào ô.", marked=marked)
    )


@contextmanager
def _progress(language: Language, *, show: bool) -> Iterator[Progress | None]:
    """Show how far a long import is, on one line of the terminal: a bar, its rate and the time left."""
    begun: dict[str, float] = {}
    shown = [0.0]

    def tell(what: str, done: int, total: int) -> None:
        now = perf_counter()
        started = begun.setdefault(what, now)
        if now - shown[0] >= _SHOWN_EVERY or done >= total:
            shown[0] = now
            progress_line(in_language(progress_text(what, done, total, now - started), language))

    yield tell if show else None
    if show:
        progress_line("")


def progress_text(what: str, done: int, total: int, seconds: float) -> str:
    """Say how far one step of an import is. A step with a phrase counts rows, one with a file's bare name its bytes."""
    share = min(1.0, done / total) if total else 1.0
    bar = "█" * int(_BAR * share) + "░" * (_BAR - int(_BAR * share))
    start = Phrase("{what} {bar} {share} %", what=what, bar=bar, share=int(100 * share))
    if not seconds or not done:
        return start
    rate = done / seconds
    left = timedelta(seconds=round(max(0, total - done) / rate))
    if isinstance(what, Phrase):
        speed = Phrase("{rate} dòng/giây", rate=f"{rate:,.0f}".replace(",", "."))
    else:
        speed = Phrase("{rate} MB/giây", rate=f"{rate / 1e6:.1f}".replace(".", ","))
    return Phrase("{start}, {speed}, còn {left}", start=start, speed=speed, left=left)


@click.command()
@as_json
@pass_installation
def measures(here: Installation, *, json_: bool) -> None:
    """List the measures that a rule may use, with unit and meaning.

    Example: warnwatch measures --json
    """
    data = [printing.measure_json(measure) for known in CATALOGUE.values() for measure in known.values()]
    print_either(here, printing.measure_lines(here.language), data, json_=json_)


@click.command()
@click.option(
    "--at", "at_", help="The instant; without it now. In the past: the plan as known then, no alert open yet."
)
@click.option("--dry-run", is_flag=True, help="Print what would happen; write nothing.")
@as_json
@pass_installation
def evaluate(here: Installation, at_: str | None, *, dry_run: bool, json_: bool) -> None:
    """Run one cycle, or with --dry-run print one: what would open, who would be told what.

    A rule that fails makes the exit code 1. JSON: at, rules_version, tasks (how many were judged), failures (by rule),
    transitions (each with its move, and the reason of an end), calls, muted (alerts whose calls are held
    back from now on, each with what holds them), unmuted, notifications (each with its state: ready, held).

    Example: warnwatch evaluate --at 2025-12-16T08:00 --dry-run
    """
    if at_ and not dry_run:
        raise SettingsError(Phrase("--at chỉ dùng cùng --dry-run: chu kỳ thật luôn chạy vào lúc này"))
    if dry_run:
        now = here.now()
        at = here.instant(at_) if at_ else now
        as_of = at if at < now else None
        report = run_cycle(here.engine, Memory(), here.drafted, at, dry_run=True, as_of=as_of)
    else:
        report = run_once(here.engine, here.standards, here.now)
    print_either(here, printing.cycle_lines(report, here.settings.zone), printing.cycle_json(report), json_=json_)
    if report.evaluation.failures:
        sys.exit(1)


@click.command(name="explain")
@click.argument("subject")
@click.option("--at", "at_", help="The instant, with the plan as known then; without it now.")
@click.option("--as", "as_", metavar="OFFICE", help="Only what one office was told, and why not more.")
@as_json
@pass_installation
def explain_(here: Installation, subject: str, at_: str | None, as_: str | None, *, json_: bool) -> None:
    """Say for each rule why a task, unit, KPI or source is warned about, or why not, and who was told.

    So too of a rule (its id), the rule set (alert_rules) and a missing datum (tasks.start/UNIT).
    A KPI is named with its unit, KPI/UNIT. OFFICE is head, deputy, focal_point, superior.head … of the unit that
    answers, UNIT/head, or a holder's code. In the past the plan is taken as it was recorded by then: nothing was known
    before the first import.

    Example: warnwatch explain KH02-054 --at 2025-12-16T08:00 --as superior.head
    """
    at = here.instant(at_) if at_ else here.now()
    standards = here.standards
    with here.engine.connect().execution_options(reads_only=True) as connection:
        explanation = explain(
            connection,
            standards.book,
            standards.calendar,
            subject,
            at=at,
            as_of=at if at_ else None,
            office=as_,
            language=here.language,
            cutoffs=standards.cutoffs,
            set_state=standards.set_state,
        )
    print_either(here, explain_lines(explanation, here.settings.zone), explanation.as_json(), json_=json_)
