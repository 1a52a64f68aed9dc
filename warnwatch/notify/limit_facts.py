"""What a text says of a limit: its value, what it is compared with, and the events that broke it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from warnwatch.alerts.alert import Alert
from warnwatch.language import Phrase, in_language
from warnwatch.notify.notification import Facts
from warnwatch.notify.tongues import wording_of
from warnwatch.notify.wording import Wording, clean
from warnwatch.plan.directory import Unit
from warnwatch.plan.words import Limit

# So many of the events that broke a limit are named; the rest are counted.
EVENTS_NAMED = 5
_UTC = ZoneInfo("UTC")


def limit_facts(alert: Alert, unit: Unit, limit: Limit | None, language: str) -> Facts:
    """Say what is known of the limit that an alert is about."""
    if limit is None:
        return Facts(alert.subject, "", unit)
    says = wording_of(language)
    sign = {">=": "≥", "<=": "≤"}.get(limit.operator, limit.operator)
    return Facts(
        code=limit.kpi,
        title=limit.name,
        unit=unit,
        assigning_document=limit.legal_basis,
        value=_quantity(limit.value, limit.measured_in, says),
        target="" if limit.target is None else f"{sign} {_quantity(limit.target, limit.measured_in, says)}",
        period=limit.period,
        lines=tuple(_limit_lines(limit, says, language)),
    )


def _limit_lines(limit: Limit, says: Wording, language: str) -> Iterator[tuple[str, str]]:
    """Give what the value is compared with, and the events that broke the limit, the latest first."""
    compared = {
        Phrase("Mức theo lộ trình"): limit.path_value,
        Phrase("Kỳ trước"): limit.previous,
        Phrase("Cùng kỳ năm trước"): limit.last_year,
    }
    for label, value in compared.items():
        if value is not None:
            yield in_language(label, language), _quantity(round(value, 2), limit.measured_in, says)
    if not limit.events:
        return
    latest = limit.events[::-1][:EVENTS_NAMED]
    named = [
        in_language(
            Phrase(
                "{reference} ({value}, ngày {day})",
                reference=clean(reference, 60),
                value=_quantity(value, limit.measured_in, says),
                day=says.day(datetime.combine(day, time(), UTC), _UTC),
            ),
            language,
        )
        for day, value, reference in latest
    ]
    if rest := len(limit.events) - len(latest):
        named.append(in_language(Phrase("và {n} sự kiện khác", n=rest), language))
    yield in_language(Phrase("Sự kiện không đạt"), language), "; ".join(named)


def _quantity(value: float | None, measured_in: str, says: Wording) -> str:
    return "" if value is None else f"{says.number(value)} {measured_in}".strip()
