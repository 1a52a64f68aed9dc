"""What follows from an answer of the mail server."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from letters import NOW

from warnwatch.notify.delivery import (
    ANSWERS,
    GIVE_UP_AFTER,
    LONGEST_PAUSE,
    Answer,
    Outcome,
    Phase,
    Verdict,
    blames_address,
    decide,
    pause,
    read_answer,
    rule_for,
    strip_controls,
)

SENT, RETRY, FAILED = Outcome.SENT, Outcome.RETRY, Outcome.FAILED


def judged(phase: str, said: str, **changes: int) -> Verdict:
    """Judge an answer written as the server wrote it; an empty one is silence."""
    code, _, text = said.partition(" ")
    answer = read_answer(Phase(phase), int(code) if code else None, text)
    return decide(answer, changes.get("tries", 0), NOW, NOW + timedelta(hours=changes.get("hours", 0)), 0.5)


@pytest.mark.parametrize(
    ("phase", "said", "outcome", "alarm"),
    [
        ("dot", "250 2.0.0 queued", SENT, False),
        ("dot", "", RETRY, False),
        ("dot", "451 4.3.0 later", RETRY, False),
        ("dot", "452 4.2.2 mailbox full", RETRY, False),
        ("dot", "552 5.2.2 mailbox full", FAILED, False),
        ("dot", "554 5.7.1 looks like spam", FAILED, False),
        ("dot", "354 what", RETRY, False),
        ("data", "451 4.3.0 later", RETRY, False),
        ("data", "554 5.5.1 no valid recipients", FAILED, False),
        ("data", "250 out of turn", RETRY, False),
        ("rcpt", "450 4.2.0 greylisted", RETRY, False),
        ("rcpt", "550 5.1.1 no such user", FAILED, False),
        ("rcpt", "553 5.1.3 bad address", FAILED, False),
        ("rcpt", "554 5.7.1 relay access denied", RETRY, True),
        ("rcpt", "530 5.7.0 authentication required", RETRY, True),
        ("mail", "451 4.1.8 sender domain not found now", RETRY, False),
        ("mail", "553 5.1.8 sender refused", RETRY, True),
        ("mail", "552 5.3.4 message too big", FAILED, True),
        ("mail", "530 5.7.0 must issue STARTTLS first", RETRY, True),
        ("auth", "535 5.7.8 wrong password", RETRY, True),
        ("auth", "454 4.7.0 not now", RETRY, True),
        ("tls", "454 4.7.0 not now", RETRY, True),
        ("tls", "", RETRY, True),
        ("ehlo", "550 go away", RETRY, True),
        ("ehlo", "", RETRY, False),
        ("greeting", "421 4.3.2 closing", RETRY, False),
        ("greeting", "554 no service here", RETRY, True),
        ("connect", "", RETRY, False),
        ("build", "", FAILED, False),
        ("rcpt", "550 5.7.1 not allowed to send here", RETRY, True),
        ("rcpt", "550 Relaying denied", RETRY, True),
        ("rcpt", "550 no such user", FAILED, False),
        ("rcpt", "552 5.2.2 mailbox full", FAILED, False),
        ("rcpt", "452 4.5.3 too many", RETRY, False),
        ("rcpt", "", RETRY, False),
        ("mail", "421 4.3.2 closing", RETRY, False),
        ("mail", "550 5.2.3 too long", FAILED, True),
        ("data", "550 5.1.1 no such user", FAILED, False),
        ("dot", "550 no such user", FAILED, False),
        ("dot", "552 5.2.3 too long", FAILED, False),
        ("ehlo", "530 log in", RETRY, True),
    ],
)
def test_each_class_of_answer_has_its_outcome(phase: str, said: str, outcome: Outcome, alarm: bool) -> None:
    """4xx, silence and faults of the server itself are tried again; a 5xx about this message or address is final."""
    verdict = judged(phase, said)
    assert (verdict.outcome, verdict.alarm) == (outcome, alarm)
    assert (verdict.next_try_at is None) == (outcome is not RETRY)


@pytest.mark.parametrize(
    ("phase", "said", "blamed"),
    [
        ("build", "", True),
        ("rcpt", "550 5.1.1 no such user", True),
        ("rcpt", "550 no such user", True),
        ("rcpt", "552 5.2.2 mailbox full", True),
        ("dot", "550 5.1.1 no such user", True),
        ("dot", "550 no such user", True),
        ("dot", "554 5.7.1 looks like spam", False),
        ("dot", "552 5.2.3 too long", False),
        ("mail", "552 5.3.4 too big", False),
        ("rcpt", "450 4.2.0 given up after days", False),
        ("rcpt", "550 5.7.1 given up after days", False),
    ],
)
def test_only_an_address_that_was_refused_is_flagged(phase: str, said: str, blamed: bool) -> None:
    """A refused text, a server that wants another sender, and a greylist that lasted for days are not its fault."""
    code, _, text = said.partition(" ")
    assert blames_address(read_answer(Phase(phase), int(code) if code else None, text)) is blamed


def test_every_line_of_the_table_is_reached() -> None:
    """No line is hidden by one above it, and every answer of the dialogue has one."""
    phases = [phase for phase in Phase if phase is not Phase.GATEWAY]
    codes = [None, 250, 354, *range(400, 600)]
    kinds = [None, "4.2.0", "5.0.0", "5.1.1", "5.2.2", "5.2.3", "5.3.4", "5.4.1", "5.7.1"]
    words = ("no", "relaying denied")
    answers = [Answer(*one) for one in product(phases, codes, kinds, words)]
    assert {rule_for(one) for one in answers} == set(ANSWERS)


@pytest.mark.parametrize(
    ("ruled", "outcome"),
    [(SENT, SENT), (FAILED, FAILED), (RETRY, RETRY), (Outcome.UNCERTAIN, Outcome.UNCERTAIN)],
)
def test_what_a_channel_has_ruled_is_followed(ruled: Outcome, outcome: Outcome) -> None:
    """A gateway knows its own answers: the table of mail does not judge them again."""
    answer = Answer(Phase.GATEWAY, 202, text="0: Accepted for delivery", ruled=ruled)
    assert decide(answer, 0, NOW, NOW, 0.5).outcome is outcome


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 400))
def test_pauses_lie_between_five_seconds_and_half_an_hour(jitter: float, tries: int) -> None:
    """However often it failed, the next try is neither at once nor far away."""
    assert timedelta(seconds=5) <= pause(tries, jitter) <= LONGEST_PAUSE


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=60, max_size=60))
def test_no_hour_has_more_than_twenty_tries(jitters: list[float]) -> None:
    """A server that fails for a day is not hammered, whatever the jitter."""
    at = [timedelta()]
    for tries, jitter in enumerate(jitters):
        at.append(at[-1] + pause(tries, jitter))
    assert all(at[later] - at[later - 20] > timedelta(hours=1) for later in range(20, len(at)))


@pytest.mark.parametrize("window", [timedelta(seconds=60), timedelta(seconds=300), timedelta(hours=4)])
@pytest.mark.parametrize("jitter", [0.0, 0.999])
def test_a_greylisted_message_arrives_within_twice_the_window(window: timedelta, jitter: float) -> None:
    """Once a window has passed, the next try comes before it has passed twice."""
    at, tries = timedelta(), 0
    while at < window:
        at, tries = at + pause(tries, jitter), tries + 1
    assert at <= 2 * window


@pytest.mark.parametrize(
    ("hours", "tries", "outcome"),
    [(95, 200, RETRY), (96, 200, FAILED), (96, 9, FAILED), (200, 8, RETRY), (200, 0, RETRY)],
)
def test_four_days_of_tries_are_enough(hours: int, tries: int, outcome: Outcome) -> None:
    """After four days it is given up, but not before ten tries: the service itself may have stood still."""
    assert timedelta(hours=96) == GIVE_UP_AFTER
    assert judged("rcpt", "450 4.2.0 greylisted", hours=hours, tries=tries).outcome is outcome


def test_an_answer_is_one_printable_line_of_limited_length() -> None:
    """Control characters, line ends and endless texts of a server do not reach a table or a log."""
    answer = read_answer(Phase.RCPT, 550, "5.1.1 no\x00 such\x1b[31m\r\nuser\u202e" + "x" * 9000)
    assert answer.text.startswith("5.1.1 no such[31m userx")
    assert len(answer.text) == 500


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [("5.7.1 no", "5.7.1"), ("2.0.0", "2.0.0"), ("5.7.1no", None), ("9.1.1 x", None), ("no", None)],
)
def test_the_enhanced_code_is_read_from_the_front(text: str, enhanced: str | None) -> None:
    """RFC 3463's code counts only where it stands first and whole."""
    assert read_answer(Phase.DOT, 550, text).enhanced == enhanced


def test_vietnamese_keeps_all_its_marks() -> None:
    """Stripping controls changes no letter, and keeps line ends and tabs."""
    assert strip_controls("Đề nghị\tđồng chí\nquý Ủy ban…") == "Đề nghị\tđồng chí\nquý Ủy ban…"


def test_only_a_yes_to_the_dot_is_a_yes() -> None:
    """A 250 anywhere else does not make a message sent."""
    assert [phase for phase in Phase if Answer(phase, 250).accepted] == [Phase.DOT]
