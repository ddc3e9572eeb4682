"""`MarketLake`: store computed values as objects that are written once, and find them again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from tribolake.lake.objects import ObjectExists, ObjectNotFound
from tribolake.lake.replicas import open_replicas
from tribolake.market.bodies import computed_body, iso, last_session_of, parsed_body
from tribolake.market.keys import place
from tribolake.market.processed import KINDS, STAMPED, ProcessedKey, label_of, parse_processed
from tribolake.market.raw_objects import THREADS
from tribolake.market.symbols import symbol_of, ticker_of
from tribolake.settings import Settings

MOST_IN_A_SECOND = 100
AT_ONCE = 2 * THREADS  # objects that are read before it is seen whether one fits
Body = dict[str, Any]


@dataclass(frozen=True)
class StoredValues:
    """Where values were stored. A folder has no versions."""

    key: str
    version_id: str | None


@dataclass(frozen=True)
class StoredVersion:
    """A version of a processed object. A folder has one of each, without an id."""

    kind: str
    computed_at: datetime
    key: str
    version_id: str | None

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {"computed_at": iso(self.computed_at, "computed_at")}


class MarketLake:
    """Processed objects of the market product in a lake. `settings` are those of the product."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._replicas = open_replicas(settings)

    def store_indicators(
        self,
        ticker: str,
        indicators: Mapping[str, Any],
        source_raw_data_key: str,
        computed_at: datetime,
        computation_version: str = "1.0",
    ) -> StoredValues:
        """Store indicators of a symbol, computed from a raw object.

        Raises:
            TypeError: a value cannot be written as JSON.
            ValueError: `computed_at` has no time zone.
            StoreUnavailable: the object cannot be stored.
        """
        sources = [{"key": source_raw_data_key}]
        return self.store("indicators", ticker, indicators, sources, computed_at, computation_version)

    def store_percentiles(
        self,
        ticker: str,
        percentiles: Mapping[str, Any],
        source_raw_data_key: str,
        computed_at: datetime,
        computation_version: str = "1.0",
    ) -> StoredValues:
        """Store percentiles: see :meth:`store_indicators`."""
        sources = [{"key": source_raw_data_key}]
        return self.store("percentiles", ticker, percentiles, sources, computed_at, computation_version)

    def store_features(
        self,
        ticker: str,
        features: Mapping[str, Any],
        source_raw_data_key: str,
        computed_at: datetime,
        computation_version: str = "1.0",
    ) -> StoredValues:
        """Store features: see :meth:`store_indicators`."""
        sources = [{"key": source_raw_data_key}]
        return self.store("features", ticker, features, sources, computed_at, computation_version)

    def store(
        self,
        kind: str,
        ticker: str,
        values: Mapping[str, Any],
        sources: Sequence[Mapping[str, Any]],
        computed_at: datetime,
        computation_version: str,
        **fields: Any,
    ) -> StoredValues:
        """Store values of a symbol as a new object, in every replica of the lake.

        Args:
            kind: indicators, percentiles or features.
            ticker: the symbol as Yahoo writes it.
            values: by name.
            sources: the raw objects that were used, with `key` and, as far as known, `version_id`, `sha256` and
                `sessions`.
            computed_at: when, with a time zone.
            computation_version: how.
            fields: more of the body, such as `session_date`, `undefined` and `run_id`.
        """
        return self.store_body(computed_body(kind, ticker, values, sources, computed_at, computation_version, **fields))

    def store_body(self, content: bytes) -> StoredValues:
        """Store the bytes of :func:`computed_body` in every replica. The same bytes again are the same object.

        Raises:
            ObjectExists: many other objects of this second exist.
            StoreUnavailable: a replica did not confirm it.
        """
        body = json.loads(content)
        label = label_of(body)
        key = ProcessedKey(body["computation_type"], body["ticker"], datetime.fromisoformat(body["computed_at"]))
        for number in range(1, MOST_IN_A_SECOND + 1):
            name = place(self.settings, str(replace(key, number=number)))
            try:
                versions = [replica.put_new(name, content, label) for replica in self._replicas]
            except ObjectExists:
                continue
            return StoredValues(name, next(filter(None, versions), None))
        raise ObjectExists(f"{key} and {MOST_IN_A_SECOND - 1} more of this second exist: try again")

    def get_latest_indicators(self, ticker: str) -> Body | None:
        """Return the indicators of a symbol that were computed last. None if there are none."""
        return self.get("indicators", ticker)

    def get_latest_percentiles(self, ticker: str) -> Body | None:
        """Return the percentiles of a symbol that were computed last. None if there are none."""
        return self.get("percentiles", ticker)

    def get_latest_features(self, ticker: str) -> Body | None:
        """Return the features of a symbol that were computed last. None if there are none."""
        return self.get("features", ticker)

    def get_indicators_by_date(
        self, ticker: str, day: date | None = None, *, session: date | None = None
    ) -> Body | None:
        """Return the indicators that were computed last on a day (UTC), or those of a session."""
        return self.get("indicators", ticker, day=day, session=session)

    def get_percentiles_by_date(
        self, ticker: str, day: date | None = None, *, session: date | None = None
    ) -> Body | None:
        """Return the percentiles that were computed last on a day (UTC), or those of a session."""
        return self.get("percentiles", ticker, day=day, session=session)

    def get_features_by_date(self, ticker: str, day: date | None = None, *, session: date | None = None) -> Body | None:
        """Return the features that were computed last on a day (UTC), or those of a session."""
        return self.get("features", ticker, day=day, session=session)

    def get_indicators_by_version(self, ticker: str, version: str) -> Body | None:
        """Return the indicators of a version: see :meth:`get`."""
        return self.get("indicators", ticker, version=version)

    def get_percentiles_by_version(self, ticker: str, version: str) -> Body | None:
        """Return the percentiles of a version: see :meth:`get`."""
        return self.get("percentiles", ticker, version=version)

    def get_features_by_version(self, ticker: str, version: str) -> Body | None:
        """Return the features of a version: see :meth:`get`."""
        return self.get("features", ticker, version=version)

    def versions(self, ticker: str, kind: str | None = None) -> list[StoredVersion]:
        """List every computation of a symbol, the latest first; of one kind, or of all."""
        found = []
        for one in [kind] if kind else KINDS:
            for listed in self._replicas[0].versions(place(self.settings, _folder(one, ticker))):
                key = parse_processed(listed.key)
                if key:
                    version = StoredVersion(one, key.computed_at, listed.key, listed.version_id)
                    found.append((key.order, listed.modified_at, version))
        return [version for *_, version in sorted(found, key=lambda each: each[:2], reverse=True)]

    def _keys(self, kind: str, ticker: str) -> list[ProcessedKey]:
        """List the objects of a symbol, the latest first. It goes by key: times of objects change when they move."""
        listed = self._replicas[0].files(place(self.settings, _folder(kind, ticker)))
        return sorted(
            filter(None, (parse_processed(one.key) for one in listed)), key=lambda key: key.order, reverse=True
        )

    def get(
        self,
        kind: str,
        ticker: str,
        *,
        day: date | None = None,
        session: date | None = None,
        version: str | None = None,
    ) -> Body | None:
        """Return the body of the latest object that fits.

        Args:
            kind: indicators, percentiles or features.
            ticker: the symbol.
            day: of the computation (UTC).
            session: day of the market.
            version: a timestamp such as `20250115_120000`, the id of a version, or a computation version.

        Raises:
            ConfigurationError: the symbol cannot be one.
            StoreUnavailable: the object is archived, and the message says how to restore it.
            ContractBroken: another program made it something else.
        """
        is_stamp = version is not None and STAMPED.fullmatch(version) is not None
        if version is not None and not is_stamp:
            exact = next((one for one in self.versions(ticker, kind) if one.version_id == version), None)
            if exact:
                is_of_day = day in (None, exact.computed_at.date())
                body = self._read(exact.key, version) if is_of_day else None
                return body if body and _is_of_session(body, session) else None
        keys = [
            key
            for key in self._keys(kind, ticker)
            if day in (None, key.computed_at.date())
            and (not is_stamp or key.stamp == version)
            and (session is None or session <= last_session_of(key.computed_at))
        ]
        wanted = None if is_stamp else version
        fitting = (
            body
            for body in self._bodies(keys)
            if _is_of_session(body, session) and wanted in (None, body["computation_version"])
        )
        return next(fitting, None)

    def _bodies(self, keys: Sequence[ProcessedKey]) -> Iterator[Body]:
        """Read objects in their order: the first one alone, as it is most often the one, and then some at a time."""
        places = [place(self.settings, str(key)) for key in keys]
        yield from map(self._read, places[:1])
        with ThreadPoolExecutor(THREADS) as threads:
            for start in range(1, len(places), AT_ONCE):
                yield from threads.map(self._read, places[start : start + AT_ONCE])

    def _read(self, key: str, version_id: str | None = None) -> Body:
        content = self._replicas[0].read(key, version_id=version_id)
        if content is None:
            raise ObjectNotFound(f"{key} was removed since it was listed")
        return parsed_body(content, self._replicas[0].address(key)) | {"key": key}


def _folder(kind: str, ticker: str) -> str:
    return ProcessedKey(kind, ticker_of(symbol_of(ticker)), datetime.now(UTC)).folder


def _is_of_session(body: Body, session: date | None) -> bool:
    return session is None or body.get("session_date") == session.isoformat()
