"""Checks of a lake and its warehouse. Each returns a finding, and advice if there is a problem."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from tribolake.lake.aws import NO_CREDENTIALS, find_credentials
from tribolake.lake.files import parse_json
from tribolake.lake.store import open_store
from tribolake.run.warehouse import LAYOUT_TABLE, table_exists
from tribolake.settings import Settings

LARGEST_SKEW_SECONDS = 30
LEAST_FREE_BYTES = 2**30


def _credentials(settings: Settings) -> tuple[str, str]:
    if not settings.uses_s3:
        return "not needed: the lake is a folder", ""
    found = find_credentials(settings.s3.region)
    return ("none", NO_CREDENTIALS) if found is None else (f"from {found.method}", "")


def _folder(settings: Settings) -> tuple[str, str]:
    if settings.storage_mode == "s3":
        return "not used: the lake is on S3", ""
    home = settings.lake / settings.prefix
    if not settings.is_on_s3 and not (home / "bronze").is_dir():
        return f"{home}/bronze does not exist", f"put files under {home}/bronze/CLIENT/DATE, or give another --lake"
    with tempfile.TemporaryFile(dir=_existing(home)):
        return f"{home} can be read and written", ""


def _bucket(settings: Settings) -> tuple[str, str]:
    if not settings.uses_s3:
        return "not used: the lake is a folder", ""
    store = open_store(settings)
    probe = f"{settings.prefix}/_state/doctor"
    store.put(probe, b"written by tribolake doctor")
    store.delete(probe)
    return f"s3://{store.bucket} can be read and written", ""


def _clock(settings: Settings) -> tuple[str, str]:
    if settings.uses_s3:
        store = open_store(settings)
        answer = store.ask(lambda: store.client.head_bucket(Bucket=store.bucket))
        store_time = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()
    elif settings.lake.is_dir():
        with tempfile.NamedTemporaryFile(dir=settings.lake) as file:
            store_time = Path(file.name).stat().st_mtime
    else:
        return "not compared: the lake does not exist", ""
    skew = time.time() - store_time
    advice = "set the clock of this machine, for instance by NTP" if abs(skew) > LARGEST_SKEW_SECONDS else ""
    return f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the store", advice


def _warehouse(settings: Settings) -> tuple[str, str]:
    path = settings.warehouse
    if not path.exists():
        return "none on this machine: the next run makes it or restores the one of the lake", ""
    if _is_locked(settings):
        return f"{path} is in use by a run", ""
    try:
        with duckdb.connect(path, read_only=True) as connection:
            is_current = table_exists(connection, *LAYOUT_TABLE)
    except duckdb.Error as error:
        return f"{path} cannot be opened: {str(error).splitlines()[0]}", (
            "close the program that uses it, or move the file away: the next run builds it again from bronze"
        )
    layout = "of this layout" if is_current else "of another layout: the next run builds it again from bronze"
    return f"{path}, {path.stat().st_size / 2**20:,.0f} MB, {layout}", ""


def _holder(settings: Settings) -> tuple[str, str]:
    holders = [f"a run on this machine, by {settings.state / 'run.lock'}"] if _is_locked(settings) else []
    if settings.is_on_s3:
        store, now = open_store(settings), datetime.now(UTC)
        for claim in store.list(f"{settings.prefix}/_state/leases/"):
            age = (now - claim.modified_at).total_seconds()
            found = store.read(claim.key)
            holders.append(f"{_claimant(found[0] if found else b'')}, {age:.0f} s ago")
    return "; ".join(holders) or "no run", ""


def _claimant(content: bytes) -> str:
    """Describe the process that claims the lake, if the claim names it."""
    try:
        about = parse_json(content)
        return f"process {int(about['pid'])} on {str(about['host'])!a}"
    except (ValueError, TypeError, KeyError):
        return "an unknown process"


def _is_locked(settings: Settings) -> bool:
    path = settings.state / "run.lock"
    try:
        if path.exists():
            with FileLock(path).acquire(blocking=False):
                pass
    except Timeout:
        return True
    return False


def _disk(settings: Settings) -> tuple[str, str]:
    free = shutil.disk_usage(_existing(settings.state)).free
    size = settings.warehouse.stat().st_size if settings.warehouse.exists() else 0
    needed = max(LEAST_FREE_BYTES, 2 * size)
    advice = f"free {needed / 2**30:.1f} GB, or set TRIBOLAKE_STATE_DIR" if free < needed else ""
    return f"{free / 2**30:,.1f} GB free for {settings.state}", advice


def _existing(folder: Path) -> Path:
    """Return the folder or its nearest existing parent."""
    return next(each for each in (folder, *folder.parents) if each.exists())


LAKE_CHECKS: dict[str, Callable[[Settings], tuple[str, str]]] = {
    "credentials": _credentials,
    "folder": _folder,
    "bucket": _bucket,
    "clock": _clock,
    "warehouse": _warehouse,
    "held by": _holder,
    "disk": _disk,
}
