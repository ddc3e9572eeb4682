"""The oil-analysis data product: everything that knows laboratories, essays, limits and advice."""
