"""The settings of an installation: one TOML file, the environment above it, secrets only from environment or files.

`WARNWATCH_` + section + `__` + name in the environment overrides the file, as in WARNWATCH_DATABASE__URL.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from warnwatch.errors import SettingsError, nearest_name
from warnwatch.notify.sms_settings import Sms
from warnwatch.plan.source import PASSWORD_IN_URL, Source
from warnwatch.shipped import shipped

PREFIX = "WARNWATCH_"
SECRETS = (("mail", "password"), ("sms", "password"), ("sms", "report_secret"))
SQLITE = "sqlite:///"
_SMS_FILES = tuple(("sms", name) for name in ("password_file", "report_secret_file", "ca_file"))


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Database(_Section):
    """Where the plan and the alerts live."""

    url: str = Field(
        "sqlite:///warnwatch.db", repr=False, description="SQLAlchemy URL: sqlite:///FILE or postgresql://…"
    )


class Plan(_Section):
    """What holds for the whole plan."""

    zone: str = Field("Asia/Ho_Chi_Minh", description="time zone of days, deadlines and texts")
    strict_before: bool = Field(
        default=False,
        description="deadline words `trước ngày X` end with the day before X; false, as commonly used: with X",
    )
    language: Literal["vi", "en"] = Field(
        "vi", description="vi or en: pages, what commands say, and mail to a holder who chose no language"
    )
    least_clears: int = Field(
        0, ge=0, le=6, description="an import refuses an added or changed task with fewer of the six clears; 0: none"
    )

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{zone!r} is no time zone; allowed: names such as Asia/Ho_Chi_Minh") from error
        return zone


class Colours(_Section):
    """When a unit is green, yellow or red; no official limits are published."""

    green: float = Field(0.0, ge=0, lt=1, description="the largest share of overdue tasks that is green")
    yellow: float = Field(0.2, ge=0, lt=1, description="the largest share that is yellow; above it red")
    cutoff: int | Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = Field(
        5, description="the day at whose end units are compared: of each month (1 to 28), or of each week (`fri`)"
    )

    @field_validator("yellow")
    @classmethod
    def _above_green(cls, yellow: float, info: ValidationInfo) -> float:
        if yellow < info.data.get("green", 0.0):
            raise ValueError("yellow must not be less than green")
        return yellow

    @field_validator("cutoff")
    @classmethod
    def _every_month_has_it(cls, cutoff: int | str) -> int | str:
        if isinstance(cutoff, int) and not 1 <= cutoff <= 28:
            raise ValueError(f"{cutoff} is no day that every month has; allowed: 1 to 28")
        return cutoff


class Rules(_Section):
    """The rule set."""

    folder: Path | None = Field(None, description="the folder alert_rules; empty: the rules that ship with WarnWatch")
    watch: float = Field(2.0, gt=0, le=3600, description="seconds between looks at the folder, for a changed set")
    approval: Literal["none", "two_persons"] = Field(
        "none", description="two_persons: a changed set runs once two persons other than its author approve it"
    )
    keeper: str = Field(
        "", description="code of the unit that is told about failing rules and refused sets; empty: the secretariat's"
    )


class Cycle(_Section):
    """When the plan is judged."""

    every: float = Field(60.0, gt=0, le=86_400, description="seconds from cycle to cycle")
    lease: float = Field(
        15.0, ge=1, le=300, description="seconds after which another process evaluates when the one that did is gone"
    )


class Delivery(_Section):
    """What may leave: start with hold, look at what would be sent, try redirect, then go live."""

    mode: Literal["hold", "redirect", "live"] = Field("hold", description="hold, redirect or live")
    pilot: tuple[str, ...] | None = Field(None, description="unit codes; when given, only these units are told")


class Journal(_Section):
    """The journal's chain of seals, and what proves it to somebody else."""

    heads: Path | None = Field(None, description="a file to which each day's head of the chain is added; empty: none")


class SilenceLimits(_Section):
    """How long a person may pause alerts."""

    longest_days: int = Field(30, gt=0, le=366, description="days that a silence lasts at most")


