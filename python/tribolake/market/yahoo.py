"""Ask Yahoo through yfinance, and keep the bytes that it answered. Only `market fetch` imports this module.

yfinance gets a session that records. The answer to its question for a time zone (`range=1d`) is not a response, and
crumbs and cookies are kept in the memory of this process only. An answer that is too long is not read to its end.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yfinance
from curl_cffi import CurlOpt, requests

from tribolake.market.keys import MOST_BYTES
from tribolake.texts import cut

CHART = "/v8/finance/chart/"
SECRET_PARAMETERS = frozenset({"crumb"})
RATE_LIMITED = 429


@dataclass(frozen=True)
class Answer:
    """What Yahoo answered to the last question for a chart. `status` is 0 if it did not answer."""

    status: int
    body: bytes
    request: Mapping[str, str] = field(default_factory=dict)
    is_probe: bool = False
    problem: str = ""


class RecordingSession(requests.Session[requests.Response]):
    """A session that keeps the last answer with a chart. `endpoint` replaces scheme and host of every address."""

    def __init__(self, endpoint: str | None) -> None:
        super().__init__(impersonate="chrome", curl_options={CurlOpt.MAXFILESIZE_LARGE: MOST_BYTES})
        self.endpoint = endpoint
        self.last: Answer | None = None

    def request(self, method: Any, url: str, *words: Any, **options: Any) -> Any:
        parts = urlsplit(url)
        is_chart = parts.path.startswith(CHART)
        asked = {name: str(value) for name, value in dict(options.get("params") or {}).items()}
        request = {name: value for name, value in asked.items() if name not in SECRET_PARAMETERS}
        is_probe = request.get("range") == "1d"
        if self.endpoint:
            url = f"{self.endpoint.rstrip('/')}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        try:
            answer = super().request(method, url, *words, **options)
        except Exception as error:
            if is_chart:
                self.last = Answer(0, b"", request, is_probe, f"{type(error).__name__}: {error}".splitlines()[0])
            raise
        if is_chart:
            self.last = Answer(answer.status_code, answer.content, request, is_probe)
        return answer


def ask_yahoo(session: RecordingSession, symbol: str, since: date | None, cache: Path) -> Answer:
    """Ask for the daily bars of a symbol from a day until now. Without a day, for all there are.

    A range always ends now: yfinance answers past ranges from its memory, and a response that ends now names every
    split that its prices are adjusted for.
    """
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)
    yfinance.set_tz_cache_location(str(cache))
    yfinance.cache.get_cookie_cache().dummy = True  # yfinance would write cookies into that folder
    # An answer from memory would not pass through the session.
    yfinance.data.YfData.cache_get.cache_clear()
    session.last = None
    beginning: dict[str, Any] = {"start": since.isoformat()} if since else {"period": "max"}
    try:
        yfinance.Ticker(symbol, session=session).history(
            interval="1d", auto_adjust=False, actions=True, keepna=True, repair=False, **beginning
        )
    except yfinance.exceptions.YFRateLimitError:
        return Answer(RATE_LIMITED, b"", problem="too many requests")
    except Exception as error:  # yfinance could not make a table of it; what counts are the bytes
        if session.last is None:
            return Answer(0, b"", problem=f"{type(error).__name__}: {error}".splitlines()[0])
    return session.last or Answer(0, b"", problem="Yahoo was not asked: see whether the symbol is right")


def problem_of(answer: Answer) -> tuple[str, str] | None:
    """Return why an answer is not staged. None if it is a chart with bars.

    Returns:
        The outcome of the fetch, and its reason. `nothing` if Yahoo says that there are no bars, else `failed`.
    """
    if answer.problem:
        return "failed", answer.problem
    try:
        chart = json.loads(answer.body)["chart"]
        error, results = chart.get("error"), chart.get("result")
        if error:
            words = cut(f"{error.get('code')}: {error.get('description')}", 300)
            return "failed" if answer.status >= 500 else "nothing", words
        if answer.status == 200 and not answer.is_probe and results and results[0].get("timestamp"):
            return None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return "failed", f"the answer (status {answer.status}) is not a chart"
    if answer.status != 200:
        return "failed", f"Yahoo answered with status {answer.status}"
    return "nothing", "Yahoo has no bars in this range: the market is closed, or nothing was traded"
