"""The links in mail: looking changes nothing, a form acts once, and whatever else comes is refused and says why."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from answering_pages import LINK, Desk, kept
from builders import local
from services import said_here
from sqlalchemy import text, update
from worlds import World, begun_world

from warnwatch import schema
from warnwatch.notify.links import Ring, make
from warnwatch.notify.release import Mode
from warnwatch.web.answer_pages import AnswerPages

LATE = local(18, 8, 8)
HEAD, FOCAL = "DP-19-UB/head/1", "DP-19-UB/focal_point/1"
OTHER_KEY = bytes(range(1, 33))


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Five units and one task that fell due on 15/8/2025."""
    with begun_world(database_url, tmp_path / "in", "T-1") as world:
        yield world


@pytest.fixture
def desk(world: World) -> Desk:
    """On Monday 18/8 the head has a mail about T-1, three hours ago; nobody has answered."""
    desk = Desk(world, LATE + timedelta(hours=3))
    world.cycle(LATE)
    return desk


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def state_of(desk: Desk) -> tuple[object, ...]:
    """Give all that an act would change."""
    alert = desk.world.alert()
    return (alert, len(desk.answers()), len(desk.rows(schema.journal)), len(desk.world.mails()))


@on_sqlite
def test_the_mail_says_what_its_link_does(desk: Desk) -> None:
    """Text and HTML name the link, that opening records nothing, and until when it is good; SMS has none."""
    mail = desk.world.mails()[-1]
    for part in (mail["text"], mail["html"]):
        assert f"{LINK}{desk.path()}" in part
        assert "Hệ thống chỉ ghi nhận khi bấm nút trên trang" in part
        assert "hiệu lực đến hết ngày 17/9/2025" in part


@on_sqlite
def test_the_key_of_a_mail_does_not_depend_on_its_link(world: World) -> None:
    """With another ring, or none, the same telling has the same key: nothing is told twice when keys rotate."""
    keys = []
    for ring in (Ring(), Ring((OTHER_KEY,))):
        head = replace(world.standards.letterhead, ring=ring, link=LINK)
        world.by(letterhead=head)
        keys.append([one.key for one, _ in world.cycle(LATE, dry_run=True).notifications])
    assert keys[0] == keys[1]


def test_looking_changes_nothing(desk: Desk) -> None:
    """GET fifty times, HEAD, OPTIONS, other methods: no answer, no journal row, the alert as it was."""
    before, path = state_of(desk), desk.path()
    for _ in range(50):
        assert desk.get(path).status_code == 200
    assert desk.client.head(path).status_code == 200
    for method in ("OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"):
        assert desk.client.request(method, path).status_code == 405
    assert state_of(desk) == before


@contextmanager
def looking_acknowledges() -> Iterator[None]:
    """Plant the bug of other systems: whoever opens the link, a scanner as well, has answered."""
    show = AnswerPages._show

    def acting(self: AnswerPages, answers: Any, token: str, start: int) -> Any:
        form = kept(bytes(show(self, answers, token, start).body).decode())
        return self._act(answers, token, {**form, "act": "received"}, start)

    AnswerPages._show = acting  # type: ignore[method-assign]
    try:
        yield
    finally:
        AnswerPages._show = show  # type: ignore[method-assign]


@on_sqlite
def test_a_page_that_acts_when_it_is_looked_at_is_caught(desk: Desk) -> None:
    """With that bug planted, the test above fails, and on what was recorded."""
    with looking_acknowledges(), pytest.raises(AssertionError):
        test_looking_changes_nothing(desk)
    assert len(desk.answers()) == 1


