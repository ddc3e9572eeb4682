"""What the addresses that answer in JSON return: names, types, and what may be null. `/openapi.json` publishes it.

A field with a default may be absent. The answers themselves are made by the functions that commands print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from pydantic import JsonValue

from tribolake.market.formulas import Formula
from tribolake.market.indicators import Computation
from tribolake.market.market_lake import StoredVersion
from tribolake.market.raw_objects import RawObject
from tribolake.market.traced_values import Input
from tribolake.trace.chain import TracedRun

Kind = Literal["indicators", "percentiles", "features"]


@dataclass(frozen=True)
class Problem:
    """What is wrong, in a sentence."""

    error: str


@dataclass(frozen=True)
class PublishedClient:
    """A client, and the run that published what is shown of it."""

    client: str
    run_id: str


@dataclass(frozen=True)
class Health:
    """`incomplete`: the manifests of the clients in `unread` are damaged."""

    status: Literal["ok", "incomplete"]
    published: Sequence[PublishedClient]
    unread: Sequence[str] = field(default_factory=list)


@dataclass(frozen=True)
class Unreachable:
    """The lake cannot be read. The server's log has the error by its number."""

    status: Literal["unreachable"]
    error: str


@dataclass(frozen=True)
class PublishedRun:
    """The run that is published."""

    run_id: str
    published_at: str


@dataclass(frozen=True)
class MarketHealth:
    """`published` is null if no run has published yet."""

    status: Literal["ok"]
    published: PublishedRun | None


@dataclass(frozen=True)
class TickerStatus:
    """How far the prices of a ticker reach. Without a usable bar it has no symbol, sessions, close and currency."""

    ticker: str
    symbol: str | None
    first_session: str | None
    last_session: str | None
    close: float | None
    currency: str | None
    rsi_14: float | None
    responses: int
    fetched_at: str
    sessions: int
    corrections: int
    rejected: int
    missing: int


@dataclass(frozen=True)
class HeldTicker:
    """A ticker that a quality rule holds back. It keeps what it had."""

    ticker: str
    symbol: str | None
    problem: str
    since: str | None


@dataclass(frozen=True)
class Finding:
    """What a quality rule found of a ticker."""

    ticker: str
    symbol: str | None
    rule: str
    severity: str
    findings: int
    last_session: str | None
    value: float
    allowed: float
    words: str


@dataclass(frozen=True)
class FailedFile:
    """A response that cannot be read."""

    file: str
    problem: str | None
    last_attempt: str


@dataclass(frozen=True)
class RejectedExample:
    """A place of a file, and what stands there."""

    sheet: str | None
    row: int | None
    column: str | None
    sample: str | None
    essay: str | None
    text: str | None
    detail: str | None


@dataclass(frozen=True)
class Rejected:
    """What is not used of a file for one reason. `share` is that of the file's rows."""

    client: str
    file: str
    reason: str
    subject: str
    meaning: str
    advice: str
    rejected: int
    rows: int
    share: float
    needs_a_look: bool
    examples: Sequence[RejectedExample]


@dataclass(frozen=True)
class Delivery:
    """What a sink has not confirmed."""

    sink: str
    waiting: int
    since: str | None
    problem: str | None


@dataclass(frozen=True)
class LastAttempt:
    """The last run of this machine or another one. `ended_at` and `exit_code` are null while it works."""

    run_id: str | None
    begun_at: str | None
    ended_at: str | None
    exit_code: int | None
    problem: str | None
    failing_since: str | None


@dataclass(frozen=True)
class HeldBack:
    """Why nothing new is published, and since when."""

    problem: str
    since: str


@dataclass(frozen=True)
class MarketStatus:
    """What readers see, and whether runs go well. `waiting` and `gone` are keys of responses."""

    tickers: Sequence[TickerStatus]
    waiting: Sequence[str]
    held_tickers: Sequence[HeldTicker]
    findings: Sequence[Finding]
    failed_files: Sequence[FailedFile]
    rejected: Sequence[Rejected]
    current_version: str | None
    deliveries: Sequence[Delivery]
    last_attempt: LastAttempt
    held_back: Mapping[str, HeldBack]
    unread_folders: Sequence[str]
    gone: Sequence[str]


@dataclass(frozen=True)
class Versions:
    """Stored computations, the latest first."""

    versions: Sequence[StoredVersion]


@dataclass(frozen=True)
class Moments:
    """A value among those of the last 252 sessions."""

    value: float | None = None
    percentile: float | None = None
    mean: float | None = None
    std: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    frequency_below: float | None = None
    frequency_above: float | None = None
    sessions: int | None = None


@dataclass(frozen=True)
class Source:
    """A raw object that values were computed from."""

    key: str
    version_id: str | None = None
    sha256: str | None = None
    sessions: int | None = None


@dataclass(frozen=True)
class Values:
    """The body of a processed object, or values as they were known on a day, which have no key and no time.

    Indicators and features are numbers, and percentiles have their moments. Programs may store other values, and other
    fields, through `MarketLake`. `undefined` says why a value is null.
    """

    ticker: str
    symbol: str
    computation_type: Kind
    computation_version: str
    values: Mapping[str, float | Moments | str | bool | Sequence[JsonValue] | None]
    undefined: Mapping[str, str | Mapping[str, str]]
    sources: Sequence[Source]
    key: str = field(default_factory=str)
    computed_at: str = field(default_factory=str)
    session_date: str = field(default_factory=str)
    as_known_on: str = field(default_factory=str)
    run_id: str = field(default_factory=str)
    code: str = field(default_factory=str)


@dataclass(frozen=True)
class TracedNumber:
    """A number that a value was computed from. `is_same` says whether it still stands in its raw object."""

    session_date: date
    price: str
    served: float | None
    used: float | None
    key: str
    version_id: str | None
    sha256: str | None
    pointer: str | None
    found: float | None
    is_same: bool


@dataclass(frozen=True)
class TracedSplit:
    """A split by which prices were multiplied or divided."""

    ex_date: date
    ratio: float
    is_counted: bool
    key: str
    version_id: str | None
    sha256: str | None
    pointer: str | None
    found: float | None
    is_same: bool


@dataclass(frozen=True)
class TracedDividend:
    """A dividend by whose share of the close before it earlier prices were lowered."""

    ex_date: date
    amount: float
    key: str
    version_id: str | None
    sha256: str | None
    pointer: str | None
    found: float | None
    close_before: Input
    is_same: bool


@dataclass(frozen=True)
class TracedValue:
    """A published value, and everything that it was computed from. Features have no `computation`."""

    ticker: str
    symbol: str
    session_date: date
    name: str
    value: float | None
    undefined: str | None
    recomputed: float | None
    computation_version: str
    computation: Computation | None
    formula: Formula
    run: TracedRun
    sessions: int
    first_session: date
    objects: Sequence[RawObject]
    inputs: Sequence[TracedNumber]
    splits: Sequence[TracedSplit]
    dividends: Sequence[TracedDividend]
    problems: Sequence[str]
