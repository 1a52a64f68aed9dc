"""A head with a link: the small plan of the stories, its pages, and forms filled in as a browser fills them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

from boards import Judged
from httpx2 import Response
from sqlalchemy import RowMapping, select
from starlette.applications import Starlette
from starlette.testclient import TestClient
from worlds import World

from warnwatch import schema
from warnwatch.answering import Answering
from warnwatch.metrics import Metrics
from warnwatch.notify.links import Ring
from warnwatch.notify.lookup import Counts
from warnwatch.web.app import create_app

RING = Ring((bytes(range(32)),))
LINK = "https://canh-bao.example.vn"


@dataclass
class Desk:
    """The pages over a world at an instant that a test moves."""

    world: World
    now: datetime
    ring: Ring = RING
    link: str = LINK
    app: Starlette = field(init=False)
    client: TestClient = field(init=False)

    def __post_init__(self) -> None:
        """Give the world's mail links, and open its pages."""
        head = replace(self.world.standards.letterhead, ring=self.ring, link=self.link)
        self.world.by(letterhead=head)
        answers = Answering(self.world.engine, lambda: self.ring, lambda: self.world.standards, lambda: self.now)
        judged = Judged(self.world.engine, self.world.standards, None, Counts(), Metrics())
        board = replace(judged.board, answers=answers, clock=lambda: self.now)
        self.app = create_app(board)
        self.client = TestClient(self.app, base_url=self.link, raise_server_exceptions=False)

    def path(self, holder: str = "DP-19-UB/head/1") -> str:
        """Give the path of the link in the latest mail to a holder."""
        mail = [one for one in self.world.mails() if one["holder"] == holder][-1]
        found = re.search(rf"{self.link}(/a/[a-z2-7]+)", mail["text"])
        assert found, mail["text"]
        return found[1]

    def get(self, path: str | None = None) -> Response:
        """Open a link."""
        return self.client.get(path or self.path())

    def post(self, act: str = "received", path: str | None = None, **fields: str) -> Response:
        """Open a link and send the form of its first alert."""
        path = path or self.path()
        return self.send(path, kept(self.get(path).text), act, **fields)

    def send(self, path: str, form: dict[str, str], act: str, **fields: str) -> Response:
        """Send a form."""
        return self.client.post(path, data={**form, "act": act, **fields})

    def forms(self, html: str) -> list[dict[str, str]]:
        """Give the hidden fields of the forms by which a date is promised."""
        reader = _Kept()
        reader.feed(html)
        return reader.forms[::3]

    def rows(self, table: Any) -> list[RowMapping]:
        """Read a table."""
        with self.world.engine.connect() as connection:
            return list(connection.execute(select(table).order_by(table.c.id)).mappings())

    def answers(self) -> list[RowMapping]:
        """Read what was answered."""
        return self.rows(schema.answer)


class _Kept(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "form":
            self.forms.append({})
        if tag == "input" and known.get("type") == "hidden":
            self.forms[-1][known["name"] or ""] = known["value"] or ""


def kept(html: str) -> dict[str, str]:
    """Give the hidden fields of a page's first form."""
    reader = _Kept()
    reader.feed(html)
    return reader.forms[0]
