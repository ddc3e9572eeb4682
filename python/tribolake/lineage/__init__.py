"""What something was computed from, down to the versions of bronze files."""

from tribolake.lineage.chain import Lineage
from tribolake.lineage.trace import lineage_of

__all__ = ["Lineage", "lineage_of"]
