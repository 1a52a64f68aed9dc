"""Which calls are held back, and by what: a person's silence, or an open alert that explains this one.

In: open alerts, the silences in force, the alerts that may explain others. Out: for each alert what mutes it. A muted
alert opens, is judged, counted and shown like any other; it calls nobody and climbs no step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias

from warnwatch.alerts.alert import Alert, Call, State
from warnwatch.language import Phrase, together
from warnwatch.plan.directory import Directory
from warnwatch.rules.rule import Level, Rule, RuleBook

# Which alert may explain others: (rule, kind of subject, subject).
Key: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Silence:
    """A pause that a person ordered. A matcher that is empty holds for all; `unit` includes the units below it.

    It holds for levels up to `up_to`, from `starts_at` until `ends_at`, not included; `ended_at`: ended early.
    """

    id: int
    starts_at: datetime
    ends_at: datetime
    author: str
    reason: str
    recorded_at: datetime
    rule: str = ""
    about: str = ""
    unit: str = ""
    subject: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    up_to: Level = Level.CRITICAL
    document: str = ""
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_why: str = ""

    @property
    def matchers(self) -> dict[str, str]:
        """Whom it holds for, in the words of the command; empty: for all."""
        named = {"rule": self.rule, "about": self.about, "unit": self.unit, "subject": self.subject}
        return {name: value for name, value in named.items() if value} | {
            f"label {key}": value for key, value in self.labels.items()
        }

    @property
    def until(self) -> datetime:
        """When it ends, or was ended."""
        return self.ended_at or self.ends_at

    def holds_at(self, at: datetime) -> bool:
        """Say whether it is in force at an instant."""
        return self.starts_at <= at < self.until

    def covers(self, alert: Alert, labels: Mapping[str, str], units: Sequence[str], directory: Directory) -> bool:
        """Say whether it is about an alert; `units` are the one that answers for it and those above."""
        return (
            alert.level <= self.up_to
            and self.rule in ("", alert.rule)
            and self.about in ("", alert.about)
            and self.subject in ("", alert.subject)
            and (not self.unit or directory.present(self.unit) in units)
            and self.labels.items() <= labels.items()
        )


@dataclass(frozen=True, slots=True)
class Muting:
    """One reason why an alert calls nobody: a silence, or the alert that explains it; exactly one of the two."""

    silence: Silence | None = None
    alert: Alert | None = None

    @property
    def kind(self) -> str:
        """The word for journal and JSON: `silence` or `inhibition`."""
        return "silence" if self.silence else "inhibition"

    @property
    def until(self) -> datetime | None:
        """When it ends, as far as is known: another alert ends when it ends."""
        return self.silence.until if self.silence else None

    def as_json(self) -> dict[str, Any]:
        """Give it in the words of the commands."""
        found: dict[str, Any] = {"kind": self.kind, "until": self.until.isoformat() if self.until else None}
        if self.silence:
            return found | {"silence": self.silence.id, "by": self.silence.author, "reason": self.silence.reason}
        return found | {"alert": self.alert.code if self.alert else "", "rule": self.alert.rule if self.alert else ""}

    def said(self, until: str) -> Phrase:
        """Say it to a person; `until` is the end of a silence, as the page at hand writes instants."""
        if self.silence is None:
            return Phrase("đã nằm trong cảnh báo {code}", code=self.alert.code if self.alert else "")
        return Phrase(
            "tạm dừng số {number} của {author} đến {until}: {reason}",
            number=self.silence.id,
            author=self.silence.author,
            until=until,
            reason=self.silence.reason,
        )


def inhibitors(book: RuleBook) -> frozenset[str]:
    """Name the rules whose alerts may explain others."""
    return frozenset(name for rule in book.rules for name in rule.inhibited_by)


@dataclass(frozen=True)
class Mutings:
    """What is in force at one instant. `explaining`: open alerts that may explain others.

    `acts`: how many acts on silences there had been when they were read; whoever writes calls sees that there was none
    in between.
    """

    silences: tuple[Silence, ...] = ()
    explaining: Mapping[Key, Alert] = field(default_factory=dict)
    book: RuleBook | None = None
    directory: Directory | None = None
    acts: int | None = None
    _rules: dict[str, Rule] = field(init=False, repr=False, compare=False)
    _chains: dict[str, tuple[str, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Keep the rules by id."""
        object.__setattr__(self, "_rules", {rule.id: rule for rule in self.book.rules} if self.book else {})

    def moved(self, alerts: Iterable[Alert]) -> Mutings:
        """Give the same where some alerts have moved: what is open now explains, what is not explains nothing."""
        if self.book is None or not (named := inhibitors(self.book)):
            return self
        explaining = dict(self.explaining)
        for alert in alerts:
            if alert.rule in named:
                explaining.pop((alert.rule, alert.about, alert.subject), None)
                if alert.state is State.OPEN:
                    explaining[alert.rule, alert.about, alert.subject] = alert
        return replace(self, explaining=explaining)

    def of(self, alert: Alert) -> tuple[Muting, ...]:
        """Give all that mutes an open alert: silences, the longest first, then what explains it, the gravest first."""
        if self.directory is None or alert.state is not State.OPEN:
            return ()
        return (*self._silencing(alert, self.directory), *self._inhibiting(alert))

    def _silencing(self, alert: Alert, directory: Directory) -> Iterator[Muting]:
        if not self.silences:
            return
        rule = self._rules.get(alert.rule)
        labels, units = rule.labels if rule else {}, self._chain(alert.unit)
        found = [one for one in self.silences if one.covers(alert, labels, units, directory)]
        yield from (Muting(silence=one) for one in sorted(found, key=lambda one: one.until, reverse=True))

    def _inhibiting(self, alert: Alert) -> Iterator[Muting]:
        rule = self._rules.get(alert.rule)
        if rule is None or not (rule.inhibited_by and self.explaining):
            return
        # Not the units above: whoever is called for them is not who answers for this one, and would hide it.
        about = [(alert.about, alert.subject), ("unit", self._chain(alert.unit)[0])]
        found = {
            explains.id: explains
            for name in rule.inhibited_by
            for kind, subject in about
            if (explains := self.explaining.get((name, kind, subject))) and explains.level >= alert.level
        }
        yield from (Muting(alert=one) for one in sorted(found.values(), key=lambda one: (-one.level, one.id)))

    def _chain(self, unit: str) -> tuple[str, ...]:
        """Give the code of a unit and of all above it, as they are today."""
        known = self._chains.get(unit)
        if known is None:
            above = self.directory.superiors(unit) if self.directory else ()
            present = self.directory.present(unit) if self.directory else unit
            known = self._chains[unit] = (present, *(one.code for one in above))
        return known


