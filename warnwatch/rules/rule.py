"""What a rule, a ladder, an escalation policy and a rule book are; the types that rules are loaded to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time
from enum import IntEnum
from fractions import Fraction
from typing import Literal, TypeAlias

from warnwatch.errors import Mistake, NotFoundError, nearest_name
from warnwatch.language import Phrase
from warnwatch.plan.calendar import Duration
from warnwatch.rules.expression import Expression

About: TypeAlias = Literal["task", "unit", "kpi", "source", "rule", "datum"]
Direction: TypeAlias = Literal["below", "above"]

OFFICES: tuple[str, ...] = (
    "focal_point",
    "deputy",
    "head",
    "superior.head",
    "standing_body",
    "committee",
    "secretariat",
    "authority",
)
# Of a task's obstacle: the unit that could lift it. It is another one from task to task, and often there is none.
AUTHORITY = "authority"
CHANNELS: tuple[str, ...] = ("email", "sms")
# Of a step that names none.
USUAL_CHANNELS: tuple[str, ...] = ("email",)
# Days off by the plan's calendar: Saturdays and Sundays among them, and the others.
QUIET_DAYS: tuple[str, ...] = ("weekends", "holidays")


class Level(IntEnum):
    """How grave: the word in a rule file is the name in lower case."""

    NONE = 0
    NOTICE = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """The level as rule files, tables and metrics write it."""
        return self.name.lower()

    @property
    def vietnamese(self) -> str:
        """The level as heads and the secretariat read it."""
        return _VIETNAMESE[self]


_VIETNAMESE = {
    Level.NONE: Phrase("Bình thường"),
    Level.NOTICE: Phrase("Nhắc việc"),
    Level.WARNING: Phrase("Cảnh báo"),
    Level.CRITICAL: Phrase("Khẩn"),
}
LEVELS: Mapping[str, Level] = {level.word: level for level in Level if level}


@dataclass(frozen=True, slots=True)
class Rung:
    """The threshold of one level, in the unit of the rule's measure: a number or an expression."""

    text: str
    expression: Expression

    def following(self, columns: Collection[str], successors: Mapping[str, str]) -> Rung:
        """Give the same threshold with the codes of units as they are today."""
        expression = self.expression.following(columns, successors)
        return self if expression is self.expression else replace(self, expression=expression)


@dataclass(frozen=True, slots=True)
class Rule:
    """One measure against a ladder of thresholds, for one kind of subject.

    `rungs` run from the lowest level to the highest. `title` and `text` have an entry for every level that has a rung.
    `answers`: the code column that names the unit whose head is told; empty for the subject's own unit.
    `hold_for` and `keep` are how long the rule must hold before its alert opens, and be gone before it ends.
    `clear`: how far back beyond a rung, in the measure's unit, the measure must be before an open alert leaves it.
    `places`: (line, column) of `where`, `measure` and each level's rung, by that word.
    The rule is judged from `first_day` to `last_day`, local days both included; None is without end.
    `inhibited_by` names the rules whose open alerts explain this rule's: these then call nobody.
    `replaces` names former rules for which this one stands: it takes their alerts over.
    """

    id: str
    title: Mapping[Level, str]
    about: About
    where: Expression
    where_text: str
    measure: str
    direction: Direction
    rungs: Mapping[Level, Rung]
    hold_for: Duration
    keep: Duration
    text: Mapping[Level, str]
    escalation: str
    guidance: str
    source: str
    file: str
    line: int
    answers: str = ""
    inhibited_by: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    clear: float = 0.0
    first_day: date | None = None
    last_day: date | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict, compare=False)

    def in_force(self, day: date) -> bool:
        """Say whether the rule is judged on a local day."""
        return (self.first_day is None or self.first_day <= day) and (self.last_day is None or day <= self.last_day)

    def following(self, successors: Mapping[str, str]) -> Rule:
        """Give the same rule with the codes of units as they are today."""
        columns = {"unit", "code"} if self.about == "unit" else {"unit"}
        where = self.where.following(columns, successors)
        rungs = {level: rung.following(columns, successors) for level, rung in self.rungs.items()}
        same = where is self.where and all(rungs[level] is rung for level, rung in self.rungs.items())
        return self if same else replace(self, where=where, rungs=rungs)


@dataclass(frozen=True, slots=True)
class Share:
    """A wait in proportion to a task's planned length: so large a part of its working days, within two bounds."""

    part: Fraction
    at_least: Duration
    at_most: Duration


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a policy: whom to tell, so long after the step before.

    `repeat`: it is called again so long after its last call, at most `times` times; None is until the alert ends.
    `share`: `after` is in proportion; it is the longest wait until `waits.policy_for` has filled in that of a task, and
    the task's `length` in working days. `unit`: whose offices are told; empty for the unit that answers for the alert.
    """

    after: Duration
    tell: tuple[str, ...]
    channels: tuple[str, ...] = USUAL_CHANNELS
    repeat: Duration | None = None
    times: int | None = None
    share: Share | None = None
    length: int | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """Who is told at each level, step by step. `cap`: no promise reaches past it, counted from the alert's opening."""

    id: str
    title: str
    levels: Mapping[Level, tuple[Step, ...]]
    cap: Duration


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """When texts leave over one channel, and how much one of them shows.

    `quiet_hours`: local times from and to, the second one excluded; where the first is later, they cross midnight.
    `quiet_days`: words of `QUIET_DAYS`. `overrides`: the least level that leaves all the same; None is no level.
    `digest_cap`: the most alerts that one text lists; None is the setting's.
    """

    quiet_hours: tuple[time, time] | None = None
    quiet_days: frozenset[str] = frozenset()
    overrides: Level | None = None
    digest_cap: int | None = None


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rules and policies of one folder. `version` is the hash of the files; `warnings` stop nothing.

    `channels`: the quiet time of each channel that has any.
    """

    rules: tuple[Rule, ...]
    policies: Mapping[str, Policy]
    version: str
    warnings: tuple[Mistake, ...] = ()
    channels: Mapping[str, ChannelRules] = field(default_factory=dict)

    def following(self, successors: Mapping[str, str]) -> RuleBook:
        """Give the same rules where units were dissolved: a condition on an old code means the unit that took over."""
        rules = tuple(rule.following(successors) for rule in self.rules) if successors else self.rules
        same = all(one is other for one, other in zip(rules, self.rules, strict=True))
        return self if same else replace(self, rules=rules)

    def in_force(self, day: date) -> RuleBook:
        """Give the book with the rules of one local day: what is not in force has no alerts, as if it were removed."""
        rules = tuple(rule for rule in self.rules if rule.in_force(day))
        return self if len(rules) == len(self.rules) else replace(self, rules=rules)

    def rule(self, rule_id: str) -> Rule:
        """Give one rule; raise NotFoundError with the nearest id."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        nearest = nearest_name(rule_id, [rule.id for rule in self.rules])
        raise NotFoundError(Phrase("không có quy tắc {rule!r}", rule=rule_id), nearest)
