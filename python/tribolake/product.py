"""The declaration of a data product. The platform gets a `Product` as an argument and imports none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from tribolake.lake.bronze import BronzeFile
from tribolake.lake.inbox import Inbox
from tribolake.settings import Settings

# Called with the current step of a long command.
Progress = Callable[[str], None]
PRODUCT_NAME = re.compile(r"^[a-z][a-z0-9]*$")


@dataclass(frozen=True)
class PublicTable:
    """A table of the warehouse that is published for each client. `order` makes the rows deterministic.

    Rows of a table without a key are not compared with earlier ones. A table with `has_history` false is left out of
    the snapshots of days.
    """

    name: str
    relation: str
    key: tuple[str, ...]
    order: tuple[str, ...]
    without: tuple[str, ...] = ()  # columns that are not published
    has_history: bool = True

    @property
    def model(self) -> str:
        """Name of the model that makes the rows."""
        return self.relation.rpartition(".")[2]

    @property
    def file_name(self) -> str:
        return f"{self.name}.parquet"


@dataclass(frozen=True)
class Entity:
    """A published table whose changes are logged. `thresholds` are the columns that make up a limit."""

    name: str
    table: PublicTable
    status: str | None = None
    thresholds: tuple[str, ...] = ()


@dataclass(frozen=True)
class VersionedFolder:
    """A folder with a subfolder for each version of data that many publications share, such as limits.

    A version is written once and never changes.
    """

    name: str  # in messages: limits
    folder: str  # below the product's folder
    pattern: re.Pattern[str]  # of a version
    example: str  # a version
    table: str  # the published table whose rows name a version
    column: str  # of that table
    versions: str  # query for the versions in the warehouse
    files: Mapping[str, str]  # query of each Parquet file, for `$version`
    nested: tuple[str, Callable[[list[tuple[Any, ...]]], Any]]  # query for `$version`, and its rows as JSON

    @property
    def last_file(self) -> str:
        """The JSON file. It is stored last, so a version that has it is complete."""
        return f"{self.table}.json"

    @property
    def label(self) -> str:
        """The name of the version in the metadata and tags of its objects."""
        return self.column.replace("_", "-")


@dataclass(frozen=True)
class Contract:
    """The published contract."""

    schema_version: str
    tables: tuple[PublicTable, ...]  # gold
    samples: PublicTable  # silver, with a delta of each day
    entities: tuple[Entity, ...]  # whose changes are told
    sources: str  # query for the bronze contents of `$client`: file_key, version_id, sha256, size_bytes
    change_log: str  # path in the lake; no two products share one
    versioned: VersionedFolder | None = None
    # Column of samples with their time: a run leaves out those that are dated after it. None if it leaves out none.
    sample_time: str | None = None
    notes: tuple[PublicTable, ...] = ()  # published in silver next to the samples, without a log of changes

    @property
    def silver(self) -> tuple[PublicTable, ...]:
        return (self.samples, *self.notes)

    @property
    def artefacts(self) -> tuple[str, ...]:
        """Names that `fetch` accepts."""
        names = [table.name for table in self.tables]
        names += [name for name in (self.versioned.files if self.versioned else ()) if name not in names]
        return (*names, *(table.name for table in self.silver), DELTA)


DELTA = "delta"  # samples that a day changed


@dataclass(frozen=True)
class HistoryTable:
    """A table that no run can compute again. Its rows have a client, and are added and closed, never changed."""

    relation: str
    identity: str  # SQL for the identity of a row
    closed_at: str = "null::timestamp"  # SQL for the time when it was closed; null while it is open

    @property
    def name(self) -> str:
        return self.relation.rpartition(".")[2]


@dataclass(frozen=True)
class Warehouse:
    """Relations and queries of a product's warehouse. Queries return the columns named here."""

    arrivals: str  # relation with a row for each attempt to read a file: see lake/ledger.py
    from_files: tuple[str, ...]  # relations that are dropped so that every file is read again
    arrived: str  # client, files, rows_read, rows_loaded, rows_superseded, rows_rejected since `$since`
    samples: str  # client, number of samples
    touched: str  # client whose published tables the last build may have changed
    # identity, words: problems that are reported once while they last. Other columns say which page shows one.
    troubles: str
    # What is not used of the live files, by file and reason: the fields of `Rejection`, see run/rejections.py.
    rejected: str | None = None
    # What else `status` shows of the warehouse: the name of a list, and the query of its rows.
    shown: Mapping[str, str] = field(default_factory=dict)
    history: tuple[HistoryTable, ...] = ()  # kept in the lake as well: see run/history.py
    # file_key, stated times of files whose time is later than their first listing, since `$since` or, if null, of all.
    dated_ahead: str | None = None


@dataclass(frozen=True)
class Sources:
    """Files of the project, as patterns below its folder. The folders named after the product always count."""

    python: tuple[str, ...]  # imported by models: a change rebuilds every derived table
    readers: tuple[str, ...]  # turn a file into raw rows: after a change every file is read again
    made_by_rebuilds: tuple[str, ...] = ()  # dbt selectors of models that, like views, only rebuilds make


