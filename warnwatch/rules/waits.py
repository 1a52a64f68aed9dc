"""Waits in proportion to a task's planned length, and steps for whoever can lift its obstacle: a policy for one task.

In: a policy as it is written, what is known of the task. Out: the same policy with plain waits and units.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from warnwatch.language import Phrase
from warnwatch.plan.calendar import Duration
from warnwatch.rules.rule import AUTHORITY, Policy, Share, Step


def wait_for(share: Share, length: int | None, office_hours: Fraction) -> Duration:
    """Give the wait for a task of `length` working days: whole days, and below a day whole hours, rounded down.

    Never below `at_least`, and never above `at_most`, which is the wait where no length is known.
    """
    if length is None:
        return share.at_most
    exact = share.part * length
    days, hours = math.floor(exact), math.floor(exact * office_hours)
    rounded = days * office_hours if days else Fraction(hours)
    least, most = _hours(share.at_least, office_hours), _hours(share.at_most, office_hours)
    if most <= max(rounded, least):
        return share.at_most
    if rounded <= least:
        return share.at_least
    return Duration(days, "working_day") if days else Duration(hours, "working_hour")


def _hours(wait: Duration, office_hours: Fraction) -> Fraction:
    return Fraction(wait.amount) * (office_hours if wait.unit == "working_day" else 1)


def varies(policy: Policy) -> bool:
    """Say whether a policy is another one from task to task."""
    steps = (step for level in policy.levels.values() for step in level)
    return any(step.share is not None or AUTHORITY in step.tell for step in steps)


def policy_for(policy: Policy, length: int | None, authority: str, office_hours: Fraction) -> Policy:
    """Give a policy as it is for one task; a step for an authority that is not known tells nobody."""

    def one(step: Step) -> Step:
        if AUTHORITY in step.tell:
            step = replace(step, unit=authority, tell=step.tell if authority else ())
        if step.share is None:
            return step
        return replace(step, after=wait_for(step.share, length, office_hours), length=length)

    return replace(policy, levels={level: tuple(map(one, steps)) for level, steps in policy.levels.items()})


def duration_said(wait: Duration) -> str:
    """Say a wait to a person."""
    whole = wait.amount % 1 == 0
    number = int(wait.amount) if whole else f"{wait.amount:g}".replace(".", ",")
    if wait.unit == "working_day":
        return Phrase("{n} ngày làm việc", n=number)
    if wait.unit == "working_hour":
        return Phrase("{n} giờ làm việc", n=number)
    if wait.unit == "day":
        return Phrase("{n} ngày", n=number)
    return Phrase("{n} giờ", n=number) if wait.unit == "hour" else Phrase("{n} phút", n=number)


def why_so_long(step: Step) -> str:
    """Say how the wait of a step in proportion came about; empty for a plain wait."""
    share = step.share
    if share is None:
        return ""
    wait = duration_said(step.after)
    if step.length is None:
        return Phrase("chờ {wait}: chưa biết thời gian được giao nên chờ lâu nhất", wait=wait)
    part = f"{float(share.part * 100):g}".replace(".", ",")
    bound = ""
    if step.after == share.at_most:
        bound = Phrase(", không quá {most}", most=duration_said(share.at_most))
    elif step.after == share.at_least:
        bound = Phrase(", không dưới {least}", least=duration_said(share.at_least))
    return Phrase(
        "chờ {wait}: {part}% của {days} ngày làm việc được giao{bound}",
        wait=wait,
        part=part,
        days=step.length,
        bound=bound,
    )
