"""The link in a mail, opened by a head in Chromium on a phone and at a desk, and by a scanner that runs scripts."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import uvicorn
from answering_pages import Desk
from builders import local
from playwright.sync_api import Page, ViewportSize, sync_playwright
from worlds import BEGUN, build_world

from warnwatch import schema

LATE = local(18, 8, 8)
NAME = "canh-bao.example.vn"
SIZES = {"phone": ViewportSize(width=360, height=740), "desk": ViewportSize(width=1280, height=900)}
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

pytestmark = pytest.mark.servers("chromium")


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """The small plan's head with a mail about T-1; the links of it are served on a free port under their own name."""
    world = build_world(sqlite_url, tmp_path / "in")
    book = world.standards.book
    world.by(book=replace(book, rules=(book.rule("task-deadline"),)))
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        desk = Desk(world, LATE + timedelta(hours=3), link=f"http://{NAME}:{listening.getsockname()[1]}")
        world.put(BEGUN, "T-1", title="Hoàn thành số hoá hồ sơ, giấy tờ còn hiệu lực thuộc phạm vi quản lý của tỉnh")
        world.cycle(BEGUN)
        world.cycle(LATE)
        server = uvicorn.Server(uvicorn.Config(desk.app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield desk
        server.should_exit = True
        thread.join()
    world.engine.dispose()


@contextmanager
def opened(desk: Desk, size: str = "phone", *, scripts: bool = True) -> Iterator[Page]:
    """Start Debian's browser, for which the name in the link is this machine."""
    here = [f"--host-resolver-rules=MAP {NAME} 127.0.0.1", f"--unsafely-treat-insecure-origin-as-secure={desk.link}"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*FLAGS, *here])
        context = browser.new_context(viewport=SIZES[size], java_script_enabled=scripts, locale="vi-VN")
        yield context.new_page()
        browser.close()


def complaints(page: Page) -> list[str]:
    """Give the list into which the browser's complaints will come."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(request.url))
    return said


@pytest.mark.parametrize("size", SIZES)
def test_a_head_answers_from_the_mail(desk: Desk, size: str, tmp_path: Path) -> None:
    """The button in the mail opens the page, a date and a press are the answer, and the page says what it means."""
    with opened(desk, size) as page:
        said = complaints(page)
        page.set_content(desk.world.mails()[-1]["html"])
        page.get_by_role("link", name="Phản hồi cảnh báo").click()
        page.screenshot(path=tmp_path / f"{size}-asked.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
        page.get_by_label("Hoàn thành chậm nhất ngày").select_option("Thứ Sáu, 22/8/2025")
        page.get_by_role("button", name="Ghi nhận cam kết").click()
        page.screenshot(path=tmp_path / f"{size}-answered.png", full_page=True)
        assert "Đã ghi nhận cam kết hoàn thành" in page.get_by_role("status").inner_text()
    assert said == []
    (row,) = desk.answers()
    assert (row["kind"], row["promised_for"]) == (
        "promised",
        desk.world.standards.calendar.end_of_day(date(2025, 8, 22)),
    )


def test_help_is_asked_for_without_scripts(desk: Desk) -> None:
    """Fold, list of bodies and both fields work where JavaScript is off; the browser asks for what is missing."""
    with opened(desk, scripts=False) as page:
        said = complaints(page)
        page.goto(desk.link + desk.path())
        page.get_by_text("Vướng thẩm quyền").click()
        page.get_by_role("button", name="Gửi đề nghị").click()
        page.get_by_label("Cơ quan có thẩm quyền").fill("BYT – Bộ Y tế")
        page.get_by_label("Khó khăn, vướng mắc").fill("Chưa có hướng dẫn chuyên môn")
        page.get_by_role("button", name="Gửi đề nghị").click()
        assert "Đã ghi nhận đề nghị Bộ Y tế tháo gỡ" in page.get_by_role("status").inner_text()
    assert said == []
    assert [(row["kind"], row["authority"]) for row in desk.answers()] == [("help", "BYT")]


def test_a_scanner_that_runs_scripts_acts_on_nothing(desk: Desk) -> None:
    """It opens, hovers, prefetches, unfolds, asks with every other method and every field in the address: no answer."""
    before = (desk.world.alert(), len(desk.rows(schema.journal)), len(desk.world.mails()))
    fields = "act=promise&date=2025-08-22&alert=CB-25-00001&seen=0&level=3"
    with opened(desk) as page:
        page.set_content(desk.world.mails()[-1]["html"])
        found = page.evaluate("[...document.links].map(one => one.href)")
        for address in (*found, *(one.upper().replace("HTTP", "http").replace("/A/", "/a/") for one in found)):
            answer = page.goto(address)
            assert answer is not None
            assert answer.status == 200
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            for hovered in page.locator("button, summary").all():
                hovered.hover()
            page.evaluate(
                """async fields => {
                const asked = [...document.querySelectorAll("form, a, link")].map(one => one.action || one.href);
                for (const one of asked) {
                    const link = document.createElement("link");
                    Object.assign(link, {rel: "prefetch", href: one});
                    document.head.append(link);
                    for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
                        await fetch(one.split("?")[0] + "?" + fields, {method}).catch(() => 0);
                }
            }""",
                fields,
            )
    assert desk.answers() == []
    assert (desk.world.alert(), len(desk.rows(schema.journal)), len(desk.world.mails())) == before
