"""Where the sheets of an import come from: the CSV files of a folder, or the sheets of one workbook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from warnwatch.errors import Mistake, MistakesError
from warnwatch.language import Phrase
from warnwatch.plan.column import File
from warnwatch.plan.columns import FILES
from warnwatch.plan.csv_file import BATCH, read_csv
from warnwatch.plan.findings import Findings, Sheet
from warnwatch.plan.headers import Progress
from warnwatch.plan.workbook_sheets import read_workbook


def read_source(
    source: Path,
    findings: Findings,
    progress: Progress,
    broken: set[str],
    *,
    history: bool = False,
    batch: int = BATCH,
) -> Iterator[Sheet]:
    """Read every known file as text, piece by piece: the pieces of a file follow each other, under the same headers.

    The names of files whose rows are not all given, because of mistakes in their form, are added to `broken`.
    """
    if source.suffix.lower() == ".csv":
        findings.about_file(
            source.name, Phrase("đây là một tệp CSV"), allowed=Phrase("thư mục chứa các tệp CSV, hoặc một sổ tính XLSX")
        )
        broken.update(FILES)
        return
    tables = (
        read_workbook(source, findings, progress, history=history, batch=batch)
        if source.is_file()
        else (
            (file, read_csv(path, file, findings, progress, history=history, batch=batch))
            for path, file in _known_files(source, findings)
        )
    )
    for file, pieces in tables:
        yield from _watched(pieces, file, findings, broken)


def _watched(pieces: Iterator[Sheet], file: File, findings: Findings, broken: set[str]) -> Iterator[Sheet]:
    """Note whether giving the pieces finds mistakes; what is found in a piece once it is given is another matter."""
    while True:
        before = findings.count
        piece = next(pieces, None)
        if findings.count > before:
            broken.add(file.name)
        if piece is None:
            return
        yield piece


def _known_files(folder: Path, findings: Findings) -> list[tuple[Path, File]]:
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise MistakesError(
            [Mistake(str(folder), 0, 0, Phrase("không mở được thư mục: {reason}", reason=error.strerror))]
        ) from error
    expected = {file.file_name: file for file in FILES.values()}
    known: dict[str, tuple[Path, File]] = {}
    for path in paths:
        file = expected.get(path.name.lower())
        if file is None and (path.is_dir() or path.suffix.lower() == ".md"):
            continue
        if file is None:
            near = findings.nearest(path.name, expected)
            findings.warning(Mistake(path.name, 0, 0, Phrase("tệp không được dùng"), "", ", ".join(expected), near))
        elif file.name in known:
            findings.about_file(
                path.name, Phrase("hai tệp cùng tên, khác chữ hoa chữ thường: {name}", name=known[file.name][0].name)
            )
        else:
            known[file.name] = (path, file)
    if not known:
        findings.about_file(folder.name, Phrase("thư mục không có tệp nào để nhập"), allowed=", ".join(expected))
    return list(known.values())
