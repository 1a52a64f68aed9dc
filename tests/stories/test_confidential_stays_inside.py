"""A confidential task: nothing of it but its code leaves in any text."""

from __future__ import annotations

import pytest
from builders import local
from worlds import BEGUN, World

from warnwatch.errors import MistakesError

SECRET = "Đàm phán riêng"


def test_no_text_shows_more_than_the_code(world: World) -> None:
    """Reminder, overdue, escalation, digest and all-clear name the code and send the reader to the system."""
    world.put(BEGUN, "S-1", title=SECRET, expected_result=f"{SECRET} xong", confidential="mật", owner_role=SECRET)
    for day in (11, 13, 15, 16, 19, 22):
        world.cycle(local(day, 8, 8))
    world.done(local(22, 8, 9), "S-1")
    world.cycle(local(22, 8, 10))
    mails = [mail for mail in world.mails() if "S-1" in mail["text"]]
    assert {mail["kind"] for mail in mails} >= {"digest", "escalation", "all_clear"}
    for mail in world.mails():
        for part in ("subject", "text", "html"):
            assert SECRET not in (mail[part] or "")


def test_what_is_top_secret_is_refused(world: World) -> None:
    """A top-secret task does not come into the plan at all."""
    with pytest.raises(MistakesError, match="mật"):
        world.put(BEGUN, "S-2", confidential="tuyệt mật")
