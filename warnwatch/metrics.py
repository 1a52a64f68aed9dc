"""What one cycle is in Prometheus' words: every metric's name, labels and help stand here.

The plan's gauges (tasks, units, alerts) are text joined once per cycle; prometheus_client keeps the process's own few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from warnwatch import __version__
from warnwatch.alerts.alert import EndReason, State
from warnwatch.alerts.lifecycle import Move
from warnwatch.cycle import CycleReport
from warnwatch.notify.delivery import Outcome
from warnwatch.notify.lookup import Counts
from warnwatch.plan.colours import Colour, Cutoffs, Stand, stands_of
from warnwatch.plan.measures import TIMINGS
from warnwatch.plan.source_frame import in_trouble
from warnwatch.rules.rule import LEVELS, OFFICES, Level

PREFIX = "warnwatch_"
# Design: 60,000 series in all; 2,000 of them are kept for the registry (rules, calls, outcomes, histogram).
PLAN_SERIES = 58_000
# From the quiet cycle of a small plan (ms) to one that takes as long as the time between two.
CYCLE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
HELD, FALLBACK = "held", "fallback"
OUTCOMES = (HELD, FALLBACK, *(outcome.value for outcome in Outcome))

_COLOUR_HELP = ", ".join(f"{colour.value} {colour.name.lower()}" for colour in Colour)
# name: (labels, help). Order is that of the exposition.
PLAN_METRICS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "tasks": (("unit", "status"), "Judged tasks by lead unit and computed status."),
    "tasks_by_group": (
        ("bloc", "phase", "group", "status"),
        "Judged tasks by the lead unit's bloc, phase, group of the plan, and computed status; nothing for zero.",
    ),
    "unit_overdue_ratio": (
        ("unit",),
        "Share (0-1) of a unit's tasks past deadline; suspended and cancelled ones do not count.",
    ),
    "unit_reported_ratio": (
        ("unit",),
        "Share (0-1) of a unit's tasks ever reported on; suspended and cancelled ones do not count.",
    ),
    "unit_colour": (("unit",), f"Colour of a unit on the national scale: {_COLOUR_HELP}."),
    "alerts": (
        ("rule", "level", "state"),
        "Alerts that have not ended (state pending, open, or muted: open, and a call is held back).",
    ),
    "standing_alerts": ((), "Open alerts whose every escalation step was called: the secretariat's list."),
    "stale_sources": ((), "Pulled sources that are late, or whose last delivery cannot be used."),
    "source_last_success_timestamp_seconds": (("source",), "Instant of a source's last good pull, Unix time."),
    "source_rows": (("source",), "Rows of a source's last good pull."),
    "source_outcome": (("source", "outcome"), "1 for the outcome of a source's last pull; none before the first."),
    "unit_alerts": (("unit", "level"), "Open alerts by the unit that answers for them."),
}
# Left out in this order while there are more series than the ceiling allows.
DROPPED_FIRST = ("unit_alerts", "tasks", "unit_reported_ratio", "unit_overdue_ratio", "unit_colour")


@dataclass(frozen=True, slots=True)
class _Family:
    """One metric of the plan's block: its samples as finished lines."""

    name: str
    lines: list[str]

    @property
    def text(self) -> str:
        """The whole block of the metric, help and type first; both text formats write a gauge alike."""
        name = PREFIX + self.name
        head = f"# HELP {name} {PLAN_METRICS[self.name][1]}\n# TYPE {name} gauge\n"
        return head + "".join(self.lines)


