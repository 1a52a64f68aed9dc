"""How the pages are served: a port taken before anything else starts, and uvicorn inside the service's own loop."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from warnwatch.errors import CannotRunError

# Seconds that a stop gives to answers under way.
ANSWERS_END = 3


class PageServer(uvicorn.Server):
    """uvicorn for one application: who starts it also catches the signals, and logs."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=ANSWERS_END,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the service."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Take a port for the page, 0 for a free one; a port that another program has is a CannotRunError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise CannotRunError(
            f"web.port: cannot listen on {host}:{port} ({error.strerror}); another program may use it"
        ) from error
    return listening


def link_of(listening: socket.socket) -> str:
    """Give the address under which a browser reaches a port."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
