"""Find, trace and reprocess published data by version: the current one, that of a day, or that of a run.

    from tribolake.trace import fetch
    path = fetch(OIL, settings, "classified_reports", "cda", as_of=date(2026, 1, 31))

This works on a folder and on S3. A file on S3 is fetched and checked first.
"""

from tribolake.trace.find import FoundVersion, fetch, fetch_version, find

__all__ = ["FoundVersion", "fetch", "fetch_version", "find"]
