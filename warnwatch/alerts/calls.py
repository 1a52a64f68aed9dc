"""The calls made for alerts in SQL: which steps were called, and when the texts of each had left or were given up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from warnwatch import schema
from warnwatch.alerts.escalation import Made, Told, made_of
from warnwatch.alerts.ledger import CHUNK


def read_made(connection: Connection, alerts: Collection[int]) -> dict[int, Made]:
    """Read which steps were called for some alerts, and when the texts of each had left or were given up."""
    table = schema.call
    calls: dict[int, list[Told]] = {}
    ordered = sorted(alerts)
    for start in range(0, len(ordered), CHUNK):
        some = ordered[start : start + CHUNK]
        query = select(table.c.id, table.c.alert, table.c.level, table.c.step, table.c.repeat, table.c.round_no)
        rows = connection.execute(query.add_columns(table.c.at).where(table.c.alert.in_(some))).all()
        heard = _read_heard(connection, some) if rows else {}
        for row in rows:
            over = heard.get(row.id, row.at)
            # A digest counts from the oldest of the texts that it took in: no call was told before it was made.
            told = Told(row.level, row.step, row.repeat, row.round_no, row.at, over and max(over, row.at))
            calls.setdefault(row.alert, []).append(told)
    return {alert: made_of(known) for alert, known in calls.items()}


def _read_heard(connection: Connection, alerts: Sequence[int]) -> dict[int, datetime | None]:
    """Read when each call of some alerts was told, by its number: a call without any text is not in it.

    A holder is told with the first text that leaves on any channel, a call with the last of its holders. A text that is
    held, or that nobody has tried to send, counts when it was written, a merged one with the text that it was merged
    into; one that was tried in vain, or waits for its hour, holds the wait up.
    """
    call, link, text, later = schema.call, schema.notification_call, schema.notification, schema.notification.alias()
    query = (
        select(
            link.c.call,
            link.c.holder,
            func.coalesce(later.c.state, text.c.state).label("state"),
            func.coalesce(later.c.finished_at, text.c.finished_at, type_=schema.Instant).label("over"),
            text.c.created_at,
            (func.coalesce(later.c.tries, text.c.tries) > 0).label("tried"),
            func.coalesce(later.c.due_at, text.c.due_at, type_=schema.Instant).label("due_at"),
        )
        .join(text, text.c.id == link.c.notification)
        .join(call, call.c.id == link.c.call)
        .outerjoin(later, later.c.id == text.c.merged_into)
        .where(call.c.alert.in_(alerts))
    )
    texts: dict[int, dict[str, list[tuple[str, datetime | None]]]] = {}
    for row in connection.execute(query):
        untried = row.state == "ready" and not row.tried and row.due_at <= row.created_at
        over = row.created_at if row.state == "held" or untried else row.over
        texts.setdefault(row.call, {}).setdefault(row.holder, []).append((row.state, over))
    return {number: _heard(list(holders.values())) for number, holders in texts.items()}


def _heard(holders: Sequence[Sequence[tuple[str, datetime | None]]]) -> datetime | None:
    ends: list[datetime] = []
    for texts in holders:
        left = [over for state, over in texts if over and state != "failed"]
        given_up = [over for state, over in texts if over and state == "failed"]
        if left:
            ends.append(min(left))
        elif len(given_up) == len(texts):
            ends.append(max(given_up))
        else:
            return None
    return max(ends)
