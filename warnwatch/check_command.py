"""`warnwatch check`: a rule folder read for mistakes, walked over the present plan, and timed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import NoReturn

import click

from warnwatch import printing
from warnwatch.assembly import load_standards
from warnwatch.clocks import clock_of
from warnwatch.console import (
    FOLDER,
    Installation,
    as_json,
    pass_installation,
    print_either,
    print_json,
    progress_line,
)
from warnwatch.cycle import Standards
from warnwatch.errors import CannotRunError, Mistake, MistakesError
from warnwatch.language import Language, Phrase, in_language
from warnwatch.rule_check import (
    READING,
    STANDINGS,
    Cost,
    Present,
    Tell,
    check_plan,
    cost_of,
    open_for_reading,
    read_present,
    write_schemas,
)
from warnwatch.ruletests.editor_schema import TESTS_SCHEMA_FILE, schema_of_tests
from warnwatch.settings import Settings
from warnwatch.typed_text import decode, excerpt, read_content

_BAR = 20  # signs wide
_SHOWN_AFTER = 2.0  # seconds: what is quicker needs no bar


@click.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option("--cost", is_flag=True, help="Measure what each rule costs on the present plan, and where it stands.")
@click.option("--strict", is_flag=True, help="Warnings make the exit code 1 too.")
@click.option("--files-only", is_flag=True, help="Do not look at the plan.")
@click.option("--schema", "schema_", is_flag=True, help="First write the JSON Schemas for editors into the folder.")
@as_json
@pass_installation
def check(  # noqa: PLR0913 (the options of one command, by name)
    here: Installation,
    folder: Path | None,
    *,
    cost: bool,
    strict: bool,
    files_only: bool,
    schema_: bool,
    json_: bool,
) -> None:
    """Check a rule folder: every mistake with file, line and column, then its rules on the present plan.

    Where the database of the settings cannot be read, the files alone are checked, and that is said. Warnings stop
    nothing: subjects for which thresholds are out of order or out of reach, measures without a value, unknown codes.
    JSON: a list of file, line, column, found, allowed, nearest, message; with --cost a list of rules with milliseconds
    (the median of several runs), subjects, and how many stand at which level.

    Example: warnwatch check alert_rules/
    """
    settings = here.settings
    if folder:
        settings = settings.model_copy(update={"rules": settings.rules.model_copy(update={"folder": folder})})
    if schema_:
        write_schemas(settings.rules_folder, {TESTS_SCHEMA_FILE: schema_of_tests()}, here.language)
    try:
        standards = load_standards(settings)
    except MistakesError as error:
        _refuse(here, error, settings.rules_folder, json_=json_)
    with _bar(here, show=not json_ and sys.stderr.isatty()) as tell:
        if cost:
            _say_cost(here, standards, _read(settings, standards, tell), tell, json_=json_)
            return
        warnings = list(standards.book.warnings)
        try:
            plan = None if files_only else _read(settings, standards, tell)
        except CannotRunError as error:
            plan = None
            here.say(Phrase("Chỉ xét các tệp, không đọc được kế hoạch: {reason}", reason=error), err=True)
        if plan:
            warnings = check_plan(settings, standards, plan, tell)
    lines = [*_warned(warnings, settings.rules_folder, here.language), _summary(standards, plan)]
    print_either(here, lines, [printing.mistake_json(warning) for warning in warnings], json_=json_)
    if strict and warnings:
        sys.exit(1)


def _read(settings: Settings, standards: Standards, tell: Tell) -> Present:
    engine = open_for_reading(settings)
    try:
        tell(READING, 0, 1)
        about = {rule.about for rule in standards.book.rules}
        return read_present(engine, standards, clock_of(engine)(), about)
    finally:
        engine.dispose()


def _refuse(here: Installation, error: MistakesError, folder: Path, *, json_: bool) -> NoReturn:
    """Say every mistake, each above its line with a caret below, and end."""
    if json_:
        print_json([printing.mistake_json(mistake) for mistake in error.mistakes], here.language)
    else:
        for mistake in error.mistakes:
            here.say(mistake.said(here.language), err=True)
            for line in _shown(mistake, folder):
                here.say(line, err=True)
        here.say(Phrase("{count} lỗi; không ghi gì.", count=len(error.mistakes)), err=True)
    sys.exit(error.exit_code)


def _shown(mistake: Mistake, folder: Path) -> Iterable[str]:
    """Give the line of a mistake and a caret under the place; nothing where the file cannot be shown."""
    try:
        path = folder / Path(mistake.file).name
        text = decode(read_content(path, mistake.file), mistake.file)
    except MistakesError:
        return ()
    line, caret = excerpt(text, (mistake.line, mistake.column))
    return (f"    {line}", f"    {caret}") if caret else ()


def _warned(warnings: Iterable[Mistake], folder: Path, language: Language) -> Iterator[str]:
    for warning in warnings:
        yield Phrase("lưu ý: {warning}", warning=warning.said(language))
        yield from _shown(warning, folder)


def _summary(standards: Standards, plan: Present | None) -> str:
    book = standards.book
    found = Phrase(
        "{rules} quy tắc, {policies} chính sách: không có lỗi ({version})",
        rules=len(book.rules),
        policies=len(book.policies),
        version=book.version[:12],
    )
    if plan is None:
        return found
    return Phrase("{found}; đã xét trên kế hoạch hiện có", found=found)


def _say_cost(here: Installation, standards: Standards, plan: Present, tell: Tell, *, json_: bool) -> None:
    costs, together = cost_of(standards.book, plan, perf_counter, tell)
    print_either(here, _cost_lines(costs, together, here.language), [_cost_json(cost) for cost in costs], json_=json_)
    if any(cost.failure for cost in costs):
        sys.exit(1)


_HEADS = {
    "critical": Phrase("Khẩn"),
    "warning": Phrase("Cảnh báo"),
    "notice": Phrase("Nhắc việc"),
    "none": Phrase("không"),
    "unknown": Phrase("chưa rõ"),
    "not_applicable": Phrase("không áp dụng"),
}


def _cost_lines(costs: Iterable[Cost], together: float, language: Language) -> Iterator[str]:
    """Write the costs as a table, the dearest rule first."""
    heads = [Phrase("quy tắc"), Phrase("đối tượng"), "ms", *(_HEADS[word] for word in STANDINGS)]
    rows = [[in_language(head, language) for head in heads]]
    for cost in sorted(costs, key=lambda cost: -cost.milliseconds):
        counts = [str(cost.levels[word]) for word in STANDINGS]
        rows.append([cost.rule, str(cost.subjects), f"{cost.milliseconds:.2f}", *counts])
    widths = [max(len(row[place]) for row in rows) for place in range(len(heads))]
    for row in rows:
        first, *others = (
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *others])
    for cost in costs:
        if cost.failure:
            yield Phrase("quy tắc {rule} không xét được: {failure}", rule=cost.rule, failure=cost.failure)
    yield Phrase("Tất cả cùng lúc, như trong mỗi chu kỳ: {together} ms.", together=f"{together:.2f}")


def _cost_json(cost: Cost) -> dict[str, object]:
    return {
        "rule": cost.rule,
        "about": cost.about,
        "milliseconds": round(cost.milliseconds, 3),
        "subjects": cost.subjects,
        "levels": dict(cost.levels),
        "failure": cost.failure,
    }


@contextmanager
def _bar(here: Installation, *, show: bool) -> Iterator[Tell]:
    """Show on one line of the terminal how far a check is, once it takes longer than a glance."""
    began = perf_counter()

    def tell(what: str, done: int, total: int) -> None:
        if show and perf_counter() - began > _SHOWN_AFTER:
            full = _BAR * done // max(1, total)
            bar = "█" * full + "░" * (_BAR - full)
            progress_line(f"{bar} {done}/{total} {in_language(what, here.language)}")

    yield tell
    if show and perf_counter() - began > _SHOWN_AFTER:
        progress_line("")
