"""What readers of the market product see, and whether its runs go well. It opens no warehouse."""

from __future__ import annotations

from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.lake import open_lake
from tribolake.lake.ledger import note_missing_files, unseen_files
from tribolake.market.keys import raw_inbox
from tribolake.run.attempt import ledger_of, read_attempt, read_status
from tribolake.settings import Settings

SHOWN = ("run_id", "begun_at", "ended_at", "exit_code", "problem", "failing_since")


def market_status(settings: Settings) -> dict[str, Any]:
    """Return the tickers that the last run knew, what waits for the next one, what failed, and what is gone.

    Args:
        settings: of the product.

    Raises:
        ConfigurationError: no run has ended yet.
    """
    known, attempt = read_status(settings), read_attempt(settings)
    if not known:
        raise ConfigurationError(f"{settings.address} has no run of the market product yet: `tribolake market run`")
    inbox, ledger = raw_inbox(settings), ledger_of(known)
    listing = open_lake(settings, inbox).look(whole=True)
    note_missing_files(listing, ledger, settings, inbox)
    waiting = [file.key for file in unseen_files(listing, ledger)]
    used = {key for _, key, *_, status in known["ledger"] if status == "loaded"}
    return {
        "tickers": known["tickers"],
        "waiting": waiting,
        "held_tickers": known.get("held_tickers", []),
        "findings": known.get("findings", []),
        "failed_files": known["failed_files"],
        "rejected": [one for one in known["rejected"] if one["needs_a_look"]],
        "current_version": next((one["computation_version"] for one in known.get("current_version", [])), None),
        "deliveries": known.get("deliveries", []),
        "last_attempt": {name: attempt.get(name) for name in SHOWN},
        "held_back": attempt.get("held_back", {}),
        "unread_folders": listing.unread_folders,
        # Of an unread folder nobody knows.
        "gone": [] if listing.unread_folders else sorted(used - {file.key for file in listing.files}),
    }