class Metrics:
    """All that one process exports. Written by the service's threads, rendered by the web: both at any time."""

    def __init__(self, cutoffs: Cutoffs | None = None, *, plan_series: int = PLAN_SERIES) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a series more per counter child, which no board of ours reads
        self._cutoffs = cutoffs or Cutoffs()
        self._plan_series = plan_series
        self._block = b""
        self._sent: dict[tuple[str, str], int] = {}
        self._registry = CollectorRegistry()
        self._make_counters()
        self._make_gauges()
        Info("warnwatch_build", "The running program.", registry=self._registry).info({"version": __version__})

    def _make_counters(self) -> None:
        self._opened = self._counter("alerts_opened", "Alerts opened.", "rule", "level")
        self._ended = self._counter("alerts_ended", "Open alerts that ended, by reason.", "rule", "reason")
        self._calls = self._counter("calls", "Offices called, by step of the escalation policy.", "step", "office")
        self._notifications = self._counter(
            "notifications",
            "Texts held or written in the plain fallback form, once each; and attempts to send, by their outcome.",
            "channel",
            "outcome",
        )
        self._failures = self._counter("rule_failures", "Evaluations in which a rule failed.", "rule")
        for outcome in OUTCOMES:
            self._notifications.labels("email", outcome)
        for office in OFFICES:
            self._calls.labels("1", office)

    def _make_gauges(self) -> None:
        self._evaluator = self._gauge("evaluator", "1 where this process evaluates, 0 where it stands by.")
        self._last = self._gauge("last_cycle_timestamp_seconds", "Instant of the last finished cycle, Unix time.")
        self._rule_seconds = self._gauge("rule_duration_seconds", "What a rule cost in the last cycle.", "rule")
        self._rule_labels = self._gauge(
            "rule_label",
            "1 for each label of a rule in force: its rule file says name and value.",
            "rule",
            "name",
            "value",
        )
        self._reload = self._gauge("rules_last_reload_success", "1 if the last reading of the rules was accepted.")
        self._oldest = self._gauge(
            "oldest_unsent_seconds", "Age of the oldest text that should leave and has not; held ones apart.", "channel"
        )
        self._dropped = self._gauge(
            "dropped_series", "Series left out of the last cycle because of the ceiling of 60,000.", "metric"
        )
        self._duration = Histogram(
            PREFIX + "cycle_duration_seconds",
            "What a whole cycle took.",
            registry=self._registry,
            buckets=CYCLE_BUCKETS,
        )
        self._oldest.labels("email")
        self._segments = self._counter("sms_segments", "Parts of text messages that the gateway has accepted.")
        self._budget = self._gauge(
            "sms_budget_left", "Parts of text messages left of this day's budget; 0 without a gateway."
        )
        self._reload.set(1)  # a service starts only with rules that were accepted
        for name in DROPPED_FIRST:
            self._dropped.labels(name)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(PREFIX + name, words, labels, registry=self._registry)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(PREFIX + name, words, labels, registry=self._registry)

    def observe_cycle(self, report: CycleReport, seconds: float, counts: Counts) -> None:
        """Take in a finished cycle that took `seconds`; `counts` is what the database says after it."""
        self._evaluator.set(1)
        self._last.set(report.at.timestamp())
        self._duration.observe(seconds)
        self._observe_rules(report)
        self._observe_moves(report)
        stands = stands_of(report.counts())
        families = [
            _Family("tasks", _tasks(stands)),
            _Family("tasks_by_group", list(_tasks_by_group(report))),
            *_unit_shares(stands, report, self._cutoffs),
            _Family("alerts", _alerts(report, counts)),
            _Family("standing_alerts", [f"{PREFIX}standing_alerts {counts.standing}\n"]),
            *_sources(report),
            _Family("unit_alerts", _unit_alerts(stands, counts)),
        ]
        kept = self._within_ceiling(families)
        self._block = "".join(family.text for family in kept).encode("utf-8", "replace")

    def _observe_rules(self, report: CycleReport) -> None:
        evaluation = report.evaluation
        self._rule_seconds.clear()
        self._rule_labels.clear()
        for one in report.book.rules:  # at most MAX_LABELS each, and never on another metric: series stay bounded
            for name, value in one.labels.items():
                self._rule_labels.labels(one.id, name, value).set(1)
        for rule, seconds in evaluation.seconds.items():
            self._rule_seconds.labels(rule).set(seconds)
            # A counter that is there from the start, at 0: the first step up is seen as one.
            self._failures.labels(rule).inc(rule in evaluation.failures)
            for level in LEVELS:
                self._opened.labels(rule, level)
            for reason in EndReason:
                self._ended.labels(rule, reason.value)

    def _observe_moves(self, report: CycleReport) -> None:
        for move in report.outcome.transitions:
            if move.move is Move.OPENED:
                self._opened.labels(move.after.rule, move.after.level.word).inc()
            elif move.after.end_reason and move.before and move.before.state is State.OPEN:
                self._ended.labels(move.after.rule, move.after.end_reason.value).inc()
        for call in report.outcome.calls:
            for office in call.office.split(","):
                self._calls.labels(str(call.step), office).inc()
        for one, state in report.notifications:
            self._notifications.labels(one.channel, HELD).inc(state == HELD)
            self._notifications.labels(one.channel, FALLBACK).inc(one.fallback)

    def observe_deliveries(self, channel: str, totals: Mapping[Outcome, int], oldest_seconds: float) -> None:
        """Take in a sender's totals since its start (`sending.Sender.totals`) and the age of the oldest unsent text."""
        for outcome, total in totals.items():
            known = self._sent.get((channel, outcome.value), 0)
            self._notifications.labels(channel, outcome.value).inc(max(0, total - known))
            self._sent[channel, outcome.value] = total
        self._oldest.labels(channel).set(max(0.0, oldest_seconds))

    def observe_sms(self, parts: int, left: int) -> None:
        """Take in the parts accepted since the last look, and how many the day's budget has left."""
        self._segments.inc(max(0, parts))
        self._budget.set(left)

    def observe_reload(self, *, accepted: bool) -> None:
        """Say whether the last reading of the rule folder gave a set that runs."""
        self._reload.set(accepted)

    def stand_by(self) -> None:
        """Export no plan and no alerts: another process holds the evaluator's lease."""
        self._evaluator.set(0)
        self._block = b""

    def _within_ceiling(self, families: list[_Family]) -> list[_Family]:
        sizes = {family.name: len(family.lines) for family in families}
        total = sum(sizes.values())
        left_out = set()
        for name in DROPPED_FIRST:
            over = total > self._plan_series
            self._dropped.labels(name).set(sizes[name] if over else 0)
            if over:
                left_out.add(name)
                total -= sizes[name]
        return [family for family in families if family.name not in left_out]

    def render(self, accept: str) -> tuple[bytes, str]:
        """Give the exposition and its content type, in the format that the Accept header asks for."""
        encode, content_type = choose_encoder(accept)
        own: bytes = encode(self._registry)
        end = b"# EOF\n"
        if own.endswith(end):
            return own.removesuffix(end) + self._block + end, content_type
        return own + self._block, content_type


