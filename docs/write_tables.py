"""The tables of the pages that the program itself knows: settings, metrics, measures, columns of an import.

`python docs/write_tables.py` writes them anew between their marks; tests/test_docs.py says when a page is behind.
"""  # noqa: INP001 (a script beside the pages)

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from warnwatch.metrics import PLAN_METRICS, PREFIX, Metrics
from warnwatch.notify.delivery import ANSWERS, Outcome
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.column import Default, allowed
from warnwatch.plan.columns import FILES
from warnwatch.plan.source import KINDS
from warnwatch.settings import SECRETS, Settings

DOCS = Path(__file__).parent


def settings() -> Iterator[str]:
    """Write every setting with its default and meaning."""
    yield "| setting | default | meaning |"
    yield "|---|---|---|"
    for section, part in Settings.model_fields.items():
        if section == "sources":  # a list: its kinds have a table of their own
            continue
        for name, setting in type(part.default).model_fields.items():
            secret = (section, name) in SECRETS
            shown = "–" if secret else _shown(setting.get_default(call_default_factory=True))
            yield f"| `{section}.{name}` | {shown} | {setting.description} |"


def sources() -> Iterator[str]:
    """Write the keys of a source: those of all kinds, then each kind's own."""
    yield "| kind | key | default | meaning |"
    yield "|---|---|---|---|"
    common = [name for name in KINDS[0].model_fields if all(name in kind.model_fields for kind in KINDS)]
    for name in common:
        yield _source_row("all", name, KINDS[0])
    for kind in KINDS:
        word = str(kind.model_fields["kind"].annotation).split("'")[1]
        for name in kind.model_fields:
            if name not in common:
                yield _source_row(f"`{word}`", name, kind)


def _source_row(word: str, name: str, kind: type[BaseModel]) -> str:
    setting = kind.model_fields[name]
    if name == "kind":
        return f"| {word} | `kind` | required | `folder`, `url`, `sql` or `promql` |"
    default = "required" if setting.is_required() else _shown(setting.get_default(call_default_factory=True) or None)
    return f"| {word} | `{name}` | {default} | {setting.description} |"


def _shown(default: object) -> str:
    if default is None:
        return "–"
    if default == "":
        return "empty"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def metrics() -> Iterator[str]:
    """Write every metric with its labels and help."""
    yield "| metric | labels | says |"
    yield "|---|---|---|"
    for name, (labels, words) in PLAN_METRICS.items():
        yield f"| `{PREFIX}{name}` | {', '.join(labels) or '–'} | {words} |"
    registry = Metrics()._registry  # noqa: SLF001 (prometheus_client tells labels only to those who look inside)
    for collector in registry._collector_to_names:  # noqa: SLF001
        for family in collector.collect():
            name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
            labels = ("version",) if family.type == "info" else getattr(collector, "_labelnames", ())
            yield f"| `{name}` | {', '.join(labels) or '–'} | {family.documentation} |"


def measures() -> Iterator[str]:
    """Write every measure of each kind of subject, in both languages."""
    for about, known in CATALOGUE.items():
        yield f"### `about: {about}`"
        yield ""
        yield "| name | kind | unit | meaning | nghĩa | example |"
        yield "|---|---|---|---|---|---|"
        for one in known.values():
            values = f": {', '.join(one.values)}" if one.values else ""
            meaning, words = one.meaning[1], one.meaning[0]
            yield (
                f"| `{one.name}` | {one.kind}{values} | {one.unit[1] or '–'} | {meaning} | {words} | `{one.example}` |"
            )
        yield ""


def columns() -> Iterator[str]:
    """Write every file of an import with its columns, in Vietnamese."""
    for file in FILES.values():
        yield f"### {file.file_name}"
        yield ""
        yield f"{file.about[0].upper()}{file.about[1:]}. Trang tính: {file.vietnamese}."
        yield ""
        yield "| cột | tiếng Việt | bắt buộc | nội dung | ghi chú |"
        yield "|---|---|---|---|---|"
        for one in file.columns:
            note = "; ".join(part for part in (one.about, _left_empty(one.default)) if part)
            needed = "có" if one.required else ""
            yield f"| `{one.name}` | {one.vietnamese} | {needed} | {allowed(one)} | {note} |"
        yield ""


def _left_empty(default: Default) -> str:
    if default is None or default == "":
        return ""
    if isinstance(default, bool):
        return f"bỏ trống là {'có' if default else 'không'}"
    return f"bỏ trống là {default}"


def answers() -> Iterator[str]:
    """Write what follows from each answer of a mail server, in the order in which the lines are tried."""
    yield "| when | reply code | enhanced code | then | flags the address | asks for a person | because |"
    yield "|---|---|---|---|---|---|---|"
    follows = {Outcome.SENT: "sent", Outcome.RETRY: "tried again", Outcome.FAILED: "failed for good"}
    for one in ANSWERS:
        phases = "any of them" if len(one.phases) > 3 else ", ".join(one.phases)
        codes = ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in one.codes) or "any, or none"
        kinds = (
            ", ".join(f"{kind}x" if kind.endswith(".") else kind or "none" for kind in one.enhanced) or "any, or none"
        )
        words = f", with the word *{one.words}*" if one.words else ""
        marks = ["yes" if mark else "" for mark in (one.blames, one.alarm)]
        yield f"| {phases} | {codes}{words} | {kinds} | {follows[one.outcome]} | {' | '.join(marks)} | {one.because} |"


TABLES: Mapping[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "settings": ("operations.md", settings),
    "sources": ("operations.md", sources),
    "metrics": ("operations.md", metrics),
    "answers": ("operations.md", answers),
    "measures": ("rules.md", measures),
    "columns": ("import.md", columns),
}


def with_table(page: str, name: str) -> str:
    """Give a page's text with one of its tables as the program would write it now."""
    table = "\n".join(TABLES[name][1]()).strip()
    marks = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not marks.search(page):
        raise ValueError(f"no marks for the table {name}")
    return marks.sub(lambda found: f"{found[1]}{table}\n{found[2]}", page, count=1)


if __name__ == "__main__":
    for table, (file, _) in TABLES.items():
        written = with_table((DOCS / file).read_text(encoding="utf-8"), table)
        (DOCS / file).write_text(written, encoding="utf-8")
