"""The command that reads what mail servers report: from a pipe of the mail server's, or out of a mailbox.

A pipe's exit code is for the mail server (sysexits): 0 takes the message away, whatever it was, for a report that is
sent back would go to nobody; 75 keeps it for later.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from mailbox import mbox
from pathlib import Path
from typing import BinaryIO

import click
from sqlalchemy.exc import SQLAlchemyError

from warnwatch import database
from warnwatch.console import Installation, as_json, pass_installation, print_json
from warnwatch.errors import SettingsError, WarnWatchError
from warnwatch.language import Phrase
from warnwatch.notify.bounces import MOST_BYTES, Action, Bounce, Ignored, read_bounce
from warnwatch.notify.bouncing import Settled, settle
from warnwatch.notify.return_address import fault_in, finder_of

TRY_LATER = 75  # EX_TEMPFAIL
_AT_ONCE = 100
# A report as it lies in a mailbox, with where it lies.
_Found = tuple[Path | None, bytes]


@click.command()
@click.option("--mailbox", type=click.Path(path_type=Path, exists=True), help="A Maildir, or an mbox file, to read.")
@click.option("--recipient", default="", help="The address that the message came to, where the mail server knows it.")
@as_json
@pass_installation
def bounce(here: Installation, mailbox: Path | None, recipient: str, *, json_: bool) -> None:
    """Take in reports on mails that did not arrive: one from standard input, or all of a mailbox.

    Needs mail.bounce_to. From standard input the exit code is 0, or 75 for the mail server to try again later.

    Example: warnwatch bounce < report.eml

    Example: warnwatch bounce --mailbox /var/mail/canh-bao/
    """
    if mailbox is None and sys.stdin.isatty():
        raise click.UsageError("standard input is a terminal; give a report there, or --mailbox")
    try:
        counts = _take(here, mailbox, recipient)
    except (WarnWatchError, SQLAlchemyError, OSError) as error:
        if mailbox is not None:
            raise
        said = database.cannot_reach("", error) if isinstance(error, SQLAlchemyError) else str(error)
        here.say(said, err=True)
        sys.exit(TRY_LATER)
    if json_:
        print_json(counts)
        return
    here.say(
        Phrase(
            "{failed} thư không đến được, {delayed} thư bị chậm, {delivered} thư đã đến; {known} báo cáo đã ghi từ "
            "trước, {ignored} thư không phải báo cáo về thư của Hệ thống.",
            **{name: counts[name] for name in ("failed", "delayed", "delivered", "known")},
            ignored=sum(counts[one.value] for one in Ignored) + counts["unknown"],
        )
    )


def _take(here: Installation, mailbox: Path | None, recipient: str) -> Mapping[str, int]:
    pattern = here.settings.mail.bounce_to
    if pattern is None or fault_in(pattern):
        raise SettingsError(f"mail.bounce_to: {fault_in(pattern) if pattern else 'is not set; see docs/operations.md'}")
    counts = Counter(dict.fromkeys([*Action, *Ignored, Settled.KNOWN, Settled.UNKNOWN], 0))
    found = _of_mailbox(mailbox) if mailbox else iter([(None, _of_pipe(sys.stdin.buffer))])
    ours = finder_of(pattern)
    batch: list[tuple[Path | None, Bounce | Ignored]] = []
    for place, data in found:
        batch.append((place, read_bounce(data, ours, recipient)))
        if len(batch) == _AT_ONCE:
            _settle(here, batch, counts)
            batch = []
    _settle(here, batch, counts)
    return {str(name): number for name, number in counts.items()}


def _settle(here: Installation, batch: Sequence[tuple[Path | None, Bounce | Ignored]], counts: Counter[str]) -> None:
    """Write a batch down in one transaction; only what is written down is marked as read."""
    reports = [one for _, one in batch if isinstance(one, Bounce)]
    counts.update(one for _, one in batch if isinstance(one, Ignored))
    if reports:
        with here.engine.begin() as connection:
            settled = settle(connection, reports, here.now())
        for report, one in zip(reports, settled, strict=True):
            counts[report.action if one is Settled.RECORDED else one] += 1
    for place, _ in batch:
        if place:
            place.rename(place.parent.parent / "cur" / f"{place.name.partition(':')[0]}:2,S")


def _of_pipe(stream: BinaryIO) -> bytes:
    """Read a message, and to its end: whoever writes it must not find the pipe closed."""
    data = stream.read(MOST_BYTES)
    while stream.read(MOST_BYTES):
        pass
    return data


def _of_mailbox(path: Path) -> Iterator[_Found]:
    """Give the unread messages of a Maildir, or all of an mbox, which is never changed: a second look records nothing.

    Nothing but plain files is read, and no link followed.
    """
    if path.is_dir():
        if not (path / "new").is_dir() or not (path / "cur").is_dir():
            raise SettingsError(f"--mailbox: {path} is no Maildir: it has no folders new and cur")
        for one in sorted((path / "new").iterdir()):
            if one.is_file() and not one.is_symlink():
                with one.open("rb") as file:
                    yield one, file.read(MOST_BYTES)
        return
    box = mbox(os.fspath(path), create=False)
    try:
        for key in box.iterkeys():
            yield None, box.get_file(key).read(MOST_BYTES)
    finally:
        box.close()
