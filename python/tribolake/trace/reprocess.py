"""Reprocess a run from its bronze, with its policy and its other inputs, and compare the results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from tribolake.errors import ConfigurationError
from tribolake.lake.files import remove, sha256_of
from tribolake.lake.objects import ObjectNotFound, Objects
from tribolake.lake.replicas import open_objects
from tribolake.product import Contract, Product, Progress
from tribolake.publish.contract import MANIFEST
from tribolake.publish.manifest import read_manifest
from tribolake.publish.places import Places
from tribolake.publish.version import silver_file
from tribolake.run.pipeline import run
from tribolake.run.project import Fingerprints
from tribolake.run.warehouse import open_warehouse, table_exists
from tribolake.settings import Settings
from tribolake.sql import quoted
from tribolake.trace.bronze_copy import lay_out
from tribolake.trace.file_comparison import IDENTICAL, FileComparison, compare, rows_of_file
from tribolake.trace.find import find_gold, find_silver
from tribolake.trace.manifests import Publication, clients_with_manifest, publication_of_run
from tribolake.trace.names import checked_client, checked_run


@dataclass(frozen=True)
class Recomputation:
    """A client's gold of a run, recomputed from its bronze alone."""

    scratch: Settings
    published: Objects
    client: str
    kept: Mapping[str, Path]  # files of the run, by table
    gold: Path  # folder of the recomputed files
    compared: Sequence[FileComparison]


@dataclass(frozen=True)
class RecomputedGold:
    """A client's gold, recomputed with inputs of the run. Files in `taken` are such inputs, so not recomputed."""

    folder: Path
    files: list[dict[str, Any]]  # as a manifest lists them
    taken: frozenset[str]
    note: str


@dataclass(frozen=True)
class Inputs:
    """Inputs of a product's runs besides bronze, policy and project.

    `lay_out` takes the kept files of each client. It copies such inputs of a run into the lake where the run is
    computed again, and returns the settings for that lake. `recompute` computes a client's gold with the run's inputs,
    or returns None if they are the same as those from bronze.
    """

    name: str
    lay_out: Callable[[Settings, Settings, Sequence[Mapping[str, Path]]], Settings]
    recompute: Callable[[Recomputation, Progress], RecomputedGold | None]


@dataclass(frozen=True)
class ClientComparison:
    """Comparison of a client's gold, recomputed with inputs calculated from the same bronze or with the run's own.

    `inputs` names them. It is empty for a product whose runs have no other inputs than bronze.
    """

    client: str
    inputs: str
    basis: Literal["calculated", "given"]
    files: list[FileComparison]
    notes: list[str] = field(default_factory=list)

    @property
    def is_identical(self) -> bool:
        return all(file.outcome in IDENTICAL for file in self.files)

    def as_dict(self) -> dict[str, Any]:
        fields = asdict(self)
        inputs, basis = fields.pop("inputs"), fields.pop("basis")
        return fields | ({inputs: basis} if inputs else {}) | {"is_identical": self.is_identical}


