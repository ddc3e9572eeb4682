"""Rows of published tables for questions of our own, many of them and soon after one another.

Unlike `query`, which takes SQL of users, this checks no statement. A database reads the files of some publications and
nothing else. Publications never change, so a few databases stay open for the questions that follow.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError, TribolakeError
from tribolake.lake.confined_duckdb import QUIET, confine
from tribolake.lake.objects import ObjectNotFound, Objects
from tribolake.product import Contract
from tribolake.publish.version import silver_file
from tribolake.run.warehouse import rows_of
from tribolake.sql import literal, quoted
from tribolake.trace.held import fetch_published
from tribolake.trace.manifests import Publication, current_publication, current_publications, published_clients
from tribolake.trace.names import checked_client
from tribolake.trace.pinned import PinnedObjects
from tribolake.trace.query import QueryFailed

Views = tuple[tuple[str, tuple[str, ...]], ...]  # the name of each view, and its files
OPEN_DATABASES = 16  # one for each choice of clients
KEPT_ANSWERS = 64
MEMORY = "400MB"


class Overtaken(QueryFailed):
    """Files of a pinned publication are gone, because two later ones replaced it. Who asks again sees the newest."""


class PublishedEarlier(TribolakeError):
    """An earlier release published a client, without tables that a question needs."""


def published_rows(
    contract: Contract,
    objects: Objects,
    sql: str,
    *,
    clients: Sequence[str] | None = None,
    needs: Collection[str] = (),
    is_kept: bool = False,
) -> list[dict[str, Any]]:
    """Answer a `select` of our own. Each published table is a view of the current rows of these clients.

    Args:
        contract: of the product whose gold is read.
        objects: of the lake, pinned if several questions must see one publication.
        sql: texts of users are in it as literals only.
        clients: these only. None means all.
        needs: tables that each client must have.
        is_kept: the answer is kept for who asks the same of the same publications. For questions that every reader has.

    Returns:
        The rows by column name. The lists in them are not to be changed.

    Raises:
        ConfigurationError: nothing is published.
        PublishedEarlier: a client lacks a table.
        ContractBroken: a file is not what its manifest says.
        Overtaken: the pinned publication is gone.
        QueryFailed: a file cannot be read.
    """
    wanted = [checked_client(client) for client in clients] if clients else published_clients(objects)
    found = (current_publication(objects, client) for client in wanted)
    publications = [one for one in found if one is not None and one.folder is not None]
    if not publications:
        raise ConfigurationError(
            f"nothing is published in {objects.address(objects.home)}"
            f"{' of ' + ', '.join(clients) if clients else ''}: start `tribolake run`"
        )
    files = files_of_tables(contract)
    for table in needs:
        if lacking := [one.client for one in publications if one.sha256_of(files[table]) is None]:
            raise PublishedEarlier(
                f"an earlier release published {', '.join(lacking)} without {table}: start `tribolake run`"
            )
    try:
        views = _views(contract, objects, publications)
        if is_kept:
            asked = _Asked(contract, objects.address(objects.home), tuple(clients) if clients else None, sql)
            runs = frozenset((one.client, one.run_id) for one in publications)
            return [dict(row) for row in _kept_rows(views, asked, runs)]
        return _rows(views, sql)
    except (duckdb.Error, ObjectNotFound) as error:
        if isinstance(objects, PinnedObjects) and objects.is_overtaken():
            raise Overtaken("a later publication replaced the one that was read: ask again") from error
        if isinstance(error, ObjectNotFound):
            raise
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise QueryFailed(f"a published file cannot be used ({reason}). The next run publishes it again") from error


def prepare_answers(objects: Objects) -> None:
    """Ask of the publications of a pinned lake what is kept of earlier ones. An answer that fails is left out."""
    home = objects.address(objects.home)
    with _LOCK:
        every = [kept.asked for kept in _ANSWERS.values() if kept.asked.home == home]
    for asked in {(asked.clients, asked.sql): asked for asked in every}.values():
        with suppress(TribolakeError, OSError):
            published_rows(asked.contract, objects, asked.sql, clients=asked.clients, is_kept=True)


def forget_answers(objects: Objects) -> None:
    """Forget answers of other publications than those of a pinned lake, and databases of which no answer is kept."""
    home = objects.address(objects.home)
    runs = {(one.client, one.run_id) for one in current_publications(objects)}
    with _LOCK:
        for key in [key for key, kept in _ANSWERS.items() if kept.asked.home == home and not kept.runs <= runs]:
            del _ANSWERS[key]
        kept_views = {views for views, _ in _ANSWERS}
        for views in _DATABASES.keys() - kept_views:
            del _DATABASES[views]


def files_of_tables(contract: Contract) -> dict[str, str]:
    """Return the file of each table: those of gold, and what is not used, which a version folder has too."""
    return {table.name: table.file_name for table in contract.tables} | {
        table.name: silver_file(table) for table in contract.notes
    }


def _views(contract: Contract, objects: Objects, publications: Sequence[Publication]) -> Views:
    views = (
        (table, tuple(str(fetch_published(objects, one, name)) for one in publications if one.sha256_of(name)))
        for table, name in files_of_tables(contract).items()
    )
    return tuple((name, files) for name, files in views if files)


def _rows(views: Views, sql: str) -> list[dict[str, Any]]:
    with _database(views).cursor() as cursor:
        return rows_of(cursor, sql)


@dataclass(frozen=True)
class _Asked:
    """A question whose answer is kept: of which product, lake and clients, and its SQL."""

    contract: Contract
    home: str
    clients: tuple[str, ...] | None
    sql: str


@dataclass(frozen=True)
class _Kept:
    """An answer, and the clients and runs that it is of."""

    asked: _Asked
    runs: frozenset[tuple[str, str]]
    rows: list[dict[str, Any]]


_LOCK = Lock()
_ANSWERS: OrderedDict[tuple[Views, str], _Kept] = OrderedDict()  # the one that was asked for last comes last
_DATABASES: OrderedDict[Views, duckdb.DuckDBPyConnection] = OrderedDict()  # as above
_ASKING: dict[tuple[Views, str], Lock] = {}


def _kept_rows(views: Views, asked: _Asked, runs: frozenset[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return a kept answer, or ask. Several readers ask once: the others wait for the answer."""
    key = (views, asked.sql)
    with _LOCK:
        asking = _ASKING.setdefault(key, Lock())
    with asking:
        try:
            kept = _ANSWERS.get(key) or _Kept(asked, runs, _rows(views, asked.sql))
        finally:
            _ASKING.pop(key, None)
        with _LOCK:
            _ANSWERS[key] = kept
            _ANSWERS.move_to_end(key)
            while len(_ANSWERS) > KEPT_ANSWERS:
                _ANSWERS.popitem(last=False)
    return kept.rows


def _database(views: Views) -> duckdb.DuckDBPyConnection:
    with _LOCK:
        found = _DATABASES.get(views)
    found = found or _open(views)
    with _LOCK:
        _DATABASES[views] = found
        _DATABASES.move_to_end(views)
        while len(_DATABASES) > OPEN_DATABASES:
            _DATABASES.popitem(last=False)
    return found


def _open(views: Views) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"memory_limit": MEMORY, "threads": 1})
    for name, value in (QUIET | {"parquet_metadata_cache": True}).items():
        connection.execute(f"set {name} = {literal(value)}")
    for name, files in views:
        listed = ", ".join(map(literal, files))
        connection.execute(
            f"create view {quoted(name)} as"
            f" from read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
        )
    confine(connection, [file for _, files in views for file in files])
    return connection
