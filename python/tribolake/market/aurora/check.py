"""The check of `tribolake doctor`: whether Aurora can be reached, and has the schema of this release."""

from __future__ import annotations

from tribolake.libraries import brought_by
from tribolake.settings import Settings

SECONDS = 10.0  # a person waits for the answer


def check_aurora(settings: Settings) -> tuple[str, str]:
    """Return a finding.

    Raises:
        AuroraUnavailable: it cannot be reached, or has another schema; the message says what to do.
        NotInstalled: its driver is not installed.
    """
    if not settings.aurora.is_on:
        return "not used: it has no address", ""
    with brought_by("market"):
        from tribolake.market.aurora.connection import AuroraConnection  # noqa: PLC0415 - an extra
        from tribolake.market.aurora.schema import REVISIONS, require_schema  # noqa: PLC0415

        aurora = AuroraConnection(settings.changed(market_sink_seconds=min(settings.market.sink_seconds, SECONDS)))
    try:
        with aurora.transaction() as connection:
            require_schema(connection)
    finally:
        aurora.close()
    return f"{aurora.url.host or 'the database'} can be reached, and has schema version {REVISIONS[-1]}", ""
