"""What every test can ask for; the databases come from databases.py."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes, to make or to try, says more about the machine than about the code; CI tries the same
# examples every time.
settings.register_profile(
    "warnwatch",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("warnwatch")

pytest_plugins = ["databases"]

# Debian keeps daemons where only root looks.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked `servers` when a program that it names is not installed, and say which."""
    for marker in item.iter_markers("servers"):
        missing = [program for program in marker.args if shutil.which(program, path=SEARCH_PATH) is None]
        if missing:
            pytest.skip(f"not installed: {', '.join(missing)}; `make test-servers` as root on Debian installs it")
