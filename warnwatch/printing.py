"""What the commands print: reports as JSON with the fixed words of the design, and as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from warnwatch.alerts.alert import Alert, State
from warnwatch.alerts.ledger import JournalRow
from warnwatch.alerts.muting import NO_MUTINGS, Muting, Mutings
from warnwatch.cycle import CycleReport
from warnwatch.errors import Mistake
from warnwatch.language import LANGUAGES, Phrase, together
from warnwatch.notify.notification import Notification
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.clears import CLEARS, Completeness
from warnwatch.plan.fetched import Outcome
from warnwatch.plan.importing import ImportReport
from warnwatch.plan.measures import Measure
from warnwatch.plan.pulling import PullReport


def local(instant: datetime | None, zone: ZoneInfo) -> str:
    """Write an instant as people in the plan's zone read it."""
    return instant.astimezone(zone).strftime("%d/%m/%Y %H:%M") if instant else "–"


# --- evaluate -------------------------------------------------------------------------------------------------------


def cycle_json(report: CycleReport) -> Mapping[str, Any]:
    """Give what one cycle saw and decided, in the words of `warnwatch evaluate --json`."""
    codes = {alert.id: alert.code for alert in report.outcome.alerts.values()}
    return {
        "at": report.at.isoformat(),
        "rules_version": report.rules_version,
        "tasks": report.snapshot.tasks.height,
        "failures": dict(report.evaluation.failures),
        "transitions": [
            {
                "rule": move.after.rule,
                "about": move.after.about,
                "subject": move.after.subject,
                "unit": move.after.unit,
                "move": move.move.value,
                "from": move.before.level.word if move.before else None,
                "to": None if move.after.state is State.ENDED else move.after.level.word,
                "reason": move.after.end_reason.value if move.after.end_reason else None,
                "measure": move.after.measure,
                "value": move.after.value,
                "threshold": move.after.threshold,
            }
            for move in report.outcome.transitions
        ],
        "calls": [
            {
                "alert": codes[call.alert],
                "level": call.level.word,
                "step": call.step,
                "repeat": call.repeat,
                "office": call.office,
                "unit": call.unit,
            }
            for call in report.outcome.calls
        ],
        "muted": [
            {**_named(report.outcome.alerts[number]), "muted_by": muting.as_json()}
            for number, muting in report.outcome.muted.items()
        ],
        "unmuted": [_named(alert) for alert in report.outcome.unmuted],
        "notifications": [_notification_json(one, state, report.outcome.alerts) for one, state in report.notifications],
    }


def _named(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.code,
        "rule": alert.rule,
        "about": alert.about,
        "subject": alert.subject,
        "unit": alert.unit,
        "level": alert.level.word,
    }


def _notification_json(one: Notification, state: str, alerts: Mapping[int, Alert]) -> Mapping[str, Any]:
    return {
        "office": one.office,
        "unit": one.unit,
        "channel": one.channel,
        "state": state,
        "subject": one.subject,
        "text": one.text,
        "alerts": [alerts[number].code for number in one.alerts if number in alerts],
    }


def cycle_lines(report: CycleReport, zone: ZoneInfo) -> Iterator[str]:
    """Say what one cycle saw and decided, texts included."""
    outcome = report.outcome
    yield f"{local(report.at, zone)}: {report.snapshot.tasks.height} tasks, rules {report.rules_version[:12]}"
    for rule, failure in report.evaluation.failures.items():
        yield f"  rule {rule} FAILED and holds its alerts: {failure}"
    yield f"  {len(outcome.transitions)} transitions, {len(outcome.calls)} calls, {len(report.notifications)} texts"
    for move in outcome.transitions:
        was = f"{move.before.level.word} → " if move.before and not move.after.end_reason else ""
        why = f" ({move.after.end_reason.value})" if move.after.end_reason else ""
        alert, level = move.after, f"{was}{move.after.level.word}"
        yield f"  {alert.code} {move.move.value:8} {level:20} {alert.rule} {alert.subject} {alert.unit}{why}"
    for number, muting in outcome.muted.items():
        held, holds = outcome.alerts[number], muting.as_json()
        by = f"silence {holds['silence']}" if muting.silence else f"alert {holds['alert']}"
        yield f"  {held.code} muted    {held.level.word:20} {held.rule} {held.subject} {held.unit} by {by}"
    for free in outcome.unmuted:
        yield f"  {free.code} unmuted  {free.level.word:20} {free.rule} {free.subject} {free.unit}"
    for one, state in report.notifications:
        yield f"\n── {one.office} of {one.unit}, {one.channel}, {state} ──\n{one.subject}\n\n{one.text}"


# --- check ----------------------------------------------------------------------------------------------------------

WORDED_SHOWN = 50  # of deadlines computed from words; the rest are counted
_MISTAKE_WORDS = ("file", "line", "column", "found", "allowed", "nearest", "message")


