"""The pages over a real database: what they show, what they refuse, and what they do when something is away."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import pytest
from boards import HOSTILE, SECRET, Judged, answer, judge, repeat_mail, with_release
from builders import NOW
from sqlalchemy import Engine, update
from starlette.testclient import TestClient

from warnwatch import database, schema
from warnwatch.notify.lookup import Lookup
from warnwatch.notify.release import Mode
from warnwatch.web.app import create_app

PAGES = ("/", "/mails/1", "/mails/1/html", "/metrics", "/healthz", "/readyz", "/static/board.css", "/nothing")


@pytest.fixture
def judged(engine: Engine, tmp_path: Path) -> Judged:
    """A small plan after its first cycle: a late task with a hostile title, a late confidential one."""
    folder = tmp_path / "plan"
    folder.mkdir()
    return judge(engine, folder)


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def client(judged: Judged) -> TestClient:
    """Open the pages as a browser on the same machine does."""
    return TestClient(create_app(judged.board), base_url="http://localhost", raise_server_exceptions=False)


def page(judged: Judged, path: str = "/") -> str:
    """Give a page's HTML."""
    got = client(judged).get(path)
    assert got.status_code == 200, got.text
    return got.text


class _Reader(HTMLParser):
    """Reads a page the way a browser does: text, and the attributes that could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.words = ""
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.risky: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href"):
                self.links.append(value or "")
            if name == "style" or name.startswith("on"):
                self.risky.append(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        self.words += data + " "


def read(html: str) -> _Reader:
    """Read a page."""
    reader = _Reader()
    reader.feed(html)
    reader.words = " ".join(reader.words.split())
    return reader


def test_the_page_shows_the_plan_its_colours_and_its_alerts(judged: Judged) -> None:
    """Totals, a province on the map, the bloc, the alert with its days, who was called and who is next."""
    words = read(page(judged)).words
    for said in (
        "2 nhiệm vụ quá hạn",
        "Số liệu lúc 08 giờ 00 ngày 20/8/2025",
        "Thái Nguyên",
        "Khối Chính phủ",
        "Đ Bộ Nội vụ 1/1",
        "Khẩn Nhiệm vụ quá hạn",
        "Đã quá hạn 3 ngày làm việc.",
        "Chủ tịch Ủy ban nhân dân tỉnh Thái Nguyên (20/8/2025)",
        "Tiếp theo: Chủ tịch Ủy ban nhân dân tỉnh Thái Nguyên, 08 giờ 00 ngày 21/8/2025.",
        "4 đơn vị theo màu",
    ):
        assert said in words


def test_each_province_stands_on_the_map_with_both_its_committees(judged: Judged) -> None:
    """The tile holds colour, letter and numbers of the Party committee and of the People's Committee."""
    html = page(judged)
    assert 'title="Tỉnh ủy Thái Nguyên: Xám, chưa đánh giá; không có nhiệm vụ"' in html
    assert 'title="Ủy ban nhân dân tỉnh Thái Nguyên: Đỏ, chậm; 1 quá hạn trên 2 nhiệm vụ"' in html


def test_a_hostile_title_is_text(judged: Judged) -> None:
    """Markup in a title is shown as it was written; the page has no script and no inline style or handler."""
    reader = read(page(judged))
    assert " ".join(HOSTILE.split()) in reader.words
    assert "script" not in reader.tags
    assert reader.risky == []


def test_a_page_loads_nothing_from_elsewhere(judged: Judged) -> None:
    """Every link and source of the pages is a path of this service."""
    links = read(page(judged)).links + read(page(judged, "/mails/1")).links
    assert links
    assert [link for link in links if not link.startswith(("/", "#")) or link.startswith("//")] == []


def test_a_confidential_task_shows_its_code_alone(judged: Judged) -> None:
    """Title, numbers and deadline of such a task stand on no page; the code and where to look do."""
    words = read(page(judged)).words
    assert "T-SECRET – xem trên Hệ thống" in words
    body = client(judged).get("/metrics").text
    mails = "".join(page(judged, f"/mails/{number}") for number in (1, 2))
    assert SECRET not in words + body + mails


@pytest.mark.parametrize(
    ("mode", "said"), [(Mode.HOLD, "Đang giữ lại"), (Mode.REDIRECT, "Chuyển hướng"), (Mode.LIVE, "Gửi thật")]
)
@on_sqlite
def test_the_delivery_mode_is_shown_plainly(judged: Judged, mode: Mode, said: str) -> None:
    """Whoever looks at the page knows whether the mails reach anybody, and how many units a pilot has."""
    words = read(page(with_release(judged, mode, frozenset({"DP-19"})))).words
    assert f"Thư cảnh báo: {said}" in words
    assert "Thí điểm với 1 đơn vị" in words