def _quoted(value: object) -> str:
    text = str(value)
    if "\\" in text or '"' in text or "\n" in text:
        text = text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return text


def _tasks(stands: Mapping[str, Stand]) -> list[str]:
    """Write every status of every unit, zeros too, so that a share can be computed from them."""
    heads = [f'",status="{timing}"}} ' for timing in TIMINGS]
    lines = []
    for unit, stand in stands.items():
        start = f'{PREFIX}tasks{{unit="{_quoted(unit)}'
        lines += [f"{start}{head}{stand.timings[timing]}\n" for head, timing in zip(heads, TIMINGS, strict=True)]
    return lines


def _tasks_by_group(report: CycleReport) -> Iterator[str]:
    key = ["bloc", "phase", "group_no", "timing"]
    counted = report.counts().group_by(key).agg(tasks=pl.col("tasks").sum()).sort(key, nulls_last=True)
    for bloc, phase, group, timing, tasks in counted.iter_rows():
        labels = f'bloc="{_quoted(bloc or "")}",phase="{_label(phase)}",group="{_label(group)}",status="{timing}"'
        yield f"{PREFIX}tasks_by_group{{{labels}}} {tasks}\n"


def _label(number: int | None) -> str:
    return "" if number is None else str(number)


def _unit_shares(stands: Mapping[str, Stand], report: CycleReport, cutoffs: Cutoffs) -> list[_Family]:
    """Write what each unit is worth on the board; a unit without tasks has a colour (grey) and no shares."""
    overdue, reported, colours = [], [], []
    for unit, stand in stands.items():
        name = _quoted(unit)
        if stand.overdue_ratio is not None:
            overdue.append(f'{PREFIX}unit_overdue_ratio{{unit="{name}"}} {stand.overdue_ratio:.6g}\n')
            reported.append(f'{PREFIX}unit_reported_ratio{{unit="{name}"}} {stand.reported_ratio:.6g}\n')
        colours.append(f'{PREFIX}unit_colour{{unit="{name}"}} {stand.colour(cutoffs).value}\n')
    idle = (unit for unit in report.directory.units if unit not in stands)
    colours += [f'{PREFIX}unit_colour{{unit="{_quoted(unit)}"}} {Colour.GREY.value}\n' for unit in idle]
    return [
        _Family("unit_overdue_ratio", overdue),
        _Family("unit_reported_ratio", reported),
        _Family("unit_colour", colours),
    ]


def _alerts(report: CycleReport, counts: Counts) -> list[str]:
    """Write the alerts by rule, level and state; zeros for every rule that ran, so that an end is seen as one.

    A muted alert is open, and counts as muted only: the states of a rule add up.
    """
    numbers = {
        (rule, level, state): 0
        for rule in report.evaluation.seconds
        for level in LEVELS
        for state in ("pending", "open", "muted")
    }
    numbers |= {(rule, Level(level).word, state): number for rule, level, state, number in counts.alerts}
    for rule, level, number in counts.muted:
        word = Level(level).word
        numbers[rule, word, "muted"] = number
        numbers[rule, word, "open"] = numbers.get((rule, word, "open"), 0) - number
    return [
        f'{PREFIX}alerts{{rule="{_quoted(rule)}",level="{level}",state="{state}"}} {number}\n'
        for (rule, level, state), number in numbers.items()
    ]


def _sources(report: CycleReport) -> list[_Family]:
    """Write how fresh the pulled sources are; a source without a good pull has no instant."""
    sources, instants, rows, outcomes = report.snapshot.sources, [], [], []
    stale = len(in_trouble(sources, report.evaluation.today))
    for row in sources.iter_rows(named=True):
        name = _quoted(row["code"])
        if row["good_at"]:
            instants.append(
                f'{PREFIX}source_last_success_timestamp_seconds{{source="{name}"}} {row["good_at"].timestamp()}\n'
            )
            rows.append(f'{PREFIX}source_rows{{source="{name}"}} {row["rows"] or 0}\n')
        outcomes.append(f'{PREFIX}source_outcome{{source="{name}",outcome="{row["outcome"]}"}} 1\n')
    return [
        _Family("stale_sources", [f"{PREFIX}stale_sources {stale}\n"]),
        _Family("source_last_success_timestamp_seconds", instants),
        _Family("source_rows", rows),
        _Family("source_outcome", outcomes),
    ]


def _unit_alerts(units: Iterable[str], counts: Counts) -> list[str]:
    numbers = {(unit, level): 0 for unit in units for level in LEVELS}
    numbers |= {(unit, Level(level).word): number for unit, level, number in counts.by_unit}
    return [
        f'{PREFIX}unit_alerts{{unit="{_quoted(unit)}",level="{level}"}} {number}\n'
        for (unit, level), number in numbers.items()
    ]
