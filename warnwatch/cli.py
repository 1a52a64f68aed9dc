"""The command line: each command reads its words, calls one function of the program, and prints what came of it.

Exit codes: 0 fine, 1 findings, 2 usage or settings, 3 cannot run (database, network).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from warnwatch import __version__, printing, schema
from warnwatch.alerts import acts, ledger
from warnwatch.alerts.ledger import JournalRow
from warnwatch.cycle import Memory, Standards, run_cycle
from warnwatch.demo import run_demo
from warnwatch.errors import CannotRunError, MistakesError, SettingsError, WarnWatchError
from warnwatch.explain import explain
from warnwatch.logs import log_to_stderr
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.directory import Directory
from warnwatch.plan.importing import import_folder
from warnwatch.plan.snapshot import read_snapshot
from warnwatch.service import clock_of, load_standards, open_database, send_test, serve
from warnwatch.settings import Settings, load_settings
from warnwatch.shipped import shipped


@dataclass(frozen=True)
class Desk:
    """What a command works with, opened only when it is asked for."""

    config: Path | None

    @cached_property
    def settings(self) -> Settings:
        """The settings of this installation."""
        return load_settings(self.config)

    @cached_property
    def engine(self) -> Engine:
        """The database, open and of this program's schema."""
        return open_database(self.settings)

    @cached_property
    def standards(self) -> Standards:
        """Rules, calendar, letterhead and delivery mode."""
        return load_standards(self.settings)

    def now(self) -> datetime:
        """Read the clock of the installation."""
        return clock_of(self.engine)()

    def instant(self, text: str) -> datetime:
        """Read an instant, as UTC; without an offset it is in the plan's zone."""
        try:
            at = datetime.fromisoformat(text)
        except ValueError as error:
            allowed = "2025-12-15T08:00 hoặc 2025-12-15T08:00+07:00"
            raise SettingsError(f"--at {text!r}: không phải thời điểm; được phép: {allowed}") from error
        return (at if at.tzinfo else at.replace(tzinfo=self.settings.zone)).astimezone(UTC)


class _Commands(click.Group):
    """The commands, with our errors said on standard error and turned into exit codes."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; whatever a user can mend is said without a traceback."""
        try:
            return super().invoke(ctx)
        except MistakesError as error:
            for mistake in error.mistakes:
                click.echo(str(mistake), err=True)
            click.echo(f"{len(error.mistakes)} lỗi; không ghi gì.", err=True)
            sys.exit(error.exit_code)
        except WarnWatchError as error:
            click.echo(str(error), err=True)
            sys.exit(error.exit_code)
        except SQLAlchemyError as error:
            click.echo(schema.cannot_reach("", error), err=True)
            sys.exit(CannotRunError.exit_code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), envvar="WARNWATCH_CONFIG", help="TOML file.")
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """Early warning for dated plans: the head of each unit is told in time, and then the head's superior.

    Begin with `warnwatch demo`, or with `warnwatch init FOLDER` for an installation of your own.
    """
    ctx.obj = Desk(config)


pass_desk = click.make_pass_decorator(Desk)
as_json = click.option("--json", "json_", is_flag=True, help="Print JSON for a script.")
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
NEW_FOLDER = click.Path(path_type=Path, file_okay=False)


def _print(lines: Iterable[str], data: object, *, json_: bool) -> None:
    if json_:
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
    else:
        for line in lines:
            click.echo(line)


# --- trying and running ---------------------------------------------------------------------------------------------


@main.command()
@click.option("--exit", "exit_", is_flag=True, help="Do the same without staying.")
@click.option("--port", default=8057, show_default=True, help="Port of the page; a free one when it is taken.")
@click.option("--folder", type=NEW_FOLDER, help="Keep database, mails, rules and settings there, for other commands.")
@as_json
def demo(*, exit_: bool, port: int, folder: Path | None, json_: bool) -> None:
    """Show Plan 02 judged and warned about, with a mailbox and a page of its own.

    Example: warnwatch demo --exit --folder try
    """
    if folder:
        _write_starter(folder)
    summary = run_demo(stay=not exit_, port=port, say=(lambda _line: None) if json_ else click.echo, folder=folder)
    if json_:
        click.echo(json.dumps(summary, ensure_ascii=False, indent=2))


@main.command()
@click.argument("folder", type=NEW_FOLDER)
def init(folder: Path) -> None:
    """Write a starter folder: settings and the shipped rules, to make your own.

    Example: warnwatch init /srv/warnwatch
    """
    _write_starter(folder)
    click.echo(f"Đã tạo {folder}. Bước tiếp theo:")
    click.echo(f"  warnwatch --config {folder / 'warnwatch.toml'} import THU_MUC_KE_HOACH")
    click.echo(f"  warnwatch --config {folder / 'warnwatch.toml'} serve")


