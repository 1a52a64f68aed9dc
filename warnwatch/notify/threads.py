"""Which earlier notifications a new one answers to, so that all about an alert stand together in the holder's mailbox.

In: notifications about to be written. Out: for each key, the keys of those it answers to, oldest first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, case, func, select

from warnwatch.notify.notification import Notification
from warnwatch.schema import notification, notification_alert

# RFC 5322 asks for the whole chain; clients need its root and its end, and a header must not grow for years.
LAST = 4
_CHUNK = 2000
# What was held, or refused for good, stands in nobody's mailbox.
_LEFT = ("ready", "claimed", "sent", "uncertain")


def read_threads(connection: Connection, new: Sequence[Notification]) -> dict[str, str]:
    """Give the thread of each notification whose holder was told before, on its channel, of an alert in it.

    A text about several alerts answers to the latest earlier one about the gravest of them that was told before.
    """
    latest = _latest(connection, new)
    threads = {}
    for one in new:
        earlier = [latest[place] for alert in one.alerts if (place := (one.holder, one.channel, alert)) in latest]
        if earlier:
            key, thread = earlier[0]
            threads[one.key] = joined(thread, key)
    return threads


def joined(thread: str, key: str) -> str:
    """Add a key to the thread that its own notification has: the first of all, and the last ones."""
    keys = [*thread.split(), key]
    return " ".join(keys if len(keys) <= LAST + 1 else [keys[0], *keys[-LAST:]])


def _latest(connection: Connection, new: Sequence[Notification]) -> Mapping[tuple[str, str, int], tuple[str, str]]:
    """Read the latest notification for each holder, channel and alert: its key and its own thread."""
    alerts = sorted({alert for one in new for alert in one.alerts})
    told, found = notification_alert.c, dict[tuple[str, str, int], tuple[str, str]]()
    for some in (alerts[at : at + _CHUNK] for at in range(0, len(alerts), _CHUNK)):
        # Not asked for in `where`: SQLite would go through all notifications of a state, for each of the alerts.
        left = case((notification.c.state.in_(_LEFT), notification.c.id))
        last = (
            select(func.max(left).label("id"), told.alert)
            .join(notification, notification.c.id == told.notification)
            .where(told.alert.in_(some))
            .group_by(notification.c.holder, notification.c.channel, told.alert)
            .subquery()
        )
        rows = connection.execute(
            select(
                notification.c.holder,
                notification.c.channel,
                last.c.alert,
                notification.c.key,
                notification.c.thread,
            ).join(last, last.c.id == notification.c.id)
        )
        found |= {(holder, channel, alert): (key, thread) for holder, channel, alert, key, thread in rows}
    return found
