"""Keys and labels of processed objects: `processed/{kind}/{ticker}/{date}/{timestamp}.json`, of the computation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tribolake.lake.labels import LONGEST_VALUE, Label
from tribolake.market.keys import STAMP, parse_key
from tribolake.market.symbols import symbol_of_ticker

KINDS = ("indicators", "percentiles", "features")
KEY = re.compile(
    r"(?:[^/]+/)*processed/(?P<kind>indicators|percentiles|features)/(?P<ticker>[^/]+)/\d{4}-\d\d-\d\d"
    r"/(?P<stamp>\d{8}_\d{6})(_(?P<number>[1-9]\d*))?\.json"
)
STAMPED = re.compile(r"\d{8}_\d{6}(_[1-9]\d*)?")  # the last part of a key


@dataclass(frozen=True)
class ProcessedKey:
    """The parts of a key. `number` counts the objects of a second, from 1."""

    kind: str
    ticker: str
    computed_at: datetime
    number: int = 1

    def __str__(self) -> str:
        return f"{self.folder}/{self.computed_at.astimezone(UTC):%Y-%m-%d}/{self.stamp}.json"

    @property
    def stamp(self) -> str:
        number = f"_{self.number}" if self.number > 1 else ""
        return f"{self.computed_at.astimezone(UTC):{STAMP}}{number}"

    @property
    def folder(self) -> str:
        return f"processed/{self.kind}/{self.ticker}"

    @property
    def order(self) -> tuple[datetime, int]:
        """Later objects come later, which is not so for their names: `_10` is before `_9`."""
        return self.computed_at, self.number


def parse_processed(key: str) -> ProcessedKey | None:
    """Return the parts of a key. None if it is not one of a processed object."""
    found = KEY.fullmatch(key)
    if not found or symbol_of_ticker(found["ticker"]) is None:
        return None
    try:
        computed_at = datetime.strptime(found["stamp"], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    parsed = ProcessedKey(found["kind"], found["ticker"], computed_at, int(found["number"] or 1))
    return parsed if key.endswith(str(parsed)) else None


def label_of(body: Mapping[str, Any]) -> Label:
    """Return metadata and tags of a body. A value that no tag can hold is `metadata:{name}`, where metadata has it."""
    newest = newest_source(body["ticker"], body["sources"])
    names = json.dumps(sorted(body["values"]))
    metadata = {
        "computed_at": body["computed_at"],
        "source": f"{body['computation_type']}_computation",
        "ticker": symbol_of_ticker(body["ticker"]) or body["ticker"],
        "source_raw_data_key": newest["key"],
        "source_raw_version_id": newest.get("version_id"),
        "source_raw_sha256": newest.get("sha256"),
        "computation_version": body["computation_version"],
        "data_classification": "computed-data",
        "indicators_computed": names,
        "session_date": body.get("session_date"),
        "run_id": body.get("run_id"),
        "code": body.get("code"),
    }
    tags = {
        "source": "computed",
        "ticker": body["ticker"],
        "computed_at": body["computed_at"][:10],
        "computation_type": body["computation_type"],
        "computation_version": body["computation_version"],
        "source_raw_data": _tag(newest["key"], "source_raw_data_key"),
        "session_date": body.get("session_date"),
        "source_raw_version": _tag(newest.get("version_id"), "source_raw_version_id"),
    }
    return Label(
        {name: str(value) for name, value in metadata.items() if value is not None},
        {name: str(value) for name, value in tags.items() if value is not None},
    )


def own_sources(ticker: str, sources: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the raw objects of a ticker itself: features name those of their benchmark too."""
    return [source for source in sources if (key := parse_key(str(source["key"]))) and key.ticker == ticker]


def newest_source(ticker: str, sources: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the raw object of a ticker that was fetched last. Another program may name none of the ticker."""
    return max(sources, key=lambda source: _order(ticker, str(source["key"])))


def _order(ticker: str, key: str) -> tuple[bool, str, int]:
    """Those of the ticker come last, the later ones later. That is not so for their names: `_10` is before `_9`."""
    parsed = parse_key(key)
    if parsed is None:
        return False, key.rpartition("/")[2], 0
    return parsed.ticker == ticker, f"{parsed.fetched_at:{STAMP}}", parsed.number


def _tag(value: str | None, name: str) -> str | None:
    return f"metadata:{name}" if value is not None and len(value) > LONGEST_VALUE else value
