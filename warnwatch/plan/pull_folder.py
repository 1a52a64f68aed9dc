"""A folder as a source: its CSV files or its newest workbook, copied once nobody writes to them any more."""

from __future__ import annotations

import hashlib
import stat
import time
from collections.abc import Mapping
from pathlib import Path

from warnwatch.language import Phrase
from warnwatch.plan.columns import FILES
from warnwatch.plan.fetched import CHUNK, MOST_BYTES, Fetched, Outcome, PullError, too_large
from warnwatch.plan.source import FolderSource

_KNOWN = {file.file_name for file in FILES.values()}


def fetch_folder(source: FolderSource, spool: Path, before: Mapping[str, str]) -> Fetched | None:
    """Copy what lies in the folder; None where nothing new does, or where somebody is still writing.

    A file that was put there again counts as delivered again, even if it says the same.
    """
    found = _found(source.path)
    mark = _mark(found)
    if not found or mark == before.get("files"):
        return None
    if source.settle:
        time.sleep(source.settle)
    if _mark(_found(source.path)) != mark:
        return None
    if sum(size for _, size, _ in found) > MOST_BYTES:
        raise too_large()
    for path, size, _ in found:
        # Everything of the one name that the import knows, whatever its capitals.
        _copy(path, spool / path.name.lower(), size)
    return Fetched({"files": mark}) if _mark(_found(source.path)) == mark else None


def _found(folder: Path) -> list[tuple[Path, int, int]]:
    """Give the files of the delivery, each with its size and time."""
    try:
        home = folder.resolve(strict=True)
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "~")))
        files = [(path, path.stat()) for path in entries if _is_delivery(path) and _inside(path, home)]
    except OSError as error:
        reason = Phrase("không đọc được thư mục của nguồn ({reason})", reason=error.strerror or type(error).__name__)
        raise PullError(Outcome.UNREACHABLE, reason) from None
    plain = [(path, one.st_size, one.st_mtime_ns) for path, one in files if stat.S_ISREG(one.st_mode)]
    books = [one for one in plain if one[0].suffix.lower() == ".xlsx"]
    tables = [one for one in plain if one[0].suffix.lower() == ".csv"]
    newest = max(books, key=lambda one: (one[2], one[0].name), default=None)
    if newest and newest[2] >= max((one[2] for one in tables), default=0):
        return [newest]
    return tables


def _is_delivery(path: Path) -> bool:
    return path.suffix.lower() == ".xlsx" or path.name.lower() in _KNOWN


def _inside(path: Path, home: Path) -> bool:
    """Refuse a link that leads out of the folder: whoever may write there must not choose what is read elsewhere."""
    if path.resolve().is_relative_to(home):
        return True
    raise PullError(
        Outcome.CONTRADICTORY,
        Phrase("tệp {name} là liên kết ra ngoài thư mục của nguồn; hãy chép tệp thật vào", name=path.name),
    )


def _mark(files: list[tuple[Path, int, int]]) -> str:
    said = "\n".join(f"{path.name} {size} {at}" for path, size, at in files)
    return hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()[:32] if files else ""


def _copy(path: Path, target: Path, size: int) -> None:
    try:
        with path.open("rb") as start, target.open("wb") as end:
            while size > 0 and (part := start.read(min(CHUNK, size))):
                end.write(part)
                size -= len(part)
    except OSError as error:
        reason = Phrase("không đọc được tệp {name} ({reason})", name=path.name, reason=error.strerror or "")
        raise PullError(Outcome.UNREACHABLE, reason) from None
