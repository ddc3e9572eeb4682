"""One request: a lake that stands still, its reader, a language and a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from tribolake.errors import StoreUnavailable
from tribolake.oil.product import OIL
from tribolake.publish.version import CHANGES_FILE
from tribolake.settings import Settings
from tribolake.trace.manifests import Publication, current_publications, gold_manifest_key, published_clients
from tribolake.trace.pinned import PinnedObjects
from tribolake.trace.published_rows import files_of_tables
from tribolake.trace.shown import pin_shown
from tribolake.web.access import Reader
from tribolake.web.addresses import Addresses
from tribolake.web.desk import DeskVisit
from tribolake.web.words import Words, words_in

READ_FILES = (*files_of_tables(OIL.contract).values(), CHANGES_FILE)  # of a publication


@dataclass(frozen=True)
class Visit:
    """A request. Everything it reads is of the publications that were current when it began.

    Pages know the clients from here alone: those that the reader may not see are not there.
    """

    settings: Settings
    reader: Reader
    published: PinnedObjects
    words: Words
    addresses: Addresses
    now: datetime
    at_desk: DeskVisit | None = None  # None where a page shows no feedback

    @property
    def today(self) -> date:
        return self.now.date()

    @cached_property
    def clients_with_gold(self) -> list[str]:
        """The clients that the reader sees. Somebody may have removed the manifest of one."""
        return [client for client in published_clients(self.published) if self.reader.sees(client)]

    @cached_property
    def publications(self) -> tuple[Publication, ...]:
        """The current publication of each client that the reader sees, but of those whose manifest is damaged."""
        return tuple(one for one in current_publications(self.published) if self.reader.sees(one.client))

    @cached_property
    def shown_last(self) -> list[str]:
        """Those of the clients whose manifest is damaged, and of which pages show the publication before."""
        return [one.client for one in self.publications if self._manifest_key(one.client) in self.published.last_good]

    @cached_property
    def unread(self) -> list[str]:
        """The clients that the reader sees, whose manifest is damaged, and of which nothing can be shown."""
        others = (client for client in self.clients_with_gold if client not in self.clients)
        return [client for client in others if self.published.read(self._manifest_key(client)) is not None]

    def _manifest_key(self, client: str) -> str:
        return gold_manifest_key(self.published, client)

    def require_lake(self) -> None:
        """Check that the lake is there, for what pages of before cannot do.

        Raises:
            StoreUnavailable: it cannot be reached.
        """
        if self.published.is_cut_off:
            raise StoreUnavailable(f"{self.settings.address} cannot be reached. Pages show what they read of it last")

    @property
    def clients(self) -> list[str]:
        return [one.client for one in self.publications]


def begin_visit(
    settings: Settings, reader: Reader, language: str | None, now: datetime, at_desk: DeskVisit | None = None
) -> Visit:
    """Begin a request. `language` of None is that of the settings.

    Raises:
        StoreUnavailable: the lake cannot be reached, and nothing was shown yet.
    """
    words = words_in(language or settings.language)
    own = language if language != settings.language else None
    return Visit(settings, reader, pin_shown(settings, READ_FILES), words, Addresses(own), now, at_desk)


def foot_of(visit: Visit, only: str | None = None) -> tuple[str, ...]:
    """Return what a page says at its end: the publication of each client, or of one."""
    return tuple(
        visit.words(
            "footer.published",
            client=one.client.upper(),
            moment=visit.words.moment(one.began_at.isoformat()),
            run=one.run_id,
        )
        for one in visit.publications
        if only in (None, one.client)
    )
