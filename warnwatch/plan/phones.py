"""Which telephone numbers can take a text message."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import phonenumbers

_MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


def takes_messages(number: str | None, countries: Collection[str]) -> bool:
    """Say whether a number (E.164, as the plan keeps it) is a mobile one of these countries (ISO codes: VN)."""
    return bool(number) and _country_of_mobile(number or "") in countries


def is_mobile(number: str) -> bool:
    """Say whether a number is a mobile one, of whichever country."""
    return _country_of_mobile(number) is not None


@lru_cache(10_000)
def _country_of_mobile(number: str) -> str | None:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed) or phonenumbers.number_type(parsed) not in _MOBILE:
        return None
    return phonenumbers.region_code_for_number(parsed)
