"""What the settings become: the database, the standards that a cycle judges by, and the way out for mail."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine

from warnwatch import database
from warnwatch.answering import Answering
from warnwatch.cycle import Standards
from warnwatch.errors import CannotRunError, Mistake, MistakesError
from warnwatch.key_file import LinkKeys, read_ring
from warnwatch.language import Phrase, in_language
from warnwatch.notify import gsm
from warnwatch.notify.delivery import Answer, Claimed
from warnwatch.notify.email import Mailer
from warnwatch.notify.links import NO_RING
from warnwatch.notify.mail_settings import MailSettings
from warnwatch.notify.notification import Kind, Letterhead, SmsStyle
from warnwatch.notify.outbox import MAIL_LEASE, SMS_LEASE
from warnwatch.notify.release import Mode, Release
from warnwatch.notify.sms import Messenger
from warnwatch.notify.sms_budget import Budget
from warnwatch.notify.ways import MAIL, SMS
from warnwatch.plan.calendar import WorkCalendar, load_calendar
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.colours import Cutoffs
from warnwatch.rules.entry import Codes
from warnwatch.rules.evaluation import columns_of
from warnwatch.rules.rule import RuleBook
from warnwatch.rules.rulebook import load_rulebook
from warnwatch.settings import Settings

LEAVES = {
    "hold": "serving; every text is held and nothing leaves (delivery.mode = hold)",
    "redirect": "serving; every mail goes to mail.redirect_to (delivery.mode = redirect)",
    "live": "serving; mail goes to the heads of unit (delivery.mode = live)",
}


def open_database(settings: Settings) -> Engine:
    """Open the database; an embedded one is made or brought up to date at once, a server's is only checked."""
    engine = database.open_engine(settings.database.url)
    try:
        if engine.dialect.name == "sqlite":
            database.upgrade(settings.database.url)
        database.check_revision(engine)
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
            sms=SmsStyle(settings.sms.prefix, settings.sms.alphabet == "ucs2", settings.sms.most_segments),
            # A mail that is redirected is read by somebody who must not answer for its addressee.
            ring=NO_RING if settings.delivery.mode == "redirect" else read_ring(settings.web.link_keys),
            link_days=settings.web.link_days,
        ),
        release=Release(Mode(settings.delivery.mode), None if pilot is None else frozenset(pilot)),
        stopwatch=time.perf_counter,
        cutoffs=Cutoffs(settings.colours.green, settings.colours.yellow, settings.colours.cutoff),
        ways=frozenset({MAIL, SMS} if settings.sms.used else {MAIL}),
        sms_countries=frozenset(settings.sms.countries),
        budget=Budget(settings.sms.daily_segments, settings.sms.unit_daily_segments),
        # As they are, line ends and all: read again from the database they are the same version.
        rule_files={file.name: file.read_bytes().decode() for file in _written(settings.rules_folder)},
    )


def _written(folder: Path) -> list[Path]:
    """Name the files of a set, without what editors leave beside them."""
    return [file for file in sorted(folder.glob("*.yml")) if not file.name.startswith((".", "~"))]


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


def answers_of(
    settings: Settings, engine: Engine, standards: Callable[[], Standards], clock: Callable[[], datetime]
) -> Answering | None:
    """Give what the links in mail open; nothing where no key signs them."""
    file = settings.web.link_keys
    return Answering(engine, LinkKeys(file, read_ring(file)), standards, clock) if file else None


def opening(settings: Settings, engine: Engine, link: str) -> tuple[str, dict[str, str]]:
    """Say in one line what runs here, where the page is, and whether anything will leave."""
    mode, url = settings.delivery.mode, engine.url
    where = str(Path(url.database or "").absolute()) if url.drivername.startswith("sqlite") else url.host or ""
    extra = {"link": link, "delivery": mode, "database": f"{url.get_backend_name()} {where}"}
    return LEAVES[mode], extra


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
        bounce_to=mail.bounce_to,
    )


def messenger_of(settings: Settings) -> Messenger | None:
    """Give the way out for text messages; None where there is no gateway."""
    if not settings.sms.used:
        return None
    to = settings.sms.redirect_to if settings.delivery.mode == "redirect" else None
    return Messenger(settings.sms, redirect_to=to, language=settings.plan.language)


async def send_test_message(settings: Settings, number: str, now: datetime) -> Answer:
    """Send one test message to a number, and give what the gateway answered."""
    if not settings.sms.used:
        raise CannotRunError("sms.gateway: none is configured; allowed: kannel, esms, http (see docs/operations.md)")
    messenger = Messenger(settings.sms, language=settings.plan.language)
    style = SmsStyle(settings.sms.prefix, settings.sms.alphabet == "ucs2")
    said = in_language(Phrase("tin nhắn thử. Nhận được tin này nghĩa là cấu hình đã đúng."), settings.plan.language)
    text = f"{style.prefix}: {said}" if style.prefix else said
    # A key of its own at each try: a gateway that knows keys again would send only the first.
    one = _test_text(f"test-{now.timestamp()}", "sms", number, text if style.accents else gsm.plain(text), now)
    return await messenger.send(one)


async def send_test(settings: Settings, address: str, now: datetime) -> Answer:
    """Send one test mail to an address as the installation would send; give what the server answered."""
    mailer = Mailer(replace(mail_settings(settings), redirect_to=None))
    system, language = settings.letter.system, settings.plan.language
    text = Phrase("Thư thử của {system}. Nhận được thư này nghĩa là cấu hình gửi thư đã đúng.", system=system)
    one = _test_text(f"test-{now.timestamp()}", "email", address, in_language(text, language), now)
    subject = in_language(Phrase("[Thư thử] {system}", system=system), language)
    answer = await mailer.send(replace(one, subject=subject))
    await mailer.rest()
    return answer


def _test_text(key: str, channel: str, address: str, text: str, now: datetime) -> Claimed:
    return Claimed(
        id=0,
        key=key,
        office="head",
        unit="test",
        channel=channel,
        level=0,
        address=address,
        subject="",
        text=text,
        html=None,
        created_at=now,
        owner="test",
        epoch=1,
        tries=0,
        thread="",
        lease_until=now + (SMS_LEASE if channel == "sms" else MAIL_LEASE),
    )
