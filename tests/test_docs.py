"""The pages say what the program does: names exist, tables are its own, shown commands print what is shown."""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from functools import cache
from pathlib import Path
from types import ModuleType

import click
import pytest

from warnwatch import cli
from warnwatch.assembly import load_standards
from warnwatch.errors import MistakesError
from warnwatch.notify.notification import Kind
from warnwatch.plan import calendar_file
from warnwatch.plan.columns import FILES
from warnwatch.rules.amounts import FUNCTIONS
from warnwatch.rules.entry import POLICY_KEYS, RULE_KEYS, STEP_KEYS
from warnwatch.rules.rule import CHANNELS, LEVELS, OFFICES
from warnwatch.ruletests.suite import run_suite
from warnwatch.settings import Settings
from warnwatch.shipped import shipped

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "grafana/README.md")
)
# The pages that show commands with what they print.
PLAYED = ("README.md", "docs/operations.md", "docs/rules.md", "docs/import.md")

# --- reading pages --------------------------------------------------------------------------------------------------


@cache
def read(page: str) -> str:
    """Give the text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def section(page: str, heading: str) -> str:
    """Give the text under a heading, up to the next one of its rank or above."""
    found = re.search(rf"^(#+) {re.escape(heading)}$(.*?)(?=^#{{1,2}} |\Z)", read(page), re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no heading {heading!r}"
    return found[2]


def blocks(page: str, language: str = "") -> list[str]:
    """Give the fenced blocks of a page: those of one language, or all."""
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", read(page), re.MULTILINE | re.DOTALL)
    return [text for name, text in found if not language or name == language]


def code(page: str) -> list[str]:
    """Give every line of code of a page, in blocks and in running text."""
    without = re.sub(r"^ *```.*?^ *```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
    return [*"\n".join(blocks(page)).splitlines(), *re.findall(r"`([^`\n]+)`", without)]


def commands() -> Mapping[str, click.Command]:
    """Give every command by its words: `db upgrade` stands for itself."""
    found: dict[str, click.Command] = {}
    for name, command in cli.main.commands.items():
        inside = command.commands if isinstance(command, click.Group) else {}
        found |= {f"{name} {part}": one for part, one in inside.items()} or {name: command}
    return found


def uses(line: str) -> Iterator[tuple[str, list[str]]]:
    """Find the uses of the program in a line of code: the command's words, and the options after it."""
    for part in re.split(r"[|;]|&&", line):
        found = re.search(r"(?:^|[ /$])warnwatch((?: --config \S+)?)((?: [a-z][a-z-]*)+)(.*)$", part)
        if found:
            words = found[2].split()
            name = " ".join(words[:2]) if words[0] in {"audit", "db", "rules", "silence"} else words[0]
            yield name, re.findall(r"(?<= )--[a-z-]+", found[2] + found[3])


def options(command: click.Command) -> set[str]:
    """Give the options that a command takes."""
    return {"--help"} | {option for param in command.params for option in param.opts if option.startswith("--")}


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", commands())
def test_command_has_help_with_an_example(name: str) -> None:
    """Every command's help ends with an example that names the command and only options that it takes."""
    command = commands()[name]
    text = click.unstyle(command.help or "")
    example = re.search(r"Example: (warnwatch .*)", text, re.DOTALL)

    assert example
    [(used, given)] = uses(" ".join(example[1].split()))
    assert used == name
    assert set(given) <= options(command)


def test_every_command_is_in_the_operators_table() -> None:
    """docs/operations.md lists every command, and no other."""
    listed = re.findall(r"^\| `warnwatch ([a-z -]+)` \|", section("docs/operations.md", "Commands"), re.MULTILINE)

    assert sorted(commands()) == sorted(listed)


@pytest.mark.parametrize("page", PAGES)
def test_page_shows_only_commands_that_exist(page: str) -> None:
    """No page shows a command or an option that the program does not have."""
    known = commands()
    for line in code(page):
        for name, given in uses(line):
            assert name in known, f"{page}: {line}"
            assert set(given) <= options(known[name]), f"{page}: {line}"


def test_make_targets_are_listed() -> None:
    """CONTRIBUTING.md names make targets that exist."""
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = {found for line in code("CONTRIBUTING.md") for found in re.findall(r"^make ([a-z-]+)", line)}

    assert {"demo", "test", "check"} <= named <= set(targets)


