"""How each kind of gateway is asked, what its answers mean, and how its delivery reports are read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote_plus

from warnwatch.notify.sms_settings import PLACE, Match, Means, Sms

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Fate(StrEnum):
    """What a delivery report says became of a message."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report: the fate, the gateway's own number of the message if it says one, and its words."""

    fate: Fate
    reference: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A kind of gateway. The first of `answers` that fits an answer says what it means; none: it is not known.

    `repeats`: asked again with the same key it never sends twice, so an answer that was lost is asked for anew.
    `known`: what an answer means that is the second to the same key. `report`: reads the parameters of a report.
    """

    url: str
    method: str
    headers: Mapping[str, str]
    body: str
    answers: tuple[Match, ...]
    report: Callable[[Mapping[str, str]], Report | None]
    reference_field: str = ""
    reference_pattern: str = ""
    repeats: bool = False
    known: tuple[Match, ...] = ()
    report_query: str = ""

    @property
    def content_type(self) -> str:
        """The kind of body, by which values are escaped."""
        return next((value for name, value in self.headers.items() if name.lower() == "content-type"), "")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer came to: its meaning, the gateway's number of the message, and its own code."""

    means: Means
    reference: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


def gateway_of(sms: Sms) -> Gateway:
    """Make a gateway of the settings."""
    if sms.gateway == "kannel":
        return _kannel(sms)
    if sms.gateway == "esms":
        return _esms(sms)
    return Gateway(
        url=sms.url,
        method=sms.method,
        headers=sms.headers,
        body=sms.body,
        answers=sms.answers,
        report=lambda query: _own_report(query, sms),
        reference_field=sms.reference_field,
        repeats=sms.repeats,
    )


# --- Kannel: sendsms of its smsbox ----------------------------------------------------------------------------------


def _kannel(sms: Sms) -> Gateway:
    """Ask by headers, so that no password stands in an access log; a form is what Kannel's POST does not take.

    dlr-mask 27: every report but `queued`.
    """
    headers = {
        "Content-Type": "text/plain;charset=UTF-8",
        "X-Kannel-Username": "{username}",
        "X-Kannel-Password": "{password}",
        "X-Kannel-From": "{sender}",
        "X-Kannel-To": "{to}",
        "X-Kannel-Coding": "{coding}",
        "X-Kannel-Charset": "UTF-8",
    }
    if sms.report_url:
        headers |= {"X-Kannel-DLR-Mask": "27", "X-Kannel-DLR-Url": "{report_url}"}
    return Gateway(
        url=sms.url,
        method="POST",
        headers=headers,
        body="{text}",
        answers=(
            Match(means="accepted", status="202", pattern=r"^(0|3):"),
            Match(means="again", status="503", pattern="(?i)temporal failure"),
            Match(means="bad_number", status="400", pattern="(?i)^number"),
            Match(means="refused", status="400", pattern="(?i)rejected|empty text"),
            Match(means="settings", status="4xx"),
        ),
        report=_kannel_report,
        report_query="status=%d&answer=%A",
    )


_KANNEL = {"1": Fate.DELIVERED, "2": Fate.FAILED, "8": Fate.ACCEPTED, "16": Fate.FAILED}


def _kannel_report(query: Mapping[str, str]) -> Report | None:
    fate = _KANNEL.get(query.get("status", ""))
    return Report(fate, "", query.get("answer", "")) if fate else None


# --- eSMS: its JSON form --------------------------------------------------------------------------------------------


