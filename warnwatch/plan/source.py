"""What the settings say of a source that is pulled: where it is, who keeps it, when new data is expected.

A password never stands in the settings file: `secret` and a `database` with a password come from the environment
(WARNWATCH_SOURCES__CODE__SECRET, …__DATABASE) or from a file that is named.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from warnwatch.errors import SettingsError
from warnwatch.plan.calendar import parse_duration
from warnwatch.plan.columns import FILES

# ://user:password@host, or ?password=… behind it.
PASSWORD_IN_URL = re.compile(r"://[^/?#]*:[^/?#@]*[^/?#]*@|[?&]password=", re.IGNORECASE)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _Source(BaseModel):
    """What every kind of source has."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    code: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$", description="its code in the plan")
    title: str = Field(min_length=1, max_length=200, description="its name, in Vietnamese")
    keeper: str = Field(min_length=1, description="code of the unit that keeps it and is warned")
    rhythm: str = Field(description="how long after good data the next is expected: `1 working day`, `4 working hours`")
    grace: str = Field("0", description="how much longer is waited before it counts as late")
    pull: float = Field(600.0, ge=1, le=86_400, description="seconds from pull to pull")
    half: float = Field(0.5, ge=0, le=1, description="fewer rows than this share of the last good pull: half a source")

    @field_validator("rhythm", "grace")
    @classmethod
    def _duration(cls, text: str) -> str:
        parse_duration(text)
        return text

    @model_validator(mode="after")
    def _expects(self) -> _Source:
        if parse_duration(self.rhythm).zero:
            raise ValueError("rhythm: 0 would always be late; allowed: such as 1 working day")
        return self


class FolderSource(_Source):
    """A folder into which somebody puts CSV files or a workbook."""

    kind: Literal["folder"]
    path: Path = Field(description="folder: its CSV files, or its newest *.xlsx, whichever is newer")
    settle: float = Field(5.0, ge=0, le=600, description="seconds that a new file must stay unchanged")


class _Web(_Source):
    """A source behind HTTP."""

    header: str = Field("Authorization", pattern=r"^[A-Za-z0-9-]+$", description="header that carries the secret")
    secret: str | None = Field(None, repr=False, description="only as WARNWATCH_SOURCES__CODE__SECRET")
    secret_file: Path | None = Field(None, description="a file that holds the secret")
    ca_file: Path | None = Field(None, description="certificates to trust instead of the usual ones")
    limit: float = Field(120.0, gt=0, le=3_600, description="seconds that a whole pull may take")


class UrlSource(_Web):
    """A workbook or a CSV file behind an address."""

    kind: Literal["url"]
    url: str = Field(description="https://… of a workbook or of one CSV file")
    file: str = Field("tasks", description="which import file a CSV is: tasks, readings, …")

    @model_validator(mode="after")
    def _fits(self) -> UrlSource:
        _check_address("url", self.url, secret=bool(self.secret or self.secret_file))
        _check_file(self.file)
        return self


class SqlSource(_Source):
    """A query on another database."""

    kind: Literal["sql"]
    database: str | None = Field(
        None, repr=False, description="SQLAlchemy URL; with a password only WARNWATCH_SOURCES__CODE__DATABASE"
    )
    database_file: Path | None = Field(None, description="a file that holds the URL")
    query: str = Field(min_length=1, description="one SELECT; its columns' names are the headers")
    file: str = Field(description="which import file its rows are: tasks, reports, readings, …")
    limit: float = Field(120.0, gt=0, le=3_600, description="seconds that the query may take")

    @model_validator(mode="after")
    def _fits(self) -> SqlSource:
        _check_file(self.file)
        if not (self.database or self.database_file):
            raise ValueError("database: missing; give it, or database_file")
        return self


class PromqlSource(_Web):
    """A query on a Prometheus, as readings of the last period that is over."""

    kind: Literal["promql"]
    server: str = Field(description="https://… of the Prometheus, without /api/v1")
    query: str = Field(min_length=1, description="PromQL whose result is one value a unit, asked at the period's end")
    kpi: str = Field(min_length=1, description="code of the KPI that the values are readings of")
    unit_label: str = Field("unit", description="label that names the unit")
    units: dict[str, str] = Field(
        default_factory=dict, description="unit code by value of the label, where they differ"
    )
    period: Literal["day", "month", "year", "event"] = Field(
        "day", description="what a value is for: day, month, year or event"
    )
    factor: float = Field(1.0, description="multiplies each value: 100 for a share as percent")

    @model_validator(mode="after")
    def _fits(self) -> PromqlSource:
        _check_address("server", self.server, secret=bool(self.secret or self.secret_file))
        return self


Source: TypeAlias = Annotated[FolderSource | UrlSource | SqlSource | PromqlSource, Field(discriminator="kind")]
KINDS: tuple[type[FolderSource | UrlSource | SqlSource | PromqlSource], ...] = (
    FolderSource,
    UrlSource,
    SqlSource,
    PromqlSource,
)


def secret_of(source: UrlSource | PromqlSource) -> str | None:
    """Give the secret header's value, from the environment or its file."""
    return source.secret if source.secret_file is None else _content(source.code, "secret_file", source.secret_file)


def database_of(source: SqlSource) -> str:
    """Give the database's URL, from the settings or its file."""
    if source.database_file is None:
        return source.database or ""
    return _content(source.code, "database_file", source.database_file)


def _content(code: str, name: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"sources.{code}.{name}: cannot read {file} ({type(error).__name__})") from None


def _check_file(name: str) -> None:
    if name not in FILES:
        raise ValueError(f"file: {name!r} is no import file; allowed: {', '.join(FILES)}")


def _check_address(name: str, address: str, *, secret: bool) -> None:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{name}: not an address; allowed: https://HOST/PATH") from None
    if parts.scheme not in {"http", "https"} or not host or parts.fragment:
        raise ValueError(f"{name}: not an address; allowed: https://HOST/PATH")
    if parts.username or parts.password:
        raise ValueError(f"{name}: a password does not belong into an address; use secret or secret_file")
    if secret and parts.scheme == "http" and host not in LOOPBACK:
        raise ValueError(f"{name}: a secret goes only over https")