NO_MUTINGS = Mutings()


def hold_back(
    alerts: Mapping[int, Alert],
    climbed: Mapping[int, Alert],
    calls: Iterable[Call],
    mutings: Mutings,
    now: datetime,
) -> tuple[dict[int, Alert], list[Call], dict[int, Muting]]:
    """Take back the calls about muted alerts: each stays as it was in `alerts`, and is looked at when the muting ends.

    What is not called now for want of a step or of time is not held back: its own timer goes on, and nothing is muted.
    """
    after = {key: alert.unmuted() for key, alert in climbed.items()}
    kept: list[Call] = []
    held: dict[int, Muting] = {}
    for call in calls:
        alert = alerts[call.alert]
        muting = next(iter(mutings.of(alert)), None)
        if muting is None:
            kept.append(call)
            continue
        held[alert.id] = muting
        after[alert.id] = replace(
            alert,
            next_at=muting.until,
            muted_since=alert.muted_since or now,
            muted_silence=muting.silence.id if muting.silence else None,
            muted_alert=muting.alert.id if muting.alert else None,
        )
    return after, kept, held


def matchers_said(silence: Silence) -> Phrase:
    """Say whom a silence holds for, and up to which level."""
    matchers = [f"{name}={value}" for name, value in silence.matchers.items()]
    whom = together(matchers, ", ") if matchers else Phrase("mọi cảnh báo")
    return Phrase("{whom}, đến mức {level}", whom=whom, level=silence.up_to.vietnamese)
