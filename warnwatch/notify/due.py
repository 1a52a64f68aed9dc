"""What is due and whose lease has run out, in SQL, also when the clock was set back since that was written down.

A text that waits for an instant which the clock shows a second time would otherwise wait for as long as it was set
back: an hour, a day.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_

from warnwatch.schema import notification

# No pause between two tries is longer, and no lease outlives its own length by so much.
FAR = timedelta(hours=1)
_LATE = timedelta(minutes=10)


def is_due(now: datetime) -> ColumnElement[bool]:
    """Choose what may leave: its time has come, or would have, were the clock not set back since it was written.

    A text that was to leave at once leaves at once; one in a pause waits for a pause that is possible by this clock.
    """
    text = notification.c
    at_once = and_(text.tries == 0, text.due_at <= text.created_at)
    never = and_(text.tries > 0, text.due_at > now + FAR)
    return or_(text.due_at <= now, and_(text.created_at > now, or_(at_once, never)))


def ran_out(now: datetime, lease: timedelta) -> ColumnElement[bool]:
    """Choose the holds that are over, or were taken before the clock was set back."""
    until = notification.c.lease_until
    return or_(until <= now, until > now + lease + _LATE)
