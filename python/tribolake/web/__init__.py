"""Pages over published gold, for engineers: `tribolake serve`."""
