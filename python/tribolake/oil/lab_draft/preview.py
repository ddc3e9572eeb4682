"""Read a file with proposed seed rows, by the real models, in a copy of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import RunFailed
from tribolake.oil.lab_draft.seed_rows import append_rows
from tribolake.processes import module_command
from tribolake.run.warehouse import rows_of
from tribolake.settings import PACKAGE_DIR, PROJECT_DIR

# Exit codes of a run that published.
OK, NEEDS_A_LOOK = 0, 4
# The parts of a dbt project, as the wheel carries them.
PROJECT_PARTS = ("macros", "models", "seeds", "snapshots", "tests/data", "dbt_project.yml", "profiles.yml")
SHOWN_SAMPLES = 10
SHOWN_ESSAYS = 8
SAMPLES = """
    select
        samples.sampleNumber, samples.sampleDate, samples.unitId, samples.componentName, samples.machineHours,
        samples.oilMeter, samples.essays_measured,
        array_to_string(
            list_slice(
                list(
                    results.essay || ' ' || coalesce(
                        coalesce(results.censoring, '') || format('{:.6g}', results.value)
                        || coalesce(' ' || nullif(results.unit, '1'), ''),  -- 1: the essay is a mere number
                        results.code
                    )
                    order by essays.position
                ) filter (where results.rejection is null),
                1, $essays
            ),
            ', '
        ) as results
    from silver.samples as samples
    left join silver.results as results on samples.row_id = results.row_id
    left join seeds.essays as essays on results.essay = essays.essay
    group by all
    order by samples.sampleDate desc, samples.sampleNumber
    limit $samples
"""
ROWS = """
    select
        status, message, cast(rows_read as integer) as rows_read, cast(rows_loaded as integer) as rows_loaded,
        cast(rows_rejected as integer) as rows_rejected
    from silver.arrival_reconciliation
"""
NOT_USED = """
    select
        coalesce(essay, column_name, sheet, subject) as what, reason, count(*) as count,
        list(distinct coalesce(text, detail, 'row ' || row_number))[:3] as examples
    from silver.rejected
    group by all
    order by count desc, what, reason
"""
UNKNOWN_MACHINES = (
    "select name, cast(cells_affected as integer) as samples from silver.unmapped_names where kind = 'machine'"
)


@dataclass(frozen=True)
class Preview:
    """What a run makes of the file: counts of its rows, samples, what is not used, and machines that no seed has."""

    rows: Mapping[str, Any]
    samples: Sequence[Mapping[str, Any]]
    not_used: Sequence[Mapping[str, Any]]
    unknown_machines: Sequence[Mapping[str, Any]]


def preview(file: Path, client: str, rows: Mapping[str, Sequence[Mapping[str, str]]]) -> Preview:
    """Run the pipeline on one file, with seed rows that are not written yet. It takes some seconds.

    Raises:
        RunFailed: the rows break a rule of the seeds, or the run failed.
    """
    with tempfile.TemporaryDirectory(prefix="tribolake-draft-") as folder:
        home = Path(folder)
        append_rows(_copy_project(home) / "seeds" / "oil", rows)
        arrived = home / "lake" / "oil-analysis" / "bronze" / client / date.today().isoformat() / file.name
        arrived.parent.mkdir(parents=True)
        shutil.copyfile(file, arrived)
        _run(home)
        with duckdb.connect(str(home / "lake" / "_state" / "warehouse.duckdb"), read_only=True) as connection:
            shown = {"samples": SHOWN_SAMPLES, "essays": SHOWN_ESSAYS}
            return Preview(
                rows_of(connection, ROWS)[0],
                rows_of(connection, SAMPLES, shown),
                rows_of(connection, NOT_USED),
                rows_of(connection, UNKNOWN_MACHINES),
            )


def _copy_project(home: Path) -> Path:
    """Copy the package and its project, as an installation has them. Returns the folder of the project."""
    ignored = shutil.ignore_patterns("__pycache__", "project")
    shutil.copytree(PACKAGE_DIR, home / "tribolake", ignore=ignored)
    project = home / "tribolake" / "project"
    for part in PROJECT_PARTS:
        source, target = PROJECT_DIR / part, project / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    return project


def _run(home: Path) -> None:
    """Run the copy.

    Raises:
        RunFailed: with the end of what it said.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    done = subprocess.run(  # noqa: S603 - our own module, arguments are not from files
        module_command("tribolake", "run", "--lake", str(home / "lake"), "--no-ai", "--quiet"),
        cwd=home,
        env=kept | {"PYTHONPATH": str(home), "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (OK, NEEDS_A_LOOK):
        raise RunFailed(f"the proposed rows cannot be used: {' '.join(done.stderr.split())[-500:]}")
