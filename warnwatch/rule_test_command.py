"""The command that runs the tests of rules."""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter

import click

from warnwatch.console import FOLDER, SOURCE, Installation, as_json, pass_installation, print_json, progress_line
from warnwatch.errors import MistakesError
from warnwatch.language import Phrase, in_language
from warnwatch.ruletests.saying import suite_json, suite_lines
from warnwatch.ruletests.suite import Progress, run_suite
from warnwatch.ruletests.world import zone

_BAR = 20  # signs wide
_QUIET = 2.0  # seconds before anything is shown


@click.command(name="test")
@click.argument("source", type=SOURCE, required=False)
@click.option("-k", "wanted", default="", metavar="TEXT", help="Only the tests whose name or file holds this text.")
@click.option("--rules", type=FOLDER, help="Test the rules of this folder instead of those beside the tests.")
@click.option(
    "--coverage", is_flag=True, help="Say rule by rule what tests reach; exit code 1 where something is missing."
)
@as_json
@pass_installation
def test(
    here: Installation, source: Path | None, wanted: str, *, rules: Path | None, coverage: bool, json_: bool
) -> None:
    """Run the tests of a rule folder, or of one file of tests, and show what is not as expected.

    Each test has a plan of its own: neither the database nor the clock of the installation is touched.
    JSON: passed, failed, tests (each with mistakes and differences), coverage (by rule and level), steps (by policy).

    Example: warnwatch test alert_rules/ -k deadline
    """
    show = not json_ and sys.stderr.isatty()
    try:
        suite = run_suite(source or here.settings.rules_folder, rules, wanted, _progress(here, show=show))
    except MistakesError as error:
        if not json_:
            raise
        print_json({"mistakes": [one.as_json() for one in error.mistakes]}, here.language)
        sys.exit(error.exit_code)
    finally:
        if show:
            progress_line("")
    if json_:
        print_json(suite_json(suite), here.language)
    else:
        for line in suite_lines(suite, zone(), here.language, coverage=coverage):
            here.say(line)
    if suite.failed or (coverage and (suite.gaps or suite.uncalled)):
        sys.exit(1)


def _progress(here: Installation, *, show: bool) -> Progress:
    begun = perf_counter()

    def tell(done: int, total: int) -> None:
        if show and perf_counter() - begun >= _QUIET:
            filled = _BAR * done // max(1, total)
            bar = "█" * filled + "░" * (_BAR - filled)
            progress_line(
                in_language(Phrase("kiểm thử {bar} {done}/{total}", bar=bar, done=done, total=total), here.language)
            )

    return tell
