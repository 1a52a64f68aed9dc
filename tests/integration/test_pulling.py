"""Each kind of source against the real thing: folders, HTTP on loopback, SQLite, PostgreSQL; a fake Prometheus."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from builders import ZONE, local
from sqlalchemy import create_engine, func, select, text
from worlds import World, build_world

from warnwatch import schema
from warnwatch.errors import SettingsError
from warnwatch.plan.pulling import Desk, PullReport, pull
from warnwatch.plan.source import FolderSource, PromqlSource, Source, SqlSource, UrlSource

NOW = local(14, 8, 8)
DESK = Desk(ZONE)
PLAIN: dict[str, Any] = {"code": "S-1", "title": "Nguồn", "keeper": "BYT", "rhythm": "1 working day"}
CSV = "code,title,lead_unit,start,due\nF-1,Việc,DP-19-UB,2025-08-04,2025-08-15\n"
CANARY = "s3cr3t-canary"
Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """Five units, no task."""
    world = build_world(sqlite_url, tmp_path / "in")
    yield world
    world.engine.dispose()


def pulled(world: World, source: Source, now: datetime = NOW) -> PullReport:
    """Pull a source once."""
    return pull(world.engine, source, now, DESK)


def rows(world: World) -> int:
    """Count the tasks of the plan."""
    return world.count(schema.task)


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, list[BaseHTTPRequestHandler]]]:
    """Serve on loopback; gives the address and the requests that came."""
    asked: list[BaseHTTPRequestHandler] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self)
            try:
                answer(self)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def sends(body: bytes, status: int = 200, **headers: str) -> Answer:
    """Answer with a body."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def url_source(url: str, **changes: Any) -> UrlSource:
    """Give a source behind an address, with a secret and a limit that a test can wait for."""
    return UrlSource(kind="url", url=url, **{**PLAIN, "limit": 2.0, "secret": f"Bearer {CANARY}", **changes})


# --- an address -----------------------------------------------------------------------------------------------------


def test_a_csv_behind_an_address_is_imported_and_not_modified_is_fresh(world: World) -> None:
    """The secret goes in its header; a second pull asks with the ETag, and 304 is a good pull."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        same = request.headers.get("If-None-Match") == '"1"'
        (sends(b"", 304) if same else sends(CSV.encode(), ETag='"1"'))(request)

    with serving(answer) as (url, asked):
        source = url_source(f"{url}/tasks.csv")
        assert [str(pulled(world, source, at).outcome) for at in (NOW, local(14, 8, 9))] == ["ok", "unchanged"]
        assert {one.headers["Authorization"] for one in asked} == {f"Bearer {CANARY}"}
    assert rows(world) == 1


def test_a_redirect_elsewhere_is_refused_and_nothing_is_sent_there(world: World) -> None:
    """Neither the secret nor any request reaches the other server."""
    with serving(sends(CSV.encode())) as (elsewhere, asked_there), serving(sends(b"", 302, Location=elsewhere)) as here:
        report = pulled(world, url_source(here[0]))
    assert str(report.outcome) == "unreachable"
    assert "chuyển hướng sang máy chủ khác" in report.why
    assert asked_there == []
    assert rows(world) == 0


def test_a_redirect_on_the_same_server_is_followed_and_a_ring_is_not(world: World) -> None:
    """/a leads to /b; /ring leads to itself."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        to = {"/a": "/b", "/ring": "/ring"}.get(request.path)
        (sends(b"", 302, Location=to) if to else sends(CSV.encode()))(request)

    with serving(answer) as (url, _):
        assert str(pulled(world, url_source(f"{url}/a")).outcome) == "ok"
        assert "chuyển hướng quá 5 lần" in pulled(world, url_source(f"{url}/ring")).why


def _endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b"x" * 65_536)


