"""By which policy each alert climbs: with the waits that its task's length gives, and the authority that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from warnwatch.alerts.alert import Alert
from warnwatch.plan.calendar import WorkCalendar
from warnwatch.plan.task_terms import TaskTerms
from warnwatch.rules.rule import Policy, RuleBook
from warnwatch.rules.waits import policy_for, varies

NO_TASKS = TaskTerms()


@dataclass(frozen=True)
class Terms:
    """The rules with their policies, and what these depend on: the tasks, and the office hours of a working day."""

    book: RuleBook
    tasks: TaskTerms = NO_TASKS
    office_hours: Fraction = Fraction(8)
    _policies: dict[str, tuple[Policy, bool]] = field(init=False, repr=False, compare=False)
    _made: dict[tuple[str, int | None, str], Policy] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find the policy of each rule once."""
        known = {name: (policy, varies(policy)) for name, policy in self.book.policies.items()}
        object.__setattr__(self, "_policies", {rule.id: known[rule.escalation] for rule in self.book.rules})
        object.__setattr__(self, "_made", {})

    def policy(self, alert: Alert) -> Policy | None:
        """Give the policy by which an alert climbs; None when its rule is in the book no more."""
        return self.policy_of(alert.rule, alert.about, alert.subject, alert.unit)

    def policy_of(self, rule: str, about: str, subject: str, unit: str) -> Policy | None:
        """Give the policy by which an alert of a rule about a subject would climb, `unit` answering for it.

        An obstacle that names whoever answers for the alert anyway has no authority of its own.
        """
        policy, differs = self._policies.get(rule, (None, False))
        if policy is None or not differs:
            return policy
        length = self.tasks.lengths.get(subject) if about == "task" else None
        authority = self.tasks.authorities.get(subject, "") if about == "task" else ""
        key = (policy.id, length, "" if authority == unit else authority)
        if key not in self._made:
            self._made[key] = policy_for(policy, length, key[2], self.office_hours)
        return self._made[key]


def with_more(terms: Terms, alerts: Iterable[Alert], read: Callable[[set[str]], TaskTerms]) -> Terms:
    """Add the tasks that some more alerts are about; `read` is not asked where no policy depends on them."""
    if not depends_on_tasks(terms.book):
        return terms
    more, tasks = read({one.subject for one in alerts if one.about == "task"}), terms.tasks
    return replace(terms, tasks=TaskTerms({**tasks.lengths, **more.lengths}, {**tasks.authorities, **more.authorities}))


def terms_of(book: RuleBook, tasks: TaskTerms, calendar: WorkCalendar) -> Terms:
    """Give the policies as the tasks and the office hours have them."""
    return Terms(book, tasks, calendar.hours_a_day)


def depends_on_tasks(book: RuleBook) -> bool:
    """Say whether any policy is another one from task to task."""
    return any(map(varies, book.policies.values()))
