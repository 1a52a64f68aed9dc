"""What Prometheus gets: names, labels, formats, and what must never happen to them."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from boards import Row, of_unit, report
from builders import NOW, alert, call, item, letterhead, telling, unit
from judging import book, rule
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from warnwatch.alerts.alert import EndReason, State
from warnwatch.alerts.lifecycle import Move, Transition
from warnwatch.metrics import Metrics
from warnwatch.notify.compose import compose
from warnwatch.notify.delivery import Outcome
from warnwatch.notify.lookup import Counts
from warnwatch.rules.rule import Level

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
# Design, "Fixed names": the metric, its type, its labels. KPI, SMS and acknowledgement metrics come with their issues.
NAMES = {
    "tasks": ("gauge", {"unit", "status"}),
    "tasks_by_group": ("gauge", {"bloc", "phase", "group", "status"}),
    "unit_overdue_ratio": ("gauge", {"unit"}),
    "unit_reported_ratio": ("gauge", {"unit"}),
    "unit_colour": ("gauge", {"unit"}),
    "alerts": ("gauge", {"rule", "level", "state"}),
    "alerts_opened_total": ("counter", {"rule", "level"}),
    "alerts_ended_total": ("counter", {"rule", "reason"}),
    "standing_alerts": ("gauge", set()),
    "stale_sources": ("gauge", set()),
    # No source here, so no sample of theirs that would show a label.
    "source_last_success_timestamp_seconds": ("gauge", set()),
    "source_rows": ("gauge", set()),
    "source_outcome": ("gauge", set()),
    "unit_alerts": ("gauge", {"unit", "level"}),
    "calls_total": ("counter", {"step", "office"}),
    "notifications_total": ("counter", {"channel", "outcome"}),
    "oldest_unsent_seconds": ("gauge", {"channel"}),
    "sms_segments_total": ("counter", set()),
    "sms_budget_left": ("gauge", set()),
    "cycle_duration_seconds": ("histogram", set()),
    "last_cycle_timestamp_seconds": ("gauge", set()),
    "evaluator": ("gauge", set()),
    "rule_duration_seconds": ("gauge", {"rule"}),
    "rule_failures_total": ("counter", {"rule"}),
    "rule_label": ("gauge", set()),  # no rule here has one
    "rules_last_reload_success": ("gauge", set()),
    "build_info": ("gauge", {"version"}),
    "dropped_series": ("gauge", {"metric"}),  # the warning of the ceiling
}
ROWS = (of_unit("U-1", "open_late", 1, reported=True), of_unit("U-1", "done_in_time", 4), of_unit("U-2", "claimed", 2))
COUNTS = Counts((("task-deadline", 3, "open", 2),), (("U-1", 3, 2),), 1, (("email", NOW),))


def observed(rows: tuple[Row, ...] = ROWS, counts: Counts = COUNTS, *, ceiling: int = 58_000) -> Metrics:
    """Give the metrics after one cycle of a small plan."""
    metrics = Metrics(plan_series=ceiling)
    metrics.observe_cycle(report(rows, seconds={"task-deadline": 0.002}), 0.04, counts)
    return metrics


def parse_openmetrics(text: str) -> Iterator[Metric]:
    """Read OpenMetrics with the strict parser of its own."""
    return iter(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def samples(metrics: Metrics) -> dict[str, float]:
    """Read the text format back: {name{label="value",…}: value}, the labels in alphabetical order."""
    found = {}
    for family in parse_text(metrics.render("")[0].decode()):
        for one in family.samples:
            labels = ",".join(f'{key}="{value}"' for key, value in sorted(one.labels.items()))
            found[one.name.removeprefix("warnwatch_") + (f"{{{labels}}}" if labels else "")] = one.value
    return found


def _families(metrics: Metrics) -> Iterator[tuple[str, str, set[str]]]:
    for family in parse_text(metrics.render("")[0].decode()):
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = {key for one in family.samples for key in one.labels if key != "le"}
        yield name.removeprefix("warnwatch_"), family.type, labels


def test_every_name_type_and_label_stands_as_designed() -> None:
    """The exposition holds exactly the designed metrics, each with its help."""
    metrics = observed()
    metrics.observe_deliveries("email", {}, 0)
    found = {name: (kind, labels) for name, kind, labels in _families(metrics)}
    assert found == NAMES
    assert all(len(family.documentation) > 10 for family in parse_text(metrics.render("")[0].decode()))


def test_a_unit_is_its_tasks_shares_and_colour() -> None:
    """All statuses of a unit are there, zeros too; its shares are of live tasks; 2 is yellow."""
    found = samples(observed())
    assert found['tasks{status="open_late",unit="U-1"}'] == 1
    assert found['tasks{status="suspended",unit="U-1"}'] == 0
    assert found['unit_overdue_ratio{unit="U-1"}'] == 0.2
    assert found['unit_reported_ratio{unit="U-1"}'] == 0.2
    assert found['unit_colour{unit="U-1"}'] == 2
    assert found['tasks_by_group{bloc="DIA_PHUONG",group="3",phase="2",status="claimed"}'] == 2


def test_a_unit_without_tasks_is_grey_and_has_no_shares() -> None:
    """Nothing is known of such a unit: 0 for its colour, no share that would read as good."""
    metrics = Metrics()
    metrics.observe_cycle(report((), units=[unit("IDLE", "Đơn vị")]), 0.1, Counts())
    found = samples(metrics)
    assert found['unit_colour{unit="IDLE"}'] == 0
    assert not [name for name in found if name.startswith("unit_overdue_ratio")]


def test_a_muted_alert_is_counted_as_muted_and_not_as_open() -> None:
    """Two critical alerts are open and one of them is muted: one of each, so that the states add up."""
    metrics = Metrics()
    counts = replace(COUNTS, muted=(("task-deadline", 3, 1),))
    metrics.observe_cycle(report(seconds={"task-deadline": 0.1}), 0.1, counts)
    found = samples(metrics)
    assert found['alerts{level="critical",rule="task-deadline",state="open"}'] == 1
    assert found['alerts{level="critical",rule="task-deadline",state="muted"}'] == 1
    assert found['alerts{level="notice",rule="task-deadline",state="muted"}'] == 0
    assert found['unit_alerts{level="critical",unit="U-1"}'] == 2


def test_a_rules_labels_are_a_metric_of_their_own() -> None:
    """One series for each label of a rule in force: boards join it, no other metric grows by it; gone with the rule."""
    labelled = rule(labels={"linh_vuc": "du_lieu", "cap": "tinh"})
    metrics = Metrics()
    metrics.observe_cycle(replace(report(), book=book(labelled)), 0.1, COUNTS)
    found = {name: value for name, value in samples(metrics).items() if name.startswith("rule_label")}
    assert found == {
        'rule_label{name="cap",rule="task-deadline",value="tinh"}': 1,
        'rule_label{name="linh_vuc",rule="task-deadline",value="du_lieu"}': 1,
    }
    metrics.observe_cycle(replace(report(), book=book(rule())), 0.1, COUNTS)
    assert not [name for name in samples(metrics) if name.startswith("rule_label")]


def test_alerts_are_those_of_the_database_and_zero_where_there_are_none() -> None:
    """A rule without alerts is shown with 0, so that the end of the last one is a step and not a gap."""
    found = samples(observed())
    assert found['alerts{level="critical",rule="task-deadline",state="open"}'] == 2
    assert found['alerts{level="notice",rule="task-deadline",state="pending"}'] == 0
    assert found['unit_alerts{level="critical",unit="U-1"}'] == 2
    assert found['unit_alerts{level="critical",unit="U-2"}'] == 0
    assert found["standing_alerts"] == 1


def test_a_cycle_counts_what_opened_ended_and_was_called() -> None:
    """Openings and ends count once; an alert that was only pending did not end; each office called counts."""
    opened, gone = alert(1), replace(alert(2), state=State.ENDED, end_reason=EndReason.CURED)
    moves = [
        Transition(Move.OPENED, None, opened, None),
        Transition(Move.ENDED, alert(2), gone, None),
        Transition(Move.ENDED, alert(3, state=State.PENDING), gone, None),
        Transition(Move.RAISED, alert(4, level=Level.WARNING), alert(4), None),
    ]
    told = call(item(), 2, office="head,focal_point")
    metrics = Metrics()
    for _ in range(2):
        metrics.observe_cycle(report(transitions=moves, calls=[told]), 0.1, Counts())
    found = samples(metrics)
    assert found['alerts_opened_total{level="critical",rule="task-deadline"}'] == 2
    assert found['alerts_ended_total{reason="cured",rule="task-deadline"}'] == 2
    assert found['calls_total{office="head",step="2"}'] == found['calls_total{office="focal_point",step="2"}'] == 2


def test_texts_count_when_held_or_plain_and_attempts_by_outcome() -> None:
    """A sender's totals are added once, however often they are told; held and fallback texts count at the cycle."""
    from_cycle = compose(telling(item()), letterhead(), NOW)
    metrics = Metrics()
    metrics.observe_cycle(report(notifications=[(replace(from_cycle, fallback=True), "held")]), 0.1, Counts())
    for total in (2, 5, 5):
        metrics.observe_deliveries("email", {Outcome.SENT: total}, 7.5)
    found = samples(metrics)
    assert found['notifications_total{channel="email",outcome="held"}'] == 1
    assert found['notifications_total{channel="email",outcome="fallback"}'] == 1
    assert found['notifications_total{channel="email",outcome="sent"}'] == 5
    assert found['oldest_unsent_seconds{channel="email"}'] == 7.5


