"""Rule files in a real editor's server: it completes keys, words and measures, and underlines what is wrong."""

from __future__ import annotations

import json
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from warnwatch.shipped import shipped

SERVER = Path(__file__).parents[2] / ".venv/language-server/node_modules/yaml-language-server/bin/yaml-language-server"
PATIENCE = 60.0  # seconds for one answer
HEADER = "# yaml-language-server: $schema=rules.schema.json\n"
HERE, TESTS = Path(), Path("tests")
RIGHT = """\
rules:
  - id: a
    title: Nhiệm vụ
    about: task
    measure: working_days_left
    below:
      critical: 0
    text: general
    escalation: head-of-unit
    guidance: Cập nhật tiến độ.
"""

pytestmark = pytest.mark.servers("node")


@dataclass
class Editor:
    """One editor with one server: opens files, asks what may stand at a place, hears what is wrong."""

    process: subprocess.Popen[bytes]
    folder: Path
    opened: int = 0
    buffer: bytes = b""
    heard: dict[str, list[Any]] = field(default_factory=dict)
    asked: int = 0

    def wrong(self, text: str, under: Path = HERE) -> list[tuple[int, str]]:
        """Open a file, and give what is underlined in it: (line from 1, message)."""
        uri = self._open(text, under)
        deadline = time.monotonic() + PATIENCE
        while uri not in self.heard:
            self._hear(deadline)
        return [(one["range"]["start"]["line"] + 1, one["message"]) for one in self.heard[uri]]

    def completed(self, text: str, under: Path = HERE) -> dict[str, str]:
        """Open a file that has one `|`, and give what may stand there: label to its description."""
        before, after = text.split("|")
        uri = self._open(before + after, under)
        line = before.count("\n")
        place = {"line": line, "character": len(before) - before.rfind("\n") - 1}
        found = self.ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": place})
        return {one["label"]: str(one.get("documentation", "")) for one in found["items"]}

    def ask(self, method: str, params: Any) -> Any:
        """Ask the server, and wait for its answer."""
        self.asked += 1
        self._send({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params})
        deadline = time.monotonic() + PATIENCE
        while True:
            message = self._hear(deadline)
            if message.get("id") == self.asked and "method" not in message:
                return message["result"]

    def tell(self, method: str, params: Any) -> None:
        """Tell the server something that it does not answer."""
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def _open(self, text: str, under: Path) -> str:
        self.opened += 1
        path = self.folder / under / f"rules{self.opened}.yml"
        path.write_text(text, encoding="utf-8")
        item = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": item})
        return path.as_uri()

    def _send(self, message: Any) -> None:
        body = json.dumps(message).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def _hear(self, deadline: float) -> Any:
        """Take one message; what the server asks of an editor is answered with nothing."""
        while not (taken := self._taken()):
            assert self.process.stdout
            ready, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
            assert ready, "the server does not answer"
            piece = self.process.stdout.read1(65536)  # type: ignore[attr-defined]
            assert piece, "the server ended"
            self.buffer += piece
        message = json.loads(taken)
        if message.get("method") == "textDocument/publishDiagnostics":
            self.heard[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:
            wanted = len(message["params"]["items"]) if message["method"] == "workspace/configuration" else 0
            answer = [{"validate": True, "completion": True}, *[{}] * (wanted - 1)] if wanted else None
            self._send({"jsonrpc": "2.0", "id": message["id"], "result": answer})
        return message

    def _taken(self) -> bytes:
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return b""
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(rest) < length:
            return b""
        self.buffer = rest[length:]
        return rest[:length]


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """A server of an editor that has opened a folder with the shipped schemas."""
    if not SERVER.is_file():
        pytest.skip("yaml-language-server is not installed; `make test-servers` installs it with npm")
    folder = tmp_path_factory.mktemp("rules")
    shutil.copytree(shipped("alert_rules"), folder, dirs_exist_ok=True)
    process = subprocess.Popen(["node", str(SERVER), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S607 (the marker has found it)
    editor = Editor(process, folder)
    capabilities = {"workspace": {"configuration": True}, "textDocument": {"completion": {"completionItem": {}}}}
    editor.ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities})
    editor.tell("initialized", {})
    yield editor
    process.kill()
    process.communicate()


SHIPPED = shipped("alert_rules")


@pytest.mark.parametrize("file", [str(path.relative_to(SHIPPED)) for path in sorted(SHIPPED.rglob("*.yml"))])
def test_nothing_is_underlined_in_the_shipped_files(editor: Editor, file: str) -> None:
    """The line at the top of each file brings its schema, and the schema has nothing against it."""
    assert editor.wrong((SHIPPED / file).read_text("utf-8"), Path(file).parent) == []


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("measure: working_days_left", "measure: working_day_left", 6),
        ("about: task", "about: tasks", 5),
        ("critical: 0", "crtical: 0", 8),
        ("text: general", "text: genral", 9),
        ("escalation:", "escalate:", 10),
        ("text: general", "for: 1 workday", 9),
    ],
)
def test_slips_are_underlined_while_typing(editor: Editor, old: str, new: str, line: int) -> None:
    """A wrong measure, kind of subject, level, text, key or duration is named on its line, before anything runs."""
    assert old in RIGHT
    found = editor.wrong(HEADER + RIGHT.replace(old, new))
    assert line in [place for place, _ in found], found


