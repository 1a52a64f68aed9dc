"""What a notification is: who is told what (a telling), and the finished text that the outbox keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from warnwatch.alerts.alert import Alert, Call, Reason
from warnwatch.notify.links import NO_RING, Ring
from warnwatch.plan.directory import Recipient, Unit


class Kind(StrEnum):
    """The kinds of text. The first twelve are a rule's `text`; the others are chosen by what the telling holds."""

    DUE_SOON = "due_soon"
    DUE_TODAY = "due_today"
    OVERDUE = "overdue"
    BEHIND = "behind"
    STALLED = "stalled"
    NO_DEADLINE = "no_deadline"
    KPI_BELOW = "kpi_below"
    KPI = "kpi"
    UNIT = "unit"
    FORECAST = "forecast"
    OBSTACLE = "obstacle"
    GENERAL = "general"
    ESCALATION = "escalation"
    DIGEST = "digest"
    INITIAL = "initial"
    ALL_CLEAR = "all_clear"
    ACK = "ack"
    DATA = "data"
    RULES_REFUSED = "rules_refused"


# Kinds that say no more than the rule's own title: texts about different rules are told apart by it.
TITLED = frozenset({Kind.GENERAL, Kind.KPI, Kind.UNIT})


@dataclass(frozen=True, slots=True)
class Facts:
    """The words about an alert's subject that a text may show; read only for what is told.

    `progress` is 0..1 as last reported at `progress_at`. A confidential subject shows nothing but its code.
    `value`, `target` and `period` are a KPI's, with their units, as a text says them; `expected_at` is a forecast's.
    `baseline_due_at`, `baseline_text`: the first deadline; `decision`: the number of the act that moved it. `claimed`:
    reported done (at `claimed_at`, when known) and not yet verified. `lines` are further facts, label and value, in
    the order in which a letter shows them.
    """

    code: str
    title: str
    unit: Unit
    assigning_document: str = ""
    due_at: datetime | None = None
    due_text: str = ""
    expected_result: str = ""
    progress: float | None = None
    progress_at: datetime | None = None
    started_at: datetime | None = None
    confidential: bool = False
    every_day: bool = False
    value: str = ""
    target: str = ""
    period: str = ""
    expected_at: datetime | None = None
    baseline_due_at: datetime | None = None
    baseline_text: str = ""
    decision: str = ""
    claimed: bool = False
    claimed_at: datetime | None = None
    lines: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One alert as one recipient is told of it.

    `sentence` says the measure's value against its threshold in words. `days` is the whole number of days that the
    kind of text counts (left, late, silent); working days when the alert's measure says so in its name. `times_told`:
    how often the holders of the alert's own unit were told before, 0 when not known. `answer_by` is when the next step
    comes, or by when an answer is asked when there is none; `next_title` whom the next step tells.
    `taken_from`: the dissolved unit that the alert's unit takes it over from just now, under `taken_under`, a document.
    `told_level`: the level at which the recipient was last told of it on this channel, 0 for never.
    """

    alert: Alert
    kind: Kind
    reason: Reason
    title: str
    sentence: str
    guidance: str
    facts: Facts
    days: int | None = None
    times_told: int = 0
    answer_by: datetime | None = None
    next_title: str = ""
    taken_from: Unit | None = None
    taken_under: str = ""
    told_level: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """How a unit stands: numbers of tasks by computed status, the unit's own subtree.

    `due_soon` are part of `open_in_time`; the other numbers add up to `total`.
    """

    total: int = 0
    done_in_time: int = 0
    done_late: int = 0
    open_in_time: int = 0
    open_late: int = 0
    due_soon: int = 0
    claimed: int = 0
    no_deadline: int = 0
    other: int = 0


@dataclass(frozen=True, slots=True)
class Telling:
    """All that one holder is told on one channel in one cycle. `cleared` are alerts that ended as cured.

    `initial`: the first digest of a plan, rule or unit gone live. Items are ranked: highest level first.
    """

    recipient: Recipient
    channel: str
    items: tuple[Item, ...]
    cleared: tuple[Item, ...] = ()
    calls: tuple[Call, ...] = ()
    tally: Tally | None = None
    initial: bool = False


@dataclass(frozen=True, slots=True)
class SmsStyle:
    """How text messages are written: the word that they begin with, with or without marks, the most parts of one."""

    prefix: str = ""
    accents: bool = False
    most_segments: int = 3


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What every text of an installation shares. `link` is the service's own address, without a slash at the end.

    `language` is that of texts to a holder who chose none. `ring` signs the links by which a text is answered, which
    are good for `link_days`; without it texts have none.
    """

    system: str
    zone: ZoneInfo
    link: str = ""
    digest_cap: int = 50
    language: str = "vi"
    sms: SmsStyle = SmsStyle()
    ring: Ring = NO_RING
    link_days: int = 30


@dataclass(frozen=True, slots=True)
class Notification:
    """A finished text for one holder on one channel. `key` is stable, so the same telling is never written twice.

    `calls` and `alerts` name what it tells; `fallback`: the proper text failed to render, this is the plain form.
    `segments`: the parts that an operator charges for, of a text message only. `due_at`: when it may leave first, where
    that is not at once. `tries`: the attempts that were made in vain for what it tells.
    """

    key: str
    holder: str
    office: str
    unit: str
    channel: str
    kind: Kind
    level: int
    address: str | None
    subject: str
    text: str
    html: str | None
    created_at: datetime
    calls: tuple[Call, ...] = ()
    alerts: tuple[int, ...] = ()
    fallback: bool = False
    segments: int | None = None
    due_at: datetime | None = None
    tries: int = 0