@on_sqlite
def test_the_page_says_who_answers_for_what(desk: Desk) -> None:
    """Addressee, alert, task, deadline, the three ways to answer; nothing from elsewhere, no script."""
    got = desk.get()
    for said in ("Chủ tịch Ủy ban nhân dân tỉnh Thái Nguyên", "T-1 – Nhiệm vụ T-1", "Ghi nhận cam kết", "Gửi đề nghị"):
        assert said in got.text
    assert "<script" not in got.text
    assert "//" not in got.text.replace("<!DOCTYPE html>", "")
    assert got.headers["referrer-policy"] == "no-referrer"
    assert "form-action 'self'" in got.headers["content-security-policy"]
    days = re.findall('<option value="(2025-[0-9-]+)">([^<]+)', got.text)
    assert (days[0], days[4]) == (("2025-08-18", "Thứ Hai, 18/8/2025"), ("2025-08-22", "Thứ Sáu, 22/8/2025"))
    assert "2025-08-23" not in dict(days)


def test_a_promise_by_link_stops_the_climb(desk: Desk) -> None:
    """It is recorded with who, for which level, by which mail; until its day nobody is called."""
    got = desk.post("promise", date="2025-08-22", note="Đã giao Sở Nội vụ")
    assert (got.status_code, "Đã ghi nhận cam kết hoàn thành" in got.text) == (200, True)
    (row,) = desk.answers()
    assert (row["holder"], row["kind"], row["level"], row["note"]) == (HEAD, "promised", 3, "Đã giao Sở Nội vụ")
    assert row["by_link"] == desk.world.mails()[-1]["id"]
    for day in (19, 20, 21):
        assert desk.world.told(desk.world.cycle(local(day, 8, 9))) == []
    assert desk.world.told(desk.world.cycle(local(23, 8, 0))) == ["DP-19-UB/head/1 overdue"]


def test_received_stops_nothing(desk: Desk) -> None:
    """A head who only says that it has come is noted; the next step comes as it would have."""
    assert "không dừng việc báo cáo cấp trên" in desk.post("received").text
    assert [row["kind"] for row in desk.answers()] == ["received"]
    assert desk.world.told(desk.world.cycle(local(19, 8, 9))) == ["DP-19-UB/head/1 overdue"]


def test_help_is_told_to_the_authority_at_once(desk: Desk) -> None:
    """Its head gets a mail that says what is asked, in the transaction of the answer; the climb goes on."""
    got = desk.post("help", authority="BYT – Bộ Y tế", note="Chưa phân bổ vốn")
    assert "Đã ghi nhận đề nghị Bộ Y tế tháo gỡ" in got.text
    mail = desk.world.mails()[-1]
    assert (mail["holder"], mail["kind"], mail["state"]) == ("BYT/head/1", "obstacle", "ready")
    assert "Chưa phân bổ vốn" in mail["text"]
    call = desk.rows(schema.call)[-1]
    assert (call["step"], call["office"], call["unit"]) == (0, "authority", "BYT")
    assert desk.world.told(desk.world.cycle(local(19, 8, 9))) == ["DP-19-UB/head/1 overdue"]
    assert desk.world.told(desk.world.cycle(local(22, 8, 9))) == ["DP-19/head/1 escalation"]


@on_sqlite
def test_an_authority_hears_of_one_alert_once_a_day(desk: Desk) -> None:
    """A second request on the same day is recorded and not told again; on the next day it is."""
    for note in ("một", "hai"):
        desk.post("help", authority="BYT", note=note)
    assert [mail["holder"] for mail in desk.world.mails()].count("BYT/head/1") == 1
    desk.now += timedelta(days=1)
    desk.post("help", authority="BYT", note="ba")
    assert [mail["holder"] for mail in desk.world.mails()].count("BYT/head/1") == 2
    assert [row["note"] for row in desk.answers()] == ["một", "hai", "ba"]


@on_sqlite
def test_help_with_a_date_stops_the_climb(desk: Desk) -> None:
    """The same form may promise a date, which the authority reads as the day by which it is needed."""
    desk.post("help", authority="BYT", note="Chưa phân bổ vốn", date="2025-08-22")
    assert desk.world.told(desk.world.cycle(local(19, 8, 9))) == []
    assert "22/8/2025" in desk.world.mails()[-1]["text"]


