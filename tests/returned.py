"""Reports of mail servers as tests write them, after those of real servers."""

from __future__ import annotations

PATTERN = "canh-bao+{id}@ww.example.vn"
REFERENCE = "abcdefgh234567ab"
ADDRESS = PATTERN.replace("{id}", REFERENCE)
UNKNOWN = "smtp; 550 5.1.1 <head1@dp1.example.vn>: Recipient address rejected: User unknown"


def group(action: str = "failed", status: str = "5.1.1", said: str = UNKNOWN) -> str:
    """Give what a report says of one address."""
    return (
        "Final-Recipient: rfc822; head1@dp1.example.vn\nOriginal-Recipient: rfc822;head1@dp1.example.vn\n"
        f"Action: {action}\nStatus: {status}\nRemote-MTA: dns; mx.dp1.example.vn\nDiagnostic-Code: {said}\n"
    )


def report(
    *groups: str,
    to: str = ADDRESS,
    kind: str = "message/delivery-status",
    coding: str = "",
    about: str = "Reporting-MTA: dns; mail.example.vn\nArrival-Date: Wed, 20 Aug 2025 08:00:00 +0700\n",
    words: str = "This is the mail system. I'm sorry to have to inform you that your message could not be delivered.",
    returned: str = "From: <canh-bao@ww.example.vn>\nSubject: =?utf-8?b?TmhpZ20gduG7pQ==?=\n",
) -> bytes:
    """Give a whole report, as it comes to the address of one mail."""
    status = "\n".join([about, *(groups or (group(),))])
    return (
        f"Return-Path: <>\nFrom: MAILER-DAEMON@example.vn (Mail Delivery System)\nTo: {to}\n"
        "Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status;\n\tboundary="x"\n\n'
        f"--x\nContent-Type: text/plain; charset=utf-8\n\n{words}\n\n"
        f"--x\nContent-Type: {kind}\n{coding}\n{status}\n"
        f"--x\nContent-Type: text/rfc822-headers\n\n{returned}\n--x--\n"
    ).encode()
