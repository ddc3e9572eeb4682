"""Models and seeds of a product, compiled once for each state of the project, so that they run without dbt."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tribolake.lake.files import read_json
from tribolake.product import Product
from tribolake.run.dbt import Dbt
from tribolake.run.project import fingerprint_parsed
from tribolake.settings import Settings


@dataclass(frozen=True)
class CompiledModel:
    """A model in SQL or Python, as a first build runs it. `reads` names the models and seeds that it reads."""

    name: str
    schema: str
    language: str
    code: str
    reads: tuple[str, ...]


@dataclass(frozen=True)
class Seed:
    """A seed. `path` is below the folder of the project."""

    name: str
    schema: str
    path: str
    column_types: Mapping[str, str]


@dataclass(frozen=True)
class CompiledProject:
    """Models of a product, each after those that it reads, and its seeds."""

    models: tuple[CompiledModel, ...]
    seeds: tuple[Seed, ...]


def compiled_project(product: Product, settings: Settings) -> CompiledProject:
    """Return the compiled models of a product. Only the first call after a change of the project starts dbt.

    Raises:
        RunFailed: the project cannot be compiled.
    """
    kept, fingerprint = Dbt(product, settings).target / "models.json", fingerprint_parsed(product)
    project = read_project(kept, fingerprint)
    if project is None:
        project = _compile(product, settings)
        keep_project(kept, fingerprint, project)
    return project


def _compile(product: Product, settings: Settings) -> CompiledProject:
    """Compile against an empty warehouse: models are not incremental there."""
    with tempfile.TemporaryDirectory(prefix="tribolake-") as folder:
        empty = settings.in_folder(Path(folder))
        empty.state.mkdir()
        with Dbt(product, empty) as dbt:
            compiled = dbt.compiled_nodes(f"path:models/{product.name}")
            nodes = dbt.manifest.nodes
    named = {identity: node.name for identity, node in nodes.items() if node.resource_type in ("model", "seed")}
    models = tuple(
        CompiledModel(
            node.name,
            node.schema,
            str(node.language),
            node.compiled_code,
            tuple(sorted(named[identity] for identity in node.depends_on.nodes if identity in named)),
        )
        for node in compiled
    )
    seeds = (node for node in nodes.values() if node.resource_type == "seed" and node.fqn[1] == product.name)
    return CompiledProject(
        models,
        tuple(Seed(node.name, node.schema, node.original_file_path, dict(node.config.column_types)) for node in seeds),
    )


def read_project(path: Path, fingerprint: str) -> CompiledProject | None:
    """Read the models compiled from a project with this fingerprint. Returns None if there are none."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept: dict[str, Any] = read_json(path)
        if kept["fingerprint"] == fingerprint:
            models = (CompiledModel(**model | {"reads": tuple(model["reads"])}) for model in kept["project"]["models"])
            return CompiledProject(tuple(models), tuple(Seed(**seed) for seed in kept["project"]["seeds"]))
    return None


def keep_project(path: Path, fingerprint: str, project: CompiledProject) -> None:
    """Write the compiled models of a project with this fingerprint."""
    aside = path.with_suffix(f".{os.getpid()}.partial")  # other processes write it too
    aside.write_text(json.dumps({"fingerprint": fingerprint, "project": asdict(project)}), encoding="utf-8")
    aside.replace(path)