def test_the_same_form_sent_twice_acts_once(desk: Desk) -> None:
    """The second answer is 200 as well, says who was first and when, and writes nothing."""
    path, form = desk.path(), kept(desk.get().text)
    assert desk.send(path, form, "promise", date="2025-08-22").status_code == 200
    before = state_of(desk)
    desk.now += timedelta(minutes=5)
    again = desk.send(path, form, "promise", date="2025-08-22")
    assert (again.status_code, "11 giờ 00 ngày 18/8/2025" in again.text) == (200, True)
    assert "đã được ghi nhận từ trước" in again.text
    assert state_of(desk) == before


def test_who_comes_second_is_told_who_was_first(desk: Desk) -> None:
    """A page from before another answer acts no more: it says what was answered, and asks again."""
    path, form = desk.path(), kept(desk.get().text)
    desk.send(path, form, "promise", date="2025-08-22")
    late = desk.send(path, form, "promise", date="2025-08-25")
    assert (late.status_code, "Đã có phản hồi trước" in late.text) == (409, True)
    assert len(desk.answers()) == 1
    assert desk.post("promise", date="2025-08-21").status_code == 200
    assert len(desk.answers()) == 2


@on_sqlite
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"act": "promise"}, "chọn ngày"),
        ({"act": "promise", "date": "2026-01-01"}, "muộn nhất được phép"),
        ({"act": "promise", "date": "2025-08-17"}, "sau thời điểm hiện tại"),
        ({"act": "promise", "date": "yesterday"}, "không đúng"),
        ({"act": "promise", "date": "9999-12-31"}, "không đúng"),
        ({"act": "help", "authority": "NOWHERE", "note": "x"}, "không phải cơ quan khác"),
        ({"act": "help", "authority": "DP-19-UB", "note": "x"}, "không phải cơ quan khác"),
        ({"act": "help", "authority": "BYT", "note": ""}, "nêu cơ quan"),
        ({"act": "delete"}, "bấm nút"),
        ({"act": "received", "stamp": "0" * 64}, "Trang đã cũ"),
        ({"act": "received", "seen": "7"}, "Trang đã cũ"),
        ({"act": "received", "level": "9"}, "Trang đã cũ"),
    ],
)
def test_what_a_form_may_not_say_is_said_on_the_page(desk: Desk, fields: dict[str, str], said: str) -> None:
    """422, the reason above the forms, the note kept, nothing written."""
    before = state_of(desk)
    form = kept(desk.get().text) | {"note": "giữ lại"} | fields
    got = desk.client.post(desk.path(), data=form)
    assert (got.status_code, said in got.text) == (422, True), got.text
    assert state_of(desk) == before


@on_sqlite
def test_a_link_opens_no_other_alert(desk: Desk) -> None:
    """The number of an alert that the mail did not name is refused, whatever else the form says."""
    desk.world.put(LATE, "T-2", lead_unit="BYT")
    desk.world.cycle(LATE + timedelta(minutes=1))
    other = desk.world.alert("T-2")
    form = kept(desk.get().text) | {"alert": other.code}
    assert desk.send(desk.path(), form, "received").status_code == 404
    foreign = kept(desk.get(desk.path("BYT/head/1")).text)
    assert desk.send(desk.path(), foreign | {"alert": desk.world.alert().code}, "received").status_code == 422
    assert desk.answers() == []


@on_sqlite
def test_what_opens_nothing_says_why(desk: Desk) -> None:
    """Cut off: 404; forged, another holder's, an old key's: 403; expired, revoked, no longer in office: 410."""
    path, mail = desk.path(), desk.world.mails()[-1]
    until = desk.now + timedelta(days=1)
    wrong = {
        path[:-4]: 404,
        f"/a/{make('0' * 32, HEAD, until, desk.ring)}": 404,
        path[:-1] + ("a" if path[-1] != "a" else "b"): 403,
        f"/a/{make(mail['key'], FOCAL, until, desk.ring)}": 403,
        f"/a/{make(mail['key'], HEAD, until, Ring((OTHER_KEY,)))}": 403,
        f"/a/{make(mail['key'], HEAD, desk.now, desk.ring)}": 410,
    }
    for tried, status in wrong.items():
        got = desk.get(tried)
        assert (got.status_code, "<h1>" in got.text) == (status, True)
        assert desk.client.post(tried, data={"act": "received"}).status_code == status
    with desk.world.engine.begin() as connection:
        connection.execute(update(schema.notification).values(revoked_at=desk.now))
    assert (desk.get(path).status_code, "thu hồi" in desk.get(path).text) == (410, True)
    assert desk.answers() == []


