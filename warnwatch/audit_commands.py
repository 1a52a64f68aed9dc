"""The commands about the journal: prove that it is as it was sealed, and give the chain's end to be kept elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from warnwatch.alerts.journal import Fault, Head, Verdict, count_seals, read_head, verify
from warnwatch.alerts.journal_heads import append_head, line_of, read_heads
from warnwatch.console import Installation, as_json, pass_installation, print_either, progress_line
from warnwatch.language import Phrase
from warnwatch.printing import local

HEADS = click.Path(path_type=Path, dir_okay=False, exists=True)
BAR = 30


@click.group()
def audit() -> None:
    """Prove the journal unbroken: what was told, answered, paused and changed, each row sealed with the one before.

    Example: warnwatch audit verify
    """


@audit.command(name="verify")
@click.option("--head", "file", type=HEADS, help="Heads exported earlier and kept elsewhere, to compare with.")
@as_json
@pass_installation
def verify_(here: Installation, file: Path | None, *, json_: bool) -> None:
    """Walk the whole chain, and name the first row that is edited, gone or out of its order.

    Exit code 1 when there is one. Rows that no seal covers yet are counted; the next cycle of the service seals them.

    Example: warnwatch audit verify --head /media/thanh-tra/heads.txt
    """
    heads = read_heads(file) if file else []
    at_terminal = sys.stderr.isatty() and not json_
    with here.engine.connect().execution_options(reads_only=True) as connection:
        total = count_seals(connection)

        def progress(done: int) -> None:
            if at_terminal:
                filled = BAR * done // max(total, 1)
                progress_line(f"{'█' * filled}{'░' * (BAR - filled)} {done:,}/{total:,}")

        verdict = verify(connection, heads, progress)
    if at_terminal:
        progress_line("")
    lines = _lines(here, verdict)
    print_either(here, lines, _verdict_json(verdict), json_=json_)
    if verdict.first:
        sys.exit(1)


def _lines(here: Installation, verdict: Verdict) -> list[str]:
    lines: list[str] = []
    if verdict.first:
        lines.append(_first_line(here, verdict.first))
        lines.append(Phrase("Số chỗ không khớp trên chuỗi: {broken}.", broken=verdict.broken))
    else:
        lines.append(Phrase("Nhật ký nguyên vẹn: {sealed} dòng đã niêm phong đều khớp.", sealed=verdict.sealed))
    if verdict.heads:
        lines.append(Phrase("Đã đối chiếu với {heads} dấu cuối chuỗi đã lưu.", heads=verdict.heads))
    if verdict.unsealed:
        lines.append(Phrase("{unsealed} dòng chưa niêm phong: chu kỳ tới sẽ niêm phong.", unsealed=verdict.unsealed))
    return lines


def _first_line(here: Installation, fault: Fault) -> str:
    if fault.row is None:
        return Phrase("Chuỗi đứt ở niêm phong số {seq}: {what}.", seq=fault.seq, what=fault.what)
    if fault.at is None:
        return Phrase(
            "Chuỗi đứt ở niêm phong số {seq}, dòng nhật ký {row}: {what}.",
            seq=fault.seq,
            row=fault.row,
            what=fault.what,
        )
    return Phrase(
        "Chuỗi đứt ở niêm phong số {seq}, dòng nhật ký {row} ({kind}, {at}): {what}.",
        seq=fault.seq,
        row=fault.row,
        kind=fault.kind,
        at=local(fault.at, here.settings.zone),
        what=fault.what,
    )


def _verdict_json(verdict: Verdict) -> dict[str, object]:
    first = verdict.first
    fault = first and {
        "seq": first.seq,
        "row": first.row,
        "at": first.at and first.at.isoformat(),
        "kind": first.kind,
        "message": first.what,
    }
    return {
        "sealed": verdict.sealed,
        "unsealed": verdict.unsealed,
        "heads": verdict.heads,
        "broken": verdict.broken,
        "first": fault,
    }


@audit.command()
@as_json
@pass_installation
def export(here: Installation, *, json_: bool) -> None:
    """Give the chain's end of today, to be kept where nobody of the operators can write.

    It is added to the file of `journal.heads`; without that setting it is printed. The service does so once a day.

    Example: warnwatch audit export
    """
    today, file = here.now().astimezone(here.settings.zone).date(), here.settings.journal.heads
    with here.engine.connect().execution_options(reads_only=True) as connection:
        head = read_head(connection, today)
    if file:
        append_head(file, head)
    lines = [line_of(head)] if file is None else [Phrase("Đã ghi vào {file}: {line}", file=file, line=line_of(head))]
    print_either(here, lines, _head_json(head), json_=json_)


def _head_json(head: Head) -> dict[str, object]:
    return {"date": head.day.isoformat(), "seq": head.seq, "hash": head.hash.hex(), "count": head.count}
