"""Stage raw objects: the bytes as they were served, written once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tribolake.lake.labels import Label, require_allowed
from tribolake.lake.objects import ObjectExists
from tribolake.lake.replicas import open_replicas
from tribolake.market.keys import RawKey, parse_key, place
from tribolake.market.symbols import symbol_of_ticker
from tribolake.settings import Settings

MOST_IN_A_SECOND = 100


@dataclass(frozen=True)
class Staged:
    """A raw object. `is_new` is False if the last object of the ticker has the same bytes: then nothing was stored.

    `later` is the key of an object of the ticker whose time is later.
    """

    key: str
    version_id: str | None
    is_new: bool
    later: str | None = None


def stage(settings: Settings, wanted: RawKey, content: bytes, request: Mapping[str, str]) -> Staged:
    """Store bytes under a key that no other object has, in every replica of the lake.

    Args:
        settings: of the product.
        wanted: the key. Its number grows while another object has it.
        content: as it was served.
        request: range, interval and events that were asked for.

    Raises:
        LabelRefused: S3 would refuse the label of the object.
        StoreUnavailable: it cannot be stored.
    """
    replicas = open_replicas(settings)
    label = label_of(wanted, request)
    require_allowed(label)
    listed = (parse_key(found.key) for found in replicas[0].files(place(settings, wanted.folder)))
    last = max(
        (key for key in listed if key and key.suffix == wanted.suffix),
        key=lambda key: key.ordered_at,
        default=None,
    )
    if last and replicas[0].has(place(settings, str(last)), content):
        return Staged(place(settings, str(last)), None, is_new=False)
    # The bytes may be those of an object before the last one.
    later = place(settings, str(last)) if last and last.fetched_at > wanted.fetched_at else None
    first = last.number + 1 if last and last.fetched_at == wanted.fetched_at else wanted.number
    for number in range(first, first + MOST_IN_A_SECOND):
        key = place(settings, str(replace(wanted, number=number)))
        try:
            versions = [replica.put_new(key, content, label) for replica in replicas]
        except ObjectExists:
            continue
        return Staged(key, next(filter(None, versions), None), is_new=True, later=later)
    raise ObjectExists(f"{key} and {MOST_IN_A_SECOND - 1} more of this second exist: try again")


def label_of(key: RawKey, request: Mapping[str, str]) -> Label:
    """Return the metadata and tags of a raw object. The store adds the metadata `sha256`."""
    at = key.fetched_at
    return Label(
        metadata={
            "fetched_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "source": key.source,
            "ticker": symbol_of_ticker(key.ticker) or key.ticker,
            "data_classification": "public-api-data",
            "request": json.dumps(dict(request), sort_keys=True),
        },
        tags={"source": key.source, "ticker": key.ticker, "fetched_at": f"{at:%Y-%m-%d}"},
    )
