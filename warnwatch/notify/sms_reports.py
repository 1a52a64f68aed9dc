"""What a gateway reports later of a message: written down once, and never taken back by a report that comes late.

Reports come as GET, which is how gateways send them. It is safe: the address is signed for one notification and stands
in no text, so that nobody but the gateway has it; a report changes what is known of one message and nothing else; the
second of two changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from warnwatch.notify.delivery import Outcome, Phase, read_answer
from warnwatch.notify.sms import key_in
from warnwatch.notify.sms_gateways import Fate, Report
from warnwatch.notify.ways import SMS
from warnwatch.schema import delivery, notification

# What a message of each state may still become. Delivered and failed for good are final: the first of them stays.
_OPEN = ("claimed", "ready", "uncertain", "sent")
_OUTCOME = {Fate.ACCEPTED: Outcome.SENT, Fate.DELIVERED: Outcome.SENT, Fate.FAILED: Outcome.FAILED}


class ReportDesk:
    """Where reports are handed in; `report` reads the parameters of this installation's kind of gateway."""

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], datetime],
        secret: str,
        report: Callable[[Mapping[str, str]], Report | None],
    ) -> None:
        self._engine, self._clock, self._secret, self._report = engine, clock, secret, report

    def take(self, token: str, query: Mapping[str, str]) -> bool:
        """Take in a report; False where the address is not ours, its message unknown, or nothing can be read."""
        key, report = key_in(token, self._secret), self._report(query)
        if key is None or report is None:
            return False
        with self._engine.begin() as connection:
            return settle(connection, key, report, self._clock())


def settle(connection: Connection, key: str, report: Report, now: datetime) -> bool:
    """Write down what a report says of a message, once; False where there is no such message."""
    table = notification.c
    row = connection.execute(
        select(table.id, table.epoch, table.state, table.delivered_at, table.reference)
        .where(table.key == key, table.channel == SMS)
        .with_for_update()
    ).one_or_none()
    if row is None or (row.reference and report.reference and row.reference != report.reference):
        return False
    if row.state not in _OPEN or row.delivered_at or (report.fate is Fate.ACCEPTED and row.state == "sent"):
        return True
    failed = report.fate is Fate.FAILED
    # Whoever still holds it has no say any more: its answer is written down as stale.
    changes: dict[str, Any] = {"state": "failed" if failed else "sent", "finished_at": now, "owner": None}
    if report.fate is Fate.DELIVERED:
        changes["delivered_at"] = now
    if report.reference and not row.reference:
        changes["reference"] = report.reference[:200]
    connection.execute(update(notification).where(table.id == row.id).values(lease_until=None, **changes))
    said = read_answer(Phase.REPORT, None, f"{report.fate}: {report.said}")
    outcome = _OUTCOME[report.fate].value
    values = {"notification": row.id, "epoch": row.epoch, "at": now, "outcome": outcome}
    connection.execute(insert(delivery).values(**values, phase=said.phase.value, answer=said.text))
    return True
