"""Test `tribolake recommendations` on a lake in a folder and on S3."""

from __future__ import annotations

import dataclasses
import json

import pyarrow.parquet as pq
import pytest
from tests.support.kept_wordings import exported, keep_each, wording, wordings
from tests.support.model_endpoints import KEY
from tests.support.s3_fixtures import new_buckets

from tribolake.cli.options import Exit
from tribolake.lake.custody import lock_machine
from tribolake.oil.recommendations import objections
from tribolake.oil.wording.segments import open_wordings
from tribolake.oil.wording.wording import Wording
from tribolake.settings import Settings


@pytest.fixture
def kept(settings: Settings) -> list[Wording]:
    """The wordings of a lake."""
    settings.lake.mkdir()
    return keep_each(open_wordings(settings), [*wordings(range(4)), *wordings(range(2), prompt_version="v2")])


@pytest.mark.slow
def test_wordings_are_carried_to_another_lake_and_expire(tribolake, settings, kept, tmp_path, moto):
    file, bucket = tmp_path / "wordings.parquet", f"s3://{new_buckets(moto).lake}"

    def call(*words: str, lake: str = str(settings.lake)) -> dict[str, object]:
        done = tribolake(
            "recommendations",
            *words,
            "--lake",
            lake,
            "--json",
            **moto.environment,
            TRIBOLAKE_STATE_DIR=str(tmp_path / lake[-4:]),
        )
        assert done.returncode == Exit.OK, done.stderr
        return json.loads(done.stdout)

    assert call("export", str(file)) == {"file": str(file), "wordings": 6}
    assert call("import", str(file), lake=bucket) == {"taken": 6, "known": 0, "refused": []}
    assert call("import", str(file)) == {"taken": 0, "known": 6, "refused": []}
    assert call("compact", lake=bucket) == {"compacted": 0}
    assert call("compact") == {"compacted": 6}
    again = tmp_path / "again.parquet"
    call("export", str(again), lake=bucket)
    assert pq.read_table(again)["cache_key"].to_pylist() == sorted(one.cache_key for one in kept)
    assert call("expire", "v1") == {"prompt_version": "v1", "removed": 4}
    assert open_wordings(settings).count() == {"v2": 2}


def test_unknown_prompt_version_names_the_known_ones(tribolake, settings, kept):
    done = tribolake("recommendations", "expire", "../v9", "--lake", str(settings.lake))
    assert done.returncode == Exit.USAGE
    assert "v1 (4), v2 (2)" in done.stderr
    assert open_wordings(settings).count() == {"v1": 4, "v2": 2}


def test_refused_rows_are_named_with_their_reasons(tribolake, settings, tmp_path):
    settings.lake.mkdir()
    forged = dataclasses.replace(wording(1), pattern=wording(2).pattern)
    invented = wording(3, "Cambie el motor.")
    dated = dataclasses.replace(wording(4), generated_at="2026-W01-1")
    file = exported([wording(0), forged, invented, dated], tmp_path / "foreign.parquet")
    done = tribolake("recommendations", "import", str(file), "--lake", str(settings.lake))
    assert done.returncode == Exit.NEEDS_A_LOOK, done.stderr
    assert done.stdout == "1 wordings taken, 0 known already, 3 refused\n"
    assert "its key is the one of another pattern" in done.stderr
    assert "its reply: opening must be one of" in done.stderr
    assert "its generated_at: Value error, it is not a time" in done.stderr
    assert open_wordings(settings).count() == {"v1": 1}


def test_import_of_other_file_says_so(tribolake, settings, tmp_path):
    settings.lake.mkdir()
    file = tmp_path / "foreign.parquet"
    file.write_text("no table", encoding="utf-8")
    done = tribolake("recommendations", "import", str(file), "--lake", str(settings.lake))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert ". Give a file of `tribolake recommendations export`" in done.stderr
    assert ".." not in done.stderr
    assert tribolake("recommendations", "import", str(tmp_path / "nothing")).returncode == Exit.USAGE


@pytest.mark.parametrize(
    "words",
    [("export", "kept.parquet"), ("import", "kept.parquet"), ("compact",), ("expire", "v1"), ("retry",), ("waiting",)],
    ids=" ".join,
)  # fmt: skip
def test_missing_lake_is_not_made_and_files_stay(tribolake, tmp_path, words):
    kept = exported([wording(0)], tmp_path / "kept.parquet")
    before = kept.read_bytes()
    words = tuple(str(kept) if word == kept.name else word for word in words)
    done = tribolake("recommendations", *words, "--lake", str(tmp_path / "typo"), OPENAI_API_KEY=KEY)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert f"{tmp_path / 'typo'}" in done.stderr
    assert (list(tmp_path.iterdir()), kept.read_bytes()) == ([kept], before)


def test_budget_without_key_says_no_model_is_asked(tribolake, settings):
    words = (
        "run",
        "--lake",
        str(settings.lake),
        "--ai-budget",
        "1",
        "--policy",
        "none",
    )  # a policy that ends it
    assert "no key is set, so no model is asked" in tribolake(*words).stderr
    assert "no key" not in tribolake(*words, OPENAI_API_KEY=KEY).stderr


def test_no_ai_with_budget_is_refused(tribolake, settings):
    done = tribolake("run", "--lake", str(settings.lake), "--no-ai", "--ai-budget", "1")
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "--no-ai asks no model" in done.stderr
    assert not settings.lake.exists()


def test_export_into_missing_folder_says_so(tribolake, settings, kept, tmp_path):
    file = tmp_path / "nodir" / "e.parquet"
    done = tribolake("recommendations", "export", str(file), "--lake", str(settings.lake))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert f"the folder {file.parent} does not exist" in done.stderr


@pytest.mark.parametrize("words", [("compact",), ("expire", "v1")])
def test_command_during_run_removes_nothing(tribolake, settings, kept, words):
    with lock_machine(settings):
        done = tribolake("recommendations", *words, "--lake", str(settings.lake))
    assert done.returncode == Exit.BUSY
    assert open_wordings(settings).count() == {"v1": 4, "v2": 2}


def test_evaluate_without_gold_says_what_to_do(tribolake, settings):
    settings.lake.mkdir()
    done = tribolake("recommendations", "evaluate", "--lake", str(settings.lake))
    assert done.returncode == Exit.USAGE
    assert "tribolake run" in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"pattern": "{}"},
        {"pattern": '{"rules": 3}'},
        {"pattern": "[]"},
        {"pattern": wording(2).pattern},
        {"cache_key": "0" * 64},
        {"reply": "{}"},
        {"reply": "[" * 5_000},
        {"reply": wording(1).reply.replace("K07", "K01")},
        {"reply": wording(1).reply.replace(",", ", ")},
    ],
)
def test_wording_that_does_not_fit_its_pattern_has_objections(change):
    assert objections(wording(1)) == ()
    assert objections(dataclasses.replace(wording(1), **change))
