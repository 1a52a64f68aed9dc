"""What holds for every answer: nothing but GET and HEAD, save where heads answer, and nothing to load or run."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READS = ("GET", "HEAD")
# Where a POST acts, and what the world outside may reach at all.
ACTS = ("/a/", "/A/")
OUTSIDE = (*ACTS, "/static/", "/sms/")
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ANSWER_POLICY = PAGE_POLICY.replace("form-action 'none'", "form-action 'self'")
# A mail's HTML has its styles inside it and loads nothing; `sandbox` makes it a stranger even when opened by itself.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Guard:
    """The outermost layer of the application; a header that an answer sets itself is left as it is.

    `outside`: the name under which heads reach their links; under it the board is not there.
    """

    def __init__(self, app: ASGIApp, outside: str = "") -> None:
        self._app, self._outside = app, outside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        path = scope["path"]
        allowed = (*READS, "POST") if path.startswith(ACTS) else READS
        if scope["method"] not in allowed:
            said = f"Only {' and '.join(allowed)} are answered here.\n"
            await PlainTextResponse(said, 405, {"Allow": ", ".join(allowed)})(scope, receive, send_guarded)
            return
        host = Headers(scope=scope).get("host", "").rsplit(":", 1)[0].lower()
        if self._outside and host == self._outside and not path.startswith(OUTSIDE):
            await PlainTextResponse("Not here.\n", 404)(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)
