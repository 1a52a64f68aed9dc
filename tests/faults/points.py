"""The numbered fault points: where a process is killed, by the launcher around a function or by the mail server.

The numbers are those of the pipeline, P1 (a cycle begins) to P30 (the journal's head is written); those of SMS,
answers by link, imports and migrations are not driven from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the program: before or after a call of `function`, named as module:attribute."""

    name: str
    function: str
    when: Literal["before", "after"]


POINTS = (
    Point("P1 cycle begins", "warnwatch.service:Service.cycle", "before"),
    Point("P2 plan read", "warnwatch.cycle:_read_plan", "after"),
    Point("P2 before a text is written", "warnwatch.notify.compose:write", "before"),
    Point("P3 before the cycle's commit", "warnwatch.cycle:_commit", "before"),
    Point("P4 inside the cycle's transaction", "warnwatch.cycle:save", "after"),
    Point("P5 after the cycle's commit", "warnwatch.cycle:_commit", "after"),
    Point("P6 before claiming", "warnwatch.notify.outbox:Outbox.claim", "before"),
    Point("P6 claimed", "warnwatch.notify.outbox:Outbox.claim", "after"),
    Point("P7 message built", "warnwatch.notify.email:build", "after"),
    Point("P14 before recording", "warnwatch.notify.outbox:Outbox.record", "before"),
    Point("P14 inside the recording transaction", "warnwatch.notify.outbox:record", "after"),
    Point("P15 recorded", "warnwatch.notify.outbox:Outbox.record", "after"),
    Point("P20 steps chosen", "warnwatch.cycle:decide", "after"),
    Point("P26 rules looked at", "warnwatch.rule_desk:RuleDesk.look", "after"),
    Point("P30 before sealing", "warnwatch.alerts.journal:Sealer.seal", "before"),
    Point("P30 inside the sealing transaction", "warnwatch.alerts.journal:seal_batch", "after"),
    Point("P30 before the head is written", "warnwatch.alerts.journal_heads:append_head", "before"),
    Point("P30 head written", "warnwatch.alerts.journal_heads:append_head", "after"),
)
# Points of the dialogue, reached in the mail server; `half`: while the message comes in; `after`: behind its 250.
DIALOGUE = {
    "P8 connected": "ehlo",
    "P9 MAIL": "mail",
    "P10 RCPT": "rcpt",
    "P11 DATA half sent": "half",
    "P12 after the dot, before 250": "dot",
    "P13 after 250": "after",
}
ALL = (*(point.name for point in POINTS), *DIALOGUE)
# What is passed many times in a trial.
OFTEN = ("P2 before a text is written", "P7 message built")

# What a process passes even when nothing is left to be told; and what only the first cycle that decides something does.
ALWAYS = ("P1 cycle begins", "P2 plan read", "P6 before claiming", "P20 steps chosen", "P30 before sealing")
DECIDING = (
    "P2 before a text is written",
    "P3 before the cycle's commit",
    "P4 inside the cycle's transaction",
    "P5 after the cycle's commit",
    "P20 steps chosen",
)
TELLING = (
    "P6 claimed",
    "P7 message built",
    "P14 before recording",
    "P14 inside the recording transaction",
    "P15 recorded",
    "P30 inside the sealing transaction",
    "P30 before the head is written",
    "P30 head written",
    *DIALOGUE,
)
