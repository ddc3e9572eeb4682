"""DuckDB that opens named files and addresses only."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.sql import literal

HTTPFS = "httpfs"
# Set before the configuration is locked. Afterwards no statement can change them.
QUIET: dict[str, str | int | float | list[str]] = {
    "allow_persistent_secrets": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,  # a name in a query would read a variable of this program
    "temp_directory": "",
}
ENVIRONMENT_SECRETS = ("s3_access_key_id", "s3_secret_access_key", "s3_session_token")
LOCKED = {"enable_external_access": "false", "lock_configuration": "true"}


def confine(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> None:
    """Let a database read these files only, whatever statement it runs.

    Files, not folders: DuckDB takes `s3://bucket/gold/../_state/x` for a file in `gold`, and some servers resolve it.
    The order matters. Allowed paths restrict nothing until external access is off, and an unlocked setting can be
    changed by the next statement. The settings are read back.

    Raises:
        ConfigurationError: the database cannot be confined.
    """
    connection.execute(f"set allowed_paths = [{', '.join(map(literal, files))}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    settings = dict(connection.execute("select name, value from duckdb_settings()").fetchall())
    found = {name: settings.get(name) for name in LOCKED}
    if found != LOCKED or any(settings.get(name) for name in ENVIRONMENT_SECRETS):
        raise ConfigurationError(f"DuckDB cannot be confined ({found}): install the version of requirements.lock")


def load_httpfs(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the extension that reads S3 and HTTP from its Python package. Nothing is downloaded.

    Raises:
        ConfigurationError: the package for this version of DuckDB is not installed.
    """
    package = importlib.util.find_spec(f"duckdb_extension_{HTTPFS}")
    version = f"v{duckdb.__version__}"
    name = f"{HTTPFS}.duckdb_extension"
    extension = Path(package.origin or "").parent / "extensions" / version / name if package else None
    if extension is None or not extension.is_file():
        raise ConfigurationError(
            f"DuckDB cannot read S3: install duckdb-extension-{HTTPFS}=={duckdb.__version__}, as requirements.lock says"
        )
    connection.load_extension(str(extension))
    # The extension copies credentials from the environment into settings, which any query can show.
    for name in ENVIRONMENT_SECRETS:
        connection.execute(f"set {name} = ''")
