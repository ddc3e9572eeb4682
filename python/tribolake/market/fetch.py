"""`market fetch`: ask for one symbol after the other, and stage what came."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from tribolake.lake.files import append_durably
from tribolake.libraries import brought_by
from tribolake.market.keys import YFINANCE, RawKey
from tribolake.market.staging import stage
from tribolake.market.symbols import ticker_of
from tribolake.product import Progress
from tribolake.settings import Settings

FETCHES = "fetches.jsonl"
RATE_LIMITED = 429
CLOCK = (
    "{} has a later time, so its values count before those of today: check the clock. If that time is wrong, move the "
    "object away, and run with --full-refresh"
)
# After a refusal, so many pauses, each so many times the pause between requests.
PAUSES = (10, 30, 90)


@dataclass(frozen=True)
class Fetched:
    """What came of a symbol.

    `outcome` is `staged`, `unchanged` (the last response has the same bytes), `refused` (too many requests), `failed`
    (Yahoo cannot be reached, or did not answer with a chart) or `nothing` (Yahoo says why there is none). What is
    staged has a problem if an object of the symbol has a later time.
    """

    symbol: str
    outcome: str
    key: str | None = None
    version_id: str | None = None
    bytes: int = 0
    problem: str | None = None

    @property
    def is_well(self) -> bool:
        return self.outcome in ("staged", "unchanged") and self.problem is None


def fetch(
    settings: Settings,
    symbols: Sequence[str],
    since: date | None = None,
    *,
    progress: Progress = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Fetched]:
    """Fetch daily bars from Yahoo and stage the responses. Each outcome is added to the record of fetches.

    Args:
        settings: of the product.
        symbols: Yahoo's symbols, checked.
        since: first day; None is all there is.
        progress: told the symbol that is asked for.
        sleep: waits for some seconds.

    Returns:
        One outcome per symbol. After refusals that no pause ends, the rest is `refused` without being asked for.

    Raises:
        NotInstalled: yfinance is not installed.
    """
    with brought_by("market"):
        from tribolake.market.yahoo import Answer, RecordingSession, ask_yahoo, problem_of  # noqa: PLC0415 - the extra
    pause, cache = settings.market.pause_seconds, settings.state / "yfinance"
    cache.mkdir(parents=True, exist_ok=True)
    session, outcomes, is_refused = RecordingSession(settings.market.endpoint), [], False

    def ask(symbol: str) -> Answer:
        for wait in (*PAUSES, None):
            answer = ask_yahoo(session, symbol, since, cache)
            if answer.status != RATE_LIMITED or wait is None:
                return answer
            progress(f"{symbol}: Yahoo refuses, next try after {wait * pause:.0f} s")
            sleep(wait * pause)
        raise AssertionError("unreachable")

    def one(symbol: str) -> Fetched:
        progress(f"fetch {symbol}")
        answer = ask(symbol)
        if answer.status == RATE_LIMITED:
            return Fetched(symbol, "refused", problem="too many requests: fetch the rest in an hour")
        if not_staged := problem_of(answer):
            outcome, problem = not_staged
            return Fetched(symbol, outcome, problem=problem)
        key = RawKey(YFINANCE, ticker_of(symbol), datetime.now(UTC).replace(microsecond=0))
        staged = stage(settings, key, answer.body, answer.request)
        outcome = "staged" if staged.is_new else "unchanged"
        clock = CLOCK.format(staged.later) if staged.later else None
        return Fetched(symbol, outcome, staged.key, staged.version_id, len(answer.body), clock)

    for number, symbol in enumerate(dict.fromkeys(symbols)):
        if is_refused:
            outcomes.append(Fetched(symbol, "refused", problem="not asked for: Yahoo refuses"))
            continue
        if number:
            sleep(pause)
        outcomes.append(one(symbol))
        is_refused = outcomes[-1].outcome == "refused"
        _record(settings, outcomes[-1])
    return outcomes


def _record(settings: Settings, fetched: Fetched) -> None:
    line = {"at": datetime.now(UTC).isoformat(timespec="seconds")} | asdict(fetched)
    append_durably(settings.state / FETCHES, (json.dumps(line, ensure_ascii=False) + "\n").encode())
