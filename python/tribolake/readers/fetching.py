"""Fetch an object in the reading process, by its one address."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from tribolake.sql import literal

OPTIONS = {
    "force_download": True,  # one request, and no HEAD, which the signature does not allow
    "enable_external_file_cache": False,
    "enable_server_cert_verification": True,
    "http_retries": 0,  # the process that gave the address tries again, in another way
}


def fetched(asked: Mapping[str, Any]) -> bytes:
    """Return the content of an object, complete and checked. DuckDB may open its address and nothing else.

    Args:
        asked: the fields of an ObjectAddress.

    Raises:
        OSError: it cannot be fetched. No text of DuckDB is in the error, and no other error is chained to it, because
            they show the address.
    """
    try:
        content = _downloaded(asked["url"], asked["timeout_seconds"])
    except Exception as error:
        raise OSError(f"the store did not give it ({type(error).__name__})") from None
    if len(content) != asked["size_bytes"]:
        raise OSError(f"{len(content)} of {asked['size_bytes']} bytes came")
    for name, written in (("md5", asked["md5"]), ("sha256", asked["sha256"])):
        if written not in (None, hashlib.new(name, content, usedforsecurity=False).hexdigest()):
            raise OSError(f"its {name} is not what the store says")
    return content


def _downloaded(url: str, timeout_seconds: float) -> bytes:
    import duckdb  # noqa: PLC0415 - most readers fetch nothing

    from tribolake.lake.confined_duckdb import QUIET, confine, load_httpfs  # noqa: PLC0415

    with duckdb.connect(config=QUIET | {"threads": 1}) as connection:
        load_httpfs(connection)
        for name, value in (OPTIONS | {"http_timeout": max(1, round(timeout_seconds))}).items():
            connection.execute(f"set {name} = {literal(value)}")
        confine(connection, [url])
        ((content,),) = connection.execute(f"select content from read_blob({literal(url)})").fetchall()
    return bytes(content)
