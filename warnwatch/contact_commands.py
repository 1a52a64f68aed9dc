"""The command about contacts: which addresses a server refused for good, and which of them are used again."""

from __future__ import annotations

import click

from warnwatch.console import Installation, as_json, pass_installation, print_either
from warnwatch.errors import NotFoundError, SettingsError, nearest_name
from warnwatch.language import Phrase
from warnwatch.notify import failures
from warnwatch.printing import local


@click.command()
@click.option("--clear", multiple=True, metavar="HOLDER", help="Use this holder's address again; several may be given.")
@click.option("--by", default="", help="Who clears it: an office or a unit, never a person's name.")
@as_json
@pass_installation
def contacts(here: Installation, clear: tuple[str, ...], by: str, *, json_: bool) -> None:
    """List the addresses that a mail server refused for good, or clear some of them.

    Nothing is sent to such an address until the plan names another one, or it is cleared here.

    Example: warnwatch contacts

    Example: warnwatch contacts --clear DP-19-UB/head/1 --by BCD-CQTT
    """
    if clear:
        _clear(here, clear, by)
        return
    with here.engine.connect().execution_options(reads_only=True) as connection:
        found = failures.read_standing(connection)
    lines: list[str] = [
        Phrase(
            "{holder}  {channel}  {address}  từ {since}: {said}",
            holder=one.holder,
            channel=one.channel,
            address=one.address,
            since=local(one.at, here.settings.zone),
            said=one.said,
        )
        for one in found
    ]
    as_data = [
        {"holder": one.holder, "channel": one.channel, "address": one.address, "since": one.at.isoformat()}
        | {"said": one.said}
        for one in found
    ]
    print_either(here, lines or [Phrase("Không có địa chỉ nào bị từ chối.")], as_data, json_=json_)


def _clear(here: Installation, holders: tuple[str, ...], by: str) -> None:
    if not by.strip():
        raise SettingsError(Phrase("--by: cần ghi ai bỏ dấu, ví dụ --by BCD-CQTT"))
    now = here.now()
    with here.engine.begin() as connection:
        known = {one.holder for one in failures.read_standing(connection)}
        for holder in holders:
            if holder not in known:
                near = nearest_name(holder, known)
                raise NotFoundError(Phrase("không có địa chỉ bị từ chối của {holder!r}", holder=holder), near)
        count = failures.clear(connection, holders, by.strip(), now)
    here.say(Phrase("Đã bỏ dấu {count} địa chỉ; từ chu kỳ sau lại gửi đến đó.", count=count))
