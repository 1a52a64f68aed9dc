"""The pictures of the README: runs the demo, and photographs the mail that the README follows, and the page.

`.venv/bin/python docs/take_pictures.py [mail] [page]`; needs Debian's chromium.
"""  # noqa: INP001 (a script beside the pages)

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, ViewportSize, sync_playwright

IMAGES = Path(__file__).parent / "img"
# A phone's width and a desktop's, in CSS pixels; the mail is taken sharper, as a phone shows it.
PHONE = ViewportSize(width=390, height=844)
DESKTOP = ViewportSize(width=1280, height=1000)
# KH02-054, which the README follows: the mail of Tuesday 16 December 2025.
SUBJECT = "[Quá hạn 1 ngày làm việc] Nhiệm vụ KH02-054"


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """Run the demo with its folder; give the page's address."""
    command = [sys.executable, "-m", "warnwatch", "demo", "--port", "0", "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603 (our own program)
        assert running.stdout is not None  # noqa: S101 (it was asked for)
        found = (re.search(r"http://\S+", line) for line in running.stdout)
        link = next((one[0] for one in found if one), None)
        if link is None:
            raise RuntimeError("the demo did not say where its page is")
        yield link
        running.terminate()


def mail_html(folder: Path) -> str:
    """Find the mail in the demo's mailbox and give its HTML part."""
    for file in sorted(folder.glob("mailbox/*.eml")):
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        html = message.get_body(("html",))
        if str(message["Subject"]).startswith(SUBJECT) and html is not None:
            return str(html.get_content())
    raise LookupError(SUBJECT)


def take(page: Page, name: str) -> None:
    """Save what the page shows."""
    page.screenshot(path=IMAGES / f"{name}.png")


def main(wanted: list[str]) -> None:
    """Take the pictures that are named, or both."""
    with TemporaryDirectory() as place, sync_playwright() as playwright, demo(Path(place) / "try") as link:
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        if not wanted or "mail" in wanted:
            page = browser.new_page(viewport=PHONE, device_scale_factor=1.25)
            page.set_content(mail_html(Path(place) / "try"))
            take(page, "mail")
        if not wanted or "page" in wanted:
            page = browser.new_page(viewport=DESKTOP)
            page.goto(link)
            take(page, "page")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
