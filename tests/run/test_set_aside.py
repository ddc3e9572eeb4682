"""A content that fails the build does not hold up the others."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tribolake.errors import RunFailed
from tribolake.oil.arrivals import retry_arrivals
from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.readers.names import plain_spelling
from tribolake.run.dbt import said
from tribolake.run.pipeline import run
from tribolake.settings import Settings

POISON = "POISON-1"


def samples(settings: Settings) -> dict[str, int]:
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        return dict(warehouse.execute("select client, count(*) from silver.samples group by 1").fetchall())


def fail_for(monkeypatch: pytest.MonkeyPatch, word: str | None) -> None:
    """Make a function of the models fail for one text, as DuckDB fails for a content that it has no memory for."""

    def failing(text: str) -> str:
        if word is not None and word in text:
            raise ValueError("no memory for this")
        return plain_spelling(text)

    monkeypatch.setattr("tribolake.run.sql_functions.plain_spelling", failing)


@pytest.mark.slow
@pytest.mark.usefixtures("parsed_project")
def test_content_that_fails_the_build_is_set_aside(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    made = write_sample_lake(settings.lake, finning_units=1, als_units=2, months=6, dirty=False)
    als = [path for path in made.files if path.suffix == ".parquet"][-1]
    rows = pq.read_table(als)
    numbers = pa.array([POISON, *(f"GOOD-{n}" for n in range(1, len(rows)))])
    poison = als.with_name("poison.parquet")
    pq.write_table(rows.set_column(rows.column_names.index("sampleNumber"), "sampleNumber", numbers), poison)

    fail_for(monkeypatch, POISON)
    report = run(OIL, settings)
    (failed,) = report.failed_files
    assert failed["file"].endswith("emin/" + poison.relative_to(poison.parents[1]).as_posix())
    assert "no memory for this" in failed["problem"]
    assert "tribolake arrivals retry" in failed["problem"]
    assert report.needs_a_look
    assert {client: done.published for client, done in report.clients.items()} == {"cda": True, "emin": True}
    without = samples(settings)
    assert run(OIL, settings).nothing_new

    fail_for(monkeypatch, None)
    retry_arrivals(settings, [], None)
    assert not run(OIL, settings).failed_files
    assert samples(settings) == without | {"EMIN": 2 * without["EMIN"]}


@pytest.mark.slow
@pytest.mark.usefixtures("parsed_project")
def test_build_that_fails_of_all_contents_sets_none_aside(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    write_sample_lake(settings.lake, finning_units=1, als_units=1, months=4, dirty=False)
    fail_for(monkeypatch, "")
    with pytest.raises(RunFailed, match="no memory for this"):
        run(OIL, settings)
    fail_for(monkeypatch, None)
    report = run(OIL, settings)
    assert not report.failed_files
    assert all(done.published for done in report.clients.values())


def test_message_of_a_python_model_ends_with_its_cause(tmp_path: Path):
    frames = "".join(f'  File "{tmp_path}/{n}.py", line {n}, in model\n    return\n' for n in range(40))
    message = f"Runtime Error\n  Python model failed:\n  Traceback (most recent call last):\n{frames}"
    assert (
        said(f"{message}  OSError: [Errno 28] No space left on device\n")
        == "OSError: [Errno 28] No space left on device"
    )


@pytest.mark.parametrize("frames", ["", 'Traceback (most recent call last):\n  File "model.py", line 1\n'])
def test_message_of_spent_memory_names_the_setting(frames: str):
    error = "Out of Memory Error: could not allocate block (429.1 MiB used)"
    message = f"{frames}{error}\nPossible solutions:\n* SET threads=X\n\nSee also https://duckdb.org"
    assert said(message) == f"{error}. Set TRIBOLAKE_MEMORY_LIMIT to more, as in 2GB"
