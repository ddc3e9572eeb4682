"""The parsed project without its data tests, kept for the runs that follow.

dbt keeps its own, with the tests. Reading that takes three times as long, because dbt looks at every file again.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import fields
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("dbt-core", "dbt-duckdb", "dbt-adapters")  # whose macros are part of a parsed project


def without_tests(manifest: Any) -> Any:
    """Return a parsed project without its data tests, unit tests and files, for commands that run no test.

    For each command dbt links and selects all nodes that it is given. Three of four are tests, which a run asks as
    queries. Files tell dbt what to parse again.
    """
    # Not a copy: dbt's own gives its indexes, whose names begin with `_`, to the wrong fields.
    parts = {part.name: getattr(manifest, part.name) for part in fields(manifest) if not part.name.startswith("_")}
    nodes = {name: node for name, node in manifest.nodes.items() if node.resource_type != "test"}
    return type(manifest)(**parts | {"nodes": nodes, "unit_tests": {}, "files": {}})


def read_manifest(path: Path, fingerprint: str) -> Any | None:
    """Read what was parsed from files with this fingerprint. Returns None if there is none that can be read."""
    manifests = import_module("dbt.parser.manifest")
    with suppress(Exception):  # it is parsed again, whatever another program made of the file
        parsed, _, content = path.read_bytes().partition(b"\n")
        if parsed == _identity(fingerprint):
            return manifests.Manifest.from_msgpack(content, decoder=manifests.extended_mashumuro_decoder)
    return None


def keep_manifest(path: Path, fingerprint: str, manifest: Any) -> None:
    encoder = import_module("dbt.parser.manifest").extended_mashumaro_encoder
    aside = path.with_suffix(f".{os.getpid()}.partial")  # runs of other lakes write it too
    aside.write_bytes(_identity(fingerprint) + b"\n" + manifest.to_msgpack(encoder))
    aside.replace(path)


def _identity(fingerprint: str) -> bytes:
    ours = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return " ".join([fingerprint, ours, *map(version, PACKAGES)]).encode()
