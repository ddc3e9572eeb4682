"""Reprocess a run: its bronze, its policy, and what else it was given; then compare."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from tribolake.errors import ConfigurationError
from tribolake.lake.files import remove_folder, sha256_of
from tribolake.lake.objects import NotThere, Objects, open_objects
from tribolake.product import Contract, Product, Progress
from tribolake.publish.contract import MANIFEST
from tribolake.publish.places import Places
from tribolake.publish.version import HARMONIZED_FILE
from tribolake.run.pipeline import run
from tribolake.run.project import Fingerprints
from tribolake.run.warehouse import open_warehouse, table_exists
from tribolake.settings import Settings
from tribolake.trace.bronze_copy import lay_out
from tribolake.trace.file_comparison import IDENTICAL, FileComparison, compare, rows_of_file
from tribolake.trace.find import found_gold, found_harmonized
from tribolake.trace.manifests import Publication, publication_of_run, remembered_clients
from tribolake.trace.names import checked_client, checked_run


@dataclass(frozen=True)
class Again:
    """A client's gold of a run, computed again from its bronze alone."""

    scratch: Settings
    published: Objects
    client: str
    kept: Mapping[str, Path]  # files of the run, by table
    gold: Path  # folder of those that were computed again
    compared: Sequence[FileComparison]


@dataclass(frozen=True)
class Given:
    """Gold computed again with something that the run was given; files in `taken` are that, so not computed."""

    folder: Path
    files: list[dict[str, Any]]  # as a manifest lists them
    taken: frozenset[str]
    note: str


@dataclass(frozen=True)
class Inputs:
    """What runs of a product depend on besides bronze, policy and project.

    `lay_out` copies such inputs of a run from one lake to the other, in which it is computed again, and returns the
    settings for that; it is given the kept files of each client. `give` computes a client's gold with what the run was
    given; None where that is what the bronze gives.
    """

    name: str
    lay_out: Callable[[Settings, Settings, Sequence[Mapping[str, Path]]], Settings]
    give: Callable[[Again, Progress], Given | None]


@dataclass(frozen=True)
class ClientAgain:
    """A client's gold, computed again: with inputs calculated from the same bronze, or those that the run had."""

    client: str
    inputs: str
    basis: Literal["calculated", "given"]
    files: list[FileComparison]
    notes: list[str] = field(default_factory=list)

    @property
    def is_identical(self) -> bool:
        return all(file.outcome in IDENTICAL for file in self.files)

    def as_dict(self) -> dict[str, Any]:
        told = asdict(self)
        basis = {told.pop("inputs"): told.pop("basis")}
        return told | basis | {"is_identical": self.is_identical}


@dataclass(frozen=True)
class Reprocessed:
    """A run, computed again in a lake of its own."""

    run_id: str
    policy: str
    lake: str
    contents: int
    seconds: float
    clients: list[ClientAgain]

    @property
    def is_identical(self) -> bool:
        return all(client.is_identical for client in self.clients)

    def as_dict(self) -> dict[str, Any]:
        clients = {again.client: again.as_dict() for again in self.clients}
        return asdict(self) | {"is_identical": self.is_identical, "clients": clients}


def reprocess(
    product: Product,
    settings: Settings,
    run_id: str,
    inputs: Inputs,
    *,
    clients: Sequence[str] | None = None,
    into: Path | None = None,
    progress: Progress = lambda _: None,
) -> Reprocessed:
    """Compute the gold of a run again from exactly the bronze that its manifests name; the lake is only read.

    Args:
        product: whose run.
        settings: of the product in the lake.
        run_id: the run.
        inputs: what it depended on besides bronze.
        clients: these only; None means all that it published.
        into: an empty folder for it; None means one below the lake's state folder, whose last content is removed.
        progress: told what is under way.

    Raises:
        ConfigurationError: the run published nothing of a client, or `into` is not empty.
        BronzeGone: contents are not there any more.
        RunFailed: it cannot be computed.
    """
    published = open_objects(settings)
    publications = _publications(published, checked_run(run_id), clients)
    (policy, *others) = sorted({str(publication.manifest["policy"]) for publication in publications})
    if others:
        raise ConfigurationError(f"run {run_id} had several policies: give one client")
    scratch = _scratch_lake(settings, into, run_id)
    progress("fetch bronze")
    sources = [source for publication in publications for source in publication.sources]
    contents = lay_out(settings, sources, scratch.lake)
    names = [publication.client for publication in publications]
    kept = [_kept_files(published, product.contract, publication) for publication in publications]
    scratch = inputs.lay_out(settings, scratch, kept)
    report = run(product, scratch, policy=policy, clients=names, asks_a_model=False, progress=progress)
    notes = [f"{failed['file']} cannot be read now: {failed['problem']}" for failed in report.failed_files]
    notes += [f"data test: {test}" for test in report.failed_tests]
    notes += [f"held back: {problem}" for problem in report.problems.values()]
    again = [
        _of_client(product.contract, inputs, scratch, published, publication, files, notes, progress)
        for publication, files in zip(publications, kept, strict=True)
    ]
    if not all(client.is_identical for client in again):
        changes = _changes_of_the_project(product, settings, run_id)
        again = [replace(client, notes=[*client.notes, *changes]) for client in again]
    return Reprocessed(run_id, policy, str(scratch.lake), contents, report.seconds, again)


