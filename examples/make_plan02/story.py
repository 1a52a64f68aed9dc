"""What each task lives through, by design: how many of those given to many are late, silent, behind, and which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bodies import Row
from chance import share

# In order from the worst: a unit with more trouble gets an earlier word. The rest of a task's children get REST.
# done, late: verified, in time or after. claimed: reported done, not verified. overdue: late and still reporting.
# mute: late and silent. obstacle: late or behind, and says what blocks it. silent: stopped reporting.
# behind: reports, far behind the time used. stuck: jumped to 95 % and stays. pace: in time. open: no deadline.
CHILDREN: Mapping[str, Mapping[str, int]] = {
    "KH02-002": {"late": 3},
    "KH02-003": {"late": 2},
    "KH02-004": {"silent": 4, "open": 3},
    "KH02-005": {},
    "KH02-020": {"silent": 1, "open": 1},
    "KH02-021": {},
    "KH02-022": {},
    "KH02-023": {"open": 1},
    "KH02-024": {"overdue": 1, "late": 6},
    "KH02-025": {"claimed": 1},
    "KH02-026": {"late": 2},
    "KH02-028": {"late": 4},
    "KH02-030": {"mute": 1, "overdue": 1, "obstacle": 1, "late": 7},
    "KH02-031": {"mute": 1, "overdue": 4, "late": 7},
    "KH02-032": {"silent": 2, "behind": 4, "stuck": 2, "pace": 15},
    "KH02-033": {"mute": 1, "overdue": 8, "obstacle": 1, "claimed": 3, "late": 7},
    "KH02-034": {"mute": 1, "overdue": 5, "claimed": 1, "late": 4},
    "KH02-035": {"silent": 1, "behind": 2, "stuck": 1, "pace": 14},
    "KH02-040": {"silent": 1, "open": 2},
    "KH02-043": {"obstacle": 1, "behind": 2, "pace": 15},
    "KH02-044": {"silent": 1, "behind": 3, "stuck": 1, "pace": 15},
    "KH02-055": {"silent": 1, "open": 7},
}
REST = "done"

SINGLE: Mapping[str, str] = {
    "KH02-006": "open",
    "KH02-007": "open",
    "KH02-012": "open",
    "KH02-014": "sourced",
    "KH02-019": "late",
    "KH02-029": "sourced",
    "KH02-036": "late",
    "KH02-037": "pace",
    "KH02-039": "open",
    "KH02-042": "obstacle",
    "KH02-047": "claimed",
    "KH02-049": "behind",
    "KH02-051": "overdue",
    "KH02-052": "late",
    "KH02-054": "pace",
}

# Units whose head's post is vacant or held by somebody acting have something late, so that the way round shows.
TROUBLED = {"CP-VASS": 0.15, "DP-52-UB": 0.15, "DP-11-UB": 0.15, "DP-96-UB": 0.15}


def words_of(tasks: Iterable[Row]) -> dict[str, str]:
    """Give each judged task the word of its story."""
    stories: dict[str, str] = {}
    families: dict[str, list[Row]] = {}
    for task in tasks:
        if task["judged"] == "no":
            families[task["code"]] = []
        elif task["parent"]:
            families[task["parent"]].append(task)
        else:
            stories[task["code"]] = SINGLE.get(task["code"], REST)
    for parent, children in families.items():
        words = [word for word, count in CHILDREN[parent].items() for _ in range(count)]
        words += [REST] * (len(children) - len(words))
        ranked = sorted(children, key=_trouble)
        stories |= {task["code"]: word for task, word in zip(ranked, words, strict=True)}
    return stories


def _trouble(task: Row) -> float:
    unit = task["lead_unit"]
    own = TROUBLED.get(unit, share("unit", unit))
    return own + 0.7 * share("trouble", task["code"])
