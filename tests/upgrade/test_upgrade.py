"""Upgrade a lake of an earlier release. The next run brings it up to date and loses nothing."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from tests.support.lake_homes import PRODUCT, InBucket, InFolder, everything_published, logged
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.server import S3Server
from tests.upgrade.earlier_release import (
    NEEDS_A_LOOK,
    OK,
    USAGE,
    EarlierLake,
    HistoryIsMissing,
    Release,
    day_before,
    earlier_release,
    export,
)

HISTORY = (
    "report_status_history",
    "machine_status_history",
    "limits_history",
    "limit_decisions",
    "change_log",
)
# Content below these never changes: manifests, snapshots of days, deltas, versions of limits.
FINAL = ("lineage/", "gold/cda/_history/", "gold/emin/_history/", "silver/_delta/", "silver/stewart_limits/")
RECOMMENDATIONS = {
    "ai_recommendation",
    "recommendation_source",
    "ai_generated_at",
    "cache_key",
    "machine_ai_recommendation",
}
# Floors of limits and adopted rules judge anew (ADR 21), and a machine's score counts an oil once (ADR 24).
JUDGED = {
    "essays_broken",
    "severity_score",
    "classification_score",
    "report_status",
    "breached_essays",
    "essay_status",
    "limits_source",
    "rule_ids",
    "urgency",
    "overall_status",
    "machine_score",
    "components_normal",
    "components_alerta",
    "components_anormal",
    "priority_score",
    "component_details",
    "weighted_machine_score",
    "worst_component",
}
PROGRESS = b"\x1b[2K"  # begins each progress message on a terminal
# Runs are killed after this share of their progress messages.
EARLY_AND_LATE = (0.02, 0.5, 0.95)
BETWEEN, LAST_STEPS = (0.1, 0.3, 0.7), (0.9, 0.93, 0.97, 0.99)
# For killed runs, because the next run waits as long.
SHORT_LEASE = {"TRIBOLAKE_LEASE_SECONDS": "10"}


@dataclass(frozen=True)
class Before:
    """Content of a lake that the upgrade must keep."""

    runs: list[str]
    warehouse: Path
    published: dict[str, pa.Table]
    final: dict[str, bytes | None]
    log: list[dict[str, Any]]


@dataclass(frozen=True)
class Upgraded:
    """A lake after the first run of this release."""

    lake: EarlierLake
    before: Before
    run: subprocess.CompletedProcess[str]

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.run.stdout)


def command(lake: EarlierLake, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this release on a lake."""
    return subprocess.run(
        [sys.executable, "-m", "tribolake", *words, "--lake", lake.lake],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | lake.environment | environment,
    )


def answer(lake: EarlierLake, *words: str) -> Any:
    """Run a command that must succeed. Returns its JSON."""
    ended = command(lake, *words, "--json")
    assert ended.returncode == OK, ended.stderr
    return json.loads(ended.stdout)


def warehouse_of(lake: EarlierLake) -> Path:
    return Path(lake.environment.get("TRIBOLAKE_STATE_DIR", f"{lake.lake}/_state")) / "warehouse.duckdb"


def remember(lake: EarlierLake, folder: Path) -> Before:
    warehouse = folder / "before.duckdb"
    shutil.copyfile(warehouse_of(lake), warehouse)
    final = {key: lake.home.read(key) for prefix in FINAL for key in lake.home.keys(f"{PRODUCT}/{prefix}")}
    return Before(lake.runs, warehouse, everything_published(lake.home), final, logged(lake.home))


def upgrade(lake: EarlierLake, before: Before) -> Upgraded:
    return Upgraded(lake, before, command(lake, "run", "--json", "--wait", "60"))


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    with earlier_release(tmp_path_factory.mktemp("earlier release")) as started:
        yield started


