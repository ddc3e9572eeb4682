"""The AWS configuration as people break it: one line that says what to set."""

from __future__ import annotations

import socket

import pytest

from tribolake.errors import ConfigurationError
from tribolake.lake.aws import find_credentials, open_client
from tribolake.lake.store import ObjectStore

KEYS = {"AWS_ACCESS_KEY_ID": "key-of-a-test", "AWS_SECRET_ACCESS_KEY": "secret-of-a-test"}
CONFIG = """
[default]
region = us-east-1
[profile poor]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = none
[profile process]
credential_process = /bin/false
"""
BROKEN = {
    "unknown profile": ({"AWS_PROFILE": "other"}, "set AWS_PROFILE to a profile"),
    "half a key": ({"AWS_ACCESS_KEY_ID": "key-of-a-test"}, "set both AWS_ACCESS_KEY_ID and"),
    "broken config": ({"AWS_CONFIG_FILE": "{broken}"}, "correct this file"),
    "broken credentials": ({"AWS_SHARED_CREDENTIALS_FILE": "{broken}"}, "correct this file"),
    "no source profile": ({"AWS_PROFILE": "poor"}, "correct ~/.aws/config"),
    "failing process": ({"AWS_PROFILE": "process"}, "correct the source of credentials"),
    "no credentials": ({}, "no AWS credentials: set AWS_PROFILE"),
    "retry mode": (KEYS | {"AWS_RETRY_MODE": "often"}, "correct AWS_RETRY_MODE"),
    "bad region": (KEYS | {"region": "us east 1"}, "such as us-east-1"),
    "underscore in the host": (
        KEYS | {"endpoint": "http://my_store:9000"},
        "set TRIBOLAKE_S3_ENDPOINT to https://HOST",
    ),
    "no host": (KEYS | {"endpoint": "http://"}, "set TRIBOLAKE_S3_ENDPOINT to https://HOST"),
    "missing bundle": (KEYS | {"AWS_CA_BUNDLE": "/none.pem"}, "set AWS_CA_BUNDLE to an existing file"),
    "proxy": (KEYS | {"HTTPS_PROXY": "::::"}, "correct the proxy variables"),
    "line break in a key": (
        KEYS | {"AWS_ACCESS_KEY_ID": "a\nb", "endpoint": "http://127.0.0.1:1"},
        "such as a line break: set it again",
    ),
}


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A function that sets variables. All other variables that AWS knows are unset."""
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "broken").write_text("[default\n")
    for name in (*KEYS, "AWS_SESSION_TOKEN", "AWS_PROFILE", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    def set_all(variables: dict[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value.format(broken=tmp_path / "broken"))

    return set_all


@pytest.mark.parametrize("case", BROKEN)
def test_broken_configuration_names_what_to_set(environment, case):
    given, advice = BROKEN[case]
    environment({name: value for name, value in given.items() if name.isupper()})
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(ConfigurationError) as refused:
        endpoint = given.get("endpoint", f"https://127.0.0.1:{server.getsockname()[1]}")
        client = open_client("s3", given.get("region", "us-east-1"), endpoint, connect_timeout=1)
        ObjectStore("lake", client, attempts=1).head("k")
    assert advice in str(refused.value)
    assert not any(value in str(refused.value) for value in KEYS.values())


def test_broken_configuration_is_explained_to_duckdb_too(environment):
    environment({"AWS_PROFILE": "other"})
    with pytest.raises(ConfigurationError, match="set AWS_PROFILE"):
        find_credentials("us-east-1")
