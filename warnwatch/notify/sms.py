"""The channel of text messages: one HTTP request to the operator's gateway for each, and never a second one blindly.

Until the first byte of a request has left, whatever goes wrong has sent nothing, and is tried again. After it, only the
gateway's own words tell whether a message is out: without them it is *uncertain*, and stays so.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx2 as httpx

from warnwatch.errors import SettingsError
from warnwatch.language import Phrase, in_language
from warnwatch.notify import gsm
from warnwatch.notify.delivery import Answer, Claimed, Outcome, Phase, read_answer
from warnwatch.notify.sms_gateways import FORM, Gateway, Reading, filled, gateway_of, read
from warnwatch.notify.sms_settings import Means, Sms

# An answer longer than this is not read to its end.
MOST_BYTES = 64 * 1024
LONGEST_WAIT = 3600.0
_SENT_FROM = "http11.send_request_headers.started"
# What an answer's meaning makes of the attempt; "settings" wants a person, but nothing was sent.
_RULED: Mapping[Means, Outcome] = {
    "accepted": Outcome.SENT,
    "refused": Outcome.FAILED,
    "bad_number": Outcome.FAILED,
    "again": Outcome.RETRY,
    "settings": Outcome.RETRY,
    "unknown": Outcome.UNCERTAIN,
}


@dataclass(slots=True)
class _Attempt:
    """Whether anything of a request has left yet."""

    begun: bool = False

    async def note(self, event: str, _info: object) -> None:
        """Take in what httpx says it does."""
        self.begun = self.begun or event == _SENT_FROM


def token_of(key: str, secret: str) -> str:
    """Sign the address at which a gateway reports on one notification."""
    mac = hmac.new(secret.encode(), f"warnwatch sms report\n{key}".encode(), hashlib.sha256).hexdigest()
    return f"{key}.{mac[:32]}"


def key_in(token: str, secret: str) -> str | None:
    """Give the notification that a report's address names, None where we did not sign it."""
    key = token.partition(".")[0]
    good = secret and token.isascii() and hmac.compare_digest(token_of(key, secret), token)
    return key if good else None