def mistake_json(mistake: Mistake) -> Mapping[str, object]:
    """Give one mistake in the words of `warnwatch check --json`."""
    words = mistake.as_json()
    return {word: words[word] for word in _MISTAKE_WORDS}


# --- the rest -------------------------------------------------------------------------------------------------------


def import_json(report: ImportReport) -> Mapping[str, Any]:
    """Give what an import did."""
    return {
        "dry_run": report.dry_run,
        "files": {
            name: {
                "rows": count.rows,
                "added": count.added,
                "changed": count.changed,
                "unchanged": count.unchanged,
                "not_mentioned": count.not_mentioned,
                "withdrawn": count.withdrawn,
            }
            for name, count in report.files.items()
        },
        "warnings": [warning.as_json() for warning in report.warnings],
        "expanded": [
            {"task": one.task, "words": one.words, "units": one.units, "lead": one.lead} for one in report.expanded
        ],
        "clears": {
            "tasks": {str(count): tasks for count, tasks in sorted(report.completeness.tasks.items())},
            "missing": dict(report.completeness.missing),
            "touched": [
                {"task": one.task, "clears": one.clears, "missing": list(one.missing)}
                for one in report.completeness.told
            ],
        },
        "worded": [
            {
                "task": one.task,
                "words": one.words,
                "operator": one.stated.operator,
                "day": one.stated.day.isoformat(),
                "hour": one.stated.hour.isoformat("minutes") if one.stated.hour else None,
            }
            for one in report.worded
        ],
    }


OUTCOMES = {
    Outcome.OK: Phrase("đã nhập"),
    Outcome.UNCHANGED: Phrase("không đổi so với lần trước, không nhập lại"),
    Outcome.EMPTY: Phrase("rỗng, không nhập gì"),
    Outcome.HALF: Phrase("không trọn vẹn, không nhập gì"),
    Outcome.CONTRADICTORY: Phrase("có lỗi, không nhập gì"),
    Outcome.UNREACHABLE: Phrase("không lấy được"),
}


def pull_lines(report: PullReport, language: str) -> Iterator[str]:
    """Say what one pull of a source did."""
    state = OUTCOMES[report.outcome] if report.outcome else Phrase("không có gì mới, hoặc tệp đang được ghi")
    yield Phrase("Nguồn {source}: {state}", source=report.source, state=state)
    if report.why:
        yield report.why
    yield from (mistake.said(language) for mistake in report.mistakes)
    if report.report:
        yield from import_lines(report.report)


def pull_json(report: PullReport) -> Mapping[str, object]:
    """Give the words of `warnwatch import --pull --json`."""
    return {
        "source": report.source,
        "outcome": report.outcome.value if report.outcome else None,
        "why": report.why,
        "rows": report.rows,
        "mistakes": [mistake_json(mistake) for mistake in report.mistakes],
        "import": import_json(report.report) if report.report else None,
    }


def import_lines(report: ImportReport) -> Iterator[str]:
    """Say what an import did, file by file."""
    yield Phrase("Chạy thử, không ghi gì:") if report.dry_run else Phrase("Đã nhập:")
    for name, count in report.files.items():
        gone = Phrase(", rút {withdrawn}", withdrawn=count.withdrawn) if count.withdrawn else ""
        yield (
            Phrase(
                "  {name}: {rows} dòng; thêm {added}, đổi {changed}, giữ nguyên {unchanged}, "
                "không nhắc đến {not_mentioned}{gone}",
                name=name,
                rows=count.rows,
                added=count.added,
                changed=count.changed,
                unchanged=count.unchanged,
                not_mentioned=count.not_mentioned,
                gone=gone,
            )
        )
    yield from _expanded_lines(report)
    if report.worded:
        yield Phrase("Thời hạn tính từ lời văn ({worded}):", worded=len(report.worded))
        for one in report.worded[:WORDED_SHOWN]:
            yield together((f"  {one.task}: “{one.words}” → ", one.meaning))
        if len(report.worded) > WORDED_SHOWN:
            yield Phrase("  … và {worded} thời hạn nữa; xem hết bằng --json", worded=len(report.worded) - WORDED_SHOWN)
    yield from _clears_lines(report.completeness)
    yield from (Phrase("  lưu ý: {warning}", warning=warning) for warning in report.warnings)


def _expanded_lines(report: ImportReport) -> Iterator[str]:
    if report.expanded:
        yield Phrase("Việc giao nhiều đơn vị, thành mỗi đơn vị một nhiệm vụ ({count}):", count=len(report.expanded))
    for one in report.expanded[:WORDED_SHOWN]:
        words, units, lead = one.words, one.units, one.lead
        yield Phrase(
            "  {task}: {words} → {units} nhiệm vụ, {lead} theo dõi chung",
            task=one.task,
            words=words,
            units=units,
            lead=lead,
        )
    if len(report.expanded) > WORDED_SHOWN:
        yield Phrase("  … và {more} việc nữa; xem hết bằng --json", more=len(report.expanded) - WORDED_SHOWN)


