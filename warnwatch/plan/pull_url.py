"""An address as a source: one workbook or one CSV file, told apart by what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from warnwatch.language import Phrase
from warnwatch.plan.columns import FILES
from warnwatch.plan.fetched import CHUNK, Fetched, Outcome, PullError
from warnwatch.plan.pull_web import Request, get
from warnwatch.plan.source import UrlSource

NOT_MODIFIED = 304


def fetch_url(source: UrlSource, spool: Path, before: Mapping[str, str]) -> Fetched:
    """Fetch the file; what the server calls unmodified, or what has the same bytes, is the delivery of before."""
    asked = {"If-None-Match": before.get("etag", ""), "If-Modified-Since": before.get("modified", "")}
    conditions = {name: value for name, value in asked.items() if value}
    body = spool / "body"
    answer = get(source, Request(source.url, headers=conditions, accepts=(NOT_MODIFIED,) if conditions else ()), body)
    if answer.status == NOT_MODIFIED:
        body.unlink(missing_ok=True)
        return Fetched(before, unchanged=True)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    mark = {"etag": headers.get("etag", ""), "modified": headers.get("last-modified", ""), "bytes": _hash(body)}
    if mark["bytes"] == before.get("bytes"):
        body.unlink()
        return Fetched(mark, unchanged=True)
    _name(body, source)
    return Fetched(mark)


def _name(body: Path, source: UrlSource) -> None:
    """Give the body the name that the import knows it by; what is neither workbook nor table is refused here."""
    with body.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"PK"):
        body.rename(body.with_name("plan.xlsx"))
        return
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"{", b"[")):
        raise PullError(
            Outcome.CONTRADICTORY,
            Phrase("nguồn trả về trang web hoặc JSON, không phải sổ tính hay CSV; kiểm tra địa chỉ và quyền truy cập"),
        )
    body.rename(body.with_name(FILES[source.file].file_name))


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(CHUNK):
            digest.update(part)
    return digest.hexdigest()[:32]
