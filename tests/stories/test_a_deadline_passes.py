"""A deadline comes nearer and passes: the head is told in time, at each level once, and what the text says is so."""

from __future__ import annotations

from builders import end_of, local
from worlds import World

FOCAL, HEAD = "DP-19-UB/focal_point/1", "DP-19-UB/head/1"


def test_each_level_is_told_once_to_its_offices(world: World) -> None:
    """From half of the time on the focal point, near the end the head too, on the last day again, then overdue."""
    told = {day: world.told(world.cycle(local(day, 8, 8))) for day in (8, 11, 12, 13, 14, 15)}
    assert told == {
        8: [],
        11: [f"{FOCAL} due_soon"],
        12: [],
        13: [f"{FOCAL} due_soon", f"{HEAD} due_soon"],
        14: [],
        15: [f"{HEAD} due_today"],
    }
    assert world.told(world.cycle(end_of(15, 8))) == []
    assert world.told(world.cycle(local(16, 8, 0))) == [f"{HEAD} overdue"]
    assert world.history(world.alert())[0] == "alert.opened"
    assert len(world.alerts()) == 1


def test_the_mail_says_what_is_late_why_and_what_to_do(world: World) -> None:
    """The overdue mail names the task, its deadline, its lateness, the guidance and the date of the next step."""
    world.cycle(local(18, 8, 8))
    mail = world.mails()[-1]
    assert mail["address"] == "dp-19-ub.head@example.vn"
    assert "Nhiệm vụ T-1" in mail["subject"] + mail["text"]
    for part in ("T-1", "15/8/2025", "1 ngày làm việc", "Cập nhật tiến độ", "16 giờ 00"):
        assert part in mail["text"].replace("/08/", "/8/"), part
    assert "Nhiệm vụ T-1" in mail["html"]


def test_many_late_tasks_are_one_mail(world: World) -> None:
    """Two hundred tasks that cross in one cycle are one digest to their head, and one alert each."""
    world.bring(
        local(5, 8, 8),
        tasks=[
            {
                "code": f"M-{number}",
                "title": f"Việc {number}",
                "lead_unit": "BYT",
                "start": "2025-08-04",
                "due": "2025-08-15",
            }
            for number in range(200)
        ],
    )
    report = world.cycle(local(18, 8, 8))
    assert world.told(report) == ["BYT/head/1 digest", f"{HEAD} overdue"]
    assert len(world.alerts()) == 201


def test_a_short_time_out_of_service_loses_nothing(world: World) -> None:
    """Down from Thursday to Tuesday, the first cycle after it tells what holds then, and only that."""
    world.cycle(local(14, 8, 8))
    report = world.cycle(local(19, 8, 8))
    assert world.told(report) == [f"{HEAD} overdue"]
    assert world.alert().value == -2
