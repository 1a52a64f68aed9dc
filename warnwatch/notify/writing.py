"""From a telling to the text that the outbox keeps, written under the rules of its channel, with its hour to leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from warnwatch.notify.compose import compose
from warnwatch.notify.notification import Letterhead, Notification, Telling
from warnwatch.notify.windows import leaves_at
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.rules.rule import ChannelRules


@dataclass(frozen=True, slots=True)
class Pen:
    """What the texts of one cycle are written with. `channels`: the rules of each channel that has any."""

    letterhead: Letterhead
    channels: Mapping[str, ChannelRules]
    calendar: WorkCalendar
    now: datetime

    def write(self, telling: Telling) -> Notification:
        """Write what one holder is told on one channel."""
        rules = self.channels.get(telling.channel)
        head = self.letterhead
        if rules and rules.digest_cap:
            head = replace(head, digest_cap=rules.digest_cap)
        text = compose(telling, head, self.now)
        at = self.leaves_at(text, self.now)
        return text if at == self.now else replace(text, due_at=at)

    def leaves_at(self, text: Notification, earliest: datetime) -> datetime:
        """Give the earliest instant, from a given one on, at which a text may leave."""
        return leaves_at(self.channels.get(text.channel), text.level, earliest, self.calendar)