def _drip_body(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(200):
        request.wfile.write(b"x")
        time.sleep(0.1)


def _drip_header(request: BaseHTTPRequestHandler) -> None:
    for _ in range(200):
        request.wfile.write(b"H")
        time.sleep(0.1)


def _cut(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(CSV.encode())
    request.close_connection = True


@pytest.mark.parametrize(
    ("answer", "outcome", "why"),
    [
        (_endless, "unreachable", "nguồn"),
        (_drip_body, "unreachable", "không trả lời xong trong 1 giây"),
        (_drip_header, "unreachable", "không trả lời xong trong 1 giây"),
        (_cut, "half", "ngắt giữa chừng"),
        (sends(b"", 500), "unreachable", "mã 500"),
        (sends(b"x", Content_Encoding="gzip"), "unreachable", "nội dung nén"),
        (sends(b"<html>dang nhap</html>"), "contradictory", "trang web"),
        (sends(b"PK\x03\x04 and no more"), "half", "không trọn vẹn"),
        (sends(b""), "empty", "rỗng"),
        (sends(b"code,title,lead_unit\n"), "empty", "không có dòng nào"),
    ],
    ids=["endless", "drip", "drip header", "cut", "500", "gzip", "html", "half xlsx", "no byte", "no row"],
)
def test_a_bad_server_is_named_and_nothing_is_imported(world: World, answer: Answer, outcome: str, why: str) -> None:
    """Whatever a server does, a pull ends, says what was wrong, shows no secret, and leaves the plan alone."""
    with serving(answer) as (url, _):
        report = pulled(world, url_source(url, limit=1.0))
    assert str(report.outcome) == outcome
    assert why in report.why
    assert CANARY not in repr(report)
    assert rows(world) == 0


# --- a folder -------------------------------------------------------------------------------------------------------


def test_a_file_that_is_being_written_is_left_alone(world: World, tmp_path: Path) -> None:
    """While somebody appends, nothing is read; once it rests, all of it is."""
    folder = tmp_path / "source"
    folder.mkdir()
    source = FolderSource(kind="folder", path=folder, settle=0.3, **PLAIN)
    file, stop = folder / "tasks.csv", threading.Event()

    def write() -> None:
        with file.open("w", encoding="utf-8") as stream:
            stream.write(CSV)
            while not stop.wait(0.02):
                stream.write("\n")
                stream.flush()

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.1)
    assert pulled(world, source).outcome is None
    stop.set()
    writer.join()
    assert str(pulled(world, source).outcome) == "ok"


def test_a_link_out_of_the_folder_is_refused(world: World, tmp_path: Path) -> None:
    """Whoever may write into the folder does not choose what is read elsewhere."""
    folder, outside = tmp_path / "source", tmp_path / "tasks.csv"
    folder.mkdir()
    outside.write_text(CSV, encoding="utf-8")
    (folder / "tasks.csv").symlink_to(outside)
    report = pulled(world, FolderSource(kind="folder", path=folder, settle=0, **PLAIN))
    assert str(report.outcome) == "contradictory"
    assert rows(world) == 0


def test_a_pipe_in_the_folder_holds_nobody(world: World, tmp_path: Path) -> None:
    """A named pipe called tasks.csv would never end; it is no file."""
    os.mkfifo(tmp_path / "tasks.csv")
    assert pulled(world, FolderSource(kind="folder", path=tmp_path, settle=0, **PLAIN)).outcome is None


# --- another database -----------------------------------------------------------------------------------------------

SELECT = "select 'F-1' as code, 'Việc' as title, 'DP-19-UB' as lead_unit, '2025-08-04' as start, '2025-08-15' as due"


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Another database, with a table `t` of one row."""
    if request.param == "sqlite":
        with closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
            connection.execute("create table t as select 1 as n")
        return f"sqlite:///{tmp_path / 'other.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    engine = create_engine(url)
    with engine.begin() as server:
        server.execute(text("create table t as select 1 as n"))
    engine.dispose()
    return url


def sql_source(url: str, query: str, limit: float = 20.0) -> SqlSource:
    """Give a query as a source of tasks."""
    return SqlSource(kind="sql", database=url, query=query, file="tasks", limit=limit, **PLAIN)


def test_a_query_is_imported(world: World, other: str) -> None:
    """The columns' names are the headers."""
    assert str(pulled(world, sql_source(other, SELECT)).outcome) == "ok"
    assert rows(world) == 1


@pytest.mark.parametrize(
    "query",
    [
        "delete from t",
        "with gone as (delete from t returning n) select n from gone",
        "select 1 as code; delete from t",
        "select 1 as code; commit; delete from t",
        "commit; delete from t",
        "drop table t",
    ],
)
def test_a_query_that_writes_fails_and_changes_nothing(world: World, other: str, query: str) -> None:
    """However it is dressed up."""
    assert not pulled(world, sql_source(other, query)).good
    engine = create_engine(other)
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from t")) == 1
    engine.dispose()


def test_a_slow_query_is_cut(world: World, other: str) -> None:
    """A query without end takes its limit, not for ever."""
    slow = "with recursive r(n) as (select 1 union all select n + 1 from r) select count(*) as code from r"
    report = pulled(world, sql_source(other, slow, 0.5))
    assert "không trả lời xong" in report.why


def test_another_kind_of_database_is_refused(world: World) -> None:
    """Nobody knows how to only read it."""
    with pytest.raises(SettingsError, match="only to be read"):
        pulled(world, sql_source("mysql://db.example.vn/x", SELECT))


# --- Prometheus -----------------------------------------------------------------------------------------------------


def promql_source(url: str, **changes: Any) -> PromqlSource:
    """Give a query for the availability of platforms."""
    plain = {"query": "up", "kpi": "K-1", "factor": 100.0, "units": {"thai-nguyen": "DP-19-UB"}, "limit": 5.0}
    return PromqlSource(kind="promql", server=url, **{**PLAIN, **plain, **changes})


def with_kpi(world: World) -> World:
    """Add the KPI that is read."""
    kpi = {
        "code": "K-1",
        "name": "Sẵn sàng",
        "direction": "high_good",
        "period": "day",
        "operator": ">=",
        "threshold": 99,
    }
    world.bring(NOW, kpis=[kpi | {"measure_unit": "%"}])
    return world


def vector(*samples: tuple[str, str], **more: object) -> bytes:
    """Write an answer of Prometheus."""
    result = [{"metric": {"unit": unit}, "value": [1755133200, value]} for unit, value in samples]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}, **more}).encode()