def _esms(sms: Sms) -> Gateway:
    body = {
        "ApiKey": "{username}",
        "SecretKey": "{password}",
        "Phone": "{to_plain}",
        "Content": "{text}",
        "Brandname": "{sender}",
        "SmsType": "2",
        "IsUnicode": "{unicode}",
        "RequestId": "{key}",
    }
    if sms.report_url:
        body["CallbackUrl"] = "{report_url}"
    codes: dict[str, Means] = {
        "100": "accepted",
        "99": "refused",
        "101": "settings",
        "103": "settings",
        "104": "settings",
        "108": "bad_number",
        "146": "refused",
        "177": "settings",
        # "in progress": it has the message and does not know yet.
        "199": "unknown",
    }
    return Gateway(
        url=sms.url,
        method="POST",
        headers={"Content-Type": JSON},
        body=json.dumps(body),
        answers=tuple(
            Match(means=means, status="2xx", field="CodeResult", pattern=f"^{code}$") for code, means in codes.items()
        ),
        report=_esms_report,
        reference_field="SMSID",
        repeats=True,
        # 124: this RequestId was used. Of an attempt before, it was taken then.
        known=(Match(means="accepted", status="2xx", field="CodeResult", pattern="^124$"),),
    )


def _esms_report(query: Mapping[str, str]) -> Report | None:
    """Read a report: SendStatus 5 is finished, and only then do the counts say anything final."""
    if "SendStatus" not in query:
        return None
    reference, said = query.get("SMSID", ""), " ".join(f"{name}={value}" for name, value in sorted(query.items()))
    if query["SendStatus"] != "5":
        return Report(Fate.ACCEPTED, reference, said)
    if _count(query.get("SendSuccess")):
        return Report(Fate.DELIVERED, reference, said)
    return Report(Fate.FAILED, reference, said) if _count(query.get("SendFailed")) else None


def _count(text: str | None) -> int:
    return int(text) if text and re.fullmatch(r"\d{1,6}", text, re.ASCII) else 0


def _own_report(query: Mapping[str, str], sms: Sms) -> Report | None:
    said = query.get(sms.report_field)
    if said is None:
        return None
    for pattern, fate in ((sms.report_delivered, Fate.DELIVERED), (sms.report_failed, Fate.FAILED)):
        if pattern and re.search(pattern, said):
            return Report(fate, "", said)
    return Report(Fate.ACCEPTED, "", said)


# --- requests and answers -------------------------------------------------------------------------------------------


def filled(text: str, values: Mapping[str, str], content_type: str = FORM) -> str:
    """Put values into the places of a request, each escaped so that it stays a value."""
    kind = content_type.partition(";")[0].strip().lower()

    def escaped(found: re.Match[str]) -> str:
        value = values.get(found[1], "")
        if kind == FORM:
            return quote_plus(value)
        if kind.endswith("json"):
            return json.dumps(value)[1:-1]
        if kind.endswith("xml"):
            return "".join(one if one.isalnum() or one in " .,:;-+/()" else f"&#{ord(one)};" for one in value)
        return " ".join(value.split())

    return PLACE.sub(escaped, text)


def read(gateway: Gateway, status: int, body: str, *, again: bool) -> Reading:
    """Say what an answer means; `again`: the key may have been sent before.

    An answer that nothing fits is not known, but for those that say by HTTP itself that nothing was done: a client's
    error is nearly always one wrong setting, so it is tried again and alarmed about rather than failed for every head.
    """
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        whole = None
    fields = whole if isinstance(whole, dict) else {}
    reference = _found(fields, gateway.reference_field)[:200] if gateway.reference_field else ""
    for match in (*(gateway.known if again else ()), *gateway.answers):
        if _fits(match, status, body, fields):
            return Reading(match.means, reference, fields)
    if status in (408, 429):
        return Reading("again", reference, fields)
    return Reading("settings" if 400 <= status < 500 else "unknown", reference, fields)


def _fits(match: Match, status: int, body: str, fields: Mapping[str, Any]) -> bool:
    if match.status and match.status not in (str(status), f"{status // 100}xx"):
        return False
    if match.field and not _has(fields, match.field):
        return False
    text = _found(fields, match.field) if match.field else body
    return not match.pattern or re.search(match.pattern, text) is not None


def _has(fields: Mapping[str, Any], path: str) -> bool:
    return _walk(fields, path) is not None


def _found(fields: Mapping[str, Any], path: str) -> str:
    value = _walk(fields, path)
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _walk(fields: Mapping[str, Any], path: str) -> object:
    value: object = fields
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