def _clears_lines(found: Completeness) -> Iterator[str]:
    if not found.least:
        return
    counts = ", ".join(f"{clears}/6: {tasks}" for clears, tasks in sorted(found.tasks.items(), reverse=True))
    yield Phrase("6 rõ, số nhiệm vụ theo mức đạt: {counts}.", counts=counts)
    often = [(name, tasks) for name, tasks in found.missing.most_common() if tasks]
    lacks = together((together((CLEARS[name], f" {tasks}")) for name, tasks in often), ", ")
    yield Phrase("  thiếu: {lacks}", lacks=lacks)
    codes = ", ".join(f"{code} ({clears}/6)" for clears, code in found.least)
    yield Phrase("  ít nhất: {codes}", codes=codes)


def alert_json(
    alert: Alert, mutings: Iterable[Muting] = (), labels: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    """Give one alert, with what mutes it and its rule's labels; `muted_since`: since when a call has been held back."""
    return {
        "alert": alert.code,
        "rule": alert.rule,
        "labels": dict(labels or {}),
        "about": alert.about,
        "subject": alert.subject,
        "unit": alert.unit,
        "state": alert.state.value,
        "level": alert.level.word,
        "measure": alert.measure,
        "value": alert.value,
        "threshold": alert.threshold,
        "opened_at": alert.opened_at.isoformat() if alert.opened_at else None,
        "ended_at": alert.ended_at.isoformat() if alert.ended_at else None,
        "reason": alert.end_reason.value if alert.end_reason else None,
        "standing": alert.standing,
        "promised_for": alert.promised_for.isoformat() if alert.promised_for else None,
        "next_at": alert.next_at.isoformat() if alert.next_at else None,
        "muted_since": alert.muted_since.isoformat() if alert.muted_since else None,
        "muted": [muting.as_json() for muting in mutings],
    }


def alert_lines(alerts: Iterable[Alert], zone: ZoneInfo, mutings: Mutings = NO_MUTINGS) -> Iterator[str]:
    """List alerts, one line each; what mutes one stands below it."""
    for alert in alerts:
        extra = (
            Phrase(" cam kết {promised_for}", promised_for=local(alert.promised_for, zone))
            if alert.promised_for
            else ""
        )
        standing = Phrase(" [danh sách thường trực]") if alert.standing else ""
        yield (
            Phrase(
                "{code} {level:9} {state:7} {rule:16} {subject:22} {unit:10} mở {opened_at}{extra}",
                code=alert.code,
                level=alert.level.vietnamese,
                state=alert.state.value,
                rule=alert.rule,
                subject=alert.subject,
                unit=alert.unit,
                opened_at=local(alert.opened_at, zone),
                extra=together((extra, standing)),
            )
        )
        for muting in mutings.of(alert):
            yield Phrase("    không báo: {why}", why=muting.said(local(muting.until, zone)))


def history_lines(history: Iterable[JournalRow], zone: ZoneInfo) -> Iterator[str]:
    """Tell an alert's own history, one act a line, oldest first."""
    for row in history:
        facts = ", ".join(f"{name} {value}" for name, value in row.facts.items() if value not in (None, ""))
        yield f"  {local(row.at, zone)} {row.kind:18} {row.actor}: {facts}"


def history_json(history: Iterable[JournalRow]) -> list[Mapping[str, Any]]:
    """Give an alert's own history."""
    return [{"at": row.at.isoformat(), "kind": row.kind, "actor": row.actor, "facts": row.facts} for row in history]


def measure_json(measure: Measure) -> Mapping[str, Any]:
    """Give one entry of the catalogue."""
    return {
        "name": measure.name,
        "about": measure.about,
        "kind": measure.kind,
        "unit": {"vi": measure.unit[0], "en": measure.unit[1]},
        "meaning": {"vi": measure.meaning[0], "en": measure.meaning[1]},
        "source": measure.source,
        "example": measure.example,
        "values": list(measure.values or ()),
    }


def measure_lines(language: str) -> Iterator[str]:
    """List the catalogue of measures, for whoever writes rules."""
    which = LANGUAGES.index("en" if language == "en" else "vi")
    for about, measures in CATALOGUE.items():
        yield f"about: {about}"
        for measure in measures.values():
            unit = f" ({measure.unit[which]})" if measure.unit[which] else ""
            yield Phrase(
                "  {name:30} {kind:8} {meaning}{unit}; ví dụ: {example}",
                name=measure.name,
                kind=measure.kind,
                meaning=measure.meaning[which],
                unit=unit,
                example=measure.example,
            )
            if measure.values:
                yield Phrase("  {indent} giá trị: {values}", indent=" " * 39, values=", ".join(measure.values))