class Messenger:
    """The gateway as this process sees it; a connection of its own for each message, so that none is cut while kept."""

    channel = "sms"

    def __init__(self, settings: Sms, *, redirect_to: str | None = None, language: str = "vi") -> None:
        self.lines = settings.connections
        self.attempt_limit = settings.attempt_limit
        self.gateway: Gateway = gateway_of(settings)
        self.segments = 0
        self._settings = settings
        self._redirect_to, self._language = redirect_to, language
        self._password, self._secret = settings.secret("password"), settings.secret("report_secret")
        self._verify = _tls(settings)

    async def send(self, claimed: Claimed) -> Answer:
        """Make one attempt, at most `attempt_limit` long whatever the gateway does; what goes wrong is its answer."""
        if not (self._redirect_to or claimed.address):
            return Answer(Phase.BUILD, text="the holder has no telephone number")
        attempt = _Attempt()
        try:
            text = self._text(claimed)
            request = self._request(claimed, text, attempt)
            async with asyncio.timeout(self.attempt_limit):
                answer = await self._ask(request, claimed)
        except Exception as error:  # noqa: BLE001 (whatever it is: once begun, only the gateway can say that nothing was sent)
            return self._lost(error, attempt)
        if answer.ruled is Outcome.SENT:
            self.segments += gsm.segments(text)
        return answer

    async def rest(self) -> None:
        """Nothing is kept open."""

    def _text(self, claimed: Claimed) -> str:
        if self._redirect_to is None:
            return claimed.text
        mark = Phrase(
            "(Thử nghiệm: {office}, {unit}) {text}", office=claimed.office, unit=claimed.unit, text=claimed.text
        )
        said = in_language(mark, self._language)
        return gsm.plain(said) if gsm.is_gsm(claimed.text) else said

    def _request(self, claimed: Claimed, text: str, attempt: _Attempt) -> httpx.Request:
        gateway, to = self.gateway, self._redirect_to or claimed.address or ""
        ucs2 = not gsm.is_gsm(text)
        values = {
            "to": to,
            "to_plain": to.removeprefix("+"),
            "text": text,
            "key": claimed.key,
            "sender": self._settings.sender,
            "username": self._settings.username,
            "password": self._password,
            "unicode": str(int(ucs2)),
            "coding": "2" if ucs2 else "0",
            "report_url": self._report_url(claimed.key),
        }
        headers = {
            "User-Agent": "WarnWatch",
            # A packed answer could unpack without end.
            "Accept-Encoding": "identity",
            **{name: filled(value, values, "text/plain") for name, value in gateway.headers.items()},
        }
        body = filled(gateway.body, values, gateway.content_type or FORM).encode() if gateway.method == "POST" else None
        limits = httpx.Timeout(self.attempt_limit, connect=self._settings.connect_limit)
        return httpx.Request(
            gateway.method,
            filled(gateway.url, values),
            headers=headers,
            content=body,
            extensions={"trace": attempt.note, "timeout": limits.as_dict()},
        )

    def _report_url(self, key: str) -> str:
        if not self._settings.report_url:
            return ""
        address = f"{self._settings.report_url.rstrip('/')}/sms/{token_of(key, self._secret)}"
        return f"{address}?{self.gateway.report_query}" if self.gateway.report_query else address

    async def _ask(self, request: httpx.Request, claimed: Claimed) -> Answer:
        # The environment's proxies would see numbers and the password; a redirect would carry them elsewhere.
        async with httpx.AsyncClient(
            verify=self._verify,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        ) as client:
            answer = await client.send(request, stream=True)
            try:
                body = bytearray()
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > MOST_BYTES:
                        break
            finally:
                await answer.aclose()
        text = body[:MOST_BYTES].decode("utf-8", "replace")
        reading = read(self.gateway, answer.status_code, text, again=claimed.epoch > 1 or claimed.tries > 0)
        if reading.means == "unknown" and len(body) > MOST_BYTES:
            text = f"an answer without end: {text}"
        return self._ruled(reading, answer.status_code, text, answer.headers)

    def _ruled(self, reading: Reading, status: int, text: str, headers: Mapping[str, str]) -> Answer:
        means = reading.means
        wait = _seconds(headers.get("Retry-After", ""))
        if means == "unknown" and status == 503 and wait is not None:
            means = "again"  # "come back later" is a refusal
        said = read_answer(Phase.GATEWAY, status, self._without_secrets(text))
        return Answer(
            Phase.AUTH if means == "settings" else Phase.GATEWAY,
            status,
            "5.1.1" if means == "bad_number" else None,
            said.text,
            ruled=self._uncertain() if means == "unknown" else _RULED[means],
            wait=None if wait is None else timedelta(seconds=wait),
            reference=reading.reference or None,
        )

    def _uncertain(self) -> Outcome:
        """Ask again only a gateway that knows a key again; any other could send the same message twice."""
        return Outcome.RETRY if self.gateway.repeats else Outcome.UNCERTAIN

    def _lost(self, error: Exception, attempt: _Attempt) -> Answer:
        """Say why no answer came, and whether the message may be out all the same."""
        name = "timed out" if isinstance(error, TimeoutError | httpx.TimeoutException) else type(error).__name__
        if attempt.begun:
            text = f"no answer to a request that has left ({name}); the message may have been sent"
            return Answer(Phase.GATEWAY, text=text, ruled=self._uncertain())
        cause = error.__cause__ or error
        tls = any(isinstance(one, ssl.SSLError) for one in (error, cause, cause.__cause__, cause.__context__))
        words = f"{name}: {error}" if isinstance(error, httpx.HTTPError | OSError) else name
        said = read_answer(Phase.TLS if tls else Phase.CONNECT, None, self._without_secrets(words))
        return Answer(said.phase, text=said.text, ruled=Outcome.RETRY)

    def _without_secrets(self, text: str) -> str:
        for secret in (self._password, self._secret):
            text = text.replace(secret, "***") if secret else text
        return text


def _seconds(text: str) -> float | None:
    """Read Retry-After in seconds; a date, or anything else, is the usual pause."""
    return min(float(text), LONGEST_WAIT) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _tls(settings: Sms) -> ssl.SSLContext | bool:
    if settings.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file))
    except OSError as error:
        raise SettingsError(f"sms.ca_file: cannot read certificates from {settings.ca_file} ({error})") from error
