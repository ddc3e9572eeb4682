"""The home of a lake, by storage mode: bronze, the published files, and the right to write.

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
from tribolake.lake.custody import Custody, folder_custody, lock_machine
from tribolake.lake.inbox import Inbox
from tribolake.lake.shared import SharedCustody
from tribolake.lake.store import open_store
from tribolake.publish.announce import open_announcer
from tribolake.publish.in_both import DualShelf
from tribolake.publish.in_bucket import BucketShelf
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
    counted: Counter[str] = field(default_factory=Counter)  # calls of this process to the object store
    before: Counter[str] = field(default_factory=Counter)  # calls made before the home was opened
    unannounced: Mapping[str, str] = field(default_factory=dict)  # failed announcements: client, reason

    def calls(self) -> dict[str, int]:
        """Count calls to the object store since the home was opened, by operation, with repeated attempts."""
        return dict(sorted((self.counted - self.before).items()))


def bring_warehouse(settings: Settings) -> None:
    """Bring the lake's warehouse to this machine, for reading. A run in progress here has it already."""
    if settings.is_on_s3:
        with suppress(LakeIsBusy), lock_machine(settings):
            open_custody(settings).restore()


def open_custody(settings: Settings) -> Custody:
    """Return the custody of the lake: the right to write, and the place of its warehouse."""
    if not settings.is_on_s3:
        return folder_custody(settings)
    return SharedCustody(open_store(settings), settings)


def open_home(settings: Settings, inbox: Inbox | None = None) -> Home:
    """Open the home that the settings name, for a product whose files arrive in `inbox`."""
    lake, custody = open_lake(settings, inbox), open_custody(settings)
    if not settings.uses_s3:
        return Home(settings, lake, FolderShelf(lake.root, lake.home, custody.assert_lease_held), custody)
    store = open_store(settings)
    if not settings.is_on_s3:
        both = DualShelf(lake.root, lake.home, custody.assert_lease_held, store=store)
        return Home(settings, lake, both, custody, store.calls, store.calls.copy())
    announce = open_announcer(settings, store)
    shelf = BucketShelf(store, lake.root, lake.home, custody.assert_lease_held, announce)
    return Home(settings, lake, shelf, custody, store.calls, store.calls.copy(), announce.failed)