@on_sqlite
@pytest.mark.parametrize(
    "way",
    [
        str.upper,
        lambda path: path + ".",
        lambda path: path + "%3E%22",
        lambda path: path[:60] + "%20" + path[60:],
        lambda path: path + "?utm_source=mail&amp;x=1",
    ],
)
def test_a_link_survives_what_gateways_do_to_it(desk: Desk, way: Callable[[str], str]) -> None:
    """Capitals, a full stop, escapes, a space within, a tracker behind: it opens, and its form acts."""
    path = way(desk.path())
    assert desk.get(path).status_code == 200
    assert desk.post("received", path).status_code == 200


@on_sqlite
def test_links_are_withdrawn_by_holder(desk: Desk, world: World) -> None:
    """`link-revoke` ends all links of one holder so far, is journalled, and leaves later ones alone."""
    path = desk.path()
    database = {"url": world.engine.url.render_as_string(hide_password=False)}
    done = said_here("link-revoke", HEAD, "--by", "CQTT", database=database)
    assert (done.exit_code, "1 thư" in done.output) == (0, True), done.output
    assert desk.get(path).status_code == 410
    assert [row["kind"] for row in desk.rows(schema.journal)][-1] == "links.revoked"
    wrong = said_here("link-revoke", "DP-19-UB/head/2", "--by", "CQTT", database=database)
    assert (wrong.exit_code, HEAD in wrong.output) == (1, True), wrong.output
    world.cycle(local(19, 8, 9))
    assert desk.get(desk.path()).status_code == 200


@on_sqlite
def test_who_acts_for_a_vacant_head_promises(world: World) -> None:
    """The deputy of a vacant head has the mail, and the date promised by its link stops the climb."""
    desk = Desk(world, LATE + timedelta(hours=3))
    world.bring(LATE, holders=[{"code": HEAD, "post": "DP-19-UB/head", "valid_to": "2025-08-15"}])
    world.cycle(LATE)
    assert desk.post("promise", desk.path("DP-19-UB/deputy/1"), date="2025-08-22").status_code == 200
    assert [(row["holder"], row["kind"]) for row in desk.answers()] == [("DP-19-UB/deputy/1", "promised")]
    assert [world.told(world.cycle(local(day, 8, 9))) for day in (19, 20, 21)] == [[], [], []]


@on_sqlite
def test_a_database_that_fails_is_said_so(desk: Desk) -> None:
    """503 and what to do: whoever has pressed is told to look again; no way to the board is shown, nothing is named."""
    path, form = desk.path(), kept(desk.get().text)
    with desk.world.engine.begin() as connection:
        connection.execute(text("ALTER TABLE answer RENAME TO away"))
    seen, pressed = desk.get(path), desk.send(path, form, "received")
    assert (seen.status_code, pressed.status_code) == (503, 503)
    assert "Phản hồi có thể chưa được ghi nhận" in pressed.text
    assert all('href="/"' not in one.text and "answer" not in one.text for one in (seen, pressed))


@on_sqlite
def test_who_has_left_office_answers_nothing(desk: Desk) -> None:
    """The link dies with the office of its addressee."""
    path = desk.path()
    desk.world.bring(LATE, holders=[{"code": HEAD, "post": "DP-19-UB/head", "valid_to": "2025-08-17"}])
    assert desk.get(path).status_code == 410


@on_sqlite
def test_wrong_links_are_not_answered_for_ever(desk: Desk) -> None:
    """After thirty in a minute there is no page about why; a good link opens all the same."""
    codes = [desk.get("/a/nothing").status_code for _ in range(40)]
    assert (codes[:30], codes[30:]) == ([404] * 30, [429] * 10)
    assert desk.get().status_code == 200


