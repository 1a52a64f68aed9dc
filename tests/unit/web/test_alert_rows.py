"""What a row says of an alert whose every step was called."""

from __future__ import annotations

import pytest
from builders import NOW, ZONE, alert
from judging import book

from warnwatch.notify.lookup import AlertLine, CallLine
from warnwatch.plan.directory import Directory
from warnwatch.rules.rule import Level
from warnwatch.web.alert_rows import ALL_TOLD, STEPS_TOLD, Telling


@pytest.mark.parametrize(
    ("offices", "said"),
    [
        (["focal_point"], STEPS_TOLD),
        (["head,focal_point", "head"], STEPS_TOLD),
        (["head", "superior.head"], ALL_TOLD),
        (["head", "superior.head", "standing_body"], ALL_TOLD),
        (["head,committee"], ALL_TOLD),
        (["standing_body", "head"], STEPS_TOLD),
        ([], STEPS_TOLD),
    ],
)
def test_only_a_step_above_the_unit_is_a_report_to_all_levels(offices: list[str], said: str) -> None:
    """A notice that only the focal point was told of was reported to nobody."""
    calls = tuple(
        CallLine(level=Level.NOTICE, step=step, repeat=0, round_no=0, office=office, unit="DP-19-UB", at=NOW)
        for step, office in enumerate(offices, 1)
    )
    line = AlertLine(alert(level=Level.NOTICE, standing=True), None, calls)
    row = Telling(book(), Directory({}, (), NOW.date()), {}, ZONE).row(line)
    assert row.next == said