def _publications(published: Objects, run_id: str, clients: Sequence[str] | None) -> list[Publication]:
    if clients:
        return [publication_of_run(published, checked_client(client), run_id) for client in sorted(set(clients))]
    found = []
    for client in remembered_clients(published):
        try:
            found.append(publication_of_run(published, client, run_id))
        except ConfigurationError:
            continue
    if not found:
        raise ConfigurationError(
            f"no manifest of run {run_id} is in {published.address(published.home)}/lineage: runs that published "
            "something have one there"
        )
    return found


def _scratch_lake(settings: Settings, into: Path | None, run_id: str) -> Settings:
    """A lake in an empty folder, with nothing of the other's but what a computation may use."""
    folder = (into or settings.state / "reprocessed" / run_id).absolute()
    if into is None:
        remove_folder(folder)
    elif folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"{folder} is not empty: give a new folder with --into")
    state = folder / "_state"
    state.mkdir(parents=True, exist_ok=True)
    away = {"lake": folder, "state_dir": state, "storage_mode": "local", "use_s3": False, "notify": ()}
    return settings.model_copy(update=away)


def _of_client(
    contract: Contract,
    inputs: Inputs,
    scratch: Settings,
    published: Objects,
    then: Publication,
    kept: Mapping[str, Path],
    notes: Sequence[str],
    progress: Progress,
) -> ClientAgain:
    gold = scratch.lake / scratch.prefix / "gold" / then.client
    now = _files_of(gold)
    compared = _compare(contract, then, now, gold, kept)
    samples, about_samples = _compare_samples(contract, scratch, then, kept.get(contract.samples.name))
    notes = [*notes, *about_samples]
    calculated = ClientAgain(then.client, inputs.name, "calculated", [*compared, *samples], notes)
    if calculated.is_identical or not now:
        return calculated
    given = inputs.give(Again(scratch, published, then.client, kept, gold, compared), progress)
    if given is None:
        return calculated
    files = _compare(contract, then, {file["name"]: file for file in given.files}, given.folder, kept)
    files = [replace(file, outcome="given") if file.name in given.taken else file for file in files]
    return ClientAgain(then.client, inputs.name, "given", files + samples, [*notes, given.note])


def _compare_samples(
    contract: Contract, scratch: Settings, then: Publication, kept: Path | None
) -> tuple[list[FileComparison], list[str]]:
    """The harmonized samples, where the run's are kept, and what is known of samples that are there now only."""
    if kept is None:
        return [], []
    now = Places(contract, scratch.lake, scratch.lake / scratch.prefix, then.client).harmonized
    if not now.exists():
        return [], []
    about = [{"name": HARMONIZED_FILE, "sha256": sha256_of(path), "rows": rows_of_file(path)} for path in (kept, now)]
    found = compare(about[0], about[1], contract.samples.key, (kept, now))
    ahead = rows_of_file(now, "sampleTimestamp > $1::timestamp", [then.began_at.replace(tzinfo=None).isoformat()])
    notes = [f"{ahead} samples are dated after the run, which left them out until their day"] if ahead else []
    return [found], notes


def _compare(
    contract: Contract,
    then: Publication,
    now: Mapping[str, Mapping[str, Any]],
    folder: Path,
    kept: Mapping[str, Path],
) -> list[FileComparison]:
    nothing = {"sha256": "", "rows": 0}
    keys = {table.file_name: table.key for table in contract.tables}
    compared = []
    for file in then.manifest["files"]:
        name = str(file["name"])
        before, after = kept.get(name.removesuffix(".parquet")), folder / name
        files = (before, after) if before and after.exists() else None
        compared.append(compare(file, now.get(name, nothing), keys.get(name, ()), files))
    return compared


def _files_of(gold: Path) -> dict[str, dict[str, Any]]:
    """What the manifest of a client's gold says of its files; nothing where none was published."""
    manifest = gold / MANIFEST
    if not manifest.exists():
        return {}
    return {file["name"]: file for file in json.loads(manifest.read_text(encoding="utf-8"))["files"]}


def _kept_files(published: Objects, contract: Contract, then: Publication) -> dict[str, Path]:
    """The run's own files, by table, as far as retention has kept them: samples go before reports do."""
    kept = {}
    for table in contract.tables:
        with suppress(NotThere):
            kept[table.name] = found_gold(published, contract, then, table.name).path
    with suppress(NotThere):
        kept[contract.samples.name] = found_harmonized(published, contract, then).path
    return kept


def _changes_of_the_project(product: Product, settings: Settings, run_id: str) -> list[str]:
    """Whether models, seeds or code are others than those of the run, where the warehouse of this machine knows."""
    if not settings.warehouse.exists():
        return []
    with open_warehouse(settings.warehouse, read_only=True) as warehouse:
        if not table_exists(warehouse, "control", "runs"):
            return []
        row = warehouse.execute("select fingerprints from control.runs where run_id = $1", [run_id]).fetchone()
    if row is None or json.loads(row[0]) == asdict(Fingerprints.of(product)):
        return []
    return ["models, seeds or code have changed since that run: what differs may come from there"]
