"""What a letter says of a rule that fails, a set that was refused, and data that is missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from warnwatch.errors import Mistake
from warnwatch.language import Phrase, in_language
from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.quality import RULE_SET, WORDS
from warnwatch.rules.evaluation import Evaluation
from warnwatch.rules.rule import RuleBook
from warnwatch.rules.stages import SetState

# A letter lists so many mistakes and says how many more there are; the page and `check` list them all.
LISTED = 10


@dataclass(frozen=True, slots=True)
class Matter:
    """One rule, the set, or one datum in words: a name, and facts, label and value."""

    title: str
    english: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    mistakes: tuple[Mistake, ...] = ()

    def name(self, language: str) -> str:
        """Give the name; what the catalogue names has its English there, not among the phrases."""
        return self.english if self.english and language == "en" else in_language(self.title, language)

    def lines(self, language: str) -> tuple[tuple[str, str], ...]:
        """Give the facts as a letter in this language shows them."""
        said = [(in_language(label, language), in_language(value, language)) for label, value in self.facts]
        for number, mistake in enumerate(self.mistakes[:LISTED], 1):
            said.append((in_language(Phrase("Lỗi {number}", number=number), language), mistake.said(language)))
        if len(self.mistakes) > LISTED:
            more = Phrase("còn {more} lỗi khác, xem trên trang của Hệ thống", more=len(self.mistakes) - LISTED)
            said.append((in_language(Phrase("Ngoài ra"), language), in_language(more, language)))
        return tuple(said)


Matters = Mapping[tuple[str, str], Matter]


def matters_of(
    evaluation: Evaluation, book: RuleBook, set_state: SetState, rules: Collection[str], data: Collection[str]
) -> Matters:
    """Put into words the rules and the data that are told of; those that nothing is known of any more are left out."""
    matters = {("rule", code): matter for code in rules if (matter := _rule(code, evaluation, book, set_state))}
    if data:
        frame = evaluation.frames["datum"]
        for row in frame.filter(frame["code"].is_in(list(data))).iter_rows(named=True):
            matters["datum", row["code"]] = _datum(row)
    return matters


def _rule(code: str, evaluation: Evaluation, book: RuleBook, set_state: SetState) -> Matter | None:
    if code == RULE_SET:
        running = (Phrase("Phiên bản đang áp dụng"), book.version[:12])
        other = set_state.refused or set_state.waiting
        return Matter(
            Phrase("bộ quy tắc cảnh báo"),
            "",
            (running, (Phrase("Phiên bản chưa áp dụng"), other[:12])) if other else (running,),
            set_state.mistakes,
        )
    rule = next((rule for rule in book.rules if rule.id == code), None)
    if rule is None:
        return None
    facts = [(Phrase("Vị trí"), f"{rule.file}:{rule.line}")]
    if code in evaluation.failures:
        facts.append((Phrase("Lỗi khi chạy"), evaluation.failures[code].splitlines()[0][:240]))
    return Matter(Phrase("quy tắc “{title}”", title=rule.title[max(rule.rungs)]), facts=tuple(facts))


def _datum(row: Mapping[str, object]) -> Matter:
    subjects, rules, count = row["subjects"], row["rules"], row["unknown_subjects"]
    listed = ", ".join(subjects) if isinstance(subjects, list) else ""
    if isinstance(count, int) and isinstance(subjects, list) and count > len(subjects):
        listed = Phrase("{listed} và {more} đối tượng khác", listed=listed, more=count - len(subjects))
    facts = (
        (Phrase("Đối tượng thiếu dữ liệu"), listed),
        (Phrase("Quy tắc chưa xét được"), ", ".join(rules) if isinstance(rules, list) else ""),
    )
    about, _, name = str(row["datum"]).partition(".")
    measure = CATALOGUE.get(about, {}).get(name)
    # What has no name of its own is named by the measure that wants it.
    named = measure.meaning if measure else (str(row["datum"]), "")
    title = WORDS.get(str(row["datum"]))
    told = tuple(fact for fact in facts if fact[1])
    return Matter(title, facts=told) if title else Matter(*named, told)
