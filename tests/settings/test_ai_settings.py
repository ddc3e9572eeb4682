"""Test settings of the model: their variables, their errors, and that the key stays secret."""

from __future__ import annotations

import pytest

from tribolake.errors import ConfigurationError
from tribolake.settings import load_settings

KEY = "sk-test-77aa"


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch, tmp_path):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_model_without_key_is_not_asked(monkeypatch):
    assert not load_settings().asks_a_model
    monkeypatch.setenv("OPENAI_API_KEY", "  ")
    assert not load_settings().asks_a_model


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "TRIBOLAKE_OPENAI_API_KEY"])
def test_key_enables_model_and_reaches_no_other_process(monkeypatch, name):
    monkeypatch.setenv(name, f"{KEY}\n")
    settings = load_settings()
    assert settings.asks_a_model
    assert settings.model.api_key is not None
    assert settings.model.api_key.get_secret_value() == KEY
    assert KEY not in f"{settings!r} {settings} {settings.environment()} {settings.model_dump_json()}"
    assert not [variable for variable in settings.environment() if "KEY" in variable]


def test_variables_of_openai_library_are_understood(monkeypatch):
    monkeypatch.setenv("OPENAI_MODEL", "gpt-5-nano")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example/v1")
    settings = load_settings()
    assert (settings.model.name, settings.model.base_url) == ("gpt-5-nano", "https://gateway.example/v1")


def test_settings_passed_as_environment_load_equal(monkeypatch):
    given = load_settings(
        ai_temperature="", ai_budget_usd=1.5, ai_prices="0.4,1.6", language="en", ai_model="m", ai_concurrency=3
    )
    for name, value in given.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == given


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_BASE_URL", "ftp://somewhere"),
        ("TRIBOLAKE_AI_PRICES", "cheap"),
        ("TRIBOLAKE_AI_TEMPERATURE", "3"),
        ("TRIBOLAKE_AI_BUDGET_USD", "-1"),
        ("TRIBOLAKE_LANGUAGE", "pt"),
        ("OPENAI_API_KEY", f"{KEY} {KEY}"),
    ],
)
def test_unusable_value_names_its_setting_and_shows_no_key(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name.removeprefix("TRIBOLAKE_")) as raised:
        load_settings()
    assert KEY not in f"{raised.value} {raised.value.__cause__}"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OPENAI_BASE_URL", "not-a-url", "an address that begins with https:// or http://"),
        ("TRIBOLAKE_OPENAI_BASE_URL", "not-a-url", "an address that begins with https:// or http://"),
        ("AWS_ENDPOINT_URL", "minio:9000", "an address that begins with https:// or http://"),
        ("SQS_QUEUE_URL", "queue", "an address that begins with https:// or http://"),
        ("TRIBOLAKE_AI_PRICES", "cheap", "two numbers, as in 0.4,1.6"),
        ("TRIBOLAKE_MEMORY_LIMIT", "much", "a size, as in 450MB or 2GB"),
        ("S3_BUCKET", "No_Bucket", "the name of a bucket"),
        ("SNS_TOPIC_ARN", "topic", "an ARN"),
        ("S3_PREFIX", "/x", "a path of"),
    ],
)
def test_value_of_wrong_form_names_its_variable_and_the_form(monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    assert str(raised.value).startswith(f"{name}: it is not {words}")


def test_bad_value_in_env_file_names_its_variable(tmp_path):
    (tmp_path / ".env").write_text("OPENAI_BASE_URL=not-a-url\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"^OPENAI_BASE_URL: it is not an address"):
        load_settings()


def test_bad_flag_does_not_blame_environment_variable(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example/v1")
    with pytest.raises(ConfigurationError, match=r"^TRIBOLAKE_OPENAI_BASE_URL: it is not an address"):
        load_settings(openai_base_url="not-a-url")
