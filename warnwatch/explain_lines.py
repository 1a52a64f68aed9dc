"""What `warnwatch explain` prints for people: the verdict of each rule, the days counted, who was told or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from warnwatch.explain import Explanation, Verdict
from warnwatch.language import Phrase, together
from warnwatch.notify.reach import Message, Reached, Trail
from warnwatch.plan.day_count import DayCount
from warnwatch.rules.rule import LEVELS

_DATES_SHOWN = 8

_SAID = {
    "none": Phrase("không cảnh báo: chưa chạm ngưỡng nào"),
    "not_applicable": Phrase("không áp dụng: điều kiện không đúng"),
    "unknown": Phrase("chưa xác định: thiếu số liệu, giữ nguyên mức hiện có"),
    **{word: level.vietnamese for word, level in LEVELS.items()},
}
_ABOUT = {
    "task": Phrase("Chủ trì"),
    "unit": Phrase("Đơn vị được xét"),
    "kpi": Phrase("Đơn vị của chỉ tiêu"),
    "source": Phrase("Đơn vị giữ nguồn"),
    "rule": Phrase("Đơn vị giữ bộ quy tắc"),
    "datum": Phrase("Đơn vị phải bổ sung dữ liệu"),
}
_MESSAGE = {
    "held": Phrase("soạn rồi giữ lại, không gửi (delivery.mode = hold hoặc ngoài diện thí điểm)"),
    "waiting": Phrase("chờ gửi"),
    "sent": Phrase("đã gửi"),
    "failed": Phrase("gửi không được"),
    "uncertain": Phrase("chưa rõ đã đến hay chưa"),
    "merged": Phrase("gộp vào bản tin sau"),
    "withdrawn": Phrase("không gửi: nội dung đã kết thúc trước khi gửi"),
}
_WAITING = {
    "due": Phrase("ở chu kỳ xét tiếp theo"),
    "timer": Phrase("sau khi hết thời gian chờ của bước trước"),
    "promise": Phrase("khi hết hạn cam kết mà chưa khắc phục"),
    "gone": Phrase("không báo: số đo đã trở lại trong ngưỡng, đang chờ đủ thời gian để kết thúc"),
    "pending": Phrase("sau khi cảnh báo mở"),
    "muted": Phrase("khi hết tạm dừng nếu vẫn còn đúng"),
    "": Phrase("chưa đến lượt"),
}


def explain_lines(explanation: Explanation, zone: ZoneInfo) -> Iterator[str]:
    """Say for each rule why, or why not."""
    said = explanation
    yield f"{said.subject} – {said.title}" if said.title else said.subject
    if said.about == "task":
        words = f" ({said.due_text})" if said.due_text else ""
        yield Phrase(
            "Chủ trì: {unit}. Thời hạn: {due_at}{words}.", unit=said.unit, due_at=_local(said.due_at, zone), words=words
        )
    else:
        yield Phrase("{what}: {unit}.", what=_ABOUT[said.about], unit=said.unit)
    yield Phrase("Xét lúc {at}:", at=_local(said.at, zone))
    for name, counted in said.counted.items():
        yield _count_line(name, counted, zone, said.at)
    yield from (together(("  ", label, ": ", value)) for label, value in said.facts.items())
    if said.held_by:
        yield Phrase(
            "  giữ nguyên mọi mức vì nguồn số liệu đang chậm hoặc có lỗi: {sources}", sources=", ".join(said.held_by)
        )
    if said.asked:
        yield Phrase("  chức vụ được hỏi: {title}, {unit}", title=said.asked.title, unit=said.asked.unit)
    if not said.verdicts:
        yield Phrase("  không có quy tắc nào về loại đối tượng này")
    for verdict in said.verdicts:
        yield from _verdict_lines(verdict, said, zone)


def _local(instant: datetime | None, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%d/%m/%Y %H:%M") if instant else "–"


# --- days -----------------------------------------------------------------------------------------------------------


def _count_line(name: str, counted: DayCount, zone: ZoneInfo, at: datetime) -> Phrase:
    span = _span(name, counted, at.astimezone(zone).date())
    if counted.every_day:
        return Phrase("  {span}: {days} ngày (mọi ngày đều tính)", span=span, days=counted.days)
    parts = []
    if counted.weekends:
        parts.append(Phrase("{count} ngày thứ Bảy, Chủ nhật", count=counted.weekends))
    if counted.days_off:
        parts.append(Phrase("nghỉ lễ, Tết {days}", days=_days(counted.days_off)))
    passed = Phrase("; không tính {parts}", parts=together(parts, ", ")) if parts else ""
    made_up = Phrase("; làm bù {days}", days=_days(counted.make_up_days)) if counted.make_up_days else ""
    return Phrase(
        "  {span}: {days} ngày làm việc{passed}{made_up}", span=span, days=counted.days, passed=passed, made_up=made_up
    )


def _span(name: str, counted: DayCount, today: date) -> Phrase:
    start, end = _day(counted.start), _day(counted.end)
    ahead = counted.start == today
    if name == "due_at":
        return Phrase("từ nay đến hạn {end}", end=end) if ahead else Phrase("từ hạn {start} đến nay", start=start)
    if name == "last_reported_at":
        return Phrase("từ báo cáo gần nhất {start} đến nay", start=start)
    return (
        Phrase("từ nay đến ngày bắt đầu {end}", end=end)
        if ahead and counted.end != today
        else Phrase("từ ngày bắt đầu {start} đến nay", start=start)
    )


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _days(days: tuple[date, ...]) -> str:
    more = " …" if len(days) > _DATES_SHOWN else ""
    return ", ".join(f"{day:%d/%m}" for day in days[:_DATES_SHOWN]) + more


# --- one rule -------------------------------------------------------------------------------------------------------


def _verdict_lines(verdict: Verdict, said: Explanation, zone: ZoneInfo) -> Iterator[str]:
    yield together((f"\n{verdict.rule}: ", _SAID[verdict.level]))
    if verdict.labels:
        yield Phrase("  nhãn: {labels}", labels=", ".join(f"{name}={word}" for name, word in verdict.labels.items()))
    if verdict.failure:
        yield Phrase("  quy tắc lỗi, giữ nguyên cảnh báo: {failure}", failure=verdict.failure)
    else:
        yield Phrase("  điều kiện: {where}", where=verdict.where)
        # The sentence says that a threshold was crossed: it is true only where one was.
        sentence = f": {verdict.sentence}" if verdict.level in LEVELS else ""
        yield together((f"  {verdict.measure} = ", _value(verdict.value), sentence))
        limits = together((together((f"{word} ", _value(limit))) for word, limit in verdict.thresholds.items()), ", ")
        yield Phrase("  ngưỡng: {thresholds}", thresholds=limits)
        values = together((together((f"{name} = ", _value(value))) for name, value in verdict.values.items()), ", ")
        yield Phrase("  số liệu: {values}", values=values)
    people = said.people or {}
    if verdict.trail:
        yield from _trail_lines(verdict, verdict.trail, people, zone, all_=said.asked is None)
    if said.asked:
        yield from (together(("  ", _message(one, people, zone))) for one in verdict.messages)
        if verdict.why_not:
            yield Phrase("  không báo thêm cho chức vụ này: {why}", why=verdict.why_not)


def _trail_lines(
    verdict: Verdict, trail: Trail, people: Mapping[str, str], zone: ZoneInfo, *, all_: bool
) -> Iterator[str]:
    level = _SAID[trail.level]
    if trail.state == "pending":
        yield Phrase(
            "  cảnh báo {alert} đang chờ, mở lúc {at} nếu vẫn còn đúng",
            alert=trail.alert,
            at=_local(trail.opens_at, zone),
        )
        return
    yield Phrase(
        "  cảnh báo đang theo dõi: {alert}, mức {level}, mở lúc {at}",
        alert=trail.alert,
        level=level,
        at=_local(trail.since, zone),
    )
    if trail.level != verdict.level and verdict.level in LEVELS:
        yield Phrase("  mức của cảnh báo đổi ở chu kỳ xét tiếp theo")
    if trail.promised_for:
        yield Phrase(
            "  đã nhận trách nhiệm: {holder}, cam kết đến {at}",
            holder=people.get(trail.acknowledged_by or "", trail.acknowledged_by or ""),
            at=_local(trail.promised_for, zone),
        )
    for muting in verdict.muted:
        yield Phrase("  không báo: {why}", why=muting.said(_local(muting.until, zone)))
    if trail.muted_since:
        yield Phrase("  có bước báo bị giữ lại từ {at}", at=_local(trail.muted_since, zone))
    if trail.gone_since:
        yield Phrase("  số đo đã trở lại trong ngưỡng từ {at}", at=_local(trail.gone_since, zone))
    if all_:
        for step in trail.steps:
            yield from _step_lines(step, trail, people, zone)
    if trail.standing:
        yield Phrase("  mọi bước đã báo; còn trong danh sách của cơ quan thường trực đến khi kết thúc")


def _step_lines(step: Reached, trail: Trail, people: Mapping[str, str], zone: ZoneInfo) -> Iterator[str]:
    whom = "; ".join(people.get(code, code) for code in step.holders) or Phrase("không tìm thấy người giữ chức vụ")
    named = {"level": _SAID[step.level], "step": step.step, "offices": ", ".join(step.offices), "whom": whom}
    if step.state == "called":
        at = _local(step.at, zone)
        yield Phrase("  {at} mức {level}, bước {step} ({offices}): {whom}", at=at, **named)
        yield from (together(("    ", _message(one, people, zone))) for one in step.messages)
        if not step.messages:
            yield Phrase("    không có văn bản nào được soạn cho bước này")
        return
    if step.state == "next" and step.at is None:
        yield Phrase("  sẽ báo khi cảnh báo kia kết thúc: bước {step} ({offices}): {whom}", **named)
        return
    if step.state == "next":
        why, at = _WAITING[trail.waiting], _local(step.at, zone)
        yield Phrase("  sẽ báo lúc {at}, {why}: bước {step} ({offices}): {whom}", at=at, why=why, **named)
    else:
        yield Phrase("  chưa đến lượt: bước {step} ({offices}): {whom}", **named)
    if step.wait:
        yield together(("    ", step.wait))


def _message(one: Message, people: Mapping[str, str], zone: ZoneInfo) -> Phrase:
    answer = f" ({one.answer})" if one.answer and one.state == "failed" else ""
    return Phrase(
        "{channel} cho {holder}: {state} {at}{answer}",
        channel=one.channel,
        holder=people.get(one.holder, one.holder),
        state=_MESSAGE.get(one.state, one.state),
        at=_local(one.at, zone),
        answer=answer,
    )


def _value(value: object) -> str:
    if value is None:
        return Phrase("chưa có")
    return f"{value:.4g}" if isinstance(value, float) else str(value)
