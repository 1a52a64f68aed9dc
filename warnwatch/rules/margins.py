"""The keys of a rule beside its ladder: how far back is back, from when until when, and its labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from warnwatch.errors import Mistake
from warnwatch.language import Phrase
from warnwatch.rules.entry import Entry

MAX_LABELS = 20
MAX_LABEL_LENGTH = 100
LABEL_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+")


def read_clear(entry: Entry) -> float:
    """Read `clear`: a number in the measure's unit, 0 where it is not given."""
    value = entry.values.get("clear", 0)
    if "clear" in entry.values and entry.has_thousands(entry.path("clear")):
        return 0.0
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15:
        return float(value)
    shown = "" if value is None else str(value)
    if _DECIMAL_COMMA.fullmatch(shown):
        entry.complain("clear", Phrase("số lẻ viết bằng dấu chấm, không phải dấu phẩy"), shown, shown.replace(",", "."))
    else:
        entry.complain("clear", Phrase("khóa clear cần một số từ 0 trở lên, theo đơn vị của chỉ tiêu đo"), shown)
    return 0.0


def read_period(entry: Entry) -> tuple[date | None, date | None]:
    """Read `from` and `until`: the first and the last local day on which the rule is judged."""
    first, last = _day(entry, "from"), _day(entry, "until")
    if first and last and last < first:
        message = Phrase("ngày hết hiệu lực trước ngày bắt đầu hiệu lực ({first})", first=first.isoformat())
        entry.complain("until", message, last.isoformat())
    return first, last


def _day(entry: Entry, name: str) -> date | None:
    if name not in entry.values:
        return None
    value = entry.values[name]
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    message = Phrase("khóa {name} cần một ngày có thật, viết năm-tháng-ngày", name=name)
    entry.complain(name, message, "" if value is None else str(value), "2026-01-31")
    return None


def read_labels(entry: Entry) -> Mapping[str, str]:
    """Read `labels`: words that mark the rule's alerts. Those of the file's defaults come first, the rule's own win."""
    shared = entry.defaults if entry.defaults and "labels" in entry.own else None
    given = _labels(entry)
    labels = {**_labels(shared), **given} if shared else given
    if len(labels) > MAX_LABELS:
        entry.complain("labels", Phrase("quá {most} nhãn", most=MAX_LABELS), str(len(labels)))
    return labels


def _labels(entry: Entry) -> dict[str, str]:
    value = entry.values.get("labels", {})
    if not isinstance(value, dict):
        shown = "" if value is None else str(value)
        entry.complain("labels", Phrase("khóa labels cần một nhóm nhãn: giá trị"), shown, "linh_vuc: chuyen_doi_so")
        return {}
    labels = {}
    for name, word in value.items():
        if not LABEL_NAME.fullmatch(name):
            place = entry.document.place_of_key(entry.path("labels", name))
            message = Phrase("tên nhãn sai: bắt đầu bằng chữ thường, chỉ gồm chữ thường không dấu, chữ số và gạch dưới")
            entry.mistakes.append(Mistake(entry.document.shown, *place, message, name[:80]))
        text = str(word).strip() if isinstance(word, str | int) and not isinstance(word, bool) else ""
        if not text or len(text) > MAX_LABEL_LENGTH or "\n" in text:
            message = Phrase("nhãn cần một từ hoặc câu ngắn, nhiều nhất {most} ký tự", most=MAX_LABEL_LENGTH)
            found = "" if word is None else str(word)
            entry.mistakes.append(entry.document.mistake(entry.path("labels", name), message, found))
        labels[name] = text
    return labels
