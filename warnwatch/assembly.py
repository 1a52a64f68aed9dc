"""What the settings become: the database, the standards that a cycle judges by, and the way out for mail."""

from __future__ import annotations

import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine

from warnwatch import schema
from warnwatch.cycle import Standards
from warnwatch.errors import CannotRunError, Mistake, MistakesError
from warnwatch.notify.email import MailSettings
from warnwatch.notify.notification import Kind, Letterhead
from warnwatch.notify.release import Mode, Release
from warnwatch.plan.calendar import WorkCalendar, load_calendar
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.colours import Cutoffs
from warnwatch.rules.entry import Codes
from warnwatch.rules.evaluation import columns_of
from warnwatch.rules.rule import RuleBook
from warnwatch.rules.rulebook import load_rulebook
from warnwatch.settings import Settings


def open_database(settings: Settings) -> Engine:
    """Open the database; an embedded one is made or brought up to date at once, a server's is only checked."""
    engine = schema.open_engine(settings.database.url)
    try:
        if engine.dialect.name == "sqlite":
            schema.upgrade(settings.database.url)
        schema.check_revision(engine)
    except CannotRunError:
        engine.dispose()
        raise
    return engine


def load_standards(settings: Settings, codes: Codes | None = None) -> Standards:
    """Load rules and calendar and settle what may leave; MistakesError names every mistake of every file.

    With the plan's `codes` (see `rule_file.Vocabulary`), those that rules name and the plan does not know are warnings.
    """
    calendar, book = read_rules_folder(settings.rules_folder, settings.plan.zone, codes)
    # The calendar is part of what a verdict means: one version names both.
    version = sha256(f"{book.version} {calendar.version}".encode()).hexdigest()
    pilot = settings.delivery.pilot
    return Standards(
        book=replace(book, version=version),
        calendar=calendar,
        letterhead=Letterhead(
            system=settings.letter.system,
            zone=settings.zone,
            link=settings.web.link,
            digest_cap=settings.letter.digest_cap,
            language=settings.plan.language,
        ),
        release=Release(Mode(settings.delivery.mode), None if pilot is None else frozenset(pilot)),
        stopwatch=time.perf_counter,
        cutoffs=Cutoffs(settings.colours.green, settings.colours.yellow, settings.colours.cutoff),
        rule_files={file.name: file.read_text("utf-8-sig") for file in sorted(settings.rules_folder.glob("*.yml"))},
    )


def read_rules_folder(folder: Path, zone: str, codes: Codes | None = None) -> tuple[WorkCalendar, RuleBook]:
    """Read calendar and rules of a folder, by no setting but these; MistakesError names every mistake of every file."""
    mistakes = list[Mistake]()
    calendar = book = None
    try:
        calendar = load_calendar(folder / "calendar.yml", zone)
    except MistakesError as error:
        # Named as the rule files are: by the folder, wherever it lies.
        mistakes += [replace(mistake, file=f"{folder.name}/calendar.yml") for mistake in error.mistakes]
    try:
        catalogue = {about: columns_of(about) for about in CATALOGUE}
        book = load_rulebook(folder, catalogue, [kind.value for kind in Kind], codes)
    except MistakesError as error:
        mistakes += error.mistakes
    if calendar is None or book is None:
        raise MistakesError(mistakes)
    return calendar, book


def mail_settings(settings: Settings) -> MailSettings:
    """Bring the settings' mail section, with its secret, into the form that the mail channel takes."""
    mail = settings.mail
    return MailSettings(
        host=mail.host,
        port=mail.port,
        sender=mail.sender,
        sender_name=mail.sender_name,
        local_hostname=mail.local_hostname,
        message_id_domain=mail.message_id_domain,
        security=mail.security,
        username=mail.username,
        password=settings.mail_password,
        ca_file=str(mail.ca_file) if mail.ca_file else None,
        connect_limit=mail.connect_limit,
        command_limit=mail.command_limit,
        attempt_limit=mail.attempt_limit,
        connections=mail.connections,
        redirect_to=mail.redirect_to if settings.delivery.mode == "redirect" else None,
        language=settings.plan.language,
    )
