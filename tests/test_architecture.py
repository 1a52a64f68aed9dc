"""What holds for the whole repository: import order, the clock, the length of files, what is never committed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

import warnwatch

TOP = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
MAX_LINES = 400
# All tables stand on one page, and a revision is written once and never read as a whole.
LONG_BY_NATURE = ("warnwatch/schema.py", "warnwatch/migrations/versions/")
# Written in parts, so that this file does not name them itself.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("proxy", "golang", "org"),
    )
)
MACHINE_PATH = re.compile(r"(?<![\w/.])/(?:work|root|farm)/[\w.]")
# server_default=func.now(), and SQL texts that ask the database what time it is.
SQL_CLOCK = re.compile(r"\bfunc\.(now|current_\w+|localtime\w*)\b|\b(CURRENT_TIMESTAMP|CURRENT_DATE|clock_timestamp)\b")
SHIPPED = ("alert_rules", "examples", "grafana")
# One function reads the clock that machines share, for the clock of an installation and for its leases.
CLOCK_READERS = {"database.py"}

needs_wheel = pytest.mark.skipif(
    os.environ.get("WARNWATCH_TEST_WHEEL") != "1", reason="only `make test` builds and installs the wheel"
)


def _committed() -> list[Path]:
    """Give the files of the repository: those that git knows, or would on the next `git add`."""
    if not (TOP / ".git").exists() or not shutil.which("git"):
        pytest.skip("no git here to say which files belong to the repository")
    # Whoever owns the clone: this only lists it.
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "-C",
        str(TOP),
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [path for name in listing.split("\0") if name and (path := TOP / name).is_file()]


def _texts() -> Iterator[tuple[str, str]]:
    for path in _committed():
        try:
            yield str(path.relative_to(TOP)), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture


def _python_texts(*folders: str) -> Iterator[tuple[str, str]]:
    for name, text in _texts():
        if name.endswith(".py") and name.split("/")[0] in folders:
            yield name, text


def _run(program: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPTS / program, *args], cwd=TOP, capture_output=True, text=True, check=False)


@needs_wheel
def test_the_tests_meet_the_built_wheel() -> None:
    """`make test` tests the package that is shipped, not the folder beside the tests."""
    assert Path(warnwatch.__file__).is_relative_to(sysconfig.get_path("purelib"))


@needs_wheel
def test_the_wheel_holds_the_package_the_rules_the_examples_and_the_boards() -> None:
    """Every file of those folders is in the wheel, byte for byte."""
    package = Path(warnwatch.__file__).parent
    homes = {"warnwatch": package} | {name: package / "_shipped" / name for name in SHIPPED}
    sources = [path.relative_to(TOP) for path in _committed() if path.relative_to(TOP).parts[0] in homes]
    missing = [
        str(source)
        for source in sources
        if not (copy := homes[source.parts[0]].joinpath(*source.parts[1:])).is_file()
        or copy.read_bytes() != (TOP / source).read_bytes()
    ]
    assert set(homes) == {source.parts[0] for source in sources}
    assert missing == []


def test_stages_import_only_earlier_stages_and_libraries_stay_where_they_belong() -> None:
    """The contracts of pyproject.toml hold: the stage order, and for each library the few files that may import it."""
    done = _run("lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout


def test_only_the_service_reads_the_clock_and_makes_randomness() -> None:
    """Ruff finds no banned name (TID251) in the package; the service and what stands above it are excepted."""
    done = _run("ruff", "check", "--no-cache", "--select", "TID251", "warnwatch")
    assert done.returncode == 0, done.stdout


def test_no_file_asks_the_database_for_the_time() -> None:
    """`now` is bound as a value, so that a rehearsal and a test can choose it."""
    found = [
        (name, match.group())
        for name, text in _python_texts("warnwatch")
        if Path(name).name not in CLOCK_READERS
        for match in SQL_CLOCK.finditer(text)
    ]
    assert found == []


def test_no_types_only_import_and_no_import_inside_a_function_dodges_the_order() -> None:
    """Every import stands at the top of its file, for everybody to see."""
    found = [name for name, text in _python_texts("warnwatch") if re.search(r"\bTYPE_CHECKING\b", text)]
    assert found == []
    done = _run("ruff", "check", "--no-cache", "--select", "PLC0415", "warnwatch")
    assert done.returncode == 0, done.stdout


def test_no_file_is_too_long_to_read() -> None:
    """A source file of more than 400 lines is two things."""
    long = {
        name: lines
        for name, text in _python_texts("warnwatch", "benchmarks")
        if (lines := text.count("\n")) > MAX_LINES and not name.startswith(LONG_BY_NATURE)
    }
    assert long == {}


def test_no_test_replaces_our_code() -> None:
    """A test passes a fake as an argument; patching would bind it to how the code is written."""
    patching = re.compile(r"\bmock\." + r"patch\b|\bmonkeypatch\." + r"setattr\b|from unittest " + r"import mock")
    found = [name for name, text in _python_texts("tests") if patching.search(text)]
    assert found == []


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    """Where packages come from is the reader's choice, and nobody else has our folders."""
    found = [
        (name, word)
        for name, text in _texts()
        for word in (*(host for host in REGISTRIES if host in text), *MACHINE_PATH.findall(text))
    ]
    assert found == []


def test_the_lock_files_pin_every_package_by_hash_and_nothing_else() -> None:
    """A lock file holds pinned packages with their hashes: no address, no option for the installer."""
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-build.txt"):
        lines = (TOP / name).read_text(encoding="utf-8").splitlines()
        strange = [
            line
            for line in lines
            if not re.match(r"[a-z0-9-]+==\S+( ; [^@]+)? \\$|    --hash=sha256:[0-9a-f]{64}( \\)?$", line)
        ]
        assert strange == [], name
