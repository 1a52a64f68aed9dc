"""What is learned from the reports of mail servers, and from what only looks like one."""

from __future__ import annotations

from base64 import encodebytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returned import ADDRESS, PATTERN, REFERENCE, group, report

from warnwatch.notify.bounces import MOST_BYTES, Action, Bounce, Ignored, read_bounce
from warnwatch.notify.delivery import Answer, Phase, blames_address, strip_controls
from warnwatch.notify.return_address import address_of, fault_in, finder_of, new_reference

OURS = finder_of(PATTERN)
HEAD = f"To: {ADDRESS}\n".encode()


def read(data: bytes) -> Bounce:
    """Read what must be a report."""
    found = read_bounce(data, OURS)
    assert isinstance(found, Bounce)
    return found


def test_a_report_names_the_mail_what_became_of_it_and_what_the_server_said() -> None:
    """The reference comes from the address, the codes and words from the report."""
    found = read(report())
    assert (found.reference, found.action) == (REFERENCE, Action.FAILED)
    assert (found.answer.code, found.answer.enhanced) == (550, "5.1.1")
    assert found.answer.text == "5.1.1 <head1@dp1.example.vn>: Recipient address rejected: User unknown"


@pytest.mark.parametrize(
    ("groups", "action"),
    [
        ([group("delayed", "4.4.1")], Action.DELAYED),
        ([group("Delivered", "2.0.0")], Action.DELIVERED),
        ([group("relayed", "2.0.0")], Action.RELAYED),
        ([group("expanded", "2.0.0")], Action.RELAYED),
        ([group("failed (thất bại)", "5.1.1 (không có)")], Action.FAILED),
        ([group("failed", "4.4.7")], Action.FAILED),
        ([group("", "5.2.1")], Action.FAILED),
        ([group(), group("delayed", "4.4.1")], Action.DELAYED),
        ([group(), group("delivered", "2.0.0")], Action.DELIVERED),
        ([group(), group("failed", "5.4.4")], Action.FAILED),
    ],
)
def test_the_best_that_is_said_of_any_address_counts(groups: list[str], action: Action) -> None:
    """A mail that was passed on to two and reached one has arrived; one that waits somewhere has not failed."""
    assert read(report(*groups)).action is action


@pytest.mark.parametrize(
    ("status", "said", "blamed"),
    [
        ("5.1.1", "smtp; 550 5.1.1 no such user", True),
        ("5.1.10", "smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound", True),
        ("5.2.1", "smtp; 550 5.2.1 mailbox disabled", True),
        ("5.2.2", "smtp; 552 5.2.2 mailbox full", True),
        ("5.4.4", "X-Postfix; Host or domain name not found", True),
        ("5.4.1", "smtp; 550 5.4.1 Recipient address rejected: Access denied", True),
        ("5.0.0", "smtp; 550 no such user here", True),
        ("5.0.0", "smtp; 550 5.7.1 looks like spam", False),
        ("5.0.0", "smtp; 554 no", False),
        ("5.2.3", "smtp; 552 5.2.3 too long", False),
        ("5.3.4", "smtp; 552 5.3.4 too big", False),
        ("5.6.1", "smtp; 554 5.6.1 what is this", False),
        ("5.7.1", "smtp; 550 5.7.1 looks like spam", False),
        ("4.4.7", "smtp; 450 4.4.7 queue lifetime expired", False),
        ("4.4.1", "X-Postfix; connect to mx[192.0.2.1]:25: Connection timed out", False),
        ("", "", False),
    ],
)
def test_only_what_speaks_against_the_address_flags_it(status: str, said: str, blamed: bool) -> None:
    """A text refused for what it holds, and a queue that gave up, say nothing of the address."""
    assert blames_address(read(report(group("failed", status, said))).answer) is blamed


@pytest.mark.parametrize("coding", ["base64", "quoted-printable", "8bit"])
@pytest.mark.parametrize("kind", ["message/delivery-status", "message/global-delivery-status; charset=utf-8"])
def test_a_report_may_be_encoded(coding: str, kind: str) -> None:
    """Servers encode what RFC 3464 says is plain; RFC 6533 has a kind with words in any language."""
    said = group("failed", "5.1.1", "smtp; 550 5.1.1 không có người dùng này")
    inside = f"Reporting-MTA: dns; a\n\n{said}"
    if coding == "base64":
        inside = encodebytes(inside.encode()).decode()
    elif coding == "quoted-printable":
        inside = inside.replace("Action", "=41ction").replace("550 ", "550=\n ")
    found = read(report(inside, kind=kind, coding=f"Content-Transfer-Encoding: {coding}\n", about=""))
    assert (found.action, found.answer.enhanced) == (Action.FAILED, "5.1.1")
    assert coding == "quoted-printable" or found.answer.code == 550


@pytest.mark.parametrize("charset", ["utf-16", "koi8-r", "nonsense", "utf-8; charset=x"])
def test_the_charset_of_the_words_beside_it_does_not_matter(charset: str) -> None:
    """Only the report itself is read, never the text for people."""
    data = report(words="Thư không đến được ✉").replace(b"charset=utf-8", f"charset={charset}".encode())
    assert read(data.replace(b"\xe1", b"\xff\x00")).action is Action.FAILED