@pytest.fixture(scope="session")
def old_lake(release: Release, tmp_path_factory: pytest.TempPathFactory) -> EarlierLake:
    """A lake in a folder. Tests copy it."""
    folder = tmp_path_factory.mktemp("old") / "lake"
    lake = EarlierLake(InFolder(folder), str(folder))
    release.make(lake)
    return lake


@pytest.fixture(scope="session")
def before(old_lake: EarlierLake, tmp_path_factory: pytest.TempPathFactory) -> Before:
    return remember(old_lake, tmp_path_factory.mktemp("before"))


@pytest.fixture(scope="session")
def upgraded(old_lake: EarlierLake, before: Before, tmp_path_factory: pytest.TempPathFactory) -> Upgraded:
    return upgrade(copy_of(old_lake, tmp_path_factory.mktemp("upgraded") / "lake"), before)


def copy_of(lake: EarlierLake, folder: Path) -> EarlierLake:
    shutil.copytree(lake.lake, folder, symlinks=True)
    return replace(lake, home=InFolder(folder), lake=str(folder))


def check_run(upgraded: Upgraded) -> None:
    """Check that the run names its reasons, and has no problem that the lake did not have before."""
    assert upgraded.run.returncode == NEEDS_A_LOOK, upgraded.run.stderr
    reasons = "; ".join(upgraded.report["reasons"])
    assert "code changed: every table is rebuilt" in reasons
    assert reasons in upgraded.run.stderr
    (failed,) = upgraded.report["failed_files"]
    assert failed["file"].endswith("broken.parquet")
    assert not upgraded.report["failed_tests"]
    assert not [client for client in upgraded.report["clients"].values() if client["problem"]]


def check_history(upgraded: Upgraded) -> None:
    """Check that all old rows of history tables and all lines of the log are unchanged."""
    with duckdb.connect(warehouse_of(upgraded.lake), read_only=True) as warehouse:
        warehouse.execute(f"attach '{upgraded.before.warehouse}' as before (read_only)")
        for table in HISTORY:
            (columns,) = warehouse.execute(
                "select string_agg('\"' || column_name || '\"', ', ') from duckdb_columns()"
                " where database_name = 'before' and schema_name = 'history' and table_name = $1",
                [table],
            ).fetchone() or ("",)
            old = f"select {columns} from before.history.{table}"
            assert warehouse.execute(f"select count(*) > 0 from ({old})").fetchone() == (True,), table
            now = f"select {columns} from history.{table}"
            if "dbt_valid_to" in columns:  # what was valid may have ended, because another status followed
                ended = f"{old} where dbt_valid_to is not null except all {now}"
                assert warehouse.execute(ended).fetchall() == [], table
                old, now = (f"select * exclude (dbt_valid_to) from ({rows})" for rows in (old, now))
            assert warehouse.execute(f"{old} except all {now}").fetchall() == [], table
    assert logged(upgraded.lake.home)[: len(upgraded.before.log)] == upgraded.before.log


def check_published(upgraded: Upgraded) -> None:
    """Check that the same columns come first, with the same rows except verdicts and texts of recommendations."""
    published = everything_published(upgraded.lake.home)
    new = {f"{client}/{table}" for client in ("cda", "emin") for table in ("component_status", "results")}
    assert published.keys() - upgraded.before.published.keys() == new
    assert all(published[name].num_rows for name in new)
    for name, rows in upgraded.before.published.items():
        now = published[name]
        assert now.schema.names[: len(rows.schema.names)] == rows.schema.names, name
        compared = [column for column in rows.schema.names if column not in JUDGED | RECOMMENDATIONS]
        assert rows_only_in_one(rows.select(compared), now.select(compared)) == (0, 0), name


def rows_only_in_one(left: pa.Table, right: pa.Table) -> tuple[int, int]:
    with duckdb.connect() as connection:
        connection.register("one", left)
        connection.register("other", right)
        found = connection.execute(
            "select (select count(*) from (from one except all from other)),"
            " (select count(*) from (from other except all from one))"
        ).fetchone()
    assert found is not None
    return found


