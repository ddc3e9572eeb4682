"""Errors whose messages say what to do."""

from __future__ import annotations


class TribolakeError(Exception):
    """A failure whose message tells the reader what to do."""


class ConfigurationError(TribolakeError):
    """The command or a setting cannot be used (exit 2)."""


class BronzeFileUnreadable(TribolakeError):
    """A laboratory file cannot be read. It becomes a failed arrival. Other files are not affected."""


class RunFailed(TribolakeError):
    """A run stopped before it published anything (exit 1)."""


class LakeIsBusy(TribolakeError):
    """Another run holds the lake's lock (exit 3)."""


class ContractBroken(TribolakeError):
    """A file breaks the published contract and is not published."""


class StoreUnavailable(TribolakeError):
    """An object store refuses or fails a call. Nothing is left half done (exit 1)."""
