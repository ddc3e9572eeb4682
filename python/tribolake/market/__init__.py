"""The market product: prices, indicators and features, each down to the bytes that they come from."""
