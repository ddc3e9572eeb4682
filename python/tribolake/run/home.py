"""The home of a lake, by storage mode: where bronze is, where readers look, and who may write.

| mode | bronze | readers | warehouse |
|---|---|---|---|
| local | folder | folder | this machine |
| dual | folder | folder; a copy in the bucket, which is compared | this machine |
| s3-primary | bucket | bucket; the folder shows the same a moment later | travels with the bucket |
| s3 | bucket | bucket | travels with the bucket |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from tribolake.errors import LakeIsBusy
from tribolake.lake import Lake, open_lake
from tribolake.lake.custody import Custody, LocalCustody, lock_machine
from tribolake.publish.in_folder import FolderShelf
from tribolake.publish.shelf import Shelf
from tribolake.settings import Settings


@dataclass(frozen=True)
class Home:
    """A lake with all that a run needs to write to it."""

    settings: Settings
    lake: Lake
    shelf: Shelf
    custody: Custody
    counted: Counter[str] = field(default_factory=Counter)  # calls to the object store of this process
    before: Counter[str] = field(default_factory=Counter)  # and those of them from before
    unannounced: Mapping[str, str] = field(default_factory=dict)  # clients of whose publication nobody was told, why

    def calls(self) -> dict[str, int]:
        """Calls to the object store since the home was opened, by operation; attempts count."""
        return dict(sorted((self.counted - self.before).items()))


def bring_warehouse(settings: Settings) -> None:
    """Have the lake's warehouse on this machine, to look at; a run under way here has it already."""
    if settings.is_on_s3:
        with suppress(LakeIsBusy), lock_machine(settings):
            open_custody(settings).restore()


def open_custody(settings: Settings) -> Custody:
    """Who may write to the lake that the settings name, and where its warehouse is."""
    if not settings.is_on_s3:
        return LocalCustody()
    from tribolake.lake.shared import SharedCustody  # noqa: PLC0415 - a lake in a folder needs no S3 library
    from tribolake.lake.store import open_store  # noqa: PLC0415

    return SharedCustody(open_store(settings), settings)


def open_home(settings: Settings) -> Home:
    """The home that the settings name."""
    lake, custody = open_lake(settings), open_custody(settings)
    if not settings.uses_s3:
        return Home(settings, lake, FolderShelf(lake.root, lake.home), custody)
    from tribolake.lake.store import open_store  # noqa: PLC0415 - a lake in a folder needs no S3 library
    from tribolake.publish.in_both import DualShelf  # noqa: PLC0415
    from tribolake.publish.in_bucket import BucketShelf  # noqa: PLC0415

    store = open_store(settings)
    if not settings.is_on_s3:
        return Home(settings, lake, DualShelf(lake.root, lake.home, store), custody, store.calls, store.calls.copy())
    from tribolake.publish.announce import open_announcer  # noqa: PLC0415

    announce = open_announcer(settings, store)
    shelf = BucketShelf(store, lake.root, lake.home, custody.assert_lease_held, announce)
    return Home(settings, lake, shelf, custody, store.calls, store.calls.copy(), announce.failed)
