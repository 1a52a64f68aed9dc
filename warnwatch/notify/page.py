"""What stands on a mail, as plain strings in reading order; the text and the HTML layout only set it."""

from __future__ import annotations

from dataclasses import dataclass, replace

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One task in a list. `lines` are pairs of label and value; `level` 1..3 sets its colour.

    `change`: what is different since the recipient was last told of it, where a list says so.
    """

    number: int
    level: int
    word: str
    code: str
    name: str
    state: str
    alert: str
    lines: Rows
    change: str = ""

    def without(self, said: Rows) -> Entry:
        """Give the entry less the lines that are said elsewhere."""
        return replace(self, lines=tuple(line for line in self.lines if line not in said)) if said else self


@dataclass(frozen=True, slots=True)
class Section:
    """Tasks of one kind and level, or of one unit; `lines` hold for each of them."""

    heading: str
    entries: tuple[Entry, ...]
    lines: Rows = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands above and below every letter. `link` is empty when the installation names no address.

    `answer_link` is the holder's own, `answer_word` stands on it, `answer_note` says what it does; all may be empty.
    """

    greeting: str
    closing: str
    system: str
    footer: str
    language: str
    level_label: str
    link_label: str
    link: str = ""
    answer_link: str = ""
    answer_word: str = ""
    answer_note: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole mail in plain strings, in reading order. `card` and `details` are `facts` for a small screen."""

    subject: str
    level: int
    word: str
    headline: str
    opening: str
    frame: Frame
    changes: str = ""
    notes: tuple[str, ...] = ()
    card: Entry | None = None
    facts: Rows = ()
    details: Rows = ()
    list_heading: str = ""
    alike: Rows = ()
    sections: tuple[Section, ...] = ()
    more: str = ""
    request: tuple[str, ...] = ()
    cleared_heading: str = ""
    cleared: tuple[str, ...] = ()
    tally: tuple[str, ...] = ()
    answer: str = ""

    @property
    def preview(self) -> str:
        """The line that a mailbox shows beside the subject."""
        about = self.card or (self.sections[0].entries[0] if self.sections else None)
        return f"{about.code} – {about.name}: {about.state}" if about and about.name else self.headline