class Mail(_Section):
    """The mail server. Time limits in seconds."""

    host: str = Field("localhost", description="SMTP server")
    port: int = Field(587, gt=0, lt=65_536, description="its port")
    security: Literal["none", "starttls", "tls"] = Field(
        "starttls", description="none only on loopback or a closed net"
    )
    username: str | None = Field(None, description="login; without it none is tried")
    password: str | None = Field(None, repr=False, description="only as WARNWATCH_MAIL__PASSWORD")
    password_file: Path | None = Field(None, description="a file that holds the password")
    ca_file: Path | None = Field(None, description="certificates to trust instead of the machine's")
    sender: str = Field("canh-bao@example.vn", description="envelope and From address")
    bounce_to: str | None = Field(
        None,
        description="where undeliverable mail comes back to, with {id} for each mail's own: canh-bao+{id}@example.vn",
    )
    sender_name: str = Field("Hệ thống cảnh báo sớm", description="name beside it")
    local_hostname: str = Field("localhost", description="the name given in EHLO")
    message_id_domain: str = Field("warnwatch.invalid", description="right side of Message-ID; stable for ever")
    connections: int = Field(4, gt=0, le=64, description="kept open at once while there is mail")
    connect_limit: float = Field(10.0, gt=0, description="seconds for a connection")
    command_limit: float = Field(10.0, gt=0, description="seconds for one answer")
    attempt_limit: float = Field(30.0, gt=0, description="seconds for one attempt; below the lease")
    lease: float = Field(
        45.0,
        gt=0,
        le=3600,
        validate_default=True,
        description="seconds that a sender holds a text before another takes it",
    )
    first_pause: float = Field(
        5.0, ge=0.1, le=1800, description="seconds before the second try; they double from there"
    )
    redirect_to: str | None = Field(None, description="where mode redirect sends everything")

    @field_validator("lease")
    @classmethod
    def _outlives_an_attempt(cls, lease: float, info: ValidationInfo) -> float:
        attempt = info.data.get("attempt_limit", 0.0)
        if lease < 1.1 * attempt:
            raise ValueError(f"must be a tenth longer than mail.attempt_limit ({attempt:g}), or two send the same text")
        return lease


class Web(_Section):
    """The service's own HTTP side."""

    host: Literal["127.0.0.1", "::1", "localhost"] = Field(
        "127.0.0.1", description="loopback only, until access control is configured"
    )
    port: int = Field(8057, ge=0, lt=65_536, description="0 takes a free one")
    link: str = Field("", description="address of the service in texts; empty: texts hold no link")
    link_keys: Path | None = Field(
        None, description="a file with the keys that sign the links by which mail is answered; empty: no such links"
    )
    link_days: int = Field(30, gt=0, le=366, description="days for which such a link is good")


class Letter(_Section):
    """What every text says of the installation."""

    system: str = Field("Hệ thống cảnh báo sớm WarnWatch", description="name of the system in texts")
    digest_cap: int = Field(50, gt=0, le=500, description="alerts listed in one mail; the rest are counted")


