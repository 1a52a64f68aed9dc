"""A PromQL query as a source: one value a unit becomes a reading of the last period that is over."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from warnwatch.language import Phrase
from warnwatch.plan.columns import FILES
from warnwatch.plan.fetched import Fetched, Outcome, PullError
from warnwatch.plan.pull_web import Request, get
from warnwatch.plan.source import PromqlSource

MOST_ANSWER = 20 * 2**20
# What Prometheus answers a bad query or an overloaded moment with; the body then says which.
_REFUSALS = (400, 422, 503)


def fetch_promql(source: PromqlSource, spool: Path, now: datetime, zone: ZoneInfo) -> Fetched:
    """Ask at the end of the last whole period, so that a second pull of it says the same; write readings."""
    period, asked_at = _period(source.period, now.astimezone(zone))
    body = spool / "answer"
    url = source.server.rstrip("/") + "/api/v1/query"
    request = Request(
        url, params={"query": source.query, "time": f"{asked_at.timestamp():.3f}"}, most=MOST_ANSWER, accepts=_REFUSALS
    )
    get(source, request, body)
    values = list(_values(_samples(body), source))
    body.unlink()
    if not values:
        raise PullError(Outcome.EMPTY, Phrase("truy vấn PromQL không có kết quả"))
    _write(spool / FILES["readings"].file_name, values, source, period, asked_at)
    return Fetched()


def _period(kind: str, local: datetime) -> tuple[str, datetime]:
    """Name the last period that is over, and give the instant of its end; an event is now."""
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == "event":
        return "", local.replace(microsecond=0)
    if kind == "day":
        return (midnight.date() - timedelta(days=1)).isoformat(), midnight
    first = midnight.replace(day=1) if kind == "month" else midnight.replace(month=1, day=1)
    last: date = first.date() - timedelta(days=1)
    return (f"{last:%Y-%m}" if kind == "month" else f"{last:%Y}"), first


def _samples(body: Path) -> list[Any]:
    """Read the answer; one that is not Prometheus' is refused, whatever it is."""
    try:
        answer = json.loads(body.read_bytes())
        said = answer["status"] if isinstance(answer, dict) else ""
        if said == "error":
            kind = str(answer.get("errorType", ""))[:40]
            raise PullError(Outcome.UNREACHABLE, Phrase("Prometheus từ chối truy vấn ({reason})", reason=kind))
        if answer.get("warnings"):
            raise PullError(Outcome.HALF, Phrase("Prometheus báo kết quả không trọn vẹn"))
        kind, result = answer["data"]["resultType"], answer["data"]["result"]
        if said != "success":
            kind = ""
        result = [*result]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise PullError(Outcome.CONTRADICTORY, Phrase("câu trả lời không phải của Prometheus")) from None
    if kind == "scalar":
        return [{"metric": {}, "value": result}]
    if kind != "vector":
        raise PullError(
            Outcome.CONTRADICTORY,
            Phrase("truy vấn PromQL phải cho mỗi đơn vị một giá trị (vector), gặp: {kind}", kind=str(kind)[:20]),
        )
    return result


def _values(samples: list[Any], source: PromqlSource) -> Iterator[tuple[str, str]]:
    """Give unit and value of each sample; one that is no number is a gap, two for one unit contradict."""
    seen: set[str] = set()
    for sample in samples:
        try:
            labels, value = sample["metric"], float(sample["value"][1]) * source.factor
            label = str(labels[source.unit_label])
        except KeyError:
            raise PullError(
                Outcome.CONTRADICTORY, Phrase("kết quả PromQL không có nhãn {label}", label=source.unit_label)
            ) from None
        except (ValueError, TypeError, IndexError, AttributeError):
            raise PullError(Outcome.CONTRADICTORY, Phrase("câu trả lời không phải của Prometheus")) from None
        if not math.isfinite(value):
            continue
        unit = source.units.get(label, label)
        if unit in seen:
            raise PullError(
                Outcome.CONTRADICTORY, Phrase("truy vấn PromQL cho đơn vị {unit} nhiều hơn một giá trị", unit=unit[:40])
            )
        seen.add(unit)
        # As many digits as are the same in every computer's arithmetic: a second pull then changes nothing.
        yield unit, f"{value:.12g}"


def _write(target: Path, values: list[tuple[str, str]], source: PromqlSource, period: str, at: datetime) -> None:
    event: Mapping[str, str] = {} if period else {"occurred_at": at.isoformat(), "reference": source.code}
    own = {"kpi": source.kpi, **({"period": period} if period else event), "source": source.code}
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*own, "unit", "value"])
        writer.writeheader()
        writer.writerows(own | {"unit": unit, "value": value} for unit, value in values)
