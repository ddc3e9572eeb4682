"""DuckDB that reads only the files of a lake, in a folder or directly on S3."""

from __future__ import annotations

from urllib.parse import urlsplit

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.aws import NO_CREDENTIALS, find_credentials
from tribolake.lake.confined_duckdb import QUIET, load_httpfs
from tribolake.settings import Settings
from tribolake.sql import literal


def open_to_read(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open a database in memory that can read the lake's S3 bucket, if it has one. It is not confined yet.

    Raises:
        ConfigurationError: the extension or the credentials for S3 are missing.
    """
    connection = duckdb.connect(config={"memory_limit": settings.memory_limit, "threads": 2})
    for name, value in QUIET.items():
        connection.execute(f"set {name} = {literal(value)}")
    if settings.is_on_s3:
        load_httpfs(connection)
        let_read_bucket(connection, settings)
    return connection


def let_read_bucket(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Give a database the credentials of the standard AWS chain, for the lake's bucket and this connection only.

    They are bound, so an error cannot show them in a statement. DuckDB does not show them either.

    Raises:
        ConfigurationError: there are no credentials.
    """
    credentials = find_credentials(settings.s3.region)
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