@on_sqlite
def test_an_old_report_is_called_old(judged: Judged) -> None:
    """From the third missed interval on the page says since when; before it says nothing."""
    fresh = read(page(replace(judged, now=NOW + timedelta(seconds=180)))).words
    old = read(page(replace(judged, now=NOW + timedelta(hours=3)))).words
    assert "Số liệu đã cũ" not in fresh
    assert "Số liệu đã cũ Lần đánh giá gần nhất: 08 giờ 00 ngày 20/8/2025, cách đây 3 giờ." in old


@on_sqlite
def test_before_the_first_cycle_the_page_says_so(judged: Judged) -> None:
    """No report yet: the page stands, without numbers that nobody has counted."""
    words = read(page(replace(judged, report=None))).words
    assert "Chưa có lần đánh giá nào" in words
    assert "nhiệm vụ quá hạn" not in words


# --- mails ----------------------------------------------------------------------------------------------------------


def test_a_mail_is_shown_as_its_head_sees_it(judged: Judged, engine: Engine) -> None:
    """Addressee, subject, text; the HTML in a sandboxed frame of its own; the server's answer."""
    number = answer(engine, "sent", 250, "2.0.0 Ok: queued as 7F3A", state="sent", finished_at=NOW)
    words, html = read(page(judged, f"/mails/{number}")).words, page(judged, f"/mails/{number}")
    mail = judged.board.lookup.mail(number)
    assert mail is not None
    assert " ".join(mail.line.subject.split()) in words
    assert " ".join(mail.text.split())[:80] in words
    assert "Đã gửi" in words
    assert "máy chủ thư đã nhận – 250 2.0.0 Ok: queued as 7F3A" in words
    assert f'<iframe sandbox title="Nội dung thư" src="/mails/{number}/html">' in html


def test_the_html_of_a_mail_is_a_stranger(judged: Judged) -> None:
    """It may be framed by our page alone, loads nothing, runs nothing, whatever its words are."""
    got = client(judged).get("/mails/1/html")
    policy = got.headers["content-security-policy"]
    for rule in ("default-src 'none'", "style-src 'unsafe-inline'", "frame-ancestors 'self'", "sandbox"):
        assert rule in policy.split("; ")
    assert got.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("state", "outcome", "code", "said", "shown"),
    [
        ("held", "retry", None, "", "Đang giữ lại"),
        ("ready", "retry", 451, "4.3.0 try later", "Sẽ gửi lại lúc 08 giờ 00 ngày 20/8/2025 451 4.3.0 try later"),
        ("claimed", "retry", 451, "busy", "Đang gửi"),
        ("sent", "sent", 250, "2.0.0 Ok", "Đã gửi 250 2.0.0 Ok"),
        ("failed", "failed", 550, "5.1.1 <b>unknown</b>", "Không gửi được 550 5.1.1 <b>unknown</b>"),
        ("uncertain", "uncertain", None, "lost", "Chưa rõ đã đến hay chưa lost"),
    ],
)
@on_sqlite
def test_what_became_of_a_mail_is_said(  # noqa: PLR0917
    judged: Judged, engine: Engine, state: str, outcome: str, code: int | None, said: str, shown: str
) -> None:
    """The list says the state in Vietnamese and the mail server's own last words."""
    answer(engine, outcome, code, said, state=state)
    assert shown in read(page(judged)).words


@on_sqlite
def test_long_lists_end_with_how_many_more(judged: Judged, engine: Engine) -> None:
    """A list shows ten, folds forty, and counts the rest."""
    repeat_mail(engine, 98)
    words = read(page(judged)).words
    assert "Xem thêm 40 thư" in words
    assert "và 50 thư nữa." in words


LARGE = ("9" * 20, "9" * 5000, str(2**63 - 1), str(2**63))
NUMBERS = (*LARGE, "0", "-1", "00", "01", "１", "١", "1.0", "1e3", "%00", "+1", " 1")


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("rest", ["", "/html"])
def test_a_number_that_no_mail_has_is_not_found(judged: Judged, number: str, rest: str) -> None:
    """However it is written: too large, zero, negative, with other digits."""
    assert client(judged).get(f"/mails/{number}{rest}").status_code == 404


@pytest.mark.parametrize("path", ["/mails/999999", "/mails/999999/html", "/mails/abc", "/nothing", "/static/../app.py"])
@on_sqlite
def test_what_is_not_there_is_a_page_of_its_own(judged: Judged, path: str) -> None:
    """404, in Vietnamese, never a traceback."""
    got = client(judged).get(path)
    assert (got.status_code, "Không có trang này" in got.text) == (404, True)


# --- health and metrics ---------------------------------------------------------------------------------------------


def test_the_process_is_alive_and_ready(judged: Judged) -> None:
    """Both questions are answered with 200 and JSON."""
    assert client(judged).get("/healthz").json() == {"status": "ok"}
    ready = client(judged).get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "reasons": [], "evaluator": "evaluating"})