def test_measures_are_completed_by_kind_of_subject(editor: Editor) -> None:
    """Under `about: task` an editor offers the numbers of tasks, and under `about: unit` those of units."""
    rule = "rules:\n  - id: a\n    about: {about}\n    measure: |\n"
    task = editor.completed(HEADER + rule.replace("{about}", "task"))
    unit = editor.completed(HEADER + rule.replace("{about}", "unit"))
    assert "working_days_left" in task
    assert "overdue_share" in unit
    assert "overdue_share" not in task
    assert "working_days_left" not in unit
    assert "status" not in task


def test_keys_are_completed_with_a_sentence(editor: Editor) -> None:
    """The keys of a rule come with what they mean, in Vietnamese."""
    offered = editor.completed(HEADER + "rules:\n  - id: a\n    |\n")
    assert {"about", "measure", "below", "clear", "from", "labels"} <= set(offered)
    assert "Khoảng lùi" in offered["clear"]
    assert {"notice", "warning", "critical"} <= set(editor.completed(HEADER + RIGHT.replace("critical: 0", "|")))


TESTS_HEADER = "# yaml-language-server: $schema=../tests.schema.json\n"
RULE_TEST = """\
tests:
  - name: Nhiệm vụ quá hạn
    rules: [task-deadline]
    facts:
      - at: 19/6/2025
        task: NV-1
        due: 2025-06-27
    expect:
      - at: 28/6/2025
        level: critical
        tell: overdue head
"""


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("rules: [", "rule: [", 4),
        ("task: NV-1", "tsak: NV-1", 6),
        ("due: 2025", "deu: 2025", 8),
        ("level: critical", "level: crtical", 11),
        ("tell: overdue head", "tell: boss", 12),
    ],
)
def test_slips_in_a_rule_test_are_underlined_while_typing(editor: Editor, old: str, new: str, line: int) -> None:
    """A wrong key, fact, column, level or office of a file of rule tests is named on its line."""
    assert editor.wrong(TESTS_HEADER + RULE_TEST, TESTS) == []
    assert old in RULE_TEST
    found = editor.wrong(TESTS_HEADER + RULE_TEST.replace(old, new), TESTS)
    assert line in [place for place, _ in found], found


def test_keys_and_words_of_a_rule_test_are_completed(editor: Editor) -> None:
    """Facts are offered with what they are, levels with their words."""
    facts = editor.completed(TESTS_HEADER + RULE_TEST.replace("        due: 2025-06-27\n", "        |\n"), TESTS)
    assert {"due", "status"} <= set(facts)
    kinds = editor.completed(TESTS_HEADER + RULE_TEST.replace("        task: NV-1\n", "        |\n"), TESTS)
    assert "báo cáo tiến độ" in kinds["report"]
    levels = editor.completed(TESTS_HEADER + RULE_TEST.replace("level: critical", "level: |"), TESTS)
    assert {"notice", "warning", "critical", "none", "cured"} <= set(levels)
