"""Bring the catalogue of English texts up to date with what the program says: `make texts`.

Patterns come from `Phrase("…")` in Python and from `_("…")` in the templates of the pages. New ones are added without
English, those that nothing says any more are dropped; the rest stays as it is. Sorted, without line numbers and dates,
so that a change of the code changes few lines here.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.pofile import escape, read_po
from jinja2.ext import babel_extract

PACKAGE = Path(__file__).parent.parent / "warnwatch"
CATALOGUE = Path("locales/en/LC_MESSAGES/warnwatch.po")
HEADER = """\
# English texts of WarnWatch. Brought up to date by `make texts`; the English is written by hand.
msgid ""
msgstr ""
"Project-Id-Version: warnwatch\\n"
"Language: en\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""


def gather(package: Path) -> dict[str, str]:
    """Give each pattern that the package says, and the first file that says it."""
    found: dict[str, str] = {}
    for path in sorted(package.rglob("*.py")):
        if path.name == "language.py":  # defines what the others call
            continue
        for call in phrases(path):
            found.setdefault(literal(call), path.name)
    for path in sorted((package / "web" / "templates").rglob("*.html")):
        for _, _, text, _ in babel_extract(BytesIO(path.read_bytes()), ("_",), (), {"silent": "false"}):
            found.setdefault(text if isinstance(text, str) else str(text[0]), path.name)
    return found


def phrases(path: Path) -> Iterator[ast.Call]:
    """Give every call of Phrase in a file, one within another too (which Babel's own extraction passes over)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Phrase":
            yield node


def literal(call: ast.Call) -> str:
    """Give the pattern of a call, or an empty text when it is no literal."""
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def read_english(package: Path) -> dict[str, str]:
    """Read the catalogue: each pattern with its English, or an empty text."""
    with (package / CATALOGUE).open("rb") as file:
        return {str(entry.id): str(entry.string or "") for entry in read_po(file, locale="en") if entry.id}


def written(english: dict[str, str]) -> str:
    """Write the catalogue."""
    entries = (f"\nmsgid {escape(pattern)}\nmsgstr {escape(text)}\n" for pattern, text in sorted(english.items()))
    return HEADER + "".join(entries)


def main() -> Iterator[str]:
    """Bring the catalogue up to date; say what is still to be written."""
    known = read_english(PACKAGE)
    said = gather(PACKAGE)
    (PACKAGE / CATALOGUE).write_text(written({pattern: known.get(pattern, "") for pattern in said}), encoding="utf-8")
    yield from (f"{said[pattern]}: {pattern}" for pattern in said if not known.get(pattern))
    yield from (f"gone: {pattern}" for pattern in known if pattern not in said)


if __name__ == "__main__":
    for line in main():
        sys.stdout.write(f"{line}\n")
