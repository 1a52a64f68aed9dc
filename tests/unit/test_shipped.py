"""Where shipped files are found."""

from __future__ import annotations

import pytest

from warnwatch.errors import CannotRunError
from warnwatch.shipped import shipped


def test_the_shipped_rules_are_found_in_a_wheel_and_in_a_checkout() -> None:
    """The same call finds the rules wherever WarnWatch was installed from."""
    assert shipped("alert_rules").is_dir()


def test_a_missing_part_says_where_it_was_looked_for() -> None:
    """An installation that lost a folder says so instead of failing on the first file."""
    with pytest.raises(CannotRunError, match="no_such_part is missing from this installation"):
        shipped("no_such_part")
