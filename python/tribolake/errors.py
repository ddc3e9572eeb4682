"""Errors that carry what to do."""

from __future__ import annotations


class TribolakeError(Exception):
    """A failure whose message tells the reader what to do."""


class ConfigurationError(TribolakeError):
    """The command or a setting cannot be used (exit 2)."""


class BronzeFileUnreadable(TribolakeError):
    """A laboratory file cannot be read; the file becomes a failed arrival and the others go on."""


class RunFailed(TribolakeError):
    """A run stopped before it published anything (exit 1)."""


class LakeIsBusy(TribolakeError):
    """Another run holds the lake's lock (exit 3)."""


class ContractBroken(TribolakeError):
    """A file that was about to be published does not keep the published contract."""


class StoreUnavailable(TribolakeError):
    """An object store does not do what it is asked for; nothing is half done (exit 1)."""
