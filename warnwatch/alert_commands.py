"""The commands about alerts: look at them, record a head's promise, close one by a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from warnwatch import printing
from warnwatch.alerts import acts, ledger
from warnwatch.alerts.ahead import next_of
from warnwatch.alerts.alert import Alert
from warnwatch.alerts.calls import read_made
from warnwatch.alerts.ledger import JournalRow
from warnwatch.alerts.muting import Mutings
from warnwatch.alerts.silencing import read_mutings_at
from warnwatch.alerts.terms import terms_of
from warnwatch.answering import answer
from warnwatch.console import Installation, as_json, pass_installation, print_either
from warnwatch.errors import NotFoundError, nearest_name
from warnwatch.language import Phrase
from warnwatch.next_steps import next_json, next_line
from warnwatch.plan.bodies import read_directory
from warnwatch.plan.measures import today_of
from warnwatch.plan.snapshot import read_snapshot
from warnwatch.plan.task_terms import read_terms


@click.command()
@click.argument("alert", required=False)
@click.option("--unit", help="Only the alerts of one unit.")
@click.option("--ended", is_flag=True, help="Those that ended, too.")
@click.option("--standing", is_flag=True, help="Only the secretariat's standing list.")
@click.option("--next", "next_", is_flag=True, help="Who is told next of each, when, and why not yet; soonest first.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1), help="At most so many.")
@as_json
@pass_installation
def alerts(  # noqa: PLR0913 (the options of one command, by name)
    here: Installation,
    alert: str | None,
    unit: str | None,
    *,
    ended: bool,
    standing: bool,
    next_: bool,
    limit: int,
    json_: bool,
) -> None:
    """List alerts, the gravest first; or give the history of one: who was told what, when, and who answered.

    Example: warnwatch alerts --unit DP-19-UB

    Example: warnwatch alerts CB-25-00012

    Example: warnwatch alerts --next --unit DP-19-UB
    """
    if next_ and (ended or alert is not None):
        raise click.UsageError("--next goes with --unit, --standing and --limit only")
    if alert is not None:
        _print_history(here, alert, json_=json_)
        return
    if unit is not None:
        unit = _present_unit(here, unit)
    states = ["open", "pending", *(["ended"] if ended else [])]
    with here.engine.connect().execution_options(reads_only=True) as connection:
        found = ledger.read_alerts(connection, states=states, unit=unit, standing=standing, limit=limit + 1)
    shown = found[:limit]
    if next_:
        _print_next(here, shown, json_=json_)
    else:
        _print_alerts(here, shown, json_=json_)
    if len(found) > limit:
        here.say(Phrase("Chỉ liệt kê {limit} cảnh báo đầu; dùng --limit để xem thêm.", limit=limit), err=True)


def _print_next(here: Installation, shown: Sequence[Alert], *, json_: bool) -> None:
    now, calendar, mutings = here.now(), here.standards.calendar, _mutings(here, shown)
    today, tasks = today_of(now, calendar), {alert.subject for alert in shown if alert.about == "task"}
    with here.engine.connect().execution_options(reads_only=True) as connection:
        made = read_made(connection, [alert.id for alert in shown])
        snapshot = read_snapshot(connection, calendar, codes=tasks, day=calendar.local_date(now))
    directory = here.directory()
    book = here.standards.book.following(directory.successors)
    terms = terms_of(book, read_terms(snapshot.tasks, tasks, today), calendar)
    found = [*next_of(shown, terms, made, mutings, directory, (now, calendar))]
    lines = [next_line(one, here.settings.zone) for one in found] or [Phrase("Không có cảnh báo nào.")]
    print_either(here, lines, [next_json(one) for one in found], json_=json_)


def _print_alerts(here: Installation, shown: Sequence[Alert], *, json_: bool) -> None:
    mutings = _mutings(here, shown)
    lines = [*printing.alert_lines(shown, here.settings.zone, mutings)] or [Phrase("Không có cảnh báo nào.")]
    labels = {rule.id: rule.labels for rule in here.standards.book.rules}
    found_json = [printing.alert_json(one, mutings.of(one), labels.get(one.rule)) for one in shown]
    print_either(here, lines, found_json, json_=json_)


def _mutings(here: Installation, alerts: Sequence[Alert]) -> Mutings:
    """Read what mutes some alerts now."""
    directory = here.directory()
    book = here.standards.book.following(directory.successors)
    with here.engine.connect().execution_options(reads_only=True) as connection:
        return read_mutings_at(connection, alerts, book, directory, here.now())


def _present_unit(here: Installation, code: str) -> str:
    """Give the unit that a code stands for today; says so where it is another one."""
    directory = here.directory()
    known = directory.unit(code)
    if known is None:
        near = nearest_name(code, [*directory.units, *directory.former])
        raise NotFoundError(Phrase("không có đơn vị {unit!r} trong kế hoạch", unit=code), near)
    if known.code != code:
        here.say(Phrase("Đơn vị {old} nay là {new} ({name}).", old=code, new=known.code, name=known.name), err=True)
    return known.code


def _print_history(here: Installation, code: str, *, json_: bool) -> None:
    with here.engine.connect().execution_options(reads_only=True) as connection:
        found = ledger.find_alert(connection, code)
        history = ledger.read_history(connection, found.id)
    mutings = _mutings(here, [found])
    labels = {rule.id: rule.labels for rule in here.standards.book.rules}.get(found.rule)
    lines = [
        *printing.alert_lines([found], here.settings.zone, mutings),
        *printing.history_lines(history, here.settings.zone),
    ]
    print_either(
        here,
        lines,
        {**printing.alert_json(found, mutings.of(found), labels), "history": printing.history_json(history)},
        json_=json_,
    )


@click.command()
@click.argument("alert")
@click.option("--by", required=True, help="A holder's code, or an office of the unit: head, deputy, focal_point.")
@click.option("--until", help="The date or instant by which the matter will be cured; without it nothing is promised.")
@click.option("--help-from", "authority", help="Code of the unit that is asked to remove what stands in the way.")
@click.option("--note", default="", help="What will be done, or what stands in the way.")
@pass_installation
def ack(here: Installation, alert: str, by: str, until: str | None, authority: str | None, note: str) -> None:
    """Record that a head has taken an alert, with the date promised for the cure.

    Only a date that the head promises stops the climb; a request for help alone does not.

    Example: warnwatch ack CB-25-00012 --by head --until 2025-12-19

    Example: warnwatch ack CB-25-00012 --by head --help-from CP-BTC --note "chờ phân bổ vốn"
    """
    promised, standards, now = here.end_of(until, "--until") if until else None, here.standards, here.now()
    calendar = standards.calendar
    with here.engine.begin() as connection:
        found = ledger.find_alert(connection, alert, for_update=True)
        day = calendar.local_date(now)
        directory = read_directory(connection, calendar, day)
        given = acts.Given(acts.find_holder(directory, found, by), promised, authority, note)
        done = answer(connection, found, given, standards, directory, now)
    if done.again:
        at = printing.local(done.first.at, here.settings.zone)
        here.say(Phrase("{alert}: đã ghi nhận phản hồi này từ lúc {at}", alert=alert, at=at))
        return
    if authority:
        here.say(Phrase("{alert}: đã ghi nhận đề nghị {authority} tháo gỡ", alert=alert, authority=authority))
    if done.binds and promised:
        until_ = printing.local(promised, here.settings.zone)
        here.say(Phrase("{alert}: đã ghi nhận cam kết đến {until}", alert=alert, until=until_))
    elif not authority:
        here.say(
            Phrase(
                "{alert}: đã ghi nhận là đã nhận; chỉ người đứng đầu mới dừng được việc báo cáo cấp trên", alert=alert
            )
        )


@click.command()
@click.argument("alert")
@click.option(
    "--by",
    required=True,
    help="Who closes it, never a person's name: the unit that answers, one above it or the secretariat, or its head.",
)
@click.option("--reason", required=True, help="Why.")
@click.option("--document", required=True, help="Number of the document that decides it.")
@pass_installation
def close(here: Installation, alert: str, by: str, reason: str, document: str) -> None:
    """Close an alert by a document; it opens again only when its level rises above this one.

    BY is a unit's code, an office of the unit that answers (head), UNIT/head, or a holder's code; any other unit or
    office is refused.

    Example: warnwatch close CB-25-00012 --by BCD-CQTT --reason "đã có văn bản thay thế" --document 12-CV/VPTW
    """
    now, directory = here.now(), here.directory()
    with here.engine.begin() as connection:
        found = ledger.find_alert(connection, alert, for_update=True)
        closed, closer = acts.close_by_document(found, acts.Closing(by, reason, document), directory, now)
        facts: Mapping[str, Any] = {"reason": reason, "document": document, "level": found.level.word}
        ledger.save_act(connection, closed, JournalRow(now, "closed", closer, facts, found.id, found.subject))
    here.say(
        Phrase(
            "{alert}: đã đóng theo {document}; chỉ mở lại khi mức cao hơn “{level}”",
            alert=alert,
            document=document,
            level=found.level.vietnamese,
        )
    )
