"""The file with the keys that sign links: read, rotated, and looked at again when it has changed."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

from warnwatch.errors import SettingsError
from warnwatch.notify.links import KEY_BYTES, Ring, parse_ring, with_key

log = logging.getLogger(__name__)


def read_ring(file: Path | None) -> Ring:
    """Read the keys that sign links; without a file there are none."""
    if file is None:
        return Ring()
    try:
        return parse_ring(file.read_text(encoding="ascii"), str(file))
    except (OSError, UnicodeError) as error:
        what = f"web.link_keys: cannot read {file} ({error}); `warnwatch link-key` makes it"
        raise SettingsError(what) from error


def add_key(file: Path) -> int:
    """Put a new key first into a ring's file, which only its owner may read; give how many keys there are now.

    It is written beside and moved over: a reader finds the ring of before or of after.
    """
    try:
        before = file.read_text(encoding="ascii", errors="backslashreplace") if file.exists() else ""
        if before.strip():
            parse_ring(before, str(file))
        return _put(file, with_key(before, secrets.token_bytes(KEY_BYTES)))
    except OSError as error:
        raise SettingsError(f"web.link_keys: cannot write {file} ({error.strerror})") from error


def _put(file: Path, text: str) -> int:
    beside = file.with_name(f"{file.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as written:
        written.write(text)
        written.flush()
        os.fsync(written.fileno())
    beside.replace(file)
    return len(parse_ring(text, str(file)).keys)


class LinkKeys:
    """The ring as its file stands: read again when the file has changed, so that a retired key verifies no more."""

    def __init__(self, file: Path | None, ring: Ring) -> None:
        self._file, self._ring, self._seen = file, ring, -1

    def __call__(self) -> Ring:
        """Give the ring; while the file cannot be read, the one before."""
        if self._file is None:
            return self._ring
        try:
            seen = self._file.stat().st_mtime_ns
            if seen != self._seen:
                self._ring, self._seen = read_ring(self._file), seen
        except (OSError, SettingsError):
            log.exception("web.link_keys cannot be read; links are verified with the keys of before")
        return self._ring