def _write_starter(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise SettingsError(f"{folder}: thư mục đã có nội dung; hãy chọn một thư mục mới hoặc trống")
    shutil.copytree(shipped("alert_rules"), folder / "alert_rules", dirs_exist_ok=True)
    (folder / "warnwatch.toml").write_text(STARTER, encoding="utf-8")


STARTER = """\
# WarnWatch: see docs/operations.md for every setting. Secrets come from the environment or from files.
[database]
url = "sqlite:///warnwatch.db"

[rules]
folder = "alert_rules"

[delivery]
mode = "hold"          # hold: nothing leaves; redirect: all to mail.redirect_to; live: to the heads of unit

[mail]
host = "localhost"
port = 587
security = "starttls"
sender = "canh-bao@example.vn"
"""


@main.command(name="serve")
@pass_desk
def serve_(desk: Desk) -> None:
    """Run the service: cycles, mail, metrics and the page, until SIGTERM.

    Example: warnwatch --config warnwatch.toml serve
    """
    log_to_stderr()
    serve(desk.settings)


@main.command(name="send-test")
@click.argument("address")
@pass_desk
def send_test_(desk: Desk, address: str) -> None:
    """Send one test mail with the settings of the installation, and say what the server answered.

    Example: warnwatch send-test thu@example.vn
    """
    accepted, answer = asyncio.run(send_test(desk.settings, address))
    click.echo(answer)
    if not accepted:
        sys.exit(1)


@main.group()
def db() -> None:
    """Look after the database."""


@db.command()
@pass_desk
def upgrade(desk: Desk) -> None:
    """Bring the database to this program's schema.

    Example: warnwatch db upgrade
    """
    schema.upgrade(desk.settings.database.url)
    click.echo("the database has this program's schema")


# --- plan and rules -------------------------------------------------------------------------------------------------


@main.command(name="import")
@click.argument("folder", type=FOLDER)
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--complete", is_flag=True, help="Rows that a file omits are recorded as withdrawn.")
@click.option("--history", is_flag=True, help="Take recorded_at from the files; only into an empty plan.")
@as_json
@pass_desk
def import_(desk: Desk, folder: Path, *, dry_run: bool, complete: bool, history: bool, json_: bool) -> None:
    """Bring the plan to what a folder of CSV files says: everything, or nothing and every mistake.

    Example: warnwatch import examples/plan02 --dry-run
    """
    with _progress(show=not json_ and sys.stderr.isatty()) as progress:
        report = import_folder(
            desk.engine,
            folder,
            now=desk.now(),
            zone=desk.settings.zone,
            dry_run=dry_run,
            history=history,
            complete=complete,
            progress=progress,
        )
    _print(printing.import_lines(report), printing.import_json(report), json_=json_)


@contextmanager
def _progress(*, show: bool) -> Iterator[Any]:
    """Show how far a long import is, on one line of the terminal."""

    def tell(what: str, done: int, total: int) -> None:
        share = f" {100 * done // total} %" if total else ""
        click.echo(f"\r{what}: {done}{share}\033[K", err=True, nl=False)

    yield tell if show else None
    if show:
        click.echo("\r\033[K", err=True, nl=False)


@main.command()
@click.argument("folder", type=FOLDER, required=False)
@as_json
@pass_desk
def check(desk: Desk, folder: Path | None, *, json_: bool) -> None:
    """Check a rule folder: every mistake with file, line and column.

    Example: warnwatch check alert_rules/
    """
    settings = desk.settings
    if folder:
        settings = settings.model_copy(update={"rules": settings.rules.model_copy(update={"folder": folder})})
    try:
        book = load_standards(settings).book
    except MistakesError as error:
        if not json_:
            raise
        click.echo(json.dumps([mistake.as_json() for mistake in error.mistakes], ensure_ascii=False, indent=2))
        sys.exit(error.exit_code)
    lines = [f"lưu ý: {warning}" for warning in book.warnings]
    lines.append(f"{len(book.rules)} quy tắc, {len(book.policies)} chính sách: không có lỗi ({book.version[:12]})")
    _print(lines, [warning.as_json() for warning in book.warnings], json_=json_)


@main.command()
@as_json
def measures(*, json_: bool) -> None:
    """List the measures that a rule may use, with unit and meaning.

    Example: warnwatch measures --json
    """
    data = [printing.measure_json(measure) for known in CATALOGUE.values() for measure in known.values()]
    _print(printing.measure_lines(), data, json_=json_)


@main.command()
@click.option(
    "--at", "at_", help="The instant; without it now. In the past: the plan as known then, no alert open yet."
)
@click.option("--dry-run", is_flag=True, help="Print what would happen; write nothing.")
@as_json
@pass_desk
def evaluate(desk: Desk, at_: str | None, *, dry_run: bool, json_: bool) -> None:
    """Run one cycle, or with --dry-run print one: what would open, who would be told what.

    Example: warnwatch evaluate --at 2025-12-16T08:00 --dry-run
    """
    if at_ and not dry_run:
        raise SettingsError("--at chỉ dùng cùng --dry-run: chu kỳ thật luôn chạy vào lúc này")
    now = desk.now()
    at = desk.instant(at_) if at_ else now
    as_of = at if at < now else None
    report = run_cycle(desk.engine, Memory(), desk.standards, at, dry_run=dry_run, as_of=as_of)
    _print(printing.cycle_lines(report, desk.settings.zone), printing.cycle_json(report), json_=json_)
    if report.evaluation.failures:
        sys.exit(1)


@main.command(name="explain")
@click.argument("task")
@click.option("--at", "at_", help="The instant, with the plan as known then; without it now.")
@as_json
@pass_desk
def explain_(desk: Desk, task: str, at_: str | None, *, json_: bool) -> None:
    """Say for each rule why a task is warned about, or why not.

    In the past the plan is taken as it was recorded by then: nothing was known before the first import.

    Example: warnwatch explain KH02-054 --at 2025-12-16T08:00
    """
    at = desk.instant(at_) if at_ else desk.now()
    standards = desk.standards
    with desk.engine.connect() as connection:
        as_of = at if at_ else None
        explanation = explain(connection, standards.book, standards.calendar, task, at=at, as_of=as_of)
    _print(printing.explain_lines(explanation, desk.settings.zone), explanation.as_json(), json_=json_)


# --- alerts ---------------------------------------------------------------------------------------------------------


@main.command()
@click.option("--unit", help="Only the alerts of one unit.")
@click.option("--ended", is_flag=True, help="Those that ended, too.")
@click.option("--standing", is_flag=True, help="Only the secretariat's standing list.")
@as_json
@pass_desk
def alerts(desk: Desk, unit: str | None, *, ended: bool, standing: bool, json_: bool) -> None:
    """List alerts, the gravest first.

    Example: warnwatch alerts --unit DP-19-UB
    """
    states = ["open", "pending", *(["ended"] if ended else [])]
    with desk.engine.connect() as connection:
        found = ledger.read_alerts(connection, states=states, unit=unit)
    found = [alert for alert in found if alert.standing or not standing]
    _print(printing.alert_lines(found, desk.settings.zone), [printing.alert_json(one) for one in found], json_=json_)


@main.command()
@click.argument("alert")
@click.option("--by", required=True, help="A holder's code, or an office of the unit: head, deputy, focal_point.")
@click.option("--until", required=True, help="The date or instant by which the matter will be cured.")
@click.option("--note", default="", help="What will be done.")
@pass_desk
def ack(desk: Desk, alert: str, by: str, until: str, note: str) -> None:
    """Record that a head has taken an alert, with the date promised for the cure.

    Example: warnwatch ack CB-25-00012 --by head --until 2025-12-19
    """
    standards, now = desk.standards, desk.now()
    calendar = standards.calendar
    with desk.engine.begin() as connection:
        found = ledger.find_alert(connection, alert, for_update=True)
        plan = read_snapshot(connection, calendar, codes=[])
        directory = Directory({unit.code: unit for unit in plan.units}, plan.holders, calendar.local_date(now))
        holder = acts.find_holder(directory, found, by)
        promise = acts.Promise(holder, _end_of(desk, until), note)
        policy = standards.book.policies[standards.book.rule(found.rule).escalation]
        taken, binds = acts.acknowledge(found, promise, policy, directory, now, calendar)
        facts = {"holder": holder.code, "until": promise.until.isoformat(), "note": note, "binds": binds}
        ledger.save_act(connection, taken, JournalRow(now, "acknowledged", holder.code, facts, found.id, found.subject))
    until_ = printing.local(promise.until, desk.settings.zone)
    click.echo(
        f"{alert}: đã ghi nhận cam kết đến {until_}"
        if binds
        else f"{alert}: đã ghi nhận là đã nhận; chỉ người đứng đầu mới dừng được việc báo cáo cấp trên"
    )


def _end_of(desk: Desk, text: str) -> datetime:
    """Read a promised date; a date alone means its last microsecond."""
    at = desk.instant(text)
    return at if len(text) > len("2025-12-19") else at + timedelta(days=1) - timedelta(microseconds=1)


@main.command()
@click.argument("alert")
@click.option("--by", required=True, help="Who closes it: an office, never a person's name.")
@click.option("--reason", required=True, help="Why.")
@click.option("--document", required=True, help="Number of the document that decides it.")
@pass_desk
def close(desk: Desk, alert: str, by: str, reason: str, document: str) -> None:
    """Close an alert by a document; it opens again only when its level rises above this one.

    Example: warnwatch close CB-25-00012 --by BCD-CQTT --reason "đã có văn bản thay thế" --document 12-CV/VPTW
    """
    now = desk.now()
    with desk.engine.begin() as connection:
        found = ledger.find_alert(connection, alert, for_update=True)
        closed = acts.close_by_document(found, reason, document, now)
        facts: Mapping[str, Any] = {"reason": reason, "document": document, "level": found.level.word}
        ledger.save_act(connection, closed, JournalRow(now, "closed", by, facts, found.id, found.subject))
    click.echo(f"{alert}: đã đóng theo {document}; chỉ mở lại khi mức cao hơn “{found.level.vietnamese}”")


if __name__ == "__main__":
    main()