class Settings(_Section):
    """All settings; each has a default, so that an empty file runs on SQLite and sends nothing."""

    database: Database = Database()
    plan: Plan = Plan()
    colours: Colours = Colours()
    rules: Rules = Rules()
    cycle: Cycle = Cycle()
    delivery: Delivery = Delivery()
    silence: SilenceLimits = SilenceLimits()
    journal: Journal = Journal()
    mail: Mail = Mail()
    sms: Sms = Sms()
    web: Web = Web()
    letter: Letter = Letter()
    sources: tuple[Source, ...] = ()

    @field_validator("sources")
    @classmethod
    def _once(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        codes = [_variable(source.code) for source in sources]
        if len(set(codes)) < len(codes):
            raise ValueError("two sources have the same code; each needs its own")
        return sources

    @property
    def zone(self) -> ZoneInfo:
        """The plan's time zone."""
        return ZoneInfo(self.plan.zone)

    @property
    def rules_folder(self) -> Path:
        """The folder with the rules: the installation's own, or the one that ships."""
        return self.rules.folder or shipped("alert_rules")

    @property
    def mail_password(self) -> str | None:
        """The mail password, from the environment or its file."""
        if self.mail.password_file is None:
            return self.mail.password
        try:
            return self.mail.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            raise SettingsError(f"mail.password_file: cannot read {self.mail.password_file} ({error})") from error


def load_settings(file: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; every mistake at once in a SettingsError. A relative path in the file starts at the file."""
    values = _read(file) if file else {}
    faults = _secrets_in(values)
    for key, value in environment.items():
        section, mark, name = key.removeprefix(PREFIX).lower().partition("__")
        if key.startswith(PREFIX) and section == "sources":
            _of_source(values, name, value)
            continue
        part = values.setdefault(section, {}) if key.startswith(PREFIX) and mark else None
        if isinstance(part, dict):
            part[name] = _listed(section, name, value)
    delivery, mail = (values.get(section) for section in ("delivery", "mail"))
    redirects = isinstance(delivery, dict) and delivery.get("mode") == "redirect"
    if redirects and not (isinstance(mail, dict) and mail.get("redirect_to")):
        faults.append("mail.redirect_to: mode redirect needs an address to send everything to")
    sms = values.get("sms")
    if redirects and isinstance(sms, dict) and sms.get("gateway", "none") != "none" and not sms.get("redirect_to"):
        faults.append("sms.redirect_to: mode redirect needs a number to send every text message to")
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults += [_said(fault) for fault in error.errors(include_url=False, include_input=False)]
        raise SettingsError("\n".join(faults)) from None
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _secrets_in(values: Mapping[str, Any]) -> list[str]:
    """Name the secrets that stand in the file, without saying them."""
    faults = [
        f"{section}.{name}: a secret does not belong into the file; "
        f"use {PREFIX}{section.upper()}__{name.upper()} or {section}.{name}_file"
        for section, name in SECRETS
        if isinstance(values.get(section), dict) and name in values[section]
    ]
    database = values.get("database")
    url = database.get("url") if isinstance(database, dict) else None
    if isinstance(url, str) and PASSWORD_IN_URL.search(url):
        faults.append(
            f"database.url: a password does not belong into the file; use {PREFIX}DATABASE__URL or a passfile"
        )
    return faults + _secrets_in_sources(values)


def _tables(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    sources = values.get("sources")
    return [one for one in sources if isinstance(one, dict)] if isinstance(sources, list) else []


def _secrets_in_sources(values: Mapping[str, Any]) -> list[str]:
    faults = []
    for one in _tables(values):
        code = one.get("code")
        variable = f"{PREFIX}SOURCES__{_variable(str(code))}"
        database = one.get("database")
        if "secret" in one:
            faults.append(f"sources.{code}.secret: not in the file; use {variable}__SECRET or secret_file")
        if isinstance(database, str) and PASSWORD_IN_URL.search(database):
            faults.append(
                f"sources.{code}.database: no password in the file; use {variable}__DATABASE or database_file"
            )
    return faults


def _variable(code: str) -> str:
    """Write a source's code as part of a variable's name."""
    return "".join(one if one.isalnum() else "_" for one in code.upper())


def _of_source(values: Mapping[str, Any], name: str, value: str) -> None:
    """Put WARNWATCH_SOURCES__CODE__NAME into the source of that code; a code that no source has is left alone."""
    code, _, key = name.partition("__")
    for one in _tables(values):
        if key and _variable(str(one.get("code"))).lower() == code:
            one[key] = value


def _said(fault: ErrorDetails) -> str:
    """Write one mistake: the setting, what is wrong, what is allowed."""
    where, message = ".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, ")
    if fault["type"] != "extra_forbidden":
        return f"{where}: {message}"
    section = Settings.model_fields.get(str(fault["loc"][0])) if len(fault["loc"]) > 1 else None
    kind = section.annotation if section else Settings
    names = list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []
    near = nearest_name(str(fault["loc"][-1]), names)
    return f"{where}: no such setting; allowed: {', '.join(names)}" + (f"; nearest: {near}" if near else "")


def _listed(section: str, name: str, value: str) -> object:
    return (
        [part.strip() for part in value.split(",") if part.strip()]
        if (section, name) in (("delivery", "pilot"), ("sms", "countries"))
        else value
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: not a TOML file ({error})") from error
    for section, name in (
        ("rules", "folder"),
        ("mail", "password_file"),
        ("mail", "ca_file"),
        ("journal", "heads"),
        *_SMS_FILES,
        ("web", "link_keys"),
    ):
        part = values.get(section)
        if isinstance(part, dict) and isinstance(part.get(name), str):
            part[name] = str(file.parent / part[name])
    for one in _tables(values):
        for name in ("path", "secret_file", "ca_file", "database_file"):
            if isinstance(one.get(name), str):
                one[name] = str(file.parent / one[name])
        if isinstance(one.get("database"), str):
            one["database"] = _beside(file, one["database"])
    database = values.get("database")
    if isinstance(database, dict) and isinstance(database.get("url"), str):
        database["url"] = _beside(file, database["url"])
    return values


def _beside(file: Path, url: str) -> str:
    """Let a relative SQLite file start at the settings file, as every other path does, wherever the command runs."""
    start, path = url[: len(SQLITE)], url[len(SQLITE) :]
    if start != SQLITE or not path or path.startswith((":memory:", "file:")):
        return url
    return SQLITE + str(file.parent.absolute() / path)