@dataclass(frozen=True)
class StepResult:
    """Result of a step after the build: clients whose published tables it changed, and its part of the report."""

    touched: frozenset[str] = frozenset()
    report: dict[str, Any] = field(default_factory=dict)
    needs_a_look: bool = False


@dataclass(frozen=True)
class Step:
    """A step of a run after the build, with its own stage.

    `reports` names its part of the report. `carry_out` gets the warehouse, the settings and the run's id.
    """

    stage: str
    reports: str
    carry_out: Callable[[duckdb.DuckDBPyConnection, Settings, str, Progress], StepResult]


@dataclass(frozen=True)
class Steps:
    """Steps of a run of a product in addition to building models."""

    # Returns whether each reason for a run holds, for a policy at a moment. New files and changes are not among them.
    reasons: Callable[[duckdb.DuckDBPyConnection, Settings, str, datetime], Mapping[str, bool]]
    before_build: Callable[[Settings, str, Sequence[BronzeFile]], None]  # with the id of the run
    after_build: tuple[Step, ...] = ()
    # After publishing, before the run is recorded. A step that is killed is carried out again by the next run.
    after_publish: tuple[Step, ...] = ()
    # Reasons that `after_publish` satisfies: a run that has no other one builds and publishes nothing.
    of_after_publish: frozenset[str] = frozenset()

    @property
    def all(self) -> tuple[Step, ...]:
        return (*self.after_build, *self.after_publish)


@dataclass(frozen=True)
class Product:
    """A data product.

    Its models, seeds, snapshots and data tests are in `models/{name}`, `seeds/{name}`, `snapshots/{name}` and
    `tests/data/{name}`.
    """

    name: str
    address: str  # `module:name` of this object, for child processes
    contract: Contract
    warehouse: Warehouse
    sources: Sources
    clients: Callable[[], Sequence[str]]  # as published, in lower case
    policies: Callable[[], Sequence[str]]
    steps: Callable[[], Steps]  # called when a run begins, because its imports take time
    # Folder in the lake. None is for the oldest product: its folder is the setting `prefix`, its state is that of the
    # lake, and its rules in a bucket may have names without a product.
    prefix: str | None = None
    imports: tuple[str, ...] = ()  # modules that a run imports
    # Memory for DuckDB where no setting says how much. None is a share of the machine's, which DuckDB fills before it
    # writes anything to disk.
    memory_limit: str | None = None
    # Returns the client of each folder of bronze. Folders that are not in it are called like their clients.
    client_folders: Callable[[], Mapping[str, str]] = dict
    # Returns folders of a lake, outside that of the product, whose objects are kept permanently in cheaper storage
    # classes: after 90 days in GLACIER, after 365 in DEEP_ARCHIVE.
    permanent: Callable[[Settings], Sequence[str]] = lambda _: ()
    # Returns where files arrive in a lake. None is `bronze` in the folder of the product.
    inbox: Callable[[Settings], Inbox | None] = lambda _: None
    # Folders below that of the product, with a folder for each client, where entries are written once. New ones are a
    # reason to run, which `reasons` of the steps knows too.
    entry_folders: tuple[str, ...] = ()
    # Returns the page that shows a trouble, as an address below TRIBOLAKE_PAGES_URL, from its row of `troubles`.
    page_of_trouble: Callable[[Mapping[str, Any]], str | None] = lambda _: None

    def __post_init__(self) -> None:
        if not PRODUCT_NAME.match(self.name):
            raise ValueError(f"{self.name!r} cannot be the name of a product: use a-z and 0-9")

    def of(self, settings: Settings) -> Settings:
        """Return the settings of this product in a lake: its memory, its folder, and its state on this machine."""
        if self.memory_limit and "memory_limit" not in settings.model_fields_set:
            settings = settings.changed(memory_limit=self.memory_limit)
        if self.prefix is None:
            return settings
        return settings.changed(prefix=self.prefix, state_dir=settings.state / self.name)

    def inbox_of(self, settings: Settings) -> Inbox:
        """Return where files arrive."""
        return self.inbox(settings) or Inbox.below(settings.prefix)

    def client_of(self, folder: str) -> str:
        """Return the client that a folder of bronze belongs to."""
        return self.client_folders().get(folder, folder)

    def named_clients(self, names: Sequence[str] | None) -> list[str] | None:
        """Return the clients that names of clients or of their folders stand for, each once. None means all."""
        if not names:
            return None
        clients, folders = self.clients(), self.client_folders()
        lowered = {name.lower() for name in names}
        return sorted({name if name in clients else folders.get(name, name) for name in lowered})

    def folders_of(self, clients: Sequence[str] | None) -> list[str] | None:
        """Return the folders of bronze of clients. None means all."""
        if clients is None:
            return None
        folders = self.client_folders()
        own = [client for client in clients if client not in folders]
        return sorted({*own, *(folder for folder, client in folders.items() if client in clients)})

    @property
    def selector(self) -> str:
        """dbt selector of all nodes of this product."""
        return f"fqn:tribolake.{self.name}"

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(f"{kind}/{self.name}" for kind in ("models", "seeds", "snapshots", "tests/data"))