@on_sqlite
def test_a_link_cannot_be_used_without_end(desk: Desk) -> None:
    """Ten answers to one alert in an hour are taken, more are not; an hour later it goes on."""
    codes = [desk.post("received", note=str(number)).status_code for number in range(12)]
    assert codes == [200] * 10 + [422] * 2
    desk.now += timedelta(hours=1)
    assert desk.post("received", note="12").status_code == 200


@on_sqlite
def test_a_page_of_before_a_raised_level_is_asked_again(world: World) -> None:
    """Who saw a warning and presses when it has become critical is shown that first; nothing is written."""
    desk = Desk(world, local(13, 8, 9))
    world.cycle(local(13, 8, 8))
    path, form = desk.path(), kept(desk.get().text)
    world.cycle(LATE)
    desk.now = LATE + timedelta(minutes=1)
    got = desk.send(path, form, "promise", date="2025-08-20")
    assert (got.status_code, "Mức cảnh báo đã tăng" in got.text, desk.answers()) == (422, True, [])
    assert desk.post("promise", path, date="2025-08-20").status_code == 200


@on_sqlite
def test_a_post_from_another_site_is_refused(desk: Desk) -> None:
    """A browser that says that the form came from elsewhere, and a body beyond all reason, act on nothing."""
    form = kept(desk.get().text) | {"act": "received"}
    got = desk.client.post(desk.path(), data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert got.status_code == 403
    assert desk.client.post(desk.path(), content=b"x" * 20_000).status_code == 413
    assert desk.client.post(desk.path(), content=b"&".join([b"a=1"] * 50)).status_code == 400
    assert desk.answers() == []


@on_sqlite
def test_heads_reach_their_links_and_not_the_board(desk: Desk) -> None:
    """Under the outside name there is nothing but the links; inside, a mail on the board shows no token."""
    assert [desk.client.get(path).status_code for path in ("/", "/metrics", "/mails/1", "/readyz")] == [404] * 4
    number = desk.world.mails()[-1]["id"]
    for path in (f"/mails/{number}", f"/mails/{number}/html"):
        shown = desk.client.get(path, headers={"Host": "localhost"})
        assert (shown.status_code, desk.path() in shown.text) == (200, False)


@on_sqlite
def test_a_confidential_task_shows_its_code_alone(world: World) -> None:
    """The page behind the link says no more than the mail."""
    desk = Desk(world, LATE)
    world.put(LATE, "T-1", title="Nội dung mật", confidential="yes")
    world.cycle(LATE)
    got = desk.get()
    assert ("Nội dung mật" in got.text, "xem trên Hệ thống" in got.text) == (False, True)


@on_sqlite
def test_a_focal_point_is_offered_no_date(world: World) -> None:
    """Heads may not leave it to specialists: a date sent all the same is recorded as received."""
    desk = Desk(world, local(13, 8, 9))
    world.cycle(local(13, 8, 8))
    path = desk.path(FOCAL)
    assert "Chỉ người đứng đầu mới cam kết được" in desk.get(path).text
    assert 'name="date"' not in desk.get(path).text
    desk.post("promise", path, date="2025-08-22")
    assert [(row["kind"], row["promised_for"]) for row in desk.answers()] == [("received", None)]
    assert world.alert().promised_for is None


def test_many_at_once_act_once(desk: Desk) -> None:
    """Eight browsers send the same form in the same moment: one row, and every one of them is told 200."""
    path, form = desk.path(), kept(desk.get().text)
    got: list[int] = []

    def send() -> None:
        got.append(desk.send(path, form, "promise", date="2025-08-22").status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (got, len(desk.answers())) == ([200] * 8, 1)


@on_sqlite
def test_what_is_held_is_answered_as_well(world: World) -> None:
    """In mode hold the link in a text that was only shown opens, too."""
    world.by(release=replace(world.standards.release, mode=Mode.HOLD))
    desk = Desk(world, LATE)
    world.cycle(LATE)
    assert desk.get().status_code == 200
