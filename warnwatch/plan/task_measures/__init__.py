"""The measures of tasks: each module says what the plan knows of one question about a task, entry beside expression."""

from __future__ import annotations

from warnwatch.plan.task_measures.deadlines import DEADLINES
from warnwatch.plan.task_measures.evasion import EVASION
from warnwatch.plan.task_measures.facts import FACTS
from warnwatch.plan.task_measures.milestones import MILESTONES
from warnwatch.plan.task_measures.progress import PROGRESS
from warnwatch.plan.task_measures.slips import SLIPS
from warnwatch.plan.task_measures.stalls import STALLS

TASK_MEASURES = (*FACTS, *DEADLINES, *MILESTONES, *SLIPS, *PROGRESS, *STALLS, *EVASION)
