"""Everything that was ever computed, by version: the latest, that of a day, or that of a run.

    from tribolake.trace import fetch
    path = fetch(OIL, settings, "classified_reports", "cda", as_of=date(2026, 1, 31))

The same from a folder and from S3, where the file is fetched and checked first.
"""

from tribolake.trace.find import Found, fetch, fetch_version, find

__all__ = ["Found", "fetch", "fetch_version", "find"]
