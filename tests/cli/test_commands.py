"""Test what all commands share: lookup, completion, settings and progress."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

from tribolake.cli.app import NAMES
from tribolake.cli.market import NAMES as MARKET_NAMES
from tribolake.cli.options import Exit, explained_errors, open_settings


def test_version_is_printed(tribolake):
    done = tribolake("--version")
    assert (done.returncode, done.stdout) == (Exit.OK, f"tribolake {version('tribolake')}\n")


def test_mistyped_command_names_the_nearest(tribolake):
    done = tribolake("statsu")
    assert done.returncode == Exit.USAGE
    assert "Did you mean 'status'?" in done.stderr


@pytest.mark.parametrize(("typed", "found"), [("tribolake arr", "arrivals"), ("tribolake run --po", "--policy")])
def test_completion_knows_commands_and_options(typed, found):
    program = Path(sys.executable).with_name("tribolake")
    environment = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" ")), "_TRIBOLAKE_COMPLETE": "complete_bash"}
    done = subprocess.run([program], capture_output=True, text=True, check=True, env=os.environ | environment)
    assert done.stdout.split() == [found]


@pytest.mark.parametrize(
    ("own", "setting", "mode"), [(0o022, "", 0o750), (0o077, "", 0o700), (0o022, "022", 0o755), (0o077, "002", 0o775)]
)
def test_folders_are_private_unless_the_umask_says_otherwise(tmp_path, monkeypatch, own, setting, mode):
    monkeypatch.setenv("TRIBOLAKE_UMASK", setting)
    before = os.umask(own)
    try:
        open_settings(lake=tmp_path)
        (tmp_path / "made").mkdir()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == mode


@pytest.mark.parametrize(
    ("words", "group", "names"), [(("run",), "cli", NAMES), (("market", "status"), "cli.market", MARKET_NAMES)]
)
def test_command_imports_no_other_command(tribolake, settings, words, group, names):
    done = tribolake(*words, "--lake", str(settings.lake), PYTHONVERBOSE="1")
    imported = {name for name in names if f"import 'tribolake.{group}.{name}'" in done.stderr}
    assert imported == {words[-1]}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("market", "aurora", "upgrade"), Exit.USAGE, "sqlalchemy is not installed: install requirements-market.lock"),
        (("market", "--help"), Exit.OK, "Needs sqlalchemy, which is not installed."),
        (("market", "status", "--lake", "nowhere"), Exit.USAGE, "has no run of the market product yet"),
    ],
)
def test_command_without_its_libraries_says_so_and_others_work(tmp_path, words, code, said):
    program = f"import sys; sys.modules['sqlalchemy'] = None; from tribolake.cli.app import app; app({list(words)})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_quiet_command_prints_no_progress(tribolake, settings, quiet):
    size = "--finning-units", "1", "--als-units", "1", "--months", "1"
    done = tribolake("synth", "--lake", str(settings.lake), *size, *quiet)
    assert done.returncode == Exit.OK
    assert "truth: " in done.stdout
    assert ("write T-01.xlsx" in done.stderr) is not bool(quiet)
    assert not (quiet and done.stderr)


def test_unknown_variable_is_named_and_the_command_goes_on(tribolake, settings):
    done = tribolake("config", "show", "--json", "--lake", str(settings.lake), TRIBOLAKE_LANGAUGE="en")
    assert done.returncode == Exit.OK
    assert "TRIBOLAKE_LANGAUGE is unknown and has no effect: did you mean TRIBOLAKE_LANGUAGE?" in done.stderr
    assert json.loads(done.stdout)["lake"] == str(settings.lake)


def test_config_shows_values_with_their_origins_and_no_secret(tribolake, settings):
    secrets = {"OPENAI_API_KEY": "sk-secret", "TRIBOLAKE_NOTIFY": '["json://u:secret@h"]'}
    environment = secrets | {"S3_BUCKET": "some-bucket"}
    words = "config", "show", "--lake", str(settings.lake)
    found = {row["variable"]: row for row in json.loads(tribolake(*words, "--json", **environment).stdout)["settings"]}
    assert found["TRIBOLAKE_LAKE"] == {"variable": "TRIBOLAKE_LAKE", "value": str(settings.lake), "origin": "flag"}
    assert (found["S3_BUCKET"]["value"], found["S3_BUCKET"]["origin"]) == ("some-bucket", "environment")
    assert found["TRIBOLAKE_S3_ATTEMPTS"]["origin"] == "default"
    assert found["OPENAI_API_KEY"]["value"] == found["TRIBOLAKE_NOTIFY"]["value"] == "********"
    table = tribolake(*words, **environment).stdout
    assert "some-bucket" in table
    assert "secret" not in table


def test_log_lines_are_json_on_request(tribolake, settings):
    json_log = {"TRIBOLAKE_LOG_FORMAT": "json"}
    ended = tribolake("run", "--init", "--lake", str(settings.lake), "--policy", "\x1b", TRIBOLAKE_TYPO="1", **json_log)
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(line["level"], line["message"].split()[0]) for line in lines] == [
        ("warning", "the"),
        ("info", "discover"),
        ("error", "policy"),
    ]
    assert "\x1b" not in ended.stderr
    text = tribolake("run", "--init", "--lake", str(settings.lake), "--policy", "none")
    assert text.stderr.splitlines()[-1].startswith("tribolake: policy 'none' is unknown")


def test_error_in_the_settings_is_a_json_line_too(tribolake):
    ended = tribolake("status", TRIBOLAKE_LOG_FORMAT="json", TRIBOLAKE_LANGUAGE="fr")
    assert ended.returncode == Exit.USAGE
    assert json.loads(ended.stderr)["level"] == "error"


@pytest.mark.parametrize("cause", [KeyboardInterrupt(), ValueError("odd")])
def test_ctrl_c_in_a_query_of_duckdb_is_no_fault(cause: BaseException):
    """DuckDB raises an error of its own, of which the interrupt is the cause."""
    interrupted = RuntimeError("Query interrupted")
    interrupted.__cause__ = cause
    with pytest.raises(typer.Exit) as ended, explained_errors():
        raise interrupted
    assert ended.value.exit_code == (Exit.STOPPED if isinstance(cause, KeyboardInterrupt) else Exit.FAILED)
