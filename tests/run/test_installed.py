"""The package as somebody has it who installed a wheel: away from a checkout, in an empty folder."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from tribolake.errors import ConfigurationError
from tribolake.oil.product import OIL
from tribolake.run.project import Fingerprints
from tribolake.run.target import target_dir
from tribolake.settings import PROJECT_DIR, Settings

PARTS = "dbt_project.yml", "profiles.yml", "requirements.lock", "macros", "models", "seeds", "snapshots", "tests/data"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=PROJECT_DIR, check=True, capture_output=True)
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel, and with the other packages of this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    others = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "others.pth").write_text("\n".join(others), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install"]
    subprocess.run([*pip, "--quiet", "--no-index", "--no-deps", wheel], check=True)
    return folder / "bin"


def start(program: Path, *words: str, folder: Path, home: str) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": home, "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [program, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def test_wheel_carries_the_package_and_the_dbt_project(wheel):
    parts = ["git", "ls-files", "-z", *PARTS, "python/tribolake"]
    listed = subprocess.run(parts, cwd=PROJECT_DIR, capture_output=True, text=True, check=True).stdout
    committed = {name for name in listed.split("\0") if name}
    expected = {f"tribolake/project/{name}" for name in committed if not name.startswith("python/")}
    expected |= {name.removeprefix("python/") for name in committed if name.startswith("python/")}
    assert len(expected) > 300
    assert {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name} == expected


def test_installed_package_has_the_fingerprints_of_the_checkout(programs, tmp_path):
    code = (
        "import json; from dataclasses import asdict; from tribolake.run.project import Fingerprints;"
        " from tribolake.oil.product import OIL; print(json.dumps(asdict(Fingerprints.of(OIL))))"
    )
    done = start(programs / "python", "-c", code, folder=tmp_path, home=str(tmp_path))
    assert json.loads(done.stdout) == asdict(Fingerprints.of(OIL))


@pytest.mark.slow
def test_installed_package_runs_the_demo_in_an_empty_folder(programs, tmp_path):
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    installed = files_below(programs.parent)
    version = start(programs / "tribolake", "--version", folder=folder, home=str(home))
    assert (version.returncode, version.stdout[:10]) == (0, "tribolake ")
    done = start(programs / "tribolake", "demo", folder=folder, home=str(home))
    assert done.returncode == 0, done.stderr
    assert (folder / "data" / "demo" / "oil-analysis" / "gold" / "cda" / "_manifest.json").exists()
    assert f"documentation: {folder}/data/demo/docs/index.html" in done.stdout
    last = done.stdout.strip().splitlines()[-1]
    assert f"tribolake serve --lake {folder}/data/demo" in last
    assert ("http://127.0.0.1:8710/" in last) != ("requirements-web.lock" in last)
    assert [path.name for path in folder.iterdir()] == ["data"]
    assert [path.name for path in home.iterdir()] == [".cache"]
    assert files_below(programs.parent) == installed


@pytest.mark.parametrize("home", ["", "/proc/nothing"])
def test_installed_package_without_a_home_parses_into_state(programs, tmp_path, home):
    code = (
        "from tribolake.run.target import target_dir; from tribolake.settings import load_settings;"
        " print(target_dir(load_settings(lake='lake')))"
    )
    done = start(programs / "python", "-c", code, folder=tmp_path, home=home)
    assert done.stdout.strip() == str(tmp_path / "lake" / "_state" / "target"), done.stderr


def test_cache_dir_that_cannot_be_made_is_named(settings: Settings, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError, match=r"TRIBOLAKE_CACHE_DIR: .* cannot be made"):
        target_dir(settings.changed(cache_dir=tmp_path / "file" / "cache"))


def test_cache_dir_is_used_where_it_is_set(settings: Settings, tmp_path):
    chosen = target_dir(settings.changed(cache_dir=tmp_path / "cache"))
    assert chosen.parent == tmp_path / "cache"
    assert chosen.is_dir()
