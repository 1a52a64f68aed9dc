"""The commands about the rule set as a whole: which one runs, what waits, who wrote it and who approved it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click
from sqlalchemy import Connection

from warnwatch import printing, rule_desk
from warnwatch.alerts import rule_sets
from warnwatch.alerts.rule_sets import APPROVALS, Approval, StoredSet
from warnwatch.console import Installation, as_json, pass_installation, print_either
from warnwatch.errors import MistakesError, NotFoundError, nearest_name
from warnwatch.language import Phrase
from warnwatch.plan.directory import Directory, Holder
from warnwatch.plan.snapshot import read_snapshot
from warnwatch.rule_desk import Reading

# So many signs of a version are enough to name it.
SHORT = 6


@dataclass(frozen=True, slots=True)
class _State:
    """What runs, and what the folder holds. `state`: running, accepted, waiting, refused."""

    running: StoredSet | None
    folder: Reading
    state: str
    approval: Approval


@click.group()
def rules() -> None:
    """Look after the rule set: which version runs, what is wrong with a new one, who approves it.

    Example: warnwatch rules status
    """


@rules.command()
@as_json
@pass_installation
def status(here: Installation, *, json_: bool) -> None:
    """Say which rule set runs, since when, and what becomes of the one in the folder.

    Exit code 1 where the folder's set has mistakes or waits for approval.

    Example: warnwatch rules status --json
    """
    with here.engine.connect().execution_options(reads_only=True) as connection:
        found = _state(here, connection)
    print_either(here, _lines(here, found), _json(here, found), json_=json_)
    if found.state in {"refused", "waiting"}:
        raise click.exceptions.Exit(1)


@rules.command()
@click.option("--by", required=True, help="Who wrote the change: a holder's code, or UNIT/OFFICE.")
@pass_installation
def submit(here: Installation, by: str) -> None:
    """Record who wrote the set that lies in the folder; it must be free of mistakes.

    Example: warnwatch rules submit --by BCD-CQTT/focal_point
    """
    reading, now = _free_of_mistakes(here), here.now()
    with here.engine.begin() as connection:
        holder = _person(here, connection, by, now)
        rule_sets.submit(connection, reading.version, holder, now)
    here.say(
        Phrase(
            "{version}: đã ghi nhận người soạn {by}; chờ {count} người khác phê duyệt",
            version=reading.version[:12],
            by=holder,
            count=APPROVALS,
        )
    )


@rules.command()
@click.argument("version")
@click.option("--by", required=True, help="Who approves: a holder's code, or UNIT/OFFICE; never the author.")
@pass_installation
def approve(here: Installation, version: str, by: str) -> None:
    """Approve the set that lies in the folder, named by its version; at least six signs of it.

    Example: warnwatch rules approve 3f2a9c41d07b --by BCD-CQTT/head
    """
    reading, now = _free_of_mistakes(here), here.now()
    with here.engine.begin() as connection:
        if len(version) < SHORT or not reading.version.startswith(version):
            raise NotFoundError(
                Phrase(
                    "thư mục không có phiên bản {version}; phiên bản trong thư mục: {there}",
                    version=version,
                    there=reading.version[:12],
                )
            )
        after = rule_sets.approve(connection, reading.version, _person(here, connection, by, now), now)
    done, left = after.is_complete, APPROVALS - len(after.approvers)
    here.say(
        Phrase("{version}: đã đủ phê duyệt; bộ quy tắc được áp dụng ngay", version=reading.version[:12])
        if done
        else Phrase("{version}: đã phê duyệt; còn cần {left} người nữa", version=reading.version[:12], left=left)
    )


def _free_of_mistakes(here: Installation) -> Reading:
    reading = rule_desk.read(here.settings)
    if reading.standards is None:
        raise MistakesError(reading.mistakes)
    return reading


def _person(here: Installation, connection: Connection, who: str, now: datetime) -> str:
    """Find the holder who acts, in office today: by code, or as UNIT/OFFICE."""
    calendar = here.standards.calendar
    day = calendar.local_date(now)
    directory = read_snapshot(connection, calendar, codes=[], day=day).directory(day)
    holder = directory.by_code.get(who) or _in_office(directory, who)
    if holder is None or not holder.holds_on(day):
        codes = [one.code for one in directory.holders if one.holds_on(day)]
        raise NotFoundError(Phrase("không có người đang giữ chức vụ {who!r}", who=who), nearest_name(who, codes))
    return holder.code


def _in_office(directory: Directory, who: str) -> Holder | None:
    unit, _, office = who.rpartition("/")
    if office not in {"head", "deputy", "focal_point"} or directory.unit(unit) is None:
        return None
    found = directory.recipient(unit, office, reachable=False)
    # Whoever stands in for a vacant post is a person of their own, and is named by code.
    return found.holder if found and found.holder.office == office and not found.via else None


def _state(here: Installation, connection: Connection) -> _State:
    running, folder = rule_sets.read_running(connection), rule_desk.read(here.settings)
    approval = rule_sets.read_approval(connection, folder.version)
    if folder.standards is None:
        return _State(running, folder, "refused", approval)
    if running and running.version == folder.version:
        return _State(running, folder, "running", approval)
    free = running is None or rule_desk.may_run(here.settings, folder.version, running.version, connection)
    return _State(running, folder, "accepted" if free else "waiting", approval)


_SAID = {
    "running": Phrase("đang áp dụng"),
    "accepted": Phrase("không có lỗi; dịch vụ sẽ áp dụng"),
    "waiting": Phrase("không có lỗi; đang chờ phê duyệt"),
    "refused": Phrase("bị từ chối vì có lỗi"),
}


def _lines(here: Installation, found: _State) -> Iterator[str]:
    zone = here.settings.zone
    if found.running:
        since = printing.local(found.running.since, zone)
        yield Phrase("Đang áp dụng: {version}, từ {since}", version=found.running.version[:12], since=since)
    else:
        yield Phrase("Chưa bộ quy tắc nào được áp dụng.")
    yield Phrase("Trong thư mục: {version}, {state}", version=found.folder.version[:12], state=_SAID[found.state])
    for mistake in found.folder.mistakes:
        yield f"  {mistake.said(here.language)}"
    if here.settings.rules.approval == "two_persons":
        yield Phrase("Phê duyệt: cần {count} người ngoài người soạn", count=APPROVALS)
    for act in found.approval.acts:
        at = printing.local(act.at, zone)
        yield (
            Phrase("  {at} {by} soạn", at=at, by=act.by)
            if act.kind == rule_sets.SUBMITTED
            else Phrase("  {at} {by} phê duyệt", at=at, by=act.by)
        )


def _json(here: Installation, found: _State) -> Mapping[str, Any]:
    running = found.running
    return {
        "running": {"version": running.version, "since": running.since.isoformat()} if running else None,
        "folder": {
            "version": found.folder.version,
            "state": found.state,
            "mistakes": [printing.mistake_json(mistake) for mistake in found.folder.mistakes],
        },
        "approval": here.settings.rules.approval,
        "acts": [{"kind": act.kind, "by": act.by, "at": act.at.isoformat()} for act in found.approval.acts],
    }
