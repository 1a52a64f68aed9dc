"""Where the sheets of an import come from: the CSV files of a folder, or the sheets of one workbook."""

from __future__ import annotations

from pathlib import Path

from warnwatch.errors import Mistake, MistakesError
from warnwatch.language import Phrase
from warnwatch.plan.column import File
from warnwatch.plan.columns import FILES
from warnwatch.plan.csv_file import read_csv
from warnwatch.plan.findings import Findings, Sheet
from warnwatch.plan.headers import Progress
from warnwatch.plan.workbook_sheets import read_workbook


def read_source(
    source: Path, findings: Findings, progress: Progress, *, history: bool = False
) -> tuple[list[Sheet], frozenset[str]]:
    """Read every known file as text; give those that could be read, and the names of those with gaps."""
    if source.suffix.lower() == ".csv":
        findings.about_file(
            source.name, Phrase("đây là một tệp CSV"), allowed=Phrase("thư mục chứa các tệp CSV, hoặc một sổ tính XLSX")
        )
        return [], frozenset(FILES)
    if source.is_file():
        found = read_workbook(source, findings, progress, history=history)
        told = {one.file for one in findings.mistakes}
        gaps = {file.name for file, sheet in found if sheet is None or sheet.name in told or findings.more_mistakes}
        return [sheet for _, sheet in found if sheet is not None], frozenset(gaps)
    sheets: list[Sheet] = []
    gaps = set()
    for path, file in _known_files(source, findings):
        before = len(findings.mistakes)
        sheet = read_csv(path, file, findings, progress, history=history)
        if len(findings.mistakes) > before:
            gaps.add(file.name)
        if sheet is not None:
            sheets.append(sheet)
    return sheets, frozenset(gaps)


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