def check_final(upgraded: Upgraded) -> None:
    """Check that manifests, snapshots, deltas and versions of limits are unchanged byte for byte."""
    assert all(any(key.startswith(f"{PRODUCT}/{prefix}") for key in upgraded.before.final) for prefix in FINAL)
    changed = [key for key, content in upgraded.before.final.items() if upgraded.lake.home.read(key) != content]
    assert changed == []


def check_nothing_to_do(upgraded: Upgraded) -> None:
    assert answer(upgraded.lake, "run")["nothing_new"]


def check_reprocess(upgraded: Upgraded, run_id: str, folder: Path) -> None:
    """Check that a run of the earlier release is reprocessed to equal rows, except verdicts, texts and new columns."""
    ended = command(upgraded.lake, "reprocess", "--as-of", run_id, "--into", str(folder), "--json")
    assert ended.returncode in (OK, NEEDS_A_LOOK), ended.stderr
    for client in json.loads(ended.stdout)["clients"].values():
        for file in client["files"]:
            assert (file["rows_missing"], file["rows_added"]) == (0, 0), file
            then = {column for rows in upgraded.before.published.values() for column in rows.schema.names}
            compared = then - JUDGED - RECOMMENDATIONS
            assert {name: rows for name, rows in file["columns"].items() if name in compared} == {}, file


def test_missing_history_says_what_to_do(tmp_path: Path):
    with pytest.raises(HistoryIsMissing, match="git fetch --unshallow"):
        export("0" * 40, tmp_path)


@pytest.mark.slow
def test_first_run_says_what_it_does_again(upgraded: Upgraded):
    check_run(upgraded)
    assert "every file is read again" in upgraded.run.stderr


@pytest.mark.slow
def test_first_run_keeps_all_history(upgraded: Upgraded):
    check_history(upgraded)


@pytest.mark.slow
def test_first_run_publishes_same_rows(upgraded: Upgraded):
    check_published(upgraded)


@pytest.mark.slow
def test_first_run_keeps_the_keys_of_samples(upgraded: Upgraded):
    """Each number was one sample. Its occurrence is empty, so joins by number and laboratory find what they found."""
    home = Path(upgraded.lake.lake, PRODUCT)
    manifests = [json.loads(path.read_text(encoding="utf-8")) for path in home.glob("gold/*/_manifest.json")]
    assert [manifest["schema_version"] for manifest in manifests] == ["2.4", "2.4"]
    reports = str(home / "gold" / "*" / "classified_reports.parquet")
    assert duckdb.execute("select distinct sampleOccurrence from read_parquet($1)", [reports]).fetchall() == [("",)]
    with duckdb.connect(str(home.parent / "_state" / "warehouse.duckdb"), read_only=True) as warehouse:
        history = warehouse.execute("select distinct sampleOccurrence from history.report_status_history").fetchall()
    assert history == [("",)]


@pytest.mark.slow
def test_first_run_leaves_final_files_alone(upgraded: Upgraded):
    check_final(upgraded)


def sources_of_texts(published: dict[str, pa.Table]) -> set[str]:
    reports = [rows for name, rows in published.items() if name.endswith("/classified_reports")]
    return {source for rows in reports for source in rows["recommendation_source"].to_pylist()}


@pytest.mark.slow
def test_second_run_has_nothing_to_do(upgraded: Upgraded):
    check_nothing_to_do(upgraded)


@pytest.mark.slow
def test_old_versions_are_fetched_as_published(upgraded: Upgraded):
    day = day_before(2)
    file = Path(upgraded.lake.lake, PRODUCT, "gold", "emin", "_history", str(day), "classified_reports.parquet")
    said = json.loads(file.with_name("_manifest.json").read_text(encoding="utf-8"))
    for words in (("--as-of", str(day)), ("--version", said["run_id"])):
        found = answer(upgraded.lake, "fetch", "classified_reports", "--client", "emin", *words)
        assert Path(found["path"]).read_bytes() == file.read_bytes()