# --- what the program knows itself ----------------------------------------------------------------------------------


def tables() -> ModuleType:
    """Load docs/write_tables.py."""
    spec = importlib.util.spec_from_file_location("write_tables", ROOT / "docs" / "write_tables.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["settings", "sources", "metrics", "measures", "columns"])
def test_table_is_the_programs_own(name: str) -> None:
    """Settings, metrics, measures and columns stand in their pages as the program has them (or run write_tables.py)."""
    writer = tables()
    page, _ = writer.TABLES[name]

    assert writer.with_table(read(f"docs/{page}"), name) == read(f"docs/{page}"), "run python docs/write_tables.py"


@pytest.mark.parametrize(
    "names",
    [RULE_KEYS, POLICY_KEYS, STEP_KEYS, OFFICES, CHANNELS, tuple(LEVELS), calendar_file.CALENDAR_KEYS],
    ids=["rule", "policy", "step", "office", "channel", "level", "calendar"],
)
def test_rule_words_are_explained(names: tuple[str, ...]) -> None:
    """docs/rules.md names every key, office, channel and level that a rule folder may use."""
    spoken = set(re.findall(r"`([a-z_.-]+)`", read("docs/rules.md")))

    assert set(names) <= spoken


def test_functions_are_listed() -> None:
    """docs/rules.md lists exactly the functions that an expression may call."""
    listed = re.search(r"^\| `(least [a-z ]+)` \|", read("docs/rules.md"), re.MULTILINE)

    assert listed
    assert sorted(FUNCTIONS) == sorted(listed[1].split())


def test_kinds_of_text_exist() -> None:
    """The kinds of letter that docs/rules.md offers are kinds that the program writes."""
    row = re.search(r"^\| `text` \|.*$", read("docs/rules.md"), re.MULTILINE)

    assert row
    assert set(re.findall(r"`([a-z_]+)`", row[0])) - {"text"} <= {kind.value for kind in Kind}


def test_import_files_are_described() -> None:
    """docs/import.md has a heading for every file of an import."""
    headings = re.findall(r"^### (\w+\.csv)$", read("docs/import.md"), re.MULTILINE)

    assert sorted(file.file_name for file in FILES.values()) == sorted(headings)


def test_shipped_rules_load() -> None:
    """The rule folder that ships has no mistake and no warning."""
    book = load_standards(Settings()).book

    assert book.rules
    assert book.warnings == ()


def test_shipped_rules_are_in_the_page() -> None:
    """docs/rules.md names every shipped rule file and every shipped rule."""
    page = read("docs/rules.md")

    assert [
        file.name for file in shipped("alert_rules").glob("*.yml") if f"]({f'../alert_rules/{file.name}'})" not in page
    ] == []
    assert [rule.id for rule in load_standards(Settings()).book.rules if f"`{rule.id}`" not in page] == []


@pytest.mark.parametrize("number", range(len(blocks("docs/rules.md", "yaml"))))
def test_yaml_of_the_page_is_read(number: int, tmp_path: Path) -> None:
    """Every YAML example of docs/rules.md, put into a rule folder, has no mistake."""
    text = blocks("docs/rules.md", "yaml")[number]
    kind = text.split(":", 1)[0]
    for file in shipped("alert_rules").glob("*.yml"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    target = {
        "rules": "deadlines.yml",
        "policies": "escalations.yml",
        "channels": "escalations.yml",
        "days_off": "calendar.yml",
        "tests": "tests/own.yml",
        "defaults": "own.yml",
    }[kind]
    (tmp_path / target).parent.mkdir(exist_ok=True)
    if kind == "channels":  # in the place of the shipped ones; the policies stay
        text = (tmp_path / target).read_text("utf-8").split("\nchannels:")[0] + "\n" + text
    (tmp_path / target).write_text(text, encoding="utf-8")

    try:
        book = load_standards(Settings.model_validate({"rules": {"folder": tmp_path}})).book
    except MistakesError as error:
        pytest.fail(str(error))
    assert book.rules
    if kind == "tests":
        assert not run_suite(tmp_path, None, "", lambda _done, _total: None).failed


# --- links and names ------------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """Give the anchors of a page's headings, as the usual sites make them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_resolve(page: str) -> None:
    """Every link of a page to a file of the repository finds it, and its heading."""
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), f"{page}: {target}"
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), f"{page}: {target}"


