"""The demo's mailbox: a real SMTP server (aiosmtpd) on loopback that keeps what it accepts, in memory and as .eml."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


@dataclass(frozen=True, slots=True)
class Received:
    """One mail as the server took it: the envelope's recipient, the message, the file that holds it."""

    to: str
    message: EmailMessage
    file: Path


class Mailbox:
    """An SMTP server on a free port of 127.0.0.1 that writes each mail into `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.received: list[Received] = []
        self.port = _free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, data_size_limit=10_000_000)
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Begin to listen."""
        self._controller.start()

    def stop(self) -> None:
        """Let go of the port."""
        self._controller.stop()

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd calls it so)
        """Keep one mail."""
        content = envelope.original_content or b""
        message = message_from_bytes(content, policy=policy.default)
        file = self.folder / f"{len(self.received) + 1:04d}.eml"
        file.write_bytes(content)
        for recipient in envelope.rcpt_tos:
            self.received.append(Received(recipient, message, file))
        return "250 2.0.0 kept"


def _free_port() -> int:
    # aiosmtpd connects to the port that it was told, so it cannot be told 0.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