@pytest.mark.slow
def test_old_limits_have_their_lineage(upgraded: Upgraded):
    kept = Path(upgraded.lake.lake, PRODUCT, "silver", "stewart_limits")
    version = min((folder for folder in kept.iterdir()), key=lambda folder: folder.stat().st_mtime).name
    found = answer(upgraded.lake, "lineage", version)
    assert upgraded.before.runs[0] in json.dumps(found)


@pytest.mark.slow
def test_fleet_of_an_old_day_is_as_readers_saw_it(upgraded: Upgraded):
    day = day_before(2)
    snapshots = f"{upgraded.lake.lake}/{PRODUCT}/gold/*/_history/*/machine_status_current.parquet"
    seen = duckdb.execute(
        "select client, unit_id, overall_status from read_parquet($1, filename = true)"
        " where regexp_extract(filename, '_history/([0-9-]+)/', 1) <= $2"
        " qualify row_number() over (partition by client, unit_id order by filename desc) = 1",
        [snapshots, str(day)],
    ).fetchall()
    found = answer(upgraded.lake, "history", "--as-of", str(day))["machines"]
    assert seen
    assert sorted((each["client"], each["unit_id"], each["overall_status"]) for each in found) == sorted(seen)


@pytest.mark.slow
def test_upgraded_lake_keeps_history_without_its_warehouse(upgraded: Upgraded, tmp_path: Path):
    lake = copy_of(upgraded.lake, tmp_path / "lake")
    shutil.rmtree(Path(lake.lake, "_state"))
    again = replace(upgraded, lake=lake, run=command(lake, "run", "--json"))
    assert again.run.returncode == NEEDS_A_LOOK, again.run.stderr
    assert "history" not in again.run.stderr, again.run.stderr
    check_history(again)


@pytest.mark.slow
def test_old_run_is_reprocessed_with_equal_rows(upgraded: Upgraded, tmp_path: Path):
    check_reprocess(upgraded, upgraded.before.runs[-1], tmp_path / "again")


@pytest.fixture(scope="session")
def messages(old_lake: EarlierLake, tmp_path_factory: pytest.TempPathFactory) -> int:
    """The number of progress messages of an upgrade without a kill."""
    return count_messages(copy_of(old_lake, tmp_path_factory.mktemp("counted") / "lake"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "share", [*EARLY_AND_LATE, *(pytest.param(share, marks=pytest.mark.thorough) for share in (*BETWEEN, *LAST_STEPS))]
)
def test_killed_upgrade_recovers(
    old_lake: EarlierLake, upgraded: Upgraded, messages: int, tmp_path: Path, share: float
):
    lake = copy_of(old_lake, tmp_path / "lake")
    kill_after(lake, round(messages * share))
    everything_published(lake.home)
    recovered = upgrade(lake, upgraded.before)
    check_recovered(recovered)
    clean = everything_published(upgraded.lake.home)
    published = everything_published(lake.home)
    assert {name for name, rows in published.items() if not rows.equals(clean[name])} == set()


def check_recovered(upgraded: Upgraded) -> None:
    assert upgraded.run.returncode in (OK, NEEDS_A_LOOK), upgraded.run.stderr
    check_history(upgraded)
    check_published(upgraded)
    check_final(upgraded)
    check_nothing_to_do(upgraded)


def count_messages(lake: EarlierLake) -> int:
    """Let a run end. Returns the number of its progress messages."""
    process, messages = run_at_terminal(lake)
    assert process.returncode in (OK, NEEDS_A_LOOK)
    assert messages > 20, "a run says at a terminal which model it builds"
    return messages


def kill_after(lake: EarlierLake, messages: int) -> None:
    """Kill a run after so many progress messages."""
    process, _ = run_at_terminal(lake, messages)
    assert process.returncode == -signal.SIGKILL, "the run ended before it was killed"


def run_at_terminal(lake: EarlierLake, most: int | None = None) -> tuple[subprocess.Popen[bytes], int]:
    """Run at a terminal. With `most`, the run and its processes are killed after so many messages."""
    terminal, stderr = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tribolake", "run", "--wait", "60", "--lake", lake.lake],
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=os.environ | lake.environment,
        start_new_session=True,
    )
    os.close(stderr)
    seen = b""
    while said := read_terminal(terminal):
        seen += said
        if most is not None and seen.count(PROGRESS) >= most:
            os.killpg(process.pid, signal.SIGKILL)
    os.close(terminal)
    process.wait()
    return process, seen.count(PROGRESS)


