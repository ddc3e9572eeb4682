"""The data products of this installation. Only commands and pages import this module."""

from __future__ import annotations

from tribolake.market.product import MARKET
from tribolake.oil.product import OIL

__all__ = ["MARKET", "OIL", "PRODUCTS"]

PRODUCTS = (OIL, MARKET)
