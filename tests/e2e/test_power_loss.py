"""After a power loss readers find a whole publication, and everything that the ledger records is there.

Operations of the real publisher are recorded once. The model of power_loss.py makes folders that a crash after each
operation could leave, and each is checked as a consumer reads it. Protocols that are broken on purpose show that the
checks find errors. A test that only kills processes would not find missing syncs.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from tests.e2e.power_loss import (
    Crash,
    Named,
    Operation,
    Recorded,
    Stopped,
    Synced,
    Written,
    crashes,
    materialise,
    recording,
)
from tests.support.small_warehouse import (
    apply_retention,
    delta_of,
    gold_of,
    harmonized_of,
    logged,
    publish,
    published_mark,
    read_whole,
    rejected_of,
    shelf_in,
    warehouse,
)

from tribolake.oil.limits.versions import LIMITS
from tribolake.oil.product import OIL
from tribolake.publish.change_log import repair
from tribolake.publish.history import published_as_of
from tribolake.publish.places import Places
from tribolake.publish.version import followers_of
from tribolake.publish.versioned import publish_versions

RUNS = ("run-1", "run-2", "run-3")
DAYS = {"run-1": "2026-01-30", "run-2": "2026-01-30", "run-3": "2026-01-31"}
ENTITY_NAMES = {entity.name for entity in OIL.contract.entities}


@dataclass(frozen=True)
class Known:
    """Operations and files of runs without errors: SHA-256 of files by name."""

    operations: list[Operation]
    paths: dict[int, str]
    silver: dict[str, dict[str, str]]
    prepared: dict[str, dict[str, str]]  # the next run repairs from these


def silver_of(root: Path) -> dict[str, str]:
    files = [harmonized_of(root), rejected_of(root), *(delta_of(root, day) for day in set(DAYS.values()))]
    limits = (shelf_in(root).home / "silver" / "stewart_limits").glob("v*/*")
    return sha256_of_each(root, (*files, *limits))


def prepared_of(root: Path, run: str) -> dict[str, str]:
    version = gold_of(root) / "_versions" / run
    return sha256_of_each(version, (version / name for name in followers_of(OIL.contract)))


def sha256_of_each(root: Path, paths: Iterable[Path]) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.exists()
    }


def publish_run(root: Path, run: str) -> None:
    """Publish as the pipeline does, but without the ledger. Limits are stored before reports name them."""
    with warehouse(RUNS.index(run), rows=5) as connection:
        publish_versions(connection, shelf_in(root), LIMITS)
        assert publish(connection, root, run, at=DAYS[run])


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """Publish three runs, two of them on one day: limits, gold, then the ledger."""
    root = tmp_path_factory.mktemp("lake")
    silver, prepared = {}, {}
    with recording(root) as recorder:
        for run in RUNS:
            publish_run(root, run)
            recorder.ledger(run)
            silver[run], prepared[run] = silver_of(root), prepared_of(root, run)
    return Known(recorder.operations, recorder.paths, silver, prepared)


def check(root: Path, crash: Crash, known: Known) -> None:
    """Check all that a consumer may rely on after a crash."""
    last = crash.recorded[-1] if crash.recorded else None
    following = RUNS[RUNS.index(last) + 1 : RUNS.index(last) + 2] if last else RUNS[:1]
    allowed = [run for run in (last, *following) if run]
    gold = gold_of(root)
    shown = read_whole(gold, base=gold)["run_id"] if (gold / "_manifest.json").exists() else None
    assert shown in allowed or (shown is None and last is None), f"{last} is in the ledger, readers see {shown}"
    assert shown is None or prepared_of(root, shown) == known.prepared[shown], "nothing to repair from"
    # Silver follows gold: it shows the run of gold or the one before.
    check_silver(root, [run for run in dict.fromkeys((last, shown)) if run], known, last)
    check_history(gold, allowed, last)
    check_log(root, crash.recorded, RUNS[: RUNS.index(allowed[-1]) + 1])


def check_silver(root: Path, runs: list[str], known: Known, last: str | None) -> None:
    found = silver_of(root)
    for path, sha256 in found.items():
        # Limits have a folder per version, independent of the shown run.
        possible = RUNS if "stewart_limits" in path else runs
        assert sha256 in {known.silver[run].get(path) for run in possible}, f"{path} is torn or too early"
    assert found.keys() >= (known.silver[last].keys() if last else set()), "silver of a recorded run is gone"
    needed = {path for run in runs for path in known.silver[run] if "stewart_limits" in path}
    assert found.keys() >= needed, "reports name limits that are not there"


def check_history(gold: Path, allowed: list[str], last: str | None) -> None:
    history = gold / "_history"
    links = {link.name: link for link in history.iterdir() if link.is_symlink()} if history.exists() else {}
    shown = {day: read_whole(link)["run_id"] for day, link in links.items() if not day.startswith(".")}
    expected = {DAYS[run]: run for run in RUNS[: RUNS.index(last) + 1]} if last else {}
    for day in shown.keys() | expected.keys():
        runs = {expected.get(day), *(run for run in allowed if DAYS[run] == day)}
        assert shown.get(day) in runs or day not in expected, f"the snapshot of {day} is {shown.get(day)}"


def check_log(root: Path, recorded: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    log = root / "logs" / "changes.jsonl"
    if log.exists():
        repair(log)
    lines = Counter((line["run_id"], line["entity"]) for line in logged(root))
    assert all(count == 1 for count in lines.values())
    assert {run for run, _ in lines} <= {*allowed}
    missing = {(run, entity) for run in recorded for entity in ENTITY_NAMES} - lines.keys()
    assert not missing, f"changes of recorded runs are gone: {missing}"


def check_next_run(root: Path, crash: Crash) -> None:
    """Check that the next run ends as if nothing had happened, and that the log has each change once."""
    gold = gold_of(root)
    shown = read_whole(gold, base=gold)["run_id"] if (gold / "_manifest.json").exists() else None
    with warehouse(9, rows=5) as connection:
        publish_versions(connection, shelf_in(root), LIMITS)
        assert publish(connection, root, "run-9", at="2026-02-01")
    assert published_mark(root) == 9
    runs = {run for run in (*crash.recorded, shown, "run-9") if run}
    assert Counter((line["run_id"], line["entity"]) for line in logged(root)) == Counter(
        (run, entity) for run in runs for entity in ENTITY_NAMES
    )
    assert not [path for path in root.rglob("*") if ".partial" in path.name]


def failures(operations: list[Operation], known: Known, folder: Path, mixtures: int = 2) -> Iterator[str]:
    """Yield the problems that consumers find after possible crashes."""
    for crash in crashes(operations, seed=1, mixtures=mixtures):
        problem = look(folder, crash, known)
        if problem:
            yield problem


def look(folder: Path, crash: Crash, known: Known) -> str | None:
    root = folder / "crashed"
    materialise(crash.found, root)
    try:
        check(root, crash, known)
    except (AssertionError, OSError, ValueError, KeyError) as error:
        return f"after operation {crash.after}: {type(error).__name__}: {str(error).splitlines()[0]}"
    finally:
        shutil.rmtree(root)
    return None


@pytest.mark.slow
def test_power_loss_leaves_whole_publication_and_right_ledger(known: Known, tmp_path: Path):
    looked_at = list(crashes(known.operations, seed=1, mixtures=16))
    assert len(looked_at) > 300
    assert not [problem for crash in looked_at if (problem := look(tmp_path, crash, known))]


@pytest.mark.slow
def test_power_loss_is_repaired_by_the_next_run(known: Known, tmp_path: Path):
    looked_at = list(crashes(known.operations, seed=2, mixtures=2))
    for crash in looked_at[:: len(looked_at) // 15]:
        root = tmp_path / f"after-{crash.after}"
        materialise(crash.found, root)
        check_next_run(root, crash)
        shutil.rmtree(root)


@pytest.mark.slow
def test_work_of_killed_run_survives_power_loss_after_next_run(known: Known, tmp_path: Path):
    """The next run may see a name of a killed run that is not on the disk yet."""
    stopped_after_the_link = 0
    for stop in itertools.count(55, 13):
        root = tmp_path / f"stopped-{stop}"
        root.mkdir()
        with recording(root) as recorder:
            publish_run(root, "run-1")
            recorder.ledger("run-1")
            recorder.stop_before = recorder.calls + stop
            with suppress(Stopped):
                publish_run(root, "run-2")
                break  # it ended before the stop
            recorder.stop_before = None
            if read_whole(gold_of(root), base=gold_of(root))["run_id"] == "run-1":
                continue
            publish_run(root, "run-3")
            recorder.ledger("run-3")
        stopped_after_the_link += 1
        for crash in crashes(recorder.operations, seed=1, mixtures=2):
            if crash.recorded[-1:] == ("run-3",):
                assert not look(tmp_path, crash, known)
    assert stopped_after_the_link >= 3


def segment(operations: list[Operation], run: str) -> tuple[int, int]:
    """Return begin and end of the operations of a run, with its ledger entry."""
    marks = [index for index, operation in enumerate(operations) if isinstance(operation, Recorded)]
    runs = [operation.run for operation in operations if isinstance(operation, Recorded)]
    position = runs.index(run)
    return (marks[position - 1] + 1 if position else 0), marks[position] + 1


def moved_first(operations: list[Operation], run: str, chosen: set[int]) -> list[Operation]:
    """Move chosen operations of a run before all others of it."""
    begin, end = segment(operations, run)
    inside = range(begin, end)
    return [
        *operations[:begin],
        *(operations[index] for index in inside if index in chosen),
        *(operations[index] for index in inside if index not in chosen),
        *operations[end:],
    ]


def link_before_data(known: Known) -> list[Operation]:
    """Switch and sync the link first, then write the files."""
    begin, end = segment(known.operations, "run-2")
    switch = {
        index
        for index in range(begin, end)
        if isinstance(operation := known.operations[index], Named) and operation.name in ("_current", "._current.next")
    }
    synced = next(index for index in range(max(switch), end) if isinstance(known.operations[index], Synced))
    return moved_first(known.operations, "run-2", switch | {synced})


def manifest_in_place_before_data(known: Known) -> list[Operation]:
    """Overwrite published files in place, the manifest first, as a protocol without a link does."""
    begin, end = segment(known.operations, "run-2")
    version = next(number for number, path in known.paths.items() if path.endswith("_versions/run-1"))
    gold = {path: number for number, path in known.paths.items() if "/_versions/run-" in path}
    old = {name.rsplit("/", 1)[1]: number for name, number in gold.items() if "/run-1/" in name}
    new = {number: name.rsplit("/", 1)[1] for name, number in gold.items() if "/run-2/" in name}
    written = {
        new[operation.file]: operation
        for operation in known.operations[begin:end]
        if isinstance(operation, Written) and operation.file in new
    }
    order = sorted(name for name in written if not name.startswith("_") or name == "_manifest.json")
    replaced: list[Operation] = []
    for name in order:
        content = written[name].content.replace(b"_versions/run-2", b"_versions/run-1")
        replaced += [Written(old[name], content), Synced(old[name])]
    return [*known.operations[:begin], *replaced, Synced(version), Recorded("run-2")]


def no_sync(known: Known) -> list[Operation]:
    return [operation for operation in known.operations if not isinstance(operation, Synced)]


def no_sync_of_files(known: Known) -> list[Operation]:
    files = {operation.file for operation in known.operations if isinstance(operation, Written)}
    return [
        operation for operation in known.operations if not (isinstance(operation, Synced) and operation.what in files)
    ]


def no_sync_of_folders(known: Known) -> list[Operation]:
    files = {operation.file for operation in known.operations if isinstance(operation, Written)}
    return [operation for operation in known.operations if not isinstance(operation, Synced) or operation.what in files]


def ledger_before_data(known: Known) -> list[Operation]:
    _, end = segment(known.operations, "run-2")
    return moved_first(known.operations, "run-2", {end - 1})


def ledger_before_the_log(known: Known) -> list[Operation]:
    """Write the ledger as soon as gold is switched, before the change log."""
    begin, end = segment(known.operations, "run-2")
    log = next(number for number, path in known.paths.items() if path == "logs/changes.jsonl")
    first = next(
        index
        for index in range(begin, end)
        if isinstance(operation := known.operations[index], Written) and operation.file == log
    )
    operations = list(known.operations)
    operations.insert(first, operations.pop(end - 1))
    return operations


BROKEN = [
    link_before_data,
    manifest_in_place_before_data,
    no_sync,
    no_sync_of_files,
    no_sync_of_folders,
    ledger_before_data,
    ledger_before_the_log,
]


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_protocol_is_noticed_after_power_loss(known: Known, tmp_path: Path, broken):
    assert next(failures(broken(known), known, tmp_path), None)


def test_kill_alone_does_not_reveal_missing_syncs(known: Known, tmp_path: Path):
    killed = crashes(no_sync(known), seed=1, mixtures=0, pure=(1.0,))
    assert not [problem for crash in killed if (problem := look(tmp_path, crash, known))]


@pytest.mark.slow
def test_power_loss_during_archiving_leaves_kept_days_readable(tmp_path: Path):
    root = tmp_path / "lake"
    root.mkdir()
    days = [date(2026, 1, day) for day in (2, 9, 16, 22, 23)]
    for mark, day in enumerate(days):
        publish(warehouse(mark, rows=5), root, f"run-{mark}", at=day.isoformat())
    with recording(root) as recorder:
        apply_retention(Places(OIL.contract, root, shelf_in(root).home, "cda"), daily=1, weekly=2)
    kept = [day for day in days if day != date(2026, 1, 22)]
    assert sorted(path.name for path in (shelf_in(root).home / "archive" / "gold" / "cda").iterdir()) == [
        "2026-01-02", "2026-01-09",
    ]  # fmt: skip
    for crash in crashes(recorder.operations, seed=3, mixtures=4, before=recorder.before):
        crashed = tmp_path / "crashed"
        materialise(crash.found, crashed)
        for mark, day in zip((0, 1, 2, 4), kept, strict=True):
            folder = published_as_of(OIL, shelf_in(crashed).home, "cda", day)
            assert read_whole(folder)["run_id"] == f"run-{mark}"
        shutil.rmtree(crashed)
