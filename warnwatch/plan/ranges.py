"""Between which values a measure can lie, where its definition says so: a threshold beyond can never be passed.

Kept apart from the catalogue: most measures have no such bounds, and a measure that is missing here has none.
"""

from __future__ import annotations

from collections.abc import Mapping

_COUNT = (0.0, None)
_SHARE = (0.0, 1.0)

Range = tuple[float | None, float | None]

RANGES: Mapping[str, Mapping[str, Range]] = {
    "task": {
        "progress": _SHARE,
        "behind": (-1.0, 1.0),
        "planned_working_days": (1.0, None),
        "silent_working_days": _COUNT,
        "slips": _COUNT,
        "clears": (0.0, 6.0),
    },
    "unit": {
        "tasks": _COUNT,
        "open_tasks": _COUNT,
        "overdue_tasks": _COUNT,
        "overdue_share": _SHARE,
        "in_time_share": _SHARE,
        "reported_share": _SHARE,
        "unanswered_alerts": _COUNT,
    },
    "kpi": {"shortfall": _COUNT},
    "source": {"trouble_working_days": _COUNT, "overdue_working_days": _COUNT, "bad_pulls": _COUNT},
}


def range_of(about: str, measure: str) -> Range:
    """Give the least and the most that a measure can be; None where nothing bounds it."""
    return RANGES.get(about, {}).get(measure, (None, None))