def read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end was closed
        return b""


@pytest.mark.slow
def test_old_wordings_are_no_longer_shown(upgraded: Upgraded, tmp_path: Path):
    """Old texts disappear when runs use another prompt version, or when they are expired."""
    assert "llm" in sources_of_texts(upgraded.before.published)
    lake = copy_of(upgraded.lake, tmp_path / "lake")
    (version,) = {Path(key).parts[2] for key in lake.home.keys(f"{PRODUCT}/recommendations/")}
    is_in_use = command(lake, "recommendations", "expire", version).returncode == USAGE
    if is_in_use:
        assert answer(lake, "recommendations", "expire", version, "--yes")["removed"] > 0
    else:
        assert sources_of_texts(everything_published(lake.home)) == {"rules", "fixed"}
    again = Upgraded(lake, upgraded.before, command(lake, "run", "--full-refresh", "--json"))
    assert again.run.returncode in (OK, NEEDS_A_LOOK), again.run.stderr
    check_published(again)
    assert sources_of_texts(everything_published(lake.home)) == {"rules", "fixed"}


@pytest.fixture(scope="session")
def lakes_in_buckets(
    release: Release, moto: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], EarlierLake]:
    """Make lakes, each in its own bucket, with the disk of the machine that made it."""

    def make() -> EarlierLake:
        disk = tmp_path_factory.mktemp("disk")
        home = InBucket(moto, new_buckets(moto).lake, disk)
        environment = moto.environment | {"TRIBOLAKE_STATE_DIR": str(disk)}
        lake = EarlierLake(home, f"s3://{home.bucket}", environment)
        release.make(lake)
        return lake

    return make


def on_disk(lake: EarlierLake, disk: Path, **environment: str) -> EarlierLake:
    """Return the lake as seen from a machine with another disk."""
    return replace(lake, environment=lake.environment | {"TRIBOLAKE_STATE_DIR": str(disk)} | environment)


@pytest.mark.slow
@pytest.mark.parametrize("has_empty_disk", [False, True], ids=["old disk", "empty disk"])
def test_lake_on_s3_is_upgraded_on_any_disk(lakes_in_buckets, tmp_path: Path, has_empty_disk: bool):
    lake = lakes_in_buckets()
    before = remember(lake, tmp_path)
    upgraded = upgrade(on_disk(lake, tmp_path / "disk") if has_empty_disk else lake, before)
    check_run(upgraded)
    check_history(upgraded)
    check_published(upgraded)
    check_final(upgraded)
    check_nothing_to_do(upgraded)
    # The file that this run read was overwritten later. The bucket still has its version.
    check_reprocess(upgraded, before.runs[1], tmp_path / "again")


@pytest.mark.slow
@pytest.mark.thorough
def test_killed_upgrades_on_s3_recover(lakes_in_buckets: Callable[[], EarlierLake], messages: int, tmp_path: Path):
    """After several killed runs on empty disks, the next machine ends as if there were none."""
    lake = lakes_in_buckets()
    before = remember(lake, tmp_path)
    for share in (*EARLY_AND_LATE, *LAST_STEPS):
        kill_after(on_disk(lake, tmp_path / f"killed at {share}", **SHORT_LEASE), round(messages * share))
        everything_published(lake.home)
    check_recovered(upgrade(on_disk(lake, tmp_path / "last"), before))
