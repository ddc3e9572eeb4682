"""The data products of this installation. Only commands and pages import this module."""

from __future__ import annotations

from tribolake.oil.product import OIL

__all__ = ["OIL", "PRODUCTS"]

PRODUCTS = (OIL,)
