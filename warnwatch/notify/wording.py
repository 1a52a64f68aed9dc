"""How dates, numbers, lists and offices are written: what both languages share, and the choice between them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from warnwatch.plan.directory import Recipient, Unit

TITLE_CAP = 300  # a real title has at most some 250 characters; the longest of Plan 02 has 236
SUBJECT_CAP = 200
OFFICE_CLOSES = 17

# Cc controls, Cf bidi and other invisible marks, Cs lone surrogates, Co private use, Cn not assigned.
_UNPRINTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Wording(Protocol):
    """What a language must be able to write; `wording_vi` and `wording_en` do, and say how."""

    @property
    def SAID_ONCE(self) -> frozenset[str]:  # noqa: N802 (a constant of a module)
        """The labels of an entry's lines about answering: what several tasks say alike is said once, above them."""

    def day(self, at: datetime, zone: ZoneInfo) -> str:
        """Write a date."""

    def hour(self, at: datetime, zone: ZoneInfo) -> str:
        """Write a time of day."""

    def moment(self, at: datetime, zone: ZoneInfo) -> str:
        """Write an instant."""

    def last_moment(self, at: datetime, zone: ZoneInfo) -> str:
        """Write the last good moment of a deadline."""

    def deadline(self, words: str, due_at: datetime | None, zone: ZoneInfo) -> str:
        """Write a deadline: the document's own words, and the date that was computed from them."""

    def moved_deadline(self, now: str, before: str, decision: str) -> str:
        """Write a deadline that was moved: what holds now, by which act, and the first one."""

    def answer_by(self, at: datetime, zone: ZoneInfo, now: datetime, *, today: bool = False) -> str:
        """Write by when an answer is asked."""

    def after_answer(self, at: datetime, zone: ZoneInfo, now: datetime) -> str:
        """Write what comes after `answer_by`."""

    def number(self, value: float | None, digits: int = 2) -> str:
        """Write a number."""

    def percent(self, share: float | None) -> str:
        """Write a share as percent."""

    def days(self, count: int, *, working: bool) -> str:
        """Write a number of days."""

    def noun(self, count: int, *, tasks: bool) -> str:
        """Give the word for what is counted."""

    def listing(self, parts: Sequence[str]) -> str:
        """Join parts as a sentence does."""

    def general_title(self, office: str) -> str:
        """Name an office that has no title of its own."""

    def addressee(self, title: str, unit: str) -> str:
        """Join an office and its unit as one says them."""


def clean(text: str, cap: int = TITLE_CAP) -> str:
    """Give foreign text as one safe line: NFC, nothing invisible, single spaces, at most `cap` characters with “…”."""
    if len(text) > cap * 4:
        text = text[: cap * 4] + "…"
    text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = "".join(" " if one.isspace() else one for one in text if one.isspace() or not _unprinted(one))
        text = unicodedata.normalize("NFC", text)
    text = " ".join(text.split())
    return text if len(text) <= cap else text[: cap - 1].rstrip(" …") + "…"


def _unprinted(one: str) -> bool:
    return unicodedata.category(one) in _UNPRINTED


def end_of_the_day_before(at: datetime, zone: ZoneInfo) -> datetime:
    """Take the first moments of a day as the end of the one before: nobody is asked for something by 00:00."""
    local = at.astimezone(zone)
    return at - timedelta(hours=1, minutes=local.minute) if local.hour == 0 else at


def full_hour(at: datetime, now: datetime) -> datetime:
    """Drop the minutes, unless that would be over by now."""
    full = at.replace(minute=0, second=0, microsecond=0)
    return full if full > now else at


def sentence(text: str) -> str:
    """Make a whole sentence: a capital first, a full stop last."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def unit_name(unit: Unit) -> str:
    """Give a unit's full name, safe to print."""
    return clean(unit.name) or clean(unit.code)


def unit_short(unit: Unit) -> str:
    """Give the name of a unit for headlines: its own short name, or the usual abbreviation."""
    return clean(unit.short_name) or unit_name(unit).replace("Ủy ban nhân dân", "UBND")


def number_text(value: float | None, digits: int) -> str:
    """Write a number as English does: `3,321`, `39.98`; closing zeros are dropped. Nothing for no number."""
    if value is None or not math.isfinite(value):
        return ""
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def office_title(recipient: Recipient, says: Wording) -> str:
    """Give the title by which an office is addressed; a nameless one has the general word for it."""
    at_top = recipient.office != "focal_point" and recipient.holder.office == "head"
    own = clean(recipient.holder.title) or (clean(recipient.unit.head_title) if at_top else "")
    return own or says.general_title(recipient.holder.office)
