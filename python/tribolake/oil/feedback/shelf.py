"""Entries of feedback in a lake: `{product}/feedback/{client}/{date}/{ulid}.json`, each written once.

The date is the UTC day on which it was written. Nothing here changes or removes an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC

from pydantic import ValidationError

from tribolake.errors import ConfigurationError
from tribolake.lake.bronze import CLIENT_NAME
from tribolake.lake.labels import Label
from tribolake.lake.objects import Objects, ObjectUnreadable
from tribolake.lake.replicas import open_replicas
from tribolake.oil.feedback import FEEDBACK_FOLDER
from tribolake.oil.feedback.entry import Entry, first_problem
from tribolake.oil.feedback.ulid import ULID
from tribolake.settings import Settings
from tribolake.texts import one_line

MOST_BYTES = 64 * 1024  # of one entry: its fields are capped far below
READERS = 8  # objects that are read at once: each costs a round trip to a bucket
NAME = re.compile(rf"(?P<client>[a-z0-9][a-z0-9_-]{{0,63}})/(?P<day>\d{{4}}-\d\d-\d\d)/(?P<entry>{ULID})\.json")


@dataclass(frozen=True)
class Unreadable:
    """An object among the entries that is not one, and why."""

    key: str
    problem: str


@dataclass(frozen=True)
class StoredEntry:
    """An entry, its key, and its bytes as text."""

    key: str
    entry: Entry
    content: str


# What a key was found to hold. An entry never changes, so it is read once.
Found = StoredEntry | Unreadable


@dataclass(frozen=True)
class Feedback:
    """Entries in the order in which they were written, and what cannot be read."""

    entries: tuple[Entry, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


def folder_of(home: str, client: str) -> str:
    """Return the key of a client's folder.

    Raises:
        ConfigurationError: this cannot be the name of a client, so it is in no key.
    """
    if not CLIENT_NAME.fullmatch(client):
        raise ConfigurationError(f"{client[:80]!r} cannot be the name of a client: use a-z, 0-9, - and _")
    return f"{home}/{FEEDBACK_FOLDER}/{client}"


def key_of(home: str, entry: Entry) -> str:
    """Return the key of an entry. It follows from what the entry says."""
    return f"{folder_of(home, entry.client)}/{entry.written_at.astimezone(UTC):%Y-%m-%d}/{entry.entry_id}.json"


def add_entry(settings: Settings, entry: Entry) -> str:
    """Store an entry durably, in every replica of the lake. Returns its key.

    Raises:
        ObjectExists: the key has another content.
        StoreUnavailable: it could not be stored.
    """
    key = key_of(settings.prefix, entry)
    # The replica that readers use comes last: what they see is everywhere.
    for replica in reversed(open_replicas(settings)):
        replica.put_new(key, entry.as_json(), Label())
    return key


def read_feedback(
    objects: Objects,
    client: str | None = None,
    known: MutableMapping[str, Found] | None = None,
    *,
    is_cut_off: bool = False,
) -> Feedback:
    """Read the entries of a client. A lake without feedback has none.

    Args:
        objects: of the lake.
        client: in lower case. None means all.
        known: what earlier calls read. New entries are added to it.
        is_cut_off: the lake is not asked. What is known is all there is.
    """
    known = {} if known is None else known
    folder = folder_of(objects.home, client) if client is not None else None
    if is_cut_off:
        keys = [key for key in known if folder is None or key.startswith(f"{folder}/")]
    else:
        keys = list_keys(objects, folder)
    for found in read_objects(objects, [key for key in keys if key not in known]):
        known[found.key] = found
    found_now = [known[key] for key in keys if key in known]
    entries = [one.entry for one in found_now if isinstance(one, StoredEntry)]
    return Feedback(
        tuple(sorted(entries, key=lambda entry: (entry.written_at, entry.entry_id))),
        tuple(one for one in found_now if isinstance(one, Unreadable)),
    )


def list_keys(objects: Objects, folder: str | None = None) -> list[str]:
    """List the keys of all entries, or of those in a folder, and of other objects there.

    What a writer is about to rename is hidden, and left out.
    """
    listed = objects.files(folder or f"{objects.home}/{FEEDBACK_FOLDER}")
    names = (one.key for one in listed)
    return [key for key in names if key.rpartition("/")[2] and not key.rpartition("/")[2].startswith(".")]


def read_objects(objects: Objects, keys: Iterable[str]) -> list[Found]:
    """Read listed objects. One that was removed since is left out."""
    keys = list(keys)
    if not keys:
        return []
    with ThreadPoolExecutor(READERS) as pool:
        return [found for found in pool.map(lambda key: _read(objects, key), keys) if found is not None]


def _read(objects: Objects, key: str) -> Found | None:
    if not NAME.fullmatch(key.removeprefix(f"{objects.home}/{FEEDBACK_FOLDER}/")):
        return Unreadable(key, "its name is not that of an entry")
    try:
        content = objects.read(key, MOST_BYTES)
    except (ObjectUnreadable, PermissionError) as error:
        return Unreadable(key, one_line(error))
    return None if content is None else _parsed(objects.home, key, content)


def _parsed(home: str, key: str, content: bytes) -> Found:
    try:
        entry = Entry.model_validate_json(content)
    except ValidationError as error:
        return Unreadable(key, one_line(first_problem(error)))
    if key_of(home, entry) != key:
        return Unreadable(key, "it says another client, day or id than its name")
    return StoredEntry(key, entry, content.decode())
