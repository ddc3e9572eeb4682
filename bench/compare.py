"""Compare two checkouts by processor seconds, memory, and published bytes.

Each pair makes a fresh lake for either checkout from the same files and runs it cold, with nothing new, and with one
more workbook. Which checkout comes first alternates. Each is run by its own `.venv/bin/python`, without a model.
Ratios are AFTER / BEFORE within a pair; the interval of their median comes from order statistics.

    python bench/compare.py ../before .                    generated sample files
    python bench/compare.py ../before . --bronze DIR       the laboratory files of a folder, one folder per client
    python bench/compare.py ../before . --pairs 2          a quick look, too few pairs for an interval of 95 %

Ends with 1 if published bytes differ.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measuring import Measurement, measure
from run import MONTHS, another_workbook
from tribolake.oil.synth import write_sample_lake

PRODUCT = "oil-analysis"
COLD, NOTHING_NEW, ONE_MORE = "full run, cold", "nothing new", "one more workbook"
CONFIDENCE = 0.95
# Fields that differ between runs and code.
OF_ONE_RUN = {"run_id", "published_at", "at", "code", "folder", "replaces"}
# Files whose rows name their run.
NAMED_BY_RUN = {"_delta.parquet", "_changes.json"}
Runs = dict[str, Measurement]
Contents = dict[str, str]


def run_all_cases(checkout: Path, lake: Path, extra: Path) -> tuple[Runs, Contents]:
    """Run a checkout on a fresh lake. Returns the measurement of each case and what was published after each."""
    words = (str(checkout / ".venv" / "bin" / "python"), "-m", "tribolake", "run", "--no-ai", "--lake", str(lake))
    measured, contents = {COLD: measure(*words)}, published(lake, COLD)
    measured[NOTHING_NEW] = measure(*words)
    contents |= published(lake, NOTHING_NEW)
    delivered = lake / PRODUCT / "bronze" / "cda" / "2030-01-01" / "T-99.xlsx"
    delivered.parent.mkdir(parents=True)
    shutil.copy2(extra, delivered)
    measured[ONE_MORE] = measure(*words)
    return measured, contents | published(lake, ONE_MORE)


def published(lake: Path, case: str) -> Contents:
    """Digest each published file, manifest and log of a client, without fields of single runs."""
    home = lake / PRODUCT
    found = {}
    for manifest in sorted(home.glob("gold/*/_manifest.json")):
        said = json.loads(manifest.read_text(encoding="utf-8"))
        for file in said["files"]:
            content = (manifest.parent / said["folder"] / file["name"]).read_bytes()
            if hashlib.sha256(content).hexdigest() != file["sha256"]:
                raise SystemExit(f"{file['name']} is not what {manifest} says")
            found[f"gold/{said['client']}/{file['name']}"] = file["sha256"]
        said["followers"] = [one for one in said.get("followers", []) if one["name"] not in NAMED_BY_RUN]
        found[f"gold/{said['client']}/_manifest.json"] = digest(without_run(said))
    for path in (*home.glob("silver/harmonized/*.parquet"), *home.glob("silver/stewart_limits/*/*")):
        found[path.relative_to(home).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    log = [json.loads(line) for line in (lake / "logs" / "changes.jsonl").read_text(encoding="utf-8").splitlines()]
    for client in sorted({line["client"] for line in log}):
        found[f"changes of {client}"] = digest([without_run(line) for line in log if line["client"] == client])
    return {f"{name}, {case}": content for name, content in found.items()}


def without_run(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in OF_ONE_RUN}


def digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def differences(before: Contents, after: Contents) -> list[str]:
    """Names that only one side published, or that differ."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Compute an interval of the median from order statistics, without assuming a distribution.

    Returns:
        Both ends, and the confidence that the number of values allows: below 0.95 for fewer than six.
    """
    ordered, n = sorted(values), len(values)
    outside = [2 * sum(math.comb(n, k) for k in range(cut + 1)) / 2**n for cut in range((n + 1) // 2)]
    cut = max((cut for cut, share in enumerate(outside) if share <= 1 - CONFIDENCE), default=0)
    return ordered[cut], ordered[n - 1 - cut], max(0.0, 1 - outside[cut])


def compare(checkouts: Sequence[Path], bronze: Path, extra: Path, pairs: int, home: Path) -> dict[str, Any]:
    """Measure pairs of fresh lakes."""
    measured: list[list[Runs]] = []
    different: set[str] = set()
    for pair in range(-1, pairs):  # the first pair is not counted: each checkout parses its project once
        found: dict[Path, tuple[Runs, Contents]] = {}
        for checkout in checkouts if pair % 2 else checkouts[::-1]:
            lake = home / "lake"
            shutil.copytree(bronze, lake / PRODUCT / "bronze")
            found[checkout] = run_all_cases(checkout, lake, extra)
            shutil.rmtree(lake)
        before, after = (found[checkout] for checkout in checkouts)
        different |= {*differences(before[1], after[1])}
        if pair >= 0:
            measured.append([before[0], after[0]])
            print(f"pair {pair + 1} of {pairs}", file=sys.stderr)
    cases = {case: summary([(before[case], after[case]) for before, after in measured]) for case in measured[0][0]}
    return {"pairs": pairs, "cases": cases, "published": len(before[1]), "different": sorted(different)}


def summary(pairs: Sequence[tuple[Measurement, Measurement]]) -> dict[str, float]:
    ratios = [after.cpu_seconds / before.cpu_seconds for before, after in pairs]
    low, high, confidence = median_interval(ratios)
    return {
        "before_cpu_seconds": round(statistics.median(before.cpu_seconds for before, _ in pairs), 2),
        "after_cpu_seconds": round(statistics.median(after.cpu_seconds for _, after in pairs), 2),
        "ratio": round(statistics.median(ratios), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "confidence": round(confidence, 3),
        "before_peak_mb": max(before.peak_mb for before, _ in pairs),
        "after_peak_mb": max(after.peak_mb for _, after in pairs),
    }


def show(found: dict[str, Any]) -> None:
    columns = ("before", "after", "ratio", "low", "high", "conf.", "MB before", "MB after")
    print(f"{'processor seconds, medians':28}" + "".join(f"{name:>10}" for name in columns))
    for case, numbers in found["cases"].items():
        print(f"{case:28}" + "".join(f"{value:10.4g}" for value in numbers.values()))
    print(f"{len(found['different'])} of {found['published']} published contents differ")
    for name in found["different"]:
        print(f"  differs: {name}")
    print(json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a checkout with its .venv")
    parser.add_argument("after", type=Path, help="another one")
    parser.add_argument("--bronze", type=Path, help="folder with one folder of laboratory files per client")
    parser.add_argument("--pairs", type=int, default=9, help="measured pairs [default: %(default)s]")
    arguments = parser.parse_args()
    checkouts = [arguments.before.absolute(), arguments.after.absolute()]
    if arguments.pairs < 1 or checkouts[0] == checkouts[1]:
        parser.error("give two checkouts and at least one pair")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        extra = another_workbook(home / "extra")
        bronze = arguments.bronze or home / "sample" / PRODUCT / "bronze"
        if not arguments.bronze:
            write_sample_lake(home / "sample", months=MONTHS)
        found = compare(checkouts, bronze, extra, arguments.pairs, home)
    show(found)
    raise SystemExit(1 if found["different"] else 0)


if __name__ == "__main__":
    main()
