"""The data products of this installation. Only commands and pages import this module."""

from __future__ import annotations

from tribolake.errors import ConfigurationError
from tribolake.market.product import MARKET
from tribolake.oil.product import OIL
from tribolake.product import Product

__all__ = ["MARKET", "OIL", "PRODUCTS", "product_called"]

PRODUCTS = (OIL, MARKET)


def product_called(name: str) -> Product:
    """Return the product with a name.

    Raises:
        ConfigurationError: none has it.
    """
    for product in PRODUCTS:
        if product.name == name:
            return product
    raise ConfigurationError(f"{name!a} is not a data product: {', '.join(product.name for product in PRODUCTS)}")
