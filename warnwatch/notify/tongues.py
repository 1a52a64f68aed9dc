"""Which module writes in which language."""

from __future__ import annotations

from collections.abc import Mapping

from warnwatch.notify import wording_en, wording_vi
from warnwatch.notify.wording import Wording

_WORDINGS: Mapping[str, Wording] = {"vi": wording_vi, "en": wording_en}


def wording_of(language: str) -> Wording:
    """Give the way of writing of a language."""
    return _WORDINGS[language]
