"""The commands about silences: order a pause, see what is paused, end one early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import click
from sqlalchemy import Connection

from warnwatch import printing
from warnwatch.alerts import silencing
from warnwatch.alerts.muting import Silence, matchers_said
from warnwatch.console import Installation, as_json, pass_installation, print_either
from warnwatch.errors import NotFoundError, SettingsError, nearest_name
from warnwatch.language import Phrase, in_language, together
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.directory import Directory
from warnwatch.rules.rule import LEVELS


@click.group()
def silence() -> None:
    """Pause alerts for a while: they open and are shown, but call nobody until the pause ends.

    Example: warnwatch silence list
    """


@silence.command()
@click.option("--rule", default="", help="Only alerts of this rule.")
@click.option("--about", default="", help="Only alerts about this kind of subject: task, unit, kpi, source.")
@click.option("--unit", default="", help="Only alerts of this unit and of the units below it.")
@click.option("--subject", default="", help="Only alerts about the subject with this code.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="Only alerts of rules with this label.")
@click.option("--up-to", default="critical", show_default=True, help="The highest level that is muted.")
@click.option("--from", "from_", help="Begin then; without it now.")
@click.option("--until", required=True, help="The date or instant at which it ends.")
@click.option("--reason", required=True, help="Why.")
@click.option("--by", required=True, help="Who orders it: an office, never a person's name.")
@click.option("--document", default="", help="Number of the document that orders it.")
@click.option("--all", "all_", is_flag=True, help="Mute everything: needed where no matcher is given.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_installation
def add(here: Installation, /, **words: Any) -> None:  # noqa: ANN401 (the options above, by name)
    """Order a silence. It says first how many open alerts it mutes now, and asks.

    Example: warnwatch silence add --unit DP-19-UB --up-to warning --until 2025-12-19 --reason "Khắc phục bão lũ"
    --by BCD-CQTT --yes
    """
    now, directory = here.now(), here.directory()
    with here.engine.connect().execution_options(reads_only=True) as connection:
        wanted = _wanted(here, connection, directory, words, now)
        reach = silencing.reach_of(connection, wanted, here.standards.book, directory)
    levels = together((together((level.vietnamese, f" {number}")) for level, number in reach.levels), ", ")
    here.say(
        Phrase(
            "Tạm dừng {whom}: hiện có {alerts} cảnh báo đang mở của {units} đơn vị.",
            whom=matchers_said(wanted),
            alerts=reach.alerts,
            units=reach.units,
        )
    )
    if reach.levels:
        here.say(together(("  ", levels)))
    if not words["yes"] and not click.confirm(in_language(Phrase("Ghi lệnh tạm dừng này?"), here.language)):
        here.say(Phrase("Không ghi gì."))
        return
    with here.engine.begin() as connection:
        known, new = silencing.add_silence(connection, replace(wanted, recorded_at=here.now()))
    until = printing.local(known.ends_at, here.settings.zone)
    here.say(
        Phrase("Đã ghi lệnh tạm dừng số {number}, đến {until}.", number=known.id, until=until)
        if new
        else Phrase("Lệnh tạm dừng số {number} đã ghi như vậy rồi.", number=known.id)
    )


def _wanted(
    here: Installation, connection: Connection, directory: Directory, words: Mapping[str, Any], now: datetime
) -> Silence:
    """Read the options; whatever names nothing that there is, is refused with the nearest name."""
    starts = here.instant(words["from_"], "--from") if words["from_"] else now
    ends = here.end_of(words["until"], "--until")
    if starts < now or ends <= starts:
        raise SettingsError(Phrase("--from không ở trước hiện tại, --until phải ở sau lúc bắt đầu"))
    longest = here.settings.silence.longest_days
    if ends - starts > timedelta(days=longest + 1):
        raise SettingsError(Phrase("--until: tạm dừng dài nhất {days} ngày (silence.longest_days)", days=longest))
    for name in ("reason", "by"):
        if not words[name].strip():
            raise SettingsError(Phrase("--{name}: không được để trống", name=name))
    labels = dict(_label(text, here) for text in words["labels"])
    matchers = {name: words[name].strip() for name in ("rule", "about", "unit", "subject")}
    if not (labels or any(matchers.values()) or words["all_"]):
        raise SettingsError(Phrase("lệnh này tạm dừng mọi cảnh báo; nếu đúng ý thì thêm --all"))
    if matchers["rule"]:
        here.standards.book.rule(matchers["rule"])
    _known(matchers["about"], CATALOGUE, "--about")
    _known(words["up_to"], LEVELS, "--up-to")
    if matchers["unit"] and directory.unit(matchers["unit"]) is None:
        _known(matchers["unit"], {**directory.units, **directory.former}, "--unit")
    if matchers["subject"] and not silencing.is_subject(connection, matchers["subject"]):
        _known(
            matchers["subject"], dict.fromkeys(silencing.subjects_around(connection, matchers["subject"])), "--subject"
        )
    return Silence(
        id=0,
        starts_at=starts,
        ends_at=ends,
        author=words["by"].strip(),
        reason=words["reason"].strip(),
        recorded_at=now,
        labels=labels,
        up_to=LEVELS[words["up_to"]],
        document=words["document"].strip(),
        **matchers,
    )


def _known(value: str, allowed: Mapping[str, object], option: str) -> None:
    if value and value not in allowed:
        raise NotFoundError(
            Phrase("{option} {value!r}: không có trong hệ thống", option=option, value=value),
            nearest_name(value, allowed),
        )


def _label(text: str, here: Installation) -> tuple[str, str]:
    name, _, value = text.partition("=")
    known = {f"{key}={word}": None for rule in here.standards.book.rules for key, word in rule.labels.items()}
    _known(text, known, "--label")
    return name, value


@silence.command(name="list")
@click.option("--all", "all_", is_flag=True, help="Those that have ended, too.")
@as_json
@pass_installation
def list_(here: Installation, *, all_: bool, json_: bool) -> None:
    """List the silences in force and those to come, with how many alerts each holds back.

    Example: warnwatch silence list --all --json
    """
    with here.engine.connect().execution_options(reads_only=True) as connection:
        found = silencing.read_silences(connection, None if all_ else here.now(), coming=True)
        held = silencing.count_held(connection)
    lines = [_line(here, one, held.get(one.id, 0)) for one in found] or [Phrase("Không có lệnh tạm dừng nào.")]
    print_either(here, lines, [_json(one, held.get(one.id, 0)) for one in found], json_=json_)


def _line(here: Installation, one: Silence, held: int) -> Phrase:
    return Phrase(
        "{number}: {whom}; từ {start} đến {until}; {author}: {reason}; đang giữ lại {held} cảnh báo",
        number=one.id,
        whom=matchers_said(one),
        start=printing.local(one.starts_at, here.settings.zone),
        until=printing.local(one.until, here.settings.zone),
        author=one.author,
        reason=one.reason,
        held=held,
    )


def _json(one: Silence, held: int) -> Mapping[str, Any]:
    return {
        "silence": one.id,
        "matchers": one.matchers,
        "up_to": one.up_to.word,
        "from": one.starts_at.isoformat(),
        "until": one.ends_at.isoformat(),
        "by": one.author,
        "reason": one.reason,
        "document": one.document,
        "ended_at": one.ended_at.isoformat() if one.ended_at else None,
        "ended_by": one.ended_by,
        "ended_why": one.ended_why,
        "held": held,
    }


@silence.command()
@click.argument("number", type=click.IntRange(1))
@click.option("--by", required=True, help="Who ends it: an office, never a person's name.")
@click.option("--reason", required=True, help="Why.")
@pass_installation
def end(here: Installation, number: int, by: str, reason: str) -> None:
    """End a silence early; what it held back and still stands is told in the next cycle, one mail a holder.

    Example: warnwatch silence end 3 --by BCD-CQTT --reason "Đã khắc phục xong"
    """
    now = here.now()
    if not (by.strip() and reason.strip()):
        raise SettingsError(Phrase("--by và --reason: không được để trống"))
    with here.engine.begin() as connection:
        found = silencing.find_silence(connection, number)
        if found is None:
            raise NotFoundError(Phrase("không có lệnh tạm dừng số {number}", number=number), "")
        if found.until <= now:
            until = printing.local(found.until, here.settings.zone)
            raise SettingsError(Phrase("lệnh tạm dừng số {number} đã hết lúc {until}", number=number, until=until))
        silencing.end_silence(connection, found, by.strip(), reason.strip(), now)
    here.say(Phrase("Đã kết thúc sớm lệnh tạm dừng số {number}.", number=number))
