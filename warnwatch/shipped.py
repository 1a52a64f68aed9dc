"""Where the rules, examples and boards that ship lie: in the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

from warnwatch.errors import CannotRunError

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Give the shipped folder or file `name`, such as `alert_rules` or `examples/plan02`.

    Raises CannotRunError when the installation does not hold it.
    """
    for top in (_PACKAGE / "_shipped", _PACKAGE.parent):
        found = top / name
        if found.exists():
            return found
    message = f"{name} is missing from this installation of WarnWatch (looked beside {_PACKAGE}); install it again"
    raise CannotRunError(message)
