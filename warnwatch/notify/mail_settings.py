"""How mail leaves an installation, in the form that the mail channel takes; what cannot work is refused here."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from typing import Literal

from warnwatch.errors import SettingsError
from warnwatch.notify.return_address import LENGTH, address_of, fault_in

# Hosts that a password may reach without TLS: it never leaves the machine.
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# One plain address (RFC 5321 without quoted local parts), so that nothing else can come out of an address field.
ADDRESS = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How mail leaves this installation. Limits are in seconds; `attempt_limit` covers a whole attempt, connecting too.

    `starttls` and `tls` are never weakened: a server without them gets nothing. `redirect_to`: all goes there, marked.
    `bounce_to`: where reports on mails that did not arrive come back to, an address with {id} for each mail's own.
    """

    host: str
    port: int
    sender: str
    sender_name: str
    local_hostname: str
    message_id_domain: str
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    connect_limit: float = 10.0
    command_limit: float = 10.0
    attempt_limit: float = 30.0
    connections: int = 4
    redirect_to: str | None = None
    language: str = "vi"
    bounce_to: str | None = None

    def __post_init__(self) -> None:
        """Refuse settings with which no mail can leave, or a password would leave in clear."""
        for name in ("sender", "redirect_to"):
            value = getattr(self, name)
            if value is not None and not ADDRESS.fullmatch(value):
                raise SettingsError(f"mail.{name}: {value!r} is not one e-mail address such as canh-bao@example.vn")
        if self.bounce_to is not None:
            example = address_of(self.bounce_to, "x" * LENGTH)
            fault = fault_in(self.bounce_to) or ("" if ADDRESS.fullmatch(example) else "is not one e-mail address")
            if fault:
                raise SettingsError(f"mail.bounce_to: {self.bounce_to!r} {fault}")
        for name in ("local_hostname", "message_id_domain"):
            if not _DOMAIN.fullmatch(getattr(self, name)):
                raise SettingsError(f"mail.{name}: {getattr(self, name)!r} is not a host name such as mail.example.vn")
        if self.username is not None and self.security == "none" and self.host not in LOOPBACK:
            raise SettingsError(
                "mail.security: 'none' would send the password in clear; allowed with mail.username: 'starttls', 'tls' "
                f"(or a host of {', '.join(LOOPBACK)})"
            )
        if min(self.connections, self.connect_limit, self.command_limit, self.attempt_limit) <= 0:
            raise SettingsError("mail: connections and the time limits must be above 0")


def tls_context(settings: MailSettings) -> ssl.SSLContext | None:
    """Give what verifies the server; None where nothing is encrypted."""
    if settings.security == "none":
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise SettingsError(f"mail.ca_file: cannot read certificates from {settings.ca_file!r} ({error})") from error
