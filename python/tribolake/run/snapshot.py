"""A copy of the warehouse that other programs may open as long as they like."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from tribolake.errors import ConfigurationError
from tribolake.lake.custody import lock_machine
from tribolake.lake.files import finish_file, sync_folder
from tribolake.run.home import bring_warehouse
from tribolake.run.warehouse import open_warehouse
from tribolake.settings import Settings


def write_snapshot(settings: Settings, folder: Path) -> Path:
    """Copy the lake's warehouse into a folder, read-only. Returns the copy.

    The name of the file stays: views in it name the database after it.

    Raises:
        ConfigurationError: no run has made a warehouse yet, or the folder is that of the warehouse.
        LakeIsBusy: a run works with the warehouse.
    """
    bring_warehouse(settings)
    source = settings.warehouse
    if not source.exists():
        raise ConfigurationError(f"{settings.address} has no warehouse yet: start `tribolake run` first")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / source.name
    if target.resolve() == source.resolve():
        raise ConfigurationError(f"{folder} has the warehouse itself: give another folder")
    aside = folder / f".{source.name}.{secrets.token_hex(4)}"
    try:
        with lock_machine(settings), open_warehouse(source) as warehouse:
            warehouse.execute("force checkpoint")  # nothing is left in a log next to the file
            shutil.copyfile(source, aside)
        finish_file(aside)
        aside.replace(target)
        sync_folder(folder)
    finally:
        aside.unlink(missing_ok=True)
    return target
