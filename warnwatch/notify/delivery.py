"""One attempt to deliver a notification, and what next: sent, tried again later, or failed for good. Pure decisions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=30)
# RFC 5321, 4.5.4.1: give up after 4 to 5 days. A text that waited in a stopped service gets its share of tries too.
GIVE_UP_AFTER = timedelta(days=4)
FEWEST_TRIES = 10
# The mail has said it long since.
SMS_GIVES_UP = timedelta(hours=12)
NOW = timedelta(0)
LONGEST_ANSWER = 500

# Control characters (line ends and tabs are treated apart), marks that turn the writing direction, half characters.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")


class Phase(StrEnum):
    """The point of the dialogue that an answer belongs to; `build` is before it.

    `gateway`: the answer of an SMS gateway; `report`: what it, or a mail server, says later of a message.
    """

    BUILD = "build"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"
    GATEWAY = "gateway"
    REPORT = "report"


# Before a message's own address is named, whatever goes wrong is the server's or the settings' and hits every message.
SERVER_PHASES = frozenset({Phase.CONNECT, Phase.GREETING, Phase.EHLO, Phase.TLS, Phase.AUTH})


class Outcome(StrEnum):
    """How an attempt ended.

    `uncertain`: its sender vanished with the message in hand, or a gateway's answer was lost. `stale`: its lease had
    run out, so it decides nothing.
    """

    SENT = "sent"
    RETRY = "retry"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    STALE = "stale"


class DeliveryError(Exception):
    """A notification that cannot be delivered; `permanent`: trying again cannot help."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said, or why it said nothing (`code` None). After the dot, None means: perhaps taken.

    `ruled`: what a channel that knows its own answers makes of this one. `wait`: how long the other side asks to be
    left alone. `reference`: its own number of the message.
    """

    phase: Phase
    code: int | None = None
    enhanced: str | None = None
    text: str = ""
    ruled: Outcome | None = None
    wait: timedelta | None = None
    reference: str | None = None

    @property
    def accepted(self) -> bool:
        """Say whether the message is now the server's: a 2xx to the final dot, or as its channel has ruled."""
        if self.ruled:
            return self.ruled is Outcome.SENT
        return self.phase is Phase.DOT and self.code is not None and 200 <= self.code < 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an answer. `alarm`: the settings or the server need a person, whatever the message."""

    outcome: Outcome
    next_try_at: datetime | None = None
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notification that one sender holds until `lease_until`; `epoch` counts the holds, `tries` the past attempts.

    `thread` has the keys of the earlier notifications that it answers to, oldest first, with spaces between.
    `reference` is what a mail's return address is known by.
    """

    id: int
    key: str
    office: str
    unit: str
    channel: str
    level: int
    address: str | None
    subject: str
    text: str
    html: str | None
    created_at: datetime
    owner: str
    epoch: int
    tries: int
    thread: str
    lease_until: datetime
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt on a claimed notification, with the answer of `at` and what was decided on it."""

    claimed: Claimed
    at: datetime
    answer: Answer
    verdict: Verdict


def strip_controls(text: str) -> str:
    """Drop what no mail, log or page should show: controls but line ends and tabs, direction marks, half characters."""
    return _UNPRINTABLE.sub("", text)


def read_answer(phase: Phase, code: int | None, text: str) -> Answer:
    """Make an answer of what a server said: one printable line, its RFC 3463 code apart, cut at 500 characters."""
    line = " ".join(strip_controls(text).split())
    enhanced = _ENHANCED.match(line)
    return Answer(phase, code, enhanced[1] if enhanced else None, line[:LONGEST_ANSWER])


def pause(tries: int, jitter: float, first: timedelta = FIRST_PAUSE) -> timedelta:
    """Give the pause after so many tries: doubling from 5 s to 30 min, less up to half of it by `jitter` (0 to 1).

    The first pauses alone keep an hour below 20 tries even at the least jitter.
    """
    whole: timedelta = min(LONGEST_PAUSE, first * 2 ** min(tries, 16))
    return max(first, whole * (0.5 + 0.5 * jitter))


def decide(
    answer: Answer,
    tries: int,
    created_at: datetime,
    now: datetime,
    jitter: float,
    first_pause: timedelta = FIRST_PAUSE,
) -> Verdict:
    """Judge an attempt that followed `tries` earlier ones by the table of answers; unknown means again."""
    if answer.accepted:
        return Verdict(Outcome.SENT)
    again_at = now + pause(tries, jitter, first_pause)
    if answer.ruled:
        return _ruled(answer, tries, created_at, now, max(now + (answer.wait or NOW), again_at))
    rule = rule_for(answer)
    if rule.outcome is not Outcome.RETRY:
        return Verdict(rule.outcome, alarm=rule.alarm)
    if now >= created_at + GIVE_UP_AFTER and tries + 1 >= FEWEST_TRIES:
        return Verdict(Outcome.FAILED, alarm=rule.alarm)
    return Verdict(Outcome.RETRY, again_at, rule.alarm)


def _ruled(answer: Answer, tries: int, created_at: datetime, now: datetime, again_at: datetime) -> Verdict:
    """Follow what the channel has ruled; a text message that was refused for half a day has gone stale."""
    alarm = answer.phase in (Phase.TLS, Phase.AUTH)
    over = now >= created_at + SMS_GIVES_UP and tries + 1 >= FEWEST_TRIES
    if answer.ruled is Outcome.RETRY and not over:
        return Verdict(Outcome.RETRY, again_at, alarm)
    return Verdict(Outcome.UNCERTAIN if answer.ruled is Outcome.UNCERTAIN else Outcome.FAILED, alarm=alarm)


def blames_address(answer: Answer) -> bool:
    """Say whether a permanent failure is the address's: refused as a recipient, or later by such a code.

    A text that is refused for what it holds, and one given up after days, says nothing against the address.
    """
    if answer.phase is Phase.GATEWAY:
        return answer.enhanced == "5.1.1"
    return rule_for(answer).blames


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """One line of the table of answers, which is read from above: the first line that fits an answer decides.

    `codes`: the first and last reply code that it fits; none fits silence, too. `enhanced`: how the enhanced code
    begins, an empty text for none; `words`: a word of the answer. `blames`: the address is flagged.
    """

    phases: tuple[Phase, ...]
    outcome: Outcome
    because: str
    codes: tuple[tuple[int, int], ...] = ()
    enhanced: tuple[str, ...] = ()
    words: str = ""
    alarm: bool = False
    blames: bool = False

    def fits(self, answer: Answer) -> bool:
        """Say whether this line is about an answer."""
        code, enhanced = answer.code, answer.enhanced or ""
        coded = not self.codes or (code is not None and any(low <= code <= high for low, high in self.codes))
        exact = not self.enhanced or any(_begins(enhanced, one) for one in self.enhanced)
        return answer.phase in self.phases and coded and exact and self.words in answer.text.lower()


def _begins(enhanced: str, start: str) -> bool:
    """Say whether an enhanced code is this one, or, where that ends in a point, one of its kind; empty fits none."""
    return enhanced.startswith(start) if start.endswith(".") else enhanced == start


_BEFORE = (Phase.CONNECT, Phase.GREETING, Phase.EHLO)
_REFUSED = ((500, 599),)
# Unknown here, moved away, not allowed as a name.
_NAMES = ((550, 551), (553, 553))
_LOGIN = ((530, 530), (534, 535), (538, 538))
_DIALOGUE = tuple(one for one in Phase if one not in (Phase.BUILD, Phase.GATEWAY, Phase.REPORT))
_THE_TEXT = (Phase.DATA, Phase.DOT)

ANSWERS = (
    AnswerRule((Phase.BUILD,), Outcome.FAILED, "no address, or not one plain address", blames=True),
    AnswerRule((Phase.DOT,), Outcome.SENT, "the mail is the server's", ((200, 299),)),
    AnswerRule((Phase.TLS, Phase.AUTH), Outcome.RETRY, "certificate, STARTTLS or login", alarm=True),
    AnswerRule(_DIALOGUE, Outcome.RETRY, "the server wants a login, or TLS before it", _LOGIN, alarm=True),
    AnswerRule(_BEFORE, Outcome.RETRY, "the server refuses everybody", _REFUSED, alarm=True),
    AnswerRule((Phase.MAIL,), Outcome.FAILED, "the mail is too big", ((552, 552),), alarm=True),
    AnswerRule((Phase.MAIL,), Outcome.FAILED, "the mail is too big", _REFUSED, ("5.2.3", "5.3.4"), alarm=True),
    AnswerRule((Phase.MAIL,), Outcome.RETRY, "the sender's address is refused, for all mail", _REFUSED, alarm=True),
    AnswerRule(
        (Phase.RCPT,), Outcome.RETRY, "refused by policy: not the address, but we", _REFUSED, ("5.7.",), alarm=True
    ),
    AnswerRule((Phase.RCPT,), Outcome.RETRY, "the server does not relay for us", _REFUSED, ("",), "relay", alarm=True),
    AnswerRule((Phase.RCPT,), Outcome.FAILED, "the address is refused", _REFUSED, blames=True),
    AnswerRule(_THE_TEXT, Outcome.FAILED, "the text is too long", _REFUSED, ("5.2.3",)),
    AnswerRule(_THE_TEXT, Outcome.FAILED, "the address is refused after all", _REFUSED, ("5.1.", "5.2."), blames=True),
    AnswerRule(_THE_TEXT, Outcome.FAILED, "the address is refused after all", _NAMES, ("",), blames=True),
    AnswerRule(_THE_TEXT, Outcome.FAILED, "the text is refused for what it holds", _REFUSED),
    AnswerRule(_DIALOGUE, Outcome.RETRY, "4xx, silence, or what is no answer here"),
    # What a server reports later may be about the address or the text: only its code tells.
    AnswerRule((Phase.REPORT,), Outcome.FAILED, "the text is too long", enhanced=("5.2.3",)),
    AnswerRule((Phase.REPORT,), Outcome.FAILED, "no such address", enhanced=("5.1.", "5.2."), blames=True),
    AnswerRule(
        (Phase.REPORT,), Outcome.FAILED, "no host for its domain, or no such user", (), ("5.4.1", "5.4.4"), blames=True
    ),
    AnswerRule((Phase.REPORT,), Outcome.FAILED, "no such address", _NAMES, ("", "5.0.0"), blames=True),
    AnswerRule((Phase.REPORT,), Outcome.FAILED, "the text was refused, or a server gave up after days"),
)
_NO_RULE = AnswerRule((), Outcome.RETRY, "an answer of another channel, which rules itself")


def rule_for(answer: Answer) -> AnswerRule:
    """Find the line of the table that decides on an answer."""
    return next((one for one in ANSWERS if one.fits(answer)), _NO_RULE)
