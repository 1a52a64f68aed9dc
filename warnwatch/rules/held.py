"""Why an alert stands although nothing was judged: the words that mail and page add to its last known value."""

from __future__ import annotations

from warnwatch.language import Phrase
from warnwatch.rules.evaluation import Observation


def held_note(observation: Observation | None, *, failing: bool) -> str:
    """Say why an open alert is held; an empty text where its rule has judged the subject."""
    if failing:
        return Phrase("quy tắc không chạy được nên cảnh báo được giữ nguyên")
    if observation is None:
        return Phrase("không còn trong kế hoạch nên cảnh báo được giữ nguyên theo lần xét gần nhất")
    if observation.level is None and not observation.done:
        return Phrase("chưa đủ số liệu để xét nên cảnh báo được giữ nguyên")
    return ""