def test_every_page_can_be_found() -> None:
    """Every page of docs is linked from the README or from a page of docs."""
    linked = "\n".join(read(page) for page in PAGES)

    pages = [Path(page).name for page in PAGES if page.startswith("docs/") and "decisions" not in page]
    assert [name for name in pages if f"{name})" not in linked] == []


def test_followed_names_exist() -> None:
    """README, "Follow one task": every name in a link is defined in the file that the link names."""
    steps = re.findall(r"\[`([\w-]+)`\]\(([^)]+)\)", section("README.md", "Follow one task"))

    assert len(steps) > 15
    for name, path in steps:
        text = (ROOT / path).read_text(encoding="utf-8")
        defined = rf"^(?:def |class |async def |  - id: )?{re.escape(name)}\b"
        assert re.search(defined, text, re.MULTILINE), f"{path} defines no {name}"


def test_pictures_are_small() -> None:
    """Each picture of the README is a PNG of at most 200 KB."""
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", read("README.md"))

    assert len(pictures) == 2
    for picture in pictures:
        content = (ROOT / picture).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) <= 200_000


def test_terms_are_in_both_languages() -> None:
    """Every row of the glossary gives its word in both languages."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", read("docs/glossary.md"), re.MULTILINE)

    assert len(rows) > 50
    assert [row for row in rows if not all(cell.strip() for cell in row)] == []


# --- shown commands -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """A command of a page, and what the page says that it prints."""

    command: str
    expected: str


def shown(page: str) -> list[Shown]:
    """Give the commands of a page's console blocks, in order."""
    found = [part for block in blocks(page, "console") for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    return [_one(part) for part in found]


def _one(part: str) -> Shown:
    """Take a command with the lines that go on with it, each after `> `; the rest is what it prints."""
    command, *lines = part.strip("\n").split("\n")
    more = list(itertools.takewhile(lambda line: line.startswith("> "), lines))
    return Shown("\n".join([command, *(line[2:] for line in more)]), "\n".join(lines[len(more) :]))


def pattern(expected: str) -> str:
    """Turn shown lines into a pattern: `…` stands for anything in its line, alone for any lines."""
    lines = [".*" if line == "…" else re.escape(line).replace("…", "[^\\n]*") for line in expected.splitlines()]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a `warnwatch` command in `bin`."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "bin").mkdir()
    program = folder / "bin" / "warnwatch"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m warnwatch "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return folder


def play(command: str, folder: Path, desk: Path) -> str:
    """Run one shown command in a folder; give all that it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WARNWATCH_")}
    environment = kept | {"PATH": f"{desk / 'bin'}{os.pathsep}{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec 2>&1; {command}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        timeout=100,
    )
    return done.stdout.decode().strip("\n")


@pytest.mark.parametrize("page", PLAYED)
def test_shown_commands_print_what_is_shown(page: str, desk: Path, tmp_path: Path) -> None:
    """The commands of a page, run one after the other in a folder with two workbooks, print what is shown."""
    parts = shown(page)
    for workbook in (ROOT / "examples" / "workbook").glob("*.xlsx"):
        shutil.copy(workbook, tmp_path)

    assert parts
    for part in parts:
        printed = play(part.command, tmp_path, desk)
        assert re.fullmatch(pattern(part.expected), printed, re.DOTALL), f"{page}: $ {part.command}\n{printed}"
    if page == "README.md":
        assert_mailed(blocks(page, "mail"), tmp_path / "try" / "mailbox")


def assert_mailed(letters: list[str], mailbox: Path) -> None:
    """Find each shown letter, its subject first, among the mails that were sent."""
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in mailbox.glob("*.eml")]
    texts = [f"{mail['Subject']}\n\n{part.get_content()}" for mail in mails if (part := mail.get_body(("plain",)))]
    texts = [text.replace("\r\n", "\n") for text in texts]

    assert letters
    for letter in letters:
        assert any(text.startswith(letter.strip()) for text in texts), letter