@on_sqlite
def test_every_reason_not_to_be_ready_is_named(judged: Judged) -> None:
    """503 with the service's reasons, while the process is still alive."""
    reasons = ("the last cycle finished 200 s ago", "the sender has stopped")
    got = client(replace(judged, reasons=reasons))
    assert (got.get("/readyz").status_code, got.get("/readyz").json()["reasons"]) == (503, list(reasons))
    assert got.get("/healthz").status_code == 200


@on_sqlite
def test_metrics_come_in_the_format_that_is_asked_for(judged: Judged) -> None:
    """The path itself answers, with no redirect; Prometheus' Accept header gets OpenMetrics."""
    pages = client(judged)
    plain = pages.get("/metrics", follow_redirects=False)
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'warnwatch_alerts{rule="task-deadline",level="critical",state="open"} 2\n' in plain.text
    om = pages.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert om.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert om.text.endswith("# EOF\n")


@pytest.fixture
def away(judged: Judged, tmp_path: Path) -> Judged:
    """The same service, whose database has gone: a file that cannot be opened."""
    gone = database.open_engine(f"sqlite:///{tmp_path}/no/such/folder/secret-name.db")
    return replace(judged, engine=gone)


@pytest.mark.parametrize("path", ["/", "/mails/1", "/mails/1/html"])
@on_sqlite
def test_a_database_that_is_away_gives_a_clear_page(away: Judged, path: str) -> None:
    """503, in Vietnamese, with nothing of the error that could name a server or a file."""
    got = client(away).get(path)
    assert got.status_code == 503
    assert "Chưa đọc được cơ sở dữ liệu" in got.text
    assert "secret-name" not in got.text
    assert "Traceback" not in got.text


@on_sqlite
def test_a_database_that_is_away_is_not_ready_and_metrics_still_come(away: Judged) -> None:
    """Readiness names the database; metrics and liveness do not need it."""
    pages = client(away)
    ready = pages.get("/readyz")
    assert (ready.status_code, ready.json()["reasons"]) == (503, ["the database does not answer (OperationalError)"])
    assert pages.get("/healthz").status_code == 200
    assert "warnwatch_last_cycle_timestamp_seconds" in pages.get("/metrics").text


class Stuck(Lookup):
    """A database that answers only when the test is over."""

    def __init__(self, engine: Engine, until: threading.Event) -> None:
        super().__init__(engine)
        self._until = until

    def ping(self) -> None:
        """Wait."""
        self._until.wait(30)


@on_sqlite
def test_a_database_that_hangs_does_not_hang_the_probes(judged: Judged) -> None:
    """Readiness gives up after two seconds, and says so."""
    over = threading.Event()
    board = replace(judged.board, lookup=Stuck(judged.engine, over))
    got = TestClient(create_app(board), base_url="http://localhost").get("/readyz")
    over.set()
    assert got.json()["reasons"] == ["the database has not answered for 2 s"]


# --- what is refused ------------------------------------------------------------------------------------------------


@on_sqlite
def test_every_answer_leaves_a_browser_nothing_to_run_or_load(judged: Judged) -> None:
    """The strict headers stand on pages, files, errors and metrics alike."""
    pages = client(judged)
    for path in PAGES:
        headers = pages.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "frame-ancestors" in policy
        assert "unsafe" not in policy or path == "/mails/1/html"
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


@on_sqlite
def test_nothing_but_reading_is_answered(judged: Judged) -> None:
    """Any other method is 405, wherever it goes."""
    pages = client(judged)
    for path, method in product(PAGES, ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND")):
        got = pages.request(method, path)
        assert (got.status_code, got.headers["allow"]) == (405, "GET, HEAD")


@on_sqlite
def test_reading_changes_nothing(judged: Judged, engine: Engine) -> None:
    """GET and HEAD of every page leave every row of every table as it was."""
    before = _rows(engine)
    for path, method in product(PAGES, ("GET", "HEAD")):
        client(judged).request(method, path)
    assert _rows(engine) == before


def _rows(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return [connection.execute(table.select()).all() for table in schema.metadata.sorted_tables]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8080", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
    ],
)
@on_sqlite
def test_only_loopback_names_are_served(judged: Judged, host: str, status: int) -> None:
    """A page of another site that points its own name here gets nothing (DNS rebinding)."""
    got = TestClient(create_app(judged.board), base_url=f"http://{host}").get("/healthz")
    assert got.status_code == status


@on_sqlite
def test_an_alert_that_was_answered_says_so(judged: Judged, engine: Engine) -> None:
    """An acknowledgement with a promise stands beside the alert, with its date."""
    table = schema.alert
    with engine.begin() as connection:
        taken = {"acknowledged_at": NOW, "promised_for": NOW + timedelta(days=2), "promised_level": 3}
        connection.execute(update(table).where(table.c.subject == "T-LATE").values(**taken))
    said = "Phản hồi: đã tiếp nhận lúc 08 giờ 00 ngày 20/8/2025, cam kết xong đến 08 giờ 00 ngày 22/8/2025"
    assert said in read(page(judged)).words
