"""The pages in Chromium, as a phone and as a wall screen, and the metrics in a real Prometheus."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import uvicorn
from boards import judge, repeat_mail
from playwright.sync_api import Browser, Page, sync_playwright

from warnwatch import database
from warnwatch.web.app import create_app

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
WIDTHS = {"phone": (360, 780), "wall": (1280, 900)}


@pytest.fixture
def address(sqlite_url: str, tmp_path: Path) -> Iterator[str]:
    """The small plan served on a free port of this machine."""
    folder = tmp_path / "plan"
    folder.mkdir()
    engine = database.open_engine(sqlite_url)
    judged = judge(engine, folder)
    repeat_mail(engine, 20)
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(create_app(judged.board), log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()
    engine.dispose()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


def looked_at(page: Page, address: str) -> list[str]:
    """Open a page; give everything that the browser refused or complained about."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(request.url))
    page.goto(address, wait_until="load")
    return said


@pytest.mark.servers("chromium")
def test_the_pages_fit_a_phone_and_a_wall(address: str, tmp_path: Path) -> None:
    """Nothing sticks out sideways, nothing is refused by the policy, and every picture has something on it."""
    with chromium() as browser:
        for name, (width, height) in WIDTHS.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            for number, path in enumerate(("/", "/mails/1")):
                assert looked_at(page, address + path) == []
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                picture = tmp_path / f"{name}-{number}.png"
                page.screenshot(path=picture)
                assert picture.stat().st_size > 20_000
            page.close()


@pytest.mark.servers("chromium")
def test_what_must_be_read_can_be_read_on_a_phone(address: str) -> None:
    """No text is smaller than 12 pixels, every link and fold is tall enough for a thumb, colours are painted."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 780})
        looked_at(page, address)
        smallest = """() => Math.min(...[...document.querySelectorAll("main *")]
            .filter(one => one.innerText && one.offsetParent)
            .map(one => parseFloat(getComputedStyle(one).fontSize)))"""
        assert page.evaluate(smallest) >= 12
        for link in page.locator("main a, summary").all():
            box = link.bounding_box()
            assert box is None or box["height"] >= 36
        painted = page.evaluate('() => getComputedStyle(document.querySelector(".half.red")).backgroundColor')
        assert painted == "rgb(179, 32, 27)"


@pytest.mark.servers("chromium")
def test_the_mail_is_painted_inside_its_frame(address: str) -> None:
    """The HTML part shows in the sandbox with its own styles, and no script of it could run."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 780})
        looked_at(page, f"{address}/mails/1")
        frame = page.frame_locator("iframe")
        assert "Kính gửi" in frame.locator("body").inner_text()
        banner = frame.locator(".banner").first
        assert banner.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(179, 32, 27)"


@pytest.mark.servers("prometheus")
def test_prometheus_takes_the_metrics(address: str, tmp_path: Path) -> None:
    """A real scrape succeeds, and a query over the plan gives the plan's number."""
    target = address.removeprefix("http://")
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: warnwatch, static_configs: [{{targets: ['{target}']}}]}}]\n",
        encoding="utf-8",
    )
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        own = f"127.0.0.1:{probe.getsockname()[1]}"
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data"]
    with subprocess.Popen(
        [*command, f"--web.listen-address={own}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            found = _asked(own, 'sum by (status) (warnwatch_tasks{status=~"open_.*"})')
        finally:
            running.terminate()
    assert found == {"open_late": "2", "open_in_time": "1"}


def _asked(prometheus: str, query: str) -> dict[str, str]:
    """Ask until there is an answer, for at most 30 s."""
    url = f"http://{prometheus}/api/v1/query?query={quote(query)}"
    for _ in range(60):
        time.sleep(0.5)
        try:
            with urlopen(url, timeout=5) as answer:
                result = json.load(answer)["data"]["result"]
        except OSError:
            continue
        if result:
            return {one["metric"]["status"]: one["value"][1] for one in result}
    return {}
