"""The sheets of mail: each text in both languages, from the same words; none that nothing sends."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

import warnwatch.notify
from warnwatch.notify.notification import Kind

NOTIFY = Path(warnwatch.notify.__file__).parent
TEMPLATES = NOTIFY / "templates"
SHEETS = sorted(path.stem for path in (TEMPLATES / "vi").glob("*.j2"))
# Sheets that are no kind of text: what all letters share, the lines of an entry, what is confidential.
SHARED = {"entry", "letter", "restricted", "task_facts"}
# Where one language needs a word that the other does not: (sheet, block), with the reason.
OF_ONE_LANGUAGE = {
    ("digest", "list"): {"count"},  # English: needs or need
    ("escalation", "opening"): {"one_unit", "noun"},  # English: has or have; "3 reported done" without a noun
    ("initial", "list"): {"count"},  # English: needs or need
    ("initial", "opening"): {"one_unit"},  # English: has or have
}


def blocks(language: str, sheet: str) -> dict[str, set[str]]:
    """Give the blocks of a sheet, each with the words that it speaks of."""
    tree = Environment(autoescape=False).parse((TEMPLATES / language / f"{sheet}.j2").read_text(encoding="utf-8"))  # noqa: S701 (nothing is rendered)
    return {block.name: _words(block) for block in tree.find_all(nodes.Block)} or {"": _words(tree)}


def _words(node: nodes.Node) -> set[str]:
    names = {name.name: name.ctx for name in node.find_all(nodes.Name)}
    set_here = {name.name for name in node.find_all(nodes.Name) if name.ctx == "store"}
    return set(names) - set_here


def test_every_sheet_is_there_in_both_languages() -> None:
    """A sheet of one language alone would be a text that half of the readers cannot get."""
    assert sorted(path.stem for path in (TEMPLATES / "en").glob("*.j2")) == SHEETS


@pytest.mark.parametrize("sheet", SHEETS)
def test_both_languages_say_the_same(sheet: str) -> None:
    """The same blocks, each from the same words: a fact that one language tells, the other tells too."""
    vietnamese, english = blocks("vi", sheet), blocks("en", sheet)
    assert set(vietnamese) == set(english)
    for name, words in vietnamese.items():
        assert words ^ english[name] <= OF_ONE_LANGUAGE.get((sheet, name), set()), name


def test_every_sheet_and_block_is_used() -> None:
    """A sheet is a kind of text or one of the shared; a block is asked for by the code that writes letters."""
    assert set(SHEETS) <= {kind.value for kind in Kind} | SHARED
    asked = {
        node.value
        for path in (NOTIFY / "letters.py", NOTIFY / "cases.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for sheet in SHEETS:
        assert set(blocks("vi", sheet)) - {""} <= asked, sheet
