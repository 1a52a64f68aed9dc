"""One GET that always ends: a body of bounded size in bounded time, from the origin that the settings name."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx

from warnwatch.language import Phrase
from warnwatch.plan.fetched import MOST_BYTES, Outcome, PullError, too_large, too_slow
from warnwatch.plan.source import PromqlSource, UrlSource, secret_of

MOST_REDIRECTS = 5
_CONNECT = 10.0
_AGENT = "WarnWatch"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. `most`: bytes that the answer may have."""

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    most: int = MOST_BYTES
    # Statuses beside 200 whose answer is given back as it is.
    accepts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the body lies in the file that was handed in."""

    status: int
    headers: Mapping[str, str]


def get(source: UrlSource | PromqlSource, request: Request, target: Path) -> Answer:
    """Ask, and write the answer's body into `target`; whatever goes wrong is a PullError without address and secret."""
    secret = secret_of(source)
    headers = {
        "User-Agent": _AGENT,
        # A packed body could unpack without end.
        "Accept-Encoding": "identity",
        **request.headers,
        **({source.header: secret} if secret else {}),
    }
    try:
        return asyncio.run(_get(source, request, headers, target))
    except TimeoutError:
        raise too_slow(source.limit) from None
    except httpx.TimeoutException:
        raise too_slow(source.limit) from None
    except httpx.RemoteProtocolError:
        raise PullError(Outcome.HALF, Phrase("máy chủ của nguồn ngắt giữa chừng: nội dung không trọn vẹn")) from None
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, ValueError) as error:
        name = type(error).__name__
        raise PullError(Outcome.UNREACHABLE, Phrase("không kết nối được với nguồn ({reason})", reason=name)) from None


async def _get(source: UrlSource | PromqlSource, request: Request, headers: Mapping[str, str], target: Path) -> Answer:
    # The limit is for all of it: a body, or a header, that drips a byte a second must not hold a worker for ever.
    async with asyncio.timeout(source.limit):
        verify = ssl.create_default_context(cafile=str(source.ca_file)) if source.ca_file else True
        # The environment's proxies and netrc would send the secret where the settings do not say.
        async with httpx.AsyncClient(
            verify=verify, trust_env=False, timeout=httpx.Timeout(source.limit, connect=_CONNECT)
        ) as client:
            url = httpx.URL(request.url, params=request.params) if request.params else httpx.URL(request.url)
            origin = _origin(url)
            for _ in range(MOST_REDIRECTS + 1):
                async with client.stream("GET", url, headers=dict(headers)) as answer:
                    if not answer.has_redirect_location:
                        return await _take(answer, request, target)
                    url = url.join(answer.headers["Location"])
                if _origin(url) != origin:
                    raise PullError(
                        Outcome.UNREACHABLE,
                        Phrase("nguồn chuyển hướng sang máy chủ khác, không đi theo; kiểm tra lại địa chỉ của nguồn"),
                    )
    raise PullError(Outcome.UNREACHABLE, Phrase("nguồn chuyển hướng quá {most} lần", most=MOST_REDIRECTS))


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


async def _take(answer: httpx.Response, request: Request, target: Path) -> Answer:
    if answer.status_code != 200 and answer.status_code not in request.accepts:
        raise PullError(Outcome.UNREACHABLE, Phrase("máy chủ của nguồn trả lời mã {status}", status=answer.status_code))
    if answer.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise PullError(
            Outcome.UNREACHABLE, Phrase("máy chủ của nguồn gửi nội dung nén dù không được yêu cầu; không giải nén")
        )
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > request.most:
        raise too_large()
    size = 0
    with target.open("wb") as file:
        async for part in answer.aiter_raw():
            size += len(part)
            if size > request.most:
                raise too_large()
            file.write(part)
    return Answer(answer.status_code, dict(answer.headers))
