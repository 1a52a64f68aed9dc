"""The HTTP side of the service: health, metrics, the plan at a glance, the mails as their heads see them.

Only a POST under /a/ and a gateway's report change anything. What may wait for the database runs in a worker thread,
never in the event loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import TypeVar

import anyio
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from warnwatch.errors import CannotRunError
from warnwatch.language import Phrase, in_language
from warnwatch.notify.tongues import wording_of
from warnwatch.web.answer_pages import AnswerPages
from warnwatch.web.board import Board
from warnwatch.web.guard import ACTS, MAIL_POLICY, Guard
from warnwatch.web.pages import Pages

T = TypeVar("T")

# A database that does not answer within this time does not answer.
PING_SECONDS = 2.0


def create_app(board: Board) -> Starlette:
    """Make the application over what the service gives it."""
    site, outside = _Site(board), board.answers.host if board.answers else ""
    pages = AnswerPages(board, site.html)
    hosts = [*board.hosts, *filter(None, [outside])]
    return Starlette(
        routes=[
            Route("/", site.index),
            Route("/mails/{number}", site.mail),
            Route("/mails/{number}/html", site.mail_html),
            # Some gateways write addresses in capitals.
            *(Route(f"/{a}/{{token:path}}", pages.answer, methods=["GET", "POST"]) for a in "aA"),
            Route("/metrics", site.metrics),
            Route("/sms/{token}", site.sms_report),
            Route("/healthz", site.healthz),
            Route("/readyz", site.readyz),
            Mount("/static", StaticFiles(directory=str(files("warnwatch.web") / "static"))),
        ],
        middleware=[
            Middleware(Guard, outside=outside),
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
        ],
        exception_handlers={
            CannotRunError: site.database_away,
            HTTPException: site.refused,
            Exception: site.failed,
        },
    )


class _Site:
    """The routes: each reads in a thread, and sets what it has read into a template."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._pages = Pages(board)
        self._language = board.standards.letterhead.language
        self._scrapes, self._probes = anyio.CapacityLimiter(2), anyio.CapacityLimiter(4)
        self._templates = Environment(
            loader=PackageLoader("warnwatch.web"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            # Whatever is a phrase is said in the installation's language where it is set into the page.
            finalize=lambda value: in_language(value, self._language),
        )
        self._templates.filters["n"] = wording_of(self._language).number
        self._templates.globals |= {"_": Phrase, "language": self._language}

    def html(self, template: str, words: Mapping[str, object], status: int = 200) -> HTMLResponse:
        """Set words into a template."""
        system = self._board.standards.letterhead.system
        return HTMLResponse(self._templates.get_template(template).render(system=system, **words), status)

    async def index(self, _request: Request) -> Response:
        """Show the plan at a glance."""
        return await _in_thread(lambda: self.html("index.html", {"page": self._pages.index()}))

    async def mail(self, request: Request) -> Response:
        """Show one notification with its headers, its text, and its HTML in a frame of its own."""
        number = _number(request)

        def make() -> Response:
            page = self._pages.mail(number)
            if page is None:
                raise HTTPException(404)
            return self.html("mail.html", {"page": page})

        return await _in_thread(make)

    async def mail_html(self, request: Request) -> Response:
        """Give the HTML part of one notification, as a stranger to the page around it."""
        number = _number(request)
        html = await _in_thread(lambda: self._pages.mail_html(number))
        if not html:
            raise HTTPException(404)
        return HTMLResponse(html, headers={"Content-Security-Policy": MAIL_POLICY})

    async def metrics(self, request: Request) -> Response:
        """Give the metrics, in threads of their own: they must come even when every page waits for the database."""
        accept = request.headers.get("accept", "")
        body, content_type = await anyio.to_thread.run_sync(self._board.metrics, accept, limiter=self._scrapes)
        return Response(body, headers={"Content-Type": content_type})

    async def sms_report(self, request: Request) -> Response:
        """Take in what the SMS gateway reports; whoever knocks without a signed address learns nothing."""
        desk, query = self._board.sms_reports, dict(request.query_params)
        known = (
            desk is not None
            and request.method == "GET"
            and await _in_thread(lambda: desk.take(request.path_params["token"], query))
        )
        return Response(status_code=200 if known else 404)

    async def healthz(self, _request: Request) -> Response:
        """Say that the process is alive and its event loop turns."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _request: Request) -> Response:
        """Say whether this process does its work; 503 with every reason why not."""
        reasons: list[str] = []

        def ask() -> None:
            reasons.extend(self._board.unready())
            self._board.lookup.ping()

        try:
            with anyio.fail_after(PING_SECONDS):
                await anyio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=self._probes)
        except TimeoutError:
            reasons.append(f"the database has not answered for {PING_SECONDS:g} s")
        except CannotRunError as error:
            reasons.append(str(error))
        said = {"ready": not reasons, "reasons": reasons, "evaluator": self._board.state()}
        return JSONResponse(said, 503 if reasons else 200)

    def _say(self, request: Request, words: Mapping[str, object], status: int) -> Response:
        """Say a few words; who came by a link in a mail is not shown the way to the board, which is not there."""
        outside = request.url.path.startswith(ACTS)
        return self.html("refused.html" if outside else "message.html", words, status)

    async def database_away(self, request: Request, _error: Exception) -> Response:
        """Say that the database does not answer; nothing of the error itself, which may name servers."""
        words = {
            "title": Phrase("Chưa đọc được cơ sở dữ liệu"),
            "message": Phrase(
                "Cơ sở dữ liệu của Hệ thống hiện không trả lời. Không có số liệu nào bị mất; trang "
                "này sẽ xem lại được khi kết nối trở lại."
            ),
        }
        if request.method == "POST":
            words["message"] = Phrase(
                "Phản hồi có thể chưa được ghi nhận. Đề nghị mở lại đường dẫn trong thư sau ít phút: trang nêu các "
                "phản hồi đã ghi nhận."
            )
        return self._say(request, words, 503)

    async def refused(self, request: Request, error: Exception) -> Response:
        """Say that there is no such page."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        words = {
            "title": Phrase("Không có trang này"),
            "message": Phrase("Địa chỉ không đúng, hoặc nội dung không còn."),
        }
        return self._say(request, words, status)

    async def failed(self, request: Request, _error: Exception) -> Response:
        """Say that the page failed; the log has the reason."""
        words = {
            "title": Phrase("Trang gặp lỗi"),
            "message": Phrase("Hệ thống đã ghi lại lỗi. Các cảnh báo vẫn được gửi bình thường."),
        }
        return self._say(request, words, 500)


def _number(request: Request) -> int:
    # Beyond eighteen digits the databases know no number, and asking for one would be an error.
    number = re.fullmatch("[1-9][0-9]{0,17}", request.path_params["number"])
    if number is None:
        raise HTTPException(404)
    return int(number[0])


async def _in_thread(make: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(make)
