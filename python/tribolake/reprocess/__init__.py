"""Compute again what a run published, from the same bronze, and compare."""

from tribolake.reprocess.again import Reprocessed, reprocess

__all__ = ["Reprocessed", "reprocess"]
