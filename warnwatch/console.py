"""What the commands share: the installation they work on, how they print, and how an error becomes an exit code.

Exit codes: 0 fine, 1 findings, 2 usage or settings, 3 cannot run (database, network), 130 interrupted.
"""

from __future__ import annotations

import errno
import io
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from warnwatch import database, rule_desk
from warnwatch.assembly import load_standards, open_database
from warnwatch.clocks import clock_of
from warnwatch.cycle import Standards
from warnwatch.errors import CannotRunError, MistakesError, SettingsError, WarnWatchError
from warnwatch.language import LANGUAGES, Language, Phrase, in_language
from warnwatch.notify.failures import read_flags
from warnwatch.plan.directory import Directory
from warnwatch.plan.snapshot import read_snapshot
from warnwatch.settings import Settings, load_settings

INTERRUPTED = 130  # 128 + SIGINT, as shells say it

FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
SOURCE = click.Path(path_type=Path, exists=True)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)
NEW_FOLDER = click.Path(path_type=Path, file_okay=False)
as_json = click.option("--json", "json_", is_flag=True, help="Print JSON for a script.")


@dataclass
class Installation:
    """What a command works with, opened only when it is asked for. `spoken`: the language asked for on the line."""

    config: Path | None
    spoken: Language | None = None

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
        """Rules, calendar, letterhead and delivery mode; the rules that ran last where the folder's may not run."""
        reading = rule_desk.read(self.settings)
        with self.engine.connect().execution_options(reads_only=True) as connection:
            standards = rule_desk.settle(self.settings, reading, connection)
        if standards.set_state.refused or standards.set_state.waiting:
            version = standards.book.version[:12]
            self.say(
                Phrase(
                    "Bộ quy tắc trong thư mục có lỗi hoặc đang chờ phê duyệt: dùng bộ {version} đang áp dụng.",
                    version=version,
                ),
                err=True,
            )
        return standards

    @cached_property
    def drafted(self) -> Standards:
        """The same by the folder as it is; raises every mistake in it."""
        return load_standards(self.settings)

    @property
    def language(self) -> Language:
        """The language of what a command says; Vietnamese where the settings cannot be read."""
        if self.spoken:
            return self.spoken
        try:
            return self.settings.plan.language
        except SettingsError:
            return "vi"

    def say(self, text: str, *, err: bool = False) -> None:
        """Print a line for a person."""
        click.echo(in_language(text, self.language), err=err)

    def close(self) -> None:
        """Let go of the database, if it was opened."""
        if "engine" in self.__dict__:
            self.engine.dispose()

    def now(self) -> datetime:
        """Read the clock of the installation."""
        return clock_of(self.engine)()

    def directory(self) -> Directory:
        """Give the units and holders of today."""
        day = self.standards.calendar.local_date(self.now())
        with self.engine.connect().execution_options(reads_only=True) as connection:
            known = read_snapshot(connection, self.standards.calendar, codes=[], day=day).directory(day)
            return known.flagging(read_flags(connection))

    def instant(self, text: str, option: str = "--at") -> datetime:
        """Read an instant, as UTC; without an offset it is in the plan's zone."""
        try:
            at = datetime.fromisoformat(text)
            return (at if at.tzinfo else at.replace(tzinfo=self.settings.zone)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            allowed = Phrase("2025-12-15T08:00 hoặc 2025-12-15T08:00+07:00")
            raise SettingsError(
                Phrase(
                    "{option} {text!r}: không phải thời điểm; được phép: {allowed}",
                    option=option,
                    text=text,
                    allowed=allowed,
                )
            ) from error

    def end_of(self, text: str, option: str) -> datetime:
        """Read an instant, as UTC; a date alone means its last microsecond in the plan's zone."""
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return self.instant(text, option)
        return self.standards.calendar.end_of_day(day)


pass_installation = click.make_pass_decorator(Installation)


def _speak(ctx: click.Context, _: click.Parameter, value: Language | None) -> Language | None:
    """Let the whole command, its errors too, speak the language asked for."""
    here = ctx.find_object(Installation)
    if here and value:
        here.spoken = value
    return value


in_a_language = click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    expose_value=False,
    callback=_speak,
    help="Language of what is said and of the settings written; without it plan.language.",
)


class Commands(click.Group):
    """The commands, with our errors said on standard error and turned into exit codes."""

    def main(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 (click's own signature)
        """Run the command line; the texts are Vietnamese, whatever the terminal was told."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; whatever a user can mend is said without a traceback."""
        try:
            return super().invoke(ctx)
        except MistakesError as error:
            language = _language(ctx)
            _say(ctx, *(mistake.said(language) for mistake in error.mistakes))
            _say(ctx, Phrase("{count} lỗi; không ghi gì.", count=len(error.mistakes)))
            sys.exit(error.exit_code)
        except WarnWatchError as error:
            _say(ctx, str(error))
            sys.exit(error.exit_code)
        except SQLAlchemyError as error:
            _say(ctx, database.cannot_reach("", error))
            sys.exit(CannotRunError.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever reads has seen enough: click ends quietly
                raise
            _say(ctx, f"{error.filename or 'WarnWatch'}: {error.strerror or error}")
            sys.exit(CannotRunError.exit_code)
        except KeyboardInterrupt:
            _say(ctx, Phrase("\nĐã dừng theo yêu cầu; không ghi gì dở dang."))
            sys.exit(INTERRUPTED)


def _language(ctx: click.Context) -> Language:
    return ctx.obj.language if isinstance(ctx.obj, Installation) else "vi"


def _say(ctx: click.Context, *lines: str) -> None:
    for line in lines:
        click.echo(in_language(line, _language(ctx)), err=True)


def progress_line(text: str) -> None:
    """Show how far something is, on one line of the terminal; an empty text clears it."""
    click.echo(f"\r{text}\033[K", err=True, nl=False)


def print_json(data: object, language: Language = "vi") -> None:
    """Print one JSON document: its keys and words are the same in every language, its sentences are not."""
    click.echo(json.dumps(_said(data, language), ensure_ascii=False, indent=2))


def _said(data: object, language: Language) -> object:
    if isinstance(data, str):
        return in_language(data, language)
    if isinstance(data, Mapping):
        return {key: _said(value, language) for key, value in data.items()}
    return [_said(one, language) for one in data] if isinstance(data, list | tuple) else data


def print_either(here: Installation, lines: Iterable[str], data: object, *, json_: bool) -> None:
    """Print JSON for a script, or lines for a person."""
    if json_:
        print_json(data, here.language)
        return
    for line in lines:
        here.say(line)