def test_a_rule_that_fails_is_counted_and_timed() -> None:
    """Failures add up; durations are the last cycle's, and a rule that is gone leaves none behind."""
    metrics = Metrics()
    metrics.observe_cycle(report(seconds={"a": 0.5, "old": 0.1}, failures={"a": "ColumnNotFound"}), 0.1, Counts())
    metrics.observe_cycle(report(seconds={"a": 0.25}, failures={"a": "ColumnNotFound"}), 0.1, Counts())
    found = samples(metrics)
    assert (found['rule_failures_total{rule="a"}'], found['rule_failures_total{rule="old"}']) == (2, 0)
    assert found['rule_duration_seconds{rule="a"}'] == 0.25
    assert 'rule_duration_seconds{rule="old"}' not in found


def test_who_stands_by_exports_no_plan() -> None:
    """Boards never sum over replicas: only the evaluator exports tasks, units and alerts."""
    metrics = observed()
    metrics.stand_by()
    found = samples(metrics)
    assert found["evaluator"] == 0
    assert not [name for name in found if name.startswith(("tasks", "unit_", "alerts{", "standing"))]


def test_both_text_formats_say_the_same_and_end_as_they_must() -> None:
    """OpenMetrics ends with # EOF after the plan's block, and both formats are read back by their own parser."""
    metrics = observed()
    plain, plain_type = metrics.render("text/plain;version=0.0.4")
    om, om_type = metrics.render(OPENMETRICS)
    assert (plain_type.split(";")[0], om_type.split(";")[0]) == ("text/plain", "application/openmetrics-text")
    assert om.endswith(b"# EOF\n")
    assert om.count(b"# EOF") == 1
    read = [
        {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}
        for families in (parse_text(plain.decode()), parse_openmetrics(om.decode()))
    ]
    assert read[0] == read[1]


