"""The parsed project that is kept for later runs: read while it is that of the files, and parsed again otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tribolake.market.product import MARKET
from tribolake.run.dbt import Dbt
from tribolake.run.kept_manifest import keep_manifest, read_manifest, without_tests
from tribolake.settings import load_settings


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = load_settings(lake=tmp_path_factory.mktemp("lake"))
    settings.state.mkdir(parents=True)
    return without_tests(Dbt(MARKET, settings).parse())


def test_kept_project_is_the_parsed_one(parsed: Any, tmp_path: Path):
    keep_manifest(tmp_path / "kept", "files", parsed)
    found = read_manifest(tmp_path / "kept", "files")
    assert found.nodes.keys() == parsed.nodes.keys() and found.macros.keys() == parsed.macros.keys()
    assert all(found.nodes[name].to_dict() == node.to_dict() for name, node in parsed.nodes.items())
    assert not any(node.resource_type == "test" for node in found.nodes.values())


@pytest.mark.parametrize("damage", [b"", b"files\nnothing", None])
def test_what_is_not_of_these_files_is_not_read(parsed: Any, tmp_path: Path, damage: bytes | None):
    kept = tmp_path / "kept"
    assert read_manifest(kept, "files") is None
    keep_manifest(kept, "files", parsed)
    assert read_manifest(kept, "other files") is None
    content = kept.read_bytes()
    kept.write_bytes(content[: len(content) // 2] if damage is None else damage)
    assert read_manifest(kept, "files") is None
