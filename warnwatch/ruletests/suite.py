"""All tests of a rule folder, or of one file: found, read, run; and which levels of which rules no test reaches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from warnwatch.documents import read_document
from warnwatch.errors import Mistake, MistakesError, SettingsError
from warnwatch.language import Phrase
from warnwatch.rules.rule import RuleBook
from warnwatch.ruletests.facts import tree_rows
from warnwatch.ruletests.form import NONE, NOT_APPLICABLE
from warnwatch.ruletests.reading import RuleTest, read_tests
from warnwatch.ruletests.running import TestResult, run_test
from warnwatch.ruletests.world import Stage, open_stage

TESTS = "tests"
SILENT = "silent"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """What came of all tests that were run. `coverage`: {rule: {word: whether a test expects and finds it}}.

    The words are the rule's levels, lowest first, and `silent`: looked at, and no alert.
    `whole`: all tests of a folder were run.
    """

    results: tuple[TestResult, ...]
    coverage: Mapping[str, Mapping[str, bool]]
    book: RuleBook
    whole: bool
    steps: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)

    @property
    def uncalled(self) -> dict[str, list[str]]:
        """Name the steps that no test calls, by policy."""
        gaps = {policy: [step for step, called in steps.items() if not called] for policy, steps in self.steps.items()}
        return {policy: steps for policy, steps in gaps.items() if steps}

    @property
    def failed(self) -> tuple[TestResult, ...]:
        """The tests in which something was not as expected."""
        return tuple(one for one in self.results if not one.passed)

    @property
    def gaps(self) -> dict[str, list[str]]:
        """Name what no test reaches, by rule."""
        gaps = {rule: [word for word, reached in words.items() if not reached] for rule, words in self.coverage.items()}
        return {rule: words for rule, words in gaps.items() if words}


def run_suite(source: Path, rules: Path | None, wanted: str, progress: Progress) -> SuiteResult:
    """Run the tests of a rule folder, of its folder `tests`, or of one file; `wanted`: those whose name holds it.

    The rules are those of the folder that the tests belong to, or of `rules`. Raises MistakesError with every mistake
    of the rules, or of the test files; SettingsError when there is nothing to run.
    """
    folder, files = _found(source)
    with open_stage(rules or folder, tree_rows()[0]) as stage:
        tests = _read(files, stage)
        chosen = [test for test in tests if wanted.casefold() in f"{test.place} {test.name}".casefold()]
        if not chosen:
            message = Phrase(
                "không có kiểm thử nào có tên chứa {wanted!r}; có: {names}", wanted=wanted, names=_names(tests)
            )
            raise SettingsError(message)
        results = []
        for number, test in enumerate(chosen):
            progress(number, len(chosen))
            results.append(run_test(stage, test, number))
        progress(len(chosen), len(chosen))
        whole = source.is_dir() and len(chosen) == len(tests)
        steps = _steps(stage.book, results)
        return SuiteResult(tuple(results), _coverage(stage.book, results), stage.book, whole, steps)


def _found(source: Path) -> tuple[Path, list[Path]]:
    """Find the rule folder, and the files of tests."""
    if source.is_file():
        return _rules_of(source.absolute().parent), [source]
    folder = source.absolute()
    tests = folder if folder.name == TESTS else folder / TESTS
    try:
        files = sorted(path for path in tests.iterdir() if not path.name.startswith((".", "~")))
    except FileNotFoundError:
        files = []
    misnamed = [path for path in files if path.name.lower().endswith((".yaml", ".yml.txt"))]
    if misnamed:
        message = Phrase("tệp này không được đọc: tên tệp kiểm thử phải có đuôi .yml")
        raise MistakesError(Mistake(f"{tests.name}/{path.name}", 0, 0, message) for path in misnamed)
    files = [path for path in files if path.suffix == ".yml"]
    if not files:
        raise SettingsError(
            Phrase("{folder}: không có tệp kiểm thử nào; cần thư mục tests có các tệp .yml", folder=source)
        )
    return _rules_of(tests), files


def _rules_of(folder: Path) -> Path:
    return folder.parent if folder.name == TESTS else folder


def _read(files: list[Path], stage: Stage) -> list[RuleTest]:
    tests: list[RuleTest] = []
    mistakes: list[Mistake] = []
    for path in files:
        try:
            document = read_document(path, f"{path.absolute().parent.name}/{path.name}")
        except MistakesError as error:
            mistakes += error.mistakes
            continue
        tests += read_tests(document, stage.book, stage.calendar.zone, mistakes)
    if mistakes:
        raise MistakesError(mistakes)
    return tests


def _names(tests: list[RuleTest]) -> str:
    shown = [test.name for test in tests[:10]]
    return "; ".join([*shown, *(["…"] if len(tests) > len(shown) else [])])


def _coverage(book: RuleBook, results: list[TestResult]) -> dict[str, dict[str, bool]]:
    reached: dict[str, set[str]] = {}
    for result in results:
        for rule, word in result.reached:
            reached.setdefault(rule, set()).add(SILENT if word in (NONE, NOT_APPLICABLE) else word)
    return {
        rule.id: {
            word: word in reached.get(rule.id, ()) for word in (SILENT, *(level.word for level in sorted(rule.rungs)))
        }
        for rule in book.rules
    }


def _steps(book: RuleBook, results: list[TestResult]) -> dict[str, dict[str, bool]]:
    called = {one for result in results for one in result.steps}
    return {
        policy.id: {
            f"{level.word} {number}": (policy.id, level.word, number) in called
            for level, steps in sorted(policy.levels.items())
            for number, _ in enumerate(steps, 1)
        }
        for policy in book.policies.values()
    }