@dataclass(frozen=True)
class ReprocessResult:
    """Result of a run that was computed again in a separate lake."""

    run_id: str
    policy: str
    lake: str
    contents: int
    seconds: float
    clients: list[ClientComparison]

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
    inputs: Inputs | None = None,
    *,
    clients: Sequence[str] | None = None,
    into: Path | None = None,
    progress: Progress = lambda _: None,
) -> ReprocessResult:
    """Compute the gold of a run again from exactly the bronze that its manifests name. The lake is only read.

    Args:
        product: the product of the run.
        settings: of the product in the lake.
        run_id: the run.
        inputs: its inputs besides bronze. None means that it has none.
        clients: these only. None means all that it published.
        into: an empty folder for the recomputation. None means a folder below the lake's state folder, cleared first.
        progress: called when a step starts.

    Raises:
        ConfigurationError: the run published nothing of a client, or `into` is not empty.
        BronzeGone: bronze contents of the run are gone.
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
    contents = lay_out(settings, sources, scratch.lake, product.inbox(settings))
    names = [publication.client for publication in publications]
    kept = [_kept_files(published, product.contract, publication) for publication in publications]
    scratch = inputs.lay_out(settings, scratch, kept) if inputs else scratch
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
    return ReprocessResult(run_id, policy, str(scratch.lake), contents, report.seconds, again)


def _publications(published: Objects, run_id: str, clients: Sequence[str] | None) -> list[Publication]:
    if clients:
        return [publication_of_run(published, checked_client(client), run_id) for client in sorted(set(clients))]
    found = []
    for client in clients_with_manifest(published):
        try:
            found.append(publication_of_run(published, client, run_id))
        except ConfigurationError:
            continue
    if not found:
        raise ConfigurationError(
            f"no manifest of run {run_id} is in {published.address(published.home)}/lineage: give a run that published "
            "something"
        )
    return found


def _scratch_lake(settings: Settings, into: Path | None, run_id: str) -> Settings:
    """Return settings of a lake in an empty folder, without S3 and notifications."""
    folder = (into or settings.state / "reprocessed" / run_id).absolute()
    if into is None:
        remove(folder)
    elif folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"{folder} is not empty: give a new folder with --into")
    scratch = settings.in_folder(folder)
    scratch.state.mkdir(parents=True, exist_ok=True)
    return scratch


def _of_client(
    contract: Contract,
    inputs: Inputs | None,
    scratch: Settings,
    published: Objects,
    then: Publication,
    kept: Mapping[str, Path],
    notes: Sequence[str],
    progress: Progress,
) -> ClientComparison:
    gold = scratch.lake / scratch.prefix / "gold" / then.client
    now = _files_of(gold)
    compared = _compare(contract, then, now, gold, kept)
    samples, about_samples = _compare_samples(contract, scratch, then, kept.get(contract.samples.name))
    notes = [*notes, *about_samples]
    calculated = ClientComparison(
        then.client, inputs.name if inputs else "", "calculated", [*compared, *samples], notes
    )
    if calculated.is_identical or not now or inputs is None:
        return calculated
    given = inputs.recompute(Recomputation(scratch, published, then.client, kept, gold, compared), progress)
    if given is None:
        return calculated
    files = _compare(contract, then, {file["name"]: file for file in given.files}, given.folder, kept)
    files = [replace(file, outcome="given") if file.name in given.taken else file for file in files]
    return ClientComparison(then.client, inputs.name, "given", files + samples, [*notes, given.note])


def _compare_samples(
    contract: Contract, scratch: Settings, then: Publication, kept: Path | None
) -> tuple[list[FileComparison], list[str]]:
    """Compare the harmonized samples if the run's are kept. Returns notes about samples that the run left out."""
    if kept is None:
        return [], []
    now = Places(contract, scratch.lake, scratch.lake / scratch.prefix, then.client).harmonized
    if not now.exists():
        return [], []
    about = [
        {"name": silver_file(contract.samples), "sha256": sha256_of(path), "rows": rows_of_file(path)}
        for path in (kept, now)
    ]
    found = compare(about[0], about[1], contract.samples.key, (kept, now))
    if contract.sample_time is None:
        return [found], []
    later = f"{quoted(contract.sample_time)} > $1::timestamp"
    ahead = rows_of_file(now, later, [then.began_at.replace(tzinfo=None).isoformat()])
    notes = [f"{ahead} samples are dated after the run: it left them out"] if ahead else []
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
    """Return the files of a client's manifest by name, or an empty mapping if nothing was published."""
    manifest = read_manifest(gold / MANIFEST)
    return {file["name"]: file for file in manifest["files"]} if manifest else {}


def _kept_files(published: Objects, contract: Contract, then: Publication) -> dict[str, Path]:
    """Return the run's own files by table, as far as they are kept: retention removes samples before reports."""
    kept = {}
    for table in contract.tables:
        with suppress(ObjectNotFound):
            kept[table.name] = find_gold(published, contract, then, table.name).path
    with suppress(ObjectNotFound):
        kept[contract.samples.name] = find_silver(published, contract, then, contract.samples).path
    return kept


def _changes_of_the_project(product: Product, settings: Settings, run_id: str) -> list[str]:
    """Return a note if models, seeds or code changed after the run, as far as this machine's warehouse knows."""
    if not settings.warehouse.exists():
        return []
    with open_warehouse(settings.warehouse, read_only=True) as warehouse:
        if not table_exists(warehouse, "control", "runs"):
            return []
        row = warehouse.execute("select fingerprints from control.runs where run_id = $1", [run_id]).fetchone()
    if row is None or json.loads(row[0]) == asdict(Fingerprints.of(product)):
        return []
    return ["models, seeds or code have changed since that run: differences may come from that"]
