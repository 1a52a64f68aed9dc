"""One digest instead of several: what waits unsent for a holder is told together with what is new.

In: this cycle's tellings, the texts that wait, the alerts that these speak of. Out: finished texts, and which waiting
ones each takes in. Plain functions: whether they wait still is settled in the transaction that writes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from warnwatch.alerts.alert import Call, State
from warnwatch.notify.notification import Kind, Notification, Telling
from warnwatch.notify.release import Release
from warnwatch.notify.telling import Sources, ended_item, item_of, recipient_of, telling_of
from warnwatch.notify.waiting import Place, Queue, Waiting, is_over
from warnwatch.notify.ways import SMS, takes_sms
from warnwatch.notify.writing import Pen

Text = tuple[Notification, str]


@dataclass(frozen=True)
class Merge:
    """A text that takes in `taken`; None when nothing is left to tell. `state`: that of the text."""

    telling: Telling | None
    taken: tuple[Waiting, ...]
    text: Notification | None
    state: str
    writer: Writer

    def without(self, lost: Collection[int]) -> Notification | None:
        """Write it again without those that a sender has taken meanwhile."""
        return self.writer.written(self.telling, tuple(one for one in self.taken if one.id not in lost))

    def moved(self, text: Notification, row: Waiting) -> list[int]:
        """Give the calls of a waiting text that another tells now."""
        told = {key_of_call(call) for call in text.calls}
        return [number for number, call in row.calls.items() if key_of_call(call) in told]


def key_of_call(call: Call) -> tuple[int, int, int, int]:
    """Give what makes a call one of its kind."""
    return call.alert, int(call.level), call.step, call.repeat


@dataclass(frozen=True)
class Writer:
    """Writes the texts of one cycle, each with what waits for the same holder and channel."""

    queue: Queue
    sources: Sources
    pen: Pen
    release: Release

    def write(self, tellings: Sequence[Telling]) -> tuple[tuple[Text, ...], tuple[Merge, ...]]:
        """Write every telling; those with which something waits are merges, and so is what merely has to be mended."""
        by_place: dict[Place, list[Waiting]] = {}
        for one in self.queue.waiting:
            if self._can_be_told(one):
                by_place.setdefault(one.place, []).append(one)
        texts: list[Text] = []
        merges: list[Merge] = []
        for telling in tellings:
            state = self.release.state_for(telling.recipient.unit.code)
            rows = by_place.pop((telling.recipient.holder.code, telling.channel), [])
            # What is held leaves nothing, so it takes in nothing that would.
            if rows and state == "ready":
                merges.append(self._merge(telling, tuple(rows), state))
            else:
                texts.append((self.pen.write(self._marked(telling, ())), state))
        merges += [self._merge(None, tuple(rows), "ready") for rows in by_place.values() if self._has_gone(rows)]
        texts += [(one.text, one.state) for one in merges if one.text]
        return tuple(texts), tuple(merges)

    def _merge(self, telling: Telling | None, rows: tuple[Waiting, ...], state: str) -> Merge:
        return Merge(telling, rows, self.written(telling, rows), state, self)

    def written(self, telling: Telling | None, rows: tuple[Waiting, ...]) -> Notification | None:
        """Write a telling together with what waits."""
        if not rows:
            return self.pen.write(self._marked(telling, ())) if telling else None
        whole = self._joined(telling, rows)
        return self._timed(self.pen.write(self._marked(whole, rows)), rows) if whole else None

    def _has_gone(self, rows: Sequence[Waiting]) -> bool:
        calls = (call for one in rows for call in one.calls.values())
        return any(is_over(self.queue.alerts[call.alert], call.unit) for call in calls)

    def _can_be_told(self, one: Waiting) -> bool:
        """Say whether a waiting text can be told anew: the rules of its alerts are there, and its holder's address."""
        sources, alerts = self.sources, self.queue.alerts
        known, holder = {rule.id for rule in sources.book.rules}, sources.directory.by_code.get(one.holder)
        if holder is None or not all(number in alerts for number in one.alerts):
            return False
        if not (takes_sms(holder, sources.ways, sources.countries) if one.channel == SMS else holder.email):
            return False
        gone = {call.alert for call in one.calls.values() if is_over(alerts[call.alert], call.unit)}
        stay = one.alerts - gone
        superseded = any(alerts[call.alert].state is State.ENDED for call in one.calls.values() if call.alert in stay)
        return not superseded and all(alerts[number].rule in known for number in stay)

    def _joined(self, telling: Telling | None, rows: Sequence[Waiting]) -> Telling | None:
        """Put what waits beside what is new: each alert once, as it stands now, and nothing of what is over."""
        alerts, ids, place = self.queue.alerts, {one.id for one in rows}, rows[0].place
        calls = [call for one in rows for call in one.calls.values()]
        recipient = telling.recipient if telling else recipient_of(place[0], calls, self.sources.directory)
        if recipient is None:
            return telling
        items = {item.alert.id: item for item in telling.items} if telling else {}
        # The latest first: of two calls for one alert, the item says why the second was made.
        for call in sorted(calls, key=lambda call: (call.at, call.step, call.repeat), reverse=True):
            if call.alert not in items and not is_over(alerts[call.alert], call.unit):
                item = item_of(alerts[call.alert], call, recipient, self.sources)
                unheard = sum(other.alert == call.alert for other in calls)
                items[call.alert] = replace(item, times_told=max(0, item.times_told - unheard))
        cleared = {item.alert.id: item for item in telling.cleared} if telling else {}
        # Whom no text has told of an alert, the end of it is not told to either.
        cleared = {number: item for number, item in cleared.items() if self._said_before((*place, number), ids)}
        for number in sorted(self._ended(rows) - cleared.keys()):
            cleared[number] = ended_item(alerts[number], recipient, self.sources)
        if not (items or cleared):
            return None
        told = [*(telling.calls if telling else ()), *(call for call in calls if call.alert in items)]
        whole = telling_of(recipient, place[1], (list(items.values()), list(cleared.values()), told), self.sources)
        # Whom no initial digest has reached yet, that is what the next text is, whatever was called since.
        return replace(whole, initial=whole.initial or any(one.kind == Kind.INITIAL.value for one in rows))

    def _ended(self, rows: Sequence[Waiting]) -> set[int]:
        """Name the alerts of which waiting texts tell the end."""
        ends = {number for one in rows for number in one.alerts - {call.alert for call in one.calls.values()}}
        return {number for number in ends if self.queue.alerts[number].state is State.ENDED}

    def _said_before(self, key: tuple[str, str, int], ids: Collection[int]) -> bool:
        return any(text not in ids for text, _ in self.queue.said.get(key, ()))

    def _marked(self, telling: Telling, rows: Sequence[Waiting]) -> Telling:
        """Note at each item the level at which its holder was last told of it, without what is taken in."""
        place, ids, known = (telling.recipient.holder.code, telling.channel), {one.id for one in rows}, self.queue.said
        # In a storm nobody was told of anything yet, and the items stay as they are.
        if not known or not any((*place, item.alert.id) in known for item in telling.items):
            return telling
        items = []
        for item in telling.items:
            said = [one for one in known.get((*place, item.alert.id), ()) if one[0] not in ids]
            items.append(replace(item, told_level=max(said, default=(0, 0))[1]))
        return replace(telling, items=tuple(items))

    def _timed(self, text: Notification, rows: Sequence[Waiting]) -> Notification:
        """Let a text wait no longer than what it takes in has waited, and try a server in trouble no oftener."""
        pen = self.pen
        leaves = text.due_at or pen.now
        tried = [one for one in rows if one.tries]
        if tried and text.level <= max(one.level for one in rows):
            leaves = pen.leaves_at(text, max(leaves, min(one.due_at for one in tried)))
        since = min(one.created_at for one in rows)
        said = "\n".join([text.key, *sorted(one.key for one in rows)])
        return replace(
            text,
            key=hashlib.sha256(said.encode()).hexdigest()[:32],
            created_at=since,
            due_at=since if leaves <= pen.now else leaves,
            tries=max(one.tries for one in rows),
        )


def costs(merges: Sequence[Merge], began: datetime) -> dict[str, int]:
    """Give what a message that takes in others adds to the parts of a day that began then, by its key."""
    found: dict[str, int] = {}
    for one in merges:
        if one.text and one.text.channel == SMS:
            own = (one.text.segments or 1) if one.text.created_at >= began else 0
            counted = (row for row in one.taken if min(row.created_at, row.due_at) >= began)
            found[one.text.key] = own - sum(row.segments or 0 for row in counted)
    return found
