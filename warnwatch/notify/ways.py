"""Over which channels a holder is told: by mail always, and by text message beside it where a step says so."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from warnwatch.plan.directory import Holder
from warnwatch.plan.phones import takes_messages

MAIL, SMS = "email", "sms"


def channels_for(
    channels: Sequence[str], holder: Holder, ways: Collection[str], countries: Collection[str]
) -> tuple[str, ...]:
    """Give the channels of a step for one holder.

    A text message never goes alone: it has no room for all that must be said, it may be over the day's budget, and one
    whose fate is not known is not sent again. It goes where this installation has a gateway and the holder a mobile
    number of one of the `countries`.
    """
    by_sms = SMS in channels and takes_sms(holder, ways, countries)
    return (MAIL, SMS) if by_sms else (MAIL,)


def takes_sms(holder: Holder, ways: Collection[str], countries: Collection[str]) -> bool:
    """Say whether a holder can be told by text message at all."""
    return SMS in ways and takes_messages(holder.phone, countries)
