"""Two products in one lake: each has places of its own, and a change of one rebuilds nothing of the other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

import tribolake.run.project
from tests.support.lake_homes import InBucket, LakeHome, fill
from tests.support.project_copy import in_project
from tests.support.published_lakes import home_of
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.server import S3Server
from tribolake.errors import LakeIsBusy
from tribolake.lake import open_lake
from tribolake.lake.custody import lock_machine
from tribolake.market.product import MARKET
from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.home import open_custody
from tribolake.run.plan import about_undeclared
from tribolake.run.project import Fingerprints, fingerprint_parsed
from tribolake.settings import load_settings

OTHER = "tribolake.other.product:OTHER"
OF_OTHER = (
    "models/other/other_values.sql", "seeds/other/other_units.csv", "macros/other/in_units.sql",
    "python/tribolake/other/product.py",
)  # fmt: skip
HELP_TEXTS = ("python/tribolake/cli/app.py", "python/tribolake/oil/status.py", "python/tribolake/publish/gold.py")


@pytest.fixture
def two_products(project: Path) -> Path:
    """The project, with a second product."""
    shutil.copytree(Path(__file__).parent / "support" / "other", project, dirs_exist_ok=True)
    return project


@pytest.fixture(params=["folder", "moto"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LakeHome]:
    """A lake with files for both products."""
    with home_of(request, tmp_path) as home:
        sample = tmp_path / "sample"
        write_sample_lake(sample, finning_units=1, als_units=4, months=8, dirty=False)
        fill(home, sample)
        home.put("other/bronze/acme/seven.txt", b"7")
        yield home


def run_product(project: Path, home: LakeHome, address: str) -> dict[str, Any]:
    ended = in_project(project, "tests.support.run_product", address, **home.settings().environment())
    assert ended.returncode == 0, ended.stderr
    report: dict[str, Any] = json.loads(ended.stdout)
    assert not report["failed_tests"]
    return report


def tables(warehouse: Path) -> set[str]:
    with duckdb.connect(warehouse, read_only=True) as connection:
        return {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}


def clients_logged(home: LakeHome, log: str) -> set[str]:
    return {json.loads(line)["client"] for line in (home.read(log) or b"").decode().splitlines()}


def change(path: Path) -> None:
    """Change a file so that it means the same."""
    comment = {".py": "# changed\n", ".sql": "-- changed\n", ".csv": ""}[path.suffix]
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("acme,10", "acme,20") + comment, encoding="utf-8")


@pytest.mark.slow
def test_products_of_a_lake_leave_each_other_alone(two_products: Path, home: LakeHome):
    oil, other = (run_product(two_products, home, address) for address in (OIL.address, OTHER))
    assert all(oil["clients"][client]["published"] for client in ("cda", "emin"))
    assert other["clients"]["acme"]["changed"]

    state = home.settings().state
    of_oil, of_other = tables(state / "warehouse.duckdb"), tables(state / "other" / "warehouse.duckdb")
    assert "judged_reports" in of_oil and not {name for name in of_oil if name.startswith("other")}
    assert "other_values" in of_other and not {"samples", "clients"} & of_other
    assert clients_logged(home, "logs/changes.jsonl") == {"cda", "emin"}
    assert clients_logged(home, "other/logs/changes.jsonl") == {"acme"}

    for name in (*OF_OTHER, *HELP_TEXTS):
        change(two_products / name)
    oil = run_product(two_products, home, OIL.address)
    assert oil["nothing_new"] and not oil["started_dbt"]
    assert not run_product(two_products, home, OTHER)["nothing_new"]
    log = [json.loads(line) for line in (home.read("other/logs/changes.jsonl") or b"").splitlines()]
    assert [(line["added"], line["changed"]) for line in log] == [(1, 0), (0, 1)]
    assert run_product(two_products, home, OIL.address)["nothing_new"]


def test_products_of_a_bucket_have_a_lease_and_a_lock_each(
    moto: S3Server, bucket: NewBuckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    oil = OIL.of(InBucket(moto, bucket(moto).lake, tmp_path).settings())
    other = replace(OIL, name="other", prefix="other").of(oil)
    assert (oil.prefix, other.prefix) == ("oil-analysis", "other")
    with lock_machine(oil), open_custody(oil).hold(), lock_machine(other), open_custody(other).hold():
        for settings in (oil, other):
            with pytest.raises(LakeIsBusy), lock_machine(settings):
                pass
            with pytest.raises(LakeIsBusy), open_custody(settings).hold():
                pass


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        *((place, set()) for place in (*OF_OTHER, *HELP_TEXTS)),
        ("models/oil/silver/samples.sql", {"project"}),
        ("macros/oil/reading/parse_number.sql", {"project"}),
        ("macros/oil/control_tables.sql", {"project"}),
        ("macros/remember_run.sql", {"project"}),
        ("python/tribolake/oil/limits/percentiles.py", {"project"}),
        ("seeds/oil/essays.csv", {"project", "seeds"}),
        ("seeds/oil/lab_sheets.csv", {"project", "seeds", "readers"}),
        ("python/tribolake/readers/workbook.py", {"project", "readers"}),
    ],
)
def test_fingerprints_of_a_product_change_with_its_files(
    two_products: Path, monkeypatch: pytest.MonkeyPatch, place: str, fields: set[str]
):
    monkeypatch.setattr(tribolake.run.project, "PROJECT_DIR", two_products)
    monkeypatch.setattr(tribolake.run.project, "PACKAGE_DIR", two_products / "python" / "tribolake")
    before, parsed = Fingerprints.of(OIL), fingerprint_parsed(OIL)
    path = two_products / place
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    after = Fingerprints.of(OIL)
    assert {name for name in vars(before) if getattr(before, name) != getattr(after, name)} == fields
    assert (fingerprint_parsed(OIL) != parsed) == (bool(fields) and not place.startswith("python"))


@pytest.mark.slow
def test_plain_build_of_both_products_goes_on_with_the_lake_of_one(project: Path):
    write_sample_lake(project / "data", finning_units=1, als_units=1, months=2, dirty=False)
    ran = in_project(project, "tribolake", "run", "--lake", "data")
    assert ran.returncode == 0, ran.stderr
    for flags in ((), ("--full-refresh",)):
        built = in_project(project, "dbt.cli.main", "build", "--exclude-resource-type", "unit_test", *flags)
        assert built.returncode == 0, built.stdout[-3000:]


def test_unknown_folder_is_told_with_what_its_product_can_do(tmp_path: Path):
    """A row of a seed adds a client of oil. The sources of market data are those that its code knows."""
    folder = tmp_path / "raw/bloom\x1bberg/NVDA/2024-03-01"
    folder.mkdir(parents=True)
    (folder / "20240301_220000.json").write_bytes(b"{}")
    settings = MARKET.of(load_settings(lake=tmp_path))
    found = open_lake(settings, MARKET.inbox(settings)).list_bronze()
    (of_market,) = about_undeclared(MARKET, found)
    assert of_market.endswith("is not one of the folders import, yfinance: 1 new files are not read. Rename the folder")
    (of_oil,) = about_undeclared(OIL, found)
    assert of_oil.endswith("Add a row to seeds/oil/clients.csv, or rename the folder")
    assert "\x1b" not in of_market + of_oil