def test_values_become_readings_of_the_day_that_is_over(world: World) -> None:
    """Asked for the end of 13/8; NaN is a gap; a second pull changes nothing."""
    with_kpi(world)
    with serving(sends(vector(("thai-nguyen", "0.995"), ("BYT", "NaN")))) as (url, asked):
        for at in (NOW, local(14, 8, 15)):
            assert str(pulled(world, promql_source(url), at).outcome) == "ok"
        assert {parse_qs(urlsplit(one.path).query)["time"][0] for one in asked} == {
            f"{local(14, 8, 0).timestamp():.3f}"
        }
    with world.engine.connect() as connection:
        table = schema.reading
        [row] = connection.execute(select(table.c.unit, table.c.period, table.c.value))
    assert tuple(row) == ("DP-19-UB", "2025-08-13", 99.5)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (vector(), "empty"),
        (vector(("BYT", "+Inf"), ("DP-19", "NaN")), "empty"),
        (vector(("BYT", "1"), ("BYT", "0")), "contradictory"),
        (vector(("BYT", "1"), warnings=["partial"]), "half"),
        (vector(("BYT", "much")), "contradictory"),
        (vector(("NOBODY", "1")), "contradictory"),
        (b'{"status": "success", "data": {"resultType": "matrix", "result": []}}', "contradictory"),
        (b'{"status": "error", "errorType": "bad_data"}', "unreachable"),
        (b'{"status": "success"}', "contradictory"),
        (b"[1, 2", "contradictory"),
        (b"[" * 100_000, "contradictory"),
    ],
)
def test_an_answer_that_cannot_be_used_is_named(world: World, body: bytes, outcome: str) -> None:
    """What a fake Prometheus answers wrongly imports nothing."""
    with_kpi(world)
    with serving(sends(body)) as (url, _):
        assert str(pulled(world, promql_source(url)).outcome) == outcome
    assert world.count(schema.reading) == 0


@pytest.mark.servers("prometheus")
def test_a_real_prometheus_gives_readings(world: World, tmp_path: Path) -> None:
    """Debian's Prometheus answers a vector with the label that names the unit."""
    with_kpi(world)
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {}\n", encoding="utf-8")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        own = f"127.0.0.1:{probe.getsockname()[1]}"
    program = shutil.which("prometheus") or "prometheus"
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data"]
    source = promql_source(f"http://{own}", query='label_replace(vector(0.5), "unit", "BYT", "", "")')
    with subprocess.Popen(
        [*command, f"--web.listen-address={own}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        report = pulled(world, source)
        try:
            for _ in range(60):
                report = pulled(world, source)
                if report.good:
                    break
                time.sleep(0.5)
        finally:
            running.terminate()
    assert str(report.outcome) == "ok"
    with world.engine.connect() as connection:
        assert connection.scalar(select(func.max(schema.reading.c.value))) == 50.0
