"""Why not to count on a process, in words for those who run it."""

from __future__ import annotations

from dataclasses import dataclass

from warnwatch.notify.sending import Sender
from warnwatch.web.board import STALE_AFTER


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a process without asking a database.

    `waited`: seconds since a cycle finished, None where this process runs none; `every`: how often one is due.
    """

    fault: str
    waited: float | None
    every: float
    begun: bool
    failure: str
    sender: Sender | None
    sender_stopped: bool

    def unready(self) -> list[str]:
        """Name every reason; none when all is well."""
        reasons = [self.fault] if self.fault else []
        if self.waited is not None and not self.begun:
            reasons.append("no cycle has finished yet")
        if self.waited is not None and self.waited > STALE_AFTER * self.every:
            reasons.append(f"no cycle has finished for {self.waited:.0f} s; one is due every {self.every:g} s")
        if self.failure:
            reasons.append(f"the last cycle failed: {self.failure}")
        if self.sender and self.sender.alarm:
            reasons.append(f"mail cannot leave: {self.sender.alarm}")
        if self.sender and self.sender.trouble:
            reasons.append(f"the outbox cannot be used: {self.sender.trouble}")
        if self.sender_stopped:
            reasons.append("the sender has stopped: nothing leaves")
        return reasons