def test_a_report_that_was_forwarded_is_read_inside() -> None:
    """A rule of the mailbox, or a list, wraps it: it counts as if it had come itself."""
    inner = report(to="postmaster@example.vn")
    wrapped = HEAD + b'Content-Type: multipart/mixed; boundary="y"\n\n--y\n\nFwd\n--y\nContent-Type: message/rfc822\n\n'
    assert read(wrapped + inner + b"\n--y--\n").reference == REFERENCE


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Auto-Submitted: auto-replied\nSubject: Out of office\n\nBack on Monday.\n",
        HEAD + b"Content-Type: text/html\n\n<p>Action: failed</p>",
        HEAD + b'Content-Type: multipart/report; report-type=disposition-notification; boundary="x"\n\n--x\n'
        b"Content-Type: message/disposition-notification\n\nDisposition: automatic-action; deleted\n--x--\n",
        HEAD,
    ],
)
def test_an_automatic_reply_is_no_report(data: bytes) -> None:
    """A head who is away has received his mail; a receipt and a person's answer are no failure either."""
    assert read_bounce(data, OURS) is Ignored.NO_REPORT


def test_a_report_to_another_address_is_not_ours() -> None:
    """Without a whole reference, in whatever place, nothing is read."""
    for to in ("canh-bao@ww.example.vn", "canh-bao+abc@ww.example.vn", f"x{ADDRESS}", f"{ADDRESS}.com", "", "\0\xff"):
        assert read_bounce(report(to=to), OURS) is Ignored.NOT_OURS, to


@pytest.mark.parametrize("to", [ADDRESS.upper(), f"<{ADDRESS}>", f'"{ADDRESS}" <{ADDRESS}>', f"a@b.vn,\n {ADDRESS}"])
def test_the_address_is_found_as_servers_write_it(to: str) -> None:
    """Other case, brackets, a name before it, other addressees, folded lines."""
    assert read(report(to=to)).reference == REFERENCE


def test_the_mail_server_may_say_to_whom_it_came() -> None:
    """Then a report whose headers have lost the address is read all the same, and what they say does not count."""
    other = "canh-bao+zzzzzzzzzzzzzzzz@ww.example.vn"
    for to in ("postmaster@example.vn", other):
        found = read_bounce(report(to=to), OURS, recipient=ADDRESS)
        assert isinstance(found, Bounce)
        assert found.reference == REFERENCE


def test_a_huge_report_is_read_from_its_beginning() -> None:
    """What is returned may be as large as it likes: only the beginning is looked at."""
    assert read(report(returned="x" * 70 + "\n") + b"y" * 20 * MOST_BYTES).action is Action.FAILED


@pytest.mark.parametrize(
    "inside",
    [
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)),
        b"Content-Type: message/rfc822\n\n" * 3000,
        b"Content-Type: message/delivery-status\n\n" + b"\n" * MOST_BYTES,
        b"Content-Type: message/delivery-status\n\n" + b"\r" * MOST_BYTES,
        b"Content-Type: message/delivery-status\n\nno field at all",
        b"Content-Type: message/delivery-status\n\nAction: \xff\xfe\nStatus: 9.9.9\n",
        b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n\xff=A=\n",
        b"Content-Type: message/delivery-status\n",
    ],
    ids=range(8),
)
def test_what_is_made_to_hurt_is_unreadable(inside: bytes) -> None:
    """Nested without end, all line ends, no fields, not decodable: it is counted, and costs no more than a report."""
    assert read_bounce(HEAD + inside, OURS) is Ignored.UNREADABLE


@given(st.binary(max_size=400), st.integers(0, 1200), st.integers(0, 300))
def test_no_bytes_break_the_reader(noise: bytes, at: int, cut: int) -> None:
    """Whatever is put into a report, or cut out of it, gives a report on our mail or a reason to ignore it."""
    data = report()
    found = read_bounce(data[:at] + noise + data[at + cut :], OURS)
    assert isinstance(found, Ignored) or len(found.reference) == len(REFERENCE)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=3000))
def test_what_a_server_says_is_kept_as_one_short_printable_line(words: str) -> None:
    """A hostile diagnosis does not reach a table, a log or a terminal as it is."""
    found = read_bounce(report(group("failed", "5.1.1", f"smtp; 550 {words}")), OURS)
    if isinstance(found, Bounce):
        assert len(found.answer.text) <= 500
        assert found.answer.text == strip_controls(found.answer.text).replace("\n", " ").replace("\t", " ")


def test_references_are_found_again_and_differ() -> None:
    """Each mail has one of its own."""
    drawn = {new_reference() for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(OURS.search(address_of(PATTERN, one)) for one in drawn)


@pytest.mark.parametrize("pattern", ["a@b.vn", "a+{id}", "a@{id}.vn", "a+{id}{id}@b.vn", "a" * 49 + "{id}@b.vn"])
def test_a_pattern_that_cannot_work_is_refused(pattern: str) -> None:
    """It needs one place before the @, and no more than 64 characters there."""
    assert fault_in(pattern)
    assert not fault_in("nay-{id}@b.vn")


def test_a_report_without_a_code_blames_nobody() -> None:
    """What is not known is not held against an address."""
    assert not blames_address(Answer(Phase.REPORT))
