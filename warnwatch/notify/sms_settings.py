"""The settings of text messages, and what they become: how a gateway is asked, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from warnwatch.errors import SettingsError, nearest_name

# What a request may hold in braces: the message, the operator's account, and the address for delivery reports.
PLACES = ("to", "to_plain", "text", "key", "sender", "username", "password", "unicode", "coding", "report_url")
PLACE = re.compile(r"\{([a-z_]+)\}")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
Means = Literal["accepted", "refused", "bad_number", "again", "settings", "unknown"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Match(_Model):
    """One line of a gateway's answers: the first that fits says what an answer means.

    `status`: HTTP status, 200 or 2xx. `field`: a field of a JSON answer (`a.b`), without it the whole body. `pattern`:
    a regular expression that must be found in it.
    """

    means: Means
    status: str = Field("", pattern=r"^([1-5]\d\d|[1-5]xx)?$")
    field: str = ""
    pattern: str = ""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression ({error})") from error
        return pattern


class Sms(_Model):
    """Text messages; none leave until `gateway` names a kind of gateway. Time limits in seconds."""

    gateway: Literal["none", "kannel", "esms", "http"] = Field(
        "none", description="none, kannel, esms, or http with a request of your own"
    )
    url: str = Field("", description="the gateway's address; https, or http on loopback")
    username: str = Field("", description="account (Kannel's username, eSMS' ApiKey)")
    password: str | None = Field(None, repr=False, description="only as WARNWATCH_SMS__PASSWORD")
    password_file: Path | None = Field(None, description="a file that holds the password (eSMS' SecretKey)")
    ca_file: Path | None = Field(None, description="certificates to trust instead of the machine's")
    sender: str = Field("", description="the name or number that a message comes from (brandname)")
    prefix: str = Field(
        "WarnWatch", pattern=r"^[A-Za-z0-9 -]{0,20}$", description="the word that every message begins with"
    )
    alphabet: Literal["gsm7", "ucs2"] = Field(
        "gsm7", description="gsm7: without marks, 160 letters a part; ucs2: with them, 70"
    )
    most_segments: int = Field(3, gt=0, le=8, description="parts of one message at most")
    countries: tuple[str, ...] = Field(("VN",), min_length=1, description="whose mobile numbers are written to")
    daily_segments: int = Field(2000, ge=0, description="parts that may be written in a day; over it mail goes alone")
    unit_daily_segments: int = Field(20, ge=0, description="the same for one unit's holders")
    method: Literal["GET", "POST"] = Field("POST", description="of gateway http")
    headers: dict[str, str] = Field(default_factory=dict, description="of gateway http; {password} and others allowed")
    body: str = Field("", description="of gateway http; what is in braces is escaped as Content-Type asks")
    answers: tuple[Match, ...] = Field((), description="of gateway http: what its answers mean")
    reference_field: str = Field("", description="of gateway http: the JSON field with its own number of a message")
    repeats: bool = Field(
        default=False,
        description="of gateway http: it sends nothing twice for one {key}, so a lost answer is asked for again",
    )
    report_field: str = Field("status", description="of gateway http: the parameter of a report that tells the outcome")
    report_delivered: str = Field("", description="of gateway http: what that says when the message arrived (pattern)")
    report_failed: str = Field("", description="of gateway http: and when it never will")
    report_url: str = Field(
        "", description="this service's own address as the gateway reaches it; empty: no delivery reports"
    )
    report_secret: str | None = Field(None, repr=False, description="only as WARNWATCH_SMS__REPORT_SECRET")
    report_secret_file: Path | None = Field(None, description="a file with the secret that signs report addresses")
    connect_limit: float = Field(5.0, gt=0, le=10, description="seconds for a connection")
    attempt_limit: float = Field(10.0, gt=0, le=10, description="seconds for one attempt; the lease is half longer")
    connections: int = Field(4, gt=0, le=64, description="messages in the air at once")
    redirect_to: str | None = Field(
        None, pattern=r"^\+[1-9]\d{6,14}$", description="the number that mode redirect sends everything to (+84…)"
    )

    @property
    def used(self) -> bool:
        """Whether this installation has a gateway."""
        return self.gateway != "none"

    @field_validator("countries")
    @classmethod
    def _iso(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        odd = [one for one in countries if not re.fullmatch("[A-Z]{2}", one)]
        if odd:
            raise ValueError(f"{odd[0]!r} is no country; allowed: two capitals, as VN")
        return countries

    @model_validator(mode="after")
    def _whole(self) -> Sms:
        faults = list(self._faults()) if self.used else []
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _faults(self) -> Iterator[str]:
        yield from _address_faults("url", self.url)
        if self.report_url:
            yield from _address_faults("report_url", self.report_url)
            if not (self.report_secret or self.report_secret_file):
                yield "report_url needs report_secret or report_secret_file, or anybody could report a delivery"
        if self.gateway == "http":
            if not self.answers:
                yield "gateway http needs answers: without them nothing is ever accepted"
            if self.method == "POST" and not self.body:
                yield "method POST needs a body"
            yield from _place_faults(self.url, self.body, *self.headers.values())
        elif not self.username:
            yield f"gateway {self.gateway} needs username"

    def secret(self, name: Literal["password", "report_secret"]) -> str:
        """Give a secret, from the environment or its file."""
        file = self.password_file if name == "password" else self.report_secret_file
        if file is None:
            return (self.password if name == "password" else self.report_secret) or ""
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            raise SettingsError(f"sms.{name}_file: cannot read {file} ({error})") from error


def _address_faults(name: str, url: str) -> Iterator[str]:
    """Refuse an address that would send a number and a password in clear over a net."""
    try:
        parts = urlsplit(PLACE.sub("x", url))
        host = parts.hostname or ""
    except ValueError:
        host = ""
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        yield f"{name} must be an address such as https://sms.example.vn/send"
    elif parts.scheme == "http" and host not in LOOPBACK:
        yield f"{name} must be https, or http on {', '.join(LOOPBACK)}: else numbers and texts go in clear"
    if parts.username or parts.password:
        yield f"{name} must hold no account: use username and password"


def _place_faults(*texts: str) -> Iterator[str]:
    for text in texts:
        for name in PLACE.findall(text):
            if name not in PLACES:
                near = nearest_name(name, PLACES)
                nearest = f"; nearest: {near}" if near else ""
                yield f"{{{name}}} is nothing that a request can hold; allowed: {', '.join(PLACES)}{nearest}"