def test_label_values_are_escaped() -> None:
    """Quotes, backslashes and line ends in a code break neither format."""
    evil = 'a"b\\c\nd'
    for accept, parse in (("", parse_text), (OPENMETRICS, parse_openmetrics)):
        body = observed((of_unit(evil, "open_late", bloc=evil),)).render(accept)[0].decode()
        values = {value for family in parse(body) for one in family.samples for value in one.labels.values()}
        assert evil in values


def test_above_the_ceiling_whole_metrics_go_and_a_metric_says_so() -> None:
    """Alerts by unit go first, then tasks by unit; the plan's groups and the alerts stay; what went is counted."""
    found = samples(observed(ceiling=21))
    dropped = {name: value for name, value in found.items() if name.startswith("dropped_series") and value}
    assert dropped == {'dropped_series{metric="unit_alerts"}': 6, 'dropped_series{metric="tasks"}': 16}
    assert any(name.startswith("tasks_by_group") for name in found)
    assert not any(name.startswith(("tasks{", "unit_alerts")) for name in found)


def test_no_value_is_ever_not_a_number() -> None:
    """Shares of nothing are left out: NaN would poison every sum over units."""
    body = observed((of_unit("U-1", "cancelled", 3), of_unit("U-2", "no_deadline", 1))).render("")[0].decode()
    assert not re.search(r" (NaN|[+-]Inf)$", re.sub(r"le=\"\+Inf\"", "", body), re.MULTILINE)


def test_fifty_thousand_samples_render_within_the_time() -> None:
    """3,500 units give some 50,000 samples; rendering copies what the cycle prepared."""
    rows = tuple(of_unit(f"U-{number:05d}", "open_late") for number in range(3_500))
    metrics = observed(rows)
    body, best = b"", 1.0
    for _ in range(5):
        began = time.perf_counter()
        body, _ = metrics.render("")
        best = min(best, time.perf_counter() - began)
    assert body.count(b"\n") > 49_000
    assert best < 0.06


@pytest.mark.servers("promtool")
def test_promtool_finds_nothing_to_complain_about() -> None:
    """Prometheus' own linter accepts every name, type and help."""
    body = observed().render("")[0]
    done = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, check=False)  # noqa: S607
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
