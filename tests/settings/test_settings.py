"""Test settings: origins of values, unknown variables, and the page that lists them."""

from __future__ import annotations

import os
from functools import reduce
from pathlib import Path

import duckdb
import pytest

from tribolake.errors import ConfigurationError
from tribolake.settings import PROJECT_DIR, load_settings
from tribolake.settings.groups import may_be_none
from tribolake.settings.load import read_given, unknown_variables
from tribolake.settings.reference import settings_page
from tribolake.settings.settings import SETTINGS
from tribolake.sql import literal


@pytest.fixture(autouse=True)
def _empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_setting_is_described_in_the_page(name):
    known = SETTINGS[name]
    assert known.field.description
    page = (PROJECT_DIR / "docs" / "settings.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith(f"| `{known.variables[0]}`"))
    assert all(f"`{variable}`" in row for variable in known.variables)
    assert known.field.description in row


def test_settings_page_matches_the_declarations():
    page = (PROJECT_DIR / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page(), "write it again: tribolake config reference > docs/settings.md"


def test_value_comes_from_flag_then_environment_then_env_file(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("TRIBOLAKE_S3_BUCKET=in-file\nTRIBOLAKE_S3_ATTEMPTS=2\nTRIBOLAKE_AI_RETRIES=9\n")
    monkeypatch.setenv("S3_BUCKET", "in-environment")
    monkeypatch.setenv("tribolake_s3_attempts", "3")
    settings = load_settings(s3_attempts=4)
    assert (settings.s3.bucket, settings.s3.attempts, settings.model.retries) == ("in-environment", 4, 9)
    origins = {name: (one.origin, one.variable) for name, one in read_given({"s3_attempts": 4}).items()}
    assert origins["s3_bucket"] == ("environment", "S3_BUCKET")
    assert origins["s3_attempts"] == ("flag", "TRIBOLAKE_S3_ATTEMPTS")
    assert origins["ai_retries"] == (".env", "TRIBOLAKE_AI_RETRIES")
    assert "s3_endpoint" not in origins


@pytest.mark.parametrize("origin", ["flag", "environment"])
def test_lake_on_s3_sets_bucket_and_prefix(monkeypatch, origin):
    address = "s3://some-bucket/market"
    if origin == "environment":
        monkeypatch.setenv("TRIBOLAKE_LAKE", address)
    settings = load_settings(lake=address if origin == "flag" else None)
    assert (settings.address, settings.prefix, settings.storage_mode) == ("s3://some-bucket", "market", "s3")
    assert read_given({"lake": None if origin == "environment" else address})["s3_bucket"].origin == origin


def test_changed_settings_keep_the_others():
    settings = load_settings(s3_bucket="one-bucket", s3_attempts=2, openai_api_key="sk-1")
    changed = settings.changed(s3_bucket="another", s3_endpoint="http://x", storage_mode="s3", openai_api_key=None)
    assert (changed.address, changed.s3.endpoint, changed.s3.attempts) == ("s3://another", "http://x", 2)
    assert (changed.asks_a_model, settings.asks_a_model, settings.address) == (False, True, str(settings.lake))


def test_notify_that_is_not_a_list_is_refused_by_name(monkeypatch):
    for value in ("mailto://user:secret@example.com", "[secret", "[" * 100_000):
        monkeypatch.setenv("TRIBOLAKE_NOTIFY", value)
        with pytest.raises(ConfigurationError, match=r"^TRIBOLAKE_NOTIFY: it is not a JSON list") as raised:
            load_settings()
        assert "secret" not in str(raised.value)
    monkeypatch.setenv("TRIBOLAKE_NOTIFY", '["json://127.0.0.1"]')
    assert load_settings().notify == ("json://127.0.0.1",)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "SQS_QUEUE_URL", "OPENAI_BASE_URL"])
@pytest.mark.parametrize("user", ["user:secret@", "secret@", "u:se/cret@", "u:s@secret@"])
def test_address_with_a_user_is_refused_without_showing_it(monkeypatch, name, user):
    monkeypatch.setenv(name, f"https://{user}host/secret")
    with pytest.raises(ConfigurationError, match=f"^{name}: it is not an address .* without a user") as raised:
        load_settings()
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("name", ["TRIBOLAKE_LAKE", "TRIBOLAKE_STATE_DIR", "TRIBOLAKE_CACHE_DIR"])
@pytest.mark.parametrize("folder", ["lake [old]", "lake?", "lake*", os.fsdecode(b"lake\xff")])
def test_path_that_duckdb_reads_otherwise_is_refused(monkeypatch, name, folder):
    """`lake [o]` had the tables of the lake in `lake o`."""
    monkeypatch.setenv(name, f"/srv/{folder}/below")
    with pytest.raises(ConfigurationError, match=f"^{name}: .*DuckDB .*rename the folder"):
        load_settings()


@pytest.mark.parametrize(
    "folder", ["la ke", "quo'te", 'dq"uote', "new\nline", "{brace}", "%20", "ñandú", "-dash", "$HOME"]
)
def test_path_with_other_signs_is_one_that_duckdb_opens(tmp_path, folder):
    lake = load_settings(lake=tmp_path / folder).lake
    lake.mkdir()
    for _ in range(2):
        duckdb.connect(lake / "warehouse.duckdb").execute("create or replace table a as select 1").close()
    file = literal(str(lake / "a.parquet"))
    duckdb.execute(f"copy (select 1) to {file} (format parquet)")
    assert duckdb.execute(f"from read_parquet({file})").fetchall() == [(1,)]
    assert {path.name for path in lake.iterdir()} == {"a.parquet", "warehouse.duckdb"}


@pytest.mark.parametrize("known", SETTINGS.values(), ids=lambda known: known.name)
@pytest.mark.parametrize("text", ["", " "])
def test_variable_without_text_is_none_or_not_set(monkeypatch, known, text):
    """Compose files pass `${NAME:-}` for variables that nobody has set."""
    for variable in known.variables:
        monkeypatch.delenv(variable, raising=False)
    unset = reduce(getattr, known.place, load_settings())
    for variable in known.variables:
        monkeypatch.setenv(variable, text)
        value = reduce(getattr, known.place, load_settings())
        assert value == (None if may_be_none(known.field) and known.field.default is not None else unset), variable
        monkeypatch.delenv(variable)


def test_env_file_that_is_not_utf_8_is_refused():
    Path(".env").write_bytes(b"S3_BUCKET=\xff\n")
    with pytest.raises(ConfigurationError, match=r"^\.env cannot be read .* or save it as UTF-8"):
        load_settings()


def test_unknown_variable_is_found_with_the_nearest_known_one(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("tribolake_watch_setle_seconds=1\nTRIBOLAKE_LAKE=data\nOTHER=1\n")
    monkeypatch.setenv("TRIBOLAKE_S3_BUKET", "x")
    monkeypatch.setenv("TRIBOLAKE_QQQQQQQQ", "x")
    assert unknown_variables() == {
        "TRIBOLAKE_QQQQQQQQ": None,
        "TRIBOLAKE_S3_BUKET": "TRIBOLAKE_S3_BUCKET",
        "TRIBOLAKE_WATCH_SETLE_SECONDS": "TRIBOLAKE_WATCH_SETTLE_SECONDS",
    }


def test_settings_for_another_process_have_no_secret(monkeypatch):
    given = load_settings(notify=["json://user:secret@host"], openai_api_key="sk-secret", model_sees_comments=True)
    environment = given.environment()
    assert "secret" not in str(environment)
    assert environment["TRIBOLAKE_MODEL_SEES_COMMENTS"] == "True"
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert unknown_variables() == {}
