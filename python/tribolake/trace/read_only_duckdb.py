"""DuckDB that reads only the files of a lake, in a folder or directly on S3."""

from __future__ import annotations

import importlib.util
import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.settings import Settings
from tribolake.sql import literal

HTTPFS = "httpfs"
# Set before the configuration is locked. Afterwards no statement can change them.
QUIET = {
    "allow_persistent_secrets": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,  # a name in a query would read a variable of this program
    "temp_directory": "",
}
ENVIRONMENT_SECRETS = ("s3_access_key_id", "s3_secret_access_key", "s3_session_token")
LOCKED = {"enable_external_access": "false", "lock_configuration": "true"}


def open_to_read(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open a database in memory that can read the lake's S3 bucket, if it has one. It is not confined yet.

    Raises:
        ConfigurationError: the extension or the credentials for S3 are missing.
    """
    connection = duckdb.connect(config={"memory_limit": settings.memory_limit, "threads": 2})
    for name, value in QUIET.items():
        connection.execute(f"set {name} = {literal(value)}")
    if settings.is_on_s3:
        load_httpfs(connection, settings.state)
        let_read_bucket(connection, settings)
    return connection


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


def load_httpfs(connection: duckdb.DuckDBPyConnection, state: Path) -> None:
    """Load the extension that reads S3 from its Python package. Nothing is downloaded.

    Args:
        connection: a new connection.
        state: state folder, in which DuckDB finds a link to the extension.

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
    (platform,) = connection.execute("pragma platform").fetchone() or ("",)
    folder = state / "duckdb_extensions"
    link = folder / version / str(platform) / name
    if not (link.is_symlink() and link.readlink() == extension):
        link.parent.mkdir(parents=True, exist_ok=True)
        aside = link.with_name(f".{name}.{secrets.token_hex(4)}")  # another process may do the same
        aside.symlink_to(extension)
        aside.replace(link)
    connection.execute(f"set extension_directory = {literal(str(folder))}")
    connection.load_extension(HTTPFS)
    # The extension copies credentials from the environment into settings, which any query can show.
    for name in ENVIRONMENT_SECRETS:
        connection.execute(f"set {name} = ''")


def let_read_bucket(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Give a database the credentials of the standard AWS chain, for the lake's bucket and this connection only.

    They are bound, so an error cannot show them in a statement. DuckDB does not show them either.

    Raises:
        ConfigurationError: there are no credentials.
    """
    from boto3.session import Session  # noqa: PLC0415 - a lake in a folder needs no S3 library

    from tribolake.lake.store import NO_CREDENTIALS  # noqa: PLC0415

    credentials = Session(region_name=settings.s3.region).get_credentials()
    if credentials is None:
        raise ConfigurationError(NO_CREDENTIALS)
    frozen = credentials.get_frozen_credentials()
    options: dict[str, object] = {
        "key_id": frozen.access_key,
        "secret": frozen.secret_key,
        "session_token": frozen.token,
        "region": settings.s3.region,
        "scope": f"s3://{settings.s3.bucket}",
    }
    if settings.s3.endpoint:
        endpoint = urlsplit(settings.s3.endpoint)
        options |= {
            "endpoint": endpoint.netloc + endpoint.path.rstrip("/"),
            "url_style": "path",
            "use_ssl": endpoint.scheme == "https",
        }
    given = {name: value for name, value in options.items() if value is not None}
    words = ", ".join(f"{name} ${name}" for name in given)
    connection.execute(f"create temporary secret lake (type s3, {words})", given)
