"""What a text says of what comes after it: who is told next if nobody answers, and when."""

from __future__ import annotations

from datetime import datetime

from warnwatch.alerts.alert import Alert
from warnwatch.alerts.escalation import Made, next_climb, next_step
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.directory import Directory, Recipient
from warnwatch.rules.rule import Policy


def following(
    alert: Alert, policy: Policy, made: Made, directory: Directory, clock: tuple[datetime, WorkCalendar] | None
) -> tuple[Recipient | None, datetime | None]:
    """Say whom the next step tells, and when it comes; a repeat before it tells the same people again.

    Where the instant of that step is not known, the answer is asked by the next repeat, and nobody is named.
    """
    step = next_step(alert, policy, made)
    upper = directory.recipient(step.unit or alert.unit, step.tell[0]) if step else None
    called = policy.levels.get(alert.level, ())[: made.at(alert.level)]
    if not any(one.repeat for one in called):
        return upper, alert.next_at
    at = next_climb(alert, policy, made, *clock) if step and clock else None
    return (upper, at) if at else (None, alert.next_at)
